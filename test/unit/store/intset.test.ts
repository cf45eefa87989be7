// The intset against a sorted array of bigints, and its bytes against those that follow from the array alone.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { INT64_MAX, INT64_MIN } from '../../../src/lib/decimal.ts'
import { int64ToBigInt } from '../../../src/lib/int64.ts'
import {
  INTSET_HEADER_BYTES,
  intsetBytes,
  intsetBytesWith,
  intsetGet,
  intsetInit,
  intsetInsert,
  intsetLength,
  intsetNumber,
  intsetRemove,
  intsetSearch,
  intsetValidate,
} from '../../../src/store/intset.ts'

const AT = 3
const wordsOf = (n: bigint): [number, number] => [Number(BigInt.asIntN(32, n >> 32n)), Number(BigInt.asUintN(32, n))]
const widthOf = (n: bigint): number => [2, 4, 8].find((width) => BigInt.asIntN(8 * width, n) === n)!

/** The bytes of a set whose widest integer had `width`. */
function encode(members: readonly bigint[], width: number): Buffer {
  const bytes = Buffer.alloc(INTSET_HEADER_BYTES + members.length * width)
  bytes.writeUInt32LE(width)
  bytes.writeUInt32LE(members.length, 4)
  members.forEach((n, i) => {
    for (let k = 0; k < width; k++) bytes[8 + i * width + k] = Number((n >> BigInt(8 * k)) & 0xffn)
  })
  return bytes
}

const near = (n: bigint): fc.Arbitrary<bigint> => fc.bigInt({ min: n - 3n, max: n + 3n })
const anyInt = fc
  .oneof(
    { weight: 5, arbitrary: fc.bigInt({ min: -40n, max: 40n }) },
    { weight: 2, arbitrary: fc.oneof(near(32767n), near(-32768n), near(70_000n)) },
    { weight: 2, arbitrary: fc.oneof(near(2n ** 31n), near(-(2n ** 31n)), near(2n ** 32n)) },
    { weight: 1, arbitrary: fc.oneof(near(INT64_MAX), near(INT64_MIN), near(2n ** 53n)) },
  )
  .filter((n) => n >= INT64_MIN && n <= INT64_MAX)

describe('an intset', () => {
  it('holds what a sorted array holds, byte by byte', () => {
    const step = fc.tuple(fc.boolean(), anyInt)
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120, size: 'max' }), (steps) => {
        let bytes = Buffer.alloc(AT + INTSET_HEADER_BYTES + 2, 0xaa)
        intsetInit(bytes, AT)
        let model: bigint[] = []
        let width = 2
        for (const [add, n] of steps) {
          const found = intsetSearch(bytes, AT, ...wordsOf(n))
          const index = model.indexOf(n)
          const place = model.filter((m) => m < n).length
          expect(found).toBe(index >= 0 ? index : -1 - place)
          if (add && index < 0) {
            const needed = intsetBytesWith(bytes, AT, ...wordsOf(n))
            const larger = Buffer.alloc(AT + needed + 2, 0xaa)
            bytes.copy(larger, 0, 0, AT + intsetBytes(bytes, AT))
            bytes = larger
            intsetInsert(bytes, AT, place, ...wordsOf(n))
            model = model.toSpliced(place, 0, n)
            width = Math.max(width, widthOf(n))
            expect(intsetBytes(bytes, AT)).toBe(needed)
          } else if (!add && index >= 0) {
            intsetRemove(bytes, AT, index)
            model = model.toSpliced(index, 1)
            bytes.fill(0xaa, AT + intsetBytes(bytes, AT))
          }
          const end = AT + intsetBytes(bytes, AT)
          expect(bytes.subarray(AT, end).equals(encode(model, width))).toBe(true)
          expect([...bytes.subarray(0, AT), ...bytes.subarray(end)].every((c) => c === 0xaa)).toBe(true)
        }
        expect(intsetLength(bytes, AT)).toBe(model.length)
        expect(intsetValidate(bytes, AT, intsetBytes(bytes, AT))).toBe(model.length > 0)
        const into = { high: 7, low: 7 }
        model.forEach((n, i) => {
          intsetGet(bytes, AT, i, into)
          expect(int64ToBigInt(into.high, into.low)).toBe(n)
          expect(intsetNumber(bytes, AT, i)).toBe(Number(n))
        })
      }),
      { numRuns: 300 },
    )
  })

  it('is refused unless width, length and order are right', () => {
    const sound = (bytes: Buffer): boolean => intsetValidate(bytes, 0, bytes.length)
    for (const width of [2, 4, 8]) {
      const whole = encode([-5n, 3n, 700n], width)
      expect(sound(whole)).toBe(true)
      for (let length = 0; length < whole.length; length++) expect(sound(whole.subarray(0, length))).toBe(false)
      expect(sound(Buffer.concat([whole, Buffer.alloc(width)]))).toBe(false)
      expect(intsetValidate(whole, 0, whole.length + 1)).toBe(false)
      expect(sound(encode([3n, -5n], width))).toBe(false)
      expect(sound(encode([3n, 3n], width))).toBe(false)
      expect(sound(encode([], width))).toBe(false)
    }
    for (const width of [0, 1, 3, 16]) {
      const bytes = encode([1n], 2)
      bytes[0] = width
      expect(sound(bytes)).toBe(false)
    }
    const wide = encode([1n], 2)
    wide[1] = 1
    expect(sound(wide)).toBe(false)
    // A length whose product with the width overflows 32 bits.
    const long = encode([1n, 2n], 8)
    long.writeUInt32LE(0x20000002, 4)
    expect(sound(long)).toBe(false)
  })
})
