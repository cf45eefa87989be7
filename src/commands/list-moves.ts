// Lists: the commands that move an element from one list to another, or pop elements from the first of several lists; some of them wait
// for an element if there is none.

import { fail } from '../errors.ts'
import { listCount, listRange } from '../types/list.ts'
import { TYPE_LIST } from '../types/value-type.ts'
import { timeoutArgument } from './arguments.ts'
import type { Context } from './context.ts'
import { NOTIFY_LIST } from './effects.ts'
import type { EntryRef } from './entry-ref.ts'
import { elementsRemoved, pushElement, removeElements } from './list-elements.ts'
import { popElements } from './lists.ts'
import { keyToChange, notifyKey } from './lookup.ts'

/** Which end of a list argument i names: whether the left one. */
function endArgument(ctx: Context, i: number): boolean {
  const left = ctx.args.is(i, 'left')
  if (!left && !ctx.args.is(i, 'right')) fail('syntax')
  return left
}

export function lmove(ctx: Context): void {
  const fromLeft = endArgument(ctx, 3)
  const toLeft = endArgument(ctx, 4)
  if (!moveElement(ctx, fromLeft, toLeft)) ctx.reply.null()
}

/** As `lmove`; waits for an element. What is replicated is LMOVE. */
export function blmove(ctx: Context): void {
  const fromLeft = endArgument(ctx, 3)
  const toLeft = endArgument(ctx, 4)
  const timeoutAtMs = timeoutArgument(ctx, 5)
  if (!moveElement(ctx, fromLeft, toLeft)) return waitForSource(ctx, timeoutAtMs)
  ctx.effects.replicateList(['LMOVE', ...[1, 2, 3, 4].map((i) => ctx.args.bytes(i))])
}

/** As `rpoplpush`; waits for an element. */
export function brpoplpush(ctx: Context): void {
  const timeoutAtMs = timeoutArgument(ctx, 3)
  if (!moveElement(ctx, false, true)) return waitForSource(ctx, timeoutAtMs)
  ctx.effects.replicate('RPOPLPUSH', ctx.args.bytes(1), ctx.args.bytes(2))
}

function waitForSource(ctx: Context, timeoutAtMs: number): void {
  const { args } = ctx
  const argv = args.copyAll()
  const waits = ctx.waitForKeys({ keys: [args.copy(1)], type: TYPE_LIST, timeoutAtMs, retry: () => argv })
  if (!waits) ctx.reply.null()
}

export function blpop(ctx: Context): void {
  popOrWait(ctx, true)
}

export function brpop(ctx: Context): void {
  popOrWait(ctx, false)
}

/** Pops from the first list among the keys, or waits for one. What is replicated is LPOP or RPOP. */
function popOrWait(ctx: Context, left: boolean): void {
  const { args, effects, reply } = ctx
  const last = args.count - 1
  const timeoutAtMs = timeoutArgument(ctx, last)
  for (let i = 1; i < last; i++) {
    const h = keyToChange(ctx, i, TYPE_LIST)
    if (h === 0) continue
    reply.array(2)
    reply.bulk(args.buffer, args.start(i), args.end(i))
    popElements(ctx, h, i, left, 1)
    effects.replicate(left ? 'LPOP' : 'RPOP', args.bytes(i))
    return
  }
  const [name, zero] = [args.copy(0), Buffer.from('0')]
  const keys = Array.from({ length: last - 1 }, (_, k) => args.copy(k + 1))
  if (!ctx.waitForKeys({ keys, type: TYPE_LIST, timeoutAtMs, retry: (key) => [name, key, zero] })) reply.nullArray()
}

/** As `lmpop`; waits for a list. */
export function blmpop(ctx: Context): void {
  const { args } = ctx
  const timeoutAtMs = timeoutArgument(ctx, 1)
  const wanted = popArguments(ctx, 2)
  if (popFromFirst(ctx, 3, wanted)) return
  const rest = args.copyAll(3 + wanted.keys)
  const [name, zero, one] = [args.copy(0), Buffer.from('0'), Buffer.from('1')]
  const keys = Array.from({ length: wanted.keys }, (_, k) => args.copy(k + 3))
  const retry = (key: Buffer): Buffer[] => [name, zero, one, key, ...rest]
  if (!ctx.waitForKeys({ keys, type: TYPE_LIST, timeoutAtMs, retry })) ctx.reply.nullArray()
}

