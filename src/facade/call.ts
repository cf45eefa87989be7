// What a command of the facade is given: its arguments, where to reply, its session, and the process around it as a set of
// narrow interfaces. Each process extends both with what its own commands need. Commands hold nothing between two calls.

import type { Args } from '../protocol/args.ts'
import type { ReplyWriter } from '../protocol/writer.ts'
import type { Access } from './access.ts'
import type { Session, Tracking } from './session.ts'
import type { CommandTable } from './table.ts'

/** Publishes messages and knows who subscribes to what. Names are latin1 strings, one character a byte. */
export interface PubSub {
  subscribe(session: Session, channel: string): boolean
  unsubscribe(session: Session, channel: string): boolean
  psubscribe(session: Session, pattern: string): boolean
  punsubscribe(session: Session, pattern: string): boolean
  ssubscribe(session: Session, channel: string): boolean
  sunsubscribe(session: Session, channel: string): boolean
  unsubscribeAll(session: Session): void
  /** Sends the message to all subscribers of the channel and of matching patterns; their number. */
  publish(channel: Buffer, message: Buffer): number
  spublish(channel: Buffer, message: Buffer): number
  channels(): ReadonlyMap<string, ReadonlySet<Session>>
  patterns(): ReadonlyMap<string, ReadonlySet<Session>>
  shardChannels(): ReadonlyMap<string, ReadonlySet<Session>>
}

/** The connections of the process. */
export interface Clients {
  all(): Iterable<Session>
  byId(id: number): Session | undefined
  /** Closes a connection: the running command's own after its reply. */
  kill(session: Session): void
  /** Pauses clients (CLIENT PAUSE) until a Unix time in milliseconds. */
  pause(untilMs: number, mode: 'all' | 'write'): void
  unpause(): void
  /** Begins or ends MONITOR mode. */
  setMonitor(session: Session, on: boolean): void
  /** Makes the session wait; its reply comes from `blocked.finish`. */
  block(session: Session, blocked: NonNullable<Session['blocked']>): void
  /** Ends the waiting of a session. */
  unblock(session: Session, why: 'ready' | 'unblock' | 'error'): boolean
}

/** CLIENT TRACKING: tells sessions what has changed of what they have read. */
export interface KeyTracking {
  /** The session tracks from now on, or in another way than before. */
  enable(session: Session, tracking: Tracking): void
  /** It does not any more. */
  disable(session: Session): void
}

/** The process around the commands of the facade. */
export interface FrontHost {
  /** The rows of this process, whatever their functions are given. */
  readonly commands: CommandTable
  readonly clients: Clients
  readonly pubsub: PubSub
  /** What HELLO says of this process beside the connection's own: `mode`, `role`. */
  hello(): readonly (readonly [string, string])[]
  /** Who may do what. */
  readonly access: Access
  readonly tracking: KeyTracking
  /** The most channels and patterns of one session, and the most prefixes that it tracks. */
  readonly subscriptionsMax: number
  /** RESET and QUIT: forget what this process keeps of the session beyond what the facade does. */
  forget(session: Session): void
  /** A switch of the running session has changed that the process acts on: CLIENT NO-TOUCH. */
  sessionChanged(session: Session): void
  /** Somebody speaks HTTP to us: see `Processor`. */
  attacked(session: Session): void
  /** A bug: an exception that nothing may throw. */
  internalError(error: unknown, where: string): void
}

/** What a command's function is given. One object serves all commands; its fields change from call to call. */
export interface Call {
  readonly args: Args
  /** Where the reply goes, which CLIENT REPLY may silence. */
  readonly reply: ReplyWriter
  /** Where messages go, confirmations of subscriptions among them: what CLIENT REPLY does not silence. */
  readonly out: ReplyWriter
  readonly session: Session
  readonly host: FrontHost
  /** Unix time in milliseconds; the same during the whole command. */
  readonly nowMs: number
  /** Whether the user of the session may read any key there is with the running command. */
  mayReadAllKeys(): boolean
}
