// The public face of the Raft core: a state machine that takes messages, time and proposals, and gives out `Ready`,
// the list of things its caller must do, in the order in which it must do them. It does no I/O, reads no clock and
// draws no randomness of its own; the same inputs give the same outputs.
import { assert } from '../lib/assert.ts'
import { MEMBERS_MAX } from '../lib/limits.ts'
import type { Random } from '../lib/prng.ts'
import type { RaftConfig } from './config.ts'
import { isLoyal, startPreVote, tickElection } from './election.ts'
import {
  appendMembership,
  appendOwn,
  favourUntilMs,
  leadsCertainly,
  quorumContactMs,
  startTransfer,
  tickLeader,
} from './leading.ts'
import { levelInForce } from './level.ts'
import {
  commitTo,
  compactLog,
  entriesFrom,
  lastIndex,
  levelAt,
  levelIn,
  membershipIn,
  membershipIndex,
  restoreLog,
  termAt,
} from './log.ts'
import { FIRST_LEVEL, type TooNew } from './machine.ts'
import { type ConfChange, type ConfChangeRefusal, changed, membershipOf } from './membership.ts'
import type { Entry, HardState, Membership, Message, NodeId, Ready, Role, Snapshot } from './messages.ts'
import { createOutput } from './ready.ts'
import { deadlineMs, initialState, passTime, patienceMaxMs, type Raft, send } from './state.ts'
import { type Refusal, refusal, stepMessage } from './step.ts'

/** What a node finds on its disk when it starts. A founding member starts from `bootstrap(voters)`, a joiner from `{}`. */
export interface Persisted {
  readonly hardState?: HardState
  readonly snapshot?: Snapshot
  /** Entries as persisted; those that the snapshot covers may still be among them. */
  readonly entries?: readonly Entry[]
}

/** Where a proposal stands in the log. It is committed when an entry with this index *and* term is in Ready.committed. */
export interface Proposed {
  readonly index: number
  readonly term: number
}

/** What the leader knows of another member. */
export interface PeerStatus {
  readonly id: NodeId
  readonly voter: boolean
  readonly state: 'probe' | 'replicate' | 'snapshot'
  /** Highest index known to be in its log. */
  readonly matchIndex: number
  /** When the last message that it has answered was sent, on the leader's clock; -Infinity before the first. */
  readonly contactMs: number
}

/** A picture of the node for INFO, metrics and tests. */
export interface RaftStatus {
  readonly group: string
  readonly id: NodeId
  readonly role: Role
  readonly term: number
  readonly vote: NodeId | undefined
  /** The leader of `term`, as far as this node knows. */
  readonly leader: NodeId | undefined
  readonly lastIndex: number
  readonly commitIndex: number
  readonly appliedIndex: number
  /** First index that is still in the log. */
  readonly firstIndex: number
  /** The membership in force: that of the last config entry in the log, committed or not. */
  readonly membership: Membership
  /** Empty unless leader. */
  readonly peers: readonly PeerStatus[]
  /** Leader: a majority answered messages sent at or after this time. -Infinity otherwise. */
  readonly quorumContactMs: number
  /** Leader: until when it believes that a majority votes for nobody else, on its own clock. -Infinity otherwise. */
  readonly favourUntilMs: number
  /** The least election timeout at present: longer than the configured one while the group is slow. */
  readonly patienceMs: number
  /** The feature level in force: what may be proposed. */
  readonly level: number
  /** The last entry or snapshot that this member refused because it cannot apply it. */
  readonly tooNew: TooNew | undefined
  /** Messages that no correct peer can have sent (for example, one that contradicts a committed entry); each was dropped. */
  readonly anomalies: number
}

