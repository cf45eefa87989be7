// Listpack: a list of short strings and integers in one run of bytes, the very bytes that Redis and RDB files have.
//
//   total bytes, 32 bit | elements, 16 bit | element … | 0xff          (little endian)
//
//   element = encoding and data | length of these, backwards
//
//   0xxxxxxx                        integer 0 … 127
//   10xxxxxx bytes                  string of up to 63 bytes
//   110xxxxx xxxxxxxx               integer of 13 bits, signed
//   1110xxxx xxxxxxxx bytes         string of up to 4095 bytes
//   11110000 + 4 bytes, bytes       string of up to 2³²-1 bytes
//   11110001 … 11110100             integers of 16, 24, 32 and 64 bits in as many bytes
//
// The length behind an element is written in groups of 7 bits, most significant first, each but the first with bit 7 set: read
// from the right, it leads to the element's beginning. 65535 elements mean: count them. A string that spells an integer in
// canonical form is stored as one, so equal strings have equal bytes.
//
// A listpack lies anywhere in a buffer: `at` is where it begins; a position `p` is an absolute offset of an element in the
// same buffer, or NONE. Functions that grow it take the room behind it for granted: who owns the memory adds up
// `lpBytes` and `lpEncodedBytes`, sees to the room (positions move along with the block), then changes. Nothing allocates.

import { compareBytes, copyBytes, equalBytes, type Span } from '../lib/bytes.ts'
import { parseSmallInt } from '../lib/decimal.ts'
import {
  compareInt64,
  INT64_TEXT_BYTES_MAX,
  type Int64,
  int64ToBigInt,
  int64ToNumber,
  parseInt64Words,
  setInt64,
  writeInt64,
  writeInteger,
} from '../lib/int64.ts'

/** No position. */
export const NONE = -1
/** Bytes before the first element. */
export const LP_HEADER_BYTES = 6
/** Bytes of a listpack without elements. */
export const LP_EMPTY_BYTES = LP_HEADER_BYTES + 1

const END = 0xff
const COUNT_UNKNOWN = 0xffff
const STRING_6_BIT = 0x80
const INT_13_BIT = 0xc0
const STRING_12_BIT = 0xe0
const STRING_32_BIT = 0xf0
const INT_16_BIT = 0xf1
const INT_24_BIT = 0xf2
const INT_32_BIT = 0xf3
const INT_64_BIT = 0xf4

/** Words of the last integer that `parseInteger` or `wordsAt` read and that needs more than 32 bits. */
const words: Int64 = { high: 0, low: 0 }
/** Words of a needle, while elements are read into `words`. */
const needleWords: Int64 = { high: 0, low: 0 }

/** A span with room for an integer's text, for `lpText`. */
export interface LpText extends Span {
  readonly digits: Uint8Array
}

export function makeLpText(): LpText {
  const digits = Buffer.alloc(INT64_TEXT_BYTES_MAX)
  return { bytes: digits, start: 0, end: 0, digits }
}

// ---- reading ----

/** Bytes of the listpack at `at`, all included. */
export function lpBytes(b: Uint8Array, at: number): number {
  return (b[at] | (b[at + 1] << 8) | (b[at + 2] << 16) | (b[at + 3] << 24)) >>> 0
}

/** Number of elements: read, or counted if there are more than the header can say. */
export function lpCount(b: Uint8Array, at: number): number {
  const known = b[at + 4] | (b[at + 5] << 8)
  if (known !== COUNT_UNKNOWN) return known
  let count = 0
  for (let p = at + LP_HEADER_BYTES; b[p] !== END; p += lpElementBytes(b, p)) count++
  return count
}

/** Position of the end mark: where an element appended would begin. */
export function lpEnd(b: Uint8Array, at: number): number {
  return at + lpBytes(b, at) - 1
}

/** Position of the first element, or NONE. */
export function lpFirst(b: Uint8Array, at: number): number {
  return b[at + LP_HEADER_BYTES] === END ? NONE : at + LP_HEADER_BYTES
}

