// Whether the old primary can take writes still: what a refused connection is worth depends on what the replicas say.
import { beforeEach, expect, it } from 'vitest'
import { createRun, type Decision, type FailoverRun } from '../../../src/sentinel/failover-run.ts'
import { isFenced } from '../../../src/sentinel/fence.ts'
import { parseInfo } from '../../../src/sentinel/info.ts'
import { DEFAULT_SETTINGS } from '../../../src/sentinel/settings.ts'
import { apply, createTopology, type Failover, type TopologyGroup } from '../../../src/sentinel/topology.ts'
import { createWatched, noteInfo, type Watched } from '../../../src/sentinel/watched.ts'

const DEAD_MS = 1_000
const LEASE_OVER_MS = 2_000
const at = (port: number) => ({ host: '10.0.0.1', port })
let old: Watched
let replica: Watched
let topo: TopologyGroup
let failover: Failover
let run: FailoverRun
let out: Decision[]

const hear = (askedMs: number, linkUp: boolean): void => {
  replica.infoAsks.push(askedMs)
  noteInfo(replica, askedMs, { ...parseInfo(''), role: 'replica', primary: at(1), linkUp })
}

function fenced(nowMs: number): boolean {
  const servers = new Map([old, replica].map((one) => [one.key, one]))
  const facts = { topo, failover, settings: DEFAULT_SETTINGS, servers, ballot: { down: 1, enough: true } }
  return isFenced(run, { ...facts, nowMs, leaseOverMs: LEASE_OVER_MS, reconfMs: 10_000 }, out)
}

beforeEach(() => {
  ;[old, replica] = [1, 2].map((port) => createWatched('m', at(port), 0)) as [Watched, Watched]
  replica.link = 'up'
  old.judgement = { verdict: 'dead', why: '' }
  old.sdownSinceMs = DEAD_MS
  const topology = createTopology()
  apply(topology, { kind: 'monitor', group: 'm', primary: at(1), quorum: 1 })
  apply(topology, { kind: 'start', group: 'm', old: at(1), after: 0, planned: false, by: 'a', reason: '', atMs: 0 })
  topo = topology.groups.get('m')!
  failover = topo.failover!
  run = createRun(failover, DEAD_MS, DEAD_MS, true)
  out = []
})

it('is certain at once of a process that is gone', () => {
  hear(DEAD_MS + 10, false)
  expect(fenced(DEAD_MS + 20)).toBe(true)
  expect(run.fenceMs).toBe(DEAD_MS)
})

it('waits for the lease of one that a replica has its link to still: somebody refused in its name', () => {
  hear(DEAD_MS + 5, true)
  expect(fenced(DEAD_MS + 10)).toBe(false)
  expect(run.fenceMs).toBe(undefined)
  expect(out).toContainEqual({ do: 'info', server: replica })
  expect(out).toContainEqual({ do: 'wake', atMs: LEASE_OVER_MS })
  expect(fenced(LEASE_OVER_MS)).toBe(true)
  expect(run.fenceMs).toBe(LEASE_OVER_MS)
})

it('asks a replica that was not heard since', () => {
  hear(DEAD_MS - 50, false)
  expect(fenced(DEAD_MS + 10)).toBe(false)
  expect(out).toContainEqual({ do: 'info', server: replica })
  replica.link = 'down'
  expect(fenced(DEAD_MS + 20)).toBe(true)
})

it('does not wait for a link that breaks a moment later', () => {
  hear(DEAD_MS + 5, true)
  expect(fenced(DEAD_MS + 6)).toBe(false)
  hear(DEAD_MS + 7, false)
  expect(fenced(DEAD_MS + 8)).toBe(true)
})
