// Geo: members of a sorted set that are places (types/geo.ts). Here are the commands about single members, and what searches
// (geo-search.ts) have in common with them; all rows are in geo-rows.ts.

import { fail } from '../errors.ts'
import { parseDouble } from '../lib/decimal.ts'
import { formatFixed } from '../lib/fixed.ts'
import type { ReplyWriter } from '../protocol/writer.ts'
import {
  geohashOf,
  LATITUDE_MAX,
  LONGITUDE_MAX,
  metresBetween,
  type Place,
  placeOfScore,
  scoreOfPlace,
} from '../types/geo.ts'
import { TYPE_ZSET } from '../types/value-type.ts'
import { zsetScore } from '../types/zset.ts'
import type { Context } from './context.ts'
import { readKey } from './lookup.ts'
import { addMembers, type MemberForm, noOptions } from './sorted-sets.ts'

/** Argument i as a number. */
function doubleArgument(ctx: Context, i: number): number {
  return parseDouble(ctx.args.latin1(i)) ?? fail('notFloat')
}

/** Arguments i and i + 1 as longitude and latitude. */
export function placeArgument(ctx: Context, i: number): Place {
  const longitude = doubleArgument(ctx, i)
  const latitude = doubleArgument(ctx, i + 1)
  if (Math.abs(longitude) > LONGITUDE_MAX || Math.abs(latitude) > LATITUDE_MAX) {
    fail('geoPair', formatFixed(longitude, 6), formatFixed(latitude, 6))
  }
  return { longitude, latitude }
}

const UNITS: readonly (readonly [string, number])[] = [
  ['m', 1],
  ['km', 1000],
  ['ft', 0.3048],
  ['mi', 1609.34],
]

/** Argument i as a unit of length: how many metres it has. */
export function unitArgument({ args }: Context, i: number): number {
  const unit = UNITS.find(([name]) => args.is(i, name)) ?? fail('geoUnit')
  return unit[1]
}

/** A length in some unit, with four decimals. */
export function replyLength(reply: ReplyWriter, length: number): void {
  const scaled = length * 10_000
  const whole = Math.floor(scaled)
  const rest = scaled - whole
  const up = rest > 0.5 || (rest === 0.5 && whole % 2 === 1)
  const digits = String(up ? whole + 1 : whole).padStart(5, '0')
  reply.bulkText(`${digits.slice(0, -4)}.${digits.slice(-4)}`)
}

/** A place as the pair of its degrees. */
export function replyPlace(reply: ReplyWriter, { longitude, latitude }: Place): void {
  reply.array(2)
  for (const degrees of [longitude, latitude]) reply.double(formatFixed(degrees, 17).replace(/\.?0+$/, ''))
}

/** The place of the member in argument i, or undefined if it is not in the set of that entry (0: no set). */
export function placeOfMember(ctx: Context, h: number, i: number): Place | undefined {
  const score = scoreOfMember(ctx, h, i)
  return Number.isNaN(score) ? undefined : placeOfScore(score)
}

function scoreOfMember({ args, db }: Context, h: number, i: number): number {
  return h === 0 ? Number.NaN : zsetScore(db.source(h), args.buffer, args.start(i), args.end(i))
}

const PLACES: MemberForm = {
  step: 3,
  score: (ctx, i) => scoreOfPlace(placeArgument(ctx, i)),
  command(ctx, first, end) {
    const { args } = ctx
    const argv: (string | Uint8Array)[] = ['ZADD']
    for (let i = 1; i < first; i++) argv.push(args.bytes(i))
    for (let i = first; i < end; i += 3) argv.push(String(PLACES.score(ctx, i)), args.bytes(i + 2))
    return argv
  },
}

export function geoadd(ctx: Context): void {
  const { args, effects } = ctx
  const options = noOptions()
  let first = 2
  for (; first < args.count; first++) {
    if (args.is(first, 'nx')) options.nx = true
    else if (args.is(first, 'xx')) options.xx = true
    else if (args.is(first, 'ch')) options.ch = true
    else break
  }
  const rest = args.count - first
  if (rest === 0 || rest % 3 !== 0 || (options.nx && options.xx)) fail('syntax')
  addMembers(ctx, options, first, PLACES)
  // Replicas are told scores, not places: the arithmetic is done once.
  if (effects.dirty > 0) effects.replicateList(PLACES.command(ctx, first, args.count))
}

export function geopos(ctx: Context): void {
  const { args, reply } = ctx
  const h = readKey(ctx, 1, TYPE_ZSET)
  reply.array(args.count - 2)
  for (let i = 2; i < args.count; i++) {
    const place = placeOfMember(ctx, h, i)
    if (place === undefined) reply.nullArray()
    else replyPlace(reply, place)
  }
}

export function geohash(ctx: Context): void {
  const { args, reply } = ctx
  const h = readKey(ctx, 1, TYPE_ZSET)
  reply.array(args.count - 2)
  for (let i = 2; i < args.count; i++) {
    const score = scoreOfMember(ctx, h, i)
    if (Number.isNaN(score)) reply.null()
    else reply.bulkText(geohashOf(score))
  }
}

export function geodist(ctx: Context): void {
  const { args, reply } = ctx
  if (args.count > 5) fail('syntax')
  const unit = args.count === 5 ? unitArgument(ctx, 4) : 1
  const h = readKey(ctx, 1, TYPE_ZSET)
  const a = placeOfMember(ctx, h, 2)
  const b = placeOfMember(ctx, h, 3)
  if (a === undefined || b === undefined) return reply.null()
  replyLength(reply, metresBetween(a, b) / unit)
}
