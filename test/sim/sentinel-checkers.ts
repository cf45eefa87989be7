// What the sentinels promise together, watched from outside: at most one server is promoted for a group and epoch; nothing
// is announced before its commit; an announced epoch never falls; sentinels that applied the same log hold the same state. And
// about the data: a switchover loses no acknowledged write; who is promoted has the newest history that the group is known
// to have; nobody is told to copy a server that has less of that than he. And of all servers that need a lease one at most takes writes.

import { needsLease } from '../../src/lease/holder.ts'
import type { Entry as LogEntry, Ready } from '../../src/raft/messages.ts'
import { type Address, addressKey, type ServerRef } from '../../src/sentinel/address.ts'
import type { Effect, Order } from '../../src/sentinel/effects.ts'
import { decodeEntry, type Entry } from '../../src/sentinel/entries.ts'
import type { FormedGroup } from '../../src/sentinel/formation.ts'
import { holds } from '../../src/sentinel/lineage.ts'
import { apply, createTopology, encodeTopology, type TopologyGroup } from '../../src/sentinel/topology.ts'
import { check } from './outcome.ts'
import type { Sentinel } from './sentinel-process.ts'
import type { Position, Server, Servers } from './servers.ts'

/** A report may be this late in a storm and still count. */
const LATE_MS = 5_000
/** Longer than any pause of a switchover. */
const PAUSE_AGE_MS = 10_000
/** The age of what a leader knows of a server; it may have changed since. */
const KNOWN_MS = 1_500
/** Wall clock of the simulated world at its beginning. */
export const WALL_MS = 1e9

/** What happened in a run. */
export interface SentinelTally {
  formed: number
  failovers: number
  switches: number
  aborts: number
  switchovers: number
  promotions: number
  /** Writes that were taken under a lease. */
  leased: number
  /** `sync`: how often a primary told its clients that enough replicas have their writes, and replicas that were forgotten. */
  acknowledged: number
  forgotten: number
}

export interface SentinelCheckers {
  readonly tally: SentinelTally
  /** A process applies this Ready: what is new in it becomes the truth. */
  onApply(ready: Ready): void
  onEffect(sentinel: Sentinel, effect: Effect): void
  /** A server carries out an order. */
  onOrder(server: Server, order: Order): void
  /** A server takes a write. */
  onWrite(server: Server): void
  /** `sync`: a server acknowledges its writes up to this position. */
  onAcknowledge(server: Server, position: Position): void
  /** `sync`: everything that was ever acknowledged is in this server. */
  checkKept(server: Server): void
  /** The newest history that is committed; undefined before the first. */
  newest(group: string): string | undefined
  /** Sentinels at the same index must hold the same state. */
  compare(sentinels: readonly Sentinel[]): void
}

