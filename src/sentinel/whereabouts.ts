// Where the primary of a group really is, when the address that this sentinel was given is not it: a file from before the last
// failover, or a MONITOR with the address of a replica.
// Invariant: only a group that the sentinels have not agreed on follows what a server says here, and it is proposed only once the server
// that it names says of itself that it is a primary, or does not answer at all.
import { addressKey, sameAddress } from './address.ts'
import { forgetGroup } from './group.ts'
import { type CoreState, type GroupState, say } from './state.ts'
import { apply } from './topology.ts'

/** How long a server may take to say what it is before its group is proposed as it was named. */
const PATIENCE_MS = 5_000
/** Replicas of replicas that are followed. */
const HOPS_MAX = 8

/** Watches the primary of the server that was named, if that one says that it is a replica. */
export function followNamed(core: CoreState, group: GroupState): void {
  const topo = core.provisional.groups.get(group.name)
  const info = topo && group.servers.get(addressKey(topo.primary))?.info
  if (topo === undefined || info?.role !== 'replica' || info.primary === undefined) return
  const hops = (core.hops.get(group.name) ?? 0) + 1
  if (hops > HOPS_MAX || sameAddress(info.primary, topo.primary)) return
  core.hops.set(group.name, hops)
  const [named, found] = [addressKey(topo.primary), addressKey(info.primary)]
  say(
    core,
    'warning',
    `${named} was named as the primary of ${group.name}, but is a replica of ${found}: that is watched.`,
  )
  const { name, quorum, changes } = topo
  forgetGroup(core, group)
  for (const entry of [
    { kind: 'remove', group: name },
    { kind: 'monitor', group: name, primary: info.primary, quorum },
    { kind: 'set', group: name, changes },
  ] as const)
    apply(core.provisional, entry)
  core.dirty = true
}

/** Whether a group may be proposed as it is named. */
export function isVouchedFor(core: CoreState, name: string, nowMs: number): boolean {
  const group = core.groups.get(name)
  if (group === undefined) return false
  const { info } = group.servers.get(addressKey(group.primary))!
  return info?.role === 'primary' || nowMs - group.createdMs >= PATIENCE_MS
}
