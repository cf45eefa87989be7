// The replicated log of one node: a snapshot, the entries after it, and how far they are durable, committed, applied.
//
//      snapshot ──────────────┐
//      base (compacted) ──┐   │       entries in memory
//                         ▼   ▼
//      1 … … … … … … … … [b]  b+1 … … applied … … committed … … last
//                                                   persisted ≤ last
//
// Invariants: base ≤ snapshot ≤ committed ≤ last, applied ≤ committed, persisted ≤ last; snapshot ≤ applied, but while the
// caller has still to install a received snapshot. Entries are consecutive and their terms never fall; nothing at or below
// `committed` ever changes. The membership in force is that of the last config entry in the log, committed or not (§4.1),
// so truncating the log also takes memberships back.
import { assert } from '../lib/assert.ts'
import { decodeLevel, decodeMembership } from './codec.ts'
import { FIRST_LEVEL } from './machine.ts'
import { NO_MEMBERS } from './membership.ts'
import type { Entry, Membership, Snapshot } from './messages.ts'

/** A position in the log. */
export interface Position {
  readonly index: number
  readonly term: number
}

export interface RaftLog {
  /** The newest snapshot of the state machine; index 0 for the bootstrap configuration. */
  snapshot: Snapshot
  /** The last entry that is no longer held in memory. */
  base: Position
  /** Entries base.index + 1 … last. */
  entries: Entry[]
  persisted: number
  committed: number
  applied: number
  /** Memberships by the index at which they took force, ascending; the first one is at or below the snapshot. */
  memberships: { readonly index: number; readonly membership: Membership }[]
  /** Feature levels in the same way. */
  levels: { readonly index: number; readonly level: number }[]
  /** A snapshot from the leader that the caller has not yet been given. */
  install: Snapshot | undefined
}

const EMPTY_SNAPSHOT: Snapshot = {
  index: 0,
  term: 0,
  membership: NO_MEMBERS,
  level: FIRST_LEVEL,
  data: new Uint8Array(0),
}

/**
 * The log as found on disk. Stored entries that do not continue the snapshot belong to a history which the snapshot
 * has replaced (the crash came between storing the one and deleting the other): they are dropped.
 */
export function restoreLog(snapshot: Snapshot = EMPTY_SNAPSHOT, stored: readonly Entry[] = []): RaftLog {
  const first = stored[0]?.index ?? snapshot.index + 1
  const atSnapshot = stored[snapshot.index - first]
  const continues = first === snapshot.index + 1 || atSnapshot?.term === snapshot.term
  const log: RaftLog = {
    snapshot,
    base: { index: snapshot.index, term: snapshot.term },
    entries: [],
    persisted: snapshot.index,
    committed: snapshot.index,
    applied: snapshot.index,
    memberships: [{ index: snapshot.index, membership: snapshot.membership }],
    levels: [{ index: snapshot.index, level: snapshot.level }],
    install: undefined,
  }
  if (continues) appendEntries(log, stored.slice(snapshot.index + 1 - first))
  log.persisted = lastIndex(log)
  return log
}

export const lastIndex = (log: RaftLog): number => log.base.index + log.entries.length

export const lastTerm = (log: RaftLog): number => log.entries.at(-1)?.term ?? log.base.term

/** The term of the entry at `index`; undefined when it is compacted away or not yet there. */
export function termAt(log: RaftLog, index: number): number | undefined {
  if (index === log.base.index) return log.base.term
  return log.entries[index - log.base.index - 1]?.term
}

/** The membership in force: the newest in the log. */
export const membershipIn = (log: RaftLog): Membership => log.memberships.at(-1)!.membership

/** The index at which the membership in force was appended; above `committed` while a change is pending. */
export const membershipIndex = (log: RaftLog): number => log.memberships.at(-1)!.index

/** Whether a log that ends at (index, term) has everything that this one has committed, as far as its end tells (§5.4.1). */
export function isUpToDate(log: RaftLog, index: number, term: number): boolean {
  return term > lastTerm(log) || (term === lastTerm(log) && index >= lastIndex(log))
}

/** Entries from `first` on, as many as fit into `bytesMax` but at least one, and none beyond the end. */
export function entriesFrom(log: RaftLog, first: number, bytesMax: number): Entry[] {
  const start = first - log.base.index - 1
  assert(start >= 0, 'log: entries were compacted away')
  let bytes = 0
  let end = start
  while (end < log.entries.length) {
    bytes += log.entries[end]!.data.length
    if (bytes > bytesMax && end > start) break
    end++
  }
  return log.entries.slice(start, end)
}

/** Adds entries at the end. */
export function appendEntries(log: RaftLog, entries: readonly Entry[]): void {
  for (const entry of entries) {
    assert(entry.index === lastIndex(log) + 1, 'log: entries must be consecutive')
    assert(entry.term >= lastTerm(log), 'log: terms must not fall')
    log.entries.push(entry)
    if (entry.kind === 'config') noteMembership(log, entry)
    if (entry.kind === 'level') noteLevel(log, entry)
  }
}

