// Doubles as `%.17g` of C writes them (checked against printf(1), which has the very function).
import { execFileSync } from 'node:child_process'
import { expect, it } from 'vitest'
import { formatDouble } from '../../../src/lib/double.ts'
import { seededRandom } from '../../../src/lib/prng.ts'

it('a double has the digits that C gives it', () => {
  const random = seededRandom(7)
  const view = new DataView(new ArrayBuffer(8))
  const scores = [
    0,
    1,
    -1,
    0.1,
    1 / 3,
    1e16,
    1e17,
    123456789012345680,
    -1e-4,
    1e-5,
    5e-324,
    1.7976931348623157e308,
    2 ** 53,
    -(2 ** 62),
    // What lies in the middle between two texts of 17 digits goes to the even one.
    2 ** -25,
    3 * 2 ** -25,
    -5 * 2 ** -26,
    2 ** -24 + 2 ** -26,
  ]
  while (scores.length < 500) {
    view.setUint32(0, random.uint32())
    view.setUint32(4, random.uint32())
    const any = view.getFloat64(0)
    scores.push(Number.isFinite(any) ? any : random.uint32() / 1000)
    scores.push(random.uint32() / 64)
  }
  const format = 'BEGIN { for (i = 1; i < ARGC; i++) printf "%.17g\\n", ARGV[i] }'
  const expected = execFileSync('awk', [format, ...scores.map((score) => score.toExponential(20))], {
    encoding: 'utf8',
  })
  expect(scores.map(formatDouble).join('\n')).toBe(expected.trim())
  expect([Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0].map(formatDouble)).toEqual(['inf', '-inf', '-0'])
})
