// The string family: length, parts and appending.

import { fail } from '../errors.ts'
import { NO_EXPIRY } from '../keyspace/database.ts'
import { STRING_RAW, stringEncodingOf } from '../types/string.ts'
import { TYPE_STRING } from '../types/value-type.ts'
import { integerArgument } from './arguments.ts'
import type { Context } from './context.ts'
import { NOTIFY_STRING } from './effects.ts'
import { keyToChange, notifyKey, notifyNew, readKey } from './lookup.ts'
import { type ArgumentSpec, type CommandSpec, keyAt } from './spec.ts'

function strlen(ctx: Context): void {
  const h = readKey(ctx, 1, TYPE_STRING)
  ctx.reply.int(h === 0 ? 0 : ctx.db.valueLength(h))
}

function append(ctx: Context): void {
  const { args, db, effects, reply } = ctx
  const { buffer } = args
  const from = args.start(2)
  const to = args.end(2)
  const h = keyToChange(ctx, 1, TYPE_STRING)
  const before = h === 0 ? 0 : db.valueLength(h)
  const length = before + to - from
  if (h === 0) {
    notifyNew(ctx, 1)
    db.put(buffer, args.start(1), args.end(1), buffer, from, to, stringEncodingOf(buffer, from, to), NO_EXPIRY)
  } else {
    checkLength(ctx, length)
    const { bytes, start } = db.value(db.resize(h, length, STRING_RAW, before, length))
    buffer.copy(bytes, start + before, from, to)
  }
  effects.dirty++
  notifyKey(ctx, NOTIFY_STRING, 'append', 1)
  reply.int(length)
}

function setrange(ctx: Context): void {
  const { args, db, effects, reply } = ctx
  const { buffer } = args
  const offset = Number(integerArgument(ctx, 2))
  if (offset < 0) fail('offsetRange')
  const from = args.start(3)
  const to = args.end(3)
  const h = keyToChange(ctx, 1, TYPE_STRING)
  const before = h === 0 ? 0 : db.valueLength(h)
  if (from === to) return reply.int(before)
  checkLength(ctx, offset + to - from)
  const length = Math.max(before, offset + to - from)
  if (h === 0) notifyNew(ctx, 1)
  const changed =
    h === 0
      ? db.putZeros(buffer, args.start(1), args.end(1), length, STRING_RAW)
      : db.grow(h, length, STRING_RAW, offset, offset + to - from)
  const { bytes, start } = db.value(changed)
  buffer.copy(bytes, start + offset, from, to)
  effects.dirty++
  notifyKey(ctx, NOTIFY_STRING, 'setrange', 1)
  reply.int(length)
}

/** Refuses a value longer than `proto-max-bulk-len`, except from our primary, which has accepted it already. */
function checkLength(ctx: Context, length: number): void {
  if (ctx.session.isPrimary) return
  if (length > ctx.host.config.values['proto-max-bulk-len']) fail('stringTooLong')
}

function getrange(ctx: Context): void {
  const { db, reply } = ctx
  const first = integerArgument(ctx, 2)
  const last = integerArgument(ctx, 3)
  const h = readKey(ctx, 1, TYPE_STRING)
  if (h === 0) return reply.bulk(EMPTY)
  const { bytes, start, end } = db.value(h)
  const length = end - start
  const from = position(first, length)
  const to = Math.min(position(last, length), length - 1)
  const backwards = first < 0n && last < 0n && first > last
  if (backwards || from > to) return reply.bulk(EMPTY)
  reply.bulk(bytes, start + from, start + to + 1)
}

/** The position that an index names, negative ones counting from the end; 0 if that is before the beginning. */
function position(index: bigint, length: number): number {
  const n = Number(index)
  return Math.max(0, n < 0 ? length + n : n)
}

const EMPTY = Buffer.alloc(0)

const KEY: ArgumentSpec = { name: 'key', type: 'key', keySpecIndex: 0 }
const VALUE: ArgumentSpec = { name: 'value', type: 'string' }
const RANGE: readonly ArgumentSpec[] = [KEY, { name: 'start', type: 'integer' }, { name: 'end', type: 'integer' }]

/** The string family: parts of values. */
export const STRING_RANGE_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'append',
    summary: 'Appends to the string value of a key, or creates it.',
    since: '2.0.0',
    group: 'string',
    complexity: 'O(N), N being the length of what is appended: a long value moves into more room bit by bit.',
    arity: 3,
    flags: ['write', 'denyoom', 'fast'],
    keys: [keyAt(1, 'RW', 'insert')],
    arguments: [KEY, VALUE],
    run: append,
  },
  {
    name: 'strlen',
    summary: 'Returns the length of the string value of a key.',
    since: '2.2.0',
    group: 'string',
    complexity: 'O(1)',
    arity: 2,
    flags: ['readonly', 'fast'],
    keys: [keyAt(1, 'RO')],
    arguments: [KEY],
    run: strlen,
  },
  {
    name: 'setrange',
    summary: 'Overwrites a part of the string value of a key, filling up with zero bytes before it.',
    since: '2.2.0',
    group: 'string',
    complexity: 'O(N), N being the length of what is written.',
    arity: 4,
    flags: ['write', 'denyoom'],
    keys: [keyAt(1, 'RW', 'update')],
    arguments: [KEY, { name: 'offset', type: 'integer' }, VALUE],
    run: setrange,
  },
  {
    name: 'getrange',
    summary: 'Returns a part of the string value of a key.',
    since: '2.4.0',
    group: 'string',
    complexity: 'O(N), N being the length of the part.',
    arity: 4,
    flags: ['readonly'],
    keys: [keyAt(1, 'RO', 'access')],
    arguments: RANGE,
    run: getrange,
  },
  {
    name: 'substr',
    summary: 'Returns a part of the string value of a key.',
    since: '1.0.0',
    group: 'string',
    complexity: 'O(N), N being the length of the part.',
    arity: 4,
    flags: ['readonly'],
    keys: [keyAt(1, 'RO', 'access')],
    arguments: RANGE,
    deprecatedSince: '2.0.0',
    replacedBy: '`GETRANGE`',
    run: getrange,
  },
]