/** Position of the last element, or NONE. */
export function lpLast(b: Uint8Array, at: number): number {
  return lpPrevious(b, at, lpEnd(b, at))
}

/** Position of the element after the one at `p`, or NONE. */
export function lpNext(b: Uint8Array, p: number): number {
  const next = p + lpElementBytes(b, p)
  return b[next] === END ? NONE : next
}

/** Position of the element before `p`, an element or the end mark, or NONE. */
export function lpPrevious(b: Uint8Array, at: number, p: number): number {
  if (p <= at + LP_HEADER_BYTES) return NONE
  let q = p - 1
  let length = b[q] & 0x7f
  for (let unit = 128; (b[q] & 0x80) !== 0; unit *= 128) length += (b[--q] & 0x7f) * unit
  return q - length
}

/** Position of element `index`, counted from the end if below 0 (-1 is the last), or NONE. Walks from the nearer end. */
export function lpSeek(b: Uint8Array, at: number, index: number): number {
  const count = b[at + 4] | (b[at + 5] << 8)
  if (count === COUNT_UNKNOWN) return index < 0 ? seekBackward(b, at, -1 - index) : seekForward(b, at, index)
  const i = index < 0 ? count + index : index
  if (i < 0 || i >= count) return NONE
  return i < count / 2 ? seekForward(b, at, i) : seekBackward(b, at, count - 1 - i)
}

function seekForward(b: Uint8Array, at: number, steps: number): number {
  let p = at + LP_HEADER_BYTES
  for (let i = 0; i < steps && b[p] !== END; i++) p += lpElementBytes(b, p)
  return b[p] === END ? NONE : p
}

function seekBackward(b: Uint8Array, at: number, steps: number): number {
  let p = lpLast(b, at)
  for (let i = 0; i < steps && p !== NONE; i++) p = lpPrevious(b, at, p)
  return p
}

/** Bytes of the element at `p`, with the length behind it. */
export function lpElementBytes(b: Uint8Array, p: number): number {
  const data = dataBytes(b, p)
  return data + (data < 128 ? 1 : backlengthBytes(data))
}

/** Bytes of encoding and data of the element at `p`; 0 if its first byte says nothing. */
function dataBytes(b: Uint8Array, p: number): number {
  const c = b[p]
  if (c < STRING_6_BIT) return 1
  if (c < INT_13_BIT) return 1 + (c & 0x3f)
  if (c < STRING_12_BIT) return 2
  if (c < STRING_32_BIT) return 2 + (((c & 0xf) << 8) | b[p + 1])
  switch (c) {
    case STRING_32_BIT:
      return 5 + uint32At(b, p + 1)
    case INT_16_BIT:
      return 3
    case INT_24_BIT:
      return 4
    case INT_32_BIT:
      return 5
    case INT_64_BIT:
      return 9
    default:
      return 0
  }
}

/** Bytes that the length behind an element takes. The borders are Redis's, each one below what the bits could hold. */
function backlengthBytes(data: number): number {
  if (data <= 127) return 1
  if (data < 16383) return 2
  if (data < 2097151) return 3
  return data < 268435455 ? 4 : 5
}

/** Whether the element at `p` is stored as an integer. */
export function lpIsInteger(b: Uint8Array, p: number): boolean {
  const c = b[p]
  return c < STRING_6_BIT || (c >= INT_13_BIT && c < STRING_12_BIT) || c > STRING_32_BIT
}

