// RDB both ways: what the writer writes the reader reads, however it is cut; every encoding; damage is refused with a
// typed error. Files of a real redis-server are the matter of test/compat/rdb.test.ts.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { RdbError, type RdbErrorCode } from '../../../src/codec/rdb-format.ts'
import { createRdbReader, type RdbReaderOptions } from '../../../src/codec/rdb-reader.ts'
import { canonicalInt32 } from '../../../src/codec/rdb-string.ts'
import { createRdbWriter } from '../../../src/codec/rdb-writer.ts'
import { crc64, writeCrc64 } from '../../../src/lib/crc64.ts'

interface Key {
  db: number
  key: string
  value: string
  expireMs: number
}

const string = fc.oneof(
  { weight: 3, arbitrary: fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes).toString('latin1')) },
  { weight: 2, arbitrary: fc.integer().map(String) },
  { weight: 1, arbitrary: fc.constantFrom('0', '-0', '+1', '007', '-128', '127', '128', '-32769', '2147483648', '') },
  { weight: 2, arbitrary: fc.tuple(fc.constantFrom('ab', 'x', '\xff\0'), fc.nat(500)).map(([s, n]) => s.repeat(n)) },
)
const keys: fc.Arbitrary<Key[]> = fc
  .array(
    fc.record({
      db: fc.nat(15),
      key: string,
      value: string,
      expireMs: fc.oneof(fc.constant(-1), fc.maxSafeNat()),
    }),
    { maxLength: 30 },
  )
  .map((list) => list.sort((a, b) => a.db - b.db))

function write(entries: readonly Key[], options: { compress?: boolean; checksum?: boolean; chunkBytes?: number } = {}) {
  const chunks: Uint8Array[] = []
  const writer = createRdbWriter({ emit: (chunk) => chunks.push(chunk), compress: true, checksum: true, ...options })
  writer.begin([
    ['redis-ver', '7.0.15'],
    ['redis-bits', '64'],
  ])
  let db = -1
  for (const entry of entries) {
    if (entry.db !== db) {
      writer.selectDb(entry.db)
      writer.resizeDb(entries.length, 0)
    }
    db = entry.db
    const key = Buffer.from(`..${entry.key}`, 'latin1')
    const value = Buffer.from(`...${entry.value}.`, 'latin1')
    writer.blob(0, key, 2, key.length, value, 3, value.length - 1, entry.expireMs)
  }
  writer.end()
  const file = Buffer.concat(chunks)
  return { file, chunks }
}

function read(pieces: readonly Uint8Array[], options?: RdbReaderOptions) {
  const entries: Key[] = []
  const aux: [string, string][] = []
  const reader = createRdbReader(
    {
      onEntry: (e) =>
        entries.push({
          db: e.db,
          key: Buffer.from(e.key.slice(e.keyStart, e.keyEnd)).toString('latin1'),
          value: Buffer.from(e.value.slice(e.valueStart, e.valueEnd)).toString('latin1'),
          expireMs: e.expireMs,
        }),
      onAux: (name, value) => aux.push([name, value]),
    },
    options,
  )
  let taken = 0
  for (const piece of pieces) {
    const copy = Uint8Array.from(piece)
    taken += reader.feed(copy)
    copy.fill(0xee) // the caller may reuse its buffer
  }
  reader.end()
  return { entries, aux, taken, reader }
}

/** A file of version 9 around a body written by hand, with a right checksum. */
function handmade(body: readonly number[], version = '0009'): Buffer {
  const file = Buffer.concat([Buffer.from(`REDIS${version}`), Buffer.from([...body, 255]), Buffer.alloc(8)])
  writeCrc64(crc64(file, 0, file.length - 8), file, file.length - 8)
  return file
}

const codeOf = (run: () => unknown): RdbErrorCode | undefined => {
  try {
    run()
  } catch (error) {
    if (error instanceof RdbError) return error.code
    throw error
  }
  return undefined
}
const text = (s: string): number[] => [s.length, ...Buffer.from(s, 'latin1')]

