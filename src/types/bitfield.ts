// Integers of 1 to 64 bits at any bit of a string, and what becomes of one that does not fit. Values are bigints: they have
// up to 64 bits. Bits behind the end of the string read as 0.

import { INT64_MAX } from '../lib/decimal.ts'

/** The type of a field: i1 to i64, u1 to u63. */
export interface FieldType {
  readonly signed: boolean
  readonly bits: number
}

/** What to do with a value that does not fit: drop its high bits, take the nearest that fits, or change nothing. */
export type Overflow = 'wrap' | 'sat' | 'fail'

const HALF = 32
const HALF_BITS = 32n

/** The field of `type` whose first bit is at `position` of the string in bytes [start, end). */
export function readField(bytes: Uint8Array, start: number, end: number, position: number, type: FieldType): bigint {
  const { bits, signed } = type
  const highBits = Math.max(0, bits - HALF)
  const low = readBits(bytes, start, end, position + highBits, bits - highBits)
  const high = highBits === 0 ? 0 : readBits(bytes, start, end, position, highBits)
  const value = (BigInt(high) << HALF_BITS) | BigInt(low)
  return signed ? BigInt.asIntN(bits, value) : value
}

/** Up to 32 bits as a number: those in at most five bytes, which a double holds exactly. */
function readBits(bytes: Uint8Array, start: number, end: number, position: number, count: number): number {
  const first = Math.floor(position / 8)
  const last = Math.floor((position + count - 1) / 8)
  let value = 0
  for (let at = start + first; at <= start + last; at++) value = value * 256 + (at < end ? bytes[at] : 0)
  const behind = (last + 1) * 8 - (position + count)
  return Math.floor(value / 2 ** behind) % 2 ** count
}

/** Writes the low bits of `value`; the string that begins at `start` must reach so far. */
export function writeField(bytes: Uint8Array, start: number, position: number, bits: number, value: bigint): void {
  const highBits = Math.max(0, bits - HALF)
  const low = BigInt.asUintN(bits - highBits, value)
  writeBits(bytes, start, position + highBits, bits - highBits, Number(low))
  if (highBits === 0) return
  writeBits(bytes, start, position, highBits, Number(BigInt.asUintN(highBits, value >> HALF_BITS)))
}

function writeBits(bytes: Uint8Array, start: number, position: number, count: number, value: number): void {
  let at = position
  let left = count
  while (left > 0) {
    const room = 8 - (at % 8)
    const taken = Math.min(room, left)
    const shift = room - taken
    const mask = ((1 << taken) - 1) << shift
    const part = Math.floor(value / 2 ** (left - taken)) % 2 ** taken
    const byte = start + Math.floor(at / 8)
    bytes[byte] = (bytes[byte] & ~mask) | (part << shift)
    at += taken
    left -= taken
  }
}

/**
 * `value + increment` as a field of `type` takes it; undefined if it does not fit and the overflow is to fail. `value` is what a
 * field of the type holds, or any 64-bit integer if the increment is 0.
 */
export function addToField(value: bigint, increment: bigint, type: FieldType, overflow: Overflow): bigint | undefined {
  const { signed, bits } = type
  const max = signed ? (1n << BigInt(bits - 1)) - 1n : (1n << BigInt(bits)) - 1n
  const min = signed ? -max - 1n : 0n
  const sum = value + increment
  if (sum >= min && sum <= max) return sum
  if (overflow === 'fail') return undefined
  if (overflow === 'wrap') return signed ? BigInt.asIntN(bits, sum) : BigInt.asUintN(bits, sum)
  // Redis tells the side by a distance of 64 bits, which wraps around for the very lowest values; kept, since it is seen.
  const wraps = signed && bits < 64 && max - value > INT64_MAX
  return sum > max || wraps ? max : min
}
