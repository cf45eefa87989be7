import { describe, expect, it } from 'vitest'
import { createHeldMemory } from '../../../src/server/held-memory.ts'

/** Held memory over figures that the test sets, and how often the connections were asked. */
function heldBy(size: number) {
  const now = { ms: 0, clients: 100, asked: 0 }
  const counters = {
    fullSyncs: 0,
    partialSyncs: 0,
    refusedPartialSyncs: 0,
    inputBytes: 0,
    outputBytes: 0,
    backlogBytes: 10,
    replicaBufferBytes: 40,
    replicaOutputBytes: 40,
    applyErrors: 0,
  }
  const clients = {
    size,
    get heldBytes() {
      now.asked++
      return now.clients
    },
  }
  const held = createHeldMemory(
    () => clients,
    () => ({ heldBytes: 10, counters }),
    () => now.ms,
  )
  return { now, held }
}

describe('what is held beside the data', () => {
  it('counts connections and backlog, and limits all but what waits for replicas', () => {
    const { held } = heldBy(1)
    held.measure()
    expect([held.allBytes, held.limitedBytes]).toEqual([110, 70])
  })

  it('is measured anew for who is about to act on it, but not by each command', () => {
    const { now, held } = heldBy(1000)
    held.measure()
    now.clients = 50
    now.ms = 2.9
    held.refresh()
    expect([held.allBytes, now.asked]).toEqual([110, 1])
    now.ms = 3
    held.refresh()
    held.refresh()
    expect([held.allBytes, now.asked]).toEqual([60, 2])
  })
})
