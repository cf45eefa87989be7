// What a sentinel has promised binds it: whatever happens, no two servers hold promises of it at once.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { surely } from '../../../src/lease/terms.ts'
import { createLedger, mayPromise, noteDead, noteEnded, promise, standIn } from '../../../src/sentinel/ledger.ts'

const LENGTH_MS = 1000
const request = (tenure: string) => ({ tenure, seq: 1 })

describe('a ledger', () => {
  it('binds to one server for longer than the promise holds on any clock', () => {
    const ledger = createLedger()
    promise(ledger, 'a', request('1'), LENGTH_MS, 0)
    expect(mayPromise(ledger, 'a', '1', 1)).toBe(true)
    for (const [holder, tenure] of [
      ['b', '1'],
      ['a', '2'],
    ] as const) {
      expect(mayPromise(ledger, holder, tenure, LENGTH_MS * 1.1)).toBe(false)
      expect(mayPromise(ledger, holder, tenure, surely(LENGTH_MS))).toBe(true)
    }
  })

  it('is free at once of a process that is gone, and of a tenure that is over, but of no other', () => {
    const ledger = createLedger()
    promise(ledger, 'a', request('1'), LENGTH_MS, 0)
    noteDead(ledger, 'b')
    noteEnded(ledger, '2')
    noteEnded(ledger, '')
    expect(mayPromise(ledger, 'b', '1', 1)).toBe(false)
    noteEnded(ledger, '1')
    expect(mayPromise(ledger, 'b', '1', 1)).toBe(true)
    promise(ledger, 'b', request('1'), LENGTH_MS, 1)
    noteDead(ledger, 'b')
    expect(mayPromise(ledger, 'c', '1', 2)).toBe(true)
  })

  it('stands in for former voters: the present primary goes on, nobody else begins', () => {
    const ledger = createLedger()
    standIn(ledger, 'a', LENGTH_MS, 0)
    expect([mayPromise(ledger, 'a', '1', 1), mayPromise(ledger, 'b', '1', 1)]).toEqual([true, false])
    promise(ledger, 'a', request('1'), LENGTH_MS, 10)
    standIn(ledger, 'b', LENGTH_MS, 20)
    for (const holder of ['a', 'b']) expect(mayPromise(ledger, holder, '1', 30)).toBe(false)
  })

  it('never lets two hold a promise at once', () => {
    const step = fc.record({
      afterMs: fc.nat(700),
      holder: fc.constantFrom('a', 'b'),
      tenure: fc.constantFrom('1', '2'),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const ledger = createLedger()
        const held = new Map<string, number>()
        let nowMs = 0
        for (const { afterMs, holder, tenure } of steps) {
          nowMs += afterMs
          if (!mayPromise(ledger, holder, tenure, nowMs)) continue
          promise(ledger, holder, request(tenure), LENGTH_MS, nowMs)
          held.set(`${holder} ${tenure}`, nowMs + LENGTH_MS)
          expect([...held.values()].filter((untilMs) => untilMs > nowMs)).toHaveLength(1)
        }
      }),
    )
  })
})