describe('a round trip', () => {
  it('keeps every entry, with and without compression, in chunks of any size', () => {
    fc.assert(
      fc.property(keys, fc.boolean(), fc.integer({ min: 64, max: 5000 }), (entries, compress, chunkBytes) => {
        const { file, chunks } = write(entries, { compress, chunkBytes })
        expect(chunks.every((chunk) => chunk.length <= chunkBytes)).toBe(true)
        const back = read([file])
        expect(back.entries).toEqual(entries)
        expect(back.taken).toBe(file.length)
        expect(back.aux).toEqual([
          ['redis-ver', '7.0.15'],
          ['redis-bits', '64'],
        ])
      }),
    )
  })

  it('does not depend on where the stream is cut', () => {
    fc.assert(
      fc.property(keys, fc.array(fc.nat(), { maxLength: 12 }), (entries, cuts) => {
        const { file } = write(entries)
        const at = [0, ...cuts.map((cut) => cut % file.length).sort((a, b) => a - b), file.length]
        const pieces = at.slice(1).map((end, i) => file.subarray(at[i], end))
        expect(read(pieces).entries).toEqual(entries)
      }),
    )
  })

  it('can be fed byte by byte', () => {
    const entries = [
      { db: 0, key: 'a', value: '12345', expireMs: 1 },
      { db: 3, key: 'k'.repeat(300), value: 'v'.repeat(20_000), expireMs: -1 },
    ]
    expect(read(Array.from(write(entries).file, (byte) => Uint8Array.of(byte))).entries).toEqual(entries)
  })

  it('holds for values larger than a chunk, compressible or not', () => {
    const noise = Buffer.alloc(300_000, Buffer.from(Array.from({ length: 9973 }, (_, i) => (i * i * 31 + i) & 0xff)))
    const entries = [noise.toString('latin1'), 'z'.repeat(200_000), 'z'.repeat(1_000_000), '7'].map((value, i) => ({
      db: 0,
      key: `k${i}`,
      value,
      expireMs: 5,
    }))
    expect(read([write(entries).file]).entries).toEqual(entries)
  })

  it('writes a zero checksum when told not to sum, which readers take', () => {
    const { file } = write([{ db: 0, key: 'a', value: 'b', expireMs: -1 }], { checksum: false })
    expect(file.subarray(-8)).toEqual(Buffer.alloc(8))
    expect(read([file]).entries.length).toBe(1)
  })

  it('takes no byte behind the end', () => {
    const { file } = write([{ db: 0, key: 'a', value: 'b', expireMs: -1 }])
    const { taken, reader } = read([Buffer.concat([file, Buffer.from('rest')])])
    expect(taken).toBe(file.length)
    expect(() => reader.end()).not.toThrow()
    expect(reader.feed(Buffer.from('more'))).toBe(0)
  })
})

