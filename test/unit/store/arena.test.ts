// Blocks never overlap, keep their bytes, and are accounted to the byte, whatever is allocated and released in any order.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Arena, blockUnits, SLAB_BITS, SLAB_BYTES, SLAB_MASK, sameBlock, UNIT_BYTES } from '../../../src/store/arena.ts'

const PAGED_UNITS_MAX = 1 << 13
/** Longer blocks have a slab of their own. */
const OWN_UNITS = 1 << 21

interface Block {
  readonly handle: number
  readonly units: number
  readonly stamp: number
}

/** Marks a block's first and last word, so that an overlap with another one shows. */
function stamp(arena: Arena, { handle, units, stamp }: Block): void {
  const words = arena.u32[handle >>> SLAB_BITS]!
  const at = (handle & SLAB_MASK) * 2
  words[at] = stamp
  words[at + units * 2 - 1] = stamp
}

function isIntact(arena: Arena, { handle, units, stamp }: Block): boolean {
  const words = arena.u32[handle >>> SLAB_BITS]!
  const at = (handle & SLAB_MASK) * 2
  return words[at] === stamp && words[at + units * 2 - 1] === stamp
}

const accounted = (blocks: readonly Block[]): number =>
  blocks.reduce((sum, { units }) => sum + blockUnits(units) * UNIT_BYTES, 0)

const anyUnits = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 1, max: 64 }) },
  { weight: 3, arbitrary: fc.integer({ min: 65, max: 1024 }) },
  { weight: 2, arbitrary: fc.integer({ min: 1025, max: PAGED_UNITS_MAX }) },
  { weight: 1, arbitrary: fc.integer({ min: PAGED_UNITS_MAX + 1, max: PAGED_UNITS_MAX * 60 }) },
)
const anyStep = fc.oneof(
  { weight: 3, arbitrary: fc.record({ units: anyUnits, count: fc.integer({ min: 1, max: 40 }) }) },
  { weight: 2, arbitrary: fc.record({ release: fc.nat(), count: fc.integer({ min: 1, max: 60 }) }) },
)

describe('arena', () => {
  it('keeps blocks apart and accounts for each', () => {
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 60 }), (steps) => {
        const arena = new Arena()
        const live: Block[] = []
        let stamps = 1
        for (const step of steps) {
          for (let i = 0; i < step.count; i++) {
            if ('units' in step) {
              const block = { handle: arena.alloc(step.units), units: step.units, stamp: stamps++ }
              expect(block.handle).toBeGreaterThan(0)
              stamp(arena, block)
              live.push(block)
            } else if (live.length > 0) {
              const [block] = live.splice(step.release % live.length, 1)
              expect(isIntact(arena, block!)).toBe(true)
              arena.release(block!.handle, block!.units)
            }
          }
          expect(arena.usedBytes).toBe(accounted(live))
        }
        expect(live.every((block) => isIntact(arena, block))).toBe(true)
        for (const { handle, units } of live) arena.release(handle, units)
        expect(arena.usedBytes).toBe(0)
      }),
      { numRuns: 60 },
    )
  })

  it('serves another size from pages that have become empty', () => {
    const arena = new Arena()
    const blocks = Array.from({ length: 200_000 }, () => arena.alloc(8))
    const reserved = arena.reservedBytes
    for (const handle of blocks) arena.release(handle, 8)
    for (let i = 0; i < 100_000; i++) arena.alloc(15)
    expect(arena.reservedBytes).toBe(reserved)
  })

  it('lets blocks longer than a page share slabs, and gives back all but the last of these', () => {
    const arena = new Arena()
    const units = PAGED_UNITS_MAX + 1
    arena.alloc(1)
    const reserved = arena.reservedBytes
    const blocks = Array.from({ length: 3000 }, () => arena.alloc(units))
    expect(new Set(blocks).size).toBe(3000)
    expect(arena.reservedBytes - reserved).toBeLessThanOrEqual(2.1 * 3000 * units * UNIT_BYTES)
    for (const handle of blocks) arena.release(handle, units)
    expect(arena.usedBytes).toBe(UNIT_BYTES)
    expect(arena.reservedBytes).toBe(2 * reserved)
    const halves = [arena.alloc(OWN_UNITS / 2), arena.alloc(OWN_UNITS / 2)]
    expect(arena.reservedBytes).toBe(2 * reserved)
    for (const handle of halves) arena.release(handle, OWN_UNITS / 2)
  })

  it('gives back the memory of a block that has a slab of its own', () => {
    const arena = new Arena()
    arena.alloc(1)
    const reserved = arena.reservedBytes
    const large = arena.alloc(OWN_UNITS + 1)
    expect(arena.reservedBytes).toBe(reserved + (OWN_UNITS + 1) * UNIT_BYTES)
    arena.release(large, OWN_UNITS + 1)
    expect(arena.reservedBytes).toBe(reserved)
    expect(arena.usedBytes).toBe(UNIT_BYTES)
    expect(arena.alloc(OWN_UNITS + 2)).toBe(large)
  })

  it('gives back slabs without a block, and no others', () => {
    const arena = new Arena()
    const blocks = Array.from({ length: 9 * 1024 }, () => arena.alloc(1024))
    const reserved = arena.reservedBytes
    expect(arena.trim()).toBe(0)
    const kept = blocks.filter((_, i) => i < 5000 || i === 8999)
    for (const [i, handle] of blocks.entries()) if (i >= 5000 && i !== 8999) arena.release(handle, 1024)
    expect(arena.trim()).toBe(0)
    arena.release(kept.pop()!, 1024)
    expect(arena.trim()).toBe(reserved - 2 * SLAB_BYTES)
    expect(arena.returnedBytes).toBe(reserved - 2 * SLAB_BYTES)
    for (const handle of kept) arena.release(handle, 1024)
    const again = Array.from({ length: 9 * 1024 }, () => arena.alloc(1024))
    expect(new Set(again).size).toBe(again.length)
    expect(arena.reservedBytes).toBe(reserved)
  })

  it('gives back everything once, also what was just being emptied', () => {
    const arena = new Arena()
    const blocks = Array.from({ length: 13 * 1024 }, () => arena.alloc(1024))
    for (const handle of blocks) arena.release(handle, 1024)
    const { reservedBytes } = arena
    arena.beginEmptying(arena.slabFills().map(({ slab }) => slab))
    arena.dispose()
    expect(arena.slabFills()).toEqual([])
    while (arena.dropEmptied(1) > 0);
    arena.endEmptying()
    expect(arena.trim()).toBe(0)
    expect(arena.returnedBytes).toBe(reservedBytes)
    expect(arena.reservedBytes).toBe(0)
  })

  it('has classes that waste an eighth at most, and none below 512 bytes', () => {
    for (let units = 1; units <= PAGED_UNITS_MAX; units++) {
      const taken = blockUnits(units)
      expect(taken >= units && taken <= Math.max(64, units * 1.125)).toBe(true)
      if (units <= 64) expect(taken).toBe(units)
      expect(sameBlock(units, taken)).toBe(true)
      expect(sameBlock(units, taken + 1)).toBe(false)
    }
  })
})
