// The leader's care for the group's data while nobody is down: which history the primary writes goes into the replicated
// state, and a primary that came back with less than its replicas have does not stay primary.
//
// A server that restarts begins a new history. Usually it has read its data and goes on; but its file may be missing or
// old, and its replicas, which have everything, would throw that away and copy the remains. So the new history is taken
// up only when every server of the group has been heard and none has more, when a replica has copied it (then nothing is
// left to be saved), or after DOUBT_MS. Until then nobody is ordered to follow it. And if it came back with little while replicas that
// had more are not there yet (the whole group restarts, and it is the first), it is made a replica of one of them: so it takes
// no write and serves no copy of its emptiness, for as long as it is in doubt.
//
// And a group whose servers were all started anew with their first arguments: the primary of the topology comes back as a
// replica. It is promoted at once if nobody has more than it, for nothing about it is in doubt.
import { giveOrder, startFailover } from './acts.ts'
import { type Address, addressKey, sameAddress } from './address.ts'
import { reachable } from './failover-run.ts'
import type { ServerInfo } from './info.ts'
import { type HistoryMark, hasMore, holds, kinshipOf, markOf } from './lineage.ts'
import { pausedUntil } from './maintenance.ts'
import { newsHeard } from './news.ts'
import { type CoreState, emit, type GroupState, propose, say, subjectOf, wake } from './state.ts'
import { isLost } from './sure.ts'
import type { TopologyGroup } from './topology.ts'
import { askInfo, type Watched } from './watched.ts'

/** How long a history that a restarted primary began is in doubt while servers of the group have not been heard. */
const DOUBT_MS = 10_000
const LOOK_AGAIN_MS = 20
const PROMOTE_EVERY_MS = 1_000

/** Looks after the data of a group; true when its primary is what the topology takes it for, so that others may be told to follow. */
export function keepData(core: CoreState, group: GroupState, topo: TopologyGroup, nowMs: number): boolean {
  const primary = group.servers.get(addressKey(topo.primary))!
  const { info } = primary
  const sinceMs = Math.max(group.settledMs, core.leaderSinceMs)
  if (!reachable(primary) || info === undefined || info.loading || primary.infoAskedMs < sinceMs) return false
  if (info.role === 'replica') {
    restoreRole(core, group, topo, primary, info, nowMs)
    return false
  }
  const mark = markOf(info)
  const newest = topo.lineage.at(-1)
  if (mark === undefined) return newest === undefined
  if (newest?.replId === mark.replId && newest.runId === mark.runId) {
    group.doubt = undefined
    return true
  }
  if (isDoubtful(core, group, topo, primary, info, nowMs)) return false
  proposeHistory(core, topo, mark, nowMs)
  return newest?.replId === mark.replId
}

/**
 * The primary died before the history that it wrote was agreed on. This leader's word for it, or that of another sentinel which knew
 * the same newest one, is taken if no history is known, if its process was known to write the newest (it renames that when its
 * first replica comes), or if a replica has copied it: then nothing is left to be saved.
 */
export function proposeHearsay(core: CoreState, group: GroupState, topo: TopologyGroup, nowMs: number): void {
  const primary = group.servers.get(addressKey(topo.primary))!
  if (primary.link === 'up' || topo.failover !== undefined) return
  const newest = topo.lineage.at(-1)
  const mark = newsHeard(group, topo)
  if (mark === undefined) return
  const isCopied = topo.replicas.some((address) => {
    const info = group.servers.get(addressKey(address))?.info
    return info !== undefined && holds(info, mark.replId) >= 0
  })
  if (newest !== undefined && newest.runId !== mark.runId && !isCopied) return
  proposeHistory(core, topo, mark, nowMs)
}

/**
 * Names the history that a candidate has copied, before the choice of it, when no sentinel saw who wrote it: a primary that restarted
 * and died. Once promoted, a server tells only of its own history and of the one that it left, so that nobody could tell
 * any more that it has the newest one that was agreed on. Nor is the writer known: the copy's own run ID stands for it.
 */
export function nameCopied(
  core: CoreState,
  group: GroupState,
  topo: TopologyGroup,
  copy: Address,
  nowMs: number,
): void {
  const info = group.servers.get(addressKey(copy))?.info
  const newest = topo.lineage.at(-1)
  if (info === undefined || newest === undefined || info.role !== 'replica' || info.replId === newest.replId) return
  if (kinshipOf(info, topo.lineage) !== 'newest') return
  proposeHistory(core, topo, { replId: info.replId, runId: info.runId }, nowMs)
}

const proposeHistory = (core: CoreState, topo: TopologyGroup, mark: HistoryMark, nowMs: number): boolean =>
  propose(core, nowMs, `history ${topo.name} ${mark.replId} ${mark.runId}`, {
    kind: 'history',
    group: topo.name,
    primary: topo.primary,
    mark,
  })

