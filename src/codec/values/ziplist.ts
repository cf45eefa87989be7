// Ziplist: what came before the listpack in Redis 2.6 to 6.2, for reading only.
//
//   total bytes, 32 bit | offset of the last entry, 32 bit | entries, 16 bit | entry … | 0xff        (little endian)
//
//   entry = length of the entry before (1 byte, or 0xfe and 4 bytes) | encoding | data
//
//   00xxxxxx, 01xxxxxx + 1, 10000000 + 4     string of that length (big endian)
//   c0, d0, e0, f0, fe                       integer of 16, 32, 64, 24, 8 bits (little endian)
//   f1 … fd                                  integer 0 … 12

import type { NodeBytes } from '../../store/nodes.ts'

const HEADER_BYTES = 10
const END = 0xff
const LONG_PREVIOUS = 0xfe
const COUNT_UNKNOWN = 0xffff

/**
 * Calls `visit` for every entry of the ziplist in bytes [start, end), which may be whatever a peer sent; false if it is not
 * sound (after some calls, perhaps).
 */
export function visitZiplist(bytes: Uint8Array, start: number, end: number, visit: (text: NodeBytes) => void): boolean {
  const b = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (end - start < HEADER_BYTES + 1 || b.readUInt32LE(start) !== end - start || b[end - 1] !== END) return false
  const tail = start + b.readUInt32LE(start + 4)
  const known = b.readUInt16LE(start + 8)
  const last = end - 1
  const text: NodeBytes = { bytes: b, start: 0, end: 0 }
  let count = 0
  let previous = 0
  let lastAt = start + HEADER_BYTES
  let p = start + HEADER_BYTES
  while (p < last) {
    const entryAt = p
    // What tells a length must be there before it is read; the end mark stands behind everything.
    const long = b[p] === LONG_PREVIOUS
    if (b[p] === END || p + (long ? 5 : 1) >= last) return false
    if ((long ? b.readUInt32LE(p + 1) : b[p]) !== previous) return false
    p += long ? 5 : 1
    const next = readEntry(b, p, last, text)
    if (next < 0) return false
    visit(text)
    p = next
    previous = p - entryAt
    lastAt = entryAt
    count++
  }
  return p === last && tail === lastAt && (known === COUNT_UNKNOWN || known === count)
}

/** Reads encoding and data at `p`; the position behind them, or -1 if they reach beyond `last`. */
function readEntry(b: Buffer, p: number, last: number, into: NodeBytes): number {
  const c = b[p]
  switch (c >>> 6) {
    case 0:
      return readText(b, p + 1, c, last, into)
    case 1:
      return p + 2 > last ? -1 : readText(b, p + 2, ((c & 0x3f) << 8) | b[p + 1], last, into)
    case 2:
      return p + 5 > last ? -1 : readText(b, p + 5, b.readUInt32BE(p + 1), last, into)
  }
  if (c >= 0xf1 && c <= 0xfd) return integer(p + 1, String(c - 0xf1), into)
  const size = INTEGER_BYTES[c]
  if (size === undefined || p + 1 + size > last) return -1
  return integer(p + 1 + size, size === 8 ? String(b.readBigInt64LE(p + 1)) : String(b.readIntLE(p + 1, size)), into)
}

const INTEGER_BYTES: Readonly<Record<number, number>> = { 192: 2, 208: 4, 224: 8, 240: 3, 254: 1 }

function readText(b: Buffer, p: number, length: number, last: number, into: NodeBytes): number {
  if (p + length > last) return -1
  into.bytes = b
  into.start = p
  into.end = p + length
  return p + length
}

function integer(next: number, digits: string, into: NodeBytes): number {
  into.bytes = Buffer.from(digits, 'latin1')
  into.start = 0
  into.end = into.bytes.length
  return next
}
