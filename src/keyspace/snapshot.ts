// A snapshot without fork: the state of the keyspace at one moment, handed to a sink bit by bit while commands go on.
//
// The walk takes one table segment at a time (some 800 entries, well under a millisecond). An entry that is about to
// change and was not reached yet is handed over first, as it is. Which ones were reached is one bit in each entry, whose
// meaning flips with every walk: an entry with the current mark was handed over, or is newer than the cut. That needs
// every walk to run to its end, so one that is given up goes on marking without handing over.
//
// Large values wait: whether the walk meets them or they are about to change, they only go onto a list, which costs as little for a
// value of a gigabyte as for one of a megabyte. The list is worked off after the tables, each value a slice at a time, from what
// keeps it as it was at the cut: the nodes of the old root (store/nodes.ts), or a hold on a huge block (store/huge.ts). So no step
// of the walk, and no command, ever takes longer than a bounded number of bytes does; and while a value is being written that
// takes many steps, nothing else has to be written.

import { assert } from '../lib/assert.ts'
import type { Arena } from '../store/arena.ts'
import {
  entryExpiryMs,
  entryKeyLength,
  entryMeta,
  entryValueWord,
  HAS_EXPIRY,
  HUGE,
  PARTS,
  SNAPSHOT_MARK,
  setEntryMeta,
} from '../store/entry.ts'
import type { Hold } from '../store/huge.ts'
import type { Nodes } from '../store/nodes.ts'
import type { Table } from '../store/table.ts'
import type { Done, Walk } from '../store/walk.ts'
import { partsEncoding } from '../types/table.ts'
import { type ByteRange, clockOf, entryKey, entryValue, kindOf, NO_EXPIRY } from './blocks.ts'
import type { Keyspace } from './keyspace.ts'

/** What an entry is beside its value. The object and its key's range are valid during the call only. */
export interface SnapshotEntry {
  db: number
  key: ByteRange
  /** Type and encoding. */
  kind: number
  /** Unix time in milliseconds, 0 for none. */
  expiryMs: number
  /** The access clock. */
  clock: number
}

/**
 * Takes the entries of a snapshot. Entries of one database do not always come together. Until the walk over one value has
 * ended no other entry comes. Nothing here may throw.
 */
export interface SnapshotSink {
  /** An entry whose value is a blob. */
  blob(entry: SnapshotEntry, value: ByteRange): void
  /** The same, of a value of many bytes: the walk reads the hold to its end. */
  hugeBlob(entry: SnapshotEntry, value: Hold): Walk
  /** An entry whose value is made of nodes. The walk over it must run to its end in any case, and tell `done` of all nodes. */
  parts(entry: SnapshotEntry, nodes: Nodes, root: number, done: Done): Walk
}

interface Part {
  readonly db: number
  readonly table: Table
  readonly keys: number
  readonly expiries: number
}

/** A value that waits for the tables to be done. */
interface Waiting {
  readonly entry: SnapshotEntry
  /** 0 for a huge blob. */
  readonly root: number
  readonly hold: Hold | undefined
}

/** Values made of nodes up to this size are written at once; larger ones wait. */
const AT_ONCE_BYTES_MAX = 32 * 1024

