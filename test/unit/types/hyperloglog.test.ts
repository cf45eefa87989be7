// HyperLogLogs against a plain model, an array of 16384 registers: sparse and dense ones say the same, whatever the order and
// the limit, and a sparse one stays canonical enough to be walked.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Hash64, murmur64 } from '../../../src/lib/murmur64.ts'
import {
  copySketch,
  DENSE_BYTES,
  denseRegister,
  emptySketch,
  estimate,
  histogramIn,
  histogramOf,
  isDense,
  isHyperLogLog,
  knownEstimate,
  mergeInto,
  type Place,
  placeOf,
  REGISTERS,
  raise,
  type Sketch,
  setDenseRegister,
  setEstimate,
  toDense,
} from '../../../src/types/hyperloglog.ts'

const registersOf = ({ bytes, length }: Sketch): Uint8Array => {
  const registers = new Uint8Array(REGISTERS)
  mergeInto(registers, bytes, 0, length)
  return registers
}
/** Neighbours, so that runs are joined and split, and ranks that sparse ones cannot hold. */
const raises = fc.array(
  fc.tuple(
    fc.oneof(fc.integer({ min: 0, max: 12 }), fc.integer({ min: 16_370, max: 16_383 }), fc.nat(16_383)),
    fc.oneof({ weight: 30, arbitrary: fc.integer({ min: 1, max: 4 }) }, fc.integer({ min: 1, max: 51 })),
  ),
  { maxLength: 200 },
)

/** The same by the definition, in bigints. */
function murmurModel(bytes: Uint8Array, seed: bigint): bigint {
  const m = 0xc6a4a7935bd1e995n
  const mul = (a: bigint): bigint => BigInt.asUintN(64, a * m)
  let h = seed ^ mul(BigInt(bytes.length))
  const whole = bytes.length - (bytes.length % 8)
  const word = (from: number, to: number): bigint =>
    bytes.slice(from, to).reduce((sum, byte, i) => sum | (BigInt(byte) << BigInt(8 * i)), 0n)
  for (let i = 0; i < whole; i += 8) {
    const k = mul(word(i, i + 8))
    h = mul(h ^ mul(k ^ (k >> 47n)))
  }
  if (whole < bytes.length) h = mul(h ^ word(whole, bytes.length))
  h = mul(h ^ (h >> 47n))
  return h ^ (h >> 47n)
}

describe('the hash', () => {
  it('is that of the definition', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), fc.integer({ min: 0, max: 3 }), (bytes, skipped) => {
        const hash: Hash64 = { high: 0, low: 0 }
        const start = Math.min(skipped, bytes.length)
        murmur64(hash, bytes, start, bytes.length, 0xadc83b19)
        const expected = murmurModel(bytes.slice(start), 0xadc83b19n)
        expect((BigInt(hash.high) << 32n) | BigInt(hash.low)).toBe(expected)
        const place: Place = { index: 0, rank: 0 }
        placeOf(place, bytes, start, bytes.length)
        const rest = (expected >> 14n) | (1n << 50n)
        const zeros = rest.toString(2).length - rest.toString(2).lastIndexOf('1') - 1
        expect(place).toEqual({ index: Number(expected & 16_383n), rank: zeros + 1 })
      }),
      { numRuns: 1000 },
    )
  })
})

