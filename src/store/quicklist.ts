// Quicklist: a list of any length, as a counted tree (tree.ts) of pages, each a listpack of neighbouring elements. An element that
// is too long for a page is a leaf by itself.
//
//   root         word 0–3  the header of nodes.ts; the count is that of elements
//                word 4    top of the tree, 0 if the list is empty
//                word 5    number of leaves
//
//   page         word 0    the header of nodes.ts
//                word 1    PAGE
//                bytes     a listpack of at least one element
//
//   long element a string node (Nodes.allocString), whose word 1 is a length and so below PAGE
//
// How much goes into a page is `list-max-listpack-size`, with Redis's meaning: -1 … -5 are 4 to 64 KiB, others a number of
// elements in at most 8 KiB. It is asked for when something is added; pages that another value has made stay as they are.
// Pages become one with a neighbour when removals have left both small.
//
// The root given must be owned. Bytes given must not lie in the value itself.

import { ArenaFullError, SLAB_BITS, SLAB_MASK, UNIT_BYTES } from './arena.ts'
import {
  LP_EMPTY_BYTES,
  lpBytes,
  lpCount,
  lpDelete,
  lpElementBytes,
  lpEncodedBytes,
  lpEnd,
  lpFirst,
  lpInit,
  lpInsert,
  lpInsertElements,
  lpLast,
  lpNext,
  lpPrevious,
  lpReplace,
  lpSeek,
  lpStringBytes,
  lpText,
  makeLpText,
  NONE,
} from './listpack.ts'
import { type Moving, moveTree, type NodeOf } from './moving.ts'
import { NODE_BYTES_MAX, NODE_HEADER_BYTES, type NodeBytes, type Nodes, ROOT_HEADER_BYTES } from './nodes.ts'
import { Tree, TreeWalk } from './tree.ts'
import { type Done, type ElementOut, WALK_STEP_BYTES, type Walk } from './walk.ts'

const PAGE = 0x80000000
const ROOT_UNITS = ROOT_HEADER_BYTES / UNIT_BYTES + 1

/** The largest listpack that is a page. */
export const LIST_PAGE_BYTES_MAX = NODE_BYTES_MAX - 1024
/** Pages limited by their number of elements have no more bytes than this, as in Redis. */
const SAFE_BYTES = 8192
/** What Redis adds to an element when it asks whether a page has room. */
const ESTIMATE_OVERHEAD_BYTES = 8
/** Two pages become one if that is at most so much of the limit. */
const MERGED_SHARE = 0.5
/** What RDB files call a leaf that is a listpack. */
const CONTAINER_PACKED = 2

const tree = new Tree()
const TEXT = makeLpText()
const ELEMENT: NodeBytes = { bytes: Buffer.alloc(0), start: 0, end: 0 }

/** Takes an element and its index; true ends the visit. The range is reused. */
export type VisitListElement = (element: NodeBytes, index: number) => boolean

// ---- limits ----

/** Whether a page of so many bytes and elements takes one more, of `length` bytes. `limit` is `list-max-listpack-size`. */
export function pageTakes(limit: number, pageBytes: number, count: number, length: number): boolean {
  const bytes = pageBytes + length + ESTIMATE_OVERHEAD_BYTES
  if (limit >= 0) return bytes <= SAFE_BYTES && count + 1 <= Math.max(limit, 1)
  return bytes <= pageBytesMax(limit)
}

function pageBytesMax(limit: number): number {
  return Math.min(2048 << Math.min(-limit, 5), LIST_PAGE_BYTES_MAX)
}

/** Whether an element of so many bytes is a leaf by itself. */
export function isLongElement(length: number): boolean {
  return LP_EMPTY_BYTES + lpStringBytes(length) > LIST_PAGE_BYTES_MAX
}

// ---- the root and the leaves ----

