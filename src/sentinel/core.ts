// The decisions of a sentinel as one pure function: an input and the time go in, effects come out (effects.ts). The
// supervisor process carries them out for real, the simulator in a modelled world; neither decides anything itself.
//
// Invariants: a primary is announced (+switch-master, the address that clients get) only from the applied topology;
// an order that changes a role is given only by a certain leader, for the candidate that the topology names.
import { assert } from '../lib/assert.ts'
import { type Address, addressKey, type ServerRef } from './address.ts'
import { answerHint, publishEverywhere } from './announcing.ts'
import { DOUBT_STALL_MS, doubt, takeOffice } from './certainty.ts'
import { takeHint } from './circle.ts'
import { tellDeadEnd } from './dead-end.ts'
import { signal } from './detector.ts'
import { recallEarly } from './early.ts'
import type { Effect, Input, RaftView } from './effects.ts'
import { decodeEntry, type Entry } from './entries.ts'
import { noteOrderDone } from './failover-run.ts'
import { createFormation, startAnew } from './formation.ts'
import { evaluate, forgetReplicas, forgetUnnamed, pollGroup, syncGroups, takeInfo } from './group.ts'
import { takeRefusal, takeWelcome, tryToForm } from './joining.ts'
import { backOff, lead, takeHostname } from './leader.ts'
import { coverFormerVoters, dismiss, takeLeased } from './leases.ts'
import { noteEnded } from './ledger.ts'
import { changeMembers, takeJoin } from './membership.ts'
import { createCircle, createObstacle } from './memory.ts'
import { watchObstacle } from './obstacle.ts'
import type { PeerMessage } from './peer-message.ts'
import { forgetGhosts, heard, judgePeers, recall, tellHints, tellPeers } from './peers.ts'
import { lookAtNamed } from './relocation.ts'
import { report, reportIfDue, reportTo, takeReport } from './reports.ts'
import { answerCommitted, askForGroups, expireRequests, passOnRequests, takeRequest, takeResult } from './requests.ts'
import { optionOf, valuesOf } from './settings.ts'
import {
  addressSelf,
  type CoreOptions,
  type CoreState,
  emit,
  emitText,
  type GroupState,
  isMember,
  moveSelf,
  NO_RAFT,
  say,
  topoOf,
} from './state.ts'
import { createStopwatch, noteCommitted } from './stopwatch.ts'
import { usualTiming } from './timing.ts'
import { apply, createTopology, decodeTopology, encodeTopology, type TopologyGroup } from './topology.ts'
import { noteLinkDown, noteLinkUp, notePong } from './watched.ts'
import { followNamed } from './whereabouts.ts'

export type { CoreOptions, CoreState } from './state.ts'

/** The decisions of one sentinel. */
export interface Core {
  /** Takes one input; what it gives back must be carried out in order. `nowMs` is monotonic. */
  step(nowMs: number, input: Input): readonly Effect[]
  /** The applied topology as bytes, for a Raft snapshot. */
  snapshot(): Uint8Array
  /** Everything it knows; for reading only. */
  readonly state: CoreState
}

/** Longest interval between two inputs, ms; the carrier sends ticks this often. */
export const TICK_MS = 50
/** A longer gap means that this sentinel did not run. */
const STALL_MS = 300

/** Makes the core of one sentinel. */
export function createCore(options: CoreOptions, nowMs: number): Core {
  const core = initialState(options, nowMs)
  return {
    state: core,
    snapshot: () => encodeTopology(core.topology),
    step(now, input) {
      core.out = []
      handle(core, now, input)
      return core.out
    },
  }
}

