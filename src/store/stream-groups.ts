// The consumer groups of a stream: a tree (tree.ts) of groups in the order of their names, each a node with trees of its own.
//
//   group      word 1   node of the name                 words 6–7   entries read, 64 bits with a sign, -1: unknown
//              words 2–5   last ID delivered             word 8, 9   top and number of pending entries
//              word 10, 11   top and number of consumers     word 12   the next consumer's number
//   consumer   word 1   node of the name                 words 2–3   when it was last seen (double)
//              word 4   its number, from 1 on            word 5, 6   top and number of its pending IDs
//   pending    record of id-pages.ts: ID, number of the consumer, number of deliveries, when it was last delivered (double)
//
// A pending entry is in the group's tree and in that of its consumer, which has IDs only. Both are changed together.

import { compareBytes } from '../lib/bytes.ts'
import { compareIds, isZeroId, makeStreamId, STREAM_ID_MIN, type StreamId, writeIdKey } from '../lib/stream-id.ts'
import { SLAB_BITS, SLAB_MASK } from './arena.ts'
import {
  findId,
  ID_WORDS,
  idTop,
  lastId,
  moveIdPages,
  PENDING_WORDS,
  type Place,
  putId,
  readId,
  recordCount,
  recordWord,
  removeId,
  visitIds,
  walkIdPages,
} from './id-pages.ts'
import { type Moving, moveLink, moveTree, type NodeOf } from './moving.ts'
import type { NodeBytes, Nodes } from './nodes.ts'
import {
  GROUPS_WORD,
  setStreamGroups,
  streamAdded,
  streamDeletedId,
  streamEdgeId,
  streamGroups,
  streamLastId,
} from './stream.ts'
import { type LeafOrder, Tree, TreeWalk } from './tree.ts'
import { type Done, type ElementOut, WALK_STEP_BYTES, type Walk } from './walk.ts'

const NAME = 1
const GROUP_LAST = 2
const GROUP_READ = 6
const GROUP_PENDING = 8
const GROUP_CONSUMERS = 10
const GROUP_NEXT = 12
const GROUP_UNITS = 7
const CONSUMER_SEEN = 2
const CONSUMER_NUMBER = 4
const CONSUMER_PENDING = 5
const CONSUMER_UNITS = 4
const DELIVERIES_MAX = 2 ** 32 - 1

/** The number of entries that a group has read is not known. */
export const READ_UNKNOWN = -1n

/** How many entries had been added when that ID was; READ_UNKNOWN if nobody can say. */
export function addedUpTo(nodes: Nodes, root: number, id: Readonly<StreamId>): bigint {
  const added = streamAdded(nodes, root)
  if (added === 0n) return 0n
  const length = BigInt(nodes.count(root))
  const order = compareIds(id, streamLastId(nodes, root, makeStreamId()))
  if (length === 0n && order < 1) return added
  const deleted = streamDeletedId(nodes, root, makeStreamId())
  if (!isZeroId(id) && compareIds(id, deleted) < 0) return READ_UNKNOWN
  if (order >= 0) return order === 0 ? added : READ_UNKNOWN
  const first = streamEdgeId(nodes, root, false, makeStreamId())
  if (isZeroId(deleted) || compareIds(deleted, first) < 0) {
    const toFirst = compareIds(id, first)
    if (toFirst <= 0) return toFirst < 0 ? added - length : added - length + 1n
  }
  return READ_UNKNOWN
}

const groupTree = new Tree()
const consumerTree = new Tree()
const NAME_RANGE: NodeBytes = { bytes: Buffer.alloc(0), start: 0, end: 0 }

class Named implements LeafOrder {
  nodes!: Nodes
  bytes: Uint8Array = new Uint8Array(0)
  start = 0
  end = 0

  /** The order of a leaf's name and the one sought. */
  compare(leaf: number): number {
    const name = this.nodes.string(word(this.nodes, leaf, NAME), NAME_RANGE)
    return compareBytes(name.bytes, name.start, name.end, this.bytes, this.start, this.end)
  }

  startsAfter(leaf: number): boolean {
    return this.compare(leaf) > 0
  }
}

const named = new Named()

function word(nodes: Nodes, h: number, i: number): number {
  return nodes.arena.u32[h >>> SLAB_BITS][((h & SLAB_MASK) << 1) + i]
}

