// The order of a peer's reports: within a boot by number, between boots by arrival, and never back to an earlier boot.
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { createSequence, isNews, noteNews } from '../../../src/sentinel/sequence.ts'

const taker = () => {
  const sequence = createSequence()
  return (boot: number, seq: number): boolean => {
    const news = isNews(sequence, boot, seq)
    if (news) noteNews(sequence, boot, seq)
    return news
  }
}

it('takes a restarted peer at once, whatever its numbers, and nothing of its former life any more', () => {
  const take = taker()
  expect([take(7, 1_000_000), take(7, 999_999), take(7, 1_000_001)]).toEqual([true, false, true])
  expect([take(3, 1), take(3, 1), take(7, 1_000_002), take(3, 2)]).toEqual([true, false, false, true])
})

it('takes each report once at most, and each boot in one stretch', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(4), fc.nat(9)), { maxLength: 60 }), (reports) => {
      const take = taker()
      const taken = reports.filter(([boot, seq]) => take(boot, seq))
      const stretches = taken.filter(([boot], i) => taken[i - 1]?.[0] !== boot).map(([boot]) => boot)
      expect(new Set(stretches).size).toBe(stretches.length)
      expect(new Set(taken.map(String)).size).toBe(taken.length)
    }),
  )
})
