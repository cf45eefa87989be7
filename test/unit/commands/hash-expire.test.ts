import { describe, expect, it } from 'vitest'
import { expireFieldsSegment } from '../../../src/commands/hash-expiries.ts'
import { createTestServer, type TestClient, type TestServer } from '../../support/engine.ts'
import { RespError } from '../../support/resp.ts'

const NOW = 1_700_000_000_000

/** A server with a hash of the fields a, b and c; large ones are tables from the start. */
function withHash(entries = '512', events = 'KEA'): { server: TestServer; client: TestClient } {
  const server = createTestServer({ 'hash-max-listpack-entries': entries, 'notify-keyspace-events': events })
  const client = server.connect()
  client.call('HSET', 'h', 'a', '1', 'b', '2', 'c', '3')
  server.feed.length = 0
  return { server, client }
}

/** The housekeeping's work on database 0. */
function expireActively({ engine, keyspace, nowMs }: TestServer): void {
  engine.setTime(nowMs)
  for (let hash = 0; hash < 2 ** 32; ) {
    engine.runInternal(() => {
      hash = expireFieldsSegment(keyspace, keyspace.databases[0]!, hash, engine.effects)
    })
  }
}

describe.each(['512', '0'])('expiry of fields, listpacks up to %s fields', (entries) => {
  it('is set, told and taken away', () => {
    const { server, client } = withHash(entries)
    expect(client.call('HEXPIRE', 'h', '10', 'FIELDS', '3', 'a', 'b', 'none')).toEqual([1, 1, -2])
    expect(client.call('HTTL', 'h', 'FIELDS', '4', 'a', 'b', 'c', 'none')).toEqual([10, 10, -1, -2])
    server.advance(1)
    expect(client.call('HTTL', 'h', 'FIELDS', '1', 'a')).toEqual([10])
    expect(client.call('HPTTL', 'h', 'FIELDS', '1', 'a')).toEqual([9999])
    expect(client.call('HPEXPIRETIME', 'h', 'FIELDS', '1', 'a')).toEqual([NOW + 10_000])
    expect(client.call('HEXPIRETIME', 'h', 'FIELDS', '1', 'a')).toEqual([NOW / 1000 + 10])
    expect(client.call('HPERSIST', 'h', 'FIELDS', '3', 'a', 'c', 'none')).toEqual([1, -1, -2])
    expect(client.call('HTTL', 'h', 'FIELDS', '2', 'a', 'b')).toEqual([-1, 10])
    expect(client.call('HTTL', 'nosuch', 'FIELDS', '2', 'a', 'b')).toEqual([-2, -2])
    expect(client.call('HEXPIRE', 'nosuch', '10', 'FIELDS', '1', 'a')).toEqual([-2])
  })

  it('follows its conditions', () => {
    const { client } = withHash(entries)
    expect(client.call('HPEXPIRE', 'h', '1000', 'XX', 'FIELDS', '1', 'a')).toEqual([0])
    expect(client.call('HPEXPIRE', 'h', '1000', 'GT', 'FIELDS', '1', 'a')).toEqual([0])
    expect(client.call('HPEXPIRE', 'h', '1000', 'NX', 'FIELDS', '1', 'a')).toEqual([1])
    expect(client.call('HPEXPIRE', 'h', '2000', 'NX', 'FIELDS', '2', 'a', 'b')).toEqual([0, 1])
    expect(client.call('HPEXPIRE', 'h', '1500', 'GT', 'FIELDS', '2', 'a', 'b')).toEqual([1, 0])
    expect(client.call('HPEXPIRE', 'h', '1200', 'LT', 'FIELDS', '3', 'a', 'b', 'c')).toEqual([1, 1, 1])
    expect(client.call('HPTTL', 'h', 'FIELDS', '3', 'a', 'b', 'c')).toEqual([1200, 1200, 1200])
    // The condition comes first, then the past.
    expect(client.call('HPEXPIREAT', 'h', '1', 'NX', 'FIELDS', '1', 'a')).toEqual([0])
    expect(client.call('HPEXPIREAT', 'h', '1', 'FIELDS', '2', 'a', 'a')).toEqual([2, -2])
  })

  it('hides a field whose time is over from everybody, at once', () => {
    const { server, client } = withHash(entries)
    client.call('HPEXPIRE', 'h', '100', 'FIELDS', '2', 'a', 'b')
    server.advance(100)
    expect(client.call('HLEN', 'h')).toBe(3)
    server.advance(1)
    expect(client.call('HLEN', 'h')).toBe(1)
    expect(client.call('HGET', 'h', 'a')).toBeNull()
    expect(client.call('HMGET', 'h', 'a', 'c')).toEqual([null, '3'])
    expect(client.call('HEXISTS', 'h', 'b')).toBe(0)
    expect(client.call('HSTRLEN', 'h', 'b')).toBe(0)
    expect(client.call('HGETALL', 'h')).toEqual(['c', '3'])
    expect(client.call('HKEYS', 'h')).toEqual(['c'])
    expect(client.call('HVALS', 'h')).toEqual(['3'])
    expect(client.call('HSCAN', 'h', '0')).toEqual(['0', ['c', '3']])
    expect(client.call('HRANDFIELD', 'h')).toBe('c')
    expect(client.call('HRANDFIELD', 'h', '5')).toEqual(['c'])
    expect(client.call('HRANDFIELD', 'h', '-2')).toEqual(['c', 'c'])
    expect(client.call('HTTL', 'h', 'FIELDS', '1', 'a')).toEqual([-2])
    // Reading deletes nothing, and tells replicas nothing.
    expect(server.feed.slice(1)).toEqual([])
  })

  it('deletes what is over before the hash is changed, and replicas hear of it', () => {
    const { server, client } = withHash(entries)
    client.call('HPEXPIRE', 'h', '100', 'FIELDS', '1', 'a')
    server.advance(101)
    server.feed.length = 0
    expect(client.call('HINCRBY', 'h', 'a', '5')).toBe(5)
    expect(server.feed).toEqual(['0: MULTI', '0: HDEL h a', '0: HINCRBY h a 5', '0: EXEC'])
    expect(client.call('HTTL', 'h', 'FIELDS', '1', 'a')).toEqual([-1])
  })

  it('is carried out by the housekeeping, and the key goes with its last field', () => {
    const { server, client } = withHash(entries)
    const listener = server.connect()
    listener.call('PSUBSCRIBE', '__keyspace*')
    client.call('HPEXPIRE', 'h', '100', 'FIELDS', '2', 'a', 'b')
    client.call('HPEXPIRE', 'h', '200', 'FIELDS', '1', 'c')
    listener.received()
    server.feed.length = 0
    server.advance(150)
    expireActively(server)
    expect(server.feed).toEqual(['0: HDEL h a b'])
    expect(client.call('HGETALL', 'h')).toEqual(['c', '3'])
    server.advance(100)
    expireActively(server)
    expect(client.call('EXISTS', 'h')).toBe(0)
    const events = listener.received().map((message) => (message as string[])[3])
    expect(events).toEqual(['hexpired', 'hexpired', 'del'])
    expect(server.keyspace.stats.expiredFields).toBe(3)
    expect(server.keyspace.databases[0]!.fieldExpires.size).toBe(0)
  })

  it('goes when the value is set anew, and stays when it is added to', () => {
    const { client } = withHash(entries)
    client.call('HEXPIRE', 'h', '10', 'FIELDS', '3', 'a', 'b', 'c')
    client.call('HSET', 'h', 'a', '7')
    client.call('HINCRBY', 'h', 'b', '1')
    client.call('HINCRBYFLOAT', 'h', 'c', '0.5')
    expect(client.call('HTTL', 'h', 'FIELDS', '3', 'a', 'b', 'c')).toEqual([-1, 10, 10])
    client.call('HDEL', 'h', 'b')
    client.call('HSET', 'h', 'b', '1')
    expect(client.call('HTTL', 'h', 'FIELDS', '1', 'b')).toEqual([-1])
  })

  it('goes along with the hash: COPY, RENAME, DUMP and RESTORE, SWAPDB', () => {
    const { server, client } = withHash(entries)
    client.call('HPEXPIRE', 'h', '500', 'FIELDS', '2', 'a', 'b')
    client.call('COPY', 'h', 'copy')
    client.call('HPERSIST', 'h', 'FIELDS', '1', 'a')
    const payload = client.raw('DUMP', 'copy')
    const bytes = payload.subarray(payload.indexOf('\r\n') + 2, payload.length - 2)
    expect(bytes[0]).toBe(24)
    expect(bytes.readUInt16LE(bytes.length - 10)).toBe(12)
    expect(client.call('RESTORE', 'restored', '0', bytes)).toBe('OK')
    client.call('RENAME', 'copy', 'renamed')
    for (const key of ['restored', 'renamed']) {
      expect(client.call('HPTTL', key, 'FIELDS', '3', 'a', 'b', 'c')).toEqual([500, 500, -1])
      expect(client.call('HGETALL', key)).toHaveLength(6)
    }
    client.call('SWAPDB', '0', '1')
    server.advance(501)
    client.call('SELECT', '1')
    expect(client.call('HKEYS', 'renamed')).toEqual(['c'])
    expect(client.call('HLEN', 'h')).toBe(2)
    client.call('FLUSHALL')
    expect(server.keyspace.databases[1]!.fieldExpires.size).toBe(0)
  })

  it('of none any more makes it an ordinary hash again', () => {
    const { server, client } = withHash(entries)
    client.call('HEXPIRE', 'h', '10', 'FIELDS', '1', 'a')
    expect(server.keyspace.databases[0]!.fieldExpires.size).toBe(1)
    client.call('HPERSIST', 'h', 'FIELDS', '1', 'a')
    expect(server.keyspace.databases[0]!.fieldExpires.size).toBe(0)
    const payload = client.raw('DUMP', 'h')
    expect(payload[payload.indexOf('\r\n') + 2]).toBe(4)
    expect(client.call('HGETALL', 'h')).toHaveLength(6)
  })
})

