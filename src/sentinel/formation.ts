// How sentinels that know nothing of each other become one Raft group, exactly once.
//
// Intuition: everybody says aloud whom they see. When enough of them say the very same list, that list is the group.
// A sentinel joins one group in its life, so two groups cannot share a member; and a group is only able to commit
// anything once a majority of its members have joined it.
//
// The full view that a sentinel announces is sticky (VIEW_HOLD_MS), and what others announced counts only while it is fresh
// (VIEW_FRESH_MS, much shorter). Without that, four sentinels starting together with N = 3 could found {1,2,3} and {2,3,4}.
// Between two different full views a sentinel announces none for a while (VIEW_GAP_MS, longer than FRESH and what may
// delay a hello unnoticed): whoever founds on the first has done so by then, and says so, before the second is heard of.
//
// Arrival proves freshness only to a sentinel that listened all the while. One that did not run reads hellos that waited for
// it, of views that nobody holds any more: it forgets all it heard, and is quiet for as long as a view may be held. So is
// one that starts again without a group: it does not know what it announced before.
//
// Not excluded, with more than N sentinels about: one that hears some of the others and for HOLD + GAP nothing at all of those
// that founded with it. All speak through the same servers; an operator who wants certainty sets `expect` to their number.
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

/** How long an announced full view stays the only one that its author announces. */
export const VIEW_HOLD_MS = 2_000
/** How old the announcement of another may be to count. */
export const VIEW_FRESH_MS = 500
/** How long no full view is announced between two different ones. */
const VIEW_GAP_MS = 1_000

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

/** How many sentinels found a group: what the operator expects, else enough that `quorum` of them are a majority. */
export const foundersNeeded = (quorums: Iterable<number>, expect: number | undefined): number =>
  Math.min(FOUNDERS_MAX, expect ?? Math.max(1, ...[...quorums].map((quorum) => 2 * quorum - 1)))

/** What another sentinel announced last. */
export interface Announced {
  readonly view: readonly string[]
  readonly heardMs: number
}

/** The forming state of one ungrouped sentinel. */
export interface Formation {
  readonly self: string
  /** What each other ungrouped sentinel announced, by peer ID. */
  readonly announced: Map<string, Announced>
  /** The full view announced last, and until when no other may be. */
  held: { readonly view: readonly string[]; readonly untilMs: number } | undefined
  /** Until then it announces nobody but itself, and founds nothing with others. */
  quietUntilMs: number
}

export const createFormation = (self: string): Formation => ({
  self,
  announced: new Map(),
  held: undefined,
  quietUntilMs: Number.NEGATIVE_INFINITY,
})

/** This sentinel did not run for a while, or restarted: what it hears may be old, and it does not know what it said. */
export function startAnew(formation: Formation, nowMs: number): void {
  formation.announced.clear()
  formation.held = undefined
  formation.quietUntilMs = nowMs + VIEW_HOLD_MS
}

/** Notes what another ungrouped sentinel announced. */
export function hear(formation: Formation, peer: string, view: readonly string[], nowMs: number): void {
  if (peer === formation.self) return
  if (!formation.announced.has(peer) && formation.announced.size >= FOUNDERS_MAX) return
  formation.announced.set(peer, { view, heardMs: nowMs })
}

/** The view to announce now: those heard lately and oneself, sorted; or the full view that is still held; or only oneself. */
export function viewOf(formation: Formation, needed: number, nowMs: number): readonly string[] {
  const { held, announced, self } = formation
  if (held !== undefined && nowMs < held.untilMs) return held.view
  if (nowMs < formation.quietUntilMs) return [self]
  const seen = [...announced].filter(([, { heardMs }]) => nowMs - heardMs <= VIEW_HOLD_MS).map(([peer]) => peer)
  const view = [...seen, self].sort().slice(0, FOUNDERS_MAX)
  if (held !== undefined && !isSame(held.view, view)) {
    formation.held = undefined
    formation.quietUntilMs = nowMs + VIEW_GAP_MS
    return [self]
  }
  formation.held = view.length >= needed ? { view, untilMs: nowMs + VIEW_HOLD_MS } : undefined
  return view
}

/** The group to found: when the view is full and each member announced the same one just now. */
export function decideGroup(formation: Formation, needed: number, nowMs: number): FormedGroup | undefined {
  const view = viewOf(formation, needed, nowMs)
  if (view.length < needed || !view.includes(formation.self)) return undefined
  const agreed = view.every((peer) => peer === formation.self || announcesNow(formation, peer, view, nowMs))
  return agreed ? groupOf(view) : undefined
}

function announcesNow(formation: Formation, peer: string, view: readonly string[], nowMs: number): boolean {
  const last = formation.announced.get(peer)
  if (last === undefined || nowMs - last.heardMs > VIEW_FRESH_MS) return false
  return isSame(last.view, view)
}

const isSame = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((member, i) => member === b[i])

/** 64-bit FNV-1a as 16 hex digits. It tells groups apart by accident, not against an attacker; gossip keys do that. */
function hashOf(text: string): string {
  let hash = 0xcbf29ce484222325n
  for (let i = 0; i < text.length; i++)
    hash = ((hash ^ BigInt(text.charCodeAt(i))) * 0x100000001b3n) & 0xffffffffffffffffn
  return hash.toString(16).padStart(16, '0')
}
