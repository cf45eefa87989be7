// Holding back the writes of an old primary that is alive, so that it acknowledges none that its successor lacks.
//
// A server holds writes back for a time (CLIENT PAUSE … WRITE) and then goes on by itself, for its sentinels may be gone
// for good. So a hold is renewed as long as a promotion may happen, and is trusted only as far as this leader can be
// sure of it: from the moment at which the first order of an unbroken row was answered, until HOLD_MS after the last one was
// *sent*. What rests on it (the comparison of offsets, each order to promote, the fence) is done only while MARGIN_MS
// of it are left; when the row breaks, everything is compared anew, for a write may have been taken in between.
import { addressKey } from './address.ts'
import { isDown } from './detector.ts'
import {
  createHold,
  type Decision,
  type FailoverFacts,
  type FailoverRun,
  HOLD_MS,
  type Hold,
  inquire,
  ORDER_RETRY_MS,
  POLL_FAST_MS,
} from './failover-run.ts'
import { covers, hasMore } from './lineage.ts'
import type { Watched } from './watched.ts'

const RENEW_MS = 1_000
const MARGIN_MS = 5_000
/** How long the clients of a healthy primary may have to wait until the candidate has caught up… */
const CATCH_UP_MS = 2_500
/** …and of one that a quorum finds down, though this leader can still reach it. */
const CATCH_UP_UNPLANNED_MS = 1_000

export type Held =
  /** There is nothing to hold back: the old primary is down, or follows somebody, or has less than the candidate. */
  | { readonly kind: 'free' }
  /** No write is taken, and the candidate has all that were. */
  | { readonly kind: 'held' }
  | { readonly kind: 'wait' }
  /** It cannot be done, or not in time. */
  | { readonly kind: 'late'; readonly why: string }
  /** The candidate was promoted already, and the old primary took writes afterwards. */
  | { readonly kind: 'behind'; readonly why: string }

const FREE: Held = { kind: 'free' }
const HELD: Held = { kind: 'held' }
const WAIT: Held = { kind: 'wait' }

/** Brings the hold forward as far as it goes now. */
export function holdWrites(run: FailoverRun, facts: FailoverFacts, candidate: Watched, out: Decision[]): Held {
  const { nowMs, failover, servers } = facts
  const old = servers.get(addressKey(failover.old))
  if (old === undefined || isDown(old.judgement.verdict) || run.fencedMs !== undefined) return FREE
  if (isHarmless(run, facts, old, candidate)) return FREE
  run.hold ??= createHold(nowMs)
  // A server that restarted knows nothing of a pause.
  if (run.hold.sentMs < old.linkSinceMs) run.hold = createHold(run.hold.firstMs)
  const { hold } = run
  const failure = whyLate(run, facts, hold)
  if (failure !== undefined) return failover.planned ? { kind: 'late', why: failure } : FREE
  out.push({ do: 'wake', atMs: nowMs + POLL_FAST_MS })
  if (old.link !== 'up') return WAIT
  renew(run, facts, hold, old, candidate, out)
  return hold.untilMs - nowMs < MARGIN_MS ? WAIT : compare(hold, old, candidate, out)
}

function isHarmless(
  run: FailoverRun,
  { failover, topo }: FailoverFacts,
  { info, infoAskedMs, link }: Watched,
  candidate: Watched,
): boolean {
  if (!failover.planned && link !== 'up') return true
  if (info === undefined || infoAskedMs < run.startedMs) return false
  if (info.role === 'replica') return true
  return candidate.info !== undefined && !failover.planned && hasMore(candidate.info, info, topo.lineage)
}

function whyLate(run: FailoverRun, { nowMs, failover }: FailoverFacts, hold: Hold): string | undefined {
  if (hold.failure !== undefined) return `could not pause: ${hold.failure}`
  const limitMs = failover.planned ? CATCH_UP_MS : CATCH_UP_UNPLANNED_MS
  if (hold.comparedMs !== undefined || nowMs - hold.firstMs <= limitMs) return undefined
  // Once it was told to become primary there is no way back but to compare.
  return run.promoteGiven ? undefined : 'the candidate did not catch up in time'
}

function renew(
  run: FailoverRun,
  { nowMs, failover }: FailoverFacts,
  hold: Hold,
  old: Watched,
  candidate: Watched,
  out: Decision[],
): void {
  const given = run.orders.get(old.key)
  const fencing = given?.kind === 'fence' && given.doneMs === undefined && nowMs - given.sentMs < ORDER_RETRY_MS
  if (fencing || nowMs - hold.sentMs < RENEW_MS) return
  const first = hold.sentMs === Number.NEGATIVE_INFINITY
  hold.sentMs = nowMs
  const order = { kind: 'pause-writes', epoch: failover.epoch, forMs: HOLD_MS } as const
  const why = first ? `writes on ${old.key} are held back until ${candidate.key} has them all` : ''
  out.push({ do: 'order', server: old, order, why })
}

function compare(hold: Hold, old: Watched, candidate: Watched, out: Decision[]): Held {
  if (hold.comparedMs === hold.sinceMs) return HELD
  if (old.info === undefined || old.infoAskedMs < hold.sinceMs) {
    inquire(old, out)
    inquire(candidate, out)
    return WAIT
  }
  const { info } = candidate
  const known = info !== undefined && candidate.infoAskedMs >= hold.sinceMs
  if (known && covers(info, old.info)) {
    hold.comparedMs = hold.sinceMs
    return HELD
  }
  if (known && info.role === 'primary')
    return { kind: 'behind', why: `${old.key} took writes that ${candidate.key}, promoted already, does not have` }
  inquire(candidate, out)
  return WAIT
}
