// Requests of clients: RESP arrays of bulk strings, or inline commands of words in one line. One pass over the input;
// a request may be split at any byte, and parsing then resumes where it stopped instead of starting over. What a peer
// can make this keep is bounded by the limits, and grows only with what it really sent.

import { isBlank, isQuote, splitLine } from '../lib/words.ts'
import { Args } from './args.ts'
import type { Scanned } from './scanned.ts'

/** Limits of a request; see `proto-max-bulk-len` and `client-query-buffer-limit`. */
export interface ParserLimits {
  bulkBytesMax: number
  queryBytesMax: number
  /** Before AUTH a peer gets small limits, as in Redis: 10 arguments of 16 KiB. */
  authenticated: boolean
}

/** What `next` found. */
export const NEED_MORE = 0
export const REQUEST = 1
export const PROTOCOL_ERROR = 2
/** The unread input is over `queryBytesMax`: the connection is to be closed without an answer, as Redis does. */
export const QUERY_TOO_LARGE = 3

/** An empty request (`*0`, a blank line): on to the next one. */
const SKIPPED = -1
/** What `lengthLine` answers beside a length; -1 is the length of a null array. */
const BAD_LENGTH = -2
const INCOMPLETE = -3

const INLINE_BYTES_MAX = 64 * 1024
/** As in Redis; before AUTH far fewer. What arguments take is bounded by `queryBytesMax`, which all of them count to. */
const ARGUMENTS_MAX = 2 ** 31 - 1
const LENGTH_DIGITS_MAX = 18
const RANGES_KEPT = 1024

const ASTERISK = 42
const DOLLAR = 36
const MINUS = 45
const CR = 13
const LF = 10

/** From here on Redis reads an argument into a buffer of its own. */
const LONG_ARGUMENT_BYTES = 32 * 1024

/** Incremental parser of one connection's input. Feed bytes, then call `next` until it needs more. */
export class RequestParser {
  /** The request that `next` found last. */
  args: Args
  /** The text of a protocol error, without the `Protocol error: ` in front. */
  error = ''
  private buffer: Buffer
  private pos = 0
  private end = 0
  /** The input is our own (kept) buffer rather than the transport's. */
  private owned = false
  /** Start of the request that is being parsed. */
  private start = 0
  /** Arguments still to come of the request being parsed; 0 between requests. */
  private pending = 0
  /** Length of the bulk string whose bytes are awaited, or -1. */
  private bulkLength = -1
  /** Arguments of a request that is parsed here, in pieces if need be. */
  private readonly own: Args
  private readonly scanned: Scanned | undefined
  /** Requests that were read ahead, and which of them is next. */
  private scannedCount = 0
  private scannedNext = 0
  private readonly limits: ParserLimits
  /** The limit as it was when the last input came: asking for each argument cost 7 % of a pipelined GET. */
  private bulkBytesMax = 0

  /** `scanned` is where requests are read ahead, if they are to be; parsers that do not run at once may share one. */
  constructor(limits: ParserLimits, scanned?: Scanned) {
    this.limits = limits
    this.scanned = scanned
    this.buffer = EMPTY
    this.own = new Args(this.buffer)
    this.args = this.own
  }

  /** Bytes received and not yet consumed. */
  get unreadBytes(): number {
    return this.end - this.start
  }

  /** The same as operators see it: of a request with a long argument only that, as in Redis, which keeps what came before apart. */
  get queryBytes(): number {
    return this.bulkLength < LONG_ARGUMENT_BYTES ? this.unreadBytes : this.end - this.pos
  }

  /** What the buffer that the input is in has beside the unread bytes. */
  get spareBytes(): number {
    return this.buffer.length - this.unreadBytes
  }

  /** Bytes of the arguments of the request that was found last, or that is here in part. */
  get argumentBytes(): number {
    if (this.buffer.length === 0) return 0
    let bytes = 0
    for (let i = 0; i < this.args.count; i++) bytes += this.args.len(i)
    return bytes
  }

  /** Bytes received behind the request that `next` found last. */
  get unparsedBytes(): number {
    return this.end - this.pos
  }

  /** Bytes of memory that this parser holds on to between two reads. */
  get heldBytes(): number {
    return (this.owned ? this.buffer.length : 0) + this.own.ranges.byteLength
  }

  /** Bytes of an argument that was announced and for which there is no memory yet. */
  get announcedBytes(): number {
    return this.bulkLength < 0 ? 0 : Math.max(0, this.pos - this.start + this.bulkLength + 2 - this.buffer.length)
  }

