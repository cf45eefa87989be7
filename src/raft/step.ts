// The door for messages: is it for us, is it whole, what does its term mean (§5.1), who handles it. A newer term always
// ends the present one, except that a vote against a living leader, a pre-vote, and a late answer to one change nothing; an
// older term is answered only where the sender would otherwise never learn that its time is over.
import { unreachable } from '../lib/assert.ts'
import { decodeLevel, decodeMembership } from './codec.ts'
import { isLoyal, onPreVote, onPreVoteReply, onVote, onVoteReply } from './election.ts'
import { onAppend, onHeartbeat, onTimeoutNow } from './following.ts'
import { onSnapshot, onSnapshotReply } from './installing.ts'
import { appendOwn } from './leading.ts'
import { levelInForce } from './level.ts'
import { uncommittedBytes } from './log.ts'
import type { Entry, Message } from './messages.ts'
import { onAppendReply, onHeartbeatReply } from './replication.ts'
import { anomaly, becomeFollower, type Raft, send } from './state.ts'

/** Takes one message at the present time. */
export function stepMessage(raft: Raft, message: Message): void {
  const { group, id } = raft.config
  if (message.group !== group || message.to !== id || message.from === id) return
  if (!isWellFormed(message)) return anomaly(raft)
  if (message.term > raft.term && !enterTerm(raft, message)) return
  if (message.term < raft.term && message.type !== 'pre-vote' && message.type !== 'pre-vote-reply') {
    return answerPast(raft, message)
  }
  dispatch(raft, message)
}

/** A message of a newer term. False: it is to be ignored. */
function enterTerm(raft: Raft, message: Message): boolean {
  if (message.type === 'pre-vote') return true
  // Who asked learns that it lags behind. To one that has found a leader meanwhile it says nothing.
  if (message.type === 'pre-vote-reply' && raft.role !== 'pre-candidate') return false
  if (message.type === 'vote' && !message.force && isLoyal(raft)) return false
  becomeFollower(raft, message.term, undefined)
  return true
}

/** A leader or candidate of the past learns from the term of the answer that there is a newer one. */
function answerPast(raft: Raft, message: Message): void {
  if (message.type === 'vote') return send(raft, message.from, { type: 'vote-reply', granted: false })
  if (message.type === 'append' || message.type === 'heartbeat' || message.type === 'snapshot') {
    send(raft, message.from, { type: 'heartbeat-reply', levelMax: 0, sentMs: message.sentMs, promiseMs: 0 })
  }
}

function dispatch(raft: Raft, message: Message): void {
  switch (message.type) {
    case 'pre-vote':
      return onPreVote(raft, message)
    case 'pre-vote-reply':
      return onPreVoteReply(raft, message)
    case 'vote':
      return onVote(raft, message)
    case 'vote-reply':
      return onVoteReply(raft, message)
    case 'append':
      return onAppend(raft, message)
    case 'append-reply':
      return onAppendReply(raft, message)
    case 'heartbeat':
      return onHeartbeat(raft, message)
    case 'heartbeat-reply':
      return onHeartbeatReply(raft, message)
    case 'snapshot':
      return onSnapshot(raft, message)
    case 'snapshot-reply':
      return onSnapshotReply(raft, message)
    case 'timeout-now':
      return onTimeoutNow(raft, message)
    case 'propose':
      return void (typeof refusal(raft, message.data) === 'string' || appendOwn(raft, 'normal', message.data))
    default:
      unreachable(message)
  }
}

/**
 * Why a proposal cannot be taken now; undefined when it can. `too-new`: of a level that not all members can apply, or not
 * understood even here, where it may come from a newer member.
 */
export type Refusal = 'not-leader' | 'busy' | 'too-large' | 'too-new'

export function refusal(raft: Raft, data: Uint8Array): Refusal | undefined {
  if (raft.role !== 'leader') return 'not-leader'
  if (data.length > raft.config.maxEntryBytes) return 'too-large'
  const level = raft.config.machine.levelOf(data)
  if (level === undefined || level > levelInForce(raft)) return 'too-new'
  if (raft.transfer || uncommittedBytes(raft.log) + data.length > raft.config.maxUncommittedBytes) return 'busy'
  return undefined
}

/** Far below 2⁵³, so that counting on never loses precision. */
const isCount = (value: number): boolean => Number.isSafeInteger(value) && value >= 0 && value < 2 ** 52

/** What the types cannot say: whole numbers, consecutive entries whose terms rise up to the sender's. */
function isWellFormed(message: Message): boolean {
  if (!isCount(message.term) || ('sentMs' in message && !Number.isFinite(message.sentMs))) return false
  if ('promiseMs' in message && !(message.promiseMs >= 0 && message.promiseMs < Infinity)) return false
  switch (message.type) {
    case 'append':
      return isCount(message.prevIndex) && isCount(message.commit) && areConsecutive(message.entries, message)
    case 'snapshot':
      return (
        isCount(message.snapshot.index) &&
        message.snapshot.term <= message.term &&
        isCount(message.snapshot.level) &&
        isCount(message.offset) &&
        isCount(message.total)
      )
    case 'snapshot-reply':
      return isCount(message.index) && isCount(message.offset)
    case 'heartbeat-reply':
      return isCount(message.levelMax)
    case 'append-reply':
      return isCount(message.index) && isCount(message.hintIndex) && isCount(message.hintTerm)
    case 'heartbeat':
      return isCount(message.commit)
    default:
      return true
  }
}

function areConsecutive(
  entries: readonly Entry[],
  after: { prevIndex: number; prevTerm: number; term: number },
): boolean {
  let { prevIndex: index, prevTerm: term } = after
  for (const entry of entries) {
    if (entry.index !== index + 1 || entry.term < term) return false
    if (entry.kind === 'config' && !decodeMembership(entry.data)) return false
    if (entry.kind === 'level' && !decodeLevel(entry.data)) return false
    index = entry.index
    term = entry.term
  }
  return term <= after.term
}
