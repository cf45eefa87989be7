// What HSCAN, SSCAN and ZSCAN have in common: their arguments, their reply and how far a call goes.

import { fail } from '../errors.ts'
import { globMatch } from '../lib/glob.ts'
import type { NodeBytes } from '../store/nodes.ts'
import { integerArgument } from './arguments.ts'
import type { Context } from './context.ts'
import { readKey } from './lookup.ts'
import { cursorOf, isStar } from './scan.ts'
import type { ArgumentSpec } from './spec.ts'

const COUNT_DEFAULT = 10

/** What they take behind the key. */
export const SCAN_ARGUMENTS: readonly ArgumentSpec[] = [
  { name: 'cursor', type: 'integer' },
  { name: 'pattern', type: 'pattern', token: 'MATCH', optional: true },
  { name: 'count', type: 'integer', token: 'COUNT', optional: true },
]

/** Takes one element of a collection, and what belongs to it. */
export type TakeElement = (element: NodeBytes, second?: NodeBytes) => void

/**
 * Runs a scan of the collection in argument 1. `step` visits some elements from a position on and returns the next one,
 * 0 at the end; a collection in one piece is visited as a whole. With `pairs` each element is replied with its second.
 */
export function scanCollection(
  ctx: Context,
  type: number,
  pairs: boolean,
  step: (h: number, cursor: number, take: TakeElement) => number,
): void {
  const { args, reply } = ctx
  let cursor = cursorOf(args.latin1(2))
  const h = readKey(ctx, 1, type)
  if (h === 0) {
    reply.array(2)
    reply.bulkInt(0)
    return reply.array(0)
  }
  const { count, pattern } = optionsOf(ctx)
  const mark = reply.pos
  let visited = 0
  let replied = 0
  const take: TakeElement = (element, second) => {
    visited++
    if (pattern !== undefined && !globMatch(pattern, element.bytes, false, element.start, element.end)) return
    reply.bulk(element.bytes, element.start, element.end)
    replied++
    if (!pairs || second === undefined) return
    reply.bulk(second.bytes, second.start, second.end)
    replied++
  }
  do cursor = step(h, cursor, take)
  while (cursor !== 0 && visited < count)
  reply.scanAt(mark, cursor, replied)
}

function optionsOf(ctx: Context): { count: number; pattern: Buffer | undefined } {
  const { args } = ctx
  let count = COUNT_DEFAULT
  let pattern: Buffer | undefined
  for (let i = 3; i < args.count; i += 2) {
    if (i + 1 === args.count) fail('syntax')
    if (args.is(i, 'count')) {
      count = Number(integerArgument(ctx, i + 1))
      if (count < 1) fail('syntax')
    } else if (args.is(i, 'match')) pattern = args.bytes(i + 1)
    else fail('syntax')
  }
  return { count, pattern: pattern === undefined || isStar(pattern) ? undefined : pattern }
}
