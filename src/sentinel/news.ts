// What a sentinel heard of the history that the primary writes, while the replicated state names another or none: the primary may die
// before that is agreed on, and then the word of those who heard it is all there is (keeper.ts).
//
// Invariant: what was heard before the newest history that is agreed on is no news. It may be older than that, and whoever is still in it
// would be promoted over those who have what was written since.
import { addressKey } from './address.ts'
import { type HistoryMark, kinshipOf, markOf } from './lineage.ts'
import { type CoreState, type GroupState, topoOf } from './state.ts'
import type { TopologyGroup } from './topology.ts'

/** Notes since when this sentinel knows which history is the newest. */
export function noteNewest(group: GroupState, { lineage }: TopologyGroup, nowMs: number): void {
  const replId = lineage.at(-1)?.replId
  if (group.newest.replId !== replId) group.newest = { replId, sinceMs: nowMs }
}

/** What this sentinel tells others: the history that it heard, and the newest one that it knows. */
export function newsOf(core: CoreState, group: GroupState): { mark?: HistoryMark; after?: string } {
  const topo = topoOf(core, group.name)!
  const newest = topo.lineage.at(-1)
  const mark = heardSince(group, topo)
  const isNews = mark !== undefined && (newest?.replId !== mark.replId || newest.runId !== mark.runId)
  return isNews ? { mark, ...(newest && { after: newest.replId }) } : {}
}

/** The history that this sentinel heard or else was told of, unless it has been agreed on. */
export function newsHeard(group: GroupState, topo: TopologyGroup): HistoryMark | undefined {
  const { lineage } = topo
  const told = group.hearsay?.after === lineage.at(-1)?.replId ? group.hearsay?.mark : undefined
  return [heardSince(group, topo), told].find(
    (mark) => mark !== undefined && !lineage.some(({ replId }) => replId === mark.replId),
  )
}

/** What the primary wrote when this sentinel heard it last, if that goes on from the newest history or was heard later. */
function heardSince({ servers, newest }: GroupState, { primary, lineage }: TopologyGroup): HistoryMark | undefined {
  const server = servers.get(addressKey(primary))
  if (server?.info === undefined) return undefined
  const isLater = newest.replId === lineage.at(-1)?.replId && server.infoAskedMs >= newest.sinceMs
  return isLater || kinshipOf(server.info, lineage) === 'newest' ? markOf(server.info) : undefined
}
