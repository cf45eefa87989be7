// Sets: adding, removing, asking for members, moving one to another set.

import { dictScan } from '../store/dict.ts'
import type { NodeBytes } from '../store/nodes.ts'
import { setCount, setForEach, setHas } from '../types/set.ts'
import { TYPE_SET } from '../types/value-type.ts'
import { scanCollection } from './collection-scan.ts'
import type { Context } from './context.ts'
import { NOTIFY_GENERIC, NOTIFY_SET } from './effects.ts'
import { keyToChange, notifyKey, notifyNew, readKey } from './lookup.ts'
import { addMember, createSet, removeMember } from './set-members.ts'

// ---- reading ----

function isMember(ctx: Context, h: number, i: number): boolean {
  const { args, db } = ctx
  return h !== 0 && setHas(db.source(h), args.buffer, args.start(i), args.end(i))
}

export function sismember(ctx: Context): void {
  ctx.reply.int(isMember(ctx, readKey(ctx, 1, TYPE_SET), 2) ? 1 : 0)
}

export function smismember(ctx: Context): void {
  const { args, reply } = ctx
  const h = readKey(ctx, 1, TYPE_SET)
  reply.array(args.count - 2)
  for (let i = 2; i < args.count; i++) reply.int(isMember(ctx, h, i) ? 1 : 0)
}

export function scard(ctx: Context): void {
  const h = readKey(ctx, 1, TYPE_SET)
  ctx.reply.int(h === 0 ? 0 : setCount(ctx.db.source(h)))
}

export function smembers(ctx: Context): void {
  const { db, reply } = ctx
  const h = readKey(ctx, 1, TYPE_SET)
  reply.set(h === 0 ? 0 : setCount(db.source(h)))
  if (h !== 0) setForEach(db.source(h), ({ bytes, start, end }: NodeBytes) => reply.bulk(bytes, start, end))
}

export function sscan(ctx: Context): void {
  const { db, keyspace } = ctx
  scanCollection(ctx, TYPE_SET, false, (h, cursor, take) => {
    if (db.isParts(h)) return dictScan(keyspace.nodes, db.root(h), cursor, (member) => take(member))
    setForEach(db.source(h), take)
    return 0
  })
}

// ---- changing ----

export function sadd(ctx: Context): void {
  const { args, effects, reply } = ctx
  const h = keyToChange(ctx, 1, TYPE_SET)
  let added: number
  if (h === 0) {
    added = createSet(ctx, 1, 2, args.count)
    notifyNew(ctx, 1)
  } else added = addMembers(ctx, h)
  if (added > 0) notifyKey(ctx, NOTIFY_SET, 'sadd', 1)
  effects.dirty += added
  reply.int(added)
}

/** Adds the members that are asked for. What was added stays if the store is full before the last one, so that is what is replicated then. */
function addMembers(ctx: Context, h: number): number {
  const { args, db, keyspace } = ctx
  const ref = { h }
  let added = 0
  let i = 2
  try {
    for (; i < args.count; i++) if (addMember(keyspace, db, ref, args.buffer, args.start(i), args.end(i))) added++
  } catch (error) {
    if (added > 0) replicateUpTo(ctx, 'SADD', i)
    throw error
  }
  return added
}

/** Replicates the command with the members before argument `end` only. */
function replicateUpTo(ctx: Context, name: string, end: number): void {
  const { args, effects } = ctx
  effects.replicateList([name, ...Array.from({ length: end - 1 }, (_, done) => args.bytes(done + 1))])
}

export function srem(ctx: Context): void {
  const { args, db, effects, keyspace, reply } = ctx
  const h = keyToChange(ctx, 1, TYPE_SET)
  if (h === 0) return reply.int(0)
  const ref = { h }
  let removed = 0
  let i = 2
  try {
    for (; i < args.count && ref.h !== 0; i++) {
      if (removeMember(keyspace, db, ref, args.buffer, args.start(i), args.end(i))) removed++
    }
  } catch (error) {
    if (removed > 0) replicateUpTo(ctx, 'SREM', i)
    throw error
  }
  if (removed > 0) notifyKey(ctx, NOTIFY_SET, 'srem', 1)
  if (ref.h === 0) notifyKey(ctx, NOTIFY_GENERIC, 'del', 1)
  effects.dirty += removed
  reply.int(removed)
}

/** Adds to the one set before it removes from the other: if there is no memory for either, both stay as they were. */
export function smove(ctx: Context): void {
  const { args, db, effects, keyspace, reply } = ctx
  const { buffer } = args
  const [start, end] = [args.start(3), args.end(3)]
  // Both look-ups come before the types are looked at: a missing source is answered whatever the destination is.
  if (db.find(buffer, args.start(1), args.end(1)) === 0) return reply.int(0)
  const from = { h: keyToChange(ctx, 1, TYPE_SET) }
  const to = { h: keyToChange(ctx, 2, TYPE_SET) }
  if (!isMember(ctx, from.h, 3)) return reply.int(0)
  if (from.h === to.h) return reply.int(1)
  const isNew = to.h === 0
  const added = isNew ? createSet(ctx, 2, 3, 4) === 1 : addMember(keyspace, db, to, buffer, start, end)
  try {
    removeMember(keyspace, db, from, buffer, start, end)
  } catch (error) {
    if (isNew) to.h = keyToChange(ctx, 2, TYPE_SET)
    if (added) removeMember(keyspace, db, to, buffer, start, end)
    throw error
  }
  notifyKey(ctx, NOTIFY_SET, 'srem', 1)
  if (from.h === 0) notifyKey(ctx, NOTIFY_GENERIC, 'del', 1)
  if (isNew) notifyNew(ctx, 2)
  if (added) notifyKey(ctx, NOTIFY_SET, 'sadd', 2)
  effects.dirty += added ? 2 : 1
  reply.int(1)
}
