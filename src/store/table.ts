// The index of a database: an extendible hash table (Fagin et al. 1979) of entry handles, itself in the arena.
//
//   directory: 2^depth segment handles, indexed by the top bits of the hash
//   segment:   1,024 slots of 5 bytes (a handle, and a tag of 8 hash bits to avoid touching other entries), probed
//              linearly from the slot that the low bits of the hash name
//
// A full segment splits in two by the next bit of the hash: about 800 entries move in some 50 µs, so growth never pauses
// the server, and the directory doubles by a copy of one number a segment. An entry's home slot does not depend on the
// depth, which is what makes `scan` keep its promise while segments split.

import { assert } from '../lib/assert.ts'
import type { Random } from '../lib/prng.ts'
import { type Arena, ArenaFullError, SLAB_BITS, SLAB_MASK } from './arena.ts'
import { EXPIRY_BYTES, HAS_EXPIRY, HEADER_BYTES } from './entry.ts'

const SLOT_BITS = 10
const SLOTS = 1 << SLOT_BITS
const SLOT_MASK = SLOTS - 1
const FULL = Math.floor(SLOTS * 0.8)
/** Segment: word 0 depth, word 1 number of entries, then the slots' handles, then their tags. */
const SEGMENT_HEADER_WORDS = 2
const SEGMENT_UNITS = (SEGMENT_HEADER_WORDS * 4 + SLOTS * 5 + 7) >>> 3
const TAGS_OFFSET = SEGMENT_HEADER_WORDS * 4 + SLOTS * 4
/**
 * Deep enough for as many entries as the arena has handles for, with bits to spare. Deeper means that hashes do not spread,
 * and the directory must not grow into gigabytes before that is refused.
 */
const DEPTH_MAX = 26

/** How far into an entry `touch` reads: one cache line. */
const ENTRY_AHEAD_WORDS = 16

/** Slots that `sample` tries: enough for a table that is one twentieth full. */
const SAMPLE_TRIES_MAX = 100

/** Slot at which probing for a hash begins: mixed, since the top bits are the same within a segment. */
function homeOf(hash: number): number {
  return Math.imul(hash, 0x9e3779b1) >>> (32 - SLOT_BITS)
}

/** Tag of a hash; 0 marks a free slot. */
function tagOf(hash: number): number {
  const tag = hash & 0xff
  return tag === 0 ? 1 : tag
}

/** Extendible hash table of entries. A lookup remembers its slot for the change that follows it. */
export class Table {
  /** Number of entries. */
  size = 0
  private readonly arena: Arena
  private directory: Uint32Array
  private depth = 0
  private segments = 1
  // Where the last lookup ended; valid until the next change.
  private foundSegment = 0
  private foundSlot = 0
  private foundHash = 0
  /** Keeps the compiler from leaving out what `touch` reads. */
  private touched = 0

  constructor(arena: Arena) {
    this.arena = arena
    this.directory = Uint32Array.of(this.newSegment(0))
    arena.directoryBytes += this.directory.byteLength
  }

  /** Slots of all segments: what the reference implementation calls the size of its table. */
  get slots(): number {
    return this.segments * SLOTS
  }

