// What one sentinel holds in memory, and the small helpers that every part of the core uses. The parts are functions over
// this state: group.ts watches and judges, peers.ts knows the other sentinels, leader.ts decides; core.ts joins them.
import type { Random } from '../lib/prng.ts'
import { FIRST_LEVEL } from '../raft/machine.ts'
import { type Address, sameAddress } from './address.ts'
import type { Departure } from './departed.ts'
import type { Effect, PeerAddress, RaftView } from './effects.ts'
import { atLevel, type Entry, encodeEntry } from './entries.ts'
import { type EventName, instanceText, type Subject } from './events.ts'
import type { FailoverRun } from './failover-run.ts'
import type { Formation, FormedGroup } from './formation.ts'
import type { Ledger } from './ledger.ts'
import type { HistoryMark } from './lineage.ts'
import type { Circle, Obstacle } from './memory.ts'
import type { OperatorRequest } from './peer-message.ts'
import type { Sequence } from './sequence.ts'
import {
  type Early,
  effectiveSettings,
  type GroupConfig,
  type GroupSettings,
  joinChanges,
  type SettingChanges,
} from './settings.ts'
import type { Stopwatch } from './stopwatch.ts'
import type { Timing } from './timing.ts'
import type { Topology, TopologyGroup } from './topology.ts'
import type { Votes } from './votes.ts'
import type { Watched } from './watched.ts'

/** How a core is set up. */
export interface CoreOptions {
  readonly self: PeerAddress
  /** Groups of the configuration file. */
  readonly groups: readonly GroupConfig[]
  /** Interval of pings, ms; 100 by default. */
  readonly heartbeatMs?: number
  /** How many sentinels found the group; by default 2 × quorum − 1, the largest of all groups. */
  readonly expect?: number
  /** The Raft group that this sentinel belongs to since an earlier run. */
  readonly group?: FormedGroup
  /** Sentinels known from an earlier run. */
  readonly knownPeers?: readonly PeerAddress[]
  /** How long a voter is dead before another sentinel takes its place, ms. */
  readonly replaceAfterMs?: number
  /** Nothing is published before the input `open`. */
  readonly closed?: boolean
  /** What an earlier run was told before there was a group. */
  readonly early?: readonly Early[]
  readonly random: Random
  /** Makes a new key for the leases of a group: 64 hex digits that nobody can guess. Absent: no leases are begun. */
  readonly leaseKey?: () => string
  /** Wall clock minus the core's clock, ms: for the times in the history. */
  readonly wallOffsetMs: number
}

/** Another sentinel. */
export interface Peer {
  readonly peer: string
  runId: string
  resp: Address
  gossip: Address
  /** Its `announce-id`, if it has one. */
  name?: string | undefined
  group: FormedGroup | undefined
  /** Names of the groups of servers that it watches. */
  watches: readonly string[]
  lastHelloMs: number
  /** Last authenticated sign of life over the transport. */
  lastHeardMs: number
  /** Tells which of its reports are news: an older one that comes late is dropped. */
  readonly reports: Sequence
  sdown: boolean
  /** It was a member and is none any more: forgotten once it is silent. */
  wasMember?: boolean
}

/** What keeps a group from a failover (dead-end.ts), and since when. */
export interface DeadEnd {
  readonly text: string
  readonly sinceMs: number
  /** It was logged; `shown`: it, or another before it, which has turned into this one. */
  told: boolean
  shown: boolean
}

/** A monitored group as this sentinel sees it. The replicated part is in Topology. */
export interface GroupState {
  readonly name: string
  readonly createdMs: number
  /** What held for groups of which nothing is said when this one was created: SENTINEL DEBUG changes it for later ones only. */
  readonly defaults: Pick<Timing, 'downAfterMs' | 'failoverTimeoutMs'>
  /** The primary, by this sentinel's last knowledge: differs from the topology's only inside syncGroups. */
  primary: Address
  readonly servers: Map<string, Watched>
  /** What the links to the servers log in with. */
  login: string
  readonly votes: Votes
  odown: boolean
  odownSinceMs: number
  /** Since when there is no primary that is up, as this sentinel sees it; and how long there was none before that, in all. */
  unavailableSinceMs: number | undefined
  unavailableMs: number
  /** When the configuration last changed; INFO that was asked for earlier says nothing about who strays. */
  settledMs: number
  /** INFO is asked often until then. */
  eagerUntilMs: number
  /** The leader's progress in the failover under way. */
  run: FailoverRun | undefined
  /** Times the phases of a failover, from the first verdict of down on; every sentinel may become its leader. */
  stopwatch: Stopwatch | undefined
  /** Epoch of the failover that this leader itself began, in the term that goes on. */
  startedEpoch: number | undefined
  /** The primary's process that came back with a history of its own, and since when the leader looks whether anybody has more. */
  doubt: { readonly runId: string; readonly sinceMs: number; fenced: boolean } | undefined
  /** The replica that may be gone for good (departed.ts). */
  departure: Departure | undefined
  /** The history that another sentinel heard the primary write before it went down; `after`: the newest that it knew to be agreed on. */
  hearsay: { readonly mark: HistoryMark; readonly after: string | undefined } | undefined
  /** The newest history that is agreed on, and since when this sentinel knows: what it heard before may be older than that. */
  newest: { readonly replId: string | undefined; readonly sinceMs: number }
  /** What keeps it from a failover that it needs. */
  deadEnd: DeadEnd | undefined
  /** After a failed failover: when to try again, and how many failed in a row. */
  retryAtMs: number
  failures: number
  /** Last verdict that was reported to the peers. */
  reported: string
  /** What this sentinel has promised the primary. */
  readonly ledger: Ledger
}

