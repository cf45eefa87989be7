// This sentinel's part in the leases of a group: the words that it says to the servers, what it promises in them, and what it tells
// the other sentinels of its promises. How a lease is counted is in lease/holder.ts, what may be promised in ledger.ts.
//
// The primary of the applied topology is promised a lease with each heartbeat, by voters only, and by nobody while a failover is
// under way: from the commit of its start the old primary's lease runs out. The other servers hear the terms now and then, so
// that they know already that they need a lease when they are promoted.
//
// Invariant: a promise is in the ledger before the word leaves.
import { LAST_VERSION, majorityOf, type Request, surely, type Terms, type Word } from '../lease/terms.ts'
import { addressKey, sameAddress } from './address.ts'
import { isCertain } from './certainty.ts'
import { mayPromise, promise, standIn } from './ledger.ts'
import { LEASE_LEVEL } from './machine.ts'
import { effectiveSettings, leaseSettings } from './settings.ts'
import { type CoreState, type GroupState, levelInForce, propose, say, settingsOf } from './state.ts'
import type { LeaseBase, TopologyGroup } from './topology.ts'
import type { Watched } from './watched.ts'

/** How often servers that are no primary are told the terms. */
const TELL_MS = 1_000
/** A primary whose lease is this near its end is not kept waiting for the next heartbeat; nor is it asked more often than so. */
const URGENT_SHARE = 0.3
const URGENT_EVERY_MS = 20

/** What is promised, as the replicated state has it. */
export function termsOf({ raft }: CoreState, { lease, changes, replicas, discounted }: TopologyGroup): Terms {
  const { writeMode: mode, leaseMs: lengthMs, syncReplicas: copies } = effectiveSettings(undefined, changes)
  const counting = replicas.filter((replica) => !discounted.some((one) => sameAddress(one, replica)))
  const counted = mode === 'sync' ? counting.map(addressKey).sort() : []
  return { version: lease?.version ?? 1, mode, lengthMs, copies, voters: [...raft.voters].sort(), replicas: counted }
}

/** Leader: begins the leases of a group as soon as every sentinel knows them. */
export function proposeLeases(core: CoreState, topo: TopologyGroup, nowMs: number): void {
  if (topo.lease !== undefined || levelInForce(core) < LEASE_LEVEL) return
  const key = core.options.leaseKey?.()
  if (key === undefined) return
  const settings = leaseSettings(settingsOf(core, topo))
  const began = propose(core, nowMs, `lease ${topo.name}`, { kind: 'lease', group: topo.name, key, settings })
  if (began)
    say(core, 'notice', `The primary of ${topo.name} needs a lease from now on (write-mode ${settings.writeMode}).`)
}

/** Says a word to a server when one is due. */
export function pollLease(core: CoreState, group: GroupState, server: Watched, nowMs: number): void {
  const base = leaseBase(core, group, server)
  if (base === undefined || server.link !== 'up' || server.lease.waiting) return
  const hurried = sameAddress(server.ref, group.primary) || server.info?.leases === 'free'
  if (nowMs - server.lease.sentMs >= (hurried ? core.heartbeatMs : TELL_MS)) speak(core, group, server, base, nowMs)
}

/** The group's leases, if this server can take part in them. */
function leaseBase(core: CoreState, group: GroupState, server: Watched): LeaseBase | undefined {
  const takes = server.info !== undefined && server.info.leases !== 'unknown' && !server.probe
  return takes ? core.topology.groups.get(group.name)?.lease : undefined
}

function speak(core: CoreState, group: GroupState, server: Watched, { key }: LeaseBase, nowMs: number): void {
  const topo = core.topology.groups.get(group.name)!
  const terms = termsOf(core, topo)
  const { request } = server.lease
  const grant = mayGrant(core, group, topo, server, request, nowMs) ? request : undefined
  if (grant !== undefined) {
    promise(group.ledger, server.key, grant, terms.lengthMs, nowMs)
    core.stats.grants += 1
    server.lease.request = undefined
  }
  server.lease.waiting = true
  server.lease.sentMs = nowMs
  const word: Word = { group: group.name, from: core.self.peer, terms, ...(grant && { grant }) }
  core.out.push({ type: 'lease', ref: server.ref, word, key })
}

function mayGrant(
  core: CoreState,
  group: GroupState,
  topo: TopologyGroup,
  server: Watched,
  request: Request | undefined,
  nowMs: number,
): request is Request {
  if (request === undefined) return false
  if (!sameAddress(server.ref, topo.primary) || !core.raft.voters.includes(core.self.peer)) return false
  if (topo.failover !== undefined && topo.failover.switchedAtMs === undefined) return false
  if (effectiveSettings(undefined, topo.changes).writeMode === 'async') return false
  // What it promised before it started, it does not know.
  if (nowMs < core.bootMs + surely(topo.lease?.longestMs ?? 0)) return false
  return isCertain(core, nowMs) && mayPromise(group.ledger, server.key, request.tenure, nowMs)
}

