// Which tables an entry is in: that of its database, that of the entries with an expiry if it has one, and that of the hashes of which
// fields have one if it is such. Nothing here allocates entries or releases them.

import { assert } from '../lib/assert.ts'
import { type Arena, SLAB_BITS, SLAB_MASK } from '../store/arena.ts'
import { ENCODING_MASK, entryMeta, HAS_EXPIRY, TYPE_MASK } from '../store/entry.ts'
import { Table } from '../store/table.ts'
import { HASH_EXPIRING } from '../types/hash.ts'
import { type ByteRange, entryKey, kindOf, setKind, setValueWord } from './blocks.ts'

/** The tables of a database. */
export interface EntryTables {
  readonly table: Table
  readonly expires: Table
  readonly fieldExpires: Table
}

/** Lists an entry under the key that the table's last lookup did not find. Throws ArenaFullError before any change. */
export function listEntry(arena: Arena, { table, expires, fieldExpires }: EntryTables, h: number): void {
  const meta = entryMeta(arena, h)
  const expiring = hasExpiry(meta)
  const ofFields = hasFieldExpiries(meta)
  if (expiring) addTo(arena, expires, h)
  try {
    if (ofFields) addTo(arena, fieldExpires, h)
    table.insert(h)
  } catch (error) {
    if (expiring) removeFrom(expires, h)
    if (ofFields && isIn(arena, fieldExpires, h)) removeFrom(fieldExpires, h)
    throw error
  }
}

/** Puts `h` in the place of `old`, which the table's last lookup found. Throws ArenaFullError before any change. */
export function relistEntry(arena: Arena, { table, expires, fieldExpires }: EntryTables, old: number, h: number): void {
  const before = entryMeta(arena, old)
  const after = entryMeta(arena, h)
  relistIn(arena, expires, old, h, hasExpiry(before), hasExpiry(after))
  try {
    relistIn(arena, fieldExpires, old, h, hasFieldExpiries(before), hasFieldExpiries(after))
  } catch (error) {
    relistIn(arena, expires, h, old, hasExpiry(after), hasExpiry(before))
    throw error
  }
  table.replace(h)
}

/** Puts the handle to which an entry was moved in the place of its old one, of which nothing can be read any more. */
export function repointEntry(
  arena: Arena,
  { table, expires, fieldExpires }: EntryTables,
  old: number,
  h: number,
): void {
  const meta = entryMeta(arena, h)
  const hash = arena.u32[h >>> SLAB_BITS][(h & SLAB_MASK) << 1]
  table.repoint(hash, old, h)
  if (hasExpiry(meta)) expires.repoint(hash, old, h)
  if (hasFieldExpiries(meta)) fieldExpires.repoint(hash, old, h)
}

function relistIn(arena: Arena, table: Table, old: number, h: number, was: boolean, is: boolean): void {
  if (!was && is) addTo(arena, table, h)
  if (!was) return
  table.seek(old)
  if (is) table.replace(h)
  else table.remove()
}

/** Takes an entry out of the tables; its memory is the caller's to release. */
export function unlistEntry(arena: Arena, { table, expires, fieldExpires }: EntryTables, h: number): void {
  table.seek(h)
  table.remove()
  const meta = entryMeta(arena, h)
  if (hasExpiry(meta)) removeFrom(expires, h)
  if (hasFieldExpiries(meta)) removeFrom(fieldExpires, h)
}

/** Tables without entries. */
export function newTables(arena: Arena): EntryTables {
  return { table: new Table(arena), expires: new Table(arena), fieldExpires: new Table(arena) }
}

/**
 * Gives an entry another kind where it is, and what `change` returns as its value word. Throws ArenaFullError, as `change` may, before
 * any change.
 */
export function rekindEntry(arena: Arena, tables: EntryTables, h: number, kind: number, change: () => number): void {
  const before = kindOf(entryMeta(arena, h))
  relistByKind(arena, tables, h, kind)
  try {
    setValueWord(arena, h, change())
  } catch (error) {
    relistByKind(arena, tables, h, before)
    throw error
  }
}

function relistByKind(arena: Arena, { fieldExpires }: EntryTables, h: number, kind: number): void {
  const was = hasFieldExpiries(entryMeta(arena, h))
  const is = hasFieldExpiries(kind)
  if (!was && is) addTo(arena, fieldExpires, h)
  else if (was && !is) removeFrom(fieldExpires, h)
  setKind(arena, h, kind)
}

function hasExpiry(meta: number): boolean {
  return (meta & HAS_EXPIRY) !== 0
}

function hasFieldExpiries(meta: number): boolean {
  return (meta & (TYPE_MASK | ENCODING_MASK)) === HASH_EXPIRING
}

function addTo(arena: Arena, table: Table, h: number): void {
  assert(!isIn(arena, table, h), 'a key is in a table once')
  table.insert(h)
}

function isIn(arena: Arena, table: Table, h: number): boolean {
  const { bytes, start, end } = entryKey(arena, h, KEY)
  const hash = arena.u32[h >>> SLAB_BITS][(h & SLAB_MASK) << 1]
  return table.find(bytes, start, end, hash) !== 0
}

const KEY: ByteRange = { bytes: Buffer.alloc(0), start: 0, end: 0 }

function removeFrom(table: Table, h: number): void {
  table.seek(h)
  table.remove()
}
