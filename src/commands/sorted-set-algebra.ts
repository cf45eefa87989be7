// Sorted sets: unions, intersections and differences, replied, stored or counted. Sets may take part, with a score of 1 each.

import { fail } from '../errors.ts'
import { ANY_TYPE, WrongTypeError } from '../keyspace/database.ts'
import type { NodeBytes } from '../store/nodes.ts'
import { setHas } from '../types/set.ts'
import { TYPE_SET, TYPE_ZSET, type ValueSource } from '../types/value-type.ts'
import { createZsetBuilder, zsetScore } from '../types/zset.ts'
import type { Context } from './context.ts'
import { notifyMiss } from './lookup.ts'
import { longArgument, scoreOf } from './sorted-set-bounds.ts'
import { storeResult } from './sorted-set-members.ts'
import { beginMembers } from './sorted-set-ranges.ts'

type Operation = 'union' | 'inter' | 'diff'
type Aggregate = (a: number, b: number) => number

/** One of the sets: what is in it, read when it was looked up, since ranges do not outlive the next look-up. */
interface Source {
  /** Argument of its key. */
  readonly argument: number
  /** 0 for a key that does not exist. */
  readonly h: number
  readonly count: number
  weight: number
}

/** A result: scores by member, in latin1. */
type Result = Map<string, number>

const SUM: Aggregate = (a, b) => {
  const sum = a + b
  return Number.isNaN(sum) ? 0 : sum
}
const AGGREGATES: Readonly<Record<string, Aggregate>> = {
  sum: SUM,
  min: (a, b) => Math.min(a, b),
  max: (a, b) => Math.max(a, b),
}

interface Asked {
  readonly sources: Source[]
  aggregate: Aggregate
  withScores: boolean
  limit: number
}

/** Looks up the sets whose number is in argument `at`, and reads what follows them. */
function readArguments(ctx: Context, at: number, operation: Operation, form: 'reply' | 'store' | 'count'): Asked {
  const { args } = ctx
  const keys = longArgument(ctx, at)
  if (keys < 1) fail('zsetNoKeys', args.latin1(0).toLowerCase())
  if (keys > args.count - at - 1) fail('syntax')
  const asked: Asked = { sources: [], aggregate: SUM, withScores: false, limit: 0 }
  for (let i = at + 1; i <= at + keys; i++) asked.sources.push(sourceOf(ctx, i))
  for (let i = at + 1 + keys; i < args.count; i++) {
    const left = args.count - i
    if (operation !== 'diff' && form !== 'count' && left > keys && args.is(i, 'weights')) {
      for (const source of asked.sources) source.weight = scoreOf(args.latin1(++i)) ?? fail('zsetWeight')
    } else if (operation !== 'diff' && form !== 'count' && left > 1 && args.is(i, 'aggregate')) {
      asked.aggregate = AGGREGATES[args.latin1(++i).toLowerCase()] ?? fail('syntax')
    } else if (form === 'reply' && args.is(i, 'withscores')) asked.withScores = true
    else if (form === 'count' && left > 1 && args.is(i, 'limit')) {
      const limit = args.int64(++i)
      if (limit === undefined || limit < 0n) fail('limitNegative')
      asked.limit = Number(limit)
    } else fail('syntax')
  }
  // The smallest first, in the order of the arguments where they are equal: that is also the order in which scores are added up.
  if (operation !== 'diff') asked.sources.sort((a, b) => a.count - b.count)
  return asked
}

function sourceOf(ctx: Context, i: number): Source {
  const { args, db } = ctx
  const h = db.read(args.buffer, args.start(i), args.end(i), ANY_TYPE)
  if (h === 0) {
    notifyMiss(ctx, i)
    return { argument: i, h, count: 0, weight: 1 }
  }
  if (db.type(h) !== TYPE_ZSET && db.type(h) !== TYPE_SET) throw new WrongTypeError()
  return { argument: i, h, count: db.valueType(h).count(db.source(h)), weight: 1 }
}

/** Calls `visit` for each member of a source and its score. */
function forEach(ctx: Context, { h }: Source, visit: (member: NodeBytes, score: number) => void): void {
  if (h === 0) return
  const { db } = ctx
  db.valueType(h).elements(db.source(h), (member, score) => visit(member, typeof score === 'number' ? score : 1))
}

const textOf = ({ bytes, start, end }: NodeBytes): string => bytes.toString('latin1', start, end)

function weighted(score: number, weight: number): number {
  const product = score * weight
  return Number.isNaN(product) ? 0 : product
}

