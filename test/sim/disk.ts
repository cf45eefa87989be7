// The disk of one simulated sentinel. What was synced survives a crash; of what was written since, a prefix does: the
// write may have been torn anywhere. Written as single operations in the order that Ready demands.
import type { Entry, HardState, Ready, Snapshot } from '../../src/raft/messages.ts'
import type { Persisted } from '../../src/raft/node.ts'
import type { World } from './world.ts'

interface Content {
  snapshot: Snapshot | undefined
  entries: Entry[]
  hardState: HardState | undefined
}

type Operation = (content: Content) => void

export interface Disk {
  write(ready: Ready): void
  /** The caller's own snapshot takes the place of the entries that it covers. */
  compact(snapshot: Snapshot): void
  sync(): void
  /** Power fails: a random prefix of what was not synced is there afterwards. */
  tear(world: World): void
  read(): Persisted
  /** Replaces the file by a fresh one, atomically (written beside it, synced, renamed). */
  rewrite(state: Required<Persisted>): void
}

const install = (snapshot: Snapshot): Operation => {
  return (content) => {
    content.snapshot = snapshot
  }
}

const append = (entry: Entry): Operation => {
  return (content) => {
    const first = content.entries[0]?.index ?? entry.index
    content.entries.length = Math.max(0, Math.min(content.entries.length, entry.index - first))
    content.entries.push(entry)
  }
}

const dropUpTo = (index: number): Operation => {
  return (content) => {
    content.entries = content.entries.filter((entry) => entry.index > index)
  }
}

export function createDisk(bootstrap: Snapshot | undefined): Disk {
  const durable: Content = { snapshot: bootstrap, entries: [], hardState: undefined }
  let pending: Operation[] = []
  const perform = (operations: readonly Operation[]): void => {
    for (const operation of operations) operation(durable)
  }
  return {
    write({ snapshot, entries, hardState }) {
      if (snapshot) pending.push(install(snapshot), dropUpTo(Infinity))
      for (const entry of entries) pending.push(append(entry))
      if (hardState) {
        pending.push((content) => {
          content.hardState = hardState
        })
      }
    },
    compact(snapshot) {
      pending.push(install(snapshot), dropUpTo(snapshot.index))
    },
    sync() {
      perform(pending)
      pending = []
    },
    tear(world) {
      perform(pending.slice(0, world.random.below(pending.length + 1)))
      pending = []
    },
    read() {
      const { snapshot, hardState, entries } = durable
      return {
        entries: [...entries],
        ...(snapshot ? { snapshot } : {}),
        ...(hardState ? { hardState } : {}),
      }
    },
    rewrite({ snapshot, entries, hardState }) {
      Object.assign(durable, { snapshot, entries: [...entries], hardState })
      pending = []
    },
  }
}
