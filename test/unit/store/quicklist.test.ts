// Quicklists against an array of strings, with walks begun in between: each sees the list as it was then, whatever comes after.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Arena, ArenaFullError } from '../../../src/store/arena.ts'
import { lpFirst, lpNext, lpText, lpValidate, makeLpText, NONE } from '../../../src/store/listpack.ts'
import { type NodeBytes, Nodes } from '../../../src/store/nodes.ts'
import {
  cloneQuicklist,
  createQuicklist,
  quicklistDelete,
  quicklistFault,
  quicklistInsert,
  quicklistLeaves,
  quicklistRange,
  quicklistReplace,
  releaseQuicklist,
  walkQuicklist,
} from '../../../src/store/quicklist.ts'
import type { ElementOut, Walk } from '../../../src/store/walk.ts'

const text = ({ bytes, start, end }: NodeBytes): string => Buffer.from(bytes.subarray(start, end)).toString('latin1')

/** Collects what a walk writes, as the elements of the listpacks that it is made of. */
class Reader implements ElementOut {
  readonly elements: string[] = []
  leaves = 0
  private numbers = 0
  private open: Buffer[] = []
  private left = 0

  length(n: number): void {
    if (this.numbers++ === 0) this.leaves = n
    else expect(n).toBe(2)
  }
  string(bytes: Uint8Array, start: number, end: number): void {
    this.listpack(Buffer.from(bytes.subarray(start, end)))
  }
  begin(length: number): void {
    this.left = length
    this.open = []
  }
  part(bytes: Uint8Array, start: number, end: number): void {
    this.open.push(Buffer.from(bytes.subarray(start, end)))
    this.left -= end - start
    if (this.left === 0) this.listpack(Buffer.concat(this.open))
  }
  double(): void {
    expect.unreachable()
  }
  private listpack(b: Buffer): void {
    expect(lpValidate(b, 0, b.length)).toBeGreaterThan(0)
    const into = makeLpText()
    for (let p = lpFirst(b, 0); p !== NONE; p = lpNext(b, p)) {
      lpText(b, p, into)
      this.elements.push(text(into as unknown as NodeBytes))
    }
  }
}

/** A list, its model, and a walk under way with what the list was when it began. */
class Subject {
  readonly arena = new Arena()
  readonly nodes = new Nodes(this.arena)
  readonly model: string[] = []
  private root = createQuicklist(this.nodes)
  private walk: { steps: Walk; reader: Reader; expected: string[] } | undefined
  private readonly limit: number

  constructor(limit: number) {
    this.limit = limit
  }

  private own(): number {
    this.root = this.nodes.own(this.root)
    return this.root
  }

  insert(index: number, element: string): void {
    const bytes = Buffer.from(element, 'latin1')
    const at = Math.min(index, this.model.length)
    quicklistInsert(this.nodes, this.own(), this.limit, at, bytes, 0, bytes.length)
    this.model.splice(at, 0, element)
  }

  replace(index: number, element: string): void {
    if (this.model.length === 0) return
    const bytes = Buffer.from(element, 'latin1')
    quicklistReplace(this.nodes, this.own(), this.limit, index % this.model.length, bytes, 0, bytes.length)
    this.model[index % this.model.length] = element
  }

  remove(index: number, count: number): void {
    const from = index % (this.model.length + 1)
    const removed = Math.min(count, this.model.length - from)
    quicklistDelete(this.nodes, this.own(), this.limit, from, removed)
    this.model.splice(from, removed)
  }

  beginWalk(): void {
    this.finishWalk()
    this.nodes.beginWalk()
    const reader = new Reader()
    const steps = walkQuicklist(this.nodes, this.root, reader, (h) => this.nodes.leave(h))
    this.walk = { steps, reader, expected: [...this.model] }
  }

  step(): void {
    if (this.walk?.steps.next().done) this.finishWalk()
  }

  finishWalk(): void {
    if (this.walk === undefined) return
    const { steps, reader, expected } = this.walk
    while (!steps.next().done);
    this.nodes.endWalk()
    this.walk = undefined
    expect(reader.elements).toEqual(expected)
  }

  check(): void {
    expect(quicklistFault(this.nodes, this.root)).toBeUndefined()
    expect(this.read(this.root, false)).toEqual(this.model)
    expect(this.read(this.root, true)).toEqual([...this.model].reverse())
  }

