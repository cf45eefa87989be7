// The first step of a failover: the old primary must not take a write any more when another one is made primary. It cannot if
//
//  - no process listens where it was, and every replica that can be asked says that its link to it is gone, too: then nothing is to be
//    waited for. (Where one has it still somebody refuses in the primary's name; who refuses everybody cannot be told from a crash.)
//  - it has obeyed, and is a replica;
//  - its lease has run out at a majority of the sentinels. Each of them has applied the start of this failover and said so, and
//    grants nothing any more; what it had granted is over by its own word and by this leader's clock (leases.ts).
//
// Without leases (sentinels of an earlier version, or a server that knows none) the third holds at once: an old primary that is
// silent may write on until it is demoted, and what it acknowledges meanwhile is lost, as with Redis Sentinel.
import { type Address, addressKey, sameAddress } from './address.ts'
import {
  type Decision,
  type FailoverFacts,
  type FailoverRun,
  inquire,
  POLL_FAST_MS,
  reachable,
} from './failover-run.ts'
import type { Watched } from './watched.ts'

/** True when the old primary cannot take a write any more; else asks to be called again when that may have changed. */
export function isFenced(run: FailoverRun, facts: FailoverFacts, out: Decision[]): boolean {
  const { nowMs, failover, servers, leaseOverMs } = facts
  const old = servers.get(addressKey(failover.old))
  const linked = old?.judgement.verdict === 'dead' ? stillLinked(servers, old) : []
  const isDead = old?.judgement.verdict === 'dead' && linked.length === 0
  const isReplica = old?.info?.role === 'replica' && old.infoAskedMs >= run.startedMs
  if (nowMs >= leaseOverMs || run.fencedMs !== undefined || isDead || isReplica) {
    run.fenceMs ??= isDead ? old.sdownSinceMs : nowMs
    return true
  }
  if (Number.isFinite(leaseOverMs)) out.push({ do: 'wake', atMs: leaseOverMs })
  if (linked.length > 0) {
    // What was taken for the end of its process was none; and a link that is about to break is soon known to be broken.
    run.fenceMs = undefined
    for (const replica of linked) inquire(replica, out)
    out.push({ do: 'wake', atMs: nowMs + POLL_FAST_MS })
  }
  return false
}

/** Who can be asked and did not say, since this server was found dead, that its link to it is gone. */
export const stillLinked = (servers: ReadonlyMap<string, Watched>, dead: Watched): Watched[] =>
  [...servers.values()].filter(
    (server) =>
      server !== dead && !server.probe && reachable(server) && !saysUnlinked(server, dead.sdownSinceMs, dead.ref),
  )

/** It said, asked at `sinceMs` or later, that it has no link to this server. */
const saysUnlinked = ({ info, infoAskedMs }: Watched, sinceMs: number, old: Address): boolean =>
  infoAskedMs >= sinceMs &&
  info !== undefined &&
  !(info.role === 'replica' && info.linkUp && sameAddress(info.primary, old))
