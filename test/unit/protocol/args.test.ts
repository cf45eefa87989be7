import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Args } from '../../../src/protocol/args.ts'

function argsOf(...argv: (string | Uint8Array)[]): Args {
  const args = new Args(Buffer.alloc(0), 1)
  args.load(argv.map((arg) => (typeof arg === 'string' ? Buffer.from(arg) : arg)))
  return args
}

describe('arguments', () => {
  it('give back what was loaded, as views, copies and text', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 30 }), { maxLength: 40 }), (argv) => {
        const args = argsOf(...argv)
        const expected = argv.map((arg) => Buffer.from(arg))
        expect(args.count).toBe(argv.length)
        expect(args.copyAll()).toEqual(expected)
        for (const [i, bytes] of expected.entries()) {
          expect(args.bytes(i).equals(bytes)).toBe(true)
          expect(args.len(i)).toBe(bytes.length)
          expect(args.end(i) - args.start(i)).toBe(bytes.length)
          expect(args.latin1(i)).toBe(bytes.toString('latin1'))
          expect(args.str(i)).toBe(bytes.toString('utf8'))
        }
      }),
    )
  })

  it('are relative to their base', () => {
    const args = new Args(Buffer.from('....GETkey'), 1)
    args.base = 4
    args.push(0, 3)
    args.push(3, 6)
    expect([args.str(0), args.str(1)]).toEqual(['GET', 'key'])
  })

  it('copy on demand, so that a copy outlives the buffer', () => {
    const args = argsOf('abc')
    const view = args.bytes(0)
    const copy = args.copy(0)
    args.buffer.fill(0)
    expect([view.toString(), copy.toString()]).toEqual(['\0\0\0', 'abc'])
  })

  it('compare with a word in any case, and only as a whole', () => {
    expect(argsOf('kEEpTTL').is(0, 'keepttl')).toBe(true)
    for (const other of ['keepttlx', 'keeptt', '', 'keep\0tl', 'keepttL ', '[eepttl']) {
      expect(argsOf(other).is(0, 'keepttl')).toBe(false)
    }
    // Only letters have a case: @ and ` differ by the same bit.
    expect(argsOf('@').is(0, '`')).toBe(false)
  })

  it('are integers only in their canonical form', () => {
    expect(argsOf('-17').smallInt(0)).toBe(-17)
    expect(argsOf('999999999999999').smallInt(0)).toBe(999_999_999_999_999)
    expect(argsOf('1000000000000000').smallInt(0)).toBeNaN()
    expect(argsOf('9223372036854775807').int64(0)).toBe(2n ** 63n - 1n)
    for (const none of ['', '-', '+1', '01', '-0', ' 1', '1 ', '1.0', '9223372036854775808', 'x']) {
      expect(argsOf(none).smallInt(0)).toBeNaN()
      expect(argsOf(none).int64(0)).toBeUndefined()
    }
  })
})
