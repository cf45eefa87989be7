// The string family: values that are numbers. Integers have 64 bits; floating point numbers have the precision of a C
// `long double` (lib/long-double.ts).

import { fail } from '../errors.ts'
import { KEEP_EXPIRY } from '../keyspace/database.ts'
import { INT64_MAX, INT64_MIN, parseInt64, parseSmallInt } from '../lib/decimal.ts'
import { writeInteger } from '../lib/int64.ts'
import { addLongDoubles, formatLongDouble, type LongDouble, parseLongDouble } from '../lib/long-double.ts'
import { STRING_INT, stringEncodingOfText } from '../types/string.ts'
import { TYPE_STRING } from '../types/value-type.ts'
import { integerArgument } from './arguments.ts'
import type { Context } from './context.ts'
import { NOTIFY_STRING } from './effects.ts'
import { keyToChange, notifyKey, notifyNew } from './lookup.ts'
import { type ArgumentSpec, type CommandSpec, keyAt } from './spec.ts'

const incr = (ctx: Context): void => add(ctx, 1)
const decr = (ctx: Context): void => add(ctx, -1)

function incrby(ctx: Context): void {
  const small = ctx.args.smallInt(2)
  add(ctx, Number.isNaN(small) ? integerArgument(ctx, 2) : small)
}

function decrby(ctx: Context): void {
  const small = ctx.args.smallInt(2)
  if (!Number.isNaN(small)) return add(ctx, -small)
  const n = integerArgument(ctx, 2)
  if (n === INT64_MIN) fail('decrOverflow')
  add(ctx, -n)
}

/** Adds to the integer in the key of argument 1. Numbers below 10¹⁵, the usual ones, are added as such. */
function add(ctx: Context, increment: number | bigint): void {
  const { args, db, effects, reply } = ctx
  const { buffer } = args
  const h = keyToChange(ctx, 1, TYPE_STRING)
  const sum = sumOf(ctx, h, increment)
  if (h === 0) notifyNew(ctx, 1)
  const length = typeof sum === 'number' ? writeInteger(sum, SCRATCH, 0) : SCRATCH.write(String(sum), 'latin1')
  db.put(buffer, args.start(1), args.end(1), SCRATCH, 0, length, STRING_INT, KEEP_EXPIRY)
  effects.dirty++
  notifyKey(ctx, NOTIFY_STRING, 'incrby', 1)
  reply.int(sum)
}

function sumOf(ctx: Context, h: number, increment: number | bigint): number | bigint {
  if (h === 0) return increment
  const { bytes, start, end } = ctx.db.value(h)
  const small = parseSmallInt(bytes, start, end)
  if (typeof increment === 'number' && !Number.isNaN(small)) return small + increment
  const sum = (parseInt64(bytes, start, end) ?? fail('notInteger')) + BigInt(increment)
  if (sum < INT64_MIN || sum > INT64_MAX) fail('incrOverflow')
  return sum
}

/** Room for the digits of an integer; used within one call only. */
const SCRATCH = Buffer.alloc(24)

function incrbyfloat(ctx: Context): void {
  const { args, db, effects, reply } = ctx
  const { buffer } = args
  const h = keyToChange(ctx, 1, TYPE_STRING)
  const before = h === 0 ? ZERO : storedFloat(ctx, h)
  const increment = parseLongDouble(args.latin1(2)) ?? fail('notFloat')
  if (before === 'infinite' || increment === 'infinite') fail('incrNan')
  const sum = addLongDoubles(before, increment)
  if (sum === 'infinite') fail('incrNan')
  const value = Buffer.from(formatLongDouble(sum), 'latin1')
  if (h === 0) notifyNew(ctx, 1)
  db.put(buffer, args.start(1), args.end(1), value, 0, value.length, stringEncodingOfText(value.length), KEEP_EXPIRY)
  effects.dirty++
  effects.replicate('SET', args.bytes(1), value, 'KEEPTTL')
  notifyKey(ctx, NOTIFY_STRING, 'incrbyfloat', 1)
  reply.bulk(value)
}

const ZERO: LongDouble = { mantissa: 0n, exponent: 0 }

function storedFloat(ctx: Context, h: number): LongDouble | 'infinite' {
  const { bytes, start, end } = ctx.db.value(h)
  return parseLongDouble(bytes.toString('latin1', start, end)) ?? fail('notFloat')
}

const KEY: ArgumentSpec = { name: 'key', type: 'key', keySpecIndex: 0 }
const INTEGER_ROW = {
  group: 'string',
  complexity: 'O(1)',
  flags: ['write', 'denyoom', 'fast'],
  keys: [keyAt(1, 'RW', 'access', 'update')],
} as const

/** The string family: numbers. */
export const STRING_NUMERIC_COMMANDS: readonly CommandSpec[] = [
  {
    ...INTEGER_ROW,
    name: 'incr',
    summary: 'Adds one to the integer value of a key; a missing key counts as 0.',
    since: '1.0.0',
    arity: 2,
    arguments: [KEY],
    run: incr,
  },
  {
    ...INTEGER_ROW,
    name: 'decr',
    summary: 'Subtracts one from the integer value of a key; a missing key counts as 0.',
    since: '1.0.0',
    arity: 2,
    arguments: [KEY],
    run: decr,
  },
  {
    ...INTEGER_ROW,
    name: 'incrby',
    summary: 'Adds to the integer value of a key; a missing key counts as 0.',
    since: '1.0.0',
    arity: 3,
    arguments: [KEY, { name: 'increment', type: 'integer' }],
    run: incrby,
  },
  {
    ...INTEGER_ROW,
    name: 'decrby',
    summary: 'Subtracts from the integer value of a key; a missing key counts as 0.',
    since: '1.0.0',
    arity: 3,
    arguments: [KEY, { name: 'decrement', type: 'integer' }],
    run: decrby,
  },
  {
    ...INTEGER_ROW,
    name: 'incrbyfloat',
    summary: 'Adds to the floating point value of a key; a missing key counts as 0.',
    since: '2.6.0',
    arity: 3,
    arguments: [KEY, { name: 'increment', type: 'double' }],
    run: incrbyfloat,
  },
]
