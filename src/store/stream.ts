// A stream: entries in the order of their IDs, on pages (stream-page.ts) in a tree (tree.ts), and what a stream remembers.
//
//   root   word 1    number of entries
//          word 4    the tree's top, 0 without entries
//          word 5    the consumer groups (stream-groups.ts), 0 without
//          words 6–9    the last ID that was given
//          words 10–13  the highest ID that was deleted
//          words 14–15  entries ever added, high and low
//          word 16      number of pages
//
// Unlike other collections a stream may be empty, and goes on from its last ID then.
//
// Invariants: entries ascend, all are at most the last ID, and no page is without an entry that is not deleted.

import {
  compareIds,
  copyId,
  idKey,
  makeStreamId,
  STREAM_ID_MAX,
  STREAM_ID_MIN,
  type StreamId,
} from '../lib/stream-id.ts'
import { SLAB_BITS, SLAB_MASK } from './arena.ts'
import { lpBytes, lpFirst, lpInteger, lpLast, lpPrevious, NONE } from './listpack.ts'
import { type Moving, moveLink, moveTree, type NodeOf } from './moving.ts'
import { type NodeBytes, type Nodes, ROOT_HEADER_BYTES } from './nodes.ts'
import {
  clonePage,
  dropPage,
  type EntryPairs,
  firstEntry,
  makePageEntry,
  markDeleted,
  nextEntry,
  type PageEntry,
  pageAppend,
  pageCount,
  pageId,
  pageListpack,
  pageMarked,
  pageOf,
  pageOfEntry,
  pageString,
  pageToMark,
  pageTrimmed,
  STRING_WORD,
  skipBefore,
} from './stream-page.ts'
import { type LeafOrder, Tree, TreeWalk } from './tree.ts'
import { type Done, type ElementOut, WALK_STEP_BYTES, type Walk, writeStringNode } from './walk.ts'

const TOP_WORD = ROOT_HEADER_BYTES / 4
/** Where the groups stand on the root. */
export const GROUPS_WORD = TOP_WORD + 1
const LAST_WORD = TOP_WORD + 2
const DELETED_WORD = TOP_WORD + 6
const ADDED_WORD = TOP_WORD + 10
const PAGES_WORD = TOP_WORD + 12
const ROOT_UNITS = ROOT_HEADER_BYTES / 8 + 7

/** Limits of a page, 0 for none. */
export interface PageLimits {
  readonly bytes: number
  readonly entries: number
}

const tree = new Tree()
const RANGE: NodeBytes = { bytes: Buffer.alloc(0), start: 0, end: 0 }
const ENTRY = makePageEntry()
const PAGE_ID = makeStreamId()

/** Finds the page of an ID among those whose milliseconds are equal. */
class Sought implements LeafOrder {
  nodes!: Nodes
  id: Readonly<StreamId> = STREAM_ID_MIN
  private readonly first = makeStreamId()

  startsAfter(page: number): boolean {
    return compareIds(pageId(this.nodes, page, this.first), this.id) > 0
  }
}

const sought = new Sought()

function word(nodes: Nodes, root: number, i: number): number {
  return nodes.arena.u32[root >>> SLAB_BITS][((root & SLAB_MASK) << 1) + i]
}

function setWord(nodes: Nodes, root: number, i: number, value: number): void {
  nodes.arena.u32[root >>> SLAB_BITS][((root & SLAB_MASK) << 1) + i] = value
}

function idAt(nodes: Nodes, root: number, i: number, into: StreamId): StreamId {
  into.msHigh = word(nodes, root, i)
  into.msLow = word(nodes, root, i + 1)
  into.seqHigh = word(nodes, root, i + 2)
  into.seqLow = word(nodes, root, i + 3)
  return into
}

function setIdAt(nodes: Nodes, root: number, i: number, id: Readonly<StreamId>): void {
  setWord(nodes, root, i, id.msHigh)
  setWord(nodes, root, i + 1, id.msLow)
  setWord(nodes, root, i + 2, id.seqHigh)
  setWord(nodes, root, i + 3, id.seqLow)
}

