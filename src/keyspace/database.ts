// One numbered database: a table of entries, and a table of those that have an expiry. Every change to an entry goes
// through a method of this file, and every one of them tells the snapshot before and the watchers after it; that is what
// makes a snapshot a cut and WATCH reliable, whatever commands are added.
//
// Handles are valid until the next change of their key: methods that may move an entry return its new handle.

import { assert } from '../lib/assert.ts'
import type { Random } from '../lib/prng.ts'
import { type Arena, SLAB_BITS, SLAB_MASK, sameBlock } from '../store/arena.ts'
import {
  CLOCK_SHIFT,
  ENCODING_MASK,
  ENCODING_SHIFT,
  EXPIRY_BYTES,
  entryExpiryMs,
  entryKeyLength,
  entryKeyOffset,
  entryMeta,
  entryUnits,
  entryValueWord,
  HAS_EXPIRY,
  HEADER_BYTES,
  HUGE,
  SNAPSHOT_MARK,
  setEntryExpiryMs,
  setEntryMeta,
  TYPE_MASK,
} from '../store/entry.ts'
import { hashBytes } from '../store/hash.ts'
import { Table } from '../store/table.ts'
import type { Keyspace } from './keyspace.ts'

/** A value lives in the block of its entry if it has, together with the key, no more bytes than this; else in a huge block. */
export const INLINE_BYTES_MAX = 60 * 1024
/** `put` and `move` take this as expiry to mean: as it was. */
export const KEEP_EXPIRY = -1
/** No expiry. */
export const NO_EXPIRY = 0

const META_FLAGS = (1 << CLOCK_SHIFT) - 1

/** A range of bytes; the one that `value` and `key` answer is reused by the next call. */
export interface ByteRange {
  bytes: Buffer
  start: number
  end: number
}

/** A database of the keyspace. */
export class Database {
  readonly index: number
  table: Table
  expires: Table
  private readonly space: Keyspace
  private readonly range: ByteRange = { bytes: Buffer.alloc(0), start: 0, end: 0 }

  constructor(space: Keyspace, index: number) {
    this.space = space
    this.index = index
    this.table = new Table(space.arena)
    this.expires = new Table(space.arena)
  }

  /** Number of keys. */
  get size(): number {
    return this.table.size
  }

  // ---- reading ----

  /** The entry of the key in bytes [start, end) that a command reads; 0 if there is none. Counts, and touches its clock. */
  read(bytes: Uint8Array, start: number, end: number): number {
    const h = this.find(bytes, start, end)
    const space = this.space
    if (h === 0) {
      space.stats.misses++
      return 0
    }
    space.stats.hits++
    if (space.touch) {
      const u32 = space.arena.u32[h >>> SLAB_BITS]
      const w = ((h & SLAB_MASK) << 1) + 3
      u32[w] = (u32[w] & META_FLAGS) | (space.clock << CLOCK_SHIFT)
    }
    return h
  }

  /** The entry of the key in bytes [start, end), or 0; not a read in the statistics. Removes it if it has expired. */
  find(bytes: Uint8Array, start: number, end: number): number {
    const space = this.space
    const h = this.table.find(bytes, start, end, space.ahead.hash(bytes, start, end, space.hashKey))
    if (h === 0) return 0
    const meta = space.arena.u32[h >>> SLAB_BITS][((h & SLAB_MASK) << 1) + 3]
    if ((meta & HAS_EXPIRY) !== 0 && space.nowMs > entryExpiryMs(space.arena, h) && this.expireNow(h)) return 0
    return h
  }

  /** The entry of the key in bytes [start, end), expired or not, or 0. Neither a read nor a change. */
  peek(bytes: Uint8Array, start: number, end: number): number {
    return this.table.find(bytes, start, end, hashBytes(bytes, start, end, this.space.hashKey))
  }

  /** Whether the entry's time is over. */
  isExpired(h: number): boolean {
    return this.hasExpiry(h) && this.space.nowMs > entryExpiryMs(this.space.arena, h)
  }

