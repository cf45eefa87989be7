// How sets are changed, in the encoding that they have: what their commands have in common. All changes go through the doors
// of the database, which tell snapshot and watchers.

import { type Database, NO_EXPIRY } from '../keyspace/database.ts'
import type { Keyspace } from '../keyspace/keyspace.ts'
import { type Int64, parseInt64Words } from '../lib/int64.ts'
import { dictDelete, dictHas, dictHash, dictSet } from '../store/dict.ts'
import {
  intsetBytes,
  intsetBytesWith,
  intsetInsert,
  intsetLength,
  intsetRemove,
  intsetSearch,
} from '../store/intset.ts'
import {
  createSetBuilder,
  intsetFind,
  SET_INTSET,
  SET_TABLE,
  setCount,
  setFitsIntset,
  setTableOf,
} from '../types/set.ts'
import type { Context } from './context.ts'
import { type EntryRef, removeEntry, turnIntoParts } from './entry-ref.ts'

const NUMBER: Int64 = { high: 0, low: 0 }
const NO_VALUE = Buffer.alloc(0)

/** Adds a member; whether it is new. Throws ArenaFullError before any change that shows. */
export function addMember(
  keyspace: Keyspace,
  db: Database,
  ref: EntryRef,
  bytes: Uint8Array,
  start: number,
  end: number,
): boolean {
  if (!db.isParts(ref.h)) {
    if (parseInt64Words(bytes, start, end, NUMBER)) {
      const { bytes: b, start: at } = db.value(ref.h)
      const { high, low } = NUMBER
      const index = intsetSearch(b, at, high, low)
      if (index >= 0) return false
      if (setFitsIntset(keyspace.limits, intsetLength(b, at) + 1)) {
        ref.h = db.resize(ref.h, intsetBytesWith(b, at, high, low), SET_INTSET, 0)
        const grown = db.value(ref.h)
        intsetInsert(grown.bytes, grown.start, -1 - index, high, low)
        return true
      }
    }
    convert(keyspace, db, ref)
  }
  const { nodes } = keyspace
  const hash = dictHash(nodes, bytes, start, end)
  if (dictHas(nodes, db.root(ref.h), bytes, start, end, hash)) return false
  return dictSet(nodes, db.rootToChange(ref.h), bytes, start, end, NO_VALUE, 0, 0, hash)
}

function convert(keyspace: Keyspace, db: Database, ref: EntryRef): void {
  const { bytes, start } = db.value(ref.h)
  const root = setTableOf(keyspace.nodes, bytes, start)
  turnIntoParts(keyspace, db, ref, root, SET_TABLE)
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
    if (!dictHas(keyspace.nodes, db.root(ref.h), bytes, start, end)) return false
    dictDelete(keyspace.nodes, db.rootToChange(ref.h), bytes, start, end)
  } else {
    const { bytes: b, start: at } = db.value(ref.h)
    const index = intsetFind(b, at, bytes, start, end)
    if (index < 0) return false
    db.mutate(ref.h, SET_INTSET)
    intsetRemove(b, at, index)
    const length = intsetBytes(b, at)
    ref.h = db.resize(ref.h, length, SET_INTSET, length, length)
  }
  if (setCount(db.source(ref.h)) > 0) return true
  removeEntry(db, ref)
  return true
}

/** A new set in the key of argument `key`, of the members in arguments [from, to); how many there are. Throws ArenaFullError. */
export function createSet(ctx: Context, key: number, from: number, to: number): number {
  const { args, db, keyspace } = ctx
  const { buffer } = args
  const builder = createSetBuilder(keyspace.nodes, keyspace.limits)
  try {
    for (let i = from; i < to; i++) builder.add(buffer, args.start(i), args.end(i))
  } catch (error) {
    builder.abandon()
    throw error
  }
  const added = builder.count()
  db.putBuilt(buffer, args.start(key), args.end(key), builder.finish(), NO_EXPIRY)
  return added
}
