// A failover as steps that a leader takes, and that the next leader can take up at any point. What is decided lives in the
// topology (committed through Raft): that there is a failover, who the candidate is, that the switch happened. What
// is merely under way lives here, in FailoverRun, and is lost with the leader: every order can be given twice.
//
//   choose ──commit──▶ promote ──commit──▶ reconfigure ──commit──▶ over
//      └──────────────────┴── abort ──commit──▶ over, tried again later in a new epoch
//
// decide() looks at the facts and says what to do now; it is called again whenever a fact changed. Each decision that a
// person would ask about carries one sentence, which becomes the log line and the history entry.
//
// A planned switchover first holds back the writes of the healthy primary and waits until the candidate has them all. The
// pause ends by itself on the server, so the promotion must be ordered well before (PAUSE_USED); later than that the
// writes are resumed and the failover is given up, because a write might be accepted that the candidate never gets.
//
// The old primary is not fenced when it is silent rather than dead: a real Redis knows no lease. It is demoted when it
// returns (leader.ts), and what it acknowledged meanwhile is lost, as with Redis Sentinel.
import { type Address, addressKey, sameAddress } from './address.ts'
import { isDown } from './detector.ts'
import type { Order } from './effects.ts'
import type { AbortCause } from './entries.ts'
import type { EventName } from './events.ts'
import { type Candidate, rank } from './ranking.ts'
import type { GroupSettings } from './settings.ts'
import type { Failover, TopologyGroup } from './topology.ts'
import type { Watched } from './watched.ts'

/** An order given in this run. */
interface Given {
  readonly id: number
  readonly kind: Order['kind']
  readonly sentMs: number
  doneMs: number | undefined
  ok: boolean
  text: string
}

/** A leader's progress in one failover. */
export interface FailoverRun {
  readonly epoch: number
  readonly startedMs: number
  /** Taken up midway from another leader. */
  readonly resumed: boolean
  /** Facts about replicas that were asked for earlier are too old to choose by. */
  readonly freshSinceMs: number
  phase: 'choose' | 'promote' | 'reconfigure'
  phaseSinceMs: number
  /** Last order to each server, by its key. */
  readonly orders: Map<string, Given>
  /** Decided to abort; only the commit is still to come. */
  givenUp: { readonly cause: AbortCause; readonly why: string } | undefined
  /** Events that were told already. */
  readonly told: Set<string>
}

export interface FailoverFacts {
  readonly nowMs: number
  readonly topo: TopologyGroup
  readonly failover: Failover
  readonly settings: GroupSettings
  readonly servers: ReadonlyMap<string, Watched>
}

export type Decision =
  | { readonly do: 'order'; readonly server: Watched; readonly order: Order; readonly why: string }
  | { readonly do: 'info'; readonly server: Watched }
  | { readonly do: 'choose'; readonly replica: Address; readonly why: string }
  | { readonly do: 'switch'; readonly why: string }
  | { readonly do: 'end'; readonly why: string }
  | { readonly do: 'abort'; readonly cause: AbortCause; readonly why: string }
  /** Tell an event, about a server or (without one) about the group's primary. */
  | { readonly do: 'tell'; readonly event: EventName; readonly about: Address | undefined }
  | { readonly do: 'wake'; readonly atMs: number }

/** How long the leader waits for the INFO of every reachable replica. */
const CHOOSE_WAIT_MS = 200
/** How long it waits for a first replica before it gives up for now. */
const CHOOSE_LIMIT_MS = 1_000
/** How long a replica may take to notice that its primary died; its offset is final when it has. */
const DRAIN_WAIT_MS = 50
/** A candidate that answers but does not become primary within this (or failover-timeout) is given up. */
const PROMOTE_LIMIT_MS = 10_000
/** How long a planned switchover holds back writes at most, and which part of that it may use up. */
const PAUSE_MS = 5_000
const PAUSE_USED = 0.5
/** An order without an answer is given again after this. */
const ORDER_RETRY_MS = 1_000
const FAILED_ORDER_RETRY_MS = 50
/** A replica that does not follow the new primary within this no longer holds up the next one. */
const RECONF_LIMIT_MS = 10_000
const POLL_FAST_MS = 4
const POLL_SLOW_MS = 25

