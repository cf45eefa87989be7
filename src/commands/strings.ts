// The string family: values set and read as a whole. GET and SET without options are the hot path of the server: one branch
// leads away from it, and nothing is allocated on it.

import { fail } from '../errors.ts'
import { ANY_TYPE, KEEP_EXPIRY, NO_EXPIRY } from '../keyspace/database.ts'
import type { Args } from '../protocol/args.ts'
import { stringEncodingOf } from '../types/string.ts'
import { TYPE_STRING } from '../types/value-type.ts'
import { expiryArgument, type TimeUnit, timeText } from './arguments.ts'
import type { Context } from './context.ts'
import { NOTIFY_GENERIC, NOTIFY_STRING } from './effects.ts'
import { keyToChange, notifyKey, notifyMiss, notifyNew, readKey } from './lookup.ts'
import { type ArgumentSpec, type CommandSpec, keyAt, keysFrom } from './spec.ts'

function get(ctx: Context): void {
  const { args, db, reply } = ctx
  const h = db.read(args.buffer, args.start(1), args.end(1), TYPE_STRING)
  if (h === 0) return replyMiss(ctx)
  const { bytes, start, end } = db.value(h)
  reply.bulk(bytes, start, end)
}

function replyMiss(ctx: Context): void {
  notifyMiss(ctx, 1)
  ctx.reply.null()
}

function set(ctx: Context): void {
  if (ctx.args.count > 3) return setWithOptions(ctx)
  store(ctx, 1, 2, NO_EXPIRY)
  ctx.reply.ok()
}

/** Sets the key in one argument to the value in another; see Database.put for the expiry. */
function store(ctx: Context, key: number, value: number, expiryMs: number): void {
  const { args, db, effects, keyspace } = ctx
  const { buffer } = args
  const notify = effects.notifyMask !== 0
  if (notify && db.find(buffer, args.start(key), args.end(key)) === 0) notifyNew(ctx, key)
  // A value that is replaced counts as used; only frequencies remember more than that.
  if (keyspace.frequencies !== undefined) keyToChange(ctx, key, ANY_TYPE)
  const from = args.start(value)
  const to = args.end(value)
  db.put(buffer, args.start(key), args.end(key), buffer, from, to, stringEncodingOf(buffer, from, to), expiryMs)
  effects.dirty++
  if (notify) notifyKey(ctx, NOTIFY_STRING, 'set', key)
}

/** Sets the key in argument 1 with an expiry, and says so to replicas as a point in time. */
function storeUntil(ctx: Context, value: number, expiryMs: number): void {
  const { args, effects } = ctx
  store(ctx, 1, value, expiryMs)
  effects.replicate('SET', args.bytes(1), args.bytes(value), 'PXAT', timeText(expiryMs))
  if (effects.notifyMask !== 0) notifyKey(ctx, NOTIFY_GENERIC, 'expire', 1)
}

/** Replies the value of the key in argument i, or null; returns its entry, or 0. */
function replyValue(ctx: Context, i: number): number {
  const h = readKey(ctx, i, TYPE_STRING)
  if (h === 0) {
    ctx.reply.null()
    return 0
  }
  const { bytes, start, end } = ctx.db.value(h)
  ctx.reply.bulk(bytes, start, end)
  return h
}

// ---- options of SET and GETEX ----

interface StringOptions {
  readonly nx: boolean
  readonly xx: boolean
  readonly get: boolean
  readonly keepTtl: boolean
  readonly persist: boolean
  readonly unit: TimeUnit | undefined
  /** The argument with the time, if there is a unit. */
  readonly timeAt: number
}

const UNITS: readonly TimeUnit[] = ['ex', 'px', 'exat', 'pxat']

