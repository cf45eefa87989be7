// The generic family: expiry of keys. An expiry is replicated as a point in time, or as DEL if that has passed.

import { fail } from '../errors.ts'
import { ANY_TYPE, NO_EXPIRY } from '../keyspace/database.ts'
import { type TimeUnit, timeArgument, timeInteger, timeText } from './arguments.ts'
import type { Context } from './context.ts'
import { NOTIFY_GENERIC } from './effects.ts'
import { inspectKey, keyToChange, notifyKey } from './lookup.ts'
import { type ArgumentSpec, type CommandFlag, type CommandSpec, keyAt } from './spec.ts'

const expire = (ctx: Context): void => setExpiry(ctx, 'ex', 'expire')
const pexpire = (ctx: Context): void => setExpiry(ctx, 'px', 'pexpire')
const expireat = (ctx: Context): void => setExpiry(ctx, 'exat', 'expireat')
const pexpireat = (ctx: Context): void => setExpiry(ctx, 'pxat', 'pexpireat')

function setExpiry(ctx: Context, unit: TimeUnit, command: string): void {
  const { args, db, effects, reply } = ctx
  const condition = parseCondition(ctx)
  const atMs = timeArgument(ctx, 2, unit, command)
  const h = keyToChange(ctx, 1, ANY_TYPE)
  if (h === 0 || !isMet(condition, db.expiryMs(h), atMs)) return reply.int(0)
  reply.int(1)
  effects.dirty++
  if (atMs <= ctx.nowMs && ctx.keyspace.expiry === 'delete') {
    db.remove(h)
    effects.replicate('DEL', args.bytes(1))
    return notifyKey(ctx, NOTIFY_GENERIC, 'del', 1)
  }
  // A replica keeps a key whose time is over until its primary says DEL; 0 and less mean something else in the store.
  db.setExpiry(h, Math.max(1, atMs))
  effects.replicate('PEXPIREAT', args.bytes(1), timeText(atMs))
  notifyKey(ctx, NOTIFY_GENERIC, 'expire', 1)
}

interface Condition {
  nx: boolean
  xx: boolean
  gt: boolean
  lt: boolean
}

function parseCondition(ctx: Context): Condition {
  const { args } = ctx
  const condition: Condition = { nx: false, xx: false, gt: false, lt: false }
  for (let i = 3; i < args.count; i++) {
    if (args.is(i, 'nx')) condition.nx = true
    else if (args.is(i, 'xx')) condition.xx = true
    else if (args.is(i, 'gt')) condition.gt = true
    else if (args.is(i, 'lt')) condition.lt = true
    else fail('unsupportedOption', args.str(i))
  }
  const { nx, xx, gt, lt } = condition
  if (nx && (xx || gt || lt)) fail('expireOptionsNx')
  if (gt && lt) fail('expireOptionsGtLt')
  return condition
}

/** Whether the expiry may change from one to the other; no expiry counts as later than any. */
function isMet({ nx, xx, gt, lt }: Condition, beforeMs: number, afterMs: number): boolean {
  const had = beforeMs !== NO_EXPIRY
  if (nx) return !had
  if (xx && !had) return false
  if (gt) return had && afterMs > beforeMs
  return !lt || !had || afterMs < beforeMs
}

function persist(ctx: Context): void {
  const { db, effects, reply } = ctx
  const h = keyToChange(ctx, 1, ANY_TYPE)
  if (h === 0 || !db.hasExpiry(h)) return reply.int(0)
  db.setExpiry(h, NO_EXPIRY)
  effects.dirty++
  notifyKey(ctx, NOTIFY_GENERIC, 'persist', 1)
  reply.int(1)
}

const ttl = (ctx: Context): void => replyTime(ctx, 's', true)
const pttl = (ctx: Context): void => replyTime(ctx, 'ms', true)
const expiretime = (ctx: Context): void => replyTime(ctx, 's', false)
const pexpiretime = (ctx: Context): void => replyTime(ctx, 'ms', false)