/** One member of one Raft group. */
export interface RaftNode {
  /** Takes one message from the network. Never throws on a well-formed message, however late, doubled or strange. */
  step(message: Message, nowMs: number): void
  /** Lets time pass. Any jump forward is fine; a step back is ignored. Call at least at every `deadlineMs()`. */
  tick(nowMs: number): void
  /**
   * The time at which tick wants to be called next, in the caller's clock; never later than one election timeout ahead. What
   * comes later than that is taken as a sign that this node does not get to run.
   */
  deadlineMs(): number
  /** Appends to the log if this node leads; the next Ready carries it to the followers. */
  propose(data: Uint8Array): Proposed | Refusal
  /** Proposes here, or sends the proposal to the leader, without a confirmation. False: no leader known, or refused here. */
  forward(data: Uint8Array): boolean
  /** Changes the membership by one node. One change at a time: the next is refused as 'pending' until this is committed. */
  proposeConfChange(change: ConfChange): Proposed | ConfChangeRefusal
  /** Hands leadership to a voter as soon as it has the whole log. Proposals are 'busy' meanwhile. False: refused. */
  transferLeadership(to: NodeId): boolean
  /** Asks for an election now instead of at the timeout. Does nothing while it has reason to believe in a leader. */
  campaign(): void
  /**
   * True only while this node certainly is the leader: a majority has promised to vote for nobody else at this time; and an entry of its own term is committed, so it has seen all that went before.
   */
  isLeader(nowMs: number): boolean
  /** Whether it leads and believes that a majority votes for nobody else now: half of isLeader, and what a lease can be built on. */
  hasFavour(nowMs: number): boolean
  /** What must be done next, or undefined when nothing, or while an earlier Ready waits for advance(). */
  ready(): Ready | undefined
  /** Says that everything in the last Ready was done. */
  advance(): void
  /**
   * Drops log entries up to `index` (at most appliedIndex), whose effects `data` holds, and returns the snapshot that the
   * caller must persist in their place. Until it is durable the caller keeps the entries on disk. Not to be called while
   * a Ready with a snapshot waits for advance().
   */
  compact(index: number, data: Uint8Array): Snapshot
  status(): RaftStatus
  /** Everything it knows, as it is now; for reading only. */
  readonly state: Readonly<Raft>
  /**
   * What this node holds: what a caller needs to rewrite its file from scratch. A caller that cannot write a Ready as one
   * atomic record must do so at each start: its file may hold entries of a history which the stored snapshot replaced.
   */
  persisted(): Required<Persisted>
}

/** The state from which every founding member of a group starts: the same voters, nothing else. */
export const bootstrap = (voters: readonly NodeId[]): Snapshot => ({
  index: 0,
  term: 0,
  membership: membershipOf(voters),
  level: FIRST_LEVEL,
  data: new Uint8Array(0),
})

/** The feature level of what is stored: a version that cannot apply it must not start a node from it. */
export function storedLevel({ snapshot, entries }: Persisted): number {
  const log = restoreLog(snapshot, entries)
  return Math.max(levelAt(log, log.snapshot.index), levelIn(log))
}

/** Makes a node from its settings (see raftConfig), what it finds on its disk, and a seeded source of randomness. */
export function createRaft(config: RaftConfig, persisted: Persisted, random: Random, nowMs: number): RaftNode {
  const log = restoreLog(persisted.snapshot, persisted.entries)
  const stored = persisted.hardState ?? { term: 0, vote: undefined, commit: 0, promiseMs: 0 }
  commitTo(log, Math.min(stored.commit, lastIndex(log)))
  assert(levelIn(log) <= config.machine.levelMax, 'raft: the stored log is of a newer version: see storedLevel')
  const raft = initialState(config, stored, log, random, nowMs)
  const output = createOutput(raft, stored)
  return {
    step(message, nowMs) {
      passTime(raft, nowMs)
      stepMessage(raft, message)
    },
    tick(nowMs) {
      passTime(raft, nowMs)
      if (raft.role === 'leader') tickLeader(raft)
      else tickElection(raft)
    },
    deadlineMs: () => deadlineMs(raft),
    propose: (data) => propose(raft, data),
    forward: (data) => forward(raft, data),
    proposeConfChange: (change) => proposeConfChange(raft, change),
    transferLeadership: (to) => startTransfer(raft, to),
    campaign() {
      if (!isLoyal(raft)) startPreVote(raft)
    },
    isLeader: (nowMs) => leadsCertainly(raft, nowMs),
    hasFavour: (nowMs) => nowMs < favourUntilMs(raft),
    ready: output.ready,
    advance: output.advance,
    compact: (index, data) => compactLog(log, index, data, config.trailingEntries),
    status: () => statusOf(raft),
    state: raft,
    persisted: () => ({
      hardState: { term: raft.term, vote: raft.vote, commit: log.committed, promiseMs: raft.promiseMs },
      snapshot: log.snapshot,
      entries: entriesFrom(log, log.snapshot.index + 1, Infinity),
    }),
  }
}

