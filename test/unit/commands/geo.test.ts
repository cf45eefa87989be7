// Geo on a server in memory: what it replicates and publishes, and searches in sets of many members. What it replies is compared
// with redis-server in test/compat/corpus/geo.txt.
import { describe, expect, it } from 'vitest'
import { createTestServer } from '../../support/engine.ts'
import { type Case, expectation, openConsole, outcome } from './harness.ts'

const A = ['GEOADD k 13.361389 38.115556 a']
const SCORE = '3479099956230698'

describe('what is replicated and published', () => {
  const cases: readonly Case[] = [
    {
      line: 'GEOADD k 13.361389 38.115556 a',
      reply: '1',
      replicated: [`0: ZADD k ${SCORE} a`],
      events: ['new 0/k', 'zadd 0/k'],
    },
    { before: A, line: 'GEOADD k 13.361389 38.115556 a', reply: '0' },
    { before: A, line: 'GEOADD k NX 1 1 a', reply: '0' },
    {
      before: ['GEOADD k 1 1 a'],
      line: 'GEOADD k XX CH 13.361389 38.115556 a 2 2 b',
      reply: '1',
      replicated: [`0: ZADD k XX CH ${SCORE} a 3378191666521995 b`],
      events: ['zadd 0/k'],
    },
    { before: A, line: 'GEORADIUS k 13 38 100 km', reply: '[a]' },
    {
      before: A,
      line: 'GEORADIUS k 13 38 100 km STORE d',
      reply: '1',
      replicated: ['0: GEORADIUS k 13 38 100 km STORE d'],
      events: ['new 0/d', 'georadiusstore 0/d'],
    },
    {
      before: A,
      line: 'GEOSEARCHSTORE d k FROMMEMBER a BYRADIUS 1 m',
      reply: '1',
      replicated: ['0: GEOSEARCHSTORE d k FROMMEMBER a BYRADIUS 1 m'],
      events: ['new 0/d', 'geosearchstore 0/d'],
    },
    {
      before: [...A, 'SET d 1'],
      line: 'GEOSEARCHSTORE d k FROMLONLAT 0 0 BYRADIUS 1 m',
      reply: '0',
      replicated: ['0: GEOSEARCHSTORE d k FROMLONLAT 0 0 BYRADIUS 1 m'],
      events: ['del 0/d'],
    },
    { line: 'GEOSEARCH k FROMMEMBER a BYRADIUS 1 m', reply: '[]', events: ['keymiss 0/k'] },
  ]
  it.each(cases)('$before, $line', (given) => {
    expect(outcome(given)).toEqual(expectation(given))
  })
})

describe('a set of many places', () => {
  it('is searched in portions, and a search for any few ends early', () => {
    const server = createTestServer()
    const client = server.connect()
    const places: string[] = []
    for (let i = 0; i < 5000; i++)
      places.push(String(10 + (i % 100) / 1000), String(50 + Math.floor(i / 100) / 1000), `m${i}`)
    expect(client.call('GEOADD', 'k', ...places)).toBe(5000)
    const near = ['GEOSEARCH', 'k', 'FROMLONLAT', '10.05', '50.025', 'BYRADIUS', '100', 'km']
    expect(new Set(client.call(...near) as string[]).size).toBe(5000)
    expect(client.call(...near, 'COUNT', '3')).toContain('m2550')
    expect((client.call(...near, 'COUNT', '1500', 'ANY') as string[]).length).toBe(1500)
    expect(client.call('GEOSEARCHSTORE', 'd', ...near.slice(1))).toBe(5000)
    expect(client.call('ZCARD', 'd')).toBe(5000)
  })

  it('with scores that are no places can be asked for everything', () => {
    const { run } = openConsole()
    run('ZADD k inf a -inf b -5 c 1e300 d 0.5 e')
    for (const line of ['GEOPOS k a b c d e', 'GEOHASH k a b c d e', 'GEODIST k a b', 'GEODIST k c d ft']) {
      expect(run(line)).not.toMatch(/^-/)
    }
    expect(run('GEOSEARCH k FROMMEMBER a BYRADIUS 100000 km WITHHASH WITHDIST WITHCOORD')).not.toMatch(/^-/)
  })
})
