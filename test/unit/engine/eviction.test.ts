import { describe, expect, it } from 'vitest'
import type { ServerOptions } from '../../../src/config/server-options.ts'
import { createTestServer, type TestClient, type TestServer } from '../../support/engine.ts'

type Policy = ServerOptions['maxmemory-policy']
const VALUE = 'v'.repeat(1000)
/** A server that is full: `keys` keys a0 … of about 1 KiB, every second of which expires, the later the higher its number. */
function fullServer(policy: Policy, keys = 100): { server: TestServer; client: TestClient } {
  const server = createTestServer({ 'maxmemory-policy': policy, 'maxmemory-samples': '64' })
  const client = server.connect()
  for (let i = 0; i < keys; i++) {
    client.call('SET', `a${i}`, VALUE, ...(i % 2 === 0 ? [] : ['EX', String(1000 + i)]))
    server.advance(1000)
  }
  limitTo(server, server.keyspace.usedBytes)
  return { server, client }
}
function limitTo(server: TestServer, bytes: number): void {
  server.engine.gate.maxmemoryBytes = bytes
}
const left = (client: TestClient): number[] =>
  (client.call('KEYS', 'a*') as string[]).map((key) => Number(key.slice(1))).sort((a, b) => a - b)
const gone = (client: TestClient, keys = 100): number[] => {
  const there = new Set(left(client))
  return Array.from({ length: keys }, (_, i) => i).filter((i) => !there.has(i))
}
const add = (client: TestClient, count: number): void => {
  for (let i = 0; i < count; i++) expect(client.call('SET', `new${i}`, VALUE, 'EX', '900')).toBe('OK')
}

describe('eviction', () => {
  it('makes room for a write by those not used for longest, and keeps within the limit', () => {
    const { server, client } = fullServer('allkeys-lru')
    client.call('GET', 'a0')
    add(client, 10)
    expect(server.keyspace.usedBytes).toBeLessThan(server.engine.gate.maxmemoryBytes + 2000)
    const went = gone(client)
    expect(went.length).toBeGreaterThan(7)
    expect(went).not.toContain(0)
    expect(Math.max(...went)).toBeLessThan(30)
    expect(server.engine.eviction.stats.keys).toBe(went.length)
  })

  it('takes only keys with an expiry under a volatile policy, those that end first under volatile-ttl', () => {
    const { client } = fullServer('volatile-lru')
    client.call('GET', 'a1')
    add(client, 10)
    expect(gone(client).every((i) => i % 2 === 1 && i !== 1)).toBe(true)
    const ttl = fullServer('volatile-ttl').client
    for (let i = 0; i < 10; i++) ttl.call('SET', `keep${i}`, VALUE)
    const went = gone(ttl)
    expect(went.length).toBeGreaterThan(7)
    expect(went.every((i) => i % 2 === 1 && i < 40)).toBe(true)
  })

  it('takes those used rarely under an LFU policy', () => {
    const { client } = fullServer('allkeys-lfu')
    for (let round = 0; round < 20; round++) for (let i = 0; i < 50; i++) client.call('GET', `a${i}`)
    add(client, 10)
    const went = gone(client)
    expect(went.length).toBeGreaterThan(7)
    expect(Math.min(...went)).toBeGreaterThan(49)
  })

  it('takes any key at random, of each database', () => {
    const { server, client } = fullServer('allkeys-random')
    client.call('SELECT', '3')
    for (let i = 0; i < 40; i++) client.call('SET', `b${i}`, VALUE)
    expect(server.keyspace.databases[3]!.size).toBeLessThan(40)
    expect(server.keyspace.databases[0]!.size).toBeLessThan(100)
  })

  it('refuses writes when there is nothing to evict, and goes on with reads', () => {
    for (const policy of ['noeviction', 'volatile-lfu'] as const) {
      const { server, client } = fullServer(policy)
      for (let i = 1; i < 100; i += 2) client.call('PERSIST', `a${i}`)
      limitTo(server, 1000)
      expect(client.call('SET', 'x', 'y')).toMatchObject({
        message: "OOM command not allowed when used memory > 'maxmemory'.",
      })
      expect(client.call('GET', 'a0')).toBe(VALUE)
      expect(left(client).length).toBe(100)
    }
  })

  it('makes room before a read, too: what it leaves to send needs memory', () => {
    const { server, client } = fullServer('allkeys-lru')
    limitTo(server, server.keyspace.usedBytes - 10_000)
    client.call('EXISTS', 'none')
    expect(server.keyspace.usedBytes).toBeLessThanOrEqual(server.engine.gate.maxmemoryBytes)
    expect(gone(client).length).toBeGreaterThan(7)
  })

  it('is told to replicas before the command, to those who listen, and to INFO', () => {
    const { server, client } = fullServer('allkeys-lru')
    client.call('CONFIG', 'SET', 'notify-keyspace-events', 'Ee')
    server.engine.effects.notifyMask = server.config.values['notify-keyspace-events']
    const listener = server.connect()
    listener.call('SUBSCRIBE', '__keyevent@0__:evicted')
    listener.received()
    server.feeding = true
    client.call('MULTI')
    client.call('SET', 'x', VALUE)
    client.call('SET', 'y', VALUE)
    client.call('SET', 'z', VALUE)
    client.call('EXEC')
    expect(server.feed.at(-1)).toBe('0: EXEC')
    client.call('SET', 'w', VALUE)
    limitTo(server, 0)
    const evicted = gone(client)
    expect(evicted.length).toBeGreaterThan(0)
    const dels = server.feed.filter((line) => line.startsWith('0: DEL'))
    expect(dels.map((line) => line.slice('0: DEL '.length)).sort()).toEqual(evicted.map((i) => `a${i}`).sort())
    expect(server.feed.at(-1)).toBe(`0: SET w ${VALUE}`)
    expect(listener.received().length).toBe(evicted.length)
  })

  it('is told to who has read the key before the reply of the command that needed the room', () => {
    const { server, client } = fullServer('allkeys-lru')
    limitTo(server, 0)
    client.call('HELLO', '3')
    client.call('CLIENT', 'TRACKING', 'ON')
    client.call('GET', 'a0')
    limitTo(server, 1000)
    expect(client.call('EXISTS', 'none')).toEqual([{ push: ['invalidate', ['a0']] }, 0])
  })

  it('gives back what is being deleted before it evicts anything', () => {
    const { server, client } = fullServer('allkeys-lru')
    limitTo(server, 0)
    client.call('SADD', 'large', ...Array.from({ length: 5000 }, (_, i) => `member:${i}`))
    const full = server.keyspace.usedBytes
    client.call('UNLINK', 'large')
    limitTo(server, full - 50_000)
    expect(server.keyspace.usedBytes).toBeGreaterThan(full - 50_000)
    add(client, 1)
    expect(gone(client)).toEqual([])
  })

  it('leaves the rest for later when its time is over, and the command runs', () => {
    const { server, client } = fullServer('allkeys-random')
    client.call('CONFIG', 'SET', 'maxmemory-eviction-tenacity', '0')
    let micros = 0
    server.clockMicros = () => micros++
    const limit = server.keyspace.usedBytes - 50_000
    limitTo(server, limit)
    expect(client.call('SET', 'x', 'y')).toBe('OK')
    limitTo(server, 0)
    const first = gone(client).length
    limitTo(server, limit)
    expect([first > 0, first < 20, server.calls.at(-1)]).toEqual([true, true, 'evictLater'])
    expect(server.engine.eviction.exceedingMicros).toBeGreaterThan(0)
    while (server.engine.eviction.makeRoom() === 'soon');
    expect(gone(client).length).toBeGreaterThan(first)
    expect(server.engine.eviction.exceedingMicros).toBe(0)
    expect(server.engine.eviction.stats.exceededMicros).toBeGreaterThan(0)
  })

  it('leaves keys alone while nothing may be deleted: on a replica, and while writes are paused', () => {
    const { server, client } = fullServer('allkeys-lru')
    limitTo(server, 1000)
    server.keyspace.expiry = 'hide'
    expect(server.engine.eviction.makeRoom()).toBe('enough')
    server.keyspace.expiry = 'delete'
    server.keyspace.paused = true
    expect(server.engine.eviction.makeRoom()).toBe('enough')
    expect(gone(client)).toEqual([])
  })
})

