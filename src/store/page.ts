// A page of the table of parts (dict.ts): up to some 64 elements in one node, each with a value or all without.
//
//   word 1   depth | count << 8 | end << 16      end: offset of the first byte behind the records
//   bytes    records from the front, in any order and without gaps
//   words    one slot an element from the back: tag << 16 | offset of its record
//
//   record   length of the element, length of the value if there are values, then their bytes
//   length   n << 1 in groups of 7 bits, lowest first; 1 stands for 4 bytes that are the handle of a string's node: what is
//            longer than a page should have in it
//
// A tag is 16 bits of the hash, so that a look-up hardly ever reads a record that is not the one.
//
// Functions that change a page are given its place, make the page theirs (Nodes.own) and leave in the place what became of it;
// the caller puts that into the parent. They throw ArenaFullError before any change.

import { assert } from '../lib/assert.ts'
import { ArenaFullError, SLAB_BITS, SLAB_MASK } from './arena.ts'
import { hashBytes } from './hash.ts'
import { MOVE_STEP_BYTES } from './moving.ts'
import { NODE_HEADER_BYTES, type NodeBytes, type Nodes } from './nodes.ts'
import { type Done, type ElementOut, type Walk, writeStringNode } from './walk.ts'

/** Where a page is: a handle that changes when the page moves. */
export interface ElementPlace {
  page: number
}

/** An element and its value; the ranges are reused, and the second is empty in a table without values. */
export type VisitPair = (element: NodeBytes, value: NodeBytes) => void

/** A page with more elements splits. */
export const SLOTS_MAX = 64
/** So does one with more bytes. */
const PAGE_BYTES_MAX = 8 * 1024
/** What offsets of 16 bits can say: for pages that cannot split any more. */
const BYTES_LIMIT = 64 * 1024 - 8
const COUNT_LIMIT = 255
/** Two pages merge if neither has more elements or bytes than this. */
const SPARSE_COUNT = 16
const SPARSE_BYTES = 2 * 1024
/** Longer elements and values are nodes of their own. */
const INLINE_MAX = 1024
const RECORDS_AT = NODE_HEADER_BYTES
const SLOT_BYTES = 4
const LONG = 1
const HANDLE_BYTES = 4

// ---- reading ----

/** Number of bits that the hashes of the page's elements have in common. */
export function pageDepth(nodes: Nodes, page: number): number {
  return shape(nodes, page) & 0xff
}

export function pageCount(nodes: Nodes, page: number): number {
  return (shape(nodes, page) >>> 8) & 0xff
}

/** Bytes of a page's block. */
export function pageBytes(nodes: Nodes, page: number): number {
  return nodes.units(page) * 8
}

/** Offset of the first byte behind the records. */
function pageEnd(nodes: Nodes, page: number): number {
  return shape(nodes, page) >>> 16
}

function shape(nodes: Nodes, page: number): number {
  return nodes.arena.u32[page >>> SLAB_BITS][((page & SLAB_MASK) << 1) + 1]
}

function setShape(nodes: Nodes, page: number, depth: number, count: number, end: number): void {
  nodes.arena.u32[page >>> SLAB_BITS][((page & SLAB_MASK) << 1) + 1] = (depth | (count << 8) | (end << 16)) >>> 0
}

/** Index of slot i in the slab's u32 view. */
function slotIndex(nodes: Nodes, page: number, i: number): number {
  return (((page & SLAB_MASK) + nodes.units(page)) << 1) - 1 - i
}

function slot(nodes: Nodes, page: number, i: number): number {
  return nodes.arena.u32[page >>> SLAB_BITS][slotIndex(nodes, page, i)]
}

