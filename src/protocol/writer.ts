// Writes replies, in RESP2 or RESP3, straight into one reusable buffer. Commands write; who owns the writer takes the
// bytes when a batch of requests is done. RESP3 types fall back to their RESP2 form, as Redis defines it.

import { idText, type StreamId } from '../lib/stream-id.ts'

const CR = 13
const LF = 10

/** Buffers above this size are given back after use instead of being kept. */
const KEPT_BYTES_MAX = 1 << 20
/** Values and texts up to this are copied byte by byte: quicker than a call into the runtime, measured on Node 20. */
const COPY_LOOP_BYTES_MAX = 48

/** A growing buffer of replies. `pos` bytes of `buffer` are written. */
export class ReplyWriter {
  buffer: Buffer
  pos = 0
  /** Protocol version of the connection being answered. */
  resp: 2 | 3 = 2
  /** Asked before the buffer grows whether so many bytes may be kept; if not, all is forgotten and `overflowed` set. */
  mayKeep: ((bytes: number) => boolean) | undefined
  /** More was written than may be kept: what is here is worth nothing, and what follows need not be written. */
  overflowed = false
  private readonly initialBytes: number

  constructor(initialBytes = 64 * 1024) {
    this.initialBytes = initialBytes
    this.buffer = Buffer.allocUnsafeSlow(initialBytes)
  }

  /** The bytes written since the last `clear`, as a view that the next write may change. */
  written(): Buffer {
    return this.buffer.subarray(0, this.pos)
  }

  /** Forgets what was written. */
  clear(): void {
    this.pos = 0
    this.overflowed = false
    if (this.buffer.length > KEPT_BYTES_MAX) this.buffer = Buffer.allocUnsafeSlow(this.initialBytes)
  }

  /** Takes back what was written after `mark` (a former `pos`). */
  rewind(mark: number): void {
    this.pos = mark
  }

  /** Whether so many bytes more may be kept. If not, the reply has overflowed. */
  mayFollow(bytes: number): boolean {
    if (this.mayKeep?.(this.pos + bytes) === false) this.overflowed = true
    return !this.overflowed
  }

  /** Bytes as they are: an encoded reply. */
  raw(bytes: Uint8Array, start = 0, end = bytes.length): void {
    this.reserve(end - start)
    this.copy(bytes, start, end)
  }

  ok(): void {
    this.raw(OK)
  }

  /** A simple string; the text must have no line break. */
  simple(text: string): void {
    this.line(43, text)
  }

  /** An error; `text` begins with its code (`ERR …`). Line breaks become blanks, so that nobody can forge a reply. */
  error(text: string): void {
    this.line(45, text.replace(/[\r\n]/g, ' '))
  }

  int(n: number | bigint): void {
    if (typeof n === 'number' && n >= 0 && n <= UINT31_MAX) {
      this.reserve(24)
      this.header(58, n)
      return
    }
    this.line(58, String(n))
  }

  /** A bulk string of the bytes [start, end). */
  bulk(bytes: Uint8Array, start = 0, end = bytes.length): void {
    const length = end - start
    this.reserve(length + 24)
    this.header(36, length)
    this.copy(bytes, start, end)
    this.crlf()
  }

  /** A bulk string of the text in UTF-8. */
  bulkText(text: string): void {
    if (!isShortAscii(text)) return this.bulk(Buffer.from(text))
    this.bulkLatin1(text)
  }

  /** A bulk string of text of one character a byte. */
  bulkLatin1(text: string): void {
    if (text.length > COPY_LOOP_BYTES_MAX) return this.bulk(Buffer.from(text, 'latin1'))
    this.reserve(text.length + 24)
    this.header(36, text.length)
    this.characters(text)
    this.crlf()
  }

  /** A bulk string with the decimal digits of an integer. */
  bulkInt(n: number | bigint): void {
    if (typeof n !== 'number' || n < 0 || n > UINT31_MAX) return this.bulkText(String(n))
    this.reserve(24)
    this.header(36, digitsOf(n))
    this.digits(n)
    this.crlf()
  }

