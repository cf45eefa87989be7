// What is told of a failover afterwards, and what holds the next one back: pauses, and the interval between two.
import { describe, expect, it } from 'vitest'
import { phaseMs } from '../../../src/sentinel/account.ts'
import { addressKey } from '../../../src/sentinel/address.ts'
import type { OperatorRequest } from '../../../src/sentinel/peer-message.ts'
import { at, createWorld, type World } from './world.ts'

const FORMED_MS = 2_000
const server = (world: World, port: number) => world.servers.get(addressKey(at(port)))!
const topo = (world: World, sentinel = 'a') => world.sentinels.get(sentinel)!.core.state.topology.groups.get('m')!
const last = (world: World, sentinel?: string) => topo(world, sentinel).history.at(-1)!
const ready = (...given: Parameters<typeof createWorld>): World => {
  const world = createWorld(...given)
  world.run(FORMED_MS)
  return world
}
const ask = (world: World, sentinel: string, request: OperatorRequest): void => {
  world.request(sentinel, { type: 'request', id: 7, request })
  world.run(20)
}

describe('the account of a failover', () => {
  it('names the phases of a crash, the candidates and the loss, on every sentinel alike', () => {
    const world = ready()
    server(world, 3).offset = 200
    server(world, 1).offset = 230
    world.run(1_200)
    world.kill(at(1))
    world.run(500)
    const { account } = last(world)
    expect(account.cause).toBe('dead')
    expect(account.laps.map(({ phase, ms }) => `${phase} ${ms}`)).toMatchInlineSnapshot(`
      [
        "detect 1",
        "vote 1",
        "choose 0",
        "commit 2",
        "fence 0",
        "promote 1",
        "announce 2",
        "reconfigure 23",
      ]
    `)
    expect(account.candidates).toEqual([
      { address: at(2), offset: 100, priority: 100, whyNot: 'it is 100 bytes behind' },
      { address: at(3), offset: 200, priority: 100, whyNot: undefined },
    ])
    expect(account.lostBytesMax).toBeGreaterThanOrEqual(30)
    expect(account.lostBytesMax).toBeLessThan(160)
    for (const sentinel of ['b', 'c']) expect(last(world, sentinel)).toEqual(last(world))
  })

  it('counts the time in which a frozen primary was waited for as detection', () => {
    const world = ready()
    world.freeze(at(1))
    world.run(2_000)
    const { account } = last(world)
    expect(account.cause).toBe('silent')
    expect(phaseMs(account, 'detect')).toBeGreaterThanOrEqual(1_000)
    expect(phaseMs(account, 'detect')).toBeLessThan(1_200)
  })

  it('of a switchover has a fence, and no loss', () => {
    const world = ready()
    server(world, 1).offset = 5_000
    server(world, 3).offset = 4_500
    ask(world, 'b', { kind: 'failover', group: 'm' })
    world.run(100)
    server(world, 3).offset = 5_000
    world.run(300)
    const { account, planned } = last(world)
    expect([planned, account.cause, account.lostBytesMax]).toEqual([true, 'operator', 0])
    expect(phaseMs(account, 'fence')).toBeGreaterThanOrEqual(100)
    expect(account.laps.map(({ phase }) => phase)).toMatchInlineSnapshot(`
      [
        "commit",
        "choose",
        "commit",
        "fence",
        "promote",
        "fence",
        "announce",
        "reconfigure",
      ]
    `)
  })

  it('of one that was given up says why each replica was not chosen', () => {
    const world = ready()
    server(world, 2).priority = 0
    world.kill(at(3))
    world.run(1_500)
    world.kill(at(1))
    world.run(1_500)
    expect(last(world).outcome).toBe('no-good-slave')
    expect(last(world).account.candidates.map(({ whyNot }) => whyNot)).toEqual(['its priority is 0', 'it is dead'])
  })

  it('goes on when another sentinel leads midway', () => {
    const world = ready()
    world.kill(at(1))
    world.run(6)
    world.lead('b')
    world.run(2_000)
    expect(last(world)).toMatchObject({ outcome: 'done', account: { cause: 'dead' } })
    expect(phaseMs(last(world).account, 'promote')).toBeGreaterThan(0)
  })

  it('is left out while an older version is a member, which would not know it', () => {
    const world = ready({}, 2, 3, 2, { level: 1 })
    world.kill(at(1))
    world.run(500)
    expect(last(world)).toMatchObject({ outcome: 'done', account: { laps: [], candidates: [] } })
    expect(world.committed.filter((entry) => 'account' in entry)).toEqual([])
    ask(world, 'b', { kind: 'pause', group: 'm', forMs: 1_000 })
    expect(world.answers).toEqual([
      'false ERR Not every sentinel of the group runs a version that knows this; upgrade the others first',
    ])
  })
})

describe('a pause', () => {
  it('holds automatic failovers back for its time, on whoever leads, and is said to do so', () => {
    const world = ready()
    ask(world, 'b', { kind: 'pause', group: 'm', forMs: 5_000 })
    expect(world.answers).toEqual(['true OK'])
    world.kill(at(1))
    world.run(2_000)
    world.lead('c')
    world.run(2_000)
    expect(topo(world)).toMatchObject({ primary: at(1), failover: undefined, history: [] })
    expect(world.log.filter((line) => line.includes('No failover of m: automatic failovers are paused'))).not.toEqual(
      [],
    )
    world.run(1_500)
    expect(topo(world).primary).not.toEqual(at(1))
    expect(phaseMs(last(world, 'c').account, 'wait')).toBeGreaterThan(4_500)
  })

  it('ends when it is told to, and does not stop what an operator asks for', () => {
    const world = ready()
    ask(world, 'a', { kind: 'pause', group: 'm', forMs: 60_000 })
    ask(world, 'a', { kind: 'failover', group: 'm' })
    world.run(500)
    expect(last(world)).toMatchObject({ planned: true, outcome: 'done' })
    const primary = topo(world).primary
    world.kill(primary)
    world.run(1_000)
    expect(topo(world).primary).toEqual(primary)
    ask(world, 'c', { kind: 'resume', group: 'm' })
    world.run(500)
    expect(topo(world).primary).not.toEqual(primary)
  })
})

describe('two failovers', () => {
  const crashTwice = (world: World): void => {
    world.kill(at(1))
    world.run(300)
    const next = topo(world).primary
    expect(next).not.toEqual(at(1))
    world.kill(next)
    world.run(500)
    expect(topo(world).primary).toEqual(next)
  }

  it('are an interval apart', () => {
    const world = ready()
    crashTwice(world)
    world.run(700)
    expect(world.log.filter((line) => line.includes('less than 2000 ms ago (failover-interval'))).not.toEqual([])
    world.run(1_000)
    expect(topo(world).history).toMatchObject([{ outcome: 'done' }, { outcome: 'done' }])
  })

  it('follow at once when an operator acknowledges the first', () => {
    const world = ready()
    crashTwice(world)
    ask(world, 'b', { kind: 'resume', group: 'm' })
    world.run(300)
    expect(topo(world).history).toHaveLength(2)
  })

  it('follow at once with an interval of 0', () => {
    const world = ready({ failoverIntervalMs: 0 })
    world.kill(at(1))
    world.run(300)
    world.kill(topo(world).primary)
    world.run(300)
    expect(topo(world).history).toHaveLength(2)
  })
})
