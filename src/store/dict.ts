// The table of parts: what large hashes and sets are made of. An extendible hash table (Fagin et al. 1979) in nodes, so that
// growing, shrinking and a snapshot's copies cost a bounded number of bytes at a time.
//
//   root    ROOT_HEADER, handle of the top (or of the only directory), log2 of the top's size, whether there are values
//   top     2^t handles of directories, indexed by the first t bits of the hash
//   dir     word 1: dt | b << 8 | full << 16. It has the hashes that begin with certain dt bits, and 2^b handles of pages,
//           indexed by the next b bits. `full` pages need all dt + b bits; without any, the directory can be halved.
//   page    the elements whose hashes begin with certain `depth` bits, see page.ts
//
// A page or directory stands in its parent once for each value of the bits that the parent looks at and it does not: in a run.
// A full page splits in two by the next bit of its hashes; a directory doubles when a page needs more bits than it has, up to
// 4,096 handles, then it splits itself. Sparse neighbours are merged again.
//
// A position of `dictScan` is a hash, and a step visits what has hashes from there to the end of a page. So it meets everything
// that is there all the time exactly once, whatever splits or merges meanwhile.

import type { Random } from '../lib/prng.ts'
import { ArenaFullError, SLAB_BITS, SLAB_MASK } from './arena.ts'
import { hashBytes } from './hash.ts'
import { LOOK_BYTES, type Moving, type NodeOf } from './moving.ts'
import { type NodeBytes, type Nodes, ROOT_HEADER_BYTES } from './nodes.ts'
import {
  addRecord,
  clonePage,
  type ElementPlace,
  findInPage,
  isCrowded,
  isSparse,
  mergePages,
  movePageStrings,
  newPage,
  pageBytes,
  pageCount,
  pageDepth,
  readElement,
  recordBytes,
  removeRecord,
  replaceValue,
  SLOTS_MAX,
  splitPage,
  type VisitPair,
  walkPage,
} from './page.ts'
import { type Done, type ElementOut, WALK_STEP_BYTES, type Walk } from './walk.ts'

const ROOT_UNITS = ROOT_HEADER_BYTES / 8 + 1
const LINK_WORD = ROOT_HEADER_BYTES / 4
const SHAPE_WORD = LINK_WORD + 1
const TOP_BITS_MASK = 0xff
const WITH_VALUES = 1 << 8
/** A directory of more bits splits. */
const DIR_BITS_MAX = 12
/** More bits than this are not looked at: pages may become larger then. That is some 2³² elements. */
const DEPTH_MAX = 26
/** Directories of up to this many bits merge with their neighbour. */
const DIR_MERGE_BITS_MAX = 10
/** Tries of `dictRandom`; a table that needs more is almost empty. */
const RANDOM_TRIES_MAX = 1000

// ---- making, reading ----

/** A new table, of elements with values or without; its root may have more units for somebody else. Throws ArenaFullError. */
export function createDict(nodes: Nodes, withValues: boolean, moreUnits = 0): number {
  const root = nodes.allocRoot(ROOT_UNITS + moreUnits)
  let page = 0
  try {
    page = newPage(nodes, root, 0, 0)
    const dir = newDir(nodes, root, 0, 0, 1)
    setLink(nodes, dir, 2, page)
    setLink(nodes, root, LINK_WORD, dir)
  } catch (error) {
    if (page !== 0) nodes.free(page)
    nodes.free(root)
    throw error
  }
  setLink(nodes, root, SHAPE_WORD, withValues ? WITH_VALUES : 0)
  return root
}

/** Whether the element in bytes [start, end) is there; its value, if the table has values, is written into `value`. */
export function dictGet(
  nodes: Nodes,
  root: number,
  bytes: Uint8Array,
  start: number,
  end: number,
  value: NodeBytes,
): boolean {
  const hash = hashBytes(bytes, start, end, nodes.hashKey)
  const page = pageOf(nodes, root, hash)
  const i = findInPage(nodes, page, hasValues(nodes, root), hash, bytes, start, end)
  if (i < 0) return false
  readElement(nodes, page, i, hasValues(nodes, root), undefined, value)
  return true
}

