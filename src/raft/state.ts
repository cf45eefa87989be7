// The state of one Raft node and the few moves that every part of the core shares: send a message, become a follower,
// note that the leader lives. Invariants: the term never falls; a node votes at most once a term; `peers` is filled
// exactly while it leads.
import { assert } from '../lib/assert.ts'
import type { Random } from '../lib/prng.ts'
import type { RaftConfig } from './config.ts'
import { lastTerm, membershipIn, type RaftLog } from './log.ts'
import type { HardState, Message, NodeId, Role } from './messages.ts'
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
  /** Drawn anew for each role, so that two candidates do not collide twice. */
  electionTimeoutMs: number
  electionDeadlineMs: number
  /** When this node last heard a leader; until a least election timeout later it votes for nobody else. */
  leaderHeardMs: number
  /** Candidates: who answered what. */
  votes: Map<NodeId, boolean>
  /** Leader: every other member. */
  peers: Map<NodeId, Progress>
  leaderSinceMs: number
  heartbeatDueMs: number
  transfer: Transfer | undefined
  outbox: Message[]
  anomalies: number
}

type WithoutEnvelope<M> = M extends Message ? Omit<M, 'group' | 'from' | 'to' | 'term'> : never

/** Puts a message into the outbox, under this node's name and present term. */
export function send(raft: Raft, to: NodeId, body: WithoutEnvelope<Message>): void {
  const { group, id } = raft.config
  raft.outbox.push(Object.assign(body, { group, from: id, to, term: raft.term }) as Message)
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
    electionTimeoutMs: 0,
    electionDeadlineMs: 0,
    leaderHeardMs: term > 0 ? nowMs : -Infinity,
    votes: new Map(),
    peers: new Map(),
    leaderSinceMs: -Infinity,
    heartbeatDueMs: Infinity,
    transfer: undefined,
    outbox: [],
    anomalies: 0,
  }
  restartElectionTimer(raft)
  return raft
}

/** Draws a new election timeout and starts to wait for it. */
export function restartElectionTimer(raft: Raft): void {
  const { electionTimeoutMinMs, electionTimeoutMaxMs } = raft.config
  raft.electionTimeoutMs = electionTimeoutMinMs + raft.random.below(electionTimeoutMaxMs - electionTimeoutMinMs)
  raft.electionDeadlineMs = raft.nowMs + raft.electionTimeoutMs
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

/** A message of the leader of this term has come: the election timer starts again. */
export function heardLeader(raft: Raft): void {
  raft.leaderHeardMs = raft.nowMs
  raft.electionDeadlineMs = raft.nowMs + raft.electionTimeoutMs
}

/** Whether this node can be elected: the newest membership it knows makes it a voter. */
export const isVoter = (raft: Raft): boolean => membershipIn(raft.log).voters.includes(raft.config.id)

/** Drops a message that no correct peer can have sent. */
export function anomaly(raft: Raft): void {
  raft.anomalies++
}
