// MIGRATE between redis-server and ours, in both directions: all types, several keys, refusals, and keys that change while they move.
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { callOnce, info, type RespError } from '../support/resp.ts'
import { createScope, type Scope } from '../support/scope.ts'
import { type Running, startServer } from '../support/servers.ts'

let scope: Scope
let redis: Running
let ours: Running
beforeEach(async () => {
  scope = createScope()
  redis = await startServer(scope, { make: 'redis' })
  ours = await startServer(scope, { make: 'vedette' })
})
afterEach(() => scope.close())

const FILL = [
  'SET string value EX 1000',
  'RPUSH list 1 2 3',
  'HSET hash f v',
  'SADD set 1 2 x',
  'ZADD zset 1.5 m',
  'XADD stream 1-1 f v',
].map((line) => line.split(' '))
const KEYS = FILL.map(([, key]) => key!)

const migrate = (from: Running, to: Running, ...rest: string[]) =>
  callOnce(from.port, 'MIGRATE', '127.0.0.1', String(to.port), ...rest)

const refusal = async (...order: Parameters<typeof migrate>): Promise<string> =>
  ((await migrate(...order)) as RespError).message

describe('MIGRATE', () => {
  it.each(['to redis-server', 'from redis-server'])('moves all types %s', async (direction) => {
    const [from, to] = direction === 'to redis-server' ? [ours, redis] : [redis, ours]
    for (const command of FILL) await callOnce(from.port, ...command)
    const payloads = async (port: number): Promise<unknown[]> =>
      Promise.all(KEYS.map((key) => callOnce(port, 'TYPE', key)))
    const before = await payloads(from.port)
    expect(await migrate(from, to, '', '0', '5000', 'KEYS', ...KEYS, 'none')).toBe('OK')
    expect(await callOnce(from.port, 'DBSIZE')).toBe(0)
    expect(await payloads(to.port)).toEqual(before)
    expect(await callOnce(to.port, 'TTL', 'string')).toBeGreaterThan(900)
    expect(await callOnce(to.port, 'TTL', 'list')).toBe(-1)
  })

  it('removes what was acknowledged, and says what was refused', async () => {
    for (const command of FILL) await callOnce(ours.port, ...command)
    await callOnce(redis.port, 'SET', 'list', 'mine')
    expect(await refusal(ours, redis, '', '0', '5000', 'KEYS', ...KEYS)).toBe(
      'ERR Target instance replied with error: BUSYKEY Target key name already exists.',
    )
    expect(await callOnce(ours.port, 'KEYS', '*')).toEqual(['list'])
    expect(await migrate(ours, redis, 'list', '0', '5000', 'COPY', 'REPLACE')).toBe('OK')
    expect(await callOnce(ours.port, 'EXISTS', 'list')).toBe(1)
    expect(await callOnce(redis.port, 'LLEN', 'list')).toBe(3)
    await callOnce(redis.port, 'CONFIG', 'SET', 'requirepass', 'secret')
    expect(await refusal(ours, redis, 'list', '0', '5000', 'REPLACE', 'AUTH', 'wrong')).toContain('WRONGPASS')
    expect(await migrate(ours, redis, 'list', '0', '5000', 'REPLACE', 'AUTH2', 'default', 'secret')).toBe('OK')
    expect(await callOnce(ours.port, 'DBSIZE')).toBe(0)
    expect((await info(ours.port, 'stats')).migrate_cached_sockets).toBe('1')
  })

  it('sends again what changes meanwhile, and disturbs nobody else', async () => {
    await callOnce(ours.port, 'SET', 'k', 'old')
    await callOnce(redis.port, 'CLIENT', 'PAUSE', '1500', 'ALL')
    const moved = migrate(ours, redis, 'k', '0', '5000')
    expect(await callOnce(ours.port, 'SET', 'k', 'new')).toBe('OK')
    expect(await moved).toBe('OK')
    expect(await callOnce(ours.port, 'EXISTS', 'k')).toBe(0)
    expect(await callOnce(redis.port, 'GET', 'k')).toBe('new')
  })

  it('ends with an error when the other server does not answer in time; the key stays', async () => {
    await callOnce(ours.port, 'SET', 'k', 'v')
    await callOnce(redis.port, 'CLIENT', 'PAUSE', '60000', 'ALL')
    expect(await refusal(ours, redis, 'k', '0', '100')).toMatch(/^IOERR/)
    expect(await callOnce(ours.port, 'GET', 'k')).toBe('v')
    expect((await info(ours.port, 'stats')).migrate_cached_sockets).toBe('0')
  })
})