/** The hash of an element, for who asks twice about the same one: it costs as much as all else in a look-up. */
export function dictHash(nodes: Nodes, bytes: Uint8Array, start: number, end: number): number {
  return hashBytes(bytes, start, end, nodes.hashKey)
}

/** Whether the element in bytes [start, end) is there. */
export function dictHas(
  nodes: Nodes,
  root: number,
  bytes: Uint8Array,
  start: number,
  end: number,
  hash = dictHash(nodes, bytes, start, end),
): boolean {
  return findInPage(nodes, pageOf(nodes, root, hash), hasValues(nodes, root), hash, bytes, start, end) >= 0
}

/** Calls `visit` for every element. The table must not change meanwhile. */
export function dictForEach(nodes: Nodes, root: number, visit: VisitPair): void {
  const withValues = hasValues(nodes, root)
  for (let hash = 0; hash < 2 ** 32; ) {
    const page = pageOf(nodes, root, hash)
    visitPage(nodes, page, withValues, visit)
    hash += 2 ** (32 - pageDepth(nodes, page))
  }
}

function visitPage(nodes: Nodes, page: number, withValues: boolean, visit: VisitPair): void {
  const count = pageCount(nodes, page)
  for (let i = 0; i < count; i++) {
    readElement(nodes, page, i, withValues, FIELD, VALUE)
    visit(FIELD, VALUE)
  }
}

/** Visits the elements of one page from the position on; the next position, 0 at the end. It begins with 0, too. */
export function dictScan(nodes: Nodes, root: number, cursor: number, visit: VisitPair): number {
  if (cursor >= 2 ** 32) return 0
  const page = pageOf(nodes, root, cursor >>> 0)
  const width = 2 ** (32 - pageDepth(nodes, page))
  const first = Math.floor(cursor / width) * width
  visitPage(nodes, page, hasValues(nodes, root), (field, value) => {
    if (cursor > first && hashBytes(field.bytes, field.start, field.end, nodes.hashKey) < cursor) return
    visit(field, value)
  })
  return first + width === 2 ** 32 ? 0 : first + width
}

/**
 * Visits a random element, each as likely as any other. What a page gets too much, because it has fewer bits than others or fewer
 * elements, is thrown back.
 */
export function dictRandom(nodes: Nodes, root: number, random: Random, visit: VisitPair): void {
  const withValues = hasValues(nodes, root)
  let page = 0
  for (let tries = 0; tries < RANDOM_TRIES_MAX; tries++) {
    const hash = random.uint32()
    const dir = dirOf(nodes, root, hash)
    page = link(nodes, dir, pageIndex(nodes, dir, hash))
    const i = random.below(Math.max(SLOTS_MAX, pageCount(nodes, page)))
    if (i >= pageCount(nodes, page)) continue
    const surplus = depthMax(nodes, root) - pageDepth(nodes, page)
    if (surplus > 0 && random.below(2 ** surplus) !== 0) continue
    readElement(nodes, page, i, withValues, FIELD, VALUE)
    return visit(FIELD, VALUE)
  }
  for (let hash = random.uint32(); ; ) {
    page = pageOf(nodes, root, hash)
    const count = pageCount(nodes, page)
    if (count > 0) {
      readElement(nodes, page, random.below(count), withValues, FIELD, VALUE)
      return visit(FIELD, VALUE)
    }
    hash = (hash + 2 ** (32 - pageDepth(nodes, page))) % 2 ** 32
  }
}

