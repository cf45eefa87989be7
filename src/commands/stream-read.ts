// XREAD and XREADGROUP: the entries of several streams that come after given IDs, or those that a group has not delivered yet. With BLOCK
// they wait for such entries if there are none; once a stream has some the command runs again, for that stream only.

import { fail } from '../errors.ts'
import {
  compareIds,
  copyId,
  idText,
  incrementId,
  makeStreamId,
  STREAM_ID_MAX,
  type StreamId,
} from '../lib/stream-id.ts'
import { TYPE_MASK } from '../store/entry.ts'
import { streamEdgeId, streamEntry, streamLastId, streamRange } from '../store/stream.ts'
import {
  addedUpTo,
  countGroupRead,
  findConsumer,
  findGroup,
  findPending,
  groupLast,
  groupToChange,
  isGroupReadKnown,
  makePending,
  type Pending,
  setGroupLast,
  setGroupRead,
  setPending,
  visitConsumerPending,
} from '../store/stream-groups.ts'
import { TYPE_STREAM } from '../types/value-type.ts'
import { integerArgument, timeoutMsArgument } from './arguments.ts'
import type { Context, KeyWait } from './context.ts'
import { keyToChange, readKey } from './lookup.ts'
import { idArgument } from './stream-arguments.ts'
import {
  hasGapAfter,
  nameArgument,
  replicateClaim,
  replicateLast,
  replicateOnlyThat,
  useConsumer,
} from './stream-groups.ts'
import { replyEntries, replyEntry } from './streams.ts'

interface ReadOptions {
  count: number
  /** Index of the first key, and how many there are; as many IDs follow. */
  first: number
  streams: number
  /** Index of the group's name, behind which the consumer's is; 0 for XREAD. */
  groupAt: number
  noAck: boolean
  /** Until when to wait, as a Unix time in milliseconds, 0 for ever; undefined for not at all. */
  waitUntilMs: number | undefined
}

export function xread(ctx: Context): void {
  const { db, keyspace } = ctx
  const { nodes } = keyspace
  const options = parseOptions(ctx, false)
  const after = Array.from({ length: options.streams }, (_, i) => afterId(ctx, options.first + i, options.streams))
  const served: number[] = []
  const last = makeStreamId()
  after.forEach((id, i) => {
    const h = readKey(ctx, options.first + i, TYPE_STREAM)
    if (h !== 0 && compareIds(streamEdgeId(nodes, db.root(h), true, last), id) > 0) served.push(i)
  })
  if (served.length === 0)
    return waitForNews(
      ctx,
      options,
      after.map((id) => idText(id)),
    )
  replyStreams(ctx, options, served, (i) => {
    const h = readKey(ctx, options.first + i, TYPE_STREAM)
    incrementId(after[i])
    replyEntries(ctx, db.root(h), after[i], STREAM_ID_MAX, false, options.count)
  })
}

/** Replies streams by name, each with what `replyOne` replies for it. */
function replyStreams(ctx: Context, options: ReadOptions, served: number[], replyOne: (i: number) => void): void {
  const { args, reply } = ctx
  // RESP3 has a map here.
  const isMap = reply.resp === 3
  if (isMap) reply.map(served.length)
  else reply.array(served.length)
  for (const i of served) {
    if (!isMap) reply.array(2)
    reply.bulk(args.bytes(options.first + i))
    replyOne(i)
  }
}

/** Waits for entries in any of the streams, if that is asked for; `after` are the IDs, as they are to be read again. */
function waitForNews(ctx: Context, options: ReadOptions, after: readonly string[]): void {
  const { args, reply } = ctx
  const { first, streams, groupAt, waitUntilMs } = options
  if (waitUntilMs === undefined) return reply.nullArray()
  const keys = Array.from({ length: streams }, (_, i) => args.copy(first + i))
  const beforeKeys = args.copyAll().slice(0, first)
  const retry = (key: Buffer): Buffer[] => {
    const id = after[keys.findIndex((one) => one.equals(key))]!
    return [...beforeKeys, key, Buffer.from(id)]
  }
  const refuse = groupAt === 0 ? undefined : refuseWithoutGroup(ctx, args.copy(groupAt))
  if (!ctx.waitForKeys({ keys, type: TYPE_STREAM, timeoutAtMs: waitUntilMs, retry, refuse })) reply.nullArray()
}

// ---- XREADGROUP ----

export function xreadgroup(ctx: Context): void {
  const { args, db, effects, keyspace } = ctx
  const { nodes } = keyspace
  const options = parseOptions(ctx, true)
  const { first, streams, groupAt } = options
  // Undefined stands for what the group has not delivered yet.
  const after: (StreamId | undefined)[] = []
  const served: number[] = []
  const last = makeStreamId()
  const top = makeStreamId()
  for (let i = 0; i < streams; i++) {
    const h = readKey(ctx, first + i, TYPE_STREAM)
    const group = h === 0 ? 0 : findGroup(nodes, db.root(h), nameArgument(ctx, groupAt))
    if (group === 0) fail('noGroupToRead', args.str(first + i), args.str(groupAt))
    const id = groupAfterId(ctx, first + i + streams)
    const isNews = compareIds(streamEdgeId(nodes, db.root(h), true, top), groupLast(nodes, group, last)) > 0
    if (id !== undefined || isNews) served.push(i)
    after.push(id)
  }
  if (served.length === 0) return waitForNews(ctx, options, Array(streams).fill('>'))
  replyStreams(ctx, options, served, (i) => {
    const root = db.rootToChange(keyToChange(ctx, first + i, TYPE_STREAM), true)
    const group = groupToChange(nodes, root, nameArgument(ctx, groupAt))
    const consumer = useConsumer(ctx, root, group, first + i, groupAt, groupAt + 1)
    effects.dirty++
    const id = after[i]
    if (id === undefined) deliver(ctx, root, group, consumer, first + i, options)
    else replyHistory(ctx, root, group, id, options)
  })
  replicateOnlyThat(ctx)
}