/** The integer at `p`: exact below 2⁵³ in magnitude, else the nearest number; NaN if the element is a string. */
export function lpInteger(b: Uint8Array, p: number): number {
  const c = b[p]
  if (c < STRING_6_BIT) return c
  if (c < INT_13_BIT) return Number.NaN
  if (c < STRING_12_BIT) return (((c << 8) | b[p + 1]) << 19) >> 19
  switch (c) {
    case INT_16_BIT:
      return ((b[p + 1] | (b[p + 2] << 8)) << 16) >> 16
    case INT_24_BIT:
      return ((b[p + 1] | (b[p + 2] << 8) | (b[p + 3] << 16)) << 8) >> 8
    case INT_32_BIT:
      return uint32At(b, p + 1) | 0
    case INT_64_BIT:
      wordsAt(b, p)
      return int64ToNumber(words.high, words.low)
    default:
      return Number.NaN
  }
}

/** The integer at `p`, exactly; undefined if the element is a string. */
export function lpBigInt(b: Uint8Array, p: number): bigint | undefined {
  if (!lpIsInteger(b, p)) return undefined
  if (b[p] !== INT_64_BIT) return BigInt(lpInteger(b, p))
  wordsAt(b, p)
  return int64ToBigInt(words.high, words.low)
}

function wordsAt(b: Uint8Array, p: number): void {
  words.low = uint32At(b, p + 1)
  words.high = uint32At(b, p + 5) | 0
}

function uint32At(b: Uint8Array, p: number): number {
  return (b[p] | (b[p + 1] << 8) | (b[p + 2] << 16) | (b[p + 3] << 24)) >>> 0
}

/** Where the bytes of the string at `p` begin: for strings only. */
function stringStart(c: number, p: number): number {
  return c < INT_13_BIT ? p + 1 : c < STRING_32_BIT ? p + 2 : p + 5
}

/** The text of the element at `p`: its bytes where they lie, or an integer's digits in `into`'s own room. */
export function lpText(b: Uint8Array, p: number, into: LpText): void {
  if (!lpIsInteger(b, p)) {
    into.bytes = b
    into.start = stringStart(b[p], p)
    into.end = p + dataBytes(b, p)
    return
  }
  const n = lpInteger(b, p)
  into.bytes = into.digits
  into.start = 0
  into.end = b[p] === INT_64_BIT ? writeInt64(words.high, words.low, into.digits, 0) : writeInteger(n, into.digits, 0)
}

/** Whether the element at `p` is the string in bytes [start, end). */
export function lpEquals(b: Uint8Array, p: number, bytes: Uint8Array, start: number, end: number): boolean {
  if (!lpIsInteger(b, p)) {
    const from = stringStart(b[p], p)
    const length = end - start
    return p + dataBytes(b, p) - from === length && equalBytes(b, from, bytes, start, length)
  }
  const n = parseInteger(bytes, start, end)
  if (n !== lpIntegerKeeping(b, p)) return false
  return b[p] !== INT_64_BIT || compareInt64(words.high, words.low, needleWords.high, needleWords.low) === 0
}

/** `lpInteger`, with the words of what was parsed before moved to `needleWords`. */
function lpIntegerKeeping(b: Uint8Array, p: number): number {
  needleWords.high = words.high
  needleWords.low = words.low
  return lpInteger(b, p)
}

const texts = [makeLpText(), makeLpText()] as const

/** The order of the element at `p` and the string in bytes [start, end), byte by byte: below 0, 0, above 0. */
export function lpCompare(b: Uint8Array, p: number, bytes: Uint8Array, start: number, end: number): number {
  const text = texts[0]
  lpText(b, p, text)
  return compareBytes(text.bytes, text.start, text.end, bytes, start, end)
}

/** The order of two elements' texts, byte by byte. */
export function lpCompareElements(a: Uint8Array, p: number, b: Uint8Array, q: number): number {
  const text = texts[1]
  lpText(b, q, text)
  return lpCompare(a, p, text.bytes, text.start, text.end)
}

/**
 * Position of the first element from `from` (a position, NONE or the end mark) on that is the string in bytes [start, end), or
 * NONE. After each element compared, `skip` are passed over: 1 finds a key among keys and values.
 */
