// What waiting for keys does beside its replies: what is replicated, which events are published, what is kept of those who wait.
import { describe, expect, it } from 'vitest'
import { createTestServer } from '../../support/engine.ts'
import type { RespError } from '../../support/resp.ts'

/** A server, somebody who waits with that command, and somebody else. */
function waiting(...command: string[]) {
  const server = createTestServer({ 'notify-keyspace-events': 'AE', 'enable-debug-command': 'yes' })
  const waiter = server.connect()
  const other = server.connect()
  const listener = server.connect()
  listener.call('PSUBSCRIBE', '__keyevent@*')
  expect(waiter.call(...command)).toBeUndefined()
  expect(waiter.session.blocked?.kind).toBe('wait')
  expect(server.keyspace.watching).toBe(true)
  const events = (): string[] =>
    (listener.received() as string[][]).map(([, , channel, key]) => `${channel!.slice(15)} ${key}`)
  return { server, waiter, other, events }
}

describe('who waits for a key', () => {
  it.each([
    [['BLPOP', 'x', 'k', '0'], ['RPUSH', 'k', 'a', 'b'], ['k', 'a'], 'LPOP k'],
    [['BRPOP', 'k', '0'], ['RPUSH', 'k', 'a', 'b'], ['k', 'b'], 'RPOP k'],
    [['BLMOVE', 'k', 'd', 'LEFT', 'RIGHT', '0'], ['RPUSH', 'k', 'a'], 'a', 'LMOVE k d LEFT RIGHT'],
    [['BRPOPLPUSH', 'k', 'd', '0'], ['RPUSH', 'k', 'a'], 'a', 'RPOPLPUSH k d'],
    [['BLMPOP', '0', '2', 'x', 'k', 'RIGHT', 'COUNT', '2'], ['RPUSH', 'k', 'a', 'b'], ['k', ['b', 'a']], 'RPOP k 2'],
    [['BZPOPMIN', 'k', '0'], ['ZADD', 'k', '1', 'a', '2', 'b'], ['k', 'a', '1'], 'ZPOPMIN k'],
    [['BZPOPMAX', 'k', '0'], ['ZADD', 'k', '1', 'a', '2', 'b'], ['k', 'b', '2'], 'ZPOPMAX k'],
    [['BZMPOP', '0', '1', 'k', 'MAX'], ['ZADD', 'k', '1', 'a'], ['k', [['a', '1']]], 'ZPOPMAX k 1'],
  ])('%j, %j: is answered, and replicas hear of a command that does not wait', (command, push, reply, replicated) => {
    const { server, waiter, other } = waiting(...command)
    other.call(...push)
    expect(waiter.received()).toEqual([reply])
    expect(server.feed).toEqual([`0: ${push.join(' ')}`, `0: ${replicated}`])
    expect(waiter.session.blocked).toBeUndefined()
    expect(server.keyspace.watching).toBe(false)
    expect(waiter.call('PING')).toBe('PONG')
  })

  it('reads as one of a group: replicas hear what was delivered to whom', () => {
    const { server, other } = waiting('BLPOP', 'k', '0')
    const waiter = server.connect()
    other.call('XGROUP', 'CREATE', 's', 'g', '$', 'MKSTREAM')
    expect(waiter.call('XREADGROUP', 'GROUP', 'g', 'alice', 'BLOCK', '0', 'STREAMS', 's', '>')).toBeUndefined()
    server.feed.length = 0
    other.call('XADD', 's', '1-1', 'f', 'v')
    expect(waiter.received()).toEqual([[['s', [['1-1', ['f', 'v']]]]]])
    expect(server.feed.map((line) => line.split(' ').slice(1, 4).join(' '))).toEqual([
      'XADD s 1-1',
      'MULTI',
      'XGROUP CREATECONSUMER s',
      'XCLAIM s g',
      'XGROUP SETID s',
      'EXEC',
    ])
  })

  it('whose waiting ends in an error is counted as one that failed', () => {
    const { server, other } = waiting('BLPOP', 'k', '0')
    const waiter = server.connect()
    other.call('XGROUP', 'CREATE', 's', 'g', '$', 'MKSTREAM')
    waiter.call('XREADGROUP', 'GROUP', 'g', 'alice', 'BLOCK', '0', 'STREAMS', 's', '>')
    other.call('XGROUP', 'DESTROY', 's', 'g')
    expect((waiter.received()[0] as RespError).message).toMatch(/^NOGROUP .* no longer exists$/)
    expect(server.engine.errorsByCode.get('NOGROUP')).toBe(1)
    expect(server.host.commands.lookup(Buffer.from('xreadgroup'), 0, 10)!.failed).toBe(1)
  })

  it('is not served what has expired while the transaction that made it ran', () => {
    const { server, waiter, other } = waiting('BLPOP', 'k', '0')
    for (const command of ['MULTI', 'RPUSH k a', 'PEXPIRE k 10', 'DEBUG SLEEP 0.02', 'EXEC'])
      other.call(...command.split(' '))
    expect(waiter.received()).toEqual([])
    expect(server.feed.at(-1)).toBe('0: DEL k')
  })

  it('is served after the transaction that made the key, whose replies and stream come first', () => {
    const { server, waiter, other } = waiting('BLPOP', 'k', '0')
    other.call('MULTI')
    other.call('RPUSH', 'k', 'a')
    other.call('RPUSH', 'k', 'b')
    expect(other.call('EXEC')).toEqual([1, 2])
    expect(waiter.received()).toEqual([['k', 'a']])
    expect(server.feed).toEqual(['0: MULTI', '0: RPUSH k a', '0: RPUSH k b', '0: EXEC', '0: LPOP k'])
  })

  it('publishes the events of what it does, after those of what made the key', () => {
    const { other, events } = waiting('BLMOVE', 'k', 'd', 'LEFT', 'LEFT', '0')
    other.call('RPUSH', 'k', 'a')
    expect(events()).toEqual(['rpush k', 'lpush d', 'lpop k', 'del k'])
  })

  it('waits in the database that it had selected', () => {
    const { server, waiter, other } = waiting('BLPOP', 'k', '0')
    other.call('SELECT', '3')
    other.call('RPUSH', 'k', 'a')
    expect(waiter.received()).toEqual([])
    other.call('SWAPDB', '0', '3')
    expect(waiter.received()).toEqual([['k', 'a']])
    expect(server.feed.at(-1)).toBe('0: LPOP k')
  })

  it('is not served a key whose time is over, which is deleted', () => {
    const { server, waiter, other } = waiting('BLPOP', 'k', '0')
    other.call('SELECT', '3')
    other.call('RPUSH', 'k', 'a')
    other.call('PEXPIRE', 'k', '10')
    server.advance(20)
    other.call('SWAPDB', '0', '3')
    expect(waiter.received()).toEqual([])
    expect(server.feed.slice(-2)).toEqual(['3: SWAPDB 0 3', '0: DEL k'])
  })

  it('is not served what has expired', () => {
    const { server, waiter, other } = waiting('BLPOP', 'k', '0')
    other.call('RPUSH', 'other', 'a')
    other.call('PEXPIRE', 'other', '10')
    server.advance(20)
    other.call('MULTI')
    other.call('RENAME', 'other', 'k')
    other.call('EXEC')
    expect(waiter.received()).toEqual([])
    other.call('RPUSH', 'k', 'b')
    expect(waiter.received()).toEqual([['k', 'b']])
  })

  it('is forgotten when it is gone, and told when the server becomes a replica', () => {
    const { server, waiter, other } = waiting('BLPOP', 'k', '0')
    server.engine.forgetWaiting(waiter.session)
    expect(server.keyspace.watching).toBe(false)
    other.call('RPUSH', 'k', 'a')
    expect(waiter.received()).toEqual([])
    other.call('DEL', 'k')
    const second = server.connect()
    second.call('BLPOP', 'k', '0')
    server.engine.dismissWaiting()
    expect((second.received()[0] as RespError).message).toContain('UNBLOCKED force unblock')
    expect(second.closed).toBe(true)
    expect(server.keyspace.watching).toBe(false)
  })

  it('does not disturb WATCH of others, nor they it', () => {
    const { server, waiter, other } = waiting('BLPOP', 'k', '0')
    const watcher = server.connect()
    watcher.call('WATCH', 'w')
    watcher.call('UNWATCH')
    expect(server.keyspace.watching).toBe(true)
    watcher.call('WATCH', 'k')
    other.call('RPUSH', 'k', 'a')
    expect(waiter.received()).toEqual([['k', 'a']])
    expect(server.keyspace.watching).toBe(true)
    watcher.call('MULTI')
    expect(watcher.call('EXEC')).toBeNull()
  })
})
