// What a leader does on its own account: take office, append, commit, watch whether a majority still answers, leave.
//
// Each word of a leader asks the follower to vote for nobody else for a while, and each answer echoes when that was asked, on the
// leader's own clock. The follower counts from when it heard the word, which is later, so until then the leader has its favour;
// the lease lasts as long as that of a majority. The quorum contact is the latest time T such that a majority has answered
// messages sent at T or later: when T is a whole election timeout old, the leader resigns (check-quorum). An answer
// that waited in a buffer while this node was frozen echoes an old time, so it proves nothing about the present.
import { encodeMembership } from './codec.ts'
import { appendEntries, commitTo, lastIndex, membershipIn, membershipIndex, termAt } from './log.ts'
import type { EntryKind, Membership, MsgAppendReply, MsgHeartbeatReply, MsgSnapshotReply } from './messages.ts'
import { keepPace, noteDelay } from './pace.ts'
import { contacted, newProgress, type Progress } from './progress.ts'
import { quorumValue } from './quorum.ts'
import { becomeFollower, isVoter, longestPromiseMs, patienceMaxMs, type Raft, renewPatience, send } from './state.ts'

const NO_DATA = new Uint8Array(0)

/** A candidate has won. Its first act is an entry of its own term: only that lets it commit what it inherited (§5.4.2). */
export function becomeLeader(raft: Raft): void {
  raft.role = 'leader'
  raft.leader = raft.config.id
  raft.votes.clear()
  raft.transfer = undefined
  raft.incoming = undefined
  raft.leaderSinceMs = raft.nowMs
  renewPatience(raft)
  raft.heartbeatDueMs = raft.nowMs + raft.config.heartbeatMs
  syncPeers(raft)
  appendOwn(raft, 'noop', NO_DATA)
}

/** Keeps a progress for every other member, and for nobody else. */
function syncPeers(raft: Raft): void {
  const { voters, learners } = membershipIn(raft.log)
  const members = new Set([...voters, ...learners])
  members.delete(raft.config.id)
  for (const id of raft.peers.keys()) if (!members.has(id)) raft.peers.delete(id)
  keepPace(raft.pace, (id) => members.has(id))
  for (const id of members) if (!raft.peers.has(id)) raft.peers.set(id, newProgress(lastIndex(raft.log) + 1))
}

/** Appends an entry of this leader's term and gives its index. ready() sends it to the followers. */
export function appendOwn(raft: Raft, kind: EntryKind, data: Uint8Array): number {
  const index = lastIndex(raft.log) + 1
  appendEntries(raft.log, [{ index, term: raft.term, kind, data }])
  return index
}

/** Appends a membership, which is in force from this moment on. */
export function appendMembership(raft: Raft, membership: Membership): number {
  const index = appendOwn(raft, 'config', encodeMembership(membership))
  syncPeers(raft)
  return index
}

/**
 * Commits what a majority of the voters has on disk, this node included. Only an entry of the present term is committed
 * by counting (§5.4.2); what precedes it is committed with it.
 */
export function maybeCommit(raft: Raft): void {
  const { log } = raft
  const self = raft.config.id
  const index = quorumValue(membershipIn(log).voters, (id) =>
    id === self ? log.persisted : (raft.peers.get(id)?.match ?? 0),
  )
  if (index > log.committed && termAt(log, index) === raft.term) commitTo(log, index)
}

/** The latest time at which a majority certainly followed this leader; -Infinity when it does not lead. */
export function quorumContactMs(raft: Raft, nowMs: number): number {
  if (raft.role !== 'leader') return -Infinity
  const self = raft.config.id
  return quorumValue(membershipIn(raft.log).voters, (id) =>
    id === self ? nowMs : (raft.peers.get(id)?.contactMs ?? -Infinity),
  )
}

