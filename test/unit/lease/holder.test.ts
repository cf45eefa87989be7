// How a primary counts its lease: from when it asked, by a majority, in one tenure.
import { describe, expect, it } from 'vitest'
import {
  ask,
  beginTenure,
  createHolder,
  endTenure,
  hear,
  mayWrite,
  needsLease,
  release,
} from '../../../src/lease/holder.ts'
import { decodeWord, encodeWord, type Request, type Terms, toAnswer, type Word } from '../../../src/lease/terms.ts'

const TERMS: Terms = { version: 1, mode: 'lease', lengthMs: 1000, copies: 1, voters: ['a', 'b', 'c'], replicas: [] }
const TENURE = '0000000000000001'

const word = (from: string, grant?: Request, terms: Partial<Terms> = {}): Word => ({
  group: 'm',
  from,
  terms: { ...TERMS, ...terms },
  ...(grant && { grant }),
})

function leader() {
  const holder = createHolder(true, undefined)
  beginTenure(holder, TENURE)
  return holder
}

describe('a lease', () => {
  it('is what a majority granted, from when it was asked for', () => {
    const holder = leader()
    const [first, second] = [ask(holder, 0), ask(holder, 100)]
    hear(holder, word('a', first), 900)
    expect(mayWrite(holder, 900)).toBe(false)
    hear(holder, word('b', second), 950)
    expect(holder.untilMs).toBe(1000)
    expect([mayWrite(holder, 999), mayWrite(holder, 1000)]).toEqual([true, false])
    hear(holder, word('c', ask(holder, 960)), 990)
    expect(holder.untilMs).toBe(1100)
  })

  it('is not prolonged by a grant that waited in a socket', () => {
    const holder = leader()
    const old = ask(holder, 0)
    for (const from of TERMS.voters) hear(holder, word(from, old), 5000)
    expect(mayWrite(holder, 5000)).toBe(false)
  })

  it('counts no stranger, no other tenure, and no terms that are mixed', () => {
    const holder = leader()
    for (const from of ['x', 'y']) hear(holder, word(from, ask(holder, 0)), 1)
    const foreign = { tenure: '00000000000000ff', seq: 1 }
    for (const from of ['a', 'b']) hear(holder, word(from, foreign), 1)
    hear(holder, word('a', ask(holder, 0)), 1)
    hear(holder, word('b', ask(holder, 0), { voters: ['b', 'c', 'd'] }), 1)
    expect(mayWrite(holder, 1)).toBe(false)
  })

  it('ends with the tenure, and the grants of it are void in the next', () => {
    const holder = leader()
    const asked = ask(holder, 0)
    for (const from of ['a', 'b']) hear(holder, word(from, asked), 1)
    expect(mayWrite(holder, 1)).toBe(true)
    endTenure(holder)
    beginTenure(holder, '0000000000000002')
    for (const from of ['a', 'b']) hear(holder, word(from, asked), 2)
    expect(mayWrite(holder, 2)).toBe(false)
  })

  it('is not needed before the first one, and from then on', () => {
    const holder = createHolder(false, undefined)
    beginTenure(holder, TENURE)
    hear(holder, word('a', ask(holder, 0)), 1)
    expect([needsLease(holder), mayWrite(holder, 1)]).toEqual([false, true])
    hear(holder, word('b', ask(holder, 1)), 2)
    expect([needsLease(holder), mayWrite(holder, 2000)]).toEqual([true, false])
  })

  it('is needed by a replica as soon as it is promoted', () => {
    const holder = createHolder(false, undefined)
    hear(holder, word('a'), 0)
    expect(needsLease(holder)).toBe(false)
    beginTenure(holder, TENURE)
    expect([needsLease(holder), mayWrite(holder, 1)]).toEqual([true, false])
  })

  it('is needed no more by newer terms or an operator, never by older terms', () => {
    const holder = leader()
    expect(hear(holder, word('a', undefined, { version: 3 }), 0)).toBe(true)
    expect(hear(holder, word('b', undefined, { version: 2, mode: 'async' }), 0)).toBe(false)
    expect(needsLease(holder)).toBe(true)
    hear(holder, word('b', undefined, { version: 4, mode: 'async' }), 0)
    expect(needsLease(holder)).toBe(false)
    const other = leader()
    release(other)
    expect(mayWrite(other, 0)).toBe(true)
  })
})

describe('a word', () => {
  it('comes out as it went in, and garbage is none', () => {
    const said = word('a', { tenure: TENURE, seq: 7 }, { mode: 'sync', replicas: ['10.0.0.2:6379'] })
    expect(decodeWord(encodeWord(said))).toEqual(said)
    for (const text of [
      '',
      '{}',
      '{"v":1}',
      encodeWord(said).replace('sync', 'async!'),
      encodeWord(said).replace('1000', '1'),
    ])
      expect(decodeWord(text)).toBeUndefined()
  })

  it('is answered with a request, or with none', () => {
    expect(toAnswer(TENURE, 7, 300)).toEqual({ tenure: TENURE, seq: 7, leftMs: 300 })
    expect(toAnswer('', 0, 0)).toEqual({ tenure: '', seq: 0, leftMs: 0 })
    expect([toAnswer('x', 1, 1), toAnswer(TENURE, -1, 1), toAnswer(TENURE, 1, '1')]).toEqual([
      undefined,
      undefined,
      undefined,
    ])
  })
})
