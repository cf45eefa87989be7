// Ranges of bytes: copied, compared, put in order. Short ones by a loop, which beats a call into the runtime up to some
// dozens of bytes (measured on Node 20); long ones by the runtime.

const LOOP_BYTES_MAX = 64

/** A range of bytes in a buffer of somebody else's. */
export interface Span {
  bytes: Uint8Array
  start: number
  end: number
}

/** Copies bytes [start, end) to `to` from `at` on; the ranges must not overlap. */
export function copyBytes(from: Uint8Array, start: number, end: number, to: Uint8Array, at: number): void {
  if (end - start >= LOOP_BYTES_MAX) {
    to.set(from.subarray(start, end), at)
    return
  }
  let p = at
  for (let i = start; i < end; i++) to[p++] = from[i]
}

/** Whether `length` bytes from `aStart` and from `bStart` on are the same. */
export function equalBytes(a: Uint8Array, aStart: number, b: Uint8Array, bStart: number, length: number): boolean {
  const looped = length < LOOP_BYTES_MAX ? length : LOOP_BYTES_MAX
  for (let i = 0; i < looped; i++) if (a[aStart + i] !== b[bStart + i]) return false
  if (looped === length) return true
  return (
    Buffer.compare(a.subarray(aStart + looped, aStart + length), b.subarray(bStart + looped, bStart + length)) === 0
  )
}

/** The order of two ranges byte by byte, the shorter one first if it begins the longer: below 0, 0, above 0. */
export function compareBytes(
  a: Uint8Array,
  aStart: number,
  aEnd: number,
  b: Uint8Array,
  bStart: number,
  bEnd: number,
): number {
  const aLength = aEnd - aStart
  const bLength = bEnd - bStart
  const shorter = aLength < bLength ? aLength : bLength
  const looped = shorter < LOOP_BYTES_MAX ? shorter : LOOP_BYTES_MAX
  for (let i = 0; i < looped; i++) {
    const difference = a[aStart + i] - b[bStart + i]
    if (difference !== 0) return difference
  }
  if (looped === shorter) return aLength - bLength
  return Buffer.compare(a.subarray(aStart + looped, aEnd), b.subarray(bStart + looped, bEnd))
}