export function createSentinelCheckers(
  servers: Pick<Servers, 'all' | 'at' | 'running' | 'writable' | 'has'>,
  nowMs: () => number,
): SentinelCheckers {
  const tally: SentinelTally = {
    formed: 0,
    failovers: 0,
    switches: 0,
    aborts: 0,
    switchovers: 0,
    promotions: 0,
    leased: 0,
    acknowledged: 0,
    forgotten: 0,
  }
  /** The state that the committed log means, applied as soon as any sentinel applied it. */
  const truth = createTopology()
  let truthIndex = 0
  const candidates = new Map<string, string>()
  const primaries = new Map<string, string>()
  const promoted = new Map<string, string>()
  /** Founding sentinels and the group that each has joined; the group that a majority of its founders has joined. */
  const joined = new Map<string, string>()
  let existing: string | undefined
  /** Sentinel and primary → when it last found it down. */
  const down = new Map<string, number>()
  const announced = new Map<string, number>()
  /** What the state is at an index, and up to which one each sentinel was found to hold it. */
  const states = new Map<number, { id: string; state: string }>()
  const compared = new Map<string, number>()
  /** The last that was acknowledged; it stands for all before it. */
  let acknowledged: Position | undefined

  const checkKept = (server: Server): void =>
    check(
      acknowledged === undefined || servers.has(server, acknowledged),
      () => `${server.key} is primary at ${server.replId} ${server.offset} without ${JSON.stringify(acknowledged)}`,
    )

  const learn = (logEntry: LogEntry): void => {
    truthIndex = logEntry.index
    const entry = logEntry.kind === 'normal' ? decodeEntry(logEntry.data) : undefined
    if (!entry) return
    const { ok } = apply(truth, entry)
    const group = truth.groups.get(entry.group)
    if (!ok || !group) return
    if (entry.kind === 'monitor') primaries.set(`${group.name} 0`, addressKey(group.primary))
    if (entry.kind === 'start') {
      tally.failovers++
      if (entry.planned) tally.switchovers++
    }
    if (entry.kind === 'abort') tally.aborts++
    if (entry.kind === 'forget') tally.forgotten++
    const { failover } = group
    if (failover?.candidate) candidates.set(`${group.name} ${failover.epoch}`, addressKey(failover.candidate))
    if (entry.kind === 'switch') {
      tally.switches++
      primaries.set(`${group.name} ${group.configEpoch}`, addressKey(group.primary))
    }
  }

  /** Everything a sentinel would answer a client with now is committed, and no older than what it answered before, in whichever life. */
  const checkAnnounced = (sentinel: Sentinel): void => {
    for (const { name, primary, configEpoch } of sentinel.core!.state.topology.groups.values()) {
      const committed = primaries.get(`${name} ${configEpoch}`)
      check(
        committed === addressKey(primary),
        () => `${sentinel.id} announces ${addressKey(primary)} in epoch ${configEpoch}, committed is ${committed}`,
      )
      const key = `${sentinel.id} ${name}`
      const before = announced.get(key) ?? 0
      if (sentinel.replaying) continue
      check(configEpoch >= before, () => `${sentinel.id} announces epoch ${configEpoch} after ${before}`)
      announced.set(key, configEpoch)
    }
  }

  /** Nothing is lost in a switchover: who is promoted while the old primary is well finds it paused, and has all its writes. */
  const checkSwitchover = (sentinel: Sentinel, ref: ServerRef): void => {
    const failover = sentinel.core!.state.topology.groups.get(ref.group)?.failover
    if (!failover?.planned) return
    const [old, candidate] = [servers.at(failover.old)!, servers.at(ref)!]
    const verdict = sentinel.core!.state.groups.get(ref.group)?.servers.get(old.key)?.judgement.verdict
    if (verdict !== 'up' || !servers.running(old) || old.role !== 'primary' || candidate.role === 'primary') return
    // A server that restarts forgets that it was paused.
    if (nowMs() - old.startedMs < PAUSE_AGE_MS) return
    check(nowMs() < old.pausedUntilMs, () => `switchover in epoch ${failover.epoch}: ${old.key} is not paused`)
    check(
      candidate.offset >= old.offset,
      () => `switchover in epoch ${failover.epoch}: ${candidate.key} lacks ${old.offset - candidate.offset} bytes`,
    )
  }

  /** And before its switch is proposed the old primary, if it is well, is one no more, and its last write is in the new one. */
  const checkFenced = (sentinel: Sentinel, entry: Entry): void => {
    const failover = sentinel.core!.state.topology.groups.get(entry.group)?.failover
    if (entry.kind !== 'switch' || !failover?.planned || !failover.candidate) return
    const [old, candidate] = [servers.at(failover.old)!, servers.at(failover.candidate)!]
    const verdict = sentinel.core!.state.groups.get(entry.group)?.servers.get(old.key)?.judgement.verdict
    if (verdict === 'dead' || verdict === 'silent' || nowMs() - old.startedMs < PAUSE_AGE_MS) return
    const what = `switchover in epoch ${failover.epoch}`
    // One that was frozen, and fenced by time, has just come back: it has no lease.
    const isFenced = old.role !== 'primary' || (needsLease(old.holder) && !servers.writable(old))
    check(isFenced, () => `${what}: ${old.key} may write on`)
    const has = holds(candidate, old.written.replId)
    if (!old.written.replId || nowMs() - candidate.startedMs < PAUSE_AGE_MS) return
    check(
      old.written.offset <= has,
      () => `${what}: ${candidate.key} has ${has} of the ${old.written.offset} bytes that ${old.key} wrote`,
    )
  }

  /** How much of the newest history that a sentinel knows of a server has; -1 for none of it. */
  const hasOf = ({ lineage }: TopologyGroup, server: Server): number => {
    const newest = lineage.at(-1)
    return newest ? holds(server, newest.replId) : 0
  }

  const checkHistory = (sentinel: Sentinel, ref: ServerRef): void => {
    const topo = sentinel.core!.state.topology.groups.get(ref.group)!
    const server = servers.at(ref)!
    if (topo.failover?.forced || nowMs() - Math.max(server.replacedMs, server.startedMs) < KNOWN_MS) return
    const gone = servers.all.every((one) => hasOf(topo, one) < 0)
    check(
      hasOf(topo, server) >= 0 || gone,
      () => `${sentinel.id} promotes ${ref.host}, which lacks the newest of ${JSON.stringify(topo.lineage)}`,
    )
  }

  /** Nobody empties a fuller server: an order to follow goes to none that has more of the newest history than its new primary. */
  const checkFuller = (sentinel: Sentinel, ref: ServerRef, primary: Address): void => {
    const topo = sentinel.core!.state.topology.groups.get(ref.group)!
    const [server, source] = [servers.at(ref)!, servers.at(primary)!]
    const changedMs = Math.max(...[server, source].flatMap(({ replacedMs, startedMs }) => [replacedMs, startedMs]))
    if (nowMs() - changedMs < KNOWN_MS || !source.alive) return
    // It has everything, though it may have been promoted since twice.
    if (holds(source, server.replId) >= server.offset) return
    const [has, sourceHas] = [hasOf(topo, server), hasOf(topo, source)]
    check(
      sourceHas >= 0 || has < 0,
      () =>
        `${sentinel.id} lets ${ref.host} (${has} bytes of ${topo.lineage.at(-1)?.replId}) copy ${primary.host} (none)`,
    )
  }

  /** A crash failover needs a quorum of sentinels that found the primary down lately, as far as messages are delayed. */
  const checkVotes = (sentinel: Sentinel, data: Uint8Array): void => {
    const entry = decodeEntry(data)
    // With a nonce an operator asked for it, and one sentinel's word that the primary is down is enough.
    if (entry?.kind !== 'start' || entry.planned || entry.nonce) return
    const quorum = sentinel.core!.state.topology.groups.get(entry.group)!.quorum
    // Or the primary came back with less than its replicas: then nobody needs to find it down.
    if (entry.reason.includes('with less data than')) return
    const voters = [...down].filter(([key, atMs]) => key.endsWith(addressKey(entry.old)) && nowMs() - atMs < LATE_MS)
    check(
      voters.length >= quorum,
      () => `${sentinel.id} fails ${addressKey(entry.old)} over on the word of ${voters.length}: ${voters}`,
    )
  }

  const noteVerdict = (sentinel: Sentinel): void => {
    for (const { primary, reported } of sentinel.core!.state.groups.values()) {
      // Whoever needs a lease is of no use to those who are cut off from it, either.
      const isUseless = reported === 'cut-off' && servers.at(primary)?.holder.bound === true
      if (reported === 'dead' || reported === 'silent' || isUseless)
        down.set(`${sentinel.id} ${addressKey(primary)}`, nowMs())
    }
  }

  /** A group exists when a majority of its founders has joined it, and there is one at most. */
  const checkGroup = (sentinel: Sentinel, { id, members }: FormedGroup): void => {
    tally.formed++
    joined.set(sentinel.id, id)
    const count = members.filter((member) => joined.get(member) === id).length
    if (count * 2 <= members.length) return
    check(existing === undefined || existing === id, () => `two groups exist: ${existing} and ${id}`)
    existing = id
  }

  const checkEvent = (sentinel: Sentinel, name: string, payload: string): void => {
    if (name !== '+switch-master') return
    const [group, , , host, port] = payload.split(' ')
    const known = [...primaries].some(([key, to]) => key.startsWith(`${group} `) && to === `${host}:${port}`)
    check(known, () => `${sentinel.id} announced ${name} ${payload} before any commit`)
  }

  return {
    tally,
    newest: (group) => truth.groups.get(group)?.lineage.at(-1)?.replId,
    onApply(ready) {
      for (const entry of ready.committed) if (entry.index === truthIndex + 1) learn(entry)
    },
    onEffect(sentinel, effect) {
      noteVerdict(sentinel)
      if (effect.type === 'form') checkGroup(sentinel, effect.group)
      if (effect.type === 'propose') {
        checkVotes(sentinel, effect.data)
        checkFenced(sentinel, decodeEntry(effect.data)!)
      }
      if (effect.type === 'event') checkEvent(sentinel, effect.name, effect.payload)
      if (effect.type === 'order' && effect.order.kind === 'promote') {
        const { epoch } = effect.order
        const key = `${effect.ref.group} ${epoch}`
        const chosen = candidates.get(key) ?? primaries.get(key)
        check(
          chosen === addressKey(effect.ref),
          () => `${sentinel.id} orders ${addressKey(effect.ref)} to be promoted in epoch ${epoch}, chosen is ${chosen}`,
        )
        checkSwitchover(sentinel, effect.ref)
        checkHistory(sentinel, effect.ref)
      }
      if (effect.type === 'order' && (effect.order.kind === 'follow' || effect.order.kind === 'fence'))
        checkFuller(sentinel, effect.ref, effect.order.primary)
      checkAnnounced(sentinel)
    },
    onOrder(server, order) {
      if (order.kind !== 'promote') return
      const key = `${order.epoch}`
      const before = promoted.get(key) ?? server.key
      check(before === server.key, () => `both ${before} and ${server.key} were promoted in epoch ${order.epoch}`)
      if (!promoted.has(key)) tally.promotions++
      promoted.set(key, server.key)
    },
    onWrite(server) {
      if (!needsLease(server.holder)) return
      tally.leased++
      const other = servers.all.find((one) => one !== server && needsLease(one.holder) && servers.writable(one))
      check(other === undefined, () => `both ${server.key} and ${other?.key} take writes under a lease`)
    },
    checkKept,
    onAcknowledge(server, position) {
      tally.acknowledged++
      checkKept(server)
      acknowledged = position
    },
    compare(sentinels) {
      for (const { id, core, process } of sentinels) {
        const index = process?.raft?.status().appliedIndex
        if (!core || index === undefined || compared.get(id) === index) continue
        compared.set(id, index)
        const state = Buffer.from(encodeTopology(core.state.topology)).toString()
        const other = states.get(index) ?? { id, state }
        check(
          other.state === state,
          () => `${id} and ${other.id} applied ${index} entries and differ:\n  ${state}\n  ${other.state}`,
        )
        states.set(index, other)
      }
    },
  }
}
