// The hash family: expiry of fields, as Redis 7.4 and 8 have it. What is set is replicated as a point in time (HPEXPIREAT), or as
// HDEL if that has passed; values travel as HSET. A replica of an older version so has the same fields, without their expiry.

import { fail } from '../errors.ts'
import { NO_EXPIRY } from '../keyspace/database.ts'
import type { NodeBytes } from '../store/nodes.ts'
import { createHashBuilder, hashCount, hashGet } from '../types/hash.ts'
import { TYPE_HASH } from '../types/value-type.ts'
import { expiryArgument, type TimeUnit, timeArgument, timeText } from './arguments.ts'
import type { Context } from './context.ts'
import { NOTIFY_GENERIC, NOTIFY_HASH } from './effects.ts'
import { type EntryRef, removeEntry } from './entry-ref.ts'
import { clearExpiryOf, expiryOf, hashToChange, setExpiryOf } from './hash-expiries.ts'
import { deleteField, setField } from './hash-fields.ts'
import { notifyKey, notifyNew, readKey } from './lookup.ts'
import { type ArgumentSpec, type CommandFlag, type CommandSpec, keyAt } from './spec.ts'

/** Where a value was found; used within one command only. */
const VALUE: NodeBytes = { bytes: Buffer.alloc(0), start: 0, end: 0 }
/** The latest expiry of a field, as in Redis: 2⁴⁶ − 1. */
const EXPIRY_MS_MAX = 2 ** 46 - 1

// What is said of a field.
const NO_FIELD = -2
const NO_TTL = -1
const NOT_MET = 0
const SET = 1
const DELETED = 2

// ---- arguments ----

/** The first of the fields behind FIELDS and their number, which stand at argument i; each is `width` arguments. */
function fieldsAt({ args }: Context, i: number, width = 1): number {
  if (!args.is(i, 'fields')) fail('fieldsMissing')
  const count = i + 1 < args.count ? args.int64(i + 1) : undefined
  if (count === undefined || count < 1n) fail('fieldsCount')
  if (BigInt(args.count - i - 2) !== count * BigInt(width)) fail('fieldsMismatch')
  return i + 2
}

/** Whether there is a field in argument i of a hash; its value is in VALUE then. */
function findField({ args, db }: Context, h: number, i: number): boolean {
  return h !== 0 && hashGet(db.source(h), args.buffer, args.start(i), args.end(i), VALUE)
}

function fieldOf({ args }: Context, i: number): [Uint8Array, number, number] {
  return [args.buffer, args.start(i), args.end(i)]
}

/** A point in time as Redis limits it. */
function fieldTime(ctx: Context, i: number, unit: TimeUnit, command: string): number {
  const n = ctx.args.int64(i) ?? fail('notInteger')
  if (n < 0n) fail('expireNegative')
  const atMs = timeArgument(ctx, i, unit, command)
  return atMs > EXPIRY_MS_MAX ? fail('invalidExpire', command) : atMs
}

// ---- HEXPIRE and its kin ----

const hexpire = (ctx: Context): void => expire(ctx, 'ex', 'hexpire')
const hpexpire = (ctx: Context): void => expire(ctx, 'px', 'hpexpire')
const hexpireat = (ctx: Context): void => expire(ctx, 'exat', 'hexpireat')
const hpexpireat = (ctx: Context): void => expire(ctx, 'pxat', 'hpexpireat')

type Condition = 'nx' | 'xx' | 'gt' | 'lt'
const CONDITIONS: readonly Condition[] = ['nx', 'xx', 'gt', 'lt']

/** Whether the expiry may change from one to the other; none, NaN, counts as later than any. */
function isMet(condition: Condition | undefined, beforeMs: number, afterMs: number): boolean {
  const had = !Number.isNaN(beforeMs)
  if (condition === 'nx') return !had
  if (condition === 'xx') return had
  if (condition === 'gt') return had && afterMs > beforeMs
  return condition !== 'lt' || !had || afterMs < beforeMs
}

