// Watching the servers of each group: which there are, what they say, and what this sentinel makes of it. Everything here
// happens on every sentinel alike, leader or not; only verdicts leave it (as reports), decisions are leader.ts's.
import { type Address, addressKey, sameAddress } from './address.ts'
import { publishHello, takesHellos } from './announcing.ts'
import { isDown, signal } from './detector.ts'
import { switchText } from './events.ts'
import { stillLinked } from './fence.ts'
import type { ServerInfo } from './info.ts'
import { greet, pollLease, promisesLeft } from './leases.ts'
import { createLedger, noteDead } from './ledger.ts'
import { byAddress } from './naming.ts'
import { newsOf, noteNewest } from './news.ts'
import type { Opinion } from './peer-message.ts'
import type { GroupSettings } from './settings.ts'
import { type CoreState, emit, emitText, type GroupState, say, settingsOf, subjectOf, topoOf } from './state.ts'
import { createStopwatch, lap } from './stopwatch.ts'
import type { Timing } from './timing.ts'
import { apply, REPLICAS_MAX, type TopologyGroup } from './topology.ts'
import { type Count, count } from './votes.ts'
import { askInfo, createWatched, judge, noteInfo, poll, reconnect, type Watched } from './watched.ts'

/** INFO is asked this often for EAGER_MS after a group appeared or changed, so that replicas are found at once; later as `timing` says. */
const INFO_EAGER_MS = 100
const EAGER_MS = 5_000

/** Makes the watched groups and servers match the topology; tells of a switch. Call after every change of it. */
export function syncGroups(core: CoreState, nowMs: number): void {
  for (const name of core.topology.groups.keys()) core.provisional.groups.delete(name)
  for (const name of core.topology.removed) core.provisional.groups.delete(name)
  for (const topology of [core.topology, core.provisional])
    for (const topo of topology.groups.values()) syncGroup(core, topo, nowMs)
  for (const group of core.groups.values()) if (topoOf(core, group.name) === undefined) forgetGroup(core, group)
}

function syncGroup(core: CoreState, topo: TopologyGroup, nowMs: number): void {
  let group = core.groups.get(topo.name)
  if (group === undefined) {
    group = createGroup(topo, loginOf(core, topo), core.timing, nowMs)
    core.groups.set(topo.name, group)
    emit(core, '+monitor', topo.name, topo.primary, { kind: 'master' }, `quorum ${topo.quorum}`)
  }
  if (!sameAddress(group.primary, topo.primary)) switched(core, group, topo, nowMs)
  logInAnew(core, group, topo, nowMs)
  watch(core, group, topo.primary, nowMs)
  for (const replica of topo.replicas)
    if (!group.servers.has(addressKey(replica))) watchReplica(core, group, replica, nowMs)
}

const loginOf = (core: CoreState, topo: TopologyGroup): string => {
  const { authUser, authPass } = settingsOf(core, topo)
  return `${authUser} ${authPass}`
}

/** A link logs in once, when it is made: with another password all of them are made anew, as Redis Sentinel does. */
function logInAnew(core: CoreState, group: GroupState, topo: TopologyGroup, nowMs: number): void {
  const login = loginOf(core, topo)
  if (login === group.login) return
  group.login = login
  for (const server of group.servers.values()) reconnect(server, nowMs, core.out)
}

function createGroup(
  topo: TopologyGroup,
  login: string,
  { downAfterMs, failoverTimeoutMs }: Timing,
  nowMs: number,
): GroupState {
  return {
    name: topo.name,
    createdMs: nowMs,
    defaults: { downAfterMs, failoverTimeoutMs },
    primary: topo.primary,
    servers: new Map(),
    login,
    votes: new Map(),
    odown: false,
    odownSinceMs: nowMs,
    unavailableSinceMs: undefined,
    unavailableMs: 0,
    settledMs: nowMs,
    eagerUntilMs: nowMs + EAGER_MS,
    run: undefined,
    stopwatch: undefined,
    startedEpoch: undefined,
    doubt: undefined,
    departure: undefined,
    hearsay: undefined,
    newest: { replId: undefined, sinceMs: Number.NEGATIVE_INFINITY },
    deadEnd: undefined,
    retryAtMs: nowMs,
    failures: 0,
    reported: 'up',
    ledger: createLedger(),
  }
}

