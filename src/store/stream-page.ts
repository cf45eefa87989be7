// A page of a stream: entries that follow each other, as Redis packs them, in one node.
//
//   node    word 0    the header of nodes.ts
//           word 1    a string's node with the listpack, or 0: it follows here
//           words 2–5 the page's ID, that of its first entry: ms high, ms low, sequence high, sequence low
//           bytes     the listpack
//
//   listpack   entries | deleted entries | fields | field … | 0                        the master entry
//              flags | ms, sequence less those of the page | (fields) | (field) value … | number of these elements      each entry
//
// Flags: 1, the entry is deleted; 2, it has the master entry's fields, and only values follow. Deleted entries keep their place
// until the page goes. The order of IDs holds among those that are not deleted.
//
// A page grows up to PAGE_BYTES_MAX. An entry that alone needs more is on a page of its own, whose listpack is a string's node: such a page never
// changes, since with its only entry it goes as a whole.

import type { Span } from '../lib/bytes.ts'
import { copyId, makeStreamId, type StreamId } from '../lib/stream-id.ts'
import { SLAB_BITS, SLAB_MASK } from './arena.ts'
import {
  LP_EMPTY_BYTES,
  lpAppend,
  lpAppendInteger,
  lpBigInt,
  lpBytes,
  lpElementBytes,
  lpEncodedBytes,
  lpEnd,
  lpEquals,
  lpFirst,
  lpInit,
  lpInteger,
  lpIntegerBytes,
  lpIsInteger,
  lpNext,
  lpReplaceInteger,
  lpStringBytes,
  lpText,
  lpValidate,
  makeLpText,
  NONE,
} from './listpack.ts'
import type { NodeBytes, Nodes } from './nodes.ts'

/** Most bytes of a listpack that is in the page's own node. */
export const PAGE_BYTES_MAX = 48 * 1024
const LISTPACK_AT = 24
/** Where the string's node stands. */
export const STRING_WORD = 1
const ID_WORD = 2
const DELETED = 1
const SAME_FIELDS = 2
/** Bytes that one integer of at most 64 bits takes. */
const INTEGER_BYTES_MAX = 10
/** Numbers in an entry beside its fields and values: flags, two differences, number of fields, number of elements. */
const ENTRY_INTEGERS = 5
const WORD = 2 ** 32

/** Fields and values of an entry that comes in: pairs of ranges in one buffer, start and end of each string. */
export interface EntryPairs {
  bytes: Uint8Array
  /** Field's start and end, value's start and end, and so on. */
  ranges: number[]
  /** Number of fields. */
  count: number
}

/** One entry on a page. The object is reused. */
export interface PageEntry {
  readonly id: StreamId
  /** The listpack. */
  bytes: Buffer
  /** Position of its flags. */
  at: number
  deleted: boolean
  /** Number of fields. */
  fields: number
  /** Position of the first field, or of the first value if the fields are the master's. */
  first: number
  /** Position of the first field of the master entry, or NONE if the entry has fields of its own. */
  master: number
  /** Position behind the entry, or NONE. */
  next: number
}

export function makePageEntry(): PageEntry {
  return {
    id: makeStreamId(),
    bytes: Buffer.alloc(0),
    at: 0,
    deleted: false,
    fields: 0,
    first: 0,
    master: 0,
    next: 0,
  }
}

// ---- reading ----

/** The listpack of a page, written into `range`. */
export function pageListpack(nodes: Nodes, page: number, range: NodeBytes): NodeBytes {
  const { arena } = nodes
  const w = (page & SLAB_MASK) << 1
  const node = arena.u32[page >>> SLAB_BITS][w + 1]
  if (node !== 0) return nodes.string(node, range)
  range.bytes = arena.u8[page >>> SLAB_BITS]
  range.start = (w << 2) + LISTPACK_AT
  range.end = range.start + lpBytes(range.bytes, range.start)
  return range
}

