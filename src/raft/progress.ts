// What a leader knows of one follower's log, and how freely it may send. Three moods:
//
//   probe      where the logs meet is not known: one append at a time, until one is accepted
//   replicate  they met: entries are streamed ahead of the answers, up to a window of messages
//   snapshot   the entries it lacks are gone: wait until a snapshot has arrived
//
// A leaf. Invariant: match < next; match never falls within a term; at most `maxInflight` appends are unanswered.
import { assert } from '../lib/assert.ts'
import type { Snapshot } from './messages.ts'

/** A snapshot on its way to a follower. */
export interface Sending {
  readonly snapshot: Snapshot
  /** Bytes of its data that have arrived. */
  offset: number
}

export interface Progress {
  /** Highest index known to be equal in both logs. */
  match: number
  /** Index of the next entry to send. */
  next: number
  state: 'probe' | 'replicate' | 'snapshot'
  /** In probe: an append is under way, so wait for its answer (or for a heartbeat's, in case it was lost). */
  probing: boolean
  /** Last index of each unanswered append, ascending. */
  inflight: number[]
  /** In snapshot: the one that is sent and how much of it has arrived; and when its last part was sent. */
  sending: Sending | undefined
  snapshotSentMs: number
  /** Highest commit index told to it. A lost message is made good by the next heartbeat. */
  sentCommit: number
  /** It answered a heartbeat while entries were unconfirmed: ask with an append whether something was lost. */
  nudge: boolean
  /** When the latest message that it has answered was sent, on the leader's clock. */
  contactMs: number
  /** It votes for nobody else until then, on the leader's clock and with what clocks may drift taken off. */
  favourUntilMs: number
  /** The highest feature level that it says it can apply; 0: it has not said. */
  levelMax: number
}

/** A follower of which nothing is known but the guess that its log ends where `next` begins. */
export function newProgress(next: number): Progress {
  return {
    match: 0,
    next,
    state: 'probe',
    probing: false,
    inflight: [],
    sending: undefined,
    snapshotSentMs: -Infinity,
    sentCommit: 0,
    nudge: false,
    contactMs: -Infinity,
    favourUntilMs: -Infinity,
    levelMax: 0,
  }
}

/** Whether an append (with entries) may be sent now. */
export function maySend(progress: Progress, maxInflight: number): boolean {
  if (progress.state === 'snapshot') return false
  return progress.state === 'probe' ? !progress.probing : progress.inflight.length < maxInflight
}

/** Records an append whose last entry (or predecessor, when empty) is `lastIndex`. */
export function sentAppend(progress: Progress, lastIndex: number, count: number, commit: number): void {
  progress.nudge = false
  progress.sentCommit = Math.max(progress.sentCommit, commit)
  if (progress.state === 'probe') progress.probing = true
  if (progress.state !== 'replicate' || count === 0) return
  progress.inflight.push(lastIndex)
  progress.next = lastIndex + 1
}

export function sentSnapshot(progress: Progress, sending: Sending, nowMs: number): void {
  progress.state = 'snapshot'
  progress.sending = sending
  progress.snapshotSentMs = nowMs
  progress.inflight = []
}

/** Its log equals the leader's up to `index`. `baseIndex` is the last index that the leader's log no longer holds. */
export function accepted(progress: Progress, index: number, baseIndex: number): void {
  progress.match = Math.max(progress.match, index)
  progress.inflight = progress.inflight.filter((last) => last > progress.match)
  progress.next = Math.max(progress.next, progress.match + 1)
  progress.probing = false
  const snapshotIndex = progress.sending?.snapshot.index ?? 0
  if (progress.state === 'snapshot' && progress.match < Math.min(snapshotIndex, baseIndex)) return
  progress.sending = undefined
  if (progress.state !== 'replicate') {
    progress.state = 'replicate'
    progress.next = progress.match + 1
    progress.inflight = []
  }
  assert(progress.match < progress.next, 'progress: match must stay below next')
}

/**
 * It has no entry equal to the leader's at `tried`. `retry` is where the logs may meet at the latest. An answer that
 * came late, to a question no longer asked, changes nothing.
 */
export function rejected(progress: Progress, tried: number, retry: number): void {
  if (progress.state === 'snapshot' || tried <= progress.match) return
  if (progress.state === 'probe' && tried !== progress.next - 1) return
  progress.state = 'probe'
  progress.probing = false
  progress.inflight = []
  progress.next = Math.max(Math.min(tried, retry + 1), progress.match + 1)
}

/** It answered a heartbeat: it lives, so a lost probe or append must not hold it back for ever. */
export function answeredHeartbeat(progress: Progress, lastIndex: number): void {
  progress.probing = false
  if (progress.state === 'replicate' && progress.match < lastIndex) progress.nudge = true
}

/**
 * It answered something sent at `sentMs` (an echo, so it is not trusted beyond the present), which asked for its favour for
 * `favourMs`. False: something sent later was answered before.
 */
export function contacted(progress: Progress, sentMs: number, favourMs: number, nowMs: number): boolean {
  const atMs = Math.min(sentMs, nowMs)
  progress.favourUntilMs = Math.max(progress.favourUntilMs, atMs + favourMs)
  if (atMs <= progress.contactMs) return false
  progress.contactMs = atMs
  return true
}
