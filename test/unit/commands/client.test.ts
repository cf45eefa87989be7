import { describe, expect, it } from 'vitest'
import { createTestServer } from '../../support/engine.ts'
import { RespError } from '../../support/resp.ts'

const error = (text: string): RespError => new RespError(text)

describe('CLIENT LIST and INFO', () => {
  it('show the fields of Redis 7.0 in their order', () => {
    const server = createTestServer()
    const client = server.connect()
    client.call('CLIENT', 'SETNAME', 'me')
    server.advance(5300)
    client.call('MULTI')
    client.call('PING')
    const line = client.call('CLIENT', 'INFO')
    expect(line).toBe('QUEUED')
    client.call('DISCARD')
    expect(client.call('CLIENT', 'INFO')).toBe(
      'id=1 addr=127.0.0.1:10000 laddr=127.0.0.1:6379 fd=8 name=me age=5 idle=5 flags=N db=0 sub=0 psub=0 ssub=0 multi=-1 ' +
        'qbuf=0 qbuf-free=0 argv-mem=0 multi-mem=0 rbs=0 rbp=0 obl=0 oll=0 omem=0 tot-mem=0 events=r cmd=client|info ' +
        'user=default redir=-1 resp=2\n',
    )
  })

  it('say in letters and numbers what a connection is doing', () => {
    const server = createTestServer()
    const [busy, monitor, looking] = [server.connect(), server.connect(), server.connect()]
    busy.call('WATCH', 'k')
    for (const line of ['SUBSCRIBE a b', 'PSUBSCRIBE c', 'SSUBSCRIBE d']) busy.call(...line.split(' '))
    busy.session.resp = 3
    busy.call('MULTI')
    busy.call('GET', 'xyz')
    monitor.call('MONITOR')
    looking.call('SET', 'k', '1')
    looking.call('CLIENT', 'NO-EVICT', 'ON')
    const [first, second, third] = String(looking.call('CLIENT', 'LIST')).split('\n')
    expect(first).toMatch(/ flags=Pxd db=0 sub=2 psub=1 ssub=1 multi=1 .* multi-mem=206 .* cmd=multi .* resp=3$/)
    expect(second).toMatch(/ flags=O /)
    expect(third).toMatch(/ flags=e .* cmd=client\|list /)
  })

  it('select by type and ID', () => {
    const server = createTestServer()
    const [first, second] = [server.connect(), server.connect()]
    second.call('SUBSCRIBE', 'a')
    const ids = (...args: string[]): string[] =>
      [...String(first.call('CLIENT', 'LIST', ...args)).matchAll(/^id=(\d+)/gm)].map((match) => match[1]!)
    expect(ids('TYPE', 'pubsub')).toEqual(['2'])
    expect(ids('TYPE', 'NORMAL')).toEqual(['1'])
    expect(ids('TYPE', 'replica')).toEqual([])
    expect(ids('ID', '2', '9', '1')).toEqual(['2', '1'])
    expect(first.call('CLIENT', 'LIST', 'TYPE', 'foo')).toEqual(error("ERR Unknown client type 'foo'"))
    expect(first.call('CLIENT', 'LIST', 'ID', 'x')).toEqual(error('ERR Invalid client ID'))
    expect(first.call('CLIENT', 'LIST', 'ID')).toEqual(error('ERR syntax error'))
  })
})

