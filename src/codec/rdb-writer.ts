// Writes an RDB file (version 10) piece by piece: the caller walks the keyspace at its own pace and hands over key by
// key; full chunks go to `emit`, which owns them from then on. So a snapshot of any size needs one chunk of memory here,
// and backpressure is the caller's: stop handing over keys while the sink is full.
//
// Order of calls: begin, then the libraries of functions, then for each database selectDb and its entries, then end. An entry is one call, `blob`, or it is
// `beginValue` and then what its value is made of (`out`).
import { type Crc64, crc64, writeCrc64 } from '../lib/crc64.ts'
import type { ElementOut } from '../store/walk.ts'
import {
  OPCODE_AUX,
  OPCODE_EOF,
  OPCODE_EXPIRE_MS,
  OPCODE_FREQUENCY,
  OPCODE_FUNCTION2,
  OPCODE_IDLE,
  OPCODE_RESIZE_DB,
  OPCODE_SELECT_DB,
  RDB_VERSION_WRITTEN,
} from './rdb-format.ts'
import { LENGTH_BYTES_MAX, writeLength, writeString } from './rdb-string.ts'

/** The last number of milliseconds that is below 2^63: as a signed number 2^63 would be long past. */
const EXPIRE_MS_MAX = 2 ** 63 - 1024

/** How to write. */
export interface RdbWriterOptions {
  /** Takes the next chunk, a buffer of its own. */
  emit: (chunk: Uint8Array) => void
  /** `rdbcompression`: try LZF on strings of 21 bytes and more. */
  compress: boolean
  /** `rdbchecksum`: false writes eight zero bytes in place of the checksum. */
  checksum: boolean
  /** The version in the header, if not RDB_VERSION_WRITTEN. */
  version?: number
  /** Size of the chunks in bytes, 64 KiB unless told. */
  chunkBytes?: number
}

export interface RdbWriter {
  /** The header and the auxiliary fields, such as ['redis-ver', '7.0.15']. */
  begin(aux: Iterable<readonly [name: string, value: string]>): void
  /** A library of functions, before all entries. */
  library(code: Uint8Array): void
  /** Says that the entries that follow belong to this database. May be called again for the same one. */
  selectDb(index: number): void
  /** How many keys the database selected has in all, and how many of them expire: a hint for the reader's tables. */
  resizeDb(keyCount: number, expiringCount: number): void
  /** How many seconds the entry that comes next has been idle. */
  idle(seconds: number): void
  /** How often the entry that comes next is used, 0 to 255. */
  frequency(frequency: number): void
  /** One entry whose value is one string for RDB: its RDB type, key and value as ranges, and expiry in Unix ms, -1 for none. */
  blob(
    rdbType: number,
    key: Uint8Array,
    keyStart: number,
    keyEnd: number,
    value: Uint8Array,
    valueStart: number,
    valueEnd: number,
    expireMs: number,
  ): void
  /** What stands before the value of an entry; the value goes through `out`. */
  beginValue(rdbType: number, key: Uint8Array, keyStart: number, keyEnd: number, expireMs: number): void
  readonly out: ElementOut
  /** The end mark and the checksum, and the last chunk. */
  end(): void
}

const CHUNK_BYTES = 1 << 16
/** Values beyond this are stored as they are: compressing one would pause the server for over 2 ms. */
const COMPRESSED_VALUE_BYTES_MAX = 1 << 18
/** Room for all that is not key or value in an entry: expiry, type byte, two lengths. */
const ENTRY_OVERHEAD_BYTES = 10 + 2 * LENGTH_BYTES_MAX
const TEXT = new TextEncoder()

