// Values of types other than strings as payloads: what was dumped is what is read, in every encoding; and whatever somebody makes
// of a payload, with the right checksum, is refused or read, but breaks nothing and leaves nothing in memory.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { dumpValue, readDump } from '../../../src/codec/dump.ts'
import { crc64, writeCrc64 } from '../../../src/lib/crc64.ts'
import { Arena } from '../../../src/store/arena.ts'
import { type NodeBytes, Nodes } from '../../../src/store/nodes.ts'
import { type BuiltValue, DEFAULT_LIMITS } from '../../../src/types/builder.ts'
import { createHashBuilder, HASH_LISTPACK, HASH_TABLE, hashForEach } from '../../../src/types/hash.ts'
import { partsEncoding } from '../../../src/types/table.ts'
import type { ValueSource } from '../../../src/types/value-type.ts'

const LIMITS = { ...DEFAULT_LIMITS, 'hash-max-listpack-entries': 6, 'hash-max-listpack-value': 30 }

interface World {
  readonly arena: Arena
  readonly nodes: Nodes
}

function newWorld(): World {
  const arena = new Arena()
  return { arena, nodes: new Nodes(arena, { k0: 1, k1: 2 }) }
}

function sourceOf(nodes: Nodes, { root, bytes, start, end }: BuiltValue): ValueSource {
  return { nodes, encoding: 0, root, bytes: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), start, end }
}

function release(nodes: Nodes, { kind, root }: BuiltValue): void {
  if (root === 0) return
  const walk = partsEncoding(kind).walk(nodes, root, undefined, (h) => nodes.free(h))
  while (!walk.next().done);
}

function hashOf(nodes: Nodes, fields: readonly (readonly [string, string])[]): BuiltValue {
  const builder = createHashBuilder(nodes, LIMITS)
  for (const [f, v] of fields) builder.set(Buffer.from(f, 'latin1'), 0, f.length, Buffer.from(v, 'latin1'), 0, v.length)
  return builder.finish()
}

function fieldsOf(nodes: Nodes, value: BuiltValue): Map<string, string> {
  const found = new Map<string, string>()
  const text = ({ bytes, start, end }: NodeBytes): string => bytes.toString('latin1', start, end)
  hashForEach(sourceOf(nodes, value), (f, v) => found.set(text(f), text(v)))
  return found
}

/** A payload of a type byte and a body. */
function sealed(type: number, body: Uint8Array): Buffer {
  const payload = Buffer.concat([Uint8Array.of(type), body, Uint8Array.of(10, 0), Buffer.alloc(8)])
  writeCrc64(crc64(payload, 0, payload.length - 8), payload, payload.length - 8)
  return payload
}

const shortString = (bytes: Uint8Array): Buffer =>
  Buffer.concat([Uint8Array.of(0x40 | (bytes.length >>> 8), bytes.length), bytes])

/** A ziplist of short strings. */
function ziplist(strings: readonly string[]): Buffer {
  let previous = 0
  let tail = 10
  let at = 10
  const entries = strings.map((text) => {
    const entry = Buffer.concat([Uint8Array.of(previous, text.length), Buffer.from(text, 'latin1')])
    tail = at
    at += entry.length
    previous = entry.length
    return entry
  })
  const header = Buffer.alloc(10)
  header.writeUInt32LE(at + 1, 0)
  header.writeUInt32LE(tail, 4)
  header.writeUInt16LE(strings.length, 8)
  return Buffer.concat([header, ...entries, Uint8Array.of(0xff)])
}

function zipmap(strings: readonly string[]): Buffer {
  const items = strings.map((text, i) =>
    Buffer.concat([
      Uint8Array.of(text.length),
      i % 2 === 1 ? Uint8Array.of(2) : Buffer.alloc(0),
      Buffer.from(text, 'latin1'),
      Buffer.alloc(i % 2 === 1 ? 2 : 0),
    ]),
  )
  return Buffer.concat([Uint8Array.of(strings.length / 2), ...items, Uint8Array.of(0xff)])
}

const anyText = fc.oneof(
  { weight: 5, arbitrary: fc.string({ unit: 'binary-ascii', maxLength: 20 }) },
  { weight: 2, arbitrary: fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n).map(String) },
  { weight: 1, arbitrary: fc.constantFrom('x'.repeat(50), 'y'.repeat(2000), 'z'.repeat(90_000)) },
)
const anyFields = fc.uniqueArray(fc.tuple(anyText, anyText), { minLength: 1, maxLength: 60, selector: ([f]) => f })

