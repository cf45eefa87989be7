// The hash family.

import { fail } from '../errors.ts'
import { KEEP_EXPIRY, NO_EXPIRY } from '../keyspace/database.ts'
import { INT64_MAX, INT64_MIN, parseInt64, parseSmallInt } from '../lib/decimal.ts'
import { addLongDoubles, formatLongDouble, type LongDouble, parseLongDouble } from '../lib/long-double.ts'
import type { NodeBytes } from '../store/nodes.ts'
import { createHashBuilder, hashCount, hashForEach, hashGet, hashScan } from '../types/hash.ts'
import { TYPE_HASH } from '../types/value-type.ts'
import { integerArgument } from './arguments.ts'
import { SCAN_ARGUMENTS, scanCollection } from './collection-scan.ts'
import type { Context } from './context.ts'
import { NOTIFY_GENERIC, NOTIFY_HASH } from './effects.ts'
import { removeEntry } from './entry-ref.ts'
import { hashToChange } from './hash-expiries.ts'
import { deleteField, setField } from './hash-fields.ts'
import { hrandfield } from './hash-random.ts'
import { notifyKey, notifyNew, readKey } from './lookup.ts'
import { type ArgumentSpec, type CommandSpec, keyAt } from './spec.ts'

/** Where a value was found; used within one command only. */
const VALUE: NodeBytes = { bytes: Buffer.alloc(0), start: 0, end: 0 }

// ---- reading ----

/** Looks up the field in argument i of a hash that was read; its value is in VALUE then. */
function findField(ctx: Context, h: number, i: number): boolean {
  const { args, db } = ctx
  return hashGet(db.source(h), args.buffer, args.start(i), args.end(i), VALUE)
}

function hget(ctx: Context): void {
  const h = readKey(ctx, 1, TYPE_HASH)
  if (h === 0 || !findField(ctx, h, 2)) return ctx.reply.null()
  ctx.reply.bulk(VALUE.bytes, VALUE.start, VALUE.end)
}

function hmget(ctx: Context): void {
  const { args, reply } = ctx
  const h = readKey(ctx, 1, TYPE_HASH)
  reply.array(args.count - 2)
  for (let i = 2; i < args.count; i++) {
    if (h !== 0 && findField(ctx, h, i)) reply.bulk(VALUE.bytes, VALUE.start, VALUE.end)
    else reply.null()
  }
}

function hexists(ctx: Context): void {
  const h = readKey(ctx, 1, TYPE_HASH)
  ctx.reply.int(h !== 0 && findField(ctx, h, 2) ? 1 : 0)
}

function hstrlen(ctx: Context): void {
  const h = readKey(ctx, 1, TYPE_HASH)
  ctx.reply.int(h !== 0 && findField(ctx, h, 2) ? VALUE.end - VALUE.start : 0)
}

function hlen(ctx: Context): void {
  const h = readKey(ctx, 1, TYPE_HASH)
  ctx.reply.int(h === 0 ? 0 : hashCount(ctx.db.source(h)))
}

function hgetall(ctx: Context): void {
  const { db, reply } = ctx
  const h = readKey(ctx, 1, TYPE_HASH)
  reply.map(h === 0 ? 0 : hashCount(db.source(h)))
  if (h === 0) return
  hashForEach(db.source(h), (field, value) => {
    reply.bulk(field.bytes, field.start, field.end)
    reply.bulk(value.bytes, value.start, value.end)
  })
}

function hkeys(ctx: Context): void {
  replyHalves(ctx, (field) => field)
}

function hvals(ctx: Context): void {
  replyHalves(ctx, (_, value) => value)
}

/** Replies one half of each pair of the hash in argument 1. */
function replyHalves(ctx: Context, half: (field: NodeBytes, value: NodeBytes) => NodeBytes): void {
  const { db, reply } = ctx
  const h = readKey(ctx, 1, TYPE_HASH)
  reply.array(h === 0 ? 0 : hashCount(db.source(h)))
  if (h === 0) return
  hashForEach(db.source(h), (field, value) => {
    const { bytes, start, end } = half(field, value)
    reply.bulk(bytes, start, end)
  })
}

function hscan(ctx: Context): void {
  const { db } = ctx
  scanCollection(ctx, TYPE_HASH, true, (h, cursor, take) => {
    return hashScan(db.source(h), cursor, take)
  })
}

// ---- changing ----

