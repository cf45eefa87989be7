// examples/patterns: what people use Redis for, each against a running group, through its sentinels, as in the programs; and the programs
// themselves run to their end.
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Redis } from 'ioredis'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
// @ts-expect-error An example without types.
import { connect as connectExample } from '../../examples/clients/ioredis.mjs'
// @ts-expect-error An example without types.
import * as cache from '../../examples/patterns/cache-aside.mjs'
// @ts-expect-error An example without types.
import * as log from '../../examples/patterns/event-log.mjs'
// @ts-expect-error An example without types.
import * as board from '../../examples/patterns/leaderboard.mjs'
// @ts-expect-error An example without types.
import * as queue from '../../examples/patterns/priority-queue.mjs'
// @ts-expect-error An example without types.
import { allow } from '../../examples/patterns/rate-limiter.mjs'
// @ts-expect-error An example without types.
import { lock, unlock } from '../../examples/patterns/redlock.mjs'
// @ts-expect-error An example without types.
import * as sessions from '../../examples/patterns/sessions.mjs'
import { type Group, startGroup } from '../support/group.ts'
import { ROOT } from '../support/paths.ts'
import { createScope, type Scope } from '../support/scope.ts'
import { eventually } from '../support/wait.ts'

const PATTERNS = join(ROOT, 'examples/patterns')
const connect = connectExample as (group: string, sentinels: { host: string; port: number }[]) => Redis

let scope: Scope
/** Redlock's are three groups; the others use the first. */
let groups: Group[]
let clients: Redis[]
let redis: Redis
const connectTo = ({ name, sentinels }: Group): Redis => {
  const client = connect(
    name,
    sentinels.map(({ port }) => ({ host: '127.0.0.1', port })),
  )
  scope.defer(async () => client.disconnect())
  return client
}

beforeAll(async () => {
  scope = createScope()
  const small = { servers: 'vedette', sentinels: 'vedette', replicas: 0, sentinelCount: 1, quorum: 1 } as const
  groups = [await startGroup(scope, small), await startGroup(scope, small), await startGroup(scope, small)]
  clients = groups.map(connectTo)
  redis = clients[0]!
}, 120_000)
afterAll(() => scope.close())
beforeEach(async () => {
  for (const client of clients) await client.flushall()
})

describe('patterns', () => {
  it('leaderboard', async () => {
    for (const [player, points] of [
      ['ada', 30],
      ['bob', 20],
      ['eve', 25],
    ] as const)
      await board.award(redis, 'b', player, points)
    expect(await board.award(redis, 'b', 'bob', 6)).toBe(26)
    expect(await board.top(redis, 'b', 2)).toEqual([
      { player: 'ada', points: 30 },
      { player: 'bob', points: 26 },
    ])
    expect([await board.placeOf(redis, 'b', 'eve'), await board.placeOf(redis, 'b', 'nobody')]).toEqual([3, undefined])
  })

  it('rate limiter', async () => {
    const asked = (nowMs: number): Promise<boolean> => allow(redis, 'r', 3, 1000, nowMs)
    const now = Date.now()
    const first = [await asked(now), await asked(now), await asked(now + 500), await asked(now + 600)]
    expect(first).toEqual([true, true, true, false])
    expect([await asked(now + 1000), await asked(now + 1000), await asked(now + 1000)]).toEqual([true, true, false])
  })

  it('lock over three groups', async () => {
    const mine = await lock(clients, 'l', 60_000)
    expect(mine).toBeDefined()
    expect(await lock(clients, 'l', 60_000)).toBeUndefined()
    await clients[2]!.del('l') // one group has lost it: the majority still says no
    expect(await lock(clients, 'l', 60_000)).toBeUndefined()
    expect(await clients[0]!.get('l')).toBe(mine.token)
    await unlock(clients, mine)
    expect(await lock(clients, 'l', 60_000)).toBeDefined()
  })

  it('sessions', async () => {
    const id = await sessions.open(redis, { user: 'ada' }, 60)
    await sessions.putForAWhile(redis, id, 'code', '1234', 60_000)
    expect(await sessions.read(redis, id, 60)).toEqual({ user: 'ada', code: '1234' })
    await sessions.putForAWhile(redis, id, 'code', '1234', 1)
    await eventually('the code is over', async () => (await sessions.read(redis, id, 60))?.code === undefined)
    expect(await sessions.read(redis, id, 60)).toEqual({ user: 'ada' })
    expect(await redis.ttl(`session:${id}`)).toBeGreaterThan(30)
    await sessions.close(redis, id)
    expect(await sessions.read(redis, id, 60)).toBeUndefined()
  })

  it('priority queue', async () => {
    const worker = connectTo(groups[0]!)
    for (const [job, priority] of [
      ['late', 9],
      ['first', 1],
      ['second', 1],
    ] as const)
      await queue.push(redis, 'q', job, priority)
    const jobs = [await queue.take(worker, 'q', 1), await queue.take(worker, 'q', 1), await queue.take(worker, 'q', 1)]
    expect(jobs).toEqual(['first', 'second', 'late'])
    const waiting = queue.take(worker, 'q', 30)
    await queue.push(redis, 'q', { any: 'thing' }, 5)
    expect(await waiting).toEqual({ any: 'thing' })
  })

  it('event log', async () => {
    await log.join(redis, 'e', 'g')
    await log.join(redis, 'e', 'g')
    for (let n = 0; n < 3; n++) await log.append(redis, 'e', { n })
    const seen: number[] = []
    const handle = async ({ n }: { n: number }): Promise<void> => void seen.push(n)
    const dies = async (): Promise<void> => {
      throw new Error('the consumer dies')
    }
    await expect(log.work(redis, 'e', 'g', 'a', dies, { count: 1 })).rejects.toThrow('dies')
    expect(await log.work(redis, 'e', 'g', 'b', handle)).toBe(2)
    expect(await log.work(redis, 'e', 'g', 'b', handle, { idleMs: 0 })).toBe(1)
    expect(seen).toEqual([1, 2, 0])
    expect(await log.work(redis, 'e', 'g', 'b', handle, { idleMs: 0 })).toBe(0)
  })

  it('cache in front of a store', async () => {
    const rows = new Map<string, unknown>(Array.from({ length: 120 }, (_, i) => [`k${i}`, i]))
    let loads = 0
    const store = {
      load: async (key: string) => {
        loads++
        return rows.get(key)
      },
      save: async (key: string, value: unknown) => void rows.set(key, value),
    }
    const asked = await Promise.all(Array.from({ length: 20 }, () => cache.read(redis, store, 'k7', 60)))
    expect(new Set(asked)).toEqual(new Set([7]))
    expect(loads).toBe(1)
    await cache.write(redis, store, 'k7', 'new')
    expect(await cache.read(redis, store, 'k7', 60)).toBe('new')
    expect(await cache.warmUp(redis, store, [...rows.keys()], 60)).toBe(119)
    loads = 0
    expect([await cache.read(redis, store, 'k0', 60), await cache.read(redis, store, 'k7', 60), loads]).toEqual([
      0,
      'new',
      0,
    ])
  })

  it.each(readdirSync(PATTERNS).filter((name) => name !== 'demonstrate.mjs'))('%s runs', (name) => {
    const addresses = groups.map(({ sentinels }) => `127.0.0.1:${sentinels[0]!.port}`)
    const args = [join(PATTERNS, name), groups[0]!.name, ...addresses]
    const done = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 60_000 })
    expect(done.stderr).toBe('')
    expect(done.status).toBe(0)
    expect(done.stdout).not.toBe('')
  })
})
