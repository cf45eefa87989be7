// Intset: a sorted set of 64-bit integers in one run of bytes, the very bytes that Redis and RDB files have.
//
//   bytes of an integer, 32 bit: 2, 4 or 8 | integers, 32 bit | integer … ascending, signed          (little endian)
//
// The width is that of the widest integer that was ever added; a wider one upgrades all. As with listpacks, a set lies anywhere
// in a buffer from `at` on, and who owns the memory makes room (`intsetBytesWith`) before it grows. Integers come and go as two
// words (lib/int64.ts): exact, and without a bigint. Nothing allocates.

import { compareInt64, type Int64, int64ToNumber } from '../lib/int64.ts'

/** Bytes before the first integer, and of an empty set. */
export const INTSET_HEADER_BYTES = 8

/** Number of integers. */
export function intsetLength(b: Uint8Array, at: number): number {
  return readWord(b, at + 4) >>> 0
}

/** Bytes of the set, all included. */
export function intsetBytes(b: Uint8Array, at: number): number {
  return INTSET_HEADER_BYTES + intsetLength(b, at) * b[at]
}

/** Reads the integer at an index. */
export function intsetGet(b: Uint8Array, at: number, index: number, into: Int64): void {
  const width = b[at]
  const p = at + INTSET_HEADER_BYTES + index * width
  if (width === 8) {
    into.low = readWord(b, p) >>> 0
    into.high = readWord(b, p + 4)
    return
  }
  const n = width === 2 ? readHalf(b, p) : readWord(b, p)
  into.low = n >>> 0
  into.high = n >> 31
}

/** The integer at an index as a number: exact below 2⁵³ in magnitude. */
export function intsetNumber(b: Uint8Array, at: number, index: number): number {
  const width = b[at]
  const p = at + INTSET_HEADER_BYTES + index * width
  if (width === 2) return readHalf(b, p)
  return width === 4 ? readWord(b, p) : int64ToNumber(readWord(b, p + 4), readWord(b, p) >>> 0)
}

/** Index of the integer, or -1 - i if it is not there and i is where it would stand. */
export function intsetSearch(b: Uint8Array, at: number, high: number, low: number): number {
  const width = b[at]
  const length = intsetLength(b, at)
  const first = at + INTSET_HEADER_BYTES
  if (widthOf(high, low) > width) return high < 0 ? -1 : -1 - length
  let from = 0
  let to = length
  if (width === 8) {
    while (from < to) {
      const middle = (from + to) >>> 1
      const p = first + middle * 8
      const order = compareInt64(readWord(b, p + 4), readWord(b, p) >>> 0, high, low)
      if (order === 0) return middle
      if (order < 0) from = middle + 1
      else to = middle
    }
    return -1 - from
  }
  const n = low | 0
  while (from < to) {
    const middle = (from + to) >>> 1
    const found = width === 2 ? readHalf(b, first + middle * 2) : readWord(b, first + middle * 4)
    if (found === n) return middle
    if (found < n) from = middle + 1
    else to = middle
  }
  return -1 - from
}

/** Bytes of the set once an integer that it has not is added. */
export function intsetBytesWith(b: Uint8Array, at: number, high: number, low: number): number {
  return INTSET_HEADER_BYTES + (intsetLength(b, at) + 1) * Math.max(b[at], widthOf(high, low))
}

/** Writes a set without integers. */
export function intsetInit(b: Uint8Array, at: number): void {
  writeWord(b, at, 2)
  writeWord(b, at + 4, 0)
}

/** Adds an integer that the set has not at the index that `intsetSearch` told (its answer is -1 - index). */
export function intsetInsert(b: Uint8Array, at: number, index: number, high: number, low: number): void {
  const length = intsetLength(b, at)
  const width = widthOf(high, low)
  if (width > b[at]) upgrade(b, at, width, index === 0 ? 1 : 0)
  else {
    const p = at + INTSET_HEADER_BYTES + index * b[at]
    if (index < length) b.copyWithin(p + b[at], p, at + INTSET_HEADER_BYTES + length * b[at])
  }
  write(b, at, index, high, low)
  writeWord(b, at + 4, length + 1)
}

/** Takes out the integer at an index. */
export function intsetRemove(b: Uint8Array, at: number, index: number): void {
  const width = b[at]
  const length = intsetLength(b, at)
  const p = at + INTSET_HEADER_BYTES + index * width
  b.copyWithin(p, p + width, at + INTSET_HEADER_BYTES + length * width)
  writeWord(b, at + 4, length - 1)
}

/** Whether what claims to be a set of `length` bytes is one: its width, its length, and that the integers ascend. Not empty, as in RDB files. */
export function intsetValidate(b: Uint8Array, at: number, length: number): boolean {
  if (length < INTSET_HEADER_BYTES || at + length > b.length) return false
  const width = readWord(b, at)
  const count = intsetLength(b, at)
  if (width !== 2 && width !== 4 && width !== 8) return false
  if (count === 0 || INTSET_HEADER_BYTES + count * width !== length) return false
  intsetGet(b, at, 0, before)
  for (let i = 1; i < count; i++) {
    intsetGet(b, at, i, current)
    if (compareInt64(before.high, before.low, current.high, current.low) >= 0) return false
    before.high = current.high
    before.low = current.low
  }
  return true
}

const before: Int64 = { high: 0, low: 0 }
const current: Int64 = { high: 0, low: 0 }

/** Bytes that an integer needs. */
function widthOf(high: number, low: number): number {
  const n = low | 0
  if (high !== n >> 31) return 8
  return n === (n << 16) >> 16 ? 2 : 4
}

/** Widens all integers, from the last one on, and moves them by `shift` places. */
function upgrade(b: Uint8Array, at: number, width: number, shift: number): void {
  for (let i = intsetLength(b, at) - 1; i >= 0; i--) {
    intsetGet(b, at, i, current)
    const narrow = b[at]
    b[at] = width
    write(b, at, i + shift, current.high, current.low)
    b[at] = narrow
  }
  b[at] = width
}

function write(b: Uint8Array, at: number, index: number, high: number, low: number): void {
  const width = b[at]
  const p = at + INTSET_HEADER_BYTES + index * width
  b[p] = low
  b[p + 1] = low >>> 8
  if (width === 2) return
  b[p + 2] = low >>> 16
  b[p + 3] = low >>> 24
  if (width === 8) writeWord(b, p + 4, high)
}

function readHalf(b: Uint8Array, p: number): number {
  return ((b[p] | (b[p + 1] << 8)) << 16) >> 16
}

function readWord(b: Uint8Array, p: number): number {
  return b[p] | (b[p + 1] << 8) | (b[p + 2] << 16) | (b[p + 3] << 24)
}

function writeWord(b: Uint8Array, p: number, n: number): void {
  b[p] = n
  b[p + 1] = n >>> 8
  b[p + 2] = n >>> 16
  b[p + 3] = n >>> 24
}