function setWord(nodes: Nodes, h: number, i: number, value: number): void {
  nodes.arena.u32[h >>> SLAB_BITS][((h & SLAB_MASK) << 1) + i] = value
}

function doubleAt(nodes: Nodes, h: number, i: number): number {
  return nodes.arena.f64[h >>> SLAB_BITS][(h & SLAB_MASK) + (i >>> 1)]
}

function setDoubleAt(nodes: Nodes, h: number, i: number, x: number): void {
  nodes.arena.f64[h >>> SLAB_BITS][(h & SLAB_MASK) + (i >>> 1)] = x
}

/** The leaf with that name, 0 if there is none; the path leads to where it belongs. */
function seekName(tree: Tree, nodes: Nodes, top: number, { bytes, start, end }: NodeBytes): number {
  named.nodes = nodes
  named.bytes = bytes
  named.start = start
  named.end = end
  const leaf = tree.seekKey(nodes, top, 0, named)
  return leaf !== 0 && named.compare(leaf) === 0 ? leaf : 0
}

/** Puts a new leaf with that name where the path of a search for it leads. Throws ArenaFullError before any change. */
function insertNamed(tree: Tree, nodes: Nodes, root: number, units: number, name: NodeBytes): number {
  const before = tree.leaf !== 0 && named.startsAfter(tree.leaf)
  tree.own()
  const string = nodes.allocString(root, name.bytes, name.start, name.end)
  let leaf = 0
  try {
    leaf = nodes.alloc(root, units)
    tree.reserve(root)
  } catch (error) {
    if (leaf !== 0) nodes.drop(root, leaf)
    nodes.drop(root, string)
    throw error
  }
  for (let i = 1; i < units * 2; i++) setWord(nodes, leaf, i, 0)
  setWord(nodes, leaf, NAME, string)
  if (before) tree.insertBefore(leaf, 1, 0)
  else tree.insertAfter(leaf, 1, 0)
  return leaf
}

/** The name of a group or consumer, written into `range`. */
export function nameOf(nodes: Nodes, h: number, range: NodeBytes): NodeBytes {
  return nodes.string(word(nodes, h, NAME), range)
}

// ---- groups ----

/** The group with that name, to read; 0 if there is none. */
export function findGroup(nodes: Nodes, root: number, name: NodeBytes): number {
  return seekName(groupTree, nodes, streamGroups(nodes, root), name)
}

/** The group with that name, to change: for a root that the caller owns. It must be there. */
export function groupToChange(nodes: Nodes, root: number, name: NodeBytes): number {
  seekName(groupTree, nodes, streamGroups(nodes, root), name)
  try {
    groupTree.own()
    groupTree.setLeaf(nodes.own(groupTree.leaf), 1, 0)
  } finally {
    setStreamGroups(nodes, root, groupTree.top)
  }
  return groupTree.leaf
}

/** A new group, or 0 if there is one with that name. Throws ArenaFullError before any change. */
export function createGroup(nodes: Nodes, root: number, name: NodeBytes, last: StreamId, read: bigint): number {
  if (findGroup(nodes, root, name) !== 0) return 0
  try {
    const group = insertNamed(groupTree, nodes, root, GROUP_UNITS, name)
    setGroupLast(nodes, group, last)
    setGroupRead(nodes, group, read)
    return group
  } finally {
    setStreamGroups(nodes, root, groupTree.top)
  }
}

/** Removes a group, which must be there. */
export function destroyGroup(nodes: Nodes, root: number, name: NodeBytes): void {
  const group = groupToChange(nodes, root, name)
  const walk = walkGroup(nodes, group, undefined, (h) => nodes.drop(root, h))
  while (!walk.next().done);
  groupTree.remove(root)
  setStreamGroups(nodes, root, groupTree.top)
}

/** Calls `visit` for every group, in the order of their names. */
export function visitGroups(nodes: Nodes, root: number, visit: (group: number) => void): void {
  const walk = new TreeWalk(nodes, streamGroups(nodes, root), () => {})
  for (let group = walk.next(); group !== 0; group = walk.next()) visit(group)
}

/** Number of groups. */
export function countGroups(nodes: Nodes, root: number): number {
  let count = 0
  visitGroups(nodes, root, () => count++)
  return count
}

