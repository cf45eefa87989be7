// Everything came back at other addresses, and the files say which: the group of sentinels still holds the old ones. What the file
// says now wins over addresses at which nobody answers, and over nothing else: the file of a sentinel that was not edited after a
// failover names the old primary, and must not bring it back.
//
// The move is a failover like any other (leader.ts), with the server that the file names as its candidate: so it takes a quorum that
// finds the old primary down, an epoch of its own, and a candidate that says of itself that it is a primary.
//
// Invariant: the server that the file names is only looked at until then. It is no replica of the group, is given no order, and is
// looked at no more as soon as any server of the group answers: it may be a typing error, and somebody else's data.
//
// It is looked at during a failover too, which nobody can end who hears no other sentinel: those that moved find each other by the
// hellos on the server that their files name.
import { ballotOf, startFailover } from './acts.ts'
import { type Address, addressKey, sameAddress } from './address.ts'
import { isDown } from './detector.ts'
import { dropProbe, watchProbe } from './group.ts'
import { heldBack } from './maintenance.ts'
import { type CoreState, type GroupState, say } from './state.ts'
import type { TopologyGroup } from './topology.ts'

/** How long nobody must have answered at the addresses that the group holds. */
const SILENT_MS = 3_000
/** Replicas of replicas that are followed from the address in the file. */
const HOPS_MAX = 8

/** Looks at the server that this sentinel's file names, while nobody answers where the group looks for its servers. */
export function lookAtNamed(core: CoreState, group: GroupState, nowMs: number): void {
  const topo = core.topology.groups.get(group.name)
  const named = core.named.get(group.name)
  if (topo === undefined || named === undefined) return
  const probe = [...group.servers.values()].find((server) => server.probe)
  if (isKnown(topo, named)) {
    // The failover to it was committed: it is a server like the others.
    if (probe !== undefined && sameAddress(probe.ref, named)) probe.probe = false
    return
  }
  if (!isForsaken(group, nowMs)) {
    if (probe !== undefined) dropProbe(core, group, probe)
    return
  }
  if (probe === undefined) {
    const [old, now] = [addressKey(topo.primary), addressKey(named)]
    say(
      core,
      'warning',
      `No server of ${group.name} answers (the primary was ${old}), and the file names ${now}: that is looked at.`,
    )
    watchProbe(core, group, named, nowMs)
  } else if (!sameAddress(probe.ref, named)) dropProbe(core, group, probe)
  else followProbe(core, group, probe.info?.role === 'replica' ? probe.info.primary : undefined)
}

/** The file may name what is a replica by now. */
function followProbe(core: CoreState, group: GroupState, primary: Address | undefined): void {
  const hops = core.hops.get(group.name) ?? 0
  if (primary === undefined || hops >= HOPS_MAX) return
  core.hops.set(group.name, hops + 1)
  core.named.set(group.name, primary)
}

const isKnown = (topo: TopologyGroup, address: Address): boolean =>
  [topo.primary, ...topo.replicas].some((known) => sameAddress(known, address))

/** Whether none of the group's own servers answered lately. */
const isForsaken = (group: GroupState, nowMs: number): boolean =>
  [...group.servers.values()].every((server) => server.probe || nowMs - server.lastPongMs >= SILENT_MS)

/** The leader moves the group to the server that its file names; true when that is under way. */
export function moveToNamed(core: CoreState, group: GroupState, topo: TopologyGroup, nowMs: number): boolean {
  const probe = [...group.servers.values()].find((server) => server.probe)
  if (probe === undefined || !isForsaken(group, nowMs) || !ballotOf(core, group, topo, nowMs).enough) return false
  if (probe.link !== 'up' || probe.info?.role !== 'primary' || isDown(probe.judgement.verdict)) return false
  if (nowMs < group.retryAtMs || heldBack(core, topo, nowMs) !== undefined) return true
  const reason = `no server of the group answers at its address any more (the primary was ${addressKey(topo.primary)})`
  const { host, port } = probe.ref
  const why = `${probe.key} is a primary, and the file of this sentinel names it`
  startFailover(core, topo, { planned: false, cause: 'moved', reason, choice: { replica: { host, port }, why } }, nowMs)
  return true
}