export interface PendingRequest {
  readonly id: number
  /** The sentinel that asked; undefined for an operator of this sentinel. */
  readonly from: string | undefined
  readonly request: OperatorRequest
  readonly untilMs: number
  /** Entries whose commit it waits for, and why the first of them that changed nothing did not. */
  waitsFor: number
  /** No leader was known to pass it on to. */
  unsent?: boolean
  refusal: string | undefined
}

export interface CoreState {
  readonly options: CoreOptions
  /** An empty host is filled in when a server says how it sees this sentinel; until then it tells nobody of itself. */
  self: PeerAddress
  readonly heartbeatMs: number
  timing: Timing
  /** What Raft applied. */
  topology: Topology
  /** Groups of the configuration file that Raft does not know yet: watched, but nothing is decided about them. */
  readonly provisional: Topology
  readonly groups: Map<string, GroupState>
  /** The others that have proven who they are, now or in an earlier run. */
  readonly peers: Map<string, Peer>
  readonly circle: Circle
  readonly obstacle: Obstacle
  /** The term in which it certainly leads, with all that was committed before applied. */
  officeTerm: number | undefined
  /** Since when it doubts that it knows the last failover; undefined: it does know. */
  doubtSinceMs: number | undefined
  formed: FormedGroup | undefined
  readonly formation: Formation
  raft: RaftView
  /** Keys of proposals in flight, and until when they are not repeated. */
  readonly proposed: Map<string, number>
  /** By nonce (own proposals for an operator) or by request ID (passed on to the leader). */
  readonly pending: Map<string, PendingRequest>
  /** Nonces of entries that were applied lately, oldest first. */
  readonly appliedNonces: Set<string>
  /** How many replicas in a row were followed to the primary of each group. */
  readonly hops: Map<string, number>
  /** Where the file says that the primary of each group is. */
  readonly named: Map<string, Address>
  /** What this sentinel was told before it had a group, by group. */
  readonly early: Map<string, Early>
  /** When it started, if it belongs to a group since an earlier run; else -Infinity: it has promised nothing yet. */
  readonly bootMs: number
  nextNonce: number
  /** Tells the reports of this start from those of an earlier one. */
  readonly boot: number
  reportSeq: number
  lastReportMs: number
  /** When the last reports were sent, by number: an echo of one dates what was said after it. */
  readonly sentReports: Map<number, number>
  lastStepMs: number
  /** While it has no group: when it wants to report again, and what it last said of the others. */
  reportAtMs: number
  saidKey: string
  lastMemberChangeMs: number
  /** Leader: the learner for which a dead voter was just removed. */
  replacing: string | undefined
  /** Members that an operator wants forgotten (SENTINEL RESET while they are down); one change of members at a time. */
  readonly leaving: Set<string>
  lastJoinMs: number
  /** Since this sentinel is leader. */
  leaderSinceMs: number
  tiltUntilMs: number | undefined
  tiltSinceMs: number
  /** The topology was replaced or replayed, and the watched groups have not been matched to it yet. */
  dirty: boolean
  nextOrderId: number
  /** The earliest wake-up that was asked for and has not come yet. */
  wakeAtMs: number
  /** Figures for metrics. */
  readonly stats: { stalls: number; foreignHellos: number; failovers: number; aborted: number; grants: number }
  out: Effect[]
}

export const NO_RAFT: RaftView = { term: 0, leader: undefined, isLeader: false, voters: [], learners: [] }

/** The feature level of what may be proposed now. */
export const levelInForce = ({ raft }: CoreState): number => raft.level ?? FIRST_LEVEL

/** The replicated (or provisional) part of a group that is watched. */
export function topoOf(core: CoreState, name: string): TopologyGroup | undefined {
  return core.topology.groups.get(name) ?? core.provisional.groups.get(name)
}

/** What settings were made of, and what came out: they are asked for with each input, and seldom change. */
interface Made {
  readonly options: CoreOptions
  readonly times: Pick<Timing, 'downAfterMs' | 'failoverTimeoutMs'>
  readonly early: SettingChanges | undefined
  readonly settings: GroupSettings
}

/** By the replicated changes of a group; like these, everything that settings are made of is replaced, never changed. */
const made = new WeakMap<SettingChanges, Made>()

