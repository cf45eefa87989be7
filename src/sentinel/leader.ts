// What only the leader does: bring groups and replicas into the replicated state, start a failover when enough verdicts are
// in, take it through its steps, and correct servers that follow the wrong primary. Every decision is first proposed
// and acted upon only after it was committed and applied; a sentinel that is not certainly the leader does nothing here.
// What it makes of the primary's data is in keeper.ts.
import type { Account } from './account.ts'
import { accountOf, ballotOf, endPhase, giveOrder, startFailover } from './acts.ts'
import { type Address, addressKey, sameAddress } from './address.ts'
import { chooseReplica } from './choose.ts'
import { keepsCopies } from './copies.ts'
import { forgetDeparted } from './departed.ts'
import { isDown } from './detector.ts'
import type { Entry } from './entries.ts'
import { decide } from './failover.ts'
import { createRun, type Decision, type FailoverFacts, reachable } from './failover-run.ts'
import { uncommitted } from './group.ts'
import { keepData, nameCopied, proposeHearsay } from './keeper.ts'
import { endedTenure, leaseOverMs, proposeLeases } from './leases.ts'
import { markOf } from './lineage.ts'
import { heldBack } from './maintenance.ts'
import { moveToNamed } from './relocation.ts'
import { type CoreState, emit, type GroupState, propose, say, settingsOf, subjectOf, wake, wallMs } from './state.ts'
import { noteProposed } from './stopwatch.ts'
import type { Failover, TopologyGroup } from './topology.ts'
import { askInfo, type Watched } from './watched.ts'
import { isVouchedFor } from './whereabouts.ts'

/** A server that strays for this long is corrected; corrections are this far apart. */
const STRAY_MS = 500
const CORRECT_EVERY_MS = 1_000
/**
 * How long the replicas of a dead primary may take to say where they stand before the failover starts without: a second commit
 * costs 120 ms with all processors taken.
 */
const CHOOSE_EARLY_MS = 100
/** Pause after a failed failover; doubles each time up to twice failover-timeout, as Redis Sentinel waits from the start. */
const RETRY_MS = 500

/** Does what is due for one group. Call after anything changed. */
export function lead(core: CoreState, group: GroupState, nowMs: number): void {
  const topo = core.topology.groups.get(group.name)
  if (!core.raft.isLeader) return
  if (topo === undefined) return proposeGroup(core, group, nowMs)
  proposeReplicas(core, group, nowMs)
  proposeLeases(core, topo, nowMs)
  const { failover } = topo
  proposeHearsay(core, group, topo, nowMs)
  if (failover !== undefined) return continueFailover(core, group, topo, failover, nowMs)
  group.run = undefined
  if (moveToNamed(core, group, topo, nowMs)) return
  if (considerFailover(core, group, topo, nowMs)) return
  if (!keepData(core, group, topo, nowMs)) return
  correct(core, group, topo, nowMs)
  forgetDeparted(core, group, topo, nowMs)
}

function proposeGroup(core: CoreState, group: GroupState, nowMs: number): void {
  const topo = core.provisional.groups.get(group.name)
  if (topo === undefined || !isVouchedFor(core, group.name, nowMs)) return
  propose(core, nowMs, `monitor ${group.name}`, {
    kind: 'monitor',
    group: group.name,
    primary: topo.primary,
    quorum: topo.quorum,
    hostname: topo.hostname?.host,
  })
}

/** What was found goes into the replicated state. */
export function proposeReplicas(core: CoreState, group: GroupState, nowMs: number): void {
  for (const replica of uncommitted(core, group))
    propose(core, nowMs, `replica ${group.name} ${addressKey(replica)}`, {
      kind: 'replica',
      group: group.name,
      replica,
    })
}

