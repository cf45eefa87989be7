// The ranking against a sorted array: members short, long, and too long for a page; scores that are often equal. Walks
// (snapshots) begin at any time and must see what was there then; in the end no block is left.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { seededRandom } from '../../../src/lib/prng.ts'
import { Arena, SLAB_BITS, SLAB_MASK } from '../../../src/store/arena.ts'
import { Nodes } from '../../../src/store/nodes.ts'
import {
  cloneRanking,
  RANKING_WORD,
  rankingInit,
  rankingInsert,
  rankingMembersBelow,
  rankingMove,
  rankingRange,
  rankingRank,
  rankingRemove,
  rankingRemoveRange,
  rankingScoresBelow,
  walkRanking,
} from '../../../src/store/ranking.ts'
import type { ElementOut } from '../../../src/store/walk.ts'

interface Ranked {
  score: number
  member: string
}
const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1')
const inOrder = (a: Ranked, b: Ranked): number => {
  if (a.score !== b.score) return a.score < b.score ? -1 : 1
  return a.member === b.member ? 0 : a.member < b.member ? -1 : 1
}
/** The array with one more where it belongs. */
const withOne = (all: readonly Ranked[], one: Ranked): Ranked[] => {
  const i = all.findIndex((other) => inOrder(other, one) > 0)
  return all.toSpliced(i < 0 ? all.length : i, 0, one)
}

const ROOT_UNITS = (RANKING_WORD + 2) >>> 1

/** A root with nothing but a ranking, and the array that it must equal. */
class Subject {
  readonly nodes: Nodes
  root: number
  model: Ranked[] = []

  constructor(nodes: Nodes) {
    this.nodes = nodes
    this.root = nodes.allocRoot(ROOT_UNITS)
    rankingInit(nodes, this.root)
  }

  own(): void {
    this.root = this.nodes.own(this.root)
  }

  insert(score: number, member: string): void {
    if (this.model.some((other) => other.member === member)) return
    this.own()
    rankingInsert(this.nodes, this.root, score, latin1(member), 0, member.length)
    this.model = withOne(this.model, { score, member })
  }

  remove(index: number): void {
    const { score, member } = this.model[index]!
    this.own()
    expect(rankingRemove(this.nodes, this.root, score, latin1(member), 0, member.length)).toBe(true)
    this.model = this.model.toSpliced(index, 1)
  }

  move(index: number, score: number): void {
    const { score: before, member } = this.model[index]!
    if (score === before) return
    this.own()
    rankingMove(this.nodes, this.root, before, score, latin1(member), 0, member.length)
    this.model = withOne(this.model.toSpliced(index, 1), { score, member })
  }

  removeRange(from: number, count: number): void {
    this.own()
    const seen: Ranked[] = []
    rankingRemoveRange(this.nodes, this.root, from, count, ({ bytes, start, end }, score) => {
      seen.push({ score, member: bytes.toString('latin1', start, end) })
    })
    expect(seen).toEqual(this.model.slice(from, from + count))
    this.model = this.model.toSpliced(from, count)
  }

  range(from: number, count: number, back: boolean): Ranked[] {
    const seen: Ranked[] = []
    rankingRange(this.nodes, this.root, from, count, back, ({ bytes, start, end }, score) => {
      seen.push({ score, member: bytes.toString('latin1', start, end) })
    })
    return seen
  }

  check(): void {
    const { length } = this.model
    expect(this.range(0, length, false)).toEqual(this.model)
    expect(this.range(length - 1, length, true)).toEqual(this.model.toReversed())
    let bytes = this.nodes.units(this.root) * 8
    const walk = walkRanking(this.nodes, this.root, undefined, (h) => {
      const { u32 } = this.nodes.arena
      const long = (u32[h >>> SLAB_BITS]![(h & SLAB_MASK) << 1]! & (1 << 28)) !== 0
      bytes += this.nodes.units(h) * 8 + (long ? this.nodes.stringLength(h) : 0)
    })
    while (!walk.next().done);
    expect(this.nodes.bytes(this.root)).toBe(bytes)
  }

  release(): void {
    const walk = walkRanking(this.nodes, this.root, undefined, (h) => this.nodes.drop(0, h))
    while (!walk.next().done);
    this.nodes.drop(0, this.root)
  }
}

/** What a walk writes, read back. */
class Sink implements ElementOut {
  readonly seen: Ranked[] = []
  private text = ''
  length(): void {}
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
    this.seen.push({ score, member: this.text })
  }
}

const anyScore = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(0, 1, 2, 3) },
  { weight: 2, arbitrary: fc.double({ noNaN: true }).map((x) => x + 0) },
  { weight: 1, arbitrary: fc.constantFrom(Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY) },
)
const memberOf = (n: number): string => {
  const name = `m${n % 997}`
  if (n % 61 === 0) return name.padEnd(512 + (n % 3), '.')
  if (n % 307 === 0) return name.padEnd(70_000, '-')
  return n % 13 === 0 ? name.padEnd(120 + (n % 20), '_') : name
}
type Op = 'insert' | 'up' | 'down' | 'remove' | 'removeRange' | 'move' | 'walk' | 'step' | 'clone'
const anyStep = fc.record({
  op: fc.constantFrom<Op>('insert', 'insert', 'up', 'down', 'remove', 'removeRange', 'move', 'walk', 'step', 'clone'),
  where: fc.nat(100_000),
  score: anyScore,
  times: fc.integer({ min: 1, max: 90 }),
})

