// FAILOVER as a sequence of states: when writes wait, when the role goes over, and when everything is as before.
import { describe, expect, it } from 'vitest'
import type { FailoverOrder } from '../../../src/commands/context.ts'
import { type AttachedReplica, attachReplica } from '../../../src/replication/attached.ts'
import { createFailover } from '../../../src/server/failover.ts'

const online = (port: number, ackOffset: number): AttachedReplica => ({
  ...attachReplica('10.0.0.2', 0),
  listeningPort: port,
  state: 'online',
  ackOffset,
})
const order = (more: Partial<FailoverOrder> = {}): FailoverOrder => ({
  target: undefined,
  force: false,
  timeoutMs: 0,
  ...more,
})
const target = { host: '10.0.0.2', port: 7002 }

function create(replicas: AttachedReplica[]) {
  const done: string[] = []
  const said: string[] = []
  const note = (text: string): void => void said.push(text)
  const world = { nowMs: 1000, offset: 100, isReplica: false, replicas, done, said }
  const failover = createFailover({
    log: { debug: note, verbose: note, notice: note, warning: note },
    hold: (on) => void done.push(on ? 'hold' : 'free'),
    isReplica: () => world.isReplica,
    replicas: () => world.replicas,
    offset: () => world.offset,
    follow: (host, port) => void done.push(`follow ${host}:${port}`),
    lead: () => void done.push('lead'),
    monotonicMs: () => world.nowMs,
  })
  return { failover, world }
}

describe('a failover', () => {
  it('goes to the first replica that has everything, and holds what is written until that one is primary', () => {
    const { failover, world } = create([online(7001, 90), online(7002, 99)])
    failover.begin(order())
    failover.check()
    expect([failover.state(), world.done]).toEqual(['waiting-for-sync', ['hold']])
    world.replicas[1]!.ackOffset = 100
    failover.check()
    failover.check()
    expect([failover.state(), world.done]).toEqual(['failover-in-progress', ['hold', 'follow 10.0.0.2:7002']])
    failover.answered(true)
    expect([failover.state(), world.done.slice(2)]).toEqual(['no-failover', ['free']])
    failover.answered(false)
    expect(world.done).toHaveLength(3)
  })

  it('waits for the replica that was named, though another has everything', () => {
    const { failover, world } = create([online(7001, 100), online(7002, 99)])
    failover.begin(order({ target }))
    failover.check()
    expect(failover.state()).toBe('waiting-for-sync')
    world.replicas[1]!.ackOffset = 100
    failover.check()
    expect(world.done).toEqual(['hold', 'follow 10.0.0.2:7002'])
  })

  it('does not go to a replica that nobody can reach, nor to one in the middle of a full sync', () => {
    const { failover } = create([online(0, 100), { ...online(7001, 100), state: 'send_bulk' }])
    failover.begin(order())
    failover.check()
    expect(failover.state()).toBe('waiting-for-sync')
  })

  it.each([
    [
      false,
      ['hold', 'free'],
      'no-failover',
      'FAILOVER to 10.0.0.2:7002 aborted: Replica never caught up before timeout',
    ],
    [
      true,
      ['hold', 'follow 10.0.0.2:7002'],
      'failover-in-progress',
      'FAILOVER to 10.0.0.2:7002 time out exceeded, failing over.',
    ],
  ])('ends when time is up, by force: %s', (force, done, state, said) => {
    const { failover, world } = create([online(7002, 99)])
    failover.begin(order({ target, timeoutMs: 100, force }))
    world.nowMs += 99
    failover.check()
    expect(failover.state()).toBe('waiting-for-sync')
    world.nowMs++
    failover.check()
    expect([failover.state(), world.done, world.said.at(-1)]).toEqual([state, done, said])
  })

  it('is aborted while it waits: writes go on', () => {
    const { failover, world } = create([online(7002, 99)])
    failover.begin(order())
    failover.abort()
    expect([failover.state(), world.done]).toEqual(['no-failover', ['hold', 'free']])
    expect(world.said.at(-1)).toBe('FAILOVER to any replica aborted: Failover manually aborted')
    expect(() => failover.abort()).toThrow('No failover in progress.')
  })

  it.each([
    ['aborted', (failover: ReturnType<typeof createFailover>) => failover.abort()],
    ['refused', (failover: ReturnType<typeof createFailover>) => failover.answered(false)],
  ])('that is %s in progress makes this server primary again before writes go on', (_, end) => {
    const { failover, world } = create([online(7002, 100)])
    failover.begin(order())
    failover.check()
    end(failover)
    expect([failover.state(), world.done.slice(2)]).toEqual(['no-failover', ['lead', 'free']])
  })

  it.each<[string, Partial<FailoverOrder>, (world: ReturnType<typeof create>['world']) => void]>([
    ['FAILOVER is not valid when server is a replica.', {}, (world) => Object.assign(world, { isReplica: true })],
    ['FAILOVER requires connected replicas.', {}, (world) => Object.assign(world, { replicas: [] })],
    ['FAILOVER with force option requires both', { force: true, timeoutMs: 1 }, () => {}],
    ['FAILOVER with force option requires both', { force: true, target }, () => {}],
    ['FAILOVER target HOST and PORT is not a replica.', { target: { host: 'x', port: 7002 } }, () => {}],
    ['FAILOVER target HOST and PORT is not a replica.', { target: { ...target, port: 7003 } }, () => {}],
    [
      'FAILOVER target replica is not online.',
      { target },
      ({ replicas }) => Object.assign(replicas[0]!, { state: 'wait_bgsave' }),
    ],
  ])('is refused: %s', (why, more, change) => {
    const { failover, world } = create([online(7002, 100)])
    change(world)
    expect(() => failover.begin(order(more))).toThrow(why)
    expect([failover.state(), world.done]).toEqual(['no-failover', []])
  })

  it('is one at a time', () => {
    const { failover } = create([online(7002, 99)])
    failover.begin(order())
    expect(() => failover.begin(order())).toThrow('FAILOVER already in progress.')
  })
})
