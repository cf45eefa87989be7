// What is remembered of a connection between two commands. Pure state: bytes go out through `Outlet`, which the connection
// implements over its wire. One class for both processes: what a sentinel has no use for (transactions, replicas) stays empty.

import { SUPERUSER, type User } from '../acl/user.ts'
import type { ReplyWriter } from '../protocol/writer.ts'

/** What a name of so many bytes takes that a session watches or listens to, about: twice itself, and its places in sets. */
export function namedBytes(length: number): number {
  return 2 * length + 250
}

/**
 * The longest name that a session can watch or listen to. Names are kept as strings, and so cannot be as long as arguments; a
 * longer key or channel simply has nobody who waits for it.
 */
export const NAME_BYTES_MAX = 1 << 28

/** What a queued argument takes beside its bytes, about. */
const QUEUED_ARGUMENT_BYTES = 100

/** Bytes of memory that a copy of a request takes, about. */
export function queuedBytes(argv: readonly Uint8Array[]): number {
  return argv.reduce((sum, arg) => sum + arg.length + QUEUED_ARGUMENT_BYTES, 0)
}

/** The way out of a session, and what there is to know of its wire. */
export interface Outlet {
  /** Address of the peer as `ip:port`; of a Unix socket `path:0`. */
  readonly peer: string
  /** Our own address in the same form. */
  readonly local: string
  readonly isUnix: boolean
  readonly peerIsLoopback: boolean
  /** The descriptor in this process, -1 if there is none. */
  readonly descriptor: number
  /** Sends bytes that answer nothing the peer asked just now: a message, or a reply that had to wait. Copies them. */
  send(bytes: Uint8Array): void
  /** Closes once everything that was written is sent. */
  closeAfterReply(): void
  /** Closes now. */
  close(): void
  /** Unread input in bytes, for CLIENT LIST; what its buffer has beside it; and the arguments of the request under way. */
  readonly queryBytes: number
  readonly queryFreeBytes: number
  readonly argumentBytes: number
  /** Size of the buffer that its replies are written to. */
  readonly replyBufferBytes: number
  /** Output in bytes that the peer has not taken yet. */
  readonly outputBytes: number
  /** Memory that it holds, and has announced that it will need, all together: what `maxmemory-clients` limits. */
  readonly chargedBytes: number
}

/** An outlet for a session behind which there is nobody: what it is sent is lost. */
export const nowhere = (peer: string, local: string): Outlet => ({
  peer,
  local,
  isUnix: false,
  peerIsLoopback: true,
  descriptor: -1,
  send() {},
  closeAfterReply() {},
  close() {},
  queryBytes: 0,
  queryFreeBytes: 0,
  argumentBytes: 0,
  replyBufferBytes: 0,
  outputBytes: 0,
  chargedBytes: 0,
})

/** A transaction being queued. */
export interface Transaction {
  readonly queue: Buffer[][]
  /** A queued command was refused, so EXEC will be too. */
  aborted: boolean
  /** Bytes queued, for CLIENT LIST. */
  bytes: number
  /** Flags of the queued commands, together, and those that all of them have. */
  flags: number
  commonFlags: number
}

/** A session whose reply waits for something. Input is kept unparsed meanwhile. */
export interface Blocked {
  /**
   * `shutdown`: it asked for the end of the server, and only that or its failure ends the waiting. `order`: what it asked for
   * is being done elsewhere, and only the outcome ends the waiting. CLIENT UNBLOCK ends `wait` alone.
   */
  readonly kind: 'wait' | 'pause' | 'shutdown' | 'order'
  /** Unix time in milliseconds at which waiting ends, 0 for never. */
  readonly timeoutAtMs: number
  /** Writes the reply: at the time-out, or when CLIENT UNBLOCK ends it early (`error`: with an error). */
  finish(reply: ReplyWriter, why: 'timeout' | 'ready' | 'unblock' | 'error'): void
}

/** How a session wants to hear of changes to what it has read (CLIENT TRACKING). */
export interface Tracking {
  readonly mode: 'all' | 'optin' | 'optout' | 'bcast'
  readonly noLoop: boolean
  /** The session that gets the messages, 0 for this one. */
  readonly redirect: number
  /** Of `bcast`, in latin1; the empty one is all keys. */
  readonly prefixes: readonly string[]
  /** Bytes that these take, about. */
  readonly prefixBytes: number
  /** A message could not be sent: the session that gets them is gone. */
  broken: boolean
  /** CLIENT CACHING was said for the next command. */
  caching: boolean
}

/** What a session is. Replicas are told apart from clients in limits, lists and pauses. */
export type SessionKind = 'normal' | 'replica' | 'pubsub' | 'primary'

/** State of one connection. */
export class Session {
  readonly id: number
  readonly outlet: Outlet
  readonly createdMs: number
  /** Unix time in milliseconds of the last command. */
  lastCommandMs: number
  /** Full name of the last command, such as `client|list`. */
  lastCommand = 'NULL'
  db = 0
  resp: 2 | 3 = 2
  name = ''
  libName = ''
  libVersion = ''
  authenticated: boolean
  /** Whose rights it has; what the server does by itself may do anything. */
  user: User = SUPERUSER
  transaction: Transaction | undefined
  /** Keys watched, as `db:key` in latin1; `undefined` if none. */
  watched: Set<string> | undefined
  /** Bytes that watched keys take, about. */
  watchedBytes = 0
  /** A watched key has changed. */
  watchBroken = false
  /** Subscriptions, in latin1; undefined if there never were any. */
  channels: Set<string> | undefined
  patterns: Set<string> | undefined
  shardChannels: Set<string> | undefined
  /** Bytes that subscriptions take, about. */
  subscribedBytes = 0
  /** Number of channels, patterns and shard channels subscribed to; each command asks for it. */
  subscriptions = 0
  blocked: Blocked | undefined
  /** CLIENT REPLY: whether replies are sent; `skip` counts the commands that go without one. */
  replyMode: 'on' | 'off' | 'skip-next' | 'skip' = 'on'
  noEvict = false
  noTouch = false
  monitor = false
  /** A replica's connection once it sent PSYNC or SYNC; set by replication. */
  isReplica = false
  /** The link to our primary, whose commands are not refused and not answered. */
  isPrimary = false
  /** Replication offset behind the session's last write: what WAIT waits for. */
  writeOffset = 0
  /** Replies written from here on leave once `ClientRegistry.release` has come to this position; 0: at the end of the turn. */
  replyPosition = 0
  /** CLIENT TRACKING, while it is on. */
  tracking: Tracking | undefined
  /** The reply under way is the last one. */
  closing = false

  constructor(id: number, outlet: Outlet, nowMs: number, authenticated: boolean) {
    this.id = id
    this.outlet = outlet
    this.createdMs = nowMs
    this.lastCommandMs = nowMs
    this.authenticated = authenticated
  }

  get kind(): SessionKind {
    if (this.isPrimary) return 'primary'
    if (this.isReplica) return 'replica'
    return this.subscriptions > 0 ? 'pubsub' : 'normal'
  }
}