const NO_BYTES = Buffer.alloc(0)

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
  private readonly waiting: Waiting[] = []
  private nextWaiting = 0
  /** The walk over the value that is being written, and the hold that it reads. */
  private open: Walk | undefined
  private openHold: Hold | undefined
  private readonly entry: SnapshotEntry = {
    db: 0,
    key: { bytes: NO_BYTES, start: 0, end: 0 },
    kind: 0,
    expiryMs: 0,
    clock: 0,
  }
  private readonly valueRange: ByteRange = { bytes: NO_BYTES, start: 0, end: 0 }
  private readonly done: Done = (h) => this.nodes.leave(h)

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
   * Hands over as much as makes up `budgetBytes`, of one segment at most. Whether there is more to do; the keyspace is free for
   * the next snapshot if not.
   */
  step(budgetBytes = Number.POSITIVE_INFINITY): boolean {
    const part = this.parts[this.part]
    if (part !== undefined) {
      this.stepTable(part, budgetBytes)
      return true
    }
    if (this.stepWaiting(budgetBytes)) return true
    this.nodes.endWalk()
    this.space.snapshot = undefined
    return false
  }

  private stepTable(part: Part, budgetBytes: number): void {
    let left = budgetBytes
    let whole = true
    const next = part.table.visitSegment(this.hash, (h) => {
      if (left > 0) left -= this.take(part.db, h)
      else whole = false
    })
    // What was handed over is marked, so a segment that was too much is simply visited again.
    if (whole) this.hash = next
    if (this.hash < 2 ** 32) return
    this.hash = 0
    this.part++
  }

  /** Goes on with the large values; false if there are no more. */
  private stepWaiting(budgetBytes: number): boolean {
    for (let left = budgetBytes; left > 0; ) {
      if (this.open === undefined && !this.openNext()) return false
      const result = this.open!.next()
      if (!result.done) {
        left -= result.value
        continue
      }
      this.openHold?.release()
      this.open = this.openHold = undefined
      // What begins a value and ends it costs something, too.
      left -= ENTRY_COST_BYTES
    }
    return true
  }

  private openNext(): boolean {
    const next = this.waiting[this.nextWaiting]
    if (next === undefined) return false
    this.waiting[this.nextWaiting++] = NOTHING
    const { entry, root, hold } = next
    this.openHold = hold
    this.open = hold === undefined ? this.walkParts(entry, root) : this.walkHuge(entry, hold)
    return true
  }

  private walkParts(entry: SnapshotEntry, root: number): Walk {
    const { sink, nodes, done } = this
    if (sink !== undefined) return sink.parts(entry, nodes, root, done)
    return partsEncoding(entry.kind).walk(nodes, root, undefined, done)
  }

  private *walkHuge(entry: SnapshotEntry, hold: Hold): Walk {
    if (this.sink !== undefined) yield* this.sink.hugeBlob(entry, hold)
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

  /** Hands an entry over, or lets it wait, unless that was done; the bytes that were handed over. */
  private take(db: number, h: number): number {
    const { arena, entry, sink } = this
    const meta = entryMeta(arena, h)
    if ((meta & SNAPSHOT_MARK) === this.space.snapshotMark) return 0
    setEntryMeta(arena, h, (meta ^ SNAPSHOT_MARK) >>> 0)
    const parts = (meta & PARTS) !== 0
    if (sink === undefined && !parts) return 0
    entry.db = db
    entryKey(arena, h, entry.key)
    entry.kind = kindOf(meta)
    entry.expiryMs = (meta & HAS_EXPIRY) !== 0 ? entryExpiryMs(arena, h) : NO_EXPIRY
    entry.clock = clockOf(meta)
    const keyBytes = entryKeyLength(arena, h)
    if (parts) return keyBytes + this.takeParts(entryValueWord(arena, h))
    if ((meta & HUGE) !== 0) {
      this.wait(0, arena.huge.hold(entryValueWord(arena, h)))
      return keyBytes + ENTRY_COST_BYTES
    }
    const value = entryValue(arena, h, this.valueRange)
    sink!.blob(entry, value)
    return keyBytes + value.end - value.start
  }

  private takeParts(root: number): number {
    const bytes = this.nodes.bytes(root)
    if (bytes > AT_ONCE_BYTES_MAX) {
      this.wait(root, undefined)
      return ENTRY_COST_BYTES
    }
    const walk = this.walkParts(this.entry, root)
    while (!walk.next().done);
    return bytes
  }

  private wait(root: number, hold: Hold | undefined): void {
    const { key } = this.entry
    const bytes = Buffer.from(key.bytes.subarray(key.start, key.end))
    const entry = { ...this.entry, key: { bytes, start: 0, end: bytes.length } }
    this.waiting.push({ entry, root, hold })
  }
}

/** What an entry costs beside its bytes, in bytes that take as long. */
const ENTRY_COST_BYTES = 256

const NOTHING: Waiting = {
  entry: { db: 0, key: { bytes: NO_BYTES, start: 0, end: 0 }, kind: 0, expiryMs: 0, clock: 0 },
  root: 0,
  hold: undefined,
}
