// How fields of a hash are changed, in the encoding that it has: what the commands of hashes have in common. All changes go
// through the doors of the database, which tell snapshot and watchers.

import type { Database } from '../keyspace/database.ts'
import type { Keyspace } from '../keyspace/keyspace.ts'
import { dictDelete, dictSet } from '../store/dict.ts'
import {
  lpAppend,
  lpBytes,
  lpCount,
  lpDelete,
  lpElementBytes,
  lpEncodedBytes,
  lpFind,
  lpFirst,
  lpNext,
  lpReplace,
  NONE,
} from '../store/listpack.ts'
import { HASH_LISTPACK, HASH_TABLE, hashFitsListpack, hashTableOf } from '../types/hash.ts'
import { type EntryRef, turnIntoParts } from './entry-ref.ts'
import { clearExpiryOf } from './hash-expiries.ts'

/**
 * Sets a field of a hash; whether it is new. Its expiry goes, unless `keepExpiry`. Throws ArenaFullError before any change of the
 * value.
 */
export function setField(
  keyspace: Keyspace,
  db: Database,
  ref: EntryRef,
  field: Uint8Array,
  fieldStart: number,
  fieldEnd: number,
  value: Uint8Array,
  valueStart: number,
  valueEnd: number,
  keepExpiry = false,
): boolean {
  if (!db.isParts(ref.h)) {
    const { bytes, start } = db.value(ref.h)
    const p = lpFind(bytes, lpFirst(bytes, start), field, fieldStart, fieldEnd, 1)
    const fields = lpCount(bytes, start) / 2 + (p === NONE ? 1 : 0)
    const longest = Math.max(fieldEnd - fieldStart, valueEnd - valueStart)
    if (hashFitsListpack(keyspace.limits, fields, longest)) {
      if (p !== NONE) replaceValue(db, ref, lpNext(bytes, p) - start, value, valueStart, valueEnd)
      else appendField(db, ref, field, fieldStart, fieldEnd, value, valueStart, valueEnd)
      return p === NONE
    }
    convert(keyspace, db, ref)
  }
  if (!keepExpiry) clearExpiryOf(keyspace, db, ref, field, fieldStart, fieldEnd)
  const root = db.rootToChange(ref.h)
  return dictSet(keyspace.nodes, root, field, fieldStart, fieldEnd, value, valueStart, valueEnd)
}

/** Removes a field of a hash; whether it was there. A hash without fields is the caller's to remove. */
export function deleteField(
  keyspace: Keyspace,
  db: Database,
  ref: EntryRef,
  field: Uint8Array,
  start: number,
  end: number,
): boolean {
  if (db.isParts(ref.h)) {
    clearExpiryOf(keyspace, db, ref, field, start, end)
    return dictDelete(keyspace.nodes, db.rootToChange(ref.h), field, start, end)
  }
  const blob = db.value(ref.h)
  const p = lpFind(blob.bytes, lpFirst(blob.bytes, blob.start), field, start, end, 1)
  if (p === NONE) return false
  const at = blob.start
  // The header, in front, says how much there is: it changes too.
  db.mutate(ref.h, HASH_LISTPACK)
  lpDelete(blob.bytes, at, p, 2)
  ref.h = db.resize(ref.h, lpBytes(blob.bytes, at), HASH_LISTPACK)
  return true
}

/** Puts another value at offset `at` of a listpack. */
function replaceValue(
  db: Database,
  ref: EntryRef,
  at: number,
  value: Uint8Array,
  valueStart: number,
  valueEnd: number,
): void {
  const blob = db.value(ref.h)
  const before = lpElementBytes(blob.bytes, blob.start + at)
  const after = lpEncodedBytes(value, valueStart, valueEnd)
  const length = lpBytes(blob.bytes, blob.start) + after - before
  if (after > before) ref.h = db.resize(ref.h, length, HASH_LISTPACK, 0, length)
  else db.mutate(ref.h, HASH_LISTPACK)
  const { bytes, start } = db.value(ref.h)
  lpReplace(bytes, start, start + at, value, valueStart, valueEnd)
  if (after < before) ref.h = db.resize(ref.h, length, HASH_LISTPACK)
}

function appendField(
  db: Database,
  ref: EntryRef,
  field: Uint8Array,
  fieldStart: number,
  fieldEnd: number,
  value: Uint8Array,
  valueStart: number,
  valueEnd: number,
): void {
  const blob = db.value(ref.h)
  const length =
    lpBytes(blob.bytes, blob.start) +
    lpEncodedBytes(field, fieldStart, fieldEnd) +
    lpEncodedBytes(value, valueStart, valueEnd)
  ref.h = db.resize(ref.h, length, HASH_LISTPACK)
  const { bytes, start } = db.value(ref.h)
  lpAppend(bytes, start, field, fieldStart, fieldEnd)
  lpAppend(bytes, start, value, valueStart, valueEnd)
}

function convert(keyspace: Keyspace, db: Database, ref: EntryRef): void {
  const { bytes, start } = db.value(ref.h)
  const root = hashTableOf(keyspace.nodes, bytes, start)
  turnIntoParts(keyspace, db, ref, root, HASH_TABLE)
}
