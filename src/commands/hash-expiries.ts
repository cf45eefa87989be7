// How fields of a hash get an expiry, lose it, and go when their time is over: what the commands of hashes have in common about it.
//
// A field whose time is over is not seen by anybody (types/hash.ts). It is deleted by the server's housekeeping, or when somebody is about
// to change the hash, and replicas hear of it as HDEL, which every version of Redis knows.

import type { Database } from '../keyspace/database.ts'
import type { Keyspace } from '../keyspace/keyspace.ts'
import {
  attachExpiries,
  clearFieldExpiry,
  createExpiries,
  detachExpiries,
  dueCount,
  expiringDelete,
  expiryCount,
  fieldExpiry,
  releaseUnattached,
  setFieldExpiry,
  visitDue,
} from '../types/expiring-hash.ts'
import { HASH_EXPIRING, HASH_TABLE, hashTableOf } from '../types/hash.ts'
import { TYPE_HASH } from '../types/value-type.ts'
import type { Context } from './context.ts'
import { type Effects, NOTIFY_GENERIC, NOTIFY_HASH } from './effects.ts'
import { type EntryRef, removeEntry } from './entry-ref.ts'
import { keyToChange } from './lookup.ts'

/** Whether some field of the hash has an expiry. */
export function hasFieldExpiries(db: Database, h: number): boolean {
  return db.kind(h) === HASH_EXPIRING
}

/** The expiry of a field that is there; NaN if it has none. */
export function expiryOf(
  keyspace: Keyspace,
  db: Database,
  h: number,
  field: Uint8Array,
  start: number,
  end: number,
): number {
  return hasFieldExpiries(db, h) ? fieldExpiry(keyspace.nodes, db.root(h), field, start, end) : Number.NaN
}

/** Gives a field that is there an expiry. Throws ArenaFullError before any change. */
export function setExpiryOf(
  keyspace: Keyspace,
  db: Database,
  ref: EntryRef,
  field: Uint8Array,
  start: number,
  end: number,
  atMs: number,
): void {
  if (!hasFieldExpiries(db, ref.h)) makeExpiring(keyspace, db, ref)
  setFieldExpiry(keyspace.nodes, db.rootToChange(ref.h), field, start, end, atMs)
}

/** Takes the expiry of a field away; whether it had one. */
export function clearExpiryOf(
  keyspace: Keyspace,
  db: Database,
  ref: EntryRef,
  field: Uint8Array,
  start: number,
  end: number,
): boolean {
  if (Number.isNaN(expiryOf(keyspace, db, ref.h, field, start, end))) return false
  clearFieldExpiry(keyspace.nodes, db.rootToChange(ref.h), field, start, end)
  settle(keyspace, db, ref)
  return true
}

/** A hash of which no field has an expiry any more is an ordinary one again. */
export function settle({ nodes }: Keyspace, db: Database, ref: EntryRef): void {
  if (!hasFieldExpiries(db, ref.h) || expiryCount(nodes, db.root(ref.h)) > 0) return
  db.changeRoot(ref.h, HASH_TABLE, (root) => {
    detachExpiries(nodes, root)
    return root
  })
}

/** Makes it a hash of which fields may have an expiry. */
function makeExpiring({ nodes }: Keyspace, db: Database, ref: EntryRef): void {
  const expiries = createExpiries(nodes)
  let table = 0
  try {
    if (db.isParts(ref.h)) {
      return db.changeRoot(ref.h, HASH_EXPIRING, (root) => attachExpiries(nodes, root, expiries))
    }
    const { bytes, start } = db.value(ref.h)
    table = hashTableOf(nodes, bytes, start)
    table = attachExpiries(nodes, table, expiries)
    ref.h = db.toParts(ref.h, table, HASH_EXPIRING)
  } catch (error) {
    // Attached or not: the table's own nodes and those of the expiries are told apart.
    releaseUnattached(nodes, table, expiries)
    throw error
  }
}

/** The hash of argument 1, which the command is going to change; what is over in it is deleted before. 0 if there is none. */
export function hashToChange(ctx: Context): number {
  const h = keyToChange(ctx, 1, TYPE_HASH)
  if (h === 0 || !hasFieldExpiries(ctx.db, h)) return h
  const { keyspace } = ctx
  if (keyspace.expiry !== 'delete' || keyspace.paused) return h
  return expireFields(keyspace, ctx.db, h, ctx.effects, Number.POSITIVE_INFINITY)
}

/** Deletes up to `max` fields whose time is over. The entry, 0 if the hash went with its last field. */
export function expireFields(keyspace: Keyspace, db: Database, h: number, effects: Effects, max: number): number {
  const { nodes, nowMs, stats } = keyspace
  const count = Math.min(max, dueCount(nodes, db.root(h), nowMs))
  if (count === 0) return h
  const due: Buffer[] = []
  visitDue(nodes, db.root(h), count, ({ bytes, start, end }) => due.push(Buffer.from(bytes.subarray(start, end))))
  const key = db.keyCopy(h)
  const ref = { h }
  for (const field of due) expiringDelete(nodes, db.rootToChange(h), field, 0, field.length)
  stats.expiredFields += count
  effects.expiredFields.push({ db: db.index, argv: ['HDEL', key, ...due] })
  effects.notify(db.index, NOTIFY_HASH, 'hexpired', key)
  if (nodes.count(db.root(h)) > 0) settle(keyspace, db, ref)
  else {
    removeEntry(db, ref)
    effects.notify(db.index, NOTIFY_GENERIC, 'del', key)
  }
  return ref.h
}

/** Fields of one hash that are deleted at once, so that a large one does not hold up the rest. */
const FIELDS_AT_ONCE = 256

/**
 * Deletes fields of the hashes in the segment of the database that holds `hash`; the first hash of the next segment, or the same one if
 * there is more to do in this one.
 */
export function expireFieldsSegment(keyspace: Keyspace, db: Database, hash: number, effects: Effects): number {
  const { nodes, nowMs } = keyspace
  const due: number[] = []
  let again = false
  const next = db.fieldExpires.visitSegment(hash, (h) => {
    const count = dueCount(nodes, db.root(h), nowMs)
    if (count > 0) due.push(h)
    if (count > FIELDS_AT_ONCE) again = true
  })
  for (const h of due) expireFields(keyspace, db, h, effects, FIELDS_AT_ONCE)
  return again ? hash : next
}