export function lpFind(
  b: Uint8Array,
  from: number,
  bytes: Uint8Array,
  start: number,
  end: number,
  skip: number,
): number {
  if (from === NONE) return NONE
  const length = end - start
  const number = parseInteger(bytes, start, end)
  needleWords.high = words.high
  needleWords.low = words.low
  let p = from
  for (;;) {
    const c = b[p]
    if (c === END) return NONE
    let next = p
    if (c >= STRING_6_BIT && c < INT_13_BIT) {
      const size = c & 0x3f
      if (size === length) {
        let i = start
        let q = p + 1
        while (i < end && b[q] === bytes[i]) {
          i++
          q++
        }
        if (i === end) return p
      }
      next += size + 2
    } else {
      if (!lpIsInteger(b, p)) {
        const stringAt = stringStart(c, p)
        if (p + dataBytes(b, p) - stringAt === length && equalBytes(b, stringAt, bytes, start, length)) return p
      } else if (
        lpInteger(b, p) === number &&
        (c !== INT_64_BIT || compareInt64(words.high, words.low, needleWords.high, needleWords.low) === 0)
      ) {
        return p
      }
      next += lpElementBytes(b, p)
    }
    for (let i = 0; i < skip; i++) {
      if (b[next] === END) return NONE
      next += lpElementBytes(b, next)
    }
    p = next
  }
}

// ---- sizes ----

/** Bytes that the string in bytes [start, end) takes as an element. */
export function lpEncodedBytes(bytes: Uint8Array, start: number, end: number): number {
  const n = parseInteger(bytes, start, end)
  return Number.isNaN(n) ? lpStringBytes(end - start) : lpIntegerBytes(n)
}

/** Bytes that an integer (below 2⁶³ in magnitude) takes as an element. */
export function lpIntegerBytes(n: number): number {
  if (n >= 0 && n <= 127) return 2
  if (n >= -4096 && n <= 4095) return 3
  if (n >= -32768 && n <= 32767) return 4
  if (n >= -8388608 && n <= 8388607) return 5
  return n >= -2147483648 && n <= 2147483647 ? 6 : 10
}

/** Bytes that a string of `length` bytes takes as an element if it spells no integer: the most that it can take. */
export function lpStringBytes(length: number): number {
  const data = length + (length < 64 ? 1 : length < 4096 ? 2 : 5)
  return data + backlengthBytes(data)
}

/** The integer that bytes [start, end) spell, or NaN. Beyond 32 bits its words are in `words`, and the number may be rounded. */
function parseInteger(bytes: Uint8Array, start: number, end: number): number {
  const length = end - start
  if (length > 20 || length === 0) return Number.NaN
  const c = bytes[start]
  if (c > 57 || (c < 48 && c !== 45)) return Number.NaN
  if (length < 10) return parseSmallInt(bytes, start, end)
  return parseInt64Words(bytes, start, end, words) ? int64ToNumber(words.high, words.low) : Number.NaN
}

// ---- changing ----

/** Writes a listpack without elements: LP_EMPTY_BYTES. */
export function lpInit(b: Uint8Array, at: number): void {
  setTotal(b, at, LP_EMPTY_BYTES)
  b[at + 4] = 0
  b[at + 5] = 0
  b[at + LP_HEADER_BYTES] = END
}

/** Inserts the string in bytes [start, end), which must not lie in what moves, before `p`: an element or the end mark. */
export function lpInsert(b: Uint8Array, at: number, p: number, bytes: Uint8Array, start: number, end: number): void {
  const n = parseInteger(bytes, start, end)
  openGap(b, at, p, Number.isNaN(n) ? lpStringBytes(end - start) : lpIntegerBytes(n), 1)
  if (Number.isNaN(n)) writeStringElement(b, p, bytes, start, end)
  else writeIntegerElement(b, p, n)
}

/** Inserts an integer of up to 2⁵³ in magnitude before `p`. */
export function lpInsertInteger(b: Uint8Array, at: number, p: number, n: number): void {
  openGap(b, at, p, lpIntegerBytes(n), 1)
  setInt64(words, n)
  writeIntegerElement(b, p, n)
}

