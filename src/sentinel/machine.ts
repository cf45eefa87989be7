// What Raft is told of the state machine of a sentinel: what it understands, at which feature level, and which of its entries
// lead to an announcement. Invariant: what is understood here is applied alike by every version that has this level.
import { FIRST_LEVEL, type Machine } from '../raft/machine.ts'
import { decodeEntry, type Entry } from './entries.ts'
import { isOfLease } from './settings.ts'
import { decodeTopology } from './topology.ts'

/** The highest feature level that this version can apply. A kind of entry, or a meaning, that older versions lack needs the next. */
export const LEVEL_MAX = 2
/** The level from which on there are leases. */
export const LEASE_LEVEL = 2

export const MACHINE: Machine = {
  levelMax: LEVEL_MAX,
  levelOf(data) {
    const entry = decodeEntry(data)
    return entry && levelOf(entry)
  },
  canRestore: (data) => data.length === 0 || decodeTopology(data) !== undefined,
  // A primary that was announced must still be known after a crash: an announced epoch never falls.
  mustOutlastCrash: (data) => decodeEntry(data)?.kind === 'switch',
}

/** The first level that knows an entry. */
function levelOf(entry: Entry): number {
  if (entry.kind === 'lease' || (entry.kind === 'set' && isOfLease(entry.changes))) return LEASE_LEVEL
  if (entry.kind === 'start' && entry.lossAllowed === true) return LEASE_LEVEL
  return FIRST_LEVEL
}
