// LZF: what is compressed comes back, streams made by hand decompress, and damaged ones are refused.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { LzfError, lzfCompress, lzfDecompress } from '../../../src/lib/lzf.ts'

/** Text with repetitions near and far, of the kind that compresses. */
const repetitive = fc
  .array(fc.tuple(fc.constantFrom('a', 'ab', 'abcabc', 'user:1000:profile', '\0\0\0\0', 'xyz'), fc.nat(200)), {
    maxLength: 40,
  })
  .map((parts) => Buffer.from(parts.map(([text, count]) => text.repeat(count)).join('')))
const anyBytes = fc.oneof(
  repetitive,
  fc.uint8Array({ maxLength: 3000 }).map((bytes) => Buffer.from(bytes)),
)

function roundTrip(bytes: Buffer, limit: number): Buffer | undefined {
  const compressed = new Uint8Array(limit + 20).fill(0xaa)
  const length = lzfCompress(bytes, 0, bytes.length, compressed, 10, 10 + limit)
  expect(compressed.subarray(0, 10).every((byte) => byte === 0xaa)).toBe(true)
  expect(compressed.subarray(10 + limit).every((byte) => byte === 0xaa)).toBe(true)
  if (length === 0) return undefined
  expect(length).toBeLessThanOrEqual(limit)
  const out = Buffer.alloc(bytes.length)
  lzfDecompress(compressed, 10, 10 + length, out, 0, out.length)
  return out
}

describe('lzfCompress', () => {
  it('comes back as it was when there is room', () => {
    fc.assert(
      fc.property(anyBytes, (bytes) => {
        const back = roundTrip(bytes, bytes.length + (bytes.length >> 5) + 16)
        if (bytes.length >= 4) expect(back).toEqual(bytes)
      }),
    )
  })

  it('gives up, writing nothing outside, when there is no room', () => {
    fc.assert(
      fc.property(anyBytes, fc.nat(100), (bytes, percent) => {
        const back = roundTrip(bytes, Math.floor((bytes.length * percent) / 100))
        if (back !== undefined) expect(back).toEqual(bytes)
      }),
    )
  })

  it('makes a thousand equal bytes short', () => {
    const bytes = Buffer.alloc(1000, 'a')
    expect(lzfCompress(bytes, 0, 1000, new Uint8Array(1000), 0, 996)).toBeLessThan(20)
  })

  it('is not misled by what an earlier call left in its table', () => {
    const out = new Uint8Array(1000)
    const bytes = Buffer.from('the quick brown fox jumps over the lazy dog, the quick brown fox')
    const first = lzfCompress(bytes, 0, bytes.length, out, 0, 200)
    const before = Buffer.from(out.subarray(0, first))
    for (let i = 0; i < 10; i++) lzfCompress(Buffer.alloc(500, `the ${i}`), 0, 500, new Uint8Array(600), 0, 600)
    expect(lzfCompress(bytes, 0, bytes.length, out, 0, 200)).toBe(first)
    expect(Buffer.from(out.subarray(0, first))).toEqual(before)
  })
})

describe('lzfDecompress', () => {
  const decompress = (stream: number[], length: number): string => {
    const out = Buffer.alloc(length)
    lzfDecompress(Uint8Array.from(stream), 0, stream.length, out, 0, length)
    return out.toString()
  }

  it('reads literals, short copies, long copies and overlapping ones', () => {
    expect(decompress([2, 97, 98, 99, 0x20, 2], 6)).toBe('abcabc')
    expect(decompress([0, 97, 0xe0, 0, 0], 10)).toBe('a'.repeat(10))
  })

  it.each([
    ['a literal run that is cut short', [5, 97], 6],
    ['a copy without its distance', [0, 97, 0x20], 4],
    ['a long copy without its length', [0, 97, 0xe0], 10],
    ['a copy from before the start', [0, 97, 0x20, 1], 4],
    ['more than it says', [2, 97, 98, 99], 2],
    ['a copy beyond what it says', [0, 97, 0x20, 0], 2],
    ['less than it says', [2, 97, 98, 99], 4],
  ])('refuses %s', (_, stream, length) => {
    expect(() => decompress(stream as number[], length as number)).toThrow(LzfError)
  })

  it('never writes outside its range, whatever the stream says', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), fc.nat(300), (stream, length) => {
        const out = new Uint8Array(length + 20)
        try {
          lzfDecompress(stream, 0, stream.length, out, 10, 10 + length)
        } catch (error) {
          expect(error).toBeInstanceOf(LzfError)
        }
        expect(out.subarray(0, 10).every((byte) => byte === 0)).toBe(true)
        expect(out.subarray(10 + length).every((byte) => byte === 0)).toBe(true)
      }),
    )
  })
})
