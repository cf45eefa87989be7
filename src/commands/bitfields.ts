// BITFIELD and BITFIELD_RO: a list of operations on integers of any width within a string (types/bitfield.ts). The whole list is
// read before anything changes, so a mistake in it leaves everything as it was.

import { fail } from '../errors.ts'
import type { ByteRange } from '../keyspace/database.ts'
import { parseSmallInt } from '../lib/decimal.ts'
import type { Args } from '../protocol/args.ts'
import { addToField, type FieldType, type Overflow, readField, writeField } from '../types/bitfield.ts'
import { STRING_RAW } from '../types/string.ts'
import { TYPE_STRING } from '../types/value-type.ts'
import { integerArgument } from './arguments.ts'
import { fieldPosition, roomForBit } from './bit-strings.ts'
import type { Context } from './context.ts'
import { NOTIFY_STRING } from './effects.ts'
import { notifyKey, readKey } from './lookup.ts'
import { type ArgumentSpec, type CommandSpec, keyAt } from './spec.ts'

interface Operation {
  readonly kind: 'get' | 'set' | 'incrby'
  readonly type: FieldType
  readonly position: number
  /** What to set or to add; 0 for `get`. */
  readonly operand: bigint
  readonly overflow: Overflow
}

const bitfield = (ctx: Context): void => run(ctx, false)
const bitfieldRo = (ctx: Context): void => run(ctx, true)

function run(ctx: Context, readOnly: boolean): void {
  const operations = parseOperations(ctx)
  if (operations.every(({ kind }) => kind === 'get')) return readFields(ctx, operations)
  if (readOnly) fail('bitfieldReadonly')
  changeFields(ctx, operations)
}

function readFields(ctx: Context, operations: readonly Operation[]): void {
  const { db, reply } = ctx
  const h = readKey(ctx, 1, TYPE_STRING)
  reply.array(operations.length)
  const { bytes, start, end } = h === 0 ? NOTHING : db.value(h)
  for (const { position, type } of operations) reply.int(readField(bytes, start, end, position, type))
}

const NOTHING: ByteRange = { bytes: Buffer.alloc(0), start: 0, end: 0 }

function changeFields(ctx: Context, operations: readonly Operation[]): void {
  const { db, effects, reply } = ctx
  const last = operations.reduce(
    (furthest, { kind, position, type }) => (kind === 'get' ? furthest : Math.max(furthest, position + type.bits - 1)),
    0,
  )
  const { h, grown } = roomForBit(ctx, last)
  let changes = 0
  reply.array(operations.length)
  for (const { kind, type, position, operand, overflow } of operations) {
    const { bytes, start, end } = db.value(h)
    const before = readField(bytes, start, end, position, type)
    if (kind === 'get') {
      reply.int(before)
      continue
    }
    const after =
      kind === 'set'
        ? addToField(asGiven(operand, type), 0n, type, overflow)
        : addToField(before, operand, type, overflow)
    if (after === undefined) {
      reply.null()
      continue
    }
    if (after !== before) {
      db.mutate(h, STRING_RAW, Math.floor(position / 8), Math.floor((position + type.bits - 1) / 8) + 1)
      writeField(bytes, start, position, type.bits, after)
    }
    if (grown || after !== before) changes++
    reply.int(kind === 'set' ? before : after)
  }
  if (changes > 0) notifyKey(ctx, NOTIFY_STRING, 'setbit', 1)
  // Room that was made stays though every operation failed: replicas must make it too.
  effects.dirty += grown ? Math.max(1, changes) : changes
}

/** What SET is given, as the type takes it: a negative number for an unsigned field is the large one with the same 64 bits. */
function asGiven(operand: bigint, { signed }: FieldType): bigint {
  return signed ? operand : BigInt.asUintN(64, operand)
}

function parseOperations(ctx: Context): Operation[] {
  const { args } = ctx
  const operations: Operation[] = []
  let overflow: Overflow = 'wrap'
  for (let i = 2; i < args.count; ) {
    const left = args.count - i - 1
    if (args.is(i, 'overflow') && left >= 1) {
      overflow = overflowAt(args, i + 1)
      i += 2
      continue
    }
    const kind = kindAt(args, i, left)
    const type = fieldTypeAt(args, i + 1)
    const position = fieldPosition(ctx, i + 2, type.bits)
    const operand = kind === 'get' ? 0n : integerArgument(ctx, i + 3)
    operations.push({ kind, type, position, operand, overflow })
    i += kind === 'get' ? 3 : 4
  }
  return operations
}

