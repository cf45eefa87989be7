// The backlog against a model that keeps the whole stream.
import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import { BACKLOG_BYTES_MIN, createBacklog } from '../../../src/replication/backlog.ts'

type Step = { append: number } | { resize: number }
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 8, arbitrary: fc.nat(9000).map((append) => ({ append })) },
    { weight: 1, arbitrary: fc.nat(60_000).map((append) => ({ append })) },
    { weight: 1, arbitrary: fc.nat(50_000).map((resize) => ({ resize })) },
  ),
  { maxLength: 30 },
)

describe('the backlog', () => {
  it('holds exactly the newest bytes that fit, under their offsets', () => {
    fc.assert(
      fc.property(steps, fc.nat(1_000_000), fc.nat(), (list, before, where) => {
        const backlog = createBacklog(BACKLOG_BYTES_MIN, before)
        let all = Buffer.alloc(0)
        let held = 0 // what may be asked for: resizing to less and to more again does not bring bytes back
        for (const step of list) {
          if ('append' in step) {
            const piece = Buffer.alloc(step.append + 2).map((_, i) => (all.length + i) % 251)
            backlog.append(piece, 1, piece.length - 1)
            all = Buffer.concat([all, piece.subarray(1, -1)])
            held = Math.min(held + step.append, backlog.sizeBytes())
          } else {
            backlog.resize(step.resize)
            expect(backlog.sizeBytes()).toBe(Math.max(step.resize, BACKLOG_BYTES_MIN))
            held = Math.min(held, backlog.sizeBytes())
          }
          expect(backlog.offset()).toBe(before + all.length)
          expect(backlog.historyBytes()).toBe(held)
          expect(backlog.firstOffset()).toBe(before + all.length - held + 1)
        }
        const from = backlog.firstOffset() + (where % (held + 1))
        expect(backlog.covers(from)).toBe(true)
        expect(backlog.read(from).equals(all.subarray(all.length - (backlog.offset() + 1 - from)))).toBe(true)
        expect(backlog.covers(backlog.firstOffset() - 1)).toBe(false)
        expect(backlog.covers(backlog.offset() + 2)).toBe(false)
      }),
    )
  })

  it('may be of any size: it holds as much as a buffer can, or as there is memory for', () => {
    const backlog = createBacklog(Number.MAX_SAFE_INTEGER, 0)
    backlog.append(Buffer.from('abc'), 0, 3)
    backlog.resize(2 ** 40)
    expect(backlog.read(2)).toEqual(Buffer.from('bc'))
    const make = Buffer.allocUnsafeSlow
    const spy = vi.spyOn(Buffer, 'allocUnsafeSlow').mockImplementation((bytes) => {
      if (bytes > 100_000) throw new RangeError('Array buffer allocation failed')
      return make(bytes)
    })
    backlog.resize(2 ** 20)
    spy.mockRestore()
    expect(backlog.sizeBytes()).toBe(2 ** 16)
    expect(backlog.read(1)).toEqual(Buffer.from('abc'))
  })

  it('refuses to read what it does not hold', () => {
    const backlog = createBacklog(BACKLOG_BYTES_MIN, 10)
    expect(backlog.read(11)).toEqual(Buffer.alloc(0))
    expect(() => backlog.read(10)).toThrow('outside')
    expect(() => backlog.read(12)).toThrow('outside')
    expect(backlog.covers(Number.NaN)).toBe(false)
  })
})