/** Number of the slot of the element in bytes [start, end) with that hash, or -1. */
export function findInPage(
  nodes: Nodes,
  page: number,
  withValues: boolean,
  hash: number,
  bytes: Uint8Array,
  start: number,
  end: number,
): number {
  const u32 = nodes.arena.u32[page >>> SLAB_BITS]
  const last = slotIndex(nodes, page, 0)
  const count = pageCount(nodes, page)
  const tag = hash & 0xffff
  for (let i = 0; i < count; i++) {
    const word = u32[last - i]
    if (word >>> 16 === tag && isElement(nodes, page, word & 0xffff, withValues, bytes, start, end)) return i
  }
  return -1
}

function isElement(
  nodes: Nodes,
  page: number,
  offset: number,
  withValues: boolean,
  bytes: Uint8Array,
  start: number,
  end: number,
): boolean {
  const u8 = nodes.arena.u8[page >>> SLAB_BITS]
  let p = ((page & SLAB_MASK) << 3) + offset
  const length = lengthAt(u8, p)
  p += lengthBytes(length)
  if (withValues) p += lengthBytes(lengthAt(u8, p))
  if (length === LONG) {
    const node = handleAt(u8, p)
    if (nodes.stringLength(node) !== end - start) return false
    nodes.string(node, COMPARED)
    return COMPARED.bytes.compare(bytes, start, end, COMPARED.start, COMPARED.end) === 0
  }
  if (length >>> 1 !== end - start) return false
  let i = start
  while (i < end && u8[p] === bytes[i]) {
    i++
    p++
  }
  return i === end
}

const COMPARED: NodeBytes = { bytes: Buffer.alloc(0), start: 0, end: 0 }

/** Where element i and its value are; either may not be wanted. */
export function readElement(
  nodes: Nodes,
  page: number,
  i: number,
  withValues: boolean,
  element: NodeBytes | undefined,
  value: NodeBytes | undefined,
): void {
  const u8 = nodes.arena.u8[page >>> SLAB_BITS]
  let p = ((page & SLAB_MASK) << 3) + (slot(nodes, page, i) & 0xffff)
  const length = lengthAt(u8, p)
  p += lengthBytes(length)
  const valueLength = withValues ? lengthAt(u8, p) : 0
  if (withValues) p += lengthBytes(valueLength)
  if (element !== undefined) readString(nodes, u8, p, length, element)
  if (value !== undefined) readString(nodes, u8, p + storedBytes(length), valueLength, value)
}

function readString(nodes: Nodes, u8: Buffer, p: number, length: number, into: NodeBytes): void {
  if (length === LONG) {
    nodes.string(handleAt(u8, p), into)
    return
  }
  into.bytes = u8
  into.start = p
  into.end = p + (length >>> 1)
}

// ---- records ----

/** The length at `p` as it is stored: n << 1, or LONG. */
function lengthAt(u8: Uint8Array, p: number): number {
  const first = u8[p]
  return first < 128 ? first : (first & 0x7f) | (u8[p + 1] << 7)
}

/** Bytes that a stored length takes. */
function lengthBytes(length: number): number {
  return length < 128 ? 1 : 2
}

/** Bytes that what has this length takes in the record. */
function storedBytes(length: number): number {
  return length === LONG ? HANDLE_BYTES : length >>> 1
}

function storedLength(bytes: number): number {
  return bytes > INLINE_MAX ? LONG : bytes << 1
}

function writeLength(u8: Uint8Array, p: number, length: number): number {
  if (length < 128) {
    u8[p] = length
    return p + 1
  }
  u8[p] = (length & 0x7f) | 0x80
  u8[p + 1] = length >>> 7
  return p + 2
}

/** A handle in four bytes, wherever they lie. */
function handleAt(u8: Uint8Array, p: number): number {
  return (u8[p] | (u8[p + 1] << 8) | (u8[p + 2] << 16) | (u8[p + 3] << 24)) >>> 0
}

function writeHandle(u8: Uint8Array, p: number, h: number): void {
  u8[p] = h
  u8[p + 1] = h >>> 8
  u8[p + 2] = h >>> 16
  u8[p + 3] = h >>> 24
}