describe('registers', () => {
  it('are the highest rank that each was raised to, sparse, dense, or first one and then the other', () => {
    fc.assert(
      fc.property(raises, fc.constantFrom(0, 40, 200, 3000), (list, limit) => {
        const model = new Uint8Array(REGISTERS)
        const sketch = emptySketch()
        const dense = emptySketch()
        toDense(dense)
        for (const [index, rank] of list) {
          const higher = rank > model[index]!
          model[index] = Math.max(model[index]!, rank)
          expect(raise(sketch, index, rank, limit)).toBe(higher)
          expect(raise(dense, index, rank, limit)).toBe(higher)
          expect(knownEstimate(sketch.bytes, 0) === undefined).toBe(list.length > 0)
        }
        const same = (registers: ArrayLike<number>): boolean => Buffer.from(model).equals(Buffer.from(registers))
        expect(same(registersOf(sketch))).toBe(true)
        expect(same(registersOf(dense))).toBe(true)
        expect(same(model.map((_, i) => denseRegister(dense.bytes, 0, i)))).toBe(true)
        if (!isDense(sketch.bytes, 0)) expect(sketch.length).toBeLessThanOrEqual(Math.max(18, limit))
        for (const each of [sketch, dense]) {
          expect(histogramIn(each.bytes, 0, each.length)).toEqual(histogramOf(model))
          expect(isHyperLogLog(each.bytes, 0, each.length)).toBe(true)
        }
        toDense(sketch)
        expect(sketch.length).toBe(DENSE_BYTES)
        expect(sketch.bytes.subarray(16).equals(dense.bytes.subarray(16))).toBe(true)
      }),
      { numRuns: 60 },
    )
  })

  it('that are set leave their neighbours alone', () => {
    const sketch = emptySketch()
    toDense(sketch)
    for (let i = 0; i < REGISTERS; i++) setDenseRegister(sketch.bytes, 0, i, (i * 37) & 63)
    for (let i = 0; i < REGISTERS; i += 3) setDenseRegister(sketch.bytes, 0, i, 0)
    const wanted = Array.from({ length: REGISTERS }, (_, i) => (i % 3 === 0 ? 0 : (i * 37) & 63))
    expect([...registersOf(sketch)]).toEqual(wanted)
    expect(sketch.length).toBe(DENSE_BYTES)
  })
})

describe('the estimate', () => {
  it.each([0, 1, 10, 100, 1000, 10_000, 100_000])('of %i elements is near', (count) => {
    const sketch = emptySketch()
    const place: Place = { index: 0, rank: 0 }
    for (let i = 0; i < count; i++) {
      const element = Buffer.from(`element ${i}`)
      placeOf(place, element, 0, element.length)
      raise(sketch, place.index, place.rank, 3000)
    }
    const estimated = Number(estimate(histogramIn(sketch.bytes, 0, sketch.length)))
    expect(Math.abs(estimated - count)).toBeLessThanOrEqual(Math.ceil(count * 0.025))
    expect(isDense(sketch.bytes, 0)).toBe(count >= 10_000)
  })

  it('is remembered with all its bits', () => {
    const { bytes } = emptySketch()
    expect(knownEstimate(bytes, 0)).toBe(0)
    for (const n of [1, 2 ** 40, 2n ** 62n, 2n ** 63n - 1n]) {
      setEstimate(bytes, 0, n)
      expect(knownEstimate(bytes, 0)).toBe(n)
    }
    setEstimate(bytes, 0, -1)
    expect(knownEstimate(bytes, 0)).toBeUndefined()
  })
})

describe('any bytes', () => {
  it('are walked to the end or refused', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 60 }),
        fc.array(fc.tuple(fc.nat(16_383), fc.integer({ min: 1, max: 51 })), { maxLength: 10 }),
        (tail, list) => {
          const header = emptySketch().bytes.subarray(0, 16)
          const bytes = Buffer.concat([header, tail])
          const outcomes = [
            () => histogramIn(bytes, 0, bytes.length),
            () => mergeInto(new Uint8Array(REGISTERS), bytes, 0, bytes.length),
            () => toDense(copySketch(bytes, 0, bytes.length)),
          ].map((walk) => {
            try {
              walk()
              return 'OK'
            } catch (error) {
              return (error as Error).name
            }
          })
          expect(new Set(outcomes).size).toBe(1)
          expect(['OK', 'CorruptedError']).toContain(outcomes[0])
          const sketch = copySketch(bytes, 0, bytes.length)
          for (const [index, rank] of list) {
            try {
              raise(sketch, index, rank, 3000)
            } catch (error) {
              expect((error as Error).name).toBe('CorruptedError')
            }
            expect(sketch.length).toBeLessThanOrEqual(sketch.bytes.length)
          }
        },
      ),
      { numRuns: 1000 },
    )
  })
})
