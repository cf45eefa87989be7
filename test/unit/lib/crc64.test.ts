// CRC-64 against its published check value, a bit-by-bit BigInt model, and itself in pieces.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { crc64, equalsCrc64, formatCrc64, writeCrc64 } from '../../../src/lib/crc64.ts'

const of = (bytes: Uint8Array): string => formatCrc64(crc64(bytes, 0, bytes.length))

function model(bytes: Uint8Array): string {
  let crc = 0n
  for (const byte of bytes) {
    crc ^= BigInt(byte)
    for (let bit = 0; bit < 8; bit++) crc = crc & 1n ? (crc >> 1n) ^ 0x95ac9329ac4bc9b5n : crc >> 1n
  }
  return crc.toString(16).padStart(16, '0')
}

describe('crc64', () => {
  it('gives the check value of the Jones polynomial', () => {
    expect(of(Buffer.from('123456789'))).toBe('e9c6d914c4b8d9ca')
  })

  it('is 0 for nothing', () => {
    expect(of(new Uint8Array(0))).toBe('0000000000000000')
  })

  it('agrees with the definition, bit by bit', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(of(bytes)).toBe(model(bytes))
      }),
    )
  })

  it('gives the same in pieces', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(200), (bytes, cut) => {
        const at = Math.min(cut, bytes.length)
        expect(formatCrc64(crc64(bytes, at, bytes.length, crc64(bytes, 0, at)))).toBe(of(bytes))
      }),
    )
  })

  it('is written little-endian and found again', () => {
    const crc = crc64(Buffer.from('123456789'), 0, 9)
    const bytes = new Uint8Array(10)
    writeCrc64(crc, bytes, 1)
    expect(Buffer.from(bytes).toString('hex')).toBe('00cad9b8c414d9c6e900')
    expect(equalsCrc64(crc, bytes, 1)).toBe(true)
    bytes[8]! ^= 1
    expect(equalsCrc64(crc, bytes, 1)).toBe(false)
  })
})
