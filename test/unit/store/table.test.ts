// The table against a Map, with hashes that the test chooses: equal tags, equal home slots, equal prefixes. And the promise
// of `scan`: what is there from beginning to end is met, whatever is added, removed and split meanwhile.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { seededRandom } from '../../../src/lib/prng.ts'
import { Arena, SLAB_BITS, SLAB_MASK } from '../../../src/store/arena.ts'
import { entryKeyLength, entryUnits, HEADER_BYTES } from '../../../src/store/entry.ts'
import { Table } from '../../../src/store/table.ts'

/** A table whose entries are a key and the hash that the test gives it. */
class Subject {
  readonly arena = new Arena()
  readonly table = new Table(this.arena)

  find(key: string, hash: number): number {
    const bytes = Buffer.from(key, 'latin1')
    return this.table.find(bytes, 0, bytes.length, hash)
  }

  entry(key: string, hash: number): number {
    const h = this.arena.alloc(entryUnits(key.length, 0, false))
    const words = this.arena.u32[h >>> SLAB_BITS]!
    const at = (h & SLAB_MASK) * 2
    words.set([hash, key.length, 0, 0], at)
    this.arena.u8[h >>> SLAB_BITS]!.write(key, at * 4 + HEADER_BYTES, 'latin1')
    return h
  }

  /** Adds the key, or puts a new entry in the place of the one that has it. */
  put(key: string, hash: number): void {
    const found = this.find(key, hash)
    const h = this.entry(key, hash)
    if (found === 0) return this.table.insert(h)
    this.table.replace(h)
    this.arena.release(found, entryUnits(key.length, 0, false))
  }

  remove(key: string, hash: number): boolean {
    const h = this.find(key, hash)
    if (h === 0) return false
    this.table.remove()
    this.arena.release(h, entryUnits(key.length, 0, false))
    return true
  }

  key(h: number): string {
    const at = (h & SLAB_MASK) * 8 + HEADER_BYTES
    return this.arena.u8[h >>> SLAB_BITS]!.toString('latin1', at, at + entryKeyLength(this.arena, h))
  }

  /** All keys by the walk over segments. */
  keys(): string[] {
    const keys: string[] = []
    for (let hash = 0; hash < 2 ** 32; ) hash = this.table.visitSegment(hash, (h) => keys.push(this.key(h)))
    return keys.sort()
  }

  /** All keys by `scan`, with `meanwhile` between its steps. */
  scan(meanwhile: (step: number) => void = () => {}): string[] {
    const keys: string[] = []
    let cursor = 0
    let step = 0
    do {
      cursor = this.table.scan(cursor, (h) => keys.push(this.key(h)))
      meanwhile(step++)
      expect(Number.isSafeInteger(cursor)).toBe(true)
    } while (cursor !== 0)
    return keys
  }
}

