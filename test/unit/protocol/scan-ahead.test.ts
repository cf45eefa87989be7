// The scan finds what the parser will find, and stays within the input whatever that is.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type AheadRanges, scanAhead } from '../../../src/protocol/scan-ahead.ts'
import { encodeRequest } from '../../../src/protocol/writer.ts'

const rangesOf = (capacity: number): AheadRanges => ({
  starts: new Int32Array(capacity),
  ends: new Int32Array(capacity),
})

describe('scanAhead', () => {
  it('finds argument 1 of each whole request', () => {
    const argv = fc.array(fc.uint8Array({ maxLength: 120 }), { minLength: 1, maxLength: 9 })
    fc.assert(
      fc.property(fc.array(argv, { maxLength: 20 }), fc.nat(40), fc.nat(30), (requests, before, cutBytes) => {
        const whole = Buffer.concat([Buffer.alloc(before), ...requests.map((words) => encodeRequest(words))])
        const to = Math.max(before, whole.length - cutBytes)
        const ranges = rangesOf(16)
        const found = scanAhead(whole, before, to, ranges)
        let end = before
        const fit = requests.findIndex((words) => {
          end += encodeRequest(words).length
          return end > to
        })
        expect(found).toBe(Math.min(16, fit < 0 ? requests.length : fit))
        for (let i = 0; i < found; i++) {
          const bytes = whole.subarray(ranges.starts[i], ranges.ends[i])
          expect([...bytes]).toEqual([...(requests[i]![1] ?? [])])
        }
      }),
    )
  })

  it('takes anything, and names only ranges within it', () => {
    const piece = fc.oneof(
      fc.uint8Array({ maxLength: 10 }),
      fc
        .constantFrom(
          '*2\r\n',
          '$3\r\nGET\r\n',
          '$-1\r\n',
          '$999999\r\n',
          '$9999999999\r\n',
          '*',
          '$',
          '$1',
          '\r\n',
          '*3\r\n$',
        )
        .map((text) => Buffer.from(text)),
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), fc.nat(5), (pieces, cutBytes) => {
        const bytes = Buffer.concat(pieces)
        const to = Math.max(0, bytes.length - cutBytes)
        const ranges = rangesOf(4)
        const found = scanAhead(bytes, 0, to, ranges)
        for (let i = 0; i < found; i++) {
          expect(ranges.starts[i]).toBeLessThanOrEqual(ranges.ends[i]!)
          expect(ranges.ends[i]).toBeLessThanOrEqual(to)
        }
      }),
      { numRuns: 2_000 },
    )
  })
})