/** Bytes of the record, slot included, of an element and a value of so many bytes; `valueBytes` below 0 for no values. */
export function recordBytes(elementBytes: number, valueBytes: number): number {
  const length = storedLength(elementBytes)
  let bytes = SLOT_BYTES + lengthBytes(length) + storedBytes(length)
  if (valueBytes >= 0) {
    const valueLength = storedLength(valueBytes)
    bytes += lengthBytes(valueLength) + storedBytes(valueLength)
  }
  return bytes
}

/** Bytes of the record at an offset of a page, without its slot. */
function recordSize(nodes: Nodes, page: number, offset: number, withValues: boolean): number {
  const u8 = nodes.arena.u8[page >>> SLAB_BITS]
  const p = ((page & SLAB_MASK) << 3) + offset
  const length = lengthAt(u8, p)
  const size = lengthBytes(length) + storedBytes(length)
  if (!withValues) return size
  const valueLength = lengthAt(u8, p + lengthBytes(length))
  return size + lengthBytes(valueLength) + storedBytes(valueLength)
}

/** Bytes of a page that are taken. */
function usedBytes(nodes: Nodes, page: number): number {
  return pageEnd(nodes, page) + pageCount(nodes, page) * SLOT_BYTES
}

/** Whether a page should split before it takes a record of `bytes` more, for a new element or one that it `replaces`. */
export function isCrowded(nodes: Nodes, page: number, bytes: number, replaces: boolean): boolean {
  const count = pageCount(nodes, page)
  if (count < 2) return false
  return (!replaces && count >= SLOTS_MAX) || usedBytes(nodes, page) + bytes > PAGE_BYTES_MAX
}

/** Whether a page may merge with its neighbour. */
export function isSparse(nodes: Nodes, page: number): boolean {
  return pageCount(nodes, page) <= SPARSE_COUNT && usedBytes(nodes, page) <= SPARSE_BYTES
}

// ---- changing ----

/** An empty page, with room for so many bytes of records and slots. */
export function newPage(nodes: Nodes, root: number, depth: number, bytes: number): number {
  const page = nodes.alloc(root, (RECORDS_AT + bytes + 7) >>> 3)
  setShape(nodes, page, depth, 0, RECORDS_AT)
  return page
}

/** Adds an element that is not there. */
export function addRecord(
  nodes: Nodes,
  root: number,
  place: ElementPlace,
  withValues: boolean,
  hash: number,
  bytes: Uint8Array,
  start: number,
  end: number,
  valueBytes: Uint8Array,
  valueStart: number,
  valueEnd: number,
): void {
  const length = storedLength(end - start)
  const valueLength = storedLength(valueEnd - valueStart)
  if (pageCount(nodes, place.page) >= COUNT_LIMIT) throw new ArenaFullError('too many elements with one hash')
  let node = 0
  let valueNode = 0
  try {
    if (length === LONG) node = nodes.allocString(root, bytes, start, end)
    if (withValues && valueLength === LONG) valueNode = nodes.allocString(root, valueBytes, valueStart, valueEnd)
    makeRoom(nodes, root, place, recordBytes(end - start, withValues ? valueEnd - valueStart : -1))
  } catch (error) {
    if (node !== 0) nodes.drop(root, node)
    if (valueNode !== 0) nodes.drop(root, valueNode)
    throw error
  }
  const { page } = place
  const u8 = nodes.arena.u8[page >>> SLAB_BITS]
  const base = (page & SLAB_MASK) << 3
  const offset = pageEnd(nodes, page)
  let p = writeLength(u8, base + offset, length)
  if (withValues) p = writeLength(u8, p, valueLength)
  p = writeBody(u8, p, node, bytes, start, end)
  if (withValues) p = writeBody(u8, p, valueNode, valueBytes, valueStart, valueEnd)
  appendSlot(nodes, page, ((hash & 0xffff) << 16) | offset, p - base)
}

