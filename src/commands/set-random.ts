// SPOP and SRANDMEMBER: one random member, several different ones, or several of which some may come twice. What was popped
// is replicated as SREM, since a replica would draw others.

import { fail } from '../errors.ts'
import { INT64_MAX } from '../lib/decimal.ts'
import type { Random } from '../lib/prng.ts'
import { ArenaFullError } from '../store/arena.ts'
import { dictRandom } from '../store/dict.ts'
import { intsetLength } from '../store/intset.ts'
import { intsetMember, setCount, setForEach, type VisitSetMember } from '../types/set.ts'
import { TYPE_SET, type ValueSource } from '../types/value-type.ts'
import { integerArgument, randomCount } from './arguments.ts'
import type { Context } from './context.ts'
import { NOTIFY_GENERIC, NOTIFY_SET } from './effects.ts'
import { keyToChange, notifyKey, readKey } from './lookup.ts'
import { removeMember } from './set-members.ts'

/** A part of the members smaller than one in so many is drawn one by one, a larger one picked in one go over all. */
const SMALL_PART = 3
/** Members in one SREM that is replicated. */
const REPLICATED_MAX = 1024

// ---- drawing ----

/** Takes one member, each as likely as any other. */
function drawOne(set: ValueSource, random: Random, take: VisitSetMember): void {
  if (set.root !== 0) return dictRandom(set.nodes, set.root, random, take)
  take(intsetMember(set.bytes, set.start, random.below(intsetLength(set.bytes, set.start))))
}

/** Takes `count` different members of `size`. */
function drawDifferent(set: ValueSource, random: Random, count: number, size: number, take: VisitSetMember): void {
  if (count * SMALL_PART < size) {
    const taken = new Set<string>()
    while (taken.size < count) {
      drawOne(set, random, (member) => {
        const text = member.bytes.toString('latin1', member.start, member.end)
        if (taken.has(text)) return
        taken.add(text)
        take(member)
      })
    }
    return
  }
  // Each with the chance that is left for it when it is met.
  let left = size
  let wanted = count
  setForEach(set, (member) => {
    if (random.below(left--) >= wanted) return
    wanted--
    take(member)
  })
}

// ---- SRANDMEMBER ----

export function srandmember(ctx: Context): void {
  const { args, db, host, reply } = ctx
  const count = args.count === 2 ? undefined : countArgument(ctx)
  const h = readKey(ctx, 1, TYPE_SET)
  const take: VisitSetMember = ({ bytes, start, end }) => reply.bulk(bytes, start, end)
  if (count === undefined) {
    if (h === 0) return reply.null()
    return drawOne(db.source(h), host.random, take)
  }
  if (h === 0 || count === 0) return reply.array(0)
  const set = db.source(h)
  const size = setCount(set)
  const replied = count < 0 ? -count : Math.min(count, size)
  reply.array(replied)
  if (count < 0) for (let i = 0; i < replied; i++) drawOne(set, host.random, take)
  else drawDifferent(set, host.random, replied, size, take)
}

/** The count in argument 2, which must be the last one. */
function countArgument(ctx: Context): number {
  if (ctx.args.count > 3) fail('syntax')
  const count = integerArgument(ctx, 2)
  if (count < -INT64_MAX) fail('outOfRangeBetween', String(-INT64_MAX), String(INT64_MAX))
  return randomCount(ctx, count)
}

// ---- SPOP ----

export function spop(ctx: Context): void {
  const { args } = ctx
  if (args.count > 3) fail('syntax')
  if (args.count === 2) return popOne(ctx)
  const count = args.int64(2)
  if (count === undefined || count < 0n) fail('outOfRangePositive')
  popSeveral(ctx, Number(count))
}

function popOne(ctx: Context): void {
  const { args, db, effects, host, keyspace, reply } = ctx
  const h = keyToChange(ctx, 1, TYPE_SET)
  if (h === 0) return reply.null()
  const popped = copiesOf((take) => drawOne(db.source(h), host.random, take))[0]
  const ref = { h }
  removeMember(keyspace, db, ref, popped, 0, popped.length)
  notifyKey(ctx, NOTIFY_SET, 'spop', 1)
  if (ref.h === 0) notifyKey(ctx, NOTIFY_GENERIC, 'del', 1)
  effects.replicate('SREM', args.bytes(1), popped)
  effects.dirty++
  reply.bulk(popped)
}

function popSeveral(ctx: Context, count: number): void {
  const { db, effects, host, reply } = ctx
  const h = keyToChange(ctx, 1, TYPE_SET)
  if (h === 0 || count === 0) return reply.set(0)
  const size = setCount(db.source(h))
  if (count >= size) return popAll(ctx, h, size)
  const drawn = copiesOf((take) => drawDifferent(db.source(h), host.random, count, size, take))
  const popped = removeAll(ctx, h, drawn)
  notifyKey(ctx, NOTIFY_SET, 'spop', 1)
  effects.dirty += popped
  reply.set(popped)
  for (let i = 0; i < popped; i++) reply.bulk(drawn[i])
}

/** Removes members; how many of them: fewer if the store is full in between, since what is out already must be replied. */
function removeAll(ctx: Context, h: number, members: readonly Buffer[]): number {
  const { args, db, effects, keyspace } = ctx
  const ref = { h }
  let removed = 0
  try {
    for (; removed < members.length; removed++) {
      removeMember(keyspace, db, ref, members[removed], 0, members[removed].length)
    }
  } catch (error) {
    if (!(error instanceof ArenaFullError) || removed === 0) throw error
  }
  for (let i = 0; i < removed; i += REPLICATED_MAX) {
    effects.replicateList(['SREM', args.bytes(1), ...members.slice(i, Math.min(removed, i + REPLICATED_MAX))])
  }
  return removed
}

function popAll(ctx: Context, h: number, size: number): void {
  const { args, db, effects, reply } = ctx
  reply.set(size)
  setForEach(db.source(h), ({ bytes, start, end }) => reply.bulk(bytes, start, end))
  db.remove(h)
  notifyKey(ctx, NOTIFY_SET, 'spop', 1)
  notifyKey(ctx, NOTIFY_GENERIC, 'del', 1)
  effects.replicate('DEL', args.bytes(1))
  effects.dirty += size
}

/** What `draw` takes, to keep. */
function copiesOf(draw: (take: VisitSetMember) => void): Buffer[] {
  const copies: Buffer[] = []
  draw(({ bytes, start, end }) => copies.push(Buffer.from(bytes.subarray(start, end))))
  return copies
}
