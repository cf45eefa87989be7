// XINFO: what a stream is made of, its groups and their consumers.

import { fail } from '../errors.ts'
import { makeStreamId, STREAM_ID_BYTES, STREAM_ID_MAX, STREAM_ID_MIN, writeIdKey } from '../lib/stream-id.ts'
import type { Nodes } from '../store/nodes.ts'
import {
  streamAdded,
  streamDeletedId,
  streamEdgeId,
  streamEntry,
  streamLastId,
  streamPageCount,
  streamPages,
} from '../store/stream.ts'
import {
  consumerPending,
  consumerSeen,
  countGroups,
  findGroup,
  findPending,
  groupConsumers,
  groupLast,
  groupPending,
  groupRead,
  makePending,
  nameOf,
  READ_UNKNOWN,
  visitConsumerPending,
  visitConsumers,
  visitGroups,
  visitPending,
} from '../store/stream-groups.ts'
import { TYPE_STREAM } from '../types/value-type.ts'
import { integerArgument } from './arguments.ts'
import type { Context } from './context.ts'
import { readKey } from './lookup.ts'
import { consumerNames, groupLag, nameArgument } from './stream-groups.ts'
import { replyEntries, replyEntry } from './streams.ts'

const FULL_COUNT = 10

export function xinfoStream(ctx: Context): void {
  const { db, keyspace, reply } = ctx
  const { nodes } = keyspace
  const full = parseFull(ctx)
  const h = readKey(ctx, 2, TYPE_STREAM)
  if (h === 0) fail('noSuchKey')
  const root = db.root(h)
  reply.map(full === undefined ? 10 : 9)
  reply.bulkText('length')
  reply.int(nodes.count(root))
  reply.bulkText('radix-tree-keys')
  reply.int(streamPageCount(nodes, root))
  reply.bulkText('radix-tree-nodes')
  reply.int(radixNodes(nodes, root))
  const id = makeStreamId()
  reply.bulkText('last-generated-id')
  reply.bulkId(streamLastId(nodes, root, id))
  reply.bulkText('max-deleted-entry-id')
  reply.bulkId(streamDeletedId(nodes, root, id))
  reply.bulkText('entries-added')
  reply.int(streamAdded(nodes, root))
  reply.bulkText('recorded-first-entry-id')
  reply.bulkId(streamEdgeId(nodes, root, false, id))
  if (full === undefined) replyEdges(ctx, root)
  else replyFull(ctx, root, full)
}

/** How many entries are asked for in full; undefined without FULL. */
function parseFull(ctx: Context): number | undefined {
  const { args } = ctx
  if (args.count === 3) return undefined
  const counted = args.count === 6
  if ((args.count !== 4 && !counted) || !args.is(3, 'full') || (counted && !args.is(4, 'count'))) {
    fail('subcommandSyntax', args.str(1), 'XINFO')
  }
  const count = counted ? Number(integerArgument(ctx, 5)) : FULL_COUNT
  if (count === 0) return Number.POSITIVE_INFINITY
  return count < 0 ? FULL_COUNT : count
}

function replyEdges(ctx: Context, root: number): void {
  const { reply } = ctx
  reply.bulkText('groups')
  reply.int(countGroups(ctx.keyspace.nodes, root))
  for (const last of [false, true]) {
    reply.bulkText(last ? 'last-entry' : 'first-entry')
    const { nodes } = ctx.keyspace
    const entry = streamEntry(nodes, root, streamEdgeId(nodes, root, last, makeStreamId()))
    if (entry === undefined) reply.null()
    else replyEntry(ctx, entry)
  }
}

function replyFull(ctx: Context, root: number, count: number): void {
  const { reply } = ctx
  reply.bulkText('entries')
  replyEntries(ctx, root, STREAM_ID_MIN, STREAM_ID_MAX, false, count)
  reply.bulkText('groups')
  const { nodes } = ctx.keyspace
  reply.array(countGroups(nodes, root))
  visitGroups(nodes, root, (group) => replyFullGroup(ctx, root, group, count))
}

function replyName({ keyspace, reply }: Context, h: number): void {
  const { bytes, start, end } = nameOf(keyspace.nodes, h, { bytes: EMPTY, start: 0, end: 0 })
  reply.bulkText('name')
  reply.bulk(bytes, start, end)
}

const EMPTY = Buffer.alloc(0)

/** Replies how far a group is. */
function replyProgress({ keyspace, reply }: Context, root: number, group: number): void {
  const { nodes } = keyspace
  const read = groupRead(nodes, group)
  reply.bulkText('entries-read')
  if (read === READ_UNKNOWN) reply.null()
  else reply.int(read)
  const lag = groupLag(nodes, root, group)
  reply.bulkText('lag')
  if (lag === undefined) reply.null()
  else reply.int(lag)
}