/** Writes bytes [start, end), or the handle of the node that they are in; the position behind it. */
function writeBody(u8: Uint8Array, p: number, node: number, bytes: Uint8Array, start: number, end: number): number {
  if (node !== 0) {
    writeHandle(u8, p, node)
    return p + HANDLE_BYTES
  }
  let q = p
  for (let i = start; i < end; i++) u8[q++] = bytes[i]
  return q
}

/** Counts one more element, whose record reaches to `end`. */
function appendSlot(nodes: Nodes, page: number, word: number, end: number): void {
  const count = pageCount(nodes, page)
  nodes.arena.u32[page >>> SLAB_BITS][slotIndex(nodes, page, count)] = word >>> 0
  setShape(nodes, page, pageDepth(nodes, page), count + 1, end)
}

/** Sets the value of element i, in a table with values. */
export function replaceValue(
  nodes: Nodes,
  root: number,
  place: ElementPlace,
  i: number,
  bytes: Uint8Array,
  start: number,
  end: number,
): void {
  const length = storedLength(end - start)
  if (replaceInPlace(nodes, place, i, length, bytes, start, end)) return
  const before = recordSize(nodes, place.page, slot(nodes, place.page, i) & 0xffff, true)
  let node = 0
  try {
    if (length === LONG) node = nodes.allocString(root, bytes, start, end)
    makeRoom(nodes, root, place, lengthBytes(length) + storedBytes(length))
  } catch (error) {
    if (node !== 0) nodes.drop(root, node)
    throw error
  }
  const { page } = place
  const u8 = nodes.arena.u8[page >>> SLAB_BITS]
  const base = (page & SLAB_MASK) << 3
  const offset = slot(nodes, page, i) & 0xffff
  const elementLength = lengthAt(u8, base + offset)
  const lengthAtByte = base + offset + lengthBytes(elementLength)
  const oldLength = lengthAt(u8, lengthAtByte)
  const oldNode =
    oldLength === LONG ? handleAt(u8, lengthAtByte + lengthBytes(oldLength) + storedBytes(elementLength)) : 0
  if (oldLength === length) {
    writeBody(u8, lengthAtByte + lengthBytes(length) + storedBytes(elementLength), node, bytes, start, end)
  } else {
    const after = before + lengthBytes(length) + storedBytes(length) - lengthBytes(oldLength) - storedBytes(oldLength)
    moveElement(nodes, page, base + offset, elementLength, lengthBytes(oldLength), lengthBytes(length), before, after)
    const p = writeLength(u8, lengthAtByte, length) + storedBytes(elementLength)
    writeBody(u8, p, node, bytes, start, end)
  }
  if (oldNode !== 0) nodes.drop(root, oldNode)
}

/** Writes a value over one that is as long, as scores and counters are; false if it is not, or in a node of its own. */
function replaceInPlace(
  nodes: Nodes,
  place: ElementPlace,
  i: number,
  length: number,
  bytes: Uint8Array,
  start: number,
  end: number,
): boolean {
  if (length === LONG) return false
  const offset = slot(nodes, place.page, i) & 0xffff
  const record = ((place.page & SLAB_MASK) << 3) + offset
  const u8 = nodes.arena.u8[place.page >>> SLAB_BITS]
  const elementLength = lengthAt(u8, record)
  if (lengthAt(u8, record + lengthBytes(elementLength)) !== length) return false
  place.page = nodes.own(place.page)
  const body = offset + lengthBytes(elementLength) + lengthBytes(length) + storedBytes(elementLength)
  writeBody(nodes.arena.u8[place.page >>> SLAB_BITS], ((place.page & SLAB_MASK) << 3) + body, 0, bytes, start, end)
  return true
}