  /** The key of an entry, in a range that the next call of `key` or `value` reuses. */
  key(h: number): ByteRange {
    const arena = this.space.arena
    const range = this.range
    range.bytes = arena.u8[h >>> SLAB_BITS]
    range.start = entryKeyOffset(h, entryMeta(arena, h))
    range.end = range.start + entryKeyLength(arena, h)
    return range
  }

  /** The key of an entry as a buffer to keep. */
  keyCopy(h: number): Buffer {
    const { bytes, start, end } = this.key(h)
    return Buffer.from(bytes.subarray(start, end))
  }

  /** The value's bytes of a string, in a range that the next call of `key` or `value` reuses. */
  value(h: number): ByteRange {
    return entryValue(this.space.arena, h, this.range)
  }

  valueLength(h: number): number {
    const arena = this.space.arena
    const word = entryValueWord(arena, h)
    return (entryMeta(arena, h) & HUGE) === 0 ? word : arena.huge.bytes(word).length
  }

  type(h: number): number {
    return entryMeta(this.space.arena, h) & TYPE_MASK
  }

  encoding(h: number): number {
    return (entryMeta(this.space.arena, h) & ENCODING_MASK) >>> ENCODING_SHIFT
  }

  hasExpiry(h: number): boolean {
    return (entryMeta(this.space.arena, h) & HAS_EXPIRY) !== 0
  }

  /** Expiry as Unix time in milliseconds, or NO_EXPIRY. */
  expiryMs(h: number): number {
    return this.hasExpiry(h) ? entryExpiryMs(this.space.arena, h) : NO_EXPIRY
  }

  /** The access clock of the entry: what `keyspace.clock` was when it was last touched. */
  clock(h: number): number {
    return entryMeta(this.space.arena, h) >>> CLOCK_SHIFT
  }

  /** Bytes of memory of the entry, value included. */
  entryBytes(h: number): number {
    const arena = this.space.arena
    const huge = (entryMeta(arena, h) & HUGE) !== 0
    return unitsOfEntry(arena, h) * 8 + (huge ? arena.huge.bytes(entryValueWord(arena, h)).length : 0)
  }

  /** Calls `visit` for the entries of one step of a scan, expired ones included; see Table.scan. */
  scan(cursor: number, visit: (h: number) => void): number {
    return this.table.scan(cursor, visit)
  }

  /** Calls `visit` for every entry; the callback must not change the database. */
  forEach(visit: (h: number) => void): void {
    for (let hash = 0; hash < 2 ** 32; ) hash = this.table.visitSegment(hash, visit)
  }

  /** A random entry, expired or not; 0 if there is none. */
  sample(random: Random): number {
    return this.table.sample(random)
  }

  // ---- changing ----

  /**
   * Stores a value under the key in bytes [keyStart, keyEnd), whatever was there. `expiryMs` is a Unix time in
   * milliseconds, NO_EXPIRY or KEEP_EXPIRY. Returns the entry. Throws ArenaFullError before any change.
   */
  put(
    keyBytes: Uint8Array,
    keyStart: number,
    keyEnd: number,
    valueBytes: Uint8Array,
    valueStart: number,
    valueEnd: number,
    typeAndEncoding: number,
    expiryMs: number,
  ): number {
    const space = this.space
    const arena = space.arena
    const hash = space.ahead.hash(keyBytes, keyStart, keyEnd, space.hashKey)
    const old = this.table.find(keyBytes, keyStart, keyEnd, hash)
    const keyLength = keyEnd - keyStart
    const length = valueEnd - valueStart
    let at = expiryMs
    if (old !== 0) {
      this.beforeChange(old)
      const w = ((old & SLAB_MASK) << 1) + 2
      const u32 = arena.u32[old >>> SLAB_BITS]
      const meta = u32[w + 1]
      if (at === KEEP_EXPIRY) at = this.expiryToKeep(old)
      // The common case: no expiry before or after, and the new value fits the old block.
      if (
        (meta & (HAS_EXPIRY | HUGE)) === 0 &&
        at === NO_EXPIRY &&
        keyLength + length <= INLINE_BYTES_MAX &&
        sameBlock(entryUnits(keyLength, u32[w], false), entryUnits(keyLength, length, false))
      ) {
        u32[w] = length
        u32[w + 1] = typeAndEncoding | (meta & SNAPSHOT_MARK) | (space.clock << CLOCK_SHIFT)
        copyBytes(
          valueBytes,
          valueStart,
          valueEnd,
          arena.u8[old >>> SLAB_BITS],
          ((w - 2) << 2) + HEADER_BYTES + keyLength,
        )
        if (space.watching) space.modified(this, keyBytes, keyStart, keyEnd)
        return old
      }
    } else if (at === KEEP_EXPIRY) {
      at = NO_EXPIRY
    }
    return this.putAnew(old, hash, keyBytes, keyStart, keyEnd, valueBytes, valueStart, valueEnd, typeAndEncoding, at)
  }

