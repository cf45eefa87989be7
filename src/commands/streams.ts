// Streams: adding, reading and removing entries. What groups of consumers do is in files of its own.

import { fail } from '../errors.ts'
import { NO_EXPIRY } from '../keyspace/database.ts'
import {
  compareIds,
  copyId,
  idText,
  incrementId,
  isZeroId,
  makeStreamId,
  STREAM_ID_MAX,
  STREAM_ID_MIN,
  type StreamId,
  setIdMs,
} from '../lib/stream-id.ts'
import {
  createStream,
  type PageLimits,
  setStreamAdded,
  setStreamDeletedId,
  setStreamLastId,
  streamAppend,
  streamDelete,
  streamDeletedId,
  streamEdgeId,
  streamLastId,
  streamRange,
} from '../store/stream.ts'
import { type EntryPairs, type PageEntry, pairsBytes, visitPairs } from '../store/stream-page.ts'
import { releaseStream, STREAM_PARTS } from '../types/stream.ts'
import { TYPE_STREAM } from '../types/value-type.ts'
import { integerArgument } from './arguments.ts'
import type { Context } from './context.ts'
import { NOTIFY_STREAM } from './effects.ts'
import { keyToChange, notifyKey, notifyNew, readKey } from './lookup.ts'
import {
  boundArgument,
  ENTRY_BYTES_MAX,
  exactTrim,
  idArgument,
  parseTrim,
  type TrimArguments,
  trimStream,
} from './stream-arguments.ts'

const NO_BYTES = Buffer.alloc(0)
/** The fields and values of the command that runs. */
const PAIRS: EntryPairs = { bytes: NO_BYTES, ranges: [], count: 0 }
const ID = makeStreamId()
const LAST = makeStreamId()

// ---- adding ----

export function xadd(ctx: Context): void {
  const { args, effects, reply } = ctx
  const options = parseTrim(ctx, true)
  const pairs = args.count - options.idAt - 1
  if (pairs < 2 || pairs % 2 !== 0) fail('arity', 'xadd')
  if (options.idForm !== undefined && options.idForm !== 'star' && isZeroId(options.id)) fail('streamIdZero')
  const known = keyToChange(ctx, 1, TYPE_STREAM)
  if (known === 0 && options.noStream) return reply.null()
  takePairs(ctx, options.idAt + 1)
  const h = known === 0 ? createWithEntry(ctx, options) : addEntry(ctx, known, options)
  effects.dirty++
  notifyKey(ctx, NOTIFY_STREAM, 'xadd', 1)
  const { trim } = options
  if (trim !== undefined && trimStream(ctx, h, trim) > 0) notifyKey(ctx, NOTIFY_STREAM, 'xtrim', 1)
  const asSent = options.idForm !== undefined && options.idForm !== 'star' && trim?.approximate !== true
  if (effects.heard && !asSent) {
    const argv = exactTrim(ctx, h, options)
    argv[options.idAt] = idText(ID)
    effects.replicateList(argv)
  }
  reply.bulkId(ID)
}

/** Takes the fields and values from argument `from` on into PAIRS. */
function takePairs({ args }: Context, from: number): void {
  const { ranges } = PAIRS
  PAIRS.bytes = args.buffer
  PAIRS.count = (args.count - from) / 2
  ranges.length = 0
  for (let i = from; i < args.count; i++) ranges.push(args.start(i), args.end(i))
  if (pairsBytes(PAIRS) > ENTRY_BYTES_MAX) fail('streamEntryTooLarge')
}

/** Makes ID the one that the entry gets, in a stream whose last one is LAST. */
function chooseId(ctx: Context, { id, idForm }: TrimArguments): void {
  if (compareIds(LAST, STREAM_ID_MAX) === 0) fail('streamIdsOver')
  if (idForm === undefined) {
    setIdMs(ID, ctx.nowMs)
    if (compareIds(ID, LAST) > 0 && (ID.msHigh !== LAST.msHigh || ID.msLow !== LAST.msLow)) return
    incrementId(copyId(ID, LAST))
    return
  }
  copyId(ID, id)
  if (idForm === 'star' && id.msHigh === LAST.msHigh && id.msLow === LAST.msLow) {
    incrementId(copyId(ID, LAST))
    // The milliseconds were given, and all their sequence numbers are used up.
    if (ID.msLow !== id.msLow || ID.msHigh !== id.msHigh) fail('streamIdLow')
  }
  if (compareIds(ID, LAST) <= 0) fail('streamIdLow')
}

function pageLimits(ctx: Context): PageLimits {
  const { limits } = ctx.keyspace
  return { bytes: limits['stream-node-max-bytes'], entries: limits['stream-node-max-entries'] }
}

function addEntry(ctx: Context, h: number, options: TrimArguments): number {
  const { db, keyspace } = ctx
  streamLastId(keyspace.nodes, db.root(h), LAST)
  chooseId(ctx, options)
  streamAppend(keyspace.nodes, db.rootToChange(h), ID, PAIRS, pageLimits(ctx))
  return h
}

function createWithEntry(ctx: Context, options: TrimArguments): number {
  const { keyspace } = ctx
  copyId(LAST, STREAM_ID_MIN)
  chooseId(ctx, options)
  const root = createStream(keyspace.nodes)
  try {
    streamAppend(keyspace.nodes, root, ID, PAIRS, pageLimits(ctx))
  } catch (error) {
    releaseStream(keyspace.nodes, root)
    throw error
  }
  notifyNew(ctx, 1)
  return putStream(ctx, root)
}

