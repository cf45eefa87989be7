// The nodes that large values are made of: blocks of the arena that point to each other as a tree, whose root an entry
// holds. What this file adds to plain blocks is that a walk (a snapshot) sees every value as it was when the walk began,
// though the values go on changing: a node that the walk still needs is copied before it changes.
//
//   word 0   bits 0–25 units of the block, 28 LONG, 30 ORPHAN, 31 MARK
//   word 1   the structure's own; in a root the number of elements
//  (double   in a root: bytes of the whole value, root included, so that nobody has to count them)
//   bytes    the structure's own
//
// A node has two parties that may need it: the live value, and the walk under way. MARK says whether the walk still does: its
// meaning flips with every walk, and new nodes have the current one. ORPHAN says that the live value does not any more.
// Whichever party is done with a node last releases it.
//
// Rules for structures:
// - Change a node only after `own` gave it to you, from the root downwards: the parent stores the handle that `own` returned
//   before anything else happens. So an old root stays a whole tree, as of the walk's beginning.
// - Every node but the root has exactly one parent in the live value. A link is taken out of its parent before the node is dropped.
// - The walk leaves a node (`leave`) after everything below it, and reads nothing of it afterwards.
//
// Every walk runs to its end, also one whose result nobody wants any more: it is what makes all marks current again.

import { assert } from '../lib/assert.ts'
import { type Arena, ArenaFullError, blockUnits, SLAB_BITS, SLAB_MASK, sameBlock, UNIT_BYTES } from './arena.ts'
import type { HashKey } from './hash.ts'

/** Bytes at the beginning of a node that belong to this file, but for word 1. */
export const NODE_HEADER_BYTES = 8
/** The same of a root. */
export const ROOT_HEADER_BYTES = 16
/** Structures keep their nodes below this, so that the copy of one takes microseconds. */
export const NODE_BYTES_MAX = 64 * 1024

/** Bytes that do not fit into a node of this size get a huge block. */
const INLINE_BYTES_MAX = 60 * 1024
const UNITS_MASK = (1 << 26) - 1
const LONG = 1 << 28
const ORPHAN = 1 << 30
const MARK = 1 << 31
const LONG_UNITS = 2

/** A range of bytes. */
export interface NodeBytes {
  bytes: Buffer
  start: number
  end: number
}

/** The nodes of one arena. */
export class Nodes {
  readonly arena: Arena
  /** The secret for structures that hash what clients choose. */
  readonly hashKey: HashKey
  /** Whether a walk is under way. */
  walking = false
  /** Number of walks begun: what is detached during one walk is not the next one's business. */
  walks = 0
  /** MARK or 0, as a signed number: what nodes have that the walk has left, or that are newer than it. */
  private mark = 0

  constructor(arena: Arena, hashKey: HashKey = { k0: 0, k1: 0 }) {
    this.arena = arena
    this.hashKey = hashKey
  }

  // ---- the live value's side ----

  /** A new root without elements, with undefined contents behind its header. Throws ArenaFullError. */
  allocRoot(units: number): number {
    const root = this.alloc(0, units)
    const { arena } = this
    arena.u32[root >>> SLAB_BITS][((root & SLAB_MASK) << 1) + 1] = 0
    arena.f64[root >>> SLAB_BITS][(root & SLAB_MASK) + 1] = this.units(root) * UNIT_BYTES
    return root
  }

  /** A new node of the value with that root, with undefined contents behind word 0. Throws ArenaFullError. */
  alloc(root: number, units: number): number {
    const { arena } = this
    const whole = blockUnits(units)
    // Half a gigabyte: a member or field of the longest kind with what its page adds.
    if (whole > UNITS_MASK) throw new ArenaFullError('a node of this size has no room in its header')
    const h = arena.alloc(whole)
    arena.u32[h >>> SLAB_BITS][(h & SLAB_MASK) << 1] = whole | this.mark
    if (root !== 0) this.addBytes(root, whole * UNIT_BYTES)
    return h
  }

  /** Units of a node's block, as much as there is to write into. */
  units(h: number): number {
    return this.arena.u32[h >>> SLAB_BITS][(h & SLAB_MASK) << 1] & UNITS_MASK
  }

  /** The node to change instead of `h`: itself, or a copy if the walk still needs it as it is. Throws ArenaFullError. */
  own(h: number): number {
    return this.walking && this.isNeeded(h) ? this.copyForChange(h, this.units(h)) : h
  }

  /**
   * As `own`, with room for `units`; what the node held stays, as far as it fits. New bytes are undefined. The node of the same
   * handle or another one is returned. Throws ArenaFullError before any change.
   */
  resize(root: number, h: number, units: number): number {
    const { arena } = this
    const before = this.units(h)
    if (sameBlock(before, units)) return this.own(h)
    let resized: number
    if (this.walking && this.isNeeded(h)) {
      resized = this.copyForChange(h, units)
    } else {
      resized = this.copy(h, units)
      arena.release(h, before)
    }
    if (root !== 0) this.addBytes(root, (this.units(resized) - before) * UNIT_BYTES)
    return resized
  }

  /**
   * The node, moved if its slab is being emptied: the parent stores the handle that this returns. Not while a walk is under way, and
   * only from the parent that is the live one. Throws ArenaFullError before any change.
   */
  moved(h: number): number {
    const { arena } = this
    return arena.emptying[h >>> SLAB_BITS] === 0 ? h : arena.move(h, this.units(h))
  }

