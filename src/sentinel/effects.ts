// What goes into the core of a sentinel (Input) and what it asks to be done (Effect). These two types are the whole
// contract between the decisions, which are pure, and whoever carries them out: the supervisor process, which does it
// for real, and the simulator, which models it.
//
// The rules of the carrier:
//  - Effects are carried out in order, each at once. None returns a value; what comes of one arrives later as an Input.
//  - `connect` is answered by exactly one `link-up` or `link-down`; an established link ends with one `link-down`.
//    After `disconnect` nothing more comes from that link.
//  - `ping`, `info`, `lease` and `order` go out only on a link that is up. If it goes down, what was in flight is forgotten
//    (an order is answered `ok: false`).
//  - `propose` hands bytes to the Raft leader, which this sentinel is; a proposal may be lost, the core proposes again.
//  - Every committed Raft entry of kind 'normal' comes back as `committed`, in order, on every member.
import type { Answer, Word } from '../lease/terms.ts'
import type { Address, ServerRef } from './address.ts'
import type { EventName } from './events.ts'
import type { FormedGroup } from './formation.ts'
import type { Hello } from './hello.ts'
import type { ServerInfo } from './info.ts'
import type { OperatorRequest, OperatorResult, PeerMessage } from './peer-message.ts'
import type { Early } from './settings.ts'
import type { Timing } from './timing.ts'

/** A change of a server's role or state, asked for by the leader. `epoch` is the failover's, for logs and fencing. */
export type Order =
  | { readonly kind: 'promote'; readonly epoch: number }
  | { readonly kind: 'follow'; readonly epoch: number; readonly primary: Address }
  /** The same without cutting off its clients, whose writes are held back: they are sent on once the switch is committed. */
  | { readonly kind: 'fence'; readonly epoch: number; readonly primary: Address }
  /** Hold back writes for at most `forMs`; the server resumes by itself afterwards (CLIENT PAUSE … WRITE). */
  | { readonly kind: 'pause-writes'; readonly epoch: number; readonly forMs: number }
  | { readonly kind: 'resume-writes'; readonly epoch: number }

/** Why a connection attempt failed or a connection ended; `unresolved`: the host is a name that has no address. */
export type LinkFailure = 'refused' | 'reset' | 'closed' | 'timeout' | 'unreachable' | 'unresolved' | 'auth' | 'error'

/** A change of the Raft membership, for RaftNode.proposeConfChange. */
export interface MemberChange {
  readonly kind: 'add-learner' | 'promote' | 'remove'
  readonly node: string
}

/** What the core knows of Raft: a picture that the carrier renews whenever it changed. */
export interface RaftView {
  readonly term: number
  readonly leader: string | undefined
  /** RaftNode.isLeader(now): certainly the leader, under a quorum lease. */
  readonly isLeader: boolean
  readonly voters: readonly string[]
  readonly learners: readonly string[]
  /** The feature level in force, the first if absent: entries of a higher one cannot be proposed yet. */
  readonly level?: number
}

