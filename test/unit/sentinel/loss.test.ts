// The upper bound of a loss: what the old primary was seen to have and may have written since, less what the new one has.
import { beforeEach, expect, it } from 'vitest'
import { createHold, createRun, type FailoverRun } from '../../../src/sentinel/failover-run.ts'
import { parseInfo, type ServerInfo } from '../../../src/sentinel/info.ts'
import { lostBytesMax } from '../../../src/sentinel/loss.ts'
import { DEFAULT_SETTINGS, type GroupSettings } from '../../../src/sentinel/settings.ts'
import { apply, createTopology, type Failover, type TopologyGroup } from '../../../src/sentinel/topology.ts'
import { createWatched, noteInfo, type Watched } from '../../../src/sentinel/watched.ts'

const at = (port: number) => ({ host: '10.0.0.1', port })
let old: Watched
let heir: Watched
let other: Watched
let run: FailoverRun
let failover: Failover
let topo: TopologyGroup
let writeMode: GroupSettings['writeMode']

const info = (role: ServerInfo['role'], offset: number, more: Partial<ServerInfo> = {}): ServerInfo => ({
  ...parseInfo(''),
  role,
  offset,
  replId: 'h',
  ...more,
})
const hear = (server: Watched, nowMs: number, said: ServerInfo): void => {
  server.infoAsks.push(nowMs)
  noteInfo(server, nowMs, said)
}
const promoted = (offset: number): ServerInfo =>
  info('primary', offset + 5, { replId: 'h2', parent: { replId: 'h', offset } })
const bound = (nowMs: number): number | undefined => {
  const servers = new Map([old, heir, other].map((one) => [one.key, one]))
  const settings = { ...DEFAULT_SETTINGS, writeMode }
  const base = { nowMs, topo, failover, settings, servers, ballot: { down: 1, enough: true } }
  return lostBytesMax(run, { ...base, leaseOverMs: Number.NEGATIVE_INFINITY, reconfMs: 10_000 }, heir)
}

beforeEach(() => {
  ;[old, heir, other] = [1, 2, 3].map((port) => createWatched('m', at(port), 0)) as [Watched, Watched, Watched]
  const topology = createTopology()
  apply(topology, { kind: 'monitor', group: 'm', primary: at(1), quorum: 1 })
  apply(topology, { kind: 'start', group: 'm', old: at(1), after: 0, planned: false, by: 'a', reason: '', atMs: 0 })
  topo = topology.groups.get('m')!
  failover = topo.failover!
  writeMode = 'async'
  run = createRun(failover, 0, 0, true)
})

it('is what an idle primary was seen to have more', () => {
  hear(old, 0, info('primary', 1_000))
  hear(old, 1_000, info('primary', 1_000))
  hear(heir, 1_500, promoted(900))
  expect(bound(2_000)).toBe(100)
  hear(heir, 1_600, promoted(1_000))
  expect(bound(2_000)).toBe(0)
})

it('takes a silent primary to have gone on at its pace, and a dead one only until it was lost', () => {
  hear(old, 0, info('primary', 0))
  hear(old, 1_000, info('primary', 2_000))
  hear(heir, 1_500, promoted(2_000))
  expect(bound(1_500)).toBe(1_000)
  old.judgement = { verdict: 'dead', why: '' }
  old.detector.waitingSinceMs = 1_100
  expect(bound(1_500)).toBe(200)
})

it('takes a silent primary with a lease to have gone on until that had run out', () => {
  hear(old, 0, info('primary', 0))
  hear(old, 1_000, info('primary', 2_000))
  hear(heir, 1_500, promoted(2_000))
  run.fenceMs = 1_200
  expect(bound(1_500)).toBe(1_000)
  topo.lease = { key: 'k' } as NonNullable<TopologyGroup['lease']>
  expect(bound(1_500)).toBe(400)
})

it('is nothing of what was acknowledged in `sync` mode, unless an operator allowed for it', () => {
  hear(old, 0, info('primary', 1_000))
  hear(heir, 500, promoted(900))
  topo.lease = { key: 'k' } as NonNullable<TopologyGroup['lease']>
  writeMode = 'sync'
  expect(bound(700)).toBe(0)
  failover = { ...failover, lossAllowed: true }
  expect(bound(700)).toBe(100)
})

it('counts what another replica was seen to have more', () => {
  hear(old, 0, info('primary', 1_000))
  hear(other, 500, info('replica', 1_700))
  hear(heir, 600, promoted(1_200))
  expect(bound(700)).toBe(500)
})

it('is nothing when offsets were compared while no write was taken', () => {
  hear(old, 0, info('primary', 9_000))
  hear(heir, 500, promoted(1_000))
  run.hold = { ...createHold(0), comparedMs: 400 }
  expect(bound(700)).toBe(0)
})

it('is not known when the new primary has another history, or the old one was never heard', () => {
  hear(heir, 500, promoted(1_000))
  expect(bound(700)).toBeUndefined()
  hear(old, 600, info('primary', 1_000, { replId: 'elsewhere' }))
  expect(bound(700)).toBeUndefined()
})
