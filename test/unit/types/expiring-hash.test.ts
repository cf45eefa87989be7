// A hash whose fields have expiries against a Map: values and expiries are as in the model, walks (snapshots) see what was there when they
// began in the form that RDB has, copies are whole, and in the end no block may be left. It becomes such a hash and an ordinary one again.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Arena } from '../../../src/store/arena.ts'
import { createDict, dictSet, walkDict } from '../../../src/store/dict.ts'
import { Nodes } from '../../../src/store/nodes.ts'
import type { ElementOut } from '../../../src/store/walk.ts'
import {
  attachExpiries,
  clearFieldExpiry,
  createExpiries,
  detachExpiries,
  dueCount,
  expiringDelete,
  expiryCount,
  fieldExpiry,
  setFieldExpiry,
  visitDue,
} from '../../../src/types/expiring-hash.ts'
import { HASH_EXPIRING, hashForEach } from '../../../src/types/hash.ts'
import { partsEncoding } from '../../../src/types/table.ts'

interface Field {
  value: string
  /** 0 for none. */
  atMs: number
}
type Fields = Map<string, Field>

const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1')
const { walk, clone } = partsEncoding(HASH_EXPIRING)
const copyOf = (fields: Fields): Fields => new Map([...fields].map(([name, field]) => [name, { ...field }]))

/** What a walk writes, read back as RDB's readers do: the earliest expiry, the number of fields, and of each expiry, field, value. */
class Sink implements ElementOut {
  readonly fields: Fields = new Map()
  count = -1
  private firstMs = -1
  private later = -1
  private words: string[] = []
  private partsLeft = 0
  private text = ''

  length(n: number): void {
    if (this.count < 0) this.count = n
    else this.later = n
  }
  string(bytes: Uint8Array, start: number, end: number): void {
    this.word(Buffer.from(bytes.subarray(start, end)).toString('latin1'))
  }
  begin(length: number): void {
    this.partsLeft = length
    this.text = ''
  }
  part(bytes: Uint8Array, start: number, end: number): void {
    if (this.firstMs < 0) {
      this.firstMs = Number(Buffer.from(bytes.subarray(start, end)).readBigUInt64LE())
      return
    }
    this.text += Buffer.from(bytes.subarray(start, end)).toString('latin1')
    this.partsLeft -= end - start
    if (this.partsLeft === 0) this.word(this.text)
  }
  double(): void {
    throw new Error('a hash has no doubles')
  }
  private word(text: string): void {
    expect(this.later).toBeGreaterThanOrEqual(0)
    this.words.push(text)
    if (this.words.length < 2) return
    const [name, value] = this.words
    this.fields.set(name!, { value: value!, atMs: this.later === 0 ? 0 : this.firstMs + this.later - 1 })
    this.words = []
    this.later = -1
  }
}

class Subject {
  readonly nodes: Nodes
  root: number
  readonly model: Fields

  constructor(nodes: Nodes, root: number, model: Fields) {
    this.nodes = nodes
    this.root = root
    this.model = model
  }

  own(): number {
    this.root = this.nodes.own(this.root)
    return this.root
  }

  set(name: string, value: string): void {
    dictSet(this.nodes, this.own(), latin1(name), 0, name.length, latin1(value), 0, value.length)
    this.model.set(name, { value, atMs: this.model.get(name)?.atMs ?? 0 })
  }

  expire(name: string, atMs: number): void {
    const field = this.model.get(name)
    if (field === undefined) return
    setFieldExpiry(this.nodes, this.own(), latin1(name), 0, name.length, atMs)
    field.atMs = atMs
  }

  persist(name: string): void {
    const field = this.model.get(name)
    const had = field !== undefined && field.atMs !== 0
    expect(clearFieldExpiry(this.nodes, this.own(), latin1(name), 0, name.length)).toBe(had)
    if (field !== undefined) field.atMs = 0
  }

  delete(name: string): void {
    expect(expiringDelete(this.nodes, this.own(), latin1(name), 0, name.length)).toBe(this.model.delete(name))
  }

  /** An ordinary table in between. */
  reattach(): void {
    detachExpiries(this.nodes, this.own())
    this.root = attachExpiries(this.nodes, this.root, createExpiries(this.nodes))
    for (const field of this.model.values()) field.atMs = 0
  }

