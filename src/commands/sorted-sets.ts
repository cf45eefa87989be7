// Sorted sets: the commands about single members, and those that pop the lowest or highest ones. Ranges are in
// sorted-set-ranges.ts, unions and the like in sorted-set-algebra.ts; all rows in sorted-set-rows.ts.

import { fail } from '../errors.ts'
import { formatDouble } from '../lib/double.ts'
import { dictScan } from '../store/dict.ts'
import type { NodeBytes } from '../store/nodes.ts'
import { TYPE_ZSET, type ValueSource } from '../types/value-type.ts'
import { zsetCount, zsetForEach, zsetRange, zsetRank, zsetScore } from '../types/zset.ts'
import { timeoutArgument } from './arguments.ts'
import { scanCollection, type TakeElement } from './collection-scan.ts'
import type { Context } from './context.ts'
import { type Argv, NOTIFY_GENERIC, NOTIFY_ZSET } from './effects.ts'
import type { EntryRef } from './entry-ref.ts'
import { keyToChange, notifyKey, readKey } from './lookup.ts'
import { scoreArgument } from './sorted-set-bounds.ts'
import { createZset, removeMember, removeRange, setMember } from './sorted-set-members.ts'
import { beginMembers, replyScore } from './sorted-set-ranges.ts'

/** The score of the member in argument i, NaN if it is not in the set of that entry (0: no set). */
function scoreIn(ctx: Context, h: number, i: number): number {
  const { args, db } = ctx
  return h === 0 ? Number.NaN : zsetScore(db.source(h), args.buffer, args.start(i), args.end(i))
}

// ---- adding ----

/** ZADD's options. */
export interface AddOptions {
  nx: boolean
  xx: boolean
  gt: boolean
  lt: boolean
  ch: boolean
  incr: boolean
}

/** Reads the options from argument 2 on; where they end. */
function readAddOptions(ctx: Context, options: AddOptions): number {
  const { args } = ctx
  let i = 2
  for (; i < args.count; i++) {
    const option = ADD_OPTIONS.find((word) => args.is(i, word))
    if (option === undefined) return i
    options[option] = true
  }
  return i
}

const ADD_OPTIONS = ['nx', 'xx', 'gt', 'lt', 'ch', 'incr'] as const

export function noOptions(): AddOptions {
  return { nx: false, xx: false, gt: false, lt: false, ch: false, incr: false }
}

export function zadd(ctx: Context): void {
  const options = noOptions()
  // A number is no option: the common case needs no comparison of words.
  const first = Number.isNaN(ctx.args.smallInt(2)) ? readAddOptions(ctx, options) : 2
  const elements = ctx.args.count - first
  if (elements === 0 || elements % 2 !== 0) fail('syntax')
  if (options.nx && options.xx) fail('zaddNxXx')
  if ((options.gt && options.nx) || (options.lt && options.nx) || (options.gt && options.lt)) fail('zaddGtLtNx')
  if (options.incr && elements > 2) fail('zaddIncrOne')
  addMembers(ctx, options, first, SCORES)
}

export function zincrby(ctx: Context): void {
  addMembers(ctx, { ...noOptions(), incr: true }, 2, SCORES)
}

/** How a command gives members: each is the last of `step` arguments, and those before it say its score. */
export interface MemberForm {
  readonly step: number
  /** The score that the arguments from i on say. */
  score(ctx: Context, i: number): number
  /** The command for replicas that adds what is before argument `end`. */
  command(ctx: Context, first: number, end: number): Argv
}

const SCORES: MemberForm = {
  step: 2,
  score: scoreArgument,
  command: ({ args }, _first, end) => Array.from({ length: end }, (_, i) => args.bytes(i)),
}