function switched(core: CoreState, group: GroupState, topo: TopologyGroup, nowMs: number): void {
  const from = group.primary
  const leader = core.raft.leader === undefined ? undefined : core.peers.get(core.raft.leader)
  if (!core.raft.isLeader && leader !== undefined)
    emit(core, '+config-update-from', group.name, from, { kind: 'sentinel', runId: leader.runId, address: leader.resp })
  group.primary = topo.primary
  group.settledMs = nowMs
  group.eagerUntilMs = nowMs + EAGER_MS
  group.odown = false
  group.votes.clear()
  group.failures = 0
  group.doubt = undefined
  group.departure = undefined
  group.hearsay = undefined
  for (const server of group.servers.values()) {
    server.sdown = false
    server.strayingSinceMs = undefined
    signal(server.detector, nowMs, { type: 'role', asExpected: true })
  }
  emitText(core, '+switch-master', switchText(group.name, from, topo.primary), group.name)
  greet(core, group, watch(core, group, topo.primary, nowMs), nowMs)
  for (const server of group.servers.values())
    if (!sameAddress(server.ref, topo.primary))
      emit(core, '+slave', group.name, group.primary, subjectOf(group, server.ref))
}

/** Watches nothing of it any more. */
export function forgetGroup(core: CoreState, group: GroupState): void {
  for (const server of group.servers.values()) core.out.push({ type: 'disconnect', ref: server.ref })
  core.groups.delete(group.name)
  emit(core, '-monitor', group.name, group.primary, { kind: 'master' })
}

/** Forgets all servers but the primary, after SENTINEL RESET. */
export function forgetReplicas(core: CoreState, group: GroupState, nowMs: number): void {
  forget(core, group, () => true)
  group.eagerUntilMs = nowMs + EAGER_MS
  emit(core, '+reset-master', group.name, group.primary, { kind: 'master' })
}

/**
 * Forgets the servers that the replicated state does not name, when a snapshot replaced it: a reset may be among the entries
 * that it stands for. What lives is found again.
 */
export function forgetUnnamed(core: CoreState, group: GroupState): void {
  const topo = core.topology.groups.get(group.name)
  if (topo === undefined) return
  const named = [topo.primary, ...topo.replicas]
  forget(core, group, ({ ref }) => !named.some((address) => sameAddress(address, ref)))
}

/** Forgets servers; the primary, by the last knowledge, stays. */
function forget(core: CoreState, group: GroupState, which: (server: Watched) => boolean): void {
  for (const server of [...group.servers.values()]) {
    if (sameAddress(server.ref, group.primary) || !which(server)) continue
    core.out.push({ type: 'disconnect', ref: server.ref })
    group.servers.delete(server.key)
    for (const other of group.servers.values())
      signal(other.detector, 0, { type: 'lost-by-replica', replica: server.key })
  }
}

function watch(core: CoreState, group: GroupState, address: Address, nowMs: number): Watched {
  const known = group.servers.get(addressKey(address))
  if (known !== undefined) return known
  const server = createWatched(group.name, address, nowMs)
  group.servers.set(server.key, server)
  pollServer(core, group, server, nowMs)
  return server
}

/** Watches a server that is none of the group. */
export function watchProbe(core: CoreState, group: GroupState, address: Address, nowMs: number): void {
  const known = group.servers.has(addressKey(address))
  const server = watch(core, group, address, nowMs)
  if (!known) server.probe = true
}

/** Looks at it no more. */
export function dropProbe(core: CoreState, group: GroupState, { ref, key }: Watched): void {
  core.out.push({ type: 'disconnect', ref })
  group.servers.delete(key)
}

function watchReplica(core: CoreState, group: GroupState, address: Address, nowMs: number): void {
  watch(core, group, address, nowMs)
  emit(core, '+slave', group.name, group.primary, subjectOf(group, address))
}

/** Sends what is due to every server of the group. */
export function pollGroup(core: CoreState, group: GroupState, nowMs: number): void {
  for (const server of group.servers.values()) pollServer(core, group, server, nowMs)
}

function pollServer(core: CoreState, group: GroupState, server: Watched, nowMs: number): void {
  const topo = topoOf(core, group.name)!
  const eager = nowMs < group.eagerUntilMs || topo.failover !== undefined
  const { downAfterMs } = settingsOf(core, topo)
  const infoMs = eager ? INFO_EAGER_MS : core.timing.infoMs
  poll(server, nowMs, { pingMs: core.timing.pingMs, infoMs, downAfterMs }, core.out)
  pollLease(core, group, server, nowMs)
  if (nowMs >= server.nextHelloMs && takesHellos(core, server)) publishHello(core, server, nowMs)
}

