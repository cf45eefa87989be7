// The arguments of the commands of sorted sets that are numbers or ends of a range, and what range of ranks they mean.

import { fail } from '../errors.ts'
import { parseDouble, parsePlainDouble } from '../lib/decimal.ts'
import type { ValueSource } from '../types/value-type.ts'
import { zsetCount, zsetMembersBelow, zsetScoresBelow } from '../types/zset.ts'
import { integerArgument } from './arguments.ts'
import type { Context } from './context.ts'

/** Ranks from `from` on, before `to`; empty unless from < to. */
export interface RankRange {
  from: number
  to: number
}

/** Argument i as a score. Infinite ones have a name; what is too large or too small for a double is none. */
export function scoreArgument(ctx: Context, i: number): number {
  const { args } = ctx
  const plain = parsePlainDouble(args.buffer, args.start(i), args.end(i))
  if (!Number.isNaN(plain)) return plain
  return scoreOf(ctx.args.latin1(i)) ?? fail('notFloat')
}

/** A score from its text. */
export function scoreOf(text: string): number | undefined {
  const score = parseDouble(text)
  return score === 0 && /^[+-]?[0.]*[1-9]/.test(text) ? undefined : score
}

/** Argument i as an integer for positions and counts; beyond 2⁵³ it may be rounded. */
export function longArgument(ctx: Context, i: number): number {
  const small = ctx.args.smallInt(i)
  return Number.isNaN(small) ? Number(integerArgument(ctx, i)) : small
}

/** What a pair of arguments says of a range, before there is a set to apply it to. */
export type Bounds = (zset: ValueSource) => RankRange

/** Ranks: from the end if below 0. */
export function rankBounds(ctx: Context, min: number, max: number): Bounds {
  const start = longArgument(ctx, min)
  const stop = longArgument(ctx, max)
  return (zset) => {
    const count = zsetCount(zset)
    return {
      from: Math.max(start < 0 ? start + count : start, 0),
      to: Math.min(stop < 0 ? stop + count : stop, count - 1) + 1,
    }
  }
}

/** Scores: with `(` before one it is not itself in the range. */
export function scoreBounds(ctx: Context, min: number, max: number): Bounds {
  const low = scoreBound(ctx, min)
  const high = scoreBound(ctx, max)
  return (zset) => ({
    from: zsetScoresBelow(zset, low.score, low.open),
    to: zsetScoresBelow(zset, high.score, !high.open),
  })
}

/** As strtod takes it, which is more than a score may be: blanks before it, nothing at all, and what is too large. */
function scoreBound({ args }: Context, i: number): { score: number; open: boolean } {
  const small = args.smallInt(i)
  if (!Number.isNaN(small)) return { score: small, open: false }
  const text = args.latin1(i)
  const open = text.startsWith('(')
  const digits = (open ? text.slice(1) : text).trimStart()
  if (digits === '' || /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(digits)) return { score: Number(digits), open }
  return { score: parseDouble(digits) ?? fail('zsetScoreRange'), open }
}

interface MemberBound {
  /** Before all members, after all, or at one. */
  readonly place: 'first' | 'last' | 'member'
  readonly bytes: Buffer
  readonly open: boolean
}

/** Members, where all scores are equal: `[member`, `(member`, `-` or `+`. */
export function memberBounds(ctx: Context, min: number, max: number): Bounds {
  const low = memberBound(ctx.args.bytes(min))
  const high = memberBound(ctx.args.bytes(max))
  return (zset) => ({ from: membersBelow(zset, low, low.open), to: membersBelow(zset, high, !high.open) })
}

function membersBelow(zset: ValueSource, { place, bytes }: MemberBound, orEqual: boolean): number {
  if (place === 'member') return zsetMembersBelow(zset, bytes, 0, bytes.length, orEqual)
  return place === 'first' ? 0 : zsetCount(zset)
}

function memberBound(bytes: Buffer): MemberBound {
  const sign = String.fromCharCode(bytes[0] ?? 0)
  if (bytes.length === 1 && sign === '-') return { place: 'first', bytes, open: false }
  if (bytes.length === 1 && sign === '+') return { place: 'last', bytes, open: false }
  if (sign !== '(' && sign !== '[') fail('zsetMemberRange')
  return { place: 'member', bytes: bytes.subarray(1), open: sign === '(' }
}
