// Sorted sets: the commands that return, store or remove a range of members, by rank, by score or by the members' bytes.

import { fail } from '../errors.ts'
import { formatDouble } from '../lib/double.ts'
import { TYPE_ZSET } from '../types/value-type.ts'
import { createZsetBuilder, type VisitMember, zsetCount, zsetFitsListpack, zsetRange } from '../types/zset.ts'
import type { Context } from './context.ts'
import { NOTIFY_GENERIC, NOTIFY_ZSET } from './effects.ts'
import { keyToChange, notifyKey, readKey } from './lookup.ts'
import { type Bounds, longArgument, memberBounds, rankBounds, scoreBounds } from './sorted-set-bounds.ts'
import { removeRange, storeResult } from './sorted-set-members.ts'

type By = 'rank' | 'score' | 'member'
type BoundsOf = (ctx: Context, min: number, max: number) => Bounds

const BOUNDS: Readonly<Record<By, BoundsOf>> = { rank: rankBounds, score: scoreBounds, member: memberBounds }

/** What a command asks for; undefined where its options may still say it. */
interface Asked {
  by: By | undefined
  back: boolean | undefined
  withScores: boolean
  offset: number
  /** Below 0: all. */
  count: number
}

/** Reads the options from argument `from` on. */
function readOptions(ctx: Context, from: number, asked: Asked, stores: boolean): void {
  const { args } = ctx
  let limited = false
  for (let i = from; i < args.count; i++) {
    if (!stores && args.is(i, 'withscores')) asked.withScores = true
    else if (args.is(i, 'limit') && i + 2 < args.count) {
      asked.offset = longArgument(ctx, i + 1)
      asked.count = longArgument(ctx, i + 2)
      limited = asked.count !== -1
      i += 2
    } else if (asked.back === undefined && args.is(i, 'rev')) asked.back = true
    else if (asked.by === undefined && args.is(i, 'bylex')) asked.by = 'member'
    else if (asked.by === undefined && args.is(i, 'byscore')) asked.by = 'score'
    else fail('syntax')
  }
  if (limited && (asked.by ?? 'rank') === 'rank') fail('zsetLimitByRank')
  if (asked.withScores && asked.by === 'member') fail('zsetScoresByMember')
}

/** Runs a range of the set in argument `key`. `take` is called for each member, after `begin` with their number. */
function range(
  ctx: Context,
  key: number,
  by: By | undefined,
  back: boolean | undefined,
  stores: boolean,
  begin: (count: number, withScores: boolean, by: By) => VisitMember,
): void {
  const { db } = ctx
  const asked: Asked = { by, back, withScores: false, offset: 0, count: -1 }
  readOptions(ctx, key + 3, asked, stores)
  const kind = asked.by ?? 'rank'
  const swapped = asked.back === true && kind !== 'rank'
  const bounds = BOUNDS[kind](ctx, swapped ? key + 2 : key + 1, swapped ? key + 1 : key + 2)
  const h = readKey(ctx, key, TYPE_ZSET)
  if (h === 0) return void begin(0, asked.withScores, kind)
  const zset = db.source(h)
  const ranks = bounds(zset)
  let count = Math.max(ranks.to - ranks.from, 0)
  let first = ranks.from
  if (kind !== 'rank') {
    // A negative offset passes over everything, as it does in Redis.
    const skipped = asked.offset < 0 ? count : Math.min(asked.offset, count)
    count -= skipped
    if (asked.count >= 0) count = Math.min(count, asked.count)
    first = asked.back ? ranks.to - 1 - skipped : ranks.from + skipped
  } else if (asked.back) {
    // Ranks count from the highest then: the range is mirrored.
    first = zsetCount(zset) - 1 - ranks.from
  }
  const take = begin(count, asked.withScores, kind)
  if (count > 0) zsetRange(zset, first, count, asked.back === true, take)
}

/** Replies what is in the range. */
function reply(ctx: Context, by: By | undefined, back: boolean | undefined): void {
  range(ctx, 1, by, back, false, (count, withScores) => beginMembers(ctx, count, withScores))
}

