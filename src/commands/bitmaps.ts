// Bitmaps: the string family seen as arrays of bits (types/bitmap.ts).

import { fail } from '../errors.ts'
import { NO_EXPIRY } from '../keyspace/database.ts'
import type { Args } from '../protocol/args.ts'
import { type BitOperation, bitAt, combineBits, countOnesInBits, findBit } from '../types/bitmap.ts'
import { STRING_RAW } from '../types/string.ts'
import { TYPE_STRING } from '../types/value-type.ts'
import { integerArgument } from './arguments.ts'
import { bitPosition, roomForBit } from './bit-strings.ts'
import type { Context } from './context.ts'
import { NOTIFY_GENERIC, NOTIFY_STRING } from './effects.ts'
import { notifyKey, notifyNew, readKey } from './lookup.ts'
import { type ArgumentSpec, type CommandSpec, keyAt, keysFrom } from './spec.ts'

function setbit(ctx: Context): void {
  const { args, db, effects, reply } = ctx
  const position = bitPosition(ctx, 2)
  const bit = args.int64(3)
  if (bit !== 0n && bit !== 1n) fail('bitValue')
  const { h, grown } = roomForBit(ctx, position)
  const at = Math.floor(position / 8)
  const mask = 0x80 >>> (position % 8)
  const { bytes, start } = db.value(h)
  const before = (bytes[start + at] & mask) !== 0
  const after = bit === 1n
  if (before !== after) {
    db.mutate(h, STRING_RAW, at, at + 1)
    bytes[start + at] ^= mask
  }
  if (grown || before !== after) {
    effects.dirty++
    notifyKey(ctx, NOTIFY_STRING, 'setbit', 1)
  }
  reply.int(before ? 1 : 0)
}

function getbit(ctx: Context): void {
  const position = bitPosition(ctx, 2)
  const h = readKey(ctx, 1, TYPE_STRING)
  if (h === 0) return ctx.reply.int(0)
  const { bytes, start, end } = ctx.db.value(h)
  ctx.reply.int(bitAt(bytes, start, end, position))
}

// ---- ranges ----

function bitcount(ctx: Context): void {
  const { args, db, reply } = ctx
  const h = readKey(ctx, 1, TYPE_STRING)
  if (h === 0) return reply.int(0)
  if (args.count !== 2 && args.count !== 4 && args.count !== 5) fail('syntax')
  const { bytes, start, end } = db.value(h)
  const bits = (end - start) * 8
  const first = args.count === 2 ? 0n : integerArgument(ctx, 2)
  const last = args.count === 2 ? -1n : integerArgument(ctx, 3)
  const unit = unitAt(args, 4)
  if (first < 0n && last < 0n && first > last) return reply.int(0)
  const from = firstBit(first, unit, bits)
  const to = lastBit(last, unit, bits)
  reply.int(from > to ? 0 : countOnesInBits(bytes, start, from, to))
}

function bitpos(ctx: Context): void {
  const { args, db, reply } = ctx
  const bit = integerArgument(ctx, 2)
  if (bit !== 0n && bit !== 1n) fail('bitArgument')
  const h = readKey(ctx, 1, TYPE_STRING)
  if (h === 0) return reply.int(bit === 1n ? -1 : 0)
  if (args.count > 6) fail('syntax')
  const { bytes, start, end } = db.value(h)
  const bits = (end - start) * 8
  const endGiven = args.count > 4
  const first = args.count > 3 ? integerArgument(ctx, 3) : 0n
  const unit = unitAt(args, 5)
  const from = firstBit(first, unit, bits)
  const to = lastBit(endGiven ? integerArgument(ctx, 4) : -1n, unit, bits)
  if (from > to) return reply.int(-1)
  const found = findBit(bytes, start, from, to, Number(bit))
  // Without an end the string goes on with zeros for ever.
  reply.int(found === -1 && bit === 0n && !endGiven ? bits : found)
}

/** Bits of the unit that argument i names: bytes, if it is not there. */
function unitAt(args: Args, i: number): number {
  if (i >= args.count || args.is(i, 'byte')) return 8
  return args.is(i, 'bit') ? 1 : fail('syntax')
}

/** The first bit of the unit that an index names in a string of so many bits; negative ones count from the end. */
function firstBit(index: bigint, unit: number, bits: number): number {
  const n = Number(index)
  return Math.max(0, n < 0 ? bits / unit + n : n) * unit
}

/** The last bit of the unit that an index names, or of the string if that is shorter. */
function lastBit(index: bigint, unit: number, bits: number): number {
  return Math.min(firstBit(index, unit, bits) + unit, bits) - 1
}

// ---- BITOP ----

