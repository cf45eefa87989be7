// What a leader does, in the smallest pieces: it proposes a failover, gives an order to a server, and counts opinions. When to
// do so is decided in leader.ts, keeper.ts and requests.ts.
import { type Account, type CandidateNote, type Cause, NO_ACCOUNT, type Phase } from './account.ts'
import { type Address, addressKey } from './address.ts'
import type { Order } from './effects.ts'
import type { Entry } from './entries.ts'
import { noteOrderSent } from './failover-run.ts'
import { type CoreState, type GroupState, propose, say, wallMs } from './state.ts'
import { createStopwatch, lap, noteProposed, type Stopwatch } from './stopwatch.ts'
import type { TopologyGroup } from './topology.ts'
import { type Count, count } from './votes.ts'
import type { Watched } from './watched.ts'

/** A failover to begin. */
export interface Start {
  readonly cause: Cause
  readonly planned: boolean
  readonly reason: string
  /** The candidate, if it is clear already. */
  readonly choice?:
    | { readonly replica: Address; readonly why: string; readonly candidates?: readonly CandidateNote[] }
    | undefined
  /** An operator asked for it; answered when it is committed. */
  readonly nonce?: string
  /** He takes upon himself that acknowledged writes of `sync` mode may be lost. */
  readonly lossAllowed?: boolean
}

/** Proposes to replace the primary; false while that is on its way already. */
export function startFailover(core: CoreState, topo: TopologyGroup, start: Start, nowMs: number): boolean {
  const { planned, reason, choice, nonce, cause, lossAllowed } = start
  const group = core.groups.get(topo.name)!
  if (choice !== undefined) endPhase(group, 'choose', nowMs)
  const entry: Entry = {
    kind: 'start',
    group: topo.name,
    old: topo.primary,
    after: topo.lastEpoch,
    planned,
    by: core.self.peer,
    reason,
    atMs: wallMs(core, nowMs),
    account: { ...accountOf(group), cause, candidates: choice?.candidates ?? [] },
    ...(choice === undefined ? {} : { choice: { replica: choice.replica, why: choice.why } }),
    ...(nonce === undefined
      ? {}
      : { nonce, ...(planned ? {} : { forced: true, ...(lossAllowed === true && { lossAllowed }) }) }),
  }
  if (!propose(core, nowMs, `start ${topo.name} ${topo.lastEpoch}`, entry)) return false
  noteProposed(stopwatchOf(group, nowMs))
  say(core, 'warning', `Failover of ${topo.name} proposed: ${reason}.`)
  if (choice !== undefined) say(core, 'notice', `Failover of ${topo.name}: ${choice.why}.`)
  return true
}

const stopwatchOf = (group: GroupState, nowMs: number): Stopwatch => {
  group.stopwatch ??= createStopwatch(nowMs)
  return group.stopwatch
}

/** Ends a phase of what is told of a failover. */
export const endPhase = (group: GroupState, phase: Phase, nowMs: number): void =>
  lap(stopwatchOf(group, nowMs), phase, nowMs)

/** What the next entry of a failover tells of its phases. */
export const accountOf = ({ stopwatch }: GroupState): Account => ({ ...NO_ACCOUNT, laps: [...(stopwatch?.laps ?? [])] })

/** Gives an order, and notes it in the failover under way. */
export function giveOrder(core: CoreState, group: GroupState, server: Watched, order: Order, nowMs: number): void {
  const id = core.nextOrderId++
  // Resuming needs no follow-up, and must not hide the order before it.
  if (group.run !== undefined && order.kind !== 'resume-writes')
    noteOrderSent(group.run, server.key, id, order.kind, nowMs)
  core.out.push({ type: 'order', ref: server.ref, id, order })
}

/** What the sentinels think of the primary now. */
export function ballotOf(core: CoreState, group: GroupState, topo: TopologyGroup, nowMs: number): Count {
  const primary = group.servers.get(addressKey(topo.primary))
  const verdict = primary?.judgement.verdict ?? 'abstain'
  const leased = primary?.info?.leases === 'bound'
  return count(topo, core.self.peer, verdict, group.votes, core.raft.voters, nowMs, leased)
}
