// The layout of an entry of the keyspace: one block of the arena with header, key and, if it is short, the value. Everything that
// knows this layout is in this file, in table.ts and in keyspace/blocks.ts.
//
//   word 0   hash of the key
//   word 1   key length in bytes
//   word 2   value length in bytes; the number of a huge block if HUGE is set; the root of the value's nodes if PARTS is set
//   word 3   bits 0–3 type, 4–7 encoding, 8 has an expiry, 9 value is huge, 10 snapshot mark, 11–31 access clock
//  (double   expiry, Unix time in milliseconds, only if bit 8 is set)
//   bytes    key, then value
//
// A value is a blob (bytes: a string, or a small collection in one piece) or, in encodings from 8 on, parts (nodes.ts).

import { type Arena, SLAB_BITS, SLAB_MASK } from './arena.ts'

export const HEADER_BYTES = 16
export const EXPIRY_BYTES = 8

export const TYPE_MASK = 0xf
export const ENCODING_SHIFT = 4
export const ENCODING_MASK = 0xf << ENCODING_SHIFT
/** The highest bit of the encoding: the value is made of nodes. */
export const PARTS = 1 << 7
export const HAS_EXPIRY = 1 << 8
export const HUGE = 1 << 9
export const SNAPSHOT_MARK = 1 << 10
export const CLOCK_SHIFT = 11
/** The access clock has 21 bits: seconds (or what an eviction policy makes of them), wrapping after 24 days. */
export const CLOCK_MASK = (1 << 21) - 1

/** The value is not in the entry's block. */
export const ELSEWHERE = HUGE | PARTS

/** Units of a block for an entry; `valueBytes` is 0 for a value that is elsewhere. */
export function entryUnits(keyBytes: number, valueBytes: number, hasExpiry: boolean): number {
  return (HEADER_BYTES + (hasExpiry ? EXPIRY_BYTES : 0) + keyBytes + valueBytes + 7) >>> 3
}

/** Index of word 0 of entry `h` in its slab's u32 view. */
export function wordIndex(h: number): number {
  return (h & SLAB_MASK) << 1
}

export function entryHash(arena: Arena, h: number): number {
  return arena.u32[h >>> SLAB_BITS][(h & SLAB_MASK) << 1]
}

export function entryKeyLength(arena: Arena, h: number): number {
  return arena.u32[h >>> SLAB_BITS][((h & SLAB_MASK) << 1) + 1]
}

/** Word 2 of an entry: see the layout. */
export function entryValueWord(arena: Arena, h: number): number {
  return arena.u32[h >>> SLAB_BITS][((h & SLAB_MASK) << 1) + 2]
}

/** Word 3 of an entry: type, encoding, flags and clock. */
export function entryMeta(arena: Arena, h: number): number {
  return arena.u32[h >>> SLAB_BITS][((h & SLAB_MASK) << 1) + 3]
}

export function setEntryMeta(arena: Arena, h: number, meta: number): void {
  arena.u32[h >>> SLAB_BITS][((h & SLAB_MASK) << 1) + 3] = meta
}

/** Byte offset of the key in the slab of the entry. */
export function entryKeyOffset(h: number, meta: number): number {
  return ((h & SLAB_MASK) << 3) + ((meta & HAS_EXPIRY) === 0 ? HEADER_BYTES : HEADER_BYTES + EXPIRY_BYTES)
}

/** Expiry of an entry that has one, Unix time in milliseconds. */
export function entryExpiryMs(arena: Arena, h: number): number {
  return arena.f64[h >>> SLAB_BITS][(h & SLAB_MASK) + 2]
}

export function setEntryExpiryMs(arena: Arena, h: number, atMs: number): void {
  arena.f64[h >>> SLAB_BITS][(h & SLAB_MASK) + 2] = atMs
}