/** Takes a server's answer; a primary that has no lease, or hardly any, is promised one at once. */
export function takeLeased(
  core: CoreState,
  group: GroupState,
  server: Watched,
  answer: { readonly tenure: string; readonly seq: number; readonly leftMs: number } | undefined,
  nowMs: number,
): void {
  server.lease.waiting = false
  const base = leaseBase(core, group, server)
  if (base === undefined) return
  if (answer === undefined) {
    core.out.push({ type: 'enlist', ref: server.ref, key: base.key })
    return
  }
  const { tenure, seq, leftMs } = answer
  if (tenure === '') return
  Object.assign(server.lease, { tenure, heardMs: nowMs, leftMs, request: { tenure, seq } })
  const topo = core.topology.groups.get(group.name)!
  const isNear = leftMs < termsOf(core, topo).lengthMs * URGENT_SHARE
  if (!isNear || nowMs - server.lease.urgedMs < URGENT_EVERY_MS) return
  if (!mayGrant(core, group, topo, server, server.lease.request, nowMs)) return
  server.lease.urgedMs = nowMs
  speak(core, group, server, base, nowMs)
}

/**
 * A server says that it was promoted, or is announced as primary: it waits for its lease, and its clients with it. The first
 * word brings its request, so that it is granted at once when the switch is committed.
 */
export function greet(core: CoreState, group: GroupState, server: Watched | undefined, nowMs: number): void {
  const base = server && leaseBase(core, group, server)
  if (base === undefined || server?.link !== 'up' || server.lease.waiting) return
  speak(core, group, server, base, nowMs)
}

/** The group is watched no more: its servers need no leases any more, for nobody would give them any. */
export function dismiss(core: CoreState, group: GroupState, topo: TopologyGroup): void {
  const { lease } = topo
  if (lease === undefined) return
  const terms: Terms = { ...termsOf(core, topo), mode: 'async', version: LAST_VERSION }
  for (const { ref, link, info } of group.servers.values()) {
    if (link !== 'up' || info === undefined || info.leases === 'unknown') continue
    core.out.push({ type: 'lease', ref, word: { group: group.name, from: core.self.peer, terms }, key: lease.key })
  }
}

/** The voters changed: whom the former ones promised a lease may count on it. */
export function coverFormerVoters(core: CoreState, nowMs: number): void {
  for (const group of core.groups.values()) {
    const topo = core.topology.groups.get(group.name)
    if (topo?.lease !== undefined) standIn(group.ledger, addressKey(topo.primary), topo.lease.longestMs, nowMs)
  }
}

/** What this sentinel tells the others: since it knows of the failover of this epoch it promises the old primary nothing, and what it had promised runs out. */
export function promisesLeft(core: CoreState, group: GroupState, nowMs: number) {
  const topo = core.topology.groups.get(group.name)
  if (topo?.lease === undefined) return {}
  const leftMs = Math.max(0, Math.ceil(promisedUntilMs(core, group, topo.lease) - nowMs))
  return { lease: { epoch: topo.lastEpoch, leftMs } }
}

/** Until when a promise of this sentinel may hold; what it promised before it started, it does not know. */
const promisedUntilMs = (core: CoreState, { ledger }: GroupState, { longestMs }: LeaseBase): number =>
  Math.max(ledger.untilMs, core.bootMs + surely(longestMs))

/**
 * Leader: when the lease of the old primary has run out at a majority, on this sentinel's clock; Infinity while not enough have
 * said so. What another sentinel said holds from when it was heard, which is later than when it was said.
 */
export function leaseOverMs(core: CoreState, group: GroupState, topo: TopologyGroup): number {
  const { lease, lastEpoch } = topo
  if (lease === undefined) return Number.NEGATIVE_INFINITY
  const { voters } = core.raft
  const ends = voters.map((peer) => {
    if (peer === core.self.peer) return promisedUntilMs(core, group, lease)
    const vote = group.votes.get(peer)
    const said = vote?.opinion.lease
    return vote !== undefined && said?.epoch === lastEpoch ? vote.heardMs + surely(said.leftMs) : Infinity
  })
  return ends.sort((a, b) => a - b)[majorityOf(voters.length) - 1] ?? Number.POSITIVE_INFINITY
}

/** The tenure of an old primary, if it is certainly over: the process is gone, or said after it that it is a replica. */
export function endedTenure(old: Watched | undefined, fencedMs: number | undefined): string | undefined {
  if (old === undefined) return undefined
  const { tenure, heardMs } = old.lease
  const isDead = old.judgement.verdict === 'dead'
  const isFenced = fencedMs !== undefined && heardMs <= fencedMs
  const isReplica = old.info?.role === 'replica' && heardMs <= old.infoAskedMs
  return tenure !== '' && (isDead || isFenced || isReplica) ? tenure : undefined
}
