// The metrics of a running sentinel: what its state says now, and each failover once.
import { beforeEach, expect, it } from 'vitest'
import { createMemoryStore } from '../../../src/io/state/store.ts'
import { seededRandom } from '../../../src/lib/prng.ts'
import { type Core, createCore } from '../../../src/sentinel/core.ts'
import { type Entry, encodeEntry } from '../../../src/sentinel/entries.ts'
import { createObserver, type Observer } from '../../../src/supervisor/observe.ts'
import type { Sentinel } from '../../../src/supervisor/sentinel.ts'

const at = (port: number) => ({ host: '10.0.0.1', port })
let core: Core
let observer: Observer

beforeEach(() => {
  core = createCore(
    {
      self: { peer: 'a', runId: 'a'.repeat(40), gossip: at(200), resp: at(100) },
      groups: [],
      random: seededRandom(1),
      wallOffsetMs: 0,
    },
    0,
  )
  const sentinel = { core, consensus: undefined } as unknown as Sentinel
  observer = createObserver({
    sentinel,
    store: createMemoryStore(),
    transport: () => undefined,
    expiries: () => new Map([['tls-cert-file', 5_000]]),
  })
  commit({ kind: 'monitor', group: 'a', primary: at(1), quorum: 1 })
  commit({ kind: 'monitor', group: 'b', primary: at(2), quorum: 1 })
})

const commit = (entry: Entry): void => void core.step(0, { type: 'committed', data: encodeEntry(entry) })
const start = (group: string, epoch: number): void =>
  commit({ kind: 'start', group, epoch, old: at(group === 'a' ? 1 : 2), planned: false, by: 'a', atMs: 0, reason: '' })
const abort = (group: string, epoch: number): void =>
  commit({ kind: 'abort', group, epoch, cause: 'no-good-slave', atMs: 0, reason: '' })

async function scrape(): Promise<string[]> {
  observer.collect(0)
  return (await observer.registry.metrics()).split('\n')
}

it('counts a failover that ends after one with a later epoch in another group', async () => {
  const failovers = async () => (await scrape()).filter((line) => /^vedette_sentinel_failovers_total/.test(line))
  start('a', 1)
  start('b', 2)
  abort('b', 2)
  expect(await failovers()).toEqual([
    'vedette_sentinel_failovers_total{group="b",kind="automatic",reason="unknown",result="no-good-slave"} 1',
  ])
  abort('a', 1)
  expect((await failovers()).sort()).toEqual([
    'vedette_sentinel_failovers_total{group="a",kind="automatic",reason="unknown",result="no-good-slave"} 1',
    'vedette_sentinel_failovers_total{group="b",kind="automatic",reason="unknown",result="no-good-slave"} 1',
  ])
})

it('forgets the state of a group that is no longer monitored', async () => {
  const gauges = async (group: string) =>
    (await scrape())
      .filter((line) => line.includes(`group="${group}"`) && !/_total\{|_bucket\{|_sum\{|_count\{/.test(line))
      .map((line) => line.slice(0, line.indexOf('{')))
  start('b', 1)
  abort('b', 1)
  expect(await gauges('b')).toContain('vedette_sentinel_group_objectively_down')
  commit({ kind: 'remove', group: 'b' })
  expect(await gauges('b')).toEqual([])
  expect(await gauges('a')).toContain('vedette_sentinel_group_quorum')
})

it('says how many sentinels are left, and that nobody could take over', async () => {
  const lines = (await scrape()).filter((line) =>
    /^vedette_sentinel_group_(sentinels|promotable|has_leader).*"a"/.test(line),
  )
  expect(lines.map((line) => line.replace('vedette_sentinel_group_', ''))).toEqual([
    'has_leader{group="a"} 0',
    'sentinels_voting{group="a"} 1',
    'sentinels_usable{group="a"} 1',
    'sentinels_needed{group="a"} 1',
    'promotable_replicas{group="a"} 0',
  ])
})

it('tells the phases of a failover, its kind and reason, and what it lost at most', async () => {
  const account = {
    cause: 'dead',
    laps: [
      { phase: 'commit', ms: 3 },
      { phase: 'promote', ms: 20 },
      { phase: 'commit', ms: 4 },
    ],
    candidates: [],
    lostBytesMax: 17,
  } as const
  start('a', 1)
  commit({ kind: 'abort', group: 'a', epoch: 1, cause: 'slave-timeout', atMs: 0, reason: '', account })
  const lines = (await scrape()).filter((line) => line.includes('group="a"'))
  expect(lines).toContain(
    'vedette_sentinel_failovers_total{group="a",kind="automatic",reason="dead",result="slave-timeout"} 1',
  )
  expect(lines).toContain('vedette_sentinel_failover_phase_seconds_sum{group="a",phase="commit"} 0.007')
  expect(lines).toContain('vedette_sentinel_failover_phase_seconds_count{group="a",phase="promote"} 1')
  expect(lines).toContain('vedette_sentinel_failover_lost_bytes_total{group="a"} 17')
})

it('counts the time without a primary from its last sign of life on', async () => {
  const ref = { group: 'a', ...at(1) }
  const feed = (nowMs: number, input: Parameters<Core['step']>[1]): void => void core.step(nowMs, input)
  const absence = async (nowMs: number): Promise<number> => {
    observer.collect(nowMs)
    const line = (await observer.registry.metrics()).split('\n').find((one) => /unavailable.*"a"/.test(one))
    return Number(line?.split(' ').at(-1))
  }
  feed(0, { type: 'link-up', ref, local: '10.0.0.9' })
  feed(5, { type: 'pong', ref, text: 'PONG' })
  feed(100, { type: 'link-down', ref, failure: 'reset' })
  feed(120, { type: 'link-down', ref, failure: 'refused' })
  expect(await absence(150)).toBeCloseTo(0.05)
  feed(300, { type: 'tick' })
  feed(400, { type: 'link-up', ref, local: '10.0.0.9' })
  feed(405, { type: 'pong', ref, text: 'PONG' })
  expect(await absence(900)).toBeCloseTo(0.3)
})
