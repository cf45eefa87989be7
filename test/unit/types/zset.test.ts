// A large sorted set, which is a dict and a ranking on one root, against a Map: both must know the same members, walks
// (snapshots) must see what was there when they began, copies must be whole, and in the end no block may be left. And small
// ones: built in any order, they have the bytes that Redis gives them.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Arena } from '../../../src/store/arena.ts'
import { Nodes } from '../../../src/store/nodes.ts'
import type { ElementOut } from '../../../src/store/walk.ts'
import { DEFAULT_LIMITS } from '../../../src/types/builder.ts'
import { partsEncoding } from '../../../src/types/table.ts'
import type { ValueSource } from '../../../src/types/value-type.ts'
import {
  createZsetBuilder,
  partsDelete,
  partsRemoveRange,
  partsSet,
  ZSET_LISTPACK,
  ZSET_PARTS,
  zsetForEach,
  zsetRank,
  zsetScore,
} from '../../../src/types/zset.ts'

type Scores = Map<string, number>
const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1')
const { walk, clone } = partsEncoding(ZSET_PARTS)
const NO_LISTPACK = { ...DEFAULT_LIMITS, 'zset-max-listpack-entries': 0 }

/** Members and scores in order. */
const inOrder = (scores: Scores): [string, number][] =>
  [...scores].sort(([a, x], [b, y]) => (x === y ? (a < b ? -1 : 1) : x < y ? -1 : 1))

class Subject {
  readonly nodes: Nodes
  root: number
  readonly model: Scores

  constructor(nodes: Nodes, root: number, model: Scores) {
    this.nodes = nodes
    this.root = root
    this.model = model
  }

  get source(): ValueSource {
    return { nodes: this.nodes, root: this.root, encoding: 8, bytes: Buffer.alloc(0), start: 0, end: 0 }
  }

  set(member: string, score: number): void {
    this.root = this.nodes.own(this.root)
    const before = zsetScore(this.source, latin1(member), 0, member.length)
    partsSet(this.nodes, this.root, latin1(member), 0, member.length, score, before)
    this.model.set(member, score)
  }

  delete(member: string): void {
    this.root = this.nodes.own(this.root)
    const was = partsDelete(this.nodes, this.root, latin1(member), 0, member.length)
    expect(was).toBe(this.model.delete(member))
  }

  removeRange(from: number, count: number): void {
    this.root = this.nodes.own(this.root)
    const gone = inOrder(this.model).slice(from, from + count)
    partsRemoveRange(this.nodes, this.root, from, gone.length)
    for (const [member] of gone) this.model.delete(member)
  }

  check(): void {
    const seen: [string, number][] = []
    zsetForEach(this.source, ({ bytes, start, end }, score) => seen.push([bytes.toString('latin1', start, end), score]))
    expect(seen).toEqual(inOrder(this.model))
    expect(this.nodes.count(this.root)).toBe(this.model.size)
    seen.forEach(([member, score], i) => {
      expect(zsetScore(this.source, latin1(member), 0, member.length)).toBe(score)
      if (i % 9 === 0) expect(zsetRank(this.source, score, latin1(member), 0, member.length)).toBe(i)
    })
  }

  release(): void {
    const steps = walk(this.nodes, this.root, undefined, (h) => this.nodes.drop(0, h))
    while (!steps.next().done);
  }
}

/** What a walk writes, read back. */
class Sink implements ElementOut {
  count = -1
  readonly seen: [string, number][] = []
  private text = ''
  length(n: number): void {
    this.count = n
  }
  string(bytes: Uint8Array, start: number, end: number): void {
    this.text = Buffer.from(bytes.subarray(start, end)).toString('latin1')
  }
  begin(): void {
    this.text = ''
  }
  part(bytes: Uint8Array, start: number, end: number): void {
    this.text += Buffer.from(bytes.subarray(start, end)).toString('latin1')
  }
  double(score: number): void {
    this.seen.push([this.text, score])
  }
}

const memberOf = (n: number): string => {
  const name = `m${n % 1500}`
  return n % 41 === 0 ? name.padEnd(1500, '.') : n % 401 === 0 ? name.padEnd(70_000, '-') : name
}
const anyStep = fc.record({
  op: fc.constantFrom('set', 'set', 'set', 'delete', 'removeRange', 'walk', 'step', 'step', 'clone'),
  where: fc.nat(100_000),
  score: fc.constantFrom(0, 1, 2.5, -3, Number.POSITIVE_INFINITY),
  times: fc.integer({ min: 1, max: 120 }),
})

describe('a sorted set in parts', () => {
  it('equals a model, in walks as of their beginning, and leaves nothing behind', () => {
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 40, size: 'max' }), (steps) => {
        const arena = new Arena()
        const nodes = new Nodes(arena)
        const builder = createZsetBuilder(nodes, NO_LISTPACK)
        builder.set(latin1('first'), 0, 5, 1)
        const built = builder.finish()
        expect(built.kind).toBe(ZSET_PARTS)
        const subject = new Subject(nodes, built.root, new Map([['first', 1]]))
        let walking: { steps: Generator<number>; sink: Sink; expected: [string, number][] } | undefined
        const stepWalk = (): void => {
          if (walking === undefined || !walking.steps.next().done) return
          expect(walking.sink.count).toBe(walking.expected.length)
          expect(walking.sink.seen).toEqual(walking.expected.toReversed())
          nodes.endWalk()
          walking = undefined
        }
        for (const { op, where, score, times } of steps) {
          if (op === 'walk' && walking === undefined) {
            nodes.beginWalk()
            const sink = new Sink()
            const steps = walk(nodes, subject.root, sink, (h) => nodes.leave(h))
            walking = { steps, sink, expected: inOrder(subject.model) }
          } else if (op === 'step') stepWalk()
          else if (op === 'removeRange') subject.removeRange(where % (subject.model.size + 1), times)
          else if (op === 'clone') {
            const copy = new Subject(nodes, clone(nodes, subject.root), new Map(subject.model))
            copy.set('only in the copy', 7)
            copy.check()
            copy.release()
          } else if (op !== 'walk') {
            for (let i = 0; i < times; i++) {
              const member = memberOf(where + i * 7)
              if (op === 'set') subject.set(member, i % 3 === 0 ? where + i : score)
              else subject.delete(member)
            }
          }
          subject.check()
        }
        while (walking !== undefined) stepWalk()
        subject.release()
        expect(arena.usedBytes).toBe(0)
        expect(arena.huge.usedBytes).toBe(0)
      }),
      { numRuns: 40 },
    )
  })
})

describe('a small sorted set', () => {
  it('is built in order, whatever the order of what comes', () => {
    const nodes = new Nodes(new Arena())
    const builder = createZsetBuilder(nodes, DEFAULT_LIMITS)
    for (const [member, score] of [
      ['c', 300],
      ['b', 0.1],
      ['a', 0.1],
      ['12', -1],
      ['c', 2],
      ['d', 1e20],
    ] as const) {
      builder.set(latin1(member), 0, member.length, score)
    }
    const { kind, bytes, start, end } = builder.finish()
    expect(kind).toBe(ZSET_LISTPACK)
    const tenth = '\x930.10000000000000001\x14'
    const expected = `\x0c\x01\xdf\xff\x02\x81a\x02${tenth}\x81b\x02${tenth}\x81c\x02\x02\x01\x81d\x02\x851e+20\x06`
    expect(Buffer.from(bytes.subarray(start + 6, end - 1)).toString('latin1')).toBe(expected)
  })
})
