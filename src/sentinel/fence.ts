// The first step of a failover: the old primary must not take a write any more when another one is made primary. It cannot if
//
//  - no process listens where it was: then nothing is to be waited for;
//  - it has obeyed, and is a replica;
//  - its lease has run out at a majority of the sentinels. Each of them has applied the start of this failover and said so, and
//    grants nothing any more; what it had granted is over by its own word and by this leader's clock (leases.ts).
//
// Without leases (sentinels of an earlier version, or a server that knows none) the third holds at once: an old primary that is
// silent may write on until it is demoted, and what it acknowledges meanwhile is lost, as with Redis Sentinel.
import { addressKey } from './address.ts'
import type { Decision, FailoverFacts, FailoverRun } from './failover-run.ts'

/** True when the old primary cannot take a write any more; else asks to be called again when that may have changed. */
export function isFenced(run: FailoverRun, facts: FailoverFacts, out: Decision[]): boolean {
  const { nowMs, failover, servers, leaseOverMs } = facts
  const old = servers.get(addressKey(failover.old))
  const isDead = old?.judgement.verdict === 'dead'
  const isReplica = old?.info?.role === 'replica' && old.infoAskedMs >= run.startedMs
  if (nowMs >= leaseOverMs || run.fencedMs !== undefined || isDead || isReplica) {
    run.fenceMs ??= isDead ? old.sdownSinceMs : nowMs
    return true
  }
  if (Number.isFinite(leaseOverMs)) out.push({ do: 'wake', atMs: leaseOverMs })
  return false
}
