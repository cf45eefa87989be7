// Whether this sentinel may tell clients who the primary is. One that restarted, or slept, may have missed a failover: until it
// has heard the leader it names nobody, and clients ask another.
// Invariant: it is certain only if the leader, certain itself of leading and of all that was committed, spoke after this sentinel
// began to doubt and knew no later epoch; or if this sentinel is the leader. An answer that waited somewhere proves nothing: what the leader echoes does.
import type { Address } from './address.ts'
import type { PeerMessage } from './peer-message.ts'
import { type CoreState, memberHeard, topoOf } from './state.ts'
import { switchedEpochs } from './topology.ts'

/** A sentinel that did not run for this long may have missed a failover. */
export const DOUBT_STALL_MS = 1_000

/** From now on it names nobody until it has heard the leader. */
export function doubt(core: CoreState, nowMs: number): void {
  core.doubtSinceMs = nowMs
}

/** A report of a peer; `asOfMs`: when it was made at the earliest. */
export function learnFromReport(
  core: CoreState,
  from: string,
  report: PeerMessage & { type: 'report' },
  asOfMs: number,
) {
  const { leads } = report
  if (core.doubtSinceMs === undefined || leads === undefined || asOfMs < core.doubtSinceMs) return
  if (from !== core.raft.leader || leads.term !== core.raft.term) return
  if (leads.epoch <= switchedEpochs(core.topology)) core.doubtSinceMs = undefined
}

/**
 * The leader knows what was committed. With every tick and not before: an entry of its term is committed as soon as it leads, but
 * those before are given to it one after the other.
 */
export function takeOffice(core: CoreState): void {
  core.officeTerm = core.raft.isLeader ? core.raft.term : undefined
  if (core.raft.isLeader) core.doubtSinceMs = undefined
}

export const isInOffice = ({ raft, officeTerm }: CoreState): boolean => raft.isLeader && officeTerm === raft.term

/** True when what it holds may be told to clients. */
export const isCertain = (core: CoreState, nowMs: number): boolean =>
  core.formed === undefined ? memberHeard(core, nowMs) === undefined : core.doubtSinceMs === undefined

/** The primary to name to a client; undefined when there is none of this name, or it is not certain. */
export const primaryToName = (core: CoreState, name: string, nowMs: number): Address | undefined =>
  isCertain(core, nowMs) ? topoOf(core, name)?.primary : undefined
