// Geo: searches around a place, replied or stored. Their results come by distance if they are sorted or counted, else in the order
// of the cells that were looked at.

import { fail } from '../errors.ts'
import { copyBytes } from '../lib/bytes.ts'
import { INT64_MIN, parseDouble } from '../lib/decimal.ts'
import { type Area, metresIfInside, type Place, placeOfScore, rangesAround } from '../types/geo.ts'
import { TYPE_ZSET } from '../types/value-type.ts'
import { createZsetBuilder, zsetRange, zsetScoresBelow } from '../types/zset.ts'
import { integerArgument } from './arguments.ts'
import type { Context } from './context.ts'
import { NOTIFY_ZSET } from './effects.ts'
import { placeArgument, placeOfMember, replyLength, replyPlace, unitArgument } from './geo.ts'
import { readKey } from './lookup.ts'
import { storeBuilt } from './stored-result.ts'

/** A member that was found: where its bytes are among those of all, for a buffer each was a fifth of a search (measured, Node 20). */
interface Found {
  readonly start: number
  readonly end: number
  readonly score: number
  readonly place: Place
  readonly metres: number
}

/** The members that were found, and their bytes. */
interface FoundMembers {
  bytes: Buffer
  list: Found[]
}

interface Asked {
  centre: Place | undefined
  /** A centre was named, though there may be no set to find it in. */
  centred: 'member' | 'place' | undefined
  area: Area | undefined
  /** Metres in the unit of the request. */
  unit: number
  order: 'asc' | 'desc' | undefined
  /** At most so many; 0: all. */
  count: number
  /** Whichever are found first, not the nearest. */
  any: boolean
  withDist: boolean
  withHash: boolean
  withCoord: boolean
  /** Argument of the key to store the result in; 0: it is replied. */
  storeKey: number
  storeDist: boolean
}

/** Which options a command takes. */
interface Form {
  /** GEOSEARCH's: centre and area are options. */
  readonly search: boolean
  /** Takes STORE and STOREDIST with a key. */
  readonly stores: boolean
}

function nothingAsked(): Asked {
  return {
    centre: undefined,
    centred: undefined,
    area: undefined,
    unit: 1,
    order: undefined,
    count: 0,
    any: false,
    withDist: false,
    withHash: false,
    withCoord: false,
    storeKey: 0,
    storeDist: false,
  }
}

// ---- the commands ----

export const georadius = (ctx: Context): void => aroundPlace(ctx, true)
export const georadiusRo = (ctx: Context): void => aroundPlace(ctx, false)
export const georadiusbymember = (ctx: Context): void => aroundMember(ctx, true)
export const georadiusbymemberRo = (ctx: Context): void => aroundMember(ctx, false)

function aroundPlace(ctx: Context, stores: boolean): void {
  const h = readKey(ctx, 1, TYPE_ZSET)
  const asked = nothingAsked()
  asked.centre = placeArgument(ctx, 2)
  readCircle(ctx, asked, 4)
  readOptions(ctx, asked, h, 6, { search: false, stores })
  finish(ctx, asked, h, 'georadiusstore')
}

function aroundMember(ctx: Context, stores: boolean): void {
  const h = readKey(ctx, 1, TYPE_ZSET)
  const asked = nothingAsked()
  // Without a set there is nothing to measure, and Redis does not look at the radius.
  if (h !== 0) {
    asked.centre = placeOfMember(ctx, h, 2) ?? fail('geoMember')
    readCircle(ctx, asked, 3)
  }
  readOptions(ctx, asked, h, 5, { search: false, stores })
  finish(ctx, asked, h, 'georadiusstore')
}

export function geosearch(ctx: Context): void {
  search(ctx, 1, nothingAsked())
}

export function geosearchstore(ctx: Context): void {
  search(ctx, 2, { ...nothingAsked(), storeKey: 1 })
}

function search(ctx: Context, key: number, asked: Asked): void {
  const h = readKey(ctx, key, TYPE_ZSET)
  readOptions(ctx, asked, h, key + 1, { search: true, stores: false })
  finish(ctx, asked, h, 'geosearchstore')
}

