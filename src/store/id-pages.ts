// Records in the order of stream IDs, in a tree (tree.ts) of pages: which entries a group has delivered and nobody has acknowledged.
//
//   page   word 1    number of records
//          then      records of 4 or 8 words: ms high, ms low, sequence high, sequence low, and what the user keeps (4 words)
//
// All functions take the tree's top; those that change it return with the new one in `idTop`, also when they throw.

import { compareIds, idKey, makeStreamId, STREAM_ID_MIN, type StreamId } from '../lib/stream-id.ts'
import { SLAB_BITS, SLAB_MASK } from './arena.ts'
import { type Moving, moveTree, type NodeOf } from './moving.ts'
import type { Nodes } from './nodes.ts'
import { type LeafOrder, Tree, TreeWalk } from './tree.ts'

/** Words of a record: an ID alone, or with 4 words of the user's. */
export const ID_WORDS = 4
export const PENDING_WORDS = 8
const HEADER_WORDS = 2
const RECORDS_MAX = 64
/** A page with fewer records is merged with a neighbour, if both fit. */
const SPARSE = 16

const tree = new Tree()

class Sought implements LeafOrder {
  nodes!: Nodes
  id: Readonly<StreamId> = STREAM_ID_MIN
  private readonly first = makeStreamId()

  startsAfter(page: number): boolean {
    return compareIds(readId(this.nodes, page, HEADER_WORDS, this.first), this.id) > 0
  }
}

const sought = new Sought()
const ID = makeStreamId()
const FIRST = makeStreamId()

/** The top after the last change. */
export function idTop(): number {
  return tree.top
}

function wordAt(nodes: Nodes, page: number, i: number): number {
  return nodes.arena.u32[page >>> SLAB_BITS][((page & SLAB_MASK) << 1) + i]
}

/** Number of records on a page. */
export function recordCount(nodes: Nodes, page: number): number {
  return wordAt(nodes, page, 1)
}

/** Reads the ID whose words begin at word `i` of a page. */
export function readId(nodes: Nodes, page: number, i: number, into: StreamId): StreamId {
  into.msHigh = wordAt(nodes, page, i)
  into.msLow = wordAt(nodes, page, i + 1)
  into.seqHigh = wordAt(nodes, page, i + 2)
  into.seqLow = wordAt(nodes, page, i + 3)
  return into
}

/** The word of a page at which record `i` begins. */
export function recordWord(i: number, words: number): number {
  return HEADER_WORDS + i * words
}

/** Where a record is. */
export interface Place {
  page: number
  /** The word at which it begins. */
  word: number
}

/** Index of the first record of a page that is not before an ID. */
function indexOn(nodes: Nodes, page: number, words: number, id: Readonly<StreamId>): number {
  let from = 0
  let to = recordCount(nodes, page)
  while (from < to) {
    const middle = (from + to) >>> 1
    if (compareIds(readId(nodes, page, recordWord(middle, words), ID), id) < 0) from = middle + 1
    else to = middle
  }
  return from
}

function seek(nodes: Nodes, top: number, id: Readonly<StreamId>): number {
  sought.nodes = nodes
  sought.id = id
  return tree.seekKey(nodes, top, idKey(id), sought)
}

function isAt(nodes: Nodes, page: number, words: number, i: number, id: Readonly<StreamId>): boolean {
  return i < recordCount(nodes, page) && compareIds(readId(nodes, page, recordWord(i, words), ID), id) === 0
}

/** Finds the record of an ID; whether there is one. */
export function findId(nodes: Nodes, top: number, words: number, id: Readonly<StreamId>, place: Place): boolean {
  const page = seek(nodes, top, id)
  if (page === 0) return false
  const i = indexOn(nodes, page, words, id)
  place.page = page
  place.word = recordWord(i, words)
  return isAt(nodes, page, words, i, id)
}

/** Visits the records from an ID on; `visit` returns whether to go on, and must not change the tree. */
export function visitIds(
  nodes: Nodes,
  top: number,
  words: number,
  from: Readonly<StreamId>,
  visit: (page: number, word: number) => boolean,
): void {
  let page = seek(nodes, top, from)
  if (page === 0) return
  let i = indexOn(nodes, page, words, from)
  while (page !== 0) {
    for (; i < recordCount(nodes, page); i++) if (!visit(page, recordWord(i, words))) return
    page = tree.next()
    i = 0
  }
}

/** The last ID, of a tree that is not empty. */
export function lastId(nodes: Nodes, top: number, words: number, into: StreamId): StreamId {
  const page = tree.seekLast(nodes, top)
  return readId(nodes, page, recordWord(recordCount(nodes, page) - 1, words), into)
}

function keyOf(nodes: Nodes, page: number): number {
  return idKey(readId(nodes, page, HEADER_WORDS, FIRST))
}

function unitsFor(records: number, words: number): number {
  return (HEADER_WORDS + records * words) >>> 1
}

function writeId(nodes: Nodes, page: number, word: number, id: Readonly<StreamId>): void {
  const u32 = nodes.arena.u32[page >>> SLAB_BITS]
  const w = ((page & SLAB_MASK) << 1) + word
  u32[w] = id.msHigh
  u32[w + 1] = id.msLow
  u32[w + 2] = id.seqHigh
  u32[w + 3] = id.seqLow
}

function setCount(nodes: Nodes, page: number, count: number): void {
  nodes.arena.u32[page >>> SLAB_BITS][((page & SLAB_MASK) << 1) + 1] = count
}

