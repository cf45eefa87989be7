import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ArenaFullError } from '../../../src/store/arena.ts'
import { createTestServer } from '../../support/engine.ts'
import { type Case, expectation, openConsole, outcome } from './harness.ts'

const check = (cases: readonly Case[]): void => {
  it.each(cases)('$before, $line', (given) => {
    expect(outcome(given)).toEqual(expectation(given))
  })
}
const A = ['ZADD k 1 a']
const AB = ['ZADD k 1 a 2 b']

describe('what is replicated and published', () => {
  check([
    { line: 'ZADD k 1 a', reply: '1', replicated: ['0: ZADD k 1 a'], events: ['new 0/k', 'zadd 0/k'] },
    { before: A, line: 'ZADD k 1 a', reply: '0' },
    { before: A, line: 'ZADD k 2 a', reply: '0', replicated: ['0: ZADD k 2 a'], events: ['zadd 0/k'] },
    { before: A, line: 'ZADD k GT CH 0 a', reply: '0' },
    { line: 'ZADD k XX 1 a', reply: '0' },
    { before: A, line: 'ZADD k NX INCR 1 a', reply: 'nil' },
    { before: A, line: 'ZADD k INCR 1 a', reply: '2', replicated: ['0: ZADD k INCR 1 a'], events: ['zincr 0/k'] },
    { before: A, line: 'ZINCRBY k 1.5 a', reply: '2.5', replicated: ['0: ZINCRBY k 1.5 a'], events: ['zincr 0/k'] },
    { before: AB, line: 'ZREM k a none', reply: '1', replicated: ['0: ZREM k a none'], events: ['zrem 0/k'] },
    { before: A, line: 'ZREM k a', reply: '1', replicated: ['0: ZREM k a'], events: ['zrem 0/k', 'del 0/k'] },
    { before: A, line: 'ZREM k none', reply: '0' },
    { before: AB, line: 'ZPOPMIN k', reply: '[a 1]', replicated: ['0: ZPOPMIN k'], events: ['zpopmin 0/k'] },
    {
      before: AB,
      line: 'ZPOPMAX k 5',
      reply: '[b 2 a 1]',
      replicated: ['0: ZPOPMAX k 5'],
      events: ['zpopmax 0/k', 'del 0/k'],
    },
    {
      before: AB,
      line: 'ZMPOP 2 none k MAX COUNT 1',
      reply: '[k [[b 2]]]',
      replicated: ['0: ZPOPMAX k 1'],
      events: ['zpopmax 0/k'],
    },
    { line: 'ZMPOP 1 none MIN', reply: 'nil' },
    {
      before: AB,
      line: 'ZREMRANGEBYRANK k 0 0',
      reply: '1',
      replicated: ['0: ZREMRANGEBYRANK k 0 0'],
      events: ['zremrangebyrank 0/k'],
    },
    {
      before: A,
      line: 'ZREMRANGEBYSCORE k 0 5',
      reply: '1',
      replicated: ['0: ZREMRANGEBYSCORE k 0 5'],
      events: ['zremrangebyscore 0/k', 'del 0/k'],
    },
    { before: A, line: 'ZREMRANGEBYLEX k [b [c', reply: '0' },
    {
      before: A,
      line: 'ZRANGESTORE d k 0 -1',
      reply: '1',
      replicated: ['0: ZRANGESTORE d k 0 -1'],
      events: ['new 0/d', 'zrangestore 0/d'],
    },
    {
      before: ['SET d x'],
      line: 'ZUNIONSTORE d 1 none',
      reply: '0',
      replicated: ['0: ZUNIONSTORE d 1 none'],
      events: ['keymiss 0/none', 'del 0/d'],
    },
    {
      before: [...A, 'SET d x EX 100'],
      line: 'ZINTERSTORE d 1 k',
      reply: '1',
      replicated: ['0: ZINTERSTORE d 1 k'],
      events: ['zinterstore 0/d'],
    },
  ])
})

/** Scores that tie, and some that do not fit an integer; members of lengths on both sides of where storage changes. */
const score = fc.constantFrom('0', '0', '1', '2', '-1', '0.5', '1e300', 'inf', '-inf', '3', '(1')
const plainScore = score.filter((text) => !text.startsWith('('))
const member = fc.oneof(
  { weight: 12, arbitrary: fc.nat(60).map((n) => `m${n}`) },
  fc.constantFrom('', '12', '-5', 'x'.repeat(70), 'y'.repeat(600), 'z'.repeat(70_000)),
)
const rank = fc.integer({ min: -70, max: 70 }).map(String)
const words = (...parts: fc.Arbitrary<string | string[]>[]): fc.Arbitrary<string[]> =>
  fc.tuple(...parts).map((list) => list.flat())