function initialState(options: CoreOptions, nowMs: number): CoreState {
  const { heartbeatMs = 100 } = options
  const provisional = createTopology()
  for (const { name, primary, quorum, hostname, unresolved } of options.groups)
    if (unresolved !== true) apply(provisional, { kind: 'monitor', group: name, primary, quorum, hostname })
  const core: CoreState = {
    options,
    self: options.self,
    heartbeatMs,
    timing: usualTiming(heartbeatMs),
    topology: createTopology(),
    provisional,
    groups: new Map(),
    peers: new Map(),
    circle: createCircle(options.closed !== true),
    obstacle: createObstacle(nowMs),
    // One that belongs to a group since an earlier run.
    officeTerm: undefined,
    doubtSinceMs: options.group === undefined ? undefined : nowMs,
    formed: options.group,
    formation: createFormation(options.self.peer),
    raft: NO_RAFT,
    proposed: new Map(),
    pending: new Map(),
    bootMs: options.group === undefined ? Number.NEGATIVE_INFINITY : nowMs,
    nextNonce: 1,
    appliedNonces: new Set(),
    early: new Map(),
    hops: new Map(),
    named: new Map(options.groups.flatMap((one) => (one.unresolved === true ? [] : [[one.name, one.primary]]))),
    boot: options.random.uint32() * 2 ** 20 + options.random.below(2 ** 20),
    // Somewhere else at each start: an echo of an earlier one is then no number of this one.
    reportSeq: options.random.uint32(),
    lastReportMs: Number.NEGATIVE_INFINITY,
    sentReports: new Map(),
    reportAtMs: Number.POSITIVE_INFINITY,
    saidKey: '',
    lastStepMs: nowMs,
    lastMemberChangeMs: Number.NEGATIVE_INFINITY,
    replacing: undefined,
    leaving: new Set(),
    lastJoinMs: Number.NEGATIVE_INFINITY,
    leaderSinceMs: nowMs,
    tiltUntilMs: undefined,
    tiltSinceMs: nowMs,
    dirty: true,
    nextOrderId: 1,
    wakeAtMs: Number.POSITIVE_INFINITY,
    stats: { stalls: 0, foreignHellos: 0, failovers: 0, aborted: 0, grants: 0 },
    out: [],
  }
  recall(core, options.knownPeers ?? [], nowMs)
  recallEarly(core, options.early ?? [])
  if (core.formed === undefined && core.peers.size > 0) startAnew(core.formation, nowMs)
  return core
}

function handle(core: CoreState, nowMs: number, input: Input): void {
  noticeStall(core, nowMs)
  core.lastStepMs = nowMs
  if (nowMs >= core.wakeAtMs) core.wakeAtMs = Number.POSITIVE_INFINITY
  const touched = take(core, nowMs, input)
  if (core.dirty && !('replay' in input && input.replay) && input.type !== 'restore') {
    core.dirty = false
    syncGroups(core, nowMs)
  }
  if (touched === 'all') for (const group of core.groups.values()) settle(core, group, nowMs)
  else if (touched !== undefined) settle(core, touched, nowMs)
}

/** Judges a group anew, reports a changed verdict, and lets the leader act on it. */
function settle(core: CoreState, group: GroupState, nowMs: number): void {
  if (core.groups.get(group.name) !== group) return
  const changed = evaluate(core, group, nowMs)
  lead(core, group, nowMs)
  if (changed && core.formed !== undefined) report(core, nowMs)
}