  /** The entry with the key in bytes [start, end) and that hash, or 0. `insert`, `replace` and `remove` refer to it. */
  find(bytes: Uint8Array, start: number, end: number, hash: number): number {
    const arena = this.arena
    const segment = this.directory[this.depth === 0 ? 0 : hash >>> (32 - this.depth)]
    const words = arena.u32[segment >>> SLAB_BITS]
    const segmentBytes = arena.u8[segment >>> SLAB_BITS]
    const slotsAt = ((segment & SLAB_MASK) << 1) + SEGMENT_HEADER_WORDS
    const tagsAt = ((segment & SLAB_MASK) << 3) + TAGS_OFFSET
    const keyLength = end - start
    const tag = tagOf(hash)
    this.foundSegment = segment
    this.foundHash = hash
    for (let slot = homeOf(hash); ; slot = (slot + 1) & SLOT_MASK) {
      const t = segmentBytes[tagsAt + slot]
      if (t === 0) {
        this.foundSlot = slot
        return 0
      }
      if (t !== tag) continue
      const h = words[slotsAt + slot]
      const u32 = arena.u32[h >>> SLAB_BITS]
      const w = (h & SLAB_MASK) << 1
      if (u32[w] !== hash || u32[w + 1] !== keyLength) continue
      const u8 = arena.u8[h >>> SLAB_BITS]
      let p = (w << 2) + ((u32[w + 3] & HAS_EXPIRY) === 0 ? HEADER_BYTES : HEADER_BYTES + EXPIRY_BYTES)
      let i = start
      while (i < end && u8[p] === bytes[i]) {
        i++
        p++
      }
      if (i === end) {
        this.foundSlot = slot
        return h
      }
    }
  }

  /**
   * Reads a little of what `find` will read for each of the first `count` hashes, one kind of memory after the other, so that
   * the processor waits for all of a kind together: slots, then the entries that they name. `handles` is scratch space.
   */
  touch(hashes: Uint32Array, handles: Uint32Array, count: number): void {
    const { arena, directory } = this
    const shift = 32 - this.depth
    let sum = 0
    for (let i = 0; i < count; i++) {
      const hash = hashes[i]
      const segment = directory[shift === 32 ? 0 : hash >>> shift]
      const at = segment & SLAB_MASK
      const slot = homeOf(hash)
      sum ^= arena.u8[segment >>> SLAB_BITS][(at << 3) + TAGS_OFFSET + slot]
      sum ^= arena.u32[segment >>> SLAB_BITS][(at << 1) + SEGMENT_HEADER_WORDS + slot]
    }
    for (let i = 0; i < count; i++) handles[i] = this.firstTagged(hashes[i])
    for (let i = 0; i < count; i++) {
      const h = handles[i]
      if (h === 0) continue
      const u32 = arena.u32[h >>> SLAB_BITS]
      const w = (h & SLAB_MASK) << 1
      // The entry's first cache line, and where the next one begins unless it is the slab's last.
      sum ^= u32[w] ^ u32[Math.min(w + ENTRY_AHEAD_WORDS, u32.length - 1)]
    }
    this.touched ^= sum
  }

  /** The first entry that `find` would look at for a hash, or 0. */
  private firstTagged(hash: number): number {
    const segment = this.directory[this.depth === 0 ? 0 : hash >>> (32 - this.depth)]
    const bytes = this.arena.u8[segment >>> SLAB_BITS]
    const tagsAt = ((segment & SLAB_MASK) << 3) + TAGS_OFFSET
    const tag = tagOf(hash)
    for (let slot = homeOf(hash); ; slot = (slot + 1) & SLOT_MASK) {
      const t = bytes[tagsAt + slot]
      if (t === tag) return this.at(segment, slot)
      if (t === 0) return 0
    }
  }

  /** Points the lookup's slot at the entry that is known to be in the table, so that it can be replaced or removed. */
  seek(h: number): void {
    const arena = this.arena
    this.seekHandle(arena.u32[h >>> SLAB_BITS][(h & SLAB_MASK) << 1], h)
  }

  /** Puts another handle in the place of one that the table has under that hash. */
  repoint(hash: number, old: number, h: number): void {
    this.seekHandle(hash, old)
    this.replace(h)
  }

  private seekHandle(hash: number, h: number): void {
    const { arena } = this
    const segment = this.directory[this.depth === 0 ? 0 : hash >>> (32 - this.depth)]
    const words = arena.u32[segment >>> SLAB_BITS]
    const segmentBytes = arena.u8[segment >>> SLAB_BITS]
    const slotsAt = ((segment & SLAB_MASK) << 1) + SEGMENT_HEADER_WORDS
    const tagsAt = ((segment & SLAB_MASK) << 3) + TAGS_OFFSET
    let slot = homeOf(hash)
    while (words[slotsAt + slot] !== h || segmentBytes[tagsAt + slot] === 0) {
      assert(segmentBytes[tagsAt + slot] !== 0, 'the entry is in the table')
      slot = (slot + 1) & SLOT_MASK
    }
    this.foundSegment = segment
    this.foundSlot = slot
    this.foundHash = hash
  }

