// A page of a ranking (ranking.ts): up to some hundred members with their scores, in order, in one node.
//
//   word 1    count | heap << 16          heap: bytes of the records at the end of the block, with what is dead among them
//   word 2    dead bytes among the records; word 3 is not used
//   doubles   scores, ascending
//   16 bits   one each: how far before the end of the block the member's record begins
//   …         free
//   bytes     records, in any order
//
//   record    0xxxxxxx, or 10xxxxxx xxxxxxxx: length of the member, then its bytes; 0xff: the handle of a string's node
//
// Scores are searched without a look at the members, unless they are equal. Since records are addressed from the end, a page
// grows by copying three runs of bytes. A removed record stays as dead bytes until the page is made anew.
//
// Functions that change a page answer its new handle, which the caller puts into the tree; they throw ArenaFullError before
// any change.

import { compareBytes, copyBytes } from '../lib/bytes.ts'
import { ArenaFullError, SLAB_BITS, SLAB_MASK } from './arena.ts'
import { MOVE_STEP_BYTES } from './moving.ts'
import type { NodeBytes, Nodes } from './nodes.ts'

/** A page with more bytes splits: just what a block of the arena has, so that full pages waste nothing. */
export const PAGE_BYTES_MAX = 4096
/** So does one with more members. */
export const PAGE_COUNT_MAX = 255
const HEADER_BYTES = 16
const HEADER_UNITS = HEADER_BYTES / 8
/** Score and place of a record. */
const SLOT_BYTES = 10
/** Longer members are nodes of their own. */
const INLINE_MAX = 512
const LONG = 0xff
const LONG_BYTES = 5
/** Bytes that a page gets more than it needs: one in so many. */
const SLACK_SHARE = 8

// ---- reading ----

export function pageCount(nodes: Nodes, page: number): number {
  return nodes.arena.u32[page >>> SLAB_BITS][((page & SLAB_MASK) << 1) + 1] & 0xffff
}

function heapBytes(nodes: Nodes, page: number): number {
  return nodes.arena.u32[page >>> SLAB_BITS][((page & SLAB_MASK) << 1) + 1] >>> 16
}

function deadBytes(nodes: Nodes, page: number): number {
  return nodes.arena.u32[page >>> SLAB_BITS][((page & SLAB_MASK) << 1) + 2]
}

function setShape(nodes: Nodes, page: number, count: number, heap: number, dead: number): void {
  const u32 = nodes.arena.u32[page >>> SLAB_BITS]
  const w = (page & SLAB_MASK) << 1
  u32[w + 1] = (count | (heap << 16)) >>> 0
  u32[w + 2] = dead
}

/** Bytes that the page's contents need. */
export function pageUsedBytes(nodes: Nodes, page: number): number {
  return HEADER_BYTES + pageCount(nodes, page) * SLOT_BYTES + heapBytes(nodes, page) - deadBytes(nodes, page)
}

/** Bytes of the page's block. */
export function pageBytes(nodes: Nodes, page: number): number {
  return nodes.units(page) * 8
}

export function pageScore(nodes: Nodes, page: number, i: number): number {
  return nodes.arena.f64[page >>> SLAB_BITS][(page & SLAB_MASK) + HEADER_UNITS + i]
}

/** Byte offset of record i in the page's slab. */
function recordAt(nodes: Nodes, page: number, i: number): number {
  const u8 = nodes.arena.u8[page >>> SLAB_BITS]
  const base = (page & SLAB_MASK) << 3
  const slot = base + HEADER_BYTES + pageCount(nodes, page) * 8 + 2 * i
  return base + pageBytes(nodes, page) - (u8[slot] | (u8[slot + 1] << 8))
}

function recordBytes(u8: Uint8Array, p: number): number {
  const c = u8[p]
  if (c < 0x80) return 1 + c
  return c === LONG ? LONG_BYTES : 2 + (((c & 0x3f) << 8) | u8[p + 1])
}

