// What an operator asks for: a switchover, a new group, a changed setting. Any sentinel takes the request and passes it to
// the leader; the leader checks it, proposes it, and answers when it was committed. Nothing is answered OK that a majority does
// not hold and that the sentinel which answers does not show; but for one without a group, or with settings when there is no leader,
// which keeps what it was told (early.ts).
import { errorText } from '../errors.ts'
import { startFailover } from './acts.ts'
import { type Address, addressKey, sameAddress } from './address.ts'
import { chooseReplica } from './choose.ts'
import { keepsCopies } from './copies.ts'
import { isDown } from './detector.ts'
import { earlyRequests, isMonitored, noteEarly, takeEarlyResult } from './early.ts'
import { type Entry, entryLevel } from './entries.ts'
import { reachable } from './failover-run.ts'
import { uncommitted } from './group.ts'
import { proposeReplicas } from './leader.ts'
import { DISCOUNT_LEVEL } from './machine.ts'
import { forgetDeadMembers } from './membership.ts'
import type { OperatorRequest, OperatorResult } from './peer-message.ts'
import { isOfLease, parseChanges } from './settings.ts'
import { type CoreState, levelInForce, type PendingRequest, propose, say, settingsOf, topoOf, wallMs } from './state.ts'
import { apply, type TopologyGroup } from './topology.ts'
import { isVouchedFor } from './whereabouts.ts'

const ANSWER_MS = 5_000
const PENDING_MAX = 1_024
const ASK_AGAIN_MS = 2_000
/** How long a request waits for a leader to be elected. */
const NO_LEADER_MS = 2_000
const NONCES_MAX = 256
/** Requests of this sentinel itself have IDs from here on. */
const OWN_ID = 2 ** 40
const no = (text: string): OperatorResult => ({ ok: false, text })
const NO_LEADER = no(errorText('noMajority'))
const isUndecided = ({ ok, text }: OperatorResult): boolean => !ok && text === NO_LEADER.text
const NO_GROUP = no(errorText('noSuchMaster'))

/** A change that one sentinel can make before there is a group; of a failover and a pause only a leader makes something. */
type Change = OperatorRequest & { kind: 'monitor' | 'remove' | 'set' | 'reset' }
const isChange = (request: OperatorRequest): request is Change =>
  request.kind !== 'failover' && request.kind !== 'pause' && request.kind !== 'resume'

/** A setting of a group that the sentinels have not agreed on yet: it goes to the leader once they have (early.ts). */
const isOfProvisional = (core: CoreState, request: OperatorRequest): request is Change & { kind: 'set' } =>
  request.kind === 'set' && !core.topology.groups.has(request.group) && core.provisional.groups.has(request.group)

/** Takes a request: of this sentinel's operator, or passed on by `from`. */
export function takeRequest(
  core: CoreState,
  id: number,
  from: string | undefined,
  request: OperatorRequest,
  nowMs: number,
): void {
  if (isOfProvisional(core, request)) return answer(core, id, from, applyHere(core, request))
  if (core.raft.isLeader) return decideRequest(core, id, from, request, nowMs)
  if (from !== undefined) return answer(core, id, from, NO_LEADER)
  if (core.formed === undefined && isChange(request)) return answer(core, id, from, applyHere(core, request))
  if (core.formed === undefined || core.pending.size >= PENDING_MAX) return answer(core, id, from, NO_LEADER)
  const untilMs = nowMs + NO_LEADER_MS
  core.pending.set(`id ${id}`, { ...pendingUntil(nowMs, id, from, request), untilMs, unsent: true })
  passOnRequests(core, nowMs)
}

/** Passes on, or decides, what waited for a leader; and what this sentinel was told before it had a group. */
export function passOnRequests(core: CoreState, nowMs: number): void {
  const { leader, isLeader } = core.raft
  if (core.formed === undefined || leader === undefined) return
  if (!isLeader && leader === core.self.peer) return
  for (const [key, { unsent, id, request }] of core.pending) {
    if (unsent !== true) continue
    core.pending.delete(key)
    if (isLeader) decideRequest(core, id, undefined, request, nowMs)
    else {
      core.pending.set(key, pendingUntil(nowMs, id, undefined, request))
      core.out.push({ type: 'send', to: leader, message: { type: 'request', id, request } })
    }
  }
  for (const request of earlyRequests(core, nowMs))
    takeRequest(core, OWN_ID + core.nextNonce++, undefined, request, nowMs)
}