function seek(nodes: Nodes, root: number, id: Readonly<StreamId>): number {
  sought.nodes = nodes
  sought.id = id
  return tree.seekKey(nodes, word(nodes, root, TOP_WORD), idKey(id), sought)
}

/** The tree's key of a page. */
function keyOf(nodes: Nodes, page: number): number {
  return idKey(pageId(nodes, page, PAGE_ID))
}

// ---- what a stream remembers ----

/** A stream that never had an entry. Throws ArenaFullError. */
export function createStream(nodes: Nodes): number {
  const root = nodes.allocRoot(ROOT_UNITS)
  for (let i = TOP_WORD; i < ROOT_UNITS * 2; i++) setWord(nodes, root, i, 0)
  return root
}

/** The last ID that was given. */
export function streamLastId(nodes: Nodes, root: number, into: StreamId): StreamId {
  return idAt(nodes, root, LAST_WORD, into)
}

export function setStreamLastId(nodes: Nodes, root: number, id: Readonly<StreamId>): void {
  setIdAt(nodes, root, LAST_WORD, id)
}

/** The highest ID that was deleted. */
export function streamDeletedId(nodes: Nodes, root: number, into: StreamId): StreamId {
  return idAt(nodes, root, DELETED_WORD, into)
}

export function setStreamDeletedId(nodes: Nodes, root: number, id: Readonly<StreamId>): void {
  setIdAt(nodes, root, DELETED_WORD, id)
}

/** Number of entries that were ever added, 64 bits without sign. */
export function streamAdded(nodes: Nodes, root: number): bigint {
  return BigInt(word(nodes, root, ADDED_WORD)) * 4294967296n + BigInt(word(nodes, root, ADDED_WORD + 1))
}

export function setStreamAdded(nodes: Nodes, root: number, added: bigint): void {
  setWord(nodes, root, ADDED_WORD, Number(added >> 32n))
  setWord(nodes, root, ADDED_WORD + 1, Number(added & 0xffffffffn))
}

/** Handle of the consumer groups, 0 if there are none. */
export function streamGroups(nodes: Nodes, root: number): number {
  return word(nodes, root, GROUPS_WORD)
}

export function setStreamGroups(nodes: Nodes, root: number, groups: number): void {
  setWord(nodes, root, GROUPS_WORD, groups)
}

// ---- reading ----

/** Takes an entry, which is reused; false ends the visit. */
export type VisitEntry = (entry: PageEntry) => boolean

/** Visits the entries from `from` to `to`, both included, upwards or, with `back`, downwards. */
export function streamRange(
  nodes: Nodes,
  root: number,
  from: Readonly<StreamId>,
  to: Readonly<StreamId>,
  back: boolean,
  visit: VisitEntry,
): void {
  let page = seek(nodes, root, back ? to : from)
  const id = makeStreamId()
  const entry = makePageEntry()
  while (page !== 0) {
    pageId(nodes, page, id)
    const { bytes, start } = pageListpack(nodes, page, RANGE)
    if (!(back ? visitBack : visitForward)(bytes, start, id, entry, from, to, visit)) return
    page = back ? tree.previous() : tree.next()
  }
}

/** Visits what is within the bounds on one page; whether to go on with the next one. */
function visitForward(
  bytes: Buffer,
  at: number,
  page: Readonly<StreamId>,
  entry: PageEntry,
  from: Readonly<StreamId>,
  to: Readonly<StreamId>,
  visit: VisitEntry,
): boolean {
  let p = skipBefore(bytes, at, firstEntry(bytes, at), page, from)
  while (nextEntry(bytes, at, p, page, entry)) {
    p = entry.next
    if (entry.deleted || compareIds(entry.id, from) < 0) continue
    if (compareIds(entry.id, to) > 0 || !visit(entry)) return false
  }
  return true
}