  /** The live value of that root does not need the node any more; what is below it is the caller's to drop. 0 for no root. */
  drop(root: number, h: number): void {
    if (root !== 0) this.addBytes(root, -this.bytesOf(h))
    if (this.walking && this.isNeeded(h)) {
      const u32 = this.arena.u32[h >>> SLAB_BITS]
      assert((u32[(h & SLAB_MASK) << 1] & ORPHAN) === 0, 'a node is dropped once')
      u32[(h & SLAB_MASK) << 1] |= ORPHAN
      return
    }
    this.free(h)
  }

  /** Releases a node that no walk needs: one of a value that was detached before the walk under way began. */
  free(h: number): void {
    const { arena } = this
    if (this.isLong(h)) arena.huge.release(arena.u32[h >>> SLAB_BITS][((h & SLAB_MASK) << 1) + 2])
    arena.release(h, this.units(h))
  }

  // ---- roots ----

  /** Number of elements of the value. */
  count(root: number): number {
    return this.arena.u32[root >>> SLAB_BITS][((root & SLAB_MASK) << 1) + 1]
  }

  setCount(root: number, count: number): void {
    this.arena.u32[root >>> SLAB_BITS][((root & SLAB_MASK) << 1) + 1] = count
  }

  /** Bytes of memory of the whole value. */
  bytes(root: number): number {
    return this.arena.f64[root >>> SLAB_BITS][(root & SLAB_MASK) + 1]
  }

  /** Counts bytes to a value that none of its own nodes has: those of a value that hangs on it. */
  addBytes(root: number, bytes: number): void {
    assert(!this.walking || !this.isNeeded(root), 'the root is owned before anything of its value changes')
    this.arena.f64[root >>> SLAB_BITS][(root & SLAB_MASK) + 1] += bytes
  }

  // ---- strings that are too long for the node that refers to them ----

  /** A node that holds the bytes [start, end). It is never changed, only dropped. Throws ArenaFullError. */
  allocString(root: number, bytes: Uint8Array, start: number, end: number): number {
    const { arena } = this
    const length = end - start
    const inline = length <= INLINE_BYTES_MAX
    const h = this.alloc(root, inline ? (NODE_HEADER_BYTES + length + UNIT_BYTES - 1) >>> 3 : LONG_UNITS)
    const u32 = arena.u32[h >>> SLAB_BITS]
    const w = (h & SLAB_MASK) << 1
    u32[w + 1] = length
    if (inline) {
      arena.u8[h >>> SLAB_BITS].set(bytes.subarray(start, end), (w << 2) + NODE_HEADER_BYTES)
      return h
    }
    let id: number
    try {
      id = arena.huge.alloc(length)
    } catch (error) {
      this.drop(root, h)
      throw error
    }
    u32[w] |= LONG
    u32[w + 2] = id
    arena.huge.bytes(id).set(bytes.subarray(start, end))
    if (root !== 0) this.addBytes(root, length)
    return h
  }

  /** The bytes of a string's node, written into `range`. */
  string(h: number, range: NodeBytes): NodeBytes {
    const { arena } = this
    const w = (h & SLAB_MASK) << 1
    const u32 = arena.u32[h >>> SLAB_BITS]
    const length = u32[w + 1]
    const long = this.isLong(h)
    range.bytes = long ? arena.huge.bytes(u32[w + 2]) : arena.u8[h >>> SLAB_BITS]
    range.start = long ? 0 : (w << 2) + NODE_HEADER_BYTES
    range.end = range.start + length
    return range
  }

  /** Length of a string's node. */
  stringLength(h: number): number {
    return this.arena.u32[h >>> SLAB_BITS][((h & SLAB_MASK) << 1) + 1]
  }

  // ---- the walk's side ----

  /** Begins a walk: all nodes that there are now are needed, until it leaves them. */
  beginWalk(): void {
    assert(!this.walking, 'one walk at a time')
    this.walking = true
    this.walks++
    this.mark ^= MARK
  }

  /** Ends the walk, which has left every node that was there when it began. */
  endWalk(): void {
    this.walking = false
  }

  /** Whether the walk under way has not left the node yet. */
  isNeeded(h: number): boolean {
    return ((this.arena.u32[h >>> SLAB_BITS][(h & SLAB_MASK) << 1] ^ this.mark) & MARK) !== 0
  }

  /** The walk is done with the node, and with all below it. */
  leave(h: number): void {
    const u32 = this.arena.u32[h >>> SLAB_BITS]
    const w = (h & SLAB_MASK) << 1
    assert(((u32[w] ^ this.mark) & MARK) !== 0, 'a walk leaves a node once')
    if ((u32[w] & ORPHAN) !== 0) this.free(h)
    else u32[w] ^= MARK
  }

  // ---- blocks ----

  private isLong(h: number): boolean {
    return (this.arena.u32[h >>> SLAB_BITS][(h & SLAB_MASK) << 1] & LONG) !== 0
  }

  /** Bytes of memory of one node, with the huge block that it may have. */
  private bytesOf(h: number): number {
    return this.units(h) * UNIT_BYTES + (this.isLong(h) ? this.stringLength(h) : 0)
  }

  private copyForChange(h: number, units: number): number {
    const copy = this.copy(h, units)
    this.arena.u32[h >>> SLAB_BITS][(h & SLAB_MASK) << 1] |= ORPHAN
    return copy
  }

  /** A new block with the contents of a node, as far as they fit, and the current mark. */
  private copy(h: number, units: number): number {
    const { arena } = this
    const copy = this.alloc(0, units)
    assert(!this.isLong(h), 'a string node is never changed')
    const bytes = (Math.min(this.units(h), this.units(copy)) - 1) * UNIT_BYTES + 4
    const from = ((h & SLAB_MASK) << 3) + 4
    arena.u8[h >>> SLAB_BITS].copy(arena.u8[copy >>> SLAB_BITS], ((copy & SLAB_MASK) << 3) + 4, from, from + bytes)
    return copy
  }
}