describe('CLIENT KILL', () => {
  const three = () => {
    const server = createTestServer()
    return { server, clients: [server.connect(), server.connect(), server.connect()] as const }
  }

  it('by address, the old way, also of itself', () => {
    const { clients } = three()
    expect(clients[0].call('CLIENT', 'KILL', '1.1.1.1:1')).toEqual(error('ERR No such client'))
    expect(clients[0].call('CLIENT', 'KILL', '127.0.0.1:10001')).toBe('OK')
    expect(clients.map(({ closed }) => closed)).toEqual([false, true, false])
    expect(clients[0].call('CLIENT', 'KILL', '127.0.0.1:10000')).toBe('OK')
    expect(clients[0].closed).toBe(true)
  })

  it.each([
    [['ID', '2'], [2]],
    [['TYPE', 'pubsub'], [3]],
    [['ADDR', '127.0.0.1:10001'], [2]],
    [
      ['LADDR', '127.0.0.1:6379'],
      [2, 3],
    ],
    [
      ['LADDR', '127.0.0.1:6379', 'SKIPME', 'no'],
      [1, 2, 3],
    ],
    [
      ['USER', 'default'],
      [2, 3],
    ],
    [['USER', 'default', 'ID', '1'], []],
    [['ID', '1', 'SKIPME', 'NO'], [1]],
  ])('with the filter %s', (filter, killed) => {
    const { server, clients } = three()
    clients[2].call('SUBSCRIBE', 'a')
    expect(clients[0].call('CLIENT', 'KILL', ...filter)).toBe(killed.length)
    expect(server.calls).toEqual(killed.map((id) => `kill ${id}`))
  })

  it.each([
    [['ID', '0'], 'ERR client-id should be greater than 0'],
    [['ID', 'x'], 'ERR client-id should be greater than 0'],
    [['TYPE', 'x'], "ERR Unknown client type 'x'"],
    [['USER', 'x'], "ERR No such user 'x'"],
    [['SKIPME', 'x'], 'ERR syntax error'],
    [['ID', '1', 'ADDR'], 'ERR syntax error'],
    [['FOO', '1'], 'ERR syntax error'],
  ])('refuses %s', (filter, text) => {
    const { server, clients } = three()
    expect(clients[0].call('CLIENT', 'KILL', ...filter)).toEqual(error(text))
    expect(server.calls).toEqual([])
  })
})

describe('CLIENT REPLY', () => {
  it('OFF and SKIP silence replies', () => {
    const client = createTestServer().connect()
    expect(client.raw('CLIENT', 'REPLY', 'SKIP').length).toBe(0)
    expect(client.raw('PING').length).toBe(0)
    expect(client.call('PING')).toBe('PONG')
    expect(client.raw('CLIENT', 'REPLY', 'OFF').length).toBe(0)
    expect(client.raw('PING').length).toBe(0)
    expect(client.raw('CLIENT', 'REPLY', 'SKIP').length).toBe(0)
    expect(client.raw('PING').length).toBe(0)
    expect(client.call('CLIENT', 'REPLY', 'ON')).toBe('OK')
    expect(client.call('PING')).toBe('PONG')
    expect(client.call('CLIENT', 'REPLY', 'x')).toEqual(error('ERR syntax error'))
  })
})

