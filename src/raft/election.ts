// Elections (§5.2), with what practice added: a node first asks whether it could win (pre-vote), and nobody votes
// against a leader it has heard lately (loyalty). So a node that was cut off and comes back cannot depose a leader
// who is well, and terms do not grow while no majority can talk.
//
// Invariants: at most one vote a term, durable before it is sent; a vote only for a log that is at least as complete as
// one's own (§5.4.1), so a leader has every committed entry; no vote while loyal, whatever the term: a term can be raised by a
// message that came late, a leader's lease cannot.
import { becomeLeader, favourUntilMs } from './leading.ts'
import { isUpToDate, lastIndex, lastTerm, membershipIn } from './log.ts'
import type { MsgPreVote, MsgPreVoteReply, MsgVote, MsgVoteReply, NodeId } from './messages.ts'
import { noteDelay } from './pace.ts'
import { tally } from './quorum.ts'
import {
  becomeFollower,
  electionDeadlineMs,
  isVoter,
  type Raft,
  renewPatience,
  restartElectionTimer,
  send,
} from './state.ts'

/** The election timeout has passed without a word from a leader. */
export function tickElection(raft: Raft): void {
  if (raft.nowMs < electionDeadlineMs(raft)) return
  restartElectionTimer(raft)
  startPreVote(raft)
}

/** Asks every voter whether it would vote for this node; nothing changes for anyone but itself. */
export function startPreVote(raft: Raft): void {
  if (!isVoter(raft) || raft.role === 'leader') return
  raft.role = 'pre-candidate'
  raft.leader = undefined
  raft.votes = new Map([[raft.config.id, true]])
  raft.askedMs = raft.nowMs
  const body = {
    type: 'pre-vote',
    lastIndex: lastIndex(raft.log),
    lastTerm: lastTerm(raft.log),
    sentMs: raft.nowMs,
  } as const
  for (const id of otherVoters(raft)) send(raft, id, { ...body })
  countVotes(raft)
}

/** Opens a new term and votes for itself. `force`: the old leader asked for it. */
export function startElection(raft: Raft, force: boolean): void {
  raft.role = 'candidate'
  raft.term++
  raft.vote = raft.config.id
  raft.leader = undefined
  raft.votes = new Map([[raft.config.id, true]])
  restartElectionTimer(raft)
  for (const id of otherVoters(raft)) {
    send(raft, id, { type: 'vote', lastIndex: lastIndex(raft.log), lastTerm: lastTerm(raft.log), force })
  }
  countVotes(raft)
}

const otherVoters = (raft: Raft): NodeId[] => membershipIn(raft.log).voters.filter((id) => id !== raft.config.id)

function countVotes(raft: Raft): void {
  const result = tally(membershipIn(raft.log).voters, raft.votes)
  if (result === 'lost') return becomeFollower(raft, raft.term, undefined)
  if (result === 'won') return raft.role === 'pre-candidate' ? startElection(raft, false) : becomeLeader(raft)
}

/** Whether this node has reason to believe that a leader lives: it votes for nobody else meanwhile. */
export function isLoyal(raft: Raft): boolean {
  if (raft.role !== 'leader') return raft.nowMs < raft.loyalUntilMs
  return raft.nowMs < Math.max(favourUntilMs(raft), raft.leaderSinceMs + raft.config.electionTimeoutMinMs)
}

export function onPreVote(raft: Raft, message: MsgPreVote): void {
  const granted =
    message.term >= raft.term && !isLoyal(raft) && isUpToDate(raft.log, message.lastIndex, message.lastTerm)
  send(raft, message.from, { type: 'pre-vote-reply', granted, sentMs: message.sentMs })
}

export function onPreVoteReply(raft: Raft, message: MsgPreVoteReply): void {
  if (raft.role !== 'pre-candidate' || !otherVoters(raft).includes(message.from)) return
  noteDelay(raft.pace, message.from, raft.nowMs - message.sentMs, raft.nowMs)
  renewPatience(raft)
  // What was answered to an earlier question was true then: a leader may have been found since.
  if (message.sentMs !== raft.askedMs) return
  raft.votes.set(message.from, message.granted)
  countVotes(raft)
}

/**
 * A vote in this node's own term; step() has dealt with older and newer ones. Loyalty is asked for here too: some other
 * message may have raised the term while the leader whom this node heard still counts on it.
 */
export function onVote(raft: Raft, message: MsgVote): void {
  const free = raft.vote === message.from || (raft.vote === undefined && raft.leader === undefined)
  const granted = free && (message.force || !isLoyal(raft)) && isUpToDate(raft.log, message.lastIndex, message.lastTerm)
  if (granted) {
    becomeFollower(raft, raft.term, undefined)
    restartElectionTimer(raft)
    raft.vote = message.from
  }
  send(raft, message.from, { type: 'vote-reply', granted })
}

export function onVoteReply(raft: Raft, message: MsgVoteReply): void {
  if (raft.role !== 'candidate') return
  raft.votes.set(message.from, message.granted)
  countVotes(raft)
}
