// A long run of bytes that grows: against a model, and no growth copies more than it may.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { HugeBlock } from '../../../src/store/huge-block.ts'

const KIB = 1024
const MIB = 1024 * KIB
/** What a growth may copy: a part of fixed size, or some times what it grows by. */
const copiesAtMost = (grownBy: number): number => Math.max(256 * KIB, 16 * grownBy)

/** What a growth to `length` copies into another buffer. */
function grow(block: HugeBlock, length: number): number {
  const { buffer, touched, usedBytes } = block
  const before = block.length
  const doneBefore = usedBytes - touched
  block.resize(length)
  const done = block.buffer === buffer ? block.usedBytes - block.touched : before
  return done - doneBefore
}

const anyStep = fc.oneof(
  fc.record({ kind: fc.constant('grow' as const), by: fc.oneof(fc.nat(200 * KIB), fc.nat(3 * MIB)) }),
  fc.record({
    kind: fc.constant('write' as const),
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    bytes: fc.nat(5000),
  }),
  fc.record({ kind: fc.constant('shrink' as const), to: fc.double({ min: 0.2, max: 1, noNaN: true }) }),
)

describe('a huge block', () => {
  it('keeps its bytes, and grows by zeros, whatever is written while it moves', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 4 * MIB }), fc.array(anyStep, { maxLength: 40 }), (first, steps) => {
        const block = new HugeBlock(first, first)
        let model = Buffer.alloc(first, 1)
        block.buffer.fill(1, 0, first)
        let fill = 1
        const check = (): void => {
          expect(block.length).toBe(model.length)
          expect(block.buffer.subarray(0, block.length).equals(model)).toBe(true)
        }
        for (const step of steps) {
          if (step.kind === 'grow') {
            model = Buffer.concat([model, Buffer.alloc(step.by)])
            block.resize(model.length)
          } else if (step.kind === 'shrink') {
            model = Buffer.from(model.subarray(0, Math.max(1, Math.floor(model.length * step.to))))
            block.resize(model.length)
          } else {
            const from = Math.floor(step.at * model.length)
            const to = Math.min(model.length, from + step.bytes)
            block.beforeWrite(from, to)
            fill = (fill % 250) + 1
            block.buffer.fill(fill, from, to)
            model.fill(fill, from, to)
          }
          check()
          expect(block.usedBytes).toBeGreaterThanOrEqual(block.length)
        }
      }),
      { numRuns: 60 },
    )
  })

  it('copies some times what it grows by, and never more, from any length on', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: MIB, max: 24 * MIB }),
        fc.array(fc.oneof(fc.integer({ min: 1, max: 100 }), fc.integer({ min: 1, max: MIB })), { maxLength: 60 }),
        (first, growths) => {
          const block = new HugeBlock(first, first)
          for (const by of growths) {
            expect(grow(block, block.length + by)).toBeLessThanOrEqual(copiesAtMost(by))
          }
        },
      ),
      { numRuns: 60 },
    )
  })

  it('moves a few times only while it grows tenfold', () => {
    const block = new HugeBlock(2 * MIB, 2 * MIB)
    let copied = 0
    let moves = 0
    while (block.length < 20 * MIB) {
      const { buffer } = block
      copied += grow(block, block.length + 10_000)
      if (block.buffer !== buffer) moves++
    }
    expect(moves).toBeGreaterThan(5)
    expect(moves).toBeLessThan(20)
    expect(copied).toBeLessThan(8 * block.length)
  })

  it('may be almost as long as a buffer can be: then there is no room behind it', () => {
    const block = new HugeBlock(2 ** 32 - 10, 0)
    expect(block.buffer.length).toBe(2 ** 32)
    block.resize(2 ** 32 - 5)
    expect([block.length, block.buffer[2 ** 32 - 6]]).toEqual([2 ** 32 - 5, 0])
    expect(block.usedBytes).toBe(block.length)
  })

  it('has its bytes on its account, not its room, and zeros at no cost', () => {
    const block = new HugeBlock(500 * MIB, 0)
    expect(block.usedBytes).toBe(500 * MIB)
    block.resize(510 * MIB)
    expect(block.usedBytes).toBe(510 * MIB)
    expect(block.buffer[505 * MIB]).toBe(0)
  })
})