/** Options from argument `from` on. A time may be given again in the same unit, and the last one counts, as in Redis. */
function parseOptions(args: Args, from: number, command: 'set' | 'getex'): StringOptions {
  const options = { nx: false, xx: false, get: false, keepTtl: false, persist: false }
  let unit: TimeUnit | undefined
  let timeAt = 0
  for (let i = from; i < args.count; i++) {
    const given = UNITS.find((word) => args.is(i, word))
    if (given !== undefined) {
      const taken = options.keepTtl || options.persist || (unit !== undefined && unit !== given)
      if (taken || i + 1 === args.count) fail('syntax')
      unit = given
      timeAt = ++i
    } else if (command === 'set' && args.is(i, 'nx') && !options.xx) options.nx = true
    else if (command === 'set' && args.is(i, 'xx') && !options.nx) options.xx = true
    else if (command === 'set' && args.is(i, 'get')) options.get = true
    else if (command === 'set' && args.is(i, 'keepttl') && unit === undefined) options.keepTtl = true
    else if (command === 'getex' && args.is(i, 'persist') && unit === undefined) options.persist = true
    else fail('syntax')
  }
  return { ...options, unit, timeAt }
}

function setWithOptions(ctx: Context): void {
  const { args, db, reply } = ctx
  const options = parseOptions(args, 3, 'set')
  const { unit } = options
  const expiryMs = unit === undefined ? NO_EXPIRY : expiryArgument(ctx, options.timeAt, unit, 'set')
  if (options.get) replyValue(ctx, 1)
  // Looked up in any case, so that an old value whose time is over does not hand on its expiry.
  const found = db.find(args.buffer, args.start(1), args.end(1)) !== 0
  if (found ? options.nx : options.xx) {
    if (!options.get) reply.null()
    return
  }
  if (unit !== undefined) {
    storeUntil(ctx, 2, expiryMs)
  } else {
    store(ctx, 1, 2, options.keepTtl ? KEEP_EXPIRY : NO_EXPIRY)
    if (options.get) replicateWithoutGet(ctx)
  }
  if (!options.get) reply.ok()
}

/** Replicas need not read the old value; and before 7.0 they refused GET together with NX. */
function replicateWithoutGet(ctx: Context): void {
  const { args, effects } = ctx
  const argv = args.copyAll().filter((_, i) => i < 3 || !args.is(i, 'get'))
  effects.replicateList(argv)
}

// ---- the others ----

function setnx(ctx: Context): void {
  const { args, db, reply } = ctx
  if (db.find(args.buffer, args.start(1), args.end(1)) !== 0) return reply.int(0)
  store(ctx, 1, 2, NO_EXPIRY)
  reply.int(1)
}

function setex(ctx: Context): void {
  storeUntil(ctx, 3, expiryArgument(ctx, 2, 'ex', 'setex'))
  ctx.reply.ok()
}

function psetex(ctx: Context): void {
  storeUntil(ctx, 3, expiryArgument(ctx, 2, 'px', 'psetex'))
  ctx.reply.ok()
}

function getset(ctx: Context): void {
  const { args, effects } = ctx
  replyValue(ctx, 1)
  store(ctx, 1, 2, NO_EXPIRY)
  effects.replicate('SET', args.bytes(1), args.bytes(2))
}

function getdel(ctx: Context): void {
  const h = replyValue(ctx, 1)
  if (h !== 0) removeRead(ctx, h)
}

/** Deletes the key in argument 1, which was just read; replicated as DEL. */
function removeRead(ctx: Context, h: number): void {
  const { args, db, effects } = ctx
  db.remove(h)
  effects.dirty++
  effects.replicate('DEL', args.bytes(1))
  notifyKey(ctx, NOTIFY_GENERIC, 'del', 1)
}

function getex(ctx: Context): void {
  const { args, db, effects, reply } = ctx
  const { unit, timeAt, persist } = parseOptions(args, 2, 'getex')
  const h = readKey(ctx, 1, TYPE_STRING)
  if (h === 0) return reply.null()
  const expiryMs = unit === undefined ? NO_EXPIRY : expiryArgument(ctx, timeAt, unit, 'getex')
  const { bytes, start, end } = db.value(h)
  reply.bulk(bytes, start, end)
  if (unit !== undefined) {
    if (expiryMs <= ctx.nowMs && ctx.keyspace.expiry === 'delete') return removeRead(ctx, h)
    db.setExpiry(h, expiryMs)
    effects.dirty++
    effects.replicate('PEXPIREAT', args.bytes(1), timeText(expiryMs))
    notifyKey(ctx, NOTIFY_GENERIC, 'expire', 1)
  } else if (persist && db.hasExpiry(h)) {
    db.setExpiry(h, NO_EXPIRY)
    effects.dirty++
    effects.replicate('PERSIST', args.bytes(1))
    notifyKey(ctx, NOTIFY_GENERIC, 'persist', 1)
  }
}