/** Applies an input; gives back which group it touched. */
function take(core: CoreState, nowMs: number, input: Input): GroupState | 'all' | undefined {
  switch (input.type) {
    case 'tick':
      tick(core, nowMs)
      return 'all'
    case 'link-up':
    case 'link-down':
    case 'pong':
    case 'info':
    case 'info-failed':
    case 'leased':
    case 'order-done':
      return takeServerInput(core, nowMs, input)
    case 'hello':
      if (!takeHint(core, input.hello, nowMs)) return undefined
      tellHints(core, nowMs)
      answerHint(core, nowMs)
      return undefined
    case 'peer-linked':
      reportTo(core, input.peer, nowMs)
      return undefined
    case 'resolved':
      takeResolved(core, input.group, input.primary)
      return undefined
    case 'hostname':
      if (core.raft.isLeader) takeHostname(core, input.group, input.host, input.address, nowMs)
      return undefined
    case 'timing':
      core.timing = { ...core.timing, ...input.changes }
      return 'all'
    case 'moved':
      moveSelf(core, input.resp, input.gossip)
      publishEverywhere(core, nowMs)
      return undefined
    case 'open':
      core.circle.open = true
      publishEverywhere(core, nowMs)
      return undefined
    case 'peer':
      heard(core, input.from, nowMs)
      return takePeerMessage(core, nowMs, input.from, input.message)
    case 'heard':
      heard(core, input.from, nowMs)
      return undefined
    case 'raft':
      takeRaftView(core, input.view, nowMs)
      return 'all'
    case 'committed':
      return takeCommitted(core, nowMs, input.data, input.replay === true)
    case 'restore':
      restore(core, input.data)
      return undefined
    case 'request':
      takeRequest(core, input.id, undefined, input.request, nowMs)
      return 'all'
  }
}

function tick(core: CoreState, nowMs: number): void {
  if (core.dirty) {
    core.dirty = false
    syncGroups(core, nowMs)
    tellPeers(core, nowMs)
  }
  tryToForm(core, nowMs)
  for (const group of [...core.groups.values()]) followNamed(core, group)
  for (const group of core.groups.values()) {
    lookAtNamed(core, group, nowMs)
    pollGroup(core, group, nowMs)
    tellDeadEnd(core, group, nowMs)
  }
  judgePeers(core, nowMs)
  takeOffice(core)
  watchObstacle(core, nowMs)
  expireRequests(core, nowMs)
  if (core.raft.isLeader) changeMembers(core, nowMs)
  else askForGroups(core, nowMs)
  passOnRequests(core, nowMs)
  for (const [key, untilMs] of core.proposed) if (nowMs >= untilMs) core.proposed.delete(key)
  reportIfDue(core, nowMs)
  if (core.tiltUntilMs !== undefined && nowMs >= core.tiltUntilMs) {
    core.tiltUntilMs = undefined
    emitText(core, '-tilt', '#tilt mode exited')
  }
}

/** Time in which this sentinel did not run is held against nobody, and what it was told meanwhile is stale. */
function noticeStall(core: CoreState, nowMs: number): void {
  const gapMs = nowMs - core.lastStepMs
  if (gapMs <= STALL_MS) return
  core.stats.stalls += 1
  for (const group of core.groups.values()) {
    group.votes.clear()
    for (const server of group.servers.values()) signal(server.detector, nowMs, { type: 'stalled', forMs: gapMs })
  }
  for (const peer of core.peers.values()) peer.lastHeardMs += gapMs
  if (core.formed === undefined) startAnew(core.formation, nowMs)
  else if (gapMs >= DOUBT_STALL_MS) doubt(core, nowMs)
  say(core, 'notice', `This sentinel did not run for ${Math.round(gapMs)} ms; it abstains until it has listened again.`)
  const { tiltTriggerMs, tiltPeriodMs } = core.timing
  if (gapMs < tiltTriggerMs) return
  if (core.tiltUntilMs === undefined) emitText(core, '+tilt', '#tilt mode entered')
  core.tiltSinceMs = nowMs
  core.tiltUntilMs = nowMs + tiltPeriodMs
}

type ServerInput = Input & { type: 'link-up' | 'link-down' | 'pong' | 'info' | 'info-failed' | 'leased' | 'order-done' }