  private putAnew(
    old: number,
    hash: number,
    keyBytes: Uint8Array,
    keyStart: number,
    keyEnd: number,
    valueBytes: Uint8Array,
    valueStart: number,
    valueEnd: number,
    typeAndEncoding: number,
    expiryMs: number,
  ): number {
    const arena = this.space.arena
    const length = valueEnd - valueStart
    const huge = keyEnd - keyStart + length > INLINE_BYTES_MAX
    const h = this.newEntry(hash, keyBytes, keyStart, keyEnd, huge ? 0 : length, expiryMs)
    this.setMetaBits(h, typeAndEncoding)
    try {
      if (huge) this.addHuge(h, length)
      const to = entryValue(arena, h, this.range)
      copyBytes(valueBytes, valueStart, valueEnd, to.bytes, to.start)
      this.place(old, h)
    } catch (error) {
      this.releaseEntry(h)
      throw error
    }
    this.afterChange(h)
    return h
  }

  /**
   * Changes the length of a string's value in place or by moving it; the bytes up to the shorter length stay, new ones are
   * undefined. `typeAndEncoding` is that of the new value. The caller writes into `value(h)` right after.
   */
  resize(h: number, length: number, typeAndEncoding: number): number {
    this.beforeChange(h)
    const arena = this.space.arena
    const meta = entryMeta(arena, h)
    const keyLength = entryKeyLength(arena, h)
    const word = entryValueWord(arena, h)
    const huge = keyLength + length > INLINE_BYTES_MAX
    if ((meta & HUGE) !== 0 && huge) {
      arena.huge.resize(word, length)
      this.setMetaBits(h, typeAndEncoding | HUGE)
      this.afterChange(h)
      return h
    }
    const hasExpiry = (meta & HAS_EXPIRY) !== 0
    const fits = (meta & HUGE) === 0 && !huge
    if (fits && sameBlock(entryUnits(keyLength, word, hasExpiry), entryUnits(keyLength, length, hasExpiry))) {
      arena.u32[h >>> SLAB_BITS][((h & SLAB_MASK) << 1) + 2] = length
      this.setMetaBits(h, typeAndEncoding)
      this.afterChange(h)
      return h
    }
    const { bytes, start, end } = this.value(h)
    const kept = bytes.subarray(start, Math.min(end, start + length))
    const moved = this.cloneEntry(h, huge ? 0 : length, this.expiryMs(h))
    this.setMetaBits(moved, typeAndEncoding)
    try {
      if (huge) this.addHuge(moved, length)
    } catch (error) {
      this.releaseBlock(moved)
      throw error
    }
    const to = this.value(moved)
    to.bytes.set(kept, to.start)
    this.table.seek(h)
    this.replaceFound(h, moved)
    this.afterChange(moved)
    return moved
  }