  read(root: number, back: boolean): string[] {
    const found: string[] = []
    const count = this.nodes.count(root)
    quicklistRange(this.nodes, root, back ? count - 1 : 0, count, back, (element, index) => {
      expect(index).toBe(back ? count - 1 - found.length : found.length)
      found.push(text(element))
      return false
    })
    return found
  }

  /** A copy is equal, and stays as it is when the list goes; then nothing is left in the arena. */
  end(emptyBytes: number): void {
    this.finishWalk()
    const copy = cloneQuicklist(this.nodes, this.root)
    releaseQuicklist(this.nodes, this.root)
    expect(quicklistFault(this.nodes, copy)).toBeUndefined()
    expect(this.read(copy, false)).toEqual(this.model)
    releaseQuicklist(this.nodes, copy)
    expect(this.arena.usedBytes).toBe(emptyBytes)
  }
}

const EMPTY_BYTES = new Arena().usedBytes

const element = fc.oneof(
  { weight: 10, arbitrary: fc.nat(100_000).map(String) },
  { weight: 10, arbitrary: fc.nat(300).map((n) => `x${'y'.repeat(n)}`) },
  fc.constantFrom('', 'a'.repeat(5000), 'b'.repeat(70_000), 'c'.repeat(64_000), '-1', '9223372036854775807'),
)
const index = fc.oneof(fc.constantFrom(0, 1_000_000), fc.nat(400))
const action = fc.oneof(
  { weight: 30, arbitrary: fc.record({ do: fc.constant('insert' as const), index, element }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('fill' as const), index, count: fc.nat(60) }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('replace' as const), index, element }) },
  { weight: 8, arbitrary: fc.record({ do: fc.constant('remove' as const), index, count: fc.nat(12) }) },
  fc.record({ do: fc.constant('remove' as const), index, count: fc.nat(300) }),
  { weight: 2, arbitrary: fc.record({ do: fc.constant('walk' as const) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('step' as const) }) },
)

describe('quicklist', () => {
  it('is an array, and every walk sees it as it was', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(-1, -2, -5, 1, 4, 128),
        fc.array(action, { maxLength: 150, size: 'max' }),
        (limit, actions) => {
          const subject = new Subject(limit)
          for (const each of actions) {
            if (each.do === 'insert') subject.insert(each.index, each.element)
            else if (each.do === 'replace') subject.replace(each.index, each.element)
            else if (each.do === 'remove') subject.remove(each.index, each.count)
            else if (each.do === 'walk') subject.beginWalk()
            else if (each.do === 'step') subject.step()
            else for (let i = 0; i < each.count; i++) subject.insert(each.index + i, `filled ${i}`)
          }
          subject.check()
          subject.end(EMPTY_BYTES)
        },
      ),
      { numRuns: 80 },
    )
  })

  it('fills pages as Redis does, from either end', () => {
    for (const at of [0, 1_000_000]) {
      const byCount = new Subject(4)
      for (let i = 0; i < 41; i++) byCount.insert(at, `e${i}`)
      byCount.beginWalk()
      byCount.finishWalk()
      byCount.check()
      expect(quicklistLeaves(byCount.nodes, (byCount as unknown as { root: number }).root)).toBe(11)
    }
  })

  it('is as it was if there is no memory', () => {
    const subject = new Subject(3)
    for (let i = 0; i < 40; i++) subject.insert(i, `element ${i}`)
    const { alloc } = subject.arena
    let failed = 0
    for (let allowed = 0; allowed < 8; allowed++) {
      for (const change of [
        () => subject.insert(7, 'new'),
        () => subject.insert(0, 'b'.repeat(70_000)),
        () => subject.replace(5, 'c'.repeat(70_000)),
        () => subject.replace(6, 'longer than before'),
      ]) {
        subject.beginWalk()
        let left = allowed
        subject.arena.alloc = (units) => {
          if (left-- <= 0) throw new ArenaFullError('full')
          return alloc.call(subject.arena, units)
        }
        try {
          change()
        } catch (error) {
          expect(error).toBeInstanceOf(ArenaFullError)
          failed++
        }
        subject.arena.alloc = alloc
        subject.check()
        subject.finishWalk()
      }
    }
    expect(failed).toBeGreaterThan(8)
    subject.end(EMPTY_BYTES)
  })
})
