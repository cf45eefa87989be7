// How sentinels that know nothing of each other become one Raft group, exactly once.
//
// Intuition: everybody says aloud whom they see, and calls for a group when those are enough. When all whom a call names make
// the very same call, that list is the group. A sentinel joins one group in its life, so two groups cannot share a member; and a
// group is only able to commit anything once a majority of its members has joined it.
//
// How many are enough. N is what the operator expects, else 2 × quorum − 1.
//  - N of them: they call at once, for a group of just those who see each other.
//  - Fewer, but more than half of N and of all who were heard of lately: they call after PATIENCE_MS, for a group of as many as
//    there should be. The seats of the missing are held by placeholders, which never vote and which the first leader takes out,
//    one at a time. So nobody waits for one that is gone, and yet no two halves form: with no more than N sentinels about, any
//    group that exists has been joined by more than half of N, and two such groups would share a member. That needs no
//    clock and no assumption on delays.
//  - Whoever hears of a group calls for none until the transport had time to prove that one, and none at all beside a member of it:
//    that is asked to let him in.
//  - A quorum of 1 says nothing about how many there are, so N = 1 counts as "fewer" unless the operator expects 1.
//
// With more than N about, who joins with whom is a matter of time. A call is sticky (VIEW_HOLD_MS), and what another announced
// counts only while it is fresh (VIEW_FRESH_MS, much shorter). Without that, four sentinels starting together with N = 3 could
// found {1,2,3} and {2,3,4}. Between two different calls a sentinel makes none for a while (VIEW_GAP_MS, longer than FRESH): whoever
// founds on the first has done so by then, and says so, before the second is heard of.
//
// Arrival proves nothing about freshness: a message may have waited anywhere. Each announcement therefore tells what its author
// had heard of the receiver, and counts as being as old as that. One that did not run is besides quiet for as long as a call
// may be held; so is one that starts again without a group: it does not know what it announced before.
//
// Not excluded, with more than N sentinels about: one that hears some of the others and for HOLD + GAP nothing at all of those
// that founded with it. An operator who wants certainty sets `expect` to their number.
//
// Rejected: a coordinator (the lowest ID decides). It may be the one that is just crashing, and the others would wait.
import { FOUNDERS_MAX } from '../lib/limits.ts'
import { asId, asList } from './fields.ts'

/** A Raft group as it was founded. Later members are in Raft's membership, not here. */
export interface FormedGroup {
  /** Hash of the founding members: 16 hex digits. Self-certifying, see groupOf. */
  readonly id: string
  /** Peer IDs of the founders, sorted. */
  readonly members: readonly string[]
}

/** How long a call stays the only one that its author makes. */
export const VIEW_HOLD_MS = 2_000
/** How old the announcement of another may be to count. */
export const VIEW_FRESH_MS = 500
/** How long no call is made between two different ones. */
const VIEW_GAP_MS = 1_000
/** How long a group that somebody tells of may take to prove that it is one. */
export const PROOF_MS = 3_000
/** How long a majority waits for the rest before it calls without them. */
export const PATIENCE_MS = 3_000

/** Holds the seat of a sentinel that is missing at the foundation; sorted behind every real ID. */
const PLACEHOLDER = '~missing-'
export const isPlaceholder = (member: string): boolean => member.startsWith(PLACEHOLDER)

/** The group with these founders. The order of `peers` and duplicates do not matter. */
export function groupOf(peers: Iterable<string>): FormedGroup {
  const members = [...new Set(peers)].sort()
  return { id: hashOf(members.join(' ')), members }
}

/** A group out of decoded JSON; undefined unless its ID is the hash of its members. */
export function toGroup(value: unknown): FormedGroup | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { id, members } = value as Record<string, unknown>
  const list = asList(members, FOUNDERS_MAX, asId)
  if (list === undefined || list.length === 0) return undefined
  const group = groupOf(list)
  return group.id === id && group.members.length === list.length ? group : undefined
}

/** How many sentinels there are to be: what the operator expects, else enough that `quorum` of them are a majority. */
export const foundersNeeded = (quorums: Iterable<number>, expect: number | undefined): number =>
  Math.min(FOUNDERS_MAX, expect ?? Math.max(1, ...[...quorums].map((quorum) => 2 * quorum - 1)))

/** What a sentinel says while it has no group. */
export interface Call {
  /** Whom it sees, itself included, sorted. */
  readonly view: readonly string[]
  /** It calls for a group of so many, of whom these are the first; 0: it only says whom it sees. */
  readonly of: number
}

/** How many it takes. */
export interface Need {
  /** N, above. */
  readonly founders: number
  /** Whether the operator named N. */
  readonly expected: boolean
  /** Sentinels heard of lately in any way, this one included. */
  readonly known: number
  /** A server tells this sentinel of others, if there are any: only then is being alone a finding. */
  readonly listening: boolean
  /** Somebody says that there is a group: without proof it is none to join, but none is founded beside it by fewer than N. */
  readonly groupNear: boolean
  /** Since when that is so. */
  readonly groupHeardMs: number | undefined
  /** A peer belongs to a group, as the transport has proven: it is asked to be let in. */
  readonly memberHeard: boolean
}

/** What another sentinel announced last. */
export interface Announced extends Call {
  /** When it came. */
  readonly heardMs: number
  /** It is no older than this. */
  readonly asOfMs: number
}

