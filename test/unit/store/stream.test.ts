// A stream against an array: entries added, deleted and trimmed must be those of the model, walks (snapshots) must see what was
// there when they began, copies must be whole, payloads must read back, and in the end no block may be left.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { dumpValue, readDump } from '../../../src/codec/dump.ts'
import {
  compareIds,
  idText,
  makeStreamId,
  STREAM_ID_MAX,
  STREAM_ID_MIN,
  type StreamId,
} from '../../../src/lib/stream-id.ts'
import { Arena } from '../../../src/store/arena.ts'
import { Nodes } from '../../../src/store/nodes.ts'
import {
  createStream,
  streamAppend,
  streamDelete,
  streamEdgeId,
  streamPageCount,
  streamRange,
  streamTrim,
} from '../../../src/store/stream.ts'
import { type EntryPairs, visitPairs } from '../../../src/store/stream-page.ts'
import type { ElementOut } from '../../../src/store/walk.ts'
import { DEFAULT_LIMITS } from '../../../src/types/builder.ts'
import { STREAM_PARTS } from '../../../src/types/stream.ts'
import { partsEncoding } from '../../../src/types/table.ts'
import type { ValueSource } from '../../../src/types/value-type.ts'

type Entry = [id: string, ...strings: string[]]
interface Model {
  id: StreamId
  entry: Entry
}
const { walk, clone } = partsEncoding(STREAM_PARTS)
const LIMITS = { bytes: 300, entries: 7 }

function pairsOf(strings: readonly string[]): EntryPairs {
  const ranges: number[] = []
  let at = 0
  for (const { length } of strings) {
    ranges.push(at, at + length)
    at += length
  }
  return { bytes: Buffer.from(strings.join(''), 'latin1'), ranges, count: strings.length / 2 }
}

/** Everything that a stream holds between two IDs. */
function contents(nodes: Nodes, root: number, from = STREAM_ID_MIN, to = STREAM_ID_MAX, back = false): Entry[] {
  const seen: Entry[] = []
  streamRange(nodes, root, from, to, back, (entry) => {
    const strings: string[] = []
    visitPairs(entry, (...both) => {
      for (const { bytes, start, end } of both) {
        strings.push(Buffer.from(bytes.subarray(start, end)).toString('latin1'))
      }
    })
    seen.push([idText(entry.id), ...strings])
    return true
  })
  return seen
}

class Subject {
  readonly nodes: Nodes
  root: number
  model: Model[]

  constructor(nodes: Nodes, root: number, model: Model[]) {
    this.nodes = nodes
    this.root = root
    this.model = model
  }

  get source(): ValueSource {
    return { nodes: this.nodes, root: this.root, encoding: 8, bytes: Buffer.alloc(0), start: 0, end: 0 }
  }

  own(): void {
    this.root = this.nodes.own(this.root)
  }

  add(id: StreamId, strings: string[]): void {
    this.own()
    streamAppend(this.nodes, this.root, id, pairsOf(strings), LIMITS)
    this.model.push({ id, entry: [idText(id), ...strings] })
  }

  delete(i: number): void {
    const [{ id }] = this.model.splice(i, 1)
    this.own()
    expect(streamDelete(this.nodes, this.root, id)).toBe(true)
    expect(streamDelete(this.nodes, this.root, id)).toBe(false)
  }

  trim(left: number, byId: boolean): void {
    this.own()
    const minId = this.model[this.model.length - left]?.id ?? STREAM_ID_MAX
    const removed = streamTrim(this.nodes, this.root, {
      maxLength: byId ? undefined : left,
      minId,
      approximate: false,
      limit: 0,
    })
    expect(removed).toBe(this.model.length - left)
    this.model.splice(0, removed)
  }

  /** Whole pages only: what is removed is the beginning, and less than a page too little. */
  trimAbout(left: number): void {
    this.own()
    const trim = { maxLength: left, minId: STREAM_ID_MIN, approximate: true, limit: 0 }
    const removed = streamTrim(this.nodes, this.root, trim)
    this.model.splice(0, removed)
    expect(this.model.length).toBeGreaterThanOrEqual(left)
    expect(this.model.length).toBeLessThan(left + LIMITS.entries)
  }

  check(): void {
    const { nodes, root, model } = this
    const all = model.map(({ entry }) => entry)
    expect(contents(nodes, root)).toEqual(all)
    expect(contents(nodes, root, STREAM_ID_MIN, STREAM_ID_MAX, true)).toEqual(all.toReversed())
    expect(nodes.count(root)).toBe(model.length)
    const [from, to] = [model.length >> 2, model.length >> 1]
    if (to < model.length) {
      expect(contents(nodes, root, model[from].id, model[to].id)).toEqual(all.slice(from, to + 1))
    }
    const first = streamEdgeId(nodes, root, false, makeStreamId())
    expect(idText(first)).toBe(model.length === 0 ? '0-0' : idText(model[0].id))
  }

  release(): void {
    const steps = walk(this.nodes, this.root, undefined, (h) => this.nodes.drop(0, h))
    while (!steps.next().done);
  }
}

/** What a walk writes, as bytes without lengths. */
class Sink implements ElementOut {
  readonly parts: Buffer[] = []
  length(n: number): void {
    this.parts.push(Buffer.from(`${n};`))
  }
  string(bytes: Uint8Array, start: number, end: number): void {
    this.parts.push(Buffer.from(bytes.subarray(start, end)))
  }
  begin(length: number): void {
    this.length(length)
  }
  part(bytes: Uint8Array, start: number, end: number): void {
    this.string(bytes, start, end)
  }
  double(): void {
    throw new Error('a stream has no doubles')
  }
}

