// Numbers in the text form in which Redis reads and prints them. Integers are signed 64-bit: a JavaScript number where it
// is exact (|n| < 2⁵³), a bigint beyond. Only the canonical form counts as an integer: no sign `+`, no leading zero, no
// blank, so that text → integer → text gives back the very bytes.

export const INT64_MIN = -(2n ** 63n)
export const INT64_MAX = 2n ** 63n - 1n

const MINUS = 45
const ZERO = 48

/**
 * The canonical decimal integer in bytes [start, end) if its magnitude is below 10¹⁵, else NaN (not an integer, or one
 * for the slow path: `parseInt64`).
 */
export function parseSmallInt(bytes: Uint8Array, start: number, end: number): number {
  let p = start
  const negative = p < end && bytes[p] === MINUS
  if (negative) p++
  const digits = end - p
  if (digits < 1 || digits > 15) return Number.NaN
  const first = bytes[p]! - ZERO
  if (first === 0) return digits === 1 && !negative ? 0 : Number.NaN
  let n = 0
  for (; p < end; p++) {
    const d = bytes[p]! - ZERO
    if (d < 0 || d > 9) return Number.NaN
    n = n * 10 + d
  }
  return negative ? -n : n
}

/** The canonical signed 64-bit decimal integer in bytes [start, end), or undefined. */
export function parseInt64(bytes: Uint8Array, start: number, end: number): bigint | undefined {
  const small = parseSmallInt(bytes, start, end)
  if (!Number.isNaN(small)) return BigInt(small)
  const length = end - start
  if (length < 1 || length > 20) return undefined
  let p = start
  if (bytes[p] === MINUS) p++
  if (p === end || bytes[p]! < ZERO + 1) return undefined
  for (let i = p; i < end; i++) if (bytes[i]! < ZERO || bytes[i]! > ZERO + 9) return undefined
  const n = BigInt(String.fromCharCode(...bytes.subarray(start, end)))
  return n >= INT64_MIN && n <= INT64_MAX ? n : undefined
}

/** Whether bytes [start, end) are a canonical signed 64-bit decimal integer. */
export function isInt64(bytes: Uint8Array, start: number, end: number): boolean {
  const length = end - start
  if (length < 1 || length > 20) return false
  const c = bytes[start]!
  if (c !== MINUS && (c < ZERO || c > ZERO + 9)) return false
  return length <= 15 ? !Number.isNaN(parseSmallInt(bytes, start, end)) : parseInt64(bytes, start, end) !== undefined
}

const FLOAT = /^[+-]?(\d+\.?\d*([eE][+-]?\d+)?|\.\d+([eE][+-]?\d+)?|inf(inity)?)$/i
const HEX_FLOAT = /^[+-]?0x[0-9a-f]+$/i

/** Powers of ten that a double has exactly. */
const TENS = Array.from({ length: 16 }, (_, i) => 10 ** i)
const PLAIN_DIGITS_MAX = 15

/**
 * The number that bytes [start, end) spell in plain digits, as `-12.50` or `0007`; NaN if they are anything else, which may still be
 * a number. Without a string: that, and two regular expressions, were a third of a ZADD (measured, Node 20).
 */
export function parsePlainDouble(bytes: Uint8Array, start: number, end: number): number {
  const negative = bytes[start] === 45
  let p = negative ? start + 1 : start
  // So many digits are an integer below 2⁵³, and a power of ten that is exact: one division gives the nearest double.
  if (end - p > PLAIN_DIGITS_MAX || p >= end) return Number.NaN
  let digits = 0
  let pointAt = -1
  for (; p < end; p++) {
    const c = bytes[p]
    if (c >= 48 && c <= 57) digits = digits * 10 + c - 48
    else if (c === 46 && pointAt < 0 && p + 1 < end && p > (negative ? start + 1 : start)) pointAt = p
    else return Number.NaN
  }
  const value = pointAt < 0 ? digits : digits / TENS[end - pointAt - 1]
  return negative ? -value : value
}

/** A floating point number as strtod reads it, without blanks around it and without NaN; undefined if it is none. */
export function parseDouble(text: string): number | undefined {
  if (HEX_FLOAT.test(text)) return text.startsWith('-') ? -Number(text.slice(1)) : Number(text.replace('+', ''))
  if (!FLOAT.test(text)) return undefined
  const inf = /^([+-]?)inf/i.exec(text)
  if (inf) return inf[1] === '-' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY
  const value = Number(text)
  return Number.isFinite(value) ? value : undefined
}
