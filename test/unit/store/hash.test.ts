import { describe, expect, it } from 'vitest'
import { hashBytes } from '../../../src/store/hash.ts'

describe('HalfSipHash-1-3', () => {
  it('gives the values of the Linux kernel for 00 01 02 … under the key 00 01 … 07', () => {
    const key = { k0: 0x03020100, k1: 0x07060504 }
    const bytes = Uint8Array.from({ length: 8 }, (_, i) => i)
    const hashes = [0, 1, 2, 3, 4, 5, 6, 7].map((length) => hashBytes(bytes, 0, length, key).toString(16))
    expect(hashes).toEqual([
      '5814c896',
      'e7e864ca',
      'bc4b0e30',
      '1539939',
      '7e059ea6',
      '88e3d89b',
      'a0080b65',
      '9d38d9d6',
    ])
  })

  it('hashes the range only, and spreads keys evenly', () => {
    const key = { k0: -5, k1: 123456789 }
    const text = Buffer.from('abcdefghijkl')
    expect(hashBytes(text, 3, 8, key)).toBe(hashBytes(Buffer.from('defgh'), 0, 5, key))
    const buckets = new Uint32Array(256)
    for (let i = 0; i < 25_600; i++) {
      const bytes = Buffer.from(`key:${i}`)
      buckets[hashBytes(bytes, 0, bytes.length, key) >>> 24]!++
    }
    // Poisson with mean 100: six standard deviations.
    expect(Math.max(...buckets)).toBeLessThan(160)
    expect(Math.min(...buckets)).toBeGreaterThan(40)
  })
})
