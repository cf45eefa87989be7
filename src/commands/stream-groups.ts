// Consumer groups: XGROUP, XACK and XPENDING, and what all commands of groups share.

import { fail } from '../errors.ts'
import { compareIds, idText, isZeroId, makeStreamId, STREAM_ID_MIN, type StreamId } from '../lib/stream-id.ts'
import type { NodeBytes, Nodes } from '../store/nodes.ts'
import { createStream, streamAdded, streamDeletedId, streamEdgeId, streamLastId } from '../store/stream.ts'
import {
  addedUpTo,
  consumerNumber,
  consumerPending,
  createConsumer,
  createGroup,
  deleteConsumer,
  destroyGroup,
  findConsumer,
  findGroup,
  findPending,
  groupLast,
  groupPending,
  groupRead,
  groupToChange,
  lastPending,
  makePending,
  nameOf,
  type Pending,
  READ_UNKNOWN,
  removePending,
  seeConsumer,
  setGroupLast,
  setGroupRead,
  visitConsumerPending,
  visitConsumers,
  visitPending,
} from '../store/stream-groups.ts'
import { TYPE_STREAM } from '../types/value-type.ts'
import { integerArgument } from './arguments.ts'
import type { Context } from './context.ts'
import { NOTIFY_STREAM } from './effects.ts'
import { keyToChange, notifyKey, notifyNew, readKey } from './lookup.ts'
import { boundArgument, idArgument } from './stream-arguments.ts'
import { putStream } from './streams.ts'

/** Argument i as a name. */
export function nameArgument({ args }: Context, i: number): NodeBytes {
  return { bytes: args.buffer, start: args.start(i), end: args.end(i) }
}

/** Names of consumers by number, for replies. */
export function consumerNames(nodes: Nodes, group: number): Map<number, Buffer> {
  const names = new Map<number, Buffer>()
  visitConsumers(nodes, group, (consumer) => {
    const { bytes, start, end } = nameOf(nodes, consumer, { bytes: EMPTY, start: 0, end: 0 })
    names.set(consumerNumber(nodes, consumer), Buffer.from(bytes.subarray(start, end)))
  })
  return names
}

const EMPTY = Buffer.alloc(0)

/** The consumer named in argument i, which is created if need be, of a group that is owned; its number. */
export function useConsumer(
  ctx: Context,
  root: number,
  group: number,
  keyAt: number,
  groupAt: number,
  i: number,
): number {
  const { args, effects, keyspace, nowMs } = ctx
  const { nodes } = keyspace
  const name = nameArgument(ctx, i)
  if (findConsumer(nodes, group, name) !== 0) return consumerNumber(nodes, seeConsumer(nodes, group, name, nowMs))
  const consumer = createConsumer(nodes, root, group, name, nowMs)
  notifyKey(ctx, NOTIFY_STREAM, 'xgroup-createconsumer', keyAt)
  effects.replicate('XGROUP', 'CREATECONSUMER', args.copy(keyAt), args.copy(groupAt), args.copy(i))
  effects.dirty++
  return consumerNumber(nodes, consumer)
}

/** Replicates the state of a pending entry. */
export function replicateClaim(
  ctx: Context,
  keyAt: number,
  groupAt: number,
  consumer: Uint8Array,
  group: number,
  { id, atMs, deliveries }: Pending,
): void {
  const { args, effects, keyspace } = ctx
  if (!effects.heard) return
  const last = idText(groupLast(keyspace.nodes, group, makeStreamId()))
  effects.replicateList([
    ...['XCLAIM', args.copy(keyAt), args.copy(groupAt), consumer, '0', idText(id), 'TIME', String(atMs)],
    ...['RETRYCOUNT', String(deliveries), 'FORCE', 'JUSTID', 'LASTID', last],
  ])
}

/** Replicates how far a group is. */
export function replicateLast(ctx: Context, keyAt: number, groupAt: number, group: number): void {
  const { args, effects, keyspace } = ctx
  if (!effects.heard) return
  const { nodes } = keyspace
  const last = idText(groupLast(nodes, group, makeStreamId()))
  const read = String(groupRead(nodes, group))
  effects.replicate('XGROUP', 'SETID', args.copy(keyAt), args.copy(groupAt), last, 'ENTRIESREAD', read)
}

/** Replicates what was said with `replicate`, and not the command: nothing if nothing was said. */
export function replicateOnlyThat({ effects }: Context): void {
  effects.rewritten ??= []
}

// ---- how far a group is ----

/** Whether an entry after an ID may have been deleted, so that those that remain cannot be counted by what was added. */
export function hasGapAfter(nodes: Nodes, root: number, id: Readonly<StreamId>): boolean {
  const deleted = streamDeletedId(nodes, root, makeStreamId())
  if (nodes.count(root) === 0 || isZeroId(deleted)) return false
  if (compareIds(streamEdgeId(nodes, root, false, makeStreamId()), deleted) > 0) return false
  return compareIds(id, deleted) <= 0
}

