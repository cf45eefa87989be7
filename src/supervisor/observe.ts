// The sentinel's metrics: gauges are set from its state when somebody asks, counters and histograms as things happen. Loaded
// only once there is an HTTP port, and after watching has begun.
import type { Registry } from 'prom-client'
import type { StateStore } from '../io/state/store.ts'
import type { PeerTransport } from '../io/transport.ts'
import { createSentinelMetrics, type SentinelMetrics } from '../metrics/sentinel-metrics.ts'
import { createRegistry, setTotal } from '../metrics/table.ts'
import { phaseMs } from '../sentinel/account.ts'
import { addressKey, sameAddress } from '../sentinel/address.ts'
import { isDown } from '../sentinel/detector.ts'
import { unavailableMs } from '../sentinel/group.ts'
import { pausedUntil } from '../sentinel/maintenance.ts'
import { type CoreState, type GroupState, topoOf } from '../sentinel/state.ts'
import type { FailoverRecord } from '../sentinel/topology.ts'
import { count } from '../sentinel/votes.ts'
import { kindOf, tookMs } from './history.ts'
import { promotable, quorumState } from './outlook.ts'
import type { Sentinel } from './sentinel.ts'

export interface Observer {
  readonly registry: Registry
  /** Notes an event that the sentinel published. */
  note(name: string, payload: string): void
  /** Notes how long a ping took, ms. */
  notePing(group: string, ms: number): void
  /** Notes how long another sentinel took to answer a heartbeat, ms. */
  noteHeartbeat(peer: string, ms: number): void
  /** Brings the gauges up to date; call before reading the registry. */
  collect(nowMs: number): void
}

export interface Observed {
  readonly sentinel: Sentinel
  readonly store: StateStore
  readonly transport: () => PeerTransport | undefined
  /** Unix times in milliseconds at which certificates expire, by option. */
  readonly expiries: () => ReadonlyMap<string, number>
}

/** Makes the metrics of a running sentinel. Failovers that were over before are not counted. */
export function createObserver({ sentinel, store, transport, expiries }: Observed): Observer {
  const registry = createRegistry()
  const metrics = createSentinelMetrics(registry)
  const core = sentinel.core.state
  const epochAtStart = core.topology.epoch
  const termAtStart = sentinel.consensus?.status().term ?? 0
  /** Epoch of the last failover that was counted, by group: those of two groups need not end in the order of their epochs. */
  const counted = new Map<string, number>()

  /** Counts what was added to the histories. */
  function countFailovers(): void {
    for (const { name, history } of core.topology.groups.values()) {
      for (const record of history) {
        if (record.epoch <= (counted.get(name) ?? epochAtStart)) continue
        counted.set(name, record.epoch)
        countFailover(metrics, name, record)
      }
    }
    for (const name of counted.keys()) {
      if (core.topology.groups.has(name)) continue
      counted.delete(name)
      metrics.lastFailoverTimestamp.remove({ group: name })
    }
  }

  return {
    registry,
    note(name, payload) {
      if (name !== '+sdown' && name !== '-sdown') return
      const [kind, group] = payload.split(' ')
      if (kind === 'master' && group !== undefined)
        metrics.verdicts.inc({ group, verdict: name === '+sdown' ? 'down' : 'up' })
    },
    noteHeartbeat(peer, ms) {
      const known = core.peers.get(peer)
      if (known !== undefined) metrics.heartbeatSeconds.observe({ sentinel: addressKey(known.resp) }, ms / 1000)
    },
    notePing: (group, ms) => metrics.pingSeconds.observe({ group }, ms / 1000),
    collect(nowMs) {
      countFailovers()
      for (const [option, atMs] of expiries()) metrics.certificateExpiry.set({ option }, atMs / 1000)
      collectConsensus(metrics, sentinel, store, termAtStart)
      collectPeers(metrics, core, transport())
      for (const gauge of [
        metrics.groupServers,
        metrics.groupConfigEpoch,
        metrics.groupQuorum,
        metrics.groupHasLeader,
        metrics.groupSentinelsVoting,
        metrics.groupSentinelsUsable,
        metrics.groupSentinelsNeeded,
        metrics.groupPromotableReplicas,
        metrics.groupDownVerdicts,
        metrics.groupObjectivelyDown,
        metrics.groupPaused,
        metrics.serverUp,
        metrics.serverIsPrimary,
        metrics.serverOffsetBytes,
        metrics.serverLagBytes,
        metrics.serverLagSeconds,
      ])
        gauge.reset()
      for (const group of core.groups.values()) collectGroup(metrics, core, group, nowMs)
    },
  }
}

