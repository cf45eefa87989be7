// What no peer may do: end a process, pass for a client while it speaks HTTP, or make either process keep what it does not read.
import { describe, expect, it } from 'vitest'
import { encodeRequest } from '../../../src/protocol/writer.ts'
import { createTestRegistry } from '../../support/registry.ts'
import { createTestFront } from '../../support/sentinel-front.ts'
import { connectWire } from '../../support/wire.ts'

const request = (...argv: (string | Buffer)[]): Buffer => encodeRequest(argv)

describe('a request that fails around its command', () => {
  it('ends its connection, and no other', () => {
    const registry = createTestRegistry()
    const [broken, other] = [registry.connect(), registry.connect()]
    registry.host.forget = () => {
      throw new Error('a bug')
    }
    broken.send('RESET')
    expect(broken.output()).toBe('-ERR internal error, reported in the server log\r\n')
    expect(registry.bugs).toHaveLength(1)
    broken.handler.onData(undefined as unknown as Buffer, 5)
    expect([broken.state, other.state]).toEqual(['destroyed', 'open'])
    expect(registry.bugs).toHaveLength(2)
    other.send('PING')
    expect(other.output()).toBe('+PONG\r\n')
    expect(registry.clients.size).toBe(1)
  })
})

describe('somebody who speaks HTTP', () => {
  const HTTP = ['POST / HTTP/1.1', 'Host: x', '', 'SET pwned 1', ''].join('\r\n')

  it.each(['POST', 'post', 'Host:', 'HOST:'])('is cut off by a server at %s, and nothing behind it runs', (word) => {
    const registry = createTestRegistry()
    const wire = registry.connect()
    wire.send(HTTP.slice(HTTP.indexOf(word.toLowerCase() === 'post' ? 'POST' : 'Host:')).replace(/^\S+/, word))
    expect([wire.state, wire.output()]).toEqual(['destroyed', ''])
    expect(registry.server.keyspace.databases[0].size).toBe(0)
    expect(registry.server.calls.filter((call) => call.startsWith('attacked'))).toHaveLength(1)
  })

  it('is cut off by a sentinel', () => {
    const logged: string[] = []
    const { clients } = createTestFront()
    const wire = connectWire(clients)
    wire.send(HTTP)
    expect([wire.state, wire.output(), logged]).toEqual(['destroyed', '', []])
  })

  it('is cut off before AUTH and inside MULTI, too', () => {
    const registry = createTestRegistry({ requirepass: 'secret' })
    const stranger = registry.connect()
    stranger.send('POST / HTTP/1.1')
    expect(stranger.state).toBe('destroyed')
    const client = registry.connect()
    client.send('AUTH secret\r\nMULTI\r\nHOST: x')
    expect(client.state).toBe('destroyed')
  })
})

describe('a client that sends nothing', () => {
  it('is closed after `timeout`, unless it listens or waits', () => {
    const registry = createTestRegistry({ timeout: '1' })
    const [idle, busy, subscriber, monitor] = Array.from({ length: 4 }, () => registry.connect())
    idle!.send('MULTI')
    subscriber!.send('SUBSCRIBE a')
    monitor!.send('MONITOR')
    registry.server.nowMs += 1500
    busy!.send('PING')
    registry.clients.tick()
    expect([idle, busy, subscriber, monitor].map((wire) => wire!.state)).toEqual(['destroyed', 'open', 'open', 'open'])
  })
})

describe('the output limit', () => {
  const LIMIT = { 'client-output-buffer-limit': 'normal 100000 0 0' }
  const fifty = 'v'.repeat(50_000)
  const filled = () => {
    const registry = createTestRegistry(LIMIT)
    const wire = registry.connect()
    for (const key of ['a', 'b', 'c']) wire.send(request('SET', key, fifty))
    expect(wire.output()).toBe('+OK\r\n'.repeat(3))
    return { registry, wire }
  }

  it.each([
    ['one reply', [request('MGET', 'a', 'b', 'c')]],
    ['the replies of a pipeline', [request('GET', 'a'), request('GET', 'b'), request('GET', 'c')]],
    ['a transaction', [request('MULTI'), request('GET', 'a'), request('MGET', 'b', 'c'), request('EXEC')]],
  ])('cuts off whoever asks for more by %s, though the system would take it', (_what, requests) => {
    const { registry, wire } = filled()
    wire.send(Buffer.concat(requests))
    expect([wire.state, wire.output()]).toEqual(['destroyed', ''])
    expect(registry.logged.at(-1)).toMatch(/for overcoming of output buffer limits/)
  })

  it.each([
    ['HRANDFIELD', 'HSET', 'f', 'v'],
    ['SRANDMEMBER', 'SADD', 'm'],
    ['ZRANDMEMBER', 'ZADD', '1', 'm'],
  ])('cuts off whoever asks for more random elements than that by %s, at once', (command, add, ...rest) => {
    const { wire } = filled()
    wire.send(request(add, 'k', ...rest))
    expect(wire.output()).toBe(':1\r\n')
    wire.send(request(command, 'k', '-999999999'))
    expect([wire.state, wire.output()]).toEqual(['destroyed', ''])
  })

  it('lets one reply after the other pass', () => {
    const { wire } = filled()
    for (const key of ['a', 'b', 'c']) wire.send(request('GET', key))
    expect([wire.state, wire.output().length]).toEqual(['open', 3 * ('$50000\r\n\r\n'.length + 50_000)])
  })

  it('bounds the memory of KEYS while it is being answered', () => {
    const { registry, wire } = filled()
    for (let i = 0; i < 20_000; i++) wire.send(request('SET', `${'k'.repeat(200)}${i}`, ''))
    wire.output()
    wire.send('KEYS *')
    expect(wire.state).toBe('destroyed')
    // 4 MB of replies would have left a buffer of that size until it was cleared; the shared one is as it was.
    expect(registry.clients.out.buffer.length).toBeLessThan(1 << 20)
  })

  it('does not keep a command from what it does', () => {
    const { registry, wire } = filled()
    wire.send(request('SET', 'big', 'v'.repeat(200_000)))
    wire.send(request('GETDEL', 'big'))
    expect(wire.state).toBe('destroyed')
    expect(registry.server.feed.at(-1)).toBe('0: DEL big')
  })
})

describe('MONITOR', () => {
  it('is ended when it does not read', () => {
    const registry = createTestRegistry({ 'client-output-buffer-limit': 'pubsub 1mb 0 0' })
    const monitor = registry.connect({ reads: false })
    monitor.send('MONITOR')
    expect(registry.server.engine.monitored).toBe(true)
    while (monitor.state === 'open') registry.clients.sendToMonitors(Buffer.alloc(20_000))
    expect([monitor.state, registry.server.engine.monitored]).toEqual(['destroyed', false])
  })
})

describe('MSET', () => {
  it('takes 524,288 pairs', () => {
    const registry = createTestRegistry()
    const wire = registry.connect()
    const pairs = Array.from({ length: 524_288 }, (_, i) => [`k${i}`, 'v']).flat()
    wire.send(encodeRequest(['MSET', ...pairs]))
    expect(wire.output()).toBe('+OK\r\n')
    expect(registry.server.keyspace.databases[0].size).toBe(524_288)
  })
})
