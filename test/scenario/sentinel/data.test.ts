// Whose data survives: servers that lack the group's history are never promoted over those that have it, and nothing that a
// healthy primary acknowledged is given up.
import { describe, expect, it } from 'vitest'
import { NO_ACCOUNT } from '../../../src/sentinel/account.ts'
import { addressKey } from '../../../src/sentinel/address.ts'
import { encodeEntry } from '../../../src/sentinel/entries.ts'
import { at, createWorld, type World } from './world.ts'

const server = (world: World, port: number) => world.servers.get(addressKey(at(port)))!
const topo = (world: World, sentinel = 'a') => world.sentinels.get(sentinel)!.core.state.topology.groups.get('m')!
const told = (world: World, name: string) => world.transcript.filter((line) => line.split(' ')[2] === name)
const promoted = (world: World) =>
  [...world.servers.values()].filter(({ orders }) => orders.includes('promote')).map(({ address }) => address.port)
const switchover = (world: World) =>
  world.request('a', { type: 'request', id: 7, request: { kind: 'failover', group: 'm' } })
const ready = (...given: Parameters<typeof createWorld>): World => {
  const world = createWorld(...given)
  world.run(2_000)
  return world
}
/** The leader has heard from both replicas. */
const followersKnown = (world: World): boolean => {
  const servers = world.sentinels.get('a')!.core.state.groups.get('m')!.servers
  return [2, 3].every((port) => servers.get(addressKey(at(port)))?.info !== undefined)
}
/** The leader dies, and another takes over. */
const succeed = (world: World, next = 'b'): void => {
  world.sentinels.get('a')!.alive = false
  world.lead(next)
}

describe('a replica that lacks the data', () => {
  it('because it started empty and never reached its primary is not promoted', () => {
    const world = ready({}, 1)
    world.kill(at(2))
    world.run(50)
    world.freeze(at(1))
    world.restart(at(2), { role: 'replica', primary: at(1) })
    world.run(8_000)
    expect(promoted(world)).toEqual([])
    expect(topo(world).history.at(-1)?.ending).toContain('10.0.0.1:2: it has never held the data of this group')
    world.thaw(at(1))
    world.run(2_000)
    expect(topo(world)).toMatchObject({ primary: at(1), failover: undefined })
  })

  it('because its first full synchronization is under way is not promoted', () => {
    const world = ready({}, 1)
    Object.assign(server(world, 2), { replId: 'own', offset: 1, linked: false, loading: true })
    world.run(1_100)
    world.kill(at(1))
    world.run(4_000)
    expect(promoted(world)).toEqual([])
    world.restart(at(1), { offset: 4_000, replId: 'h', keys: 10 })
    world.run(12_000)
    expect(topo(world).primary).toEqual(at(1))
  })

  it('that was written since a failover does not win by a larger offset of the history before', () => {
    const world = ready()
    world.freeze(at(1))
    world.run(1_500)
    const second = topo(world).primary
    server(world, second.port).offset = 500
    world.run(1_200)
    // The old primary heals with more of its own history than anybody has of the new one, and has not been copied over yet.
    world.thaw(at(1))
    Object.assign(server(world, 1), { role: 'replica', primary: second, linked: false, replId: 'h', offset: 9_000 })
    world.kill(second)
    world.run(1_000)
    expect(topo(world).primary).toEqual(at(second.port === 2 ? 3 : 2))
  })

  it('is not promoted instead of the one that has it and is down, unless an operator says so', () => {
    const world = ready({}, 1)
    world.freeze(at(1))
    world.run(1_500)
    expect(topo(world).primary).toEqual(at(2))
    server(world, 2).offset = 500
    world.kill(at(2))
    world.thaw(at(1))
    Object.assign(server(world, 1), { role: 'replica', primary: at(2), linked: false, replId: 'h', offset: 9_000 })
    world.run(4_000)
    expect(topo(world).primary).toEqual(at(2))
    while (!world.answers.includes('true OK') && world.nowMs < 20_000) {
      switchover(world)
      world.run(20)
    }
    world.run(1_000)
    expect(topo(world).primary).toEqual(at(1))
  })
})