/** Replies -2 if there is no key, -1 if it has no expiry, else the time left or the Unix time of the expiry. */
function replyTime(ctx: Context, unit: 's' | 'ms', relative: boolean): void {
  const { db, reply } = ctx
  const h = inspectKey(ctx, 1)
  if (h === 0) return reply.int(-2)
  if (!db.hasExpiry(h)) return reply.int(-1)
  const atMs = db.expiryMs(h)
  const ms = relative ? Math.max(0, atMs - ctx.nowMs) : atMs
  reply.int(timeInteger(unit === 'ms' ? ms : Math.floor((ms + 500) / 1000)))
}

const KEY: ArgumentSpec = { name: 'key', type: 'key', keySpecIndex: 0 }
const CONDITION: ArgumentSpec = {
  name: 'condition',
  type: 'oneof',
  since: '7.0.0',
  optional: true,
  arguments: [
    { name: 'nx', type: 'pure-token', token: 'NX' },
    { name: 'xx', type: 'pure-token', token: 'XX' },
    { name: 'gt', type: 'pure-token', token: 'GT' },
    { name: 'lt', type: 'pure-token', token: 'LT' },
  ],
}
const FLAGS: readonly CommandFlag[] = ['write', 'fast']

/** What the four commands that set an expiry have in common. */
function setter(name: string, since: string, summary: string, time: ArgumentSpec): Omit<CommandSpec, 'run'> {
  return {
    name,
    summary,
    since,
    group: 'generic',
    complexity: 'O(1)',
    arity: -3,
    flags: FLAGS,
    keys: [keyAt(1, 'RW', 'update')],
    arguments: [KEY, time, CONDITION],
    history: [['7.0.0', 'Options `NX`, `XX`, `GT` and `LT`.']],
  }
}

/** What the four commands that tell an expiry have in common. */
function getter(name: string, since: string, summary: string): Omit<CommandSpec, 'run'> {
  return {
    name,
    summary,
    since,
    group: 'generic',
    complexity: 'O(1)',
    arity: 2,
    flags: ['readonly', 'fast'],
    keys: [keyAt(1, 'RO', 'access')],
    arguments: [KEY],
  }
}

const SECONDS: ArgumentSpec = { name: 'seconds', type: 'integer' }
const MILLISECONDS: ArgumentSpec = { name: 'milliseconds', type: 'integer' }
const UNIX_SECONDS: ArgumentSpec = { name: 'unix-time-seconds', type: 'unix-time' }
const UNIX_MILLISECONDS: ArgumentSpec = { name: 'unix-time-milliseconds', type: 'unix-time' }
/** What TTL and PTTL reply depends on when they are asked. */
const LEFT: Pick<CommandSpec, 'tips' | 'history'> = {
  tips: ['nondeterministic_output'],
  history: [['2.8.0', 'Replies -2 if there is no such key.']],
}

/** The generic family: expiry. */
export const EXPIRE_COMMANDS: readonly CommandSpec[] = [
  { ...setter('expire', '1.0.0', 'Sets the time to live of a key in seconds.', SECONDS), run: expire },
  { ...setter('pexpire', '2.6.0', 'Sets the time to live of a key in milliseconds.', MILLISECONDS), run: pexpire },
  {
    ...setter('expireat', '1.2.0', 'Sets when a key expires, as a Unix time in seconds.', UNIX_SECONDS),
    run: expireat,
  },
  {
    ...setter('pexpireat', '2.6.0', 'Sets when a key expires, as a Unix time in milliseconds.', UNIX_MILLISECONDS),
    run: pexpireat,
  },
  { ...getter('ttl', '1.0.0', 'Tells the time to live of a key in seconds.'), ...LEFT, run: ttl },
  { ...getter('pttl', '2.6.0', 'Tells the time to live of a key in milliseconds.'), ...LEFT, run: pttl },
  { ...getter('expiretime', '7.0.0', 'Tells when a key expires, as a Unix time in seconds.'), run: expiretime },
  { ...getter('pexpiretime', '7.0.0', 'Tells when a key expires, as a Unix time in milliseconds.'), run: pexpiretime },
  {
    name: 'persist',
    summary: 'Removes the expiry of a key.',
    since: '2.2.0',
    group: 'generic',
    complexity: 'O(1)',
    arity: 2,
    flags: FLAGS,
    keys: [keyAt(1, 'RW', 'update')],
    arguments: [KEY],
    run: persist,
  },
]
