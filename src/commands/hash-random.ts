// HRANDFIELD: one random field, several different ones, or several of which some may come twice.

import { fail } from '../errors.ts'
import { INT64_MAX } from '../lib/decimal.ts'
import type { Random } from '../lib/prng.ts'
import { dictRandom } from '../store/dict.ts'
import type { NodeBytes } from '../store/nodes.ts'
import { hashCount, hashForEach, hiddenCount } from '../types/hash.ts'
import { TYPE_HASH, type ValueSource } from '../types/value-type.ts'
import { integerArgument, randomCount } from './arguments.ts'
import type { Context } from './context.ts'
import { readKey } from './lookup.ts'

/** A part of the fields smaller than one in so many is drawn field by field, a larger one picked in one go over all. */
const SMALL_PART = 3

type Take = (field: NodeBytes, value: NodeBytes) => void

/** The command HRANDFIELD. */
export function hrandfield(ctx: Context): void {
  const { args, db, host, reply } = ctx
  if (args.count === 2) return replyOne(ctx)
  const count = countArgument(ctx)
  const withValues = args.count > 3
  const h = readKey(ctx, 1, TYPE_HASH)
  if (h === 0 || count === 0) return reply.array(0)
  const hash = db.source(h)
  const size = hashCount(hash)
  if (size === 0) return reply.array(0)
  const replied = count < 0 ? -count : Math.min(count, size)
  reply.array(withValues && reply.resp === 2 ? 2 * replied : replied)
  const take: Take = (field, value) => {
    if (withValues && reply.resp === 3) reply.array(2)
    reply.bulk(field.bytes, field.start, field.end)
    if (withValues) reply.bulk(value.bytes, value.start, value.end)
  }
  if (count < 0) drawAny(hash, host.random, replied, take)
  else if (hash.root !== 0 && replied * SMALL_PART < size && hiddenCount(hash) === 0)
    drawDifferent(hash, host.random, replied, take)
  else pickDifferent(hash, host.random, replied, size, take)
}

function replyOne(ctx: Context): void {
  const { db, host, reply } = ctx
  const h = readKey(ctx, 1, TYPE_HASH)
  if (h === 0) return reply.null()
  const hash = db.source(h)
  if (hashCount(hash) === 0) return reply.null()
  drawAny(hash, host.random, 1, ({ bytes, start, end }) => reply.bulk(bytes, start, end))
}

/** The count in argument 2, and whether WITHVALUES follows. */
function countArgument(ctx: Context): number {
  const { args } = ctx
  const count = integerArgument(ctx, 2)
  if (count < -INT64_MAX) fail('outOfRangeBetween', String(-INT64_MAX), String(INT64_MAX))
  if (args.count > 4 || (args.count === 4 && !args.is(3, 'withvalues'))) fail('syntax')
  if (args.count === 4 && (count < -INT64_MAX / 2n || count > INT64_MAX / 2n)) fail('outOfRange')
  return randomCount(ctx, count)
}

/** Takes `count` fields, each any of all. */
function drawAny(hash: ValueSource, random: Random, count: number, take: Take): void {
  if (hash.root !== 0 && hiddenCount(hash) === 0) {
    for (let i = 0; i < count; i++) dictRandom(hash.nodes, hash.root, random, take)
    return
  }
  const pairs = pairsOf(hash)
  for (let i = 0; i < count; i++) {
    const [field, value] = pairs[random.below(pairs.length)]
    take(field, value)
  }
}

/** The fields and values of a hash that is small, or of which some are not seen. */
function pairsOf(hash: ValueSource): [NodeBytes, NodeBytes][] {
  const pairs: [NodeBytes, NodeBytes][] = []
  hashForEach(hash, (field, value) => pairs.push([copyOf(field), copyOf(value)]))
  return pairs
}

function copyOf({ bytes, start, end }: NodeBytes): NodeBytes {
  return { bytes: Buffer.from(bytes.subarray(start, end)), start: 0, end: end - start }
}

/** Takes `count` different fields, few among many: draws until there are enough. */
function drawDifferent(hash: ValueSource, random: Random, count: number, take: Take): void {
  const taken = new Set<string>()
  while (taken.size < count) {
    drawAny(hash, random, 1, (field, value) => {
      const text = field.bytes.toString('latin1', field.start, field.end)
      if (taken.has(text)) return
      taken.add(text)
      take(field, value)
    })
  }
}

/** Takes `count` different fields of `size`: each with the chance that is left for it when it is met. */
function pickDifferent(hash: ValueSource, random: Random, count: number, size: number, take: Take): void {
  let left = size
  let wanted = count
  hashForEach(hash, (field, value) => {
    if (random.below(left--) >= wanted) return
    wanted--
    take(field, value)
  })
}