/** A group that only this sentinel's file names: the leader is asked to have it monitored by all. */
export function askForGroups(core: CoreState, nowMs: number): void {
  const { leader } = core.raft
  if (core.formed === undefined || leader === undefined || leader === core.self.peer) return
  for (const { name, primary, quorum, hostname } of core.provisional.groups.values()) {
    const key = `ask ${name}`
    if (!isVouchedFor(core, name, nowMs)) continue
    if (nowMs < (core.proposed.get(key) ?? Number.NEGATIVE_INFINITY)) continue
    core.proposed.set(key, nowMs + ASK_AGAIN_MS)
    const request: OperatorRequest = { kind: 'monitor', group: name, primary, quorum, hostname: hostname?.host }
    core.out.push({ type: 'send', to: leader, message: { type: 'request', id: 0, request } })
  }
}

/** Takes the leader's answer to a request that was passed on. */
export function takeResult(core: CoreState, id: number, result: OperatorResult, nonce: string | undefined): void {
  const pending = core.pending.get(`id ${id}`)
  if (pending === undefined) return
  core.pending.delete(`id ${id}`)
  const applied = !result.ok || nonce === undefined || core.appliedNonces.has(nonce)
  if (applied) answer(core, id, undefined, result, pending.request)
  else core.pending.set(nonce, pending)
}

/** Answers the requests that waited too long. */
export function expireRequests(core: CoreState, nowMs: number): void {
  for (const [key, { id, from, untilMs, request }] of core.pending) {
    if (nowMs < untilMs) continue
    core.pending.delete(key)
    answer(core, id, from, NO_LEADER, request)
  }
}

/** Answers the operator whose request this entry carried, if it was this leader's and no other entry of it is to come. */
export function answerCommitted(core: CoreState, nonce: string | undefined, result: OperatorResult): void {
  if (nonce === undefined) return
  noteNonce(core, nonce)
  const pending = core.pending.get(nonce)
  if (pending === undefined) return
  pending.waitsFor -= 1
  // Somebody else asked for the very same, and was first.
  if (!result.ok && !isMonitoredAlready(core, pending.request)) pending.refusal ??= result.text
  if (pending.waitsFor > 0) return
  core.pending.delete(nonce)
  const outcome = pending.refusal === undefined ? { ok: true, text: 'OK' } : no(pending.refusal)
  answer(core, pending.id, pending.from, outcome, pending.request, nonce)
}

function noteNonce({ appliedNonces }: CoreState, nonce: string): void {
  appliedNonces.add(nonce)
  const [oldest] = appliedNonces
  if (oldest !== undefined && appliedNonces.size > NONCES_MAX) appliedNonces.delete(oldest)
}

/** Each of several sentinels may be told to monitor the same: the first makes it so, the others find it so. */
function isMonitoredAlready(core: CoreState, request: OperatorRequest): boolean {
  if (request.kind !== 'monitor') return false
  const known = topoOf(core, request.group)
  return known !== undefined && isMonitored(known, request)
}

function answer(
  core: CoreState,
  id: number,
  from: string | undefined,
  result: OperatorResult,
  request?: OperatorRequest,
  nonce?: string,
): void {
  if (from !== undefined) {
    const message = { type: 'result', id, result, ...(nonce !== undefined && { nonce }) } as const
    core.out.push({ type: 'send', to: from, message })
  } else if (id < OWN_ID)
    core.out.push({ type: 'answer', id, result: isUndecided(result) ? (keepSetting(core, request) ?? result) : result })
  else if (request !== undefined && 'group' in request) takeEarlyResult(core, request.group, result)
}

