// Numbered buffers against a model: what is written stays through any change of length, and bytes are accounted.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { HugeBlocks } from '../../../src/store/huge.ts'

const anyStep = fc.oneof(
  fc.record({ kind: fc.constant('alloc' as const), length: fc.integer({ min: 1, max: 5000 }) }),
  fc.record({ kind: fc.constant('resize' as const), which: fc.nat(), length: fc.integer({ min: 1, max: 5000 }) }),
  fc.record({ kind: fc.constant('release' as const), which: fc.nat() }),
)

describe('huge blocks', () => {
  it('keep their bytes', () => {
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 80 }), (steps) => {
        const huge = new HugeBlocks()
        const model = new Map<number, Buffer>()
        let fill = 0
        for (const step of steps) {
          const id = step.kind === 'alloc' ? 0 : [...model.keys()][step.which % Math.max(1, model.size)]
          if (step.kind === 'alloc') {
            const made = huge.alloc(step.length)
            expect(made > 0 && !model.has(made)).toBe(true)
            model.set(made, Buffer.alloc(step.length, ++fill))
            model.get(made)!.copy(huge.bytes(made))
          } else if (id === undefined) {
          } else if (step.kind === 'resize') {
            const before = model.get(id)!
            huge.resize(id, step.length)
            const after = Buffer.alloc(step.length, ++fill)
            before.copy(after, 0, 0, Math.min(before.length, after.length))
            if (before.length < after.length) after.copy(huge.bytes(id), before.length, before.length)
            model.set(id, after)
          } else {
            huge.release(id)
            model.delete(id)
          }
          for (const [each, bytes] of model) expect(huge.bytes(each).equals(bytes)).toBe(true)
          const needed = [...model.values()].reduce((sum, { length }) => sum + length, 0)
          expect(huge.usedBytes).toBeGreaterThanOrEqual(needed)
          expect(huge.usedBytes).toBeLessThanOrEqual(needed * 2)
        }
        for (const id of model.keys()) huge.release(id)
        expect(huge.usedBytes).toBe(0)
      }),
      { numRuns: 100 },
    )
  })

  it('grow by doubling, so that appending is linear, but never by more than a mebibyte ahead', () => {
    const huge = new HugeBlocks()
    const id = huge.alloc(100_000)
    let moves = 0
    let buffer = huge.bytes(id).buffer
    for (let length = 100_001; length < 3_000_000; length += 1000) {
      huge.resize(id, length)
      if (huge.bytes(id).buffer !== buffer) moves++
      buffer = huge.bytes(id).buffer
      expect(huge.usedBytes).toBeLessThanOrEqual(length + (1 << 20))
    }
    expect(moves).toBeLessThan(10)
  })
})
