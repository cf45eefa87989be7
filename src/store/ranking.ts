// A ranking: members with scores, in the order of scores and, where these are equal, of the members' bytes. The part of a large
// sorted set that answers everything about order; which score a member has, its dict tells. A tree (tree.ts) of pages
// (ranking-page.ts).
//
//   root   …, word RANKING_WORD: the tree's top, 0 without members
//
// Everything is O(log n): a member's rank, the member of a rank, how many are below a score. Ranges of any kind are two ranks
// and then a walk from the first.

import { ArenaFullError, SLAB_BITS, SLAB_MASK } from './arena.ts'
import { type Moving, moveTree, type NodeOf } from './moving.ts'
import { type NodeBytes, type Nodes, ROOT_HEADER_BYTES } from './nodes.ts'
import {
  clonePage,
  comparePageMember,
  copyOf,
  memberBytes,
  mergedPage,
  moveLongMembers,
  PAGE_BYTES_MAX,
  PAGE_COUNT_MAX,
  pageBytes,
  pageCount,
  pageInsert,
  pageLongMember,
  pageMember,
  pageMembersBelow,
  pageMove,
  pageOfOne,
  pageRemove,
  pageScore,
  pageScoresBelow,
  pageSearch,
  pageTrimmed,
  pageUsedBytes,
} from './ranking-page.ts'
import { type LeafOrder, Tree, TreeWalk } from './tree.ts'
import { type Done, type ElementOut, WALK_STEP_BYTES, type Walk, writeStringNode } from './walk.ts'

/** Word of the root that the ranking has; those before it are the dict's. */
export const RANKING_WORD = ROOT_HEADER_BYTES / 4 + 2
/** Units that the root has for it. */
export const RANKING_UNITS = 1

/** Two neighbours merge if they have together no more than this of what a page may have. */
const MERGED_SHARE = 0.7
/** And it is looked into when one has less than this. */
const SPARSE_COUNT = 64
const SPARSE_BYTES = 1024

/** Takes a member and its score. The range is reused. */
export type VisitRanked = (member: NodeBytes, score: number) => void

/** A member that is sought: where scores are equal, its bytes decide. */
class Sought implements LeafOrder {
  nodes!: Nodes
  bytes: Uint8Array = new Uint8Array(0)
  start = 0
  end = 0

  startsAfter(page: number): boolean {
    return comparePageMember(this.nodes, page, 0, this.bytes, this.start, this.end) > 0
  }
}

/** For scores that are sought without a member: before or after all that have that score. */
const BEFORE_ALL: LeafOrder = { startsAfter: () => true }
const AFTER_ALL: LeafOrder = { startsAfter: () => false }

const tree = new Tree()
const sought = new Sought()
const MEMBER: NodeBytes = { bytes: Buffer.alloc(0), start: 0, end: 0 }

function topOf(nodes: Nodes, root: number): number {
  return nodes.arena.u32[root >>> SLAB_BITS][((root & SLAB_MASK) << 1) + RANKING_WORD]
}

function setTop(nodes: Nodes, root: number, top: number): void {
  nodes.arena.u32[root >>> SLAB_BITS][((root & SLAB_MASK) << 1) + RANKING_WORD] = top
}

/** Makes a root that has nothing there a ranking without members. */
export function rankingInit(nodes: Nodes, root: number): void {
  setTop(nodes, root, 0)
}

/** The page where the member is or belongs. */
function seek(nodes: Nodes, root: number, score: number, bytes: Uint8Array, start: number, end: number): number {
  sought.nodes = nodes
  sought.bytes = bytes
  sought.start = start
  sought.end = end
  return tree.seekKey(nodes, topOf(nodes, root), score, sought)
}

// ---- reading ----

/** How many come before the score and the member in bytes [start, end): the rank of a member that is there. */
export function rankingRank(
  nodes: Nodes,
  root: number,
  score: number,
  bytes: Uint8Array,
  start: number,
  end: number,
): number {
  const page = seek(nodes, root, score, bytes, start, end)
  return page === 0 ? 0 : tree.rank() + pageSearch(nodes, page, score, bytes, start, end)
}

