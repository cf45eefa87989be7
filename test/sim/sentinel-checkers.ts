// What the sentinels promise together, watched from outside: at most one server is promoted for a group and epoch; nothing
// is announced before its commit; an announced epoch never falls; sentinels that applied the same log hold the same state;
// and a switchover does not promote a replica that lacks writes of the paused primary.
import type { Entry as LogEntry, Ready } from '../../src/raft/messages.ts'
import { addressKey, type ServerRef } from '../../src/sentinel/address.ts'
import type { Effect, Order } from '../../src/sentinel/effects.ts'
import { decodeEntry } from '../../src/sentinel/entries.ts'
import type { FormedGroup } from '../../src/sentinel/formation.ts'
import { apply, createTopology, encodeTopology } from '../../src/sentinel/topology.ts'
import { check } from './outcome.ts'
import type { Sentinel } from './sentinel-process.ts'
import type { Server, Servers } from './servers.ts'

/** A report may be this late in a storm and still count. */
const LATE_MS = 5_000
/** Longer than any pause of a switchover. */
const PAUSE_AGE_MS = 10_000
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
}

export interface SentinelCheckers {
  readonly tally: SentinelTally
  /** A process applies this Ready: what is new in it becomes the truth. */
  onApply(ready: Ready): void
  onEffect(sentinel: Sentinel, effect: Effect): void
  /** A server carries out an order. */
  onOrder(server: Server, order: Order): void
  /** Sentinels at the same index must hold the same state. */
  compare(sentinels: readonly Sentinel[]): void
}

export function createSentinelCheckers(
  servers: Pick<Servers, 'at' | 'running'>,
  nowMs: () => number,
): SentinelCheckers {
  const tally: SentinelTally = {
    formed: 0,
    failovers: 0,
    switches: 0,
    aborts: 0,
    switchovers: 0,
    promotions: 0,
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
    if (entry.kind === 'choose') candidates.set(`${group.name} ${entry.epoch}`, addressKey(entry.replica))
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

  /** A crash failover needs a quorum of sentinels that found the primary down lately, as far as messages are delayed. */
  const checkVotes = (sentinel: Sentinel, data: Uint8Array): void => {
    const entry = decodeEntry(data)
    // With a nonce an operator asked for it, and one sentinel's word that the primary is down is enough.
    if (entry?.kind !== 'start' || entry.planned || entry.nonce) return
    const quorum = sentinel.core!.state.topology.groups.get(entry.group)!.quorum
    const voters = [...down].filter(([key, atMs]) => key.endsWith(addressKey(entry.old)) && nowMs() - atMs < LATE_MS)
    check(
      voters.length >= quorum,
      () => `${sentinel.id} fails ${addressKey(entry.old)} over on the word of ${voters.length}: ${voters}`,
    )
  }

  const noteVerdict = (sentinel: Sentinel): void => {
    for (const { primary, reported } of sentinel.core!.state.groups.values()) {
      if (reported === 'dead' || reported === 'silent') down.set(`${sentinel.id} ${addressKey(primary)}`, nowMs())
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
    onApply(ready) {
      for (const entry of ready.committed) if (entry.index === truthIndex + 1) learn(entry)
    },
    onEffect(sentinel, effect) {
      noteVerdict(sentinel)
      if (effect.type === 'form') checkGroup(sentinel, effect.group)
      if (effect.type === 'propose') checkVotes(sentinel, effect.data)
      if (effect.type === 'event') checkEvent(sentinel, effect.name, effect.payload)
      if (effect.type === 'order' && effect.order.kind === 'promote') {
        const { epoch } = effect.order
        const chosen = candidates.get(`${effect.ref.group} ${epoch}`)
        check(
          chosen === addressKey(effect.ref),
          () => `${sentinel.id} orders ${addressKey(effect.ref)} to be promoted in epoch ${epoch}, chosen is ${chosen}`,
        )
        checkSwitchover(sentinel, effect.ref)
      }
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
    compare(sentinels) {
      const states = new Map<number, { id: string; state: string }>()
      for (const { id, core, process } of sentinels) {
        const index = process?.raft?.status().appliedIndex
        if (!core || index === undefined) continue
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