function expire(ctx: Context, unit: TimeUnit, command: string): void {
  const { args, db, keyspace, reply } = ctx
  const condition = CONDITIONS.find((name) => args.is(3, name))
  const first = fieldsAt(ctx, condition === undefined ? 3 : 4)
  const atMs = fieldTime(ctx, 2, unit, command)
  const ref = { h: hashToChange(ctx) }
  const changes = new Changes(ctx, ref)
  reply.array(args.count - first)
  changes.run(first, 1, (i) => {
    if (!findField(ctx, ref.h, i)) reply.int(NO_FIELD)
    else if (!isMet(condition, expiryOf(keyspace, db, ref.h, ...fieldOf(ctx, i)), atMs)) reply.int(NOT_MET)
    else reply.int(changes.expire(i, atMs))
  })
}

/** What a command does to the expiries of a hash, field by field, and then says to replicas and listeners. */
class Changes {
  private readonly ctx: Context
  private readonly ref: EntryRef
  private readonly set: Buffer[] = []
  private readonly cleared: Buffer[] = []
  private readonly deleted: Buffer[] = []
  private atMs = 0

  constructor(ctx: Context, ref: EntryRef) {
    this.ctx = ctx
    this.ref = ref
  }

  /** Gives the field in argument i the expiry, or deletes it if that has passed; which of both. */
  expire(i: number, atMs: number): number {
    const { ctx, ref } = this
    if (atMs <= ctx.nowMs && ctx.keyspace.expiry === 'delete') {
      this.delete(i)
      return DELETED
    }
    setExpiryOf(ctx.keyspace, ctx.db, ref, ...fieldOf(ctx, i), atMs)
    this.atMs = atMs
    this.set.push(ctx.args.bytes(i))
    return SET
  }

  /** Takes the expiry of the field in argument i away; whether it had one. */
  persist(i: number): boolean {
    const { ctx, ref } = this
    if (!clearExpiryOf(ctx.keyspace, ctx.db, ref, ...fieldOf(ctx, i))) return false
    this.cleared.push(ctx.args.bytes(i))
    return true
  }

  /** Deletes the field in argument i, which is there. */
  delete(i: number): void {
    const { ctx, ref } = this
    deleteField(ctx.keyspace, ctx.db, ref, ...fieldOf(ctx, i))
    this.deleted.push(ctx.args.bytes(i))
    if (hashCount(ctx.db.source(ref.h)) === 0) removeEntry(ctx.db, ref)
  }

  /** Does `change` for every field from argument `first` on, and says what was done: all of it, or what there was until memory ended. */
  run(first: number, width: number, change: (i: number) => void): void {
    const { args } = this.ctx
    try {
      for (let i = first; i < args.count; i += width) change(i)
    } finally {
      this.tell()
    }
  }

  private tell(): void {
    const { ctx, ref, set, cleared, deleted } = this
    const { args, effects } = ctx
    effects.dirty += set.length + cleared.length + deleted.length
    const counted = (fields: readonly Buffer[]): (string | Buffer)[] => ['FIELDS', String(fields.length), ...fields]
    if (set.length > 0) {
      effects.replicateList(['HPEXPIREAT', args.bytes(1), timeText(this.atMs), ...counted(set)])
      notifyKey(ctx, NOTIFY_HASH, 'hexpire', 1)
    }
    if (cleared.length > 0) {
      effects.replicateList(['HPERSIST', args.bytes(1), ...counted(cleared)])
      notifyKey(ctx, NOTIFY_HASH, 'hpersist', 1)
    }
    if (deleted.length === 0) return
    effects.replicateList(['HDEL', args.bytes(1), ...deleted])
    notifyKey(ctx, NOTIFY_HASH, 'hdel', 1)
    if (ref.h === 0) notifyKey(ctx, NOTIFY_GENERIC, 'del', 1)
  }
}

function hpersist(ctx: Context): void {
  const { args, reply } = ctx
  const first = fieldsAt(ctx, 2)
  const ref = { h: hashToChange(ctx) }
  const changes = new Changes(ctx, ref)
  reply.array(args.count - first)
  changes.run(first, 1, (i) => {
    if (!findField(ctx, ref.h, i)) reply.int(NO_FIELD)
    else reply.int(changes.persist(i) ? SET : NO_TTL)
  })
}

