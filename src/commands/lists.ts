// Lists: the commands about one list. Those that move elements, or pop them from the first of several lists, are in
// list-moves.ts; all rows in list-rows.ts.

import { fail } from '../errors.ts'
import { equalBytes } from '../lib/bytes.ts'
import type { NodeBytes } from '../store/nodes.ts'
import { listCount, listRange } from '../types/list.ts'
import { TYPE_LIST } from '../types/value-type.ts'
import { integerArgument } from './arguments.ts'
import type { Context } from './context.ts'
import { NOTIFY_GENERIC, NOTIFY_LIST } from './effects.ts'
import type { EntryRef } from './entry-ref.ts'
import { elementsRemoved, insertElement, pushElement, removeElements, replaceElement } from './list-elements.ts'
import { keyToChange, notifyKey, readKey } from './lookup.ts'

/** Whether an element is that of argument i. */
function isArgument(ctx: Context, i: number, { bytes, start, end }: NodeBytes): boolean {
  const { args } = ctx
  return end - start === args.len(i) && equalBytes(bytes, start, args.buffer, args.start(i), end - start)
}

// ---- adding ----

export function lpush(ctx: Context): void {
  push(ctx, true, false)
}

export function rpush(ctx: Context): void {
  push(ctx, false, false)
}

export function lpushx(ctx: Context): void {
  push(ctx, true, true)
}

export function rpushx(ctx: Context): void {
  push(ctx, false, true)
}

function push(ctx: Context, left: boolean, onlyIfThere: boolean): void {
  const { args, db, effects, reply } = ctx
  const ref: EntryRef = { h: keyToChange(ctx, 1, TYPE_LIST) }
  if (ref.h === 0 && onlyIfThere) return reply.int(0)
  let i = 2
  try {
    for (; i < args.count; i++) pushElement(ctx, ref, 1, left, args.buffer, args.start(i), args.end(i))
  } catch (error) {
    // What is stored by now stays, so that is what is replicated.
    if (i > 2) {
      effects.dirty += i - 2
      effects.replicateList(Array.from({ length: i }, (_, done) => args.bytes(done)))
    }
    throw error
  }
  effects.dirty += args.count - 2
  notifyKey(ctx, NOTIFY_LIST, left ? 'lpush' : 'rpush', 1)
  reply.int(listCount(db.source(ref.h)))
}

export function linsert(ctx: Context): void {
  const { args, db, effects, keyspace, reply } = ctx
  const after = args.is(2, 'after')
  if (!after && !args.is(2, 'before')) fail('syntax')
  const ref: EntryRef = { h: keyToChange(ctx, 1, TYPE_LIST) }
  if (ref.h === 0) return reply.int(0)
  const count = listCount(db.source(ref.h))
  let pivot = -1
  listRange(db.source(ref.h), 0, count, false, (element, index) => {
    if (!isArgument(ctx, 3, element)) return false
    pivot = index
    return true
  })
  if (pivot < 0) return reply.int(-1)
  insertElement(keyspace, db, ref, after ? pivot + 1 : pivot, args.buffer, args.start(4), args.end(4))
  notifyKey(ctx, NOTIFY_LIST, 'linsert', 1)
  effects.dirty++
  reply.int(count + 1)
}

export function lset(ctx: Context): void {
  const { args, db, effects, keyspace, reply } = ctx
  const ref: EntryRef = { h: keyToChange(ctx, 1, TYPE_LIST) }
  if (ref.h === 0) fail('noSuchKey')
  const index = indexIn(ctx, ref.h, 2)
  if (index < 0) fail('indexRange')
  replaceElement(keyspace, db, ref, index, args.buffer, args.start(3), args.end(3))
  notifyKey(ctx, NOTIFY_LIST, 'lset', 1)
  effects.dirty++
  reply.ok()
}

/** The index in argument i, which may count from the end, as one that counts from the beginning; -1 if it is beyond the list. */
function indexIn(ctx: Context, h: number, i: number): number {
  const given = Number(integerArgument(ctx, i))
  const count = listCount(ctx.db.source(h))
  const index = given < 0 ? count + given : given
  return index >= 0 && index < count ? index : -1
}

// ---- reading ----

export function llen(ctx: Context): void {
  const h = readKey(ctx, 1, TYPE_LIST)
  ctx.reply.int(h === 0 ? 0 : listCount(ctx.db.source(h)))
}

export function lindex(ctx: Context): void {
  const { reply } = ctx
  const h = readKey(ctx, 1, TYPE_LIST)
  const index = h === 0 ? -1 : indexIn(ctx, h, 2)
  if (index < 0) return reply.null()
  replyElements(ctx, h, index, 1, false)
}

/** Replies `count` elements from index `from` on, without the header of an array. */
export function replyElements(ctx: Context, h: number, from: number, count: number, back: boolean): void {
  const { reply } = ctx
  listRange(ctx.db.source(h), from, count, back, ({ bytes, start, end }) => {
    reply.bulk(bytes, start, end)
    return false
  })
}

/** The part of a list of `count` elements that arguments 2 and 3 say: index of its first element, and how many. */
function rangeArguments(ctx: Context): (count: number) => { from: number; length: number } {
  const first = Number(integerArgument(ctx, 2))
  const last = Number(integerArgument(ctx, 3))
  return (count) => {
    const from = Math.max(first < 0 ? count + first : first, 0)
    const to = Math.min(last < 0 ? count + last : last, count - 1)
    return from > to ? { from: 0, length: 0 } : { from, length: to - from + 1 }
  }
}

