// The leaf files of raft/: majorities, memberships, a follower's progress, the settings.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { RAFT_DEFAULTS, raftConfig } from '../../../src/raft/config.ts'
import { changed, membershipOf } from '../../../src/raft/membership.ts'
import { bootstrap } from '../../../src/raft/node.ts'
import * as progress from '../../../src/raft/progress.ts'
import { majority, quorumValue, tally } from '../../../src/raft/quorum.ts'

describe('quorum', () => {
  it('two majorities of sets that differ by one voter share a voter', () => {
    for (let n = 1; n < 20; n++) expect(majority(n) + majority(n + 1)).toBeGreaterThan(n + 1)
  })

  it('gives the largest value that a majority reached', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(20), { minLength: 1, maxLength: 9 }), (values) => {
        const ids = values.map((_, i) => `${i}`)
        const reached = quorumValue(ids, (id) => values[Number(id)]!)
        const have = (least: number): number => values.filter((value) => value >= least).length
        expect(have(reached)).toBeGreaterThanOrEqual(majority(values.length))
        expect(have(reached + 1)).toBeLessThan(majority(values.length))
      }),
    )
    expect(quorumValue([], () => 7)).toBe(-Infinity)
    expect(quorumValue(['a', 'b', 'c'], (id) => (id === 'a' ? 5 : -Infinity))).toBe(-Infinity)
  })

  it('tells won, lost and open, and ignores strangers', () => {
    const voters = ['a', 'b', 'c']
    const votes = (...yes: [string, boolean][]) => tally(voters, new Map(yes))
    expect(votes(['a', true])).toBe('open')
    expect(votes(['a', true], ['b', true])).toBe('won')
    expect(votes(['a', false], ['b', false])).toBe('lost')
    expect(votes(['a', true], ['x', true], ['y', true])).toBe('open')
    expect(tally([], new Map())).toBe('lost')
  })
})

describe('membership', () => {
  it('has one form, and every change differs by one node', () => {
    expect(membershipOf(['b', 'a', 'b'], ['c', 'a'])).toEqual({ voters: ['a', 'b'], learners: ['c'] })
    const members = membershipOf(['a', 'b'], ['c'])
    expect(changed(members, { kind: 'add-learner', node: 'd' })).toEqual(membershipOf(['a', 'b'], ['c', 'd']))
    expect(changed(members, { kind: 'add-learner', node: 'a' })).toBe('no-change')
    expect(changed(members, { kind: 'promote', node: 'c' })).toEqual(membershipOf(['a', 'b', 'c']))
    expect(changed(members, { kind: 'promote', node: 'a' })).toBe('no-change')
    expect(changed(members, { kind: 'promote', node: 'x' })).toBe('unknown-node')
    expect(changed(members, { kind: 'remove', node: 'a' })).toEqual(membershipOf(['b'], ['c']))
    expect(changed(members, { kind: 'remove', node: 'x' })).toBe('unknown-node')
    expect(changed(membershipOf(['a']), { kind: 'remove', node: 'a' })).toBe('last-voter')
  })
})

describe('progress', () => {
  it('probes one at a time, then streams within a window', () => {
    const peer = progress.newProgress(5)
    expect(progress.maySend(peer, 2)).toBe(true)
    progress.sentAppend(peer, 6, 2, 0)
    expect(progress.maySend(peer, 2)).toBe(false)
    progress.accepted(peer, 6, 0)
    expect(peer).toMatchObject({ state: 'replicate', match: 6, next: 7 })
    progress.sentAppend(peer, 7, 1, 0)
    progress.sentAppend(peer, 8, 1, 0)
    expect(progress.maySend(peer, 2)).toBe(false)
    progress.accepted(peer, 7, 0)
    expect(progress.maySend(peer, 2)).toBe(true)
  })

  it('goes back to probing where the logs may meet, and never below what is known', () => {
    const peer = progress.newProgress(10)
    progress.rejected(peer, 9, 4)
    expect(peer.next).toBe(5)
    progress.rejected(peer, 9, 1) // a late answer to an old question
    expect(peer.next).toBe(5)
    progress.accepted(peer, 4, 0)
    progress.sentAppend(peer, 8, 4, 0)
    progress.rejected(peer, 8, 2)
    expect(peer).toMatchObject({ state: 'probe', next: 5 })
    progress.rejected(peer, 3, 0)
    expect(peer.next).toBe(5)
  })

  it('a snapshot under way holds everything back until it, or enough of the log, has arrived', () => {
    const peer = progress.newProgress(1)
    const snapshot = { ...bootstrap(['a']), index: 50 }
    progress.sentSnapshot(peer, { snapshot, offset: 0 }, 1000)
    expect(progress.maySend(peer, 2)).toBe(false)
    progress.accepted(peer, 20, 40)
    expect(peer.state).toBe('snapshot')
    progress.accepted(peer, 41, 40)
    expect(peer).toMatchObject({ state: 'replicate', next: 42 })
  })

  it('an echo from the future is not trusted', () => {
    const peer = progress.newProgress(1)
    expect(progress.contacted(peer, 9999, 300, 100)).toBe(true)
    expect(peer).toMatchObject({ contactMs: 100, favourUntilMs: 400 })
    expect(progress.contacted(peer, 50, 300, 120)).toBe(false)
    expect(peer).toMatchObject({ contactMs: 100, favourUntilMs: 400 })
  })

  it('a long promise outlasts the shorter ones that follow it', () => {
    const peer = progress.newProgress(1)
    progress.contacted(peer, 100, 2000, 110)
    progress.contacted(peer, 200, 300, 210)
    expect(peer).toMatchObject({ contactMs: 200, favourUntilMs: 2100 })
  })
})

describe('settings', () => {
  it('have defaults and refuse what cannot work', () => {
    expect(raftConfig({ group: 'g', id: 'a' })).toMatchObject(RAFT_DEFAULTS)
    const make = (settings: object) => () => raftConfig({ group: 'g', id: 'a', ...settings })
    expect(make({ heartbeatMs: 200 })).toThrow(/heartbeatMs/)
    expect(make({ electionTimeoutMaxMs: 300 })).toThrow(/electionTimeoutMaxMs/)
    expect(make({ id: 'with space' })).toThrow(/printable/)
    expect(make({ maxInflight: 0 })).toThrow(/maxInflight/)
  })
})
