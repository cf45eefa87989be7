import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Frequencies } from '../../../src/keyspace/frequencies.ts'
import { seededRandom } from '../../../src/lib/prng.ts'
import { CLOCK_MASK } from '../../../src/store/entry.ts'

const MINUTE_MS = 60_000
const frequencies = (logFactor: number, decayMinutes: number): Frequencies =>
  new Frequencies(seededRandom(7), { 'lfu-log-factor': logFactor, 'lfu-decay-time': decayMinutes })

describe('frequencies', () => {
  it('rise by each use at first, then ever more rarely', () => {
    const counted = frequencies(10, 1)
    let clock = counted.setTime(0)
    expect(counted.of(clock)).toBe(5)
    clock = counted.used(clock)
    expect(counted.of(clock)).toBe(6)
    for (let i = 0; i < 1000; i++) clock = counted.used(clock)
    const afterThousand = counted.of(clock)
    for (let i = 0; i < 1000; i++) clock = counted.used(clock)
    // As redis.conf's table has it: about 18 after a thousand uses with this factor.
    expect(afterThousand).toBeGreaterThan(13)
    expect(afterThousand).toBeLessThan(25)
    expect(counted.of(clock) - afterThousand).toBeLessThan(afterThousand)
  })

  it('rise to 255 and no further with factor 0', () => {
    const counted = frequencies(0, 1)
    let clock = counted.setTime(0)
    for (let i = 0; i < 300; i++) clock = counted.used(clock)
    expect(counted.of(clock)).toBe(255)
  })

  it('fall by one in each decay time, or never', () => {
    for (const [decayMinutes, left] of [
      [1, 90],
      [5, 98],
      [0, 100],
    ] as const) {
      const counted = frequencies(10, decayMinutes)
      counted.setTime(MINUTE_MS)
      const clock = counted.clockOf(100)
      counted.setTime(11 * MINUTE_MS)
      expect(counted.of(clock)).toBe(left)
    }
  })

  it('keep to the bits of the clock, and do not rise with time, whatever the minute', () => {
    fc.assert(
      fc.property(fc.nat(1e9), fc.nat(8000), fc.nat(255), (minute, later, frequency) => {
        const counted = frequencies(10, 1)
        counted.setTime(minute * MINUTE_MS)
        const clock = counted.clockOf(frequency)
        counted.setTime((minute + later) * MINUTE_MS)
        const used = counted.used(clock)
        return (
          clock <= CLOCK_MASK &&
          used <= CLOCK_MASK &&
          counted.of(clock) === Math.max(0, frequency - later) &&
          counted.of(used) - counted.of(clock) <= 1
        )
      }),
    )
  })
})