/** A list without elements. Throws ArenaFullError. */
export function createQuicklist(nodes: Nodes): number {
  const root = nodes.allocRoot(ROOT_UNITS)
  const { arena } = nodes
  const w = ((root & SLAB_MASK) << 1) + ROOT_HEADER_BYTES / 4
  arena.u32[root >>> SLAB_BITS][w] = 0
  arena.u32[root >>> SLAB_BITS][w + 1] = 0
  return root
}

function topOf(nodes: Nodes, root: number): number {
  return nodes.arena.u32[root >>> SLAB_BITS][((root & SLAB_MASK) << 1) + ROOT_HEADER_BYTES / 4]
}

function setTop(nodes: Nodes, root: number): void {
  nodes.arena.u32[root >>> SLAB_BITS][((root & SLAB_MASK) << 1) + ROOT_HEADER_BYTES / 4] = tree.top
}

/** Number of leaves: what OBJECT and RDB files call the nodes of a quicklist. */
export function quicklistLeaves(nodes: Nodes, root: number): number {
  return nodes.arena.u32[root >>> SLAB_BITS][((root & SLAB_MASK) << 1) + ROOT_HEADER_BYTES / 4 + 1]
}

function addLeaves(nodes: Nodes, root: number, more: number): void {
  nodes.arena.u32[root >>> SLAB_BITS][((root & SLAB_MASK) << 1) + ROOT_HEADER_BYTES / 4 + 1] += more
}

function addCount(nodes: Nodes, root: number, more: number): void {
  nodes.setCount(root, nodes.count(root) + more)
}

function isPage(nodes: Nodes, leaf: number): boolean {
  return nodes.arena.u32[leaf >>> SLAB_BITS][((leaf & SLAB_MASK) << 1) + 1] === PAGE
}

/** The slab that a page is in. */
function slabOf(nodes: Nodes, page: number): Buffer {
  return nodes.arena.u8[page >>> SLAB_BITS]
}

/** Where its listpack begins there. */
function listpackAt(page: number): number {
  return ((page & SLAB_MASK) << 3) + NODE_HEADER_BYTES
}

function pageUnits(listpackBytes: number): number {
  return (NODE_HEADER_BYTES + listpackBytes + UNIT_BYTES - 1) >>> 3
}

/** A page with room for a listpack of so many bytes, which is undefined. */
function allocPage(nodes: Nodes, root: number, listpackBytes: number): number {
  const page = nodes.alloc(root, pageUnits(listpackBytes))
  nodes.arena.u32[page >>> SLAB_BITS][((page & SLAB_MASK) << 1) + 1] = PAGE
  return page
}

/** A page with a copy of a listpack. */
function pageOf(nodes: Nodes, root: number, listpack: Uint8Array, at: number): number {
  const bytes = lpBytes(listpack, at)
  const page = allocPage(nodes, root, bytes)
  slabOf(nodes, page).set(listpack.subarray(at, at + bytes), listpackAt(page))
  return page
}

/** A leaf with one element. */
function leafOf(nodes: Nodes, root: number, bytes: Uint8Array, start: number, end: number): number {
  if (isLongElement(end - start)) return nodes.allocString(root, bytes, start, end)
  const page = allocPage(nodes, root, LP_EMPTY_BYTES + lpEncodedBytes(bytes, start, end))
  lpInit(slabOf(nodes, page), listpackAt(page))
  lpInsert(slabOf(nodes, page), listpackAt(page), lpEnd(slabOf(nodes, page), listpackAt(page)), bytes, start, end)
  return page
}

/** Puts a leaf of `count` elements beside the one that the path leads to; if there is no room it is given back. */
function addLeaf(nodes: Nodes, root: number, leaf: number, count: number, after: boolean): void {
  try {
    tree.reserve(root)
  } catch (error) {
    nodes.drop(root, leaf)
    setTop(nodes, root)
    throw error
  }
  if (after) tree.insertAfter(leaf, count, 0)
  else tree.insertBefore(leaf, count, 0)
  setTop(nodes, root)
  addLeaves(nodes, root, 1)
}

