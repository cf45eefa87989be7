// Sorted sets: members with scores, in the order of scores and, where these are equal, of the members' bytes. Small ones are
// listpacks (member, score, member, score …, in order); large ones a dict that knows each member's score and a ranking that
// knows the order, on one root.
//
// Ranges of any kind are made of ranks: how many are below the lower end, how many up to the upper one.

import { formatDouble } from '../lib/double.ts'
import { cloneDict, createDict, dictDelete, dictGet, dictSet, moveDict, walkDict } from '../store/dict.ts'
import { ENCODING_SHIFT } from '../store/entry.ts'
import {
  LP_EMPTY_BYTES,
  lpBytes,
  lpCompare,
  lpCount,
  lpDelete,
  lpEncodedBytes,
  lpEnd,
  lpFind,
  lpFirst,
  lpInit,
  lpInsert,
  lpInsertInteger,
  lpInteger,
  lpIntegerBytes,
  lpIsInteger,
  lpNext,
  lpPrevious,
  lpReplaceInteger,
  lpSeek,
  lpText,
  makeLpText,
  NONE,
} from '../store/listpack.ts'
import type { Moving, NodeOf } from '../store/moving.ts'
import type { NodeBytes, Nodes } from '../store/nodes.ts'
import {
  cloneRanking,
  moveRanking,
  RANKING_UNITS,
  rankingInit,
  rankingInsert,
  rankingMembersBelow,
  rankingMove,
  rankingRange,
  rankingRank,
  rankingRemove,
  rankingRemoveRange,
  rankingScoresBelow,
  walkRanking,
} from '../store/ranking.ts'
import type { Done, ElementOut, Walk } from '../store/walk.ts'
import type { BuiltValue, TypeLimits, ValueBuilder } from './builder.ts'
import { TYPE_ZSET, type ValueSource, type ValueType } from './value-type.ts'

const LISTPACK = 0
const PARTS = 8

/** Type and encoding as an entry's header holds them. */
export const ZSET_LISTPACK = TYPE_ZSET | (LISTPACK << ENCODING_SHIFT)
export const ZSET_PARTS = TYPE_ZSET | (PARTS << ENCODING_SHIFT)

/** Integers up to this in magnitude are integers in a listpack, too. */
const INTEGER_SCORE_MAX = 2 ** 62

/** Takes a member and its score. The range is reused. */
export type VisitMember = (member: NodeBytes, score: number) => void

const MEMBER: NodeBytes = { bytes: Buffer.alloc(0), start: 0, end: 0 }
/** Where the dict has a score. */
const SCORE: NodeBytes = { bytes: Buffer.alloc(0), start: 0, end: 0 }
const MEMBER_TEXT = makeLpText()
const SCORE_TEXT = makeLpText()
/** A score as the dict has it. */
const SCORE_BYTES = Buffer.alloc(8)

// ---- scores in a listpack ----

/** The score whose element is at `p`. */
export function listpackScore(b: Uint8Array, p: number): number {
  if (lpIsInteger(b, p)) return lpInteger(b, p)
  lpText(b, p, SCORE_TEXT)
  const text = (SCORE_TEXT.bytes as Buffer).toString('latin1', SCORE_TEXT.start, SCORE_TEXT.end)
  if (text === 'inf') return Number.POSITIVE_INFINITY
  return text === '-inf' ? Number.NEGATIVE_INFINITY : text === '' ? Number.NaN : Number(text)
}

function isIntegerScore(score: number): boolean {
  return Number.isInteger(score) && Math.abs(score) <= INTEGER_SCORE_MAX
}

/** Bytes that a member and its score take in a listpack. */
export function listpackPairBytes(bytes: Uint8Array, start: number, end: number, score: number): number {
  const scoreBytes = isIntegerScore(score) ? lpIntegerBytes(score) : lpEncodedBytes(...textOf(score))
  return lpEncodedBytes(bytes, start, end) + scoreBytes
}

function textOf(score: number): [Buffer, number, number] {
  const text = Buffer.from(formatDouble(score), 'latin1')
  return [text, 0, text.length]
}

/** Inserts a member that is not there where it belongs; there is room for it. */
export function listpackInsert(
  b: Uint8Array,
  at: number,
  bytes: Uint8Array,
  start: number,
  end: number,
  score: number,
): void {
  if (!isIntegerScore(score)) return insertScored(b, at, bytes, start, end, score, textOf(score)[0])
  const p = listpackPlace(b, at, score, bytes, start, end)
  lpInsertInteger(b, at, p, score)
  lpInsert(b, at, p, bytes, start, end)
}