/** Takes an INFO: new replicas, roles, reboots, and what a replica knows of its primary. */
export function takeInfo(core: CoreState, group: GroupState, server: Watched, said: ServerInfo, nowMs: number): void {
  const before = server.info
  const info = byAddress(said, topoOf(core, group.name)?.hostname)
  if (!noteInfo(server, nowMs, info)) return
  const isPrimary = sameAddress(server.ref, group.primary)
  const subject = subjectOf(group, server.ref)
  if (before !== undefined && before.runId !== '' && before.runId !== info.runId) {
    server.rebootedMs = nowMs
    emit(core, '+reboot', group.name, group.primary, subject)
  }
  const expected = isPrimary ? 'primary' : 'replica'
  if (before !== undefined && before.role !== info.role) {
    const role = info.role === 'primary' ? 'master' : 'slave'
    const event = info.role === expected ? '+role-change' : '-role-change'
    emit(core, event, group.name, group.primary, subject, `new reported role is ${role}`)
    if (info.role === 'primary') greet(core, group, server, nowMs)
  }
  signal(server.detector, nowMs, { type: 'role', asExpected: !isPrimary || info.role === 'primary' })
  if (isPrimary && info.role === 'primary') discover(core, group, info, nowMs)
  if (!isPrimary && info.role === 'replica') noteEvidence(group, server, info, nowMs)
}

function discover(core: CoreState, group: GroupState, info: ServerInfo, nowMs: number): void {
  for (const { host, port } of info.replicas) addReplica(core, group, { host, port }, nowMs)
}

function addReplica(core: CoreState, group: GroupState, replica: Address, nowMs: number): void {
  if (group.servers.has(addressKey(replica)) || group.servers.size > REPLICAS_MAX) return
  watchReplica(core, group, replica, nowMs)
  const provisional = core.provisional.groups.has(group.name)
  if (provisional) apply(core.provisional, { kind: 'replica', group: group.name, replica })
}

/**
 * Takes over the replicas that another sentinel found, while their primary cannot be asked for them: it may have died before
 * they were committed, and the leader may have started only after its death. A living primary knows better.
 */
export function adoptFound(core: CoreState, group: GroupState, opinion: Opinion, nowMs: number): void {
  const primary = group.servers.get(addressKey(group.primary))
  if (primary?.link === 'up' || !sameAddress(opinion.primary, group.primary)) return
  if (opinion.mark !== undefined) group.hearsay = { mark: opinion.mark, after: opinion.after }
  for (const replica of opinion.found) addReplica(core, group, replica, nowMs)
}

/**
 * The replicas that the file of a Redis Sentinel remembers, when the primary is down since before this sentinel could ask it for
 * them. A living primary knows better, and so does a group that has replicas.
 */
function adoptRemembered(
  core: CoreState,
  group: GroupState,
  topo: TopologyGroup,
  primary: Watched,
  nowMs: number,
): void {
  if (primary.info !== undefined || !isDown(primary.judgement.verdict) || topo.replicas.length > 0) return
  const file = core.options.groups.find(({ name }) => name === topo.name)
  for (const replica of file?.remembered ?? [])
    if (!sameAddress(replica, topo.primary)) addReplica(core, group, replica, nowMs)
}

/**
 * A replica that lately heard its primary is evidence that the primary lives. INFO counts in whole seconds and each end
 * may be off by one, so the age is taken as one second more: a frozen primary never looks alive.
 */
function noteEvidence(group: GroupState, server: Watched, info: ServerInfo, nowMs: number): void {
  const primary = group.servers.get(addressKey(group.primary))
  if (primary === undefined) return
  const replica = server.key
  if (!info.linkUp || !sameAddress(info.primary, group.primary) || info.lastIoSeconds < 0)
    return signal(primary.detector, nowMs, { type: 'lost-by-replica', replica })
  const atMs = server.infoAskedMs - (info.lastIoSeconds + 1) * 1000
  signal(primary.detector, nowMs, { type: 'heard-by-replica', replica, atMs })
}

