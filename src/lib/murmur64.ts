// MurmurHash64A: the hash by which HyperLogLogs choose their registers. It is part of their format: with another one the same
// element would count twice. 64 bits are two words here, since a bigint a step would cost ten times as much.

const M_HIGH = 0xc6a4a793
const M_LOW = 0x5bd1e995
const M_LOW_HALF = M_LOW & 0xffff
const M_HIGH_HALF = M_LOW >>> 16

/** A hash of 64 bits, as unsigned words. */
export interface Hash64 {
  high: number
  low: number
}

/** Writes the hash of bytes [start, end) into `into`. */
export function murmur64(into: Hash64, bytes: Uint8Array, start: number, end: number, seed: number): void {
  const length = end - start
  const k: Hash64 = { high: 0, low: length }
  times(k)
  into.high = k.high
  into.low = (k.low ^ seed) >>> 0
  const tail = end - (length & 7)
  for (let p = start; p < tail; p += 8) {
    k.low = word(bytes, p)
    k.high = word(bytes, p + 4)
    times(k)
    fold(k)
    times(k)
    xor(into, k)
    times(into)
  }
  if (tail < end) {
    k.low = part(bytes, tail, end)
    k.high = part(bytes, tail + 4, end)
    xor(into, k)
    times(into)
  }
  fold(into)
  times(into)
  fold(into)
}

function xor(h: Hash64, other: Hash64): void {
  h.high = (h.high ^ other.high) >>> 0
  h.low = (h.low ^ other.low) >>> 0
}

/** h ^= h >> 47 */
function fold(h: Hash64): void {
  h.low = (h.low ^ (h.high >>> 15)) >>> 0
}

/** h *= M, by halves of 16 bits: each product and each sum is below 2³². */
function times(h: Hash64): void {
  const { high, low } = h
  const a = low & 0xffff
  const b = low >>> 16
  const least = a * M_LOW_HALF
  const middle = b * M_LOW_HALF + (least >>> 16)
  const other = a * M_HIGH_HALF + (middle & 0xffff)
  const carried = b * M_HIGH_HALF + (middle >>> 16) + (other >>> 16)
  h.low = ((other << 16) | (least & 0xffff)) >>> 0
  h.high = (carried + Math.imul(high, M_LOW) + Math.imul(low, M_HIGH)) >>> 0
}

/** Four bytes, the least significant first. */
function word(bytes: Uint8Array, p: number): number {
  return (bytes[p] | (bytes[p + 1] << 8) | (bytes[p + 2] << 16) | (bytes[p + 3] << 24)) >>> 0
}

/** The same with zeros for what is not before `end`. */
function part(bytes: Uint8Array, from: number, end: number): number {
  let value = 0
  for (let i = Math.min(from + 4, end) - 1; i >= from; i--) value = (value << 8) | bytes[i]
  return value >>> 0
}
