// Failovers that are asked for, that must wait, that fail, and that change hands midway.
import { describe, expect, it } from 'vitest'
import { addressKey } from '../../../src/sentinel/address.ts'
import { at, createWorld, type World } from './world.ts'

const FORMED_MS = 2_000
const server = (world: World, port: number) => world.servers.get(addressKey(at(port)))!
const topo = (world: World, sentinel = 'a') => world.sentinels.get(sentinel)!.core.state.topology.groups.get('m')!
const told = (world: World, name: string) => world.transcript.filter((line) => line.split(' ')[2] === name)
const ready = (...given: Parameters<typeof createWorld>): World => {
  const world = createWorld(...given)
  world.run(FORMED_MS)
  return world
}

describe('SENTINEL FAILOVER', () => {
  it('pauses the primary, promotes the replica once it has everything, and releases the old primary as a replica', () => {
    const world = ready()
    server(world, 1).offset = 5_000
    server(world, 2).offset = 4_000
    server(world, 3).offset = 4_500
    world.request('b', { type: 'request', id: 7, request: { kind: 'failover', group: 'm' } })
    world.run(100)
    expect(world.answers).toEqual(['true OK'])
    expect(server(world, 1)).toMatchObject({ paused: true, role: 'primary', orders: ['pause-writes'] })
    expect(server(world, 3).orders).toEqual([])
    server(world, 3).offset = 5_000
    world.run(200)
    expect(server(world, 3)).toMatchObject({ role: 'primary', orders: ['promote'] })
    expect(server(world, 1)).toMatchObject({
      paused: false,
      role: 'replica',
      orders: ['pause-writes', 'fence', 'follow', 'resume-writes'],
    })
    for (const sentinel of ['a', 'b', 'c'])
      expect(topo(world, sentinel)).toMatchObject({ primary: at(3), configEpoch: 1, failover: undefined })
    expect(topo(world).history).toMatchObject([{ planned: true, outcome: 'done', from: at(1), to: at(3) }])
  })

  it('gives up when the candidate does not catch up, and lets the primary write again', () => {
    const world = ready()
    server(world, 1).offset = 5_000
    world.request('a', { type: 'request', id: 7, request: { kind: 'failover', group: 'm' } })
    world.run(3_000)
    expect(server(world, 1)).toMatchObject({
      role: 'primary',
      paused: false,
      orders: ['pause-writes', 'pause-writes', 'pause-writes', 'resume-writes'],
    })
    expect(server(world, 2).orders).toEqual([])
    expect(topo(world)).toMatchObject({ primary: at(1), failover: undefined })
    expect(told(world, '-failover-abort-pause-timeout')).toHaveLength(1)
  })

  it('is refused without a replica that could take over', () => {
    const world = ready()
    server(world, 2).priority = 0
    server(world, 3).priority = 0
    world.run(1_200)
    world.request('a', { type: 'request', id: 7, request: { kind: 'failover', group: 'm' } })
    world.run(50)
    expect(world.answers).toEqual(['false NOGOODSLAVE No suitable replica to promote'])
  })

  it('is refused while one is under way, and without a leader', () => {
    const world = ready()
    server(world, 1).offset = 5_000
    for (const id of [1, 2]) {
      world.request('a', { type: 'request', id, request: { kind: 'failover', group: 'm' } })
      world.run(20)
    }
    expect(world.answers).toEqual(['true OK', 'false INPROG Failover already in progress'])
    const lone = createWorld({}, 2, 1)
    lone.run(FORMED_MS)
    lone.request('a', { type: 'request', id: 1, request: { kind: 'failover', group: 'm' } })
    lone.run(20)
    expect(lone.answers[0]).toContain('NOQUORUM')
  })
})

describe('a frozen primary', () => {
  it('is replaced after down-after, and demoted when it wakes up', () => {
    const world = ready({ downAfterMs: 1_000 })
    const frozenMs = world.nowMs
    world.freeze(at(1))
    world.run(950)
    expect(told(world, '+odown')).toEqual([])
    world.run(350)
    expect(topo(world).primary).not.toEqual(at(1))
    expect(world.nowMs - frozenMs).toBeLessThanOrEqual(1_300)
    world.thaw(at(1))
    world.run(3_000)
    expect(server(world, 1)).toMatchObject({ role: 'replica', primary: topo(world).primary })
  })
})

describe('an old primary that comes back', () => {
  it('is demoted at once', () => {
    const world = ready()
    world.kill(at(1))
    world.run(2_000)
    const next = topo(world).primary
    world.restart(at(1))
    world.run(1_000)
    expect(server(world, 1)).toMatchObject({ role: 'replica', primary: next })
    expect(told(world, '+convert-to-slave')).toHaveLength(1)
  })
})

describe('a candidate that dies before it is promoted', () => {
  it('ends the failover, and the next one takes the other replica', () => {
    const world = ready()
    server(world, 2).offset = 9_000
    world.run(1_200)
    world.freeze(at(2)) // chosen for its offset, but it never obeys
    world.kill(at(1))
    world.run(8_000)
    expect(topo(world).primary).toEqual(at(3))
  })
})

describe('no replica that could take over', () => {
  it('is told, and tried again later and later', () => {
    const world = ready()
    server(world, 2).priority = 0
    server(world, 3).priority = 0
    world.run(1_200)
    world.kill(at(1))
    world.run(20_000)
    const aborted = told(world, '-failover-abort-no-good-slave').map((line) => Number(line.split(' ')[0]))
    expect(aborted.length).toBeGreaterThan(2)
    expect(aborted.length).toBeLessThan(8)
    expect(told(world, '+switch-master')).toEqual([])
    server(world, 3).priority = 100
    world.run(21_000)
    expect(topo(world).primary).toEqual(at(3))
  })
})

describe('a leader that is replaced midway', () => {
  it.each([3, 4, 5, 6, 7, 8, 9])(
    'is succeeded by one that finishes the same failover (%i ms after the crash)',
    (afterMs) => {
      const world = ready()
      world.kill(at(1))
      world.run(afterMs)
      world.sentinels.get('a')!.alive = false
      world.lead('b')
      world.run(3_000)
      const { primary, configEpoch, history } = topo(world, 'b')
      expect(server(world, primary.port).role).toBe('primary')
      expect(topo(world, 'c').primary).toEqual(primary)
      expect([configEpoch, history.length]).toEqual([1, 1])
      const promoted = [...world.servers.values()].filter(({ orders }) => orders.includes('promote'))
      expect(promoted).toHaveLength(1)
    },
  )
})
