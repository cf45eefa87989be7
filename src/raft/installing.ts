// How a snapshot gets to a follower: in parts of bounded length, each acknowledged before the next one is sent. The follower puts
// them together in memory, and installs the whole.
//
// Invariants: a follower holds the parts of one snapshot at most, no more than SNAPSHOT_BYTES_MAX bytes; what it installs it has
// checked: its level, and that the state machine can restore it. A leader keeps the snapshot that it began to send until
// it is through, whatever it compacts meanwhile. A part that got lost is sent again; a follower that lost what it had, or is
// asked for another snapshot, says where to go on.
import { SNAPSHOT_BYTES_MAX } from '../lib/limits.ts'
import { acknowledge, followLeader, promiseOf } from './following.ts'
import { asking, noteContact } from './leading.ts'
import { refuse } from './level.ts'
import { commitTo, installSnapshot, termAt } from './log.ts'
import type { MsgSnapshot, MsgSnapshotReply, NodeId, Snapshot } from './messages.ts'
import { type Progress, sentSnapshot } from './progress.ts'
import { anomaly, type Raft, send } from './state.ts'

/** Leader: sends the next part of the snapshot that this follower gets, or begins with the newest one. */
export function sendSnapshotPart(raft: Raft, id: NodeId, progress: Progress): void {
  const sending = progress.sending ?? { snapshot: raft.log.snapshot, offset: 0 }
  const { snapshot, offset } = sending
  const { data } = snapshot
  const part = data.subarray(offset, offset + raft.config.snapshotPartBytes)
  const body = { type: 'snapshot', snapshot: { ...snapshot, data: part }, offset, total: data.length } as const
  send(raft, id, { ...body, ...asking(raft) })
  sentSnapshot(progress, sending, raft.nowMs)
}

/** Whether the answer to the last part is overdue. */
export const isOverdue = (raft: Raft, { snapshotSentMs }: Progress): boolean =>
  raft.nowMs - snapshotSentMs >= Math.max(raft.config.snapshotRetryMs, raft.patienceMs)

export function onSnapshotReply(raft: Raft, message: MsgSnapshotReply): void {
  const progress = raft.peers.get(message.from)
  if (raft.role !== 'leader' || !progress) return
  noteContact(raft, progress, message)
  const { sending } = progress
  // Only the answer to the last part says where to go on; earlier ones were overtaken.
  if (sending === undefined || message.sentMs !== progress.snapshotSentMs) return
  if (message.index !== sending.snapshot.index || message.offset > sending.snapshot.data.length) return
  sending.offset = message.offset
  sendSnapshotPart(raft, message.from, progress)
}

/** Follower: takes a part, and installs the snapshot with the last one. */
export function onSnapshot(raft: Raft, message: MsgSnapshot): void {
  if (!followLeader(raft, message.from, message.promiseMs)) return
  const { log } = raft
  const { snapshot, total } = message
  if (snapshot.index > log.committed) {
    // A log that already holds the last entry of the snapshot holds all before it: no need to throw its tail away.
    if (termAt(log, snapshot.index) === snapshot.term) commitTo(log, snapshot.index)
    else {
      if (!isAcceptable(raft, snapshot, total)) return
      const whole = takePart(raft, message)
      if (whole === undefined) return
      const { index, level } = snapshot
      if (!raft.config.machine.canRestore(whole)) return refuse(raft, { kind: 'snapshot', index, level })
      installSnapshot(log, { ...snapshot, data: whole })
    }
  }
  raft.incoming = undefined
  acknowledge(raft, message, log.committed)
}

function isAcceptable(raft: Raft, snapshot: Snapshot, total: number): boolean {
  const isReadable = snapshot.level <= raft.config.machine.levelMax && total <= SNAPSHOT_BYTES_MAX
  if (!isReadable) refuse(raft, { kind: 'snapshot', index: snapshot.index, level: snapshot.level })
  return isReadable
}

/** The whole data when this was the last part; otherwise the leader hears how much is here. */
function takePart(raft: Raft, message: MsgSnapshot): Uint8Array | undefined {
  const { snapshot, offset, total } = message
  const { index, term, data } = snapshot
  if (offset + data.length > total || (data.length === 0 && total > 0)) {
    anomaly(raft)
    return undefined
  }
  let incoming = raft.incoming
  if (incoming?.index !== index || incoming.term !== term || incoming.total !== total)
    incoming = { index, term, total, parts: [], received: 0 }
  raft.incoming = incoming
  if (offset === incoming.received) {
    incoming.parts.push(data)
    incoming.received += data.length
    if (incoming.received === total) {
      raft.incoming = undefined
      return incoming.parts.length === 1 ? data : Buffer.concat(incoming.parts)
    }
  }
  send(raft, message.from, { type: 'snapshot-reply', index, offset: incoming.received, ...promiseOf(raft, message) })
  return undefined
}