/** Makes the path one to change. */
function ownPath(nodes: Nodes, root: number): void {
  try {
    tree.own()
  } finally {
    setTop(nodes, root)
  }
}

// ---- reading ----

/** Visits `count` elements from index `from` on, upwards or with `back` downwards; there must be as many. */
export function quicklistRange(
  nodes: Nodes,
  root: number,
  from: number,
  count: number,
  back: boolean,
  visit: VisitListElement,
): void {
  if (count === 0) return
  let leaf = tree.seekIndex(nodes, topOf(nodes, root), from)
  let offset = tree.offset
  let left = count
  let index = from
  const step = back ? -1 : 1
  for (;;) {
    if (isPage(nodes, leaf)) {
      const b = slabOf(nodes, leaf)
      const at = listpackAt(leaf)
      for (let p = lpSeek(b, at, offset); p !== NONE; p = back ? lpPrevious(b, at, p) : lpNext(b, p)) {
        lpText(b, p, TEXT)
        ELEMENT.bytes = TEXT.bytes as Buffer
        ELEMENT.start = TEXT.start
        ELEMENT.end = TEXT.end
        if (visit(ELEMENT, index) || --left === 0) return
        index += step
      }
    } else {
      if (visit(nodes.string(leaf, ELEMENT), index) || --left === 0) return
      index += step
    }
    leaf = back ? tree.previous() : tree.next()
    offset = back ? -1 : 0
  }
}

// ---- adding ----

/** Puts an element before the one at `index`, or behind all. Throws ArenaFullError before any change. */
export function quicklistInsert(
  nodes: Nodes,
  root: number,
  limit: number,
  index: number,
  bytes: Uint8Array,
  start: number,
  end: number,
): void {
  seekPlace(nodes, root, index)
  ownPath(nodes, root)
  const { leaf, offset } = tree
  const count = leaf === 0 ? 0 : tree.leafCount()
  const length = end - start
  if (leafTakes(nodes, limit, leaf, count, length)) {
    insertInto(nodes, root, offset, bytes, start, end)
  } else if (offset === 0 && index > 0 && leafTakes(nodes, limit, tree.previous(), tree.leafCount(), length)) {
    ownPath(nodes, root)
    insertInto(nodes, root, tree.leafCount(), bytes, start, end)
  } else if (offset === 0 || offset === count) {
    // The path may lead to the leaf before by now, which is as good a neighbour.
    ownPath(nodes, root)
    addLeaf(nodes, root, leafOf(nodes, root, bytes, start, end), 1, offset !== 0 || tree.leaf !== leaf)
  } else {
    split(nodes, root, offset)
    return quicklistInsert(nodes, root, limit, index, bytes, start, end)
  }
  addCount(nodes, root, 1)
}

/** Makes the path lead to where an element would be put: `tree.offset` is the index in its leaf. */
function seekPlace(nodes: Nodes, root: number, index: number): void {
  const top = topOf(nodes, root)
  if (index < nodes.count(root)) tree.seekIndex(nodes, top, index)
  else if (tree.seekLast(nodes, top) !== 0) tree.offset = tree.leafCount()
}

function leafTakes(nodes: Nodes, limit: number, leaf: number, count: number, length: number): boolean {
  if (leaf === 0 || isLongElement(length) || !isPage(nodes, leaf)) return false
  return pageTakes(limit, lpBytes(slabOf(nodes, leaf), listpackAt(leaf)), count, length)
}

/** Puts an element into the page that the owned path leads to. */
function insertInto(nodes: Nodes, root: number, offset: number, bytes: Uint8Array, start: number, end: number): void {
  const count = tree.leafCount()
  const before = lpBytes(slabOf(nodes, tree.leaf), listpackAt(tree.leaf))
  const page = nodes.resize(root, tree.leaf, pageUnits(before + lpEncodedBytes(bytes, start, end)))
  tree.setLeaf(page, count + 1, 0)
  const b = slabOf(nodes, page)
  const at = listpackAt(page)
  lpInsert(b, at, offset === count ? lpEnd(b, at) : lpSeek(b, at, offset), bytes, start, end)
}

