import { describe, expect, it } from 'vitest'
import { createTestServer } from '../../support/engine.ts'
import { RespError } from '../../support/resp.ts'

/** Whether an EXEC of `watcher` goes through after `change`, with `key` watched and `setup` done before the WATCH. */
function survives(setup: (call: (line: string) => void) => void, change: (act: Act) => void): boolean {
  const server = createTestServer()
  const [watcher, other] = [server.connect(), server.connect()]
  const call = (line: string): void => void other.call(...line.split(' '))
  setup(call)
  watcher.call('WATCH', 'key')
  change({ call, wait: (ms) => server.advance(ms) })
  watcher.call('MULTI')
  watcher.call('PING')
  return watcher.call('EXEC') !== null
}

interface Act {
  call(line: string): void
  wait(ms: number): void
}

const nothing = (): void => {}
const alive = (call: (line: string) => void): void => call('SET key v')
const mortal = (call: (line: string) => void): void => call('SET key v PX 100')

describe('WATCH', () => {
  it.each<[string, (call: (line: string) => void) => void, (act: Act) => void]>([
    ['nothing happens', alive, nothing],
    ['another key changes', alive, ({ call }) => call('SET other v')],
    [
      'the key changes in another database',
      alive,
      ({ call }) => {
        call('SELECT 1')
        call('SET key v')
      },
    ],
    ['a key that is not there is deleted', nothing, ({ call }) => call('DEL key')],
    ['a database without the key is flushed', nothing, ({ call }) => call('FLUSHALL')],
    [
      'another database is flushed',
      alive,
      ({ call }) => {
        call('SELECT 1')
        call('FLUSHDB')
      },
    ],
    ['databases without the key are exchanged', nothing, ({ call }) => call('SWAPDB 0 1')],
    ['its time is not over yet', mortal, ({ wait }) => wait(100)],
  ])('lets EXEC pass if %s', (_, setup, change) => {
    expect(survives(setup, change)).toBe(true)
  })

  it.each<[string, (call: (line: string) => void) => void, (act: Act) => void]>([
    ['is set', alive, ({ call }) => call('SET key v')],
    ['is created', nothing, ({ call }) => call('SET key v')],
    ['is deleted', alive, ({ call }) => call('DEL key')],
    ['is renamed away', alive, ({ call }) => call('RENAME key other')],
    ['gets an expiry', alive, ({ call }) => call('EXPIRE key 100')],
    ['goes with its database', alive, ({ call }) => call('FLUSHDB')],
    ['goes with all databases', alive, ({ call }) => call('FLUSHALL')],
    ['is exchanged away', alive, ({ call }) => call('SWAPDB 0 1')],
    [
      'is exchanged in',
      (call) => {
        call('SELECT 1')
        call('SET key v')
        call('SELECT 0')
      },
      ({ call }) => call('SWAPDB 0 1'),
    ],
    ['runs out of time and nobody looks', mortal, ({ wait }) => wait(101)],
    [
      'runs out of time and is deleted',
      mortal,
      ({ wait, call }) => {
        wait(101)
        call('GET key')
      },
    ],
  ])('makes EXEC fail if the key %s', (_, setup, change) => {
    expect(survives(setup, change)).toBe(false)
  })

  describe('of a key that has run out of time before', () => {
    /** The same, with the key expired (but not deleted) when it is watched. */
    const expired = (change: (act: Act) => void): boolean => {
      const server = createTestServer()
      const [watcher, other] = [server.connect(), server.connect()]
      const call = (line: string): void => void other.call(...line.split(' '))
      call('SET key v PX 100')
      server.nowMs += 101
      watcher.call('WATCH', 'key')
      change({ call, wait: (ms) => server.advance(ms) })
      watcher.call('MULTI')
      watcher.call('PING')
      return watcher.call('EXEC') !== null
    }

    it('is not broken by its deletion, nor by a flush', () => {
      expect(expired(nothing)).toBe(true)
      expect(expired(({ call }) => call('GET key'))).toBe(true)
      expect(expired(({ call }) => call('FLUSHALL'))).toBe(true)
      expect(expired(({ call }) => call('SWAPDB 0 1'))).toBe(true)
    })

    it('is broken by a new value', () => {
      expect(expired(({ call }) => call('SET key new'))).toBe(false)
      expect(
        expired(({ call }) => {
          call('GET key')
          call('SET key new')
        }),
      ).toBe(false)
    })
  })

  it('ends with UNWATCH, EXEC, DISCARD, RESET, and when its session goes', () => {
    const server = createTestServer()
    const [watcher, other] = [server.connect(), server.connect()]
    for (const end of ['UNWATCH', 'DISCARD', 'RESET', 'EXEC']) {
      watcher.call('WATCH', 'key', 'key2')
      expect(server.keyspace.watching).toBe(true)
      if (end === 'DISCARD' || end === 'EXEC') watcher.call('MULTI')
      watcher.call(end)
      expect(server.keyspace.watching, end).toBe(false)
    }
    watcher.call('WATCH', 'key')
    other.call('SET', 'key', 'v')
    watcher.call('UNWATCH')
    watcher.call('MULTI')
    expect(watcher.call('EXEC')).toEqual([])
  })

  it('of one session does not end with that of another', () => {
    const server = createTestServer()
    const [a, b, other] = [server.connect(), server.connect(), server.connect()]
    a.call('WATCH', 'key')
    b.call('WATCH', 'key')
    a.call('UNWATCH')
    other.call('SET', 'key', 'v')
    b.call('MULTI')
    expect(b.call('EXEC')).toBeNull()
  })
})

