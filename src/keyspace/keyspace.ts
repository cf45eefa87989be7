// All databases of a server with the memory they share. Reading goes through `Database.read` and `find`, changing through
// the changing methods of Database: there is no other door. Time comes in with `setTime`, once a command.

import { Arena } from '../store/arena.ts'
import { CLOCK_MASK, entryMeta, entryValueWord, HUGE, PARTS } from '../store/entry.ts'
import type { HashKey } from '../store/hash.ts'
import { Nodes } from '../store/nodes.ts'
import { type BuiltValue, DEFAULT_LIMITS, type TypeLimits } from '../types/builder.ts'
import { Ahead } from './ahead.ts'
import { kindOf, releaseBlock } from './blocks.ts'
import { Database } from './database.ts'
import type { Frequencies } from './frequencies.ts'
import { ReleaseQueue } from './release.ts'
import type { Snapshot } from './snapshot.ts'

/**
 * What happens to an entry whose time is over when it is met: a primary deletes it, a replica's clients do not see it, and
 * what comes from the primary still does.
 */
export type ExpiryPolicy = 'delete' | 'hide' | 'ignore'

/** What the keyspace tells its owner, in the middle of a command. */
export interface KeyspaceHooks {
  /** A key was deleted because its time was over. */
  expired(db: Database, key: Buffer): void
  /**
   * A watched keyspace changed the key in bytes [start, end): created, changed or removed. `beside`: only what stands beside the
   * elements of its value, as the groups of a stream do. As in Redis that is no change to WATCH and to the caches of clients.
   */
  modified(db: Database, bytes: Uint8Array, start: number, end: number, beside: boolean): void
  /** All keys of a database are about to be removed, or exchanged for those of another one. */
  flushing(db: Database, replacement: Database | undefined): void
}

/** Those who want to hear of changes. */
export type Watcher = 'transactions' | 'waits' | 'tracking'

/** Counters of INFO. */
export interface KeyspaceStats {
  hits: number
  misses: number
  expired: number
  /** Fields of hashes deleted because their time was over. */
  expiredFields: number
}

/** A Unix time as entries' clocks have it: seconds, which wrap after 24 days. */
export function secondsClock(nowMs: number): number {
  return Math.floor(nowMs / 1000) & CLOCK_MASK
}

/** The databases of a server. */
export class Keyspace {
  arena = new Arena()
  /** What large values in the arena are made of. */
  nodes: Nodes
  readonly databases: Database[]
  readonly hashKey: HashKey
  readonly stats: KeyspaceStats = { hits: 0, misses: 0, expired: 0, expiredFields: 0 }
  hooks: KeyspaceHooks
  /** What is known of the next requests of the connection that is being served. */
  readonly ahead = new Ahead()
  /** Unix time of the running command in milliseconds. */
  nowMs = 0
  /** The clock of a new entry: seconds, or its frequency if those are counted. 21 bits. */
  clock = 0
  /** Counts how often keys are used, in the place of when; see `countUses`. */
  frequencies: Frequencies | undefined
  /** Whether snapshots say how long keys have been idle. */
  savesIdle = false
  expiry: ExpiryPolicy = 'delete'
  /** Up to where collections are compact. */
  limits: TypeLimits = DEFAULT_LIMITS
  /** Writes are paused (CLIENT PAUSE): what has expired is hidden, not deleted, so that nothing is replicated. */
  paused = false
  /** Whether a read touches the entry's clock (CLIENT NO-TOUCH). */
  touch = true
  /** Whether anybody wants to hear of changes through `hooks.modified`: see `setWatching`. */
  watching = false
  private readonly watchers = new Set<Watcher>()
  /** The walk that is under way. */
  snapshot: Snapshot | undefined
  /** The mark of entries that the last walk has seen or that are newer than it. */
  snapshotMark = 0
  /** What is on its way back to the arena; `releaseSome` does a slice of it. */
  readonly releases = new ReleaseQueue()

  /** Who wants to hear of changes, and who does not any more. */
  setWatching(watcher: Watcher, on: boolean): void {
    if (on) this.watchers.add(watcher)
    else this.watchers.delete(watcher)
    this.watching = this.watchers.size > 0
  }

  constructor(databases: number, hashKey: HashKey, hooks: KeyspaceHooks) {
    this.hashKey = hashKey
    this.nodes = new Nodes(this.arena, hashKey)
    this.hooks = hooks
    this.databases = Array.from({ length: databases }, (_, index) => new Database(this, index))
  }

  /** Sets the time of the next command. */
  setTime(nowMs: number): void {
    this.nowMs = nowMs
    const { frequencies } = this
    this.clock = frequencies === undefined ? secondsClock(nowMs) : frequencies.setTime(nowMs)
  }

  /** From now on clocks of entries are frequencies, or, without them, seconds. Those that are there already are taken for such. */
  countUses(frequencies: Frequencies | undefined): void {
    this.frequencies = frequencies
    this.setTime(this.nowMs)
  }

  /** Prepares for the requests whose keys' ranges in `bytes` stand in `ahead`; see Ahead. */
  lookAhead(bytes: Uint8Array, count: number, db: number): void {
    this.ahead.begin(bytes, count, this.databases[db].table, this.hashKey)
  }

  modified(db: Database, bytes: Uint8Array, start: number, end: number, beside = false): void {
    this.hooks.modified(db, bytes, start, end, beside)
  }

  /** Bytes of memory of all entries and indexes. */
  get usedBytes(): number {
    const { arena } = this
    return arena.usedBytes + arena.huge.usedBytes + arena.directoryBytes
  }

  /** Number of keys in all databases. */
  get size(): number {
    return this.databases.reduce((sum, db) => sum + db.size, 0)
  }

  /** Removes all keys of one database, or of all. Returns how many there were. */
  flush(only?: Database): number {
    const flushed = only === undefined ? this.databases : [only]
    const removed = flushed.reduce((sum, db) => sum + db.size, 0)
    for (const db of flushed) this.hooks.flushing(db, undefined)
    if (this.size === removed) {
      // Nothing else lives in the arena: a new one frees all at once. A snapshot under way keeps the old one alive, which the garbage
      // collector finds then.
      if (this.snapshot === undefined) this.arena.dispose()
      const { movedBlocks, movedBytes, returnedBytes } = this.arena
      this.arena = Object.assign(new Arena(), { movedBlocks, movedBytes, returnedBytes })
      this.nodes = new Nodes(this.arena, this.hashKey)
      this.releases.clear()
      for (const db of this.databases) db.exchange()
    } else {
      for (const db of flushed) {
        this.releases.database(db.exchange())
      }
    }
    return removed
  }

  /** Exchanges the contents of two databases. */
  swap(a: Database, b: Database): void {
    this.hooks.flushing(a, b)
    this.hooks.flushing(b, a)
    b.exchange(a.exchange(b))
  }

  /** Releases an entry that is in no table any more, with its value. */
  releaseEntry(h: number): void {
    const { arena, nodes } = this
    const meta = entryMeta(arena, h)
    const word = entryValueWord(arena, h)
    releaseBlock(arena, h)
    if ((meta & HUGE) !== 0) arena.huge.release(word)
    else if ((meta & PARTS) !== 0) this.releases.value(nodes, kindOf(meta), word)
  }

  /** Gives back a value that is in no entry. */
  releaseBuilt({ kind, root }: BuiltValue): void {
    if (root !== 0) this.releases.value(this.nodes, kind, root)
  }

  /** Gives back a slice of what was deleted; whether there is more to do. */
  releaseSome(): boolean {
    return this.releases.step(this.snapshot !== undefined, (h) => this.releaseEntry(h))
  }
}
