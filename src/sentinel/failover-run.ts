// What a leader holds in its head while it takes a failover through its steps: the orders it gave, when, and what came of
// them. All of it may be lost (with the leader) at any moment; whatever must not be decided twice is in the topology.
import type { CandidateNote, Phase } from './account.ts'
import { type Address, addressKey, sameAddress } from './address.ts'
import { isDown } from './detector.ts'
import type { Order } from './effects.ts'
import type { AbortCause } from './entries.ts'
import type { EventName } from './events.ts'
import type { GroupSettings } from './settings.ts'
import type { Failover, TopologyGroup } from './topology.ts'
import type { Count } from './votes.ts'
import type { Watched } from './watched.ts'

/** An order given in this run. */
export interface Given {
  readonly id: number
  readonly kind: Order['kind']
  readonly sentMs: number
  doneMs: number | undefined
  ok: boolean
  text: string
}

/** What is known of a hold on the writes of the old primary (hold.ts). */
export interface Hold {
  readonly firstMs: number
  sentMs: number
  /** Writes are certainly held back between the two. */
  sinceMs: number
  untilMs: number
  /** The candidate was found to have all of the old primary's writes in the hold that began then. */
  comparedMs: number | undefined
  /** Why the last order failed. */
  failure: string | undefined
}

/** How long a server holds back its writes after one order. */
export const HOLD_MS = 10_000

export const createHold = (nowMs: number): Hold => ({
  firstMs: nowMs,
  sentMs: Number.NEGATIVE_INFINITY,
  sinceMs: Number.POSITIVE_INFINITY,
  untilMs: Number.NEGATIVE_INFINITY,
  comparedMs: undefined,
  failure: undefined,
})

/** Notes the answer to an order to hold back writes. */
function noteHeld(hold: Hold, sentMs: number, nowMs: number, ok: boolean, text: string): void {
  hold.failure = ok ? undefined : text
  // One that went over a link that has been replaced since says nothing of the server that is there now.
  if (!ok || sentMs < hold.sentMs) return
  if (nowMs > hold.untilMs) hold.sinceMs = nowMs
  hold.untilMs = Math.max(hold.untilMs, sentMs + HOLD_MS)
}

/** A leader's progress in one failover. */
export interface FailoverRun {
  readonly epoch: number
  readonly startedMs: number
  /** Taken up midway from another leader. */
  resumed: boolean
  /** Whom this leader proposed as the candidate. */
  chosen: Address | undefined
  /** Facts about replicas that were asked for earlier are too old to choose by. */
  readonly freshSinceMs: number
  phase: 'choose' | 'promote' | 'reconfigure'
  phaseSinceMs: number
  /** Last order to each server, by its key. */
  readonly orders: Map<string, Given>
  /** The candidate was told to become primary, by this leader or perhaps by an earlier one. */
  promoteGiven: boolean
  /** Writes on the old primary are held back. */
  hold: Hold | undefined
  /** The old primary obeyed: it follows the candidate, and takes no write any more. When the order for it was sent. */
  fencedMs: number | undefined
  /** Since when the old primary certainly cannot take a write any more (fence.ts). */
  fenceMs: number | undefined
  /** The switch was proposed and may be committed at any moment: there is no way back for this leader. */
  switching: boolean
  /** Since when there is no quorum that finds the old primary down. */
  doubtedSinceMs: number | undefined
  /** Decided to abort; only the commit is still to come. */
  givenUp: { readonly cause: AbortCause; readonly why: string } | undefined
  /** Phases of the promotion that are over, in their order. */
  readonly laps: Phase[]
  /** Events that were told already. */
  readonly told: Set<string>
}

export interface FailoverFacts {
  readonly nowMs: number
  readonly topo: TopologyGroup
  readonly failover: Failover
  readonly settings: GroupSettings
  readonly servers: ReadonlyMap<string, Watched>
  /** What the sentinels think of the old primary now; says nothing any more after the switch. */
  readonly ballot: Count
  /** When the old primary's lease has run out at a majority; -Infinity without leases, Infinity while it is not known. */
  readonly leaseOverMs: number
  /** How long a replica that does not follow the new primary holds up the next one. */
  readonly reconfMs: number
}

