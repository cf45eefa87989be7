// DUMP payloads: one value as RDB spells it (type byte and body), then the RDB version in 2 bytes and a CRC-64 over all
// before it in 8, both little-endian. RESTORE takes them from any server, so everything in them is checked.
import { crc64, equalsCrc64, writeCrc64 } from '../lib/crc64.ts'
import type { ElementOut } from '../store/walk.ts'
import type { BuiltValue } from '../types/builder.ts'
import { partsEncoding } from '../types/table.ts'
import type { ValueSource } from '../types/value-type.ts'
import {
  OPCODE_EOF,
  OPCODE_FUNCTION2,
  RDB_HASH_METADATA,
  RDB_STRING,
  RDB_VERSION_READ_MAX,
  RDB_VERSION_WITH_FIELD_EXPIRIES,
  RDB_VERSION_WRITTEN,
  RdbError,
  rdbTypeName,
} from './rdb-format.ts'
import { createRdbReader, type RdbEntry } from './rdb-reader.ts'
import { copyBytes, LENGTH_BYTES_MAX, writeLength, writeString } from './rdb-string.ts'
import { rdbPrefixOf, rdbTypeOf, readerOf } from './values/table.ts'
import type { BuildContext } from './values/value-codec.ts'

const FOOTER_BYTES = 10
const NO_PREFIX = new Uint8Array(0)

/** The DUMP payload of the string value[start, end): the same bytes as Redis 7.0 gives. */
export function dumpString(value: Uint8Array, start: number, end: number, compress = true): Uint8Array {
  return dumpBlob(RDB_STRING, value, start, end, compress)
}

/** The DUMP payload of a value of that kind (type and encoding). */
export function dumpValue(kind: number, value: ValueSource, compress: boolean): Uint8Array {
  const rdbType = rdbTypeOf(kind)
  if (value.root === 0) return dumpBlob(rdbType, value.bytes, value.start, value.end, compress, rdbPrefixOf(kind))
  const payload = new PayloadOut(compress)
  payload.byte(rdbType)
  const walk = partsEncoding(kind).walk(value.nodes, value.root, payload, () => {})
  while (!walk.next().done);
  return seal(payload.take(FOOTER_BYTES), payload.used)
}

function dumpBlob(
  rdbType: number,
  value: Uint8Array,
  start: number,
  end: number,
  compress: boolean,
  prefix: Uint8Array = NO_PREFIX,
): Uint8Array {
  const head = 1 + prefix.length
  const payload = new Uint8Array(head + LENGTH_BYTES_MAX + end - start + FOOTER_BYTES)
  payload[0] = rdbType
  payload.set(prefix, 1)
  return seal(payload, writeString(payload, head, value, start, end, compress))
}

/** Writes version and checksum behind the first `used` bytes. */
function seal(payload: Uint8Array, used: number): Uint8Array {
  const version = payload[0] === RDB_HASH_METADATA ? RDB_VERSION_WITH_FIELD_EXPIRIES : RDB_VERSION_WRITTEN
  payload[used] = version & 0xff
  payload[used + 1] = version >>> 8
  writeCrc64(crc64(payload, 0, used + 2), payload, used + 2)
  return payload.subarray(0, used + FOOTER_BYTES)
}

/** Collects the elements of a value in one growing buffer. */
class PayloadOut implements ElementOut {
  used = 0
  private bytes = Buffer.allocUnsafe(4096)
  private readonly compress: boolean

  constructor(compress: boolean) {
    this.compress = compress
  }

  /** The buffer, with room for so many bytes more. */
  take(bytes: number): Buffer {
    if (this.used + bytes <= this.bytes.length) return this.bytes
    const larger = Buffer.allocUnsafeSlow(Math.max(this.used + bytes, 2 * this.bytes.length))
    this.bytes.copy(larger, 0, 0, this.used)
    this.bytes = larger
    return larger
  }

  byte(byte: number): void {
    this.take(1)[this.used++] = byte
  }

  length(n: number): void {
    this.used = writeLength(this.take(LENGTH_BYTES_MAX), this.used, n)
  }

  string(bytes: Uint8Array, start: number, end: number): void {
    this.used = writeString(this.take(end - start + LENGTH_BYTES_MAX), this.used, bytes, start, end, this.compress)
  }

  begin(length: number): void {
    this.length(length)
  }

  part(bytes: Uint8Array, start: number, end: number): void {
    copyBytes(this.take(end - start), this.used, bytes, start, end)
    this.used += end - start
  }

  double(x: number): void {
    this.take(8).writeDoubleLE(x, this.used)
    this.used += 8
  }
}