function replyFullGroup(ctx: Context, root: number, group: number, count: number): void {
  const { keyspace, reply } = ctx
  const { nodes } = keyspace
  reply.map(7)
  replyName(ctx, group)
  reply.bulkText('last-delivered-id')
  reply.bulkId(groupLast(nodes, group, makeStreamId()))
  replyProgress(ctx, root, group)
  reply.bulkText('pel-count')
  reply.int(groupPending(nodes, group))
  reply.bulkText('pending')
  const names = consumerNames(nodes, group)
  const left = Math.min(count, groupPending(nodes, group))
  reply.array(left)
  let shown = 0
  visitPending(nodes, group, STREAM_ID_MIN, (entry) => {
    reply.array(4)
    reply.bulkId(entry.id)
    reply.bulk(names.get(entry.consumer) ?? EMPTY)
    reply.int(entry.atMs)
    reply.int(entry.deliveries)
    return ++shown < left
  })
  reply.bulkText('consumers')
  reply.array(groupConsumers(nodes, group))
  visitConsumers(nodes, group, (consumer) => replyFullConsumer(ctx, group, consumer, count))
}

function replyFullConsumer(ctx: Context, group: number, consumer: number, count: number): void {
  const { keyspace, reply } = ctx
  const { nodes } = keyspace
  reply.map(4)
  replyName(ctx, consumer)
  reply.bulkText('seen-time')
  reply.int(consumerSeen(nodes, consumer))
  reply.bulkText('pel-count')
  reply.int(consumerPending(nodes, consumer))
  reply.bulkText('pending')
  const left = Math.min(count, consumerPending(nodes, consumer))
  reply.array(left)
  const entry = makePending()
  let shown = 0
  visitConsumerPending(nodes, consumer, STREAM_ID_MIN, (id) => {
    findPending(nodes, group, id, entry)
    reply.array(3)
    reply.bulkId(id)
    reply.int(entry.atMs)
    reply.int(entry.deliveries)
    return ++shown < left
  })
}

export function xinfoGroups(ctx: Context): void {
  const { db, keyspace, reply } = ctx
  const { nodes } = keyspace
  const h = readKey(ctx, 2, TYPE_STREAM)
  if (h === 0) fail('noSuchKey')
  const root = db.root(h)
  reply.array(countGroups(nodes, root))
  visitGroups(nodes, root, (group) => {
    reply.map(6)
    replyName(ctx, group)
    reply.bulkText('consumers')
    reply.int(groupConsumers(nodes, group))
    reply.bulkText('pending')
    reply.int(groupPending(nodes, group))
    reply.bulkText('last-delivered-id')
    reply.bulkId(groupLast(nodes, group, makeStreamId()))
    replyProgress(ctx, root, group)
  })
}

export function xinfoConsumers(ctx: Context): void {
  const { args, db, keyspace, reply, nowMs } = ctx
  const { nodes } = keyspace
  const h = readKey(ctx, 2, TYPE_STREAM)
  if (h === 0) fail('noSuchKey')
  const group = findGroup(nodes, db.root(h), nameArgument(ctx, 3))
  if (group === 0) fail('noGroup', args.str(3), args.str(2))
  reply.array(groupConsumers(nodes, group))
  visitConsumers(nodes, group, (consumer) => {
    reply.map(3)
    replyName(ctx, consumer)
    reply.bulkText('pending')
    reply.int(consumerPending(nodes, consumer))
    reply.bulkText('idle')
    reply.int(Math.max(nowMs - consumerSeen(nodes, consumer), 0))
  })
}

/** How many nodes a radix tree of the pages' IDs would have, as Redis tells it: it is compressed, with one node where paths part. */
function radixNodes(nodes: Nodes, root: number): number {
  const keys: Buffer[] = []
  streamPages(nodes, root, (id) => {
    const key = Buffer.alloc(STREAM_ID_BYTES)
    writeIdKey(id, key, 0)
    keys.push(key)
  })
  return keys.length === 0 ? 1 : radixNodesOf(keys, 0, keys.length, 0)
}

/** The same for keys [from, to), which are in order and have their first `depth` bytes in common. */
function radixNodesOf(keys: readonly Buffer[], from: number, to: number, depth: number): number {
  if (to - from === 1) return depth < STREAM_ID_BYTES ? 2 : 1
  const first = keys[from]
  const last = keys[to - 1]
  let common = depth
  while (first[common] === last[common]) common++
  let count = common > depth ? 2 : 1
  for (let i = from; i < to; ) {
    let next = i + 1
    while (next < to && keys[next][common] === keys[i][common]) next++
    count += radixNodesOf(keys, i, next, common + 1)
    i = next
  }
  return count
}
