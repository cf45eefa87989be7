// The step of a failover in which the candidate becomes primary. It is the dangerous one: from the order until the commit of
// the switch there may be two primaries, so each order rests on a fresh look at the old one.
//
//  - The old primary is down: a quorum says so *now*, not only when the failover began. Is it well again instead, nothing is
//    won by going on: the candidate is demoted if it was promoted already, and the failover is given up.
//  - It is alive (a switchover that an operator asked for, or a leader that still reaches what a quorum does not): its writes
//    are held back (hold.ts) until the candidate has them all, and after the promotion it is made a replica of the new primary
//    *before* the switch is committed. From then on it cannot take a write, whenever that commit comes and whoever makes it.
//
// An old primary that is silent rather than dead is fenced (fence.ts). It is demoted when it returns (leader.ts).
import { addressKey } from './address.ts'
import { hasEverything } from './choose.ts'
import { isDown } from './detector.ts'
import type { Order } from './effects.ts'
import type { AbortCause } from './entries.ts'
import {
  type Decision,
  type FailoverFacts,
  type FailoverRun,
  give,
  inquire,
  POLL_SLOW_MS,
  reachable,
  tell,
} from './failover-run.ts'
import { isFenced } from './fence.ts'
import { holdWrites } from './hold.ts'
import { kinshipOf } from './lineage.ts'
import { lostBytesMax } from './loss.ts'
import { isLost, stillDown } from './sure.ts'
import type { Watched } from './watched.ts'

/** A candidate that answers but does not become primary within this (or failover-timeout) is given up. */
const PROMOTE_LIMIT_MS = 10_000

export function promote(run: FailoverRun, facts: FailoverFacts, out: Decision[]): void {
  const { nowMs, failover, settings, servers } = facts
  const address = failover.candidate!
  const server = servers.get(addressKey(address))
  if (!run.resumed) tell(run, out, '+failover-state-select-slave')
  tell(run, out, '+selected-slave', address)
  if (run.switching && server !== undefined) return proposeSwitch(run, facts, server, out)
  const limitMs = Math.min(settings.failoverTimeoutMs, PROMOTE_LIMIT_MS)
  if (server === undefined || isDown(server.judgement.verdict))
    return giveUp(run, facts, out, 'slave-timeout', `${addressKey(address)} is down itself`)
  if (nowMs - run.phaseSinceMs > limitMs)
    return giveUp(run, facts, out, 'slave-timeout', `${server.key} did not become primary in ${limitMs} ms`)
  out.push({ do: 'wake', atMs: nowMs + POLL_SLOW_MS })
  if (server.link !== 'up') return
  if (run.resumed && server.infoAskedMs < run.startedMs) {
    // The candidate may be primary already.
    if (server.infoAsks.at(-1) !== nowMs) out.push({ do: 'info', server })
    return
  }
  const lack = whyUnfit(run, facts, server)
  if (lack !== undefined) return giveUp(run, facts, out, 'no-good-slave', `${server.key} ${lack}`)
  const down = stillDown(run, facts, server.info, out)
  if (typeof down === 'object') return giveUp(run, facts, out, 'master-is-back', down.why)
  if (down === 'wait') return
  const held = holdWrites(run, facts, server, out)
  if (held.kind === 'wait') return
  if (held.kind === 'late' || held.kind === 'behind') return giveUp(run, facts, out, 'pause-timeout', held.why)
  if (!isPromoted(run, server)) {
    if (held.kind === 'free') {
      if (!isFenced(run, facts, out)) return
      const everything = hasEverything(run, facts, server, out)
      if (everything === 'wait') return
      if (everything !== true) return giveUp(run, facts, out, 'no-good-slave', everything)
    }
    if (!isBound(facts, server)) return inquire(server, out)
    return orderPromotion(run, facts, server, out)
  }
  if (held.kind === 'held') return fence(run, facts, out)
  tell(run, out, '+promoted-slave', address)
  endPhase(run, out, run.fencedMs !== undefined ? 'fence' : 'promote')
  run.switching = true
  proposeSwitch(run, facts, server, out)
}