function noteMembership(log: RaftLog, entry: Entry): void {
  const membership = decodeMembership(entry.data)
  assert(membership, 'log: a config entry must hold a membership')
  log.memberships.push({ index: entry.index, membership })
}

function noteLevel(log: RaftLog, entry: Entry): void {
  const level = decodeLevel(entry.data)
  assert(level, 'log: a level entry must hold a level')
  log.levels.push({ index: entry.index, level })
}

/** The feature level at the end of the log, committed or not. */
export const levelIn = (log: RaftLog): number => log.levels.at(-1)!.level

/** The index at which that level was appended. */
export const levelIndex = (log: RaftLog): number => log.levels.at(-1)!.index

/** The feature level in force at an index that is not below the snapshot. */
export const levelAt = (log: RaftLog, index: number): number =>
  log.levels.findLast((change) => change.index <= index)!.level

/** The first of the entries that this log holds with another term, or lacks; undefined when it has them all. */
function firstNew(log: RaftLog, entries: readonly Entry[]): Entry | undefined {
  return entries.find((entry) => termAt(log, entry.index) !== entry.term)
}

/**
 * Follower: makes the log hold the leader's entries, which follow an entry known to match; conflicting entries and all
 * after them go (§5.3). Entries it already has, and whatever follows them, stay: the message may be an old one.
 * False, and no change, when the entries contradict a committed one, which no correct leader's do.
 */
export function reconcile(log: RaftLog, entries: readonly Entry[]): boolean {
  const fresh = firstNew(log, entries)
  if (!fresh) return true
  if (fresh.index <= log.committed || fresh.term < termAt(log, fresh.index - 1)!) return false
  truncate(log, fresh.index)
  appendEntries(log, entries.slice(fresh.index - entries[0]!.index))
  return true
}

/** Removes the entry at `index` and all after it. */
function truncate(log: RaftLog, index: number): void {
  assert(index > log.committed, 'log: a committed entry must never be removed')
  log.entries.length = Math.min(log.entries.length, index - log.base.index - 1)
  log.persisted = Math.min(log.persisted, index - 1)
  while (membershipIndex(log) >= index) log.memberships.pop()
  while (levelIndex(log) >= index) log.levels.pop()
}

/** Raises the commit index; a lower one is old news. */
export function commitTo(log: RaftLog, index: number): void {
  if (index <= log.committed) return
  assert(index <= lastIndex(log), 'log: committed beyond the end')
  log.committed = index
}

/** These entries are on disk. Some may have been replaced meanwhile: what counts is the last that still stands. */
export function persisted(log: RaftLog, entries: readonly Entry[]): void {
  const standing = entries.findLast((entry) => termAt(log, entry.index) === entry.term)
  if (standing) log.persisted = Math.max(log.persisted, standing.index)
}

/**
 * Follower: the largest index up to `index` whose term is at most `term`: the logs cannot meet above it. Serves both
 * ends of fast backtracking. Below the base, which is committed, there is nothing to compare: the guess stays.
 */
export function conflictHint(log: RaftLog, index: number, term: number): Position {
  for (let at = Math.min(index, lastIndex(log)); at > log.base.index; at--) {
    const found = termAt(log, at)!
    if (found <= term) return { index: at, term: found }
  }
  return { index: Math.min(index, log.base.index), term: Math.min(term, log.base.term) }
}

/** Follower: replaces everything by a snapshot that is ahead of the commit index. */
export function installSnapshot(log: RaftLog, snapshot: Snapshot): void {
  assert(snapshot.index > log.committed, 'log: a snapshot must not take back what is committed')
  const { applied } = log // stays until the caller has restored its state machine
  Object.assign(log, restoreLog(snapshot), { applied, install: snapshot })
}

/**
 * Takes a snapshot of the state machine at `index` and forgets the entries below, but for `trailing` of them that are
 * kept for followers which are a little behind.
 */
export function compactLog(log: RaftLog, index: number, data: Uint8Array, trailing: number): Snapshot {
  assert(index <= log.applied, 'log: only applied entries can be compacted')
  assert(index >= log.snapshot.index, 'log: a newer snapshot exists')
  const term = termAt(log, index)
  assert(term !== undefined, 'log: the entry to compact to is gone')
  const held = log.memberships.findLast((change) => change.index <= index)
  assert(held, 'log: no membership at the snapshot')
  const level = levelAt(log, index)
  log.snapshot = { index, term, membership: held.membership, level, data }
  log.memberships = [held, ...log.memberships.filter((change) => change.index > index)]
  log.levels = [{ index, level }, ...log.levels.filter((change) => change.index > index)]
  const baseIndex = Math.max(log.base.index, index - trailing)
  const baseTerm = termAt(log, baseIndex)!
  log.entries = log.entries.slice(baseIndex - log.base.index)
  log.base = { index: baseIndex, term: baseTerm }
  return log.snapshot
}

/** Bytes of entries that wait for their commit. */
export function uncommittedBytes(log: RaftLog): number {
  let bytes = 0
  for (let i = log.committed - log.base.index; i < log.entries.length; i++) bytes += log.entries[i]!.data.length
  return bytes
}