export function createRun(failover: Failover, nowMs: number, freshSinceMs: number): FailoverRun {
  const phase = phaseOf(failover)
  const told = new Set<string>()
  return {
    epoch: failover.epoch,
    startedMs: nowMs,
    resumed: phase !== 'choose',
    freshSinceMs: Math.min(nowMs, freshSinceMs),
    phase,
    phaseSinceMs: nowMs,
    orders: new Map(),
    givenUp: undefined,
    told,
  }
}

const phaseOf = (failover: Failover): FailoverRun['phase'] =>
  failover.candidate === undefined ? 'choose' : failover.switchedAtMs === undefined ? 'promote' : 'reconfigure'

/** What to do now. May be called at any time; gives nothing new while it waits. */
export function decide(run: FailoverRun, facts: FailoverFacts): Decision[] {
  const out: Decision[] = []
  const phase = phaseOf(facts.failover)
  if (run.phase !== phase) {
    run.phase = phase
    run.phaseSinceMs = facts.nowMs
    // The step that was given up has been committed after all (proposed by an earlier leader): go on from there.
    run.givenUp = undefined
  }
  if (run.givenUp !== undefined) out.push({ do: 'abort', ...run.givenUp })
  else if (phase === 'choose') choose(run, facts, out)
  else if (phase === 'promote') promote(run, facts, out)
  else reconfigure(run, facts, out)
  return out
}

/** Notes the outcome of an order. */
export function noteOrderDone(
  run: FailoverRun,
  key: string,
  id: number,
  ok: boolean,
  text: string,
  nowMs: number,
): void {
  const given = run.orders.get(key)
  if (given === undefined || given.id !== id) return
  given.doneMs = nowMs
  given.ok = ok
  given.text = text
}

/** Notes that an order was sent under this ID. */
export function noteOrderSent(run: FailoverRun, key: string, id: number, kind: Order['kind'], nowMs: number): void {
  run.orders.set(key, { id, kind, sentMs: nowMs, doneMs: undefined, ok: false, text: '' })
}

function tell(run: FailoverRun, out: Decision[], event: EventName, about?: Address): void {
  const key = about === undefined ? event : `${event} ${addressKey(about)}`
  if (run.told.has(key)) return
  run.told.add(key)
  out.push({ do: 'tell', event, about })
}

const reachable = (server: Watched | undefined): server is Watched =>
  server !== undefined && server.link === 'up' && !isDown(server.judgement.verdict)

// ---- choose

/** A choice that can be made now, or how long it pays to wait for more facts. */
export type Choice =
  | { readonly kind: 'wait'; readonly ask: readonly Watched[] }
  | { readonly kind: 'chosen'; readonly replica: Address; readonly why: string }
  | { readonly kind: 'none'; readonly why: string }

/** What the choice rests on. `freshSinceMs`: older facts do not count. `crashed`: the primary's process is gone. */
export interface ChoiceFacts {
  readonly nowMs: number
  readonly topo: TopologyGroup
  readonly settings: GroupSettings
  readonly servers: ReadonlyMap<string, Watched>
  readonly old: Address
  readonly freshSinceMs: number
  readonly crashed: boolean
}

/** Chooses among the replicas; `patient`: waits for the facts of every one that can be reached. */
export function chooseReplica(facts: ChoiceFacts, patient: boolean): Choice {
  const { topo, servers, freshSinceMs } = facts
  const replicas = topo.replicas.flatMap((address) => servers.get(addressKey(address)) ?? [])
  const waiting = replicas.filter((server) => reachable(server) && !isFresh(facts, server))
  if (waiting.length > 0 && patient)
    return { kind: 'wait', ask: waiting.filter(({ infoAsks }) => infoAsks.length === 0) }
  const candidates = replicas.map((server) => candidateOf(server, freshSinceMs))
  const { winner, sentence } = rank(candidates, maxLinkDownMs(facts))
  if (winner === undefined) return { kind: 'none', why: sentence }
  return { kind: 'chosen', replica: winner.address, why: sentence }
}