describe('EXEC', () => {
  it('runs all commands and replies what each replied, errors among them', () => {
    const client = createTestServer().connect()
    client.call('MULTI')
    for (const line of ['SET a 1', 'INCR a', 'SELECT 3', 'GET a', 'GETEX a x']) {
      expect(client.call(...line.split(' '))).toBe('QUEUED')
    }
    expect(client.call('EXEC')).toEqual(['OK', 2, 'OK', null, new RespError('ERR syntax error')])
    expect(client.session.db).toBe(3)
    expect(client.call('EXEC')).toEqual(new RespError('ERR EXEC without MULTI'))
  })

  it('is refused when a command could not be queued', () => {
    const client = createTestServer().connect()
    client.call('MULTI')
    client.call('SET', 'a', '1')
    client.call('NOSUCH')
    expect(client.call('EXEC')).toEqual(new RespError('EXECABORT Transaction discarded because of previous errors.'))
    expect(client.call('GET', 'a')).toBeNull()
  })

  it('is replicated as one, and not at all if nothing changed', () => {
    const server = createTestServer()
    const client = server.connect()
    for (const line of ['MULTI', 'SET a 1', 'GET a', 'INCR a', 'EXEC']) client.call(...line.split(' '))
    expect(server.feed).toEqual(['0: MULTI', '0: SET a 1', '0: INCR a', '0: EXEC'])
    server.feed.length = 0
    for (const line of ['MULTI', 'GET a', 'EXEC']) client.call(...line.split(' '))
    expect(server.feed).toEqual([])
  })

  it('is replicated bare if there is one thing only, be it a write, a message or a key whose time was over', () => {
    const server = createTestServer()
    const client = server.connect()
    const run = (...lines: string[]): string[] => {
      server.feed.length = 0
      for (const line of ['MULTI', ...lines, 'EXEC']) client.call(...line.split(' '))
      return [...server.feed]
    }
    expect(run('SET a 1 PX 5', 'GET a')).toEqual(['0: SET a 1 PXAT 1700000000005'])
    expect(run('PUBLISH c hello')).toEqual(['0: PUBLISH c hello'])
    server.advance(10)
    expect(run('GET a', 'GET a')).toEqual(['0: DEL a'])
    expect(run('SELECT 3', 'SET b 1')).toEqual(['3: SET b 1'])
    expect(run('SET a 1', 'SELECT 0', 'SET b 1')).toEqual(['3: MULTI', '3: SET a 1', '0: SET b 1', '0: EXEC'])
    expect(run('GET a')).toEqual([])
  })

  it('is refused while some command of it would be: one that may run on a stale replica does not open the gate for others', () => {
    const server = createTestServer()
    const client = server.connect()
    for (const line of ['MULTI', 'GET a', 'PUBLISH c x']) client.call(...line.split(' '))
    server.engine.gate.stale = true
    expect(client.call('EXEC')).toMatchObject({ message: expect.stringMatching(/^EXECABORT .*: MASTERDOWN Link/) })
    expect(client.call('MULTI')).toBe('OK')
    expect(client.call('PUBLISH', 'c', 'x')).toBe('QUEUED')
    expect(client.call('EXEC')).toEqual([0])
  })

  it('is not for queues without limit: those beyond client-query-buffer-limit cost the connection', () => {
    const client = createTestServer({ 'client-query-buffer-limit': '1mb' }).connect()
    client.call('MULTI')
    let queued = 0
    while (!client.closed && queued < 100_000) {
      client.call('PING', 'x')
      queued++
    }
    expect(queued).toBeLessThan(6_000)
  })

  it('is refused with its reason when the gate refuses it, and nothing can be queued when memory is short', () => {
    const server = createTestServer()
    const client = server.connect()
    client.call('WATCH', 'k')
    for (const line of ['MULTI', 'SET a 1']) client.call(...line.split(' '))
    server.engine.gate.readonlyReplica = true
    expect(client.call('EXEC')).toEqual(
      new RespError(
        "EXECABORT Transaction discarded because of: READONLY You can't write against a read only replica.",
      ),
    )
    expect(client.session.transaction).toBeUndefined()
    expect(server.keyspace.watching).toBe(false)
    expect(client.call('EXEC', 'x')).toEqual(
      new RespError("EXECABORT Transaction discarded because of: wrong number of arguments for 'exec' command"),
    )
    server.engine.gate.maxmemoryBytes = 1
    client.call('MULTI')
    expect(client.call('PING')).toBeInstanceOf(RespError)
    expect(client.call('DISCARD')).toBe('OK')
    expect(client.call('PING')).toBe('PONG')
  })
})