function visitBack(
  bytes: Buffer,
  at: number,
  page: Readonly<StreamId>,
  entry: PageEntry,
  from: Readonly<StreamId>,
  to: Readonly<StreamId>,
  visit: VisitEntry,
): boolean {
  const first = firstEntry(bytes, at)
  if (first === NONE) return true
  // The last element of an entry is how many are before it: so the way back costs what is visited, not the whole page.
  for (let p = lpLast(bytes, at); p > first; ) {
    let flags = p
    for (let left = lpInteger(bytes, p); left > 0; left--) flags = lpPrevious(bytes, at, flags)
    nextEntry(bytes, at, flags, page, entry)
    p = lpPrevious(bytes, at, flags)
    if (entry.deleted || compareIds(entry.id, to) > 0) continue
    if (compareIds(entry.id, from) < 0 || !visit(entry)) return false
  }
  return true
}

/** The entry with an ID, or undefined. It is valid until the next call. */
export function streamEntry(nodes: Nodes, root: number, id: Readonly<StreamId>): PageEntry | undefined {
  const page = seek(nodes, root, id)
  return page !== 0 && findOnPage(nodes, page, id) ? ENTRY : undefined
}

/** Finds the entry with an ID on a page; it is ENTRY then. */
function findOnPage(nodes: Nodes, page: number, id: Readonly<StreamId>): boolean {
  pageId(nodes, page, PAGE_ID)
  const { bytes, start } = pageListpack(nodes, page, RANGE)
  let p = skipBefore(bytes, start, firstEntry(bytes, start), PAGE_ID, id)
  for (; nextEntry(bytes, start, p, PAGE_ID, ENTRY); p = ENTRY.next) {
    if (!ENTRY.deleted && compareIds(ENTRY.id, id) === 0) return true
  }
  return false
}

/** The ID of the first or the last entry; 0-0 if there is none. */
export function streamEdgeId(nodes: Nodes, root: number, last: boolean, into: StreamId): StreamId {
  copyId(into, STREAM_ID_MIN)
  streamRange(nodes, root, STREAM_ID_MIN, STREAM_ID_MAX, last, ({ id }) => {
    copyId(into, id)
    return false
  })
  return into
}

/** Calls `visit` with the ID of every page, which is reused. */
export function streamPages(nodes: Nodes, root: number, visit: (id: StreamId) => void): void {
  const top = word(nodes, root, TOP_WORD)
  for (let page = tree.seekFirst(nodes, top); page !== 0; page = tree.next()) visit(pageId(nodes, page, PAGE_ID))
}

// ---- changing: the root is the caller's to change (Nodes.own) ----

/** Adds an entry, whose ID is above the last one. Throws ArenaFullError before any change. */
export function streamAppend(
  nodes: Nodes,
  root: number,
  id: Readonly<StreamId>,
  pairs: EntryPairs,
  limits: PageLimits,
): void {
  try {
    appendToPages(nodes, root, id, pairs, limits)
  } finally {
    setWord(nodes, root, TOP_WORD, tree.top)
  }
  nodes.setCount(root, nodes.count(root) + 1)
  setIdAt(nodes, root, LAST_WORD, id)
  const added = (word(nodes, root, ADDED_WORD + 1) + 1) >>> 0
  setWord(nodes, root, ADDED_WORD + 1, added)
  if (added === 0) setWord(nodes, root, ADDED_WORD, word(nodes, root, ADDED_WORD) + 1)
}

function appendToPages(
  nodes: Nodes,
  root: number,
  id: Readonly<StreamId>,
  pairs: EntryPairs,
  limits: PageLimits,
): void {
  const page = tree.seekLast(nodes, word(nodes, root, TOP_WORD))
  tree.own()
  if (page !== 0) {
    const h = pageAppend(nodes, root, page, id, pairs, limits.bytes, limits.entries)
    if (h !== 0) return tree.setLeaf(h, tree.leafCount() + 1, keyOf(nodes, h))
    const trimmed = pageTrimmed(nodes, root, page)
    tree.setLeaf(trimmed, tree.leafCount(), keyOf(nodes, trimmed))
  }
  insertPage(nodes, root, pageOfEntry(nodes, root, id, pairs), 1)
}

