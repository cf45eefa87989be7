// One numbered database: a table of entries, and a table of those that have an expiry. Every change to an entry goes
// through a method of this file, and every one of them tells the snapshot before and the watchers after it; that is what
// makes a snapshot a cut and WATCH reliable, whatever commands are added.
//
// Handles are valid until the next change of their key: methods that may move an entry return its new handle.
//
// A value is a blob (put, value, resize, mutate) or made of nodes (putParts, root, rootToChange, toParts): see store/entry.ts.

import { assert } from '../lib/assert.ts'
import type { Random } from '../lib/prng.ts'
import { SLAB_BITS, SLAB_MASK, sameBlock } from '../store/arena.ts'
import {
  CLOCK_SHIFT,
  ELSEWHERE,
  ENCODING_MASK,
  ENCODING_SHIFT,
  entryExpiryMs,
  entryKeyLength,
  entryMeta,
  entryUnits,
  entryValueWord,
  HAS_EXPIRY,
  HEADER_BYTES,
  HUGE,
  PARTS,
  SNAPSHOT_MARK,
  setEntryExpiryMs,
  setEntryMeta,
  TYPE_MASK,
} from '../store/entry.ts'
import { hashBytes } from '../store/hash.ts'
import type { Table } from '../store/table.ts'
import type { BuiltValue } from '../types/builder.ts'
import { partsEncoding, valueType } from '../types/table.ts'
import type { ValueSource, ValueType } from '../types/value-type.ts'
import {
  addHuge,
  type ByteRange,
  copyBytes,
  entryKey,
  entryMemory,
  entryValue,
  INLINE_BYTES_MAX,
  kindOf,
  NO_EXPIRY,
  newEntry,
  releaseBlock,
  setKind,
  setValueWord,
} from './blocks.ts'
import type { Keyspace } from './keyspace.ts'
import { type EntryTables, listEntry, newTables, rekindEntry, relistEntry, unlistEntry } from './listing.ts'
import { WrongTypeError } from './wrong-type.ts'

export { type ByteRange, INLINE_BYTES_MAX, NO_EXPIRY } from './blocks.ts'
export { WrongTypeError } from './wrong-type.ts'

/** `put` and `move` take this as expiry to mean: as it was. */
export const KEEP_EXPIRY = -1
/** A look-up with this takes a key of any type. */
export const ANY_TYPE = -1

const META_FLAGS = (1 << CLOCK_SHIFT) - 1

const NO_BYTES = Buffer.alloc(0)

/** A database of the keyspace. */
export class Database implements EntryTables {
  readonly index: number
  table!: Table
  expires!: Table
  /** Hashes of which fields have an expiry. */
  fieldExpires!: Table
  private readonly space: Keyspace
  private readonly range: ByteRange = { bytes: NO_BYTES, start: 0, end: 0 }
  private readonly valueSource: ValueSource

  constructor(space: Keyspace, index: number) {
    this.space = space
    this.index = index
    this.exchange()
    this.valueSource = { nodes: space.nodes, encoding: 0, root: 0, bytes: NO_BYTES, start: 0, end: 0 }
  }

  /** Number of keys. */
  get size(): number {
    return this.table.size
  }

  // ---- reading ----

  /**
   * The entry of the key in bytes [start, end) that a command reads; 0 if there is none. Counts, and touches its clock. Throws
   * WrongTypeError if the key is of another type than the command wants (a TYPE_ constant, or ANY_TYPE).
   */
  read(bytes: Uint8Array, start: number, end: number, type: number): number {
    const h = this.find(bytes, start, end, ANY_TYPE)
    const space = this.space
    if (h === 0) {
      space.stats.misses++
      return 0
    }
    space.stats.hits++
    const u32 = space.arena.u32[h >>> SLAB_BITS]
    const w = ((h & SLAB_MASK) << 1) + 3
    if ((u32[w] & TYPE_MASK) !== type && type !== ANY_TYPE) throw new WrongTypeError()
    if (!space.touch) return h
    const clock = space.frequencies === undefined ? space.clock : space.frequencies.used(u32[w] >>> CLOCK_SHIFT)
    u32[w] = (u32[w] & META_FLAGS) | (clock << CLOCK_SHIFT)
    return h
  }