const httl = (ctx: Context): void => replyTimes(ctx, (atMs) => Math.ceil(Math.max(0, atMs - ctx.nowMs) / 1000))
const hpttl = (ctx: Context): void => replyTimes(ctx, (atMs) => Math.max(0, atMs - ctx.nowMs))
const hexpiretime = (ctx: Context): void => replyTimes(ctx, (atMs) => Math.ceil(atMs / 1000))
const hpexpiretime = (ctx: Context): void => replyTimes(ctx, (atMs) => atMs)

/** Replies for each field -2 if there is none, -1 if it has no expiry, else the time that `shown` makes of it. */
function replyTimes(ctx: Context, shown: (atMs: number) => number): void {
  const { args, db, keyspace, reply } = ctx
  const first = fieldsAt(ctx, 2)
  const h = readKey(ctx, 1, TYPE_HASH)
  reply.array(args.count - first)
  for (let i = first; i < args.count; i++) {
    if (!findField(ctx, h, i)) {
      reply.int(NO_FIELD)
      continue
    }
    const atMs = expiryOf(keyspace, db, h, ...fieldOf(ctx, i))
    reply.int(Number.isNaN(atMs) ? NO_TTL : shown(atMs))
  }
}

// ---- HGETDEL, HGETEX, HSETEX ----

/** Replies the value of the field in argument i, or null; whether it is there. */
function replyValue(ctx: Context, h: number, i: number): boolean {
  const found = findField(ctx, h, i)
  if (found) ctx.reply.bulk(VALUE.bytes, VALUE.start, VALUE.end)
  else ctx.reply.null()
  return found
}

function hgetdel(ctx: Context): void {
  const { args, reply } = ctx
  const first = fieldsAt(ctx, 2)
  const ref = { h: hashToChange(ctx) }
  const changes = new Changes(ctx, ref)
  reply.array(args.count - first)
  changes.run(first, 1, (i) => {
    if (replyValue(ctx, ref.h, i)) changes.delete(i)
  })
}

const UNITS: readonly TimeUnit[] = ['ex', 'px', 'exat', 'pxat']

/** What stands before FIELDS. */
interface ExpiryOption {
  /** Where FIELDS is. */
  readonly next: number
  /** The expiry; undefined: none was given. */
  readonly atMs: number | undefined
  /** The word that may stand in its place did: PERSIST, KEEPTTL. */
  readonly instead: boolean
  /** FNX or FXX. */
  readonly condition: 'fnx' | 'fxx' | undefined
}

/** Reads the options from argument 2 on up to FIELDS. */
function optionsOf(ctx: Context, command: 'hgetex' | 'hsetex', instead: 'persist' | 'keepttl'): ExpiryOption {
  const { args } = ctx
  let condition: ExpiryOption['condition']
  let atMs: number | undefined
  let without = false
  let i = 2
  for (; i < args.count && !args.is(i, 'fields'); i++) {
    const unit = UNITS.find((name) => args.is(i, name))
    const named = (['fnx', 'fxx'] as const).find((name) => command === 'hsetex' && args.is(i, name))
    if (named !== undefined) {
      if (condition !== undefined) fail('hsetexConditions')
      condition = named
    } else if (unit === undefined && !args.is(i, instead)) {
      fail('fieldsMissing')
    } else {
      if (atMs !== undefined || without) fail(command === 'hgetex' ? 'hgetexOptions' : 'hsetexOptions')
      if (unit === undefined) without = true
      else {
        if (i + 1 === args.count) fail('syntax')
        atMs = expiryArgument(ctx, ++i, unit, command)
        if (atMs > EXPIRY_MS_MAX) fail('invalidExpire', command)
      }
    }
  }
  return { next: i, atMs, instead: without, condition }
}