/** Begins the reply of so many members; what is to be called for each. */
export function beginMembers(ctx: Context, count: number, withScores: boolean): VisitMember {
  const { reply } = ctx
  const pairs = withScores && reply.resp === 3
  reply.array(withScores && !pairs ? 2 * count : count)
  if (!withScores) return ({ bytes, start, end }) => reply.bulk(bytes, start, end)
  return ({ bytes, start, end }, score) => {
    if (pairs) reply.array(2)
    reply.bulk(bytes, start, end)
    replyScore(ctx, score)
  }
}

/** Replies a score. */
export function replyScore(ctx: Context, score: number): void {
  const { reply } = ctx
  if (reply.resp === 2 && Number.isSafeInteger(score) && !Object.is(score, -0)) reply.bulkInt(score)
  else reply.double(formatDouble(score))
}

export function zrange(ctx: Context): void {
  reply(ctx, undefined, undefined)
}

export function zrevrange(ctx: Context): void {
  reply(ctx, 'rank', true)
}

export function zrangebyscore(ctx: Context): void {
  reply(ctx, 'score', false)
}

export function zrevrangebyscore(ctx: Context): void {
  reply(ctx, 'score', true)
}

export function zrangebylex(ctx: Context): void {
  reply(ctx, 'member', false)
}

export function zrevrangebylex(ctx: Context): void {
  reply(ctx, 'member', true)
}

export function zrangestore(ctx: Context): void {
  const { keyspace } = ctx
  let builder = createZsetBuilder(keyspace.nodes, keyspace.limits)
  try {
    range(ctx, 2, undefined, undefined, true, (count, _, kind) => {
      if (kind === 'rank') builder = createZsetBuilder(keyspace.nodes, keyspace.limits, count)
      return ({ bytes, start, end }, score) => {
        // As in Redis, -0 is 0 from the moment on in which it is stored in a listpack.
        const compact = builder.isCompact() && zsetFitsListpack(keyspace.limits, builder.count() + 1, end - start)
        builder.set(bytes, start, end, score === 0 && compact ? 0 : score)
      }
    })
  } catch (error) {
    builder.abandon()
    throw error
  }
  const count = builder.count()
  storeResult(ctx, count === 0 ? undefined : builder.finish(), 'zrangestore')
  ctx.reply.int(count)
}

// ---- counting and removing ----

export function zcount(ctx: Context): void {
  count(ctx, 'score')
}

export function zlexcount(ctx: Context): void {
  count(ctx, 'member')
}

function count(ctx: Context, by: By): void {
  const bounds = BOUNDS[by](ctx, 2, 3)
  const h = readKey(ctx, 1, TYPE_ZSET)
  if (h === 0) return ctx.reply.int(0)
  const { from, to } = bounds(ctx.db.source(h))
  ctx.reply.int(Math.max(to - from, 0))
}

export function zremrangebyrank(ctx: Context): void {
  remove(ctx, 'rank', 'zremrangebyrank')
}

export function zremrangebyscore(ctx: Context): void {
  remove(ctx, 'score', 'zremrangebyscore')
}

export function zremrangebylex(ctx: Context): void {
  remove(ctx, 'member', 'zremrangebylex')
}

function remove(ctx: Context, by: By, event: string): void {
  const { db, effects, keyspace } = ctx
  const bounds = BOUNDS[by](ctx, 2, 3)
  const h = keyToChange(ctx, 1, TYPE_ZSET)
  if (h === 0) return ctx.reply.int(0)
  const count = zsetCount(db.source(h))
  const { from, to } = bounds(db.source(h))
  const removed = Math.max(to - from, 0)
  if (removed > 0) {
    const ref = { h }
    try {
      removeRange(keyspace, db, ref, from, removed)
    } catch (error) {
      // What is gone by now stays away, so that is what is replicated.
      const done = count - zsetCount(db.source(h))
      if (done > 0) effects.replicate('ZREMRANGEBYRANK', ctx.args.bytes(1), String(from), String(from + done - 1))
      throw error
    }
    notifyKey(ctx, NOTIFY_ZSET, event, 1)
    if (ref.h === 0) notifyKey(ctx, NOTIFY_GENERIC, 'del', 1)
    effects.dirty += removed
  }
  ctx.reply.int(removed)
}