/** Until when a majority votes for nobody else, as far as this leader knows, on its own clock. */
export function favourUntilMs(raft: Raft): number {
  // Who was told to take over may be elected in spite of the lease.
  if (raft.role !== 'leader' || raft.transfer?.told) return -Infinity
  const self = raft.config.id
  return quorumValue(membershipIn(raft.log).voters, (id) =>
    id === self ? Infinity : (raft.peers.get(id)?.favourUntilMs ?? -Infinity),
  )
}

/** Whether the lease holds and the log is known to be complete, so that this node may act as the leader. */
export function leadsCertainly(raft: Raft, nowMs: number): boolean {
  return termAt(raft.log, raft.log.committed) === raft.term && nowMs < favourUntilMs(raft)
}

/** What goes with each word to a follower: the time, and for how long its vote is asked for. */
export const asking = ({ nowMs, patienceMs }: Raft): { sentMs: number; promiseMs: number } => ({
  sentMs: nowMs,
  promiseMs: patienceMs,
})

/** Heartbeats when due; resigns without a quorum; ends a transfer that took too long. */
export function tickLeader(raft: Raft): void {
  const heardMs = Math.max(quorumContactMs(raft, raft.nowMs), raft.leaderSinceMs)
  const isLost = raft.nowMs - heardMs >= patienceMaxMs(raft) && raft.nowMs >= raft.listenUntilMs
  if (isLost) return becomeFollower(raft, raft.term, undefined)
  if (raft.transfer && raft.nowMs >= raft.transfer.deadlineMs) {
    // The order to take over may still be on its way and overrides the lease: having given it, this node must go.
    if (raft.transfer.told) return becomeFollower(raft, raft.term, undefined)
    raft.transfer = undefined
  }
  if (raft.nowMs < raft.heartbeatDueMs) return
  raft.heartbeatDueMs = raft.nowMs + raft.config.heartbeatMs
  for (const [id, { match }] of raft.peers) {
    send(raft, id, { type: 'heartbeat', commit: Math.min(match, raft.log.committed), ...asking(raft) })
  }
}

/** Starts to hand leadership to a voter; it is told as soon as it has the whole log. */
export function startTransfer(raft: Raft, to: string): boolean {
  if (raft.role !== 'leader' || raft.transfer || to === raft.config.id) return false
  if (!membershipIn(raft.log).voters.includes(to)) return false
  raft.transfer = { to, deadlineMs: raft.nowMs + patienceMaxMs(raft), told: false }
  return true
}

/** Tells the target of a transfer to take over, once it has everything. */
export function continueTransfer(raft: Raft): void {
  const { transfer } = raft
  if (!transfer || transfer.told || raft.peers.get(transfer.to)?.match !== lastIndex(raft.log)) return
  transfer.told = true
  send(raft, transfer.to, { type: 'timeout-now' })
}

/** A leader whose own removal is committed hands over to the voter with the longest log and goes. */
export function retireIfRemoved(raft: Raft): void {
  if (isVoter(raft) || membershipIndex(raft.log) > raft.log.committed) return
  const { voters } = membershipIn(raft.log)
  const matchOf = (id: string): number => raft.peers.get(id)?.match ?? 0
  const heir = voters.reduce((best, id) => (matchOf(id) > matchOf(best) ? id : best), voters[0]!)
  send(raft, heir, { type: 'timeout-now' })
  becomeFollower(raft, raft.term, undefined)
}

type LeaderAnswer = MsgAppendReply | MsgHeartbeatReply | MsgSnapshotReply

/** What an answer says of the follower's favour and of the group's pace. One that was overtaken says nothing of the pace. */
export function noteContact(raft: Raft, progress: Progress, message: LeaderAnswer): void {
  const { from, sentMs, promiseMs } = message
  const favourMs = Math.min(promiseMs, longestPromiseMs(raft.config)) * (1 - raft.config.clockDrift)
  if (!contacted(progress, sentMs, favourMs, raft.nowMs) || message.type !== 'heartbeat-reply') return
  noteDelay(raft.pace, from, raft.nowMs - sentMs, raft.nowMs)
}
