// 64-bit integers in words, against bigint.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { INT64_MAX, INT64_MIN } from '../../../src/lib/decimal.ts'
import {
  compareInt64,
  int64ToBigInt,
  int64ToNumber,
  parseInt64Words,
  setInt64,
  writeInt64,
  writeInteger,
} from '../../../src/lib/int64.ts'

const anyInt64 = fc.oneof(
  fc.bigInt({ min: INT64_MIN, max: INT64_MAX }),
  fc.maxSafeInteger().map(BigInt),
  fc.integer().map(BigInt),
  fc.constantFrom(INT64_MIN, INT64_MAX, 0n, 2n ** 32n, -(2n ** 32n), 2n ** 53n, -(2n ** 53n), 10n ** 18n, 999999999n),
)
const wordsOf = (n: bigint): [number, number] => [Number(BigInt.asIntN(32, n >> 32n)), Number(BigInt.asUintN(32, n))]

describe('64-bit integers in words', () => {
  it('are read, written and compared as bigints are', () => {
    fc.assert(
      fc.property(anyInt64, anyInt64, (n, m) => {
        const text = `-9${n}7`
        const into = { high: 1, low: 1 }
        expect(parseInt64Words(Buffer.from(text), 2, text.length - 1, into)).toBe(true)
        expect([into.high, into.low]).toEqual(wordsOf(n))
        expect(int64ToBigInt(into.high, into.low)).toBe(n)
        expect(int64ToNumber(into.high, into.low)).toBe(Number(n))
        const out = Buffer.alloc(24, 0x2e)
        expect(out.toString('latin1', 2, writeInt64(into.high, into.low, out, 2))).toBe(String(n))
        expect(out[1]).toBe(0x2e)
        expect(Math.sign(compareInt64(...wordsOf(n), ...wordsOf(m)))).toBe(n < m ? -1 : n > m ? 1 : 0)
      }),
      { numRuns: 5000 },
    )
  })

  it('come from numbers', () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), (n) => {
        const into = { high: 1, low: 1 }
        setInt64(into, n)
        expect([into.high, into.low]).toEqual(wordsOf(BigInt(n)))
        const out = Buffer.alloc(20)
        expect(out.toString('latin1', 0, writeInteger(n, out, 0))).toBe(String(n))
      }),
      { numRuns: 5000 },
    )
  })

  it('are refused unless canonical and within 64 bits', () => {
    const into = { high: 0, low: 0 }
    const wrong = ['', '-', '-0', '01', '+1', ' 1', '1 ', '1.0', '9223372036854775808', '-9223372036854775809', '1e18']
    wrong.push('99999999999999999999', '12345678901234567a', '--123456789012345678', '0123456789012345678')
    for (const text of wrong) {
      expect(parseInt64Words(Buffer.from(text), 0, text.length, into), text).toBe(false)
    }
  })
})
