// Zipmap: small hashes of Redis before 2.6, for reading only.
//
//   number of pairs (254 and more: unknown) | pair … | 0xff
//   pair = length, field, length, spare bytes (1 byte), value, the spare ones      length: 1 byte, or 254 and 4 bytes if it takes them

import type { NodeBytes } from '../../store/nodes.ts'

const END = 0xff
const LONG = 254

/** Calls `visit` for every field and value of the zipmap in bytes [start, end); false if it is not sound. */
export function visitZipmap(bytes: Uint8Array, start: number, end: number, visit: (text: NodeBytes) => void): boolean {
  const b = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (end - start < 2 || b[end - 1] !== END) return false
  const last = end - 1
  const known = b[start]
  const text: NodeBytes = { bytes: b, start: 0, end: 0 }
  let pairs = 0
  let p = start + 1
  /** Reads a length, and `spare` bytes behind it whose last says how many follow the string; false if that is beyond the end. */
  const read = (isValue: boolean): boolean => {
    const long = b[p] === LONG
    const header = (long ? 5 : 1) + +isValue
    if (b[p] === END || p + header > last) return false
    const length = long ? b.readUInt32LE(p + 1) : b[p]
    if (long && length < LONG) return false
    const spare = isValue ? b[p + header - 1] : 0
    if (p + header + length + spare > last) return false
    text.start = p + header
    text.end = text.start + length
    p = text.end + spare
    visit(text)
    return true
  }
  while (p < last) {
    if (!read(false) || p >= last || !read(true)) return false
    pairs++
  }
  return p === last && (known >= LONG || known === pairs)
}
