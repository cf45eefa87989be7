import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { sha1 } from '../../../src/lib/sha1.ts'

const digest = (bytes: Uint8Array): string => {
  const out = Buffer.alloc(20)
  sha1(bytes, 0, bytes.length, out)
  return out.toString('hex')
}

test('equals the system’s SHA-1 for every length around the border of a block, and for any bytes', () => {
  for (let length = 0; length < 200; length++) {
    const bytes = Buffer.alloc(length, 'abc')
    expect(digest(bytes)).toBe(createHash('sha1').update(bytes).digest('hex'))
  }
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 5000 }), (bytes) => {
      expect(digest(bytes)).toBe(createHash('sha1').update(bytes).digest('hex'))
    }),
  )
})

test('a range of bytes is hashed, and the output may be the input', () => {
  const bytes = Buffer.from('..abcdefghijklmnopqrstuvwxyz..')
  sha1(bytes, 2, 28, bytes)
  expect(bytes.subarray(0, 20).toString('hex')).toBe('32d10c7b8cf96570ca04ce37f2a19d84240d3a89')
})
