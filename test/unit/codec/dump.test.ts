// DUMP payloads: bytes that redis-server 7.0.15 gave, round trips, and refusal of everything that is not one.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { dumpString, readDump } from '../../../src/codec/dump.ts'
import { crc64, writeCrc64 } from '../../../src/lib/crc64.ts'

const dump = (value: string): string => {
  const bytes = Buffer.from(`<${value}>`, 'latin1')
  return Buffer.from(dumpString(bytes, 1, bytes.length - 1)).toString('hex')
}
const restore = (payload: Uint8Array): string => {
  const content = readDump(payload, 0, payload.length)
  if (content.fault !== undefined) return content.fault
  return Buffer.from(content.bytes.subarray(content.start, content.end)).toString('latin1')
}
const signed = (body: number[], version = 10): Uint8Array => {
  const payload = Uint8Array.from([...body, version & 0xff, version >> 8, 0, 0, 0, 0, 0, 0, 0, 0])
  writeCrc64(crc64(payload, 0, payload.length - 8), payload, payload.length - 8)
  return payload
}

describe('dumpString', () => {
  // From DUMP of redis-server 7.0.15; see also test/compat/rdb.test.ts.
  it.each([
    ['10', '00c00a0a006e9f57450eae63bb'],
    ['abc', '00036162630a00d9ac303d4172a2e2'],
    ['a'.repeat(100), '00c3094064016161e057000161610a00e8a3b507b06df271'],
  ])('spells %s as Redis does', (value, payload) => {
    expect(dump(value)).toBe(payload)
  })

  it('comes back as it was', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 500 }), fc.nat(9), (bytes, times) => {
        const value = Buffer.concat(Array.from({ length: times }, () => bytes))
        expect(restore(dumpString(value, 0, value.length))).toBe(value.toString('latin1'))
      }),
    )
  })
})

describe('readDump', () => {
  it('accepts payloads of older and of the newest versions', () => {
    expect(restore(signed([0, 1, 97], 6))).toBe('a')
    expect(restore(signed([0, 1, 97], 11))).toBe('a')
    expect(restore(signed([0, 1, 97], 12))).toBe('a')
  })

  it('ignores what follows the value', () => {
    expect(restore(signed([0, 1, 97, 0, 1, 98, 1, 99]))).toBe('a')
  })

  it.each([
    ['nothing', new Uint8Array(0), 'checksum'],
    ['too few bytes', new Uint8Array(9), 'checksum'],
    ['a newer version', signed([0, 1, 97], 13), 'checksum'],
    ['no type', signed([]), 'format'],
    ['no body', signed([0]), 'format'],
    ['a body cut short', signed([0, 5, 97]), 'format'],
    ['an unknown type', signed([77, 1, 97]), 'format'],
    ['a list', signed([18, 1, 97]), 'unsupported'],
  ])('refuses %s', (_, payload, fault) => {
    expect(restore(payload as Uint8Array)).toBe(fault)
  })

  it('refuses every flipped bit', () => {
    const payload = Buffer.from(dumpString(Buffer.from('some value'), 0, 10))
    for (let bit = 0; bit < payload.length * 8; bit++) {
      const bad = Uint8Array.from(payload)
      bad[bit >> 3]! ^= 1 << (bit & 7)
      expect(restore(bad)).toBe('checksum')
    }
  })

  it('never throws on a rightly signed body of random bytes', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => void restore(signed([0, ...bytes]))))
  })
})
