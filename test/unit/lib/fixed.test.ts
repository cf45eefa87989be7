import { expect, it } from 'vitest'
import { formatFixed } from '../../../src/lib/fixed.ts'

it.each([
  [0, 6, '0.000000'],
  [-0, 6, '-0.000000'],
  [200, 6, '200.000000'],
  [-180.5, 6, '-180.500000'],
  [0.25, 1, '0.2'],
  [0.75, 1, '0.8'],
  [-0.25, 1, '-0.2'],
  [0.125, 2, '0.12'],
  [0.375, 2, '0.38'],
  [0.1, 17, '0.10000000000000001'],
  [13.361389338970184, 17, '13.36138933897018433'],
  [2 ** -18, 17, '0.00000381469726562'],
  [3 * 2 ** -18, 17, '0.00001144409179688'],
  [1e300, 1, `${BigInt(1e300)}.0`],
  [Number.POSITIVE_INFINITY, 6, 'inf'],
  [Number.NEGATIVE_INFINITY, 6, '-inf'],
  [-1e-9, 6, '-0.000000'],
])('%d with %i decimals: %s', (x, decimals, text) => expect(formatFixed(x, decimals)).toBe(text))
