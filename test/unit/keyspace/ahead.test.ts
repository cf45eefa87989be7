// What is known ahead never passes for something else: the hash of other bytes, of a later read, of a request too far.
import { describe, expect, it } from 'vitest'
import { Keyspace } from '../../../src/keyspace/keyspace.ts'
import { hashBytes } from '../../../src/store/hash.ts'

const KEY = { k0: 1, k1: 2 }
const words = ['key:1', 'key:2', 'key:3', 'key:4']

function prepared(count: number) {
  const space = new Keyspace(2, KEY, { expired() {}, modified() {}, flushing() {} })
  const bytes = Buffer.from(words.join(''))
  words.forEach((_, i) => {
    space.ahead.starts[i] = 5 * i
    space.ahead.ends[i] = 5 * (i + 1)
  })
  space.lookAhead(bytes, count, 0)
  return { space, bytes }
}

describe('a hash that is known ahead', () => {
  it('is that of the request’s key, and others are made anew', () => {
    const { space, bytes } = prepared(4)
    for (let at = 0; at < 4; at++) {
      space.ahead.index = at
      for (let i = 0; i < 4; i++)
        expect(space.ahead.hash(bytes, 5 * i, 5 * i + 5, KEY)).toBe(hashBytes(bytes, 5 * i, 5 * i + 5, KEY))
    }
  })

  it('is not used for other bytes at the same place', () => {
    const { space } = prepared(4)
    const other = Buffer.from('other')
    expect(space.ahead.hash(other, 0, 5, KEY)).toBe(hashBytes(other, 0, 5, KEY))
  })

  it('is not used beyond the requests that are known, nor after the end', () => {
    const { space, bytes } = prepared(2)
    space.ahead.begin(bytes, 4, space.databases[0]!.table, KEY)
    space.ahead.begin(bytes, 2, space.databases[0]!.table, KEY)
    bytes.write('KEY:3', 10)
    space.ahead.index = 2
    expect(space.ahead.hash(bytes, 10, 15, KEY)).toBe(hashBytes(bytes, 10, 15, KEY))
    space.ahead.index = 0
    space.ahead.end()
    bytes.write('KEY:1', 0)
    expect(space.ahead.hash(bytes, 0, 5, KEY)).toBe(hashBytes(bytes, 0, 5, KEY))
  })

  it('is not made of an argument that is too long to be a likely key', () => {
    const space = new Keyspace(1, KEY, { expired() {}, modified() {}, flushing() {} })
    const bytes = Buffer.alloc(10_000, 'x')
    space.ahead.starts[0] = 0
    space.ahead.ends[0] = 10_000
    space.lookAhead(bytes, 1, 0)
    expect(space.ahead.ends[0]).toBe(0)
    expect(space.ahead.hash(bytes, 0, 10_000, KEY)).toBe(hashBytes(bytes, 0, 10_000, KEY))
  })
})
