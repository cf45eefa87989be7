// Finds the keys of pipelined requests before they are parsed, so that the store can fetch their memory in time. A hint
// only: it stops at whatever is not a plain well-formed request, and parsing decides what that is.

const ASTERISK = 42
const DOLLAR = 36
const ZERO = 48
const CR = 13
const LENGTH_DIGITS_MAX = 6
/** The shortest bulk string with its header, `$0\r\n\r\n`: with less left there is none, and nothing is read behind the end. */
const BULK_BYTES_MIN = 6

/** Where argument 1 of each request lies: nearly always a key. */
export interface AheadRanges {
  readonly starts: Int32Array
  readonly ends: Int32Array
}

/**
 * Writes the range of argument 1 of each whole request in bytes [from, to) into `ranges`, up to its capacity. Stops at a
 * request of another form than an array of 1 to 9 bulk strings. Returns the number of requests found; the range of one
 * without arguments is empty.
 */
export function scanAhead(bytes: Uint8Array, from: number, to: number, ranges: AheadRanges): number {
  const { starts, ends } = ranges
  let p = from
  for (let found = 0; found < starts.length; found++) {
    if (p + 4 > to || bytes[p] !== ASTERISK || bytes[p + 2] !== CR) return found
    const count = bytes[p + 1] - ZERO
    if (count < 1 || count > 9) return found
    p += 4
    if (count === 1) starts[found] = ends[found] = p
    for (let argument = 0; argument < count; argument++) {
      if (p + BULK_BYTES_MIN > to || bytes[p] !== DOLLAR) return found
      let length = bytes[p + 1] - ZERO
      p += 2
      if (bytes[p] !== CR) {
        const digitsAt = p
        for (; p < to && bytes[p] !== CR; p++) length = length * 10 + bytes[p] - ZERO
        if (p - digitsAt >= LENGTH_DIGITS_MAX) return found
      }
      p += 2
      if (argument === 1) {
        starts[found] = p
        ends[found] = p + length
      }
      p += length + 2
      if (length < 0 || p > to) return found
    }
  }
  return starts.length
}