/** The string's node that a page has its listpack in, or 0. */
export function pageString(nodes: Nodes, page: number): number {
  return nodes.arena.u32[page >>> SLAB_BITS][((page & SLAB_MASK) << 1) + 1]
}

/** The ID of a page. */
export function pageId(nodes: Nodes, page: number, into: StreamId): StreamId {
  const u32 = nodes.arena.u32[page >>> SLAB_BITS]
  const w = ((page & SLAB_MASK) << 1) + ID_WORD
  into.msHigh = u32[w]
  into.msLow = u32[w + 1]
  into.seqHigh = u32[w + 2]
  into.seqLow = u32[w + 3]
  return into
}

const RANGE: NodeBytes = { bytes: Buffer.alloc(0), start: 0, end: 0 }

/** Number of entries that are not deleted. */
export function pageCount(nodes: Nodes, page: number): number {
  const { bytes, start } = pageListpack(nodes, page, RANGE)
  return lpInteger(bytes, lpFirst(bytes, start))
}

/** Position of the first entry in a listpack whose master entry is sound; NONE if there is none. */
export function firstEntry(b: Buffer, at: number): number {
  let p = lpNext(b, lpNext(b, lpFirst(b, at)))
  for (let left = lpInteger(b, p); left >= 0; left--) p = lpNext(b, p)
  return lpNext(b, p)
}

/** Reads the entry at `p` of the listpack at `at`, of a page with that ID. */
export function readEntry(b: Buffer, at: number, p: number, page: Readonly<StreamId>, into: PageEntry): void {
  const flags = lpInteger(b, p)
  const ms = lpNext(b, p)
  const seq = lpNext(b, ms)
  const { id } = into
  addWords(page.msHigh, page.msLow, b, ms)
  id.msHigh = sum.high
  id.msLow = sum.low
  addWords(page.seqHigh, page.seqLow, b, seq)
  id.seqHigh = sum.high
  id.seqLow = sum.low
  into.bytes = b
  into.at = p
  into.deleted = (flags & DELETED) !== 0
  const fields = lpNext(b, lpNext(b, lpFirst(b, at)))
  const same = (flags & SAME_FIELDS) !== 0
  const counted = same ? fields : lpNext(b, seq)
  into.fields = lpInteger(b, counted)
  into.first = lpNext(b, same ? seq : counted)
  into.master = same ? lpNext(b, fields) : NONE
}

/**
 * The first entry from `p` on, a position of flags or NONE, that may not come before an ID: what comes before it is passed over without
 * being read as an entry. That is most of a XREADGROUP: it begins in the middle of a page, on average (measured, Node 20).
 */
export function skipBefore(
  b: Buffer,
  at: number,
  p: number,
  page: Readonly<StreamId>,
  from: Readonly<StreamId>,
): number {
  const ms = (from.msHigh - page.msHigh) * WORD + (from.msLow - page.msLow)
  const seq = (from.seqHigh - page.seqHigh) * WORD + (from.seqLow - page.seqLow)
  if (p === NONE || !Number.isSafeInteger(ms) || !Number.isSafeInteger(seq)) return p
  const end = lpEnd(b, at)
  const fields = lpInteger(b, lpNext(b, lpNext(b, lpFirst(b, at))))
  let q = p
  while (q !== end) {
    // Flags are one byte, and its length.
    const msAt = q + 2
    const entryMs = lpInteger(b, msAt)
    const seqAt = msAt + lpElementBytes(b, msAt)
    const entrySeq = lpInteger(b, seqAt)
    // Differences are kept modulo 2^64: one below zero may be a very large one.
    if (entryMs < 0 || entryMs > ms || (entryMs === ms && (entrySeq < 0 || entrySeq >= seq))) return q
    let next = seqAt + lpElementBytes(b, seqAt)
    const strings = (b[q] & SAME_FIELDS) !== 0 ? fields : 2 * lpInteger(b, next) + 1
    for (let left = strings; left > 0; left--) next += lpElementBytes(b, next)
    q = next + lpElementBytes(b, next)
  }
  return NONE
}