/** Makes a record `after` bytes long instead of `before`, and moves its element if the value's length takes other bytes. */
function moveElement(
  nodes: Nodes,
  page: number,
  record: number,
  elementLength: number,
  lengthBefore: number,
  lengthAfter: number,
  before: number,
  after: number,
): void {
  const u8 = nodes.arena.u8[page >>> SLAB_BITS]
  const base = (page & SLAB_MASK) << 3
  const end = pageEnd(nodes, page)
  const elementAt = record + lengthBytes(elementLength) + lengthBefore
  const elementEnd = elementAt + storedBytes(elementLength)
  if (after > before) moveRecords(nodes, page, record - base + before, after - before, end)
  u8.copyWithin(elementAt + lengthAfter - lengthBefore, elementAt, elementEnd)
  if (after < before) moveRecords(nodes, page, record - base + before, after - before, end)
}

/** Moves all records from offset `from` on by so many bytes, with the slots that point to them. */
function moveRecords(nodes: Nodes, page: number, from: number, by: number, end: number): void {
  const { arena } = nodes
  const base = (page & SLAB_MASK) << 3
  arena.u8[page >>> SLAB_BITS].copyWithin(base + from + by, base + from, base + end)
  const u32 = arena.u32[page >>> SLAB_BITS]
  const last = slotIndex(nodes, page, 0)
  const count = pageCount(nodes, page)
  for (let i = 0; i < count; i++) if ((u32[last - i] & 0xffff) >= from) u32[last - i] += by
  setShape(nodes, page, pageDepth(nodes, page), count, end + by)
}

/** Removes element i, and drops the nodes that it had. */
export function removeRecord(nodes: Nodes, root: number, place: ElementPlace, i: number, withValues: boolean): void {
  place.page = nodes.own(place.page)
  const { page } = place
  dropStrings(nodes, page, i, withValues, (h) => nodes.drop(root, h))
  const offset = slot(nodes, page, i) & 0xffff
  const size = recordSize(nodes, page, offset, withValues)
  const count = pageCount(nodes, page)
  const u32 = nodes.arena.u32[page >>> SLAB_BITS]
  u32[slotIndex(nodes, page, i)] = u32[slotIndex(nodes, page, count - 1)]
  setShape(nodes, page, pageDepth(nodes, page), count - 1, pageEnd(nodes, page))
  moveRecords(nodes, page, offset + size, -size, pageEnd(nodes, page))
  const used = usedBytes(nodes, page)
  if (used >= pageBytes(nodes, page) / 2) return
  try {
    place.page = rebuild(nodes, root, page, used)
  } catch (error) {
    // Saving memory is no reason to fail for want of it.
    if (!(error instanceof ArenaFullError)) throw error
  }
}

/** Calls `drop` for the nodes that element i has its bytes in. */
function dropStrings(nodes: Nodes, page: number, i: number, withValues: boolean, drop: (h: number) => void): void {
  const u8 = nodes.arena.u8[page >>> SLAB_BITS]
  let p = ((page & SLAB_MASK) << 3) + (slot(nodes, page, i) & 0xffff)
  const length = lengthAt(u8, p)
  p += lengthBytes(length)
  const valueLength = withValues ? lengthAt(u8, p) : 0
  if (withValues) p += lengthBytes(valueLength)
  if (length === LONG) drop(handleAt(u8, p))
  if (valueLength === LONG) drop(handleAt(u8, p + storedBytes(length)))
}

/** Makes the page the caller's to change, with room for so many bytes more. */
function makeRoom(nodes: Nodes, root: number, place: ElementPlace, bytes: number): void {
  const needed = usedBytes(nodes, place.page) + bytes
  if (needed > BYTES_LIMIT) throw new ArenaFullError('too many bytes with one hash')
  if (needed <= pageBytes(nodes, place.page)) place.page = nodes.own(place.page)
  else place.page = rebuild(nodes, root, place.page, needed)
}