/** The member at index `i`, written into `into`. */
export function pageMember(nodes: Nodes, page: number, i: number, into: NodeBytes): void {
  const u8 = nodes.arena.u8[page >>> SLAB_BITS]
  const p = recordAt(nodes, page, i)
  const c = u8[p]
  if (c === LONG) {
    nodes.string(handleAt(u8, p + 1), into)
    return
  }
  into.bytes = u8
  into.start = c < 0x80 ? p + 1 : p + 2
  into.end = p + recordBytes(u8, p)
}

function handleAt(u8: Uint8Array, p: number): number {
  return (u8[p] | (u8[p + 1] << 8) | (u8[p + 2] << 16) | (u8[p + 3] << 24)) >>> 0
}

/** The node that the member at index `i` is in, or 0. */
export function pageLongMember(nodes: Nodes, page: number, i: number): number {
  const u8 = nodes.arena.u8[page >>> SLAB_BITS]
  const p = recordAt(nodes, page, i)
  return u8[p] === LONG ? handleAt(u8, p + 1) : 0
}

const MEMBER: NodeBytes = { bytes: Buffer.alloc(0), start: 0, end: 0 }

/** The order of the member at index `i` and the one in bytes [start, end): below 0, 0, above 0. */
export function comparePageMember(
  nodes: Nodes,
  page: number,
  i: number,
  bytes: Uint8Array,
  start: number,
  end: number,
): number {
  pageMember(nodes, page, i, MEMBER)
  return compareBytes(MEMBER.bytes, MEMBER.start, MEMBER.end, bytes, start, end)
}

/** How many have a lower score, or with `orEqual` one that is not higher. */
export function pageScoresBelow(nodes: Nodes, page: number, score: number, orEqual: boolean): number {
  const f64 = nodes.arena.f64[page >>> SLAB_BITS]
  const first = (page & SLAB_MASK) + HEADER_UNITS
  let from = 0
  let to = pageCount(nodes, page)
  while (from < to) {
    const middle = (from + to) >>> 1
    const found = f64[first + middle]
    if (found < score || (orEqual && found === score)) from = middle + 1
    else to = middle
  }
  return from
}

/** How many of the members from index `from` up to `to`, which have equal scores, come before the one in bytes [start, end), or with `orEqual` not after it. */
export function pageMembersBelow(
  nodes: Nodes,
  page: number,
  from: number,
  to: number,
  bytes: Uint8Array,
  start: number,
  end: number,
  orEqual: boolean,
): number {
  let low = from
  let high = to
  while (low < high) {
    const middle = (low + high) >>> 1
    const order = comparePageMember(nodes, page, middle, bytes, start, end)
    if (order < 0 || (orEqual && order === 0)) low = middle + 1
    else high = middle
  }
  return low
}

/** Index of the first that does not come before the score and the member in bytes [start, end). */
export function pageSearch(
  nodes: Nodes,
  page: number,
  score: number,
  bytes: Uint8Array,
  start: number,
  end: number,
): number {
  const from = pageScoresBelow(nodes, page, score, false)
  const f64 = nodes.arena.f64[page >>> SLAB_BITS]
  const first = (page & SLAB_MASK) + HEADER_UNITS
  const count = pageCount(nodes, page)
  if (from === count || f64[first + from] !== score) return from
  let to = count
  if (f64[first + count - 1] !== score) to = pageScoresBelow(nodes, page, score, true)
  return pageMembersBelow(nodes, page, from, to, bytes, start, end, false)
}

// ---- changing ----

/** Bytes that a member of that length takes in a page, with its score. */
export function memberBytes(length: number): number {
  return SLOT_BYTES + (length > INLINE_MAX ? LONG_BYTES : lengthBytes(length) + length)
}

/** Units of a page for so many members whose records take so many bytes. */
function unitsOf(count: number, records: number): number {
  return (HEADER_BYTES + count * SLOT_BYTES + records + 7) >>> 3
}