/** Reads the next entry: from `p` on, a position of flags or NONE; where the one behind it begins is in `next`. False at the end. */
export function nextEntry(b: Buffer, at: number, p: number, page: Readonly<StreamId>, into: PageEntry): boolean {
  if (p === NONE) return false
  readEntry(b, at, p, page, into)
  let q = into.first
  for (let left = into.master === NONE ? 2 * into.fields : into.fields; left > 0; left--) q = lpNext(b, q)
  into.next = lpNext(b, q)
  return true
}

const FIELD = makeLpText()
const VALUE = makeLpText()

/** Calls `visit` for every field of an entry and its value. The ranges are reused. */
export function visitPairs(entry: PageEntry, visit: (field: Span, value: Span) => void): void {
  const { bytes } = entry
  let p = entry.first
  let m = entry.master
  for (let left = entry.fields; left > 0; left--) {
    lpText(bytes, m === NONE ? p : m, FIELD)
    if (m === NONE) p = lpNext(bytes, p)
    else m = lpNext(bytes, m)
    lpText(bytes, p, VALUE)
    visit(FIELD, VALUE)
    p = lpNext(bytes, p)
  }
}

/** Words of the last sum. */
const sum = { high: 0, low: 0 }

/** Adds the integer at `p` to 64 bits, and drops what is beyond. */
function addWords(high: number, low: number, b: Uint8Array, p: number): void {
  const n = lpInteger(b, p)
  if (!Number.isSafeInteger(n)) {
    const whole = BigInt.asUintN(64, BigInt(high) * 4294967296n + BigInt(low) + (lpBigInt(b, p) ?? 0n))
    sum.high = Number(whole >> 32n)
    sum.low = Number(whole & 0xffffffffn)
    return
  }
  const added = low + (n >>> 0)
  sum.low = added >>> 0
  sum.high = (high + Math.floor(n / WORD) + (added >= WORD ? 1 : 0)) >>> 0
}

// ---- changing: pages that the caller owns ----

function setPageId(nodes: Nodes, page: number, id: Readonly<StreamId>): void {
  const u32 = nodes.arena.u32[page >>> SLAB_BITS]
  const w = ((page & SLAB_MASK) << 1) + ID_WORD
  u32[w] = id.msHigh
  u32[w + 1] = id.msLow
  u32[w + 2] = id.seqHigh
  u32[w + 3] = id.seqLow
}

function unitsFor(listpackBytes: number): number {
  return (LISTPACK_AT + listpackBytes + 7) >>> 3
}

/** A page with a sound listpack, in bytes [start, end). Throws ArenaFullError. */
export function pageOf(
  nodes: Nodes,
  root: number,
  id: Readonly<StreamId>,
  bytes: Uint8Array,
  start: number,
  end: number,
): number {
  const inline = end - start <= PAGE_BYTES_MAX
  const node = inline ? 0 : nodes.allocString(root, bytes, start, end)
  let page: number
  try {
    page = nodes.alloc(root, unitsFor(inline ? end - start : 0))
  } catch (error) {
    if (node !== 0) nodes.drop(root, node)
    throw error
  }
  const { arena } = nodes
  const w = (page & SLAB_MASK) << 1
  arena.u32[page >>> SLAB_BITS][w + 1] = node
  setPageId(nodes, page, id)
  if (inline) arena.u8[page >>> SLAB_BITS].set(bytes.subarray(start, end), (w << 2) + LISTPACK_AT)
  return page
}

/** A copy of a page for the value with that root. Throws ArenaFullError. */
export function clonePage(nodes: Nodes, root: number, page: number): number {
  const { bytes, start, end } = pageListpack(nodes, page, { ...RANGE })
  return pageOf(nodes, root, pageId(nodes, page, makeStreamId()), bytes, start, end)
}

