// Strings: the encodings that OBJECT ENCODING tells. The bytes are stored as they were given in all of them; an integer in
// its canonical decimal form, so that GET copies and INCR parses at most 20 bytes.

import { isInt64, parseSmallInt } from '../lib/decimal.ts'
import { ENCODING_SHIFT } from '../store/entry.ts'
import { TYPE_STRING, type ValueType } from './value-type.ts'

const RAW = 0
const INT = 1
const EMBSTR = 2

/** Type and encoding as an entry's header holds them. */
export const STRING_RAW = TYPE_STRING | (RAW << ENCODING_SHIFT)
export const STRING_INT = TYPE_STRING | (INT << ENCODING_SHIFT)
export const STRING_EMBSTR = TYPE_STRING | (EMBSTR << ENCODING_SHIFT)

/** Strings up to this many bytes are `embstr` when they are set as a whole. */
const EMBSTR_BYTES_MAX = 44

/** Type and encoding of a string that is set as a whole. */
export function stringEncodingOf(bytes: Uint8Array, start: number, end: number): number {
  const length = end - start
  if (length <= 20 && isInt64(bytes, start, end)) return STRING_INT
  return stringEncodingOfText(length)
}

/** Type and encoding of a string of `length` bytes that is kept as text even if it spells an integer. */
export function stringEncodingOfText(length: number): number {
  return length <= EMBSTR_BYTES_MAX ? STRING_EMBSTR : STRING_RAW
}

/** Integers from 0 up to this are one shared object each in Redis, which OBJECT REFCOUNT shows. */
const SHARED_INTEGERS = 10_000
/** What OBJECT REFCOUNT tells of a shared object. */
const SHARED_REFCOUNT = 2 ** 31 - 1

/** The number of references that OBJECT REFCOUNT tells for the string in bytes [start, end). */
export function stringRefcount(encoding: number, bytes: Uint8Array, start: number, end: number): number {
  const n = encoding === INT ? parseSmallInt(bytes, start, end) : Number.NaN
  return n >= 0 && n < SHARED_INTEGERS ? SHARED_REFCOUNT : 1
}

/** What the keyspace and the generic commands need to know of strings. */
export const STRING_TYPE: ValueType = {
  type: TYPE_STRING,
  name: 'string',
  encodings: { [RAW]: 'raw', [INT]: 'int', [EMBSTR]: 'embstr' },
  parts: {},
  count: (value) => value.end - value.start,
  elements: (value, visit) => visit(value, undefined),
}