/** Makes two of the page that the owned path leads to; the second begins with element `offset`, and is neither's first. */
function split(nodes: Nodes, root: number, offset: number): void {
  const count = tree.leafCount()
  const page = nodes.own(tree.leaf)
  tree.setLeaf(page, count, 0)
  const at = listpackAt(page)
  const from = lpSeek(slabOf(nodes, page), at, offset)
  const end = lpEnd(slabOf(nodes, page), at)
  const second = allocPage(nodes, root, LP_EMPTY_BYTES + end - from)
  lpInit(slabOf(nodes, second), listpackAt(second))
  const to = listpackAt(second)
  lpInsertElements(
    slabOf(nodes, second),
    to,
    lpEnd(slabOf(nodes, second), to),
    slabOf(nodes, page),
    from,
    end,
    count - offset,
  )
  addLeaf(nodes, root, second, count - offset, true)
  tree.previous()
  lpDelete(slabOf(nodes, page), at, from, count - offset)
  tree.setLeaf(trimmed(nodes, root, page), offset, 0)
}

/** A page in a block of its size, if there is memory to move it. */
function trimmed(nodes: Nodes, root: number, page: number): number {
  try {
    return nodes.resize(root, page, pageUnits(lpBytes(slabOf(nodes, page), listpackAt(page))))
  } catch (error) {
    // Saving memory is no reason to fail for want of it.
    if (error instanceof ArenaFullError) return page
    throw error
  }
}

/** Adds the elements of a listpack of at most LIST_PAGE_BYTES_MAX, which has some, as a page behind all others. */
export function quicklistAppendPage(nodes: Nodes, root: number, listpack: Uint8Array, at: number): void {
  const count = lpCount(listpack, at)
  const page = pageOf(nodes, root, listpack, at)
  tree.seekLast(nodes, topOf(nodes, root))
  ownPath(nodes, root)
  addLeaf(nodes, root, page, count, true)
  addCount(nodes, root, count)
}

/** Puts another element in the place of the one at `index`. Throws ArenaFullError, with the list as it was. */
export function quicklistReplace(
  nodes: Nodes,
  root: number,
  limit: number,
  index: number,
  bytes: Uint8Array,
  start: number,
  end: number,
): void {
  const leaf = tree.seekIndex(nodes, topOf(nodes, root), index)
  const { offset } = tree
  if (isPage(nodes, leaf) && !isLongElement(end - start)) {
    const at = listpackAt(leaf)
    const before = lpBytes(slabOf(nodes, leaf), at)
    const gone = lpElementBytes(slabOf(nodes, leaf), lpSeek(slabOf(nodes, leaf), at, offset))
    const after = before - gone + lpEncodedBytes(bytes, start, end)
    if (after <= LIST_PAGE_BYTES_MAX) {
      ownPath(nodes, root)
      const page = nodes.resize(root, leaf, pageUnits(Math.max(before, after)))
      const b = slabOf(nodes, page)
      lpReplace(b, listpackAt(page), lpSeek(b, listpackAt(page), offset), bytes, start, end)
      tree.setLeaf(after < before ? trimmed(nodes, root, page) : page, tree.leafCount(), 0)
      return
    }
  }
  quicklistInsert(nodes, root, limit, index, bytes, start, end)
  try {
    quicklistDelete(nodes, root, limit, index + 1, 1)
  } catch (error) {
    quicklistDelete(nodes, root, limit, index, 1)
    throw error
  }
}

// ---- removing ----

/**
 * Removes `count` elements from index `from` on; there must be as many. Throws ArenaFullError, if so before the first element is
 * removed or after whole leaves.
 */
