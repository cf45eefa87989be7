// What large values cost at a time: no step of a snapshot hands over more than it may, no change hands over a large value at all,
// and deleting one releases it bit by bit.
import { describe, expect, it } from 'vitest'
import { NO_EXPIRY } from '../../../src/keyspace/database.ts'
import { Keyspace } from '../../../src/keyspace/keyspace.ts'
import { Snapshot, type SnapshotSink } from '../../../src/keyspace/snapshot.ts'
import { dictSet } from '../../../src/store/dict.ts'
import type { ElementOut } from '../../../src/store/walk.ts'
import { createHashBuilder } from '../../../src/types/hash.ts'
import { STRING_RAW } from '../../../src/types/string.ts'
import { partsEncoding } from '../../../src/types/table.ts'

const STRING_BYTES = 64 * 1024 * 1024
const FIELDS = 200_000
const BUDGET_BYTES = 128 * 1024
/** What may come on top of a budget: the piece that exceeds it. */
const PIECE_BYTES_MAX = 80 * 1024

/** Counts the bytes that it is handed. */
class Counter implements SnapshotSink {
  bytes = 0
  total = 0

  private take(bytes: number): void {
    this.bytes += bytes
    this.total += bytes
  }

  blob(_: unknown, { start, end }: { start: number; end: number }): void {
    this.take(end - start)
  }

  *hugeBlob(_: unknown, value: { next(): Buffer }): Generator<number, void> {
    for (let piece = value.next(); piece.length > 0; piece = value.next()) {
      this.take(piece.length)
      yield piece.length
    }
  }

  *parts(
    entry: { kind: number },
    nodes: Keyspace['nodes'],
    root: number,
    done: (h: number) => void,
  ): Generator<number, void> {
    const out: ElementOut = {
      length: () => {},
      string: (_, start, end) => this.take(end - start),
      begin: () => {},
      part: (_, start, end) => this.take(end - start),
      double: () => this.take(8),
    }
    yield* partsEncoding(entry.kind).walk(nodes, root, out, done)
  }
}

function filled(): Keyspace {
  const space = new Keyspace(1, { k0: 1, k1: 2 }, { expired() {}, modified() {}, flushing() {} })
  space.setTime(1_000_000)
  const db = space.databases[0]!
  db.put(Buffer.from('string'), 0, 6, Buffer.alloc(STRING_BYTES, 1), 0, STRING_BYTES, STRING_RAW, NO_EXPIRY)
  const hash = createHashBuilder(space.nodes, space.limits, FIELDS)
  const field = Buffer.alloc(8)
  for (let i = 0; i < FIELDS; i++) {
    field.writeUInt32LE(i)
    hash.set(field, 0, 8, field, 0, 8)
  }
  const long = Buffer.alloc(3_000_000)
  hash.set(long, 0, 5000, long, 0, long.length)
  db.putBuilt(Buffer.from('hash'), 0, 4, hash.finish(), NO_EXPIRY)
  return space
}

describe('a large value', () => {
  it('is handed to a snapshot in pieces, and not by the commands that change it', () => {
    const space = filled()
    const db = space.databases[0]!
    const counter = new Counter()
    const snapshot = new Snapshot(space, counter)
    const used = space.usedBytes
    const change = (): void => {
      const h = db.find(Buffer.from('string'), 0, 6)
      const length = db.valueLength(h)
      db.value(db.resize(h, length + 3, STRING_RAW, length, length + 3))
      const root = db.rootToChange(db.find(Buffer.from('hash'), 0, 4))
      dictSet(space.nodes, root, Buffer.from([counter.total & 0xff]), 0, 1, Buffer.alloc(9), 0, 9)
    }
    change()
    expect(counter.bytes).toBe(0)
    // The block of the string was replaced, and is held; of the hash some nodes were copied.
    expect(space.usedBytes - used).toBeLessThan((STRING_BYTES * 9) / 8 + 2 * 1024 * 1024)
    for (let more = true; more; ) {
      counter.bytes = 0
      more = snapshot.step(BUDGET_BYTES)
      expect(counter.bytes).toBeLessThan(BUDGET_BYTES + PIECE_BYTES_MAX)
      counter.bytes = 0
      change()
      expect(counter.bytes).toBe(0)
    }
    expect(counter.total).toBe(STRING_BYTES + FIELDS * 16 + 3_000_000 + 5000)
  })

  it('is deleted at once, and given back bit by bit', () => {
    const space = filled()
    const db = space.databases[0]!
    const root = db.root(db.find(Buffer.from('hash'), 0, 4))
    const bytes = space.nodes.bytes(root)
    const before = space.usedBytes
    db.remove(db.find(Buffer.from('hash'), 0, 4))
    expect(before - space.usedBytes).toBeLessThan(1000)
    let steps = 0
    let left = space.usedBytes
    while (space.releaseSome()) {
      steps++
      // The huge block of the long value is one buffer, which goes at once.
      expect(left - space.usedBytes).toBeLessThan(3_000_000 + PIECE_BYTES_MAX)
      left = space.usedBytes
    }
    expect(steps).toBeGreaterThan(FIELDS / 10_000)
    expect(before - space.usedBytes).toBeGreaterThanOrEqual(bytes)
  })
})