/** The last ID that a group has delivered. */
export function groupLast(nodes: Nodes, group: number, into: StreamId): StreamId {
  return readId(nodes, group, GROUP_LAST, into)
}

export function setGroupLast(nodes: Nodes, group: number, id: Readonly<StreamId>): void {
  setWord(nodes, group, GROUP_LAST, id.msHigh)
  setWord(nodes, group, GROUP_LAST + 1, id.msLow)
  setWord(nodes, group, GROUP_LAST + 2, id.seqHigh)
  setWord(nodes, group, GROUP_LAST + 3, id.seqLow)
}

/** How many entries a group has read, or READ_UNKNOWN. */
export function groupRead(nodes: Nodes, group: number): bigint {
  return BigInt(word(nodes, group, GROUP_READ) | 0) * 4294967296n + BigInt(word(nodes, group, GROUP_READ + 1))
}

export function setGroupRead(nodes: Nodes, group: number, read: bigint): void {
  setWord(nodes, group, GROUP_READ, Number((read >> 32n) & 0xffffffffn))
  setWord(nodes, group, GROUP_READ + 1, Number(read & 0xffffffffn))
}

/** Whether the number of entries that a group has read is known. */
export function isGroupReadKnown(nodes: Nodes, group: number): boolean {
  return (word(nodes, group, GROUP_READ) & word(nodes, group, GROUP_READ + 1)) !== -1
}

/** Counts one entry more as read. Words, for this is done for every entry, and bigints cost more than all else here. */
export function countGroupRead(nodes: Nodes, group: number): void {
  const low = (word(nodes, group, GROUP_READ + 1) + 1) >>> 0
  setWord(nodes, group, GROUP_READ + 1, low)
  if (low === 0) setWord(nodes, group, GROUP_READ, word(nodes, group, GROUP_READ) + 1)
}

/** Number of entries that are delivered and not acknowledged. */
export function groupPending(nodes: Nodes, group: number): number {
  return word(nodes, group, GROUP_PENDING + 1)
}

export function groupConsumers(nodes: Nodes, group: number): number {
  return word(nodes, group, GROUP_CONSUMERS + 1)
}

// ---- consumers ----

/** The consumer with that name, to read; 0 if there is none. */
export function findConsumer(nodes: Nodes, group: number, name: NodeBytes): number {
  return seekName(consumerTree, nodes, word(nodes, group, GROUP_CONSUMERS), name)
}

/** A new consumer of a group that the caller owns; there is none with that name. Throws ArenaFullError before any change. */
export function createConsumer(nodes: Nodes, root: number, group: number, name: NodeBytes, seenMs: number): number {
  findConsumer(nodes, group, name)
  try {
    const consumer = insertNamed(consumerTree, nodes, root, CONSUMER_UNITS, name)
    const number = word(nodes, group, GROUP_NEXT) + 1
    setWord(nodes, group, GROUP_NEXT, number)
    setWord(nodes, consumer, CONSUMER_NUMBER, number)
    setDoubleAt(nodes, consumer, CONSUMER_SEEN, seenMs)
    setWord(nodes, group, GROUP_CONSUMERS + 1, groupConsumers(nodes, group) + 1)
    return consumer
  } finally {
    setWord(nodes, group, GROUP_CONSUMERS, consumerTree.top)
  }
}

/** Makes the consumer that the path leads to one to change. */
function ownConsumer(nodes: Nodes, group: number): number {
  try {
    consumerTree.own()
    consumerTree.setLeaf(nodes.own(consumerTree.leaf), 1, 0)
  } finally {
    setWord(nodes, group, GROUP_CONSUMERS, consumerTree.top)
  }
  return consumerTree.leaf
}

/** A consumer was seen, which must be there; it is returned. */
export function seeConsumer(nodes: Nodes, group: number, name: NodeBytes, nowMs: number): number {
  findConsumer(nodes, group, name)
  const consumer = ownConsumer(nodes, group)
  setDoubleAt(nodes, consumer, CONSUMER_SEEN, nowMs)
  return consumer
}

/** The consumer with that number; 0 if there is none. The path leads to it. */
export function consumerOf(nodes: Nodes, group: number, number: number): number {
  let consumer = consumerTree.seekFirst(nodes, word(nodes, group, GROUP_CONSUMERS))
  while (consumer !== 0 && word(nodes, consumer, CONSUMER_NUMBER) !== number) consumer = consumerTree.next()
  return consumer
}