export function quicklistDelete(nodes: Nodes, root: number, limit: number, from: number, count: number): void {
  for (let left = count; left > 0; ) {
    const leaf = tree.seekIndex(nodes, topOf(nodes, root), from)
    const { offset } = tree
    const inLeaf = tree.leafCount()
    const gone = Math.min(left, inLeaf - offset)
    ownPath(nodes, root)
    if (gone === inLeaf) {
      nodes.drop(root, leaf)
      tree.remove(root)
      addLeaves(nodes, root, -1)
    } else {
      const page = nodes.own(leaf)
      const b = slabOf(nodes, page)
      lpDelete(b, listpackAt(page), lpSeek(b, listpackAt(page), offset), gone)
      tree.setLeaf(trimmed(nodes, root, page), inLeaf - gone, 0)
      merge(nodes, root, limit)
    }
    setTop(nodes, root)
    addCount(nodes, root, -gone)
    left -= gone
  }
}

/** Makes one page of that of the path and a neighbour, if both are small. */
function merge(nodes: Nodes, root: number, limit: number): void {
  const by = canMerge(nodes, limit, 1) ? 1 : canMerge(nodes, limit, -1) ? -1 : 0
  if (by === 0) return
  const page = tree.leaf
  const other = tree.sibling(by)
  const [first, second] = by > 0 ? [page, other] : [other, page]
  const more = tree.siblingCount(by)
  const count = tree.leafCount() + more
  const from = listpackAt(second)
  const bytes = lpBytes(slabOf(nodes, first), listpackAt(first)) + lpBytes(slabOf(nodes, second), from) - LP_EMPTY_BYTES
  let merged: number
  try {
    merged = allocPage(nodes, root, bytes)
  } catch (error) {
    if (error instanceof ArenaFullError) return
    throw error
  }
  const b = slabOf(nodes, merged)
  const at = listpackAt(merged)
  const a = slabOf(nodes, first)
  b.set(a.subarray(listpackAt(first), listpackAt(first) + lpBytes(a, listpackAt(first))), at)
  const c = slabOf(nodes, second)
  lpInsertElements(b, at, lpEnd(b, at), c, from + LP_EMPTY_BYTES - 1, lpEnd(c, from), lpCount(c, from))
  nodes.drop(root, page)
  nodes.drop(root, other)
  tree.setLeaf(merged, count, 0)
  // The neighbour's elements are in the page of the path now, where they count already.
  tree.removeSibling(root, by)
  addLeaves(nodes, root, -1)
}

/** Whether the page of the path and that neighbour are small enough to be one. */
function canMerge(nodes: Nodes, limit: number, by: number): boolean {
  const other = tree.sibling(by)
  if (other === 0 || !isPage(nodes, other)) return false
  const bytes =
    lpBytes(slabOf(nodes, tree.leaf), listpackAt(tree.leaf)) + lpBytes(slabOf(nodes, other), listpackAt(other))
  if (limit < 0) return bytes <= pageBytesMax(limit) * MERGED_SHARE
  return bytes <= SAFE_BYTES * MERGED_SHARE && tree.leafCount() + tree.siblingCount(by) <= limit * MERGED_SHARE
}

// ---- the whole ----

/** The walk over a list (walk.ts): number of leaves, then each as a listpack, a long element as one with that alone. */
export function* walkQuicklist(nodes: Nodes, root: number, out: ElementOut | undefined, done: Done): Walk {
  const walk = new TreeWalk(nodes, topOf(nodes, root), done)
  out?.length(quicklistLeaves(nodes, root))
  let looked = 0
  for (let leaf = walk.next(); leaf !== 0; leaf = walk.next()) {
    if (out !== undefined) out.length(CONTAINER_PACKED)
    if (!isPage(nodes, leaf)) {
      if (out !== undefined) yield* writeLongElement(nodes, leaf, out)
    } else {
      const at = listpackAt(leaf)
      const bytes = lpBytes(slabOf(nodes, leaf), at)
      out?.string(slabOf(nodes, leaf), at, at + bytes)
      looked += bytes
    }
    done(leaf)
    if (looked < WALK_STEP_BYTES) continue
    yield looked
    looked = 0
  }
  done(root)
}