/** How many entries a group has still to read; undefined if nobody can say. */
export function groupLag(nodes: Nodes, root: number, group: number): bigint | undefined {
  const added = streamAdded(nodes, root)
  if (added === 0n) return 0n
  const last = groupLast(nodes, group, makeStreamId())
  const known = groupRead(nodes, group)
  if (known !== READ_UNKNOWN && !hasGapAfter(nodes, root, last)) return added - known
  const read = addedUpTo(nodes, root, last)
  return read === READ_UNKNOWN ? undefined : added - read
}

// ---- XGROUP ----

/** What CREATE and SETID take behind the ID. */
function parseGroupOptions(ctx: Context, create: boolean): { make: boolean; read: bigint } {
  const { args } = ctx
  const options = { make: false, read: READ_UNKNOWN }
  for (let i = 5; i < args.count; i++) {
    if (create && args.is(i, 'mkstream')) options.make = true
    else if (args.is(i, 'entriesread') && i + 1 < args.count) {
      options.read = integerArgument(ctx, ++i)
      if (options.read < READ_UNKNOWN) fail('entriesRead')
    } else fail('subcommandSyntax', args.str(1), 'XGROUP')
  }
  return options
}

/** The stream of argument 2, which must be there; with `needed` its group in argument 3, too. */
function streamOfGroup(ctx: Context, needed: boolean): number {
  const { args, db, keyspace } = ctx
  const h = keyToChange(ctx, 2, TYPE_STREAM)
  if (h === 0) fail('groupNeedsKey')
  if (needed && findGroup(keyspace.nodes, db.root(h), nameArgument(ctx, 3)) === 0) {
    fail('noGroup', args.str(3), args.str(2))
  }
  return h
}

/** The ID in argument 4, or with `$` the stream's last one. */
function groupIdArgument(ctx: Context, h: number): StreamId {
  const id = makeStreamId()
  if (!ctx.args.is(4, '$')) idArgument(ctx, 4, id)
  else if (h !== 0) streamLastId(ctx.keyspace.nodes, ctx.db.root(h), id)
  return id
}

export function xgroupCreate(ctx: Context): void {
  const { db, effects, keyspace, reply } = ctx
  const { nodes } = keyspace
  const { make, read } = parseGroupOptions(ctx, true)
  let h = make ? keyToChange(ctx, 2, TYPE_STREAM) : streamOfGroup(ctx, false)
  const id = groupIdArgument(ctx, h)
  if (h !== 0 && findGroup(nodes, db.root(h), nameArgument(ctx, 3)) !== 0) fail('groupBusy')
  if (h === 0) {
    const root = createStream(nodes)
    notifyNew(ctx, 2)
    h = putStream(ctx, root, 2)
  }
  createGroup(nodes, db.rootToChange(h, true), nameArgument(ctx, 3), id, read)
  effects.dirty++
  notifyKey(ctx, NOTIFY_STREAM, 'xgroup-create', 2)
  reply.ok()
}

export function xgroupSetid(ctx: Context): void {
  const { args, db, effects, keyspace, reply } = ctx
  const { nodes } = keyspace
  const { read } = parseGroupOptions(ctx, false)
  const h = streamOfGroup(ctx, true)
  if (args.count > 7) fail('subcommandSyntax', args.str(1), 'XGROUP')
  const isEdge = args.is(4, '-') || args.is(4, '+')
  const id = isEdge ? boundArgument(ctx, 4, args.is(4, '+')) : groupIdArgument(ctx, h)
  const group = groupToChange(nodes, db.rootToChange(h, true), nameArgument(ctx, 3))
  setGroupLast(nodes, group, id)
  setGroupRead(nodes, group, read)
  effects.dirty++
  notifyKey(ctx, NOTIFY_STREAM, 'xgroup-setid', 2)
  reply.ok()
}

export function xgroupDestroy(ctx: Context): void {
  const { db, effects, keyspace, reply } = ctx
  const h = streamOfGroup(ctx, false)
  const name = nameArgument(ctx, 3)
  if (findGroup(keyspace.nodes, db.root(h), name) === 0) return reply.int(0)
  destroyGroup(keyspace.nodes, db.rootToChange(h, true), name)
  effects.dirty++
  notifyKey(ctx, NOTIFY_STREAM, 'xgroup-destroy', 2)
  reply.int(1)
}

export function xgroupCreateconsumer(ctx: Context): void {
  const { db, keyspace, effects, reply, nowMs } = ctx
  const { nodes } = keyspace
  const h = streamOfGroup(ctx, true)
  const name = nameArgument(ctx, 4)
  if (findConsumer(nodes, findGroup(nodes, db.root(h), nameArgument(ctx, 3)), name) !== 0) return reply.int(0)
  const root = db.rootToChange(h, true)
  createConsumer(nodes, root, groupToChange(nodes, root, nameArgument(ctx, 3)), name, nowMs)
  effects.dirty++
  notifyKey(ctx, NOTIFY_STREAM, 'xgroup-createconsumer', 2)
  reply.int(1)
}