  /**
   * The entry of the key in bytes [start, end), or 0; not a read in the statistics. Removes it if it has expired. Throws
   * WrongTypeError as `read` does.
   */
  find(bytes: Uint8Array, start: number, end: number, type = ANY_TYPE): number {
    const space = this.space
    const h = this.table.find(bytes, start, end, space.ahead.hash(bytes, start, end, space.hashKey))
    if (h === 0) return 0
    const meta = space.arena.u32[h >>> SLAB_BITS][((h & SLAB_MASK) << 1) + 3]
    if ((meta & HAS_EXPIRY) !== 0 && space.nowMs > entryExpiryMs(space.arena, h) && this.expireNow(h)) return 0
    if ((meta & TYPE_MASK) !== type && type !== ANY_TYPE) throw new WrongTypeError()
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
    return entryKey(this.space.arena, h, this.range)
  }

  /** The key of an entry as a buffer to keep. */
  keyCopy(h: number): Buffer {
    const { bytes, start, end } = this.key(h)
    return Buffer.from(bytes.subarray(start, end))
  }

  /** The bytes of a blob, in a range that the next call of `key` or `value` reuses. */
  value(h: number): ByteRange {
    return entryValue(this.space.arena, h, this.range)
  }

  /** Length of a blob. */
  valueLength(h: number): number {
    const arena = this.space.arena
    const word = entryValueWord(arena, h)
    return (entryMeta(arena, h) & HUGE) === 0 ? word : arena.huge.length(word)
  }

  /** Whether the value is made of nodes. */
  isParts(h: number): boolean {
    return (entryMeta(this.space.arena, h) & PARTS) !== 0
  }

  /** The root of a value that is made of nodes, to read only. */
  root(h: number): number {
    const { arena } = this.space
    assert((entryMeta(arena, h) & PARTS) !== 0, 'a value with a root is made of nodes')
    return entryValueWord(arena, h)
  }

  /** The value as its type's row takes it. The object is reused by the next call. */
  source(h: number): ValueSource {
    const { space, valueSource } = this
    const meta = entryMeta(space.arena, h)
    valueSource.nodes = space.nodes
    valueSource.encoding = (meta & ENCODING_MASK) >>> ENCODING_SHIFT
    valueSource.root = 0
    valueSource.hideMs = space.expiry === 'ignore' ? undefined : space.nowMs
    if ((meta & PARTS) === 0) entryValue(space.arena, h, valueSource)
    else valueSource.root = entryValueWord(space.arena, h)
    return valueSource
  }

  type(h: number): number {
    return entryMeta(this.space.arena, h) & TYPE_MASK
  }

  /** What is to be known of the entry's type. */
  valueType(h: number): ValueType {
    return valueType(entryMeta(this.space.arena, h) & TYPE_MASK)
  }

  /** The encoding as OBJECT ENCODING tells it. */
  encodingName(h: number): string {
    return this.valueType(h).encodings[this.encoding(h)]
  }

  encoding(h: number): number {
    return (entryMeta(this.space.arena, h) & ENCODING_MASK) >>> ENCODING_SHIFT
  }

  /** Type and encoding, as `put` takes them. */
  kind(h: number): number {
    return kindOf(entryMeta(this.space.arena, h))
  }

  hasExpiry(h: number): boolean {
    return (entryMeta(this.space.arena, h) & HAS_EXPIRY) !== 0
  }

  /** Expiry as Unix time in milliseconds, or NO_EXPIRY. */
  expiryMs(h: number): number {
    return this.hasExpiry(h) ? entryExpiryMs(this.space.arena, h) : NO_EXPIRY
  }

  /** The access clock of the entry: what `keyspace.clock` was when it was last touched, or its frequency (frequencies.ts). */
  clock(h: number): number {
    return entryMeta(this.space.arena, h) >>> CLOCK_SHIFT
  }

  /** Bytes of memory of the entry, value included: known, not counted. */
  entryBytes(h: number): number {
    return entryMemory(this.space.arena, this.space.nodes, h)
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
   * Stores a blob under the key in bytes [keyStart, keyEnd), whatever was there. `expiryMs` is a Unix time in
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
        (meta & (HAS_EXPIRY | ELSEWHERE)) === 0 &&
        at === NO_EXPIRY &&
        keyLength + length <= INLINE_BYTES_MAX &&
        sameBlock(entryUnits(keyLength, u32[w], false), entryUnits(keyLength, length, false))
      ) {
        u32[w] = length
        const clock = space.frequencies === undefined ? space.clock : meta >>> CLOCK_SHIFT
        u32[w + 1] = typeAndEncoding | (meta & SNAPSHOT_MARK) | (clock << CLOCK_SHIFT)
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
    setKind(arena, h, typeAndEncoding)
    try {
      if (huge) addHuge(arena, h, length, length)
      const to = entryValue(arena, h, this.range)
      copyBytes(valueBytes, valueStart, valueEnd, to.bytes, to.start)
      this.place(old, h)
    } catch (error) {
      this.space.releaseEntry(h)
      throw error
    }
    this.afterChange(h)
    return h
  }