describe('OBJECT under a policy', () => {
  it('tells how often keys are used under LFU, and how long they are idle otherwise', () => {
    const server = createTestServer({ 'maxmemory-policy': 'allkeys-lfu' })
    const client = server.connect()
    client.call('SET', 'k', 'v')
    expect(client.call('OBJECT', 'FREQ', 'k')).toBe(5)
    client.call('GET', 'k')
    client.call('SET', 'k', 'w'.repeat(100))
    client.call('APPEND', 'k', 'x'.repeat(1000))
    expect(client.call('OBJECT', 'FREQ', 'k')).toBeGreaterThan(5)
    server.advance(3 * 60_000)
    expect(client.call('OBJECT', 'FREQ', 'k')).toBeLessThan(6)
    expect(client.call('OBJECT', 'IDLETIME', 'k')).toMatchObject({ message: expect.stringContaining('An LFU') })
    client.call('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru')
    client.call('GET', 'k')
    server.advance(5000)
    expect(client.call('OBJECT', 'IDLETIME', 'k')).toBe(5)
    expect(client.call('OBJECT', 'FREQ', 'k')).toMatchObject({ message: expect.stringContaining('An LFU') })
  })

  it('is what RESTORE says', () => {
    const server = createTestServer({ 'maxmemory-policy': 'volatile-lfu' })
    const client = server.connect()
    client.call('SET', 'k', 'v')
    const payload = Buffer.from(String(client.call('DUMP', 'k')), 'latin1')
    client.call('RESTORE', 'k', '0', payload, 'REPLACE', 'FREQ', '100')
    expect(client.call('OBJECT', 'FREQ', 'k')).toBe(100)
    client.call('RESTORE', 'k', '0', payload, 'REPLACE')
    expect(client.call('OBJECT', 'FREQ', 'k')).toBe(5)
  })
})
