// What connections and the backlog hold beside the data, for `used_memory` and `maxmemory`. Asking every connection is too much
// for each command, so the figures are taken ten times a second, and more often while the limit looks exceeded: nothing
// is evicted or refused for buffers that are gone.
//
// Invariant: asking takes a fixed small share of the time, however many connections there are.

import type { ClientRegistry } from '../facade/registry.ts'
import type { ServerReplication } from './parts.ts'

/** What is held beside the data. */
export interface HeldMemory {
  /** Bytes when last measured. */
  readonly allBytes: number
  /** Those of them that `maxmemory` limits: what waits for replicas is not, or the deletions of an eviction would cause the next. */
  readonly limitedBytes: number
  measure(): void
  /** Measures anew if that was long ago for somebody who is about to act on it. */
  refresh(): void
}

/** A measurement counts for so long, and for so much longer for each connection: about what asking it takes, a hundred times. */
const FRESH_MS = 1
const FRESH_MS_A_CONNECTION = 0.002

/** The figures of one server. */
export function createHeldMemory(
  clients: () => Pick<ClientRegistry, 'heldBytes' | 'size'>,
  replication: () => Pick<ServerReplication, 'heldBytes' | 'counters'>,
  monotonicMs: () => number,
): HeldMemory {
  let allBytes = 0
  let replicaBytes = 0
  let measuredMs = Number.NEGATIVE_INFINITY
  const measure = (): void => {
    const { heldBytes, counters } = replication()
    allBytes = clients().heldBytes + heldBytes
    replicaBytes = counters.replicaBufferBytes
    measuredMs = monotonicMs()
  }
  return {
    get allBytes() {
      return allBytes
    },
    get limitedBytes() {
      return Math.max(0, allBytes - replicaBytes)
    },
    measure,
    refresh() {
      if (monotonicMs() - measuredMs >= FRESH_MS + clients().size * FRESH_MS_A_CONNECTION) measure()
    },
  }
}
