// ZRANDMEMBER: one random member, several different ones, or several of which some may come twice.

import { fail } from '../errors.ts'
import { INT64_MAX } from '../lib/decimal.ts'
import { TYPE_ZSET } from '../types/value-type.ts'
import { type VisitMember, zsetCount, zsetRange } from '../types/zset.ts'
import { integerArgument, randomCount } from './arguments.ts'
import type { Context } from './context.ts'
import { readKey } from './lookup.ts'
import { beginMembers } from './sorted-set-ranges.ts'

/** A part of the members smaller than one in so many is drawn one by one, a larger one picked in one go over all. */
const SMALL_PART = 3

/** The command ZRANDMEMBER. */
export function zrandmember(ctx: Context): void {
  const { args, db, host, reply } = ctx
  const count = args.count === 2 ? undefined : countArgument(ctx)
  const withScores = args.count > 3
  const h = readKey(ctx, 1, TYPE_ZSET)
  if (count === undefined) {
    if (h === 0) return reply.null()
    const i = host.random.below(zsetCount(db.source(h)))
    return zsetRange(db.source(h), i, 1, false, ({ bytes, start, end }) => reply.bulk(bytes, start, end))
  }
  if (h === 0 || count === 0) return reply.array(0)
  const zset = db.source(h)
  const size = zsetCount(zset)
  const replied = count < 0 ? -count : Math.min(count, size)
  const take = beginMembers(ctx, replied, withScores)
  const takeRank = (rank: number): void => zsetRange(zset, rank, 1, false, take)
  if (count < 0) for (let i = 0; i < replied; i++) takeRank(host.random.below(size))
  else if (replied * SMALL_PART < size) {
    const taken = new Set<number>()
    while (taken.size < replied) {
      const rank = host.random.below(size)
      if (taken.has(rank)) continue
      taken.add(rank)
      takeRank(rank)
    }
  } else pick(ctx, size, replied, take, (visit) => zsetRange(zset, 0, size, false, visit))
}

/** Takes `count` of `size` members: each with the chance that is left for it when it is met. */
function pick(
  { host }: Context,
  size: number,
  count: number,
  take: VisitMember,
  forEach: (visit: VisitMember) => void,
): void {
  let left = size
  let wanted = count
  forEach((member, score) => {
    if (host.random.below(left--) >= wanted) return
    wanted--
    take(member, score)
  })
}

/** The count in argument 2, and whether WITHSCORES follows. */
function countArgument(ctx: Context): number {
  const { args } = ctx
  const count = integerArgument(ctx, 2)
  if (count < -INT64_MAX) fail('outOfRangeBetween', String(-INT64_MAX), String(INT64_MAX))
  if (args.count > 4 || (args.count === 4 && !args.is(3, 'withscores'))) fail('syntax')
  if (args.count === 4 && (count < -INT64_MAX / 2n || count > INT64_MAX / 2n)) fail('outOfRange')
  return randomCount(ctx, count)
}