  /** Stores a blob of zero bytes without an expiry, otherwise as `put`. */
  putZeros(keyBytes: Uint8Array, keyStart: number, keyEnd: number, length: number, kind: number): number {
    const { arena, hashKey } = this.space
    const hash = hashBytes(keyBytes, keyStart, keyEnd, hashKey)
    const old = this.table.find(keyBytes, keyStart, keyEnd, hash)
    const huge = keyEnd - keyStart + length > INLINE_BYTES_MAX
    const h = this.newEntry(hash, keyBytes, keyStart, keyEnd, huge ? 0 : length, NO_EXPIRY)
    setKind(arena, h, kind)
    try {
      if (huge) addHuge(arena, h, length, 0)
      else this.zero(h, 0)
      if (old !== 0) this.beforeChange(old)
      this.place(old, h)
    } catch (error) {
      this.space.releaseEntry(h)
      throw error
    }
    this.afterChange(h)
    return h
  }

  /**
   * Changes the length of a blob in place or by moving it; the bytes up to the shorter length stay, new ones are undefined.
   * `kind` is that of the new value. The caller writes into `value(h)` right after, and says where: into bytes
   * [from, to) of the value, and what is new.
   */
  resize(h: number, length: number, kind: number, from = 0, to = length): number {
    this.beforeChange(h)
    const arena = this.space.arena
    const meta = entryMeta(arena, h)
    assert((meta & PARTS) === 0, 'a blob has a length')
    const keyLength = entryKeyLength(arena, h)
    const word = entryValueWord(arena, h)
    const huge = keyLength + length > INLINE_BYTES_MAX
    if ((meta & HUGE) !== 0 && huge) {
      arena.huge.resize(word, length)
      arena.huge.beforeWrite(word, from, to)
      setKind(arena, h, kind | HUGE)
      this.afterChange(h)
      return h
    }
    const hasExpiry = (meta & HAS_EXPIRY) !== 0
    const fits = (meta & HUGE) === 0 && !huge
    if (fits && sameBlock(entryUnits(keyLength, word, hasExpiry), entryUnits(keyLength, length, hasExpiry))) {
      setValueWord(arena, h, length)
      setKind(arena, h, kind)
      this.afterChange(h)
      return h
    }
    const { bytes, start, end } = this.value(h)
    const kept = bytes.subarray(start, Math.min(end, start + length))
    const moved = this.cloneEntry(h, huge ? 0 : length, this.expiryMs(h))
    setKind(arena, moved, kind)
    try {
      if (huge) addHuge(arena, moved, length, kept.length)
    } catch (error) {
      releaseBlock(arena, moved)
      throw error
    }
    const value = this.value(moved)
    value.bytes.set(kept, value.start)
    this.table.seek(h)
    this.replaceFound(h, moved)
    this.afterChange(moved)
    return moved
  }

  /** As `resize`, to a length that is not less; the new bytes are zero, and the caller may write into bytes [from, to). */
  grow(h: number, length: number, kind: number, from: number, to: number): number {
    const before = this.valueLength(h)
    const grown = this.resize(h, length, kind, from, to)
    if ((entryMeta(this.space.arena, grown) & HUGE) === 0) this.zero(grown, before)
    return grown
  }

  /** Zeroes a blob in its entry's block from byte `from` on. */
  private zero(h: number, from: number): void {
    const { bytes, start, end } = this.value(h)
    bytes.fill(0, start + from, end)
  }

  /** Tells that bytes [from, to) of a blob are about to be changed in place, and its kind from now on. */
  mutate(h: number, kind: number, from = 0, to = this.valueLength(h)): void {
    this.beforeChange(h)
    const { arena } = this.space
    const huge = entryMeta(arena, h) & HUGE
    if (huge !== 0) arena.huge.beforeWrite(entryValueWord(arena, h), from, to)
    setKind(arena, h, kind | huge)
    this.afterChange(h)
  }

  /**
   * Stores a value made of nodes under the key in bytes [keyStart, keyEnd), whatever was there. The root is the entry's from
   * now on; if this throws ArenaFullError it is still the caller's, and nothing has changed.
   */
  putParts(
    keyBytes: Uint8Array,
    keyStart: number,
    keyEnd: number,
    root: number,
    kind: number,
    expiryMs: number,
  ): number {
    const { arena, hashKey } = this.space
    assert((kind & PARTS) !== 0, 'the encoding is one of nodes')
    const hash = hashBytes(keyBytes, keyStart, keyEnd, hashKey)
    const old = this.table.find(keyBytes, keyStart, keyEnd, hash)
    const at = expiryMs !== KEEP_EXPIRY ? expiryMs : old === 0 ? NO_EXPIRY : this.expiryToKeep(old)
    const h = this.newEntry(hash, keyBytes, keyStart, keyEnd, 0, at)
    setKind(arena, h, kind)
    setValueWord(arena, h, root)
    this.placeOrRelease(old, h)
    return h
  }

