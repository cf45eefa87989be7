// The state of one Raft node and the few moves that every part of the core shares: send a message, let time pass, become a
// follower, note that the leader lives. Invariants: the term never falls; a node votes at most once a term; `peers` is
// filled exactly while it leads; until `loyalUntilMs` it votes for nobody but who leads, in whatever term, unless forced.
import { assert } from '../lib/assert.ts'
import type { Random } from '../lib/prng.ts'
import type { RaftConfig } from './config.ts'
import { lastTerm, membershipIn, type RaftLog } from './log.ts'
import type { TooNew } from './machine.ts'
import type { HardState, Message, NodeId, Role } from './messages.ts'
import { askedPatience, newPace, noteAsked, noteLateness, type Pace, patienceOf, STRETCH_MAX } from './pace.ts'
import type { Progress } from './progress.ts'

/** A leadership transfer under way. */
export interface Transfer {
  readonly to: NodeId
  readonly deadlineMs: number
  /** The target was told to start its election. From then on the leader's lease means nothing. */
  told: boolean
}

export interface Raft {
  readonly config: RaftConfig
  readonly random: Random
  readonly log: RaftLog
  role: Role
  term: number
  vote: NodeId | undefined
  leader: NodeId | undefined
  nowMs: number
  /** What was measured of the group's speed. */
  readonly pace: Pace
  /** The least election timeout at present: the configured one, or stretched. */
  patienceMs: number
  patienceDueMs: number
  /** How much longer than the least this node waits, as a part of the configured timeout; drawn anew for each role. */
  electionShare: number
  /** When it began to wait for a leader's word; time in which it did not run is not counted. */
  waitingSinceMs: number
  /** It heard a leader, who may count on it until then. */
  loyalUntilMs: number
  /** The longest promise that may still count, to be durable before it is given; 0: none beyond the configured timeout. */
  promiseMs: number
  /** It ran late: until then it listens to what waits for it and draws no conclusions. */
  listenUntilMs: number
  /** Candidates: who answered what, and when this round of asking began. */
  votes: Map<NodeId, boolean>
  askedMs: number
  /** Leader: every other member. */
  peers: Map<NodeId, Progress>
  leaderSinceMs: number
  heartbeatDueMs: number
  transfer: Transfer | undefined
  outbox: Message[]
  /** Follower: what has come of a snapshot. */
  incoming: Incoming | undefined
  /** The last thing that this member refused because it cannot apply it. */
  tooNew: TooNew | undefined
  anomalies: number
}

/** What a follower has of a snapshot under way. */
export interface Incoming {
  readonly index: number
  readonly term: number
  readonly total: number
  readonly parts: Uint8Array[]
  received: number
}

type WithoutEnvelope<M> = M extends Message ? Omit<M, 'group' | 'from' | 'to' | 'term'> : never

/** Puts a message into the outbox, under this node's name and present term. The body becomes the message: no copy is made. */
export function send(raft: Raft, to: NodeId, body: WithoutEnvelope<Message>): void {
  const { group, id } = raft.config
  const message = body as { -readonly [K in keyof Message]: Message[K] }
  message.group = group
  message.from = id
  message.to = to
  message.term = raft.term
  raft.outbox.push(message as Message)
}

/**
 * A node that wakes up with what its disk holds. Having lived before (term > 0) it may have heard a leader just before
 * it died, whose lease counts on it: so it acts as if it had heard one just now.
 */
export function initialState(
  config: RaftConfig,
  hardState: HardState,
  log: RaftLog,
  random: Random,
  nowMs: number,
): Raft {
  // A torn write may have stored entries of a newer term without its hard state. Raising the term is always safe.
  const term = Math.max(hardState.term, lastTerm(log), log.snapshot.term)
  const raft: Raft = {
    config,
    random,
    log,
    role: 'follower',
    term,
    vote: term === hardState.term ? hardState.vote : undefined,
    leader: undefined,
    nowMs,
    pace: newPace(),
    patienceMs: config.electionTimeoutMinMs,
    patienceDueMs: -Infinity,
    electionShare: 0,
    waitingSinceMs: nowMs,
    loyalUntilMs: term > 0 ? nowMs + Math.max(config.electionTimeoutMinMs, hardState.promiseMs) : -Infinity,
    promiseMs: hardState.promiseMs,
    listenUntilMs: -Infinity,
    votes: new Map(),
    askedMs: nowMs,
    peers: new Map(),
    leaderSinceMs: -Infinity,
    heartbeatDueMs: Infinity,
    transfer: undefined,
    outbox: [],
    incoming: undefined,
    tooNew: undefined,
    anomalies: 0,
  }
  restartElectionTimer(raft)
  return raft
}

/** A timer of a healthy loop is no later than this. */
const LATE_MS = 2

