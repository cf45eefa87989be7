// Reads an RDB stream that arrives in pieces cut at any byte, from a file or from a primary. One item (an entry with its
// expiry, an auxiliary field, a database number …) is parsed at a time from the bytes at hand; when they do not suffice,
// the parse is undone and taken up again once as many bytes are there as it asked for. So a byte is looked at a
// handful of times at most, however the stream is cut.
//
// The value of a large entry is read in steps, an item or element each (codec/values/).
//
// Invariants: nothing is skipped silently (a value type that is not read yet is an error that names type and key); no
// memory is reserved on the word of a length alone (a string's bytes are buffered only as they arrive, and an
// LZF string may not claim more than its bytes can expand to).
import { type Crc64, crc64, equalsCrc64, formatCrc64 } from '../lib/crc64.ts'
import { LzfError, lzfDecompress } from '../lib/lzf.ts'
import type { NodeBytes } from '../store/nodes.ts'
import { stringEncodingOf } from '../types/string.ts'
import {
  LENGTH_6_BIT,
  LENGTH_14_BIT,
  LENGTH_32_BIT,
  LENGTH_64_BIT,
  LENGTH_ENCODED,
  OPCODE_AUX,
  OPCODE_EOF,
  OPCODE_EXPIRE_MS,
  OPCODE_EXPIRE_SECONDS,
  OPCODE_FREQUENCY,
  OPCODE_FUNCTION_PRE_GA,
  OPCODE_FUNCTION2,
  OPCODE_IDLE,
  OPCODE_MODULE_AUX,
  OPCODE_RESIZE_DB,
  OPCODE_SELECT_DB,
  RDB_STRING,
  RDB_VERSION_READ_MAX,
  RDB_VERSION_WITH_CHECKSUM,
  RdbError,
  rdbTypeName,
  STRING_INT8,
  STRING_INT16,
  STRING_INT32,
  STRING_LZF,
} from './rdb-format.ts'
import { readerOf } from './values/table.ts'
import type { BuildContext, RdbInput, ValueReader } from './values/value-codec.ts'

/**
 * One entry. The object and the bytes it points to are the reader's: they hold only during the call. A root is the receiver's
 * from then on.
 */
export interface RdbEntry {
  db: number
  key: Uint8Array
  keyStart: number
  keyEnd: number
  /** Type and encoding of the value. */
  kind: number
  /** The root of a value that is made of nodes; 0 for a blob, which is in the range. */
  root: number
  value: Uint8Array
  valueStart: number
  valueEnd: number
  /** Unix ms, or -1 for none. May lie in the past. */
  expireMs: number
  /** Seconds since the last access as LRU knew them, or -1. */
  idleSeconds: number
  /** The LFU counter, or -1. */
  frequency: number
}

/** What the reader tells. */
export interface RdbHandlers {
  onEntry: (entry: RdbEntry) => void
  /** A key without elements is left out: such keys do not exist, though some versions of Redis wrote them. */
  onEmpty?: (key: Uint8Array) => void
  /** A value is about to be built in memory, which an entry will hold; who replaces that memory must have done so. */
  onBuild?: () => void
  /** A library of functions: its source, a copy. Without this they are refused. */
  onLibrary?: (code: Buffer) => void
  /** An auxiliary field, such as 'redis-ver'. Values that are no text come as latin1. */
  onAux?: (name: string, value: string) => void
}

/** What the reader accepts. */
export interface RdbReaderOptions {
  /** `rdbchecksum`: false takes the checksum as read. */
  checksum?: boolean
  /** Databases there are: 16 unless told. */
  databases?: number
  /** The longest string, in bytes: 512 MiB unless told (`proto-max-bulk-len`). */
  stringBytesMax?: number
  /** Anything but libraries of functions is refused as `unsupported`. */
  librariesOnly?: boolean
  /** What values of other types than strings are built with; without it they are refused. */
  build?: BuildContext
}

