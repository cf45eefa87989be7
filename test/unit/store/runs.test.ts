// Runs of pages against a model: a set of the pages that are taken.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { PageRuns } from '../../../src/store/runs.ts'

const PAGES = 24
const anyStep = fc.oneof(
  { weight: 3, arbitrary: fc.record({ take: fc.integer({ min: 1, max: 9 }) }) },
  { weight: 2, arbitrary: fc.record({ give: fc.nat() }) },
)

/** The first page of the first free run of that length, or -1. */
function firstFit(taken: ReadonlySet<number>, count: number): number {
  for (let first = 0; first + count <= PAGES; first++) {
    if (Array.from({ length: count }, (_, i) => first + i).every((page) => !taken.has(page))) return first
  }
  return -1
}

describe('runs of pages', () => {
  it('are taken where they first fit, and never overlap', () => {
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 60 }), (steps) => {
        const runs = new PageRuns(PAGES)
        const taken = new Set<number>()
        const live: { first: number; count: number }[] = []
        for (const step of steps) {
          if ('take' in step) {
            const first = runs.take(step.take)
            expect(first).toBe(firstFit(taken, step.take))
            if (first < 0) continue
            live.push({ first, count: step.take })
            for (let i = 0; i < step.take; i++) taken.add(first + i)
          } else if (live.length > 0) {
            const [{ first, count }] = live.splice(step.give % live.length, 1) as [(typeof live)[0]]
            runs.give(first, count)
            for (let i = 0; i < count; i++) taken.delete(first + i)
          }
          expect(runs.taken).toBe(taken.size)
        }
      }),
    )
  })
})