function hgetex(ctx: Context): void {
  const { args, reply } = ctx
  const options = optionsOf(ctx, 'hgetex', 'persist')
  const first = fieldsAt(ctx, options.next)
  const ref = { h: hashToChange(ctx) }
  const changes = new Changes(ctx, ref)
  reply.array(args.count - first)
  changes.run(first, 1, (i) => {
    if (!replyValue(ctx, ref.h, i)) return
    if (options.atMs !== undefined) changes.expire(i, options.atMs)
    else if (options.instead) changes.persist(i)
  })
}

function hsetex(ctx: Context): void {
  const { args, reply } = ctx
  const options = optionsOf(ctx, 'hsetex', 'keepttl')
  const first = fieldsAt(ctx, options.next, 2)
  const ref = { h: hashToChange(ctx) }
  const wanted = options.condition === 'fxx'
  for (let i = first; options.condition !== undefined && i < args.count; i += 2) {
    if (findField(ctx, ref.h, i) !== wanted) return reply.int(0)
  }
  storePairs(ctx, ref, first, options.instead)
  const changes = new Changes(ctx, ref)
  changes.run(first, 2, (i) => {
    if (options.atMs !== undefined && findField(ctx, ref.h, i)) changes.expire(i, options.atMs)
  })
  reply.int(1)
}

/** Sets the fields and values from argument `first` on, and says so; what was set stays if memory ends before the last one. */
function storePairs(ctx: Context, ref: EntryRef, first: number, keepExpiry: boolean): void {
  const { args, db, keyspace, effects } = ctx
  const kept: [Buffer, number][] = []
  let i = first
  try {
    for (; i < args.count; i += 2) {
      if (ref.h === 0) {
        ref.h = createHash(ctx, i)
        continue
      }
      const atMs = expiryOf(keyspace, db, ref.h, ...fieldOf(ctx, i))
      setField(keyspace, db, ref, ...fieldOf(ctx, i), ...fieldOf(ctx, i + 1), keepExpiry)
      if (keepExpiry && !Number.isNaN(atMs)) kept.push([args.bytes(i), atMs])
    }
  } finally {
    const set = Array.from({ length: i - first }, (_, n) => args.bytes(first + n))
    if (set.length > 0) {
      effects.dirty += set.length / 2
      effects.replicateList(['HSET', args.bytes(1), ...set])
      for (const [field, atMs] of kept) {
        effects.replicate('HPEXPIREAT', args.bytes(1), timeText(atMs), 'FIELDS', '1', field)
      }
      notifyKey(ctx, NOTIFY_HASH, 'hset', 1)
    }
  }
}

/** A new hash of the field in argument i. */
function createHash(ctx: Context, i: number): number {
  const { args, db, keyspace } = ctx
  const builder = createHashBuilder(keyspace.nodes, keyspace.limits)
  builder.set(...fieldOf(ctx, i), ...fieldOf(ctx, i + 1))
  notifyNew(ctx, 1)
  return db.putBuilt(args.buffer, args.start(1), args.end(1), builder.finish(), NO_EXPIRY)
}

// ---- the rows ----

const KEY: ArgumentSpec = { name: 'key', type: 'key', keySpecIndex: 0 }
const FIELDS: ArgumentSpec = {
  name: 'fields',
  token: 'FIELDS',
  type: 'block',
  arguments: [
    { name: 'numfields', type: 'integer' },
    { name: 'field', type: 'string', multiple: true },
  ],
}
const PAIRS: ArgumentSpec = {
  name: 'fields',
  token: 'FIELDS',
  type: 'block',
  arguments: [
    { name: 'numfields', type: 'integer' },
    {
      name: 'data',
      type: 'block',
      multiple: true,
      arguments: [
        { name: 'field', type: 'string' },
        { name: 'value', type: 'string' },
      ],
    },
  ],
}
const CONDITION: ArgumentSpec = {
  name: 'condition',
  type: 'oneof',
  optional: true,
  arguments: CONDITIONS.map((name) => ({ name, type: 'pure-token', token: name.toUpperCase() })),
}
const times = (instead: string): ArgumentSpec => ({
  name: 'expiration',
  type: 'oneof',
  optional: true,
  arguments: [
    { name: 'seconds', type: 'integer', token: 'EX' },
    { name: 'milliseconds', type: 'integer', token: 'PX' },
    { name: 'unix-time-seconds', type: 'unix-time', token: 'EXAT' },
    { name: 'unix-time-milliseconds', type: 'unix-time', token: 'PXAT' },
    { name: instead.toLowerCase(), type: 'pure-token', token: instead },
  ],
})