export interface RdbReader {
  /**
   * Takes the next piece and returns how many of its bytes belong to the RDB: all, unless the end was in it.
   * @throws RdbError; the reader is of no use afterwards.
   */
  feed(bytes: Uint8Array, start?: number, end?: number): number
  /** @throws RdbError 'truncated' unless the end mark and a right checksum were seen: to be called when no more bytes will come. */
  end(): void
  /** Gives back the value that is half read: to be called if the rest will not come. */
  abandon(): void
}

/** Where in the reader's memory a parsed string lies: valid until the next string of the same place is read. */
interface Place extends NodeBytes {
  scratch: Buffer
}

const HEADER_BYTES = 9
const SCRATCH_KEPT_MAX = 1 << 20
/** What one byte of an LZF stream expands to at most: 264 bytes of copy from 3 bytes. */
const LZF_EXPANSION_MAX = 88
/** Thrown inside to leave a parse whose bytes are not there yet; never seen outside. */
const NEED_MORE = new Error('more bytes are needed')

const text = (place: Place): string => Buffer.from(place.bytes.subarray(place.start, place.end)).toString('latin1')
const place = (): Place => ({ bytes: Buffer.alloc(0), start: 0, end: 0, scratch: Buffer.alloc(32) })
/** A buffer over the same bytes. */
const asBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)

/** The key of an entry as an error message shows it. */
function printable(key: Place): string {
  const shown = Buffer.from(key.bytes.subarray(key.start, Math.min(key.end, key.start + 128))).toString('latin1')
  return `'${shown.replace(/[^ -~]/g, '?')}'${key.end - key.start > 128 ? '…' : ''}`
}

