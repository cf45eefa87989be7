// How much a failover may have lost: an upper bound of the bytes that the old primary wrote and the new one does not have.
//
// What is known is the offset in the old primary's last INFO, and how fast it wrote at most in the time before. It is taken to
// have gone on at that pace until it was lost, or until now if it may still be writing. Other replicas may have been seen with more. A switchover compares
// offsets while no write is taken, and loses nothing.
import type { FailoverRun } from './failover-run.ts'
import { holds } from './lineage.ts'
import type { Failover } from './topology.ts'
import type { Watched } from './watched.ts'

/** Undefined when nothing is known of the old primary, or the new one has another history. */
export function lostBytesMax(
  run: FailoverRun,
  failover: Failover,
  servers: ReadonlyMap<string, Watched>,
  old: Watched | undefined,
  candidate: Watched,
  nowMs: number,
): number | undefined {
  if (run.hold?.comparedMs !== undefined || (failover.planned && run.fencedMs !== undefined)) return 0
  const primary = old?.lastAsPrimary
  if (old === undefined || primary === undefined || candidate.info === undefined) return undefined
  const has = holds(candidate.info, primary.replId)
  if (has < 0) return undefined
  const endMs = old.judgement.verdict === 'dead' ? (old.detector.waitingSinceMs ?? nowMs) : nowMs
  const wrote = primary.offset + primary.bytesPerMs * Math.max(0, endMs - primary.askedMs)
  const seen = [...servers.values()].map(({ info }) => (info === undefined ? 0 : holds(info, primary.replId)))
  return Math.ceil(Math.max(wrote, ...seen, has) - has)
}