function written(nodes: Nodes, root: number): Buffer {
  const sink = new Sink()
  const steps = walk(nodes, root, sink, () => {})
  while (!steps.next().done);
  return Buffer.concat(sink.parts)
}

const anyStep = fc.record({
  op: fc.constantFrom('add', 'add', 'add', 'delete', 'trim', 'about', 'walk', 'step', 'step', 'clone', 'dump'),
  where: fc.nat(100_000),
  jump: fc.constantFrom(0, 1, 1, 5, 2 ** 33),
  times: fc.integer({ min: 1, max: 60 }),
})

const stringsOf = (n: number): string[] => {
  const text = n % 37 === 0 ? 'x'.repeat(60_000) : n % 11 === 0 ? 'y'.repeat(400) : `v${n}`
  return n % 5 === 0 ? ['other', String(n), '', text] : ['field', text]
}

describe('a stream', () => {
  it('equals a model, in walks as of their beginning, and leaves nothing behind', () => {
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 40, size: 'max' }), (steps) => {
        const arena = new Arena()
        const nodes = new Nodes(arena)
        const subject = new Subject(nodes, createStream(nodes), [])
        const id = makeStreamId(0, 1, 0, 0)
        let walking: { steps: Generator<number>; sink: Sink; expected: Buffer } | undefined
        const stepWalk = (): void => {
          if (walking === undefined || !walking.steps.next().done) return
          expect(Buffer.concat(walking.sink.parts).equals(walking.expected)).toBe(true)
          nodes.endWalk()
          walking = undefined
        }
        for (const { op, where, jump, times } of steps) {
          const { length } = subject.model
          if (op === 'walk' && walking === undefined) {
            const expected = written(nodes, subject.root)
            nodes.beginWalk()
            const sink = new Sink()
            walking = { steps: walk(nodes, subject.root, sink, (h) => nodes.leave(h)), sink, expected }
          } else if (op === 'step') stepWalk()
          else if (op === 'add') {
            for (let i = 0; i < times; i++) {
              if (jump > 1) id.msLow += jump % 7
              if (jump > 5) id.msHigh++
              id.seqLow += 1 + (jump & 1)
              subject.add({ ...id }, stringsOf(where + i))
            }
          } else if (op === 'delete') {
            for (let i = Math.min(times, length); i > 0; i--) subject.delete((where + i * 7) % subject.model.length)
          } else if (op === 'trim') subject.trim(where % (length + 1), (where & 1) === 1)
          else if (op === 'about') subject.trimAbout(where % (length + 1))
          else if (op === 'clone') {
            const copy = new Subject(nodes, clone(nodes, subject.root), [...subject.model])
            expect(written(nodes, copy.root).equals(written(nodes, subject.root))).toBe(true)
            copy.add(makeStreamId(2 ** 31), ['only', 'in the copy'])
            copy.check()
            copy.release()
          } else if (op === 'dump') {
            const payload = dumpValue(STREAM_PARTS, subject.source, true)
            const content = readDump(payload, 0, payload.length, { build: { nodes, limits: DEFAULT_LIMITS } })
            if (content.fault !== undefined) throw new Error(content.message)
            const copy = new Subject(nodes, content.root, subject.model)
            copy.check()
            expect(written(nodes, copy.root).equals(written(nodes, subject.root))).toBe(true)
            copy.release()
          }
          subject.check()
        }
        while (walking !== undefined) stepWalk()
        subject.release()
        expect(arena.usedBytes).toBe(0)
        expect(arena.huge.usedBytes).toBe(0)
      }),
      { numRuns: 30 },
    )
  })

  it('takes up pages that are larger than its own, entry by entry', () => {
    const nodes = new Nodes(new Arena())
    const root = createStream(nodes)
    for (let i = 1; i < 100; i++) {
      streamAppend(nodes, root, makeStreamId(0, i), pairsOf(['f', 'z'.repeat(1000)]), { bytes: 0, entries: 0 })
    }
    expect(streamPageCount(nodes, root)).toBe(3)
  })
})

describe('a payload', () => {
  it('with any byte changed is read as a stream that keeps its order, or refused', () => {
    const arena = new Arena()
    const nodes = new Nodes(arena)
    const subject = new Subject(nodes, createStream(nodes), [])
    for (let i = 1; i < 12; i++)
      subject.add(makeStreamId(0, i, 0, i % 3), i % 4 === 0 ? ['a', 'b', 'c', 'd'] : ['f', `v${i}`])
    subject.delete(3)
    const payload = Buffer.from(dumpValue(STREAM_PARTS, subject.source, false))
    const used = arena.usedBytes
    for (let at = 1; at < payload.length - 10; at++) {
      for (const byte of [0, 1, 2, 0x7f, 0x80, 0xc1, 0xf1, 0xff, payload[at] ^ 1]) {
        const changed = Buffer.from(payload)
        changed[at] = byte
        const content = readDump(changed, 0, changed.length, {
          build: { nodes, limits: DEFAULT_LIMITS },
          verify: false,
        })
        if (content.fault === undefined) {
          let last: Readonly<StreamId> = STREAM_ID_MIN
          let count = 0
          streamRange(nodes, content.root, STREAM_ID_MIN, STREAM_ID_MAX, false, (entry) => {
            expect(compareIds(entry.id, last)).toBeGreaterThan(0)
            last = { ...entry.id }
            visitPairs(entry, () => {})
            count++
            return true
          })
          expect(nodes.count(content.root)).toBe(count)
          new Subject(nodes, content.root, []).release()
        }
        expect(arena.usedBytes).toBe(used)
      }
    }
  })
})