function hset(ctx: Context): void {
  if (ctx.args.count % 2 !== 0) fail('arity', 'hset')
  ctx.reply.int(storeFields(ctx))
}

function hmset(ctx: Context): void {
  if (ctx.args.count % 2 !== 0) fail('arity', 'hmset')
  storeFields(ctx)
  ctx.reply.ok()
}

function hsetnx(ctx: Context): void {
  const { reply } = ctx
  const h = hashToChange(ctx)
  if (h !== 0 && findField(ctx, h, 2)) return reply.int(0)
  storeFields(ctx)
  reply.int(1)
}

/** Sets the fields of arguments 2, 4 … to the values of 3, 5 …; how many of them are new. */
function storeFields(ctx: Context): number {
  const { args, effects } = ctx
  const h = hashToChange(ctx)
  const added = h === 0 ? createHash(ctx) : changeHash(ctx, h)
  effects.dirty += (args.count - 2) / 2
  notifyKey(ctx, NOTIFY_HASH, 'hset', 1)
  return added
}

/** Creates the hash of argument 1 from the pairs that follow it. */
function createHash(ctx: Context): number {
  const { args, db, keyspace } = ctx
  const { buffer } = args
  const builder = createHashBuilder(keyspace.nodes, keyspace.limits)
  try {
    for (let i = 2; i < args.count; i += 2) {
      builder.set(buffer, args.start(i), args.end(i), buffer, args.start(i + 1), args.end(i + 1))
    }
  } catch (error) {
    builder.abandon()
    throw error
  }
  const added = builder.count()
  notifyNew(ctx, 1)
  db.putBuilt(buffer, args.start(1), args.end(1), builder.finish(), NO_EXPIRY)
  return added
}

/** Sets fields of a hash. What was set stays if the store is full before the last one, so that is what is replicated then. */
function changeHash(ctx: Context, h: number): number {
  const { args, db, effects, keyspace } = ctx
  const { buffer } = args
  const ref = { h }
  let added = 0
  let i = 2
  try {
    for (; i < args.count; i += 2) {
      const isNew = setField(
        keyspace,
        db,
        ref,
        buffer,
        args.start(i),
        args.end(i),
        buffer,
        args.start(i + 1),
        args.end(i + 1),
      )
      if (isNew) added++
    }
  } catch (error) {
    if (i > 2) effects.replicateList(['HSET', ...Array.from({ length: i - 1 }, (_, done) => args.bytes(done + 1))])
    throw error
  }
  return added
}

function hdel(ctx: Context): void {
  const { args, db, effects, keyspace, reply } = ctx
  const { buffer } = args
  const h = hashToChange(ctx)
  if (h === 0) return reply.int(0)
  const ref = { h }
  let deleted = 0
  for (let i = 2; i < args.count; i++) {
    if (!deleteField(keyspace, db, ref, buffer, args.start(i), args.end(i))) continue
    deleted++
    if (hashCount(db.source(ref.h)) > 0) continue
    removeEntry(db, ref)
    break
  }
  if (deleted > 0) notifyKey(ctx, NOTIFY_HASH, 'hdel', 1)
  if (ref.h === 0) notifyKey(ctx, NOTIFY_GENERIC, 'del', 1)
  effects.dirty += deleted
  reply.int(deleted)
}

// ---- numbers ----

/** Room for the digits of an integer; used within one call only. */
const DIGITS = Buffer.alloc(24)

function hincrby(ctx: Context): void {
  const { args, effects, reply } = ctx
  const small = args.smallInt(3)
  const increment = Number.isNaN(small) ? integerArgument(ctx, 3) : small
  const h = hashToChange(ctx)
  const sum = h !== 0 && findField(ctx, h, 2) ? sumWithValue(increment) : increment
  storeNumber(ctx, h, DIGITS, DIGITS.write(String(sum), 'latin1'))
  effects.dirty++
  notifyKey(ctx, NOTIFY_HASH, 'hincrby', 1)
  reply.int(sum)
}

/** The sum with the integer in VALUE. Numbers below 10¹⁵, the usual ones, are added as such. */
function sumWithValue(increment: number | bigint): number | bigint {
  const small = parseSmallInt(VALUE.bytes, VALUE.start, VALUE.end)
  if (typeof increment === 'number' && !Number.isNaN(small)) return small + increment
  const value = parseInt64(VALUE.bytes, VALUE.start, VALUE.end) ?? fail('hashNotInteger')
  const sum = value + BigInt(increment)
  if (sum < INT64_MIN || sum > INT64_MAX) fail('incrOverflow')
  return sum
}

