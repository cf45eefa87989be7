// The field lists of SENTINEL MASTERS, REPLICAS and SENTINELS: names and order are those of Redis Sentinel 7.0.15, because
// clients and exporters read them by both.

import type { ReplyWriter } from '../../protocol/writer.ts'
import { type Address, addressKey, sameAddress } from '../../sentinel/address.ts'
import { isCertain } from '../../sentinel/certainty.ts'
import { type CoreState, type GroupState, type Peer, sentinelFlags, settingsOf, topoOf } from '../../sentinel/state.ts'
import type { Failover, TopologyGroup } from '../../sentinel/topology.ts'
import type { Watched } from '../../sentinel/watched.ts'
import type { Links } from '../links.ts'
import { sentinelsOf } from './info.ts'
import type { CommandHost } from './spec.ts'

export type Fields = readonly (readonly [string, string])[]

/** Writes the fields as a map. */
export function writeFields(reply: ReplyWriter, fields: Fields): void {
  reply.map(fields.length)
  for (const [name, value] of fields) {
    reply.bulkText(name)
    reply.bulkText(value)
  }
}

const whole = (ms: number): string => String(Math.max(0, Math.round(Number.isFinite(ms) ? ms : 0)))

/** What the fields need beside the state. */
export type Shown = Pick<CommandHost, 'shownHost'> & { readonly sentinel: { readonly links: Pick<Links, 'pending'> } }

/** Fields that every instance begins with. */
function linkFields(
  core: CoreState,
  server: Watched,
  { shownHost, sentinel }: Shown,
  flags: string,
  nowMs: number,
): Fields {
  const group = core.groups.get(server.ref.group)!
  const topo = topoOf(core, group.name)!
  const isPrimary = sameAddress(group.primary, server.ref)
  const sincePing = server.pingSentMs === undefined ? 0 : nowMs - server.pingSentMs
  return [
    ['ip', shownHost(server.ref)],
    ['port', String(server.ref.port)],
    ['runid', server.info?.runId ?? ''],
    ['flags', flags],
    ['link-pending-commands', String(Math.max(0, sentinel.links.pending(server.ref)))],
    ['link-refcount', '1'],
    ...(isPrimary && topo.failover !== undefined && topo.failover.switchedAtMs === undefined
      ? [['failover-state', failoverState(group, topo.failover)] as const]
      : []),
    ['last-ping-sent', whole(sincePing)],
    ['last-ok-ping-reply', whole(nowMs - server.lastOkPongMs)],
    ['last-ping-reply', whole(nowMs - server.lastPongMs)],
    ...(server.sdown ? [['s-down-time', whole(nowMs - server.sdownSinceMs)] as const] : []),
    ...(isPrimary && group.odown ? [['o-down-time', whole(nowMs - group.odownSinceMs)] as const] : []),
    ['down-after-milliseconds', String(settingsOf(core, topo).downAfterMs)],
    ['info-refresh', whole(nowMs - server.infoAtMs)],
    [
      'role-reported',
      server.info?.role === 'replica' ? 'slave' : server.info?.role === 'primary' ? 'master' : expected(group, server),
    ],
    ['role-reported-time', whole(nowMs - server.roleSinceMs)],
  ]
}

/** How far the failover is, in Redis Sentinel's words. After the switch the new primary is shown, without. */
function failoverState({ run }: GroupState, { candidate }: Failover): string {
  if (candidate === undefined) return 'select_slave'
  return run?.orders.get(addressKey(candidate))?.kind === 'promote' ? 'wait_promotion' : 'send_slaveof_noone'
}

const expected = (group: GroupState, server: Watched): string =>
  sameAddress(group.primary, server.ref) ? 'master' : 'slave'

/** A primary that this sentinel is not certain of is none to connect to: clients take one that is `disconnected` for such. */
function masterFlags(core: CoreState, group: GroupState, server: Watched, topo: TopologyGroup, nowMs: number): string {
  const flags = sentinelFlags(group, server, 'master', topo.failover)
  return isCertain(core, nowMs) || flags.includes('disconnected') ? flags : `${flags},disconnected`
}

/** One element of SENTINEL MASTERS. */
export function masterFields(core: CoreState, group: GroupState, host: Shown, nowMs: number): Fields {
  const topo = topoOf(core, group.name)!
  const settings = settingsOf(core, topo)
  const server = group.servers.get(addressKey(group.primary))!
  const scripts: Fields = [
    ...(settings.notificationScript ? [['notification-script', settings.notificationScript] as const] : []),
    ...(settings.clientReconfigScript ? [['client-reconfig-script', settings.clientReconfigScript] as const] : []),
  ]
  return [
    ['name', group.name],
    ...linkFields(core, server, host, masterFlags(core, group, server, topo, nowMs), nowMs),
    ['config-epoch', String(topo.configEpoch)],
    ['num-slaves', String(replicasOf(group).length)],
    ['num-other-sentinels', String(sentinelsOf(core, group.name).length)],
    ['quorum', String(topo.quorum)],
    ['failover-timeout', String(settings.failoverTimeoutMs)],
    ['parallel-syncs', String(settings.parallelSyncs)],
    ...scripts,
  ]
}

/** The servers of a group that are not its primary. */
export const replicasOf = (group: GroupState): Watched[] =>
  [...group.servers.values()].filter((server) => !sameAddress(server.ref, group.primary))

/** One element of SENTINEL REPLICAS. */
export function replicaFields(core: CoreState, group: GroupState, server: Watched, host: Shown, nowMs: number): Fields {
  const { info } = server
  const primary: Address | undefined = info?.primary
  return [
    ['name', server.key],
    ...linkFields(core, server, host, sentinelFlags(group, server, 'slave', topoOf(core, group.name)?.failover), nowMs),
    ['master-link-down-time', String(info?.linkDownMs ?? 0)],
    ['master-link-status', info?.linkUp === true ? 'ok' : 'err'],
    ['master-host', primary === undefined ? '?' : host.shownHost({ group: group.name, ...primary })],
    ['master-port', String(primary?.port ?? 0)],
    ['slave-priority', String(info?.priority ?? 100)],
    ['slave-repl-offset', String(info?.offset ?? 0)],
    ['replica-announced', info?.announced === false ? '0' : '1'],
  ]
}

/** One element of SENTINEL SENTINELS. */
export function peerFields(core: CoreState, group: GroupState, peer: Peer, nowMs: number): Fields {
  const settings = settingsOf(core, topoOf(core, group.name)!)
  const sinceMs = nowMs - peer.lastHeardMs
  const leader = core.raft.leader
  const leaderRunId = leader === core.self.peer ? core.self.runId : (leader && core.peers.get(leader)?.runId) || '?'
  return [
    ['name', peer.runId],
    ['ip', peer.resp.host],
    ['port', String(peer.resp.port)],
    ['runid', peer.runId],
    ['flags', peer.sdown ? 's_down,sentinel' : 'sentinel'],
    ['link-pending-commands', '0'],
    ['link-refcount', '1'],
    ['last-ping-sent', '0'],
    ['last-ok-ping-reply', whole(sinceMs)],
    ['last-ping-reply', whole(sinceMs)],
    ...(peer.sdown ? [['s-down-time', whole(sinceMs)] as const] : []),
    ['down-after-milliseconds', String(settings.downAfterMs)],
    ['last-hello-message', whole(nowMs - peer.lastHelloMs)],
    ['voted-leader', leaderRunId],
    ['voted-leader-epoch', String(core.raft.term)],
  ]
}
