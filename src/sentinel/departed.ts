// Replicas that are gone for good, as after scaling down: the leader proposes to forget one that has been down for
// `dead-replica-timeout`. It would be listed and counted for ever otherwise, and in `sync` mode a failover waits for what it has to say.
//
// Intuition: forgetting is safe when nothing is lost by it. So the primary must be well and not hear of the replica, and every other
// replica must have all that the primary had written when that was found: then nobody can be missed who has more. One that comes back
// is found again on its primary's list.
//
// In `sync` mode a replica that seems gone may be back at its primary in this very moment, and acknowledge alone what nobody else has.
// So its copies stop counting first (`discount`), while a failover still waits for it. It is forgotten when the primary says
// that it counts by the new terms, and the others have all that was written until then.
//
// Invariants: the last replica stays, for without one no failover is possible; one that is known by name stays while the name has an
// address, for then it was only cut off. Off by default, as Redis Sentinel forgets nothing.
import { type Address, addressKey, isName, sameAddress } from './address.ts'
import { keepsCopies } from './copies.ts'
import { isDown } from './detector.ts'
import { reachable } from './failover-run.ts'
import type { ServerInfo } from './info.ts'
import { DISCOUNT_LEVEL, FORGET_LEVEL } from './machine.ts'
import { type CoreState, type GroupState, levelInForce, propose, say, settingsOf } from './state.ts'
import type { TopologyGroup } from './topology.ts'
import type { Watched } from './watched.ts'

/** How far the primary was when the leader found that this replica may be gone, and that it counted by terms of this version. */
export interface Departure {
  readonly key: string
  readonly replId: string
  readonly offset: number
  readonly version: number
}

/** Leader: proposes to forget a replica that is gone, when all is well without it. */
export function forgetDeparted(core: CoreState, group: GroupState, topo: TopologyGroup, nowMs: number): void {
  const primary = group.servers.get(addressKey(topo.primary))
  const info = aliveAs('primary', primary)
  const gone =
    info === undefined ? [] : topo.replicas.filter((replica) => isGone(core, group, topo, replica, info, nowMs))
  const careful = keepsCopies(topo, settingsOf(core, topo)) && levelInForce(core) >= DISCOUNT_LEVEL
  const discounted = careful ? topo.discounted[0] : undefined
  const first = discounted ?? gone[0]
  const rest = topo.replicas.filter((replica) => !gone.includes(replica) && !(first && sameAddress(replica, first)))
  if (first === undefined || info === undefined || rest.length === 0) {
    group.departure = undefined
    return
  }
  const key = addressKey(first)
  const version = discounted === undefined ? 0 : (topo.lease?.version ?? 0)
  // A primary that does not say by which terms it counts forgets nobody.
  if (careful && info.leaseVersion < Math.max(1, version)) return
  const { departure } = group
  if (departure?.key !== key || departure.replId !== info.replId || departure.version !== version)
    group.departure = { key, replId: info.replId, offset: info.offset, version }
  if (!rest.every((replica) => has(group.servers.get(addressKey(replica)), group.departure!))) return
  if (careful && discounted === undefined) {
    propose(core, nowMs, `discount ${topo.name} ${key}`, { kind: 'discount', group: topo.name, replica: first })
    return
  }
  if (!propose(core, nowMs, `forget ${topo.name} ${key}`, { kind: 'forget', group: topo.name, replica: first })) return
  const seconds = Math.round((nowMs - (group.servers.get(key)?.sdownSinceMs ?? nowMs)) / 1000)
  const why = isName(first) ? ', its name has no address any more,' : ''
  say(
    core,
    'notice',
    `${key} of ${topo.name} has been down for ${seconds} s${why} and is missed by nobody: it is forgotten.`,
  )
}

function aliveAs(role: ServerInfo['role'], server: Watched | undefined): ServerInfo | undefined {
  const isAlive = reachable(server) && !isDown(server.judgement.verdict) && server.info?.role === role
  return isAlive ? server.info : undefined
}

function isGone(
  core: CoreState,
  group: GroupState,
  topo: TopologyGroup,
  replica: Address,
  { replicas }: ServerInfo,
  nowMs: number,
): boolean {
  const { deadReplicaMs } = settingsOf(core, topo)
  if (deadReplicaMs === 0 || levelInForce(core) < FORGET_LEVEL) return false
  const server = group.servers.get(addressKey(replica))
  if (server === undefined || !server.sdown || replicas.some((listed) => sameAddress(listed, replica))) return false
  if (nowMs - Math.max(server.sdownSinceMs, core.leaderSinceMs) < deadReplicaMs) return false
  // The server that the group is monitored by has a name too.
  return isName(replica) ? server.nameless : !sameAddress(replica, topo.hostname?.address)
}

function has(server: Watched | undefined, { replId, offset }: Departure): boolean {
  const info = aliveAs('replica', server)
  return info?.linkUp === true && info.replId === replId && info.offset >= offset
}