const WRITE: readonly CommandFlag[] = ['write', 'fast']
const COMMON = { group: 'hash', complexity: 'O(N), N being the number of fields.' } as const

function setter(name: string, summary: string, time: ArgumentSpec, run: (ctx: Context) => void): CommandSpec {
  return {
    ...COMMON,
    name,
    summary,
    since: '7.4.0',
    arity: -6,
    flags: ['write', 'denyoom', 'fast'],
    keys: [keyAt(1, 'RW', 'update')],
    arguments: [KEY, time, CONDITION, FIELDS],
    run,
  }
}

function getter(name: string, summary: string, run: (ctx: Context) => void): CommandSpec {
  return {
    ...COMMON,
    name,
    summary,
    since: '7.4.0',
    arity: -5,
    flags: ['readonly', 'fast'],
    keys: [keyAt(1, 'RO', 'access')],
    arguments: [KEY, FIELDS],
    run,
  }
}

/** The hash family: expiry of fields. */
export const HASH_EXPIRE_COMMANDS: readonly CommandSpec[] = [
  setter('hexpire', 'Sets the time to live of fields in seconds.', { name: 'seconds', type: 'integer' }, hexpire),
  setter(
    'hpexpire',
    'Sets the time to live of fields in milliseconds.',
    { name: 'milliseconds', type: 'integer' },
    hpexpire,
  ),
  setter(
    'hexpireat',
    'Sets the Unix time in seconds at which fields expire.',
    { name: 'unix-time-seconds', type: 'unix-time' },
    hexpireat,
  ),
  setter(
    'hpexpireat',
    'Sets the Unix time in milliseconds at which fields expire.',
    { name: 'unix-time-milliseconds', type: 'unix-time' },
    hpexpireat,
  ),
  getter('httl', 'Returns the time to live of fields in seconds.', httl),
  getter('hpttl', 'Returns the time to live of fields in milliseconds.', hpttl),
  getter('hexpiretime', 'Returns the Unix time in seconds at which fields expire.', hexpiretime),
  getter('hpexpiretime', 'Returns the Unix time in milliseconds at which fields expire.', hpexpiretime),
  {
    ...COMMON,
    name: 'hpersist',
    summary: 'Takes the expiry of fields away.',
    since: '7.4.0',
    arity: -5,
    flags: WRITE,
    keys: [keyAt(1, 'RW', 'update')],
    arguments: [KEY, FIELDS],
    run: hpersist,
  },
  {
    ...COMMON,
    name: 'hgetdel',
    summary: 'Returns the values of fields and deletes them.',
    since: '8.0.0',
    arity: -5,
    flags: WRITE,
    keys: [keyAt(1, 'RW', 'access', 'delete')],
    arguments: [KEY, FIELDS],
    run: hgetdel,
  },
  {
    ...COMMON,
    name: 'hgetex',
    summary: 'Returns the values of fields, and sets their expiry or takes it away.',
    since: '8.0.0',
    arity: -5,
    flags: WRITE,
    keys: [keyAt(1, 'RW', 'access', 'update')],
    arguments: [KEY, times('PERSIST'), FIELDS],
    run: hgetex,
  },
  {
    ...COMMON,
    name: 'hsetex',
    summary: 'Sets fields, and their expiry.',
    since: '8.0.0',
    arity: -6,
    flags: ['write', 'denyoom', 'fast'],
    keys: [keyAt(1, 'RW', 'update')],
    arguments: [
      KEY,
      {
        name: 'condition',
        type: 'oneof',
        optional: true,
        arguments: [
          { name: 'fnx', type: 'pure-token', token: 'FNX' },
          { name: 'fxx', type: 'pure-token', token: 'FXX' },
        ],
      },
      times('KEEPTTL'),
      PAIRS,
    ],
    run: hsetex,
  },
]
