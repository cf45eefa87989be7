import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  INT64_MAX,
  INT64_MIN,
  isInt64,
  parseDouble,
  parseInt64,
  parsePlainDouble,
  parseSmallInt,
} from '../../../src/lib/decimal.ts'

/** The text amid other digits, so that reading beyond the range shows. */
function within<T>(parse: (bytes: Uint8Array, start: number, end: number) => T, text: string): T {
  return parse(Buffer.from(`-9${text}7`, 'latin1'), 2, 2 + text.length)
}

const anyInt64 = fc.oneof(
  fc.bigInt({ min: INT64_MIN, max: INT64_MAX }),
  fc.integer().map(BigInt),
  fc.constantFrom(INT64_MIN, INT64_MAX, 0n, 999_999_999_999_999n, -999_999_999_999_999n, 10n ** 15n, -(10n ** 15n)),
)
const noInteger = fc
  .oneof(
    fc.constantFrom('', '-', '+1', '01', '-0', '-01', ' 1', '1 ', '1.0', '0x1', '1e3', '9223372036854775808'),
    fc.constantFrom('-9223372036854775809', '99999999999999999999', '--1', '1-', '\u0660', '1'.repeat(21)),
    fc.string({ maxLength: 22 }),
    fc.array(fc.constantFrom('-', '0', '1', '9', '+', ' '), { maxLength: 22 }).map((parts) => parts.join('')),
  )
  .filter((text) => !/^(0|-?[1-9]\d*)$/.test(text) || BigInt(text) > INT64_MAX || BigInt(text) < INT64_MIN)

describe('integers', () => {
  it('read back from their canonical form', () => {
    fc.assert(
      fc.property(anyInt64, (n) => {
        const text = String(n)
        expect(within(parseInt64, text)).toBe(n)
        expect(within(isInt64, text)).toBe(true)
        const small = n > -(10n ** 15n) && n < 10n ** 15n
        expect(within(parseSmallInt, text)).toBe(small ? Number(n) : Number.NaN)
      }),
      { numRuns: 1000 },
    )
  })

  it('are nothing else', () => {
    fc.assert(
      fc.property(noInteger, (text) => {
        expect(within(parseInt64, text)).toBeUndefined()
        expect(within(isInt64, text)).toBe(false)
        expect(within(parseSmallInt, text)).toBeNaN()
      }),
      { numRuns: 1000 },
    )
  })
})

describe('doubles', () => {
  it('read back from their text', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (n) => {
        expect(parseDouble(String(n))).toBe(n === 0 ? 0 : n)
      }),
    )
  })

  it.each<[string, number | undefined]>([
    ['+5', 5],
    ['.5', 0.5],
    ['5.', 5],
    ['1e3', 1000],
    ['0x10', 16],
    ['-0xff', -255],
    ['inf', Number.POSITIVE_INFINITY],
    ['-Infinity', Number.NEGATIVE_INFINITY],
    ['nan', undefined],
    ['', undefined],
    [' 1', undefined],
    ['1x', undefined],
    ['1e', undefined],
    ['.', undefined],
    ['1e999', undefined],
  ])('%j is %s', (text, value) => expect(parseDouble(text)).toBe(value))
})

describe('numbers in plain digits', () => {
  const plain = (text: string): number => parsePlainDouble(Buffer.from(text), 0, text.length)

  it('are the doubles that Number reads', () => {
    for (const text of ['0', '-0', '7', '0007', '-12.50', '0.1', '123456.789012', '99999999999999', '0.0000000000001'])
      expect(plain(text)).toBe(Number(text))
  })

  it('are nothing else', () => {
    for (const text of [
      '',
      '-',
      '.',
      '.5',
      '5.',
      '1e3',
      '+1',
      ' 1',
      '1 ',
      '--1',
      '1.2.3',
      'inf',
      '0x10',
      '1234567890123456',
    ])
      expect(plain(text)).toBeNaN()
  })
})
