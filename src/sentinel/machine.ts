// What Raft is told of the state machine of a sentinel: what it understands, at which feature level, and which of its entries
// lead to an announcement. Invariant: what is understood here is applied alike by every version that has this level.
import type { Machine } from '../raft/machine.ts'
import { decodeEntry, entryLevel } from './entries.ts'
import { decodeTopology } from './topology.ts'

/**
 * The highest feature level that this version can apply. A kind of entry, or a meaning, that older versions lack needs the next.
 * 2: what is told of a failover (account.ts), a longer history, pauses, the interval between failovers.
 * 3: leases and what is set for them, failovers that may lose acknowledged writes of `sync` mode.
 * 4: renamed commands, replicas that are forgotten one by one (departed.ts).
 * 5: replicas whose copies count no more, before they are forgotten.
 */
export const LEVEL_MAX = 5
/** The level from which on there are leases. */
export const LEASE_LEVEL = 3
/** The level from which on a replica can be forgotten by itself. */
export const FORGET_LEVEL = 4
/** The level from which on the copies of a replica stop counting before it is forgotten. */
export const DISCOUNT_LEVEL = 5

export const MACHINE: Machine = {
  levelMax: LEVEL_MAX,
  levelOf(data) {
    const entry = decodeEntry(data)
    return entry && entryLevel(entry)
  },
  canRestore: (data) => data.length === 0 || decodeTopology(data) !== undefined,
  // A primary that was announced must still be known after a crash: an announced epoch never falls.
  mustOutlastCrash: (data) => decodeEntry(data)?.kind === 'switch',
}
