// What only the leader does: bring groups and replicas into the replicated state, start a failover when enough verdicts are
// in, take it through its steps, and correct servers that follow the wrong primary. Every decision is first proposed
// and acted upon only after it was committed and applied; a sentinel that is not certainly the leader does nothing here.
import { addressKey, sameAddress } from './address.ts'
import { isDown } from './detector.ts'
import type { Order } from './effects.ts'
import type { Entry } from './entries.ts'
import { chooseReplica, createRun, type Decision, decide, type FailoverFacts, noteOrderSent } from './failover.ts'
import { uncommitted } from './group.ts'
import { type CoreState, emit, type GroupState, propose, say, settingsOf, subjectOf, wake, wallMs } from './state.ts'
import type { Failover, TopologyGroup } from './topology.ts'
import { count } from './votes.ts'
import { askInfo, type Watched } from './watched.ts'
import { isVouchedFor } from './whereabouts.ts'

/** A server that strays for this long is corrected; corrections are this far apart. */
const STRAY_MS = 500
const CORRECT_EVERY_MS = 1_000
/** How long the replicas of a dead primary may take to say where they stand before the failover starts without. */
const CHOOSE_EARLY_MS = 30
/** Pause after a failed failover; doubles each time up to twice failover-timeout, as Redis Sentinel waits from the start. */
const RETRY_MS = 500

/** Does what is due for one group. Call after anything changed. */
export function lead(core: CoreState, group: GroupState, nowMs: number): void {
  const topo = core.topology.groups.get(group.name)
  if (!core.raft.isLeader) return
  if (topo === undefined) return proposeGroup(core, group, nowMs)
  proposeReplicas(core, group, nowMs)
  const { failover } = topo
  if (failover !== undefined) return continueFailover(core, group, topo, failover, nowMs)
  group.run = undefined
  if (!considerFailover(core, group, topo, nowMs)) correct(core, group, topo, nowMs)
}

function proposeGroup(core: CoreState, group: GroupState, nowMs: number): void {
  const topo = core.provisional.groups.get(group.name)
  if (topo === undefined || !isVouchedFor(core, group.name, nowMs)) return
  propose(core, nowMs, `monitor ${group.name}`, {
    kind: 'monitor',
    group: group.name,
    primary: topo.primary,
    quorum: topo.quorum,
  })
}

function proposeReplicas(core: CoreState, group: GroupState, nowMs: number): void {
  for (const replica of uncommitted(core, group))
    propose(core, nowMs, `replica ${group.name} ${addressKey(replica)}`, {
      kind: 'replica',
      group: group.name,
      replica,
    })
}

/** Proposes a failover when the primary is objectively down; true when it is. */
function considerFailover(core: CoreState, group: GroupState, topo: TopologyGroup, nowMs: number): boolean {
  if (!group.odown) return false
  if (nowMs < group.retryAtMs || topo.replicas.length === 0) return true
  const primary = group.servers.get(addressKey(topo.primary))!
  const { verdict, why } = primary.judgement
  const votes = count(topo, core.self.peer, verdict, group.votes, core.raft.voters, nowMs)
  if (!votes.objectively) return true
  const choice = verdict === 'dead' ? chooseEarly(core, group, topo, primary, nowMs) : undefined
  if (choice === 'wait') return true
  const sentinels = `${votes.down} of ${core.raft.voters.length} sentinels say so, ${topo.quorum} suffice`
  const epoch = core.topology.epoch + 1
  const reason = `${primary.key} is ${verdict}: ${why}; ${sentinels}`
  if (!startFailover(core, topo, false, reason, undefined, nowMs)) return true
  if (choice !== undefined) {
    const entry = {
      kind: 'choose',
      group: topo.name,
      epoch,
      atMs: wallMs(core, nowMs),
      replica: choice.replica,
      reason: choice.why,
    } as const
    propose(core, nowMs, `choose ${topo.name} ${epoch}`, entry)
  }
  say(core, 'warning', `Failover of ${topo.name} proposed (epoch ${epoch}): ${reason}.`)
  if (choice !== undefined) say(core, 'notice', `Failover of ${topo.name} (epoch ${epoch}): ${choice.why}.`)
  return true
}