describe('the reader', () => {
  it('reads what only older or richer servers write', () => {
    const second = [253, 0x10, 0, 0, 0, 248, 5, 249, 7, 0, ...text('s'), ...text('v')]
    const moduleAux = [247, 1, 2, 2, 1, 9, 2, 9, 3, 1, 2, 3, 4, 4, 1, 2, 3, 4, 5, 6, 7, 8, 5, ...text('xy'), 0]
    const wide = [0, 0x80, 0, 0, 0, 1, 107, 0x81, 0, 0, 0, 0, 0, 0, 0, 1, 118]
    const { entries } = read([handmade([...moduleAux, ...second, ...wide])])
    expect(entries).toEqual([
      { db: 0, key: 's', value: 'v', expireMs: 16_000 },
      { db: 0, key: 'k', value: 'v', expireMs: -1 },
    ])
  })

  it('reads files without checksum, as before version 5', () => {
    const file = handmade([0, ...text('k'), ...text('v')], '0003')
    expect(read([file.subarray(0, -8)]).entries.length).toBe(1)
  })

  it.each([
    [1, 'list'],
    [2, 'set'],
    [3, 'sorted set'],
    [4, 'hash'],
    [5, 'sorted set (binary scores)'],
    [7, 'module value'],
    [9, 'hash (zipmap)'],
    [11, 'set (intset)'],
    [15, 'stream (listpacks)'],
    [16, 'hash (listpack)'],
    [17, 'sorted set (listpack)'],
    [18, 'list (quicklist of listpacks)'],
    [21, 'stream (listpacks, version 3)'],
  ])('refuses a value of type %i by the name of type and key', (type, name) => {
    const run = () => read([handmade([type, ...text('my key\n'), 0])])
    expect(codeOf(run)).toBe('unsupported')
    expect(run).toThrow(`not yet supported: value of type ${name} (${type}) at key 'my key?'`)
  })

  it('refuses functions instead of losing them', () => {
    expect(codeOf(() => read([handmade([245, ...text('#!lua name=x')])]))).toBe('unsupported')
  })

  it.each<[string, RdbErrorCode, Uint8Array, RdbReaderOptions?]>([
    ['another file', 'signature', Buffer.from('GIF89a....')],
    ['a newer version', 'version', handmade([], '0013')],
    ['version 0', 'version', handmade([], '0000')],
    ['an unknown opcode', 'corrupt', handmade([200])],
    ['an unknown string encoding', 'corrupt', handmade([0, 0xc4, 0])],
    ['an unknown length encoding', 'corrupt', handmade([0, 0x82, 0])],
    ['a database out of range', 'limit', handmade([254, 16])],
    ['a string beyond the limit', 'limit', handmade([0, ...text('k'), 0x80, 0, 0, 1, 0]), { stringBytesMax: 255 }],
    ['a string of 2^60 bytes', 'limit', handmade([0, ...text('k'), 0x81, 16, 0, 0, 0, 0, 0, 0, 0])],
    ['a compressed string that claims too much', 'corrupt', handmade([0, 0xc3, 2, 0x80, 1, 0, 0, 0, 0, 0])],
    ['a damaged compressed string', 'corrupt', handmade([0, 0xc3, 4, 30, 0, 97, 0x20, 9])],
    ['a cut file', 'truncated', handmade([0, ...text('k'), ...text('v')]).subarray(0, -1)],
    ['no bytes at all', 'truncated', Buffer.alloc(0)],
  ])('refuses %s', (_, code, file, options) => {
    expect(codeOf(() => read([file], options))).toBe(code)
  })

  it('finds every flipped bit by the checksum, if by nothing else', () => {
    const { file } = write([
      { db: 0, key: 'key', value: 'x'.repeat(100), expireMs: 77 },
      { db: 9, key: 'n', value: '-77', expireMs: -1 },
    ])
    for (let bit = 0; bit < file.length * 8; bit++) {
      const bad = Buffer.from(file)
      bad[bit >> 3]! ^= 1 << (bit & 7)
      expect(
        codeOf(() => read([bad])),
        `bit ${bit}`,
      ).toBeDefined()
    }
  })

  it('takes a wrong checksum when told not to verify', () => {
    const { file } = write([{ db: 0, key: 'a', value: 'b', expireMs: -1 }])
    file[file.length - 1]! ^= 1
    expect(codeOf(() => read([file]))).toBe('checksum')
    expect(read([file], { checksum: false }).entries.length).toBe(1)
  })

  it('answers any mutation with entries or a typed error, never with anything else', () => {
    const mutation = fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 }))
    fc.assert(
      fc.property(keys, fc.array(mutation, { minLength: 1, maxLength: 6 }), fc.nat(), (entries, mutations, cut) => {
        const { file } = write(entries)
        for (const [at, byte] of mutations) file[at % file.length] = byte
        const middle = cut % file.length
        codeOf(() => read([file.subarray(0, middle), file.subarray(middle)], { checksum: false }))
      }),
      { numRuns: 1000 },
    )
  })

  it('answers random bytes behind a header with entries or a typed error', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        codeOf(() => read([Buffer.from('REDIS0011'), bytes], { checksum: false, stringBytesMax: 1 << 16 }))
      }),
      { numRuns: 2000 },
    )
  })
})

describe('canonicalInt32', () => {
  it('takes exactly the texts that a 32-bit integer prints as', () => {
    fc.assert(
      fc.property(fc.oneof(string, fc.integer().map(String), fc.bigInt().map(String)), (s) => {
        const bytes = Buffer.from(s, 'latin1')
        const number = canonicalInt32(bytes, 0, bytes.length)
        const canonical = s !== '' && String(Number(s) | 0) === s
        expect(Number.isNaN(number)).toBe(!canonical)
        if (canonical) expect(number).toBe(Number(s))
      }),
    )
  })
})