  /** Tells that the value bytes of a string are about to be changed in place (same length), and its new encoding. */
  mutate(h: number, typeAndEncoding: number): void {
    this.beforeChange(h)
    this.setMetaBits(h, typeAndEncoding | (entryMeta(this.space.arena, h) & HUGE))
    this.afterChange(h)
  }

  /** Sets the expiry (Unix time in milliseconds) or, with NO_EXPIRY, removes it. Returns the entry, which may move. */
  setExpiry(h: number, atMs: number): number {
    const arena = this.space.arena
    const had = this.hasExpiry(h)
    if (!had && atMs === NO_EXPIRY) return h
    this.beforeChange(h)
    if (had && atMs !== NO_EXPIRY) {
      setEntryExpiryMs(arena, h, atMs)
      this.afterChange(h)
      return h
    }
    const meta = entryMeta(arena, h)
    const word = entryValueWord(arena, h)
    const inline = (meta & HUGE) === 0 ? word : 0
    const moved = this.cloneEntry(h, inline, atMs)
    this.setMetaBits(moved, meta & (TYPE_MASK | ENCODING_MASK | HUGE))
    this.setValueWord(moved, word)
    if (inline !== 0) {
      const from = this.value(h)
      const { bytes, start, end } = from
      const to = this.value(moved)
      copyBytes(bytes, start, end, to.bytes, to.start)
    }
    try {
      this.updateExpires(h, moved)
    } catch (error) {
      this.releaseBlock(moved)
      throw error
    }
    this.table.seek(h)
    this.table.replace(moved)
    this.releaseBlock(h)
    this.afterChange(moved)
    return moved
  }

  /** Removes an entry. */
  remove(h: number): void {
    this.beforeChange(h)
    this.afterChange(h)
    this.unlist(h)
    this.releaseEntry(h)
  }

  /**
   * Copies an entry under another key of this or another database, whatever was there; value, type, encoding, expiry and
   * access clock go along. Returns the copy. Throws ArenaFullError before any change.
   */
  copyTo(h: number, target: Database, keyBytes: Uint8Array, keyStart: number, keyEnd: number): number {
    const typeAndEncoding = entryMeta(this.space.arena, h) & (TYPE_MASK | ENCODING_MASK)
    const { bytes, start, end } = this.value(h)
    const copy = target.put(keyBytes, keyStart, keyEnd, bytes, start, end, typeAndEncoding, this.expiryMs(h))
    this.setClock(copy, this.clock(h))
    return copy
  }

  /**
   * Moves an entry under another key of this or another database, whatever was there, as `copyTo` does; a value that is huge
   * under both keys stays where it is. Returns the new entry.
   */
  moveTo(h: number, target: Database, keyBytes: Uint8Array, keyStart: number, keyEnd: number): number {
    const { arena, hashKey } = this.space
    const meta = entryMeta(arena, h)
    if ((meta & HUGE) === 0 || keyEnd - keyStart + this.valueLength(h) <= INLINE_BYTES_MAX) {
      const moved = this.copyTo(h, target, keyBytes, keyStart, keyEnd)
      this.remove(h)
      return moved
    }
    this.beforeChange(h)
    const hash = hashBytes(keyBytes, keyStart, keyEnd, hashKey)
    const word = entryValueWord(arena, h)
    const moved = target.newEntry(hash, keyBytes, keyStart, keyEnd, 0, this.expiryMs(h))
    this.setMetaBits(moved, meta & (TYPE_MASK | ENCODING_MASK | HUGE))
    this.setValueWord(moved, word)
    this.setClock(moved, this.clock(h))
    const old = target.table.find(keyBytes, keyStart, keyEnd, hash)
    if (old !== 0) target.beforeChange(old)
    try {
      target.place(old, moved)
    } catch (error) {
      this.releaseBlock(moved)
      throw error
    }
    this.afterChange(h)
    this.unlist(h)
    this.releaseBlock(h)
    target.afterChange(moved)
    return moved
  }

