// How RDB files and DUMP payloads spell lengths and strings: short canonical integers as 1, 2 or 4 bytes, long strings
// through LZF where that saves anything, the rest as length and bytes.
import { lzfCompress } from '../lib/lzf.ts'
import {
  LENGTH_32_BIT,
  LENGTH_64_BIT,
  LENGTH_ENCODED,
  STRING_INT8,
  STRING_INT16,
  STRING_INT32,
  STRING_LZF,
} from './rdb-format.ts'

/** The most bytes that a length takes. */
export const LENGTH_BYTES_MAX = 9
/** Strings up to this length are not worth compressing (Redis's rule). */
export const LZF_LENGTH_MIN = 21
const INTEGER_LENGTH_MAX = 11
/** What LZF must save: Redis keeps the compressed form only if it is at least this much shorter. */
const LZF_SAVES_MIN = 4

const ZERO = 0x30
const MINUS = 0x2d

/** Writes a length in its shortest form and returns the position after it. At most LENGTH_BYTES_MAX bytes. */
export function writeLength(into: Uint8Array, at: number, length: number): number {
  if (length < 64) {
    into[at] = length
    return at + 1
  }
  if (length < 16384) {
    into[at] = 0x40 | (length >>> 8)
    into[at + 1] = length & 0xff
    return at + 2
  }
  if (length <= 0xffffffff) {
    into[at] = LENGTH_32_BIT
    return writeUint32(into, at + 1, length)
  }
  into[at] = LENGTH_64_BIT
  return writeUint32(into, writeUint32(into, at + 1, Math.floor(length / 4294967296)), length % 4294967296)
}

function writeUint32(into: Uint8Array, at: number, value: number): number {
  into[at] = value >>> 24
  into[at + 1] = value >>> 16
  into[at + 2] = value >>> 8
  into[at + 3] = value
  return at + 4
}

/**
 * The 32-bit integer that bytes[start, end) spell in canonical decimal (no plus sign, no leading zero, no "-0"), or NaN.
 */
export function canonicalInt32(bytes: Uint8Array, start: number, end: number): number {
  const length = end - start
  if (length < 1 || length > INTEGER_LENGTH_MAX) return Number.NaN
  const negative = bytes[start] === MINUS
  const first = negative ? start + 1 : start
  if (first === end) return Number.NaN
  if (bytes[first] === ZERO && (negative || length > 1)) return Number.NaN
  let value = 0
  for (let i = first; i < end; i++) {
    const digit = bytes[i]! - ZERO
    if (digit < 0 || digit > 9) return Number.NaN
    value = value * 10 + digit
  }
  if (negative) return value <= 2147483648 ? -value : Number.NaN
  return value <= 2147483647 ? value : Number.NaN
}

function writeInt32(into: Uint8Array, at: number, value: number): number {
  if (value >= -128 && value <= 127) {
    into[at] = (LENGTH_ENCODED << 6) | STRING_INT8
    into[at + 1] = value
    return at + 2
  }
  if (value >= -32768 && value <= 32767) {
    into[at] = (LENGTH_ENCODED << 6) | STRING_INT16
    into[at + 1] = value
    into[at + 2] = value >> 8
    return at + 3
  }
  into[at] = (LENGTH_ENCODED << 6) | STRING_INT32
  into[at + 1] = value
  into[at + 2] = value >> 8
  into[at + 3] = value >> 16
  into[at + 4] = value >> 24
  return at + 5
}

let scratch = new Uint8Array(1 << 16)
const SCRATCH_KEPT_MAX = 1 << 20

/**
 * Writes bytes[start, end) as an RDB string and returns the position after it. `into` needs room for
 * end - start + LENGTH_BYTES_MAX bytes.
 */
export function writeString(
  into: Uint8Array,
  at: number,
  bytes: Uint8Array,
  start: number,
  end: number,
  compress: boolean,
): number {
  const length = end - start
  if (length <= INTEGER_LENGTH_MAX) {
    const value = canonicalInt32(bytes, start, end)
    if (!Number.isNaN(value)) return writeInt32(into, at, value)
  }
  if (compress && length >= LZF_LENGTH_MIN) {
    const after = writeCompressed(into, at, bytes, start, end)
    if (after !== 0) return after
  }
  const body = writeLength(into, at, length)
  copyBytes(into, body, bytes, start, end)
  return body + length
}

function writeCompressed(into: Uint8Array, at: number, bytes: Uint8Array, start: number, end: number): number {
  const length = end - start
  if (scratch.length < length) scratch = new Uint8Array(length)
  const compressed = lzfCompress(bytes, start, end, scratch, 0, length - LZF_SAVES_MIN)
  if (compressed === 0) return 0
  into[at] = (LENGTH_ENCODED << 6) | STRING_LZF
  const body = writeLength(into, writeLength(into, at + 1, compressed), length)
  copyBytes(into, body, scratch, 0, compressed)
  if (scratch.length > SCRATCH_KEPT_MAX) scratch = new Uint8Array(SCRATCH_KEPT_MAX)
  return body + compressed
}

/**
 * Copies bytes[start, end) into into[at, …): a loop where it is short, since a view costs an allocation. (The keyspace has
 * its own: it copies buffers only, and code compiled for these and for other arrays alike is slower.)
 */
export function copyBytes(into: Uint8Array, at: number, bytes: Uint8Array, start: number, end: number): void {
  if (end - start > 64) into.set(bytes.subarray(start, end), at)
  else for (let i = start, o = at; i < end; i++, o++) into[o] = bytes[i]!
}
