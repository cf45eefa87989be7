// SORT: what it replicates and publishes, its order against one computed in plain JavaScript, and a full store.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { digestAll } from '../../../src/commands/digest.ts'
import { ArenaFullError } from '../../../src/store/arena.ts'
import { createTestServer } from '../../support/engine.ts'
import { type Case, expectation, openConsole, outcome } from './harness.ts'

const check = (cases: readonly Case[]): void => {
  it.each(cases)('$before, $line', (given) => {
    expect(outcome(given)).toEqual(expectation(given))
  })
}
const LIST = ['RPUSH k 3 1 2']

describe('what is replicated and published', () => {
  check([
    { before: LIST, line: 'SORT k', reply: '[1 2 3]' },
    { before: LIST, line: 'SORT_RO k DESC', reply: '[3 2 1]' },
    { before: LIST, line: 'SORT_RO k STORE d', reply: '-ERR syntax error' },
    {
      before: LIST,
      line: 'SORT k STORE d',
      reply: '3',
      replicated: ['0: SORT k STORE d'],
      events: ['new 0/d', 'sortstore 0/d'],
    },
    {
      before: ['SET d x EX 100'],
      line: 'SORT none STORE d',
      reply: '0',
      replicated: ['0: SORT none STORE d'],
      events: ['keymiss 0/none', 'del 0/d'],
    },
    { line: 'SORT none STORE d', reply: '0', events: ['keymiss 0/none'] },
    {
      before: [...LIST, 'SET w_1 9'],
      line: 'SORT k BY w_* GET #',
      reply: '[2 3 1]',
      events: ['keymiss 0/w_3', 'keymiss 0/w_2'],
    },
    {
      before: ['RPUSH k 1 x'],
      line: 'SORT k STORE d',
      reply: "-ERR One or more scores can't be converted into double",
    },
  ])

  it('counts each stored element as a change', () => {
    const { server, run } = openConsole()
    run('RPUSH k 3 1 2')
    const before = server.engine.stats.changes
    run('SORT k STORE d')
    expect(server.engine.stats.changes - before).toBe(3)
  })
})

describe('the order', () => {
  const number = fc.oneof(
    fc.integer({ min: -99, max: 99 }).map(String),
    fc.constantFrom('1.0', '1e1', '-inf', 'inf', '01'),
  )
  const text = fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((b) => String.fromCharCode(b)), maxLength: 3 })
  const byBytes = (a: string, b: string): number => Buffer.compare(Buffer.from(a, 'latin1'), Buffer.from(b, 'latin1'))
  const value = (n: string): number => (n.endsWith('inf') ? Number(n.replace('inf', 'Infinity')) : Number(n))
  const byValue = (a: string, b: string): number =>
    value(a) === value(b) ? byBytes(a, b) : value(a) < value(b) ? -1 : 1

  it.each([
    ['numbers', number, [], byValue],
    ['bytes', text, ['ALPHA'], byBytes],
  ] as const)('is that of the %s, from every type', (_, element, options, compare) => {
    fc.assert(
      fc.property(
        fc.uniqueArray(element, { minLength: 1, maxLength: 40 }),
        fc.boolean(),
        fc.integer({ min: -3, max: 30 }),
        fc.integer({ min: -1, max: 30 }),
        (elements, descending, offset, count) => {
          const client = createTestServer({ 'set-max-intset-entries': '5' }).connect()
          const bytes = elements.map((each) => Buffer.from(each, 'latin1'))
          client.call('RPUSH', 'list', ...bytes)
          client.call('SADD', 'set', ...bytes)
          for (const [i, each] of bytes.entries()) client.call('ZADD', 'zset', String(-i), each)
          const sorted = [...elements].sort((a, b) => (descending ? -1 : 1) * compare(a, b))
          const start = Math.max(offset, 0)
          const expected = sorted.slice(start, count < 0 ? undefined : start + count)
          const asked = [...options, descending ? 'DESC' : 'ASC', 'LIMIT', String(offset), String(count)]
          for (const key of ['list', 'set', 'zset']) {
            expect(client.call('SORT', key, ...asked)).toEqual(expected)
            expect(client.call('SORT_RO', key, ...asked)).toEqual(expected)
            expect(client.call('SORT', key, ...asked, 'STORE', 'stored')).toBe(expected.length)
            expect(client.call('LRANGE', 'stored', '0', '-1')).toEqual(expected)
          }
        },
      ),
      { numRuns: 60 },
    )
  })
})

describe('a full store', () => {
  it('leaves everything as it was', () => {
    const { server, run, replicated } = openConsole()
    run(`RPUSH k ${Array.from({ length: 500 }, (_, i) => `element${i}`.padEnd(100, 'x')).join(' ')}`)
    run('SET d x')
    replicated()
    const before = digestAll(server.keyspace).hex
    const { arena } = server.keyspace
    const { alloc } = arena
    const { usedBytes } = arena
    for (let allowed = 0; allowed < 4; allowed++) {
      let left = allowed
      arena.alloc = (units) => {
        if (left-- <= 0) throw new ArenaFullError('full')
        return alloc.call(arena, units)
      }
      expect(run('SORT k ALPHA STORE d')).toMatch(/^-OOM/)
      arena.alloc = alloc
      while (server.keyspace.releaseSome()) {}
      expect(digestAll(server.keyspace).hex).toBe(before)
      expect(arena.usedBytes).toBe(usedBytes)
      expect(replicated()).toEqual([])
    }
  })
})
