// Bits and fields against plain models: a string of the characters 0 and 1, and bigints.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { addToField, readField, writeField } from '../../../src/types/bitfield.ts'
import {
  type BitOperation,
  bitAt,
  combineBits,
  countOnes,
  countOnesInBits,
  findBit,
} from '../../../src/types/bitmap.ts'

/** Runs of equal bytes, so that long stretches of zeros and of ones occur, and lengths around words and chunks. */
const bytes = fc
  .array(
    fc.tuple(
      fc.constantFrom(0, 0xff, 0x80, 1, 0x5a),
      fc.oneof(fc.integer({ min: 1, max: 9 }), fc.constantFrom(16_384, 16_383, 33_000)),
    ),
    { minLength: 1, maxLength: 6 },
  )
  .map((runs) => Buffer.concat(runs.map(([byte, length]) => Buffer.alloc(length, byte))))
const NUM_RUNS = 150

const bitsOf = (buffer: Uint8Array): string => Array.from(buffer, (byte) => byte.toString(2).padStart(8, '0')).join('')
/** The same bytes at an odd place among others. */
const displaced = (buffer: Buffer): { all: Buffer; start: number; end: number } => {
  const all = Buffer.concat([Buffer.alloc(3, 0xa5), buffer, Buffer.alloc(3, 0x5a)])
  return { all, start: 3, end: 3 + buffer.length }
}
const ranged = fc.tuple(bytes, fc.nat(), fc.nat()).map(([buffer, a, b]) => {
  const [x, y] = [a % (buffer.length * 8), b % (buffer.length * 8)]
  return { buffer, first: Math.min(x, y), last: Math.max(x, y) }
})

describe('bits', () => {
  it('are counted in any range', () => {
    fc.assert(
      fc.property(ranged, ({ buffer, first, last }) => {
        const bits = bitsOf(buffer)
        const { all, start, end } = displaced(buffer)
        expect(countOnes(all, start, end)).toBe(bits.replaceAll('0', '').length)
        const expected = bits.slice(first, last + 1).replaceAll('0', '').length
        expect(countOnesInBits(all, start, first, last)).toBe(expected)
      }),
      { numRuns: NUM_RUNS },
    )
  })

  it('are found in any range', () => {
    fc.assert(
      fc.property(ranged, fc.constantFrom(0, 1), ({ buffer, first, last }, bit) => {
        const { all, start } = displaced(buffer)
        const at = bitsOf(buffer)
          .slice(0, last + 1)
          .indexOf(String(bit), first)
        expect(findBit(all, start, first, last, bit)).toBe(at)
      }),
      { numRuns: NUM_RUNS },
    )
  })

  it('are read one by one, and are 0 behind the end', () => {
    fc.assert(
      fc.property(bytes, fc.nat(), (buffer, n) => {
        const { all, start, end } = displaced(buffer)
        const position = n % (buffer.length * 8 + 20)
        expect(bitAt(all, start, end, position)).toBe(Number(bitsOf(buffer)[position] ?? '0'))
      }),
      { numRuns: NUM_RUNS },
    )
  })

  it('are combined as if short strings went on with zeros', () => {
    const model: Record<BitOperation, (a: number, b: number) => number> = {
      and: (a, b) => a & b,
      or: (a, b) => a | b,
      xor: (a, b) => a ^ b,
      not: (a) => a,
    }
    fc.assert(
      fc.property(
        fc.constantFrom<BitOperation>('and', 'or', 'xor'),
        fc.array(fc.oneof(bytes, fc.constant(Buffer.alloc(0))), { minLength: 1, maxLength: 4 }),
        (operation, sources) => {
          const length = Math.max(...sources.map((source) => source.length))
          const at = (source: Buffer, i: number): number => source[i] ?? 0
          const expected = Buffer.from(
            Array.from({ length }, (_, i) => sources.map((s) => at(s, i)).reduce(model[operation])),
          )
          expect(
            combineBits(
              operation,
              sources.map((s) => displaced(s).all.subarray(3, 3 + s.length)),
            ).equals(expected),
          ).toBe(true)
        },
      ),
      { numRuns: NUM_RUNS },
    )
    fc.assert(
      fc.property(bytes, (source) => {
        expect(combineBits('not', [source]).equals(Buffer.from(source.map((byte) => ~byte)))).toBe(true)
      }),
      { numRuns: NUM_RUNS },
    )
  })
})

const type = fc
  .tuple(fc.boolean(), fc.integer({ min: 1, max: 64 }))
  .map(([signed, bits]) => ({ signed, bits: signed ? bits : Math.min(bits, 63) }))

describe('fields', () => {
  it('read back as written, and nothing beside them changes', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 30, maxLength: 30 }),
        type,
        fc.integer({ min: 0, max: 176 }),
        fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
        (before, { signed, bits }, position, value) => {
          const { all, start, end } = displaced(Buffer.from(before))
          writeField(all, start, position, bits, value)
          const written = BigInt.asUintN(bits, value)
          const model = bitsOf(before)
          const expected =
            model.slice(0, position) + written.toString(2).padStart(bits, '0') + model.slice(position + bits)
          expect(bitsOf(all.subarray(start, end))).toBe(expected)
          expect(readField(all, start, end, position, { signed, bits })).toBe(
            signed ? BigInt.asIntN(bits, value) : written,
          )
        },
      ),
    )
  })

  it('are 0 behind the end', () => {
    const all = Buffer.alloc(8, 0xff)
    expect(readField(all, 0, 2, 8, { signed: false, bits: 16 })).toBe(0xff00n)
    expect(readField(all, 0, 2, 16, { signed: true, bits: 64 })).toBe(0n)
  })

  it.each([
    [127n, 1n, 'wrap', -128n],
    [127n, 1n, 'sat', 127n],
    [127n, 1n, 'fail', undefined],
    [-128n, -1n, 'wrap', 127n],
    [-128n, -1n, 'sat', -128n],
    [-128n, -1n, 'fail', undefined],
    [100n, 27n, 'fail', 127n],
  ] as const)('of 8 signed bits: %i + %i, %s: %s', (value, increment, overflow, sum) => {
    expect(addToField(value, increment, { signed: true, bits: 8 }, overflow)).toBe(sum)
  })

  it('stay within their type whatever is added', () => {
    fc.assert(
      fc.property(
        type,
        fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
        fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
        fc.constantFrom('wrap' as const, 'sat' as const, 'fail' as const),
        ({ signed, bits }, n, increment, overflow) => {
          const asType = (x: bigint): bigint => (signed ? BigInt.asIntN(bits, x) : BigInt.asUintN(bits, x))
          const value = asType(n)
          const exact = value + increment
          const max = signed ? 2n ** BigInt(bits - 1) - 1n : 2n ** BigInt(bits) - 1n
          const min = signed ? -(2n ** BigInt(bits - 1)) : 0n
          const nearest = exact > max ? max : exact < min ? min : exact
          const expected = { wrap: asType(exact), sat: nearest, fail: nearest === exact ? exact : undefined }[overflow]
          expect(addToField(value, increment, { signed, bits }, overflow)).toBe(expected)
        },
      ),
    )
  })
})
