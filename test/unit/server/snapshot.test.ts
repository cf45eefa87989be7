// A snapshot is the state at its beginning, whatever is changed, flushed or swapped while the walk goes on: random changes
// against a copy taken at the cut, read back through the RDB reader.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createRdbReader } from '../../../src/codec/rdb-reader.ts'
import { NO_EXPIRY } from '../../../src/keyspace/database.ts'
import { Keyspace } from '../../../src/keyspace/keyspace.ts'
import { createSnapshots, type SnapshotSink } from '../../../src/server/snapshot.ts'
import { stringEncodingOf } from '../../../src/types/string.ts'

const DATABASES = 3
const FUTURE_MS = 4_102_444_800_000

function emptyKeyspace(): Keyspace {
  const space = new Keyspace(DATABASES, { k0: 1, k1: 2 }, { expired() {}, modified() {}, flushing() {} })
  space.setTime(1_000_000)
  return space
}

function set(space: Keyspace, db: number, key: string, value: string, expiryMs: number): void {
  const [k, v] = [Buffer.from(key), Buffer.from(value)]
  space.databases[db]!.put(k, 0, k.length, v, 0, v.length, stringEncodingOf(v, 0, v.length), expiryMs)
}

function remove(space: Keyspace, db: number, key: string): void {
  const k = Buffer.from(key)
  const h = space.databases[db]!.find(k, 0, k.length)
  if (h !== 0) space.databases[db]!.remove(h)
}

/** All entries as `db/key` → `value@expiry`. */
function contents(space: Keyspace): Map<string, string> {
  const found = new Map<string, string>()
  for (const db of space.databases) {
    db.forEach((h) => {
      const key = db.keyCopy(h).toString()
      const { bytes, start, end } = db.value(h)
      found.set(`${db.index}/${key}`, `${bytes.toString('latin1', start, end)}@${db.expiryMs(h)}`)
    })
  }
  return found
}

function readBack(chunks: readonly Uint8Array[]): Map<string, string> {
  const found = new Map<string, string>()
  const reader = createRdbReader({
    onEntry: (e) => {
      const key = `${e.db}/${Buffer.from(e.key.slice(e.keyStart, e.keyEnd)).toString()}`
      expect(found.has(key), `${key} comes once`).toBe(false)
      const value = Buffer.from(e.value.slice(e.valueStart, e.valueEnd)).toString('latin1')
      found.set(key, `${value}@${Math.max(e.expireMs, 0)}`)
    },
  })
  for (const chunk of chunks) reader.feed(chunk)
  reader.end()
  return found
}

const OPTIONS = { compress: true, checksum: true, aux: [] }
const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

type Change =
  | { kind: 'set'; db: number; key: number; bytes: number; expires: boolean }
  | { kind: 'del'; db: number; key: number }
  | { kind: 'flush'; db: number | undefined }
  | { kind: 'swap' }
const db = fc.nat(DATABASES - 1)
const key = fc.nat(4000)
const change: fc.Arbitrary<Change> = fc.oneof(
  {
    weight: 60,
    arbitrary: fc.record({
      kind: fc.constant('set' as const),
      db,
      key,
      bytes: fc.oneof(fc.nat(100), fc.integer({ min: 60_000, max: 70_000 })),
      expires: fc.boolean(),
    }),
  },
  { weight: 30, arbitrary: fc.record({ kind: fc.constant('del' as const), db, key }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('flush' as const), db: fc.option(db, { nil: undefined }) }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'swap' as const }) },
)

function apply(space: Keyspace, one: Change): void {
  if (one.kind === 'set') {
    set(space, one.db, `key:${one.key}`, 'x'.repeat(one.bytes), one.expires ? FUTURE_MS + one.key : NO_EXPIRY)
  } else if (one.kind === 'del') remove(space, one.db, `key:${one.key}`)
  else if (one.kind === 'flush') space.flush(one.db === undefined ? undefined : space.databases[one.db])
  else space.swap(space.databases[0]!, space.databases[1]!)
}

describe('a snapshot', () => {
  it('is the state at its beginning, whatever is changed during the walk', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(change, { maxLength: 40 }), { maxLength: 8 }),
        fc.nat(5000),
        fc.nat(5),
        async (turns, size, full) => {
          const space = emptyKeyspace()
          for (let i = 0; i < size; i++) set(space, i % DATABASES, `key:${i}`, `v${i}`, i % 7 === 0 ? FUTURE_MS + i : 0)
          const snapshots = createSnapshots(space)
          const wanted = contents(space)
          const chunks: Uint8Array[] = []
          let asked = 0
          const ended = new Promise<Error | undefined>((done) => {
            const sink: SnapshotSink = {
              emit: (chunk) => void chunks.push(chunk),
              ready: () => full === 0 || ++asked % (full + 1) !== 0, // a sink that has no room now and then
              done,
            }
            snapshots.start(OPTIONS, sink)
          })
          for (const changes of turns) {
            for (const one of changes) apply(space, one)
            await nextTurn()
          }
          expect(await ended).toBeUndefined()
          expect(readBack(chunks)).toEqual(wanted)
          expect(snapshots.busy()).toBe(false)
          // And the next one, of what is there by now.
          const again: Uint8Array[] = []
          const now = contents(space)
          snapshots.runAtOnce(OPTIONS, { emit: (chunk) => void again.push(chunk), ready: () => true, done: () => {} })
          expect(readBack(again)).toEqual(now)
        },
      ),
      { numRuns: 25 },
    )
  })

  it('that its sink refuses ends with the error; commands go on, and so do later snapshots', async () => {
    const space = emptyKeyspace()
    for (let i = 0; i < 20_000; i++) set(space, 0, `key:${i}`, 'v'.repeat(20), 0)
    const snapshots = createSnapshots(space)
    const error = await new Promise<Error | undefined>((done) => {
      let left = 2
      snapshots.start(OPTIONS, {
        emit: () => {
          if (left-- === 0) throw new Error('no room')
        },
        ready: () => true,
        done,
      })
      // Entries that are handed over by a command, in the middle of it.
      for (let i = 0; i < 20_000; i++) set(space, 0, `key:${i}`, 'w', 0)
    })
    expect(error?.message).toBe('no room')
    while (snapshots.busy()) await nextTurn()
    const chunks: Uint8Array[] = []
    snapshots.runAtOnce(OPTIONS, { emit: (chunk) => void chunks.push(chunk), ready: () => true, done: () => {} })
    expect(readBack(chunks)).toEqual(contents(space))
  })

  it('that is cancelled tells its sink once, and leaves the keyspace free', () => {
    const space = emptyKeyspace()
    for (let i = 0; i < 5000; i++) set(space, 1, `key:${i}`, 'v', 0)
    const snapshots = createSnapshots(space)
    const ends: (string | undefined)[] = []
    snapshots.start(OPTIONS, { emit: () => {}, ready: () => true, done: (error) => void ends.push(error?.message) })
    expect(snapshots.busy()).toBe(true)
    snapshots.cancelAtOnce('shutdown')
    expect(ends).toEqual(['shutdown'])
    expect(snapshots.busy()).toBe(false)
    expect(space.snapshot).toBeUndefined()
  })
})
