// Reads what a server answers: an incremental parser of RESP2 and RESP3 *replies* for clients (links of the sentinel to
// servers, the command line, probes). Bytes in at any split, values out.
// Invariants: memory is bounded by `ReplyLimits` whatever the peer declares (nothing is reserved on a peer's word);
// the work is linear in the input however it is split; garbage ends in `failure`, never in an exception, and after a
// failure the parser accepts nothing more.

/** An error reply: a value, because to be refused is to be answered. `code` is its first word, as in `READONLY`. */
export class ReplyError {
  readonly message: string
  constructor(message: string) {
    this.message = message
  }
  get code(): string {
    const space = this.message.indexOf(' ')
    return space < 0 ? this.message : this.message.slice(0, space)
  }
}

/**
 * A reply as a value. Simple, bulk and verbatim strings: string (bulk and verbatim: Buffer with `bytes: true`). Integers: number, or
 * bigint beyond 2^53. Arrays and sets: array. Maps: flat array of keys and values, the shape that RESP2 has, so callers
 * need not know which protocol is spoken. Attributes are read and dropped.
 */
export type Reply = string | Buffer | number | bigint | boolean | null | ReplyError | Reply[]

/** One complete top-level value; `push` tells RESP3's out-of-band kind (always an array) from an answer. */
export interface ParsedReply {
  push: boolean
  value: Reply
}

/** What one top-level reply may cost at most; the peer is cut off beyond it. */
export interface ReplyLimits {
  /** Longest bulk, verbatim string or bulk error, in bytes. */
  bulkBytesMax: number
  /** Longest line (simple string, error, number), in bytes. */
  lineBytesMax: number
  /** Values in one top-level reply, nested ones and their containers included. */
  valuesMax: number
  /** Bytes on the wire of one top-level reply. */
  totalBytesMax: number
  /** Nesting of arrays. */
  depthMax: number
}

export const REPLY_LIMITS: ReplyLimits = {
  bulkBytesMax: 64 << 20,
  lineBytesMax: 64 << 10,
  valuesMax: 1 << 20,
  totalBytesMax: 128 << 20,
  depthMax: 32,
}

export interface ReplyParser {
  /** Takes the next bytes of the stream (kept by reference: not to be changed later); returns the values they complete. */
  feed(bytes: Uint8Array): ParsedReply[]
  /** Why the stream is no RESP, once it is so; the connection is then to be closed. */
  readonly failure: string | undefined
}

type ContainerKind = 'array' | 'push' | 'attribute'

interface Container {
  kind: ContainerKind
  items: Reply[]
  missing: number
}

const CR = 13
const LF = 10
const INTEGER = /^[+-]?\d{1,19}$/
const BIG_NUMBER = /^[+-]?\d+$/
const LENGTH = /^\d{1,10}$/

/** What a step over the buffer came to: progress, a wait for more bytes, or a protocol error. */
type Step = 'more' | 'wait' | 'failed'

