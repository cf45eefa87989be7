// The table of parts against a Map: random changes, with snapshots begun and stepped in between that must see what was there
// when they began; scans that must meet what is there all the time exactly once; and nothing left behind in the end.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { seededRandom } from '../../../src/lib/prng.ts'
import { Arena } from '../../../src/store/arena.ts'
import {
  cloneDict,
  createDict,
  dictDelete,
  dictForEach,
  dictGet,
  dictHas,
  dictRandom,
  dictScan,
  dictSet,
  releaseDict,
  walkDict,
} from '../../../src/store/dict.ts'
import { type NodeBytes, Nodes } from '../../../src/store/nodes.ts'
import type { ElementOut, Walk } from '../../../src/store/walk.ts'

const NOTHING: NodeBytes = { bytes: Buffer.alloc(0), start: 0, end: 0 }
const text = ({ bytes, start, end }: NodeBytes): string => bytes.toString('latin1', start, end)

/** A table and the Map that it should be. */
class Subject {
  readonly nodes: Nodes
  readonly withValues: boolean
  root: number
  model = new Map<string, string>()

  constructor(nodes: Nodes, withValues = true) {
    this.nodes = nodes
    this.withValues = withValues
    this.root = createDict(nodes, withValues)
  }

  set(field: string, value: string): void {
    this.root = this.nodes.own(this.root)
    const f = Buffer.from(field, 'latin1')
    const v = Buffer.from(value, 'latin1')
    expect(dictSet(this.nodes, this.root, f, 0, f.length, v, 0, v.length)).toBe(!this.model.has(field))
    this.model.set(field, this.withValues ? value : '')
  }

  delete(field: string): void {
    this.root = this.nodes.own(this.root)
    const f = Buffer.from(field, 'latin1')
    expect(dictDelete(this.nodes, this.root, f, 0, f.length)).toBe(this.model.delete(field))
  }

  get(field: string): string | undefined {
    const f = Buffer.from(field, 'latin1')
    const into = { ...NOTHING }
    expect(dictHas(this.nodes, this.root, f, 0, f.length)).toBe(this.model.has(field))
    return dictGet(this.nodes, this.root, f, 0, f.length, into) ? text(into) : undefined
  }

  contents(root = this.root): Map<string, string> {
    const found = new Map<string, string>()
    dictForEach(this.nodes, root, (field, value) => found.set(text(field), text(value)))
    return found
  }

  check(): void {
    expect(this.nodes.count(this.root)).toBe(this.model.size)
    expect(this.contents()).toEqual(this.model)
    for (const [field, value] of this.model) expect(this.get(field)).toBe(value)
  }
}

/** Collects what a walk writes. */
function collector(into: string[]): ElementOut & { count: number } {
  let pending: string[] | undefined
  const out = {
    count: -1,
    length(n: number) {
      out.count = n
    },
    string(bytes: Uint8Array, start: number, end: number) {
      if (pending !== undefined) into.push(pending.join(''))
      pending = undefined
      into.push(Buffer.from(bytes.subarray(start, end)).toString('latin1'))
    },
    begin() {
      if (pending !== undefined) into.push(pending.join(''))
      pending = []
    },
    part(bytes: Uint8Array, start: number, end: number) {
      pending!.push(Buffer.from(bytes.subarray(start, end)).toString('latin1'))
    },
    double() {
      throw new Error('no doubles here')
    },
    flush() {
      if (pending !== undefined) into.push(pending.join(''))
      pending = undefined
    },
  }
  return out
}

function pairs(list: readonly string[]): Map<string, string> {
  const map = new Map<string, string>()
  for (let i = 0; i < list.length; i += 2) map.set(list[i]!, list[i + 1]!)
  return map
}

type Op =
  | { op: 'set'; field: string; value: string }
  | { op: 'delete'; field: string }
  | { op: 'begin' | 'step' | 'replace' }

const field = fc.oneof(
  { weight: 20, arbitrary: fc.nat(400).map((n) => `field:${n}`) },
  { weight: 2, arbitrary: fc.nat(20).map((n) => `${n}`.repeat(90)) },
  { weight: 1, arbitrary: fc.nat(5).map((n) => `${n}`.repeat(2000)) },
)
const value = fc.oneof(
  { weight: 20, arbitrary: fc.string({ maxLength: 20, unit: 'binary-ascii' }) },
  { weight: 4, arbitrary: fc.nat(1100).map((n) => 'v'.repeat(n)) },
  { weight: 1, arbitrary: fc.constantFrom(1024, 1025, 40_000, 70_000).map((n) => 'w'.repeat(n)) },
)
const op: fc.Arbitrary<Op> = fc.oneof(
  { weight: 12, arbitrary: fc.record({ op: fc.constant('set' as const), field, value }) },
  { weight: 6, arbitrary: fc.record({ op: fc.constant('delete' as const), field }) },
  { weight: 4, arbitrary: fc.constant({ op: 'step' as const }) },
  { weight: 1, arbitrary: fc.constant({ op: 'begin' as const }) },
)