  /**
   * Takes input. The bytes are parsed in place and must stay untouched until `next` says that it needs more or `keep` was
   * called.
   */
  feed(input: Buffer, start = 0, end = input.length): void {
    this.bulkBytesMax = this.limits.bulkBytesMax
    if (this.end === this.start) {
      this.buffer = input
      this.owned = false
      this.pos = this.start = start
      this.end = end
      return
    }
    this.append(input, start, end)
  }

  /**
   * Copies what is unread out of the transport's buffer, which may be overwritten after this, and lets go of what is not
   * needed any more: an idle connection holds nothing. `args` must not be used after this.
   */
  keep(): void {
    this.scannedCount = this.scannedNext = 0
    if (this.owned) this.scanned?.release()
    if (this.pending === 0) {
      this.start = this.pos
      if (this.own.ranges.length > RANGES_KEPT) this.own.ranges = new Int32Array(32)
      this.own.buffer = EMPTY
    }
    const unread = this.end - this.start
    if (unread === 0) {
      this.buffer = EMPTY
      this.owned = false
      this.pos = this.start = this.end = 0
    } else if (!this.owned) {
      this.moveTo(Buffer.allocUnsafeSlow(Math.max(unread, 512)))
    }
  }

  /** Parses the next request into `args`. The answer is one of the constants above. */
  next(): number {
    if (this.scannedNext < this.scannedCount) return this.takeScanned(this.scanned!)
    if (this.args !== this.own) this.args = this.own
    while (this.pending === 0) {
      if (this.pos === this.end) return this.finishRead()
      this.start = this.pos
      const isArray = this.buffer[this.pos] === ASTERISK
      const found = isArray ? this.arrayHeader() : this.inline()
      if (found === SKIPPED) continue
      if (!isArray || found !== REQUEST) return found
    }
    return this.bulks()
  }

  /** Whether requests that `scanAhead` found are still to be given out. */
  get hasScanned(): boolean {
    return this.scannedNext < this.scannedCount
  }

  /**
   * Reads the requests that are here in whole; `next` then gives them out one by one, until `keep` forgets the rest. Their
   * number: 0 in the middle of one, before AUTH, and where the next one has to be parsed.
   */
  scanAhead(): number {
    const { scanned } = this
    if (scanned === undefined || this.pending !== 0 || !this.limits.authenticated) return 0
    this.scannedNext = 0
    this.scannedCount = scanned.find(this.buffer, this.pos, this.end, this.bulkBytesMax)
    return this.scannedCount
  }

  private takeScanned(scanned: Scanned): number {
    const i = this.scannedNext++
    scanned.take(i)
    if (this.args !== scanned.args) this.args = scanned.args
    this.start = scanned.starts[i]
    this.pos = scanned.starts[i + 1]
    return REQUEST
  }

  private arrayHeader(): number {
    const count = this.lengthLine(ARGUMENTS_MAX)
    if (count === INCOMPLETE) return this.needMore('too big mbulk count string')
    if (count === BAD_LENGTH) return this.fail('invalid multibulk length')
    if (count > 10 && !this.limits.authenticated) return this.fail('unauthenticated multibulk length')
    this.beginArgs()
    // `*0` and `*-1` are requests of nothing, which Redis skips silently.
    if (count <= 0) return SKIPPED
    this.pending = count
    return REQUEST
  }

  private bulks(): number {
    const args = this.own
    const buffer = this.buffer
    const end = this.end
    const start = this.start
    let pos = this.pos
    while (this.pending > 0) {
      let length = this.bulkLength
      if (length < 0) {
        if (pos === end) return this.needMore('')
        if (buffer[pos] !== DOLLAR) return this.fail(`expected '$', got '${printable(buffer[pos])}'`)
        const tens = buffer[pos + 1] - 48
        const ones = buffer[pos + 2] - 48
        if (pos + 4 < end && tens >= 0 && tens <= 9 && ones === CR - 48) {
          // One digit, two digits: nearly all lengths. The general form below reads the same, more slowly.
          length = tens
          pos += 4
        } else if (pos + 5 < end && tens > 0 && tens <= 9 && ones >= 0 && ones <= 9 && buffer[pos + 3] === CR) {
          length = tens * 10 + ones
          pos += 5
        } else {
          this.pos = pos
          length = this.lengthLine(this.bulkBytesMax)
          if (length === INCOMPLETE) return this.needMore('too big bulk count string')
          if (length < 0) return this.fail('invalid bulk length')
          if (length > 16384 && !this.limits.authenticated) return this.fail('unauthenticated bulk length')
          pos = this.pos
        }
      }
      const next = pos + length + 2
      if (next > end) {
        this.bulkLength = length
        this.pos = pos
        return this.needMore('')
      }
      args.push(pos - start, next - 2 - start)
      pos = next
      this.bulkLength = -1
      this.pending--
      this.pos = pos
    }
    args.buffer = buffer
    args.base = start
    args.rawLength = pos - start
    return REQUEST
  }

