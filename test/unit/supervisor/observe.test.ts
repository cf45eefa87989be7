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
  observer = createObserver({ sentinel, store: createMemoryStore(), transport: () => undefined })
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
  expect(await failovers()).toEqual(['vedette_sentinel_failovers_total{group="b",result="no-good-slave"} 1'])
  abort('a', 1)
  expect((await failovers()).sort()).toEqual([
    'vedette_sentinel_failovers_total{group="a",result="no-good-slave"} 1',
    'vedette_sentinel_failovers_total{group="b",result="no-good-slave"} 1',
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