function takeServerInput(core: CoreState, nowMs: number, input: ServerInput): GroupState | undefined {
  const group = core.groups.get(input.ref.group)
  const server = serverOf(group, input.ref)
  if (group === undefined || server === undefined) return undefined
  switch (input.type) {
    case 'link-up':
      addressSelf(core, input.local)
      if (server.link === 'connecting') noteLinkUp(server, nowMs, input.local, core.out)
      break
    case 'link-down':
      if (server.link !== 'down') noteLinkDown(server, nowMs, input.failure, core.timing.reconnectMs, core.out)
      break
    case 'pong':
      notePong(server, nowMs, input.text, core.out)
      break
    case 'info':
      takeInfo(core, group, server, input.info, nowMs)
      break
    case 'info-failed':
      server.infoAsks.shift()
      break
    case 'leased':
      takeLeased(core, group, server, input.answer, nowMs)
      break
    case 'order-done':
      if (!input.ok) say(core, 'warning', `${server.key} of ${group.name} refused an order: ${input.text}`)
      if (group.run !== undefined) noteOrderDone(group.run, server.key, input.id, input.ok, input.text, nowMs)
  }
  return group
}

const serverOf = (group: GroupState | undefined, ref: ServerRef) => group?.servers.get(addressKey(ref))

function takePeerMessage(
  core: CoreState,
  nowMs: number,
  from: string,
  message: PeerMessage,
): GroupState | 'all' | undefined {
  switch (message.type) {
    case 'report':
      return takeReport(core, nowMs, from, message)
    case 'join':
      takeJoin(core, from, message.hello, nowMs)
      return undefined
    case 'welcome':
      takeWelcome(core, from, message.group, nowMs)
      return undefined
    case 'refusal':
      takeRefusal(core, from, message.text, nowMs)
      return undefined
    case 'request':
      // Anybody's hello makes a peer known; orders are a member's to pass on.
      if (!isMember(core, from)) return undefined
      takeRequest(core, message.id, from, message.request, nowMs)
      return 'all'
    case 'result':
      if (isMember(core, from)) takeResult(core, message.id, message.result, message.nonce)
      return undefined
    case 'raft':
      return undefined
  }
}

/**
 * Takes a new picture of Raft. A leader whose lease lapses for a moment stays leader of its term: it decides nothing
 * meanwhile, and then goes on where it was, for nobody else can have decided anything in that term.
 */
function takeRaftView(core: CoreState, view: RaftView, nowMs: number): void {
  const before = core.raft
  core.raft = view
  if (before.voters.join() !== view.voters.join()) coverFormerVoters(core, nowMs)
  if (before.voters.length + before.learners.length > 0)
    forgetGhosts(core, nowMs, (id) => before.voters.includes(id) || before.learners.includes(id))
  if (view.term === before.term && view.leader === before.leader) return
  for (const group of core.groups.values()) {
    group.run = undefined
    group.startedEpoch = undefined
    group.doubt = undefined
    group.departure = undefined
  }
  core.proposed.clear()
  core.replacing = undefined
  core.leaderSinceMs = nowMs
  passOnRequests(core, nowMs)
  if (view.leader === undefined) return
  const leader = view.leader === core.self.peer ? core.self : core.peers.get(view.leader)
  const who = view.leader === core.self.peer ? 'This sentinel' : leader ? addressKey(leader.resp) : view.leader
  say(core, 'notice', `${who} leads the group (term ${view.term}).`)
}

/** A line of the file whose name could not be looked up at the start. */
function takeResolved(core: CoreState, group: string, primary: Address): void {
  const config = core.options.groups.find(({ name }) => name === group)
  if (config === undefined) return
  core.named.set(group, primary)
  if (core.topology.groups.has(group) || core.topology.removed.has(group)) return
  apply(core.provisional, { kind: 'monitor', group, primary, quorum: config.quorum, hostname: config.hostname })
  core.dirty = true
}

function restore(core: CoreState, data: Uint8Array): void {
  if (data.length === 0) return
  const topology = decodeTopology(data)
  assert(topology !== undefined, 'a Raft snapshot holds a topology')
  core.topology = topology
  core.dirty = true
  for (const group of core.groups.values()) forgetUnnamed(core, group)
}