/** A hash that depends on the number only, and looks random. */
const mixed = (n: number): number => {
  let h = Math.imul(n ^ 0x5bd1e995, 0x9e3779b1)
  h = Math.imul(h ^ (h >>> 15), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}
const HASHES: Record<string, (n: number) => number> = {
  'random hashes': mixed,
  'hashes with few tags': (n) => ((mixed(n) & ~0xff) | (n % 2)) >>> 0,
  'hashes in one corner': (n) => mixed(n) >>> 6,
  'the same hash in threes': (n) => mixed(n % 3 === 0 ? n : n - (n % 3)),
}

describe.each(Object.entries(HASHES))('the table, with %s,', (_name, hashOf) => {
  it('holds what a Map holds', () => {
    const step = fc.record({ add: fc.boolean(), from: fc.integer({ min: 0, max: 4000 }), count: fc.nat(700) })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 14 }), (steps) => {
        const subject = new Subject()
        const model = new Set<string>()
        for (const { add, from, count } of steps) {
          for (let n = from; n < from + count; n++) {
            const key = `k${n}`
            if (add) {
              subject.put(key, hashOf(n))
              model.add(key)
            } else {
              expect(subject.remove(key, hashOf(n))).toBe(model.delete(key))
            }
          }
          expect(subject.table.size).toBe(model.size)
        }
        expect(subject.keys()).toEqual([...model].sort())
        for (let n = 0; n < 4700; n++) expect(subject.find(`k${n}`, hashOf(n)) !== 0).toBe(model.has(`k${n}`))
        for (const h of [...model].map((key) => subject.find(key, hashOf(Number(key.slice(1)))))) {
          subject.table.seek(h)
          subject.table.remove()
        }
        expect(subject.table.size).toBe(0)
      }),
      { numRuns: 25 },
    )
  })

  it('is scanned whole, and nothing twice while nothing changes', () => {
    const subject = new Subject()
    for (let n = 0; n < 5000; n++) subject.put(`k${n}`, hashOf(n))
    expect(subject.scan().sort()).toEqual(subject.keys())
  })

  it('keeps the promise of scan', () => {
    fc.assert(
      fc.property(
        fc.record({
          stay: fc.nat(1500),
          before: fc.nat(3000),
          growth: fc.nat(4),
          shrinking: fc.nat(4),
          seed: fc.nat(),
        }),
        ({ stay, before, growth, shrinking, seed }) => {
          const subject = new Subject()
          const put = (n: number): void => subject.put(`k${n}`, hashOf(n + seed))
          for (let n = 0; n < stay + before; n++) put(n)
          let added = stay + before
          let removed = stay
          const seen = new Set(
            subject.scan((step) => {
              // Growth ends some time, or the scan would not.
              for (let i = 0; i < growth && step < 3000; i++) put(added++)
              for (let i = 0; i < shrinking && removed < added; i++, removed++) {
                subject.remove(`k${removed}`, hashOf(removed + seed))
              }
            }),
          )
          for (let n = 0; n < stay; n++) expect(seen.has(`k${n}`), `k${n}`).toBe(true)
        },
      ),
      { numRuns: 25 },
    )
  })
})

describe('the table', () => {
  it('ends a scan whose cursor it never gave', () => {
    const subject = new Subject()
    for (let n = 0; n < 3000; n++) subject.put(`k${n}`, mixed(n))
    fc.assert(
      fc.property(
        fc.oneof(fc.maxSafeNat(), fc.double({ min: 0, max: 2 ** 64, noNaN: true }).map(Math.floor)),
        (given) => {
          let cursor = given
          for (let steps = 0; steps < 20_000; steps++) {
            cursor = subject.table.scan(cursor, () => {})
            if (cursor === 0) return
          }
          expect.fail(`the scan from ${given} does not end`)
        },
      ),
      { numRuns: 60, examples: [[514048]] },
    )
  })

  it('samples all entries about alike, few or many', () => {
    const random = seededRandom(5)
    for (const count of [1, 30, 700, 3000]) {
      const subject = new Subject()
      expect(subject.table.sample(random)).toBe(0)
      for (let n = 0; n < count; n++) subject.put(`k${n}`, mixed(n))
      const times = new Map<string, number>()
      for (let i = 0; i < count * 100; i++) {
        const key = subject.key(subject.table.sample(random))
        times.set(key, (times.get(key) ?? 0) + 1)
      }
      expect(times.size).toBe(count)
      // A hundred times each on average; a segment's depth may make it half or twice as likely.
      expect(Math.min(...times.values())).toBeGreaterThan(15)
      expect(Math.max(...times.values())).toBeLessThan(400)
    }
  })

  it('samples the one entry that is left in a large table', () => {
    const subject = new Subject()
    for (let n = 0; n < 5000; n++) subject.put(`k${n}`, mixed(n))
    for (let n = 1; n < 5000; n++) subject.remove(`k${n}`, mixed(n))
    const random = seededRandom(6)
    for (let i = 0; i < 200; i++) expect(subject.key(subject.table.sample(random))).toBe('k0')
  })

  it('refuses a flood of equal hashes before any change', () => {
    const subject = new Subject()
    let added = 0
    expect(() => {
      for (; added < 2000; added++) subject.put(`k${added}`, 42)
    }).toThrow('too many keys with one hash')
    expect(subject.table.size).toBe(added)
    expect(subject.keys().length).toBe(added)
  })

  it('gives its segments back', () => {
    const subject = new Subject()
    const keys = Array.from({ length: 3000 }, (_, n) => `k${n}`)
    for (const [n, key] of keys.entries()) subject.put(key, mixed(n))
    for (const [n, key] of keys.entries()) subject.remove(key, mixed(n))
    subject.table.releaseIndex()
    expect(subject.arena.usedBytes).toBe(0)
  })
})