/** Writes a string node as a listpack with this one element, in parts. */
function* writeLongElement(nodes: Nodes, leaf: number, out: ElementOut): Walk {
  const length = nodes.stringLength(leaf)
  const total = LP_EMPTY_BYTES + lpStringBytes(length)
  const head = Buffer.alloc(11)
  head.writeUInt32LE(total, 0)
  head.writeUInt16LE(1, 4)
  head[6] = 0xf0
  head.writeUInt32LE(length, 7)
  out.begin(total)
  out.part(head, 0, head.length)
  const range: NodeBytes = { bytes: head, start: 0, end: 0 }
  for (let at = 0; at < length; at += WALK_STEP_BYTES) {
    // Anew each time: the block may have got another address, though not other contents.
    nodes.string(leaf, range)
    const size = Math.min(WALK_STEP_BYTES, length - at)
    out.part(range.bytes, range.start + at, range.start + at + size)
    yield size
  }
  const tail = Buffer.alloc(total - head.length - length, 0xff)
  let rest = length + 5
  for (let i = tail.length - 2; i >= 0; i--) {
    tail[i] = (rest & 0x7f) | (i > 0 ? 0x80 : 0)
    rest = Math.floor(rest / 128)
  }
  out.part(tail, 0, tail.length)
}

/** Moves the nodes of a list but the root (moving.ts). */
export function moveQuicklist(nodes: Nodes, rootOf: NodeOf): Moving {
  return moveTree(nodes, tree, rootOf, ROOT_HEADER_BYTES / 4)
}

/** A copy of the list. Throws ArenaFullError, and leaves nothing behind then. */
export function cloneQuicklist(nodes: Nodes, root: number): number {
  const copy = createQuicklist(nodes)
  try {
    const walk = new TreeWalk(nodes, topOf(nodes, root), () => {})
    for (let leaf = walk.next(); leaf !== 0; leaf = walk.next()) {
      if (isPage(nodes, leaf)) {
        quicklistAppendPage(nodes, copy, slabOf(nodes, leaf), listpackAt(leaf))
        continue
      }
      const { bytes, start, end } = nodes.string(leaf, ELEMENT)
      quicklistInsert(nodes, copy, 1, nodes.count(copy), bytes, start, end)
    }
  } catch (error) {
    releaseQuicklist(nodes, copy)
    throw error
  }
  return copy
}

/** Gives back a list that nobody else knows, at once. */
export function releaseQuicklist(nodes: Nodes, root: number): void {
  const walk = walkQuicklist(nodes, root, undefined, (h) => nodes.free(h))
  while (!walk.next().done);
}

/** Checks a list's invariants, for tests: the sums of the root, and that no leaf is empty. Returns what is wrong. */
export function quicklistFault(nodes: Nodes, root: number): string | undefined {
  const walk = new TreeWalk(nodes, topOf(nodes, root), () => {})
  let leaves = 0
  let elements = 0
  for (let leaf = walk.next(); leaf !== 0; leaf = walk.next()) {
    leaves++
    if (!isPage(nodes, leaf)) {
      elements++
      continue
    }
    const b = slabOf(nodes, leaf)
    const at = listpackAt(leaf)
    if (lpFirst(b, at) === NONE || lpLast(b, at) === NONE) return 'a page without elements'
    if (pageUnits(lpBytes(b, at)) > nodes.units(leaf)) return 'a page larger than its block'
    elements += lpCount(b, at)
  }
  if (leaves !== quicklistLeaves(nodes, root)) return `${leaves} leaves, not ${quicklistLeaves(nodes, root)}`
  return elements === nodes.count(root) ? undefined : `${elements} elements, not ${nodes.count(root)}`
}