/** Puts a page behind the one that the path leads to; if the arena is full the page is given back. */
function insertPage(nodes: Nodes, root: number, page: number, count: number): void {
  try {
    tree.reserve(root)
  } catch (error) {
    dropPage(nodes, root, page)
    throw error
  }
  tree.insertAfter(page, count, keyOf(nodes, page))
  setWord(nodes, root, PAGES_WORD, word(nodes, root, PAGES_WORD) + 1)
}

/**
 * Puts a page with a sound listpack, whose entries come after all that are there, behind the others. Count and IDs of the stream
 * are the caller's to set. Throws ArenaFullError.
 */
export function streamAppendPage(
  nodes: Nodes,
  root: number,
  id: Readonly<StreamId>,
  bytes: Uint8Array,
  start: number,
  end: number,
): void {
  tree.seekLast(nodes, word(nodes, root, TOP_WORD))
  const count = lpInteger(bytes, lpFirst(bytes, start))
  try {
    tree.own()
    insertPage(nodes, root, pageOf(nodes, root, id, bytes, start, end), count)
  } finally {
    setWord(nodes, root, TOP_WORD, tree.top)
  }
  nodes.setCount(root, nodes.count(root) + count)
}

/** Deletes the entry with an ID; whether it was there. Throws ArenaFullError before any change. */
export function streamDelete(nodes: Nodes, root: number, id: Readonly<StreamId>): boolean {
  const page = seek(nodes, root, id)
  if (page === 0 || !findOnPage(nodes, page, id)) return false
  try {
    tree.own()
    if (pageCount(nodes, page) === 1) removePage(nodes, root)
    else markOnPage(nodes, root, 1, (entry) => compareIds(entry.id, id) === 0)
  } finally {
    setWord(nodes, root, TOP_WORD, tree.top)
  }
  nodes.setCount(root, nodes.count(root) - 1)
  return true
}

/** Takes out the page that the path leads to. */
function removePage(nodes: Nodes, root: number): void {
  dropPage(nodes, root, tree.leaf)
  tree.remove(root)
  setWord(nodes, root, PAGES_WORD, word(nodes, root, PAGES_WORD) - 1)
}

/** Marks the entries that are chosen as deleted, up to `most`, from the first on; how many. Some must stay. */
function markOnPage(nodes: Nodes, root: number, most: number, choose: (entry: PageEntry) => boolean): number {
  const page = pageToMark(nodes, root, tree.leaf)
  const count = tree.leafCount()
  tree.setLeaf(page, count, keyOf(nodes, page))
  pageId(nodes, page, PAGE_ID)
  const { bytes, start } = pageListpack(nodes, page, RANGE)
  let marked = 0
  let p = firstEntry(bytes, start)
  while (marked < most && nextEntry(bytes, start, p, PAGE_ID, ENTRY)) {
    p = ENTRY.next
    if (ENTRY.deleted || !choose(ENTRY)) continue
    markDeleted(bytes, ENTRY.at)
    marked++
  }
  pageMarked(nodes, page, marked)
  tree.setLeaf(page, count - marked, keyOf(nodes, page))
  return marked
}

/** Up to where a stream is trimmed. */
export interface Trim {
  /** So many entries stay at least; undefined: those from `minId` on stay. */
  readonly maxLength: number | undefined
  readonly minId: Readonly<StreamId>
  /** Only whole pages go. */
  readonly approximate: boolean
  /** No more than so many entries go, by whole pages; 0 for no limit. */
  readonly limit: number
}