/** The same with a score that is kept as text. */
function insertScored(
  b: Uint8Array,
  at: number,
  bytes: Uint8Array,
  start: number,
  end: number,
  score: number,
  text: Buffer,
): void {
  const p = listpackPlace(b, at, score, bytes, start, end)
  lpInsert(b, at, p, text, 0, text.length)
  lpInsert(b, at, p, bytes, start, end)
}

/** Position of the first member that comes after the given one, or of the end. */
function listpackPlace(
  b: Uint8Array,
  at: number,
  score: number,
  bytes: Uint8Array,
  start: number,
  end: number,
): number {
  for (let p = lpFirst(b, at); p !== NONE; ) {
    const s = lpNext(b, p)
    const other = listpackScore(b, s)
    if (other > score || (other === score && lpCompare(b, p, bytes, start, end) > 0)) return p
    p = lpNext(b, s)
  }
  return lpEnd(b, at)
}

// ---- reading ----

/** Number of members. */
export function zsetCount(zset: ValueSource): number {
  return zset.root === 0 ? lpCount(zset.bytes, zset.start) / 2 : zset.nodes.count(zset.root)
}

/** The score of the member in bytes [start, end), or NaN if it is not there. */
export function zsetScore(zset: ValueSource, bytes: Uint8Array, start: number, end: number): number {
  if (zset.root !== 0) return partsScore(zset.nodes, zset.root, bytes, start, end)
  const p = lpFind(zset.bytes, lpFirst(zset.bytes, zset.start), bytes, start, end, 1)
  return p === NONE ? Number.NaN : listpackScore(zset.bytes, lpNext(zset.bytes, p))
}

/** `zsetScore` of the form in parts. */
export function partsScore(nodes: Nodes, root: number, bytes: Uint8Array, start: number, end: number): number {
  return dictGet(nodes, root, bytes, start, end, SCORE) ? SCORE.bytes.readDoubleLE(SCORE.start) : Number.NaN
}

/** How many come before the member in bytes [start, end), which is there with that score. */
export function zsetRank(zset: ValueSource, score: number, bytes: Uint8Array, start: number, end: number): number {
  if (zset.root !== 0) return rankingRank(zset.nodes, zset.root, score, bytes, start, end)
  const b = zset.bytes
  const found = lpFind(b, lpFirst(b, zset.start), bytes, start, end, 1)
  let rank = 0
  for (let p = lpFirst(b, zset.start); p !== found; p = lpNext(b, lpNext(b, p))) rank++
  return rank
}

/** How many have a lower score, or with `orEqual` one that is not higher. */
export function zsetScoresBelow(zset: ValueSource, score: number, orEqual: boolean): number {
  if (zset.root !== 0) return rankingScoresBelow(zset.nodes, zset.root, score, orEqual)
  const b = zset.bytes
  let below = 0
  for (let p = lpFirst(b, zset.start); p !== NONE; below++) {
    const s = lpNext(b, p)
    const other = listpackScore(b, s)
    if (other > score || (other === score && !orEqual)) break
    p = lpNext(b, s)
  }
  return below
}

/** In a set whose scores are all equal: how many members come before the one in bytes [start, end), or with `orEqual` not after it. */
export function zsetMembersBelow(
  zset: ValueSource,
  bytes: Uint8Array,
  start: number,
  end: number,
  orEqual: boolean,
): number {
  if (zset.root !== 0) return rankingMembersBelow(zset.nodes, zset.root, bytes, start, end, orEqual)
  const b = zset.bytes
  let below = 0
  for (let p = lpFirst(b, zset.start); p !== NONE; p = lpNext(b, lpNext(b, p)), below++) {
    const order = lpCompare(b, p, bytes, start, end)
    if (order > 0 || (order === 0 && !orEqual)) break
  }
  return below
}

/** Visits `count` members from the rank `from` on, upwards or, with `back`, downwards; there must be as many. */
export function zsetRange(zset: ValueSource, from: number, count: number, back: boolean, visit: VisitMember): void {
  if (zset.root !== 0) return rankingRange(zset.nodes, zset.root, from, count, back, visit)
  const { bytes: b, start: at } = zset
  let p = count > 0 ? lpSeek(b, at, 2 * from) : NONE
  for (let i = 0; i < count; i++) {
    const s = lpNext(b, p)
    readMember(b, p)
    visit(MEMBER, listpackScore(b, s))
    p = back ? lpPrevious(b, at, lpPrevious(b, at, p)) : lpNext(b, s)
  }
}