function choose(run: FailoverRun, facts: FailoverFacts, out: Decision[]): void {
  const { nowMs, failover, settings, servers } = facts
  tell(run, out, '+failover-state-select-slave')
  const waitedMs = nowMs - run.phaseSinceMs
  const crashed = !failover.planned && servers.get(addressKey(failover.old))?.judgement.verdict === 'dead'
  const { freshSinceMs } = run
  const choice = chooseReplica({ ...facts, old: failover.old, freshSinceMs, crashed }, waitedMs < CHOOSE_WAIT_MS)
  if (choice.kind === 'chosen') {
    const why = failover.planned ? `${choice.why}, as the operator asked for a switchover` : choice.why
    out.push({ do: 'choose', replica: choice.replica, why })
  } else if (choice.kind === 'wait') {
    for (const server of choice.ask) out.push({ do: 'info', server })
    out.push({ do: 'wake', atMs: nowMs + POLL_FAST_MS })
  } else if (waitedMs < Math.min(CHOOSE_LIMIT_MS, settings.failoverTimeoutMs)) {
    out.push({ do: 'wake', atMs: nowMs + POLL_SLOW_MS })
  } else out.push({ do: 'abort', cause: 'no-good-slave', why: choice.why })
}

/** Fresh: asked for after the failure; and after a crash, the replica has drained what the dead primary had sent. */
function isFresh({ nowMs, freshSinceMs, crashed }: ChoiceFacts, server: Watched): boolean {
  if (server.info === undefined || server.infoAskedMs < freshSinceMs) return false
  return !crashed || !server.info.linkUp || nowMs - freshSinceMs > DRAIN_WAIT_MS
}

function candidateOf(server: Watched, freshSinceMs: number): Candidate {
  const { host, port } = server.ref
  return {
    address: { host, port },
    verdict: server.judgement.verdict,
    linked: server.link === 'up',
    info: server.infoAskedMs >= freshSinceMs ? server.info : undefined,
  }
}

/** Redis Sentinel's limit on how old a replica's data may be: ten times down-after, and the time since the failure. */
function maxLinkDownMs({ nowMs, old, settings, servers }: ChoiceFacts): number {
  const primary = servers.get(addressKey(old))
  const downMs = primary?.sdown ? nowMs - primary.sdownSinceMs : 0
  return settings.downAfterMs * 10 + downMs
}

// ---- promote

function promote(run: FailoverRun, facts: FailoverFacts, out: Decision[]): void {
  const { nowMs, failover, settings, servers } = facts
  const address = failover.candidate!
  const server = servers.get(addressKey(address))
  tell(run, out, '+selected-slave', address)
  if (isPromoted(run, server)) {
    tell(run, out, '+promoted-slave', address)
    out.push({ do: 'switch', why: `${addressKey(address)} reports to be a primary` })
    return
  }
  const waitedMs = nowMs - run.phaseSinceMs
  const limitMs = Math.min(settings.failoverTimeoutMs, PROMOTE_LIMIT_MS)
  if (server === undefined || isDown(server.judgement.verdict) || waitedMs > limitMs) {
    const why =
      server && !isDown(server.judgement.verdict) ? `did not become primary in ${limitMs} ms` : 'is down itself'
    giveUp(run, facts, out, 'slave-timeout', `${addressKey(address)} ${why}`)
    return
  }
  out.push({ do: 'wake', atMs: nowMs + POLL_SLOW_MS })
  if (server.link !== 'up') return
  if (run.resumed && server.infoAskedMs < run.startedMs) {
    // The candidate may be primary already.
    if (server.infoAsks.at(-1) !== nowMs) out.push({ do: 'info', server })
    return
  }
  if (!holdWrites(run, facts, server, out)) return
  tell(run, out, '+failover-state-send-slaveof-noone', address)
  const order: Order = { kind: 'promote', epoch: failover.epoch }
  if (!give(run, facts, server, order, `${addressKey(address)} is told to become primary`, out)) {
    const given = run.orders.get(server.key)
    if (given?.ok && server.infoAsks.length === 0) out.push({ do: 'info', server })
    return
  }
  tell(run, out, '+failover-state-wait-promotion', address)
  out.push({ do: 'info', server })
}

