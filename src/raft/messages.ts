// The vocabulary of the Raft core: what is persisted (hard state, entries, snapshots), who is a member, what nodes say
// to each other, and what the core asks of its caller (Ready). Types only, so that every file of raft/ can name them.
//
// Every message carries the group, sender, receiver and the sender's real term. A message is a fact about the moment it
// was sent: it may arrive late, twice or never, and no handler may rely on anything else.

/** Identity of a node: an opaque ASCII string of 1..128 characters without spaces (in production a libp2p peer ID). */
export type NodeId = string

/** What a log entry is for. `noop` opens a leader's term, `config` carries an encoded Membership, `level` a feature level (machine.ts), `normal` is the caller's. */
export type EntryKind = 'normal' | 'noop' | 'config' | 'level'

/** One slot of the replicated log. Index and term together identify its content (the log matching property). */
export interface Entry {
  /** Position in the log; the first entry has index 1. */
  readonly index: number
  /** Term of the leader that created the entry. */
  readonly term: number
  readonly kind: EntryKind
  readonly data: Uint8Array
}

/** Who takes part. Voters elect and commit; learners only receive. Both sorted, without duplicates, disjoint. */
export interface Membership {
  readonly voters: readonly NodeId[]
  readonly learners: readonly NodeId[]
}

/** The state of the caller's state machine after `index`, in the caller's own encoding. Index 0 is the bootstrap configuration. */
export interface Snapshot {
  readonly index: number
  readonly term: number
  /** The membership in force at `index`. */
  readonly membership: Membership
  /** The feature level in force at `index` (machine.ts). */
  readonly level: number
  readonly data: Uint8Array
}

/** What a node must remember to keep its promises. `commit` is a hint that saves time after a restart; losing it is harmless,
 * but for entries that must outlast a crash (Machine), whose commit is synced before they are applied. */
export interface HardState {
  readonly term: number
  /** For whom this node voted in `term`; undefined when for nobody. */
  readonly vote: NodeId | undefined
  readonly commit: number
  /** For how long it may have promised a leader to vote for nobody else, when longer than the configured timeout; else 0. */
  readonly promiseMs: number
}

interface Envelope {
  /** Identity of the Raft group; messages of another group are dropped. */
  readonly group: string
  readonly from: NodeId
  readonly to: NodeId
  /** The sender's term when it sent this. */
  readonly term: number
}

/** "Would you vote for me in term + 1?" Changes no state anywhere (§9.6 of Ongaro's thesis). */
export interface MsgPreVote extends Envelope {
  readonly type: 'pre-vote'
  readonly lastIndex: number
  readonly lastTerm: number
  /** The asker's own clock when it asked; echoed in the answer. It tells the rounds of asking apart. */
  readonly sentMs: number
}

/** Answer to a pre-vote; `term` is the answerer's real term, so that a node which lags behind catches up. */
export interface MsgPreVoteReply extends Envelope {
  readonly type: 'pre-vote-reply'
  readonly granted: boolean
  /** Echo of `sentMs`. */
  readonly sentMs: number
}

/** RequestVote (§5.2). */
export interface MsgVote extends Envelope {
  readonly type: 'vote'
  readonly lastIndex: number
  readonly lastTerm: number
  /** True in a leadership transfer: the leader itself asked for the election, so its lease does not forbid it. */
  readonly force: boolean
}

/** Answer to RequestVote. */
export interface MsgVoteReply extends Envelope {
  readonly type: 'vote-reply'
  readonly granted: boolean
}

/**
 * What each word of a leader asks for beside its content: to vote for nobody else for so long after it was heard. The answer
 * echoes both, so the leader may count on the answerer until sentMs + promiseMs on its own clock, less what clocks may drift.
 */
interface AsksPromise {
  /** The leader's own clock (monotonic ms) when it sent this; meaningless to anyone else. */
  readonly sentMs: number
  readonly promiseMs: number
}

/** The echo of a leader's clock and what it asked for; a promise of 0 is none. */
interface GivesPromise {
  readonly sentMs: number
  readonly promiseMs: number
}