/** A new page without members, with room for so many. */
function newPage(nodes: Nodes, root: number, count: number, records: number): number {
  const page = nodes.alloc(root, unitsOf(count, records))
  setShape(nodes, page, 0, 0, 0)
  return page
}

/** A page with one member. */
export function pageOfOne(
  nodes: Nodes,
  root: number,
  score: number,
  bytes: Uint8Array,
  start: number,
  end: number,
): number {
  const page = newPage(nodes, root, 1, lengthBytes(end - start) + end - start)
  try {
    return pageInsert(nodes, root, page, 0, score, bytes, start, end)
  } catch (error) {
    nodes.drop(root, page)
    throw error
  }
}

function lengthBytes(length: number): number {
  return length < 0x80 ? 1 : 2
}

/** Inserts a member at index `i`. */
export function pageInsert(
  nodes: Nodes,
  root: number,
  page: number,
  i: number,
  score: number,
  bytes: Uint8Array,
  start: number,
  end: number,
): number {
  const length = end - start
  if (length > INLINE_MAX) {
    const node = nodes.allocString(root, bytes, start, end)
    try {
      const h = openSlot(nodes, root, page, i, score, LONG_BYTES)
      const u8 = nodes.arena.u8[h >>> SLAB_BITS]
      const p = recordAt(nodes, h, i)
      u8[p] = LONG
      writeHandle(u8, p + 1, node)
      return h
    } catch (error) {
      nodes.drop(root, node)
      throw error
    }
  }
  const h = openSlot(nodes, root, page, i, score, lengthBytes(length) + length)
  const u8 = nodes.arena.u8[h >>> SLAB_BITS]
  let p = recordAt(nodes, h, i)
  if (length < 0x80) u8[p++] = length
  else {
    u8[p++] = 0x80 | (length >> 8)
    u8[p++] = length
  }
  copyBytes(bytes, start, end, u8, p)
  return h
}

/** Makes the page one to change, with a slot at index `i` and room for its record. */
function openSlot(nodes: Nodes, root: number, page: number, i: number, score: number, record: number): number {
  const h = withRoom(nodes, root, page, record)
  const { arena } = nodes
  const u8 = arena.u8[h >>> SLAB_BITS]
  const f64 = arena.f64[h >>> SLAB_BITS]
  const base = (h & SLAB_MASK) << 3
  const count = pageCount(nodes, h)
  const heap = heapBytes(nodes, h) + record
  const first = (h & SLAB_MASK) + HEADER_UNITS
  const slots = base + HEADER_BYTES + count * 8
  // The places behind i move by a slot and a score, those before it by a score.
  if (i < count) u8.copyWithin(slots + 2 * i + SLOT_BYTES, slots + 2 * i, slots + 2 * count)
  u8.copyWithin(slots + 8, slots, slots + 2 * i)
  if (i < count) f64.copyWithin(first + i + 1, first + i, first + count)
  f64[first + i] = score
  u8[slots + 8 + 2 * i] = heap
  u8[slots + 9 + 2 * i] = heap >>> 8
  setShape(nodes, h, count + 1, heap, deadBytes(nodes, h))
  return h
}

/** Makes the page one to change, with room for one more member with such a record. */
function withRoom(nodes: Nodes, root: number, page: number, record: number): number {
  const count = pageCount(nodes, page) + 1
  const heap = heapBytes(nodes, page)
  const dead = deadBytes(nodes, page)
  const before = pageBytes(nodes, page)
  const needed = HEADER_BYTES + count * SLOT_BYTES + heap + record
  if (needed <= before) return nodes.own(page)
  if (dead > heap / 4) {
    const copy = copyOf(nodes, root, page, 0, count - 1, 1, record)
    nodes.drop(root, page)
    return copy
  }
  const h = nodes.resize(root, page, (needed + Math.floor(needed / SLACK_SHARE) + 7) >>> 3)
  const u8 = nodes.arena.u8[h >>> SLAB_BITS]
  const base = (h & SLAB_MASK) << 3
  u8.copyWithin(base + pageBytes(nodes, h) - heap, base + before - heap, base + before)
  return h
}

