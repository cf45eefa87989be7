// The requests that are here in whole, read in one go: the common form of a request, an array of up to nine bulk strings below
// a megabyte, in a loop that does nothing else. What it stops at, the parser reads, and decides what that is.
// Invariant: a request that is read here the parser would read as the very same one.

import { Args } from './args.ts'

const ARGUMENTS_MAX = 9
const BULK_BYTES_MAX = 999_999

const ASTERISK = 42
const DOLLAR = 36
const ZERO = 48
const CR = 13
/** The shortest bulk string with its header, `$0\r\n\r\n`: with less left there is none. */
const BULK_MIN = 6

/** Requests found in one input. One is enough for all connections: each uses or forgets what it found within a read. */
export class Scanned {
  /** Number of requests. */
  count = 0
  /** Where each request begins, and behind the last one where that ends. */
  readonly starts: Int32Array
  /** Where the ranges of each request begin in `ranges`, and behind the last one where they end. */
  readonly firsts: Int32Array
  /** Start and end of each argument, relative to the start of its request. */
  readonly ranges: Int32Array
  /** The request that was taken last. */
  readonly args = new Args(EMPTY)

  /** Room for so many requests at once. */
  constructor(requestsMax: number) {
    this.starts = new Int32Array(requestsMax + 1)
    this.firsts = new Int32Array(requestsMax + 1)
    this.ranges = new Int32Array(2 * ARGUMENTS_MAX * requestsMax)
    this.args.ranges = this.ranges
  }

  /** Finds the requests in bytes [from, to), with bulk strings of at most `bulkBytesMax`; their number. */
  find(bytes: Buffer, from: number, to: number, bulkBytesMax: number): number {
    if (this.args.buffer !== bytes) this.args.buffer = bytes
    this.count = this.read(bytes, from, to, Math.min(bulkBytesMax, BULK_BYTES_MAX))
    return this.count
  }

  /** Writes where argument 1 of each request begins and ends in the input, nothing (0 to 0) for one that has none. */
  firstArguments(starts: Int32Array, ends: Int32Array): void {
    const { count, firsts, ranges } = this
    for (let i = 0; i < count; i++) {
      const at = firsts[i] + 2
      const has = at < firsts[i + 1]
      starts[i] = has ? this.starts[i] + ranges[at] : 0
      ends[i] = has ? this.starts[i] + ranges[at + 1] : 0
    }
  }

  /** Makes `args` request i. */
  take(i: number): void {
    const { args, starts, firsts } = this
    const first = firsts[i]
    args.base = starts[i]
    args.rawLength = starts[i + 1] - starts[i]
    args.first = first
    args.count = (firsts[i + 1] - first) >> 1
  }

  /** Lets go of the input. */
  release(): void {
    this.args.buffer = EMPTY
  }

  private read(bytes: Buffer, from: number, to: number, lengthMax: number): number {
    const { starts, firsts, ranges } = this
    let p = from
    let w = 0
    starts[0] = from
    firsts[0] = 0
    const most = starts.length - 1
    for (let found = 0; found < most; found++) {
      const start = p
      if (p + 4 > to || bytes[p] !== ASTERISK || bytes[p + 2] !== CR) return found
      const count = bytes[p + 1] - ZERO
      if (count < 1 || count > ARGUMENTS_MAX) return found
      p += 4
      for (let left = count; left > 0; left--) {
        if (p + BULK_MIN > to || bytes[p] !== DOLLAR) return found
        let length = bytes[p + 1] - ZERO
        if (length < 0 || length > 9) return found
        p += 2
        if (bytes[p] !== CR) {
          // Longer numbers must not begin with 0: what is replicated as it came must be in the one canonical form.
          if (length === 0) return found
          for (; bytes[p] !== CR; p++) {
            const digit = bytes[p] - ZERO
            if (p >= to || digit < 0 || digit > 9) return found
            length = length * 10 + digit
            if (length > lengthMax) return found
          }
        }
        p += 2
        ranges[w] = p - start
        ranges[w + 1] = p + length - start
        w += 2
        p += length + 2
        if (p > to) return found
      }
      starts[found + 1] = p
      firsts[found + 1] = w
    }
    return most
  }
}

const EMPTY = Buffer.alloc(0)
