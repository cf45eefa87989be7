// Counting verdicts: what counts, and what does not.
import { describe, expect, it } from 'vitest'
import type { Verdict } from '../../../src/sentinel/peer-message.ts'
import { count, OPINION_TTL_MS, type Votes } from '../../../src/sentinel/votes.ts'

const primary = { host: '10.0.0.1', port: 1 }
const ballot = { primary, configEpoch: 3, quorum: 2 }
const votes = (entries: [string, Verdict, number, number?, number?][]): Votes =>
  new Map(
    entries.map(([peer, verdict, heardMs, configEpoch = 3, port = 1]) => [
      peer,
      { opinion: { group: 'm', primary: { ...primary, port }, configEpoch, verdict, found: [] }, heardMs },
    ]),
  )
const members = ['a', 'b', 'c']

describe('count', () => {
  it('needs a quorum of down verdicts, whoever they are of', () => {
    expect(count(ballot, 'a', 'dead', votes([['b', 'silent', 0]]), members, 10)).toEqual({
      down: 2,
      enough: true,
    })
    expect(count(ballot, 'a', 'dead', votes([]), members, 10).enough).toBe(false)
    const others = votes([
      ['b', 'silent', 0],
      ['c', 'silent', 0],
    ])
    expect(count(ballot, 'a', 'up', others, members, 10)).toMatchObject({ down: 2, enough: true })
  })

  it('leaves out verdicts that are not down', () => {
    const entries = votes([
      ['b', 'cut-off', 0],
      ['c', 'abstain', 0],
    ])
    expect(count(ballot, 'a', 'silent', entries, members, 10).down).toBe(1)
  })

  it('counts those who are cut off from a primary that needs a lease, if they are a majority', () => {
    const both = votes([
      ['b', 'cut-off', 0],
      ['c', 'cut-off', 0],
    ])
    expect(count(ballot, 'a', 'up', both, members, 10, true)).toEqual({ down: 2, enough: true })
    expect(count(ballot, 'a', 'up', both, members, 10, false)).toEqual({ down: 0, enough: false })
    expect(count(ballot, 'a', 'up', votes([['b', 'cut-off', 0]]), members, 10, true)).toEqual({
      down: 0,
      enough: false,
    })
  })

  it('leaves out what is old, about another primary, or of another epoch', () => {
    const at = OPINION_TTL_MS + 1
    expect(count(ballot, 'a', 'dead', votes([['b', 'dead', 0]]), members, at).down).toBe(1)
    expect(count(ballot, 'a', 'dead', votes([['b', 'dead', at, 2]]), members, at).down).toBe(1)
    expect(count(ballot, 'a', 'dead', votes([['b', 'dead', at, 3, 2]]), members, at).down).toBe(1)
  })

  it('leaves out who is no member', () => {
    expect(count(ballot, 'a', 'dead', votes([['x', 'dead', 0]]), members, 1).down).toBe(1)
    expect(count(ballot, 'x', 'dead', votes([['b', 'dead', 0]]), members, 1).down).toBe(1)
  })
})
