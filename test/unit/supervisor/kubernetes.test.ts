// What the slice of the primary Service says, from the start of a switchover to its end.
import { expect, it } from 'vitest'
import { seededRandom } from '../../../src/lib/prng.ts'
import { createCore } from '../../../src/sentinel/core.ts'
import { type Entry, encodeEntry } from '../../../src/sentinel/entries.ts'
import { groupOf } from '../../../src/sentinel/formation.ts'
import type { Consensus } from '../../../src/supervisor/consensus.ts'
import { primarySlice } from '../../../src/supervisor/kubernetes.ts'

const at = (port: number) => ({ host: '10.0.0.1', port })
const base = { group: 'm', epoch: 1, atMs: 0, reason: '' } as const

it('leads to whoever is named, and waits neither for the end of a switchover nor for the replicas', () => {
  const self = { peer: 'a', runId: 'a'.repeat(40), gossip: at(200), resp: at(100) }
  const core = createCore(
    { self, groups: [], random: seededRandom(1), wallOffsetMs: 0, group: groupOf(['a', 'b', 'c']) },
    0,
  )
  let leads = true
  const consensus = { isLeader: () => leads } as Consensus
  const slice = () => primarySlice({ core, consensus }, 'm')
  let nowMs = 0
  const commit = (entry: Entry): void => {
    nowMs += 10
    core.step(nowMs, { type: 'committed', data: encodeEntry(entry) })
  }
  expect(slice()).toBeUndefined()
  commit({ kind: 'monitor', group: 'm', primary: at(1), quorum: 1 })
  commit({ kind: 'replica', group: 'm', replica: at(2) })
  for (const port of [1, 2]) {
    core.step(nowMs, { type: 'link-up', ref: { group: 'm', ...at(port) }, local: '10.0.0.9' })
    core.step(nowMs, { type: 'pong', ref: { group: 'm', ...at(port) }, text: 'PONG' })
  }
  expect(slice()?.endpoints).toEqual([{ ...at(1), ready: true }])
  commit({ ...base, kind: 'start', old: at(1), planned: true, by: 'a' })
  commit({ ...base, kind: 'choose', replica: at(2) })
  expect(slice()).toEqual({ epoch: 0, endpoints: [{ ...at(1), ready: true }] })
  commit({ ...base, kind: 'switch' })
  expect(slice()).toEqual({ epoch: 1, endpoints: [{ ...at(2), ready: true }] })
  leads = false
  expect(slice()).toBeUndefined()
})

it('leads nobody to a primary that a quorum finds down', () => {
  const self = { peer: 'a', runId: 'a'.repeat(40), gossip: at(200), resp: at(100) }
  const core = createCore({ self, groups: [], random: seededRandom(1), wallOffsetMs: 0, group: groupOf(['a']) }, 0)
  const consensus = { isLeader: () => true } as Consensus
  core.step(0, { type: 'raft', view: { term: 1, leader: 'a', level: 1, isLeader: true, voters: ['a'], learners: [] } })
  const entry: Entry = { kind: 'monitor', group: 'm', primary: at(1), quorum: 1 }
  core.step(0, { type: 'committed', data: encodeEntry(entry) })
  const ref = { group: 'm', ...at(1) }
  core.step(1, { type: 'link-up', ref, local: '10.0.0.9' })
  core.step(1, { type: 'pong', ref, text: 'PONG' })
  for (const failure of ['reset', 'refused'] as const) core.step(2, { type: 'link-down', ref, failure })
  expect(primarySlice({ core, consensus }, 'm')?.endpoints).toEqual([{ ...at(1), ready: false }])
})