  /** Sets the access clock of an entry. */
  setClock(h: number, clock: number): void {
    const arena = this.space.arena
    setEntryMeta(arena, h, (entryMeta(arena, h) & META_FLAGS) | (clock << CLOCK_SHIFT))
  }

  /** Forgets all entries at once; the old tables are returned to be released bit by bit. */
  detach(): { table: Table; expires: Table } {
    const old = { table: this.table, expires: this.expires }
    this.table = new Table(this.space.arena)
    this.expires = new Table(this.space.arena)
    return old
  }

  /** Removes expired entries of the expiry table's segment that holds `hash`; the first hash of the next segment. */
  expireSegment(hash: number): number {
    const space = this.space
    const expired: number[] = []
    const next = this.expires.visitSegment(hash, (h) => {
      if (space.nowMs > entryExpiryMs(space.arena, h)) expired.push(h)
    })
    for (const h of expired) this.expireNow(h)
    return next
  }

  /** Removes an entry whose time is over, if this server may (a replica waits for its primary). Whether it counts as gone. */
  private expireNow(h: number): boolean {
    const space = this.space
    if (space.expiry === 'ignore') return false
    if (space.expiry === 'hide' || space.paused) return true
    const key = this.keyCopy(h)
    this.remove(h)
    space.stats.expired++
    space.hooks.expired(this, key)
    return true
  }

  // ---- blocks ----

  /** The expiry of an entry that is replaced, for the one in its place; what is over is none, if it counts as gone. */
  private expiryToKeep(old: number): number {
    return this.space.expiry !== 'ignore' && this.isExpired(old) ? NO_EXPIRY : this.expiryMs(old)
  }

  /** A block with header and key, for a value of `inlineBytes` in it; type and encoding are the caller's to set, and the value. */
  private newEntry(
    hash: number,
    keyBytes: Uint8Array,
    keyStart: number,
    keyEnd: number,
    inlineBytes: number,
    expiryMs: number,
  ): number {
    const arena = this.space.arena
    const hasExpiry = expiryMs !== NO_EXPIRY
    const h = arena.alloc(entryUnits(keyEnd - keyStart, inlineBytes, hasExpiry))
    const u32 = arena.u32[h >>> SLAB_BITS]
    const w = (h & SLAB_MASK) << 1
    u32[w] = hash
    u32[w + 1] = keyEnd - keyStart
    u32[w + 2] = inlineBytes
    u32[w + 3] = (hasExpiry ? HAS_EXPIRY : 0) | this.space.snapshotMark | (this.space.clock << CLOCK_SHIFT)
    if (hasExpiry) setEntryExpiryMs(arena, h, expiryMs)
    const keyAt = (w << 2) + (hasExpiry ? HEADER_BYTES + EXPIRY_BYTES : HEADER_BYTES)
    copyBytes(keyBytes, keyStart, keyEnd, arena.u8[h >>> SLAB_BITS], keyAt)
    return h
  }

  /** A new block with the key of an entry. */
  private cloneEntry(h: number, inlineBytes: number, expiryMs: number): number {
    const arena = this.space.arena
    const { bytes, start, end } = this.key(h)
    const hash = arena.u32[h >>> SLAB_BITS][(h & SLAB_MASK) << 1]
    return this.newEntry(hash, bytes, start, end, inlineBytes, expiryMs)
  }

  /** Gives an entry without a value a huge block for one of `length` bytes. */
  private addHuge(h: number, length: number): void {
    const arena = this.space.arena
    this.setValueWord(h, arena.huge.alloc(length))
    setEntryMeta(arena, h, entryMeta(arena, h) | HUGE)
  }

  private setValueWord(h: number, word: number): void {
    this.space.arena.u32[h >>> SLAB_BITS][((h & SLAB_MASK) << 1) + 2] = word
  }

  private setMetaBits(h: number, typeEncodingHuge: number): void {
    const arena = this.space.arena
    const kept = entryMeta(arena, h) & ~(TYPE_MASK | ENCODING_MASK | HUGE)
    setEntryMeta(arena, h, kept | typeEncodingHuge)
  }

