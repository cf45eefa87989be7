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
            const after = Buffer.alloc(step.length)
            before.copy(after, 0, 0, Math.min(before.length, after.length))
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

  it('stay as they were for whoever holds them, however they change', () => {
    const anyChange = fc.oneof(
      fc.record({ kind: fc.constant('resize' as const), length: fc.integer({ min: 1, max: 3_000_000 }) }),
      fc.record({ kind: fc.constant('write' as const), from: fc.nat(3_000_000), bytes: fc.nat(200_000) }),
      fc.record({ kind: fc.constant('read' as const), pieces: fc.nat(5) }),
    )
    fc.assert(
      fc.property(
        fc.integer({ min: 100_000, max: 2_500_000 }),
        fc.array(anyChange, { maxLength: 20 }),
        fc.boolean(),
        (length, changes, released) => {
          const huge = new HugeBlocks()
          const id = huge.alloc(length)
          huge.bytes(id).fill(1)
          const hold = huge.hold(id)
          const pieces: Buffer[] = []
          let fill = 1
          for (const change of changes) {
            if (change.kind === 'resize') huge.resize(id, change.length)
            else if (change.kind === 'read') {
              for (let i = 0; i < change.pieces; i++) pieces.push(Buffer.from(hold.next()))
            } else {
              const from = Math.min(change.from, huge.length(id))
              const to = Math.min(from + change.bytes, huge.length(id))
              huge.beforeWrite(id, from, to)
              huge.bytes(id).fill(++fill, from, to)
            }
          }
          if (released) huge.release(id)
          for (let piece = hold.next(); piece.length > 0; piece = hold.next()) pieces.push(Buffer.from(piece))
          expect(Buffer.concat(pieces).equals(Buffer.alloc(length, 1))).toBe(true)
          hold.release()
          if (!released) huge.release(id)
          expect(huge.usedBytes).toBe(0)
        },
      ),
      { numRuns: 60 },
    )
  })
})