describe('dict', () => {
  it('is what a Map is, whatever snapshots are taken meanwhile', () => {
    fc.assert(
      fc.property(fc.array(op, { minLength: 1, maxLength: 400, size: 'max' }), (ops) => {
        const arena = new Arena()
        const nodes = new Nodes(arena, { k0: 3, k1: 5 })
        const subject = new Subject(nodes)
        let walk:
          | { steps: Walk; seen: string[]; out: { flush?: () => void; count: number }; expected: Map<string, string> }
          | undefined
        const step = (): void => {
          if (walk === undefined || !walk.steps.next().done) return
          walk.out.flush?.()
          expect(walk.out.count).toBe(walk.expected.size)
          expect(walk.seen.length).toBe(2 * walk.expected.size)
          expect(pairs(walk.seen)).toEqual(walk.expected)
          nodes.endWalk()
          walk = undefined
        }
        for (const one of ops) {
          if (one.op === 'set') subject.set(one.field, one.value)
          else if (one.op === 'delete') subject.delete(one.field)
          else if (one.op === 'step') step()
          else if (walk === undefined) {
            nodes.beginWalk()
            const seen: string[] = []
            const out = collector(seen)
            walk = {
              steps: walkDict(nodes, subject.root, out, (h) => nodes.leave(h)),
              seen,
              out,
              expected: new Map(subject.model),
            }
          }
        }
        subject.check()
        while (walk !== undefined) step()
        subject.check()
        const before = arena.usedBytes + arena.huge.usedBytes
        expect(nodes.bytes(subject.root)).toBe(before)
        const clone = cloneDict(nodes, subject.root)
        expect(subject.contents(clone)).toEqual(subject.model)
        expect(nodes.count(clone)).toBe(subject.model.size)
        expect(nodes.bytes(clone)).toBe(arena.usedBytes + arena.huge.usedBytes - before)
        releaseDict(nodes, clone)
        expect(arena.usedBytes + arena.huge.usedBytes).toBe(before)
        releaseDict(nodes, subject.root)
        expect(arena.usedBytes).toBe(0)
        expect(arena.huge.usedBytes).toBe(0)
      }),
      { numRuns: 150 },
    )
  })

  it('grows to many directories and shrinks to nothing', () => {
    const arena = new Arena()
    const nodes = new Nodes(arena, { k0: 1, k1: 2 })
    const subject = new Subject(nodes, false)
    const count = 700_000
    const bytes = Buffer.alloc(8)
    for (let i = 0; i < count; i++) {
      bytes.writeUInt32LE(i)
      dictSet(nodes, subject.root, bytes, 0, 8, bytes, 0, 0)
    }
    expect(nodes.count(subject.root)).toBe(count)
    expect(nodes.bytes(subject.root)).toBe(arena.usedBytes)
    // Beside their 8 bytes: a slot, a length, and what pages leave free.
    expect(arena.usedBytes / count).toBeLessThan(17)
    const found = new Uint8Array(count)
    dictForEach(nodes, subject.root, (f) => found[f.bytes.readUInt32LE(f.start)]++)
    expect(found.every((n) => n === 1)).toBe(true)
    for (let i = 0; i < count - 3; i++) {
      bytes.writeUInt32LE(i)
      expect(dictDelete(nodes, subject.root, bytes, 0, 8)).toBe(true)
    }
    expect(nodes.count(subject.root)).toBe(3)
    expect(nodes.bytes(subject.root)).toBe(arena.usedBytes)
    expect(arena.usedBytes).toBeLessThan(20_000)
    releaseDict(nodes, subject.root)
    expect(arena.usedBytes).toBe(0)
  })

  it('scans what is there all the time exactly once', () => {
    fc.assert(
      fc.property(fc.integer(), fc.nat(3000), fc.nat(3000), (seed, size, changes) => {
        const random = seededRandom(seed)
        const nodes = new Nodes(new Arena(), { k0: 3, k1: 5 })
        const subject = new Subject(nodes)
        for (let i = 0; i < size; i++) subject.set(`stays:${i}`, `${i}`)
        const met = new Map<string, number>()
        let cursor = 0
        const growing = random.below(2) === 0
        if (!growing) for (let i = 0; i < changes; i++) subject.set(`comes:${i}`, '')
        let i = 0
        do {
          cursor = dictScan(nodes, subject.root, cursor, (f) => met.set(text(f), (met.get(text(f)) ?? 0) + 1))
          for (let n = random.below(200); n > 0 && i < changes; n--, i++) {
            if (growing) subject.set(`comes:${i}`, '')
            else subject.delete(`comes:${i}`)
          }
        } while (cursor !== 0)
        for (let k = 0; k < size; k++) expect(met.get(`stays:${k}`)).toBe(1)
        for (const n of met.values()) expect(n).toBe(1)
      }),
      { numRuns: 30 },
    )
  })

  it('gives each element the same chance', () => {
    for (const size of [1, 5, 60, 500]) {
      const nodes = new Nodes(new Arena(), { k0: 3, k1: 5 })
      const subject = new Subject(nodes)
      for (let i = 0; i < size; i++) subject.set(`${i}`, '')
      const random = seededRandom(1)
      const met = new Map<string, number>()
      const draws = size * 200
      for (let i = 0; i < draws; i++)
        dictRandom(nodes, subject.root, random, (f) => met.set(text(f), (met.get(text(f)) ?? 0) + 1))
      let chiSquare = 0
      for (let i = 0; i < size; i++) chiSquare += ((met.get(`${i}`) ?? 0) - 200) ** 2 / 200
      // Mean size - 1, deviation the root of twice that: five deviations.
      expect(chiSquare).toBeLessThan(size - 1 + 5 * Math.sqrt(2 * size))
    }
  })
})