/** The operation that argument i names, which takes two or three of the `left` arguments behind it. */
function kindAt(args: Args, i: number, left: number): Operation['kind'] {
  if (args.is(i, 'get') && left >= 2) return 'get'
  if (args.is(i, 'set') && left >= 3) return 'set'
  if (args.is(i, 'incrby') && left >= 3) return 'incrby'
  return fail('syntax')
}

function overflowAt(args: Args, i: number): Overflow {
  if (args.is(i, 'wrap')) return 'wrap'
  if (args.is(i, 'sat')) return 'sat'
  return args.is(i, 'fail') ? 'fail' : fail('bitfieldOverflow')
}

const LOWER_I = 105
const LOWER_U = 117

/** Argument i as the type of a field: i1 to i64, or u1 to u63, since replies are signed. */
function fieldTypeAt(args: Args, i: number): FieldType {
  const letter = args.buffer[args.start(i)]
  const signed = letter === LOWER_I
  if (args.len(i) < 2 || (!signed && letter !== LOWER_U)) fail('bitfieldType')
  const bits = parseSmallInt(args.buffer, args.start(i) + 1, args.end(i))
  if (!(bits >= 1 && bits <= (signed ? 64 : 63))) fail('bitfieldType')
  return { signed, bits }
}

const KEY: ArgumentSpec = { name: 'key', type: 'key', keySpecIndex: 0 }
const FIELD: readonly ArgumentSpec[] = [
  { name: 'encoding', type: 'string' },
  { name: 'offset', type: 'integer' },
]

/** Integers within strings. */
export const BITFIELD_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'bitfield',
    summary: 'Reads and changes integers of any width within a string.',
    since: '3.2.0',
    group: 'bitmap',
    complexity: 'O(1) for each operation.',
    arity: -2,
    flags: ['write', 'denyoom'],
    keys: [{ ...keyAt(1, 'RW', 'access', 'update', 'variable_flags'), notes: 'Only reads with nothing but `GET`' }],
    arguments: [
      KEY,
      {
        name: 'operation',
        type: 'oneof',
        optional: true,
        multiple: true,
        arguments: [
          { name: 'encoding_offset', type: 'block', token: 'GET', arguments: FIELD },
          {
            name: 'write',
            type: 'block',
            arguments: [
              {
                name: 'wrap_sat_fail',
                type: 'oneof',
                token: 'OVERFLOW',
                optional: true,
                arguments: [
                  { name: 'wrap', type: 'pure-token', token: 'WRAP' },
                  { name: 'sat', type: 'pure-token', token: 'SAT' },
                  { name: 'fail', type: 'pure-token', token: 'FAIL' },
                ],
              },
              {
                name: 'write_operation',
                type: 'oneof',
                arguments: [
                  {
                    name: 'encoding_offset_value',
                    type: 'block',
                    token: 'SET',
                    arguments: [...FIELD, { name: 'value', type: 'integer' }],
                  },
                  {
                    name: 'encoding_offset_increment',
                    type: 'block',
                    token: 'INCRBY',
                    arguments: [...FIELD, { name: 'increment', type: 'integer' }],
                  },
                ],
              },
            ],
          },
        ],
      },
    ],
    run: bitfield,
  },
  {
    name: 'bitfield_ro',
    summary: 'Reads integers of any width within a string.',
    since: '6.0.0',
    group: 'bitmap',
    complexity: 'O(1) for each operation.',
    arity: -2,
    flags: ['readonly', 'fast'],
    keys: [keyAt(1, 'RO', 'access')],
    arguments: [
      KEY,
      {
        name: 'encoding_offset',
        type: 'block',
        token: 'GET',
        optional: true,
        multiple: true,
        multipleToken: true,
        arguments: FIELD,
      },
    ],
    run: bitfieldRo,
  },
]
