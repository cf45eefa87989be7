import { expect, it } from 'vitest'
import { wallMicros } from '../../../src/io/clock.ts'

it('the time in microseconds is that of the wall clock, with a finer grain', () => {
  const seen = new Set<number>()
  for (let i = 0; i < 20_000; i++) {
    const before = Date.now()
    const micros = wallMicros()
    const after = Date.now()
    expect(Math.floor(micros / 1000)).toBeGreaterThanOrEqual(before)
    expect(Math.floor(micros / 1000)).toBeLessThanOrEqual(after)
    seen.add(micros % 1000)
  }
  expect(seen.size).toBeGreaterThan(10)
})