/** The most bits that any page has, at most: those of the deepest directory. */
function depthMax(nodes: Nodes, root: number): number {
  const t = topBits(nodes, root)
  const first = link(nodes, root, LINK_WORD)
  if (t === 0) return dirBits(nodes, first)
  // Directories of a large table have all but the same depth; a page beyond this is a little more likely than others.
  return t + DIR_BITS_MAX
}

// ---- changing: the root is the caller's to change (Nodes.own) ----

/**
 * Sets the value of the element in bytes [start, end), which is added if it is not there; whether it was added. In a table
 * without values the value is of no account. Throws ArenaFullError before any change.
 */
export function dictSet(
  nodes: Nodes,
  root: number,
  bytes: Uint8Array,
  start: number,
  end: number,
  valueBytes: Uint8Array,
  valueStart: number,
  valueEnd: number,
  hash = dictHash(nodes, bytes, start, end),
): boolean {
  const withValues = hasValues(nodes, root)
  const size = recordBytes(end - start, withValues ? valueEnd - valueStart : -1)
  for (;;) {
    const page = pageOf(nodes, root, hash)
    const i = findInPage(nodes, page, withValues, hash, bytes, start, end)
    if (i >= 0 && !withValues) return false
    if (isCrowded(nodes, page, size, i >= 0) && split(nodes, root, hash)) continue
    const dir = ownDir(nodes, root, hash)
    PLACE.page = page
    if (i >= 0) replaceValue(nodes, root, PLACE, i, valueBytes, valueStart, valueEnd)
    else addRecord(nodes, root, PLACE, withValues, hash, bytes, start, end, valueBytes, valueStart, valueEnd)
    if (PLACE.page !== page) setPage(nodes, dir, hash, PLACE.page)
    if (i < 0) nodes.setCount(root, nodes.count(root) + 1)
    return i < 0
  }
}

/** Removes the element in bytes [start, end); whether it was there. Throws ArenaFullError before any change. */
export function dictDelete(nodes: Nodes, root: number, bytes: Uint8Array, start: number, end: number): boolean {
  const withValues = hasValues(nodes, root)
  const hash = hashBytes(bytes, start, end, nodes.hashKey)
  const page = pageOf(nodes, root, hash)
  const i = findInPage(nodes, page, withValues, hash, bytes, start, end)
  if (i < 0) return false
  const dir = ownDir(nodes, root, hash)
  PLACE.page = page
  removeRecord(nodes, root, PLACE, i, withValues)
  if (PLACE.page !== page) setPage(nodes, dir, hash, PLACE.page)
  nodes.setCount(root, nodes.count(root) - 1)
  if (isSparse(nodes, PLACE.page)) merge(nodes, root, hash)
  return true
}

const FIELD: NodeBytes = { bytes: Buffer.alloc(0), start: 0, end: 0 }
const VALUE: NodeBytes = { bytes: Buffer.alloc(0), start: 0, end: 0 }
/** The page that an operation works on, which may move. Used within one call only. */
const PLACE: ElementPlace = { page: 0 }

// ---- the whole ----

/** The walk over a table (walk.ts): number of elements, then each element, with its value behind it. */
export function* walkDict(nodes: Nodes, root: number, out: ElementOut | undefined, done: Done): Walk {
  const withValues = hasValues(nodes, root)
  const t = topBits(nodes, root)
  const top = link(nodes, root, LINK_WORD)
  out?.length(nodes.count(root))
  let looked = 0
  for (let index = 0; index < 2 ** t; ) {
    const dir = t === 0 ? top : link(nodes, top, index + 2)
    const bits = dirBits(nodes, dir)
    const dt = dirDepth(nodes, dir)
    for (let i = 0; i < 2 ** (bits - dt); ) {
      const page = link(nodes, dir, i + 2)
      i += 2 ** (bits - pageDepth(nodes, page))
      looked += pageBytes(nodes, page)
      yield* walkPage(nodes, page, withValues, out, done)
      done(page)
      if (looked < WALK_STEP_BYTES) continue
      yield looked
      looked = 0
    }
    index += 2 ** (t - dt)
    done(dir)
  }
  if (t > 0) done(top)
  done(root)
}