/** Whoever waits for the news of a group is told when the group is gone, or its stream. */
function refuseWithoutGroup({ keyspace }: Context, name: Buffer): KeyWait['refuse'] {
  const group = { bytes: name, start: 0, end: name.length }
  return (db, h) => {
    if (h === 0 || (db.kind(h) & TYPE_MASK) !== TYPE_STREAM) return 'streamGone'
    return findGroup(keyspace.nodes, db.root(h), group) === 0 ? 'groupGone' : undefined
  }
}

/** Delivers entries that the group has not delivered yet to a consumer. */
function deliver(
  ctx: Context,
  root: number,
  group: number,
  consumer: number,
  keyAt: number,
  { count, groupAt, noAck }: ReadOptions,
): void {
  const { args, effects, keyspace, reply, nowMs } = ctx
  const { nodes } = keyspace
  const from = groupLast(nodes, group, makeStreamId())
  incrementId(from)
  const mark = reply.pos
  let delivered = 0
  let isAhead = false
  streamRange(nodes, root, from, STREAM_ID_MAX, false, (entry) => {
    isAhead = true
    if (isGroupReadKnown(nodes, group) && !hasGapAfter(nodes, root, entry.id)) countGroupRead(nodes, group)
    else setGroupRead(nodes, group, addedUpTo(nodes, root, entry.id))
    setGroupLast(nodes, group, entry.id)
    replyEntry(ctx, entry)
    if (!noAck) {
      const pending: Pending = { id: { ...entry.id }, consumer, deliveries: 1, atMs: nowMs }
      setPending(nodes, root, group, pending)
      if (effects.heard) replicateClaim(ctx, keyAt, groupAt, args.copy(groupAt + 1), group, pending)
    }
    return ++delivered < count
  })
  if (isAhead) replicateLast(ctx, keyAt, groupAt, group)
  reply.arrayAt(mark, delivered)
}

/** Replies what a consumer has pending after an ID, again. */
function replyHistory(ctx: Context, root: number, group: number, after: StreamId, options: ReadOptions): void {
  const { keyspace, reply, nowMs } = ctx
  const { nodes } = keyspace
  const { count, groupAt } = options
  const ids: StreamId[] = []
  const from = copyId(makeStreamId(), after)
  incrementId(from)
  visitConsumerPending(nodes, findConsumer(nodes, group, nameArgument(ctx, groupAt + 1)), from, (id) => {
    ids.push({ ...id })
    return ids.length < count
  })
  reply.array(ids.length)
  const pending = makePending()
  for (const id of ids) {
    const entry = streamEntry(nodes, root, id)
    if (entry === undefined) {
      reply.array(2)
      reply.bulkId(id)
      reply.nullArray()
      continue
    }
    replyEntry(ctx, entry)
    findPending(nodes, group, id, pending)
    pending.deliveries++
    pending.atMs = nowMs
    setPending(nodes, root, group, pending)
  }
}

/** The ID in argument i after which a consumer's history is read; undefined for `>`. */
function groupAfterId(ctx: Context, i: number): StreamId | undefined {
  const { args } = ctx
  if (args.is(i, '$')) fail('xreadgroupLast')
  if (args.is(i, '>')) return undefined
  const id = makeStreamId()
  idArgument(ctx, i, id)
  // The highest ID is another word for it, with Redis, too.
  return compareIds(id, STREAM_ID_MAX) === 0 ? undefined : id
}

function parseOptions(ctx: Context, isGroup: boolean): ReadOptions {
  const { args } = ctx
  let count = 0
  let groupAt = 0
  let noAck = false
  let waitUntilMs: number | undefined
  for (let i = 1; i < args.count; i++) {
    const more = args.count - i - 1
    if (more > 0 && args.is(i, 'count')) {
      const small = args.smallInt(++i)
      count = Math.max(Number.isNaN(small) ? Number(integerArgument(ctx, i)) : small, 0)
    } else if (more > 0 && args.is(i, 'streams')) {
      if (more % 2 !== 0) fail('xreadUnbalanced', 'XREAD', '$')
      if (isGroup && groupAt === 0) fail('xreadgroupGroup')
      const most = count === 0 ? Number.POSITIVE_INFINITY : count
      return { count: most, first: i + 1, streams: more / 2, groupAt, noAck, waitUntilMs }
    } else if (more > 0 && args.is(i, 'block')) {
      if (ctx.inScript) fail('scriptBlock', args.str(0))
      waitUntilMs = timeoutMsArgument(ctx, ++i)
    } else if (more > 1 && args.is(i, 'group')) {
      if (!isGroup) fail('xreadGroup')
      groupAt = i + 1
      i += 2
    } else if (args.is(i, 'noack')) {
      if (!isGroup) fail('xreadNoAck')
      noAck = true
    } else {
      fail('syntax')
    }
  }
  return fail('syntax')
}

/** The ID after which the stream of the key in argument i is read: `streams` arguments further on. */
function afterId(ctx: Context, i: number, streams: number): StreamId {
  const { args, db, keyspace } = ctx
  const id = makeStreamId()
  const h = readKey(ctx, i, TYPE_STREAM)
  if (args.is(i + streams, '$')) return h === 0 ? id : streamLastId(keyspace.nodes, db.root(h), id)
  if (args.is(i + streams, '>')) fail('xreadNew')
  idArgument(ctx, i + streams, id)
  return id
}