/** The settings that hold for a group on this sentinel. */
export function settingsOf(core: CoreState, { name, changes }: TopologyGroup): GroupSettings {
  const { options } = core
  const times = core.groups.get(name)?.defaults ?? core.timing
  const early = core.early.get(name)?.changes
  const known = made.get(changes)
  if (known?.options === options && known.times === times && known.early === early) return known.settings
  const { downAfterMs, failoverTimeoutMs } = times
  const file = options.groups.find((group) => group.name === name)
  const settings = effectiveSettings(
    { downAfterMs, failoverTimeoutMs, ...file?.settings },
    joinChanges(changes, early ?? {}),
  )
  made.set(changes, { options, times, early, settings })
  return settings
}

/** Publishes an event about an instance. `extra` follows the instance text after a space. */
export function emit(
  core: CoreState,
  name: EventName,
  group: string,
  primary: Address,
  subject: Subject,
  extra = '',
): void {
  const text = instanceText(subject, group, primary)
  core.out.push({ type: 'event', name, payload: extra === '' ? text : `${text} ${extra}`, group })
}

/** Publishes an event with a payload of its own, about a group or about this sentinel. */
export const emitText = (core: CoreState, name: EventName, payload: string, group?: string): void => {
  core.out.push({ type: 'event', name, payload, group })
}

/** What the server is to the group now. */
export const subjectOf = (group: GroupState, server: Address): Subject =>
  sameAddress(group.primary, server)
    ? { kind: 'master' }
    : { kind: 'slave', address: { host: server.host, port: server.port } }

export const say = (core: CoreState, level: 'verbose' | 'notice' | 'warning', text: string): void => {
  core.out.push({ type: 'log', level, text })
}

/** Asks for a tick at this time, unless one comes no later: each wait would otherwise start a chain of its own. */
export function wake(core: CoreState, atMs: number): void {
  if (core.wakeAtMs <= atMs) return
  core.wakeAtMs = atMs
  core.out.push({ type: 'wake', atMs })
}

/** How long a proposal may take before it is taken for lost. */
const PROPOSAL_MS = 500

/** Proposes an entry, unless the same one (by key) is on its way. */
export function propose(core: CoreState, nowMs: number, key: string, entry: Entry): boolean {
  if (nowMs < (core.proposed.get(key) ?? Number.NEGATIVE_INFINITY)) return false
  core.proposed.set(key, nowMs + PROPOSAL_MS)
  for (const one of atLevel(entry, levelInForce(core))) core.out.push({ type: 'propose', data: encodeEntry(one) })
  return true
}

/** Wall clock for the history, whole ms. */
export const wallMs = (core: CoreState, nowMs: number): number =>
  Math.max(0, Math.round(nowMs + core.options.wallOffsetMs))

/** True for a voter or learner of the sentinels' group. */
export const isMember = ({ raft }: CoreState, peer: string): boolean =>
  raft.voters.includes(peer) || raft.learners.includes(peer)

/** A member of a group that was heard so lately is asked to be let in, and no other group is founded beside it. */
export const JOIN_VALID_MS = 10_000

/** A peer that belongs to a group and lives. */
export function memberHeard(core: CoreState, nowMs: number): string | undefined {
  for (const { peer, group, lastHeardMs } of core.peers.values())
    if (group !== undefined && nowMs - lastHeardMs <= JOIN_VALID_MS) return peer
  return undefined
}

/** True once this sentinel can say where it is. */
export const isAddressed = ({ self }: CoreState): boolean => self.resp.host !== '' && self.gossip.host !== ''

/** Fills in the addresses that depend on how others see this sentinel. */
export function addressSelf(core: CoreState, local: string): void {
  if (isAddressed(core) || local === '') return
  const seen = (address: Address): Address => ({ host: address.host || local, port: address.port })
  core.self = { ...core.self, resp: seen(core.self.resp), gossip: seen(core.self.gossip) }
}

/** This sentinel is somewhere else from now on; what is empty is as the servers see it. */
export function moveSelf(core: CoreState, resp: Address, gossip: Address): void {
  core.self = { ...core.self, resp, gossip }
  for (const { servers } of core.groups.values()) for (const { local } of servers.values()) addressSelf(core, local)
}

/** The `flags` field of an instance, in the order in which Redis Sentinel writes them. */
export function sentinelFlags(
  group: GroupState,
  server: Watched,
  role: 'master' | 'slave',
  failover: TopologyGroup['failover'],
): string {
  const promoted = role === 'slave' && sameAddress(failover?.candidate, server.ref)
  const flags = [
    server.sdown ? 's_down' : '',
    role === 'master' && group.odown ? 'o_down' : '',
    role,
    server.link !== 'up' ? 'disconnected' : '',
    // After the switch the address shown is the new one, and nothing about it is in progress.
    role === 'master' && failover !== undefined && failover.switchedAtMs === undefined ? 'failover_in_progress' : '',
    promoted ? 'promoted' : '',
    server.scriptKillSent ? 'script_kill_sent' : '',
  ]
  return flags.filter((flag) => flag !== '').join(',')
}