/** Adds the members from argument `first` on, as the options say. */
export function addMembers(ctx: Context, options: AddOptions, first: number, form: MemberForm): void {
  const { args, effects, reply } = ctx
  for (let i = first; i < args.count; i += form.step) form.score(ctx, i)
  const ref: EntryRef = { h: keyToChange(ctx, 1, TYPE_ZSET) }
  let added = 0
  let updated = 0
  /** Of the last member: NaN if nothing was done with it. */
  let score = Number.NaN
  let i = first
  try {
    for (; i < args.count; i += form.step) {
      const member = i + form.step - 1
      const before = scoreIn(ctx, ref.h, member)
      score = scoreToSet(options, before, form.score(ctx, i))
      if (Number.isNaN(score) || score === before) continue
      store(ctx, ref, member, score, before)
      if (Number.isNaN(before)) added++
      else updated++
    }
  } catch (error) {
    // What is stored by now stays, so that is what is replicated.
    if (added + updated > 0) effects.replicateList(form.command(ctx, first, i))
    throw error
  }
  effects.dirty += added + updated
  if (added + updated > 0) notifyKey(ctx, NOTIFY_ZSET, options.incr ? 'zincr' : 'zadd', 1)
  if (!options.incr) return reply.int(options.ch ? added + updated : added)
  if (Number.isNaN(score)) reply.null()
  else replyScore(ctx, score)
}

/** The score that a member is to have, given the one it has (NaN: none); NaN if the options say to leave it. */
function scoreToSet({ nx, xx, gt, lt, incr }: AddOptions, before: number, given: number): number {
  if (Number.isNaN(before)) return xx ? Number.NaN : given
  if (nx) return Number.NaN
  const score = incr ? before + given : given
  if (Number.isNaN(score)) fail('zsetNan')
  return (gt && score <= before) || (lt && score >= before) ? Number.NaN : score
}

/** Gives the member in argument i that score in the place of `before`; the set is created if there is none. */
function store(ctx: Context, ref: EntryRef, i: number, score: number, before: number): void {
  const { args, db, keyspace } = ctx
  if (ref.h === 0) ref.h = createZset(ctx, args.buffer, args.start(i), args.end(i), score)
  else setMember(keyspace, db, ref, args.buffer, args.start(i), args.end(i), score, before)
}

export function zrem(ctx: Context): void {
  const { args, db, effects, keyspace, reply } = ctx
  const ref: EntryRef = { h: keyToChange(ctx, 1, TYPE_ZSET) }
  if (ref.h === 0) return reply.int(0)
  let removed = 0
  for (let i = 2; i < args.count && ref.h !== 0; i++) {
    if (removeMember(keyspace, db, ref, args.buffer, args.start(i), args.end(i))) removed++
  }
  if (removed > 0) notifyKey(ctx, NOTIFY_ZSET, 'zrem', 1)
  if (ref.h === 0) notifyKey(ctx, NOTIFY_GENERIC, 'del', 1)
  effects.dirty += removed
  reply.int(removed)
}

// ---- reading ----

export function zscore(ctx: Context): void {
  const score = scoreIn(ctx, readKey(ctx, 1, TYPE_ZSET), 2)
  if (Number.isNaN(score)) ctx.reply.null()
  else replyScore(ctx, score)
}

export function zmscore(ctx: Context): void {
  const { args, reply } = ctx
  const h = readKey(ctx, 1, TYPE_ZSET)
  reply.array(args.count - 2)
  for (let i = 2; i < args.count; i++) {
    const score = scoreIn(ctx, h, i)
    if (Number.isNaN(score)) reply.null()
    else replyScore(ctx, score)
  }
}

export function zcard(ctx: Context): void {
  const h = readKey(ctx, 1, TYPE_ZSET)
  ctx.reply.int(h === 0 ? 0 : zsetCount(ctx.db.source(h)))
}

export function zrank(ctx: Context): void {
  rank(ctx, false)
}

export function zrevrank(ctx: Context): void {
  rank(ctx, true)
}

