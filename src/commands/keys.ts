// The generic family: commands on whole keys of any type.

import { fail } from '../errors.ts'
import { ANY_TYPE, type Database } from '../keyspace/database.ts'
import { noteUse } from '../keyspace/uses.ts'
import { databaseArgument } from './arguments.ts'
import type { Context } from './context.ts'
import { NOTIFY_GENERIC } from './effects.ts'
import { inspectKey, keyToChange, notifyKey, notifyNew, readKey } from './lookup.ts'
import { type ArgumentSpec, type CommandSpec, keyAt, keysFrom } from './spec.ts'

function del(ctx: Context): void {
  const { args, db, effects, reply } = ctx
  let removed = 0
  for (let i = 1; i < args.count; i++) {
    const h = db.find(args.buffer, args.start(i), args.end(i))
    if (h === 0) continue
    db.remove(h)
    notifyKey(ctx, NOTIFY_GENERIC, 'del', i)
    removed++
  }
  effects.dirty += removed
  reply.int(removed)
}

function exists(ctx: Context): void {
  let found = 0
  for (let i = 1; i < ctx.args.count; i++) if (inspectKey(ctx, i) !== 0) found++
  ctx.reply.int(found)
}

function touch(ctx: Context): void {
  const { args, db, keyspace, reply } = ctx
  let found = 0
  for (let i = 1; i < args.count; i++) {
    const h = readKey(ctx, i, ANY_TYPE)
    if (h === 0) continue
    // Also for a client that said CLIENT NO-TOUCH: this is what the command is for.
    if (!keyspace.touch) noteUse(keyspace, db, h)
    found++
  }
  reply.int(found)
}

function type(ctx: Context): void {
  const h = inspectKey(ctx, 1)
  ctx.reply.simple(h === 0 ? 'none' : ctx.db.valueType(h).name)
}

function rename(ctx: Context): void {
  renameKey(ctx, false)
  ctx.reply.ok()
}

function renamenx(ctx: Context): void {
  ctx.reply.int(renameKey(ctx, true) ? 1 : 0)
}

/** Renames the key in argument 1 to that in argument 2; false if `onlyNew` and there is such a key already. */
function renameKey(ctx: Context, onlyNew: boolean): boolean {
  const { args, db, effects } = ctx
  const { buffer } = args
  const h = keyToChange(ctx, 1, ANY_TYPE)
  if (h === 0) fail('noSuchKey')
  if (sameKey(ctx)) return !onlyNew
  if (db.find(buffer, args.start(2), args.end(2)) !== 0 && onlyNew) return false
  notifyNew(ctx, 2)
  db.moveTo(h, db, buffer, args.start(2), args.end(2))
  effects.dirty++
  notifyKey(ctx, NOTIFY_GENERIC, 'rename_from', 1)
  notifyKey(ctx, NOTIFY_GENERIC, 'rename_to', 2)
  return true
}

/** Whether the arguments 1 and 2 are the same key. */
function sameKey(ctx: Context): boolean {
  return ctx.args.bytes(1).equals(ctx.args.bytes(2))
}

function copy(ctx: Context): void {
  const { args, db, effects, reply } = ctx
  const { buffer } = args
  const { target, replace } = copyOptions(ctx)
  if (target === db && sameKey(ctx)) fail('sameObject')
  const h = readKey(ctx, 1, ANY_TYPE)
  if (h === 0) return reply.int(0)
  if (target.find(buffer, args.start(2), args.end(2)) !== 0 && !replace) return reply.int(0)
  notifyNew(ctx, 2, target.index)
  db.copyTo(h, target, buffer, args.start(2), args.end(2))
  effects.dirty++
  effects.notify(target.index, NOTIFY_GENERIC, 'copy_to', buffer, args.start(2), args.end(2))
  reply.int(1)
}

function copyOptions(ctx: Context): { target: Database; replace: boolean } {
  const { args } = ctx
  let target = ctx.db
  let replace = false
  for (let i = 3; i < args.count; i++) {
    if (args.is(i, 'replace')) replace = true
    else if (args.is(i, 'db') && i + 1 < args.count) target = databaseArgument(ctx, ++i)
    else fail('syntax')
  }
  return { target, replace }
}

function move(ctx: Context): void {
  const { args, db, effects, reply } = ctx
  const { buffer } = args
  const target = databaseArgument(ctx, 2)
  if (target === db) fail('sameObject')
  const h = keyToChange(ctx, 1, ANY_TYPE)
  if (h === 0 || target.find(buffer, args.start(1), args.end(1)) !== 0) return reply.int(0)
  notifyNew(ctx, 1, target.index)
  db.moveTo(h, target, buffer, args.start(1), args.end(1))
  effects.dirty++
  notifyKey(ctx, NOTIFY_GENERIC, 'move_from', 1)
  effects.notify(target.index, NOTIFY_GENERIC, 'move_to', buffer, args.start(1), args.end(1))
  reply.int(1)
}