/**
 * When no process listens at the primary's address any more, nothing can change what its replicas hold once they have
 * drained their links. So the choice can go into the log right behind the start of the failover, and one commit is saved.
 */
function chooseEarly(core: CoreState, group: GroupState, topo: TopologyGroup, primary: Watched, nowMs: number) {
  const waitedMs = nowMs - primary.sdownSinceMs
  const base = { nowMs, topo, settings: settingsOf(core, topo), servers: group.servers, old: topo.primary }
  const choice = chooseReplica({ ...base, freshSinceMs: primary.sdownSinceMs, crashed: true }, true)
  if (choice.kind === 'chosen') return choice
  if (choice.kind === 'none' || waitedMs > CHOOSE_EARLY_MS) return undefined
  for (const server of choice.ask) askInfo(server, nowMs, core.out)
  wake(core, nowMs + 2)
  return 'wait'
}

/** Proposes to replace the primary; the entry's nonce answers an operator. */
export function startFailover(
  core: CoreState,
  topo: TopologyGroup,
  planned: boolean,
  reason: string,
  nonce: string | undefined,
  nowMs: number,
): boolean {
  const epoch = core.topology.epoch + 1
  const base = { kind: 'start', group: topo.name, epoch, old: topo.primary, planned, by: core.self.peer } as const
  const entry: Entry = { ...base, reason, atMs: wallMs(core, nowMs), ...(nonce === undefined ? {} : { nonce }) }
  return propose(core, nowMs, `start ${topo.name} ${epoch}`, entry)
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
    group.run = createRun(failover, nowMs, downSinceMs)
  }
  const facts: FailoverFacts = { nowMs, topo, failover, settings: settingsOf(core, topo), servers: group.servers }
  for (const decision of decide(group.run, facts)) carryOut(core, group, failover, decision, nowMs)
}

function carryOut(core: CoreState, group: GroupState, failover: Failover, decision: Decision, nowMs: number): void {
  const { epoch } = failover
  const step = (entry: Entry & { reason: string }): void => {
    if (propose(core, nowMs, `${entry.kind} ${group.name} ${epoch}`, entry))
      say(core, 'notice', `Failover of ${group.name} (epoch ${epoch}): ${entry.reason}.`)
  }
  const base = { group: group.name, epoch, atMs: wallMs(core, nowMs) }
  switch (decision.do) {
    case 'order':
      say(core, 'notice', `Failover of ${group.name} (epoch ${epoch}): ${decision.why}.`)
      return giveOrder(core, group, decision.server, decision.order, nowMs)
    case 'info':
      return askInfo(decision.server, nowMs, core.out)
    case 'choose':
      return step({ ...base, kind: 'choose', replica: decision.replica, reason: decision.why })
    case 'switch':
      return step({ ...base, kind: 'switch', reason: decision.why })
    case 'end':
      return step({ ...base, kind: 'end', reason: decision.why })
    case 'abort':
      return step({ ...base, kind: 'abort', cause: decision.cause, reason: decision.why })
    case 'tell': {
      const subject = decision.about === undefined ? ({ kind: 'master' } as const) : subjectOf(group, decision.about)
      return emit(core, decision.event, group.name, group.primary, subject)
    }
    case 'wake':
      wake(core, decision.atMs)
  }
}

function giveOrder(core: CoreState, group: GroupState, server: Watched, order: Order, nowMs: number): void {
  const id = core.nextOrderId++
  // Resuming needs no follow-up, and must not hide the order before it.
  if (group.run !== undefined && order.kind !== 'resume-writes')
    noteOrderSent(group.run, server.key, id, order.kind, nowMs)
  core.out.push({ type: 'order', ref: server.ref, id, order })
}

/** Points servers that stray to the primary: an old one that returned, or a replica that follows somebody else. */
function correct(core: CoreState, group: GroupState, topo: TopologyGroup, nowMs: number): void {
  const primary = group.servers.get(addressKey(topo.primary))!
  const sinceMs = Math.max(group.settledMs, core.leaderSinceMs)
  const healthy =
    primary.judgement.verdict === 'up' && primary.info?.role === 'primary' && primary.infoAskedMs >= sinceMs
  if (!healthy) return
  for (const server of group.servers.values())
    if (server !== primary) correctServer(core, group, topo, server, sinceMs, nowMs)
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
