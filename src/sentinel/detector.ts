// The failure detector: what one sentinel thinks of one server. Evidence comes in with `signal`, the verdict goes out with
// `verdict`; time comes in as an argument, nothing else is known.
//
// The intuition. There are three ways of not answering, and they deserve different patience:
//
//  - *Dead.* The established connection broke, and a fresh attempt is refused. The kernel of that machine is alive and
//    says that nobody listens there. Waiting cannot make this more certain, so the verdict is immediate. Either half
//    alone is no proof: a server closes connections for many reasons (CLIENT KILL does it in every failover), and a
//    refusal alone is what a server that has not started yet looks like.
//  - *Silent.* It accepts, or swallows, what is sent and answers nothing: frozen, overloaded, or behind a cut wire. That
//    may pass, and only the operator knows how long to bear it: down-after-milliseconds, counted from the oldest
//    question that has had no answer.
//  - *Cut off.* Silent towards us, but a replica heard it after it fell silent. Then the fault is ours, and so is the verdict.
//    An idle primary says something to its replicas every ten seconds only, so what a replica heard counts for as long, if
//    its link stands all the while.
//
// An error such as LOADING or MASTERDOWN is an answer: the process lives and will be back sooner than a failover. BUSY is
// none: the script that causes it may never end. Nor is MISCONF, as for Redis Sentinel: who cannot save takes no writes. Whoever
// answers so is not cut off from us, whatever its replicas hear: it is down until it answers otherwise.
//
// A sentinel that itself did not run (SIGSTOP, a long pause of the event loop) has heard nothing because it did not
// listen. Time that it slept through is not held against anyone, and until it has listened again, for a part of that time,
// it abstains. A refusal must be a fresh one, but then it is proof at once: one that sleeps most of the time can give it too.
//
// Rejected: a phi-accrual detector, which learns the rhythm of answers and turns silence into a probability. With a ping
// every 100 ms a crash is told from the reset within a millisecond, and no statistics tell a frozen process from a slow
// one earlier than an operator's own limit does; what it adds is a threshold that nobody can explain at three o'clock.
import type { Verdict } from './peer-message.ts'

export type Evidence =
  /** A fresh connection was accepted: somebody listens. */
  | { readonly type: 'connected' }
  /** The established connection broke. */
  | { readonly type: 'lost' }
  /** A fresh connection was refused. */
  | { readonly type: 'refused' }
  /** A fresh connection ended in nothing: time-out, no route, a failed login. */
  | { readonly type: 'unreachable' }
  /** An answer came that is none of a server in working order. */
  | { readonly type: 'answered-badly'; readonly text: string }
  /** A question was sent. */
  | { readonly type: 'asked' }
  /** A valid answer came. */
  | { readonly type: 'answered' }
  /** INFO told its role. `expected` is what the topology says. */
  | { readonly type: 'role'; readonly asExpected: boolean }
  /** A replica, whose link to it stands, heard it at this time at the earliest. */
  | { readonly type: 'heard-by-replica'; readonly replica: string; readonly atMs: number }
  /** The link of that replica is down. */
  | { readonly type: 'lost-by-replica'; readonly replica: string }
  /** This sentinel did not run for so long. */
  | { readonly type: 'stalled'; readonly forMs: number }

/** State of one detector. Only signal() changes it. */
export interface Detector {
  /** When the oldest question without an answer was sent, or contact was lost; undefined while all is answered. */
  waitingSinceMs: number | undefined
  /** The connection broke and no fresh one has been accepted since. */
  broken: boolean
  /** Broken, and a fresh attempt was refused. */
  dead: boolean
  /** Since when it reports another role than expected. */
  wrongRoleSinceMs: number | undefined
  /** When each replica, by its name, heard it last. */
  readonly heardMs: Map<string, number>
  /** The last answer, if it was a bad one. */
  badAnswer: string | undefined
  abstainUntilMs: number
}

