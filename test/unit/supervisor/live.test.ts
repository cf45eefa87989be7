// The console's stream: whoever comes sees everything, and afterwards only what changed.
import type { ServerResponse } from 'node:http'
import { PassThrough } from 'node:stream'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { seededRandom } from '../../../src/lib/prng.ts'
import { type Core, createCore } from '../../../src/sentinel/core.ts'
import { type Entry, encodeEntry } from '../../../src/sentinel/entries.ts'
import { createLive, type Live } from '../../../src/supervisor/live.ts'
import type { Sentinel } from '../../../src/supervisor/sentinel.ts'

const at = (port: number) => ({ host: '10.0.0.1', port })
let core: Core
let live: Live
let nowMs: number

beforeEach(() => {
  vi.useFakeTimers()
  nowMs = 0
  const self = { peer: 'a', runId: 'a'.repeat(40), gossip: at(200), resp: at(100) }
  core = createCore({ self, groups: [], random: seededRandom(1), wallOffsetMs: 0 }, 0)
  live = createLive({ core, consensus: undefined } as unknown as Sentinel, false, () => nowMs)
  commit({ kind: 'monitor', group: 'm', primary: at(1), quorum: 1 })
})
afterEach(() => {
  live.stop()
  vi.useRealTimers()
})

const commit = (entry: Entry): void => void core.step(nowMs, { type: 'committed', data: encodeEntry(entry) })
const pass = (ms: number): void => {
  nowMs += ms
  vi.advanceTimersByTime(ms)
}

/** A reader: the events that it has got, as `name group`. */
function open(): { events(): string[]; leave(): void } {
  const pipe = new PassThrough()
  let text = ''
  const response = Object.assign(pipe, {
    writeHead: () => response,
    write: (piece: string) => {
      text += piece
      return true
    },
  }) as unknown as ServerResponse
  expect(live.stream.open(response)).toBe(true)
  return {
    events() {
      const events = [...text.matchAll(/event: (\w+)\ndata: (.*)\n/g)].map(([, name, data]) => {
        const parsed: unknown = data === '' ? undefined : JSON.parse(data!)
        return `${name} ${typeof parsed === 'string' ? parsed : ((parsed as { name?: string })?.name ?? '')}`.trim()
      })
      text = ''
      return events
    },
    leave: () => void pipe.emit('close'),
  }
}

it('tells all at first, then what changed, at once when it is poked', () => {
  const reader = open()
  expect(reader.events()).toEqual(['quorum', 'group m'])
  pass(1_000)
  expect(reader.events()).toEqual([])
  commit({ kind: 'monitor', group: 'n', primary: at(2), quorum: 1 })
  live.poke()
  pass(5)
  expect(reader.events()).toEqual(['group n'])
  commit({ kind: 'remove', group: 'm' })
  pass(500)
  expect(reader.events()).toEqual(['gone m'])
})

it('says that the line stands when nothing happens', () => {
  const reader = open()
  reader.events()
  pass(10_500)
  expect(reader.events()).toEqual(['idle'])
})

it('looks at nothing while nobody reads', () => {
  const reader = open()
  reader.leave()
  live.poke()
  expect(vi.getTimerCount()).toBe(0)
})

it('gives the same picture to whoever asks', () => {
  expect(live.picture().map(({ name }) => name)).toEqual(['quorum', 'group'])
  const group = JSON.parse(live.picture()[1]!.data)
  expect(group).toMatchObject({ name: 'm', downVotes: [], historyEpoch: 0 })
  expect(group.outlook).toMatchObject({ winner: null, candidates: [] })
})