describe('payloads of hashes', () => {
  it('are read as what was dumped', () => {
    fc.assert(
      fc.property(anyFields, fc.boolean(), (fields, compress) => {
        const { arena, nodes } = newWorld()
        const built = hashOf(nodes, fields)
        const payload = dumpValue(built.kind, sourceOf(nodes, built), compress)
        expect(payload[0]).toBe(built.kind === HASH_LISTPACK ? 16 : 4)
        const content = readDump(payload, 0, payload.length, { build: { nodes, limits: LIMITS } })
        if (content.fault !== undefined) throw new Error(content.message)
        expect(content.kind).toBe(built.kind)
        expect(fieldsOf(nodes, content)).toEqual(new Map(fields))
        release(nodes, built)
        release(nodes, content)
        expect(arena.usedBytes + arena.huge.usedBytes).toBe(0)
      }),
      { numRuns: 200 },
    )
  })

  it('of old and of other limits are converted', () => {
    const { nodes } = newWorld()
    const few = ['a', '1', 'bb', '22']
    const many = Array.from({ length: 20 }, (_, i) => `s${i}`)
    for (const [type, body] of [
      [13, shortString(ziplist(few))],
      [9, shortString(zipmap(few))],
      [13, shortString(ziplist(many))],
      [9, shortString(zipmap(many))],
    ] as const) {
      const payload = sealed(type, body)
      const content = readDump(payload, 0, payload.length, { build: { nodes, limits: LIMITS } })
      if (content.fault !== undefined) throw new Error(content.message)
      const expected = fieldsOf(nodes, content)
      expect(content.kind).toBe(expected.size > LIMITS['hash-max-listpack-entries'] ? HASH_TABLE : HASH_LISTPACK)
      const strings = expected.size > 6 ? many : few
      expect([...expected].flat().sort()).toEqual([...strings].sort())
    }
  })

  it('that somebody has changed are refused or read, and nothing breaks or stays', () => {
    const { arena, nodes } = newWorld()
    const small = ['field', 'value', 'f', '12', 'g', '70000']
    const bodies: [number, Buffer][] = [
      [13, shortString(ziplist(small))],
      [9, shortString(zipmap(small))],
    ]
    for (const count of [3, 40]) {
      const built = hashOf(
        nodes,
        Array.from({ length: count }, (_, i) => [`field ${i}`, `${i * 999}`]),
      )
      const payload = dumpValue(built.kind, sourceOf(nodes, built), false)
      bodies.push([payload[0]!, Buffer.from(payload.subarray(1, payload.length - 10))])
      release(nodes, built)
    }
    expect(arena.usedBytes).toBe(0)
    let refused = 0
    let read = 0
    fc.assert(
      fc.property(
        fc.constantFrom(...bodies),
        fc.array(fc.tuple(fc.nat(), fc.oneof(fc.nat(255), fc.constantFrom(0, 1, 0x7f, 0x80, 0xf0, 0xfe, 0xff))), {
          minLength: 1,
          maxLength: 4,
        }),
        fc.option(fc.nat(), { nil: undefined }),
        ([type, body], changes, cut) => {
          const changed = Buffer.from(body)
          for (const [at, byte] of changes) changed[at % changed.length] = byte
          const payload = sealed(type, cut === undefined ? changed : changed.subarray(0, cut % changed.length))
          const content = readDump(payload, 0, payload.length, { build: { nodes, limits: LIMITS } })
          if (content.fault !== undefined) {
            refused++
          } else {
            read++
            fieldsOf(nodes, content)
            release(nodes, content)
          }
          expect(arena.usedBytes + arena.huge.usedBytes).toBe(0)
        },
      ),
      { numRuns: 5000 },
    )
    expect(refused).toBeGreaterThan(100)
    expect(read).toBeGreaterThan(100)
  })
})

describe('payloads that Redis refuses, too', () => {
  const bytes = (...parts: (number | string)[]): Buffer =>
    Buffer.from(parts.map((part) => (typeof part === 'number' ? String.fromCharCode(part) : part)).join(''), 'latin1')

  it.each([
    [
      'a zipmap whose field has a long length for a short text',
      9,
      shortString(bytes(1, 254, 1, 0, 0, 0, 'f', 1, 0, 'v', 255)),
    ],
    ['a zipmap whose value has one', 9, shortString(bytes(1, 1, 'f', 254, 1, 0, 0, 0, 0, 'v', 255))],
    ['a list with an element of its own that has no bytes', 18, bytes(1, 1, 0)],
    ['a list with a listpack of no bytes', 18, bytes(1, 2, 0)],
    ['a list with a ziplist of no bytes', 14, bytes(1, 0)],
  ])('%s', (_, type, body) => {
    const { arena, nodes } = newWorld()
    const payload = sealed(type, body)
    const content = readDump(payload, 0, payload.length, { build: { nodes, limits: LIMITS } })
    expect(content.fault).toBe('format')
    expect(arena.usedBytes + arena.huge.usedBytes).toBe(0)
  })
})