/** Removes entries from the beginning; how many. Throws ArenaFullError, and what went before is gone then. */
export function streamTrim(nodes: Nodes, root: number, { maxLength, minId, approximate, limit }: Trim): number {
  let removed = 0
  for (;;) {
    const length = nodes.count(root)
    if (maxLength !== undefined && length <= maxLength) return removed
    const page = tree.seekFirst(nodes, word(nodes, root, TOP_WORD))
    if (page === 0) return removed
    const count = tree.leafCount()
    if (limit > 0 && removed + count > limit) return removed
    const whole = maxLength !== undefined ? length - count >= maxLength : compareIds(lastIdOn(nodes, page), minId) < 0
    if (!whole && (approximate || (maxLength === undefined && compareIds(firstIdOn(nodes, page), minId) >= 0))) {
      return removed
    }
    let gone = count
    try {
      tree.own()
      if (whole) removePage(nodes, root)
      else {
        const most = maxLength === undefined ? count : length - maxLength
        gone = markOnPage(nodes, root, most, ({ id }) => maxLength !== undefined || compareIds(id, minId) < 0)
      }
    } finally {
      setWord(nodes, root, TOP_WORD, tree.top)
    }
    nodes.setCount(root, length - gone)
    removed += gone
    if (!whole) return removed
  }
}

/** The ID of the last entry on a page, deleted or not, as it is in ENTRY. */
function lastIdOn(nodes: Nodes, page: number): StreamId {
  pageId(nodes, page, PAGE_ID)
  const { bytes, start } = pageListpack(nodes, page, RANGE)
  let p = firstEntry(bytes, start)
  while (nextEntry(bytes, start, p, PAGE_ID, ENTRY)) p = ENTRY.next
  return ENTRY.id
}

/** The ID of the first entry on a page that is not deleted. */
function firstIdOn(nodes: Nodes, page: number): StreamId {
  pageId(nodes, page, PAGE_ID)
  const { bytes, start } = pageListpack(nodes, page, RANGE)
  let p = firstEntry(bytes, start)
  while (nextEntry(bytes, start, p, PAGE_ID, ENTRY) && ENTRY.deleted) p = ENTRY.next
  return ENTRY.id
}

// ---- the whole ----

/** Fills a root with a copy of what another one remembers and has on pages. Throws ArenaFullError; what is there then is whole. */
export function cloneStreamEntries(nodes: Nodes, root: number, target: number): void {
  for (let i = LAST_WORD; i < ADDED_WORD + 2; i++) setWord(nodes, target, i, word(nodes, root, i))
  const walk = new TreeWalk(nodes, word(nodes, root, TOP_WORD), () => {})
  for (let page = walk.next(); page !== 0; page = walk.next()) {
    const count = pageCount(nodes, page)
    tree.seekLast(nodes, word(nodes, target, TOP_WORD))
    try {
      insertPage(nodes, target, clonePage(nodes, target, page), count)
    } finally {
      setWord(nodes, target, TOP_WORD, tree.top)
    }
    nodes.setCount(target, nodes.count(target) + count)
  }
}

/** Number of pages. */
export function streamPageCount(nodes: Nodes, root: number): number {
  return word(nodes, root, PAGES_WORD)
}

/** Moves the pages of a stream (moving.ts). */
export function moveStreamPages(nodes: Nodes, rootOf: NodeOf): Moving {
  return moveTree(nodes, tree, rootOf, TOP_WORD, (page) => {
    if (pageString(nodes, page) !== 0) moveLink(nodes, page, STRING_WORD)
    return true
  })
}

/** The walk over the pages: for each, `page` is called with its ID, then its listpack is written; see walk.ts. */
export function* walkStreamPages(
  nodes: Nodes,
  root: number,
  out: ElementOut | undefined,
  done: Done,
  onPage: (id: StreamId) => void,
): Walk {
  const range: NodeBytes = { ...RANGE }
  const id = makeStreamId()
  const walk = new TreeWalk(nodes, word(nodes, root, TOP_WORD), done)
  let looked = 0
  for (let page = walk.next(); page !== 0; page = walk.next()) {
    const node = pageString(nodes, page)
    if (out !== undefined) {
      onPage(pageId(nodes, page, id))
      if (node !== 0) yield* writeStringNode(nodes, node, out)
      else {
        pageListpack(nodes, page, range)
        out.string(range.bytes, range.start, range.end)
      }
    }
    if (node !== 0) done(node)
    else looked += lpBytes(pageListpack(nodes, page, range).bytes, range.start)
    done(page)
    if (looked < WALK_STEP_BYTES) continue
    yield looked
    looked = 0
  }
}