/** A copy of a table. Throws ArenaFullError, and leaves nothing behind then. */
export function cloneDict(nodes: Nodes, root: number, moreUnits = 0): number {
  const withValues = hasValues(nodes, root)
  const copy = createDict(nodes, withValues, moreUnits)
  try {
    // Page by page in the order of their hashes: only the directories are built anew.
    for (let hash = 0; hash < 2 ** 32; ) {
      const page = pageOf(nodes, root, hash)
      const depth = pageDepth(nodes, page)
      while (pageDepth(nodes, pageOf(nodes, copy, hash)) < depth) split(nodes, copy, hash)
      const cloned = clonePage(nodes, copy, page, withValues)
      const empty = pageOf(nodes, copy, hash)
      setPage(nodes, dirOf(nodes, copy, hash), hash, cloned)
      nodes.drop(copy, empty)
      nodes.setCount(copy, nodes.count(copy) + pageCount(nodes, cloned))
      hash += 2 ** (32 - depth)
    }
  } catch (error) {
    releaseDict(nodes, copy)
    throw error
  }
  return copy
}

/** Moves the nodes of a table but the root (moving.ts). */
export function* moveDict(nodes: Nodes, rootOf: NodeOf): Moving {
  for (let hash = 0; hash < 2 ** 32; ) {
    const root = rootOf()
    if (root === 0) return
    const before = nodes.arena.movedBytes
    const dir = moveDir(nodes, root, hash)
    const at = pageIndex(nodes, dir, hash)
    const page = nodes.moved(link(nodes, dir, at))
    if (page !== link(nodes, dir, at)) setPage(nodes, dir, hash, page)
    if (movePageStrings(nodes, page, hasValues(nodes, root))) {
      const width = 2 ** (32 - pageDepth(nodes, page))
      hash = (Math.floor(hash / width) + 1) * width
    }
    yield nodes.arena.movedBytes - before + LOOK_BYTES
  }
}

/** Moves the directory for a hash, and the top. */
function moveDir(nodes: Nodes, root: number, hash: number): number {
  if (topBits(nodes, root) > 0) setLink(nodes, root, LINK_WORD, nodes.moved(link(nodes, root, LINK_WORD)))
  const dir = dirOf(nodes, root, hash)
  const moved = nodes.moved(dir)
  if (moved !== dir) setDir(nodes, root, hash, moved)
  return moved
}

/** Gives back a table that nobody else knows, at once. */
export function releaseDict(nodes: Nodes, root: number): void {
  const walk = walkDict(nodes, root, undefined, (h) => nodes.free(h))
  while (!walk.next().done);
}

// ---- the shape ----

function hasValues(nodes: Nodes, root: number): boolean {
  return (link(nodes, root, SHAPE_WORD) & WITH_VALUES) !== 0
}

/** log2 of the top's size; 0 if there is one directory and no top. */
function topBits(nodes: Nodes, root: number): number {
  return link(nodes, root, SHAPE_WORD) & TOP_BITS_MASK
}

function setTopBits(nodes: Nodes, root: number, bits: number): void {
  setLink(nodes, root, SHAPE_WORD, (link(nodes, root, SHAPE_WORD) & ~TOP_BITS_MASK) | bits)
}

/** Word i of a node: a handle, or something else. */
function link(nodes: Nodes, h: number, i: number): number {
  return nodes.arena.u32[h >>> SLAB_BITS][((h & SLAB_MASK) << 1) + i]
}

function setLink(nodes: Nodes, h: number, i: number, word: number): void {
  nodes.arena.u32[h >>> SLAB_BITS][((h & SLAB_MASK) << 1) + i] = word
}