export type Decision =
  /** `why` is for the log; empty for an order that only repeats one. */
  | { readonly do: 'order'; readonly server: Watched; readonly order: Order; readonly why: string }
  | { readonly do: 'info'; readonly server: Watched }
  | {
      readonly do: 'choose'
      readonly replica: Address
      readonly why: string
      readonly candidates: readonly CandidateNote[]
    }
  | {
      readonly do: 'switch'
      readonly why: string
      readonly server: Watched
      readonly lostBytesMax: number | undefined
    }
  | { readonly do: 'end'; readonly why: string }
  | {
      readonly do: 'abort'
      readonly cause: AbortCause
      readonly why: string
      readonly candidates?: readonly CandidateNote[]
    }
  /** A phase of the account is over. */
  | { readonly do: 'lap'; readonly phase: Phase }
  /** Tell an event, about a server or (without one) about the group's primary. */
  | { readonly do: 'tell'; readonly event: EventName; readonly about: Address | undefined }
  | { readonly do: 'wake'; readonly atMs: number }

/** An order without an answer is given again after this. */
export const ORDER_RETRY_MS = 1_000
const FAILED_ORDER_RETRY_MS = 50
export const POLL_FAST_MS = 4
export const POLL_SLOW_MS = 25

/** The choice of an earlier leader may be committed after this one began to choose: then its candidate may be promoted already. */
export function noteCandidate(run: FailoverRun, candidate: Address): void {
  if (run.chosen !== undefined && sameAddress(run.chosen, candidate)) return
  run.resumed = true
  run.promoteGiven = true
}

export function createRun(failover: Failover, nowMs: number, freshSinceMs: number, ownStart: boolean): FailoverRun {
  const phase = phaseOf(failover)
  const resumed = phase !== 'choose' && !ownStart
  return {
    epoch: failover.epoch,
    startedMs: nowMs,
    resumed,
    chosen: undefined,
    freshSinceMs: Math.min(nowMs, freshSinceMs),
    phase,
    phaseSinceMs: nowMs,
    orders: new Map(),
    promoteGiven: resumed,
    hold: undefined,
    fencedMs: undefined,
    fenceMs: undefined,
    switching: false,
    doubtedSinceMs: undefined,
    givenUp: undefined,
    laps: [],
    told: new Set(),
  }
}

/** How far the committed state says that a failover is. */
export const phaseOf = (failover: Failover): FailoverRun['phase'] =>
  failover.candidate === undefined ? 'choose' : failover.switchedAtMs === undefined ? 'promote' : 'reconfigure'

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
  if (given.kind === 'fence' && ok) run.fencedMs = given.sentMs
  if (given.kind === 'pause-writes' && run.hold !== undefined) noteHeld(run.hold, given.sentMs, nowMs, ok, text)
}

/** Notes that an order was sent under this ID. */
export function noteOrderSent(run: FailoverRun, key: string, id: number, kind: Order['kind'], nowMs: number): void {
  if (kind === 'promote') run.promoteGiven = true
  run.orders.set(key, { id, kind, sentMs: nowMs, doneMs: undefined, ok: false, text: '' })
}

/** Tells an event once in a run. */
export function tell(run: FailoverRun, out: Decision[], event: EventName, about?: Address): void {
  const key = about === undefined ? event : `${event} ${addressKey(about)}`
  if (run.told.has(key)) return
  run.told.add(key)
  out.push({ do: 'tell', event, about })
}

/** Asks a server INFO unless an answer is on its way. */
export function inquire(server: Watched, out: Decision[]): void {
  if (server.infoAsks.length === 0) out.push({ do: 'info', server })
}

/** A server that can be asked and ordered about. */
export const reachable = (server: Watched | undefined): server is Watched =>
  server !== undefined && server.link === 'up' && !isDown(server.judgement.verdict)

/** Gives an order unless the same one was given and may still succeed. True when it goes out now. */
export function give(
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