describe('replicas', () => {
  it('hear of points in time, and of deletions as HDEL', () => {
    const { server, client } = withHash()
    client.call('HEXPIRE', 'h', '10', 'FIELDS', '2', 'a', 'b')
    client.call('HPERSIST', 'h', 'FIELDS', '2', 'a', 'c')
    client.call('HEXPIREAT', 'h', '1', 'FIELDS', '1', 'c')
    client.call('HGETEX', 'h', 'PX', '5', 'FIELDS', '1', 'a')
    client.call('HSETEX', 'h', 'KEEPTTL', 'FIELDS', '2', 'a', 'x', 'n', 'y')
    client.call('HGETDEL', 'h', 'FIELDS', '2', 'a', 'none')
    client.call('HEXPIRE', 'h', '10', 'XX', 'FIELDS', '1', 'n')
    expect(server.feed).toEqual([
      `0: HPEXPIREAT h ${NOW + 10_000} FIELDS 2 a b`,
      '0: HPERSIST h FIELDS 1 a',
      '0: HDEL h c',
      `0: HPEXPIREAT h ${NOW + 5} FIELDS 1 a`,
      // Not as a transaction: a server before 7.4 would refuse all of it.
      '0: HSET h a x n y',
      `0: HPEXPIREAT h ${NOW + 5} FIELDS 1 a`,
      '0: HDEL h a',
    ])
  })

  it('show what their primary sent, hide what is over, and keep it until the primary deletes it', () => {
    const { server, client } = withHash()
    server.keyspace.expiry = 'hide'
    client.call('HPEXPIREAT', 'h', '1', 'FIELDS', '1', 'a')
    expect(client.call('HGET', 'h', 'a')).toBeNull()
    expect(client.call('HLEN', 'h')).toBe(2)
    server.keyspace.expiry = 'ignore'
    expect(client.call('HGET', 'h', 'a')).toBe('1')
  })
})

