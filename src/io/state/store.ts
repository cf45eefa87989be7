// What a sentinel must remember to keep its promises (Raft's hard state, log and snapshot, and the identity of its
// group), behind a small interface with two implementations: this one in memory, and file.ts on disk.
// Invariants: entries are contiguous and follow the snapshot; what `save` returned from is what the next open recovers
// (for a save that need not be synced: that or the state before it).
import { assert } from '../../lib/assert.ts'

// The shapes of Raft's types as far as storing them needs; io/ knows no Raft.

export type StoredEntryKind = 'normal' | 'noop' | 'config' | 'level'

export interface StoredEntry {
  readonly index: number
  readonly term: number
  readonly kind: StoredEntryKind
  readonly data: Uint8Array
}

export interface StoredHardState {
  readonly term: number
  readonly vote: string | undefined
  readonly commit: number
  readonly promiseMs: number
}

export interface StoredSnapshot {
  readonly index: number
  readonly term: number
  readonly membership: { readonly voters: readonly string[]; readonly learners: readonly string[] }
  readonly level: number
  readonly data: Uint8Array
}

/** One change, made whole or not at all, in this order of fields. Absent: unchanged. */
export interface StateChange {
  /** The caller's own small record (which group, since when …). */
  readonly identity?: Uint8Array | undefined
  /** Received from the leader: replaces the snapshot and *all* entries. */
  readonly snapshot?: StoredSnapshot | undefined
  /** Deletes entries from entries[0].index on, then appends these. */
  readonly entries?: readonly StoredEntry[] | undefined
  readonly hardState?: StoredHardState | undefined
}

export interface StoredState {
  identity: Uint8Array | undefined
  hardState: StoredHardState | undefined
  snapshot: StoredSnapshot | undefined
  /** Contiguous; the first follows the snapshot. */
  entries: readonly StoredEntry[]
}

export interface StateStore {
  /** The state as it stands: after opening, what was recovered. Not to be changed by the caller. */
  readonly state: StoredState
  /** What opening had to repair, in words for the log; normally nothing. */
  readonly warnings: readonly string[]
  /**
   * Makes a change. With `sync` it is on disk when this returns; without, it may wait in memory for the next synced one
   * (for a commit hint, which is harmless to lose). Throws StateFileError when the disk fails, and ever after.
   */
  save(change: StateChange, sync: boolean): void
  /** Replaces the snapshot by our own newer one and drops the entries up to its index; durable when it returns. */
  compact(snapshot: StoredSnapshot): void
  /** Bytes that the log takes on disk: what compaction would win back grows with it. */
  readonly sizeBytes: number
  close(): void
}

/** Why the state directory or file cannot be used. The message names the file and is meant for the operator. */
export type StateErrorCode =
  /** The file is damaged: to go on could mean to vote twice. */
  | 'corrupt'
  /** Written by a newer version of Vedette. */
  | 'version'
  /** The system refuses: read-only, no space, no permission, an I/O error. */
  | 'io'

export class StateFileError extends Error {
  override readonly name = 'StateFileError'
  readonly code: StateErrorCode
  readonly file: string
  constructor(code: StateErrorCode, file: string, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
    this.file = file
  }
}

/** The state in memory, with the rules of how changes combine; both stores are built on it. */
export interface StateImage {
  readonly state: StoredState
  /** Why the change cannot follow the present state; undefined when it can. */
  conflict(change: StateChange): string | undefined
  apply(change: StateChange): void
  compact(snapshot: StoredSnapshot): void
}

export function createStateImage(): StateImage {
  const state: StoredState = { identity: undefined, hardState: undefined, snapshot: undefined, entries: [] }
  let entries: StoredEntry[] = []

  function truncateFrom(index: number): void {
    const first = entries[0]
    if (first !== undefined) entries.length = Math.min(entries.length, Math.max(0, index - first.index))
  }

  function conflict({ snapshot, entries: added }: StateChange): string | undefined {
    if (added === undefined || added.length === 0) return undefined
    const base = (snapshot ?? state.snapshot)?.index ?? 0
    const last = snapshot === undefined ? (entries.at(-1)?.index ?? base) : base
    const first = added[0]!.index
    if (first <= base || first > last + 1) return `entry ${first} does not follow ${base}..${last}`
    const gap = added.findIndex((entry, i) => entry.index !== first + i)
    return gap < 0 ? undefined : `entry ${added[gap]!.index} stands where ${first + gap} belongs`
  }

  return {
    state,
    conflict,
    apply(change) {
      if (change.identity !== undefined) state.identity = change.identity
      if (change.snapshot !== undefined) {
        state.snapshot = change.snapshot
        entries = []
      }
      if (change.entries !== undefined && change.entries.length > 0) {
        truncateFrom(change.entries[0]!.index)
        entries.push(...change.entries)
      }
      if (change.hardState !== undefined) state.hardState = change.hardState
      state.entries = entries
    },
    compact(snapshot) {
      assert(snapshot.index >= (state.snapshot?.index ?? 0), 'a snapshot replaces an older one')
      state.snapshot = snapshot
      entries = entries.filter(({ index }) => index > snapshot.index)
      state.entries = entries
    },
  }
}

/** A store that forgets with the process, for tests and simulations; `from`: the state of an earlier life. */
export function createMemoryStore(from?: StoredState): StateStore {
  const image = createStateImage()
  if (from !== undefined) image.apply(from)
  return {
    state: image.state,
    warnings: [],
    save(change) {
      const conflict = image.conflict(change)
      assert(conflict === undefined, conflict ?? '')
      image.apply(change)
    },
    compact: image.compact,
    sizeBytes: 0,
    close() {},
  }
}