// ---- arguments ----

function readOptions(ctx: Context, asked: Asked, h: number, from: number, form: Form): void {
  for (let i = from; i < ctx.args.count; ) {
    const taken = readWord(ctx, asked, i) || readValued(ctx, asked, i, form) || readShape(ctx, asked, h, i, form)
    if (taken === 0) fail('syntax')
    i += taken
  }
  const name = ctx.args.str(0)
  if (asked.storeKey !== 0 && (asked.withDist || asked.withHash || asked.withCoord)) {
    fail('geoStore', form.search ? 'GEOSEARCHSTORE' : 'STORE option in GEORADIUS')
  }
  if (form.search && asked.centred === undefined) fail('geoFrom', name)
  if (form.search && asked.area === undefined) fail('geoBy', name)
  if (asked.any && asked.count === 0) fail('geoAny')
}

/** Reads an option of one word; how many arguments it took, 0 if it is none. */
function readWord({ args }: Context, asked: Asked, i: number): number {
  if (args.is(i, 'withdist')) asked.withDist = true
  else if (args.is(i, 'withhash')) asked.withHash = true
  else if (args.is(i, 'withcoord')) asked.withCoord = true
  else if (args.is(i, 'any')) asked.any = true
  else if (args.is(i, 'asc')) asked.order = 'asc'
  else if (args.is(i, 'desc')) asked.order = 'desc'
  else return 0
  return 1
}

/** The same for COUNT, STORE and STOREDIST. */
function readValued(ctx: Context, asked: Asked, i: number, form: Form): number {
  const { args } = ctx
  const left = args.count - i - 1
  if (args.is(i, 'count') && left >= 1) {
    asked.count = Number(integerArgument(ctx, i + 1))
    if (asked.count <= 0) fail('geoCount')
    return 2
  }
  const distances = args.is(i, 'storedist')
  if (form.search) {
    if (!distances || asked.storeKey === 0) return 0
    asked.storeDist = true
    return 1
  }
  if (!form.stores || left < 1 || !(distances || args.is(i, 'store'))) return 0
  asked.storeKey = i + 1
  asked.storeDist = distances
  return 2
}

/** The same for what says where to search, in GEOSEARCH. */
function readShape(ctx: Context, asked: Asked, h: number, i: number, form: Form): number {
  const { args } = ctx
  const left = args.count - i - 1
  if (!form.search) return 0
  if (args.is(i, 'frommember') && left >= 1 && asked.centred !== 'place') {
    if (h !== 0) asked.centre = placeOfMember(ctx, h, i + 1) ?? fail('geoMember')
    asked.centred = 'member'
    return 2
  }
  if (args.is(i, 'fromlonlat') && left >= 2 && asked.centred !== 'member') {
    asked.centre = placeArgument(ctx, i + 1)
    asked.centred = 'place'
    return 3
  }
  if (args.is(i, 'byradius') && left >= 2 && asked.area?.kind !== 'box') {
    readCircle(ctx, asked, i + 1)
    return 3
  }
  if (args.is(i, 'bybox') && left >= 3 && asked.area?.kind !== 'circle') {
    readBox(ctx, asked, i + 1)
    return 4
  }
  return 0
}

/** Reads a radius and its unit from arguments i and i + 1. */
function readCircle(ctx: Context, asked: Asked, i: number): void {
  const radius = parseDouble(ctx.args.latin1(i)) ?? fail('geoRadius')
  if (radius < 0) fail('geoRadiusNegative')
  asked.unit = unitArgument(ctx, i + 1)
  asked.area = { kind: 'circle', radius: radius * asked.unit }
}

/** Reads width, height and their unit from argument i on. */
function readBox(ctx: Context, asked: Asked, i: number): void {
  const width = parseDouble(ctx.args.latin1(i)) ?? fail('geoWidth')
  const height = parseDouble(ctx.args.latin1(i + 1)) ?? fail('geoHeight')
  if (width < 0 || height < 0) fail('geoBoxNegative')
  asked.unit = unitArgument(ctx, i + 2)
  asked.area = { kind: 'box', width: width * asked.unit, height: height * asked.unit }
}