describe('CLIENT', () => {
  it('names connections and takes the library’s name', () => {
    const client = createTestServer().connect()
    expect(client.call('CLIENT', 'GETNAME')).toBeNull()
    expect(client.call('CLIENT', 'SETNAME', 'me')).toBe('OK')
    expect(client.call('CLIENT', 'GETNAME')).toBe('me')
    expect(client.call('CLIENT', 'SETNAME', 'a\nb')).toBeInstanceOf(RespError)
    expect(client.call('CLIENT', 'SETNAME', '')).toBe('OK')
    expect(client.call('CLIENT', 'GETNAME')).toBeNull()
    expect(client.call('CLIENT', 'SETINFO', 'lib-name', 'ioredis')).toBe('OK')
    expect(client.call('CLIENT', 'SETINFO', 'LIB-VER', '5.0')).toBe('OK')
    expect(client.call('CLIENT', 'SETINFO', 'lib-name', 'a b')).toEqual(
      error('ERR lib-name cannot contain spaces, newlines or special characters.'),
    )
    expect(client.call('CLIENT', 'SETINFO', 'foo', 'x')).toEqual(error("ERR Unrecognized option 'foo'"))
  })

  it('NO-TOUCH keeps reads of this connection, and of no other, from counting as accesses', () => {
    const server = createTestServer()
    const [quiet, other] = [server.connect(), server.connect()]
    const idle = (): unknown => other.call('OBJECT', 'IDLETIME', 'k')
    other.call('SET', 'k', 'v')
    quiet.call('CLIENT', 'NO-TOUCH', 'ON')
    server.advance(10_000)
    quiet.call('GET', 'k')
    expect(idle()).toBe(10)
    quiet.call('TOUCH', 'k')
    expect(idle()).toBe(0)
    server.advance(10_000)
    quiet.call('CLIENT', 'NO-TOUCH', 'OFF')
    quiet.call('GET', 'k')
    expect(idle()).toBe(0)
    quiet.call('CLIENT', 'NO-TOUCH', 'ON')
    server.advance(10_000)
    other.call('GET', 'k')
    expect(idle()).toBe(0)
  })

  it('pauses with checked arguments', () => {
    const server = createTestServer()
    const client = server.connect()
    for (const [args, text] of [
      [['x'], 'ERR timeout is not an integer or out of range'],
      [['-1'], 'ERR timeout is negative'],
      [['9223372036854775807'], 'ERR timeout is out of range'],
      [['1', 'foo'], 'ERR CLIENT PAUSE mode must be WRITE or ALL'],
    ] as const)
      expect(client.call('CLIENT', 'PAUSE', ...args)).toEqual(error(text))
    client.call('CLIENT', 'PAUSE', '100', 'write')
    client.call('CLIENT', 'PAUSE', '0')
    client.call('CLIENT', 'UNPAUSE')
    expect(server.calls).toEqual([`pause ${server.nowMs + 100} write`, `pause ${server.nowMs} all`, 'unpause'])
  })

  it('a pause hides what expires and deletes it only afterwards, so that nothing is replicated meanwhile', () => {
    const server = createTestServer()
    const client = server.connect()
    client.call('SET', 'k', 'v', 'PX', '100')
    server.feed.length = 0
    server.engine.gate.pausedUntilMs = server.nowMs + 300
    server.engine.gate.pausedWritesOnly = true
    server.keyspace.paused = true
    server.advance(200)
    expect(client.call('GET', 'k')).toBeNull()
    expect(client.raw('SET', 'other', 'v').length).toBe(0)
    expect(server.feed).toEqual([])
    server.advance(100)
    expect(client.call('GET', 'k')).toBeNull()
    expect(server.feed).toEqual(['0: DEL k'])
  })

  it('a pause of writes holds messages back as well: they are replicated, and the offset must stand still', () => {
    const server = createTestServer()
    const client = server.connect()
    server.engine.gate.pausedUntilMs = server.nowMs + 300
    server.engine.gate.pausedWritesOnly = true
    expect(client.raw('PUBLISH', 'channel', 'm').length).toBe(0)
    expect(client.raw('SPUBLISH', 'channel', 'm').length).toBe(0)
    expect(server.feed).toEqual([])
    server.advance(300)
    expect(client.call('PUBLISH', 'channel', 'm')).toBe(0)
    expect(server.feed).toEqual(['0: PUBLISH channel m'])
  })

  it('unblocks who waits, with an error on request', () => {
    const server = createTestServer()
    const [client, waiting] = [server.connect(), server.connect()]
    expect(client.call('CLIENT', 'UNBLOCK', '2')).toBe(0)
    for (const [reason, why] of [
      [[], 'unblock'],
      [['TIMEOUT'], 'unblock'],
      [['ERROR'], 'error'],
    ] as const) {
      server.host.clients.block(waiting.session, { kind: 'wait', timeoutAtMs: 0, finish: () => {} })
      expect(client.call('CLIENT', 'UNBLOCK', '2', ...reason)).toBe(1)
      expect(server.calls.pop()).toBe(`unblock 2 ${why}`)
    }
    server.host.clients.block(waiting.session, { kind: 'pause', timeoutAtMs: 0, finish: () => {} })
    expect(client.call('CLIENT', 'UNBLOCK', '2')).toBe(0)
  })

  it('says what a session that does not track is told of tracking', () => {
    const client = createTestServer().connect()
    expect(client.call('CLIENT', 'GETREDIR')).toBe(-1)
    expect(client.call('CLIENT', 'TRACKINGINFO')).toEqual(['flags', ['off'], 'redirect', -1, 'prefixes', []])
    expect(client.call('CLIENT', 'TRACKING', 'OFF')).toBe('OK')
    expect(client.call('CLIENT', 'CACHING', 'YES')).toBeInstanceOf(RespError)
  })

  it('explains itself', () => {
    const client = createTestServer().connect()
    const lines = client.call('CLIENT', 'HELP') as string[]
    expect(lines[0]).toBe('CLIENT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:')
    expect(lines).toContain('PAUSE <timeout> [(WRITE|ALL)]')
    expect(lines).toContain('SETINFO (LIB-NAME <libname>|LIB-VER <libver>)')
  })
})