/** Removes a consumer, which must be there, with its pending entries. */
export function deleteConsumer(nodes: Nodes, root: number, group: number, name: NodeBytes): void {
  const ids: StreamId[] = []
  visitConsumerPending(nodes, findConsumer(nodes, group, name), STREAM_ID_MIN, (id) => {
    ids.push({ ...id })
    return true
  })
  for (const id of ids) removePending(nodes, root, group, id)
  findConsumer(nodes, group, name)
  const consumer = ownConsumer(nodes, group)
  nodes.drop(root, word(nodes, consumer, NAME))
  nodes.drop(root, consumer)
  consumerTree.remove(root)
  setWord(nodes, group, GROUP_CONSUMERS, consumerTree.top)
  setWord(nodes, group, GROUP_CONSUMERS + 1, groupConsumers(nodes, group) - 1)
}

/** Calls `visit` for every consumer, in the order of their names. */
export function visitConsumers(nodes: Nodes, group: number, visit: (consumer: number) => void): void {
  const walk = new TreeWalk(nodes, word(nodes, group, GROUP_CONSUMERS), () => {})
  for (let consumer = walk.next(); consumer !== 0; consumer = walk.next()) visit(consumer)
}

/** When a consumer was last seen, in Unix milliseconds. */
export function consumerSeen(nodes: Nodes, consumer: number): number {
  return doubleAt(nodes, consumer, CONSUMER_SEEN)
}

export function consumerNumber(nodes: Nodes, consumer: number): number {
  return word(nodes, consumer, CONSUMER_NUMBER)
}

/** Number of pending entries of a consumer. */
export function consumerPending(nodes: Nodes, consumer: number): number {
  return word(nodes, consumer, CONSUMER_PENDING + 1)
}

// ---- pending entries ----

/** An entry that was delivered and not acknowledged. */
export interface Pending {
  readonly id: StreamId
  /** Number of the consumer, 0 for nobody. */
  consumer: number
  deliveries: number
  atMs: number
}

export function makePending(): Pending {
  return { id: makeStreamId(), consumer: 0, deliveries: 0, atMs: 0 }
}

const PLACE: Place = { page: 0, word: 0 }
const OTHER_PLACE: Place = { page: 0, word: 0 }

function readPending(nodes: Nodes, page: number, at: number, into: Pending): Pending {
  readId(nodes, page, at, into.id)
  into.consumer = word(nodes, page, at + 4)
  into.deliveries = word(nodes, page, at + 5)
  into.atMs = doubleAt(nodes, page, at + 6)
  return into
}

/** Reads the pending entry with an ID; whether there is one. */
export function findPending(nodes: Nodes, group: number, id: Readonly<StreamId>, into: Pending): boolean {
  if (!findId(nodes, word(nodes, group, GROUP_PENDING), PENDING_WORDS, id, PLACE)) return false
  readPending(nodes, PLACE.page, PLACE.word, into)
  return true
}

/** Sets a pending entry of a group that the caller owns, new or not, with the consumer of that number. Throws ArenaFullError. */
export function setPending(nodes: Nodes, root: number, group: number, entry: Pending): void {
  const { id, consumer } = entry
  let isNew: boolean
  try {
    isNew = putId(nodes, root, word(nodes, group, GROUP_PENDING), PENDING_WORDS, id, PLACE)
  } finally {
    setWord(nodes, group, GROUP_PENDING, idTop())
  }
  const { page, word: at } = PLACE
  const before = isNew ? 0 : word(nodes, page, at + 4)
  if (isNew) {
    setWord(nodes, group, GROUP_PENDING + 1, groupPending(nodes, group) + 1)
    setWord(nodes, page, at + 4, 0)
  }
  setWord(nodes, page, at + 5, Math.min(entry.deliveries, DELIVERIES_MAX))
  setDoubleAt(nodes, page, at + 6, entry.atMs)
  if (before === consumer) return
  try {
    if (consumer !== 0) changeConsumer(nodes, root, group, consumer, id, true)
  } catch (error) {
    if (isNew) removePending(nodes, root, group, id)
    throw error
  }
  if (before !== 0) changeConsumer(nodes, root, group, before, id, false)
  setWord(nodes, page, at + 4, consumer)
}