/** How many have a lower score, or with `orEqual` one that is not higher. */
export function rankingScoresBelow(nodes: Nodes, root: number, score: number, orEqual: boolean): number {
  const page = tree.seekKey(nodes, topOf(nodes, root), score, orEqual ? AFTER_ALL : BEFORE_ALL)
  return page === 0 ? 0 : tree.rank() + pageScoresBelow(nodes, page, score, orEqual)
}

/**
 * In a ranking where all have the same score: how many members come before the one in bytes [start, end), or with `orEqual` not
 * after it. Where scores differ, the answer is some number of members.
 */
export function rankingMembersBelow(
  nodes: Nodes,
  root: number,
  bytes: Uint8Array,
  start: number,
  end: number,
  orEqual: boolean,
): number {
  const first = tree.seekFirst(nodes, topOf(nodes, root))
  if (first === 0) return 0
  const page = seek(nodes, root, pageScore(nodes, first, 0), bytes, start, end)
  return tree.rank() + pageMembersBelow(nodes, page, 0, pageCount(nodes, page), bytes, start, end, orEqual)
}

/** Visits `count` members from the rank `from` on, upwards or, with `back`, downwards; there must be as many. */
export function rankingRange(
  nodes: Nodes,
  root: number,
  from: number,
  count: number,
  back: boolean,
  visit: VisitRanked,
): void {
  if (count <= 0) return
  let page = tree.seekIndex(nodes, topOf(nodes, root), from)
  let i = tree.offset
  for (let left = count; ; ) {
    const end = back ? -1 : pageCount(nodes, page)
    for (; i !== end; i += back ? -1 : 1) {
      pageMember(nodes, page, i, MEMBER)
      visit(MEMBER, pageScore(nodes, page, i))
      if (--left === 0) return
    }
    page = back ? tree.previous() : tree.next()
    i = back ? pageCount(nodes, page) - 1 : 0
  }
}

// ---- changing: the root is the caller's to change (Nodes.own) ----

/** Adds a member that is not there. Throws ArenaFullError before any change. */
export function rankingInsert(
  nodes: Nodes,
  root: number,
  score: number,
  bytes: Uint8Array,
  start: number,
  end: number,
): void {
  const page = seek(nodes, root, score, bytes, start, end)
  try {
    tree.own()
    if (page === 0) insertPage(nodes, root, score, bytes, start, end, true)
    else insertInto(nodes, root, page, score, bytes, start, end)
  } finally {
    setTop(nodes, root, tree.top)
  }
}

/** Inserts a member into the page that the path leads to, or beside it. */
function insertInto(
  nodes: Nodes,
  root: number,
  page: number,
  score: number,
  bytes: Uint8Array,
  start: number,
  end: number,
): void {
  const i = pageSearch(nodes, page, score, bytes, start, end)
  const count = pageCount(nodes, page)
  if (count < PAGE_COUNT_MAX && pageUsedBytes(nodes, page) + memberBytes(end - start) <= PAGE_BYTES_MAX) {
    const h = pageInsert(nodes, root, page, i, score, bytes, start, end)
    tree.setLeaf(h, count + 1, pageScore(nodes, h, 0))
    return
  }
  // Filled in order, upwards or downwards, pages stay full.
  if (i === count && (count === 1 || tree.isLast())) return insertPage(nodes, root, score, bytes, start, end, true)
  if (i === 0 && (count === 1 || tree.isFirst())) return insertPage(nodes, root, score, bytes, start, end, false)
  const middle = count >>> 1
  split(nodes, root, page, middle)
  insertInto(nodes, root, i > middle ? tree.leaf : tree.previous(), score, bytes, start, end)
}

/** Puts a member on a page of its own, behind or before the page that the path leads to. */
function insertPage(
  nodes: Nodes,
  root: number,
  score: number,
  bytes: Uint8Array,
  start: number,
  end: number,
  after: boolean,
): void {
  const page = pageOfOne(nodes, root, score, bytes, start, end)
  reserve(nodes, root, page)
  if (tree.leaf !== 0)
    tree.setLeaf(pageTrimmed(nodes, root, tree.leaf), tree.leafCount(), pageScore(nodes, tree.leaf, 0))
  if (after) tree.insertAfter(page, 1, score)
  else tree.insertBefore(page, 1, score)
}