/** AppendEntries with zero or more consecutive entries after `prevIndex` (§5.3). */
export interface MsgAppend extends Envelope, AsksPromise {
  readonly type: 'append'
  readonly prevIndex: number
  readonly prevTerm: number
  readonly entries: readonly Entry[]
  /** The leader's commit index, never above what this message and its predecessor entry establish. */
  readonly commit: number
}

/** Answer to append, and to the last part of a snapshot. */
export interface MsgAppendReply extends Envelope, GivesPromise {
  readonly type: 'append-reply'
  /** True: the log equals the leader's up to `index`. False: the entry at `index` (the prevIndex tried) does not match. */
  readonly ok: boolean
  readonly index: number
  /** When not ok: the best guess of the follower where the logs may meet, and its term there (fast backtracking, §5.3). */
  readonly hintIndex: number
  readonly hintTerm: number
}

/** Proof of life of a leader. */
export interface MsgHeartbeat extends Envelope, AsksPromise {
  readonly type: 'heartbeat'
  /** Commit index, at most what the receiver is known to hold. */
  readonly commit: number
}

/** Answer to a heartbeat; also the answer to a leader of an older term, whom its higher `term` deposes. */
export interface MsgHeartbeatReply extends Envelope, GivesPromise {
  readonly type: 'heartbeat-reply'
  /** The highest feature level that the answerer can apply. */
  readonly levelMax: number
}

/**
 * A part of a snapshot, for a follower so far behind that the leader has dropped the entries it lacks. A short snapshot is one part.
 * The leader sends the next part when this one is answered, and the same again after `snapshotRetryMs`.
 */
export interface MsgSnapshot extends Envelope, AsksPromise {
  readonly type: 'snapshot'
  /** The snapshot, with the bytes of its data from `offset` on that this message carries. */
  readonly snapshot: Snapshot
  readonly offset: number
  /** Bytes of the whole data. */
  readonly total: number
}

/** Answer to a part that was not the last: so many bytes of the snapshot at `index` are here. The last is answered as an append. */
export interface MsgSnapshotReply extends Envelope, GivesPromise {
  readonly type: 'snapshot-reply'
  readonly index: number
  readonly offset: number
}

/** The leader asks the receiver to start an election at once (leadership transfer, §3.10 of the thesis). */
export interface MsgTimeoutNow extends Envelope {
  readonly type: 'timeout-now'
}

/** A proposal forwarded to the leader. May be duplicated or lost like any message: its content should be idempotent. */
export interface MsgPropose extends Envelope {
  readonly type: 'propose'
  readonly data: Uint8Array
}

export type Message =
  | MsgPreVote
  | MsgPreVoteReply
  | MsgVote
  | MsgVoteReply
  | MsgAppend
  | MsgAppendReply
  | MsgHeartbeat
  | MsgHeartbeatReply
  | MsgSnapshot
  | MsgSnapshotReply
  | MsgTimeoutNow
  | MsgPropose

export type Role = 'follower' | 'pre-candidate' | 'candidate' | 'leader'

/**
 * Everything the core asks of its caller, in the order in which it must be done:
 *
 * 1. `eagerMessages` may be sent at once, before or while persisting.
 * 2. Persist `snapshot`, then `entries`, then `hardState`, in this order (a torn write may lose a suffix, nothing else),
 *    and fsync when `mustSync`.
 * 3. Send `messages`: they promise what step 2 made durable.
 * 4. Restore the state machine from `snapshot`, if there is one; then apply `committed`, in order.
 * 5. Call `advance()`. Until then `ready()` gives undefined; step, tick and propose may be called meanwhile.
 */
export interface Ready {
  readonly eagerMessages: readonly Message[]
  /** Received from the leader: replaces the stored snapshot, the whole stored log and the state machine. */
  readonly snapshot: Snapshot | undefined
  /** Delete stored entries with index ≥ entries[0].index, then append these. */
  readonly entries: readonly Entry[]
  /** Replaces the stored hard state; undefined when unchanged. */
  readonly hardState: HardState | undefined
  /**
   * True when the above must be on disk before step 3; false when nothing changed, or only the commit hint (and nothing is
   * committed that must outlast a crash, see Machine).
   */
  readonly mustSync: boolean
  readonly messages: readonly Message[]
  /** Entries that will never change, in order, each exactly once per life of the process. Includes noop and config entries. */
  readonly committed: readonly Entry[]
}
