// The state that Raft replicates: which groups are watched, who is primary of each, in which epoch, and how far a failover
// has come. apply() is a function of state and entry alone, so every sentinel holds the same state at the same index.
//
// Invariants: epochs only rise, and are given here, when the start of a failover is applied; a group has one failover at most; a failover has one candidate, ever; the primary changes
// only by `switch`, which names the failover's epoch. An entry that does not fit the state changes nothing: it lost a
// race (two leaders proposed the same step, or a proposal was doubled), and says so in its result.
import { errorText } from '../errors.ts'
import { type Account, joined, NO_ACCOUNT, toAccount } from './account.ts'
import { type Address, addressKey, isHost, sameAddress } from './address.ts'
import { type AbortCause, type Entry, LEASE_KEY, REPLICAS_MAX, type StartEntry, toMark } from './entries.ts'
import { asAddress, asInt, asList, asName, asObject, asText, parseObject } from './fields.ts'
import { type HistoryMark, LINEAGE_MAX } from './lineage.ts'
import { type Hostname, hostnameOf } from './naming.ts'
import { isOfLease, joinChanges, type SettingChanges, toChanges } from './settings.ts'

/** A failover under way. */
export interface Failover {
  readonly epoch: number
  /** True: asked for by an operator, the primary is healthy and loses nothing. */
  readonly planned: boolean
  /** True: an operator asked for it and takes what there is, also a replica that lacks the newest history. */
  readonly forced: boolean
  /** True: he takes upon himself that acknowledged writes of `sync` mode may be lost. */
  readonly lossAllowed: boolean
  readonly old: Address
  readonly reason: string
  readonly by: string
  readonly startedAtMs: number
  candidate: Address | undefined
  /** Why this candidate. */
  choice: string
  /** Wall clock of the switch; undefined before. */
  switchedAtMs: number | undefined
  /** What is told of it so far. */
  account: Account
}

/** A failover that is over. */
export interface FailoverRecord {
  readonly epoch: number
  readonly planned: boolean
  readonly reason: string
  readonly choice: string
  readonly from: Address
  /** The new primary; undefined when aborted. */
  readonly to: Address | undefined
  /** `done`, or the cause of the abort. */
  readonly outcome: 'done' | AbortCause
  /** One sentence: how it ended. */
  readonly ending: string
  readonly startedAtMs: number
  readonly switchedAtMs: number | undefined
  readonly endedAtMs: number
  readonly account: Account
}

/** What the leases of a group rest on, beside its settings. */
export interface LeaseBase {
  /** Proves to a server that a word comes of this group's sentinels. */
  readonly key: string
  /** Rises with each change of settings: a server never goes back to older ones. */
  readonly version: number
  /** The longest lease that was ever set: what a sentinel that restarts may have promised. */
  readonly longestMs: number
  /** `sync`: the fewest copies that an acknowledged write may have, of those that the present primary took. */
  readonly fewestCopies: number
}

/** A group of servers under watch. */
export interface TopologyGroup {
  readonly name: string
  quorum: number
  primary: Address
  /** Epoch of the switch that made `primary` primary; 0 at first. */
  configEpoch: number
  /** Epoch of the failover that began last; 0 at first. */
  lastEpoch: number
  /** The name that one of the servers is monitored by, and the address that it has. */
  hostname: Hostname | undefined
  /** The histories that the group's primaries have written, newest last. */
  lineage: HistoryMark[]
  /** Every server of the group that is not the primary, in the order of discovery. */
  replicas: Address[]
  /** `sync`: those whose copies count no more, though what they have may still be all that there is of a write (departed.ts). */
  discounted: Address[]
  changes: SettingChanges
  /** No failover begins by itself until then (wall clock); 0: none was asked to wait. */
  pausedUntilMs: number
  /** An operator knows of the failovers up to this epoch: the next one need not wait. */
  acknowledgedEpoch: number
  /** Undefined until all sentinels know leases. */
  lease: LeaseBase | undefined
  failover: Failover | undefined
  /** The last failovers, oldest first. */
  history: FailoverRecord[]
}

export interface Topology {
  /** The highest epoch of any group. */
  epoch: number
  readonly groups: Map<string, TopologyGroup>
  /** Names that were removed: a configuration file that still names them does not bring them back. */
  readonly removed: Set<string>
}

/** What an entry did. `ok: false` means that it changed nothing, and why. */
export interface Applied {
  readonly ok: boolean
  readonly text: string
}

export { REPLICAS_MAX } from './entries.ts'