/** Whether a replica may have more than a primary that began a new history; if one has, that one is promoted. */
function isDoubtful(
  core: CoreState,
  group: GroupState,
  topo: TopologyGroup,
  primary: Watched,
  info: ServerInfo,
  nowMs: number,
): boolean {
  const newest = topo.lineage.at(-1)
  // The process that wrote the newest history renamed it: nothing was lost.
  if (newest === undefined || newest.runId === info.runId || newest.replId === info.replId) return false
  if (group.doubt?.runId !== info.runId) {
    group.doubt = { runId: info.runId, sinceMs: nowMs, fenced: false }
    for (const server of group.servers.values()) if (server !== primary) askInfo(server, nowMs, core.out)
  }
  const { sinceMs } = group.doubt
  if (promoteFuller(core, group, topo, primary, info, sinceMs, nowMs)) return true
  const others = topo.replicas.map((address) => group.servers.get(addressKey(address)))
  const copied = others.some((other) => other?.info?.linkUp === true && other.info.replId === info.replId)
  const heard = others.every((other) => isHeard(other, sinceMs) && !other!.info!.loading)
  if (copied || heard || nowMs - sinceMs > DOUBT_MS) return false
  wake(core, nowMs + LOOK_AGAIN_MS)
  fenceEmpty(core, group, topo, primary, info, nowMs)
  return true
}

/** Holds a primary back that lost most of what a replica had when it was seen last, if that one is not there yet. */
function fenceEmpty(
  core: CoreState,
  group: GroupState,
  topo: TopologyGroup,
  primary: Watched,
  info: ServerInfo,
  nowMs: number,
): void {
  const { doubt } = group
  const heir = topo.replicas.find((address) => {
    const server = group.servers.get(addressKey(address))
    const had = server?.info
    return had !== undefined && !reachable(server) && !had.loading && hasMore(had, info, topo.lineage)
  })
  if (doubt === undefined || doubt.fenced || heir === undefined) return
  doubt.fenced = true
  const why = `${primary.key} came back with ${info.keys} keys, and ${addressKey(heir)}, which had more, is not there yet`
  say(core, 'warning', `${why}: it may not write until that is clear, ${DOUBT_MS / 1000} s at most.`)
  giveOrder(core, group, primary, { kind: 'fence', epoch: topo.configEpoch, primary: heir }, nowMs)
  askInfo(primary, nowMs, core.out)
}

const isHeard = (server: Watched | undefined, sinceMs: number): boolean =>
  reachable(server) && server.info !== undefined && server.infoAskedMs >= sinceMs

/** Begins a failover to the replica that has most of the newest history, if it has more than the primary; true when one has. */
function promoteFuller(
  core: CoreState,
  group: GroupState,
  topo: TopologyGroup,
  primary: Watched,
  info: ServerInfo,
  sinceMs: number,
  nowMs: number,
): boolean {
  const fuller = topo.replicas.flatMap((address) => {
    const server = group.servers.get(addressKey(address))
    if (!isHeard(server, sinceMs) || server!.info!.priority === 0) return []
    return hasMore(server!.info!, info, topo.lineage) ? [server!] : []
  })
  if (fuller.length === 0) return false
  if (nowMs < group.retryAtMs || pausedUntil(core, topo, nowMs) !== undefined) return true
  const names = fuller.map(({ key }) => key).join(' and ')
  const came = info.role === 'primary' ? 'came back' : 'came back as a replica'
  const reason = `${primary.key} ${came} with less data than ${names}`
  startFailover(core, topo, { planned: false, cause: 'data', reason }, nowMs)
  return true
}

/** A leader before this one may have held the primary back (fenceEmpty): it waits for one of its own replicas. */
const isHeldBack = ({ replicas }: TopologyGroup, { linkUp, primary }: ServerInfo): boolean =>
  !linkUp && replicas.some((replica) => sameAddress(replica, primary))

/** The primary of the topology says that it is a replica: it was started with the arguments of an earlier time. */
function restoreRole(
  core: CoreState,
  group: GroupState,
  topo: TopologyGroup,
  primary: Watched,
  info: ServerInfo,
  nowMs: number,
): void {
  const sinceMs = Math.max(group.settledMs, core.leaderSinceMs)
  if (promoteFuller(core, group, topo, primary, info, sinceMs, nowMs)) return
  const lost = isLost({ topo, servers: group.servers }, sinceMs)
  if (isHeldBack(topo, info) && group.doubt?.fenced !== true)
    group.doubt = { runId: info.runId, sinceMs: nowMs, fenced: true }
  const { doubt } = group
  // It was held back, and nobody came who has more.
  const isCleared = doubt?.fenced === true && (lost || nowMs - doubt.sinceMs > DOUBT_MS)
  if (kinshipOf(info, topo.lineage) !== 'newest' && !(lost && info.linkUp) && !isCleared) {
    if (doubt?.fenced === true) wake(core, nowMs + LOOK_AGAIN_MS)
    return
  }
  if (nowMs - primary.correctedMs < PROMOTE_EVERY_MS) return
  primary.correctedMs = nowMs
  emit(core, '+fix-slave-config', group.name, group.primary, subjectOf(group, primary.ref))
  const follows: Address | undefined = info.primary
  say(
    core,
    'warning',
    `${primary.key} is the primary of ${topo.name} since epoch ${topo.configEpoch}, but says that it follows ` +
      `${follows ? addressKey(follows) : 'nobody'}: it is told to be primary again.`,
  )
  giveOrder(core, group, primary, { kind: 'promote', epoch: topo.configEpoch }, nowMs)
  askInfo(primary, nowMs, core.out)
}
