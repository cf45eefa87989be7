// XREAD: the entries of several streams that come after given IDs.

import { fail } from '../errors.ts'
import { compareIds, incrementId, makeStreamId, STREAM_ID_MAX, type StreamId } from '../lib/stream-id.ts'
import { streamEdgeId, streamLastId } from '../store/stream.ts'
import { TYPE_STREAM } from '../types/value-type.ts'
import { integerArgument } from './arguments.ts'
import type { Context } from './context.ts'
import { readKey } from './lookup.ts'
import { idArgument } from './stream-arguments.ts'
import { replyEntries } from './streams.ts'

interface ReadOptions {
  count: number
  /** Index of the first key, and how many there are; as many IDs follow. */
  first: number
  streams: number
}

export function xread(ctx: Context): void {
  const { db, keyspace, reply } = ctx
  const { nodes } = keyspace
  const options = parseOptions(ctx)
  const after = Array.from({ length: options.streams }, (_, i) => afterId(ctx, options.first + i, options.streams))
  const served: number[] = []
  const last = makeStreamId()
  after.forEach((id, i) => {
    const h = readKey(ctx, options.first + i, TYPE_STREAM)
    if (h !== 0 && compareIds(streamEdgeId(nodes, db.root(h), true, last), id) > 0) served.push(i)
  })
  if (served.length === 0) return reply.nullArray()
  // RESP3 has a map here.
  const isMap = reply.resp === 3
  if (isMap) reply.map(served.length)
  else reply.array(served.length)
  for (const i of served) {
    const h = readKey(ctx, options.first + i, TYPE_STREAM)
    if (!isMap) reply.array(2)
    reply.bulk(ctx.args.bytes(options.first + i))
    const from = after[i]
    incrementId(from)
    replyEntries(ctx, db.root(h), from, STREAM_ID_MAX, false, options.count)
  }
}

function parseOptions(ctx: Context): ReadOptions {
  const { args } = ctx
  let count = 0
  for (let i = 1; i < args.count; i++) {
    const more = args.count - i - 1
    if (more > 0 && args.is(i, 'count')) {
      count = Math.max(Number(integerArgument(ctx, ++i)), 0)
    } else if (more > 0 && args.is(i, 'streams')) {
      if (more % 2 !== 0) fail('xreadUnbalanced', 'XREAD', '$')
      return { count: count === 0 ? Number.POSITIVE_INFINITY : count, first: i + 1, streams: more / 2 }
    } else if (more > 0 && args.is(i, 'block')) {
      fail('xreadBlock')
    } else if (more > 1 && args.is(i, 'group')) {
      fail('xreadGroup')
    } else if (args.is(i, 'noack')) {
      fail('xreadNoAck')
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