function hincrbyfloat(ctx: Context): void {
  const { args, effects, reply } = ctx
  const increment = parseLongDouble(args.latin1(3)) ?? fail('notFloat')
  if (increment === 'infinite') fail('nanOrInfinity')
  const h = hashToChange(ctx)
  const before = h !== 0 && findField(ctx, h, 2) ? storedFloat() : ZERO
  if (before === 'infinite') fail('incrNan')
  const sum = addLongDoubles(before, increment)
  if (sum === 'infinite') fail('incrNan')
  const value = Buffer.from(formatLongDouble(sum), 'latin1')
  storeNumber(ctx, h, value, value.length)
  effects.dirty++
  effects.replicate('HSET', args.bytes(1), args.bytes(2), value)
  notifyKey(ctx, NOTIFY_HASH, 'hincrbyfloat', 1)
  reply.bulk(value)
}

const ZERO: LongDouble = { mantissa: 0n, exponent: 0 }

function storedFloat(): LongDouble | 'infinite' {
  return parseLongDouble(VALUE.bytes.toString('latin1', VALUE.start, VALUE.end)) ?? fail('hashNotFloat')
}

/** Sets the field in argument 2 to the first `length` bytes of `value`. */
function storeNumber(ctx: Context, h: number, value: Buffer, length: number): void {
  const { args, db, keyspace } = ctx
  const { buffer } = args
  if (h !== 0) {
    setField(keyspace, db, { h }, buffer, args.start(2), args.end(2), value, 0, length, true)
    return
  }
  const builder = createHashBuilder(keyspace.nodes, keyspace.limits)
  builder.set(buffer, args.start(2), args.end(2), value, 0, length)
  notifyNew(ctx, 1)
  db.putBuilt(buffer, args.start(1), args.end(1), builder.finish(), KEEP_EXPIRY)
}

// ---- the rows ----

const KEY: ArgumentSpec = { name: 'key', type: 'key', keySpecIndex: 0 }
const FIELD: ArgumentSpec = { name: 'field', type: 'string' }
const VALUE_ARGUMENT: ArgumentSpec = { name: 'value', type: 'string' }
const PAIRS: ArgumentSpec = {
  name: 'field_value',
  type: 'block',
  multiple: true,
  arguments: [FIELD, VALUE_ARGUMENT],
}
/** What the commands have in common that read one field. */
const FIELD_ROW = {
  group: 'hash',
  complexity: 'O(1)',
  arity: 3,
  flags: ['readonly', 'fast'],
  arguments: [KEY, FIELD],
} as const
/** And those that read all of them. */
const WHOLE_ROW = {
  group: 'hash',
  complexity: 'O(N), N being the number of fields.',
  arity: 2,
  flags: ['readonly'],
  keys: [keyAt(1, 'RO', 'access')],
  tips: ['nondeterministic_output_order'],
  arguments: [KEY],
} as const

/** And those that set fields. */
const SET_ROW = {
  since: '2.0.0',
  group: 'hash',
  complexity: 'O(N), N being the number of fields set.',
  arity: -4,
  flags: ['write', 'denyoom', 'fast'],
  keys: [keyAt(1, 'RW', 'update')],
  arguments: [KEY, PAIRS],
} as const

/** And those that add to a field. */
const INCREMENT_ROW = {
  group: 'hash',
  complexity: 'O(1)',
  arity: 4,
  flags: ['write', 'denyoom', 'fast'],
  keys: [keyAt(1, 'RW', 'access', 'update')],
} as const

