import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { TrackedKeys } from '../../../src/engine/tracked-keys.ts'
import { seededRandom } from '../../../src/lib/prng.ts'

const KEY = { k0: 1, k1: 2 }

describe('keys and who has read them', () => {
  it('are as a model has them, whatever is added and taken', () => {
    const id = fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 2 ** 40 }))
    const step = fc.record({ take: fc.boolean(), key: fc.integer({ min: 0, max: 9 }), id })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 400 }), (steps) => {
        const tracked = new TrackedKeys(KEY)
        const model = new Map<string, Set<number>>()
        for (const { take, key, id } of steps) {
          const name = `key${key}`
          const bytes = Buffer.from(`.${name}.`)
          if (take && id % 3 === 0) {
            const expected = [...(model.get(name) ?? [])].sort((a, b) => a - b)
            expect(tracked.take(bytes, 1, bytes.length - 1)).toEqual(expected)
            model.delete(name)
          } else {
            tracked.add(bytes, 1, bytes.length - 1, id)
            model.set(name, (model.get(name) ?? new Set()).add(id))
          }
          expect(tracked.size).toBe(model.size)
          expect(tracked.items).toBe([...model.values()].reduce((sum, ids) => sum + ids.size, 0))
        }
      }),
      { numRuns: 50 },
    )
  })

  it('give some key, and cost no memory once they are forgotten', () => {
    const tracked = new TrackedKeys(KEY)
    expect(tracked.usedBytes).toBe(0)
    for (const name of ['a', 'b']) tracked.add(Buffer.from(name), 0, 1, 7)
    expect(['a', 'b']).toContain(tracked.sample(seededRandom(1)).toString())
    expect(tracked.usedBytes).toBeGreaterThan(0)
    tracked.clear()
    expect([tracked.size, tracked.items, tracked.usedBytes]).toEqual([0, 0, 0])
    expect(tracked.take(Buffer.from('a'), 0, 1)).toEqual([])
  })
})
