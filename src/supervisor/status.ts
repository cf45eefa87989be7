// SENTINEL VEDETTE-STATUS: what `vedette status`, `vedette up` and the console show, as one JSON object (status-report.ts).
import { addressKey, sameAddress } from '../sentinel/address.ts'
import { lastingDeadEnd } from '../sentinel/dead-end.ts'
import { isDown } from '../sentinel/detector.ts'
import { phaseOf } from '../sentinel/failover-run.ts'
import { pausedUntil } from '../sentinel/maintenance.ts'
import { obstacleOf } from '../sentinel/obstacle.ts'
import type { CoreState, GroupState } from '../sentinel/state.ts'
import { settingsOf, topoOf } from '../sentinel/state.ts'
import type { Failover, FailoverRecord, TopologyGroup } from '../sentinel/topology.ts'
import { OPINION_TTL_MS } from '../sentinel/votes.ts'
import type { Watched } from '../sentinel/watched.ts'
import { statusOf } from './commands/info.ts'
import { tookMs } from './history.ts'
import type { Sentinel } from './sentinel.ts'
import type {
  FailoverReport,
  GroupReport,
  LeaseState,
  PastFailoverReport,
  SentinelReport,
  ServerReport,
  StatusReport,
} from './status-report.ts'

/** The state as plain data, ready for JSON. */
export function statusOfSentinel(sentinel: Sentinel, nowMs: number): StatusReport {
  const core = sentinel.core.state
  const raft = sentinel.consensus?.status()
  const members = [...(raft?.membership.voters ?? [])]
  return {
    self: addressKey(core.self.resp),
    peer: core.self.peer,
    runId: core.self.runId,
    uptimeMs: Math.round(nowMs - sentinel.startedMs),
    group: core.formed ?? null,
    obstacle: obstacleOf(core, nowMs) ?? null,
    raft: {
      term: raft?.term ?? 0,
      leader: raft?.leader ?? null,
      role: raft?.role ?? 'none',
      commitIndex: raft?.commitIndex ?? 0,
      voters: members,
      learners: raft?.membership.learners ?? [],
    },
    sentinels: sentinelList(core, members, nowMs),
    masters: [...core.groups.values()].map((group) => groupStatus(core, group, nowMs)),
  }
}

export function sentinelList(core: CoreState, voters: readonly string[], nowMs: number): SentinelReport[] {
  const role = (peer: string) => ({ leader: core.raft.leader === peer, voter: voters.includes(peer) })
  const self = {
    peer: core.self.peer,
    runId: core.self.runId,
    address: addressKey(core.self.resp),
    health: 'up',
    lastHeardMs: 0,
  } as const
  const others = [...core.peers.values()].map(({ peer, runId, resp, sdown, lastHeardMs }) => ({
    peer,
    runId,
    address: addressKey(resp),
    health: sdown ? ('down' as const) : ('up' as const),
    lastHeardMs: Math.round(nowMs - lastHeardMs),
  }))
  return [self, ...others].map((one) => ({ ...one, ...role(one.peer) }))
}

export function groupStatus(core: CoreState, group: GroupState, nowMs: number): GroupReport {
  const topo = topoOf(core, group.name)!
  const done = topo.history.findLast(({ outcome }) => outcome === 'done')
  const primary = group.servers.get(addressKey(topo.primary))
  return {
    name: group.name,
    quorum: topo.quorum,
    epoch: topo.configEpoch,
    status: statusOf(core, group.name),
    primary: addressKey(topo.primary),
    writeMode: settingsOf(core, topo).writeMode,
    lease: leaseState(core, topo, primary, nowMs),
    deadEnd: lastingDeadEnd(group) ?? null,
    pausedUntilMs: pausedUntil(core, topo, nowMs) ?? null,
    downVotes: downVotesOf(core, group, nowMs),
    failover: topo.failover === undefined ? null : failoverOf(topo.failover),
    servers: [...group.servers.values()].map((server) => serverStatus(group, server, primary)),
    lastFailover: done === undefined ? null : recordOf(done),
  }
}

function leaseState(core: CoreState, topo: TopologyGroup, primary: Watched | undefined, nowMs: number): LeaseState {
  const takes = primary?.info !== undefined && primary.info.leases !== 'unknown'
  if (topo.lease === undefined || !takes || settingsOf(core, topo).writeMode === 'async') return 'none'
  const { heardMs, leftMs } = primary.lease
  return nowMs < heardMs + leftMs ? 'held' : 'out'
}

function serverStatus(group: GroupState, server: Watched, primary: Watched | undefined): ServerReport {
  const { info } = server
  const isPrimary = sameAddress(server.ref, group.primary)
  const lag = info && primary?.info ? Math.max(0, primary.info.offset - info.offset) : 0
  return {
    address: server.key,
    role: isPrimary ? 'primary' : 'replica',
    health: server.sdown ? 'down' : 'up',
    follows: info?.primary === undefined ? null : addressKey(info.primary),
    link: isPrimary ? null : info?.linkUp === true && !server.sdown ? 'up' : 'down',
    offset: info?.offset ?? 0,
    lagBytes: isPrimary ? 0 : lag,
    priority: info?.priority ?? 100,
    runId: info?.runId ?? '',
  }
}

function downVotesOf(core: CoreState, group: GroupState, nowMs: number): string[] {
  const own = group.servers.get(addressKey(group.primary))?.judgement.verdict ?? 'up'
  const others = [...group.votes]
    .filter(([, { opinion, heardMs }]) => nowMs - heardMs <= OPINION_TTL_MS && isDown(opinion.verdict))
    .flatMap(([peer]) => core.peers.get(peer)?.resp ?? [])
  return [...(isDown(own) ? [core.self.resp] : []), ...others].map(addressKey)
}

function failoverOf(failover: Failover): FailoverReport {
  const { epoch, reason, candidate, startedAtMs, planned } = failover
  return {
    epoch,
    step: phaseOf(failover),
    reason,
    planned,
    candidate: candidate === undefined ? null : addressKey(candidate),
    startedAtMs,
  }
}

function recordOf(record: FailoverRecord): PastFailoverReport {
  const { epoch, reason, choice, from, to, planned, outcome, ending, startedAtMs } = record
  return {
    epoch,
    reason,
    choice,
    from: addressKey(from),
    to: to === undefined ? null : addressKey(to),
    planned,
    outcome,
    ending,
    durationMs: tookMs(record),
    atMs: startedAtMs,
  }
}