/** Draws a new election timeout and starts to wait for it. */
export function restartElectionTimer(raft: Raft): void {
  const { electionTimeoutMinMs, electionTimeoutMaxMs } = raft.config
  raft.electionShare = raft.random.below(electionTimeoutMaxMs - electionTimeoutMinMs) / electionTimeoutMinMs
  raft.waitingSinceMs = raft.nowMs
}

/** When the election timeout ends, as things stand. */
export const electionDeadlineMs = (raft: Raft): number =>
  Math.max(raft.waitingSinceMs + raft.patienceMs * (1 + raft.electionShare), raft.listenUntilMs)

/** The longest that a leader may be out of touch with a majority, at the present pace. */
export const patienceMaxMs = ({ config, patienceMs }: Raft): number =>
  (patienceMs * config.electionTimeoutMaxMs) / config.electionTimeoutMinMs

/** Asks to be woken at least so often, to know how long it did not run. */
const checkMs = (raft: Raft): number => raft.patienceMs / 2

/** The time at which this node wants to run next. */
export function deadlineMs(raft: Raft): number {
  if (raft.role === 'leader') return Math.min(raft.heartbeatDueMs, raft.transfer?.deadlineMs ?? Infinity)
  return Math.min(electionDeadlineMs(raft), raft.nowMs + checkMs(raft))
}

/**
 * Lets time pass. A node that ran later than it wanted has not been waiting for a leader meanwhile, it was away: of that time only
 * a part counts, and it first listens to what came in before it draws conclusions. (A part, not nothing: where all are
 * always late, a leader must still be found.)
 */
export function passTime(raft: Raft, nowMs: number): void {
  if (nowMs <= raft.nowMs) return
  const gapMs = nowMs - raft.nowMs
  const lateMs = nowMs - deadlineMs(raft)
  raft.nowMs = nowMs
  if (lateMs > LATE_MS) noteLateness(raft.pace, lateMs, nowMs)
  if (raft.role !== 'leader' && gapMs > checkMs(raft)) raft.waitingSinceMs += gapMs - checkMs(raft)
  if (nowMs >= raft.patienceDueMs) renewPatience(raft)
  if (lateMs < raft.config.heartbeatMs / 2) return
  raft.listenUntilMs = nowMs + raft.config.heartbeatMs / 2
}

/** Takes what was measured into account. */
export function renewPatience(raft: Raft): void {
  const { config, pace, nowMs } = raft
  raft.patienceDueMs = nowMs + config.heartbeatMs
  const ownMs = patienceOf(pace, config, membershipIn(raft.log).voters, config.id, nowMs)
  raft.patienceMs = raft.role === 'leader' ? ownMs : Math.max(ownMs, askedPatience(pace, nowMs))
}

/** Leaves whatever role it has. A newer term comes with a fresh vote. */
export function becomeFollower(raft: Raft, term: number, leader: NodeId | undefined): void {
  assert(term >= raft.term, 'raft: the term must never fall')
  if (term > raft.term) {
    raft.term = term
    raft.vote = undefined
  }
  if (raft.role !== 'follower') restartElectionTimer(raft)
  raft.role = 'follower'
  raft.leader = leader
  raft.votes.clear()
  raft.peers.clear()
  raft.heartbeatDueMs = Infinity
  raft.transfer = undefined
}

/**
 * A message of the leader of this term has come: the election timer starts again, and the leader gets what it asks for, though
 * never more than the most that it could have measured, nor less than the configured timeout.
 */
export function heardLeader(raft: Raft, askedMs: number): void {
  const { config, nowMs } = raft
  const promiseMs = grantable(config, askedMs)
  raft.waitingSinceMs = nowMs
  raft.loyalUntilMs = Math.max(raft.loyalUntilMs, nowMs + promiseMs)
  noteAsked(raft.pace, promiseMs, nowMs)
  if (promiseMs !== raft.patienceMs) renewPatience(raft)
  const longerMs = promiseMs > config.electionTimeoutMinMs ? promiseMs : 0
  // A shorter promise takes the place of a longer one only when that has no more to say.
  if (longerMs > raft.promiseMs || raft.loyalUntilMs <= nowMs + promiseMs) raft.promiseMs = longerMs
}

/** The longest promise that is given, and believed. */
export const longestPromiseMs = ({ electionTimeoutMinMs }: RaftConfig): number => electionTimeoutMinMs * STRETCH_MAX

/** What of a promise that a leader asks for is given. */
export const grantable = (config: RaftConfig, askedMs: number): number =>
  Math.min(Math.max(askedMs, config.electionTimeoutMinMs), longestPromiseMs(config))

/** Whether this node can be elected: the newest membership it knows makes it a voter. */
export const isVoter = (raft: Raft): boolean => membershipIn(raft.log).voters.includes(raft.config.id)

/** Drops a message that no correct peer can have sent. */
export function anomaly(raft: Raft): void {
  raft.anomalies++
}
