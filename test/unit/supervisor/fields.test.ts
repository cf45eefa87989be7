// The fields of a failover under way, in the places where redis-sentinel 7.0.15 has them (looked up in a running one).
import { expect, it } from 'vitest'
import { seededRandom } from '../../../src/lib/prng.ts'
import { createCore } from '../../../src/sentinel/core.ts'
import { type Entry, encodeEntry } from '../../../src/sentinel/entries.ts'
import { groupOf } from '../../../src/sentinel/formation.ts'
import { masterFields, replicaFields, replicasOf, type Shown } from '../../../src/supervisor/commands/fields.ts'

const at = (port: number) => ({ host: '10.0.0.1', port })
const host: Shown = { shownHost: (ref) => ref.host, sentinel: { links: { pending: () => 0 } } }
const base = { group: 'm', epoch: 1, atMs: 0, reason: '' } as const

it('tells how far a failover is on the primary, and which replica is promoted', () => {
  const core = createCore(
    {
      self: { peer: 'a', runId: 'a'.repeat(40), gossip: at(200), resp: at(100) },
      groups: [],
      random: seededRandom(1),
      wallOffsetMs: 0,
      group: groupOf(['a']),
    },
    0,
  )
  let nowMs = 0
  const commit = (entry: Entry): void => {
    nowMs += 10
    core.step(nowMs, { type: 'committed', data: encodeEntry(entry) })
  }
  const shown = () => {
    const group = core.state.groups.get('m')!
    const master = masterFields(core.state, group, host, nowMs)
    const replica = replicaFields(core.state, group, replicasOf(group)[0]!, host, nowMs)
    const of = (fields: typeof master, name: string) => fields.find(([field]) => field === name)?.[1]
    return [of(master, 'failover-state'), of(replica, 'failover-state'), of(replica, 'flags')]
  }
  core.step(0, { type: 'raft', view: { term: 1, leader: 'a', isLeader: true, voters: ['a'], learners: [] } })
  commit({ kind: 'monitor', group: 'm', primary: at(1), quorum: 1 })
  commit({ kind: 'replica', group: 'm', replica: at(2) })
  for (const port of [1, 2]) {
    core.step(nowMs, { type: 'link-up', ref: { group: 'm', ...at(port) }, local: '10.0.0.9' })
    core.step(nowMs, { type: 'pong', ref: { group: 'm', ...at(port) }, text: 'PONG' })
  }
  expect(shown()).toEqual([undefined, undefined, 'slave'])

  for (const failure of ['reset', 'refused'] as const)
    core.step(nowMs, { type: 'link-down', ref: { group: 'm', ...at(1) }, failure })
  const names = masterFields(core.state, core.state.groups.get('m')!, host, nowMs).map(([name]) => name)
  expect(names.slice(names.indexOf('last-ping-reply'), names.indexOf('info-refresh'))).toEqual([
    'last-ping-reply',
    's-down-time',
    'o-down-time',
    'down-after-milliseconds',
  ])

  commit({ ...base, kind: 'start', old: at(1), planned: false, by: 'a' })
  expect(shown()).toEqual(['select_slave', undefined, 'slave'])
  commit({ ...base, kind: 'choose', replica: at(2) })
  // This leader did not propose the choice itself, so it looks at the candidate afresh before it gives the order.
  expect(shown()).toEqual(['send_slaveof_noone', undefined, 'slave,promoted'])
  commit({ ...base, kind: 'switch' })
  // The new address is never shown together with a failover in progress.
  expect(shown()).toEqual([undefined, undefined, 's_down,slave,disconnected'])
})
