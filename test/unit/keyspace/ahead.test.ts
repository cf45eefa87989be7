// What is known ahead never passes for something else: the hash of other bytes, of a later read, of a request too far.
import { describe, expect, it } from 'vitest'
import { AHEAD_MAX } from '../../../src/keyspace/ahead.ts'
import { Keyspace } from '../../../src/keyspace/keyspace.ts'
import { Scanned } from '../../../src/protocol/scanned.ts'
import { encodeRequest } from '../../../src/protocol/writer.ts'
import { hashBytes } from '../../../src/store/hash.ts'

const KEY = { k0: 1, k1: 2 }

function prepared(words: readonly string[]) {
  const space = new Keyspace(2, KEY, { expired() {}, modified() {}, flushing() {} })
  const bytes = Buffer.concat(words.map((word) => encodeRequest(['GET', word])))
  const scanned = new Scanned(AHEAD_MAX)
  const look = (to: number): void => {
    const count = scanned.find(bytes, 0, to, 1 << 20)
    scanned.firstArguments(space.ahead.starts, space.ahead.ends)
    space.lookAhead(bytes, count, 0)
  }
  look(bytes.length)
  /** Where the key of request i is. */
  const range = (i: number): [number, number] => {
    const from = bytes.indexOf(words[i]!)
    return [from, from + words[i]!.length]
  }
  return { space, bytes, look, range }
}
const WORDS = ['key:1', 'key:2', 'key:3', 'key:4']

describe('a hash that is known ahead', () => {
  it('is that of the request’s key, and others are made anew', () => {
    const { space, bytes, range } = prepared(WORDS)
    expect(space.ahead.count).toBe(4)
    for (let at = 0; at < 4; at++) {
      space.ahead.index = at
      for (let i = 0; i < 4; i++)
        expect(space.ahead.hash(bytes, ...range(i), KEY)).toBe(hashBytes(bytes, ...range(i), KEY))
    }
  })

  it('is not used for other bytes at the same place', () => {
    const { space, bytes, range } = prepared(WORDS)
    const other = Buffer.alloc(bytes.length, 'x')
    expect(space.ahead.hash(other, ...range(0), KEY)).toBe(hashBytes(other, ...range(0), KEY))
  })

  it('is not used beyond the requests that are known, nor after the end', () => {
    const { space, bytes, look, range } = prepared(WORDS)
    look(bytes.length / 2)
    expect(space.ahead.count).toBe(2)
    const [third, first] = [range(2), range(0)]
    bytes.write('KEY:3', third[0])
    space.ahead.index = 2
    expect(space.ahead.hash(bytes, ...third, KEY)).toBe(hashBytes(bytes, ...third, KEY))
    space.ahead.index = 0
    space.ahead.end()
    bytes.write('KEY:1', first[0])
    expect(space.ahead.hash(bytes, ...first, KEY)).toBe(hashBytes(bytes, ...first, KEY))
  })

  it('is not made of an argument that is too long to be a likely key', () => {
    const { space, bytes, range } = prepared(['x'.repeat(10_000), 'key:2'])
    expect(space.ahead.hash(bytes, ...range(0), KEY)).toBe(hashBytes(bytes, ...range(0), KEY))
  })
})