export type Input =
  /** Time passed. At least every `tickMs` (50 ms), and at every `wake`. */
  | { readonly type: 'tick' }
  /** The link stands; `local` is this sentinel's own address as the server sees it. */
  | { readonly type: 'link-up'; readonly ref: ServerRef; readonly local: string }
  | { readonly type: 'link-down'; readonly ref: ServerRef; readonly failure: LinkFailure }
  /** A reply to `ping`: its text without the leading + or -. */
  | { readonly type: 'pong'; readonly ref: ServerRef; readonly text: string }
  /** The reply to the oldest unanswered `info`. */
  | { readonly type: 'info'; readonly ref: ServerRef; readonly info: ServerInfo }
  /** The reply to `lease`. Undefined: the server does not take a word signed with this key. */
  | { readonly type: 'leased'; readonly ref: ServerRef; readonly answer: Answer | undefined }
  /** The oldest unanswered `info` got an error (LOADING, NOAUTH …). */
  | { readonly type: 'info-failed'; readonly ref: ServerRef }
  /** The outcome of an order: ok, or the error's text. */
  | {
      readonly type: 'order-done'
      readonly ref: ServerRef
      readonly id: number
      readonly ok: boolean
      readonly text: string
    }
  /** A hello that anybody may have published, on a server's channel or here: a hint where to dial, nothing more. */
  | { readonly type: 'hello'; readonly hello: Hello }
  /** A message of a peer that the transport has authenticated. */
  | { readonly type: 'peer'; readonly from: string; readonly message: PeerMessage }
  /** The transport reaches this peer now, and has proven its ID. */
  | { readonly type: 'peer-linked'; readonly peer: string }
  /** The name in the file's line of this group was looked up at last. */
  /** What the name that a group is monitored by resolves to now; asked while the server that it named does not answer. */
  | { readonly type: 'hostname'; readonly group: string; readonly host: string; readonly address: Address }
  | { readonly type: 'resolved'; readonly group: string; readonly primary: Address }
  /** An operator changed these times (SENTINEL DEBUG). */
  | { readonly type: 'timing'; readonly changes: Partial<Timing> }
  /** Where this sentinel is from now on (SENTINEL CONFIG SET announce-ip); an empty host: as the servers see it. */
  | { readonly type: 'moved'; readonly resp: Address; readonly gossip: Address }
  /** Every port of this sentinel is open: it may tell the others where it is. Until then it publishes nothing. */
  | { readonly type: 'open' }
  /** Any authenticated sign of life of a peer (a Raft message, for instance). */
  | { readonly type: 'heard'; readonly from: string }
  | { readonly type: 'raft'; readonly view: RaftView }
  /** `replay`: committed in an earlier run, applied again at the start; nothing is announced. */
  | { readonly type: 'committed'; readonly data: Uint8Array; readonly replay?: boolean }
  /** The state machine is replaced (Ready.snapshot, or the snapshot found on disk). */
  | { readonly type: 'restore'; readonly data: Uint8Array }
  /** An operator's wish, through the SENTINEL commands of this sentinel; answered by the effect `answer`. */
  | { readonly type: 'request'; readonly id: number; readonly request: OperatorRequest }

export type Effect =
  | { readonly type: 'connect'; readonly ref: ServerRef }
  | { readonly type: 'disconnect'; readonly ref: ServerRef }
  | { readonly type: 'ping'; readonly ref: ServerRef }
  | { readonly type: 'info'; readonly ref: ServerRef }
  /** A word about the server's lease, to be signed with this key. */
  | { readonly type: 'lease'; readonly ref: ServerRef; readonly word: Word; readonly key: string }
  /** Tell the server the key that words are signed with; what comes of it shows in the next answer. */
  | { readonly type: 'enlist'; readonly ref: ServerRef; readonly key: string }
  /** End the script that keeps the server busy (SCRIPT KILL); what comes of it shows in the pings. */
  | { readonly type: 'kill-script'; readonly ref: ServerRef }
  | { readonly type: 'order'; readonly ref: ServerRef; readonly id: number; readonly order: Order }
  /** Publish this hello on the server's Vedette channel, and the Redis form of it on `__sentinel__:hello`. */
  | { readonly type: 'publish'; readonly ref: ServerRef; readonly hello: Hello }
  | { readonly type: 'send'; readonly to: string; readonly message: PeerMessage }
  /** To every peer that the transport reaches. */
  | { readonly type: 'broadcast'; readonly message: PeerMessage }
  | { readonly type: 'propose'; readonly data: Uint8Array }
  | { readonly type: 'change-members'; readonly change: MemberChange }
  /** Persist this, too: what operators were answered OK without a group. */
  | { readonly type: 'early'; readonly early: readonly Early[] }
  /** Persist the group, then start Raft: as a founding member if `self` is among the members, else as a joiner. */
  | { readonly type: 'form'; readonly group: FormedGroup }
  /**
   * The sentinels that the transport may talk to; replaces the last lists. `peers` have proven who they are and are to be
   * remembered. `hints` are to be tried, and are no more than that; one may give another address of a peer.
   */
  | { readonly type: 'peers'; readonly peers: readonly PeerAddress[]; readonly hints: readonly PeerAddress[] }
  /** An event for subscribers, the log and the scripts of its group: channel name and payload as Redis Sentinel has them. */
  | { readonly type: 'event'; readonly name: EventName; readonly payload: string; readonly group: string | undefined }
  /** One sentence that explains a decision, for the log. */
  | { readonly type: 'log'; readonly level: 'verbose' | 'notice' | 'warning'; readonly text: string }
  | { readonly type: 'answer'; readonly id: number; readonly result: OperatorResult }
  /** Send `tick` at this time (core clock), besides the regular ones. */
  | { readonly type: 'wake'; readonly atMs: number }

/** Who and where a sentinel is. The peer ID is its identity for Raft and for the transport. */
export interface PeerAddress {
  readonly peer: string
  readonly gossip: Address
  readonly runId: string
  readonly resp: Address
  /** Its `announce-id`, if it has one. */
  readonly name?: string | undefined
}