// ---- the search ----

function finish(ctx: Context, asked: Asked, h: number, event: string): void {
  const found = find(ctx, asked, h)
  found.list = sorted(found.list, asked)
  if (asked.storeKey !== 0) return store(ctx, asked, found, event)
  replyFound(ctx, asked, found)
}

/** Members are looked at in portions, so that a search for any few of many ends early. */
const PORTION = 1024

/** The members in the area. */
function find({ db }: Context, { centre, area, any, count }: Asked, h: number): FoundMembers {
  const list: Found[] = []
  const found: FoundMembers = { bytes: NO_BYTES, list }
  if (h === 0 || centre === undefined || area === undefined) return found
  const limit = any ? count : Number.POSITIVE_INFINITY
  const zset = db.source(h)
  let used = 0
  for (const { min, max } of rangesAround(centre, area)) {
    const to = zsetScoresBelow(zset, max, false)
    for (let from = zsetScoresBelow(zset, min, false); from < to && list.length < limit; from += PORTION) {
      zsetRange(zset, from, Math.min(PORTION, to - from), false, ({ bytes, start, end }, score) => {
        const place = placeOfScore(score)
        const metres = metresIfInside(centre, area, place)
        if (Number.isNaN(metres) || list.length >= limit) return
        const at = used
        used += end - start
        if (used > found.bytes.length) found.bytes = enlarged(found.bytes, used)
        copyBytes(bytes, start, end, found.bytes, at)
        list.push({ start: at, end: used, score, place, metres })
      })
    }
  }
  return found
}

const NO_BYTES = Buffer.alloc(0)
const ROOM_BYTES_MIN = 4096

function enlarged(bytes: Buffer, needed: number): Buffer {
  const larger = Buffer.allocUnsafe(Math.max(ROOM_BYTES_MIN, 2 * needed))
  bytes.copy(larger)
  return larger
}

/** As many as are asked for, in the order that is asked for: the nearest, if there are to be so many. */
function sorted(found: Found[], { order, count, any }: Asked): Found[] {
  const how = order ?? (count !== 0 && !any ? 'asc' : undefined)
  if (how === 'asc') found.sort((a, b) => a.metres - b.metres)
  else if (how === 'desc') found.sort((a, b) => b.metres - a.metres)
  return count === 0 ? found : found.slice(0, count)
}

function replyFound({ reply }: Context, asked: Asked, { bytes, list }: FoundMembers): void {
  const { withDist, withHash, withCoord } = asked
  const extras = Number(withDist) + Number(withHash) + Number(withCoord)
  reply.array(list.length)
  for (const { start, end, score, place, metres } of list) {
    if (extras > 0) reply.array(1 + extras)
    reply.bulk(bytes, start, end)
    if (withDist) replyLength(reply, metres / asked.unit)
    if (withHash) reply.int(integerOf(score))
    if (withCoord) replyPlace(reply, place)
  }
}

/** A score as C makes an integer of it: what has none is the lowest. */
function integerOf(score: number): bigint {
  return Math.abs(score) < 2 ** 63 ? BigInt(Math.trunc(score)) : INT64_MIN
}

function store(ctx: Context, asked: Asked, { bytes, list }: FoundMembers, event: string): void {
  const { keyspace, reply } = ctx
  const builder = createZsetBuilder(keyspace.nodes, keyspace.limits, list.length)
  try {
    for (const { start, end, score, metres } of list) {
      builder.set(bytes, start, end, asked.storeDist ? metres / asked.unit : score)
    }
  } catch (error) {
    builder.abandon()
    throw error
  }
  storeBuilt(ctx, list.length === 0 ? undefined : builder.finish(), NOTIFY_ZSET, event, asked.storeKey)
  reply.int(list.length)
}