  /** Adds the entry whose key the last lookup did not find. Throws ArenaFullError, before any change. */
  insert(h: number): void {
    while (this.arena.u32[this.foundSegment >>> SLAB_BITS][((this.foundSegment & SLAB_MASK) << 1) + 1] >= FULL) {
      this.split(this.foundSegment, this.foundHash)
      this.seekFree(this.foundHash)
    }
    this.put(this.foundSegment, this.foundSlot, h, this.foundHash)
    this.arena.u32[this.foundSegment >>> SLAB_BITS][((this.foundSegment & SLAB_MASK) << 1) + 1]++
    this.size++
  }

  /** Replaces the entry that the last lookup found by another one with the same key. */
  replace(h: number): void {
    const segment = this.foundSegment
    this.arena.u32[segment >>> SLAB_BITS][((segment & SLAB_MASK) << 1) + SEGMENT_HEADER_WORDS + this.foundSlot] = h
  }

  /** Removes the entry that the last lookup found, closing the gap so that no probe ends early. */
  remove(): void {
    const arena = this.arena
    const segment = this.foundSegment
    const words = arena.u32[segment >>> SLAB_BITS]
    const bytes = arena.u8[segment >>> SLAB_BITS]
    const slotsAt = ((segment & SLAB_MASK) << 1) + SEGMENT_HEADER_WORDS
    const tagsAt = ((segment & SLAB_MASK) << 3) + TAGS_OFFSET
    let gap = this.foundSlot
    for (let slot = (gap + 1) & SLOT_MASK; bytes[tagsAt + slot] !== 0; slot = (slot + 1) & SLOT_MASK) {
      const h = words[slotsAt + slot]
      const home = homeOf(arena.u32[h >>> SLAB_BITS][(h & SLAB_MASK) << 1])
      if (((slot - home) & SLOT_MASK) < ((slot - gap) & SLOT_MASK)) continue
      words[slotsAt + gap] = h
      bytes[tagsAt + gap] = bytes[tagsAt + slot]
      gap = slot
    }
    bytes[tagsAt + gap] = 0
    words[slotsAt - 1]--
    this.size--
  }

  /** Calls `visit` for every entry of the segment that holds the hashes from `hash` on; the first hash after it. */
  visitSegment(hash: number, visit: (h: number) => void): number {
    const segment = this.directory[this.depth === 0 ? 0 : hash >>> (32 - this.depth)]
    for (let slot = 0; slot < SLOTS; slot++) {
      const h = this.at(segment, slot)
      if (h !== 0) visit(h)
    }
    const depth = this.segmentDepth(segment)
    const width = 2 ** (32 - depth)
    return (Math.floor(hash / width) + 1) * width
  }

  /** Moves the segment that holds the hashes from `hash` on if its slab is being emptied; the first hash after it. Throws ArenaFullError. */
  moveSegment(hash: number): number {
    const index = this.depth === 0 ? 0 : hash >>> (32 - this.depth)
    const segment = this.directory[index]
    const depth = this.segmentDepth(segment)
    const width = 2 ** (32 - depth)
    const next = (Math.floor(hash / width) + 1) * width
    if (this.arena.emptying[segment >>> SLAB_BITS] === 0) return next
    const span = 2 ** (this.depth - depth)
    const first = Math.floor(index / span) * span
    this.directory.fill(this.arena.move(segment, SEGMENT_UNITS), first, first + span)
    return next
  }

