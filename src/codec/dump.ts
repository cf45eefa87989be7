// DUMP payloads: one value as RDB spells it (type byte and body), then the RDB version in 2 bytes and a CRC-64 over all
// before it in 8, both little-endian. RESTORE takes them from any server, so everything in them is checked.
import { crc64, equalsCrc64, writeCrc64 } from '../lib/crc64.ts'
import { RDB_VERSION_READ_MAX, RDB_VERSION_WRITTEN, RdbError, rdbTypeName, TYPE_STRING } from './rdb-format.ts'
import { createRdbReader, type RdbEntry } from './rdb-reader.ts'
import { LENGTH_BYTES_MAX, writeString } from './rdb-string.ts'

const FOOTER_BYTES = 10

/** The DUMP payload of the string value[start, end): the same bytes as Redis 7.0 gives. */
export function dumpString(value: Uint8Array, start: number, end: number, compress = true): Uint8Array {
  const payload = new Uint8Array(1 + LENGTH_BYTES_MAX + end - start + FOOTER_BYTES)
  payload[0] = TYPE_STRING
  let at = writeString(payload, 1, value, start, end, compress)
  payload[at++] = RDB_VERSION_WRITTEN & 0xff
  payload[at++] = RDB_VERSION_WRITTEN >>> 8
  writeCrc64(crc64(payload, 0, at), payload, at)
  return payload.subarray(0, at + 8)
}

/** Why RESTORE refuses a payload. */
export type DumpFault =
  /** "DUMP payload version or checksum are wrong" */
  | 'checksum'
  /** "Bad data format" */
  | 'format'
  /** A value of a type that Vedette does not have yet. */
  | 'unsupported'

/** What a payload holds. */
export type DumpContent =
  | { readonly fault?: undefined; readonly bytes: Uint8Array; readonly start: number; readonly end: number }
  | { readonly fault: DumpFault; readonly message: string }

/**
 * Reads the string in payload[start, end), which may be whatever a client sent. The range it returns lies in the payload
 * or in a buffer of its own. Without `verify` the checksum is taken as read.
 */
export function readDump(
  payload: Uint8Array,
  start: number,
  end: number,
  stringBytesMax?: number,
  verify = true,
): DumpContent {
  if (!isIntact(payload, start, end, verify)) {
    return { fault: 'checksum', message: 'DUMP payload version or checksum are wrong' }
  }
  const type = payload[start]
  if (type === undefined || start >= end - FOOTER_BYTES || rdbTypeName(type) === undefined) {
    return { fault: 'format', message: 'Bad data format' }
  }
  if (type !== TYPE_STRING) return { fault: 'unsupported', message: `not yet supported: ${rdbTypeName(type)}` }
  return readBody(payload, start + 1, end - FOOTER_BYTES, stringBytesMax)
}

function isIntact(payload: Uint8Array, start: number, end: number, verify: boolean): boolean {
  if (end - start < FOOTER_BYTES) return false
  const version = payload[end - 10]! | (payload[end - 9]! << 8)
  if (version > RDB_VERSION_READ_MAX) return false
  return !verify || equalsCrc64(crc64(payload, start, end - 8), payload, end - 8)
}

/** A header, the type byte of a string and an empty key: with it before them, a payload's type and body are an RDB. */
const ENTRY_PREFIX = Buffer.from('REDIS0010\0\0', 'latin1')
/** Thrown by the handler to stop the reader behind the value; as with Redis, what may follow it is ignored. */
const FOUND = new Error('value found')

function readBody(payload: Uint8Array, start: number, end: number, stringBytesMax: number | undefined): DumpContent {
  let found: DumpContent = { fault: 'format', message: 'Bad data format' }
  const onEntry = (entry: RdbEntry): void => {
    found = { bytes: entry.value, start: entry.valueStart, end: entry.valueEnd }
    throw FOUND
  }
  const reader = createRdbReader({ onEntry }, stringBytesMax === undefined ? {} : { stringBytesMax })
  try {
    reader.feed(ENTRY_PREFIX)
    reader.feed(payload, start, end)
  } catch (error) {
    if (error !== FOUND && !(error instanceof RdbError)) throw error
  }
  return found
}
