// What a node does on a leader's word (§5.3): append, commit, answer heartbeats, take over.
//
// Invariant: "ok up to index" is only said when the log equals the leader's up to there, and is sent after those entries
// are durable (it leaves in Ready.messages). Committed entries equal every later leader's, so they never need a check.

import { decodeLevel } from './codec.ts'
import { startElection } from './election.ts'
import { refuse } from './level.ts'
import { commitTo, conflictHint, lastIndex, reconcile, termAt } from './log.ts'
import type { Entry, MsgAppend, MsgHeartbeat, MsgSnapshot, MsgTimeoutNow, NodeId } from './messages.ts'
import { anomaly, becomeFollower, grantable, heardLeader, isVoter, type Raft, send } from './state.ts'

/** Accepts the sender as the leader of this term; false when that cannot be, as there is another. */
export function followLeader(raft: Raft, leader: NodeId, askedMs: number): boolean {
  if (raft.role === 'leader' || (raft.leader !== undefined && raft.leader !== leader)) {
    anomaly(raft)
    return false
  }
  becomeFollower(raft, raft.term, leader)
  heardLeader(raft, askedMs)
  return true
}

export function onAppend(raft: Raft, message: MsgAppend): void {
  if (!followLeader(raft, message.from, message.promiseMs)) return
  const { log } = raft
  const { prevIndex, prevTerm, from } = message
  const ownTerm = termAt(log, prevIndex)
  if (ownTerm !== prevTerm && prevIndex > log.committed) {
    const hint = conflictHint(log, prevIndex, prevTerm)
    return send(raft, from, {
      type: 'append-reply',
      ok: false,
      index: prevIndex,
      hintIndex: hint.index,
      hintTerm: hint.term,
      ...promiseOf(raft, message),
    })
  }
  // Below the commit index the logs are equal, so an entry there is skipped, unless both are still here and differ.
  if (ownTerm !== undefined && ownTerm !== prevTerm) return anomaly(raft)
  const entries = applicable(raft, message.entries)
  const useful = entries.filter((entry) => entry.index > log.base.index)
  const end = prevIndex + entries.length
  if (end > log.committed && !reconcile(log, useful)) return anomaly(raft)
  commitTo(log, Math.min(message.commit, end))
  // Nothing could be taken: an answer would only bring the same again at once, instead of with the next heartbeat.
  if (entries.length === 0 && message.entries.length > 0) return
  acknowledge(raft, message, Math.max(end, log.committed))
}

/** The entries before the first one that raises the level above what this member can apply. */
function applicable(raft: Raft, entries: readonly Entry[]): readonly Entry[] {
  const { levelMax } = raft.config.machine
  const end = entries.findIndex(({ kind, data }) => kind === 'level' && decodeLevel(data)! > levelMax)
  if (end < 0) return entries
  refuse(raft, { kind: 'entry', index: entries[end]!.index, level: decodeLevel(entries[end]!.data)! })
  return entries.slice(0, end)
}

/** The echo of what the leader asked for, as far as it was given. */
export const promiseOf = ({ config }: Raft, { sentMs, promiseMs }: MsgAppend | MsgHeartbeat | MsgSnapshot) => ({
  sentMs,
  promiseMs: grantable(config, promiseMs),
})

/** Says that the log equals the leader's up to `index`. */
export function acknowledge(raft: Raft, message: MsgAppend | MsgSnapshot, index: number): void {
  const body = { type: 'append-reply', ok: true, index, hintIndex: 0, hintTerm: 0 } as const
  send(raft, message.from, { ...body, ...promiseOf(raft, message) })
}

export function onHeartbeat(raft: Raft, message: MsgHeartbeat): void {
  if (!followLeader(raft, message.from, message.promiseMs)) return
  commitTo(raft.log, Math.min(message.commit, lastIndex(raft.log)))
  const { levelMax } = raft.config.machine
  send(raft, message.from, { type: 'heartbeat-reply', levelMax, ...promiseOf(raft, message) })
}

/** The leader wants this node to succeed it. No pre-vote: the followers are asked to set their loyalty aside. */
export function onTimeoutNow(raft: Raft, message: MsgTimeoutNow): void {
  if (raft.role !== 'follower' || raft.leader !== message.from || !isVoter(raft)) return
  startElection(raft, true)
}
