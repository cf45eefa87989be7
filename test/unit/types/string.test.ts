import { describe, expect, it } from 'vitest'
import { ENCODING_MASK, ENCODING_SHIFT } from '../../../src/store/entry.ts'
import { STRING_TYPE, stringEncodingOf, stringEncodingOfText, stringRefcount } from '../../../src/types/string.ts'

const encodingOf = (typeAndEncoding: number): number => (typeAndEncoding & ENCODING_MASK) >>> ENCODING_SHIFT
const nameIn = (encoding: number): string | undefined => STRING_TYPE.encodings[encoding]
const nameOf = (text: string): string | undefined => {
  const bytes = Buffer.from(`1${text}1`, 'latin1')
  return nameIn(encodingOf(stringEncodingOf(bytes, 1, bytes.length - 1)))
}

describe('the encoding of a string that is set as a whole', () => {
  it.each([
    ['', 'embstr'],
    ['0', 'int'],
    ['-1', 'int'],
    ['9223372036854775807', 'int'],
    ['-9223372036854775808', 'int'],
    ['9223372036854775808', 'embstr'],
    ['01', 'embstr'],
    ['1.0', 'embstr'],
    ['x'.repeat(44), 'embstr'],
    ['x'.repeat(45), 'raw'],
  ])('%j: %s', (text, name) => expect(nameOf(text)).toBe(name))

  it('is not int for text that only looks like it', () => {
    expect(nameIn(encodingOf(stringEncodingOfText(1)))).toBe('embstr')
    expect(nameIn(encodingOf(stringEncodingOfText(45)))).toBe('raw')
  })
})

describe('the number of references', () => {
  it.each([
    ['0', 2_147_483_647],
    ['9999', 2_147_483_647],
    ['10000', 1],
    ['-1', 1],
    ['abc', 1],
    ['12345678901234567', 1],
  ])('of %s: %i', (text, count) => {
    const bytes = Buffer.from(text)
    const encoding = encodingOf(stringEncodingOf(bytes, 0, bytes.length))
    expect(stringRefcount(encoding, bytes, 0, bytes.length)).toBe(count)
  })
})
