// No dead end without a word: what keeps a group of servers from the failover that it needs, as one sentence. The log, the status
// and SENTINEL CKQUORUM all say the same one. (What keeps the sentinels themselves from deciding at all is obstacle.ts's.) A sentence holds no number that changes by itself, or it would be told over and over.
import { ballotOf } from './acts.ts'
import { addressKey } from './address.ts'
import { isDown } from './detector.ts'
import { heldBack } from './maintenance.ts'
import { type CoreState, type GroupState, say, topoOf } from './state.ts'
import type { TopologyGroup } from './topology.ts'

/** Only what lasts is told: a failover that takes its course is none. */
const TELL_AFTER_MS = 1_000

/** What keeps this group from a failover now; undefined when it needs none, or when it is going on. */
export function deadEndOf(core: CoreState, group: GroupState, nowMs: number): string | undefined {
  const topo = topoOf(core, group.name)!
  const primary = group.servers.get(addressKey(topo.primary))
  const votes = ballotOf(core, group, topo, nowMs)
  if (!needsFailover(group, topo, primary !== undefined && isDown(primary.judgement.verdict), votes.enough))
    return group.doubt === undefined ? undefined : `${addressKey(topo.primary)} ${DOUBT}`
  if (core.formed === undefined || core.raft.leader === undefined) return undefined
  if (!core.topology.groups.has(group.name)) return 'the sentinels have not agreed to watch this group yet'
  const { failover } = topo
  if (failover === undefined && !votes.enough) return `${votes.down} of the ${topo.quorum} ${NEEDED}`
  if (topo.replicas.length === 0) return 'no replica of it is known'
  const held = failover === undefined ? heldBack(core, topo, nowMs) : undefined
  if (held !== undefined) return held
  if (failover?.switchedAtMs !== undefined) return undefined
  const last = topo.history.at(-1)
  if (last !== undefined && last.outcome !== 'done' && last.epoch > topo.configEpoch)
    return `the failover before was given up: ${last.ending}`
  return failover && `the failover of epoch ${failover.epoch} does not get on`
}

const NEEDED = 'sentinels that must find the primary down do so'
const DOUBT = 'came back with data of its own, and whether a replica has more is not known yet'

const needsFailover = (group: GroupState, { failover }: TopologyGroup, down: boolean, enough: boolean): boolean =>
  down || enough || (failover !== undefined && !failover.planned && failover.switchedAtMs === undefined) || group.odown

/** The one that status and CKQUORUM show: one that has lasted. */
export const lastingDeadEnd = ({ deadEnd }: GroupState): string | undefined =>
  deadEnd?.shown === true ? deadEnd.text : undefined

/** Tells what keeps a group from its failover, once for each reason, when that has lasted. */
export function tellDeadEnd(core: CoreState, group: GroupState, nowMs: number): void {
  const text = deadEndOf(core, group, nowMs)
  const before = group.deadEnd
  if (text === undefined) {
    group.deadEnd = undefined
    if (before?.shown === true) say(core, 'notice', `Nothing keeps ${group.name} from a failover any more.`)
    return
  }
  // A failover that is tried again passes through other states; only another reason is told anew.
  if (before?.text !== text) group.deadEnd = { text, sinceMs: nowMs, told: false, shown: before?.shown === true }
  const { deadEnd } = group
  if (deadEnd === undefined || deadEnd.told || nowMs - deadEnd.sinceMs < TELL_AFTER_MS) return
  deadEnd.told = true
  deadEnd.shown = true
  say(core, 'warning', `No failover of ${group.name}: ${text}.`)
}