/** How long a sentinel that did not run holds back its verdicts: a part of the time that it missed, and at most so long. */
export const ABSTAIN_MS = 250
const ABSTAIN_SHARE = 8
/** What a replica heard says that the primary lives until it should have heard it again (repl-ping-replica-period, and rounding). */
const HEARD_MS = 12_000
/** A primary that reports to be a replica is down after down-after plus this (two INFO periods of Redis Sentinel). */
const WRONG_ROLE_GRACE_MS = 20_000

export const createDetector = (nowMs: number): Detector => ({
  waitingSinceMs: nowMs,
  broken: false,
  dead: false,
  wrongRoleSinceMs: undefined,
  heardMs: new Map(),
  badAnswer: undefined,
  abstainUntilMs: Number.NEGATIVE_INFINITY,
})

/** Takes a piece of evidence. */
export function signal(detector: Detector, nowMs: number, evidence: Evidence): void {
  switch (evidence.type) {
    case 'connected':
      detector.broken = false
      detector.dead = false
      return
    case 'lost':
      detector.broken = true
      detector.badAnswer = undefined
      detector.waitingSinceMs ??= nowMs
      return
    case 'refused':
      detector.dead ||= detector.broken
      detector.waitingSinceMs ??= nowMs
      return
    case 'unreachable':
    case 'asked':
      detector.waitingSinceMs ??= nowMs
      return
    case 'answered':
      detector.waitingSinceMs = undefined
      detector.badAnswer = undefined
      return
    case 'answered-badly':
      detector.waitingSinceMs ??= nowMs
      detector.badAnswer = evidence.text
      return
    case 'role':
      detector.wrongRoleSinceMs = evidence.asExpected ? undefined : (detector.wrongRoleSinceMs ?? nowMs)
      return
    case 'heard-by-replica':
      detector.heardMs.set(evidence.replica, evidence.atMs)
      return
    case 'lost-by-replica':
      detector.heardMs.delete(evidence.replica)
      return
    case 'stalled':
      if (detector.waitingSinceMs !== undefined) detector.waitingSinceMs += evidence.forMs
      if (detector.wrongRoleSinceMs !== undefined) detector.wrongRoleSinceMs += evidence.forMs
      detector.abstainUntilMs = nowMs + Math.min(ABSTAIN_MS, evidence.forMs / ABSTAIN_SHARE)
      detector.dead = false
  }
}

/** A verdict and one clause that says why. */
export interface Judgement {
  readonly verdict: Verdict
  readonly why: string
}

const UP: Judgement = { verdict: 'up', why: 'it answers' }

/** What this sentinel thinks at `nowMs`, if it bears `downAfterMs` of silence. */
export function verdict(detector: Detector, nowMs: number, downAfterMs: number): Judgement {
  const { waitingSinceMs, heardMs, badAnswer, wrongRoleSinceMs } = detector
  if (detector.dead) return { verdict: 'dead', why: 'its connection broke and a new one is refused' }
  if (nowMs < detector.abstainUntilMs) return { verdict: 'abstain', why: 'this sentinel itself did not run just now' }
  const silentMs = waitingSinceMs === undefined ? 0 : nowMs - waitingSinceMs
  if (waitingSinceMs !== undefined && silentMs > downAfterMs) {
    const why = `no valid answer for ${Math.round(silentMs)} ms`
    if (badAnswer !== undefined) return { verdict: 'silent', why: `${why}: it says ${badAnswer}` }
    const heard = [...heardMs.values()].some((atMs) => atMs > waitingSinceMs && nowMs - atMs <= HEARD_MS)
    return heard ? { verdict: 'cut-off', why: `${why}, but a replica still hears it` } : { verdict: 'silent', why }
  }
  if (wrongRoleSinceMs !== undefined && nowMs - wrongRoleSinceMs > downAfterMs + WRONG_ROLE_GRACE_MS)
    return { verdict: 'silent', why: `it has reported to be a replica for ${Math.round(nowMs - wrongRoleSinceMs)} ms` }
  return UP
}

/** Dead or silent: what counts as down. */
export const isDown = (v: Verdict): boolean => v === 'dead' || v === 'silent'