/** The forming state of one ungrouped sentinel. */
export interface Formation {
  readonly self: string
  /** What each other ungrouped sentinel announced, by peer ID. */
  readonly announced: Map<string, Announced>
  /** The call made last, and until when no other may be. */
  held: (Call & { readonly untilMs: number }) | undefined
  /** Until then it announces nobody but itself, and founds nothing with others. */
  quietUntilMs: number
  /** Since when it sees more than half. */
  majoritySinceMs: number | undefined
}

export const createFormation = (self: string): Formation => ({
  self,
  announced: new Map(),
  held: undefined,
  quietUntilMs: Number.NEGATIVE_INFINITY,
  majoritySinceMs: undefined,
})

/** This sentinel did not run for a while, or restarted: what it hears may be old, and it does not know what it said. */
export function startAnew(formation: Formation, nowMs: number): void {
  formation.announced.clear()
  formation.held = undefined
  formation.majoritySinceMs = undefined
  formation.quietUntilMs = nowMs + VIEW_HOLD_MS
}

/** Notes what another ungrouped sentinel announced. `asOfMs`: when that was said at the earliest. */
export function hear(formation: Formation, peer: string, { view, of }: Call, nowMs: number, asOfMs: number): void {
  if (peer === formation.self) return
  const { announced } = formation
  if (!announced.has(peer) && announced.size >= FOUNDERS_MAX) {
    for (const [other, { heardMs }] of announced) if (nowMs - heardMs > VIEW_HOLD_MS) announced.delete(other)
    if (announced.size >= FOUNDERS_MAX) return
  }
  announced.set(peer, { view, of, heardMs: nowMs, asOfMs })
}

/** What to announce now: the call that is still held; or those heard lately and oneself, sorted; or only oneself. */
export function callOf(formation: Formation, need: Need, nowMs: number): Call {
  const { held, announced, self } = formation
  // Another, who hears nothing of that group, could found a second one on a call.
  if (need.memberHeard) return noCall(formation, nowMs)
  if (held !== undefined && nowMs < held.untilMs) return held
  if (nowMs < formation.quietUntilMs) return { view: [self], of: 0 }
  const seen = [...announced].filter(([, { heardMs }]) => nowMs - heardMs <= VIEW_HOLD_MS).map(([peer]) => peer)
  const view = [...seen, self].sort().slice(0, FOUNDERS_MAX)
  const of = sizeCalledFor(formation, view, need, nowMs)
  if (held !== undefined && !(held.of === of && isSame(held.view, view))) return noCall(formation, nowMs)
  formation.held = of > 0 ? { view, of, untilMs: nowMs + VIEW_HOLD_MS } : undefined
  return { view, of }
}

/** A call that was made is not made any more, and none for a while. */
function noCall(formation: Formation, nowMs: number): Call {
  if (formation.held !== undefined) formation.quietUntilMs = nowMs + VIEW_GAP_MS
  formation.held = undefined
  return { view: [formation.self], of: 0 }
}

function sizeCalledFor(formation: Formation, view: readonly string[], need: Need, nowMs: number): number {
  const certain = need.expected || need.founders > 1
  if (need.groupHeardMs !== undefined && nowMs - need.groupHeardMs < PROOF_MS) return 0
  if (certain && view.length >= need.founders) return view.length
  const size = Math.min(FOUNDERS_MAX, Math.max(need.founders, need.known))
  if (need.groupNear || view.length * 2 <= size || (view.length === 1 && !need.listening)) {
    formation.majoritySinceMs = undefined
    return 0
  }
  formation.majoritySinceMs ??= nowMs
  const waited = nowMs - formation.majoritySinceMs >= PATIENCE_MS
  return waited || isCalledFor(formation, { view, of: size }, nowMs) ? size : 0
}

/** Somebody has waited long enough already. */
const isCalledFor = ({ announced }: Formation, call: Call, nowMs: number): boolean =>
  [...announced.values()].some((one) => isCall(one, call, nowMs))

/** The group to found: when each of those who are called makes the same call just now. */
export function decideGroup(formation: Formation, need: Need, nowMs: number): FormedGroup | undefined {
  const call = callOf(formation, need, nowMs)
  if (call.of === 0 || !call.view.includes(formation.self)) return undefined
  const agreed = call.view.every((peer) => peer === formation.self || callsNow(formation, peer, call, nowMs))
  if (!agreed) return undefined
  const missing = Array.from({ length: call.of - call.view.length }, (_, i) => `${PLACEHOLDER}${i + 1}`)
  return groupOf([...call.view, ...missing])
}

function callsNow({ announced }: Formation, peer: string, call: Call, nowMs: number): boolean {
  const last = announced.get(peer)
  return last !== undefined && isCall(last, call, nowMs)
}

const isCall = (last: Announced, { view, of }: Call, nowMs: number): boolean =>
  nowMs - last.asOfMs <= VIEW_FRESH_MS && last.of === of && isSame(last.view, view)

const isSame = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((member, i) => member === b[i])

/** 64-bit FNV-1a as 16 hex digits. It tells groups apart by accident, not against an attacker; gossip keys do that. */
function hashOf(text: string): string {
  let hash = 0xcbf29ce484222325n
  for (let i = 0; i < text.length; i++)
    hash = ((hash ^ BigInt(text.charCodeAt(i))) * 0x100000001b3n) & 0xffffffffffffffffn
  return hash.toString(16).padStart(16, '0')
}