  /**
   * One step of an iteration that meets every entry that is there from its beginning to its end at least once, whatever
   * is added, removed or split meanwhile. The cursor is (depth, hash prefix, home slot); each step visits all entries of
   * one home slot under that prefix, in however many segments these are by now. 0 begins and ends.
   */
  scan(cursor: number, visit: (h: number) => void): number {
    let slot = cursor % SLOTS
    const position = Math.floor(cursor / SLOTS)
    let depth = position % 32
    let prefix = Math.floor(position / 32)
    if (cursor === 0) {
      depth = this.segmentDepth(this.directory[0])
    } else if (depth > DEPTH_MAX || prefix >= 2 ** depth) {
      return 0
    } else if (depth > this.depth) {
      // Not from this table (it was flushed, or the cursor is made up): steps finer than the table would hardly end.
      prefix = Math.floor(prefix / 2 ** (depth - this.depth))
      depth = this.depth
    }
    const width = 2 ** (32 - depth)
    const from = prefix * width
    for (let hash = from; hash < from + width; ) {
      const segment = this.directory[this.depth === 0 ? 0 : hash >>> (32 - this.depth)]
      this.visitHome(segment, slot, from, from + width, visit)
      hash = (Math.floor(hash / 2 ** (32 - this.segmentDepth(segment))) + 1) * 2 ** (32 - this.segmentDepth(segment))
    }
    if (++slot < SLOTS) return (prefix * 32 + depth) * SLOTS + slot
    prefix++
    if (prefix >= 2 ** depth) return 0
    const next = prefix * width
    const nextSegment = this.directory[this.depth === 0 ? 0 : next >>> (32 - this.depth)]
    const nextDepth = Math.max(this.segmentDepth(nextSegment), trailingDepth(prefix, depth))
    return (Math.floor(next / 2 ** (32 - nextDepth)) * 32 + nextDepth) * SLOTS
  }

  /** A random entry, each about as likely as any other; 0 if the table is empty. */
  sample(random: Random): number {
    if (this.size === 0) return 0
    for (let tries = 0; tries < SAMPLE_TRIES_MAX; tries++) {
      const hash = random.uint32()
      const h = this.at(this.directory[this.depth === 0 ? 0 : hash >>> (32 - this.depth)], random.below(SLOTS))
      if (h !== 0) return h
    }
    return this.firstFrom(random.uint32(), random.below(SLOTS))
  }

  /** Releases the segments. The entries are their owner's to release; the table must not be used after this. */
  releaseIndex(): void {
    for (let hash = 0; hash < 2 ** 32; ) {
      const segment = this.directory[this.depth === 0 ? 0 : hash >>> (32 - this.depth)]
      hash += 2 ** (32 - this.segmentDepth(segment))
      this.arena.release(segment, SEGMENT_UNITS)
    }
    this.arena.directoryBytes -= this.directory.byteLength
    this.directory = new Uint32Array(0)
    this.segments = 0
    this.size = 0
  }

  /** The first entry from a slot on of the segment that holds `hash`, or of the next segment that has any. */
  private firstFrom(hash: number, slot: number): number {
    for (let from = hash; ; ) {
      const segment = this.directory[this.depth === 0 ? 0 : from >>> (32 - this.depth)]
      for (let i = 0; i < SLOTS; i++) {
        const h = this.at(segment, (slot + i) & SLOT_MASK)
        if (h !== 0) return h
      }
      from = (from + 2 ** (32 - this.segmentDepth(segment))) % 2 ** 32
    }
  }

  private visitHome(segment: number, home: number, from: number, to: number, visit: (h: number) => void): void {
    for (let slot = home; ; slot = (slot + 1) & SLOT_MASK) {
      const h = this.at(segment, slot)
      if (h === 0) return
      const hash = this.arena.u32[h >>> SLAB_BITS][(h & SLAB_MASK) << 1]
      if (homeOf(hash) === home && hash >= from && hash < to) visit(h)
    }
  }

  private segmentDepth(segment: number): number {
    return this.arena.u32[segment >>> SLAB_BITS][(segment & SLAB_MASK) << 1]
  }