/** The leader's part. */
function decideRequest(
  core: CoreState,
  id: number,
  from: string | undefined,
  request: OperatorRequest,
  nowMs: number,
): void {
  if (core.pending.size >= PENDING_MAX) return answer(core, id, from, NO_LEADER, request)
  const nonce = `${core.self.peer.slice(-16)}-${core.topology.epoch}-${Math.floor(nowMs)}-${core.nextNonce++}`
  const outcome =
    request.kind === 'failover' ? failover(core, request, nonce, nowMs) : change(core, request, nonce, nowMs)
  if (outcome !== undefined) return answer(core, id, from, outcome, request)
  core.pending.set(nonce, pendingUntil(nowMs, id, from, request))
}

const pendingUntil = (
  nowMs: number,
  id: number,
  from: string | undefined,
  request: OperatorRequest,
): PendingRequest => {
  const waitsFor = request.kind === 'reset' ? request.groups.length : 1
  return { id, from, request, untilMs: nowMs + ANSWER_MS, waitsFor, refusal: undefined }
}

/** Undefined when the answer comes with the commit. */
function failover(
  core: CoreState,
  { group: name, lossAllowed }: OperatorRequest & { kind: 'failover' },
  nonce: string,
  nowMs: number,
): OperatorResult | undefined {
  const topo = core.topology.groups.get(name)
  const group = core.groups.get(name)
  if (topo === undefined || group === undefined) return NO_GROUP
  if (topo.failover !== undefined) return no(errorText('failoverInProgress'))
  const primary = group.servers.get(addressKey(topo.primary))!
  const planned = !isDown(primary.judgement.verdict)
  const settings = { ...settingsOf(core, topo), downAfterMs: Number.POSITIVE_INFINITY }
  const base = { nowMs, topo, settings, servers: group.servers, old: topo.primary, crashed: false }
  const mayLose = lossAllowed === true && keepsCopies(topo, settings)
  const lossless = !planned && !mayLose && keepsCopies(topo, settings)
  const choice = chooseReplica({ ...base, freshSinceMs: Number.NEGATIVE_INFINITY, forced: !planned, lossless }, false)
  if (choice.kind === 'none' && lossless) return no(errorText('unsafe', choice.why))
  if (choice.kind !== 'chosen') return no(errorText('noCandidate'))
  const reason = 'an operator asked for it (SENTINEL FAILOVER)'
  const start = { planned, cause: 'operator', reason, nonce, ...(mayLose && { lossAllowed }) } as const
  const started = startFailover(core, topo, start, nowMs)
  return started ? undefined : no(errorText('failoverInProgress'))
}

function change(
  core: CoreState,
  request: Exclude<OperatorRequest, { kind: 'failover' }>,
  nonce: string,
  nowMs: number,
): OperatorResult | undefined {
  if (request.kind === 'reset') {
    if (request.groups.length === 0) return { ok: true, text: '0' }
    forgetDeadMembers(core)
    for (const group of request.groups) {
      const kept = keptByReset(core, group)
      // A reset keeps only what is in an entry; these may have been found just now.
      const watched = core.groups.get(group)
      if (watched !== undefined) proposeReplicas(core, watched, nowMs)
      const later = forgottenLater(core, group, kept)
      propose(core, nowMs, `reset ${group} ${nonce}`, { kind: 'reset', group, keep: [...kept, ...later], nonce })
      if (kept.length > 0)
        for (const replica of later)
          propose(core, nowMs, `discount ${group} ${addressKey(replica)}`, { kind: 'discount', group, replica })
    }
    return undefined
  }
  const entry = toEntry(core, request, nowMs)
  if (typeof entry === 'string') return no(entry)
  if (entryLevel(entry) > levelInForce(core)) return no(errorText('sentinelTooOld'))
  const isKnown = core.topology.groups.has(request.group)
  // The same again is proposed all the same: who asked hears of it when it shows there.
  if (request.kind === 'monitor' && isKnown && !isMonitoredAlready(core, request))
    return no(errorText('duplicateMaster'))
  if (request.kind !== 'monitor' && !isKnown) return NO_GROUP
  propose(core, nowMs, `${request.kind} ${nonce}`, { ...entry, nonce })
  return undefined
}

