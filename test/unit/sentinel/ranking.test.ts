// Which replica becomes primary, and what is said about the others.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { ServerInfo } from '../../../src/sentinel/info.ts'
import { type Candidate, type Rules, rank } from '../../../src/sentinel/ranking.ts'

const info = (changes: Partial<ServerInfo> = {}): ServerInfo => ({
  runId: 'b',
  role: 'replica',
  offset: 100,
  replId: 'x',
  parent: undefined,
  replicas: [],
  primary: { host: '10.0.0.1', port: 1 },
  linkUp: false,
  linkDownMs: 0,
  lastIoSeconds: -1,
  loading: false,
  keys: 10,
  priority: 100,
  leases: 'unknown',
  leaseVersion: 0,
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
const RULES: Rules = { maxLinkDownMs: 10_000, lineage: [{ replId: 'x', runId: 'p' }] }
const winner = (...candidates: Candidate[]): number | undefined => rank(candidates, RULES).winner?.address.port

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
    const { winner: chosen, losers } = rank([candidate(2, changes, rest), candidate(3)], RULES)
    expect(chosen?.address.port).toBe(3)
    expect(losers).toEqual([{ address: { host: '10.0.0.1', port: 2 }, why }])
  })

  it('excludes those without the newest history, whatever their offset, and says so', () => {
    const lineage = ['h0', 'h1'].map((replId) => ({ replId, runId: 'p' }))
    const { winner: chosen, losers } = rank(
      [
        candidate(2, { replId: 'h0', offset: 9_000 }),
        candidate(3, { replId: 'h1', offset: 5 }),
        candidate(4, { replId: 'own', offset: 9_000, linkDownMs: Number.POSITIVE_INFINITY }),
        candidate(5, { replId: 'h2', offset: 8, parent: { replId: 'h1', offset: 4 } }),
        candidate(6, { replId: 'h1', offset: 9_000, loading: true }),
      ],
      { ...RULES, lineage },
    )
    expect(chosen?.address.port).toBe(3)
    expect(losers.map(({ address, why }) => [address.port, why])).toEqual([
      [2, 'it lacks what was written since the last failover'],
      [4, 'it has never held the data of this group'],
      [5, 'it is 1 bytes behind'],
      [6, 'its data is just being replaced or read'],
    ])
  })

  it('settles for what there is when nobody can have the newest history', () => {
    const rules = {
      ...RULES,
      lineage: [
        { replId: 'h0', runId: 'p' },
        { replId: 'h1', runId: 'p' },
      ],
      settleForLess: true,
    }
    const [none, earlier] = [candidate(2, { replId: 'own', offset: 9_000 }), candidate(3, { replId: 'h0', offset: 5 })]
    expect(rank([none, earlier], rules).winner).toBe(earlier)
    expect(rank([none], rules).winner).toBe(none)
  })

  it('does not take a link that has not stood yet for one that stands, while no history is known', () => {
    const rules = { ...RULES, lineage: [] }
    const fresh = candidate(2, { linkDownMs: Number.POSITIVE_INFINITY, offset: 9_000 })
    expect(rank([fresh, candidate(3)], rules).winner?.address.port).toBe(3)
    expect(rank([fresh], rules).winner).toBeUndefined()
  })

  it('excludes one that just began out of a file that is older than what the primary had', () => {
    const primary = info({ role: 'primary', offset: 200 })
    const began = (offset: number) => candidate(2, { offset, linkDownMs: Number.POSITIVE_INFINITY })
    const { winner: chosen, losers } = rank([began(150)], { ...RULES, primary })
    expect([chosen, losers[0]?.why]).toEqual([undefined, 'it began anew, 50 bytes behind what the primary had'])
    expect(rank([began(200)], { ...RULES, primary }).winner).toBeDefined()
    expect(rank([began(150)], { ...RULES, primary, settleForLess: true }).winner).toBeDefined()
    // Of a primary that came back with another history it is not known that it had more.
    expect(rank([began(150)], { ...RULES, primary: info({ role: 'primary', replId: 'new' }) }).winner).toBeDefined()
  })

  it('excludes one that was emptied for a synchronization that failed', () => {
    const primary = info({ role: 'primary', offset: 200 })
    expect(rank([candidate(2, { keys: 0 })], { ...RULES, primary }).winner).toBeUndefined()
    // Everything was deleted, and it knows.
    expect(rank([candidate(2, { keys: 0, offset: 200 })], { ...RULES, primary }).winner).toBeDefined()
  })

  it('takes one that was promoted by an aborted failover when there is no other', () => {
    expect(winner(candidate(2, { role: 'primary', offset: 700 }))).toBe(2)
    expect(winner(candidate(2, { role: 'primary', offset: 0 }))).toBeUndefined()
  })

  it('tells who won, why, and why not the others', () => {
    expect(rank([candidate(2), candidate(3, { offset: 130 })], RULES).sentence).toBe(
      '10.0.0.1:3 is chosen (priority 100, offset 130); 10.0.0.1:2: it is 30 bytes behind',
    )
    expect(rank([candidate(2, { priority: 0 })], RULES).sentence).toBe(
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
        const one = rank(given, RULES)
        expect(rank(shuffled, RULES).winner).toEqual(one.winner)
        expect(one.losers).toHaveLength(given.length - (one.winner ? 1 : 0))
      }),
    )
  })
})