/** True when INFO, asked for after the candidate was chosen, says that it is primary. */
const isPromoted = (run: FailoverRun, server: Watched | undefined): boolean =>
  server?.info?.role === 'primary' && server.infoAskedMs >= run.phaseSinceMs

/** Planned switchover: pauses the primary's writes; true once the candidate has them all, or there is nothing to hold. */
function holdWrites(run: FailoverRun, facts: FailoverFacts, candidate: Watched, out: Decision[]): boolean {
  const { nowMs, failover, servers } = facts
  const old = servers.get(addressKey(failover.old))
  if (!failover.planned || old === undefined || isDown(old.judgement.verdict)) return true
  if (run.orders.get(candidate.key)?.kind === 'promote') return true
  const paused = run.orders.get(old.key)
  if (paused === undefined) {
    const why = `writes on ${old.key} are held back until ${candidate.key} has them all`
    if (old.link === 'up')
      give(run, facts, old, { kind: 'pause-writes', epoch: failover.epoch, forMs: PAUSE_MS }, why, out)
    return false
  }
  if (nowMs - paused.sentMs > PAUSE_MS * PAUSE_USED || (paused.doneMs !== undefined && !paused.ok)) {
    const why =
      paused.doneMs !== undefined && !paused.ok
        ? `could not pause: ${paused.text}`
        : 'the candidate did not catch up in time'
    giveUp(run, facts, out, 'pause-timeout', why)
    return false
  }
  const { doneMs } = paused
  if (doneMs === undefined) return false
  const target = old.info !== undefined && old.infoAskedMs >= doneMs ? old.info.offset : undefined
  const reached = candidate.info !== undefined && candidate.infoAskedMs >= doneMs ? candidate.info.offset : -1
  const caughtUp = target !== undefined && reached >= target
  if (caughtUp) return true
  if (target === undefined && old.infoAsks.length === 0) out.push({ do: 'info', server: old })
  if (candidate.infoAsks.length === 0) out.push({ do: 'info', server: candidate })
  out.push({ do: 'wake', atMs: nowMs + POLL_FAST_MS })
  return false
}

/** Gives up, and lets a paused primary write again. */
function giveUp(run: FailoverRun, facts: FailoverFacts, out: Decision[], cause: AbortCause, why: string): void {
  const { failover, servers } = facts
  const old = servers.get(addressKey(failover.old))
  if (old !== undefined && run.orders.get(old.key)?.kind === 'pause-writes') {
    run.orders.delete(old.key)
    const order: Order = { kind: 'resume-writes', epoch: failover.epoch }
    if (old.link === 'up') out.push({ do: 'order', server: old, order, why: `${old.key} may write again` })
  }
  run.givenUp = { cause, why }
  out.push({ do: 'abort', cause, why })
}

/** Gives an order unless the same one was given and may still succeed. True when it goes out now. */
function give(
  run: FailoverRun,
  { nowMs }: FailoverFacts,
  server: Watched,
  order: Order,
  why: string,
  out: Decision[],
): boolean {
  const given = run.orders.get(server.key)
  if (given?.kind === order.kind) {
    if (given.doneMs === undefined && nowMs - given.sentMs < ORDER_RETRY_MS) return false
    if (given.doneMs !== undefined && given.ok && nowMs - given.sentMs < ORDER_RETRY_MS) return false
    if (given.doneMs !== undefined && !given.ok && nowMs - given.doneMs < FAILED_ORDER_RETRY_MS) return false
  }
  out.push({ do: 'order', server, order, why })
  return true
}

// ---- reconfigure

