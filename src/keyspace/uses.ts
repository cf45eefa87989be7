// How much an entry is used, by its access clock: seconds since its last use, or how often it is used while that is counted
// (frequencies.ts). No change of the data: nobody is told of it.

import { assert } from '../lib/assert.ts'
import { CLOCK_MASK } from '../store/entry.ts'
import type { Database } from './database.ts'
import type { Keyspace } from './keyspace.ts'

/** Seconds since the entry was last touched; only while no frequencies are counted. */
export function idleSeconds(space: Keyspace, db: Database, h: number): number {
  return (space.clock - db.clock(h)) & CLOCK_MASK
}

/** How often the entry is used; only while frequencies are counted. */
export function frequencyOf(space: Keyspace, db: Database, h: number): number {
  assert(space.frequencies !== undefined, 'frequencies are counted')
  return space.frequencies.of(db.clock(h))
}

/** Notes a use of the entry. */
export function noteUse(space: Keyspace, db: Database, h: number): void {
  const { frequencies, clock } = space
  db.setClock(h, frequencies === undefined ? clock : frequencies.used(db.clock(h)))
}

/** Makes an entry look as used as it was elsewhere; -1 for what is not known. */
export function restoreUse(space: Keyspace, db: Database, h: number, idle: number, frequency: number): void {
  const { frequencies, clock } = space
  if (frequencies !== undefined && frequency >= 0) db.setClock(h, frequencies.clockOf(frequency))
  if (frequencies !== undefined || idle < 0) return
  db.setClock(h, (clock - Math.min(idle, CLOCK_MASK)) & CLOCK_MASK)
}
