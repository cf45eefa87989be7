import { describe, expect, it } from 'vitest'
import { createTestServer, type TestClient } from '../../support/engine.ts'
import type { RespValue } from '../../support/resp.ts'

const invalidated = (...keys: string[]): RespValue => ({ push: ['invalidate', keys] })
const ALL = { push: ['invalidate', null] }

/** A client that speaks RESP3. */
function modern(server: ReturnType<typeof createTestServer>): TestClient {
  const client = server.connect()
  client.call('HELLO', '3')
  return client
}

describe('a client that tracks', () => {
  it('hears once of a key that it has read, also of its own changes, behind the reply', () => {
    const server = createTestServer()
    const [client, other] = [modern(server), server.connect()]
    client.call('CLIENT', 'TRACKING', 'ON')
    client.call('GET', 'k')
    other.call('SET', 'k', '1')
    other.call('SET', 'k', '2')
    expect(client.received()).toEqual([invalidated('k')])
    client.call('GET', 'k')
    expect(client.call('INCR', 'k')).toEqual([3, invalidated('k')])
  })

  it('hears of what a transaction did when it is over, whatever is sent in between', () => {
    const server = createTestServer()
    const [client, watcher] = [modern(server), modern(server)]
    for (const one of [client, watcher]) {
      one.call('CLIENT', 'TRACKING', 'ON')
      one.call('MGET', 'k', 'l')
    }
    client.call('MULTI')
    client.call('SET', 'k', '1')
    client.call('SET', 'l', '1')
    expect(watcher.received()).toEqual([])
    expect(client.call('EXEC')).toEqual([['OK', 'OK'], invalidated('k'), invalidated('l')])
    expect(watcher.received()).toEqual([invalidated('k'), invalidated('l')])
  })

  it('has read the keys that it gave a script, once that calls a command that reads', () => {
    const server = createTestServer()
    const [client, other] = [modern(server), server.connect()]
    client.call('CLIENT', 'TRACKING', 'ON')
    for (const script of ["redis.call('SET', 'x', '1')", "redis.call('PING')"]) {
      client.call('EVAL', script, '2', 'k', 'l')
      other.call('MSET', 'k', '1', 'l', '1')
    }
    client.call('EVAL_RO', "redis.call('PING')", '2', 'k', 'l')
    other.call('MSET', 'k', '1', 'l', '1')
    expect(client.received()).toEqual([])
    for (const call of ['EVAL', 'EVAL_RO']) {
      client.call(call, "redis.call('GET', 'x')", '2', 'k', 'l')
      other.call('MSET', 'k', '2', 'l', '2', 'x', '2')
      expect(client.received()).toEqual([invalidated('k'), invalidated('l')])
    }
  })

  it('is served, when it waits, before it hears that the key changed', () => {
    const server = createTestServer()
    const [client, other] = [modern(server), server.connect()]
    client.call('CLIENT', 'TRACKING', 'ON')
    client.call('LRANGE', 'to', '0', '-1')
    client.call('BLMOVE', 'from', 'to', 'LEFT', 'LEFT', '0')
    other.call('RPUSH', 'from', 'x')
    expect(client.received()).toEqual(['x', invalidated('to')])
  })

  it('hears that all is gone once, when databases are emptied or exchanged', () => {
    const server = createTestServer()
    const [client, other] = [modern(server), server.connect()]
    client.call('CLIENT', 'TRACKING', 'ON')
    client.call('GET', 'k')
    expect(server.tracking.counts).toMatchObject({ clients: 1, keys: 1, items: 1 })
    other.call('FLUSHALL')
    expect(server.tracking.counts).toMatchObject({ keys: 0, items: 0 })
    other.call('SWAPDB', '0', '1')
    expect(client.received()).toEqual([ALL, ALL])
    expect(client.call('FLUSHDB')).toEqual(['OK', ALL])
  })

  it('hears of keys whose time is over, also if its own command finds them', () => {
    const server = createTestServer()
    const [client, other] = [modern(server), server.connect()]
    client.call('CLIENT', 'TRACKING', 'ON')
    other.call('SET', 'k', '1', 'PX', '10')
    client.call('GET', 'k')
    server.advance(20)
    expect(client.call('GET', 'k')).toEqual([null, invalidated('k')])
  })

  it('hears of changes that are nobody’s command at the end of the turn', () => {
    const server = createTestServer()
    const [client, other] = [modern(server), server.connect()]
    client.call('CLIENT', 'TRACKING', 'ON')
    other.call('SET', 'k', '1', 'PX', '10')
    client.call('GET', 'k')
    server.advance(20)
    server.engine.setTime(server.nowMs)
    server.engine.runInternal(() => void server.keyspace.databases[0]!.expireSegment(0))
    server.endTurn()
    expect(client.received()).toEqual([invalidated('k')])
  })

  it('costs nothing once nobody tracks: changes are not watched, and what was remembered is forgotten', () => {
    const server = createTestServer()
    const [client, other] = [modern(server), server.connect()]
    expect(server.keyspace.watching).toBe(false)
    client.call('CLIENT', 'TRACKING', 'ON')
    client.call('GET', 'k')
    expect(server.keyspace.watching).toBe(true)
    expect(server.tracking.heldBytes).toBeGreaterThan(0)
    client.call('RESET')
    expect(server.keyspace.watching).toBe(false)
    expect(server.tracking.heldBytes).toBe(0)
    other.call('SET', 'k', '1')
    expect(client.received()).toEqual([])
  })

  it('may have asked in another way before: what was remembered then does not count', () => {
    const server = createTestServer()
    const [client, other, third] = [modern(server), server.connect(), modern(server)]
    third.call('CLIENT', 'TRACKING', 'ON')
    client.call('CLIENT', 'TRACKING', 'ON')
    client.call('GET', 'k')
    client.call('CLIENT', 'TRACKING', 'OFF')
    client.call('CLIENT', 'TRACKING', 'ON', 'BCAST', 'PREFIX', 'x')
    other.call('SET', 'k', '1')
    server.endTurn()
    expect(client.received()).toEqual([])
  })

  it('speaks RESP2 and redirects to nobody: there is no way to tell it', () => {
    const server = createTestServer()
    const [client, other] = [server.connect(), server.connect()]
    client.call('CLIENT', 'TRACKING', 'ON')
    client.call('GET', 'k')
    other.call('SET', 'k', '1')
    expect(client.received()).toEqual([])
  })
})