function mget(ctx: Context): void {
  const { args, db, reply } = ctx
  reply.array(args.count - 1)
  for (let i = 1; i < args.count; i++) {
    // What is no string is none here, and no error.
    const h = readKey(ctx, i, ANY_TYPE)
    if (h === 0 || db.type(h) !== TYPE_STRING) {
      reply.null()
      continue
    }
    const { bytes, start, end } = db.value(h)
    reply.bulk(bytes, start, end)
  }
}

function mset(ctx: Context): void {
  if (ctx.args.count % 2 === 0) fail('arity', 'mset')
  storePairs(ctx)
  ctx.reply.ok()
}

function msetnx(ctx: Context): void {
  const { args, reply } = ctx
  if (args.count % 2 === 0) fail('arity', 'msetnx')
  for (let i = 1; i < args.count; i += 2) if (keyToChange(ctx, i, ANY_TYPE) !== 0) return reply.int(0)
  storePairs(ctx)
  reply.int(1)
}

/** Sets all pairs. What was set stays if the store is full before the last one, so that is what is replicated then. */
function storePairs(ctx: Context): void {
  const { args, effects } = ctx
  let i = 1
  try {
    for (; i < args.count; i += 2) store(ctx, i, i + 1, NO_EXPIRY)
  } catch (error) {
    if (i > 1) effects.replicateList(['MSET', ...Array.from({ length: i - 1 }, (_, done) => args.bytes(done + 1))])
    throw error
  }
}

// ---- the rows ----

const KEY: ArgumentSpec = { name: 'key', type: 'key', keySpecIndex: 0 }
const VALUE: ArgumentSpec = { name: 'value', type: 'string' }
const PAIRS: ArgumentSpec = { name: 'key_value', type: 'block', multiple: true, arguments: [KEY, VALUE] }