/** Room in the tree for a new page, which is given back if there is none. */
function reserve(nodes: Nodes, root: number, page: number): void {
  try {
    tree.reserve(root)
  } catch (error) {
    dropPage(nodes, root, page)
    throw error
  }
}

/** Splits the page that the path leads to, before index `middle`; the path then leads to the second half. */
function split(nodes: Nodes, root: number, page: number, middle: number): void {
  tree.reserve(root)
  const count = pageCount(nodes, page)
  const left = copyOf(nodes, root, page, 0, middle)
  let right: number
  try {
    right = copyOf(nodes, root, page, middle, count)
  } catch (error) {
    nodes.drop(root, left)
    throw error
  }
  nodes.drop(root, page)
  tree.setLeaf(left, middle, pageScore(nodes, left, 0))
  tree.insertAfter(right, count - middle, pageScore(nodes, right, 0))
}

/** Removes a member; whether it was there. Throws ArenaFullError before any change. */
export function rankingRemove(
  nodes: Nodes,
  root: number,
  score: number,
  bytes: Uint8Array,
  start: number,
  end: number,
): boolean {
  const page = seek(nodes, root, score, bytes, start, end)
  const i = indexInPage(nodes, page, score, bytes, start, end)
  if (i < 0) return false
  try {
    tree.own()
    removeHere(nodes, root, i, i + 1)
  } finally {
    setTop(nodes, root, tree.top)
  }
  return true
}

/** Index of a member in the page where it would be, or -1. */
function indexInPage(nodes: Nodes, page: number, score: number, bytes: Uint8Array, start: number, end: number): number {
  if (page === 0) return -1
  const i = pageSearch(nodes, page, score, bytes, start, end)
  if (i === pageCount(nodes, page) || pageScore(nodes, page, i) !== score) return -1
  return comparePageMember(nodes, page, i, bytes, start, end) === 0 ? i : -1
}

/** Gives a member that is there another score. Throws ArenaFullError before any change. */
export function rankingMove(
  nodes: Nodes,
  root: number,
  before: number,
  score: number,
  bytes: Uint8Array,
  start: number,
  end: number,
): void {
  const page = seek(nodes, root, before, bytes, start, end)
  const i = indexInPage(nodes, page, before, bytes, start, end)
  const to = i < 0 ? 0 : pageSearch(nodes, page, score, bytes, start, end)
  // The common case of small changes: others on the page show that the member stays on it.
  if (to > 0 && to < pageCount(nodes, page)) {
    try {
      tree.own()
      const h = pageMove(nodes, page, i, to, score)
      tree.setLeaf(h, pageCount(nodes, h), pageScore(nodes, h, 0))
    } finally {
      setTop(nodes, root, tree.top)
    }
    return
  }
  rankingInsert(nodes, root, score, bytes, start, end)
  try {
    rankingRemove(nodes, root, before, bytes, start, end)
  } catch (error) {
    rankingRemove(nodes, root, score, bytes, start, end)
    throw error
  }
}

/**
 * Removes `count` members from the rank `from` on; there must be as many. `visit` is called for each before it goes. If that
 * throws, those before are removed.
 */
export function rankingRemoveRange(nodes: Nodes, root: number, from: number, count: number, visit: VisitRanked): void {
  for (let left = count; left > 0; ) {
    const page = tree.seekIndex(nodes, topOf(nodes, root), from)
    const first = tree.offset
    const end = Math.min(first + left, pageCount(nodes, page))
    let i = first
    try {
      tree.own()
      const h = nodes.own(page)
      tree.setLeaf(h, pageCount(nodes, h), pageScore(nodes, h, 0))
      setTop(nodes, root, tree.top)
      for (; i < end; i++) {
        pageMember(nodes, h, i, MEMBER)
        visit(MEMBER, pageScore(nodes, h, i))
      }
    } finally {
      if (i > first) removeHere(nodes, root, first, i)
      setTop(nodes, root, tree.top)
    }
    left -= end - first
  }
}