/** Drops a page, and the node that its listpack may be in. */
export function dropPage(nodes: Nodes, root: number, page: number): void {
  const node = pageString(nodes, page)
  if (node !== 0) nodes.drop(root, node)
  nodes.drop(root, page)
}

/** Bytes of all fields and values: what the limit of a page counts. */
export function pairsBytes({ ranges, count }: EntryPairs): number {
  let bytes = 0
  for (let i = 0; i < count * 4; i += 2) bytes += ranges[i + 1] - ranges[i]
  return bytes
}

/** Most bytes that the strings of an entry take in a listpack. */
function encodedBytesMax({ ranges, count }: EntryPairs): number {
  let bytes = 0
  for (let i = 0; i < count * 4; i += 2) {
    const length = ranges[i + 1] - ranges[i]
    bytes += length <= 20 ? INTEGER_BYTES_MAX + length : lpStringBytes(length)
  }
  return bytes
}

/** Room for a page that is put together; as large as the largest inline page. */
const SCRATCH = Buffer.alloc(PAGE_BYTES_MAX)

/** A page with one entry. Throws ArenaFullError. */
export function pageOfEntry(nodes: Nodes, root: number, id: Readonly<StreamId>, pairs: EntryPairs): number {
  const { bytes, ranges, count } = pairs
  // Fields stand in the master entry, so no string comes twice.
  const most = LP_EMPTY_BYTES + encodedBytesMax(pairs) + (4 + ENTRY_INTEGERS) * INTEGER_BYTES_MAX
  const b = most <= SCRATCH.length ? SCRATCH : Buffer.allocUnsafe(most)
  lpInit(b, 0)
  lpAppendInteger(b, 0, 1)
  lpAppendInteger(b, 0, 0)
  lpAppendInteger(b, 0, count)
  for (let i = 0; i < count * 4; i += 4) lpAppend(b, 0, bytes, ranges[i], ranges[i + 1])
  lpAppendInteger(b, 0, 0)
  appendEntry(b, 0, 0, 0, 0n, 0n, pairs, true)
  return pageOf(nodes, root, id, b, 0, lpBytes(b, 0))
}

/** Appends an entry to a listpack with room for it. Differences that no number has exactly come as bigints. */
function appendEntry(
  b: Uint8Array,
  at: number,
  ms: number,
  seq: number,
  exactMs: bigint,
  exactSeq: bigint,
  pairs: EntryPairs,
  same: boolean,
): void {
  const { bytes, ranges, count } = pairs
  lpAppendInteger(b, at, same ? SAME_FIELDS : 0)
  appendDifference(b, at, ms, exactMs)
  appendDifference(b, at, seq, exactSeq)
  if (!same) lpAppendInteger(b, at, count)
  for (let i = 0; i < count * 4; i += 4) {
    if (!same) lpAppend(b, at, bytes, ranges[i], ranges[i + 1])
    lpAppend(b, at, bytes, ranges[i + 2], ranges[i + 3])
  }
  lpAppendInteger(b, at, same ? count + 3 : 2 * count + 4)
}

function appendDifference(b: Uint8Array, at: number, n: number, exact: bigint): void {
  if (Number.isSafeInteger(n)) return lpAppendInteger(b, at, n)
  const text = Buffer.from(String(exact), 'latin1')
  lpAppend(b, at, text, 0, text.length)
}

/** What one number of an ID is above another, as 64 bits with a sign. */
function exactDifference(high: number, low: number, fromHigh: number, fromLow: number): bigint {
  return BigInt.asIntN(64, (BigInt(high) - BigInt(fromHigh)) * 4294967296n + BigInt(low) - BigInt(fromLow))
}

const PAGE_ID = makeStreamId()

/**
 * Adds an entry behind the last one of a page, if the limits (0 for none) allow it; the page, which may be another node now, or 0
 * if the entry needs a page of its own. Throws ArenaFullError before any change.
 */