/** A new page with members [from, to) of another, and room for more; that one stays. */
export function copyOf(
  nodes: Nodes,
  root: number,
  page: number,
  from: number,
  to: number,
  more = 0,
  moreRecords = 0,
): number {
  const copy = newPage(nodes, root, to - from + more, recordsOf(nodes, page, from, to) + moreRecords)
  appendMembers(nodes, page, from, to, copy)
  return copy
}

/** Bytes of the records [from, to). */
function recordsOf(nodes: Nodes, page: number, from: number, to: number): number {
  const u8 = nodes.arena.u8[page >>> SLAB_BITS]
  let bytes = 0
  for (let i = from; i < to; i++) bytes += recordBytes(u8, recordAt(nodes, page, i))
  return bytes
}

/** Copies members [from, to) of a page behind those of a new one that has no dead bytes and enough room. */
function appendMembers(nodes: Nodes, page: number, from: number, to: number, into: number): void {
  const { arena } = nodes
  const source = arena.u8[page >>> SLAB_BITS]
  const target = arena.u8[into >>> SLAB_BITS]
  const base = (into & SLAB_MASK) << 3
  const end = base + pageBytes(nodes, into)
  const before = pageCount(nodes, into)
  const count = before + to - from
  let heap = heapBytes(nodes, into)
  const slots = base + HEADER_BYTES + count * 8
  const oldSlots = base + HEADER_BYTES + before * 8
  if (before > 0) target.copyWithin(slots, oldSlots, oldSlots + 2 * before)
  const scores = arena.f64[page >>> SLAB_BITS]
  const first = (page & SLAB_MASK) + HEADER_UNITS
  const newScores = arena.f64[into >>> SLAB_BITS]
  const newFirst = (into & SLAB_MASK) + HEADER_UNITS + before - from
  for (let i = from; i < to; i++) {
    newScores[newFirst + i] = scores[first + i]
    const p = recordAt(nodes, page, i)
    const size = recordBytes(source, p)
    heap += size
    copyBytes(source, p, p + size, target, end - heap)
    const slot = slots + 2 * (before + i - from)
    target[slot] = heap
    target[slot + 1] = heap >>> 8
  }
  setShape(nodes, into, count, heap, 0)
}

/** A copy of a page for another root, with nodes of its own for the members that are in some. */
export function clonePage(nodes: Nodes, root: number, page: number): number {
  const count = pageCount(nodes, page)
  const copy = copyOf(nodes, root, page, 0, count)
  let i = 0
  try {
    for (; i < count; i++) {
      const node = pageLongMember(nodes, copy, i)
      if (node === 0) continue
      nodes.string(node, MEMBER)
      const own = nodes.allocString(root, MEMBER.bytes, MEMBER.start, MEMBER.end)
      writeHandle(nodes.arena.u8[copy >>> SLAB_BITS], recordAt(nodes, copy, i) + 1, own)
    }
  } catch (error) {
    while (--i >= 0) {
      const node = pageLongMember(nodes, copy, i)
      if (node !== 0) nodes.drop(root, node)
    }
    nodes.drop(root, copy)
    throw error
  }
  return copy
}

/** Moves the nodes of long members (moving.ts), as many as one step may; whether these were all. */
export function moveLongMembers(nodes: Nodes, page: number): boolean {
  const { arena } = nodes
  const end = arena.movedBytes + MOVE_STEP_BYTES
  const count = pageCount(nodes, page)
  for (let i = 0; i < count; i++) {
    if (arena.movedBytes > end) return false
    const node = pageLongMember(nodes, page, i)
    if (node !== 0) writeHandle(arena.u8[page >>> SLAB_BITS], recordAt(nodes, page, i) + 1, nodes.moved(node))
  }
  return true
}