function readMember(b: Uint8Array, p: number): void {
  lpText(b, p, MEMBER_TEXT)
  MEMBER.bytes = MEMBER_TEXT.bytes as Buffer
  MEMBER.start = MEMBER_TEXT.start
  MEMBER.end = MEMBER_TEXT.end
}

/** Calls `visit` for every member, in order. */
export function zsetForEach(zset: ValueSource, visit: VisitMember): void {
  zsetRange(zset, 0, zsetCount(zset), false, visit)
}

// ---- the form in parts: the root is the caller's to change ----

/**
 * Sets the score of a member that has the score `before`, or adds it if that is NaN. Throws ArenaFullError before any
 * change.
 */
export function partsSet(
  nodes: Nodes,
  root: number,
  bytes: Uint8Array,
  start: number,
  end: number,
  score: number,
  before: number,
): void {
  if (before === score) return
  const isNew = Number.isNaN(before)
  if (isNew) rankingInsert(nodes, root, score, bytes, start, end)
  else rankingMove(nodes, root, before, score, bytes, start, end)
  try {
    SCORE_BYTES.writeDoubleLE(score)
    dictSet(nodes, root, bytes, start, end, SCORE_BYTES, 0, 8)
  } catch (error) {
    if (isNew) rankingRemove(nodes, root, score, bytes, start, end)
    else rankingMove(nodes, root, score, before, bytes, start, end)
    throw error
  }
}

/** Removes a member; whether it was there. Throws ArenaFullError before any change. */
export function partsDelete(nodes: Nodes, root: number, bytes: Uint8Array, start: number, end: number): boolean {
  const score = partsScore(nodes, root, bytes, start, end)
  if (Number.isNaN(score)) return false
  rankingRemove(nodes, root, score, bytes, start, end)
  try {
    dictDelete(nodes, root, bytes, start, end)
  } catch (error) {
    rankingInsert(nodes, root, score, bytes, start, end)
    throw error
  }
  return true
}

/** Removes `count` members from the rank `from` on; there must be as many. */
export function partsRemoveRange(nodes: Nodes, root: number, from: number, count: number): void {
  rankingRemoveRange(nodes, root, from, count, ({ bytes, start, end }) => dictDelete(nodes, root, bytes, start, end))
}

/** Parts without members. Throws ArenaFullError. */
export function createParts(nodes: Nodes): number {
  const root = createDict(nodes, true, RANKING_UNITS)
  rankingInit(nodes, root)
  return root
}

/** The parts with the contents of a listpack. Throws ArenaFullError. */
export function zsetPartsOf(nodes: Nodes, listpack: Uint8Array, at: number): number {
  const root = createParts(nodes)
  try {
    for (let p = lpFirst(listpack, at); p !== NONE; ) {
      const s = lpNext(listpack, p)
      readMember(listpack, p)
      addPart(nodes, root, MEMBER.bytes, MEMBER.start, MEMBER.end, listpackScore(listpack, s))
      p = lpNext(listpack, s)
    }
  } catch (error) {
    releaseZset(nodes, root)
    throw error
  }
  return root
}

/** `partsSet` of a member that is not there, whose bytes may be those of MEMBER. */
function addPart(nodes: Nodes, root: number, bytes: Uint8Array, start: number, end: number, score: number): void {
  rankingInsert(nodes, root, score, bytes, start, end)
  SCORE_BYTES.writeDoubleLE(score)
  dictSet(nodes, root, bytes, start, end, SCORE_BYTES, 0, 8)
}

/** The walk over a sorted set (walk.ts): number of members, then each with its score, the highest first. */
export function* walkZset(nodes: Nodes, root: number, out: ElementOut | undefined, done: Done): Walk {
  out?.length(nodes.count(root))
  yield* walkRanking(nodes, root, out, done)
  yield* walkDict(nodes, root, undefined, done)
}

/** Moves the nodes of parts but the root (store/moving.ts). */
export function* moveZset(nodes: Nodes, rootOf: NodeOf): Moving {
  yield* moveRanking(nodes, rootOf)
  yield* moveDict(nodes, rootOf)
}

/** A copy of parts. Throws ArenaFullError, and leaves nothing behind then. */
export function cloneZset(nodes: Nodes, root: number): number {
  const copy = cloneDict(nodes, root, RANKING_UNITS)
  rankingInit(nodes, copy)
  try {
    cloneRanking(nodes, root, copy)
  } catch (error) {
    releaseZset(nodes, copy)
    throw error
  }
  return copy
}