function reconfigure(run: FailoverRun, facts: FailoverFacts, out: Decision[]): void {
  const { nowMs, topo, failover, settings, servers } = facts
  tell(run, out, '+failover-state-reconf-slaves')
  const primary = servers.get(addressKey(topo.primary))
  if (primary !== undefined && isDown(primary.judgement.verdict)) {
    out.push({ do: 'end', why: `the new primary ${primary.key} is ${primary.judgement.verdict} already` })
    return
  }
  const others = topo.replicas.flatMap((address) => servers.get(addressKey(address)) ?? []).filter(reachable)
  const progress = others.map((server) => ({ server, state: progressOf(run, facts, server, out) }))
  const todo = progress.filter(({ state }) => state === 'todo').map(({ server }) => server)
  let busy = progress.filter(({ state }) => state === 'busy').length
  // The paused old primary of a switchover holds no one up: its clients wait.
  todo.sort((a, b) => Number(sameAddress(b.ref, failover.old)) - Number(sameAddress(a.ref, failover.old)))
  for (const server of todo) {
    const isOld = sameAddress(server.ref, failover.old)
    if (busy >= settings.parallelSyncs && !isOld) break
    if (!isOld) busy += 1
    follow(run, facts, server, out)
  }
  const open = progress.some(({ state }) => state === 'todo' || state === 'busy')
  if (!open) out.push({ do: 'end', why: `every reachable replica follows ${addressKey(topo.primary)}` })
  else if (nowMs - run.phaseSinceMs > settings.failoverTimeoutMs) {
    tell(run, out, '+failover-end-for-timeout')
    out.push({
      do: 'end',
      why: `some replicas do not follow ${addressKey(topo.primary)} yet; they are corrected later`,
    })
  } else pollReplicas(facts, progress, out)
}

function pollReplicas({ nowMs }: FailoverFacts, progress: { server: Watched; state: string }[], out: Decision[]): void {
  for (const { server, state } of progress) {
    const lastMs = server.infoAsks.at(-1) ?? server.infoAskedMs
    if (state === 'busy' && server.infoAsks.length === 0 && nowMs - lastMs >= POLL_SLOW_MS)
      out.push({ do: 'info', server })
  }
  out.push({ do: 'wake', atMs: nowMs + POLL_SLOW_MS })
}

function follow(run: FailoverRun, facts: FailoverFacts, server: Watched, out: Decision[]): void {
  const { topo, failover } = facts
  const order: Order = { kind: 'follow', epoch: failover.epoch, primary: topo.primary }
  const why = `${server.key} is told to follow ${addressKey(topo.primary)}`
  if (!give(run, facts, server, order, why, out)) return
  if (failover.planned && sameAddress(server.ref, failover.old))
    out.push({
      do: 'order',
      server,
      order: { kind: 'resume-writes', epoch: failover.epoch },
      why: `${server.key} is released`,
    })
  tell(run, out, '+slave-reconf-sent', server.ref)
}

function progressOf(
  run: FailoverRun,
  { nowMs, topo }: FailoverFacts,
  server: Watched,
  out: Decision[],
): 'todo' | 'busy' | 'late' | 'done' {
  const given = run.orders.get(server.key)
  const sinceMs = given?.kind === 'follow' ? given.sentMs : run.phaseSinceMs
  const info = server.infoAskedMs >= sinceMs ? server.info : undefined
  const follows = info?.role === 'replica' && sameAddress(info.primary, topo.primary)
  if (follows) {
    tell(run, out, '+slave-reconf-inprog', server.ref)
    if (info.linkUp) {
      tell(run, out, '+slave-reconf-done', server.ref)
      return 'done'
    }
  }
  if (given?.kind !== 'follow') return 'todo'
  if (nowMs - given.sentMs > RECONF_LIMIT_MS) {
    tell(run, out, '-slave-reconf-sent-timeout', server.ref)
    return 'late'
  }
  const failed = given.doneMs !== undefined && !given.ok
  return failed ? 'todo' : 'busy'
}