describe('HGETEX, HSETEX, HGETDEL', () => {
  it('read, set and delete', () => {
    const { server, client } = withHash()
    expect(client.call('HGETEX', 'h', 'FIELDS', '2', 'a', 'none')).toEqual(['1', null])
    expect(client.call('HGETEX', 'h', 'EX', '9', 'FIELDS', '1', 'a')).toEqual(['1'])
    expect(client.call('HTTL', 'h', 'FIELDS', '1', 'a')).toEqual([9])
    expect(client.call('HGETEX', 'h', 'PERSIST', 'FIELDS', '1', 'a')).toEqual(['1'])
    expect(client.call('HTTL', 'h', 'FIELDS', '1', 'a')).toEqual([-1])
    expect(client.call('HGETEX', 'h', 'EXAT', '1', 'FIELDS', '1', 'a')).toEqual(['1'])
    expect(client.call('HEXISTS', 'h', 'a')).toBe(0)
    expect(client.call('HSETEX', 'h', 'FNX', 'EX', '5', 'FIELDS', '2', 'n', '1', 'b', '2')).toBe(0)
    expect(client.call('HSETEX', 'h', 'FXX', 'EX', '5', 'FIELDS', '2', 'n', '1', 'b', '2')).toBe(0)
    expect(client.call('HSETEX', 'h', 'FXX', 'PX', '5', 'FIELDS', '1', 'b', 'new')).toBe(1)
    expect(client.call('HSETEX', 'new', 'FNX', 'EX', '5', 'FIELDS', '2', 'x', '1', 'x', '2')).toBe(1)
    expect(client.call('HGETALL', 'new')).toEqual(['x', '2'])
    expect(client.call('HGETDEL', 'h', 'FIELDS', '3', 'b', 'c', 'none')).toEqual(['new', '3', null])
    expect(client.call('EXISTS', 'h')).toBe(0)
    server.advance(5001)
    expect(client.call('HGETDEL', 'new', 'FIELDS', '1', 'x')).toEqual([null])
    expect(client.call('EXISTS', 'new')).toBe(0)
  })
})