function bitop(ctx: Context): void {
  const { args, db, effects, reply } = ctx
  const operation = operationAt(args, 1)
  if (operation === 'not' && args.count !== 4) fail('bitopNot')
  const { buffer } = args
  const result = combineBits(operation, sourcesFrom(ctx, 3))
  const h = db.find(buffer, args.start(2), args.end(2))
  if (result.length > 0) {
    if (h === 0) notifyNew(ctx, 2)
    db.put(buffer, args.start(2), args.end(2), result, 0, result.length, STRING_RAW, NO_EXPIRY)
    effects.dirty++
    notifyKey(ctx, NOTIFY_STRING, 'set', 2)
  } else if (h !== 0) {
    db.remove(h)
    effects.dirty++
    notifyKey(ctx, NOTIFY_GENERIC, 'del', 2)
  }
  reply.int(result.length)
}

const OPERATIONS: readonly BitOperation[] = ['and', 'or', 'xor', 'not']

function operationAt(args: Args, i: number): BitOperation {
  return OPERATIONS.find((name) => args.is(i, name)) ?? fail('syntax')
}

/** The strings under the keys from argument `from` on, as views that are valid until anything changes; none is an empty one. */
function sourcesFrom(ctx: Context, from: number): Buffer[] {
  const sources: Buffer[] = []
  for (let i = from; i < ctx.args.count; i++) {
    const h = readKey(ctx, i, TYPE_STRING)
    if (h === 0) {
      sources.push(EMPTY)
      continue
    }
    const { bytes, start, end } = ctx.db.value(h)
    sources.push(bytes.subarray(start, end))
  }
  return sources
}

const EMPTY = Buffer.alloc(0)

const KEY: ArgumentSpec = { name: 'key', type: 'key', keySpecIndex: 0 }
const OFFSET: ArgumentSpec = { name: 'offset', type: 'integer' }
const END: ArgumentSpec = { name: 'end', type: 'integer' }
const UNIT: ArgumentSpec = {
  name: 'index_unit',
  type: 'oneof',
  since: '7.0.0',
  optional: true,
  arguments: [
    { name: 'byte', type: 'pure-token', token: 'BYTE' },
    { name: 'bit', type: 'pure-token', token: 'BIT' },
  ],
}
const UNIT_HISTORY = [['7.0.0', 'The unit of the range: `BYTE` or `BIT`.']] as const

/** Bitmaps. */
export const BITMAP_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'setbit',
    summary: 'Sets or clears one bit of a string and returns what it was; the string grows as needed.',
    since: '2.2.0',
    group: 'bitmap',
    complexity: 'O(1)',
    arity: 4,
    flags: ['write', 'denyoom'],
    keys: [keyAt(1, 'RW', 'access', 'update')],
    arguments: [KEY, OFFSET, { name: 'value', type: 'integer' }],
    run: setbit,
  },
  {
    name: 'getbit',
    summary: 'Returns one bit of a string.',
    since: '2.2.0',
    group: 'bitmap',
    complexity: 'O(1)',
    arity: 3,
    flags: ['readonly', 'fast'],
    keys: [keyAt(1, 'RO', 'access')],
    arguments: [KEY, OFFSET],
    run: getbit,
  },
  {
    name: 'bitcount',
    summary: 'Counts the ones in a string, or in a range of it.',
    since: '2.6.0',
    group: 'bitmap',
    complexity: 'O(N), N being the bytes of the range.',
    arity: -2,
    flags: ['readonly'],
    keys: [keyAt(1, 'RO', 'access')],
    arguments: [
      KEY,
      {
        name: 'index',
        type: 'block',
        optional: true,
        arguments: [{ name: 'start', type: 'integer' }, END, UNIT],
      },
    ],
    history: UNIT_HISTORY,
    run: bitcount,
  },
  {
    name: 'bitpos',
    summary: 'Finds the first bit of a string, or of a range of it, that is set or clear.',
    since: '2.8.7',
    group: 'bitmap',
    complexity: 'O(N), N being the bytes of the range.',
    arity: -3,
    flags: ['readonly'],
    keys: [keyAt(1, 'RO', 'access')],
    arguments: [
      KEY,
      { name: 'bit', type: 'integer' },
      {
        name: 'index',
        type: 'block',
        optional: true,
        arguments: [
          { name: 'start', type: 'integer' },
          { name: 'end_index', type: 'block', optional: true, arguments: [END, UNIT] },
        ],
      },
    ],
    history: UNIT_HISTORY,
    run: bitpos,
  },
  {
    name: 'bitop',
    summary: 'Combines strings bit by bit and stores the result.',
    since: '2.6.0',
    group: 'bitmap',
    complexity: 'O(N), N being the bytes of the sources.',
    arity: -4,
    flags: ['write', 'denyoom'],
    keys: [keyAt(2, 'OW', 'update'), keysFrom(3, 1, 'RO', 'access')],
    arguments: [
      { name: 'operation', type: 'string' },
      { name: 'destkey', type: 'key', keySpecIndex: 0 },
      { name: 'key', type: 'key', keySpecIndex: 1, multiple: true },
    ],
    run: bitop,
  },
]
