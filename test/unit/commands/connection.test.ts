import { describe, expect, it } from 'vitest'
import { createTestServer } from '../../support/engine.ts'
import { RespError } from '../../support/resp.ts'

const error = (text: string): RespError => new RespError(text)
const WRONGPASS = error('WRONGPASS invalid username-password pair or user is disabled.')

describe('PING, ECHO, SELECT', () => {
  it('answer', () => {
    const client = createTestServer().connect()
    expect(client.call('PING')).toBe('PONG')
    expect(client.call('PING', 'x')).toBe('x')
    expect(client.call('PING', 'x', 'y')).toEqual(error("ERR wrong number of arguments for 'ping' command"))
    expect(client.call('ECHO', '\xff\r\n')).toBe('\xff\r\n')
    expect(client.call('SELECT', '15')).toBe('OK')
    expect(client.call('SELECT', '16')).toEqual(error('ERR DB index is out of range'))
    expect(client.call('SELECT', '-1')).toEqual(error('ERR DB index is out of range'))
    expect(client.call('SELECT', '4294967296')).toEqual(error('ERR value is not an integer or out of range'))
    expect(client.session.db).toBe(15)
  })

  it('PING is an array for a subscriber in RESP2 only', () => {
    const client = createTestServer().connect()
    client.call('SUBSCRIBE', 'a')
    expect(client.call('PING')).toEqual(['pong', ''])
    expect(client.call('PING', 'x')).toEqual(['pong', 'x'])
    expect(client.call('ECHO', 'x')).toBeInstanceOf(RespError)
    client.call('UNSUBSCRIBE')
    client.call('HELLO', '3')
    client.call('SUBSCRIBE', 'a')
    expect(client.call('PING')).toBe('PONG')
  })
})

describe('AUTH', () => {
  it('without a password configured knows the default user only', () => {
    const client = createTestServer().connect()
    expect(client.call('AUTH', 'x')).toEqual(
      error(
        'ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?',
      ),
    )
    expect(client.call('AUTH', 'default', 'x')).toBe('OK')
    expect(client.call('AUTH', 'other', 'x')).toEqual(WRONGPASS)
  })

  it('takes passwords as bytes of UTF-8, and nothing that merely looks like one', () => {
    const client = createTestServer({ requirepass: 'pässwörd' }).connect()
    expect(client.call('AUTH', Buffer.from('p\xe4ssw\xf6rd', 'latin1'))).toEqual(WRONGPASS)
    expect(client.call('AUTH', Buffer.from('pässwörd'))).toBe('OK')
    const lossy = createTestServer({ requirepass: '\ufffd' }).connect()
    expect(lossy.call('AUTH', Buffer.from([0xff]))).toEqual(WRONGPASS)
  })

  it('lets nobody in without the password, and keeps who is in', () => {
    const client = createTestServer({ requirepass: 'secret' }).connect()
    expect(client.call('GET', 'a')).toEqual(error('NOAUTH Authentication required.'))
    expect(client.call('AUTH', 'wrong')).toEqual(WRONGPASS)
    expect(client.call('AUTH', 'default', 'wrong')).toEqual(WRONGPASS)
    expect(client.call('AUTH', 'other', 'secret')).toEqual(WRONGPASS)
    expect(client.call('GET', 'a')).toEqual(error('NOAUTH Authentication required.'))
    expect(client.call('AUTH', 'secret')).toBe('OK')
    expect(client.call('AUTH', 'wrong')).toEqual(WRONGPASS)
    expect(client.call('GET', 'a')).toBeNull()
    expect(client.call('RESET')).toBe('RESET')
    expect(client.call('GET', 'a')).toEqual(error('NOAUTH Authentication required.'))
  })
})

describe('HELLO', () => {
  it('tells what clients look at', () => {
    const client = createTestServer().connect()
    expect(client.call('HELLO')).toEqual([
      'server',
      'redis',
      'version',
      '7.0.15',
      'proto',
      2,
      'id',
      1,
      'mode',
      'standalone',
      'role',
      'master',
      'modules',
      [],
    ])
    expect(client.raw('HELLO', '3').toString('latin1')).toMatch(/^%7\r\n\$6\r\nserver\r\n/)
    expect(client.raw('GET', 'a').toString()).toBe('_\r\n')
    expect(client.raw('HELLO', '2').toString('latin1')).toMatch(/^\*14\r\n/)
  })

  it.each([
    [['x'], 'ERR Protocol version is not an integer or out of range'],
    [['1'], 'NOPROTO unsupported protocol version'],
    [['4'], 'NOPROTO unsupported protocol version'],
    [['3', 'FOO'], "ERR Syntax error in HELLO option 'FOO'"],
    [['3', 'AUTH', 'a'], "ERR Syntax error in HELLO option 'AUTH'"],
    [['3', 'SETNAME', 'a b'], 'ERR Client names cannot contain spaces, newlines or special characters.'],
  ])('%s is refused', (args, text) => {
    const client = createTestServer().connect()
    expect(client.call('HELLO', ...args)).toEqual(error(text))
    expect(client.session.resp).toBe(2)
  })

  it('authenticates and names on the way', () => {
    const client = createTestServer({ requirepass: 'secret' }).connect()
    expect(client.call('HELLO', '3')).toMatchObject({ message: expect.stringMatching(/^NOAUTH HELLO must be called/) })
    expect(client.call('HELLO', '3', 'AUTH', 'default', 'no')).toEqual(WRONGPASS)
    client.call('HELLO', '3', 'AUTH', 'default', 'secret', 'SETNAME', 'me')
    expect(client.session).toMatchObject({ authenticated: true, name: 'me', resp: 3 })
  })
})

describe('RESET and QUIT', () => {
  it('RESET makes the connection a new one', () => {
    const server = createTestServer()
    const client = server.connect()
    for (const line of [
      'HELLO 3',
      'CLIENT SETNAME me',
      'SELECT 3',
      'WATCH k',
      'SUBSCRIBE a',
      'PSUBSCRIBE b',
      'SSUBSCRIBE c',
      'MONITOR',
      'MULTI',
    ])
      client.call(...line.split(' '))
    expect(client.raw('RESET').toString()).toBe('+RESET\r\n')
    expect(client.session).toMatchObject({
      db: 0,
      resp: 2,
      name: '',
      subscriptions: 0,
      monitor: false,
      transaction: undefined,
    })
    expect(server.host.pubsub.channels().size).toBe(0)
    expect(server.keyspace.watching).toBe(false)
  })

  it('QUIT says OK and closes', () => {
    const client = createTestServer().connect()
    expect(client.call('QUIT')).toBe('OK')
    expect(client.closed).toBe(true)
  })
})