function union(ctx: Context, { sources, aggregate }: Asked): Result {
  const result: Result = new Map()
  for (const source of sources) {
    forEach(ctx, source, (member, score) => {
      const text = textOf(member)
      const before = result.get(text)
      const mine = weighted(score, source.weight)
      result.set(text, before === undefined ? mine : aggregate(before, mine))
    })
  }
  return result
}

/** Members of all sources; only so many if `limit` is not 0. */
function intersection(ctx: Context, { sources, aggregate, limit }: Asked): Result {
  const [smallest, ...others] = sources
  const result: Result = new Map()
  if (smallest.h === 0) return result
  const lookups = others.map((source) => lookupIn(ctx, source, smallest))
  forEach(ctx, smallest, (member, own) => {
    if (limit !== 0 && result.size >= limit) return
    let score = weighted(own, smallest.weight)
    for (const lookup of lookups) {
      const theirs = lookup(member, own)
      if (Number.isNaN(theirs)) return
      score = aggregate(score, theirs)
    }
    result.set(textOf(member), score)
  })
  return result
}

/** Answers the weighted score of a member of the smallest source in another one, NaN if it is not there. */
function lookupIn(ctx: Context, source: Source, smallest: Source): (member: NodeBytes, own: number) => number {
  const { h, weight } = source
  if (h === smallest.h) return (_, own) => weighted(own, weight)
  const { db } = ctx
  if (db.type(h) === TYPE_ZSET) {
    const zset = copyOf(db.source(h))
    return ({ bytes, start, end }) => {
      const score = zsetScore(zset, bytes, start, end)
      return Number.isNaN(score) ? score : weighted(score, weight)
    }
  }
  const set = copyOf(db.source(h))
  return ({ bytes, start, end }) => (setHas(set, bytes, start, end) ? weighted(1, weight) : Number.NaN)
}

/** A source of the database's, which it would reuse. */
function copyOf(source: ValueSource): ValueSource {
  return { ...source }
}

function difference(ctx: Context, { sources }: Asked): Result {
  const [first, ...others] = sources
  const result: Result = new Map()
  if (others.some(({ h }) => h !== 0 && h === first.h)) return result
  forEach(ctx, first, (member, score) => result.set(textOf(member), score))
  for (const other of others) {
    if (result.size === 0) break
    forEach(ctx, other, (member) => void result.delete(textOf(member)))
  }
  return result
}

const OPERATIONS: Readonly<Record<Operation, (ctx: Context, asked: Asked) => Result>> = {
  union,
  inter: intersection,
  diff: difference,
}

/** A result in order: by score, then by the members' bytes (which latin1 keeps). */
function inOrder(result: Result): [string, number][] {
  return [...result].sort(([a, x], [b, y]) => (x === y ? (a < b ? -1 : 1) : x < y ? -1 : 1))
}

function reply(ctx: Context, operation: Operation): void {
  const asked = readArguments(ctx, 1, operation, 'reply')
  const members = inOrder(OPERATIONS[operation](ctx, asked))
  const take = beginMembers(ctx, members.length, asked.withScores)
  for (const [text, score] of members) {
    const bytes = Buffer.from(text, 'latin1')
    take({ bytes, start: 0, end: bytes.length }, score)
  }
}

function store(ctx: Context, operation: Operation): void {
  const { keyspace } = ctx
  const asked = readArguments(ctx, 2, operation, 'store')
  const members = inOrder(OPERATIONS[operation](ctx, asked))
  const builder = createZsetBuilder(keyspace.nodes, keyspace.limits, members.length)
  try {
    for (const [text, score] of members) {
      const bytes = Buffer.from(text, 'latin1')
      builder.set(bytes, 0, bytes.length, score)
    }
  } catch (error) {
    builder.abandon()
    throw error
  }
  storeResult(ctx, members.length === 0 ? undefined : builder.finish(), `z${operation}store`)
  ctx.reply.int(members.length)
}

export function zunion(ctx: Context): void {
  reply(ctx, 'union')
}

export function zinter(ctx: Context): void {
  reply(ctx, 'inter')
}

export function zdiff(ctx: Context): void {
  reply(ctx, 'diff')
}

export function zunionstore(ctx: Context): void {
  store(ctx, 'union')
}

export function zinterstore(ctx: Context): void {
  store(ctx, 'inter')
}

export function zdiffstore(ctx: Context): void {
  store(ctx, 'diff')
}

export function zintercard(ctx: Context): void {
  ctx.reply.int(intersection(ctx, readArguments(ctx, 1, 'inter', 'count')).size)
}
