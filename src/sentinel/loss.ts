// How much a failover may have lost: an upper bound of the bytes that the old primary wrote, or acknowledged where that is another
// thing (`sync`), and the new one does not have.
//
// What is known is the offset in the old primary's last INFO, and how fast it wrote at most in the time before. It is taken to
// have gone on at that pace until it was lost, until its lease had run out, or until now if it may still be writing. Other replicas
// may have been seen with more. A switchover compares offsets while no write is taken, and loses nothing.
import { addressKey } from './address.ts'
import { keepsCopies } from './copies.ts'
import type { FailoverFacts, FailoverRun } from './failover-run.ts'
import { holds } from './lineage.ts'
import type { Watched } from './watched.ts'

/** Undefined when nothing is known of the old primary, or the new one has another history. */
export function lostBytesMax(run: FailoverRun, facts: FailoverFacts, candidate: Watched): number | undefined {
  const { topo, settings, failover, servers } = facts
  if (run.hold?.comparedMs !== undefined || (failover.planned && run.fencedMs !== undefined)) return 0
  // Whoever lacks an acknowledged write is not promoted.
  if (keepsCopies(topo, settings) && !failover.lossAllowed) return 0
  const old = servers.get(addressKey(failover.old))
  const primary = old?.lastAsPrimary
  if (old === undefined || primary === undefined || candidate.info === undefined) return undefined
  const has = holds(candidate.info, primary.replId)
  if (has < 0) return undefined
  const wrote = primary.offset + primary.bytesPerMs * Math.max(0, lastWriteMs(run, facts, old) - primary.askedMs)
  const seen = [...servers.values()].map(({ info }) => (info === undefined ? 0 : holds(info, primary.replId)))
  return Math.ceil(Math.max(wrote, ...seen, has) - has)
}

/** When the old primary can have taken its last write. */
function lastWriteMs(run: FailoverRun, { nowMs, topo }: FailoverFacts, { judgement, detector }: Watched): number {
  if (judgement.verdict === 'dead') return detector.waitingSinceMs ?? nowMs
  return (topo.lease === undefined ? undefined : run.fenceMs) ?? nowMs
}