describe('a history that no sentinel saw its primary write', () => {
  // The simulator found it: a promoted server tells of its own history and the one that it left, so nobody could tell that it has the
  // newest one that was agreed on, and each replica in turn was promoted and given up.
  it.each(['dies', 'falls silent'])('is taken from the candidate that copied it, when the primary then %s', (how) => {
    const world = ready()
    for (const { blind } of world.sentinels.values()) blind.add(addressKey(at(1)))
    world.restart(at(1), { offset: 100, replId: 'h2', parent: { replId: 'h', offset: 100 }, keys: 10 })
    for (const port of [2, 3])
      Object.assign(server(world, port), { offset: 120, replId: 'h2', parent: { replId: 'h', offset: 100 } })
    if (how === 'dies') world.kill(at(1))
    else world.freeze(at(1))
    world.run(5_000)
    expect(promoted(world)).toEqual([topo(world).primary.port])
    expect(topo(world).failover).toBeUndefined()
    expect(
      topo(world)
        .lineage.map(({ replId }) => replId)
        .slice(0, 2),
    ).toEqual(['h', 'h2'])
  })
})

describe('a history that only one sentinel heard, before a newer one was agreed on', () => {
  // The simulator found it: it became the newest, nobody who had what was written since could stay promoted.
  it('is not taken for the newest when the primary dies', () => {
    const world = ready()
    const hears = (ids: string): void => {
      for (const [id, { blind }] of world.sentinels)
        if (ids.includes(id)) blind.delete(addressKey(at(1)))
        else blind.add(addressKey(at(1)))
    }
    hears('c')
    const passing = { replId: 'passing', offset: 110 }
    world.kill(at(1))
    world.restart(at(1), { ...passing, parent: { replId: 'h', offset: 100 }, keys: 10 })
    Object.assign(server(world, 3), passing)
    world.run(400)
    hears('ab')
    world.kill(at(1))
    world.restart(at(1), { offset: 120, replId: 'h2', parent: passing, keys: 10 })
    Object.assign(server(world, 2), { offset: 130, replId: 'h2', parent: passing })
    world.run(1_500)
    expect(topo(world).lineage.map(({ replId }) => replId)).toEqual(['h', 'h2'])
    world.kill(at(1))
    world.run(5_000)
    expect(promoted(world)).toEqual([2])
    expect(topo(world)).toMatchObject({ primary: at(2), failover: undefined })
    expect(topo(world).lineage.map(({ replId }) => replId)).not.toContain('passing')
  })
})

describe('a group that restarts as a whole', () => {
  it('and whose primary lost its file goes on with a replica', () => {
    const world = ready()
    for (const port of [1, 2, 3]) world.kill(at(port))
    world.run(300)
    world.restart(at(1), { offset: 14, keys: 0 })
    for (const port of [2, 3])
      world.restart(at(port), { role: 'replica', primary: at(1), replId: 'h', offset: 100 + port, keys: 310 })
    world.run(3_000)
    const { primary } = topo(world)
    expect(primary).not.toEqual(at(1))
    expect(server(world, 1)).toMatchObject({ role: 'replica', primary, keys: 310 })
  })

  it('so fast that nobody finds its primary down, which lost its file, goes on with the fullest replica', () => {
    const world = ready()
    server(world, 3).offset = 103
    world.kill(at(1))
    world.restart(at(1), { offset: 14, keys: 0 })
    world.run(1_000)
    expect(told(world, '+sdown')).toEqual([])
    expect(topo(world).primary).toEqual(at(3))
    expect(topo(world).history[0]?.reason).toContain('10.0.0.1:1 came back with less data than')
    expect(server(world, 1)).toMatchObject({ role: 'replica', primary: at(3), keys: 10 })
  })

  it('and whose primary is the first, without its file, holds that back until the others are there', () => {
    const world = ready()
    world.run(1_200)
    for (const port of [1, 2, 3]) world.kill(at(port))
    world.run(300)
    world.restart(at(1), { offset: 0, keys: 0 })
    world.run(3_000)
    expect(server(world, 1)).toMatchObject({ role: 'replica', orders: ['fence'] })
    expect(world.log.some((line) => line.includes('which had more, is not there yet'))).toBe(true)
    world.restart(at(3), { role: 'replica', primary: at(1), replId: 'h', offset: 100, keys: 10 })
    world.run(1_000)
    expect(topo(world).primary).toEqual(at(3))
    expect(server(world, 1)).toMatchObject({ role: 'replica', primary: at(3), keys: 10 })
  })

  it('and of which only the primary returns, without its file, goes on with that after a while', () => {
    const world = ready()
    world.run(1_200)
    for (const port of [1, 2, 3]) world.kill(at(port))
    world.run(300)
    world.restart(at(1), { offset: 0, keys: 0 })
    world.run(14_000)
    expect(server(world, 1)).toMatchObject({ role: 'primary', orders: ['fence', 'promote'] })
    expect(topo(world)).toMatchObject({ primary: at(1), failover: undefined })
    expect(topo(world).lineage.at(-1)?.replId).toBe(server(world, 1).replId)
  })

  // The simulator found it: the new leader did not know that the primary was held back, and nobody made it primary again.
  it('and of which only the primary returns, and is held back, goes on with that though the leader changes', () => {
    const world = ready()
    world.run(1_200)
    for (const port of [1, 2, 3]) world.kill(at(port))
    world.run(300)
    world.restart(at(1), { offset: 0, keys: 0 })
    world.run(3_000)
    expect(server(world, 1).orders).toEqual(['fence'])
    succeed(world)
    world.run(14_000)
    expect(server(world, 1)).toMatchObject({ role: 'primary', orders: ['fence', 'promote'] })
  })

  it('and whose primary read everything from its file goes on with it', () => {
    const world = ready()
    const parent = { replId: 'h', offset: 100 }
    world.kill(at(1))
    world.restart(at(1), { offset: 100, keys: 10, parent })
    world.run(13_000)
    expect(topo(world)).toMatchObject({ primary: at(1), configEpoch: 0, failover: undefined })
    expect(topo(world).lineage.map(({ replId }) => replId)).toEqual(['h', server(world, 1).replId])
    expect(promoted(world)).toEqual([])
  })

  it('with its first arguments gets the primary of the last failover back at once', () => {
    const world = ready()
    world.kill(at(1))
    world.run(500)
    const { port } = topo(world).primary
    for (const other of [2, 3]) world.kill(at(other))
    world.run(200)
    const { replId, parent } = server(world, port)
    world.restart(at(1), { offset: 90, keys: 9 })
    for (const other of [2, 3])
      world.restart(at(other), { role: 'replica', primary: at(1), replId, parent, offset: 400, keys: 300 })
    world.run(250)
    expect(server(world, port).role).toBe('primary')
    world.run(2_000)
    expect(topo(world).primary).toEqual(at(port))
    for (const other of [1, 2, 3]) if (other !== port) expect(server(world, other).primary).toEqual(at(port))
  })
})