const word = (...choices: string[]): fc.Arbitrary<string> => fc.constantFrom(...choices)
/** The commands that the two encodings must answer alike; `KEY` stands for the set's key. */
const anyCommand: fc.Arbitrary<string[]> = fc.oneof(
  {
    weight: 8,
    arbitrary: words(
      word('ZADD'),
      word('KEY'),
      fc.subarray(['XX', 'GT', 'CH'], { maxLength: 1 }),
      fc.array(fc.tuple(plainScore, member), { minLength: 1, maxLength: 30 }).map((list) => list.flat()),
    ),
  },
  { weight: 2, arbitrary: words(word('ZINCRBY'), word('KEY'), word('1', '-2.5', '0.1'), member) },
  { weight: 2, arbitrary: words(word('ZREM'), word('KEY'), fc.array(member, { minLength: 1, maxLength: 10 })) },
  words(word('ZRANGE', 'ZREVRANGE'), word('KEY'), rank, rank, word('WITHSCORES')),
  words(word('ZRANGEBYSCORE', 'ZREVRANGEBYSCORE'), word('KEY'), score, score, word('LIMIT'), word('0', '2'), word('5')),
  words(word('ZREMRANGEBYRANK'), word('KEY'), rank, rank),
  words(word('ZREMRANGEBYSCORE', 'ZCOUNT'), word('KEY'), score, score),
  words(word('ZPOPMIN', 'ZPOPMAX'), word('KEY'), word('0', '1', '7')),
  words(word('ZRANK', 'ZREVRANK', 'ZSCORE'), word('KEY'), member),
  words(word('ZUNION', 'ZINTER', 'ZDIFF'), word('2'), word('KEY'), word('KEY'), word('WITHSCORES')),
  words(word('ZRANGESTORE'), word('KEY'), word('KEY'), rank, rank),
)

describe('both encodings', () => {
  it('answer alike, whatever was done before, and copies and payloads are equal', () => {
    fc.assert(
      fc.property(fc.array(anyCommand, { maxLength: 50, size: 'max' }), (commands) => {
        const clients = [1000, 0].map((entries) => {
          const limits = {
            'zset-max-listpack-entries': String(entries),
            'zset-max-listpack-value': '100000',
            'enable-debug-command': 'yes',
          }
          return createTestServer(limits).connect()
        })
        const both = (...argv: string[]): unknown => {
          const [listpack, parts] = clients.map((client) => client.call(...argv))
          expect({ argv, reply: parts }).toEqual({ argv, reply: listpack })
          return parts
        }
        for (const command of commands) both(...command.map((each) => (each === 'KEY' ? 'k' : each)))
        const all = both('ZRANGE', 'k', '0', '-1', 'WITHSCORES') as string[]
        both('ZRANGEBYLEX', 'k', '-', '+')
        for (let i = 0; i < all.length; i += 2) both('ZRANK', 'k', all[i]!)
        if (all.length === 0) return
        expect(clients.map((client) => client.call('OBJECT', 'ENCODING', 'k'))).toEqual(['listpack', 'skiplist'])
        both('COPY', 'k', 'copy')
        both('ZADD', 'k', '77', 'later')
        expect(both('ZRANGE', 'copy', '0', '-1', 'WITHSCORES')).toEqual(all)
        both('DEBUG', 'DIGEST')
        both('DEL', 'k', 'copy')
      }),
      { numRuns: 50 },
    )
  })

  it('give back all memory', () => {
    const server = createTestServer({ 'zset-max-listpack-entries': '2' })
    const client = server.connect()
    client.call('ZADD', 'warm', '1', 'a', '2', 'b', '3', 'c')
    client.call('DEL', 'warm')
    const before = server.keyspace.arena.usedBytes
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 2000; i++) client.call('ZADD', 'k', String((i * 7919) % 997), `member ${i}`)
      client.call('ZREMRANGEBYRANK', 'k', '100', '1800')
      client.call('ZREMRANGEBYSCORE', 'k', '-inf', '50')
      client.call('ZPOPMAX', 'k', '100000')
      expect(client.call('EXISTS', 'k')).toBe(0)
    }
    expect(server.keyspace.arena.usedBytes).toBe(before)
  })
})

describe('a full store', () => {
  it('leaves what was added before, replicates that, and nothing half done', () => {
    const { server, run, replicated } = openConsole()
    run('CONFIG SET zset-max-listpack-entries 0')
    run('ZADD k 1 a 2 b')
    replicated()
    const { arena } = server.keyspace
    const { alloc } = arena
    for (let allowed = 0; allowed < 3; allowed++) {
      let left = allowed
      arena.alloc = (units) => {
        if (left-- <= 0) throw new ArenaFullError('full')
        return alloc.call(arena, units)
      }
      const reply = run(`ZADD k ${allowed} ${'l'.repeat(600 + allowed)}`)
      arena.alloc = alloc
      const members = run('ZRANGE k 0 -1').slice(1, -1).split(' ')
      const scores = members.map((text) => run(`ZSCORE k ${text}`))
      expect(scores).not.toContain('nil')
      expect(run('ZCARD k')).toBe(String(members.length))
      expect(replicated().length).toBe(reply.startsWith('-OOM') ? 0 : 1)
    }
  })
})
