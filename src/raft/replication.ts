// How a leader's log reaches one follower. Nothing is sent when something happens; instead, before each Ready, every
// peer's progress is compared with the log, and what it lacks (entries, a newer commit index, a snapshot) is sent. So a
// proposal and a fresh commit leave with the very next Ready, and ten proposals of one turn leave as one message.
import { isOverdue, sendSnapshotPart } from './installing.ts'
import { asking, maybeCommit, noteContact } from './leading.ts'
import { conflictHint, entriesFrom, lastIndex, termAt } from './log.ts'
import type { MsgAppendReply, MsgHeartbeatReply, NodeId } from './messages.ts'
import { accepted, answeredHeartbeat, maySend, type Progress, rejected, sentAppend } from './progress.ts'
import { anomaly, type Raft, send } from './state.ts'

/** Sends every follower what it lacks and may be sent. */
export function replicate(raft: Raft): void {
  for (const [id, progress] of raft.peers) {
    while (sendOne(raft, id, progress)) {
      // until the window is full or nothing is left
    }
  }
}

/** Sends one message to a follower; false when there is nothing to send, or it must wait. */
function sendOne(raft: Raft, id: NodeId, progress: Progress): boolean {
  const { log, config } = raft
  if (progress.state === 'snapshot') {
    if (isOverdue(raft, progress)) sendSnapshotPart(raft, id, progress)
    return false
  }
  const prevIndex = progress.next - 1
  const prevTerm = termAt(log, prevIndex)
  if (prevTerm === undefined) {
    sendSnapshotPart(raft, id, progress)
    return false
  }

  const hasEntries = progress.next <= lastIndex(log)
  const hasCommit = progress.sentCommit < Math.min(log.committed, prevIndex)
  const open = maySend(progress, config.maxInflight)
  const wanted = progress.nudge || (open && (progress.state === 'probe' || hasEntries || hasCommit))
  if (!wanted) return false

  const entries = open && hasEntries ? entriesFrom(log, progress.next, config.maxAppendBytes) : []
  const end = prevIndex + entries.length
  const commit = Math.min(log.committed, end)
  send(raft, id, { type: 'append', prevIndex, prevTerm, entries, commit, ...asking(raft) })
  sentAppend(progress, end, entries.length, commit)
  return true
}

export function onAppendReply(raft: Raft, message: MsgAppendReply): void {
  const progress = raft.peers.get(message.from)
  if (raft.role !== 'leader' || !progress) return
  if (message.ok && message.index > lastIndex(raft.log)) return anomaly(raft)
  noteContact(raft, progress, message)
  if (message.ok) {
    accepted(progress, message.index, raft.log.base.index)
    return maybeCommit(raft)
  }
  rejected(progress, message.index, conflictHint(raft.log, message.hintIndex, message.hintTerm).index)
}

export function onHeartbeatReply(raft: Raft, message: MsgHeartbeatReply): void {
  const progress = raft.peers.get(message.from)
  if (raft.role !== 'leader' || !progress) return
  noteContact(raft, progress, message)
  if (message.levelMax > 0) progress.levelMax = message.levelMax
  answeredHeartbeat(progress, lastIndex(raft.log))
}
