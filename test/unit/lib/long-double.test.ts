import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { addLongDoubles, formatLongDouble, type LongDouble, parseLongDouble } from '../../../src/lib/long-double.ts'

function number(text: string): LongDouble {
  const parsed = parseLongDouble(text)
  if (typeof parsed !== 'object') throw new Error(`${text} is no finite number`)
  return parsed
}
function sum(a: string, b: string): string {
  const result = addLongDoubles(number(a), number(b))
  return result === 'infinite' ? 'infinite' : formatLongDouble(result)
}

describe('long doubles', () => {
  // The right-hand sides are what gcc's strtold and printf("%.17Lf") give on x86-64, without trailing zeros.
  it.each([
    ['0.1', '0.2', '0.3'],
    ['10.5', '0.1', '10.6'],
    ['3', '1e-20', '3'],
    ['1.23', '-1.23', '0'],
    ['-0', '-0', '0'],
    ['5.0e3', '200', '5200'],
    ['123456789.123456789', '0', '123456789.12345678899873747'],
    ['512.0000000000001', '0', '512.00000000000009998'],
    ['-17.25', '0.05', '-17.2'],
    ['18446744073709551615', '1', '18446744073709551616'],
    ['18446744073709551616', '1', '18446744073709551616'],
    ['1e17', '0.1', '100000000000000000.1015625'],
    ['0x1.8p1', '0x10', '19'],
    ['.5', '5.', '5.5'],
    ['+1', '-2', '-1'],
    ['1e-4940', '0', '0'],
  ])('%s + %s = %s', (a, b, expected) => {
    expect(sum(a, b)).toBe(expected)
    expect(sum(b, a)).toBe(sum(a, b))
  })

  it('overflow beyond their range, which is far beyond that of doubles', () => {
    expect(sum('1e4932', '0').length).toBe(4933)
    expect(sum('1.18e4932', '1.18e4932')).toBe('infinite')
    expect(parseLongDouble('1.2e4932')).toBeUndefined()
    expect(parseLongDouble('1e-4951')).toBeUndefined()
  })

  it('cost nothing to refuse when the exponent is absurd', () => {
    for (const text of ['1e999999999999', '-1e-999999999999', `0x1p${'9'.repeat(100)}`, '9'.repeat(5120)]) {
      expect(parseLongDouble(text)).toBeUndefined()
    }
    expect(number('0e999999999999').mantissa).toBe(0n)
  })

  it.each(['', ' 1', '1 ', 'abc', '1e', '.', '-', '1.2.3', '0x', '0xg', 'nan', 'NaN(1)', '1_000', '1,5', 'infinit'])(
    'refuse %j',
    (text) => expect(parseLongDouble(text)).toBeUndefined(),
  )

  it.each(['inf', '-INF', '+Infinity'])('know %s', (text) => expect(parseLongDouble(text)).toBe('infinite'))

  it('keep integers of 64 bits as they are, and decimals as close as a double can tell', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 64n) + 1n, max: 2n ** 64n - 1n }), (n) => {
        expect(formatLongDouble(number(String(n)))).toBe(String(n))
      }),
    )
    // With six digits before and nine behind the point the text is within half a digit of what 64 bits hold.
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 999 }), fc.integer({ min: 0, max: 10 ** 9 }), (whole, billionths) => {
        const text = `${whole}.${String(billionths).padStart(10, '0')}`
        expect(Number(formatLongDouble(number(text)))).toBe(Number(text))
      }),
    )
  })

  it('add exactly where the result has 64 bits', () => {
    const small = fc.bigInt({ min: -(2n ** 62n), max: 2n ** 62n })
    fc.assert(
      fc.property(small, small, (a, b) => {
        expect(sum(String(a), String(b))).toBe(String(a + b))
      }),
    )
  })
})