describe('a switchover', () => {
  it('whose leader dies after the promotion is given up if the old primary took writes meanwhile', () => {
    const world = ready()
    switchover(world)
    for (let ms = 0; promoted(world).length === 0 && ms < 100; ms++) world.run(1)
    world.sentinels.get('a')!.alive = false
    const [candidate] = promoted(world)
    world.run(15_000)
    expect(server(world, 1)).toMatchObject({ paused: false })
    if (server(world, 1).role === 'replica') return
    server(world, 1).offset += 1_000
    world.lead('b')
    world.run(3_000)
    expect(topo(world, 'b').primary).toEqual(at(1))
    expect(server(world, 1)).toMatchObject({ role: 'primary', paused: false, offset: 1_100 })
    expect(server(world, candidate!)).toMatchObject({ role: 'replica', primary: at(1) })
  })

  it.each([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12])(
    'goes on under the next leader when the old primary took none (%i ms after the request)',
    (afterMs) => {
      const world = ready()
      switchover(world)
      world.run(afterMs)
      succeed(world)
      world.run(3_000)
      const { primary, failover, history } = topo(world, 'b')
      expect(failover).toBeUndefined()
      if (history.length > 0) expect(history).toMatchObject([{ outcome: 'done' }])
      expect(server(world, primary.port)).toMatchObject({ role: 'primary', paused: false })
    },
  )

  it('orders no promotion while writes are not held back, however long the candidate takes', () => {
    const world = ready()
    switchover(world)
    for (let ms = 0; !server(world, 1).paused && ms < 100; ms++) world.run(1)
    world.freeze(at(2)) // the candidate; what it is asked waits
    while (topo(world).failover !== undefined && world.nowMs < 20_000) {
      expect(server(world, 1).paused).toBe(true)
      world.run(5)
    }
    expect(topo(world).primary).toEqual(at(1))
    world.thaw(at(2))
    world.run(2_000)
    expect(server(world, 1)).toMatchObject({ role: 'primary', paused: false })
    expect(server(world, 2)).toMatchObject({ role: 'replica', primary: at(1) })
  })

  it('makes the old primary a replica before it is committed', () => {
    const world = ready()
    switchover(world)
    while (topo(world).failover?.switchedAtMs === undefined && world.nowMs < 9_000) {
      world.run(1)
      if (topo(world).primary.port !== 1) break
    }
    expect(server(world, 1)).toMatchObject({ role: 'replica', primary: topo(world).primary })
  })
})