/** Gives back parts that nobody else knows, at once. */
export function releaseZset(nodes: Nodes, root: number): void {
  const walk = walkZset(nodes, root, undefined, (h) => nodes.free(h))
  while (!walk.next().done);
}

// ---- building ----

/** Whether a member of so many bytes, as the last of so many members, may be in a listpack. */
export function zsetFitsListpack(limits: TypeLimits, members: number, bytes: number): boolean {
  return members <= limits['zset-max-listpack-entries'] && bytes <= limits['zset-max-listpack-value']
}

/** Builds a sorted set from members that come one after the other, in any order. */
export interface ZsetBuilder extends ValueBuilder {
  /** Adds a member with a score; whether it is new. The score of one that is there already is replaced. */
  set(bytes: Uint8Array, start: number, end: number, score: number): boolean
  /** Number of members. */
  count(): number
  /** Whether it is a listpack so far. */
  isCompact(): boolean
}

/**
 * A builder of a sorted set. `expected` is a hint: so many members are about to come. A score of -0 becomes 0 in a listpack, as in
 * Redis, but only when it is sure that the set stays one.
 */
export function createZsetBuilder(nodes: Nodes, limits: TypeLimits, expected = 0): ZsetBuilder {
  let listpack = Buffer.allocUnsafe(LISTPACK_ROOM)
  lpInit(listpack, 0)
  let members = 0
  let minusZeros = false
  let root = expected > limits['zset-max-listpack-entries'] ? createParts(nodes) : 0

  const makeRoom = (bytes: number): void => {
    const needed = lpBytes(listpack, 0) + bytes
    if (needed <= listpack.length) return
    const larger = Buffer.allocUnsafe(Math.max(needed, 2 * listpack.length))
    listpack.copy(larger, 0, 0, lpBytes(listpack, 0))
    listpack = larger
  }

  return {
    set(bytes, start, end, score) {
      if (root === 0) {
        const known = lpFind(listpack, lpFirst(listpack, 0), bytes, start, end, 1)
        if (known !== NONE || zsetFitsListpack(limits, members + 1, end - start)) {
          if (known !== NONE) lpDelete(listpack, 0, known, 2)
          else members++
          if (Object.is(score, -0)) {
            minusZeros = true
            makeRoom(lpEncodedBytes(bytes, start, end) + lpEncodedBytes(MINUS_ZERO, 0, 2))
            insertScored(listpack, 0, bytes, start, end, score, MINUS_ZERO)
          } else {
            makeRoom(listpackPairBytes(bytes, start, end, score))
            listpackInsert(listpack, 0, bytes, start, end, score)
          }
          return known === NONE
        }
        root = zsetPartsOf(nodes, listpack, 0)
      }
      const before = partsScore(nodes, root, bytes, start, end)
      partsSet(nodes, root, bytes, start, end, score, before)
      return Number.isNaN(before)
    },
    count: () => (root === 0 ? members : nodes.count(root)),
    isCompact: () => root === 0,
    finish(): BuiltValue {
      if (root !== 0) return { kind: ZSET_PARTS, root, bytes: listpack, start: 0, end: 0 }
      if (minusZeros) dropSigns(listpack)
      return { kind: ZSET_LISTPACK, root: 0, bytes: listpack, start: 0, end: lpEnd(listpack, 0) + 1 }
    },
    abandon() {
      if (root !== 0) releaseZset(nodes, root)
      root = 0
    },
  }
}

const MINUS_ZERO = Buffer.from('-0')

/** Makes scores of -0 in a listpack 0. */
function dropSigns(listpack: Uint8Array): void {
  for (let p = lpFirst(listpack, 0); p !== NONE; ) {
    const s = lpNext(listpack, p)
    if (listpackScore(listpack, s) === 0) lpReplaceInteger(listpack, 0, s, 0)
    p = lpNext(listpack, s)
  }
}

const LISTPACK_ROOM = 256 + LP_EMPTY_BYTES

/** What the keyspace and the generic commands need to know of sorted sets. */
export const ZSET_TYPE: ValueType = {
  type: TYPE_ZSET,
  name: 'zset',
  encodings: { [LISTPACK]: 'listpack', [PARTS]: 'skiplist' },
  parts: { [PARTS]: { walk: walkZset, clone: cloneZset, move: moveZset } },
  count: zsetCount,
  elements: zsetForEach,
}
