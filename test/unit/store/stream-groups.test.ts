// Consumer groups against maps: who has which entry pending must be what the model says, in the group and with each consumer;
// walks (snapshots) must see what was there when they began, copies and payloads must be whole, and in the end no block may be left.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { dumpValue, readDump } from '../../../src/codec/dump.ts'
import { compareIds, idText, makeStreamId, STREAM_ID_MIN } from '../../../src/lib/stream-id.ts'
import { Arena } from '../../../src/store/arena.ts'
import { type NodeBytes, Nodes } from '../../../src/store/nodes.ts'
import { createStream, setStreamLastId } from '../../../src/store/stream.ts'
import {
  consumerNumber,
  consumerPending,
  createConsumer,
  createGroup,
  deleteConsumer,
  destroyGroup,
  findConsumer,
  findGroup,
  groupConsumers,
  groupPending,
  groupToChange,
  lastPending,
  nameOf,
  READ_UNKNOWN,
  removePending,
  setPending,
  visitConsumerPending,
  visitConsumers,
  visitGroups,
  visitPending,
} from '../../../src/store/stream-groups.ts'
import type { ElementOut } from '../../../src/store/walk.ts'
import { DEFAULT_LIMITS } from '../../../src/types/builder.ts'
import { STREAM_PARTS } from '../../../src/types/stream.ts'
import { partsEncoding } from '../../../src/types/table.ts'

/** By group and consumer: pending IDs with their number of deliveries. */
type Model = Map<string, Map<string, Map<number, number>>>
const { walk, clone } = partsEncoding(STREAM_PARTS)
const nameFor = (text: string): NodeBytes => ({ bytes: Buffer.from(text, 'latin1'), start: 0, end: text.length })
const textOf = (nodes: Nodes, h: number): string => {
  const { bytes, start, end } = nameOf(nodes, h, nameFor(''))
  return bytes.toString('latin1', start, end)
}
const idOf = (n: number) => makeStreamId(0, 1 + (n >> 3), 0, n & 7)
const numberOf = (text: string): number => (Number(text.split('-')[0]) - 1) * 8 + Number(text.split('-')[1])

/** What is there, as the model has it. */
function contents(nodes: Nodes, root: number): Model {
  const model: Model = new Map()
  visitGroups(nodes, root, (group) => {
    const consumers = new Map<string, Map<number, number>>()
    const byNumber = new Map<number, Map<number, number>>()
    visitConsumers(nodes, group, (consumer) => {
      const ids = new Map<number, number>()
      visitConsumerPending(nodes, consumer, STREAM_ID_MIN, (id) => {
        ids.set(numberOf(idText(id)), -1)
        return true
      })
      expect(ids.size).toBe(consumerPending(nodes, consumer))
      consumers.set(textOf(nodes, consumer), ids)
      byNumber.set(consumerNumber(nodes, consumer), ids)
    })
    let total = 0
    let last = { ...STREAM_ID_MIN }
    visitPending(nodes, group, STREAM_ID_MIN, ({ id, consumer, deliveries, atMs }) => {
      // Thrown and not expected: there are very many of these.
      if (compareIds(id, last) < 0) throw new Error('pending entries are not in order')
      last = { ...id }
      const n = numberOf(idText(id))
      if (byNumber.get(consumer)?.get(n) !== -1) throw new Error(`${n} is not with its consumer`)
      byNumber.get(consumer)?.set(n, deliveries)
      if (atMs !== n * 1000) throw new Error(`${n} has another time`)
      total++
      return true
    })
    expect(total).toBe(groupPending(nodes, group))
    if (total > 0) expect(lastPending(nodes, group, makeStreamId())).toEqual(last)
    expect(consumers.size).toBe(groupConsumers(nodes, group))
    model.set(textOf(nodes, group), consumers)
  })
  return model
}

const sorted = (model: Model): unknown =>
  [...model]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([group, consumers]) => [
      group,
      [...consumers]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([name, ids]) => [name, [...ids].sort(([a], [b]) => a - b)]),
    ])

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

function written(nodes: Nodes, root: number): string {
  const sink = new Sink()
  const steps = walk(nodes, root, sink, () => {})
  while (!steps.next().done);
  return Buffer.concat(sink.parts).toString('latin1')
}

const anyStep = fc.record({
  op: fc.constantFrom('set', 'set', 'set', 'set', 'ack', 'ack', 'consumer', 'group', 'walk', 'step', 'clone', 'dump'),
  group: fc.constantFrom('g', 'group two', 'a'),
  consumer: fc.constantFrom('alice', 'bob', 'carol', ''),
  where: fc.nat(2000),
  times: fc.integer({ min: 1, max: 150 }),
})

