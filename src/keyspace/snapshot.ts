// A snapshot without fork: the state of the keyspace at one moment, handed to a sink bit by bit while commands go on.
//
// The walk takes one table segment at a time (some 800 entries, well under a millisecond). An entry that is about to
// change and was not reached yet is handed over first, as it is. Which ones were reached is one bit in each entry, whose
// meaning flips with every walk: an entry with the current mark was handed over, or is newer than the cut. That needs
// every walk to run to its end, so one that is given up goes on marking without handing over.

import { assert } from '../lib/assert.ts'
import type { Arena } from '../store/arena.ts'
import { SLAB_BITS } from '../store/arena.ts'
import {
  CLOCK_SHIFT,
  entryExpiryMs,
  entryKeyLength,
  entryKeyOffset,
  entryMeta,
  HAS_EXPIRY,
  SNAPSHOT_MARK,
  setEntryMeta,
  TYPE_MASK,
} from '../store/entry.ts'
import type { Nodes } from '../store/nodes.ts'
import type { Table } from '../store/table.ts'
import { type ByteRange, entryValue } from './database.ts'
import type { Keyspace } from './keyspace.ts'

/** Takes the entries of a snapshot. The ranges are valid during the call only. */
export interface SnapshotSink {
  /**
   * A string. `expiryMs` is a Unix time in milliseconds, 0 for none; `clock` the entry's access clock. Entries of one
   * database do not always come together: an entry that changes during the walk comes before its turn.
   */
  string(db: number, key: ByteRange, value: ByteRange, expiryMs: number, clock: number): void
}

interface Part {
  readonly db: number
  readonly table: Table
  readonly keys: number
  readonly expiries: number
}

/** A walk over the keyspace as it was when the walk was started. At most one at a time. */
export class Snapshot {
  /** The databases that had keys at the cut, with the number of keys and of expiries. */
  readonly parts: readonly Part[]
  private readonly space: Keyspace
  private readonly arena: Arena
  private readonly nodes: Nodes
  private sink: SnapshotSink | undefined
  private part = 0
  private hash = 0
  private readonly keyRange: ByteRange = { bytes: Buffer.alloc(0), start: 0, end: 0 }
  private readonly valueRange: ByteRange = { bytes: Buffer.alloc(0), start: 0, end: 0 }

  constructor(space: Keyspace, sink: SnapshotSink) {
    assert(space.snapshot === undefined, 'one snapshot at a time')
    this.space = space
    this.arena = space.arena
    this.nodes = space.nodes
    this.sink = sink
    this.parts = space.databases
      .filter((db) => db.size > 0)
      .map((db) => ({ db: db.index, table: db.table, keys: db.size, expiries: db.expires.size }))
    space.snapshotMark ^= SNAPSHOT_MARK
    space.snapshot = this
    this.nodes.beginWalk()
  }

  /**
   * Hands over one more segment, or as much of it as makes up `budgetBytes`. Whether there is more to do; the keyspace is
   * free for the next snapshot if not.
   */
  step(budgetBytes = Number.POSITIVE_INFINITY): boolean {
    const part = this.parts[this.part]
    if (part === undefined) {
      this.nodes.endWalk()
      this.space.snapshot = undefined
      return false
    }
    let left = budgetBytes
    let whole = true
    const next = part.table.visitSegment(this.hash, (h) => {
      if (left > 0) left -= this.take(part.db, h)
      else whole = false
    })
    // What was handed over is marked, so a segment that was too much is simply visited again.
    if (whole) this.hash = next
    if (this.hash >= 2 ** 32) {
      this.hash = 0
      this.part++
    }
    return true
  }

  /** Gives the snapshot up: nothing is handed over any more, but `step` must still be called to the end. */
  abandon(): void {
    this.sink = undefined
  }

  /** Called by the keyspace before an entry of `table` changes or goes. */
  beforeChange(table: Table, h: number): void {
    const part = this.parts.find((p) => p.table === table)
    if (part !== undefined) this.take(part.db, h)
  }

  /** Hands an entry over unless that was done; the bytes of its key and value if so. */
  private take(db: number, h: number): number {
    const { arena, keyRange } = this
    const meta = entryMeta(arena, h)
    if ((meta & SNAPSHOT_MARK) === this.space.snapshotMark) return 0
    setEntryMeta(arena, h, (meta ^ SNAPSHOT_MARK) >>> 0)
    if (this.sink === undefined) return 0
    assert((meta & TYPE_MASK) === 0, 'only strings are stored so far')
    keyRange.bytes = arena.u8[h >>> SLAB_BITS]
    keyRange.start = entryKeyOffset(h, meta)
    keyRange.end = keyRange.start + entryKeyLength(arena, h)
    const expiryMs = (meta & HAS_EXPIRY) !== 0 ? entryExpiryMs(arena, h) : 0
    const value = entryValue(arena, h, this.valueRange)
    this.sink.string(db, keyRange, value, expiryMs, meta >>> CLOCK_SHIFT)
    return keyRange.end - keyRange.start + value.end - value.start
  }
}
