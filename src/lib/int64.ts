// Signed 64-bit integers as two 32-bit words in two's complement, for where most are small but all must be exact: a bigint
// costs an allocation each, and a number is exact up to 2⁵³ only. The text form is the canonical one of decimal.ts.

import { parseSmallInt } from './decimal.ts'

/** A signed 64-bit integer: `high` is an int32, `low` a uint32. */
export interface Int64 {
  high: number
  low: number
}

/** Bytes of the longest text, -9223372036854775808. */
export const INT64_TEXT_BYTES_MAX = 20

const MINUS = 45
const ZERO = 48
const WORD = 2 ** 32
const BILLION = 1e9

/** The words of a number that is an integer below 2⁶³ in magnitude. */
export function setInt64(into: Int64, n: number): void {
  into.high = Math.floor(n / WORD) | 0
  into.low = n >>> 0
}

/** The number nearest to the integer: exact if it is below 2⁵³ in magnitude. */
export function int64ToNumber(high: number, low: number): number {
  return high * WORD + low
}

export function int64ToBigInt(high: number, low: number): bigint {
  return BigInt(high) * 4294967296n + BigInt(low)
}

/** Below 0, 0 or above 0. */
export function compareInt64(aHigh: number, aLow: number, bHigh: number, bLow: number): number {
  return aHigh === bHigh ? aLow - bLow : aHigh - bHigh
}

/** Reads the canonical decimal integer in bytes [start, end); false if there is none, or one that needs more bits. */
export function parseInt64Words(bytes: Uint8Array, start: number, end: number, into: Int64): boolean {
  const small = parseSmallInt(bytes, start, end)
  if (!Number.isNaN(small)) {
    setInt64(into, small)
    return true
  }
  const negative = bytes[start] === MINUS
  const from = negative ? start + 1 : start
  // Up to 15 digits would have been read above; 2⁶³ has 19.
  if (end - from < 16 || end - from > 19 || bytes[from] === ZERO) return false
  let high = 0
  let low = 0
  for (let p = from; p < end; p++) {
    const digit = bytes[p] - ZERO
    if (digit < 0 || digit > 9) return false
    const next = low * 10 + digit
    const carry = Math.floor(next / WORD)
    low = next - carry * WORD
    high = high * 10 + carry
  }
  if (high >= 2 ** 31 && !(negative && high === 2 ** 31 && low === 0)) return false
  into.high = negative ? ~high + (low === 0 ? 1 : 0) : high
  into.low = negative ? -low >>> 0 : low
  into.high |= 0
  return true
}

/** Writes an integer below 2⁵³ in magnitude as text from `at` on; returns where it ends. */
export function writeInteger(n: number, out: Uint8Array, at: number): number {
  let p = at
  let rest = n
  if (rest < 0) {
    out[p++] = MINUS
    rest = -rest
  }
  const end = p + digitsOf(rest)
  let q = end
  while (rest >= BILLION) {
    const next = Math.floor(rest / 10)
    out[--q] = ZERO + (rest - next * 10)
    rest = next
  }
  let small = rest | 0
  do {
    const next = (small / 10) | 0
    out[--q] = ZERO + (small - next * 10)
    small = next
  } while (q > p)
  return end
}

/** Writes a 64-bit integer as text from `at` on; returns where it ends. */
export function writeInt64(high: number, low: number, out: Uint8Array, at: number): number {
  const n = int64ToNumber(high, low)
  if (Number.isSafeInteger(n)) return writeInteger(n, out, at)
  let p = at
  let h = high >>> 0
  let l = low
  if (high < 0) {
    out[p++] = MINUS
    h = (~high + (low === 0 ? 1 : 0)) >>> 0
    l = -low >>> 0
  }
  // The magnitude divided by 10⁹, in limbs of 16 bits, so that every step is exact.
  let quotient = 0
  let rest = 0
  for (const limb of [h >>> 16, h & 0xffff, l >>> 16, l & 0xffff]) {
    const step = rest * 65536 + limb
    const q = Math.floor(step / BILLION)
    rest = step - q * BILLION
    quotient = quotient * 65536 + q
  }
  p = writeInteger(quotient, out, p)
  for (let q = p + 8; q >= p; q--) {
    const next = Math.floor(rest / 10)
    out[q] = ZERO + (rest - next * 10)
    rest = next
  }
  return p + 9
}

function digitsOf(n: number): number {
  let digits = 1
  for (let limit = 10; n >= limit; limit *= 10) digits++
  return digits
}