export const GROUPS_MAX = 1024
/** Failovers that are remembered of a group… */
const HISTORY_MAX = 100
/** …and of all together; the oldest go first. */
const HISTORY_TOTAL_MAX = 2_000
/** What the first feature level remembers: an entry of that level must do on every sentinel what it did then. */
const HISTORY_LEVEL_1 = 32
const REMOVED_MAX = 4096

export const createTopology = (): Topology => ({ epoch: 0, groups: new Map(), removed: new Set() })

/**
 * How far the switches go that this state holds: it rises with each one, of whatever group. (The highest epoch does not tell: it is
 * given when a failover begins, which may be long before its switch, or after that of another.)
 */
export const switchedEpochs = ({ groups }: Topology): number =>
  [...groups.values()].reduce((sum, { configEpoch }) => sum + configEpoch, 0)

const DONE: Applied = { ok: true, text: 'OK' }
const refused = (text: string): Applied => ({ ok: false, text })

/** Applies a committed entry. */
export function apply(topology: Topology, entry: Entry): Applied {
  if (entry.kind === 'monitor') return monitor(topology, entry)
  const group = topology.groups.get(entry.group)
  if (group === undefined) return refused(errorText('noSuchMaster'))
  switch (entry.kind) {
    case 'remove':
      topology.groups.delete(entry.group)
      if (topology.removed.size < REMOVED_MAX) topology.removed.add(entry.group)
      return DONE
    case 'set': {
      const { quorum, ...changes } = entry.changes
      const wasSync = group.changes.writeMode === 'sync'
      group.changes = joinChanges(group.changes, changes)
      if (quorum !== undefined) group.quorum = quorum
      if (isOfLease(changes)) renewTerms(group, wasSync)
      return DONE
    }
    case 'reset':
      if (group.failover !== undefined) return refused(errorText('resetInFailover', group.name))
      group.replicas = group.replicas.filter((replica) => (entry.keep ?? []).some((kept) => sameAddress(kept, replica)))
      group.discounted = []
      group.history = []
      return DONE
    case 'pause':
      group.pausedUntilMs = entry.untilMs
      return DONE
    case 'resume':
      group.pausedUntilMs = 0
      group.acknowledgedEpoch = group.lastEpoch
      return DONE
    case 'lease':
      return beginLeases(group, entry)
    case 'history':
      return noteHistory(group, entry)
    case 'replica':
      return addReplica(group, entry.replica)
    case 'forget':
      return forgetReplica(group, entry.replica)
    case 'discount':
      return discountReplica(group, entry.replica)
    case 'hostname':
      return nameServer(group, entry)
    case 'start':
      return start(topology, group, entry)
    default:
      return advance(topology, group, entry)
  }
}

function monitor(topology: Topology, entry: Entry & { kind: 'monitor' }): Applied {
  if (topology.groups.has(entry.group)) return refused(errorText('duplicateMaster'))
  if (topology.groups.size >= GROUPS_MAX) return refused(errorText('tooManyMasters'))
  topology.removed.delete(entry.group)
  topology.groups.set(entry.group, {
    name: entry.group,
    quorum: entry.quorum,
    primary: entry.primary,
    configEpoch: 0,
    lastEpoch: 0,
    hostname: hostnameOf(entry),
    lineage: [],
    replicas: [],
    discounted: [],
    changes: {},
    pausedUntilMs: 0,
    acknowledgedEpoch: 0,
    lease: undefined,
    failover: undefined,
    history: [],
  })
  return DONE
}

function beginLeases(group: TopologyGroup, { key, settings }: Entry & { kind: 'lease' }): Applied {
  if (group.lease !== undefined) return refused('it has leases already')
  group.changes = { ...settings, ...group.changes }
  group.lease = { key, version: 1, longestMs: group.changes.leaseMs ?? 0, fewestCopies: copiesNow(group) }
  return DONE
}

const copiesNow = ({ changes }: TopologyGroup): number => changes.syncReplicas ?? 1

/** The terms are others from now on. What was acknowledged under those before has as many copies as they asked for, no more. */
function renewTerms(group: TopologyGroup, wasSync = true): void {
  if (group.lease === undefined) return
  const { key, version, longestMs, fewestCopies } = group.lease
  group.lease = {
    key,
    version: version + 1,
    longestMs: Math.max(longestMs, group.changes.leaseMs ?? 0),
    fewestCopies: wasSync ? Math.min(fewestCopies, copiesNow(group)) : copiesNow(group),
  }
}

function addReplica(group: TopologyGroup, replica: Address): Applied {
  if (sameAddress(replica, group.primary) || group.replicas.some((known) => sameAddress(known, replica)))
    return refused('known already')
  if (group.replicas.length >= REPLICAS_MAX) return refused('too many replicas')
  group.replicas.push(replica)
  return DONE
}