describe('a ranking', () => {
  it('holds what a sorted array holds, and shows walks what was there when they began', () => {
    let most = 0
    fc.assert(
      fc.property(fc.nat(900), fc.array(anyStep, { maxLength: 40, size: 'max' }), (before, steps) => {
        const arena = new Arena()
        const nodes = new Nodes(arena)
        const subject = new Subject(nodes)
        for (let i = 0; i < before; i++) subject.insert(i % 5, memberOf(i * 37))
        let walk: { steps: Generator<number>; root: number; sink: Sink; expected: Ranked[] } | undefined
        const stepWalk = (): void => {
          if (walk === undefined || !walk.steps.next().done) return
          nodes.leave(walk.root)
          expect(walk.sink.seen).toEqual(walk.expected)
          nodes.endWalk()
          walk = undefined
        }
        for (const { op, where, score, times } of steps) {
          if (op === 'walk' && walk === undefined) {
            nodes.beginWalk()
            const sink = new Sink()
            const walked = walkRanking(nodes, subject.root, sink, (h) => nodes.leave(h))
            walk = { steps: walked, root: subject.root, sink, expected: subject.model.toReversed() }
          }
          if (op === 'step') stepWalk()
          if (op === 'clone') {
            const copy = new Subject(nodes)
            cloneRanking(nodes, subject.root, copy.root)
            copy.model = subject.model
            copy.check()
            copy.release()
          }
          for (let i = 0; i < times; i++) {
            const { length } = subject.model
            if (op === 'insert') subject.insert(score, memberOf(where + i * 37))
            else if (op === 'up') subject.insert(10 + length, memberOf(where + i))
            else if (op === 'down') subject.insert(-10 - length, memberOf(where + i))
            else if (op === 'remove' && length > 0) subject.remove((where + i * 7) % length)
            else if (op === 'move' && length > 0)
              subject.move((where + i * 7) % length, i % 2 === 0 ? score : where + 0.5)
          }
          if (op === 'removeRange') {
            const from = where % (subject.model.length + 1)
            subject.removeRange(from, Math.min(2 * times, subject.model.length - from))
          }
          subject.check()
          most = Math.max(most, subject.model.length)
        }
        subject.model.forEach(({ score, member }, i) => {
          expect(rankingRank(nodes, subject.root, score, latin1(member), 0, member.length)).toBe(i)
          expect(subject.range(i, 1, i % 2 === 0)).toEqual([{ score, member }])
          const below = subject.model.filter((other) => other.score < score).length
          const equal = subject.model.filter((other) => other.score === score).length
          expect(rankingScoresBelow(nodes, subject.root, score, false)).toBe(below)
          expect(rankingScoresBelow(nodes, subject.root, score, true)).toBe(below + equal)
        })
        expect(rankingRemove(nodes, subject.root, 1.25, latin1('none'), 0, 4)).toBe(false)
        while (walk !== undefined) stepWalk()
        subject.release()
        expect(arena.usedBytes).toBe(0)
        expect(arena.huge.usedBytes).toBe(0)
      }),
      { numRuns: 40 },
    )
    expect(most).toBeGreaterThan(500)
  })

  it('counts members below another one where all scores are equal', () => {
    const subject = new Subject(new Nodes(new Arena()))
    const members = Array.from({ length: 2000 }, (_, i) => `m${String((i * 7919) % 4000).padStart(4, '0')}`)
    for (const member of members) subject.insert(5, member)
    const sorted = subject.model.map(({ member }) => member)
    for (const member of [...members.slice(0, 300), '', 'm', 'n', 'm0001', 'm3999x']) {
      const below = sorted.filter((other) => other < member).length
      const count = (orEqual: boolean): number =>
        rankingMembersBelow(subject.nodes, subject.root, latin1(member), 0, member.length, orEqual)
      expect(count(false)).toBe(below)
      expect(count(true)).toBe(below + (sorted.includes(member) ? 1 : 0))
    }
  })

  it('keeps pages full when it is filled in order, in either direction, and takes few bytes a member', () => {
    for (const sign of [1, -1, 0]) {
      const nodes = new Nodes(new Arena())
      const root = nodes.allocRoot(ROOT_UNITS)
      rankingInit(nodes, root)
      const random = seededRandom(3)
      const n = 100_000
      for (let i = 0; i < n; i++) {
        const member = latin1(`member:${String(i).padStart(6, '0')}`)
        rankingInsert(nodes, root, sign === 0 ? random.unit() : sign * i, member, 0, member.length)
      }
      // 13 bytes of member, 8 of score, 2 of place, 1 of length.
      expect(nodes.bytes(root) / n).toBeLessThan(sign === 0 ? 27.5 : 25.5)
    }
  })
})