  check(): void {
    const { nodes, root, model } = this
    const seen: Fields = new Map()
    const source = { nodes, root, encoding: 9, bytes: Buffer.alloc(0), start: 0, end: 0 }
    hashForEach(source, (field, value) => {
      const name = field.bytes.toString('latin1', field.start, field.end)
      const atMs = fieldExpiry(nodes, root, field.bytes, field.start, field.end)
      const text = value.bytes.toString('latin1', value.start, value.end)
      seen.set(name, { value: text, atMs: Number.isNaN(atMs) ? 0 : atMs })
    })
    expect(seen).toEqual(model)
    const due = [...model.values()].map(({ atMs }) => atMs).filter((atMs) => atMs !== 0)
    expect(expiryCount(nodes, root)).toBe(due.length)
    expect(dueCount(nodes, root, 500)).toBe(due.filter((atMs) => atMs < 500).length)
    const times: number[] = []
    visitDue(nodes, root, due.length, (_, atMs) => times.push(atMs))
    expect(times).toEqual(due.sort((a, b) => a - b))
  }

  release(): void {
    const steps = walk(this.nodes, this.root, undefined, (h) => this.nodes.drop(0, h))
    while (!steps.next().done);
  }
}

const nameOf = (n: number): string => {
  const name = `f${n % 600}`
  return n % 41 === 0 ? name.padEnd(1500, '.') : n % 199 === 0 ? name.padEnd(70_000, '-') : name
}
const textOf = (n: number): string => (n % 67 === 0 ? 'v'.repeat(80_000) : `v${n}`)
const anyStep = fc.record({
  op: fc.constantFrom('set', 'set', 'expire', 'expire', 'persist', 'delete', 'reattach', 'walk', 'step', 'clone'),
  where: fc.nat(100_000),
  atMs: fc.integer({ min: 1, max: 1000 }),
  times: fc.integer({ min: 1, max: 60 }),
})

function ordinary(nodes: Nodes): number {
  return createDict(nodes, true)
}

describe('a hash whose fields have expiries', () => {
  it('equals a model, in walks as of their beginning, and leaves nothing behind', () => {
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 40, size: 'max' }), (steps) => {
        const arena = new Arena()
        const nodes = new Nodes(arena)
        const root = attachExpiries(nodes, ordinary(nodes), createExpiries(nodes))
        const subject = new Subject(nodes, root, new Map())
        let walking: { steps: Generator<number>; sink: Sink; expected: Fields } | undefined
        const stepWalk = (): void => {
          if (walking === undefined || !walking.steps.next().done) return
          expect(walking.sink.count).toBe(walking.expected.size)
          expect(walking.sink.fields).toEqual(walking.expected)
          nodes.endWalk()
          walking = undefined
        }
        for (const { op, where, atMs, times } of steps) {
          for (let i = 0; i < times; i++) {
            const name = nameOf(where + i)
            if (op === 'set') subject.set(name, textOf(where + i))
            else if (op === 'expire') subject.expire(name, atMs + i)
            else if (op === 'persist') subject.persist(name)
            else if (op === 'delete') subject.delete(name)
          }
          if (op === 'reattach') subject.reattach()
          else if (op === 'walk' && walking === undefined) {
            nodes.beginWalk()
            const sink = new Sink()
            const old = walk(nodes, subject.root, sink, (h) => nodes.leave(h))
            walking = { steps: old, sink, expected: copyOf(subject.model) }
          } else if (op === 'step') stepWalk()
          else if (op === 'clone' && walking === undefined) {
            const copy = new Subject(nodes, clone(nodes, subject.root), copyOf(subject.model))
            copy.check()
            expect(nodes.bytes(copy.root)).toBeGreaterThan(0)
            copy.release()
          }
          subject.check()
        }
        while (walking !== undefined) stepWalk()
        expect(nodes.bytes(subject.root)).toBe(arena.usedBytes + arena.huge.usedBytes)
        subject.release()
        expect(arena.usedBytes + arena.huge.usedBytes).toBe(0)
      }),
      { numRuns: 60 },
    )
  })

  it('costs an ordinary table nothing: detached it has the nodes of one', () => {
    const arena = new Arena()
    const nodes = new Nodes(arena)
    const table = ordinary(nodes)
    const before = nodes.bytes(table)
    const root = attachExpiries(nodes, table, createExpiries(nodes))
    expect(nodes.bytes(root)).toBeGreaterThan(before)
    detachExpiries(nodes, root)
    expect(nodes.bytes(root)).toBe(before + 8)
    const steps = walkDict(nodes, root, undefined, (h) => nodes.free(h))
    while (!steps.next().done);
    expect(arena.usedBytes).toBe(0)
  })
})