/** Renews the verdicts of a group, tells what changed, and counts the votes. True when the own verdict on the primary changed. */
export function evaluate(core: CoreState, group: GroupState, nowMs: number): boolean {
  const topo = topoOf(core, group.name)!
  const settings = settingsOf(core, topo)
  noteNewest(group, topo, nowMs)
  for (const server of group.servers.values()) evaluateServer(core, group, server, settings, nowMs)
  const primary = group.servers.get(addressKey(group.primary))!
  const { verdict } = primary.judgement
  adoptRemembered(core, group, topo, primary, nowMs)
  const leased = primary.info?.leases === 'bound'
  const votes = count(topo, core.self.peer, verdict, group.votes, core.raft.voters, nowMs, leased)
  timeAbsence(group, primary, nowMs)
  if (topo.failover === undefined) timeVotes(group, primary, votes, nowMs)
  // As in Redis Sentinel a primary is objectively down only for one that finds it down itself; and for the leader, who acts.
  const odown = votes.enough && (isDown(verdict) || core.raft.isLeader)
  if (odown !== group.odown) {
    group.odown = odown
    group.odownSinceMs = nowMs
    const extra = group.odown ? `#quorum ${votes.down}/${topo.quorum}` : ''
    emit(core, group.odown ? '+odown' : '-odown', group.name, group.primary, { kind: 'master' }, extra)
  }
  if (group.reported === verdict) return false
  group.reported = verdict
  return true
}

/** For how long, in all, this sentinel has seen no primary that was up. */
export const unavailableMs = (group: GroupState, nowMs: number): number =>
  group.unavailableMs + (group.unavailableSinceMs === undefined ? 0 : Math.max(0, nowMs - group.unavailableSinceMs))

/** An absence counts from the last sign of life on. */
function timeAbsence(group: GroupState, primary: Watched, nowMs: number): void {
  if (isDown(primary.judgement.verdict)) {
    group.unavailableSinceMs ??= primary.detector.waitingSinceMs ?? nowMs
    return
  }
  group.unavailableMs = unavailableMs(group, nowMs)
  group.unavailableSinceMs = undefined
}

/** The first two phases of what is told of a failover: until somebody found the primary down, and until a quorum did. */
function timeVotes(group: GroupState, primary: Watched, { down, enough }: Count, nowMs: number): void {
  // The start of a switchover may be on its way.
  if (group.stopwatch?.proposed === true) return
  if (down === 0) {
    group.stopwatch = undefined
    return
  }
  if (group.stopwatch === undefined) {
    group.stopwatch = createStopwatch(primary.detector.waitingSinceMs ?? nowMs)
    lap(group.stopwatch, 'detect', nowMs)
  }
  if (!enough || group.stopwatch.agreed) return
  group.stopwatch.agreed = true
  lap(group.stopwatch, 'vote', nowMs)
}

function evaluateServer(
  core: CoreState,
  group: GroupState,
  server: Watched,
  settings: GroupSettings,
  nowMs: number,
): void {
  const isPrimary = sameAddress(server.ref, group.primary)
  const { downAfterMs, rebootDownAfterMs } = settings
  const { verdict, why } = judge(server, nowMs, downAfterMs, isPrimary ? rebootDownAfterMs : 0)
  if (verdict === 'dead' && server.sdown && stillLinked(group.servers, server).length === 0)
    noteDead(group.ledger, server.key)
  if (verdict === 'abstain') return
  const down = isDown(verdict)
  if (down === server.sdown) return
  server.sdown = down
  server.sdownSinceMs = nowMs
  if (server.probe) return
  emit(core, down ? '+sdown' : '-sdown', group.name, group.primary, subjectOf(group, server.ref))
  say(core, 'notice', `${server.key} of ${group.name} is ${down ? verdict : 'up'}: ${why}`)
  // Whoever may have to choose among the replicas wants to know where they stand, at once.
  if (down && isPrimary)
    for (const other of group.servers.values()) if (other !== server) askInfo(other, nowMs, core.out)
}

/** What this sentinel reports about each group. */
export function opinions(core: CoreState, nowMs: number): Opinion[] {
  return [...core.groups.values()].map((group) => ({
    group: group.name,
    primary: group.primary,
    configEpoch: topoOf(core, group.name)!.configEpoch,
    verdict: group.servers.get(addressKey(group.primary))!.judgement.verdict,
    found: uncommitted(core, group),
    ...newsOf(core, group),
    ...promisesLeft(core, group, nowMs),
  }))
}

/** The replicas that are watched but not in the replicated state. */
export function uncommitted(core: CoreState, group: GroupState): Address[] {
  const known = core.topology.groups.get(group.name)?.replicas ?? []
  const found: Address[] = []
  for (const { ref, probe } of group.servers.values()) {
    if (probe || sameAddress(ref, group.primary) || known.some((replica) => sameAddress(replica, ref))) continue
    found.push({ host: ref.host, port: ref.port })
  }
  return found
}