  /** The handle in a slot, or 0. */
  private at(segment: number, slot: number): number {
    const slab = segment >>> SLAB_BITS
    if (this.arena.u8[slab][((segment & SLAB_MASK) << 3) + TAGS_OFFSET + slot] === 0) return 0
    return this.arena.u32[slab][((segment & SLAB_MASK) << 1) + SEGMENT_HEADER_WORDS + slot]
  }

  private put(segment: number, slot: number, h: number, hash: number): void {
    const slab = segment >>> SLAB_BITS
    this.arena.u32[slab][((segment & SLAB_MASK) << 1) + SEGMENT_HEADER_WORDS + slot] = h
    this.arena.u8[slab][((segment & SLAB_MASK) << 3) + TAGS_OFFSET + slot] = tagOf(hash)
  }

  /** Points the lookup's slot at the free slot for a hash that is not in the table. */
  private seekFree(hash: number): void {
    const segment = this.directory[this.depth === 0 ? 0 : hash >>> (32 - this.depth)]
    let slot = homeOf(hash)
    while (this.at(segment, slot) !== 0) slot = (slot + 1) & SLOT_MASK
    this.foundSegment = segment
    this.foundSlot = slot
    this.foundHash = hash
  }

  private newSegment(depth: number): number {
    const segment = this.arena.alloc(SEGMENT_UNITS)
    const slab = segment >>> SLAB_BITS
    const w = (segment & SLAB_MASK) << 1
    this.arena.u32[slab][w] = depth
    this.arena.u32[slab][w + 1] = 0
    const tagsAt = (w << 2) + TAGS_OFFSET
    this.arena.u8[slab].fill(0, tagsAt, tagsAt + SLOTS)
    return segment
  }

  /** Splits a full segment by the next bit of its entries' hashes. */
  private split(old: number, hash: number): void {
    const depth = this.segmentDepth(old) + 1
    if (depth > DEPTH_MAX) throw new ArenaFullError('too many keys with one hash')
    if (depth > this.depth) this.doubleDirectory()
    const left = this.newSegment(depth)
    let right: number
    try {
      right = this.newSegment(depth)
    } catch (error) {
      this.arena.release(left, SEGMENT_UNITS)
      throw error
    }
    for (let slot = 0; slot < SLOTS; slot++) {
      const h = this.at(old, slot)
      if (h === 0) continue
      const entryHash = this.arena.u32[h >>> SLAB_BITS][(h & SLAB_MASK) << 1]
      this.append((entryHash >>> (32 - depth)) & 1 ? right : left, h, entryHash)
    }
    const span = 2 ** (this.depth - depth + 1)
    const first = Math.floor((hash >>> (32 - this.depth)) / span) * span
    this.directory.fill(left, first, first + span / 2)
    this.directory.fill(right, first + span / 2, first + span)
    this.arena.release(old, SEGMENT_UNITS)
    this.segments++
  }

  private append(segment: number, h: number, hash: number): void {
    let slot = homeOf(hash)
    while (this.at(segment, slot) !== 0) slot = (slot + 1) & SLOT_MASK
    this.put(segment, slot, h, hash)
    this.arena.u32[segment >>> SLAB_BITS][((segment & SLAB_MASK) << 1) + 1]++
  }

  private doubleDirectory(): void {
    const larger = new Uint32Array(this.directory.length * 2)
    for (let i = 0; i < this.directory.length; i++) larger[2 * i] = larger[2 * i + 1] = this.directory[i]
    this.arena.directoryBytes += larger.byteLength - this.directory.byteLength
    this.directory = larger
    this.depth++
  }
}

/** The smallest depth at which a prefix of `depth` bits begins a segment: its bits without trailing zeros. */
function trailingDepth(prefix: number, depth: number): number {
  let bits = depth
  let rest = prefix
  while (bits > 0 && rest % 2 === 0) {
    rest /= 2
    bits--
  }
  return bits
}