function writeHandle(u8: Uint8Array, p: number, h: number): void {
  u8[p] = h
  u8[p + 1] = h >>> 8
  u8[p + 2] = h >>> 16
  u8[p + 3] = h >>> 24
}

/** A new page with the members of two neighbours; those stay. */
export function mergedPage(nodes: Nodes, root: number, a: number, b: number): number {
  const [countA, countB] = [pageCount(nodes, a), pageCount(nodes, b)]
  const page = copyOf(nodes, root, a, 0, countA, countB, recordsOf(nodes, b, 0, countB))
  appendMembers(nodes, b, 0, countB, page)
  return page
}

/** Removes members [from, to), not all; the nodes that they have are dropped. */
export function pageRemove(nodes: Nodes, root: number, page: number, from: number, to: number): number {
  const h = nodes.own(page)
  for (let i = from; i < to; i++) {
    const node = pageLongMember(nodes, h, i)
    if (node !== 0) nodes.drop(root, node)
  }
  const { arena } = nodes
  const u8 = arena.u8[h >>> SLAB_BITS]
  const f64 = arena.f64[h >>> SLAB_BITS]
  const base = (h & SLAB_MASK) << 3
  const count = pageCount(nodes, h)
  const left = count - (to - from)
  const dead = deadBytes(nodes, h) + recordsOf(nodes, h, from, to)
  const first = (h & SLAB_MASK) + HEADER_UNITS
  const slots = base + HEADER_BYTES + count * 8
  const newSlots = base + HEADER_BYTES + left * 8
  f64.copyWithin(first + from, first + to, first + count)
  u8.copyWithin(newSlots, slots, slots + 2 * from)
  u8.copyWithin(newSlots + 2 * from, slots + 2 * to, slots + 2 * count)
  setShape(nodes, h, left, heapBytes(nodes, h), dead)
  return pageUsedBytes(nodes, h) > pageBytes(nodes, h) / 2 ? h : compacted(nodes, root, h)
}

/** The page in a block without slack, if that can be had: it is not expected to grow any more. */
export function pageTrimmed(nodes: Nodes, root: number, page: number): number {
  if (pageBytes(nodes, page) - pageUsedBytes(nodes, page) < pageBytes(nodes, page) / 32) return page
  return compacted(nodes, root, page)
}

/** A copy without dead bytes and slack in the place of the page; the page itself if the arena is full. */
function compacted(nodes: Nodes, root: number, page: number): number {
  try {
    const copy = copyOf(nodes, root, page, 0, pageCount(nodes, page))
    nodes.drop(root, page)
    return copy
  } catch (error) {
    // Saving memory is no reason to fail for want of it.
    if (error instanceof ArenaFullError) return page
    throw error
  }
}

/** Gives the member at index `i` another score, and the place that it has among the others then: before the one at index `to`. */
export function pageMove(nodes: Nodes, page: number, i: number, to: number, score: number): number {
  const h = nodes.own(page)
  const { arena } = nodes
  const f64 = arena.f64[h >>> SLAB_BITS]
  const u8 = arena.u8[h >>> SLAB_BITS]
  const first = (h & SLAB_MASK) + HEADER_UNITS
  const slots = ((h & SLAB_MASK) << 3) + HEADER_BYTES + pageCount(nodes, h) * 8
  const at = to > i ? to - 1 : to
  if (at !== i) {
    const low = u8[slots + 2 * i]
    const high = u8[slots + 2 * i + 1]
    // Those between the old place and the new one move over by one.
    const [from, end, by] = at > i ? [i + 1, at + 1, -1] : [at, i, 1]
    f64.copyWithin(first + from + by, first + from, first + end)
    u8.copyWithin(slots + 2 * (from + by), slots + 2 * from, slots + 2 * end)
    u8[slots + 2 * at] = low
    u8[slots + 2 * at + 1] = high
  }
  f64[first + at] = score
  return h
}