function newDir(nodes: Nodes, root: number, dt: number, bits: number, full: number): number {
  const dir = nodes.alloc(root, 1 + ((2 ** bits + 1) >>> 1))
  setLink(nodes, dir, 1, dt | (bits << 8) | (full << 16))
  return dir
}

/** Bits of the hash that are the same for all of a directory. */
function dirDepth(nodes: Nodes, dir: number): number {
  return link(nodes, dir, 1) & 0xff
}

/** The same and those that it looks at, together. */
function dirBits(nodes: Nodes, dir: number): number {
  const word = link(nodes, dir, 1)
  return (word & 0xff) + ((word >>> 8) & 0xff)
}

/** Number of pages that need all bits of the directory. */
function dirFull(nodes: Nodes, dir: number): number {
  return link(nodes, dir, 1) >>> 16
}

function addFull(nodes: Nodes, dir: number, pages: number): void {
  setLink(nodes, dir, 1, link(nodes, dir, 1) + pages * 65536)
}

function dirOf(nodes: Nodes, root: number, hash: number): number {
  const t = topBits(nodes, root)
  const top = link(nodes, root, LINK_WORD)
  return t === 0 ? top : link(nodes, top, (hash >>> (32 - t)) + 2)
}

/** Where the page for a hash stands in a directory, as a word of the node. */
function pageIndex(nodes: Nodes, dir: number, hash: number): number {
  const word = link(nodes, dir, 1)
  const bits = (word >>> 8) & 0xff
  return bits === 0 ? 2 : ((hash << (word & 0xff)) >>> (32 - bits)) + 2
}

function pageOf(nodes: Nodes, root: number, hash: number): number {
  const dir = dirOf(nodes, root, hash)
  return link(nodes, dir, pageIndex(nodes, dir, hash))
}

/** The directory for a hash, ready to be changed, and so the top. */
function ownDir(nodes: Nodes, root: number, hash: number): number {
  const dir = dirOf(nodes, root, hash)
  if (!nodes.walking) return dir
  if (topBits(nodes, root) > 0) setLink(nodes, root, LINK_WORD, nodes.own(link(nodes, root, LINK_WORD)))
  const owned = nodes.own(dir)
  if (owned !== dir) setDir(nodes, root, hash, owned)
  return owned
}

/** Puts a directory in its run of the top, which is owned. */
function setDir(nodes: Nodes, root: number, hash: number, dir: number): void {
  const t = topBits(nodes, root)
  if (t === 0) return setLink(nodes, root, LINK_WORD, dir)
  fillRun(nodes, link(nodes, root, LINK_WORD), hash >>> (32 - t), t - dirDepth(nodes, dir), dir)
}

/** Puts a page in its run of a directory, which is owned. */
function setPage(nodes: Nodes, dir: number, hash: number, page: number): void {
  const index = pageIndex(nodes, dir, hash) - 2
  fillRun(nodes, dir, index, dirBits(nodes, dir) - pageDepth(nodes, page), page)
}

/** Sets the 2^bits links of the run that link `index` is in. */
function fillRun(nodes: Nodes, h: number, index: number, bits: number, to: number): void {
  const first = ((h & SLAB_MASK) << 1) + 2 + ((index >>> bits) << bits)
  nodes.arena.u32[h >>> SLAB_BITS].fill(to, first, first + (1 << bits))
}

// ---- growing ----

/** Splits the page for a hash; false if that is not possible any more. Throws ArenaFullError before any change that shows. */
function split(nodes: Nodes, root: number, hash: number): boolean {
  const page = pageOf(nodes, root, hash)
  const depth = pageDepth(nodes, page)
  if (depth >= DEPTH_MAX) return false
  let dir = ownDir(nodes, root, hash)
  while (dirBits(nodes, dir) === depth) dir = growDir(nodes, root, hash, dir)
  const [left, right] = splitPage(nodes, root, page, hasValues(nodes, root))
  const bit = 2 ** (31 - depth)
  const start = Math.floor(hash / (2 * bit)) * 2 * bit
  setPage(nodes, dir, start, left)
  setPage(nodes, dir, start + bit, right)
  if (depth + 1 === dirBits(nodes, dir)) addFull(nodes, dir, 2)
  nodes.drop(root, page)
  return true
}