export function pageAppend(
  nodes: Nodes,
  root: number,
  page: number,
  id: Readonly<StreamId>,
  pairs: EntryPairs,
  bytesMax: number,
  entriesMax: number,
): number {
  if (pageString(nodes, page) !== 0) return 0
  const { bytes, start } = pageListpack(nodes, page, RANGE)
  const used = lpBytes(bytes, start)
  if (bytesMax > 0 && used + pairsBytes(pairs) >= bytesMax) return 0
  const counted = lpFirst(bytes, start)
  const deleted = lpNext(bytes, counted)
  if (entriesMax > 0 && lpInteger(bytes, counted) + lpInteger(bytes, deleted) >= entriesMax) return 0
  const same = hasFields(bytes, lpNext(bytes, deleted), pairs)
  const needed = used + entryBytesMax(pairs, same)
  if (needed > PAGE_BYTES_MAX) return 0

  const spare = Math.min(needed + (needed >>> 2), PAGE_BYTES_MAX)
  const h =
    needed <= (nodes.units(page) << 3) - LISTPACK_AT ? nodes.own(page) : nodes.resize(root, page, unitsFor(spare))
  const { bytes: b, start: at } = pageListpack(nodes, h, RANGE)
  const from = pageId(nodes, h, PAGE_ID)
  lpReplaceInteger(b, at, lpFirst(b, at), lpInteger(b, lpFirst(b, at)) + 1)
  const ms = (id.msHigh - from.msHigh) * WORD + (id.msLow - from.msLow)
  const seq = (id.seqHigh - from.seqHigh) * WORD + (id.seqLow - from.seqLow)
  if (Number.isSafeInteger(ms) && Number.isSafeInteger(seq)) {
    appendEntry(b, at, ms, seq, 0n, 0n, pairs, same)
    return h
  }
  const exactMs = exactDifference(id.msHigh, id.msLow, from.msHigh, from.msLow)
  const exactSeq = exactDifference(id.seqHigh, id.seqLow, from.seqHigh, from.seqLow)
  appendEntry(b, at, ms, seq, exactMs, exactSeq, pairs, same)
  return h
}

/** Most bytes by which such an entry makes a listpack longer. */
function entryBytesMax({ bytes, ranges, count }: EntryPairs, same: boolean): number {
  // The counts of the master entry may grow by a byte or two.
  let most = 4
  for (let i = same ? 2 : 0; i < count * 4; i += same ? 4 : 2) most += lpEncodedBytes(bytes, ranges[i], ranges[i + 1])
  return most + 2 + 2 * INTEGER_BYTES_MAX + 2 * lpIntegerBytes(2 * count + 4)
}

/** Whether an entry has the fields of the master entry, whose number of fields is at `p`. */
function hasFields(b: Uint8Array, p: number, { bytes, ranges, count }: EntryPairs): boolean {
  if (lpInteger(b, p) !== count) return false
  let q = lpNext(b, p)
  for (let i = 0; i < count * 4; i += 4) {
    if (!lpEquals(b, q, bytes, ranges[i], ranges[i + 1])) return false
    q = lpNext(b, q)
  }
  return true
}

/** A page in a block that fits it, or itself if that is so. Throws ArenaFullError. */
export function pageTrimmed(nodes: Nodes, root: number, page: number): number {
  if (pageString(nodes, page) !== 0) return page
  const { start, end } = pageListpack(nodes, page, RANGE)
  return nodes.resize(root, page, unitsFor(end - start))
}

/** The page to mark entries of as deleted: the same node or another. Throws ArenaFullError before any change. */
export function pageToMark(nodes: Nodes, root: number, page: number): number {
  const { start, end } = pageListpack(nodes, page, RANGE)
  const needed = end - start + INTEGER_BYTES_MAX
  return needed <= (nodes.units(page) << 3) - LISTPACK_AT ? nodes.own(page) : nodes.resize(root, page, unitsFor(needed))
}

