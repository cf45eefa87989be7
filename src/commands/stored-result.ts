// How a command stores what it has computed: in the key of argument 1, whatever was there before.

import { ANY_TYPE, NO_EXPIRY } from '../keyspace/database.ts'
import type { BuiltValue } from '../types/builder.ts'
import type { Context } from './context.ts'
import { NOTIFY_GENERIC } from './effects.ts'
import { keyToChange, notifyKey, notifyNew } from './lookup.ts'

/**
 * Stores a result in the key of argument `at` and publishes the event, of class `type`; a result without elements (undefined)
 * deletes the key.
 */
export function storeBuilt(ctx: Context, built: BuiltValue | undefined, type: number, event: string, at = 1): void {
  const { args, db, effects } = ctx
  const { buffer } = args
  const old = keyToChange(ctx, at, ANY_TYPE)
  if (built !== undefined) {
    if (old === 0) notifyNew(ctx, at)
    db.putBuilt(buffer, args.start(at), args.end(at), built, NO_EXPIRY)
    notifyKey(ctx, type, event, at)
    effects.dirty++
  } else if (old !== 0) {
    db.remove(old)
    notifyKey(ctx, NOTIFY_GENERIC, 'del', at)
    effects.dirty++
  }
}