/** Adds the string in bytes [start, end) behind the last element. */
export function lpAppend(b: Uint8Array, at: number, bytes: Uint8Array, start: number, end: number): void {
  lpInsert(b, at, lpEnd(b, at), bytes, start, end)
}

/** Adds an integer behind the last element. */
export function lpAppendInteger(b: Uint8Array, at: number, n: number): void {
  lpInsertInteger(b, at, lpEnd(b, at), n)
}

/** Adds the string in bytes [start, end) before the first element. */
export function lpPrepend(b: Uint8Array, at: number, bytes: Uint8Array, start: number, end: number): void {
  lpInsert(b, at, at + LP_HEADER_BYTES, bytes, start, end)
}

/** Puts the string in bytes [start, end), which must not lie in what moves, in the place of the element at `p`. */
export function lpReplace(b: Uint8Array, at: number, p: number, bytes: Uint8Array, start: number, end: number): void {
  const n = parseInteger(bytes, start, end)
  changeGap(b, at, p, lpElementBytes(b, p), Number.isNaN(n) ? lpStringBytes(end - start) : lpIntegerBytes(n))
  if (Number.isNaN(n)) writeStringElement(b, p, bytes, start, end)
  else writeIntegerElement(b, p, n)
}

/** Puts an integer of up to 2⁵³ in magnitude in the place of the element at `p`. */
export function lpReplaceInteger(b: Uint8Array, at: number, p: number, n: number): void {
  changeGap(b, at, p, lpElementBytes(b, p), lpIntegerBytes(n))
  setInt64(words, n)
  writeIntegerElement(b, p, n)
}

/**
 * Deletes up to `count` elements from `p` (a position, NONE or the end mark) on; returns how many. `p` is then the position of
 * what followed them, or of the end mark.
 */
export function lpDelete(b: Uint8Array, at: number, p: number, count: number): number {
  if (p === NONE) return 0
  let deleted = 0
  let next = p
  while (deleted < count && b[next] !== END) {
    next += lpElementBytes(b, next)
    deleted++
  }
  if (deleted === 0) return 0
  changeGap(b, at, p, next - p, 0)
  addCount(b, at, -deleted)
  return deleted
}

/**
 * Inserts before `p` a copy of the elements in bytes [from, to) of another listpack, which are `count`. With `lpFirst`
 * and `lpEnd` of the other that is a merge.
 */
export function lpInsertElements(
  b: Uint8Array,
  at: number,
  p: number,
  other: Uint8Array,
  from: number,
  to: number,
  count: number,
): void {
  if (count === 0) return
  openGap(b, at, p, to - from, count)
  copyBytes(other, from, to, b, p)
}

/** Opens a gap of `bytes` bytes before `p` for `count` elements. */
function openGap(b: Uint8Array, at: number, p: number, bytes: number, count: number): void {
  const total = lpBytes(b, at)
  if (p === at + total - 1) b[p + bytes] = END
  else b.copyWithin(p + bytes, p, at + total)
  setTotal(b, at, total + bytes)
  addCount(b, at, count)
}

/** Makes `before` bytes from `p` on `after` bytes, by moving what follows. */
function changeGap(b: Uint8Array, at: number, p: number, before: number, after: number): void {
  if (before === after) return
  const total = lpBytes(b, at)
  b.copyWithin(p + after, p + before, at + total)
  setTotal(b, at, total + after - before)
}

function setTotal(b: Uint8Array, at: number, total: number): void {
  b[at] = total
  b[at + 1] = total >>> 8
  b[at + 2] = total >>> 16
  b[at + 3] = total >>> 24
}