const KEY: ArgumentSpec = { name: 'key', type: 'key', keySpecIndex: 0 }
const KEYS: readonly ArgumentSpec[] = [{ ...KEY, multiple: true }]
const COUNTED_OVER_SHARDS = ['request_policy:multi_shard', 'response_policy:agg_sum']

/** The generic family: whole keys. */
export const KEYS_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'del',
    summary: 'Deletes keys.',
    since: '1.0.0',
    group: 'generic',
    complexity: 'O(N), N being the number of keys.',
    arity: -2,
    flags: ['write'],
    keys: [keysFrom(1, 1, 'RM', 'delete')],
    tips: COUNTED_OVER_SHARDS,
    arguments: KEYS,
    run: del,
  },
  {
    name: 'unlink',
    summary: 'Deletes keys, as DEL does.',
    since: '4.0.0',
    group: 'generic',
    complexity: 'O(N), N being the number of keys.',
    arity: -2,
    flags: ['write', 'fast'],
    keys: [keysFrom(1, 1, 'RM', 'delete')],
    tips: COUNTED_OVER_SHARDS,
    arguments: KEYS,
    run: del,
  },
  {
    name: 'exists',
    summary: 'Counts those of the keys that exist; a key given twice counts twice.',
    since: '1.0.0',
    group: 'generic',
    complexity: 'O(N), N being the number of keys.',
    arity: -2,
    flags: ['readonly', 'fast'],
    keys: [keysFrom(1, 1, 'RO')],
    tips: COUNTED_OVER_SHARDS,
    arguments: KEYS,
    history: [['3.0.3', 'Takes several keys.']],
    run: exists,
  },
  {
    name: 'type',
    summary: 'Tells the type of the value of a key.',
    since: '1.0.0',
    group: 'generic',
    complexity: 'O(1)',
    arity: 2,
    flags: ['readonly', 'fast'],
    keys: [keyAt(1, 'RO')],
    arguments: [KEY],
    run: type,
  },
  {
    name: 'touch',
    summary: 'Marks keys as used just now; counts those that exist.',
    since: '3.2.1',
    group: 'generic',
    complexity: 'O(N), N being the number of keys.',
    arity: -2,
    flags: ['readonly', 'fast'],
    keys: [keysFrom(1, 1, 'RO')],
    tips: COUNTED_OVER_SHARDS,
    arguments: KEYS,
    run: touch,
  },
  {
    name: 'rename',
    summary: 'Renames a key, in place of any key that had the new name.',
    since: '1.0.0',
    group: 'generic',
    complexity: 'O(1)',
    arity: 3,
    flags: ['write'],
    keys: [keyAt(1, 'RW', 'access', 'delete'), keyAt(2, 'OW', 'update')],
    arguments: [KEY, { name: 'newkey', type: 'key', keySpecIndex: 1 }],
    run: rename,
  },
  {
    name: 'renamenx',
    summary: 'Renames a key, unless there is a key with the new name.',
    since: '1.0.0',
    group: 'generic',
    complexity: 'O(1)',
    arity: 3,
    flags: ['write', 'fast'],
    keys: [keyAt(1, 'RW', 'access', 'delete'), keyAt(2, 'OW', 'insert')],
    arguments: [KEY, { name: 'newkey', type: 'key', keySpecIndex: 1 }],
    history: [['3.2.0', 'Two equal names are no error any more.']],
    run: renamenx,
  },
  {
    name: 'copy',
    summary: 'Copies the value and the expiry of a key to another key.',
    since: '6.2.0',
    group: 'generic',
    complexity: 'O(N), N being the size of the value.',
    arity: -3,
    flags: ['write', 'denyoom'],
    keys: [keyAt(1, 'RO', 'access'), keyAt(2, 'OW', 'update')],
    arguments: [
      { name: 'source', type: 'key', keySpecIndex: 0 },
      { name: 'destination', type: 'key', keySpecIndex: 1 },
      { name: 'destination-db', type: 'integer', token: 'DB', optional: true },
      { name: 'replace', type: 'pure-token', token: 'REPLACE', optional: true },
    ],
    run: copy,
  },
  {
    name: 'move',
    summary: 'Moves a key to another database.',
    since: '1.0.0',
    group: 'generic',
    complexity: 'O(1)',
    arity: 3,
    flags: ['write', 'fast'],
    keys: [keyAt(1, 'RW', 'access', 'update')],
    arguments: [KEY, { name: 'db', type: 'integer' }],
    run: move,
  },
]