function countFailover(metrics: SentinelMetrics, group: string, record: FailoverRecord): void {
  const { outcome, switchedAtMs, endedAtMs, account } = record
  metrics.failovers.inc({ group, kind: kindOf(record), reason: account.cause ?? 'unknown', result: outcome })
  if (switchedAtMs !== undefined) metrics.failoverSeconds.observe({ group }, tookMs(record) / 1000)
  for (const phase of new Set(account.laps.map((lap) => lap.phase)))
    metrics.failoverPhaseSeconds.observe({ group, phase }, phaseMs(account, phase) / 1000)
  if (account.lostBytesMax !== undefined) metrics.failoverLostBytes.inc({ group }, account.lostBytesMax)
  metrics.lastFailoverTimestamp.set({ group }, endedAtMs / 1000)
}

function collectConsensus(
  metrics: SentinelMetrics,
  { consensus, core }: Sentinel,
  store: StateStore,
  termAtStart: number,
): void {
  const status = consensus?.status()
  setTotal(metrics.raftElections, {}, Math.max(0, (status?.term ?? 0) - termAtStart))
  metrics.raftCommitLag.set((status?.lastIndex ?? 0) - (status?.commitIndex ?? 0))
  metrics.raftTerm.set(status?.term ?? 0)
  metrics.raftIsLeader.set(consensus?.isLeader() === true ? 1 : 0)
  metrics.raftHasLeader.set(status?.leader === undefined ? 0 : 1)
  metrics.raftPatienceSeconds.set((status?.patienceMs ?? 0) / 1000)
  metrics.raftCommitIndex.set(status?.commitIndex ?? 0)
  metrics.raftVoters.set(status?.membership.voters.length ?? 0)
  metrics.stateFileBytes.set(store.sizeBytes)
  setTotal(metrics.stallAbstentions, {}, core.state.stats.stalls)
  setTotal(metrics.leaseGrants, {}, core.state.stats.grants)
  setTotal(metrics.foreignHellos, {}, core.state.stats.foreignHellos)
}

function collectPeers(metrics: SentinelMetrics, core: CoreState, transport: PeerTransport | undefined): void {
  metrics.peersKnown.set(core.peers.size)
  metrics.peersConnected.set(transport?.peers().filter(({ connected }) => connected).length ?? 0)
  if (transport === undefined) return
  const { stats } = transport
  setTotal(metrics.gossipMessages, { direction: 'in' }, stats.messagesIn)
  setTotal(metrics.gossipMessages, { direction: 'out' }, stats.messagesOut)
  setTotal(metrics.gossipBytes, { direction: 'in' }, stats.bytesIn)
  setTotal(metrics.gossipBytes, { direction: 'out' }, stats.bytesOut)
  setTotal(metrics.gossipDropped, { direction: 'in' }, stats.droppedIn)
  setTotal(metrics.gossipDropped, { direction: 'out' }, stats.droppedOut)
}

function collectGroup(metrics: SentinelMetrics, core: CoreState, group: GroupState, nowMs: number): void {
  const topo = topoOf(core, group.name)!
  const name = { group: group.name }
  const primary = group.servers.get(addressKey(group.primary))
  const own = primary?.judgement.verdict ?? 'up'
  metrics.groupConfigEpoch.set(name, topo.configEpoch)
  metrics.groupQuorum.set(name, topo.quorum)
  const { voting, usable, majority } = quorumState(core)
  metrics.groupHasLeader.set(name, core.raft.leader === undefined ? 0 : 1)
  metrics.groupSentinelsVoting.set(name, voting)
  metrics.groupSentinelsUsable.set(name, usable)
  metrics.groupSentinelsNeeded.set(name, Math.max(majority, topo.quorum))
  metrics.groupPromotableReplicas.set(name, promotable(core, group.name))
  metrics.groupDownVerdicts.set(name, count(topo, core.self.peer, own, group.votes, core.raft.voters, nowMs).down)
  metrics.groupObjectivelyDown.set(name, group.odown ? 1 : 0)
  metrics.groupPaused.set(name, pausedUntil(core, topo, nowMs) === undefined ? 0 : 1)
  setTotal(metrics.groupUnavailableSeconds, name, unavailableMs(group, nowMs) / 1000)
  for (const role of ['primary', 'replica'])
    for (const health of ['up', 'down']) metrics.groupServers.set({ ...name, role, health }, 0)
  for (const server of group.servers.values()) {
    const isPrimary = sameAddress(server.ref, group.primary)
    const down = server.sdown || isDown(server.judgement.verdict)
    const labels = { ...name, server: server.key }
    metrics.groupServers.inc({ ...name, role: isPrimary ? 'primary' : 'replica', health: down ? 'down' : 'up' })
    metrics.serverUp.set(labels, down ? 0 : 1)
    metrics.serverIsPrimary.set(labels, isPrimary ? 1 : 0)
    const acknowledged = primary?.info?.replicas.find((replica) => sameAddress(replica, server.ref))
    if (!isPrimary && acknowledged !== undefined) metrics.serverLagSeconds.set(labels, acknowledged.lagSeconds)
    if (server.info === undefined) continue
    metrics.serverOffsetBytes.set(labels, server.info.offset)
    if (!isPrimary && primary?.info)
      metrics.serverLagBytes.set(labels, Math.max(0, primary.info.offset - server.info.offset))
  }
}