export function xgroupDelconsumer(ctx: Context): void {
  const { db, keyspace, effects, reply } = ctx
  const { nodes } = keyspace
  const h = streamOfGroup(ctx, true)
  const name = nameArgument(ctx, 4)
  const consumer = findConsumer(nodes, findGroup(nodes, db.root(h), nameArgument(ctx, 3)), name)
  if (consumer === 0) return reply.int(0)
  const pending = consumerPending(nodes, consumer)
  const root = db.rootToChange(h, true)
  deleteConsumer(nodes, root, groupToChange(nodes, root, nameArgument(ctx, 3)), name)
  effects.dirty++
  notifyKey(ctx, NOTIFY_STREAM, 'xgroup-delconsumer', 2)
  reply.int(pending)
}

// ---- XACK, XPENDING ----

export function xack(ctx: Context): void {
  const { args, db, effects, keyspace, reply } = ctx
  const { nodes } = keyspace
  const h = keyToChange(ctx, 1, TYPE_STREAM)
  if (h === 0 || findGroup(nodes, db.root(h), nameArgument(ctx, 2)) === 0) return reply.int(0)
  const ids = Array.from({ length: args.count - 3 }, (_, i) => {
    const id = makeStreamId()
    idArgument(ctx, i + 3, id)
    return id
  })
  const root = db.rootToChange(h, true)
  const group = groupToChange(nodes, root, nameArgument(ctx, 2))
  let acknowledged = 0
  for (const id of ids) if (removePending(nodes, root, group, id)) acknowledged++
  effects.dirty += acknowledged
  reply.int(acknowledged)
}

export function xpending(ctx: Context): void {
  const { args, db, keyspace } = ctx
  if (args.count !== 3 && (args.count < 6 || args.count > 9)) fail('syntax')
  const range = args.count === 3 ? undefined : parsePendingRange(ctx)
  const h = readKey(ctx, 1, TYPE_STREAM)
  const group = h === 0 ? 0 : findGroup(keyspace.nodes, db.root(h), nameArgument(ctx, 2))
  if (group === 0) fail('noKeyOrGroup', args.str(1), args.str(2))
  if (range === undefined) replyPendingSummary(ctx, group)
  else replyPendingRange(ctx, group, range)
}

interface PendingRange {
  minIdle: number
  from: StreamId
  to: StreamId
  count: number
  /** Index of the consumer's name, 0 for all. */
  consumerAt: number
}

function parsePendingRange(ctx: Context): PendingRange {
  const { args } = ctx
  let at = 3
  let minIdle = 0
  if (args.is(3, 'idle')) {
    minIdle = Number(integerArgument(ctx, 4))
    if (args.count < 8) fail('syntax')
    at += 2
  }
  const count = Math.max(Number(integerArgument(ctx, at + 2)), 0)
  const from = boundArgument(ctx, at, false)
  const to = boundArgument(ctx, at + 1, true)
  return { minIdle, from, to, count, consumerAt: at + 3 < args.count ? at + 3 : 0 }
}

function replyPendingSummary({ keyspace, reply }: Context, group: number): void {
  const { nodes } = keyspace
  const total = groupPending(nodes, group)
  reply.array(4)
  reply.int(total)
  if (total === 0) {
    reply.null()
    reply.null()
    return reply.nullArray()
  }
  visitPending(nodes, group, STREAM_ID_MIN, ({ id }) => {
    reply.bulkId(id)
    return false
  })
  reply.bulkId(lastPending(nodes, group, makeStreamId()))
  const mark = reply.pos
  let busy = 0
  visitConsumers(nodes, group, (consumer) => {
    const pending = consumerPending(nodes, consumer)
    if (pending === 0) return
    const { bytes, start, end } = nameOf(nodes, consumer, { bytes: EMPTY, start: 0, end: 0 })
    reply.array(2)
    reply.bulk(bytes, start, end)
    reply.bulkInt(pending)
    busy++
  })
  reply.arrayAt(mark, busy)
}

function replyPendingRange(ctx: Context, group: number, range: PendingRange): void {
  const { keyspace, reply, nowMs } = ctx
  const { nodes } = keyspace
  const { minIdle, from, to, count, consumerAt } = range
  const consumer = consumerAt === 0 ? 0 : findConsumer(nodes, group, nameArgument(ctx, consumerAt))
  if (count === 0 || (consumerAt !== 0 && consumer === 0)) return reply.array(0)
  const names = consumerNames(nodes, group)
  const mark = reply.pos
  let replied = 0
  const take = (entry: Pending): boolean => {
    if (compareIds(entry.id, to) > 0) return false
    const idle = nowMs - entry.atMs
    if (minIdle !== 0 && idle < minIdle) return true
    reply.array(4)
    reply.bulkId(entry.id)
    reply.bulk(names.get(entry.consumer) ?? EMPTY)
    reply.int(Math.max(idle, 0))
    reply.int(entry.deliveries)
    return ++replied < count
  }
  if (consumer === 0) visitPending(nodes, group, from, take)
  else {
    const entry = makePending()
    visitConsumerPending(nodes, consumer, from, (id) => !findPending(nodes, group, id, entry) || take(entry))
  }
  reply.arrayAt(mark, replied)
}
