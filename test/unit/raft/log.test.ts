// The log against a plain array: whatever a leader's messages do to it, what is committed stays, and memberships follow.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encodeMembership } from '../../../src/raft/codec.ts'
import * as log from '../../../src/raft/log.ts'
import { membershipOf } from '../../../src/raft/membership.ts'
import type { Entry } from '../../../src/raft/messages.ts'

const entry = (index: number, term: number): Entry => ({
  index,
  term,
  kind: 'normal',
  data: Uint8Array.of(index, term),
})
const config = (index: number, term: number, ...voters: string[]): Entry => ({
  index,
  term,
  kind: 'config',
  data: encodeMembership(membershipOf(voters)),
})
const snapshot = (index: number, term: number) => ({
  index,
  term,
  membership: membershipOf(['a']),
  level: 1,
  data: new Uint8Array(0),
})
const terms = (value: log.RaftLog): number[] => value.entries.map((item) => item.term)

describe('restoring', () => {
  it('drops entries that the snapshot covers and keeps those that continue it', () => {
    const stored = [entry(1, 1), entry(2, 1), entry(3, 2), entry(4, 2)]
    const restored = log.restoreLog(snapshot(3, 2), stored)
    expect(restored).toMatchObject({ persisted: 4, committed: 3, applied: 3, base: { index: 3, term: 2 } })
    expect(terms(restored)).toEqual([2])
  })

  it('drops a history that the snapshot contradicts, and one that ends before it', () => {
    expect(log.lastIndex(log.restoreLog(snapshot(2, 5), [entry(1, 1), entry(2, 1), entry(3, 1)]))).toBe(2)
    expect(log.lastIndex(log.restoreLog(snapshot(9, 5), [entry(1, 1), entry(2, 1)]))).toBe(9)
  })
})

describe('reconciling', () => {
  it('never contradicts what is committed', () => {
    const value = log.restoreLog(undefined, [entry(1, 1), entry(2, 1)])
    log.commitTo(value, 2)
    expect(log.reconcile(value, [entry(2, 3)])).toBe(false)
    expect(terms(value)).toEqual([1, 1])
  })

  it('takes memberships back with their entries', () => {
    const value = log.restoreLog(snapshot(0, 0), [config(1, 1, 'a', 'b'), config(2, 1, 'a', 'b', 'c')])
    expect(log.membershipIn(value).voters).toEqual(['a', 'b', 'c'])
    log.reconcile(value, [entry(2, 2)])
    expect(log.membershipIn(value).voters).toEqual(['a', 'b'])
    expect(log.membershipIndex(value)).toBe(1)
  })

  it('equals a model under any sequence of leaders, commits and compactions', () => {
    const step = fc.oneof(
      fc.record({ op: fc.constant('append' as const), back: fc.nat(4), count: fc.nat(4), newTerm: fc.boolean() }),
      fc.record({ op: fc.constant('commit' as const), part: fc.double({ min: 0, max: 1, noNaN: true }) }),
      fc.record({ op: fc.constant('compact' as const), trailing: fc.nat(3) }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const value = log.restoreLog()
        const model: number[] = []
        let term = 1
        for (const next of steps) {
          if (next.op === 'append') {
            const prev = Math.max(value.committed, model.length - next.back)
            if (next.newTerm || prev < model.length) term++
            const entries = Array.from({ length: next.count }, (_, i) => entry(prev + 1 + i, term))
            expect(log.reconcile(value, entries)).toBe(true)
            if (entries.length) model.splice(prev, Infinity, ...entries.map((item) => item.term))
            log.persisted(value, value.entries)
          } else if (next.op === 'commit') {
            log.commitTo(value, Math.floor(model.length * next.part))
            value.applied = value.committed
          } else log.compactLog(value, value.applied, new Uint8Array(0), next.trailing)

          expect(log.lastIndex(value)).toBe(model.length)
          for (let i = value.base.index; i <= model.length; i++) {
            expect(log.termAt(value, i)).toBe(i === 0 ? 0 : model[i - 1])
          }
          expect(log.termAt(value, value.base.index - 1)).toBeUndefined()
          expect(log.termAt(value, model.length + 1)).toBeUndefined()
        }
      }),
      { numRuns: 300 },
    )
  })
})

describe('persisting', () => {
  it('counts only what still stands', () => {
    const value = log.restoreLog()
    log.appendEntries(value, [entry(1, 1), entry(2, 1), entry(3, 1)])
    const written = [...value.entries]
    log.reconcile(value, [entry(3, 2)])
    log.persisted(value, written)
    expect(value.persisted).toBe(2)
  })
})

describe('reading', () => {
  it('cuts batches by bytes, but always gives one', () => {
    const value = log.restoreLog()
    log.appendEntries(value, [entry(1, 1), entry(2, 1), entry(3, 1)])
    expect(log.entriesFrom(value, 1, 4)).toHaveLength(2)
    expect(log.entriesFrom(value, 1, 0)).toHaveLength(1)
    expect(log.entriesFrom(value, 4, 9)).toEqual([])
  })

  it('hints at where two logs may meet', () => {
    const value = log.restoreLog()
    log.appendEntries(value, [entry(1, 1), entry(2, 3), entry(3, 3), entry(4, 5)])
    expect(log.conflictHint(value, 9, 4)).toEqual({ index: 3, term: 3 })
    expect(log.conflictHint(value, 2, 9)).toEqual({ index: 2, term: 3 })
    expect(log.conflictHint(value, 4, 0)).toEqual({ index: 0, term: 0 })
  })
})