/** Marks the entry with the flags at `at` of the listpack (see `pageToMark`) as deleted. Counts are told by `pageMarked`. */
export function markDeleted(b: Buffer, at: number): void {
  b[at] |= DELETED
}

/** Counts `marked` entries more as deleted. */
export function pageMarked(nodes: Nodes, page: number, marked: number): void {
  const { bytes, start } = pageListpack(nodes, page, RANGE)
  const counted = lpFirst(bytes, start)
  lpReplaceInteger(bytes, start, counted, lpInteger(bytes, counted) - marked)
  const deleted = lpNext(bytes, counted)
  lpReplaceInteger(bytes, start, deleted, lpInteger(bytes, deleted) + marked)
}

// ---- trust ----

/** A count or a number of elements that is sound, or NaN. */
function countAt(b: Uint8Array, p: number): number {
  const n = p === NONE || !lpIsInteger(b, p) ? Number.NaN : lpInteger(b, p)
  return n >= 0 ? n : Number.NaN
}

/**
 * Checks what claims to be the listpack of a page, in bytes [start, end). The number of entries that are not deleted, or NONE if it
 * is not sound; `last` is then the ID of the last such entry. They must come in order, after `last` as it was.
 */
export function validatePage(b: Buffer, start: number, end: number, page: Readonly<StreamId>, last: StreamId): number {
  if (lpValidate(b, start, end - start) === NONE) return NONE
  const counted = lpFirst(b, start)
  const deleted = counted === NONE ? NONE : lpNext(b, counted)
  const fields = deleted === NONE ? NONE : lpNext(b, deleted)
  const counts = [countAt(b, counted), countAt(b, deleted), countAt(b, fields)]
  if (counts.some(Number.isNaN)) return NONE
  let p = skip(b, lpNext(b, fields), counts[2])
  if (countAt(b, p) !== 0) return NONE
  p = lpNext(b, p)
  const entry = makePageEntry()
  let live = 0
  let marked = 0
  for (; p !== NONE; p = entry.next) {
    if (!isEntry(b, p, counts[2], entry)) return NONE
    const { next } = entry
    readEntry(b, start, p, page, entry)
    entry.next = next
    if (entry.deleted) marked++
    else {
      live++
      if (!isAfter(entry.id, last)) return NONE
      copyId(last, entry.id)
    }
  }
  return live === counts[0] && marked === counts[1] ? live : NONE
}

function isAfter(id: StreamId, last: StreamId): boolean {
  if (id.msHigh !== last.msHigh) return id.msHigh > last.msHigh
  if (id.msLow !== last.msLow) return id.msLow > last.msLow
  return id.seqHigh !== last.seqHigh ? id.seqHigh > last.seqHigh : id.seqLow > last.seqLow
}

/** The position `count` elements behind `p`, or NONE if there are not as many. */
function skip(b: Uint8Array, p: number, count: number): number {
  let q = p
  for (let left = count; left > 0 && q !== NONE; left--) q = lpNext(b, q)
  return q
}

/** Whether the elements from `p` on make an entry; where the next one begins is in `into` then. */
function isEntry(b: Uint8Array, p: number, masterFields: number, into: PageEntry): boolean {
  // Flags are marked in place, so they must be the one byte that they fit in.
  const flags = b[p]
  if (flags > (DELETED | SAME_FIELDS)) return false
  const ms = lpNext(b, p)
  const seq = ms === NONE ? NONE : lpNext(b, ms)
  if (seq === NONE || !lpIsInteger(b, ms) || !lpIsInteger(b, seq)) return false
  const same = (flags & SAME_FIELDS) !== 0
  let q = lpNext(b, seq)
  const fields = same ? masterFields : countAt(b, q)
  if (!(fields >= 0)) return false
  if (!same) q = lpNext(b, q)
  q = skip(b, q, same ? fields : 2 * fields)
  if (q === NONE || countAt(b, q) !== (same ? fields + 3 : 2 * fields + 4)) return false
  into.next = lpNext(b, q)
  return true
}
