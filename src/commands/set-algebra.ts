// Sets: unions, intersections and differences, replied, stored or counted. Results are built in the arena as any set is, and
// have the encodings that Redis gives them.

import { fail } from '../errors.ts'
import type { NodeBytes } from '../store/nodes.ts'
import type { BuiltValue } from '../types/builder.ts'
import { createSetBuilder, type SetBuilder, setCount, setForEach, setHas, setWhile } from '../types/set.ts'
import { TYPE_SET, type ValueSource } from '../types/value-type.ts'
import type { Context } from './context.ts'
import { NOTIFY_SET } from './effects.ts'
import { readKey } from './lookup.ts'
import { storeBuilt } from './stored-result.ts'

/** The sets of arguments [from, to), of which some may not exist. */
function readSets(ctx: Context, from: number, to: number): (ValueSource | undefined)[] {
  const { db } = ctx
  const handles: number[] = []
  for (let i = from; i < to; i++) handles.push(readKey(ctx, i, TYPE_SET))
  // The database would reuse its source.
  return handles.map((h) => (h === 0 ? undefined : { ...db.source(h) }))
}

const isSame = (a: ValueSource, b: ValueSource): boolean =>
  a.root === b.root && (a.root !== 0 || (a.bytes === b.bytes && a.start === b.start))

// ---- the operations ----

/** Takes the members of all sets, none if one does not exist; ends soon after `goOn` has said no. */
function intersect(
  sets: readonly (ValueSource | undefined)[],
  take: (member: NodeBytes) => void,
  goOn = () => true,
): void {
  const present = sets.filter((set) => set !== undefined)
  if (present.length < sets.length) return
  const [smallest, ...others] = present.sort((a, b) => setCount(a) - setCount(b))
  const asked = others.filter((set) => !isSame(set, smallest))
  setWhile(
    smallest,
    (member) => {
      for (const set of asked) if (!setHas(set, member.bytes, member.start, member.end)) return
      take(member)
    },
    goOn,
  )
}

function unite(sets: readonly (ValueSource | undefined)[], result: SetBuilder): void {
  for (const set of sets) if (set !== undefined) setForEach(set, (m) => result.add(m.bytes, m.start, m.end))
}

/**
 * The members of the first set that are in none of the others. What is less work is done: to look each of them up in the others,
 * or to take those of the others out of a copy of the first. (The encoding of the result shows which, as in Redis.)
 */
function subtract([first, ...others]: readonly (ValueSource | undefined)[], result: SetBuilder): void {
  if (first === undefined) return
  const present = others.filter((set) => set !== undefined)
  if (present.some((set) => isSame(set, first))) return
  const lookups = (setCount(first) * (1 + present.length)) / 2
  const removals = present.reduce((sum, set) => sum + setCount(set), setCount(first))
  if (Math.floor(lookups) <= removals) {
    present.sort((a, b) => setCount(b) - setCount(a))
    setForEach(first, (m) => {
      for (const set of present) if (setHas(set, m.bytes, m.start, m.end)) return
      result.add(m.bytes, m.start, m.end)
    })
    return
  }
  unite([first], result)
  for (const set of present) {
    if (result.count() === 0) return
    setForEach(set, (m) => void result.remove(m.bytes, m.start, m.end))
  }
}

function intersectInto(sets: readonly (ValueSource | undefined)[], result: SetBuilder): void {
  intersect(sets, (m) => void result.add(m.bytes, m.start, m.end))
}

// ---- the commands ----

type Operation = (sets: readonly (ValueSource | undefined)[], result: SetBuilder) => void

/** The result of an operation; undefined without members. */
function build(ctx: Context, operation: Operation, from: number): { value: BuiltValue; count: number } | undefined {
  const { args, keyspace } = ctx
  const sets = readSets(ctx, from, args.count)
  const builder = createSetBuilder(keyspace.nodes, keyspace.limits)
  try {
    operation(sets, builder)
    const count = builder.count()
    if (count > 0) return { value: builder.finish(), count }
  } catch (error) {
    builder.abandon()
    throw error
  }
  builder.abandon()
  return undefined
}

function reply(ctx: Context, operation: Operation): void {
  const { keyspace, reply } = ctx
  const built = build(ctx, operation, 1)
  reply.set(built?.count ?? 0)
  if (built === undefined) return
  const { root, bytes, start, end } = built.value
  const source: ValueSource = { nodes: keyspace.nodes, encoding: 0, root, bytes: bytes as Buffer, start, end }
  setForEach(source, (m) => reply.bulk(m.bytes, m.start, m.end))
  keyspace.releaseBuilt(built.value)
}

function store(ctx: Context, operation: Operation, event: string): void {
  const built = build(ctx, operation, 2)
  storeBuilt(ctx, built?.value, NOTIFY_SET, event)
  ctx.reply.int(built?.count ?? 0)
}

export function sunion(ctx: Context): void {
  reply(ctx, unite)
}

export function sdiff(ctx: Context): void {
  reply(ctx, subtract)
}

/** Nothing needs to be built here: what is in all sets is in the smallest. */
export function sinter(ctx: Context): void {
  const { args, reply } = ctx
  const sets = readSets(ctx, 1, args.count)
  const mark = reply.pos
  let count = 0
  intersect(sets, (m) => {
    reply.bulk(m.bytes, m.start, m.end)
    count++
  })
  reply.setAt(mark, count)
}

export function sunionstore(ctx: Context): void {
  store(ctx, unite, 'sunionstore')
}

export function sinterstore(ctx: Context): void {
  store(ctx, intersectInto, 'sinterstore')
}

export function sdiffstore(ctx: Context): void {
  store(ctx, subtract, 'sdiffstore')
}

export function sintercard(ctx: Context): void {
  const { args, reply } = ctx
  const keys = args.int64(1)
  if (keys === undefined || keys < 1n) fail('numkeysPositive')
  if (keys > args.count - 2) fail('numkeysTooMany')
  const end = 2 + Number(keys)
  let limit = 0
  for (let i = end; i < args.count; i++) {
    if (!args.is(i, 'limit') || i + 1 === args.count) fail('syntax')
    const given = args.int64(++i)
    if (given === undefined || given < 0n) fail('limitNegative')
    limit = Number(given)
  }
  const sets = readSets(ctx, 2, end)
  let count = 0
  intersect(
    sets,
    () => void count++,
    () => limit === 0 || count < limit,
  )
  reply.int(limit === 0 ? count : Math.min(count, limit))
}