/** The page in a new block for so many bytes, in the place of the old one. */
function rebuild(nodes: Nodes, root: number, page: number, bytes: number): number {
  const { arena } = nodes
  const count = pageCount(nodes, page)
  const end = pageEnd(nodes, page)
  const moved = newPage(nodes, root, pageDepth(nodes, page), bytes - RECORDS_AT)
  const base = (page & SLAB_MASK) << 3
  const to = arena.u8[moved >>> SLAB_BITS]
  const toBase = (moved & SLAB_MASK) << 3
  arena.u8[page >>> SLAB_BITS].copy(to, toBase + RECORDS_AT, base + RECORDS_AT, base + end)
  const from = arena.u32[page >>> SLAB_BITS]
  const into = arena.u32[moved >>> SLAB_BITS]
  const last = slotIndex(nodes, page, 0)
  const intoLast = slotIndex(nodes, moved, 0)
  for (let i = 0; i < count; i++) into[intoLast - i] = from[last - i]
  setShape(nodes, moved, pageDepth(nodes, page), count, end)
  nodes.drop(root, page)
  return moved
}

/** Copies a record from one page to another that has room for it. */
function copyRecord(nodes: Nodes, from: number, word: number, to: number, withValues: boolean): void {
  const { arena } = nodes
  const offset = word & 0xffff
  const size = recordSize(nodes, from, offset, withValues)
  const base = (from & SLAB_MASK) << 3
  const end = pageEnd(nodes, to)
  const at = ((to & SLAB_MASK) << 3) + end
  const source = arena.u8[from >>> SLAB_BITS]
  const target = arena.u8[to >>> SLAB_BITS]
  for (let i = 0; i < size; i++) target[at + i] = source[base + offset + i]
  appendSlot(nodes, to, (word & 0xffff0000) | end, end + size)
}

/** Two new pages with the elements of one, by the next bit of their hashes; the page itself stays, for the caller to drop. */
export function splitPage(nodes: Nodes, root: number, page: number, withValues: boolean): [number, number] {
  const depth = pageDepth(nodes, page)
  const count = pageCount(nodes, page)
  const sides: boolean[] = []
  const bytes = [0, 0]
  for (let i = 0; i < count; i++) {
    readElement(nodes, page, i, withValues, SPLIT, undefined)
    const side = ((hashBytes(SPLIT.bytes, SPLIT.start, SPLIT.end, nodes.hashKey) >>> (31 - depth)) & 1) === 1
    sides.push(side)
    bytes[+side] += recordSize(nodes, page, slot(nodes, page, i) & 0xffff, withValues) + SLOT_BYTES
  }
  const left = newPage(nodes, root, depth + 1, bytes[0])
  let right: number
  try {
    right = newPage(nodes, root, depth + 1, bytes[1])
  } catch (error) {
    nodes.drop(root, left)
    throw error
  }
  for (let i = 0; i < count; i++) copyRecord(nodes, page, slot(nodes, page, i), sides[i] ? right : left, withValues)
  return [left, right]
}

const SPLIT: NodeBytes = { bytes: Buffer.alloc(0), start: 0, end: 0 }

/** A new page with the elements of two neighbours; these stay, for the caller to drop. */
export function mergePages(nodes: Nodes, root: number, a: number, b: number, withValues: boolean): number {
  const bytes = usedBytes(nodes, a) + usedBytes(nodes, b) - 2 * RECORDS_AT
  const merged = newPage(nodes, root, pageDepth(nodes, a) - 1, bytes)
  for (const page of [a, b]) {
    const count = pageCount(nodes, page)
    for (let i = 0; i < count; i++) copyRecord(nodes, page, slot(nodes, page, i), merged, withValues)
  }
  return merged
}

/** A copy of a page of another table for the one with that root. */
export function clonePage(nodes: Nodes, root: number, page: number, withValues: boolean): number {
  const clone = newPage(nodes, root, pageDepth(nodes, page), usedBytes(nodes, page) - RECORDS_AT)
  const count = pageCount(nodes, page)
  for (let i = 0; i < count; i++) {
    try {
      copyRecord(nodes, page, slot(nodes, page, i), clone, withValues)
      cloneStrings(nodes, root, clone, i, withValues)
    } catch (error) {
      // The last one's nodes are not its own yet.
      for (let j = 0; j < i; j++) dropStrings(nodes, clone, j, withValues, (h) => nodes.drop(root, h))
      nodes.drop(root, clone)
      throw error
    }
  }
  return clone
}