/** Proposes a failover when the primary is objectively down; true when it is. */
function considerFailover(core: CoreState, group: GroupState, topo: TopologyGroup, nowMs: number): boolean {
  const votes = ballotOf(core, group, topo, nowMs)
  const primary = group.servers.get(addressKey(topo.primary))!
  const { verdict, why } = primary.judgement
  const early = () => (verdict === 'dead' ? chooseEarly(core, group, topo, primary, nowMs) : undefined)
  if (!votes.enough) {
    // What the replicas have is asked for while the others still look: it is there when they agree.
    early()
    return false
  }
  if (nowMs < group.retryAtMs || topo.replicas.length === 0 || heldBack(core, topo, nowMs) !== undefined) {
    endPhase(group, 'wait', nowMs)
    return true
  }
  const choice = early()
  if (choice === 'wait') return true
  const sentinels = `${votes.down} of ${core.raft.voters.length} sentinels say so, ${topo.quorum} suffice`
  // The others' word is enough: what cuts them off from the primary need not cut this one off.
  const finding = isDown(verdict) ? `is ${verdict}: ${why}` : `is down for others (this sentinel: ${why})`
  const cause = verdict === 'dead' ? 'dead' : 'silent'
  if (choice !== undefined) nameCopied(core, group, topo, choice.replica, nowMs)
  startFailover(core, topo, { planned: false, cause, reason: `${primary.key} ${finding}; ${sentinels}`, choice }, nowMs)
  return true
}

/**
 * When no process listens at the primary's address any more, nothing can change what its replicas hold once they have
 * drained their links. So the choice can go into the log with the start of the failover, and one commit is saved.
 */
function chooseEarly(core: CoreState, group: GroupState, topo: TopologyGroup, primary: Watched, nowMs: number) {
  const waitedMs = nowMs - primary.sdownSinceMs
  const base = { nowMs, topo, settings: settingsOf(core, topo), servers: group.servers, old: topo.primary }
  const since = primary.sdownSinceMs
  const lossless = keepsCopies(topo, base.settings)
  const choice = chooseReplica({ ...base, freshSinceMs: since, crashed: true, forced: false, lossless }, true)
  if (choice.kind === 'chosen') return choice
  if (choice.kind === 'none' || waitedMs > CHOOSE_EARLY_MS) return undefined
  for (const server of choice.ask) askInfo(server, nowMs, core.out)
  wake(core, nowMs + 2)
  return 'wait'
}

/**
 * Takes what the name that a group is monitored by resolves to. The first time it must be a server of the group; later another
 * address means that this server moved, if it does not answer at the one that it had.
 */
export function takeHostname(core: CoreState, name: string, host: string, address: Address, nowMs: number): void {
  const topo = core.topology.groups.get(name)
  if (topo === undefined) return
  const known = topo.hostname?.host === host ? topo.hostname.address : undefined
  if (sameAddress(known, address)) return
  const isKnown = [topo.primary, ...topo.replicas].some((server) => sameAddress(server, address))
  if (known === undefined ? !isKnown : reachable(core.groups.get(name)?.servers.get(addressKey(known)))) return
  const entry = { kind: 'hostname', group: name, host, address } as const
  if (!propose(core, nowMs, `hostname ${name} ${addressKey(address)}`, entry) || known === undefined) return
  say(core, 'warning', `${host} of ${name} is ${addressKey(address)} now, and does not answer at ${addressKey(known)}.`)
}

/** After a failed failover: not again at once. */
export function backOff(core: CoreState, group: GroupState, topo: TopologyGroup, nowMs: number): void {
  const limitMs = settingsOf(core, topo).failoverTimeoutMs * 2
  group.retryAtMs = nowMs + Math.min(RETRY_MS * 2 ** Math.min(group.failures, 20), limitMs)
  group.failures += 1
}

function continueFailover(
  core: CoreState,
  group: GroupState,
  topo: TopologyGroup,
  failover: Failover,
  nowMs: number,
): void {
  if (group.run?.epoch !== failover.epoch) {
    const old = group.servers.get(addressKey(failover.old))
    const downSinceMs = old?.sdown && !failover.planned ? old.sdownSinceMs : nowMs
    const ownStart = failover.by === core.self.peer && group.startedEpoch === failover.epoch
    group.run = createRun(failover, nowMs, downSinceMs, ownStart)
  }
  const ballot = ballotOf(core, group, topo, nowMs)
  const settings = settingsOf(core, topo)
  const base = { nowMs, topo, failover, settings, servers: group.servers, ballot }
  const { reconfMs } = core.timing
  const facts: FailoverFacts = { ...base, leaseOverMs: leaseOverMs(core, group, topo), reconfMs }
  for (const decision of decide(group.run, facts)) carryOut(core, group, failover, decision, nowMs)
}

