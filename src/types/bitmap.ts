// Strings as arrays of bits. Bit 0 is the highest bit of the first byte; what lies behind the end is 0. Positions are plain
// numbers (a string may have more than 2³² bits), so they are divided, not shifted.
//
// What goes over many bytes copies them, a chunk at a time, into an aligned scratch and works on words of 32 bits: values lie in
// the arena at any byte, and a copy costs a tenth of what a loop over bytes does.

import { ONES_MEMORY, onesInMemory } from '../lib/ones.ts'

const CHUNK_BYTES = 16 * 1024
const SCRATCH = Buffer.from(ONES_MEMORY, 0, CHUNK_BYTES)
const WORDS = new Int32Array(ONES_MEMORY)
const ONES = -1

/** Copies bytes [from, to), at most a chunk of them, into the scratch, with zeros up to the next word. Returns the words. */
function load(bytes: Uint8Array, from: number, to: number): number {
  const length = to - from
  const words = (length + 3) >>> 2
  if (words > 0) WORDS[words - 1] = 0
  SCRATCH.set(bytes.subarray(from, to))
  return words
}

/** The bit at a position of the string in bytes [start, end). */
export function bitAt(bytes: Uint8Array, start: number, end: number, position: number): number {
  const at = start + Math.floor(position / 8)
  return at < end ? (bytes[at] >>> (7 - (position % 8))) & 1 : 0
}

/** Number of ones in the bits of a byte. */
function onesInByte(byte: number): number {
  const pairs = byte - ((byte >>> 1) & 0x55)
  const nibbles = (pairs & 0x33) + ((pairs >>> 2) & 0x33)
  return (nibbles + (nibbles >>> 4)) & 0x0f
}

/** Number of ones in bytes [start, end). */
export function countOnes(bytes: Uint8Array, start: number, end: number): number {
  let ones = 0
  for (let from = start; from < end; from += CHUNK_BYTES) {
    const to = Math.min(end, from + CHUNK_BYTES)
    load(bytes, from, to)
    ones += onesInMemory(to - from)
  }
  return ones
}

/** Number of ones among the bits [first, last] of the string that begins at `start`; all of them must be there. */
export function countOnesInBits(bytes: Uint8Array, start: number, first: number, last: number): number {
  const from = start + Math.floor(first / 8)
  const to = start + Math.floor(last / 8)
  const before = onesInByte(bytes[from] & ~(0xff >>> (first % 8)))
  const after = onesInByte(bytes[to] & (0x7f >>> (last % 8)))
  return countOnes(bytes, from, to + 1) - before - after
}

/** Position of the first bit that is `bit` among the bits [first, last] of the string that begins at `start`; -1 if none is. */
export function findBit(bytes: Uint8Array, start: number, first: number, last: number, bit: number): number {
  const from = start + Math.floor(first / 8)
  const to = start + Math.floor(last / 8)
  // The bits looked for are ones in `byte ^ flip`.
  const flip = bit === 1 ? 0 : 0xff
  let at = from
  let found = (bytes[at] ^ flip) & (0xff >>> (first % 8))
  if (found === 0 && at < to) {
    at = firstOtherByte(bytes, from + 1, to, flip)
    found = bytes[at] ^ flip
  }
  if (found === 0) return -1
  const position = (at - start) * 8 + Math.clz32(found) - 24
  return position <= last ? position : -1
}

/** Index of the first of bytes [from, last] that is not `byte` (0 or 0xff); `last` if there is none before it. */
function firstOtherByte(bytes: Uint8Array, from: number, last: number, byte: number): number {
  const word = byte === 0 ? 0 : ONES
  for (let chunk = from; chunk < last; chunk += CHUNK_BYTES) {
    const to = Math.min(last, chunk + CHUNK_BYTES)
    const words = load(bytes, chunk, to)
    for (let i = 0; i < words; i++) {
      if (WORDS[i] === word) continue
      // Behind the end of the bytes the last word is padded: what is found there is not.
      for (let at = chunk + i * 4; at < to; at++) if (bytes[at] !== byte) return at
    }
  }
  return last
}

/** What BITOP does with several strings. */
export type BitOperation = 'and' | 'or' | 'xor' | 'not'

/** The bits of all sources combined, as long as the longest; shorter ones count as filled up with zeros. */
export function combineBits(operation: BitOperation, sources: readonly Uint8Array[]): Buffer {
  const length = sources.reduce((longest, source) => Math.max(longest, source.length), 0)
  const bytes = Buffer.from(new ArrayBuffer((length + 3) & ~3), 0, length)
  const words = new Uint32Array(bytes.buffer)
  bytes.set(sources[0])
  if (operation === 'not') invert(words)
  for (let i = 1; i < sources.length; i++) combineInto(words, length, sources[i], operation)
  return bytes
}

function invert(words: Uint32Array): void {
  for (let i = 0; i < words.length; i++) words[i] = ~words[i]
}

function combineInto(words: Uint32Array, length: number, source: Uint8Array, operation: BitOperation): void {
  for (let from = 0; from < source.length; from += CHUNK_BYTES) {
    const count = load(source, from, Math.min(source.length, from + CHUNK_BYTES))
    const base = from >>> 2
    if (operation === 'and') for (let i = 0; i < count; i++) words[base + i] &= WORDS[i]
    else if (operation === 'or') for (let i = 0; i < count; i++) words[base + i] |= WORDS[i]
    else for (let i = 0; i < count; i++) words[base + i] ^= WORDS[i]
  }
  // Whatever is AND the zeros behind the end of a short source is 0.
  if (operation === 'and' && source.length < length) words.fill(0, (source.length + 3) >>> 2)
}
