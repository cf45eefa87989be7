// What must be known before somebody is promoted in `sync` mode, where every acknowledged write is on `copies` of the group's
// replicas, besides the primary that is gone.
//
//   N replicas, each acknowledged write on k of them: any N − k + 1 of them have at least one that has it. So when that many have
//   said what they have, after the old primary was fenced, the one with the most has every acknowledged write.
//
// Invariant: no other is promoted, whatever its priority; and while too few answer nobody is, unless an operator takes the loss
// upon himself. What is not known counts as missing.
import { addressKey } from './address.ts'
import { isDown } from './detector.ts'
import { holds, kinshipOf } from './lineage.ts'
import type { Candidate } from './ranking.ts'
import type { GroupSettings } from './settings.ts'
import type { TopologyGroup } from './topology.ts'

/** Whether acknowledged writes of this group must not be lost. */
export const keepsCopies = ({ lease }: TopologyGroup, { writeMode }: GroupSettings): boolean =>
  lease !== undefined && writeMode === 'sync'

/** Why it is not certain that `winner` has every acknowledged write; undefined when it is. */
export function whyUnsafe(
  candidates: readonly Candidate[],
  winner: Candidate,
  { syncReplicas }: GroupSettings,
  { lineage, lease }: TopologyGroup,
): string | undefined {
  const answered = candidates.filter(({ info, linked, verdict }) => {
    if (info === undefined || info.loading || !linked || isDown(verdict)) return false
    const kinship = kinshipOf(info, lineage)
    return kinship === 'newest' || kinship === 'unknown'
  })
  // Since the number was raised, older writes have as few copies as before.
  const copies = Math.min(syncReplicas, lease?.fewestCopies ?? syncReplicas)
  const needed = Math.max(1, candidates.length - copies + 1)
  if (answered.length < needed)
    return `${needed} of its ${candidates.length} replicas must say what they have, so that no acknowledged write is lost, and ${answered.length} did`
  const fuller = answered.find((other) => other !== winner && isAhead(other, winner, lineage.at(-1)?.replId))
  return fuller && `${addressKey(fuller.address)} may have acknowledged writes that ${addressKey(winner.address)} lacks`
}

function isAhead({ info: one }: Candidate, { info: other }: Candidate, newest: string | undefined): boolean {
  if (one === undefined || other === undefined) return true
  if (one.replId === other.replId) return one.offset > other.offset
  if (newest === undefined) return true
  return holds(one, newest) > holds(other, newest)
}