/** Until it is committed it is proposed again (propose() sees to the interval). */
function proposeSwitch(run: FailoverRun, facts: FailoverFacts, server: Watched, out: Decision[]): void {
  out.push({ do: 'wake', atMs: facts.nowMs + POLL_SLOW_MS })
  const why = `${server.key} reports to be a primary`
  out.push({ do: 'switch', why, server, lostBytesMax: lostBytesMax(run, facts, server) })
}

/** A primary that restarts with less takes its replicas along: what was chosen for its data may have lost it since. */
function whyUnfit(run: FailoverRun, facts: FailoverFacts, { info, infoAskedMs }: Watched): string | undefined {
  const { topo, failover } = facts
  if (info === undefined || infoAskedMs < run.startedMs || failover.forced) return undefined
  const kinship = kinshipOf(info, topo.lineage)
  if (kinship === 'newest' || kinship === 'unknown' || isLost(facts, run.freshSinceMs)) return undefined
  return 'does not have the data any more that it was chosen for'
}

function orderPromotion(run: FailoverRun, facts: FailoverFacts, server: Watched, out: Decision[]): void {
  tell(run, out, '+failover-state-send-slaveof-noone', server.ref)
  const order: Order = { kind: 'promote', epoch: facts.failover.epoch }
  if (!give(run, facts, server, order, `${server.key} is told to become primary`, out)) {
    const given = run.orders.get(server.key)
    if (given?.ok) inquire(server, out)
    return
  }
  endPhase(run, out, 'fence')
  tell(run, out, '+failover-state-wait-promotion', server.ref)
  out.push({ do: 'info', server })
}

/** In a group with leases nobody is promoted who does not know yet that it needs one: it hears so with the next word. */
const isBound = ({ topo, settings }: FailoverFacts, { info }: Watched): boolean =>
  topo.lease === undefined || settings.writeMode === 'async' || info?.leases !== 'free'

/** Ends a phase once in a run. */
function endPhase(run: FailoverRun, out: Decision[], phase: 'fence' | 'promote'): void {
  if (run.laps.at(-1) === phase) return
  run.laps.push(phase)
  out.push({ do: 'lap', phase })
}

/** True when INFO, asked for after the candidate was chosen, says that it is primary. */
const isPromoted = (run: FailoverRun, server: Watched): boolean =>
  server.info?.role === 'primary' && server.infoAskedMs >= run.phaseSinceMs

/** Makes the old primary, whose writes are held back, follow the candidate. */
function fence(run: FailoverRun, facts: FailoverFacts, out: Decision[]): void {
  const { failover, servers } = facts
  endPhase(run, out, 'promote')
  const old = servers.get(addressKey(failover.old))!
  const order: Order = { kind: 'fence', epoch: failover.epoch, primary: failover.candidate! }
  give(run, facts, old, order, `${old.key} is made a replica of ${addressKey(failover.candidate!)}`, out)
}

/** Whoever is demoted copies the old primary: that must not have come back without its data. */
function hasData(run: FailoverRun, { topo }: FailoverFacts, { info, infoAskedMs }: Watched): boolean {
  if (info === undefined || infoAskedMs < run.startedMs || info.loading) return false
  const kinship = kinshipOf(info, topo.lineage)
  return kinship === 'newest' || kinship === 'unknown'
}

/** Gives up: what was promoted is demoted if the old primary lives, and that may write again. */
function giveUp(run: FailoverRun, facts: FailoverFacts, out: Decision[], cause: AbortCause, why: string): void {
  const { failover, servers } = facts
  const old = servers.get(addressKey(failover.old))
  const candidate = servers.get(addressKey(failover.candidate!))
  if (reachable(old)) {
    if (run.promoteGiven && candidate?.link === 'up' && hasData(run, facts, old)) {
      const order: Order = { kind: 'follow', epoch: failover.epoch, primary: failover.old }
      out.push({ do: 'order', server: candidate, order, why: `${candidate.key} is told to follow ${old.key} again` })
    }
    if (run.hold !== undefined || (run.resumed && failover.planned)) {
      const order: Order = { kind: 'resume-writes', epoch: failover.epoch }
      out.push({ do: 'order', server: old, order, why: `${old.key} may write again` })
    }
  }
  run.hold = undefined
  run.givenUp = { cause, why }
  out.push({ do: 'abort', cause, why })
}
