// Collections whose listpacks are longer than a block of the arena (raised limits): a snapshot under way sees none of what a
// deletion changes, the header in front included.
import { describe, expect, it } from 'vitest'
import { Snapshot, type SnapshotEntry, type SnapshotSink } from '../../../src/keyspace/snapshot.ts'
import { createTestServer } from '../../support/engine.ts'

/** Keeps the bytes of every long value. */
class Collector implements SnapshotSink {
  readonly found: Buffer[] = []
  blob(): void {}
  *hugeBlob(_entry: SnapshotEntry, value: { length: number; next(): Buffer }): Generator<number, void> {
    const pieces: Buffer[] = []
    for (let piece = value.next(); piece.length > 0; piece = value.next()) {
      pieces.push(Buffer.from(piece))
      yield piece.length
    }
    this.found.push(Buffer.concat(pieces))
  }
  // biome-ignore lint/correctness/useYield: nothing here is made of nodes
  *parts(): Generator<number, void> {
    expect.unreachable()
  }
}

const numbers = (count: number): number[] => Array.from({ length: count }, (_, i) => 1_000_000 + i)

describe.each([
  ['hash', 'HSET k', (n: number) => `f${n} ${'v'.repeat(50)}`, 'HDEL k', (n: number) => `f${n}`],
  [
    'sorted set',
    'ZADD k',
    (n: number) => `${n} ${'m'.repeat(50)}${n}`,
    'ZREM k',
    (n: number) => `${'m'.repeat(50)}${n}`,
  ],
] as const)('a %s', (_, add, element, remove, name) => {
  it('is written as it was, though its last elements go meanwhile', () => {
    const server = createTestServer({
      'hash-max-listpack-entries': '100000',
      'zset-max-listpack-entries': '100000',
      'hash-max-listpack-value': '100',
      'zset-max-listpack-value': '100',
    })
    const client = server.connect()
    const run = (line: string): unknown => client.call(...line.split(' '))
    const all = numbers(3000)
    for (const n of all) run(`${add} ${element(n)}`)
    expect(String(run('OBJECT ENCODING k'))).toBe('listpack')
    const db = server.keyspace.databases[0]!
    const { bytes, start, end } = db.value(db.find(Buffer.from('k'), 0, 1))
    const before = Buffer.from(bytes.subarray(start, end))
    const collector = new Collector()
    const walk = new Snapshot(server.keyspace, collector)
    for (const n of all.slice(-5)) expect(run(`${remove} ${name(n)}`)).toBe(1)
    while (walk.step(64 * 1024));
    expect(collector.found).toHaveLength(1)
    expect(collector.found[0]!.equals(before)).toBe(true)
  })
})
