// The arguments of one request, as ranges of the input buffer that it arrived in. Nothing is copied or allocated until a
// command asks for it. The ranges are valid only while the command runs: who keeps an argument copies it (`copy`).

import { parseInt64, parseSmallInt } from '../lib/decimal.ts'

const CR = 13
const LF = 10

/** The arguments of a request; index 0 is the command's name. Offsets are relative to `base` in `buffer`. */
export class Args {
  buffer: Buffer
  /** Where the request starts in `buffer`. */
  base = 0
  /** Number of arguments, the command's name included. */
  count = 0
  /** Bytes of the request in `buffer` from `base` on if they are a canonical RESP array, else 0 (an inline request). */
  rawLength = 0
  /** Pairs of start and end, relative to `base`, from index `first` on. */
  ranges: Int32Array
  first = 0

  constructor(buffer: Buffer, capacity = 16) {
    this.buffer = buffer
    this.ranges = new Int32Array(capacity * 2)
  }

  /** Offset in `buffer` of the first byte of argument i. */
  start(i: number): number {
    return this.base + this.ranges[this.first + (i << 1)]!
  }

  /** Offset in `buffer` just past argument i. */
  end(i: number): number {
    return this.base + this.ranges[this.first + (i << 1) + 1]!
  }

  /** Length of argument i in bytes. */
  len(i: number): number {
    return this.ranges[this.first + (i << 1) + 1]! - this.ranges[this.first + (i << 1)]!
  }

  /** Argument i as a view into the input buffer: valid only while the command runs. */
  bytes(i: number): Buffer {
    return this.buffer.subarray(this.start(i), this.end(i))
  }

  /** Argument i as a buffer of its own, to keep. */
  copy(i: number): Buffer {
    return Buffer.from(this.bytes(i))
  }

  /** Argument i as text (UTF-8). */
  str(i: number): string {
    return this.buffer.toString('utf8', this.start(i), this.end(i))
  }

  /** Argument i as text of one character a byte: a reversible form for keys of JavaScript maps. */
  latin1(i: number): string {
    return this.buffer.toString('latin1', this.start(i), this.end(i))
  }

  /** Whether argument i is the word, in any case. `word` is given in lower case. */
  is(i: number, word: string): boolean {
    const s = this.start(i)
    const n = word.length
    if (this.end(i) - s !== n) return false
    for (let k = 0; k < n; k++) {
      let c = this.buffer[s + k]!
      if (c >= 65 && c <= 90) c += 32
      if (c !== word.charCodeAt(k)) return false
    }
    return true
  }

  /**
   * Whether the line ends of the request as it was sent are what they should be: like Redis the parser does not look at each. A
   * request for which this is not so is encoded anew before it goes into a file or a stream.
   */
  hasLineEnds(): boolean {
    const { buffer, base, count, rawLength } = this
    if (rawLength === 0) return false
    if (buffer[buffer.indexOf(CR, base) + 1] !== LF) return false
    for (let i = 0; i < count; i++) {
      const end = this.end(i)
      if (buffer[end] !== CR || buffer[end + 1] !== LF || buffer[this.start(i) - 1] !== LF) return false
    }
    return true
  }

  /** Argument i as a canonical integer of at most 15 digits, NaN for anything else: see `int64`. */
  smallInt(i: number): number {
    return parseSmallInt(this.buffer, this.start(i), this.end(i))
  }

  /** Argument i as a signed 64-bit integer, or undefined if it is none. */
  int64(i: number): bigint | undefined {
    return parseInt64(this.buffer, this.start(i), this.end(i))
  }

  /** All arguments from `from` on as buffers to keep. */
  copyAll(from = 0): Buffer[] {
    return Array.from({ length: this.count - from }, (_, k) => this.copy(from + k))
  }

  /** Appends an argument's range, relative to `base`; grows the list as needed. */
  push(start: number, end: number): void {
    const at = this.count << 1
    if (at === this.ranges.length) {
      const larger = new Int32Array(this.ranges.length * 2)
      larger.set(this.ranges)
      this.ranges = larger
    }
    this.ranges[at] = start
    this.ranges[at + 1] = end
    this.count++
  }

  /** Makes this the request of the given arguments: what MULTI queued, or a command that the server issues itself. */
  load(argv: readonly Uint8Array[]): void {
    const length = argv.reduce((sum, arg) => sum + arg.length, 0)
    this.buffer = Buffer.allocUnsafe(length)
    this.base = 0
    this.count = 0
    this.rawLength = 0
    let at = 0
    for (const arg of argv) {
      this.buffer.set(arg, at)
      this.push(at, at + arg.length)
      at += arg.length
    }
  }
}