function forgetReplica(group: TopologyGroup, replica: Address): Applied {
  if (group.failover !== undefined) return refused(`a failover of ${group.name} is under way`)
  const rest = group.replicas.filter((known) => !sameAddress(known, replica))
  if (rest.length === group.replicas.length) return refused('not known')
  if (rest.length === 0) return refused('the last replica is not forgotten')
  group.replicas = rest
  group.discounted = group.discounted.filter((known) => !sameAddress(known, replica))
  return DONE
}

function discountReplica(group: TopologyGroup, replica: Address): Applied {
  if (group.failover !== undefined) return refused(`a failover of ${group.name} is under way`)
  if (!group.replicas.some((known) => sameAddress(known, replica))) return refused('not known')
  if (group.discounted.some((known) => sameAddress(known, replica))) return refused('known already')
  group.discounted.push(replica)
  renewTerms(group)
  return DONE
}

/** A primary that is not the group's any more says nothing about its data. */
function noteHistory(group: TopologyGroup, { primary, mark }: Entry & { kind: 'history' }): Applied {
  if (!sameAddress(primary, group.primary)) return refused(`${addressKey(primary)} is not the primary any more`)
  return extend(group, mark) ? DONE : refused('known already')
}

/** A server is known by its name: the one that had it before is the same, at another address now. */
function nameServer(group: TopologyGroup, { host, address }: Entry & { kind: 'hostname' }): Applied {
  const { hostname, failover } = group
  if (hostname?.host === host && sameAddress(hostname.address, address)) return refused('known already')
  if (failover !== undefined) return refused(`a failover of ${group.name} is under way`)
  if (hostname?.host === host) move(group, hostname.address, address)
  group.hostname = { host, address }
  return DONE
}

function move(group: TopologyGroup, from: Address, to: Address): void {
  const wasPrimary = sameAddress(group.primary, from)
  const wasReplica = group.replicas.some((replica) => sameAddress(replica, from))
  group.replicas = group.replicas.filter((replica) => !sameAddress(replica, from) && !sameAddress(replica, to))
  if (wasPrimary) group.primary = to
  else if (wasReplica && !sameAddress(group.primary, to)) group.replicas.push(to)
}

function extend(group: TopologyGroup, mark: HistoryMark): boolean {
  const newest = group.lineage.at(-1)
  if (newest?.replId === mark.replId && newest.runId === mark.runId) return false
  const before = newest?.replId === mark.replId ? group.lineage.slice(0, -1) : group.lineage
  group.lineage = [...before, mark].slice(-LINEAGE_MAX)
  return true
}

function start(topology: Topology, group: TopologyGroup, entry: StartEntry): Applied {
  if (group.failover !== undefined) return refused(errorText('failoverInProgress'))
  const { after, epoch } = entry
  if (after === undefined ? epoch !== topology.epoch + 1 : after !== group.lastEpoch)
    return refused(errorText('staleEpoch', group.lastEpoch))
  if (!sameAddress(entry.old, group.primary)) return refused(errorText('formerPrimary', addressKey(entry.old)))
  topology.epoch += 1
  group.lastEpoch = topology.epoch
  group.failover = {
    epoch: topology.epoch,
    planned: entry.planned,
    forced: entry.forced === true,
    lossAllowed: entry.lossAllowed === true,
    old: entry.old,
    reason: entry.reason,
    by: entry.by,
    startedAtMs: entry.atMs,
    candidate: undefined,
    choice: '',
    switchedAtMs: undefined,
    account: entry.account ?? NO_ACCOUNT,
  }
  if (entry.choice !== undefined) chooseCandidate(group, group.failover, entry.choice.replica, entry.choice.why)
  return DONE
}

function chooseCandidate(group: TopologyGroup, failover: Failover, replica: Address, why: string): void {
  failover.candidate = replica
  failover.choice = why
  addReplica(group, replica)
}

type FailoverEntry = Entry & { kind: 'choose' | 'switch' | 'end' | 'abort' }

function advance(topology: Topology, group: TopologyGroup, entry: FailoverEntry): Applied {
  const { failover } = group
  if (failover === undefined || failover.epoch !== entry.epoch) return refused(`no failover of epoch ${entry.epoch}`)
  const applied = advanceFailover(topology, group, failover, entry)
  if (applied.ok && group.failover !== undefined && entry.account !== undefined)
    failover.account = joined(failover.account, entry.account)
  return applied
}