describe('wrong arguments', () => {
  it.each([
    ['HEXPIRE h 10 NX a b c', 'Mandatory argument FIELDS is missing or not at the right position'],
    ['HEXPIRE h 10 FIELDS 0 a', 'Parameter `numFields` should be greater than 0'],
    ['HEXPIRE h 10 FIELDS x a', 'Parameter `numFields` should be greater than 0'],
    ['HEXPIRE h 10 FIELDS 2 a', 'The `numfields` parameter must match the number of arguments'],
    ['HEXPIRE h x FIELDS 1 a', 'value is not an integer or out of range'],
    ['HEXPIRE h -1 FIELDS 1 a', 'invalid expire time, must be >= 0'],
    ['HPEXPIRE h 70368744177665 FIELDS 1 a', "invalid expire time in 'hpexpire' command"],
    ['HEXPIRE h 9223372036854775807 FIELDS 1 a', "invalid expire time in 'hexpire' command"],
    ['HTTL h a b c', 'Mandatory argument FIELDS'],
    ['HGETEX h EX 0 FIELDS 1 a', "invalid expire time in 'hgetex' command"],
    ['HGETEX h EX 1 PERSIST FIELDS 1 a', 'Only one of EX, PX, EXAT, PXAT or PERSIST arguments can be specified'],
    ['HSETEX h EX 1 KEEPTTL FIELDS 1 a b', 'Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified'],
    ['HSETEX h FNX FXX FIELDS 1 a b', 'Only one of FXX or FNX arguments can be specified'],
    ['HSETEX h FIELDS 2 a b', 'The `numfields` parameter must match the number of arguments'],
    ['HGETEX h FNX FIELDS 1 a', 'Mandatory argument FIELDS'],
    ['HEXPIRE s 10 FIELDS 1 a', 'WRONGTYPE'],
    ['HTTL s FIELDS 1 a', 'WRONGTYPE'],
  ])('%s', (line, message) => {
    const { client } = withHash()
    client.call('SET', 's', '1')
    const reply = client.call(...line.split(' '))
    expect(reply).toBeInstanceOf(RespError)
    expect((reply as RespError).message).toContain(message)
    expect(client.call('HTTL', 'h', 'FIELDS', '1', 'a')).toEqual([-1])
  })
})
