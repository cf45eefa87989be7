// Sets as RDB files of Redis spell them: members one by one, intsets, and the listpacks of 7.2; what is not sound is refused, and
// nothing of it is kept.
import { describe, expect, it } from 'vitest'
import { RDB_SET, RDB_SET_INTSET, RDB_SET_LISTPACK } from '../../../src/codec/rdb-format.ts'
import { crc64, writeCrc64 } from '../../../src/lib/crc64.ts'
import { lpAppend, lpBytes, lpInit } from '../../../src/store/listpack.ts'
import { createTestServer } from '../../support/engine.ts'
import { RespError } from '../../support/resp.ts'

/** A payload as DUMP of version 11 gives it. */
function payload(type: number, body: readonly (number | Uint8Array)[]): Buffer {
  const parts = body.map((each) => (typeof each === 'number' ? Uint8Array.of(each) : each))
  const bytes = Buffer.concat([Uint8Array.of(type), ...parts, Uint8Array.of(11, 0), new Uint8Array(8)])
  writeCrc64(crc64(bytes, 0, bytes.length - 8), bytes, bytes.length - 8)
  return bytes
}
const string = (bytes: Uint8Array): Uint8Array => {
  const length = bytes.length < 64 ? [bytes.length] : [0x40 | (bytes.length >> 8), bytes.length & 0xff]
  return Buffer.concat([Uint8Array.from(length), bytes])
}
const text = (value: string): Uint8Array => string(Buffer.from(value, 'latin1'))
const listpack = (...members: string[]): Uint8Array => {
  const bytes = Buffer.alloc(4096)
  lpInit(bytes, 0)
  for (const member of members) lpAppend(bytes, 0, Buffer.from(member, 'latin1'), 0, member.length)
  return string(bytes.subarray(0, lpBytes(bytes, 0)))
}
const intset = (width: number, ...integers: number[]): Uint8Array => {
  const bytes = Buffer.alloc(8 + width * integers.length)
  bytes.writeUInt32LE(width, 0)
  bytes.writeUInt32LE(integers.length, 4)
  for (const [i, n] of integers.entries()) {
    if (width === 8) bytes.writeBigInt64LE(BigInt(n), 8 + 8 * i)
    else bytes.writeIntLE(n, 8 + width * i, width)
  }
  return string(bytes)
}

/** What comes of a payload: the members and the encoding, or the error. */
function restored(bytes: Buffer, limit = '512'): unknown {
  const server = createTestServer({ 'set-max-intset-entries': limit })
  const client = server.connect()
  const before = server.keyspace.arena.usedBytes
  const reply = client.call('RESTORE', 'k', '0', bytes)
  if (reply instanceof RespError) {
    while (server.keyspace.releaseSome()) {}
    expect(server.keyspace.arena.usedBytes).toBe(before)
    return reply.message
  }
  return [client.call('OBJECT', 'ENCODING', 'k'), ...(client.call('SMEMBERS', 'k') as string[]).sort()]
}

describe('what Redis writes', () => {
  it.each<[string, Buffer, string, string[]]>([
    ['members', payload(RDB_SET, [2, text('a'), text('5')]), '512', ['hashtable', '5', 'a']],
    ['integers one by one', payload(RDB_SET, [2, 0xc0, 7, text('5')]), '512', ['intset', '5', '7']],
    ['more integers than fit', payload(RDB_SET, [2, 0xc0, 7, text('5')]), '1', ['hashtable', '5', '7']],
    ['an intset of 16 bits', payload(RDB_SET_INTSET, [intset(2, -5, 1, 300)]), '512', ['intset', '-5', '1', '300']],
    ['one of 64 bits', payload(RDB_SET_INTSET, [intset(8, -5, 2 ** 40)]), '512', ['intset', '-5', '1099511627776']],
    ['one beyond the limit', payload(RDB_SET_INTSET, [intset(2, 1, 2, 3)]), '2', ['hashtable', '1', '2', '3']],
    ['a listpack', payload(RDB_SET_LISTPACK, [listpack('b', 'a', '12')]), '512', ['hashtable', '12', 'a', 'b']],
    ['a listpack of integers', payload(RDB_SET_LISTPACK, [listpack('3', '1')]), '512', ['intset', '1', '3']],
  ])('%s', (_, bytes, limit, expected) => {
    expect(restored(bytes, limit)).toEqual(expected)
  })
})

describe('what is not sound', () => {
  const wide = Array.from({ length: 1000 }, (_, i) => text(`member ${i}`))
  it.each<[string, Buffer]>([
    ['no members', payload(RDB_SET, [0])],
    ['a member that comes twice', payload(RDB_SET, [2, text('a'), text('a')])],
    ['an integer that comes twice', payload(RDB_SET, [2, text('5'), 0xc0, 5])],
    ['a member missing', payload(RDB_SET, [2, text('a')])],
    ['the last of many that comes twice', payload(RDB_SET, [0x43, 0xe9, ...wide, text('member 0')])],
    ['an intset without integers', payload(RDB_SET_INTSET, [intset(2)])],
    ['an intset out of order', payload(RDB_SET_INTSET, [intset(2, 2, 1)])],
    ['an intset with one twice', payload(RDB_SET_INTSET, [intset(4, 1, 1)])],
    ['an intset of another width', payload(RDB_SET_INTSET, [intset(3, 1, 2)])],
    ['an intset cut short', payload(RDB_SET_INTSET, [string(intset(2, 1, 2).subarray(1, 11))])],
    ['a listpack without members', payload(RDB_SET_LISTPACK, [listpack()])],
    ['a listpack with a member twice', payload(RDB_SET_LISTPACK, [listpack('a', 'b', 'a')])],
    ['a listpack cut short', payload(RDB_SET_LISTPACK, [string(listpack('a', 'b').subarray(1, 10))])],
  ])('%s is refused', (_, bytes) => {
    expect(restored(bytes)).toBe('ERR Bad data format')
  })
})