/** The hash family. */
export const HASH_COMMANDS: readonly CommandSpec[] = [
  {
    ...SET_ROW,
    name: 'hset',
    summary: 'Sets fields of a hash, which is created if need be.',
    history: [['4.0.0', 'Several fields at once.']],
    run: hset,
  },
  {
    ...SET_ROW,
    name: 'hmset',
    summary: 'Sets fields of a hash, which is created if need be.',
    deprecatedSince: '4.0.0',
    replacedBy: '`HSET` with several fields',
    run: hmset,
  },
  {
    name: 'hsetnx',
    summary: 'Sets a field of a hash, if it does not exist.',
    since: '2.0.0',
    group: 'hash',
    complexity: 'O(1)',
    arity: 4,
    flags: ['write', 'denyoom', 'fast'],
    keys: [keyAt(1, 'RW', 'insert')],
    arguments: [KEY, FIELD, VALUE_ARGUMENT],
    run: hsetnx,
  },
  {
    ...FIELD_ROW,
    name: 'hget',
    summary: 'Returns the value of a field of a hash.',
    since: '2.0.0',
    keys: [keyAt(1, 'RO', 'access')],
    run: hget,
  },
  {
    ...FIELD_ROW,
    name: 'hexists',
    summary: 'Tells whether a hash has a field.',
    since: '2.0.0',
    keys: [keyAt(1, 'RO')],
    run: hexists,
  },
  {
    ...FIELD_ROW,
    name: 'hstrlen',
    summary: 'Returns the length of the value of a field.',
    since: '3.2.0',
    keys: [keyAt(1, 'RO')],
    run: hstrlen,
  },
  {
    name: 'hmget',
    summary: 'Returns the values of several fields of a hash, null for those that do not exist.',
    since: '2.0.0',
    group: 'hash',
    complexity: 'O(N), N being the number of fields asked for.',
    arity: -3,
    flags: ['readonly', 'fast'],
    keys: [keyAt(1, 'RO', 'access')],
    arguments: [KEY, { ...FIELD, multiple: true }],
    run: hmget,
  },
  {
    name: 'hdel',
    summary: 'Deletes fields of a hash; the key goes with its last field.',
    since: '2.0.0',
    group: 'hash',
    complexity: 'O(N), N being the number of fields to be deleted.',
    arity: -3,
    flags: ['write', 'fast'],
    keys: [keyAt(1, 'RW', 'delete')],
    arguments: [KEY, { ...FIELD, multiple: true }],
    history: [['2.4.0', 'Several fields at once.']],
    run: hdel,
  },
  {
    name: 'hlen',
    summary: 'Returns the number of fields of a hash.',
    since: '2.0.0',
    group: 'hash',
    complexity: 'O(1)',
    arity: 2,
    flags: ['readonly', 'fast'],
    keys: [keyAt(1, 'RO')],
    arguments: [KEY],
    run: hlen,
  },
  {
    ...WHOLE_ROW,
    name: 'hgetall',
    summary: 'Returns all fields of a hash and their values.',
    since: '2.0.0',
    run: hgetall,
  },
  {
    ...WHOLE_ROW,
    name: 'hkeys',
    summary: 'Returns all fields of a hash.',
    since: '2.0.0',
    run: hkeys,
  },
  {
    ...WHOLE_ROW,
    name: 'hvals',
    summary: 'Returns the values of all fields of a hash.',
    since: '2.0.0',
    run: hvals,
  },
  {
    ...INCREMENT_ROW,
    name: 'hincrby',
    summary: 'Adds to the integer value of a field; a missing field counts as 0.',
    since: '2.0.0',
    arguments: [KEY, FIELD, { name: 'increment', type: 'integer' }],
    run: hincrby,
  },
  {
    ...INCREMENT_ROW,
    name: 'hincrbyfloat',
    summary: 'Adds to the floating point value of a field; a missing field counts as 0.',
    since: '2.6.0',
    arguments: [KEY, FIELD, { name: 'increment', type: 'double' }],
    run: hincrbyfloat,
  },
  {
    name: 'hrandfield',
    summary: 'Returns random fields of a hash.',
    since: '6.2.0',
    group: 'hash',
    complexity: 'O(N), N being the number of fields returned.',
    arity: -2,
    flags: ['readonly'],
    keys: [keyAt(1, 'RO', 'access')],
    tips: ['nondeterministic_output'],
    arguments: [
      KEY,
      {
        name: 'options',
        type: 'block',
        optional: true,
        arguments: [
          { name: 'count', type: 'integer' },
          { name: 'withvalues', type: 'pure-token', token: 'WITHVALUES', optional: true },
        ],
      },
    ],
    run: hrandfield,
  },
  {
    name: 'hscan',
    summary: 'Returns some fields of a hash with their values, and a cursor for the next call.',
    since: '2.8.0',
    group: 'hash',
    complexity: 'O(1) a call, O(N) for the whole walk, N being the number of fields.',
    arity: -3,
    flags: ['readonly'],
    keys: [keyAt(1, 'RO', 'access')],
    tips: ['nondeterministic_output'],
    arguments: [KEY, ...SCAN_ARGUMENTS],
    run: hscan,
  },
]
