// The entry of a collection that is changed element by element. A change may move it, turn its blob into parts, or remove it with
// its last element; so what changes it holds a reference, and leaves in there where the entry is now.

import type { Database } from '../keyspace/database.ts'
import type { Keyspace } from '../keyspace/keyspace.ts'

/** An entry; 0 for none. */
export interface EntryRef {
  h: number
}

/** Puts parts in the place of the blob that they were made of. If that throws ArenaFullError they are given back. */
export function turnIntoParts(keyspace: Keyspace, db: Database, ref: EntryRef, root: number, kind: number): void {
  try {
    ref.h = db.toParts(ref.h, root, kind)
  } catch (error) {
    keyspace.releases.value(keyspace.nodes, kind, root)
    throw error
  }
}

/** Removes an entry whose last element goes. */
export function removeEntry(db: Database, ref: EntryRef): void {
  db.remove(ref.h)
  ref.h = 0
}