function advanceFailover(topology: Topology, group: TopologyGroup, failover: Failover, entry: FailoverEntry): Applied {
  switch (entry.kind) {
    case 'choose':
      if (failover.candidate !== undefined) return refused('a candidate is chosen already')
      chooseCandidate(group, failover, entry.replica, entry.reason)
      return DONE
    case 'switch':
      return switchPrimary(group, failover, entry)
    case 'end':
      if (failover.switchedAtMs === undefined) return refused('not switched yet')
      return close(topology, group, failover, 'done', entry)
    case 'abort':
      if (failover.switchedAtMs !== undefined) return refused('switched already')
      return close(topology, group, failover, entry.cause, entry)
  }
}

function switchPrimary(group: TopologyGroup, failover: Failover, { atMs, mark }: Entry & { kind: 'switch' }): Applied {
  const { candidate } = failover
  if (candidate === undefined) return refused('no candidate yet')
  if (failover.switchedAtMs !== undefined) return refused('switched already')
  failover.switchedAtMs = atMs
  group.replicas = [...group.replicas.filter((replica) => !sameAddress(replica, candidate)), failover.old]
  group.primary = candidate
  group.configEpoch = failover.epoch
  // The new primary counts by newer terms than any before it did.
  group.discounted = []
  if (mark === undefined) return DONE
  extend(group, mark)
  // A replica says what it has of the new history only with everything from before in it: of that no copies need be counted any more.
  if (group.lease !== undefined) group.lease = { ...group.lease, fewestCopies: copiesNow(group) }
  return DONE
}

function close(
  topology: Topology,
  group: TopologyGroup,
  failover: Failover,
  outcome: 'done' | AbortCause,
  { atMs, reason: ending, account: last }: FailoverEntry,
): Applied {
  const { epoch, planned, reason, choice, old, candidate, startedAtMs, switchedAtMs } = failover
  const to = outcome === 'done' ? candidate : undefined
  const times = { startedAtMs, switchedAtMs, endedAtMs: atMs }
  const account = last === undefined ? failover.account : joined(failover.account, last)
  const record = { epoch, planned, reason, choice, from: old, to, outcome, ending, ...times, account }
  const most = last === undefined ? HISTORY_LEVEL_1 : HISTORY_MAX
  group.history = [...group.history, record].slice(-most)
  group.failover = undefined
  if (last !== undefined) forgetOldest(topology)
  return DONE
}

function forgetOldest({ groups }: Topology): void {
  const all = [...groups.values()].filter(({ history }) => history.length > 0)
  let total = all.reduce((sum, { history }) => sum + history.length, 0)
  for (; total > HISTORY_TOTAL_MAX; total -= 1) {
    const oldest = all.reduce((a, b) => ((b.history[0]?.epoch ?? Infinity) < (a.history[0]?.epoch ?? Infinity) ? b : a))
    oldest.history.shift()
  }
}

const VERSION = 1
const MAX_SNAPSHOT_BYTES = 64 * 1024 * 1024

/** The whole state as bytes. */
export function encodeTopology(topology: Topology): Uint8Array {
  const { epoch, groups, removed } = topology
  return Buffer.from(JSON.stringify({ v: VERSION, epoch, groups: [...groups.values()], removed: [...removed] }), 'utf8')
}

/** The state that the bytes hold; undefined when they are damaged or of another version. */
export function decodeTopology(bytes: Uint8Array): Topology | undefined {
  const fields = parseObject(Buffer.from(bytes).toString('utf8'), MAX_SNAPSHOT_BYTES)
  if (fields?.v !== VERSION) return undefined
  const epoch = asInt(fields.epoch, 0, Number.MAX_SAFE_INTEGER)
  const groups = asList(fields.groups, GROUPS_MAX, toTopologyGroup)
  const removed = asList(fields.removed, REMOVED_MAX, asName)
  if (epoch === undefined || !groups || !removed) return undefined
  return { epoch, groups: new Map(groups.map((group) => [group.name, group])), removed: new Set(removed) }
}

