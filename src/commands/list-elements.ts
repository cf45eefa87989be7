// How lists are changed, in the encoding that they have: what their commands have in common. All changes go through the doors of
// the database, which tell snapshot and watchers. Bytes given must not lie in the list itself.

import { type Database, NO_EXPIRY } from '../keyspace/database.ts'
import type { Keyspace } from '../keyspace/keyspace.ts'
import {
  lpBytes,
  lpCount,
  lpDelete,
  lpElementBytes,
  lpEncodedBytes,
  lpEnd,
  lpInsert,
  lpReplace,
  lpSeek,
} from '../store/listpack.ts'
import {
  isLongElement,
  LIST_PAGE_BYTES_MAX,
  quicklistDelete,
  quicklistInsert,
  quicklistReplace,
} from '../store/quicklist.ts'
import { createListBuilder, LIST_LISTPACK, LIST_PARTS, listCount, listPartsOf, listpackTakes } from '../types/list.ts'
import type { Context } from './context.ts'
import { NOTIFY_GENERIC, NOTIFY_LIST } from './effects.ts'
import { type EntryRef, removeEntry, turnIntoParts } from './entry-ref.ts'
import { notifyKey, notifyNew } from './lookup.ts'

/** Puts an element before the one at `index`, or behind all. Throws ArenaFullError before any change. */
export function insertElement(
  keyspace: Keyspace,
  db: Database,
  ref: EntryRef,
  index: number,
  bytes: Uint8Array,
  start: number,
  end: number,
): void {
  if (!db.isParts(ref.h)) {
    const blob = db.value(ref.h)
    const used = lpBytes(blob.bytes, blob.start)
    const count = lpCount(blob.bytes, blob.start)
    if (listpackTakes(keyspace.limits, used, count, end - start)) {
      const p = index >= count ? lpEnd(blob.bytes, blob.start) : lpSeek(blob.bytes, blob.start, index)
      const offset = p - blob.start
      ref.h = db.resize(ref.h, used + lpEncodedBytes(bytes, start, end), LIST_LISTPACK)
      const to = db.value(ref.h)
      lpInsert(to.bytes, to.start, to.start + offset, bytes, start, end)
      return
    }
    convert(keyspace, db, ref)
  }
  const limit = keyspace.limits['list-max-listpack-size']
  quicklistInsert(keyspace.nodes, db.rootToChange(ref.h), limit, index, bytes, start, end)
}

/** Puts another element in the place of the one at `index`, which must be there. Throws ArenaFullError, with the list as it was. */
export function replaceElement(
  keyspace: Keyspace,
  db: Database,
  ref: EntryRef,
  index: number,
  bytes: Uint8Array,
  start: number,
  end: number,
): void {
  if (!db.isParts(ref.h)) {
    const blob = db.value(ref.h)
    const used = lpBytes(blob.bytes, blob.start)
    const p = lpSeek(blob.bytes, blob.start, index)
    const before = lpElementBytes(blob.bytes, p)
    const after = isLongElement(end - start) ? LIST_PAGE_BYTES_MAX : lpEncodedBytes(bytes, start, end)
    const length = used - before + after
    if (length <= LIST_PAGE_BYTES_MAX) {
      const offset = p - blob.start
      if (after > before) ref.h = db.resize(ref.h, length, LIST_LISTPACK)
      else db.mutate(ref.h, LIST_LISTPACK)
      const to = db.value(ref.h)
      lpReplace(to.bytes, to.start, to.start + offset, bytes, start, end)
      if (after < before) ref.h = db.resize(ref.h, length, LIST_LISTPACK)
      return
    }
    convert(keyspace, db, ref)
  }
  const limit = keyspace.limits['list-max-listpack-size']
  quicklistReplace(keyspace.nodes, db.rootToChange(ref.h), limit, index, bytes, start, end)
}

/** Removes `count` elements from index `from` on; there must be as many. A list without elements is removed, and the entry 0 then. */
export function removeElements(keyspace: Keyspace, db: Database, ref: EntryRef, from: number, count: number): void {
  if (count === 0) return
  if (count === listCount(db.source(ref.h))) {
    removeEntry(db, ref)
  } else if (db.isParts(ref.h)) {
    quicklistDelete(keyspace.nodes, db.rootToChange(ref.h), keyspace.limits['list-max-listpack-size'], from, count)
  } else {
    const { bytes, start } = db.value(ref.h)
    const p = lpSeek(bytes, start, from)
    db.mutate(ref.h, LIST_LISTPACK, p - start)
    lpDelete(bytes, start, p, count)
    ref.h = db.resize(ref.h, lpBytes(bytes, start), LIST_LISTPACK)
  }
}

function convert(keyspace: Keyspace, db: Database, ref: EntryRef): void {
  const { bytes, start } = db.value(ref.h)
  const root = listPartsOf(keyspace.nodes, bytes, start)
  turnIntoParts(keyspace, db, ref, root, LIST_PARTS)
}

/** Puts an element at the beginning or the end of the list in the key of argument i, whose entry is `ref`: 0 makes one. */
export function pushElement(
  ctx: Context,
  ref: EntryRef,
  i: number,
  left: boolean,
  bytes: Uint8Array,
  start: number,
  end: number,
): void {
  const { args, db, keyspace } = ctx
  if (ref.h !== 0) {
    return insertElement(keyspace, db, ref, left ? 0 : listCount(db.source(ref.h)), bytes, start, end)
  }
  const builder = createListBuilder(keyspace.nodes, keyspace.limits)
  builder.push(bytes, start, end)
  notifyNew(ctx, i)
  ref.h = db.putBuilt(args.buffer, args.start(i), args.end(i), builder.finish(), NO_EXPIRY)
}

/** Tells of elements that were removed from the list in the key of argument i, which may be gone by that. */
export function elementsRemoved(ctx: Context, ref: EntryRef, i: number, event: string, count: number): void {
  notifyKey(ctx, NOTIFY_LIST, event, i)
  if (ref.h === 0) notifyKey(ctx, NOTIFY_GENERIC, 'del', i)
  ctx.effects.dirty += count
}
