// The state that Raft replicates: which groups are watched, who is primary of each, in which epoch, and how far a failover
// has come. apply() is a function of state and entry alone, so every sentinel holds the same state at the same index.
//
// Invariants: epochs only rise; a group has one failover at most; a failover has one candidate, ever; the primary changes
// only by `switch`, which names the failover's epoch. An entry that does not fit the state changes nothing: it lost a
// race (two leaders proposed the same step, or a proposal was doubled), and says so in its result.
import { errorText } from '../errors.ts'
import { type Address, addressKey, sameAddress } from './address.ts'
import type { AbortCause, Entry } from './entries.ts'
import { asAddress, asInt, asList, asName, asObject, asText, parseObject } from './fields.ts'
import { type SettingChanges, toChanges } from './settings.ts'

/** A failover under way. */
export interface Failover {
  readonly epoch: number
  /** True: asked for by an operator, the primary is healthy and loses nothing. */
  readonly planned: boolean
  readonly old: Address
  readonly reason: string
  readonly by: string
  readonly startedAtMs: number
  candidate: Address | undefined
  /** Why this candidate. */
  choice: string
  /** Wall clock of the switch; undefined before. */
  switchedAtMs: number | undefined
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
  readonly startedAtMs: number
  readonly switchedAtMs: number | undefined
  readonly endedAtMs: number
}

/** A group of servers under watch. */
export interface TopologyGroup {
  readonly name: string
  quorum: number
  primary: Address
  /** Epoch of the switch that made `primary` primary; 0 at first. */
  configEpoch: number
  /** Every server of the group that is not the primary, in the order of discovery. */
  replicas: Address[]
  changes: SettingChanges
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

export const GROUPS_MAX = 1024
export const REPLICAS_MAX = 256
const HISTORY_MAX = 32
const REMOVED_MAX = 4096

export const createTopology = (): Topology => ({ epoch: 0, groups: new Map(), removed: new Set() })

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
      group.changes = { ...group.changes, ...changes }
      if (quorum !== undefined) group.quorum = quorum
      return DONE
    }
    case 'reset':
      if (group.failover !== undefined) return refused(errorText('resetInFailover', group.name))
      group.replicas = []
      group.history = []
      return DONE
    case 'replica':
      return addReplica(group, entry.replica)
    case 'start':
      return start(topology, group, entry)
    default:
      return advance(group, entry)
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
    replicas: [],
    changes: {},
    failover: undefined,
    history: [],
  })
  return DONE
}

function addReplica(group: TopologyGroup, replica: Address): Applied {
  if (sameAddress(replica, group.primary) || group.replicas.some((known) => sameAddress(known, replica)))
    return refused('known already')
  if (group.replicas.length >= REPLICAS_MAX) return refused('too many replicas')
  group.replicas.push(replica)
  return DONE
}

function start(topology: Topology, group: TopologyGroup, entry: Entry & { kind: 'start' }): Applied {
  if (group.failover !== undefined) return refused(errorText('failoverInProgress'))
  if (entry.epoch !== topology.epoch + 1) return refused(errorText('staleEpoch', entry.epoch, topology.epoch))
  if (!sameAddress(entry.old, group.primary)) return refused(errorText('formerPrimary', addressKey(entry.old)))
  topology.epoch = entry.epoch
  group.failover = {
    epoch: entry.epoch,
    planned: entry.planned,
    old: entry.old,
    reason: entry.reason,
    by: entry.by,
    startedAtMs: entry.atMs,
    candidate: undefined,
    choice: '',
    switchedAtMs: undefined,
  }
  return DONE
}

type FailoverEntry = Entry & { kind: 'choose' | 'switch' | 'end' | 'abort' }

function advance(group: TopologyGroup, entry: FailoverEntry): Applied {
  const { failover } = group
  if (failover === undefined || failover.epoch !== entry.epoch) return refused(`no failover of epoch ${entry.epoch}`)
  switch (entry.kind) {
    case 'choose':
      if (failover.candidate !== undefined) return refused('a candidate is chosen already')
      failover.candidate = entry.replica
      failover.choice = entry.reason
      addReplica(group, entry.replica)
      return DONE
    case 'switch':
      return switchPrimary(group, failover, entry.atMs)
    case 'end':
      if (failover.switchedAtMs === undefined) return refused('not switched yet')
      return close(group, failover, 'done', entry.atMs)
    case 'abort':
      if (failover.switchedAtMs !== undefined) return refused('switched already')
      return close(group, failover, entry.cause, entry.atMs)
  }
}

function switchPrimary(group: TopologyGroup, failover: Failover, atMs: number): Applied {
  const { candidate } = failover
  if (candidate === undefined) return refused('no candidate yet')
  if (failover.switchedAtMs !== undefined) return refused('switched already')
  failover.switchedAtMs = atMs
  group.replicas = [...group.replicas.filter((replica) => !sameAddress(replica, candidate)), failover.old]
  group.primary = candidate
  group.configEpoch = failover.epoch
  return DONE
}

function close(group: TopologyGroup, failover: Failover, outcome: 'done' | AbortCause, atMs: number): Applied {
  const { epoch, planned, reason, choice, old, candidate, startedAtMs, switchedAtMs } = failover
  const to = outcome === 'done' ? candidate : undefined
  const record = { epoch, planned, reason, choice, from: old, to, outcome, startedAtMs, switchedAtMs, endedAtMs: atMs }
  group.history = [...group.history, record].slice(-HISTORY_MAX)
  group.failover = undefined
  return DONE
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
  return { name, quorum, primary, configEpoch, replicas, changes, failover, history }
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
  return { epoch, planned: fields.planned, old, reason, by, startedAtMs, candidate, choice, switchedAtMs }
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
  const switchedAtMs = wallMs(fields.switchedAtMs)
  return { epoch, planned: fields.planned, reason, choice, from, to, outcome, startedAtMs, switchedAtMs, endedAtMs }
}