function rank(ctx: Context, back: boolean): void {
  const { args, db, reply } = ctx
  const h = readKey(ctx, 1, TYPE_ZSET)
  const score = scoreIn(ctx, h, 2)
  if (Number.isNaN(score)) return reply.null()
  const zset = db.source(h)
  const rank = zsetRank(zset, score, args.buffer, args.start(2), args.end(2))
  reply.int(back ? zsetCount(zset) - 1 - rank : rank)
}

export function zscan(ctx: Context): void {
  const { db, keyspace } = ctx
  scanCollection(ctx, TYPE_ZSET, true, (h, cursor, take) => {
    if (db.isParts(h)) {
      return dictScan(keyspace.nodes, db.root(h), cursor, (member, { bytes, start }) => {
        takeScored(member, formatDouble(bytes.readDoubleLE(start)), take)
      })
    }
    // Integers are printed as they are stored in a listpack: in full.
    zsetForEach(db.source(h), (member, score) => {
      const isInteger = Number.isInteger(score) && Math.abs(score) <= 2 ** 62
      takeScored(member, isInteger ? String(BigInt(score)) : formatDouble(score), take)
    })
    return 0
  })
}

const SCORE: NodeBytes = { bytes: Buffer.alloc(32), start: 0, end: 0 }

function takeScored(member: NodeBytes, text: string, take: TakeElement): void {
  SCORE.end = SCORE.bytes.write(text, 0, 'latin1')
  take(member, SCORE)
}

// ---- popping ----

export function zpopmin(ctx: Context): void {
  pop(ctx, false)
}

export function zpopmax(ctx: Context): void {
  pop(ctx, true)
}

function pop(ctx: Context, max: boolean): void {
  const { args, db, reply } = ctx
  if (args.count > 3) fail('syntax')
  const counted = args.count === 3
  const count = counted ? Number(args.int64(2) ?? -1n) : 1
  if (count < 0) fail('outOfRangePositive')
  const h = keyToChange(ctx, 1, TYPE_ZSET)
  if (h === 0 || count === 0) return reply.array(0)
  const popped = Math.min(count, zsetCount(db.source(h)))
  if (counted) replyPopped(db.source(h), popped, max, beginMembers(ctx, popped, true))
  else {
    reply.array(2)
    replyPopped(db.source(h), 1, max, ({ bytes, start, end }, score) => {
      reply.bulk(bytes, start, end)
      replyScore(ctx, score)
    })
  }
  removePopped(ctx, h, 1, popped, max)
}

function replyPopped(zset: ValueSource, count: number, max: boolean, take: Parameters<typeof zsetRange>[4]): void {
  zsetRange(zset, max ? zsetCount(zset) - 1 : 0, count, max, take)
}

/** Removes the lowest or highest members of the set whose key is argument i. */
function removePopped(ctx: Context, h: number, i: number, count: number, max: boolean): void {
  const { db, effects, keyspace } = ctx
  const ref: EntryRef = { h }
  removeRange(keyspace, db, ref, max ? zsetCount(db.source(h)) - count : 0, count)
  notifyKey(ctx, NOTIFY_ZSET, max ? 'zpopmax' : 'zpopmin', i)
  if (ref.h === 0) notifyKey(ctx, NOTIFY_GENERIC, 'del', i)
  effects.dirty += count
}