function toTopologyGroup(value: unknown): TopologyGroup | undefined {
  const fields = asObject(value)
  const name = asName(fields?.name)
  const quorum = asInt(fields?.quorum, 1, 0x7fffffff)
  const primary = asAddress(fields?.primary)
  const configEpoch = asInt(fields?.configEpoch, 0, Number.MAX_SAFE_INTEGER)
  const replicas = asList(fields?.replicas, REPLICAS_MAX + 1, asAddress)
  const changesObject = asObject(fields?.changes)
  const changes = changesObject && toChanges(changesObject)
  const history = asList(fields?.history, HISTORY_MAX, toRecord)
  const failover = fields?.failover === undefined ? undefined : toFailover(fields.failover)
  if (fields?.failover !== undefined && failover === undefined) return undefined
  if (!name || quorum === undefined || !primary || configEpoch === undefined) return undefined
  if (!replicas || !changes || !history) return undefined
  // These came later: a snapshot of an earlier version lacks them.
  const lastEpoch = asInt(fields?.lastEpoch, 0, Number.MAX_SAFE_INTEGER) ?? failover?.epoch ?? configEpoch
  const lineage = fields?.lineage === undefined ? [] : asList(fields.lineage, LINEAGE_MAX, toMark)
  if (!lineage) return undefined
  const hostname = fields?.hostname === undefined ? undefined : toHostname(fields.hostname)
  const pausedUntilMs = wallMs(fields?.pausedUntilMs) ?? 0
  const acknowledgedEpoch = asInt(fields?.acknowledgedEpoch, 0, Number.MAX_SAFE_INTEGER) ?? 0
  const lease = fields?.lease === undefined ? undefined : toLeaseBase(fields.lease)
  const discounted = asList(fields?.discounted ?? [], REPLICAS_MAX, asAddress)
  if (!discounted) return undefined
  const known = { name, quorum, primary, configEpoch, lastEpoch, hostname, lineage, replicas, discounted, changes }
  return { ...known, pausedUntilMs, acknowledgedEpoch, lease, failover, history }
}

function toLeaseBase(value: unknown): LeaseBase | undefined {
  const fields = asObject(value)
  const key = asText(fields?.key, 64)
  const version = asInt(fields?.version, 1, Number.MAX_SAFE_INTEGER)
  const longestMs = asInt(fields?.longestMs, 0, 0x7fffffff)
  if (key === undefined || !LEASE_KEY.test(key) || version === undefined || longestMs === undefined) return undefined
  // A state of before says nothing of copies: then one is all that is certain.
  return { key, version, longestMs, fewestCopies: asInt(fields?.fewestCopies, 1, REPLICAS_MAX) ?? 1 }
}

function toHostname(value: unknown): Hostname | undefined {
  const fields = asObject(value)
  const address = asAddress(fields?.address)
  return isHost(fields?.host) && address ? { host: fields.host, address } : undefined
}

const wallMs = (value: unknown): number | undefined => asInt(value, 0, Number.MAX_SAFE_INTEGER)

function toFailover(value: unknown): Failover | undefined {
  const fields = asObject(value)
  const epoch = asInt(fields?.epoch, 1, Number.MAX_SAFE_INTEGER)
  const old = asAddress(fields?.old)
  const reason = asText(fields?.reason, 2048)
  const by = asText(fields?.by, 128)
  const startedAtMs = wallMs(fields?.startedAtMs)
  const choice = asText(fields?.choice, 2048)
  if (epoch === undefined || !old || reason === undefined || by === undefined) return undefined
  if (startedAtMs === undefined || choice === undefined || typeof fields?.planned !== 'boolean') return undefined
  const candidate = asAddress(fields.candidate)
  const switchedAtMs = wallMs(fields.switchedAtMs)
  const [planned, forced, lossAllowed] = [fields.planned, fields.forced === true, fields.lossAllowed === true]
  const account = toAccount(fields.account) ?? NO_ACCOUNT
  const known = { epoch, planned, forced, lossAllowed, old, reason, by, startedAtMs, candidate, choice }
  return { ...known, switchedAtMs, account }
}

function toRecord(value: unknown): FailoverRecord | undefined {
  const fields = asObject(value)
  const epoch = asInt(fields?.epoch, 1, Number.MAX_SAFE_INTEGER)
  const from = asAddress(fields?.from)
  const reason = asText(fields?.reason, 2048)
  const choice = asText(fields?.choice, 2048)
  const outcome = asText(fields?.outcome, 32) as FailoverRecord['outcome'] | undefined
  const startedAtMs = wallMs(fields?.startedAtMs)
  const endedAtMs = wallMs(fields?.endedAtMs)
  if (epoch === undefined || !from || reason === undefined || choice === undefined || outcome === undefined)
    return undefined
  if (startedAtMs === undefined || endedAtMs === undefined || typeof fields?.planned !== 'boolean') return undefined
  const to = asAddress(fields.to)
  const times = { startedAtMs, switchedAtMs: wallMs(fields.switchedAtMs), endedAtMs }
  const ending = asText(fields.ending, 2048) ?? ''
  const account = toAccount(fields.account) ?? NO_ACCOUNT
  return { epoch, planned: fields.planned, reason, choice, from, to, outcome, ending, ...times, account }
}