  /**
   * Reads the number of a `*n` or `$n` line. Leaves `pos` after the line, or where it was if the line is incomplete.
   * Only the canonical form is accepted, so that a request's raw bytes can be replicated as they are.
   */
  private lengthLine(max: number): number {
    const buffer = this.buffer
    const end = this.end
    let p = this.pos + 1
    const negative = p < end && buffer[p] === MINUS
    if (negative) p++
    const digitsAt = p
    let n = 0
    let c = 0
    for (; p < end; p++) {
      c = buffer[p]! - 48
      if (c < 0 || c > 9) break
      n = n * 10 + c
      if (p - digitsAt >= LENGTH_DIGITS_MAX) return BAD_LENGTH
    }
    if (p + 1 >= end) {
      if (p < end && buffer[p] !== CR) return BAD_LENGTH
      return INCOMPLETE
    }
    if (buffer[p] !== CR || p === digitsAt) return BAD_LENGTH
    if (p - digitsAt > 1 && buffer[digitsAt] === 48) return BAD_LENGTH
    if (n > max) return BAD_LENGTH
    this.pos = p + 2
    if (!negative) return n
    return n === 0 ? BAD_LENGTH : -1
  }

  private inline(): number {
    const { buffer, pos, end } = this
    let newline = pos
    while (newline < end && buffer[newline] !== LF) newline++
    if (newline - pos > INLINE_BYTES_MAX) return this.fail('too big inline request')
    if (newline === end) return this.needMore('')
    const lineEnd = newline > pos && buffer[newline - 1] === CR ? newline - 1 : newline
    if (!this.plainWords(lineEnd)) {
      const words = splitLine(buffer.subarray(pos, lineEnd))
      if (words === undefined) return this.fail('unbalanced quotes in request')
      this.own.load(words)
    }
    this.pos = newline + 1
    const { count } = this.own
    if (count === 0) return SKIPPED
    if (!this.limits.authenticated && count > 10) return this.fail('unauthenticated multibulk length')
    return REQUEST
  }

  /** Makes the words of a line the arguments, where they stand; false if there are quotes among them. */
  private plainWords(lineEnd: number): boolean {
    const { buffer, own, pos } = this
    this.beginArgs()
    own.buffer = buffer
    own.base = pos
    own.rawLength = 0
    for (let at = pos; ; ) {
      while (at < lineEnd && isBlank(buffer[at])) at++
      if (at === lineEnd) return true
      const from = at
      for (; at < lineEnd && !isBlank(buffer[at]); at++) if (isQuote(buffer[at])) return false
      own.push(from - pos, at - pos)
    }
  }

  private beginArgs(): void {
    this.own.count = 0
    this.bulkLength = -1
    // One request of a million arguments must not hold 8 MB for the connection's life.
    if (this.own.ranges.length > RANGES_KEPT) this.own.ranges = new Int32Array(32)
  }

  private finishRead(): number {
    this.start = this.pos
    return NEED_MORE
  }

  private needMore(tooLongError: string): number {
    if (tooLongError !== '' && this.end - this.pos > INLINE_BYTES_MAX) return this.fail(tooLongError)
    if (this.end - this.start > this.limits.queryBytesMax) return QUERY_TOO_LARGE
    return NEED_MORE
  }

  private fail(error: string): number {
    this.error = error
    return PROTOCOL_ERROR
  }

  private append(input: Buffer, from: number, to: number): void {
    const unread = this.end - this.start
    const need = unread + to - from
    if (!this.owned || this.start + need > this.buffer.length) {
      const reuse = this.owned && need <= this.buffer.length
      this.moveTo(reuse ? this.buffer : Buffer.allocUnsafeSlow(this.roomFor(need)))
    }
    input.copy(this.buffer, this.end, from, to)
    this.end += to - from
  }

  /**
   * Room to keep `need` bytes in and what follows them. Growth by a share of what is there keeps copying linear. An announced
   * length reserves nothing before half of it has come; then it is taken at its word, so that the last copies are spared.
   */
  private roomFor(need: number): number {
    const announced = this.bulkLength < 0 ? 0 : this.pos - this.start + this.bulkLength + 2
    return announced >= need && announced <= need * 2 ? announced : Math.floor(need * 1.5)
  }

  private moveTo(target: Buffer): void {
    this.buffer.copy(target, 0, this.start, this.end)
    this.pos -= this.start
    this.end -= this.start
    this.start = 0
    this.buffer = target
    this.owned = true
  }
}

const EMPTY = Buffer.alloc(0)

/** A byte as it stands in an error, where a line break would end the reply. */
function printable(byte: number): string {
  return byte === CR || byte === LF ? ' ' : String.fromCharCode(byte)
}