/** Pops from the first sorted set among the keys, or waits for one. What is replicated is ZPOPMIN or ZPOPMAX. */
function popOrWait(ctx: Context, max: boolean): void {
  const { args, db, effects, reply } = ctx
  const last = args.count - 1
  const timeoutAtMs = timeoutArgument(ctx, last)
  for (let i = 1; i < last; i++) {
    const h = keyToChange(ctx, i, TYPE_ZSET)
    if (h === 0) continue
    reply.array(3)
    reply.bulk(args.buffer, args.start(i), args.end(i))
    replyPopped(db.source(h), 1, max, ({ bytes, start, end }, score) => {
      reply.bulk(bytes, start, end)
      replyScore(ctx, score)
    })
    removePopped(ctx, h, i, 1, max)
    effects.replicate(max ? 'ZPOPMAX' : 'ZPOPMIN', args.bytes(i))
    return
  }
  const [name, zero] = [args.copy(0), Buffer.from('0')]
  const keys = Array.from({ length: last - 1 }, (_, k) => args.copy(k + 1))
  if (!ctx.waitForKeys({ keys, type: TYPE_ZSET, timeoutAtMs, retry: (key) => [name, key, zero] })) reply.nullArray()
}

export function bzpopmin(ctx: Context): void {
  popOrWait(ctx, false)
}

export function bzpopmax(ctx: Context): void {
  popOrWait(ctx, true)
}

export function zmpop(ctx: Context): void {
  if (!popFromFirst(ctx, 2, readPopArguments(ctx, 1))) ctx.reply.nullArray()
}

/** As `zmpop`; waits for a sorted set. */
export function bzmpop(ctx: Context): void {
  const { args } = ctx
  const timeoutAtMs = timeoutArgument(ctx, 1)
  const wanted = readPopArguments(ctx, 2)
  if (popFromFirst(ctx, 3, wanted)) return
  const rest = args.copyAll(3 + wanted.keys)
  const [name, zero, one] = [args.copy(0), Buffer.from('0'), Buffer.from('1')]
  const keys = Array.from({ length: wanted.keys }, (_, k) => args.copy(k + 3))
  const retry = (key: Buffer): Buffer[] => [name, zero, one, key, ...rest]
  if (!ctx.waitForKeys({ keys, type: TYPE_ZSET, timeoutAtMs, retry })) ctx.reply.nullArray()
}

/** Pops from the first sorted set among the keys from argument `first` on, and replies; false if there is none. */
function popFromFirst(ctx: Context, first: number, { keys, max, count }: PopArguments): boolean {
  const { args, db, effects, reply } = ctx
  for (let i = first; i < first + keys; i++) {
    const h = keyToChange(ctx, i, TYPE_ZSET)
    if (h === 0) continue
    const popped = Math.min(count, zsetCount(db.source(h)))
    reply.array(2)
    reply.bulk(args.buffer, args.start(i), args.end(i))
    reply.array(popped)
    replyPopped(db.source(h), popped, max, ({ bytes, start, end }, score) => {
      reply.array(2)
      reply.bulk(bytes, start, end)
      replyScore(ctx, score)
    })
    removePopped(ctx, h, i, popped, max)
    effects.replicate(max ? 'ZPOPMAX' : 'ZPOPMIN', args.bytes(i), String(popped))
    return true
  }
  return false
}

/** What `numkeys key … MIN|MAX [COUNT count]` says. */
interface PopArguments {
  readonly keys: number
  readonly max: boolean
  readonly count: number
}

/** Reads them from argument `at` on. */
function readPopArguments(ctx: Context, at: number): PopArguments {
  const { args } = ctx
  const keys = rangedArgument(ctx, at, 'numkeysPositive')
  const where = at + 1 + keys
  if (where >= args.count) fail('syntax')
  const max = args.is(where, 'max')
  if (!max && !args.is(where, 'min')) fail('syntax')
  let count = 0
  for (let i = where + 1; i < args.count; i += 2) {
    if (count !== 0 || !args.is(i, 'count') || i + 1 >= args.count) fail('syntax')
    count = rangedArgument(ctx, i + 1, 'countPositive')
  }
  return { keys, max, count: count || 1 }
}

/** Argument i as an integer above 0; the error says so of anything else. */
function rangedArgument(ctx: Context, i: number, error: 'numkeysPositive' | 'countPositive'): number {
  const n = ctx.args.int64(i)
  if (n === undefined || n < 1n) fail(error)
  return Number(n)
}
