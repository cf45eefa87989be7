import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createTestServer } from '../../support/engine.ts'
import { type Case, expectation, outcome } from './harness.ts'

const check = (cases: readonly Case[]): void => {
  it.each(cases)('$before, $line', (given) => {
    expect(outcome(given)).toEqual(expectation(given))
  })
}
const A = ['RPUSH k a']
const ABC = ['RPUSH k a b c']

describe('what is replicated and published', () => {
  check([
    { line: 'LPUSH k a b', reply: '2', replicated: ['0: LPUSH k a b'], events: ['new 0/k', 'lpush 0/k'] },
    { before: A, line: 'RPUSH k b', reply: '2', replicated: ['0: RPUSH k b'], events: ['rpush 0/k'] },
    { line: 'LPUSHX k a', reply: '0' },
    { before: A, line: 'RPUSHX k b c', reply: '3', replicated: ['0: RPUSHX k b c'], events: ['rpush 0/k'] },
    { before: ABC, line: 'LPOP k', reply: 'a', replicated: ['0: LPOP k'], events: ['lpop 0/k'] },
    { before: ABC, line: 'RPOP k 5', reply: '[c b a]', replicated: ['0: RPOP k 5'], events: ['rpop 0/k', 'del 0/k'] },
    { before: ABC, line: 'LPOP k 0', reply: '[]' },
    { before: ABC, line: 'LSET k -1 x', reply: 'OK', replicated: ['0: LSET k -1 x'], events: ['lset 0/k'] },
    {
      before: ABC,
      line: 'LINSERT k AFTER a x',
      reply: '4',
      replicated: ['0: LINSERT k AFTER a x'],
      events: ['linsert 0/k'],
    },
    { before: ABC, line: 'LINSERT k BEFORE none x', reply: '-1' },
    { before: ABC, line: 'LREM k 0 b', reply: '1', replicated: ['0: LREM k 0 b'], events: ['lrem 0/k'] },
    { before: A, line: 'LREM k 0 a', reply: '1', replicated: ['0: LREM k 0 a'], events: ['lrem 0/k', 'del 0/k'] },
    { before: ABC, line: 'LREM k 0 none', reply: '0' },
    { before: ABC, line: 'LTRIM k 1 1', reply: 'OK', replicated: ['0: LTRIM k 1 1'], events: ['ltrim 0/k'] },
    { before: ABC, line: 'LTRIM k 0 -1', reply: 'OK', events: ['ltrim 0/k'] },
    { before: A, line: 'LTRIM k 5 9', reply: 'OK', replicated: ['0: LTRIM k 5 9'], events: ['ltrim 0/k', 'del 0/k'] },
    {
      before: A,
      line: 'LMOVE k d LEFT RIGHT',
      reply: 'a',
      replicated: ['0: LMOVE k d LEFT RIGHT'],
      events: ['new 0/d', 'rpush 0/d', 'lpop 0/k', 'del 0/k'],
    },
    {
      before: ABC,
      line: 'RPOPLPUSH k k',
      reply: 'c',
      replicated: ['0: RPOPLPUSH k k'],
      events: ['lpush 0/k', 'rpop 0/k'],
    },
    {
      before: ABC,
      line: 'LMPOP 2 none k RIGHT COUNT 2',
      reply: '[k [c b]]',
      replicated: ['0: RPOP k 2'],
      events: ['rpop 0/k'],
    },
    { line: 'LMPOP 1 none LEFT', reply: 'nil' },
  ])
})

const element = fc.oneof(
  { weight: 12, arbitrary: fc.nat(12).map((n) => `e${n}`) },
  fc.constantFrom('', '12', '-5', 'x'.repeat(70), 'y'.repeat(6000), 'z'.repeat(70_000)),
)
const index = fc.integer({ min: -70, max: 70 }).map(String)
const words = (...parts: fc.Arbitrary<string | string[]>[]): fc.Arbitrary<string[]> =>
  fc.tuple(...parts).map((list) => list.flat())
const word = (...choices: string[]): fc.Arbitrary<string> => fc.constantFrom(...choices)
const key = word('k', 'k', 'd')
const end = word('LEFT', 'RIGHT')
const anyCommand: fc.Arbitrary<string[]> = fc.oneof(
  { weight: 8, arbitrary: words(word('LPUSH', 'RPUSH'), key, fc.array(element, { minLength: 1, maxLength: 30 })) },
  { weight: 2, arbitrary: words(word('LINSERT'), key, word('BEFORE', 'AFTER'), element, element) },
  { weight: 2, arbitrary: words(word('LREM'), key, word('0', '1', '-1', '2', '-3'), element) },
  { weight: 2, arbitrary: words(word('LSET'), key, index, element) },
  words(word('LPOP', 'RPOP'), key, word('0', '1', '7')),
  words(word('LTRIM'), key, index, index),
  words(word('LRANGE'), key, index, index),
  words(word('LINDEX'), key, index),
  words(word('LPOS'), key, element, word('RANK'), word('1', '2', '-1', '-2'), word('COUNT'), word('0', '2')),
  { weight: 3, arbitrary: words(word('LMOVE'), key, key, end, end) },
  words(word('LMPOP'), word('2'), word('d'), word('k'), end, word('COUNT'), word('2')),
)

describe('pages of every size', () => {
  it('answer alike, whatever was done before, and copies and payloads are equal', () => {
    fc.assert(
      fc.property(fc.array(anyCommand, { maxLength: 50, size: 'max' }), (commands) => {
        const clients = ['-5', '1', '3'].map((size) => createTestServer({ 'list-max-listpack-size': size }).connect())
        const all = (...argv: string[]): unknown => {
          const [first, ...rest] = clients.map((client) => client.call(...argv))
          for (const reply of rest) expect({ argv, reply }).toEqual({ argv, reply: first })
          return first
        }
        for (const command of commands) all(...command)
        const list = all('LRANGE', 'k', '0', '-1') as string[]
        expect(all('LLEN', 'k')).toBe(list.length)
        for (let i = 0; i < list.length; i += 7) expect(all('LINDEX', 'k', String(i))).toBe(list[i])
        if (list.length === 0) return
        all('COPY', 'k', 'copy')
        all('RPUSH', 'k', 'later')
        expect(all('LRANGE', 'copy', '0', '-1')).toEqual(list)
        all('DEBUG', 'DIGEST')
        all('DEL', 'k', 'copy')
      }),
      { numRuns: 60 },
    )
  })

  it('give back all memory', () => {
    const server = createTestServer({ 'list-max-listpack-size': '5' })
    const client = server.connect()
    client.call('RPUSH', 'warm', ...'abcdefghij')
    client.call('DEL', 'warm')
    const before = server.keyspace.arena.usedBytes
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 2000; i++) client.call(i % 2 ? 'LPUSH' : 'RPUSH', 'k', `element ${i % 40}`)
      client.call('LREM', 'k', '0', 'element 7')
      client.call('LTRIM', 'k', '100', '300')
      client.call('LPOP', 'k', '100000')
      expect(client.call('EXISTS', 'k')).toBe(0)
    }
    expect(server.keyspace.arena.usedBytes).toBe(before)
  })
})