/** Makes a writer; nothing is emitted before the first chunk is full. */
export function createRdbWriter(options: RdbWriterOptions): RdbWriter {
  const chunkBytes = Math.max(options.chunkBytes ?? CHUNK_BYTES, 64)
  const crc: Crc64 = { lo: 0, hi: 0 }
  let chunk = new Uint8Array(chunkBytes)
  let used = 0

  const flush = (): void => {
    if (used === 0) return
    if (options.checksum) crc64(chunk, 0, used, crc)
    options.emit(used === chunk.length ? chunk : chunk.subarray(0, used))
    chunk = new Uint8Array(chunkBytes)
    used = 0
  }

  /** Makes room for `bytes` more in the chunk, which must not be more than a chunk holds. */
  const reserve = (bytes: number): void => {
    if (used + bytes > chunkBytes) flush()
  }

  /** A string longer than a chunk can hold: its length, then its bytes through as many chunks as it takes. */
  const writeLong = (bytes: Uint8Array, start: number, end: number): void => {
    if (options.compress && end - start <= COMPRESSED_VALUE_BYTES_MAX) {
      const encoded = new Uint8Array(end - start + LENGTH_BYTES_MAX)
      writeThrough(encoded, 0, writeString(encoded, 0, bytes, start, end, true))
      return
    }
    reserve(LENGTH_BYTES_MAX)
    used = writeLength(chunk, used, end - start)
    writeThrough(bytes, start, end)
  }

  const writeThrough = (bytes: Uint8Array, start: number, end: number): void => {
    for (let from = start; from < end; ) {
      if (used === chunkBytes) flush()
      const to = Math.min(end, from + chunkBytes - used)
      chunk.set(bytes.subarray(from, to), used)
      used += to - from
      from = to
    }
  }

  const writeOne = (bytes: Uint8Array, start: number, end: number): void => {
    if (end - start + LENGTH_BYTES_MAX > chunkBytes) {
      writeLong(bytes, start, end)
      return
    }
    reserve(end - start + LENGTH_BYTES_MAX)
    used = writeString(chunk, used, bytes, start, end, options.compress)
  }

  const writeText = (text: string): void => {
    const bytes = TEXT.encode(text)
    writeOne(bytes, 0, bytes.length)
  }

  const writeExpiry = (expireMs: number): void => {
    chunk[used++] = OPCODE_EXPIRE_MS
    const ms = Math.min(expireMs, EXPIRE_MS_MAX)
    const high = Math.floor(ms / 4294967296)
    const low = ms - high * 4294967296
    for (let i = 0; i < 4; i++) {
      chunk[used + i] = low >>> (8 * i)
      chunk[used + 4 + i] = high >>> (8 * i)
    }
    used += 8
  }

  const beginValue = (rdbType: number, key: Uint8Array, keyStart: number, keyEnd: number, expireMs: number): void => {
    reserve(10)
    if (expireMs >= 0) writeExpiry(expireMs)
    chunk[used++] = rdbType
    writeOne(key, keyStart, keyEnd)
  }

  return {
    begin(aux) {
      const magic = TEXT.encode(`REDIS${String(options.version ?? RDB_VERSION_WRITTEN).padStart(4, '0')}`)
      writeThrough(magic, 0, magic.length)
      for (const [name, value] of aux) {
        reserve(1)
        chunk[used++] = OPCODE_AUX
        writeText(name)
        writeText(value)
      }
    },

    library(code) {
      reserve(1)
      chunk[used++] = OPCODE_FUNCTION2
      writeOne(code, 0, code.length)
    },

    selectDb(index) {
      reserve(1 + LENGTH_BYTES_MAX)
      chunk[used++] = OPCODE_SELECT_DB
      used = writeLength(chunk, used, index)
    },

    resizeDb(keyCount, expiringCount) {
      reserve(1 + 2 * LENGTH_BYTES_MAX)
      chunk[used++] = OPCODE_RESIZE_DB
      used = writeLength(chunk, used, keyCount)
      used = writeLength(chunk, used, expiringCount)
    },

    idle(seconds) {
      reserve(1 + LENGTH_BYTES_MAX)
      chunk[used++] = OPCODE_IDLE
      used = writeLength(chunk, used, seconds)
    },

    frequency(frequency) {
      reserve(2)
      chunk[used++] = OPCODE_FREQUENCY
      chunk[used++] = frequency
    },

    blob(rdbType, key, keyStart, keyEnd, value, valueStart, valueEnd, expireMs) {
      const size = ENTRY_OVERHEAD_BYTES + keyEnd - keyStart + valueEnd - valueStart
      if (size <= chunkBytes) {
        if (used + size > chunkBytes) flush()
        if (expireMs >= 0) writeExpiry(expireMs)
        chunk[used++] = rdbType
        used = writeString(chunk, used, key, keyStart, keyEnd, options.compress)
        used = writeString(chunk, used, value, valueStart, valueEnd, options.compress)
        return
      }
      beginValue(rdbType, key, keyStart, keyEnd, expireMs)
      writeOne(value, valueStart, valueEnd)
    },

    beginValue,

    out: {
      length(n) {
        reserve(LENGTH_BYTES_MAX)
        used = writeLength(chunk, used, n)
      },
      string: writeOne,
      begin(length) {
        reserve(LENGTH_BYTES_MAX)
        used = writeLength(chunk, used, length)
      },
      part: writeThrough,
      double(x) {
        reserve(8)
        new DataView(chunk.buffer, chunk.byteOffset).setFloat64(used, x, true)
        used += 8
      },
    },

    end() {
      reserve(9)
      chunk[used++] = OPCODE_EOF
      const sum = { lo: crc.lo, hi: crc.hi }
      if (options.checksum) crc64(chunk, 0, used, sum)
      writeCrc64(sum, chunk, used)
      used += 8
      flush()
    },
  }
}