/**
 * `sync`: one that does not answer may have copies that count. So they stop counting first, and it is forgotten when nobody can miss it
 * (departed.ts).
 */
function forgottenLater(core: CoreState, name: string, kept: readonly Address[]): Address[] {
  const topo = core.topology.groups.get(name)
  const watched = core.groups.get(name)
  if (topo === undefined || watched === undefined || levelInForce(core) < DISCOUNT_LEVEL) return []
  if (!keepsCopies(topo, settingsOf(core, topo))) return []
  return [...topo.replicas, ...uncommitted(core, watched)].filter(
    (replica) => !kept.some((one) => sameAddress(one, replica)),
  )
}

/**
 * What a reset does not forget: the replicas that answer and follow this primary. While it lives it would name them again, and
 * while it does not nobody else could.
 */
function keptByReset(core: CoreState, name: string): Address[] {
  const topo = topoOf(core, name)
  const servers = core.groups.get(name)?.servers
  if (topo === undefined || servers === undefined) return []
  const kept = [...servers.values()].flatMap((server) => {
    const { host, port } = server.ref
    const follows = server.info?.role === 'replica' && sameAddress(server.info.primary, topo.primary)
    return reachable(server) && !server.probe && follows ? [{ host, port }] : []
  })
  const primary = servers.get(addressKey(topo.primary))
  if (primary !== undefined && isDown(primary.judgement.verdict)) {
    const names = kept.length === 0 ? 'none answers' : kept.map(addressKey).join(' ')
    say(
      core,
      'warning',
      `RESET of ${name} while its primary is down: a failover needs the replicas, kept are: ${names}.`,
    )
  }
  return kept
}

function toEntry(
  core: CoreState,
  request: Exclude<OperatorRequest, { kind: 'failover' | 'reset' }>,
  nowMs: number,
): Entry | string {
  const { group } = request
  if (request.kind === 'pause') return { kind: 'pause', group, untilMs: wallMs(core, nowMs) + request.forMs }
  if (request.kind === 'resume') return { kind: 'resume', group }
  if (request.kind === 'monitor') return request
  if (request.kind === 'remove') return { kind: 'remove', group }
  const changes = parseChanges(request.pairs)
  return typeof changes === 'string' ? changes : { kind: 'set', group, changes }
}

/** Before there is a group of sentinels, the change is in force here at once, and the group's as soon as there is one. */
function applyHere(core: CoreState, request: Change): OperatorResult {
  if (request.kind === 'reset') {
    for (const group of request.groups)
      apply(core.provisional, { kind: 'reset', group, keep: keptByReset(core, group) })
    core.dirty = true
    return { ok: true, text: String(request.groups.length) }
  }
  const entry = toEntry(core, request, core.lastStepMs)
  if (typeof entry === 'string') return no(entry)
  const known: TopologyGroup | undefined = topoOf(core, request.group)
  if (isMonitoredAlready(core, request)) return { ok: true, text: 'OK' }
  if (request.kind === 'monitor' && known !== undefined) return no(errorText('duplicateMaster'))
  core.dirty = true
  const applied = apply(core.provisional, entry)
  if (applied.ok) noteEarly(core, request, entry.kind === 'set' ? entry.changes : undefined)
  return applied
}

/**
 * No majority decides: as with Redis a setting is in force on the sentinel that was told, and the group's once it can be. Should it
 * have been committed all the same, that only happens twice. Not what leases rest on, which must be the same for all.
 */
function keepSetting(core: CoreState, request: OperatorRequest | undefined): OperatorResult | undefined {
  if (request?.kind !== 'set' || !core.topology.groups.has(request.group)) return undefined
  const changes = parseChanges(request.pairs)
  if (typeof changes === 'string' || isOfLease(changes)) return undefined
  noteEarly(core, request, changes)
  core.dirty = true
  return { ok: true, text: 'OK' }
}