/** Removes members [from, to) of the page that the path leads to. */
function removeHere(nodes: Nodes, root: number, from: number, to: number): void {
  const page = tree.leaf
  const left = pageCount(nodes, page) - (to - from)
  if (left === 0) {
    dropPage(nodes, root, page)
    tree.remove(root)
    return
  }
  const h = pageRemove(nodes, root, page, from, to)
  tree.setLeaf(h, left, pageScore(nodes, h, 0))
  if (left < SPARSE_COUNT && pageUsedBytes(nodes, h) < SPARSE_BYTES) merge(nodes, root, h)
}

/** Drops a page and the nodes that its members are in. */
function dropPage(nodes: Nodes, root: number, page: number): void {
  const count = pageCount(nodes, page)
  for (let i = 0; i < count; i++) {
    const node = pageLongMember(nodes, page, i)
    if (node !== 0) nodes.drop(root, node)
  }
  nodes.drop(root, page)
}

/** Merges the page that the path leads to with a neighbour, if they are small enough. */
function merge(nodes: Nodes, root: number, page: number): void {
  const by = canMerge(nodes, page, tree.sibling(1)) ? 1 : canMerge(nodes, page, tree.sibling(-1)) ? -1 : 0
  if (by === 0) return
  const other = tree.sibling(by)
  let merged: number
  try {
    merged = by > 0 ? mergedPage(nodes, root, page, other) : mergedPage(nodes, root, other, page)
  } catch (error) {
    // Saving memory is no reason to fail for want of it.
    if (error instanceof ArenaFullError) return
    throw error
  }
  nodes.drop(root, page)
  nodes.drop(root, other)
  tree.setLeaf(merged, pageCount(nodes, merged), pageScore(nodes, merged, 0))
  tree.removeSibling(root, by)
}

function canMerge(nodes: Nodes, page: number, other: number): boolean {
  return (
    other !== 0 &&
    pageCount(nodes, page) + pageCount(nodes, other) <= PAGE_COUNT_MAX * MERGED_SHARE &&
    pageUsedBytes(nodes, page) + pageUsedBytes(nodes, other) <= PAGE_BYTES_MAX * MERGED_SHARE
  )
}

/** Fills the ranking of another root, which has no members, with those of this one. Throws ArenaFullError; what is there then is whole. */
export function cloneRanking(nodes: Nodes, root: number, target: number): void {
  const walk = new TreeWalk(nodes, topOf(nodes, root), () => {})
  for (let page = walk.next(); page !== 0; page = walk.next()) {
    const count = pageCount(nodes, page)
    const copy = clonePage(nodes, target, page)
    tree.seekLast(nodes, topOf(nodes, target))
    try {
      reserve(nodes, target, copy)
      tree.insertAfter(copy, count, pageScore(nodes, copy, 0))
    } finally {
      setTop(nodes, target, tree.top)
    }
  }
}

// ---- the whole ----

/** Moves the nodes of a ranking but the root (moving.ts). */
export function moveRanking(nodes: Nodes, rootOf: NodeOf): Moving {
  return moveTree(nodes, tree, rootOf, RANKING_WORD, (page) => moveLongMembers(nodes, page))
}

/**
 * The walk over the members, the highest first as RDB files have them, each with its score; see walk.ts. The root and the number
 * of members are the caller's to tell.
 */
export function* walkRanking(nodes: Nodes, root: number, out: ElementOut | undefined, done: Done): Walk {
  const member: NodeBytes = { bytes: NO_BYTES, start: 0, end: 0 }
  const walk = new TreeWalk(nodes, topOf(nodes, root), done, true)
  let looked = 0
  for (let page = walk.next(); page !== 0; page = walk.next()) {
    for (let i = pageCount(nodes, page) - 1; i >= 0; i--) {
      const node = pageLongMember(nodes, page, i)
      if (node !== 0) {
        if (out !== undefined) yield* writeStringNode(nodes, node, out)
        done(node)
      } else if (out !== undefined) {
        pageMember(nodes, page, i, member)
        out.string(member.bytes, member.start, member.end)
      }
      out?.double(pageScore(nodes, page, i))
    }
    looked += pageBytes(nodes, page)
    done(page)
    if (looked < WALK_STEP_BYTES) continue
    yield looked
    looked = 0
  }
}

const NO_BYTES = Buffer.alloc(0)
