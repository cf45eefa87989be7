// Entries of an RDB on their way into a keyspace that is emptied for them, or in which they do not stay: whatever is built for them
// is in the memory that the keyspace has then, and is given back if it does not stay.
import { describe, expect, it } from 'vitest'
import { createRdbWriter } from '../../../src/codec/rdb-writer.ts'
import { Keyspace } from '../../../src/keyspace/keyspace.ts'
import { createLoader, type LoadOptions } from '../../../src/server/loading.ts'
import { hashForEach } from '../../../src/types/hash.ts'

const FIELDS = 3000
const OPTIONS: LoadOptions = { checksum: true, stringBytesMax: 1 << 20, dropExpiredAtMs: undefined, onLibrary() {} }

function emptyKeyspace(): Keyspace {
  const space = new Keyspace(1, { k0: 1, k1: 2 }, { expired() {}, modified() {}, flushing() {} })
  space.setTime(1_000_000)
  return space
}

/** An RDB with one large hash. */
function snapshot(expireMs = -1): Buffer {
  const chunks: Uint8Array[] = []
  const writer = createRdbWriter({ emit: (chunk) => chunks.push(chunk), compress: true, checksum: true })
  writer.begin([])
  writer.selectDb(0)
  writer.beginValue(4, Buffer.from('hash'), 0, 4, expireMs)
  writer.out.length(FIELDS)
  for (let i = 0; i < FIELDS; i++) {
    for (const text of [`field ${i}`, `value ${i}`]) writer.out.string(Buffer.from(text), 0, text.length)
  }
  writer.end()
  return Buffer.concat(chunks)
}

function fieldsOf(space: Keyspace): number {
  const db = space.databases[0]!
  const h = db.find(Buffer.from('hash'), 0, 4)
  const found = new Map<string, string>()
  hashForEach(db.source(h), (f, v) =>
    found.set(f.bytes.toString('latin1', f.start, f.end), v.bytes.toString('latin1', v.start, v.end)),
  )
  for (let i = 0; i < FIELDS; i++) expect(found.get(`field ${i}`)).toBe(`value ${i}`)
  return found.size
}

describe('a loader', () => {
  it.each([100_000, 7])('empties the keyspace before it builds anything in it (pieces of %i bytes)', (pieceBytes) => {
    const space = emptyKeyspace()
    const db = space.databases[0]!
    db.put(Buffer.from('old'), 0, 3, Buffer.from('v'), 0, 1, 0, 0)
    const { reader } = createLoader(space, { ...OPTIONS, onFirst: () => void space.flush() })
    const bytes = snapshot()
    for (let at = 0; at < bytes.length; at += pieceBytes)
      reader.feed(bytes, at, Math.min(bytes.length, at + pieceBytes))
    reader.end()
    expect(db.size).toBe(1)
    expect(fieldsOf(space)).toBe(FIELDS)
  })

  it.each<[string, Partial<LoadOptions>, number]>([
    ['whose time is over', { dropExpiredAtMs: 2000 }, 1000],
    ['that is there already', { refuseDuplicates: true }, -1],
  ])('gives back what was built for a key %s', (_, options, expireMs) => {
    const space = emptyKeyspace()
    space.databases[0]!.put(Buffer.from('hash'), 0, 4, Buffer.from('v'), 0, 1, 0, 0)
    const before = space.usedBytes
    const { reader } = createLoader(space, { ...OPTIONS, ...options })
    try {
      reader.feed(snapshot(expireMs))
    } catch (error) {
      expect(String(error)).toContain('there already')
    }
    while (space.releaseSome()) {}
    expect(space.usedBytes).toBe(before)
  })

  it('leaves out keys without elements, and names them', () => {
    const chunks: Uint8Array[] = []
    const writer = createRdbWriter({ emit: (chunk) => chunks.push(chunk), compress: true, checksum: true })
    writer.begin([])
    writer.selectDb(0)
    for (const [type, key] of [
      [2, 'set'],
      [4, 'hash'],
      [5, 'zset'],
    ] as const) {
      writer.beginValue(type, Buffer.from(key), 0, key.length, -1)
      writer.out.length(0)
    }
    writer.end()
    const space = emptyKeyspace()
    const names: string[] = []
    const loader = createLoader(space, { ...OPTIONS, onEmpty: (key) => names.push(Buffer.from(key).toString()) })
    loader.reader.feed(Buffer.concat(chunks))
    loader.reader.end()
    expect(names).toEqual(['set', 'hash', 'zset'])
    expect([loader.empty(), loader.loaded(), space.size]).toEqual([3, 0, 0])
  })

  it('gives back what was built of a value whose rest does not come, or is wrong', () => {
    for (const spoil of [false, true]) {
      const space = emptyKeyspace()
      const before = space.usedBytes
      const { reader } = createLoader(space, OPTIONS)
      const half = snapshot().subarray(0, 30_000)
      // An unknown form of string.
      if (spoil) half.fill(0xff, 29_000)
      if (spoil) expect(() => reader.feed(half)).toThrow()
      else reader.feed(half)
      if (!spoil) expect(space.usedBytes).toBeGreaterThan(before)
      reader.abandon()
      expect(space.usedBytes).toBe(before)
    }
  })
})