/** The record of an ID, to be changed: there already, or new with undefined words behind the ID. Throws ArenaFullError before any change. */
export function putId(
  nodes: Nodes,
  root: number,
  top: number,
  words: number,
  id: Readonly<StreamId>,
  place: Place,
): boolean {
  const page = seek(nodes, top, id)
  tree.own()
  if (page === 0) {
    insertPage(nodes, root, words, id, place)
    return true
  }
  const i = indexOn(nodes, page, words, id)
  place.word = recordWord(i, words)
  const count = recordCount(nodes, page)
  if (isAt(nodes, page, words, i, id)) {
    place.page = nodes.own(page)
    tree.setLeaf(place.page, count, keyOf(nodes, place.page))
    return false
  }
  if (count === RECORDS_MAX) {
    if (i === count) insertPage(nodes, root, words, id, place)
    else {
      split(nodes, root, page, words)
      return putId(nodes, root, tree.top, words, id, place)
    }
    return true
  }
  const h = nodes.resize(root, page, unitsFor(count + 1, words))
  const u32 = nodes.arena.u32[h >>> SLAB_BITS]
  const w = (h & SLAB_MASK) << 1
  // The usual place is behind all: a call into the runtime that moves nothing costs as much as the rest (measured, Node 20).
  if (i < count) u32.copyWithin(w + place.word + words, w + place.word, w + recordWord(count, words))
  writeId(nodes, h, place.word, id)
  setCount(nodes, h, count + 1)
  place.page = h
  tree.setLeaf(h, count + 1, keyOf(nodes, h))
  return true
}

/** Puts a page with one record behind the one that the path leads to. */
function insertPage(nodes: Nodes, root: number, words: number, id: Readonly<StreamId>, place: Place): void {
  const page = nodes.alloc(root, unitsFor(1, words))
  reserve(nodes, root, page)
  writeId(nodes, page, HEADER_WORDS, id)
  setCount(nodes, page, 1)
  tree.insertAfter(page, 1, idKey(id))
  place.page = page
  place.word = HEADER_WORDS
}

/** Room in the tree for a new page, which is given back if there is none. */
function reserve(nodes: Nodes, root: number, page: number): void {
  try {
    tree.reserve(root)
  } catch (error) {
    nodes.drop(root, page)
    throw error
  }
}

/** Moves the second half of the page that the path leads to onto a page of its own. */
function split(nodes: Nodes, root: number, page: number, words: number): void {
  const left = nodes.own(page)
  const count = recordCount(nodes, left)
  tree.setLeaf(left, count, keyOf(nodes, left))
  const half = count >>> 1
  const right = nodes.alloc(root, unitsFor(count - half, words))
  reserve(nodes, root, right)
  copyRecords(nodes, left, half, count, right, 0, words)
  setCount(nodes, right, count - half)
  setCount(nodes, left, half)
  tree.setLeaf(left, half, keyOf(nodes, left))
  tree.insertAfter(right, count - half, keyOf(nodes, right))
}

function copyRecords(
  nodes: Nodes,
  from: number,
  first: number,
  end: number,
  to: number,
  at: number,
  words: number,
): void {
  const source = (from & SLAB_MASK) << 1
  const records = nodes.arena.u32[from >>> SLAB_BITS].subarray(
    source + recordWord(first, words),
    source + recordWord(end, words),
  )
  nodes.arena.u32[to >>> SLAB_BITS].set(records, ((to & SLAB_MASK) << 1) + recordWord(at, words))
}

/** Removes the record of an ID; whether it was there. Throws ArenaFullError before any change. */
export function removeId(nodes: Nodes, root: number, top: number, words: number, id: Readonly<StreamId>): boolean {
  const page = seek(nodes, top, id)
  if (page === 0) return false
  const i = indexOn(nodes, page, words, id)
  if (!isAt(nodes, page, words, i, id)) return false
  tree.own()
  const count = recordCount(nodes, page)
  if (count === 1) {
    nodes.drop(root, page)
    tree.remove(root)
    return true
  }
  const h = nodes.own(page)
  const u32 = nodes.arena.u32[h >>> SLAB_BITS]
  const w = (h & SLAB_MASK) << 1
  u32.copyWithin(w + recordWord(i, words), w + recordWord(i + 1, words), w + recordWord(count, words))
  setCount(nodes, h, count - 1)
  tree.setLeaf(h, count - 1, keyOf(nodes, h))
  if (count - 1 < SPARSE) mergeWithNext(nodes, root, h, words)
  return true
}

/** Takes the records of the next page onto this one, which the path leads to, if they have room there. */
function mergeWithNext(nodes: Nodes, root: number, page: number, words: number): void {
  const other = tree.sibling(1)
  if (other === 0) return
  const [a, b] = [recordCount(nodes, page), recordCount(nodes, other)]
  if (a + b > RECORDS_MAX / 2) return
  const merged = nodes.resize(root, page, unitsFor(a + b, words))
  copyRecords(nodes, other, 0, b, merged, a, words)
  setCount(nodes, merged, a + b)
  nodes.drop(root, other)
  tree.setLeaf(merged, a + b, keyOf(nodes, merged))
  tree.removeSibling(root, 1)
}

/** The pages in order, of a tree that nobody changes; `done` is told of inner nodes. The page itself is the caller's to tell. */
export function walkIdPages(nodes: Nodes, top: number, done: (h: number) => void): TreeWalk {
  return new TreeWalk(nodes, top, done)
}

/** Moves the nodes of the tree whose top stands in a word of a node (moving.ts). */
export function moveIdPages(nodes: Nodes, holderOf: NodeOf, word: number): Moving {
  return moveTree(nodes, tree, holderOf, word)
}