function takeCommitted(
  core: CoreState,
  nowMs: number,
  data: Uint8Array,
  replay: boolean,
): GroupState | 'all' | undefined {
  const entry = decodeEntry(data)
  if (entry === undefined) {
    say(core, 'warning', 'An entry of the log is not understood and was skipped; a newer version of Vedette wrote it.')
    return undefined
  }
  const known = core.topology.groups.get(entry.group)
  const before = known?.failover
  const applied = apply(core.topology, entry)
  if (replay) {
    core.dirty = true
    return undefined
  }
  answerCommitted(core, entry.nonce, applied)
  // One that lost a race: its leader may try again at once.
  if (!applied.ok) return core.groups.get(entry.group)
  const topo = core.topology.groups.get(entry.group)
  const group = core.groups.get(entry.group)
  if (group !== undefined) timeCommit(group, entry, nowMs)
  if (topo !== undefined && group !== undefined) announce(core, group, topo, entry, before?.by, nowMs)
  if (entry.kind === 'switch' && group !== undefined) noteEnded(group.ledger, entry.ended ?? '')
  if (entry.kind === 'remove' && known !== undefined && group !== undefined) dismiss(core, group, known)
  syncGroups(core, nowMs)
  // The address that the server had before is nobody's; and one that is gone is watched no more.
  if (group !== undefined && (entry.kind === 'hostname' || entry.kind === 'forget')) forgetUnnamed(core, group)
  return core.groups.get(entry.group)
}

/** Goes on to the next phase of what is told of a failover; one that was given up begins anew, without another vote. */
function timeCommit(group: GroupState, { kind }: Entry, nowMs: number): void {
  if (kind === 'end') group.stopwatch = undefined
  else if (kind === 'abort') group.stopwatch = { ...createStopwatch(nowMs), agreed: true }
  else if (group.stopwatch !== undefined && (kind === 'start' || kind === 'choose' || kind === 'switch'))
    noteCommitted(group.stopwatch, kind === 'switch' ? 'announce' : 'commit', nowMs)
}

/** Tells what an applied entry means; a new primary and new groups are told by syncGroups. */
function announce(
  core: CoreState,
  group: GroupState,
  topo: TopologyGroup,
  entry: Entry,
  by: string | undefined,
  nowMs: number,
): void {
  const master = { kind: 'master' } as const
  const acting = core.raft.isLeader
  switch (entry.kind) {
    case 'start': {
      core.stats.failovers += 1
      const { lastEpoch: epoch } = topo
      if (acting && entry.by === core.self.peer) group.startedEpoch = epoch
      emitText(core, '+new-epoch', String(epoch), group.name)
      if (acting) emit(core, '+try-failover', group.name, group.primary, master)
      const leader = entry.by === core.self.peer ? core.self : core.peers.get(entry.by)
      if (leader !== undefined) emitText(core, '+vote-for-leader', `${leader.runId} ${epoch}`, group.name)
      if (acting) emit(core, '+elected-leader', group.name, group.primary, master)
      // The leader waits to hear that nothing is promised to the old primary any more.
      if (topo.lease !== undefined && !acting) report(core, nowMs)
      return
    }
    case 'end':
      if (acting) emit(core, '+failover-end', group.name, group.primary, master)
      return
    case 'abort':
      core.stats.aborted += 1
      if (acting || by === core.self.peer)
        emit(core, `-failover-abort-${entry.cause}`, group.name, group.primary, master)
      backOff(core, group, topo, nowMs)
      return
    case 'reset':
      forgetReplicas(core, group, nowMs)
      forgetGhosts(core, nowMs)
      return
    case 'set':
      for (const [field, value] of Object.entries(entry.changes)) {
        for (const text of field === 'authPass' ? ['******'] : valuesOf(value))
          emit(core, '+set', group.name, group.primary, master, `${optionOf(field)} ${text}`)
      }
      return
    default:
      return
  }
}

/** The group's replicated state, for reading: the address that clients may use. */
export const groupState = (core: CoreState, name: string): TopologyGroup | undefined => topoOf(core, name)