/** Why RESTORE refuses a payload. */
export type DumpFault =
  /** "DUMP payload version or checksum are wrong" */
  | 'checksum'
  /** "Bad data format" */
  | 'format'
  /** A value of a type that Vedette does not have yet. */
  | 'unsupported'

/** What a payload holds: a root in it is the receiver's. A blob lies in the payload, or in a buffer of its own. */
export type DumpContent =
  | ({ readonly fault?: undefined } & BuiltValue)
  | { readonly fault: DumpFault; readonly message: string }

/** How to read a payload. */
export interface DumpOptions {
  /** What values of other types than strings are built with; without it they are refused. */
  readonly build?: BuildContext
  /** The longest string, in bytes. */
  readonly stringBytesMax?: number
  /** Whether the checksum must be right, as it must unless a debugger says otherwise. */
  readonly verify?: boolean
}

/** Reads the value in payload[start, end), which may be whatever a client sent. Throws ArenaFullError. */
export function readDump(payload: Uint8Array, start: number, end: number, options: DumpOptions = {}): DumpContent {
  if (!isIntact(payload, start, end, options.verify ?? true)) {
    return { fault: 'checksum', message: 'DUMP payload version or checksum are wrong' }
  }
  const type = payload[start]
  if (type === undefined || start >= end - FOOTER_BYTES || rdbTypeName(type) === undefined) {
    return { fault: 'format', message: 'Bad data format' }
  }
  if (type !== RDB_STRING && (options.build === undefined || readerOf(type) === undefined)) {
    return { fault: 'unsupported', message: `not yet supported: ${rdbTypeName(type)}` }
  }
  return readBody(type, payload, start + 1, end - FOOTER_BYTES, options)
}

function isIntact(payload: Uint8Array, start: number, end: number, verify: boolean): boolean {
  if (end - start < FOOTER_BYTES) return false
  const version = payload[end - 10]! | (payload[end - 9]! << 8)
  if (version > RDB_VERSION_READ_MAX) return false
  return !verify || equalsCrc64(crc64(payload, start, end - 8), payload, end - 8)
}

/** The payload of FUNCTION DUMP: the sources of all libraries, each as an RDB has it. */
export function dumpLibraries(codes: readonly Uint8Array[], compress: boolean): Uint8Array {
  const payload = new PayloadOut(compress)
  for (const code of codes) {
    payload.byte(OPCODE_FUNCTION2)
    payload.string(code, 0, code.length)
  }
  return seal(payload.take(FOOTER_BYTES), payload.used)
}

/** The sources in such a payload in payload[start, end), which may be whatever a client sent; otherwise what is wrong with it. */
export function readLibraries(
  payload: Uint8Array,
  start: number,
  end: number,
  verify: boolean,
): Buffer[] | 'checksum' | 'type' | 'format' {
  if (!isIntact(payload, start, end, verify)) return 'checksum'
  const codes: Buffer[] = []
  const reader = createRdbReader(
    { onEntry: () => {}, onLibrary: (code) => void codes.push(code) },
    { librariesOnly: true },
  )
  const bodyEnd = end - FOOTER_BYTES
  try {
    reader.feed(HEADER)
    if (reader.feed(payload, start, bodyEnd) < bodyEnd - start) return 'type'
    reader.feed(END)
    reader.end()
  } catch (error) {
    if (error instanceof RdbError) return error.code === 'unsupported' ? 'type' : 'format'
    throw error
  }
  return codes
}

/** The end of an RDB without a checksum. */
const END = Uint8Array.of(OPCODE_EOF, 0, 0, 0, 0, 0, 0, 0, 0)

/** A header and, behind a type byte, an empty key: with these before it, a payload's body is an RDB. */
const HEADER = Buffer.from('REDIS0010', 'latin1')
/** Thrown by the handler to stop the reader behind the value; as with Redis, what may follow it is ignored. */
const FOUND = new Error('value found')

function readBody(type: number, payload: Uint8Array, start: number, end: number, options: DumpOptions): DumpContent {
  let found: DumpContent = { fault: 'format', message: 'Bad data format' }
  const onEntry = (entry: RdbEntry): void => {
    const { kind, root, value, valueStart, valueEnd } = entry
    found = { kind, root, bytes: value, start: valueStart, end: valueEnd }
    throw FOUND
  }
  const reader = createRdbReader({ onEntry }, options)
  try {
    reader.feed(HEADER)
    reader.feed(Uint8Array.of(type, 0))
    reader.feed(payload, start, end)
  } catch (error) {
    if (error instanceof RdbError) found = { fault: 'format', message: error.message }
    else if (error !== FOUND) throw error
  } finally {
    reader.abandon()
  }
  return found
}