  /** Stores a value that was built elsewhere; if it throws ArenaFullError the value is given back. */
  putBuilt(keyBytes: Uint8Array, keyStart: number, keyEnd: number, value: BuiltValue, expiryMs: number): number {
    const { kind, root, bytes, start, end } = value
    if (root === 0) return this.put(keyBytes, keyStart, keyEnd, bytes, start, end, kind, expiryMs)
    try {
      return this.putParts(keyBytes, keyStart, keyEnd, root, kind, expiryMs)
    } catch (error) {
      this.space.releaseBuilt(value)
      throw error
    }
  }

  /** Puts a value made of nodes in the place of a blob; the expiry stays. Otherwise as `putParts`. Returns the entry. */
  toParts(h: number, root: number, kind: number): number {
    const { arena } = this.space
    assert((kind & PARTS) !== 0, 'the encoding is one of nodes')
    const moved = this.cloneEntry(h, 0, this.expiryMs(h))
    setKind(arena, moved, kind)
    setValueWord(arena, moved, root)
    this.beforeChange(h)
    this.table.seek(h)
    this.replaceFound(h, moved)
    this.afterChange(moved)
    return moved
  }

  /**
   * The root of a value that is about to change: the caller may change it and, from there downwards, what `Nodes.own` gives
   * it. `beside`: see KeyspaceHooks; if it does become a change, `afterChange` tells. Throws ArenaFullError before any change.
   */
  rootToChange(h: number, beside = false): number {
    const { nodes } = this.space
    this.beforeChange(h)
    const before = this.root(h)
    const root = nodes.own(before)
    if (root !== before) setValueWord(this.space.arena, h, root)
    this.afterChange(h, beside)
    return root
  }

  /**
   * Gives a value another kind, and the root that `change` makes of its own, which is its to change. The entry stays where it is.
   * Throws ArenaFullError, as `change` may, before any change.
   */
  changeRoot(h: number, kind: number, change: (root: number) => number): void {
    assert((kind & PARTS) !== 0, 'the encoding is one of nodes')
    const root = this.rootToChange(h)
    rekindEntry(this.space.arena, this, h, kind, () => change(root))
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
    const inline = (meta & ELSEWHERE) === 0 ? word : 0
    const moved = this.cloneEntry(h, inline, atMs)
    setKind(arena, moved, meta & (TYPE_MASK | ENCODING_MASK | HUGE))
    setValueWord(arena, moved, word)
    if (inline !== 0) {
      const from = this.value(h)
      const { bytes, start, end } = from
      const to = this.value(moved)
      copyBytes(bytes, start, end, to.bytes, to.start)
    }
    this.table.seek(h)
    try {
      relistEntry(arena, this, h, moved)
    } catch (error) {
      releaseBlock(arena, moved)
      throw error
    }
    releaseBlock(arena, h)
    this.afterChange(moved)
    return moved
  }

  /** Removes an entry. */
  remove(h: number): void {
    this.beforeChange(h)
    this.afterChange(h)
    unlistEntry(this.space.arena, this, h)
    this.space.releaseEntry(h)
  }

  /**
   * Copies an entry under another key of this or another database, whatever was there; value, type, encoding, expiry and
   * access clock go along. Returns the copy. Throws ArenaFullError before any change.
   */
  copyTo(h: number, target: Database, keyBytes: Uint8Array, keyStart: number, keyEnd: number): number {
    const copy = this.isParts(h)
      ? this.copyParts(h, target, keyBytes, keyStart, keyEnd)
      : this.copyBlob(h, target, keyBytes, keyStart, keyEnd)
    this.setClock(copy, this.clock(h))
    return copy
  }

  private copyBlob(h: number, target: Database, keyBytes: Uint8Array, keyStart: number, keyEnd: number): number {
    const { bytes, start, end } = this.value(h)
    return target.put(keyBytes, keyStart, keyEnd, bytes, start, end, this.kind(h), this.expiryMs(h))
  }

  private copyParts(h: number, target: Database, keyBytes: Uint8Array, keyStart: number, keyEnd: number): number {
    const { nodes, releases } = this.space
    const kind = this.kind(h)
    const root = partsEncoding(kind).clone(nodes, this.root(h))
    try {
      return target.putParts(keyBytes, keyStart, keyEnd, root, kind, this.expiryMs(h))
    } catch (error) {
      releases.value(nodes, kind, root)
      throw error
    }
  }