const STARVED = { forMs: 100, everyMs: 450 }

describe('a crash failover', () => {
  it('to a candidate whom an earlier leader chose, while this one was choosing another, takes a fresh look and expects it promoted', () => {
    const world = ready()
    const leader = world.sentinels.get('a')!
    const run = () => leader.core.state.groups.get('m')!.run
    world.freeze(at(1))
    for (let ms = 0; run() === undefined && ms < 5_000; ms++) {
      // It waits for what this one says.
      if (topo(world).failover === undefined && ms === 900) leader.blind.add(addressKey(at(3)))
      world.run(1)
    }
    expect(run()).toMatchObject({ phase: 'choose', chosen: undefined, promoteGiven: false })
    const { epoch } = topo(world).failover!
    const entry = { kind: 'choose', group: 'm', epoch, atMs: 0, replica: at(3), reason: 'an earlier leader' } as const
    for (const { core } of world.sentinels.values())
      core.step(world.nowMs, { type: 'committed', data: encodeEntry({ ...entry, account: NO_ACCOUNT }) })
    leader.core.step(world.nowMs, { type: 'tick' })
    expect(run()).toMatchObject({ phase: 'promote', resumed: true, promoteGiven: true })
    expect(promoted(world)).toEqual([])
  })

  it('that is taken up when the primary is well again is given up', () => {
    const world = ready()
    world.freeze(at(1))
    for (let ms = 0; topo(world).failover === undefined && ms < 2_000; ms++) world.run(1)
    succeed(world)
    world.leader = undefined
    world.sentinels.get('b')!.alive = false
    world.thaw(at(1))
    world.run(15_000)
    world.sentinels.get('a')!.alive = true
    world.sentinels.get('b')!.alive = true
    server(world, 1).offset = 500
    world.lead('c')
    world.run(4_000)
    expect(promoted(world)).toEqual([])
    expect(topo(world, 'c')).toMatchObject({ primary: at(1), failover: undefined })
    expect(topo(world, 'c').history.at(-1)).toMatchObject({ outcome: 'master-is-back' })
  })

  it('happens though the leader itself still sees the primary, and loses nothing then', () => {
    const world = ready()
    for (const id of ['b', 'c']) {
      const sentinel = world.sentinels.get(id)!
      sentinel.blind.add(addressKey(at(1)))
    }
    world.run(2_500)
    const { primary } = topo(world)
    expect(primary).not.toEqual(at(1))
    expect(server(world, 1).orders.slice(0, 2)).toEqual(['pause-writes', 'fence'])
    expect(server(world, 1)).toMatchObject({ role: 'replica', primary })
    expect(topo(world).history.at(-1)?.reason).toContain('is down for others')
  })

  it('happens also to a primary that answers PING with MISCONF, once, and it does not come and go', () => {
    const world = ready({}, 2)
    for (const port of [2, 3]) server(world, port).priority = 0
    world.run(1_200)
    server(world, 1).pong = 'MISCONF Redis is configured to save RDB snapshots'
    world.run(12_000)
    expect(told(world, '+sdown').length).toBe(3)
    expect(told(world, '-sdown')).toEqual([])
  })

  it('happens with sentinels that run 100 ms of every 450', () => {
    const world = ready()
    world.runs = STARVED
    world.run(2_000)
    world.kill(at(1))
    world.run(2_500)
    expect(topo(world).primary).not.toEqual(at(1))
  })

  it('of a silent primary happens with sentinels that run 100 ms of every 450', () => {
    const world = ready()
    world.runs = STARVED
    world.run(2_000)
    world.freeze(at(1))
    world.run(10_000)
    expect(topo(world).primary).not.toEqual(at(1))
  })

  it('of many groups at once takes few entries for each', () => {
    const groups = 100
    const world = createWorld({}, 1, 3, 2, { groups })
    world.run(3_000)
    const before = world.committed.length
    const all = [...Array(groups).keys()]
    for (const i of all) world.kill(at(i * 10 + 1))
    world.run(1_000)
    const groupsNow = [...world.sentinels.get('b')!.core.state.topology.groups.values()]
    expect(groupsNow.map(({ primary }) => primary.port)).toEqual(all.map((i) => i * 10 + 2))
    expect(new Set(groupsNow.map(({ configEpoch }) => configEpoch)).size).toBe(groups)
    // start (with the choice), switch, end.
    expect(world.committed.length - before).toBeLessThanOrEqual(3 * groups)
  })
})