/** Makes a reader of one RDB stream. */
export function createRdbReader(handlers: RdbHandlers, options: RdbReaderOptions = {}): RdbReader {
  const databases = options.databases ?? 16
  const stringBytesMax = options.stringBytesMax ?? 512 * 1024 * 1024
  const verify = options.checksum ?? true

  let data: Buffer = Buffer.alloc(0) // what is parsed now: the caller's piece, or `kept` with it appended
  let position = 0
  let limit = 0
  let itemStart = 0
  let summed = 0 // bytes of `data` before this are in the checksum
  let kept = Buffer.alloc(0) // an item begun in earlier pieces
  let keptBytes = 0
  let wanted = HEADER_BYTES // no parse is worth it before the item has this many bytes
  let bytesBefore = 0 // of the stream, before data[0]

  const crc: Crc64 = { lo: 0, hi: 0 }
  let version = 0
  let done = false
  let failed = false
  let db = 0
  /** Reads the value of the entry whose key was read, if that takes steps. */
  let valueReader: ValueReader | undefined
  const key = place()
  const value = place()
  const other = place()
  const entry: RdbEntry = {
    db: 0,
    key: data,
    keyStart: 0,
    keyEnd: 0,
    kind: 0,
    root: 0,
    value: data,
    valueStart: 0,
    valueEnd: 0,
    expireMs: -1,
    idleSeconds: -1,
    frequency: -1,
  }

  const corrupt = (what: string): RdbError => new RdbError('corrupt', `${what} at byte ${bytesBefore + position}`)

  const need = (bytes: number): void => {
    if (position + bytes <= limit) return
    wanted = position + bytes - itemStart
    throw NEED_MORE
  }

  const readByte = (): number => {
    need(1)
    return data[position++]!
  }

  const readUint32BigEndian = (): number => {
    need(4)
    position += 4
    return (
      data[position - 4]! * 16777216 + ((data[position - 3]! << 16) | (data[position - 2]! << 8) | data[position - 1]!)
    )
  }

  const readUint32 = (): number => {
    need(4)
    position += 4
    return (
      (data[position - 4]! | (data[position - 3]! << 8) | (data[position - 2]! << 16)) + data[position - 1]! * 16777216
    )
  }

  /** A length whose first byte is given. A 64-bit one may come out rounded; nothing that large is accepted anyway. */
  const readLengthAfter = (first: number): number => {
    switch (first >>> 6) {
      case LENGTH_6_BIT:
        return first & 0x3f
      case LENGTH_14_BIT:
        return ((first & 0x3f) << 8) | readByte()
    }
    if (first === LENGTH_32_BIT) return readUint32BigEndian()
    if (first === LENGTH_64_BIT) {
      const high = readUint32BigEndian()
      return high * 4294967296 + readUint32BigEndian()
    }
    throw corrupt(`unknown length encoding ${first}`)
  }

  const readLength = (): number => readLengthAfter(readByte())

  const checkLength = (length: number): void => {
    if (length > stringBytesMax) {
      throw new RdbError('limit', `string of ${length} bytes exceeds the limit of ${stringBytesMax} bytes`)
    }
  }

  const readString = (into: Place): void => {
    const first = readByte()
    if (first >>> 6 !== LENGTH_ENCODED) readPlain(into, readLengthAfter(first))
    else if ((first & 0x3f) === STRING_LZF) readCompressed(into)
    else readInteger(into, first & 0x3f)
  }

  const readPlain = (into: Place, length: number): void => {
    checkLength(length)
    need(length)
    into.bytes = data
    into.start = position
    into.end = position += length
  }

  const readInteger = (into: Place, encoding: number): void => {
    let number: number
    if (encoding === STRING_INT8) number = (readByte() << 24) >> 24
    else if (encoding === STRING_INT16) {
      need(2)
      number = ((data[position]! | (data[position + 1]! << 8)) << 16) >> 16
      position += 2
    } else if (encoding === STRING_INT32) number = readUint32() | 0
    else throw corrupt(`unknown string encoding ${encoding}`)
    const digits = String(number)
    for (let i = 0; i < digits.length; i++) into.scratch[i] = digits.charCodeAt(i)
    into.bytes = into.scratch
    into.start = 0
    into.end = digits.length
  }

  const readCompressed = (into: Place): void => {
    const compressed = readLength()
    const length = readLength()
    checkLength(compressed)
    checkLength(length)
    if (length > compressed * LZF_EXPANSION_MAX) {
      throw corrupt(`compressed string of ${compressed} bytes claims ${length} bytes`)
    }
    need(compressed)
    if (into.scratch.length < length) into.scratch = Buffer.allocUnsafeSlow(Math.max(length, 2 * into.scratch.length))
    else if (into.scratch.length > SCRATCH_KEPT_MAX && length <= SCRATCH_KEPT_MAX) {
      into.scratch = Buffer.allocUnsafeSlow(SCRATCH_KEPT_MAX)
    }
    try {
      lzfDecompress(data, position, position + compressed, into.scratch, 0, length)
    } catch (error) {
      if (error instanceof LzfError) throw corrupt(error.message)
      throw error
    }
    position += compressed
    into.bytes = into.scratch
    into.start = 0
    into.end = length
  }

  // For the readers of values: see RdbInput. Their ranges get scratch space here, in the order of their first use.
  const owners: NodeBytes[] = []
  const places: Place[] = []
  const input: RdbInput = {
    length: () => readLength(),
    string(into) {
      let i = owners.indexOf(into)
      if (i < 0) i = owners.push(into) - 1
      if (i === places.length) places.push(place())
      const from = places[i]!
      readString(from)
      into.bytes = from.bytes
      into.start = from.start
      into.end = from.end
    },
    double() {
      need(8)
      position += 8
      return data.readDoubleLE(position - 8)
    },
    raw(bytes, into) {
      need(bytes)
      into.bytes = data
      into.start = position
      into.end = position += bytes
    },
    corrupt,
  }

  const readHeader = (): void => {
    need(HEADER_BYTES)
    const header = Buffer.from(data.subarray(position, position + HEADER_BYTES)).toString('latin1')
    if (!header.startsWith('REDIS')) throw new RdbError('signature', 'Wrong signature trying to load DB from file')
    const number = /^\d{4}$/.test(header.slice(5)) ? Number(header.slice(5)) : 0
    if (number < 1 || number > RDB_VERSION_READ_MAX) {
      throw new RdbError('version', `Can't handle RDB format version ${header.slice(5).replace(/[^ -~]/g, '?')}`)
    }
    position += HEADER_BYTES
    version = number
  }

  const readSelect = (): void => {
    const index = readLength()
    if (index >= databases) {
      throw new RdbError('limit', `database ${index} is beyond the ${databases} that this server is configured for`)
    }
    db = index
  }

  /** Module data outside of keys: a typed list of fields up to an end mark, which says nothing to a server without it. */
  const skipModuleAux = (): void => {
    readLength() // module ID
    readLength() // type of the next field, an unsigned integer
    readLength() // when it was saved: before or after the keys
    for (;;) {
      const kind = readLength()
      if (kind === 0) return
      if (kind === 1 || kind === 2) readLength()
      else if (kind === 3 || kind === 4) {
        need(4 * (kind - 2))
        position += 4 * (kind - 2)
      } else if (kind === 5) readString(other)
      else throw corrupt(`unknown kind ${kind} of module data`)
    }
  }

  const readExpireMs = (): number => {
    const low = readUint32()
    const high = readUint32() | 0
    return Math.max(high * 4294967296 + low, 0)
  }

  /** Everything that may stand before an entry's type byte; returns that byte. */
  const readEntryOptions = (first: number): number => {
    for (let opcode = first; ; opcode = readByte()) {
      if (opcode === OPCODE_EXPIRE_MS) entry.expireMs = readExpireMs()
      else if (opcode === OPCODE_EXPIRE_SECONDS) entry.expireMs = Math.max(readUint32() | 0, 0) * 1000
      else if (opcode === OPCODE_IDLE) entry.idleSeconds = readLength()
      else if (opcode === OPCODE_FREQUENCY) entry.frequency = readByte()
      else return opcode
    }
  }

  const readEntry = (first: number): void => {
    entry.expireMs = -1
    entry.idleSeconds = -1
    entry.frequency = -1
    const type = readEntryOptions(first)
    const name = rdbTypeName(type)
    if (name === undefined) throw corrupt(`unknown value type or opcode ${type}`)
    readString(key)
    if (type !== RDB_STRING) return beginValue(type, name)
    readString(value)
    emit(stringEncodingOf(value.bytes, value.start, value.end), 0, value)
  }

  /** An entry whose value is read in steps, as items of their own. */
  const beginValue = (type: number, name: string): void => {
    const createReader = readerOf(type)
    if (createReader === undefined || options.build === undefined) {
      throw new RdbError('unsupported', `not yet supported: value of type ${name} (${type}) at key ${printable(key)}`)
    }
    const bytes = Buffer.from(key.bytes.subarray(key.start, key.end))
    key.bytes = bytes
    key.start = 0
    key.end = bytes.length
    owners.length = 0
    handlers.onBuild?.()
    valueReader = createReader(options.build)
  }

  const readValueStep = (reader: ValueReader): void => {
    if (!reader.step(input)) return
    valueReader = undefined
    const built = reader.finish()
    if (built === undefined) handlers.onEmpty?.(key.bytes.subarray(key.start, key.end))
    else emit(built.kind, built.root, built)
  }

  const emit = (kind: number, root: number, range: { bytes: Uint8Array; start: number; end: number }): void => {
    entry.db = db
    entry.key = key.bytes
    entry.keyStart = key.start
    entry.keyEnd = key.end
    entry.kind = kind
    entry.root = root
    entry.value = range.bytes
    entry.valueStart = range.start
    entry.valueEnd = range.end
    handlers.onEntry(entry)
  }

  const readEnd = (): void => {
    if (version >= RDB_VERSION_WITH_CHECKSUM) {
      need(8)
      if (verify) checkSum()
      position += 8
    }
    done = true
  }

  const checkSum = (): void => {
    const sum = crc64(data, summed, position, { lo: crc.lo, hi: crc.hi })
    if (equalsCrc64({ lo: 0, hi: 0 }, data, position) || equalsCrc64(sum, data, position)) return
    throw new RdbError('checksum', `Wrong RDB checksum: the file's bytes sum up to ${formatCrc64(sum)}`)
  }

  const readAux = (): void => {
    readString(key)
    readString(value)
    handlers.onAux?.(text(key), text(value))
  }

  const readLibrary = (): void => {
    readString(value)
    if (handlers.onLibrary === undefined) throw new RdbError('unsupported', 'libraries of functions are not taken here')
    handlers.onLibrary(Buffer.from(value.bytes.subarray(value.start, value.end)))
  }

  /** How many keys follow in this database, and how many of them expire: hints that are of no use here. */
  const skipResize = (): void => {
    readLength()
    readLength()
  }

  const readItem = (): void => {
    const opcode = readByte()
    if (opcode === OPCODE_EOF) readEnd()
    else if (opcode === OPCODE_FUNCTION2) readLibrary()
    else if (options.librariesOnly === true) throw new RdbError('unsupported', `not a library: ${opcode}`)
    else if (opcode === OPCODE_SELECT_DB) readSelect()
    else if (opcode === OPCODE_RESIZE_DB) skipResize()
    else if (opcode === OPCODE_AUX) readAux()
    else if (opcode === OPCODE_MODULE_AUX) skipModuleAux()
    else if (opcode === OPCODE_FUNCTION_PRE_GA) {
      throw new RdbError('unsupported', 'Pre-release function format not supported.')
    } else readEntry(opcode)
  }

  const parse = (): void => {
    while (!done) {
      itemStart = position
      if (position + wanted > limit) return
      try {
        if (version === 0) readHeader()
        else if (valueReader !== undefined) readValueStep(valueReader)
        else readItem()
      } catch (error) {
        if (error !== NEED_MORE) throw error
        position = itemStart
        return
      }
      wanted = 1
    }
  }

  /** Copies the item that is not complete yet, so that the caller may reuse its piece. */
  const keepRest = (): void => {
    const rest = limit - itemStart
    if (verify) crc64(data, summed, itemStart, crc)
    if (data === kept) kept.copyWithin(0, itemStart, limit)
    else {
      if (kept.length < rest || kept.length > SCRATCH_KEPT_MAX) kept = Buffer.allocUnsafeSlow(rest)
      kept.set(data.subarray(itemStart, limit))
    }
    bytesBefore += itemStart
    keptBytes = rest
  }

  const append = (bytes: Uint8Array, start: number, end: number): void => {
    const total = keptBytes + end - start
    if (kept.length < total) {
      const grown = Buffer.allocUnsafeSlow(Math.max(total, 2 * kept.length))
      grown.set(kept.subarray(0, keptBytes))
      kept = grown
    }
    kept.set(bytes.subarray(start, end), keptBytes)
  }

  const take = (bytes: Uint8Array, start: number, end: number): number => {
    const before = keptBytes
    if (before === 0) {
      data = asBuffer(bytes)
      position = start
      limit = end
      bytesBefore -= start
    } else {
      append(bytes, start, end)
      data = kept
      position = 0
      limit = before + end - start
    }
    summed = itemStart = position
    parse()
    if (done) {
      keptBytes = 0
      bytesBefore += position
      return before === 0 ? position - start : position - before
    }
    keepRest()
    return end - start
  }

  const abandon = (): void => {
    valueReader?.abandon()
    valueReader = undefined
  }

  return {
    abandon,
    feed(bytes, start = 0, end = bytes.length) {
      if (failed) throw new RdbError('corrupt', 'the stream was refused before')
      if (done || start === end) return 0
      failed = true
      try {
        const taken = take(bytes, start, end)
        failed = false
        return taken
      } finally {
        if (failed) abandon()
      }
    },
    end() {
      if (!done)
        throw new RdbError('truncated', `Unexpected EOF reading RDB file after ${bytesBefore + keptBytes} bytes`)
    },
  }
}