describe('consumer groups', () => {
  it('equal a model, in walks as of their beginning, and leave nothing behind', () => {
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 60, size: 'max' }), (steps) => {
        const arena = new Arena()
        const nodes = new Nodes(arena)
        let root = createStream(nodes)
        setStreamLastId(nodes, root, makeStreamId(1))
        const model: Model = new Map()
        let walking: { steps: Generator<number>; sink: Sink; expected: string } | undefined
        const stepWalk = (): void => {
          if (walking === undefined || !walking.steps.next().done) return
          expect(Buffer.concat(walking.sink.parts).toString('latin1')).toBe(walking.expected)
          nodes.endWalk()
          walking = undefined
        }
        const release = (h: number): void => {
          const walkOver = walk(nodes, h, undefined, (node) => nodes.drop(0, node))
          while (!walkOver.next().done);
        }
        /** The group and the consumer, made if need be, to change. */
        const ready = (name: string, consumerName: string): { group: number; number: number } => {
          root = nodes.own(root)
          if (findGroup(nodes, root, nameFor(name)) === 0) {
            createGroup(nodes, root, nameFor(name), makeStreamId(0, 5), READ_UNKNOWN)
            expect(createGroup(nodes, root, nameFor(name), makeStreamId(), 0n)).toBe(0)
            model.set(name, new Map())
          }
          const group = groupToChange(nodes, root, nameFor(name))
          let consumer = findConsumer(nodes, group, nameFor(consumerName))
          if (consumer === 0) {
            consumer = createConsumer(nodes, root, group, nameFor(consumerName), 12)
            model.get(name)!.set(consumerName, new Map())
          }
          return { group, number: consumerNumber(nodes, consumer) }
        }
        for (const { op, group: name, consumer: consumerName, where, times } of steps) {
          const consumers = model.get(name)
          if (op === 'walk' && walking === undefined) {
            const expected = written(nodes, root)
            nodes.beginWalk()
            const sink = new Sink()
            walking = { steps: walk(nodes, root, sink, (h) => nodes.leave(h)), sink, expected }
          } else if (op === 'step') stepWalk()
          else if (op === 'set') {
            const { group, number } = ready(name, consumerName)
            for (let i = 0; i < times; i++) {
              const n = (where + i * 3) % 2000
              setPending(nodes, root, group, { id: idOf(n), consumer: number, deliveries: times, atMs: n * 1000 })
              for (const ids of model.get(name)!.values()) ids.delete(n)
              model.get(name)!.get(consumerName)!.set(n, times)
            }
          } else if (op === 'ack' && consumers !== undefined) {
            const { group } = ready(name, consumerName)
            for (let i = 0; i < times; i++) {
              const n = (where + i) % 2000
              const was = [...model.get(name)!.values()].filter((ids) => ids.delete(n)).length
              expect(removePending(nodes, root, group, idOf(n))).toBe(was === 1)
            }
          } else if (op === 'consumer' && consumers?.has(consumerName)) {
            const { group } = ready(name, consumerName)
            deleteConsumer(nodes, root, group, nameFor(consumerName))
            consumers.delete(consumerName)
          } else if (op === 'group' && consumers !== undefined && times < 30) {
            root = nodes.own(root)
            destroyGroup(nodes, root, nameFor(name))
            model.delete(name)
          } else if (op === 'clone') {
            const copy = clone(nodes, root)
            expect(written(nodes, copy)).toBe(written(nodes, root))
            release(copy)
          } else if (op === 'dump') {
            const source = { nodes, root, encoding: 8, bytes: Buffer.alloc(0), start: 0, end: 0 }
            const payload = dumpValue(STREAM_PARTS, source, true)
            const content = readDump(payload, 0, payload.length, { build: { nodes, limits: DEFAULT_LIMITS } })
            if (content.fault !== undefined) throw new Error(content.message)
            expect(sorted(contents(nodes, content.root))).toEqual(sorted(model))
            expect(written(nodes, content.root)).toBe(written(nodes, root))
            release(content.root)
          }
          expect(sorted(contents(nodes, root))).toEqual(sorted(model))
        }
        while (walking !== undefined) stepWalk()
        release(root)
        expect(arena.usedBytes).toBe(0)
      }),
      { numRuns: 40 },
    )
  })

  it('in a payload with any byte changed are read whole, or refused', () => {
    const arena = new Arena()
    const nodes = new Nodes(arena)
    const root = createStream(nodes)
    const group = createGroup(nodes, root, nameFor('group'), makeStreamId(0, 9), 3n)
    for (const name of ['one', 'two']) {
      const number = consumerNumber(nodes, createConsumer(nodes, root, group, nameFor(name), 5))
      for (let n = 0; n < 3; n++) {
        setPending(nodes, root, group, { id: idOf(number * 10 + n), consumer: number, deliveries: n, atMs: 0 })
      }
    }
    const source = { nodes, root, encoding: 8, bytes: Buffer.alloc(0), start: 0, end: 0 }
    const payload = Buffer.from(dumpValue(STREAM_PARTS, source, false))
    const used = arena.usedBytes
    for (let at = 1; at < payload.length - 10; at++) {
      for (const byte of [0, 1, 2, 3, 0x40, 0x80, 0x81, 0xc1, 0xff]) {
        const changed = Buffer.from(payload)
        changed[at] = byte
        const content = readDump(changed, 0, changed.length, {
          build: { nodes, limits: DEFAULT_LIMITS },
          verify: false,
        })
        if (content.fault === undefined) {
          visitGroups(nodes, content.root, (read) => {
            let pending = 0
            visitConsumers(nodes, read, (consumer) => {
              pending += consumerPending(nodes, consumer)
            })
            expect(groupPending(nodes, read)).toBe(pending)
          })
          const walkOver = walk(nodes, content.root, undefined, (node) => nodes.drop(0, node))
          while (!walkOver.next().done);
        }
        expect(arena.usedBytes).toBe(used)
      }
    }
  })
})
