// How commands look up keys, with what a look-up brings about: statistics, the access clock, the event of a miss, and the error
// for a key of another type than the command is for. No command checks a type itself.

import { noteUse } from '../keyspace/uses.ts'
import type { Context } from './context.ts'
import { NOTIFY_KEY_MISS, NOTIFY_NEW } from './effects.ts'

/** The entry of the key in argument i, which the command reads; 0 if there is none. Throws WrongTypeError. */
export function readKey(ctx: Context, i: number, type: number): number {
  const { args, db } = ctx
  const h = db.read(args.buffer, args.start(i), args.end(i), type)
  if (h === 0) notifyMiss(ctx, i)
  return h
}

/** As `readKey`, but the access clock stays as it is: for commands that ask about a key, not for its value. */
export function inspectKey(ctx: Context, i: number): number {
  const { args, db, keyspace } = ctx
  const h = db.find(args.buffer, args.start(i), args.end(i))
  if (h !== 0) {
    keyspace.stats.hits++
    return h
  }
  keyspace.stats.misses++
  notifyMiss(ctx, i)
  return 0
}

/** The entry of the key in argument i, which the command is going to change; 0 if there is none. Not a read. Throws WrongTypeError. */
export function keyToChange(ctx: Context, i: number, type: number): number {
  const { args, db, keyspace } = ctx
  const h = db.find(args.buffer, args.start(i), args.end(i), type)
  if (h !== 0 && keyspace.touch) noteUse(keyspace, db, h)
  return h
}

/** Publishes an event about the key in argument i of this command's database. */
export function notifyKey(ctx: Context, type: number, event: string, i: number): void {
  const { args, effects } = ctx
  effects.notify(ctx.db.index, type, event, args.buffer, args.start(i), args.end(i))
}

/** Publishes that the key in argument i is about to be created. */
export function notifyNew(ctx: Context, i: number, db = ctx.db.index): void {
  const { args, effects } = ctx
  effects.notify(db, NOTIFY_NEW, 'new', args.buffer, args.start(i), args.end(i))
}

/** Publishes that the key in argument i was asked for and does not exist. */
export function notifyMiss(ctx: Context, i: number): void {
  if (ctx.effects.notifyMask !== 0) notifyKey(ctx, NOTIFY_KEY_MISS, 'keymiss', i)
}
