// Replicas that are gone for good: when they are forgotten, and when not.
import { describe, expect, it } from 'vitest'
import { addressKey } from '../../../src/sentinel/address.ts'
import { type Entry, encodeEntry } from '../../../src/sentinel/entries.ts'
import { at, createWorld, type World } from './world.ts'

const TIMEOUT = { deadReplicaMs: 5_000 }
const ready = (...given: Parameters<typeof createWorld>): World => {
  const world = createWorld(...given)
  world.run(2_000)
  return world
}
const replicas = (world: World, sentinel = 'a'): number[] =>
  world.sentinels
    .get(sentinel)!
    .core.state.topology.groups.get('m')!
    .replicas.map(({ port }) => port)
const watched = (world: World, sentinel: string): string[] => [
  ...world.sentinels.get(sentinel)!.core.state.groups.get('m')!.servers.keys(),
]

describe('SENTINEL RESET while a replica does not answer', () => {
  const afterReset = (writeMode: 'lease' | 'sync'): World => {
    const world = ready()
    const settings = { writeMode, leaseMs: 1_000, syncReplicas: 1 }
    const lease: Entry = { kind: 'lease', group: 'm', key: 'a'.repeat(64), settings }
    for (const { core } of world.sentinels.values())
      core.step(world.nowMs, { type: 'committed', data: encodeEntry(lease) })
    world.kill(at(3))
    world.run(500)
    world.request('a', { type: 'request', id: 1, request: { kind: 'reset', groups: ['m'] } })
    world.run(500)
    return world
  }

  it('forgets it', () => {
    expect(replicas(afterReset('lease'))).toEqual([2])
  })

  // The simulator found it: its copies counted while nobody knew of it, and a write that it alone had was lost.
  it('makes its copies count no more in sync mode, and waits with forgetting it', () => {
    const world = afterReset('sync')
    expect(replicas(world)).toEqual([2, 3])
    const { discounted } = world.sentinels.get('b')!.core.state.topology.groups.get('m')!
    expect(discounted).toEqual([at(3)])
  })
})

describe('a replica that is gone', () => {
  it('is forgotten by all sentinels after the time that is set, and no earlier', () => {
    const world = ready(TIMEOUT)
    world.kill(at(3))
    world.run(4_500)
    expect(replicas(world)).toEqual([2, 3])
    world.run(2_000)
    for (const sentinel of ['a', 'b', 'c']) {
      expect(replicas(world, sentinel)).toEqual([2])
      expect(watched(world, sentinel)).toEqual([addressKey(at(1)), addressKey(at(2))])
    }
    expect(world.log.filter((line) => line.includes('forgotten'))).toEqual([
      'a 10.0.0.1:3 of m has been down for 5 s and is missed by nobody: it is forgotten.',
    ])
  })

  it('is found again when it comes back', () => {
    const world = ready(TIMEOUT)
    world.kill(at(3))
    world.run(8_000)
    expect(replicas(world)).toEqual([2])
    world.restart(at(3), { role: 'replica', primary: at(1), replId: 'h', offset: 100, keys: 10, linked: true })
    world.run(2_000)
    expect(replicas(world)).toEqual([2, 3])
  })

  it('is kept for ever where nothing is set, or while a sentinel does not know how to forget it', () => {
    for (const world of [ready(), ready(TIMEOUT, 2, 3, 2, { level: 3 })]) {
      world.kill(at(3))
      world.run(60_000)
      expect(replicas(world)).toEqual([2, 3])
    }
  })

  it('is kept when it is the last one: without it no failover would be possible', () => {
    const world = ready(TIMEOUT)
    world.kill(at(2))
    world.kill(at(3))
    world.run(20_000)
    expect(replicas(world)).toEqual([2, 3])
  })

  it('is kept while another replica may have less than the primary had', () => {
    const world = ready(TIMEOUT)
    world.kill(at(3))
    world.servers.get(addressKey(at(2)))!.offset = 90
    world.run(20_000)
    expect(replicas(world)).toEqual([2, 3])
    world.servers.get(addressKey(at(2)))!.offset = 100
    world.run(2_000)
    expect(replicas(world)).toEqual([2])
  })

  it('is kept while the primary hears of it', () => {
    const world = ready(TIMEOUT)
    for (const { blind } of world.sentinels.values()) blind.add(addressKey(at(3)))
    world.run(20_000)
    expect(replicas(world)).toEqual([2, 3])
  })

  it('is kept while its name has an address: it is only cut off', () => {
    const world = createWorld(TIMEOUT)
    const named = { host: 'c.example', port: 3 }
    world.move(at(3), named)
    world.run(2_000)
    world.kill(named)
    world.run(20_000)
    expect(watched(world, 'b')).toContain('c.example:3')
    world.nameless.add('c.example')
    world.run(2_000)
    expect(watched(world, 'b')).not.toContain('c.example:3')
    expect(world.log.filter((line) => line.includes('its name has no address any more'))).toHaveLength(1)
  })
})
