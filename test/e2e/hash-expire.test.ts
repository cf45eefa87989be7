// Fields of hashes that expire, between real processes: a full synchronization, the stream, a promotion, and a snapshot on disk carry their
// expiry; a redis-server 7.0 beside it is told what it can understand (test/compat/).
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { follow, linkUp, sameOffset } from '../support/replicated.ts'
import { callOnce } from '../support/resp.ts'
import { createScope, type Scope } from '../support/scope.ts'
import { type Running, startServer } from '../support/servers.ts'
import { eventually } from '../support/wait.ts'

describe('fields that expire', () => {
  let scope: Scope
  beforeEach(() => {
    scope = createScope()
  })
  afterEach(() => scope.close())
  const start = (): Promise<Running> =>
    startServer(scope, { make: 'vedette', args: ['--enable-debug-command', 'local'] })

  it('do so on replicas, and on the one that is promoted', async () => {
    const [primary, replica] = (await Promise.all([start(), start()])) as [Running, Running]
    const call = (...args: string[]) => callOnce(primary.port, ...args)
    await call('HSET', 'before', 'a', '1', 'b', '2')
    await call('HPEXPIREAT', 'before', '4000000000000', 'FIELDS', '1', 'a')
    await follow(replica, primary)
    await linkUp(replica)
    await call('HSETEX', 'after', 'PXAT', '4000000000001', 'FIELDS', '2', 'x', '1', 'y', '2')
    await call('HSETEX', 'short', 'PX', '50', 'FIELDS', '1', 'x', '1')
    await eventually('the short one is gone', async () => (await callOnce(replica.port, 'EXISTS', 'short')) === 0)
    await sameOffset([primary, replica])
    for (const port of [primary.port, replica.port]) {
      expect(await callOnce(port, 'HPEXPIRETIME', 'before', 'FIELDS', '2', 'a', 'b')).toEqual([4000000000000, -1])
      expect(await callOnce(port, 'HPEXPIRETIME', 'after', 'FIELDS', '2', 'x', 'y')).toEqual([
        4000000000001, 4000000000001,
      ])
    }
    const digest = await call('DEBUG', 'DIGEST')
    expect(digest).toMatch(/^[0-9a-f]{40}$/)
    expect(await callOnce(replica.port, 'DEBUG', 'DIGEST')).toBe(digest)
    await callOnce(replica.port, 'REPLICAOF', 'NO', 'ONE')
    await callOnce(replica.port, 'HPEXPIRE', 'before', '20', 'FIELDS', '1', 'a')
    await eventually('it expires there', async () => {
      return JSON.stringify(await callOnce(replica.port, 'HGETALL', 'before')) === '["b","2"]'
    })
  })

  it('come back from a snapshot, whose version is 12 only if there are any', async () => {
    const server = await start()
    const call = (...args: string[]) => callOnce(server.port, ...args)
    await call('HSET', 'h', 'a', '1', 'b', '2')
    await call('HPEXPIREAT', 'h', '4000000000000', 'FIELDS', '1', 'a')
    const version = (): string => readFileSync(join(server.dir, 'dump.rdb')).toString('latin1', 0, 9)
    expect(await call('DEBUG', 'RELOAD')).toBe('OK')
    expect(version()).toBe('REDIS0012')
    expect(await call('HPEXPIRETIME', 'h', 'FIELDS', '2', 'a', 'b')).toEqual([4000000000000, -1])
    expect(await call('HGETALL', 'h')).toHaveLength(4)
    await call('HPERSIST', 'h', 'FIELDS', '1', 'a')
    expect(await call('DEBUG', 'RELOAD')).toBe('OK')
    expect(version()).toBe('REDIS0010')
    expect(await call('HTTL', 'h', 'FIELDS', '2', 'a', 'b')).toEqual([-1, -1])
  })
})
