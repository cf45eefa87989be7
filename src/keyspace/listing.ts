// Which tables an entry is in: that of its database, and that of the entries with an expiry if it has one. Nothing here allocates
// entries or releases them.

import { assert } from '../lib/assert.ts'
import { type Arena, SLAB_BITS, SLAB_MASK } from '../store/arena.ts'
import { entryMeta, HAS_EXPIRY } from '../store/entry.ts'
import type { Table } from '../store/table.ts'
import { type ByteRange, entryKey } from './blocks.ts'

/** The tables of a database. */
export interface EntryTables {
  readonly table: Table
  readonly expires: Table
}

/** Lists an entry under the key that the table's last lookup did not find. Throws ArenaFullError before any change. */
export function listEntry(arena: Arena, { table, expires }: EntryTables, h: number): void {
  const expiring = hasExpiry(arena, h)
  if (expiring) addExpiry(arena, expires, h)
  try {
    table.insert(h)
  } catch (error) {
    if (expiring) removeExpiry(expires, h)
    throw error
  }
}

/** Puts `h` in the place of `old`, which the table's last lookup found. Throws ArenaFullError before any change. */
export function relistEntry(arena: Arena, { table, expires }: EntryTables, old: number, h: number): void {
  const had = hasExpiry(arena, old)
  const has = hasExpiry(arena, h)
  if (had) {
    expires.seek(old)
    if (has) expires.replace(h)
    else expires.remove()
  } else if (has) {
    addExpiry(arena, expires, h)
  }
  table.replace(h)
}

/** Takes an entry out of the tables; its memory is the caller's to release. */
export function unlistEntry(arena: Arena, { table, expires }: EntryTables, h: number): void {
  table.seek(h)
  table.remove()
  if (hasExpiry(arena, h)) removeExpiry(expires, h)
}

function hasExpiry(arena: Arena, h: number): boolean {
  return (entryMeta(arena, h) & HAS_EXPIRY) !== 0
}

function addExpiry(arena: Arena, expires: Table, h: number): void {
  const { bytes, start, end } = entryKey(arena, h, KEY)
  const hash = arena.u32[h >>> SLAB_BITS][(h & SLAB_MASK) << 1]
  assert(expires.find(bytes, start, end, hash) === 0, 'a key has one expiry')
  expires.insert(h)
}

const KEY: ByteRange = { bytes: Buffer.alloc(0), start: 0, end: 0 }

function removeExpiry(expires: Table, h: number): void {
  expires.seek(h)
  expires.remove()
}