  /** A bulk string with the ID of a stream's entry. Written digit by digit: as a text it cost an eighth of XADD (Node 20). */
  bulkId(id: Readonly<StreamId>): void {
    const { msHigh, seqLow } = id
    if (msHigh > ID_MS_HIGH_MAX || id.seqHigh !== 0 || seqLow > UINT31_MAX) return this.bulkLatin1(idText(id))
    const ms = msHigh * 2 ** 32 + id.msLow
    const billions = Math.floor(ms / 1e9)
    const rest = ms - billions * 1e9
    const msLength = billions === 0 ? digitsOf(rest) : digitsOf(billions) + 9
    this.reserve(64)
    this.header(36, msLength + 1 + digitsOf(seqLow))
    if (billions === 0) this.digits(rest)
    else {
      this.digits(billions)
      this.digits(rest, 9)
    }
    this.buffer[this.pos++] = DASH
    this.digits(seqLow)
    this.crlf()
  }

  array(length: number): void {
    this.reserve(24)
    this.header(42, length)
  }

  /** A map of `pairs` keys and values; in RESP2 an array of twice as many elements. */
  map(pairs: number): void {
    this.reserve(24)
    if (this.resp === 3) this.header(37, pairs)
    else this.header(42, pairs * 2)
  }

  set(length: number): void {
    this.reserve(24)
    this.header(this.resp === 3 ? 126 : 42, length)
  }

  /** An out-of-band message; in RESP2 an array. */
  push(length: number): void {
    this.reserve(24)
    this.header(this.resp === 3 ? 62 : 42, length)
  }

  /** No value: `_` in RESP3, the null bulk string in RESP2. */
  null(): void {
    this.raw(this.resp === 3 ? NULL_3 : NULL_BULK)
  }

  /** No array: `_` in RESP3, the null array in RESP2. */
  nullArray(): void {
    this.raw(this.resp === 3 ? NULL_3 : NULL_ARRAY)
  }

  bool(value: boolean): void {
    if (this.resp === 3) this.raw(value ? TRUE_3 : FALSE_3)
    else this.int(value ? 1 : 0)
  }

  /** A floating point number; in RESP2 a bulk string. `text` is its decimal form. */
  double(text: string): void {
    if (this.resp === 3) this.line(44, text)
    else this.bulkText(text)
  }

  /** Text with a three-letter format (`txt`, `mkd`); in RESP2 a bulk string. */
  verbatim(format: string, text: string | Buffer): void {
    const content = typeof text === 'string' ? Buffer.from(text) : text
    if (this.resp === 2) return this.bulk(content)
    const bytes = Buffer.concat([Buffer.from(`${format}:`, 'latin1'), content])
    this.reserve(bytes.length + 24)
    this.header(61, bytes.length)
    this.copy(bytes, 0, bytes.length)
    return this.crlf()
  }

  /** Inserts the header of an array of `length` elements, which were written after `mark` (a former `pos`). */
  arrayAt(mark: number, length: number): void {
    this.insert(mark, `*${length}\r\n`)
  }

  /** The same for a set. */
  setAt(mark: number, length: number): void {
    this.insert(mark, `${this.resp === 3 ? '~' : '*'}${length}\r\n`)
  }

  /** The same for the reply of a scan: the cursor, and an array of `length` elements that were written after `mark`. */
  scanAt(mark: number, cursor: number, length: number): void {
    const digits = String(cursor)
    this.insert(mark, `*2\r\n$${digits.length}\r\n${digits}\r\n*${length}\r\n`)
  }

  private insert(mark: number, text: string): void {
    this.reserve(text.length)
    const end = this.pos + text.length
    this.buffer.copyWithin(mark + text.length, mark, this.pos)
    this.pos = mark
    this.characters(text)
    this.pos = end
  }

  /** Number of elements of the reply that begins at `mark`: pairs count as one; 0 if it has none. */
  elementsAt(mark: number): number {
    const type = this.buffer[mark]
    if (mark >= this.pos || (type !== 42 && type !== 37 && type !== 126)) return 0
    let n = 0
    for (let p = mark + 1; this.buffer[p]! >= 48 && this.buffer[p]! <= 57; p++) n = n * 10 + this.buffer[p]! - 48
    return n
  }