describe('SENTINEL RESET while the primary is down', () => {
  it('keeps also a replica that was found in the same moment and is in no entry yet', () => {
    const world = createWorld()
    const { state } = world.sentinels.get('a')!.core
    const committed = (): number | undefined => state.topology.groups.get('m')?.replicas.length
    while (committed() === undefined) world.run(0.25)
    while (!followersKnown(world) && committed() === 0) world.run(0.25)
    expect(committed()).toBe(0)
    world.freeze(at(1))
    world.request('a', { type: 'request', id: 1, request: { kind: 'reset', groups: ['m'] } })
    world.run(5_000)
    expect(topo(world).primary).not.toEqual(at(1))
  })

  it('leaves the replicas that answer, says so, and the failover happens', () => {
    const world = ready()
    world.freeze(at(1))
    world.run(500)
    world.kill(at(3))
    world.run(100)
    world.request('b', { type: 'request', id: 1, request: { kind: 'reset', groups: ['m'] } })
    world.run(100)
    expect(topo(world).replicas).toEqual([at(2)])
    world.run(1_000)
    expect(topo(world).primary).toEqual(at(2))
  })
})

describe('a server that is monitored by name', () => {
  const resolve = (world: World, port: number): void => {
    for (const sentinel of ['a', 'b', 'c'])
      world.request(sentinel, { type: 'hostname', group: 'm', host: 'redis-0', address: at(port) })
    world.run(20)
  }

  it('and restarts under another address is the same primary', () => {
    const world = ready({ downAfterMs: 60_000 }, 0)
    resolve(world, 1)
    world.move(at(1), at(5))
    world.run(500)
    resolve(world, 5)
    world.run(1_500)
    expect(topo(world)).toMatchObject({ primary: at(5), replicas: [], failover: undefined })
    for (const sentinel of ['a', 'b', 'c'])
      expect([...world.sentinels.get(sentinel)!.core.state.groups.get('m')!.servers.keys()]).toEqual(['10.0.0.1:5'])
    expect(told(world, '+switch-master')).toHaveLength(3)
  })

  it('and returns under another address after a failover is demoted', () => {
    const world = ready()
    resolve(world, 1)
    world.kill(at(1))
    world.run(1_000)
    const { primary } = topo(world)
    world.move(at(1), at(5))
    resolve(world, 5)
    world.run(2_000)
    expect(server(world, 5)).toMatchObject({ role: 'replica', primary })
    expect(topo(world).replicas).toContainEqual(at(5))
    expect(topo(world).replicas).not.toContainEqual(at(1))
  })

  it('has not moved while it answers where it was, nor is any address taken for it at first', () => {
    const world = ready()
    resolve(world, 9)
    expect(topo(world).hostname).toBeUndefined()
    resolve(world, 1)
    resolve(world, 9)
    expect(topo(world)).toMatchObject({ primary: at(1), hostname: { host: 'redis-0', address: at(1) } })
  })
})

describe('what keeps a group from a failover', () => {
  const said = (world: World) =>
    world.log.filter((line) => line.includes('No failover of m')).map((line) => line.slice(2))

  it('is said once, by every sentinel, and that it is over', () => {
    const world = ready({}, 1)
    server(world, 2).priority = 0
    world.run(1_200)
    world.kill(at(1))
    world.run(4_000)
    expect(new Set(said(world))).toEqual(
      new Set([
        'No failover of m: the failover before was given up: no replica can be promoted (10.0.0.1:2: its priority is 0).',
      ]),
    )
    expect(said(world)).toHaveLength(3)
    world.restart(at(1), { offset: 100, replId: 'h', keys: 10 })
    world.run(2_000)
    expect(world.log.filter((line) => line.includes('Nothing keeps m from a failover any more'))).toHaveLength(3)
  })

  it('may be that too few sentinels find the primary down', () => {
    const world = ready({}, 1)
    world.sentinels.get('c')!.blind.add(addressKey(at(1)))
    world.run(4_000)
    expect(said(world)).toEqual(['No failover of m: 1 of the 2 sentinels that must find the primary down do so.'])
  })

  it('may be that no replica is known', () => {
    const world = ready({}, 0)
    world.kill(at(1))
    world.run(2_000)
    expect(said(world)).toContain('No failover of m: no replica of it is known.')
  })
})
