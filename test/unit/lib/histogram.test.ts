import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Histogram } from '../../../src/lib/histogram.ts'

test('percentiles are those of the sorted values, to 1/32', () => {
  const durations = fc.array(fc.integer({ min: 0, max: 2 ** 30 - 1 }), { minLength: 1, maxLength: 200 })
  fc.assert(
    fc.property(durations, fc.integer({ min: 0, max: 100 }), (values, percent) => {
      const histogram = new Histogram()
      for (const value of values) histogram.add(value)
      const sorted = values.toSorted((a, b) => a - b)
      const exact = sorted[Math.max(1, Math.ceil((percent / 100) * sorted.length)) - 1]!
      const found = histogram.percentile(percent)
      expect(found).toBeGreaterThanOrEqual(exact)
      expect(found).toBeLessThanOrEqual(exact + exact / 32)
      expect(histogram.count).toBe(values.length)
    }),
  )
})

test('doublings count what is shorter, and end with everything', () => {
  const durations = fc.array(fc.integer({ min: 0, max: 2 ** 33 }), { minLength: 1, maxLength: 100 })
  fc.assert(
    fc.property(durations, (values) => {
      const histogram = new Histogram()
      for (const value of values) histogram.add(value, 3)
      const pairs = histogram.doublings()
      for (const [nanos, count] of pairs) {
        const shorter = values.filter((value) => value < nanos || nanos === 2 ** 30).length
        expect(count).toBe(3 * shorter)
      }
      expect(pairs.at(-1)![1]).toBe(3 * values.length)
    }),
  )
  expect(new Histogram().doublings()).toEqual([])
  expect(new Histogram().percentile(50)).toBe(0)
})
