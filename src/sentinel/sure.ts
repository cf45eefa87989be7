// What a leader makes sure of before each step of a failover, for facts change while it is under way: is the old primary down
// still, and does anybody have the newest history?
import { addressKey } from './address.ts'
import {
  type Decision,
  type FailoverFacts,
  type FailoverRun,
  inquire,
  POLL_SLOW_MS,
  reachable,
} from './failover-run.ts'
import type { ServerInfo } from './info.ts'
import { hasMore, kinshipOf } from './lineage.ts'

/** So long no quorum may find the old primary down, while it answers, before it counts as well again: reports get lost. */
const BACK_MS = 1_000

/**
 * Whether the old primary is down still, by the word of a quorum; with the reason when it is well again. What came back with
 * less than `best` (or than any replica that answers) does not count as well.
 */
export function stillDown(
  run: FailoverRun,
  facts: FailoverFacts,
  best: ServerInfo | undefined,
  out: Decision[],
): 'yes' | 'wait' | { readonly why: string } {
  const { nowMs, failover, ballot, settings, servers, topo } = facts
  if (failover.planned || failover.forced || ballot.enough) {
    run.doubtedSinceMs = undefined
    return 'yes'
  }
  run.doubtedSinceMs ??= nowMs
  const doubtedMs = nowMs - run.doubtedSinceMs
  const old = servers.get(addressKey(failover.old))
  out.push({ do: 'wake', atMs: nowMs + POLL_SLOW_MS })
  if (!reachable(old)) {
    if (doubtedMs <= settings.failoverTimeoutMs) return 'wait'
    return { why: `no quorum finds ${addressKey(failover.old)} down any more` }
  }
  if (old.info === undefined || old.infoAskedMs < run.startedMs) {
    inquire(old, out)
    return 'wait'
  }
  if (old.info.role === 'replica') return 'yes'
  if (best !== undefined && !old.info.loading && hasMore(best, old.info, topo.lineage)) return 'yes'
  if (old.info.loading || doubtedMs <= BACK_MS) return 'wait'
  return { why: `${old.key} is well again, and has as much as its replicas` }
}

/** True when every server of the group answers, and none has the newest history: it is gone. */
export function isLost({ topo, servers }: Pick<FailoverFacts, 'topo' | 'servers'>, freshSinceMs: number): boolean {
  if (topo.lineage.length === 0) return false
  return [topo.primary, ...topo.replicas].every((address) => {
    const server = servers.get(addressKey(address))
    if (!reachable(server) || server.info === undefined || server.infoAskedMs < freshSinceMs) return false
    return !server.info.loading && kinshipOf(server.info, topo.lineage) !== 'newest'
  })
}