export function lrange(ctx: Context): void {
  const { db, reply } = ctx
  const part = rangeArguments(ctx)
  const h = readKey(ctx, 1, TYPE_LIST)
  if (h === 0) return reply.array(0)
  const { from, length } = part(listCount(db.source(h)))
  reply.array(length)
  replyElements(ctx, h, from, length, false)
}

export function lpos(ctx: Context): void {
  const { args, reply } = ctx
  let rank = 1
  let wanted = -1
  let looksMax = 0
  for (let i = 3; i < args.count; i += 2) {
    if (i + 1 >= args.count) fail('syntax')
    if (args.is(i, 'rank')) {
      rank = Number(integerArgument(ctx, i + 1))
      if (rank === 0) fail('lposRank')
    } else if (args.is(i, 'count')) {
      wanted = Number(args.int64(i + 1) ?? -1n)
      if (wanted < 0) fail('lposCount')
    } else if (args.is(i, 'maxlen')) {
      looksMax = Number(args.int64(i + 1) ?? -1n)
      if (looksMax < 0) fail('lposMaxlen')
    } else fail('syntax')
  }
  const h = readKey(ctx, 1, TYPE_LIST)
  const found = h === 0 ? [] : positions(ctx, h, rank, wanted < 0 ? 1 : wanted, looksMax)
  if (wanted < 0 && found.length === 0) return reply.null()
  if (wanted < 0) return reply.int(found[0])
  reply.array(found.length)
  for (const index of found) reply.int(index)
}

/** Indexes of up to `wanted` elements (0: all) that are argument 2, from the rank-th one on, among the first `looksMax` (0: all). */
function positions(ctx: Context, h: number, rank: number, wanted: number, looksMax: number): number[] {
  const list = ctx.db.source(h)
  const count = listCount(list)
  const looks = looksMax === 0 ? count : Math.min(looksMax, count)
  const found: number[] = []
  let toPass = Math.abs(rank) - 1
  listRange(list, rank < 0 ? count - 1 : 0, looks, rank < 0, (element, index) => {
    if (!isArgument(ctx, 2, element) || toPass-- > 0) return false
    return found.push(index) === wanted
  })
  return found
}

// ---- removing ----

export function lpop(ctx: Context): void {
  pop(ctx, true)
}

export function rpop(ctx: Context): void {
  pop(ctx, false)
}

function pop(ctx: Context, left: boolean): void {
  const { args, db, reply } = ctx
  if (args.count > 3) fail('arity', left ? 'lpop' : 'rpop')
  const counted = args.count === 3
  const wanted = counted ? Number(args.int64(2) ?? -1n) : 1
  if (wanted < 0) fail('outOfRangePositive')
  const h = keyToChange(ctx, 1, TYPE_LIST)
  if (h === 0) return counted ? reply.nullArray() : reply.null()
  if (wanted === 0) return reply.array(0)
  const count = Math.min(wanted, listCount(db.source(h)))
  if (counted) reply.array(count)
  popElements(ctx, h, 1, left, count)
}

/** Replies and removes `count` elements, which must be there, from one end of the list in the key of argument i. */
export function popElements(ctx: Context, h: number, i: number, left: boolean, count: number): void {
  const { db, keyspace } = ctx
  const total = listCount(db.source(h))
  replyElements(ctx, h, left ? 0 : total - 1, count, !left)
  const ref: EntryRef = { h }
  removeElements(keyspace, db, ref, left ? 0 : total - count, count)
  elementsRemoved(ctx, ref, i, left ? 'lpop' : 'rpop', count)
}

export function lrem(ctx: Context): void {
  const { db, keyspace, reply } = ctx
  const given = Number(integerArgument(ctx, 2))
  const ref: EntryRef = { h: keyToChange(ctx, 1, TYPE_LIST) }
  if (ref.h === 0) return reply.int(0)
  const list = db.source(ref.h)
  const count = listCount(list)
  const found: number[] = []
  listRange(list, given < 0 ? count - 1 : 0, count, given < 0, (element, index) => {
    return isArgument(ctx, 3, element) && found.push(index) === Math.abs(given)
  })
  if (found.length === 0) return reply.int(0)
  // From the end to the beginning, so that the indexes that are left stay what they are.
  if (given >= 0) found.reverse()
  for (let i = 0; i < found.length; ) {
    let run = 1
    while (i + run < found.length && found[i + run] === found[i] - run) run++
    removeElements(keyspace, db, ref, found[i] - run + 1, run)
    i += run
  }
  elementsRemoved(ctx, ref, 1, 'lrem', found.length)
  reply.int(found.length)
}

export function ltrim(ctx: Context): void {
  const { db, effects, keyspace, reply } = ctx
  const part = rangeArguments(ctx)
  const ref: EntryRef = { h: keyToChange(ctx, 1, TYPE_LIST) }
  if (ref.h === 0) return reply.ok()
  const count = listCount(db.source(ref.h))
  const { from, length } = part(count)
  if (length === 0) removeElements(keyspace, db, ref, 0, count)
  else {
    removeElements(keyspace, db, ref, from + length, count - from - length)
    removeElements(keyspace, db, ref, 0, from)
  }
  notifyKey(ctx, NOTIFY_LIST, 'ltrim', 1)
  if (ref.h === 0) notifyKey(ctx, NOTIFY_GENERIC, 'del', 1)
  effects.dirty += count - length
  reply.ok()
}
