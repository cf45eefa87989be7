// Hashes whose fields expire, as Redis 7.4 writes them: by hand from the format's description, since no such server is here. One by one (24)
// and as a listpack (25); and whatever somebody makes of such a payload is refused or read, and leaves nothing in memory.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readDump } from '../../../src/codec/dump.ts'
import { crc64, writeCrc64 } from '../../../src/lib/crc64.ts'
import { Arena } from '../../../src/store/arena.ts'
import { LP_EMPTY_BYTES, lpAppend, lpAppendInteger, lpBytes, lpInit } from '../../../src/store/listpack.ts'
import { Nodes } from '../../../src/store/nodes.ts'
import { DEFAULT_LIMITS } from '../../../src/types/builder.ts'
import { fieldExpiry } from '../../../src/types/expiring-hash.ts'
import { HASH_EXPIRING, HASH_LISTPACK, hashForEach } from '../../../src/types/hash.ts'
import { partsEncoding } from '../../../src/types/table.ts'

type Fields = readonly (readonly [field: string, value: string, atMs: number])[]

const FIELDS: Fields = [
  ['a', '1', 1_800_000_000_500],
  ['b', 'two', 0],
  ['c', '3', 1_800_000_000_000],
]
const FIRST = Buffer.alloc(8)
FIRST.writeBigUInt64LE(1_800_000_000_000n)

/** A payload of a type byte and a body, of version 12. */
function sealed(type: number, ...body: Uint8Array[]): Buffer {
  const payload = Buffer.concat([Uint8Array.of(type), ...body, Uint8Array.of(12, 0), Buffer.alloc(8)])
  writeCrc64(crc64(payload, 0, payload.length - 8), payload, payload.length - 8)
  return payload
}

const string = (text: string): Buffer => Buffer.concat([Uint8Array.of(text.length), Buffer.from(text, 'latin1')])

/** Each field behind its expiry: how much later than the earliest one, plus one, in 14 bits. */
function oneByOne(fields: Fields): Buffer {
  const later = (atMs: number): Uint8Array => {
    const n = atMs === 0 ? 0 : atMs - 1_800_000_000_000 + 1
    return Uint8Array.of(0x40 | (n >>> 8), n & 0xff)
  }
  const parts = fields.flatMap(([field, value, atMs]) => [later(atMs), string(field), string(value)])
  return sealed(24, FIRST, Uint8Array.of(fields.length), ...parts)
}

function listpack(fields: Fields): Buffer {
  const bytes = Buffer.alloc(LP_EMPTY_BYTES + 200)
  lpInit(bytes, 0)
  for (const [field, value, atMs] of fields) {
    lpAppend(bytes, 0, Buffer.from(field), 0, field.length)
    lpAppend(bytes, 0, Buffer.from(value), 0, value.length)
    lpAppendInteger(bytes, 0, atMs)
  }
  return sealed(25, FIRST, string(bytes.toString('latin1', 0, lpBytes(bytes, 0))))
}

/** Reads a payload; what it held, and that nothing stays in memory. */
function read(payload: Buffer): { fault: string | undefined; kind: number; fields: Fields } {
  const arena = new Arena()
  const nodes = new Nodes(arena, { k0: 1, k1: 2 })
  const content = readDump(payload, 0, payload.length, { build: { nodes, limits: DEFAULT_LIMITS } })
  const fields: [string, string, number][] = []
  let kind = 0
  if (content.fault === undefined) {
    const { root, start, end } = content
    kind = content.kind
    const bytes = Buffer.from(content.bytes.buffer, content.bytes.byteOffset, content.bytes.byteLength)
    hashForEach({ nodes, encoding: kind === HASH_EXPIRING ? 9 : 0, root, bytes, start, end }, (field, value) => {
      const name = field.bytes.toString('latin1', field.start, field.end)
      const atMs = kind === HASH_EXPIRING ? fieldExpiry(nodes, root, field.bytes, field.start, field.end) : Number.NaN
      fields.push([name, value.bytes.toString('latin1', value.start, value.end), Number.isNaN(atMs) ? 0 : atMs])
    })
    if (root !== 0) {
      const walk = partsEncoding(kind).walk(nodes, root, undefined, (h) => nodes.free(h))
      while (!walk.next().done);
    }
  }
  expect(arena.usedBytes + arena.huge.usedBytes).toBe(0)
  return { fault: content.fault, kind, fields: fields.sort(([a], [b]) => (a < b ? -1 : 1)) }
}

describe.each([
  ['one by one', oneByOne],
  ['as a listpack', listpack],
] as const)('hashes whose fields expire, %s', (_, make) => {
  it('are read', () => {
    expect(read(make(FIELDS))).toEqual({ fault: undefined, kind: HASH_EXPIRING, fields: FIELDS })
  })

  it('are ordinary ones if no field has an expiry', () => {
    const plain = FIELDS.map(([field, value]) => [field, value, 0] as const)
    expect(read(make(plain))).toEqual({ fault: undefined, kind: HASH_LISTPACK, fields: plain })
  })

  it('are refused if a field comes twice', () => {
    expect(read(make([...FIELDS, ['a', 'x', 0]])).fault).toBe('format')
  })

  it('break nothing, whatever was made of them', () => {
    const valid = make(FIELDS)
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(valid.length - 11), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        (changes) => {
          const body = Buffer.from(valid.subarray(0, valid.length - 10))
          for (const [at, byte] of changes) if (at > 0) body[at] = byte
          read(sealed(body[0]!, body.subarray(1)))
        },
      ),
      { numRuns: 300 },
    )
  })
})