/** Stores a stream under the key in argument i. */
export function putStream(ctx: Context, root: number, i = 1): number {
  const { args, db } = ctx
  const built = { kind: STREAM_PARTS, root, bytes: NO_BYTES, start: 0, end: 0 }
  return db.putBuilt(args.buffer, args.start(i), args.end(i), built, NO_EXPIRY)
}

// ---- reading ----

export function xlen(ctx: Context): void {
  const h = readKey(ctx, 1, TYPE_STREAM)
  ctx.reply.int(h === 0 ? 0 : ctx.keyspace.nodes.count(ctx.db.root(h)))
}

export function xrange(ctx: Context): void {
  replyInterval(ctx, 2, 3, false)
}

export function xrevrange(ctx: Context): void {
  replyInterval(ctx, 3, 2, true)
}

/** Replies the entries between the bounds in two arguments. */
function replyInterval(ctx: Context, fromAt: number, toAt: number, back: boolean): void {
  const { args, db, reply } = ctx
  const from = boundArgument(ctx, fromAt, false)
  const to = boundArgument(ctx, toAt, true)
  let count = Number.POSITIVE_INFINITY
  for (let i = 4; i < args.count; i += 2) {
    if (!args.is(i, 'count') || i + 1 === args.count) fail('syntax')
    const given = integerArgument(ctx, i + 1)
    count = Math.max(Number(given), 0)
  }
  const h = readKey(ctx, 1, TYPE_STREAM)
  if (h === 0) return reply.array(0)
  if (count === 0) return reply.nullArray()
  replyEntries(ctx, db.root(h), from, to, back, count)
}

/** Replies up to `count` entries of a stream as an array. */
export function replyEntries(
  ctx: Context,
  root: number,
  from: Readonly<StreamId>,
  to: Readonly<StreamId>,
  back: boolean,
  count: number,
): void {
  const { keyspace, reply } = ctx
  const mark = reply.pos
  let replied = 0
  streamRange(keyspace.nodes, root, from, to, back, (entry) => {
    replyEntry(ctx, entry)
    return ++replied < count
  })
  reply.arrayAt(mark, replied)
}

/** Replies an entry: its ID, and its fields and values. */
export function replyEntry({ reply }: Context, entry: PageEntry): void {
  reply.array(2)
  reply.bulkId(entry.id)
  reply.array(2 * entry.fields)
  visitPairs(entry, (field, value) => {
    reply.bulk(field.bytes, field.start, field.end)
    reply.bulk(value.bytes, value.start, value.end)
  })
}

// ---- removing ----

export function xdel(ctx: Context): void {
  const { args, db, effects, keyspace, reply } = ctx
  const { nodes } = keyspace
  const h = keyToChange(ctx, 1, TYPE_STREAM)
  if (h === 0) return reply.int(0)
  const ids = Array.from({ length: args.count - 2 }, (_, i) => {
    const id = makeStreamId()
    idArgument(ctx, i + 2, id)
    return id
  })
  let deleted = 0
  const root = db.rootToChange(h, true)
  const highest = streamDeletedId(nodes, root, makeStreamId())
  for (const id of ids) {
    if (!streamDelete(nodes, root, id)) continue
    if (deleted++ === 0) db.afterChange(h)
    if (compareIds(id, highest) > 0) setStreamDeletedId(nodes, root, copyId(highest, id))
  }
  if (deleted > 0) notifyKey(ctx, NOTIFY_STREAM, 'xdel', 1)
  effects.dirty += deleted
  reply.int(deleted)
}

export function xtrim(ctx: Context): void {
  const { effects, reply } = ctx
  const options = parseTrim(ctx, false)
  const h = keyToChange(ctx, 1, TYPE_STREAM)
  if (h === 0) return reply.int(0)
  const removed = trimStream(ctx, h, options.trim!)
  if (removed > 0) {
    notifyKey(ctx, NOTIFY_STREAM, 'xtrim', 1)
    if (options.trim!.approximate) effects.replicateList(exactTrim(ctx, h, options))
  }
  effects.dirty += removed
  reply.int(removed)
}

// ---- what a stream remembers ----

export function xsetid(ctx: Context): void {
  const { args, db, effects, keyspace, reply } = ctx
  const { nodes } = keyspace
  idArgument(ctx, 2, ID)
  const deleted = makeStreamId()
  let added: bigint | undefined
  for (let i = 3; i < args.count; i += 2) {
    const more = i + 1 < args.count
    if (more && args.is(i, 'entriesadded')) {
      added = integerArgument(ctx, i + 1)
      if (added < 0n) fail('xsetidAdded')
    } else if (more && args.is(i, 'maxdeletedid')) {
      idArgument(ctx, i + 1, deleted)
      if (compareIds(ID, deleted) < 0) fail('xsetidBelowGiven')
    } else {
      fail('syntax')
    }
  }
  const h = keyToChange(ctx, 1, TYPE_STREAM)
  if (h === 0) fail('noSuchKey')
  const before = db.root(h)
  const length = nodes.count(before)
  if (length > 0) {
    if (compareIds(ID, streamEdgeId(nodes, before, true, LAST)) < 0) fail('xsetidBelowTop')
    if (added !== undefined && added < BigInt(length)) fail('xsetidAddedLow')
  }
  const root = db.rootToChange(h, true)
  setStreamLastId(nodes, root, ID)
  if (added !== undefined) setStreamAdded(nodes, root, added)
  if (!isZeroId(deleted)) setStreamDeletedId(nodes, root, deleted)
  effects.dirty++
  notifyKey(ctx, NOTIFY_STREAM, 'xsetid', 1)
  reply.ok()
}