  private line(type: number, text: string): void {
    this.reserve(text.length * 3 + 3)
    this.buffer[this.pos++] = type
    if (isShortAscii(text)) this.characters(text)
    else this.pos += this.buffer.write(text, this.pos)
    this.crlf()
  }

  private characters(text: string): void {
    const b = this.buffer
    let p = this.pos
    for (let i = 0; i < text.length; i++) b[p++] = text.charCodeAt(i)
    this.pos = p
  }

  /** A line with a length or another integer that is not below 0. */
  private header(type: number, n: number): void {
    const b = this.buffer
    b[this.pos++] = type
    if (n < 10) b[this.pos++] = 48 + n
    else if (n > UINT31_MAX) this.characters(String(n))
    else this.digits(n)
    this.crlf()
  }

  /** The digits of an integer from 0 below 2³¹, with zeros before them if it has fewer than `length`. */
  private digits(n: number, length = digitsOf(n)): void {
    const b = this.buffer
    const end = this.pos + length
    let rest = n
    for (let p = end - 1; p >= this.pos; p--) {
      const tenth = (rest / 10) | 0
      b[p] = 48 + rest - tenth * 10
      rest = tenth
    }
    this.pos = end
  }

  private crlf(): void {
    this.buffer[this.pos++] = CR
    this.buffer[this.pos++] = LF
  }

  private copy(bytes: Uint8Array, start: number, end: number): void {
    const b = this.buffer
    let p = this.pos
    if (end - start <= COPY_LOOP_BYTES_MAX) {
      for (let i = start; i < end; i++) b[p++] = bytes[i]!
    } else {
      b.set(bytes.subarray(start, end), p)
      p += end - start
    }
    this.pos = p
  }

  private reserve(bytes: number): void {
    if (this.pos + bytes > this.buffer.length) this.grow(bytes)
  }

  private grow(bytes: number): void {
    if (this.overflowed || this.mayKeep?.(this.pos + bytes) === false) {
      this.overflowed = true
      this.pos = 0
      if (bytes <= this.buffer.length) return
    }
    const larger = Buffer.allocUnsafeSlow(Math.max(this.buffer.length * 2, this.pos + bytes))
    this.buffer.copy(larger, 0, 0, this.pos)
    this.buffer = larger
  }
}

/** Whether a text is so short that a loop writes it quicker than a call into the runtime (measured, Node 20), and has a byte a character. */
function isShortAscii(text: string): boolean {
  if (text.length > COPY_LOOP_BYTES_MAX) return false
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 127) return false
  return true
}

const UINT31_MAX = 2 ** 31 - 1
/** Milliseconds of an ID with no more in their upper word are a number below 2⁵³. */
const ID_MS_HIGH_MAX = 2 ** 21 - 1
const DASH = 45

/** Number of digits of an integer that is not below 0. */
function digitsOf(n: number): number {
  let digits = 1
  for (let limit = 10; n >= limit; limit *= 10) digits++
  return digits
}

const OK = Buffer.from('+OK\r\n')
const NULL_BULK = Buffer.from('$-1\r\n')
const NULL_ARRAY = Buffer.from('*-1\r\n')
const NULL_3 = Buffer.from('_\r\n')
const TRUE_3 = Buffer.from('#t\r\n')
const FALSE_3 = Buffer.from('#f\r\n')

/** The RESP array of bulk strings that a client would send for these arguments. */
export function encodeRequest(argv: readonly (string | Uint8Array)[]): Buffer {
  const parts: Uint8Array[] = [Buffer.from(`*${argv.length}\r\n`, 'latin1')]
  for (const arg of argv) {
    const bytes = typeof arg === 'string' ? Buffer.from(arg) : arg
    parts.push(Buffer.from(`$${bytes.length}\r\n`, 'latin1'), bytes, CRLF)
  }
  return Buffer.concat(parts)
}

const CRLF = Buffer.from('\r\n')
