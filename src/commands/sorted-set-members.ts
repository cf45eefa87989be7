// How sorted sets are changed, in the encoding that they have: what their commands have in common. All changes go through the
// doors of the database, which tell snapshot and watchers.

import { type Database, NO_EXPIRY } from '../keyspace/database.ts'
import type { Keyspace } from '../keyspace/keyspace.ts'
import { lpBytes, lpCount, lpDelete, lpElementBytes, lpFind, lpFirst, lpNext, lpSeek, NONE } from '../store/listpack.ts'
import type { BuiltValue } from '../types/builder.ts'
import {
  createZsetBuilder,
  listpackInsert,
  listpackPairBytes,
  partsDelete,
  partsRemoveRange,
  partsSet,
  ZSET_LISTPACK,
  ZSET_PARTS,
  zsetCount,
  zsetFitsListpack,
  zsetPartsOf,
} from '../types/zset.ts'
import type { Context } from './context.ts'
import { NOTIFY_ZSET } from './effects.ts'
import { type EntryRef, removeEntry, turnIntoParts } from './entry-ref.ts'
import { notifyNew } from './lookup.ts'
import { storeBuilt } from './stored-result.ts'

/**
 * Sets the score of a member that has the score `before`, or adds it if that is NaN. Throws ArenaFullError before any
 * change.
 */
export function setMember(
  keyspace: Keyspace,
  db: Database,
  ref: EntryRef,
  bytes: Uint8Array,
  start: number,
  end: number,
  score: number,
  before: number,
): void {
  if (!db.isParts(ref.h)) {
    const blob = db.value(ref.h)
    const isNew = Number.isNaN(before)
    const p = isNew ? NONE : lpFind(blob.bytes, lpFirst(blob.bytes, blob.start), bytes, start, end, 1)
    if (p !== NONE || zsetFitsListpack(keyspace.limits, lpCount(blob.bytes, blob.start) / 2 + 1, end - start)) {
      return setInListpack(db, ref, p === NONE ? NONE : p - blob.start, bytes, start, end, score)
    }
    convert(keyspace, db, ref)
  }
  partsSet(keyspace.nodes, db.rootToChange(ref.h), bytes, start, end, score, before)
}

/** Puts a member where it belongs in a listpack, in the place of the one at offset `at` if that is not NONE. */
function setInListpack(
  db: Database,
  ref: EntryRef,
  at: number,
  bytes: Uint8Array,
  start: number,
  end: number,
  score: number,
): void {
  const before = db.value(ref.h)
  let more = listpackPairBytes(bytes, start, end, score)
  if (at !== NONE) {
    const p = before.start + at
    more -= lpElementBytes(before.bytes, p) + lpElementBytes(before.bytes, lpNext(before.bytes, p))
  }
  const length = lpBytes(before.bytes, before.start) + more
  if (more > 0) ref.h = db.resize(ref.h, length, ZSET_LISTPACK)
  else db.mutate(ref.h, ZSET_LISTPACK)
  const { bytes: b, start: first } = db.value(ref.h)
  if (at !== NONE) lpDelete(b, first, first + at, 2)
  listpackInsert(b, first, bytes, start, end, score)
  if (more < 0) ref.h = db.resize(ref.h, length, ZSET_LISTPACK)
}

function convert(keyspace: Keyspace, db: Database, ref: EntryRef): void {
  const { bytes, start } = db.value(ref.h)
  const root = zsetPartsOf(keyspace.nodes, bytes, start)
  turnIntoParts(keyspace, db, ref, root, ZSET_PARTS)
}

/** Removes a member; whether it was there. A set without members is removed, and the entry 0 then. */
export function removeMember(
  keyspace: Keyspace,
  db: Database,
  ref: EntryRef,
  bytes: Uint8Array,
  start: number,
  end: number,
): boolean {
  if (db.isParts(ref.h)) {
    if (!partsDelete(keyspace.nodes, db.rootToChange(ref.h), bytes, start, end)) return false
  } else {
    const { bytes: b, start: at } = db.value(ref.h)
    const p = lpFind(b, lpFirst(b, at), bytes, start, end, 1)
    if (p === NONE) return false
    deleteFromListpack(db, ref, p - at, 2)
  }
  removeIfEmpty(db, ref)
  return true
}

/** Removes `count` members from the rank `from` on; there must be as many. A set without members is removed, and the entry 0 then. */
export function removeRange(keyspace: Keyspace, db: Database, ref: EntryRef, from: number, count: number): void {
  if (count === zsetCount(db.source(ref.h))) {
    removeEntry(db, ref)
  } else if (db.isParts(ref.h)) {
    partsRemoveRange(keyspace.nodes, db.rootToChange(ref.h), from, count)
  } else {
    const { bytes, start } = db.value(ref.h)
    deleteFromListpack(db, ref, lpSeek(bytes, start, 2 * from) - start, 2 * count)
  }
}

function deleteFromListpack(db: Database, ref: EntryRef, offset: number, elements: number): void {
  const { bytes, start } = db.value(ref.h)
  // The header, in front, says how much there is: it changes too.
  db.mutate(ref.h, ZSET_LISTPACK)
  lpDelete(bytes, start, start + offset, elements)
  ref.h = db.resize(ref.h, lpBytes(bytes, start), ZSET_LISTPACK)
}

function removeIfEmpty(db: Database, ref: EntryRef): void {
  if (zsetCount(db.source(ref.h)) > 0) return
  removeEntry(db, ref)
}

/** A new sorted set of one member in the key of argument 1; its entry. */
export function createZset(ctx: Context, bytes: Uint8Array, start: number, end: number, score: number): number {
  const { args, db, keyspace } = ctx
  const builder = createZsetBuilder(keyspace.nodes, keyspace.limits)
  builder.set(bytes, start, end, score)
  notifyNew(ctx, 1)
  return db.putBuilt(args.buffer, args.start(1), args.end(1), builder.finish(), NO_EXPIRY)
}

/** Stores a result in the key of argument 1, whatever was there; a result without members (undefined) deletes it. */
export function storeResult(ctx: Context, built: BuiltValue | undefined, event: string): void {
  storeBuilt(ctx, built, NOTIFY_ZSET, event)
}