/** Adds an ID to those of a consumer, or takes it away. */
function changeConsumer(
  nodes: Nodes,
  root: number,
  group: number,
  number: number,
  id: Readonly<StreamId>,
  add: boolean,
): void {
  if (consumerOf(nodes, group, number) === 0) return
  const consumer = ownConsumer(nodes, group)
  const top = word(nodes, consumer, CONSUMER_PENDING)
  try {
    const changed = add ? putId(nodes, root, top, ID_WORDS, id, OTHER_PLACE) : removeId(nodes, root, top, ID_WORDS, id)
    if (changed) setWord(nodes, consumer, CONSUMER_PENDING + 1, consumerPending(nodes, consumer) + (add ? 1 : -1))
  } finally {
    setWord(nodes, consumer, CONSUMER_PENDING, idTop())
  }
}

/** Removes a pending entry of a group that the caller owns; whether it was there. */
export function removePending(nodes: Nodes, root: number, group: number, id: Readonly<StreamId>): boolean {
  if (!findId(nodes, word(nodes, group, GROUP_PENDING), PENDING_WORDS, id, PLACE)) return false
  const consumer = word(nodes, PLACE.page, PLACE.word + 4)
  try {
    removeId(nodes, root, word(nodes, group, GROUP_PENDING), PENDING_WORDS, id)
  } finally {
    setWord(nodes, group, GROUP_PENDING, idTop())
  }
  setWord(nodes, group, GROUP_PENDING + 1, groupPending(nodes, group) - 1)
  if (consumer !== 0) changeConsumer(nodes, root, group, consumer, id, false)
  return true
}

/** Visits the pending entries of a group from an ID on; the entry is reused, false ends the visit. Nothing may change meanwhile. */
export function visitPending(
  nodes: Nodes,
  group: number,
  from: Readonly<StreamId>,
  visit: (entry: Pending) => boolean,
): void {
  const entry = makePending()
  visitIds(nodes, word(nodes, group, GROUP_PENDING), PENDING_WORDS, from, (page, at) =>
    visit(readPending(nodes, page, at, entry)),
  )
}

/** The same for the pending IDs of a consumer. */
export function visitConsumerPending(
  nodes: Nodes,
  consumer: number,
  from: Readonly<StreamId>,
  visit: (id: StreamId) => boolean,
): void {
  const id = makeStreamId()
  visitIds(nodes, word(nodes, consumer, CONSUMER_PENDING), ID_WORDS, from, (page, at) =>
    visit(readId(nodes, page, at, id)),
  )
}

/** The last ID that is pending, in a group where some are. */
export function lastPending(nodes: Nodes, group: number, into: StreamId): StreamId {
  return lastId(nodes, word(nodes, group, GROUP_PENDING), PENDING_WORDS, into)
}

// ---- the whole ----

/** Copies the groups of a stream to another one, which has none. Throws ArenaFullError; what is there then is whole. */
export function cloneGroups(nodes: Nodes, root: number, target: number): void {
  visitGroups(nodes, root, (group) => {
    const name = { ...NAME_RANGE }
    const copy = createGroup(
      nodes,
      target,
      nameOf(nodes, group, name),
      groupLast(nodes, group, makeStreamId()),
      groupRead(nodes, group),
    )
    const numbers = new Map<number, number>()
    visitConsumers(nodes, group, (consumer) => {
      const made = createConsumer(nodes, target, copy, nameOf(nodes, consumer, name), consumerSeen(nodes, consumer))
      numbers.set(consumerNumber(nodes, consumer), consumerNumber(nodes, made))
    })
    const all: Pending[] = []
    visitPending(nodes, group, STREAM_ID_MIN, (entry) => {
      all.push({ ...entry, id: { ...entry.id } })
      return true
    })
    for (const entry of all) {
      setPending(nodes, target, copy, { ...entry, consumer: numbers.get(entry.consumer) ?? 0 })
    }
  })
}

const KEY = Buffer.alloc(16)
const TIME = Buffer.alloc(8)

function writeTime(out: ElementOut, ms: number): void {
  TIME.writeBigInt64LE(BigInt(Math.trunc(ms)))
  out.part(TIME, 0, 8)
}

/** How an ID is written as two numbers, and a number of 64 bits. */
export interface NumbersOut {
  id(out: ElementOut, id: StreamId): void
  words(out: ElementOut, high: number, low: number): void
}