/** Makes an owned directory look at one bit more, or splits it; the directory for the hash. */
function growDir(nodes: Nodes, root: number, hash: number, dir: number): number {
  const dt = dirDepth(nodes, dir)
  const bits = dirBits(nodes, dir) - dt
  if (bits === DIR_BITS_MAX) return splitDir(nodes, root, hash, dir)
  const larger = newDir(nodes, root, dt, bits + 1, 0)
  for (let i = 0; i < 2 ** bits; i++) {
    const page = link(nodes, dir, i + 2)
    setLink(nodes, larger, 2 * i + 2, page)
    setLink(nodes, larger, 2 * i + 3, page)
  }
  setDir(nodes, root, hash, larger)
  nodes.drop(root, dir)
  return larger
}

function splitDir(nodes: Nodes, root: number, hash: number, dir: number): number {
  const dt = dirDepth(nodes, dir)
  if (dt === topBits(nodes, root)) doubleTop(nodes, root)
  const left = newDir(nodes, root, dt + 1, DIR_BITS_MAX - 1, 0)
  let right: number
  try {
    right = newDir(nodes, root, dt + 1, DIR_BITS_MAX - 1, 0)
  } catch (error) {
    nodes.drop(root, left)
    throw error
  }
  const half = 2 ** (DIR_BITS_MAX - 1)
  for (let i = 0; i < half; i++) {
    setLink(nodes, left, i + 2, link(nodes, dir, i + 2))
    setLink(nodes, right, i + 2, link(nodes, dir, half + i + 2))
  }
  countFull(nodes, left)
  countFull(nodes, right)
  const bit = 2 ** (31 - dt)
  const start = Math.floor(hash / (2 * bit)) * 2 * bit
  setDir(nodes, root, start, left)
  setDir(nodes, root, start + bit, right)
  nodes.drop(root, dir)
  return hash >= start + bit ? right : left
}

/** Counts the pages of a new directory that need all its bits. */
function countFull(nodes: Nodes, dir: number): void {
  const bits = dirBits(nodes, dir)
  const links = 2 ** (bits - dirDepth(nodes, dir))
  let full = 0
  for (let i = 0; i < links; i++) if (pageDepth(nodes, link(nodes, dir, i + 2)) === bits) full++
  addFull(nodes, dir, full)
}

function doubleTop(nodes: Nodes, root: number): void {
  const t = topBits(nodes, root)
  const top = link(nodes, root, LINK_WORD)
  const larger = nodes.alloc(root, 1 + 2 ** t)
  for (let i = 0; i < 2 ** t; i++) {
    const dir = t === 0 ? top : link(nodes, top, i + 2)
    setLink(nodes, larger, 2 * i + 2, dir)
    setLink(nodes, larger, 2 * i + 3, dir)
  }
  setLink(nodes, root, LINK_WORD, larger)
  setTopBits(nodes, root, t + 1)
  if (t > 0) nodes.drop(root, top)
}

// ---- shrinking ----

/** Merges the sparse page for a hash with its neighbour, if that is sparse as well; memory that is not there is no reason to fail. */
function merge(nodes: Nodes, root: number, hash: number): void {
  const dir = dirOf(nodes, root, hash)
  const page = pageOf(nodes, root, hash)
  const depth = pageDepth(nodes, page)
  if (depth === dirDepth(nodes, dir)) return
  const buddyHash = (hash ^ (2 ** (32 - depth))) >>> 0
  const buddy = pageOf(nodes, root, buddyHash)
  if (pageDepth(nodes, buddy) !== depth || !isSparse(nodes, buddy)) return
  const merged = unlessFull(() => mergePages(nodes, root, page, buddy, hasValues(nodes, root)))
  if (merged === 0) return
  setPage(nodes, dir, hash, merged)
  nodes.drop(root, page)
  nodes.drop(root, buddy)
  if (depth !== dirBits(nodes, dir)) return
  addFull(nodes, dir, -2)
  if (dirFull(nodes, dir) === 0) shrinkDir(nodes, root, hash, dir)
}

