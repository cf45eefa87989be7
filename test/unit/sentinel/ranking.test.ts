// Which replica becomes primary, and what is said about the others.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { ServerInfo } from '../../../src/sentinel/info.ts'
import { type Candidate, rank } from '../../../src/sentinel/ranking.ts'

const info = (changes: Partial<ServerInfo> = {}): ServerInfo => ({
  runId: 'b',
  role: 'replica',
  offset: 100,
  replId: 'x',
  replicas: [],
  primary: { host: '10.0.0.1', port: 1 },
  linkUp: false,
  linkDownMs: 0,
  lastIoSeconds: -1,
  priority: 100,
  announced: true,
  ...changes,
})
const candidate = (port: number, changes: Partial<ServerInfo> = {}, rest: Partial<Candidate> = {}): Candidate => ({
  address: { host: '10.0.0.1', port },
  verdict: 'up',
  linked: true,
  info: info(changes),
  ...rest,
})
const winner = (...candidates: Candidate[]): number | undefined => rank(candidates, 10_000).winner?.address.port

describe('rank', () => {
  it('prefers the lowest priority number, whatever the offset', () => {
    expect(winner(candidate(2, { offset: 500 }), candidate(3, { priority: 10 }))).toBe(3)
  })

  it('then the largest offset', () => {
    expect(winner(candidate(2), candidate(3, { offset: 101 }))).toBe(3)
  })

  it('then the smallest run ID; one without any comes last', () => {
    expect(winner(candidate(2, { runId: 'c' }), candidate(3, { runId: 'a' }))).toBe(3)
    expect(winner(candidate(2, { runId: '' }), candidate(3, { runId: 'z' }))).toBe(3)
  })

  it.each([
    ['is dead', {}, { verdict: 'dead' as const }, 'it is dead'],
    ['has no link', {}, { linked: false }, 'there is no link to it'],
    ['gave no fresh INFO', {}, { info: undefined }, 'it did not answer INFO in time'],
    ['has priority 0', { priority: 0 }, {}, 'its priority is 0'],
    ['lost its primary long ago', { linkDownMs: 10_001 }, {}, 'its link to the primary has been down for 10001 ms'],
    ['calls itself a primary', { role: 'primary' as const }, {}, 'it reports to be a primary itself'],
  ])('excludes one that %s, and says so', (_, changes, rest, why) => {
    const { winner: chosen, losers } = rank([candidate(2, changes, rest), candidate(3)], 10_000)
    expect(chosen?.address.port).toBe(3)
    expect(losers).toEqual([{ address: { host: '10.0.0.1', port: 2 }, why }])
  })

  it('takes one that was promoted by an aborted failover when there is no other', () => {
    expect(winner(candidate(2, { role: 'primary', offset: 700 }))).toBe(2)
    expect(winner(candidate(2, { role: 'primary', offset: 0 }))).toBeUndefined()
  })

  it('tells who won, why, and why not the others', () => {
    expect(rank([candidate(2), candidate(3, { offset: 130 })], 10_000).sentence).toBe(
      '10.0.0.1:3 is chosen (priority 100, offset 130); 10.0.0.1:2: it is 30 bytes behind',
    )
    expect(rank([candidate(2, { priority: 0 })], 10_000).sentence).toBe(
      'no replica can be promoted (10.0.0.1:2: its priority is 0)',
    )
  })

  it('does not depend on the order in which candidates are given, and explains every loser', () => {
    const some = fc.array(
      fc.record({
        priority: fc.nat(3),
        offset: fc.nat(5),
        runId: fc.constantFrom('', 'a', 'b'),
        linkDownMs: fc.constantFrom(0, 20_000),
      }),
      { maxLength: 8 },
    )
    fc.assert(
      fc.property(some, fc.infiniteStream(fc.nat()), (facts, dice) => {
        const given = facts.map((changes, i) => candidate(i + 1, changes))
        const shuffled = [...given].sort(() => (Number(dice.next().value) % 2 === 0 ? 1 : -1))
        const one = rank(given, 10_000)
        expect(rank(shuffled, 10_000).winner).toEqual(one.winner)
        expect(one.losers).toHaveLength(given.length - (one.winner ? 1 : 0))
      }),
    )
  })
})