/** A parser for one connection. `bytes`: bulk strings as Buffer instead of UTF-8 text. */
export function createReplyParser(options: Partial<ReplyLimits> & { bytes?: boolean } = {}): ReplyParser {
  const limits: ReplyLimits = { ...REPLY_LIMITS, ...options }
  const asBytes = options.bytes === true

  // Unread input is buffer[position, end). The buffer is the caller's as long as nothing is left over between two calls.
  let buffer: Buffer = Buffer.alloc(0)
  let position = 0
  let end = 0
  let owned = false
  let neededBytes = 1 // nothing can be read before so many bytes follow `position`
  let scanned = 0 // bytes after `position` known to hold no line end
  let open: Container[] = []
  let values = 0
  let totalBytes = 0
  let failure: string | undefined
  let out: ParsedReply[] = []

  function fail(reason: string): Step {
    failure = reason
    buffer = Buffer.alloc(0)
    position = 0
    end = 0
    open = []
    return 'failed'
  }

  function wait(forBytes: number): Step {
    neededBytes = forBytes
    return 'wait'
  }

  /** Takes the `length` bytes of one value (or of a container's header) off the input. */
  function consume(length: number): void {
    values++
    position += length
    totalBytes += length
    neededBytes = 1
    scanned = 0
  }

  /** Hands a complete value to the innermost container, closing those it completes. */
  function complete(value: Reply): Step {
    let done = value
    for (;;) {
      const container = open.at(-1)
      if (container === undefined) return emit(done, false)
      container.items.push(done)
      container.missing--
      if (container.missing > 0) return 'more'
      open.pop()
      if (container.kind === 'push') return emit(container.items, true)
      if (container.kind === 'attribute') return 'more' // describes the value that follows; not part of it
      done = container.items
    }
  }

  function emit(value: Reply, push: boolean): Step {
    out.push({ push, value })
    values = 0
    totalBytes = 0
    return 'more'
  }

  function begin(kind: ContainerKind, count: number): Step {
    if (kind === 'push' && open.length > 0) return fail('push inside a reply')
    if (kind === 'push' && count === 0) return fail('empty push')
    if (values + count > limits.valuesMax) return fail('reply has too many values')
    if (count === 0) return kind === 'attribute' ? 'more' : complete([])
    if (open.length >= limits.depthMax) return fail('reply is nested too deeply')
    open.push({ kind, items: [], missing: count })
    return 'more'
  }

  /** A container's element count or a bulk's length; -1 is RESP2's null; undefined is no length. */
  function lengthOf(text: string): number | undefined {
    if (text === '-1') return -1
    return LENGTH.test(text) ? Number(text) : undefined
  }

  function container(kind: ContainerKind, text: string, perEntry: number): Step {
    const count = lengthOf(text)
    if (count === undefined) return fail('invalid multibulk length in reply')
    if (count < 0)
      return kind === 'array' && perEntry === 1 ? complete(null) : fail('invalid multibulk length in reply')
    return begin(kind, count * perEntry)
  }

  /** A `$`, `!` or `=` value: a line with the length, the bytes, a line end. */
  function bulk(type: string, text: string, lineLength: number): Step {
    const length = lengthOf(text)
    if (length === undefined || length > limits.bulkBytesMax) return fail('invalid bulk length in reply')
    if (length < 0 && type !== '$') return fail('invalid bulk length in reply')
    if (totalBytes + length > limits.totalBytesMax) return fail('reply is too long')
    if (length < 0) {
      consume(lineLength)
      return complete(null)
    }
    const frameLength = lineLength + length + 2
    if (end - position < frameLength) return wait(frameLength)
    const start = position + lineLength
    const stop = start + length
    if (buffer[stop] !== CR || buffer[stop + 1] !== LF) return fail('bulk in reply is not followed by a line end')
    consume(frameLength)
    if (type === '!') return complete(new ReplyError(buffer.toString('utf8', start, stop)))
    if (type === '=' && length < 4) return fail('verbatim string without format in reply')
    const from = type === '=' ? start + 4 : start
    return complete(asBytes ? Buffer.from(buffer.subarray(from, stop)) : buffer.toString('utf8', from, stop))
  }

  /** A value that is all in one line, or a container's header. */
  function line(type: string, text: string): Step {
    switch (type) {
      case '+':
        return complete(text)
      case '-':
        return complete(new ReplyError(text))
      case ':':
        if (!INTEGER.test(text)) return fail('invalid integer in reply')
        return complete(integer(text))
      case '*':
      case '~':
        return container('array', text, 1)
      case '%':
        return container('array', text, 2)
      case '|':
        return container('attribute', text, 2)
      case '>':
        return container('push', text, 1)
      case '_':
        return text === '' ? complete(null) : fail('invalid null in reply')
      case '#':
        return text === 't' || text === 'f' ? complete(text === 't') : fail('invalid boolean in reply')
      case ',': {
        const value = double(text)
        return value === undefined ? fail('invalid double in reply') : complete(value)
      }
      case '(':
        // Longer ones only cost time: parsing a decimal is quadratic.
        if (text.length > 1024 || !BIG_NUMBER.test(text)) return fail('invalid big number in reply')
        return complete(BigInt(text.startsWith('+') ? text.slice(1) : text))
      default:
        return fail(`unexpected byte 0x${type.charCodeAt(0).toString(16).padStart(2, '0')} at the start of a reply`)
    }
  }

  function step(): Step {
    if (end - position < neededBytes) return 'wait'
    const found = buffer.indexOf(LF, position + scanned)
    const complete = found >= 0 && found < end // an owned buffer has room, and old bytes, behind `end`
    const lineBytes = (complete ? found : end) - position
    if (lineBytes > limits.lineBytesMax) return fail('line in reply is too long')
    if (!complete) {
      scanned = lineBytes
      return wait(lineBytes + 1)
    }
    if (lineBytes < 2 || buffer[found - 1] !== CR) return fail('line in reply does not end in CRLF')
    if (values >= limits.valuesMax) return fail('reply has too many values')
    const type = String.fromCharCode(buffer[position]!)
    const text = buffer.toString('utf8', position + 1, found - 1)
    const lineLength = lineBytes + 1
    if (type === '$' || type === '!' || type === '=') {
      scanned = 0 // the header is read again when the body is there
      return bulk(type, text, lineLength)
    }
    if (totalBytes + lineLength > limits.totalBytesMax) return fail('reply is too long')
    consume(lineLength)
    return line(type, text)
  }

  /** Appends to the unread input; capacity doubles, so a value that trickles in is not copied at every chunk. */
  function append(bytes: Uint8Array): void {
    const rest = end - position
    if (rest === 0) {
      buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
      position = 0
      end = bytes.byteLength
      owned = false
      return
    }
    if (!owned || buffer.length - end < bytes.byteLength) {
      const grown = Buffer.allocUnsafe(Math.max(256, 2 * (rest + bytes.byteLength)))
      buffer.copy(grown, 0, position, end)
      buffer = grown
      owned = true
      position = 0
      end = rest
    }
    buffer.set(bytes, end)
    end += bytes.byteLength
  }

  return {
    get failure() {
      return failure
    },
    feed(bytes) {
      if (failure !== undefined || bytes.byteLength === 0) return []
      append(bytes)
      out = []
      while (step() === 'more');
      const parsed = out
      out = []
      return parsed
    },
  }
}

function integer(text: string): number | bigint {
  const value = Number(text)
  if (Number.isSafeInteger(value)) return value
  return BigInt(text.startsWith('+') ? text.slice(1) : text)
}

function double(text: string): number | undefined {
  if (text === 'inf' || text === '+inf') return Number.POSITIVE_INFINITY
  if (text === '-inf') return Number.NEGATIVE_INFINITY
  if (/^[+-]?nan/i.test(text)) return Number.NaN
  return /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(text) ? Number(text) : undefined
}
