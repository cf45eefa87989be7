import { describe, expect, it } from 'vitest'
import { createTestServer } from '../../support/engine.ts'
import { RespError } from '../../support/resp.ts'

describe('the SUBSCRIBE family', () => {
  it('replies once for each name, with the number of subscriptions of its kind', () => {
    const client = createTestServer().connect()
    expect(client.call('SUBSCRIBE', 'a', 'b', 'a')).toEqual([
      ['subscribe', 'a', 1],
      ['subscribe', 'b', 2],
      ['subscribe', 'a', 2],
    ])
    expect(client.call('PSUBSCRIBE', 'p*')).toEqual(['psubscribe', 'p*', 3])
    expect(client.call('SSUBSCRIBE', 's')).toEqual(['ssubscribe', 's', 1])
    expect(client.call('UNSUBSCRIBE', 'zz')).toEqual(['unsubscribe', 'zz', 3])
    expect(client.call('UNSUBSCRIBE')).toEqual([
      ['unsubscribe', 'a', 2],
      ['unsubscribe', 'b', 1],
    ])
    expect(client.call('UNSUBSCRIBE')).toEqual(['unsubscribe', null, 1])
    expect(client.call('PUNSUBSCRIBE')).toEqual(['punsubscribe', 'p*', 0])
    expect(client.call('SUNSUBSCRIBE')).toEqual(['sunsubscribe', 's', 0])
    expect(client.call('SUNSUBSCRIBE')).toEqual(['sunsubscribe', null, 0])
  })

  it('replies pushes in RESP3, also inside a transaction', () => {
    const client = createTestServer().connect()
    for (const line of ['HELLO 3', 'MULTI', 'SUBSCRIBE a', 'PUBLISH a m', 'PING']) client.call(...line.split(' '))
    expect(client.raw('EXEC').toString()).toBe(
      '*3\r\n>3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n>3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\nm\r\n:1\r\n+PONG\r\n',
    )
  })
})

describe('PUBSUB', () => {
  it('lists and counts', () => {
    const server = createTestServer()
    const [client, asking] = [server.connect(), server.connect()]
    for (const line of ['SUBSCRIBE ab ac', 'PSUBSCRIBE x* y*', 'SSUBSCRIBE s']) client.call(...line.split(' '))
    const other = server.connect()
    other.call('SUBSCRIBE', 'ab')
    other.call('PSUBSCRIBE', 'x*')
    expect(asking.call('PUBSUB', 'CHANNELS')).toEqual(['ab', 'ac'])
    expect(asking.call('PUBSUB', 'CHANNELS', '*b')).toEqual(['ab'])
    expect(asking.call('PUBSUB', 'NUMSUB', 'ab', 'none', 'ac')).toEqual(['ab', 2, 'none', 0, 'ac', 1])
    expect(asking.call('PUBSUB', 'NUMSUB')).toEqual([])
    expect(asking.call('PUBSUB', 'NUMPAT')).toBe(2)
    expect(asking.call('PUBSUB', 'SHARDCHANNELS')).toEqual(['s'])
    expect(asking.call('PUBSUB', 'SHARDNUMSUB', 's', 'ab')).toEqual(['s', 1, 'ab', 0])
    expect(asking.call('PUBSUB', 'CHANNELS', 'a', 'b')).toEqual(
      new RespError("ERR unknown subcommand or wrong number of arguments for 'CHANNELS'. Try PUBSUB HELP."),
    )
  })
})