function carryOut(core: CoreState, group: GroupState, failover: Failover, decision: Decision, nowMs: number): void {
  const { epoch } = failover
  const step = (entry: Entry & { kind: 'choose' | 'switch' | 'end' | 'abort' }, told: Partial<Account> = {}): void => {
    const account = { ...accountOf(group), ...told }
    if (!propose(core, nowMs, `${entry.kind} ${group.name} ${epoch}`, { ...entry, account })) return
    if (group.stopwatch !== undefined) noteProposed(group.stopwatch)
    say(core, 'notice', `Failover of ${group.name} (epoch ${epoch}): ${entry.reason}.`)
  }
  const base = { group: group.name, epoch, atMs: wallMs(core, nowMs) }
  switch (decision.do) {
    case 'order':
      if (decision.why !== '') say(core, 'notice', `Failover of ${group.name} (epoch ${epoch}): ${decision.why}.`)
      return giveOrder(core, group, decision.server, decision.order, nowMs)
    case 'info':
      return askInfo(decision.server, nowMs, core.out)
    case 'lap':
      return endPhase(group, decision.phase, nowMs)
    case 'choose': {
      endPhase(group, 'choose', nowMs)
      const { replica, why: reason, candidates } = decision
      nameCopied(core, group, core.topology.groups.get(group.name)!, replica, nowMs)
      return step({ ...base, kind: 'choose', replica, reason }, { candidates })
    }
    case 'switch': {
      const { server, why: reason, lostBytesMax } = decision
      const ended = endedTenure(group.servers.get(addressKey(failover.old)), group.run?.fencedMs)
      return step({ ...base, kind: 'switch', reason, mark: markOf(server.info), ended }, { lostBytesMax })
    }
    case 'end':
      endPhase(group, 'reconfigure', nowMs)
      return step({ ...base, kind: 'end', reason: decision.why })
    case 'abort': {
      endPhase(group, failover.candidate === undefined ? 'choose' : 'promote', nowMs)
      const { cause, why: reason, candidates = [] } = decision
      return step({ ...base, kind: 'abort', cause, reason }, { candidates })
    }
    case 'tell': {
      const subject = decision.about === undefined ? ({ kind: 'master' } as const) : subjectOf(group, decision.about)
      return emit(core, decision.event, group.name, group.primary, subject)
    }
    case 'wake':
      wake(core, decision.atMs)
  }
}

/** Points servers that stray to the primary: an old one that returned, or a replica that follows somebody else. */
function correct(core: CoreState, group: GroupState, topo: TopologyGroup, nowMs: number): void {
  const primary = group.servers.get(addressKey(topo.primary))!
  const sinceMs = Math.max(group.settledMs, core.leaderSinceMs)
  const healthy =
    primary.judgement.verdict === 'up' && primary.info?.role === 'primary' && primary.infoAskedMs >= sinceMs
  if (!healthy) return
  for (const server of group.servers.values())
    if (server !== primary && !server.probe) correctServer(core, group, topo, server, sinceMs, nowMs)
}

function correctServer(
  core: CoreState,
  group: GroupState,
  topo: TopologyGroup,
  server: Watched,
  sinceMs: number,
  nowMs: number,
): void {
  const { info } = server
  if (server.link !== 'up' || isDown(server.judgement.verdict)) return
  if (info === undefined || server.infoAskedMs < Math.max(sinceMs, server.correctedMs)) return
  const isPrimary = info.role === 'primary'
  if (!isPrimary && sameAddress(info.primary, topo.primary)) {
    server.strayingSinceMs = undefined
    return
  }
  server.strayingSinceMs ??= nowMs
  if (!isPrimary && nowMs - server.strayingSinceMs < STRAY_MS) return
  if (nowMs - server.correctedMs < CORRECT_EVERY_MS) return
  server.correctedMs = nowMs
  emit(
    core,
    isPrimary ? '+convert-to-slave' : '+fix-slave-config',
    group.name,
    group.primary,
    subjectOf(group, server.ref),
  )
  const found = isPrimary ? 'calls itself a primary' : `follows ${info.primary ? addressKey(info.primary) : 'nobody'}`
  say(core, 'notice', `${server.key} ${found} but ${primaryText(topo)}: it is told to follow.`)
  giveOrder(core, group, server, { kind: 'follow', epoch: topo.configEpoch, primary: topo.primary }, nowMs)
  askInfo(server, nowMs, core.out)
}

const primaryText = (topo: TopologyGroup): string =>
  `${addressKey(topo.primary)} is the primary of ${topo.name} since epoch ${topo.configEpoch}`