/** Counts elements in or out. A count once unknown stays so, as Redis keeps it, except that nothing is 0 elements. */
function addCount(b: Uint8Array, at: number, count: number): void {
  const known = b[at + 4] | (b[at + 5] << 8)
  if (known === COUNT_UNKNOWN) return
  const now = Math.min(known + count, COUNT_UNKNOWN)
  b[at + 4] = now
  b[at + 5] = now >>> 8
}

/** Writes an integer; beyond 32 bits the one in `words`. */
function writeIntegerElement(b: Uint8Array, p: number, n: number): void {
  let q = p
  if (n >= 0 && n <= 127) b[q++] = n
  else if (n >= -4096 && n <= 4095) {
    b[q++] = INT_13_BIT | ((n >> 8) & 0x1f)
    b[q++] = n
  } else if (n >= -32768 && n <= 32767) {
    b[q++] = INT_16_BIT
    b[q++] = n
    b[q++] = n >> 8
  } else if (n >= -8388608 && n <= 8388607) {
    b[q++] = INT_24_BIT
    b[q++] = n
    b[q++] = n >> 8
    b[q++] = n >> 16
  } else if (n >= -2147483648 && n <= 2147483647) {
    b[q++] = INT_32_BIT
    q = writeWord(b, q, n)
  } else {
    b[q++] = INT_64_BIT
    q = writeWord(b, q, words.low)
    q = writeWord(b, q, words.high)
  }
  b[q] = q - p
}

function writeWord(b: Uint8Array, p: number, n: number): number {
  b[p] = n
  b[p + 1] = n >>> 8
  b[p + 2] = n >>> 16
  b[p + 3] = n >>> 24
  return p + 4
}

function writeStringElement(b: Uint8Array, p: number, bytes: Uint8Array, start: number, end: number): void {
  const length = end - start
  let q = p
  if (length < 64) b[q++] = STRING_6_BIT | length
  else if (length < 4096) {
    b[q++] = STRING_12_BIT | (length >> 8)
    b[q++] = length
  } else {
    b[q++] = STRING_32_BIT
    q = writeWord(b, q, length)
  }
  copyBytes(bytes, start, end, b, q)
  q += length
  const data = q - p
  const size = data < 128 ? 1 : backlengthBytes(data)
  let rest = data
  for (let i = size - 1; i > 0; i--) {
    b[q + i] = (rest & 0x7f) | 0x80
    rest = Math.floor(rest / 128)
  }
  b[q] = rest
}

// ---- trust ----

/**
 * Checks every byte of structure of what claims to be a listpack of `length` bytes: encodings, the lengths behind elements, the
 * count, the end. Returns the number of elements, or NONE if it is not sound; what is sound, the functions above stay within.
 */
export function lpValidate(b: Uint8Array, at: number, length: number): number {
  if (length < LP_EMPTY_BYTES || at + length > b.length || lpBytes(b, at) !== length) return NONE
  const end = at + length - 1
  if (b[end] !== END) return NONE
  let count = 0
  let p = at + LP_HEADER_BYTES
  while (p < end) {
    const c = b[p]
    // What tells the size must be there before it is read.
    const header = c === STRING_32_BIT ? 5 : c >= STRING_12_BIT && c < STRING_32_BIT ? 2 : 1
    if (p + header > end) return NONE
    const data = dataBytes(b, p)
    const next = p + data + backlengthBytes(data)
    if (data === 0 || next > end || !backlengthIs(b, p + data, next, data)) return NONE
    p = next
    count++
  }
  const known = b[at + 4] | (b[at + 5] << 8)
  return p === end && (known === COUNT_UNKNOWN || known === count) ? count : NONE
}

/** Whether bytes [q, next) are the length `data` as it stands behind an element. */
function backlengthIs(b: Uint8Array, q: number, next: number, data: number): boolean {
  let length = b[q]
  if (length > 127) return false
  for (let i = q + 1; i < next; i++) {
    if ((b[i] & 0x80) === 0) return false
    length = length * 128 + (b[i] & 0x7f)
  }
  return length === data
}