  /**
   * Moves an entry under another key of this or another database, whatever was there, as `copyTo` does; a value that is not
   * in its entry's block under either key stays where it is. Returns the new entry.
   */
  moveTo(h: number, target: Database, keyBytes: Uint8Array, keyStart: number, keyEnd: number): number {
    const { arena, hashKey } = this.space
    const meta = entryMeta(arena, h)
    if ((meta & PARTS) === 0) {
      const staysHuge = (meta & HUGE) !== 0 && keyEnd - keyStart + this.valueLength(h) > INLINE_BYTES_MAX
      if (!staysHuge) {
        const moved = this.copyTo(h, target, keyBytes, keyStart, keyEnd)
        this.remove(h)
        return moved
      }
    }
    this.beforeChange(h)
    const hash = hashBytes(keyBytes, keyStart, keyEnd, hashKey)
    const moved = target.newEntry(hash, keyBytes, keyStart, keyEnd, 0, this.expiryMs(h))
    setKind(arena, moved, meta & (TYPE_MASK | ENCODING_MASK | HUGE))
    setValueWord(arena, moved, entryValueWord(arena, h))
    const clock = this.clock(h)
    target.placeOrRelease(target.table.find(keyBytes, keyStart, keyEnd, hash), moved)
    this.setClock(moved, clock)
    this.afterChange(h)
    unlistEntry(this.space.arena, this, h)
    releaseBlock(arena, h)
    return moved
  }

  /** Sets the access clock of an entry. */
  setClock(h: number, clock: number): void {
    const arena = this.space.arena
    setEntryMeta(arena, h, (entryMeta(arena, h) & META_FLAGS) | (clock << CLOCK_SHIFT))
  }

  /** Takes these tables, or empty ones, in the place of its own, which are returned: to be released bit by bit, say. */
  exchange(tables: EntryTables = newTables(this.space.arena)): EntryTables {
    const { table, expires, fieldExpires } = this
    this.table = tables.table
    this.expires = tables.expires
    this.fieldExpires = tables.fieldExpires
    return { table, expires, fieldExpires }
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

  /** A block for an entry of this moment, with header and key; see blocks.ts. */
  private newEntry(
    hash: number,
    keyBytes: Uint8Array,
    keyStart: number,
    keyEnd: number,
    inlineBytes: number,
    expiryMs: number,
    clock = this.space.clock,
  ): number {
    const { arena, snapshotMark } = this.space
    const flags = snapshotMark | (clock << CLOCK_SHIFT)
    return newEntry(arena, hash, keyBytes, keyStart, keyEnd, inlineBytes, expiryMs, flags)
  }

  /** A new block with the key and the access clock of an entry. */
  private cloneEntry(h: number, inlineBytes: number, expiryMs: number): number {
    const arena = this.space.arena
    const { bytes, start, end } = this.key(h)
    const hash = arena.u32[h >>> SLAB_BITS][(h & SLAB_MASK) << 1]
    return this.newEntry(hash, bytes, start, end, inlineBytes, expiryMs, this.clock(h))
  }

  /** Lists an entry whose value is not in its block, see `place`; if that fails the block is released, and only that. */
  private placeOrRelease(old: number, h: number): void {
    if (old !== 0) this.beforeChange(old)
    try {
      this.place(old, h)
    } catch (error) {
      releaseBlock(this.space.arena, h)
      throw error
    }
    this.afterChange(h)
  }

  /** Puts `h` in the place of `old`, which the last lookup of the table found, and releases `old`. */
  private replaceFound(old: number, h: number): void {
    relistEntry(this.space.arena, this, old, h)
    this.space.releaseEntry(old)
  }

  /**
   * Lists an entry under the key that the table's last lookup looked for, in the place of `old` unless that is 0. Throws
   * ArenaFullError before any change. A key is used as often under its new value.
   */
  private place(old: number, h: number): void {
    if (old === 0) return listEntry(this.space.arena, this, h)
    if (this.space.frequencies !== undefined) this.setClock(h, this.clock(old))
    this.replaceFound(old, h)
  }

  private beforeChange(h: number): void {
    if (this.space.snapshot !== undefined) this.space.snapshot.beforeChange(this.table, h)
  }

  /** Tells that an entry has changed. */
  afterChange(h: number, beside = false): void {
    if (!this.space.watching) return
    const { bytes, start, end } = this.key(h)
    this.space.modified(this, bytes, start, end, beside)
  }
}