/** The walk over the groups (walk.ts): their number, then each as RDB type 19 has it. */
export function* walkGroups(
  nodes: Nodes,
  root: number,
  out: ElementOut | undefined,
  done: Done,
  numbers: NumbersOut,
): Walk {
  out?.length(countGroups(nodes, root))
  const walk = new TreeWalk(nodes, streamGroups(nodes, root), done)
  for (let group = walk.next(); group !== 0; group = walk.next()) yield* walkGroup(nodes, group, out, done, numbers)
}

function* walkGroup(nodes: Nodes, group: number, out: ElementOut | undefined, done: Done, numbers?: NumbersOut): Walk {
  const name = { ...NAME_RANGE }
  if (out !== undefined && numbers !== undefined) {
    nameOf(nodes, group, name)
    out.string(name.bytes, name.start, name.end)
    numbers.id(out, groupLast(nodes, group, makeStreamId()))
    numbers.words(out, word(nodes, group, GROUP_READ), word(nodes, group, GROUP_READ + 1))
    out.length(groupPending(nodes, group))
  }
  done(word(nodes, group, NAME))
  yield* walkPending(nodes, word(nodes, group, GROUP_PENDING), PENDING_WORDS, out, done)
  out?.length(groupConsumers(nodes, group))
  const walk = new TreeWalk(nodes, word(nodes, group, GROUP_CONSUMERS), done)
  for (let consumer = walk.next(); consumer !== 0; consumer = walk.next()) {
    if (out !== undefined) {
      nameOf(nodes, consumer, name)
      out.string(name.bytes, name.start, name.end)
      writeTime(out, consumerSeen(nodes, consumer))
      out.length(consumerPending(nodes, consumer))
    }
    done(word(nodes, consumer, NAME))
    yield* walkPending(nodes, word(nodes, consumer, CONSUMER_PENDING), ID_WORDS, out, done)
    done(consumer)
  }
  done(group)
}

function* walkPending(nodes: Nodes, top: number, words: number, out: ElementOut | undefined, done: Done): Walk {
  const walk = walkIdPages(nodes, top, done)
  const entry = makePending()
  let looked = 0
  for (let page = walk.next(); page !== 0; page = walk.next()) {
    const count = recordCount(nodes, page)
    for (let i = 0; out !== undefined && i < count; i++) {
      writeIdKey(readId(nodes, page, recordWord(i, words), entry.id), KEY, 0)
      out.part(KEY, 0, 16)
      if (words === ID_WORDS) continue
      readPending(nodes, page, recordWord(i, words), entry)
      writeTime(out, entry.atMs)
      out.length(entry.deliveries)
    }
    done(page)
    looked += count * words * 4
    if (looked < WALK_STEP_BYTES) continue
    yield looked
    looked = 0
  }
}

/** Moves the groups of a stream (moving.ts): a group and its parts are found again by its place among the others. */
export function* moveGroups(nodes: Nodes, rootOf: NodeOf): Moving {
  const moveName = (h: number): boolean => {
    moveLink(nodes, h, NAME)
    return true
  }
  yield* moveTree(nodes, groupTree, rootOf, GROUPS_WORD, moveName)
  for (let i = 0; ; i++) {
    const group = nth(nodes, groupTree, rootOf, GROUPS_WORD, i)
    if (group() === 0) return
    yield* moveIdPages(nodes, group, GROUP_PENDING)
    yield* moveTree(nodes, consumerTree, group, GROUP_CONSUMERS, moveName)
    for (let j = 0; ; j++) {
      const consumer = nth(nodes, consumerTree, group, GROUP_CONSUMERS, j)
      if (consumer() === 0) break
      yield* moveIdPages(nodes, consumer, CONSUMER_PENDING)
    }
  }
}

/** Leaf number `i` of the tree whose top stands in a word of a node, of leaves that count one each; 0 if there are fewer. */
function nth(nodes: Nodes, tree: Tree, holderOf: NodeOf, at: number, i: number): NodeOf {
  return () => {
    const holder = holderOf()
    const leaf = holder === 0 ? 0 : tree.seekIndex(nodes, word(nodes, holder, at), i)
    return leaf === 0 || tree.offset > 0 ? 0 : leaf
  }
}