describe('NOLOOP', () => {
  it('leaves out what the client changed itself, but not what time changed', () => {
    const server = createTestServer()
    const [client, other] = [modern(server), server.connect()]
    client.call('CLIENT', 'TRACKING', 'ON', 'BCAST', 'NOLOOP')
    client.call('SET', 'mine', '1')
    other.call('SET', 'yours', '1')
    server.endTurn()
    expect(client.received()).toEqual([invalidated('yours')])
    client.call('SET', 'short', '1', 'PX', '10')
    server.advance(20)
    client.call('GET', 'short')
    server.endTurn()
    expect(client.received()).toEqual([invalidated('short')])
  })
})

describe('BCAST', () => {
  it('names a key once a turn, to those with its prefix', () => {
    const server = createTestServer()
    const [users, all, other] = [modern(server), modern(server), server.connect()]
    users.call('CLIENT', 'TRACKING', 'ON', 'BCAST', 'PREFIX', 'user:')
    all.call('CLIENT', 'TRACKING', 'ON', 'BCAST')
    expect(server.tracking.counts).toMatchObject({ clients: 2, prefixes: 2 })
    for (const key of ['user:1', 'item:1', 'user:1', 'use']) other.call('SET', key, '1')
    expect(users.received()).toEqual([])
    server.endTurn()
    expect(users.received()).toEqual([invalidated('user:1')])
    expect(all.received()).toEqual([invalidated('user:1', 'item:1', 'use')])
    users.call('CLIENT', 'TRACKING', 'OFF')
    expect(server.tracking.counts).toMatchObject({ clients: 1, prefixes: 1 })
  })
})

describe('REDIRECT', () => {
  it('sends to the other connection in its protocol', () => {
    const server = createTestServer()
    const [client, old, fresh, other] = [server.connect(), server.connect(), modern(server), server.connect()]
    old.call('SUBSCRIBE', '__redis__:invalidate')
    client.call('CLIENT', 'TRACKING', 'ON', 'REDIRECT', String(old.session.id))
    client.call('GET', 'k')
    other.call('SET', 'k', '1')
    expect(old.received()).toEqual([['message', '__redis__:invalidate', ['k']]])
    other.call('FLUSHALL')
    expect(old.received()).toEqual([['message', '__redis__:invalidate', null]])
    client.call('CLIENT', 'TRACKING', 'ON', 'REDIRECT', String(fresh.session.id))
    client.call('GET', 'k')
    fresh.call('SET', 'k', '1')
    expect(fresh.received()).toEqual([])
    client.call('GET', 'k')
    other.call('SET', 'k', '2')
    expect(fresh.received()).toEqual([invalidated('k')])
  })

  it('is broken when the other connection is gone, and says so', () => {
    const server = createTestServer()
    const [client, target, other] = [modern(server), server.connect(), server.connect()]
    const id = target.session.id
    client.call('CLIENT', 'TRACKING', 'ON', 'REDIRECT', String(id))
    client.call('GET', 'k')
    target.session.outlet.close()
    other.call('SET', 'k', '1')
    expect(client.received()).toEqual([{ push: ['tracking-redir-broken', id] }])
    expect(client.raw('CLIENT', 'TRACKINGINFO').toString()).toContain('broken_redirect')
    expect(client.raw('CLIENT', 'INFO').toString()).toMatch(/ flags=tR .* redir=2 /)
  })
})

describe('the limit on keys', () => {
  it('is kept by telling readers of some keys as if they had changed', () => {
    const server = createTestServer({ 'tracking-table-max-keys': '3' })
    const client = modern(server)
    client.call('CLIENT', 'TRACKING', 'ON')
    for (let i = 0; i < 10; i++) client.call('GET', `k${i}`)
    server.tracking.trim()
    expect(server.tracking.counts.keys).toBe(3)
  })

  it('costs more effort the longer it is exceeded', () => {
    const server = createTestServer({ 'tracking-table-max-keys': '0' })
    const client = modern(server)
    client.call('CLIENT', 'TRACKING', 'ON', 'NOLOOP')
    const keys = Array.from({ length: 500 }, (_, i) => `k${i}`)
    client.call('MGET', ...keys)
    server.config.assign('tracking-table-max-keys', ['1'])
    const left = Array.from({ length: 4 }, () => {
      server.tracking.trim()
      return server.tracking.counts.keys
    })
    expect(left).toEqual([400, 200, 1, 1])
    expect(client.received()).toHaveLength(499)
  })
})
