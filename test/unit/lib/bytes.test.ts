// Ranges of bytes, against Buffer's own comparison, on both sides of the length from which the runtime does it.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compareBytes, copyBytes, equalBytes } from '../../../src/lib/bytes.ts'

const bytes = fc
  .tuple(
    fc.constantFrom(0, 1, 62, 63, 64, 65, 200),
    fc.array(fc.constantFrom(0, 1, 0x7f, 0x80, 0xff), { maxLength: 3 }),
  )
  .map(([same, rest]) => Buffer.from([...Array<number>(same).fill(7), ...rest]))

describe('ranges of bytes', () => {
  it('are copied, compared and ordered as buffers are', () => {
    fc.assert(
      fc.property(bytes, bytes, fc.nat(3), fc.nat(3), (a, b, before, after) => {
        const x = Buffer.concat([Buffer.alloc(before, 1), a, Buffer.alloc(after, 2)])
        const y = Buffer.concat([Buffer.alloc(after, 3), b, Buffer.alloc(before, 4)])
        const [xEnd, yEnd] = [before + a.length, after + b.length]
        expect(Math.sign(compareBytes(x, before, xEnd, y, after, yEnd))).toBe(Buffer.compare(a, b))
        if (a.length === b.length) expect(equalBytes(x, before, y, after, a.length)).toBe(a.equals(b))
        const to = Buffer.alloc(a.length + 2, 9)
        copyBytes(x, before, xEnd, to, 1)
        expect(to.equals(Buffer.concat([Buffer.from([9]), a, Buffer.from([9])]))).toBe(true)
      }),
      { numRuns: 5000 },
    )
  })
})