/** Gives element i nodes of its own in the place of those that it shares with the element it was copied from. */
function cloneStrings(nodes: Nodes, root: number, page: number, i: number, withValues: boolean): void {
  const fresh: number[] = []
  try {
    dropStrings(nodes, page, i, withValues, (h) => {
      nodes.string(h, SPLIT)
      fresh.push(nodes.allocString(root, SPLIT.bytes, SPLIT.start, SPLIT.end))
    })
  } catch (error) {
    for (const h of fresh) nodes.drop(root, h)
    throw error
  }
  if (fresh.length === 0) return
  const u8 = nodes.arena.u8[page >>> SLAB_BITS]
  let p = ((page & SLAB_MASK) << 3) + (slot(nodes, page, i) & 0xffff)
  const length = lengthAt(u8, p)
  p += lengthBytes(length)
  const valueLength = withValues ? lengthAt(u8, p) : 0
  if (withValues) p += lengthBytes(valueLength)
  if (length === LONG) writeHandle(u8, p, fresh.shift()!)
  if (valueLength === LONG) writeHandle(u8, p + storedBytes(length), fresh.shift()!)
}

/** Moves the strings' nodes of a page (moving.ts), as many as one step may; whether these were all. */
export function movePageStrings(nodes: Nodes, page: number, withValues: boolean): boolean {
  const u8 = nodes.arena.u8[page >>> SLAB_BITS]
  const end = nodes.arena.movedBytes + MOVE_STEP_BYTES
  const count = pageCount(nodes, page)
  for (let i = 0; i < count; i++) {
    if (nodes.arena.movedBytes > end) return false
    let p = ((page & SLAB_MASK) << 3) + (slot(nodes, page, i) & 0xffff)
    const length = lengthAt(u8, p)
    p += lengthBytes(length)
    const valueLength = withValues ? lengthAt(u8, p) : 0
    if (withValues) p += lengthBytes(valueLength)
    if (length === LONG) writeHandle(u8, p, nodes.moved(handleAt(u8, p)))
    const valueAt = p + storedBytes(length)
    if (valueLength === LONG) writeHandle(u8, valueAt, nodes.moved(handleAt(u8, valueAt)))
  }
  return true
}

// ---- the walk ----

/** The part of a walk that goes over the elements of one page; the page itself is the caller's to be done with. */
export function* walkPage(
  nodes: Nodes,
  page: number,
  withValues: boolean,
  out: ElementOut | undefined,
  done: Done,
): Walk {
  const count = pageCount(nodes, page)
  for (let i = 0; i < count; i++) {
    const u8 = nodes.arena.u8[page >>> SLAB_BITS]
    let p = ((page & SLAB_MASK) << 3) + (slot(nodes, page, i) & 0xffff)
    const length = lengthAt(u8, p)
    p += lengthBytes(length)
    const valueLength = withValues ? lengthAt(u8, p) : 0
    if (withValues) p += lengthBytes(valueLength)
    const valueAt = p + storedBytes(length)
    const valueNode = valueLength === LONG ? handleAt(u8, valueAt) : 0
    if (length === LONG) {
      const node = handleAt(u8, p)
      if (out !== undefined) yield* writeStringNode(nodes, node, out)
      done(node)
    } else {
      out?.string(u8, p, p + (length >>> 1))
    }
    if (!withValues) continue
    if (valueNode !== 0) {
      if (out !== undefined) yield* writeStringNode(nodes, valueNode, out)
      done(valueNode)
    } else {
      out?.string(u8, valueAt, valueAt + (valueLength >>> 1))
    }
  }
  assert(count === pageCount(nodes, page), 'a page does not change while a walk is on it')
}