/** The string family: whole values. */
export const STRING_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'get',
    summary: 'Returns the string value of a key.',
    since: '1.0.0',
    group: 'string',
    complexity: 'O(1)',
    arity: 2,
    flags: ['readonly', 'fast'],
    keys: [keyAt(1, 'RO', 'access')],
    arguments: [KEY],
    run: get,
  },
  {
    name: 'set',
    summary: 'Sets the string value of a key, whatever it held.',
    since: '1.0.0',
    group: 'string',
    complexity: 'O(1)',
    arity: -3,
    flags: ['write', 'denyoom'],
    keys: [{ ...keyAt(1, 'RW', 'access', 'update', 'variable_flags'), notes: 'Reads the old value only with `GET`' }],
    arguments: [
      KEY,
      VALUE,
      {
        name: 'condition',
        type: 'oneof',
        since: '2.6.12',
        optional: true,
        arguments: [
          { name: 'nx', type: 'pure-token', token: 'NX' },
          { name: 'xx', type: 'pure-token', token: 'XX' },
        ],
      },
      { name: 'get', type: 'pure-token', token: 'GET', since: '6.2.0', optional: true },
      {
        name: 'expiration',
        type: 'oneof',
        optional: true,
        arguments: [
          { name: 'seconds', type: 'integer', token: 'EX', since: '2.6.12' },
          { name: 'milliseconds', type: 'integer', token: 'PX', since: '2.6.12' },
          { name: 'unix-time-seconds', type: 'unix-time', token: 'EXAT', since: '6.2.0' },
          { name: 'unix-time-milliseconds', type: 'unix-time', token: 'PXAT', since: '6.2.0' },
          { name: 'keepttl', type: 'pure-token', token: 'KEEPTTL', since: '6.0.0' },
        ],
      },
    ],
    history: [
      ['2.6.12', 'Options `EX`, `PX`, `NX` and `XX`.'],
      ['6.0.0', 'Option `KEEPTTL`.'],
      ['6.2.0', 'Options `GET`, `EXAT` and `PXAT`.'],
      ['7.0.0', '`NX` may stand beside `GET`.'],
    ],
    run: set,
  },
  {
    name: 'setnx',
    summary: 'Sets the string value of a key that does not exist.',
    since: '1.0.0',
    group: 'string',
    complexity: 'O(1)',
    arity: 3,
    flags: ['write', 'denyoom', 'fast'],
    keys: [keyAt(1, 'OW', 'insert')],
    arguments: [KEY, VALUE],
    run: setnx,
  },
  {
    name: 'setex',
    summary: 'Sets the string value of a key together with its time to live in seconds.',
    since: '2.0.0',
    group: 'string',
    complexity: 'O(1)',
    arity: 4,
    flags: ['write', 'denyoom'],
    keys: [keyAt(1, 'OW', 'update')],
    arguments: [KEY, { name: 'seconds', type: 'integer' }, VALUE],
    run: setex,
  },
  {
    name: 'psetex',
    summary: 'Sets the string value of a key together with its time to live in milliseconds.',
    since: '2.6.0',
    group: 'string',
    complexity: 'O(1)',
    arity: 4,
    flags: ['write', 'denyoom'],
    keys: [keyAt(1, 'OW', 'update')],
    arguments: [KEY, { name: 'milliseconds', type: 'integer' }, VALUE],
    run: psetex,
  },
  {
    name: 'getset',
    summary: 'Sets the string value of a key and returns the one before.',
    since: '1.0.0',
    group: 'string',
    complexity: 'O(1)',
    arity: 3,
    flags: ['write', 'denyoom', 'fast'],
    keys: [keyAt(1, 'RW', 'access', 'update')],
    arguments: [KEY, VALUE],
    deprecatedSince: '6.2.0',
    replacedBy: '`SET` with its option `GET`',
    run: getset,
  },
  {
    name: 'getdel',
    summary: 'Returns the string value of a key and deletes the key.',
    since: '6.2.0',
    group: 'string',
    complexity: 'O(1)',
    arity: 2,
    flags: ['write', 'fast'],
    keys: [keyAt(1, 'RW', 'access', 'delete')],
    arguments: [KEY],
    run: getdel,
  },
  {
    name: 'getex',
    summary: 'Returns the string value of a key and, if asked to, sets or removes its expiry.',
    since: '6.2.0',
    group: 'string',
    complexity: 'O(1)',
    arity: -2,
    flags: ['write', 'fast'],
    keys: [{ ...keyAt(1, 'RW', 'access', 'update'), notes: 'Writes only the expiry' }],
    arguments: [
      KEY,
      {
        name: 'expiration',
        type: 'oneof',
        optional: true,
        arguments: [
          { name: 'seconds', type: 'integer', token: 'EX' },
          { name: 'milliseconds', type: 'integer', token: 'PX' },
          { name: 'unix-time-seconds', type: 'unix-time', token: 'EXAT' },
          { name: 'unix-time-milliseconds', type: 'unix-time', token: 'PXAT' },
          { name: 'persist', type: 'pure-token', token: 'PERSIST' },
        ],
      },
    ],
    run: getex,
  },
  {
    name: 'mget',
    summary: 'Returns the string values of several keys, null for those that do not exist.',
    since: '1.0.0',
    group: 'string',
    complexity: 'O(N), N being the number of keys.',
    arity: -2,
    flags: ['readonly', 'fast'],
    keys: [keysFrom(1, 1, 'RO', 'access')],
    tips: ['request_policy:multi_shard'],
    arguments: [{ ...KEY, multiple: true }],
    run: mget,
  },
  {
    name: 'mset',
    summary: 'Sets the string values of several keys at once.',
    since: '1.0.1',
    group: 'string',
    complexity: 'O(N), N being the number of keys.',
    arity: -3,
    flags: ['write', 'denyoom'],
    keys: [keysFrom(1, 2, 'OW', 'update')],
    tips: ['request_policy:multi_shard', 'response_policy:all_succeeded'],
    arguments: [PAIRS],
    run: mset,
  },
  {
    name: 'msetnx',
    summary: 'Sets the string values of several keys at once, if none of the keys exists.',
    since: '1.0.1',
    group: 'string',
    complexity: 'O(N), N being the number of keys.',
    arity: -3,
    flags: ['write', 'denyoom'],
    keys: [keysFrom(1, 2, 'OW', 'insert')],
    tips: ['request_policy:multi_shard', 'response_policy:agg_min'],
    arguments: [PAIRS],
    run: msetnx,
  },
]