export function rpoplpush(ctx: Context): void {
  if (!moveElement(ctx, false, true)) ctx.reply.null()
}

/** Moves an element from the list of argument 1 to that of argument 2, and replies it; false if there is none. */
function moveElement(ctx: Context, fromLeft: boolean, toLeft: boolean): boolean {
  const { db, effects, keyspace, reply } = ctx
  const source: EntryRef = { h: keyToChange(ctx, 1, TYPE_LIST) }
  if (source.h === 0) return false
  const found = keyToChange(ctx, 2, TYPE_LIST)
  const target: EntryRef = found === source.h ? source : { h: found }
  const count = listCount(db.source(source.h))
  // A copy: its own bytes move when the lists change.
  let element = NO_BYTES
  listRange(db.source(source.h), fromLeft ? 0 : count - 1, 1, false, ({ bytes, start, end }) => {
    element = Buffer.from(bytes.subarray(start, end))
    return true
  })
  pushElement(ctx, target, 2, toLeft, element, 0, element.length)
  // Pushed first, so that nothing is lost if there is no memory for it.
  const shifted = target === source && toLeft ? 1 : 0
  try {
    removeElements(keyspace, db, source, (fromLeft ? 0 : count - 1) + shifted, 1)
  } catch (error) {
    removeElements(keyspace, db, target, toLeft ? 0 : listCount(db.source(target.h)) - 1, 1)
    throw error
  }
  notifyKey(ctx, NOTIFY_LIST, toLeft ? 'lpush' : 'rpush', 2)
  elementsRemoved(ctx, source, 1, fromLeft ? 'lpop' : 'rpop', 1)
  effects.dirty++
  reply.bulk(element)
  return true
}

const NO_BYTES = Buffer.alloc(0)

export function lmpop(ctx: Context): void {
  const wanted = popArguments(ctx, 1)
  if (!popFromFirst(ctx, 2, wanted)) ctx.reply.nullArray()
}

/** What `numkeys key … LEFT|RIGHT [COUNT count]` says. */
interface PopArguments {
  readonly keys: number
  readonly left: boolean
  readonly count: number
}

/** Reads them from argument `at` on. */
function popArguments(ctx: Context, at: number): PopArguments {
  const { args } = ctx
  const keys = positiveArgument(ctx, at, 'numkeysPositive')
  const where = at + 1 + keys
  if (where >= args.count) fail('syntax')
  const left = endArgument(ctx, where)
  let count = 0
  for (let i = where + 1; i < args.count; i += 2) {
    if (count !== 0 || !args.is(i, 'count') || i + 1 >= args.count) fail('syntax')
    count = positiveArgument(ctx, i + 1, 'countPositive')
  }
  return { keys, left, count: count || 1 }
}

/** Argument i as an integer above 0; the error says so of anything else. */
function positiveArgument(ctx: Context, i: number, error: 'numkeysPositive' | 'countPositive'): number {
  const n = ctx.args.int64(i)
  if (n === undefined || n < 1n) fail(error)
  return Number(n)
}

/** Pops from the first list among the keys from argument `first` on, and replies key and elements; false if there is none. */
function popFromFirst(ctx: Context, first: number, { keys, left, count }: PopArguments): boolean {
  const { args, db, effects, reply } = ctx
  for (let i = first; i < first + keys; i++) {
    const h = keyToChange(ctx, i, TYPE_LIST)
    if (h === 0) continue
    const popped = Math.min(count, listCount(db.source(h)))
    reply.array(2)
    reply.bulk(args.buffer, args.start(i), args.end(i))
    reply.array(popped)
    popElements(ctx, h, i, left, popped)
    effects.replicate(left ? 'LPOP' : 'RPOP', args.bytes(i), String(popped))
    return true
  }
  return false
}