function propose(raft: Raft, data: Uint8Array): Proposed | Refusal {
  return refusal(raft, data) ?? { index: appendOwn(raft, 'normal', data), term: raft.term }
}

function forward(raft: Raft, data: Uint8Array): boolean {
  if (raft.role === 'leader') return typeof propose(raft, data) !== 'string'
  if (raft.leader === undefined || data.length > raft.config.maxEntryBytes) return false
  send(raft, raft.leader, { type: 'propose', data })
  return true
}

function proposeConfChange(raft: Raft, change: ConfChange): Proposed | ConfChangeRefusal {
  const { log } = raft
  if (raft.role !== 'leader') return 'not-leader'
  if (raft.transfer) return 'busy'
  // Without an own entry committed, two leaders could each append a change to a membership that is no longer in force.
  if (termAt(log, log.committed) !== raft.term || membershipIndex(log) > log.committed) return 'pending'
  const next = changed(membershipIn(log), change)
  if (typeof next === 'string') return next
  if (change.kind === 'promote') {
    if (!hasCaughtUp(raft, change.node)) return 'behind'
    if (isTooOld(raft, change.node)) return 'too-old'
  }
  if (membersOf(next) > MEMBERS_MAX) return 'full'
  return { index: appendMembership(raft, next), term: raft.term }
}

const membersOf = ({ voters, learners }: Membership): number => voters.length + learners.length

/** Whether a learner has said that it cannot apply the group's level; one that has not said yet is as old as can be. */
const isTooOld = (raft: Raft, id: NodeId): boolean =>
  Math.max(raft.peers.get(id)!.levelMax, FIRST_LEVEL) < levelIn(raft.log)

/** A learner may become a voter when it answers and lacks no more than what is on its way. */
function hasCaughtUp(raft: Raft, id: NodeId): boolean {
  const progress = raft.peers.get(id)
  if (progress?.state !== 'replicate') return false
  const alive = raft.nowMs - progress.contactMs < patienceMaxMs(raft)
  return alive && lastIndex(raft.log) - progress.match <= raft.config.maxInflight
}

function statusOf(raft: Raft): RaftStatus {
  const { log } = raft
  const membership = membershipIn(log)
  return {
    group: raft.config.group,
    id: raft.config.id,
    role: raft.role,
    term: raft.term,
    vote: raft.vote,
    leader: raft.leader,
    lastIndex: lastIndex(log),
    commitIndex: log.committed,
    appliedIndex: log.applied,
    firstIndex: log.base.index + 1,
    membership,
    peers: [...raft.peers].map(([id, { state, match, contactMs }]) => ({
      id,
      voter: membership.voters.includes(id),
      state,
      matchIndex: match,
      contactMs,
    })),
    quorumContactMs: quorumContactMs(raft, raft.nowMs),
    favourUntilMs: favourUntilMs(raft),
    patienceMs: raft.patienceMs,
    level: levelInForce(raft),
    tooNew: raft.tooNew,
    anomalies: raft.anomalies,
  }
}
