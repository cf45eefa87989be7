// What a sentinel was told before it could see anything for itself: replicas out of the file of a Redis Sentinel, and usual times.
import { describe, expect, it } from 'vitest'
import { settingsOf } from '../../../src/sentinel/state.ts'
import { at, createWorld, type World } from './world.ts'

const primaryOf = (world: World): number => world.sentinels.get('a')!.core.state.topology.groups.get('m')!.primary.port

describe('replicas that the file remembers', () => {
  it('take over from a primary that is dead since before the sentinels began', () => {
    const world = createWorld({}, 2, 3, 2, { remembered: [at(2), at(3)] })
    world.kill(at(1))
    world.run(20_000)
    expect([2, 3]).toContain(primaryOf(world))
  })

  it('are not looked at while the primary lives, which knows better', () => {
    const world = createWorld({}, 2, 3, 2, { remembered: [at(7)] })
    world.run(10_000)
    const { servers } = world.sentinels.get('b')!.core.state.groups.get('m')!
    expect([...servers.values()].map(({ ref }) => ref.port)).toEqual([1, 2, 3])
  })

  it('are needed for that: nobody else knows who they are', () => {
    const world = createWorld()
    world.kill(at(1))
    world.run(20_000)
    expect(primaryOf(world)).toBe(1)
  })
})

describe('SENTINEL DEBUG default-down-after', () => {
  it('holds for groups that are monitored from then on, not for those that are', () => {
    const world = createWorld()
    const monitor = (group: string, port: number): void => {
      const request = { kind: 'monitor', group, primary: at(port), quorum: 2 } as const
      world.request('a', { type: 'request', id: port, request })
      world.run(2_000)
    }
    world.run(2_000)
    monitor('before', 8)
    world.request('a', { type: 'timing', changes: { downAfterMs: 700 } })
    monitor('later', 9)
    const { state } = world.sentinels.get('a')!.core
    const downAfter = ['before', 'later'].map((name) => settingsOf(state, state.topology.groups.get(name)!).downAfterMs)
    expect(downAfter).toEqual([30_000, 700])
  })
})