  /** Puts `h` in the place of `old`, which the last lookup of the table found, and releases `old`. */
  private replaceFound(old: number, h: number): void {
    this.updateExpires(old, h)
    this.table.replace(h)
    this.releaseEntry(old)
  }

  /**
   * Lists an entry under the key that the table's last lookup looked for, in the place of `old` unless that is 0. Throws
   * ArenaFullError before any change.
   */
  private place(old: number, h: number): void {
    if (old !== 0) return this.replaceFound(old, h)
    const hasExpiry = this.hasExpiry(h)
    if (hasExpiry) this.addToExpires(h)
    try {
      this.table.insert(h)
    } catch (error) {
      if (hasExpiry) this.removeFromExpires(h)
      throw error
    }
  }

  /** Takes an entry out of the tables; its memory is the caller's to release. */
  private unlist(h: number): void {
    this.table.seek(h)
    this.table.remove()
    if (this.hasExpiry(h)) this.removeFromExpires(h)
  }

  private updateExpires(old: number, h: number): void {
    const had = this.hasExpiry(old)
    const has = this.hasExpiry(h)
    if (!had) {
      if (has) this.addToExpires(h)
      return
    }
    this.expires.seek(old)
    if (has) this.expires.replace(h)
    else this.expires.remove()
  }

  private removeFromExpires(h: number): void {
    this.expires.seek(h)
    this.expires.remove()
  }

  private addToExpires(h: number): void {
    const { bytes, start, end } = this.key(h)
    const found = this.expires.find(bytes, start, end, this.space.arena.u32[h >>> SLAB_BITS][(h & SLAB_MASK) << 1])
    assert(found === 0, 'a key has one expiry')
    this.expires.insert(h)
  }

  private releaseEntry(h: number): void {
    releaseDetached(this.space.arena, h)
  }

  private releaseBlock(h: number): void {
    this.space.arena.release(h, unitsOfEntry(this.space.arena, h))
  }

  private beforeChange(h: number): void {
    if (this.space.snapshot !== undefined) this.space.snapshot.beforeChange(this.table, h)
  }

  private afterChange(h: number): void {
    if (!this.space.watching) return
    const { bytes, start, end } = this.key(h)
    this.space.modified(this, bytes, start, end)
  }
}

/** Units of an entry's block. */
export function unitsOfEntry(arena: Arena, h: number): number {
  const meta = entryMeta(arena, h)
  const inline = (meta & HUGE) === 0 ? entryValueWord(arena, h) : 0
  return entryUnits(entryKeyLength(arena, h), inline, (meta & HAS_EXPIRY) !== 0)
}

/** Releases an entry that is in no table any more. */
export function releaseDetached(arena: Arena, h: number): void {
  if ((entryMeta(arena, h) & HUGE) !== 0) arena.huge.release(entryValueWord(arena, h))
  arena.release(h, unitsOfEntry(arena, h))
}

/** The value's bytes of a string entry, written into `range`. */
export function entryValue(arena: Arena, h: number, range: ByteRange): ByteRange {
  const meta = entryMeta(arena, h)
  const word = entryValueWord(arena, h)
  if ((meta & HUGE) !== 0) {
    range.bytes = arena.huge.bytes(word)
    range.start = 0
    range.end = range.bytes.length
    return range
  }
  range.bytes = arena.u8[h >>> SLAB_BITS]
  range.start = entryKeyOffset(h, meta) + entryKeyLength(arena, h)
  range.end = range.start + word
  return range
}

/** Copies bytes; short runs in a loop, which is quicker than a call into the runtime (measured on Node 20: below 64). */
function copyBytes(from: Uint8Array, start: number, end: number, to: Uint8Array, at: number): void {
  if (end - start < 64) {
    let p = at
    for (let i = start; i < end; i++) to[p++] = from[i]
    return
  }
  to.set(from.subarray(start, end), at)
}