/** Halves a directory as often as none of its pages needs all its bits, and merges it with its neighbour if both are small. */
function shrinkDir(nodes: Nodes, root: number, hash: number, dir: number): void {
  const dt = dirDepth(nodes, dir)
  const bits = dirBits(nodes, dir) - dt
  const half = unlessFull(() => newDir(nodes, root, dt, bits - 1, 0))
  if (half === 0) return
  for (let i = 0; i < 2 ** (bits - 1); i++) setLink(nodes, half, i + 2, link(nodes, dir, 2 * i + 2))
  countFull(nodes, half)
  setDir(nodes, root, hash, half)
  nodes.drop(root, dir)
  if (bits > 1 && dirFull(nodes, half) === 0) return shrinkDir(nodes, root, hash, half)
  if (dt > 0 && bits - 1 <= DIR_MERGE_BITS_MAX) mergeDirs(nodes, root, hash, half)
}

function mergeDirs(nodes: Nodes, root: number, hash: number, dir: number): void {
  const dt = dirDepth(nodes, dir)
  const bit = 2 ** (32 - dt)
  const start = Math.floor(hash / (2 * bit)) * 2 * bit
  const left = dirOf(nodes, root, start)
  const right = dirOf(nodes, root, start + bit)
  if (dirDepth(nodes, left) !== dt || dirDepth(nodes, right) !== dt) return
  const leftBits = dirBits(nodes, left) - dt
  const rightBits = dirBits(nodes, right) - dt
  if (Math.max(leftBits, rightBits) > DIR_MERGE_BITS_MAX) return
  const bits = Math.max(leftBits, rightBits)
  const merged = unlessFull(() => newDir(nodes, root, dt - 1, bits + 1, 0))
  if (merged === 0) return
  for (let i = 0; i < 2 ** bits; i++) {
    setLink(nodes, merged, i + 2, link(nodes, left, (i >>> (bits - leftBits)) + 2))
    setLink(nodes, merged, 2 ** bits + i + 2, link(nodes, right, (i >>> (bits - rightBits)) + 2))
  }
  countFull(nodes, merged)
  setDir(nodes, root, start, merged)
  nodes.drop(root, left)
  nodes.drop(root, right)
  if (dt === topBits(nodes, root)) shrinkTop(nodes, root)
}

/** Halves the top, if no directory needs all its bits. */
function shrinkTop(nodes: Nodes, root: number): void {
  const t = topBits(nodes, root)
  const top = link(nodes, root, LINK_WORD)
  for (let i = 0; i < 2 ** t; i++) if (dirDepth(nodes, link(nodes, top, i + 2)) === t) return
  let to = link(nodes, top, 2)
  if (t > 1) {
    to = unlessFull(() => nodes.alloc(root, 1 + 2 ** (t - 2)))
    if (to === 0) return
    for (let i = 0; i < 2 ** (t - 1); i++) setLink(nodes, to, i + 2, link(nodes, top, 2 * i + 2))
  }
  setLink(nodes, root, LINK_WORD, to)
  setTopBits(nodes, root, t - 1)
  nodes.drop(root, top)
  if (t > 1) shrinkTop(nodes, root)
}

/** What an allocation gives, or 0 if there is no memory: for what is done to save some. */
function unlessFull(allocate: () => number): number {
  try {
    return allocate()
  } catch (error) {
    if (error instanceof ArenaFullError) return 0
    throw error
  }
}
