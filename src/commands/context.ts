// What a command is given: its arguments, where to reply, the data, its session, the place for its effects, and the server
// around it as a set of narrow interfaces. Commands hold nothing between two calls.

import type { ConfigStore } from '../config/store.ts'
import type { Database } from '../keyspace/database.ts'
import type { Keyspace } from '../keyspace/keyspace.ts'
import type { Random } from '../lib/prng.ts'
import type { Args } from '../protocol/args.ts'
import type { ReplyWriter } from '../protocol/writer.ts'
import type { DebugSwitches } from './debug.ts'
import type { Effects } from './effects.ts'
import type { Session } from './session.ts'
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

/** WATCH and EXEC. */
export interface Transactions {
  watch(session: Session, db: number, key: Buffer): void
  unwatch(session: Session): void
  /** Runs the queued commands and writes the array of their replies. */
  exec(ctx: Context): void
}

/** Connections of the server. */
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

/** DEBUG RELOAD's options. */
export interface ReloadOptions {
  /** Write the snapshot before. */
  readonly save: boolean
  /** Remove all data before. */
  readonly flush: boolean
  /** A key that is there already is replaced, not refused. */
  readonly merge: boolean
}

/** Snapshots on disk. */
export interface Persistence {
  /** SAVE: writes the snapshot before it returns. Throws CommandError. */
  save(): void
  /** BGSAVE: begins a snapshot; the status text to reply. Throws CommandError. */
  bgsave(): string
  /** DEBUG RELOAD: loads the snapshot into the running server, after writing it. Throws CommandError. */
  reload(how: ReloadOptions): void
  /** Unix time in seconds of the last snapshot. */
  lastSaveSeconds(): number
}

/** The replication side of commands. */
export interface ReplicationHost {
  /** REPLICAOF; the status text to reply. */
  replicaOf(host: string, port: number): string
  /** REPLICAOF NO ONE. */
  becomePrimary(): string
  /** Writes the reply of ROLE. */
  role(reply: ReplyWriter): void
  /** DEBUG CHANGE-REPL-ID: the history of writes gets a new ID, and forgets the second one. */
  changeId(): void
  /** REPLCONF of a replica or of our primary. */
  replconf(ctx: Context): void
  /** PSYNC or SYNC: the session becomes a replica's. */
  psync(ctx: Context): void
  /** WAIT: replies at once or blocks the session. */
  wait(ctx: Context, replicas: number, timeoutMs: number): void
  /** Whether this server is a replica. */
  isReplica(): boolean
  /** Whether the link to the primary is up. */
  linkUp(): boolean
  /** Number of replicas whose last acknowledgement is at most `min-replicas-max-lag` old. */
  goodReplicas(): number
}

/** SHUTDOWN's options. */
export interface ShutdownOptions {
  readonly save: boolean | undefined
  readonly now: boolean
  readonly force: boolean
}

/** The server around the commands. */
export interface Host {
  readonly config: ConfigStore
  readonly commands: CommandTable
  readonly pubsub: PubSub
  readonly transactions: Transactions
  readonly clients: Clients
  readonly persistence: Persistence
  readonly replication: ReplicationHost
  readonly debug: DebugSwitches
  readonly random: Random
  /** Unix time in microseconds, for TIME. */
  wallMicros(): bigint
  /** The text of INFO for the sections asked for. */
  info(sections: readonly string[]): string
  /** CONFIG RESETSTAT. */
  resetStats(): void
  /** CONFIG REWRITE. Throws CommandError. */
  rewriteConfig(): void
  shutdown(ctx: Context, options: ShutdownOptions): void
  abortShutdown(): boolean
  /** A line of the log, as a warning. */
  log(message: string): void
  /** DEBUG SLEEP: stops the whole server. */
  sleep(ms: number): void
  /** DEBUG SET-ACTIVE-EXPIRE: whether keys whose time is over are looked for, or only met. */
  setActiveExpire(on: boolean): void
  /** Whether a password is asked for, and whether this one is right. */
  checkPassword(user: string, password: string): 'ok' | 'wrong' | 'unset'
  /** Bytes in use, all parts of the server counted; what connections hold may be as it was 100 ms ago. */
  usedMemoryBytes(): number
}

/** What a command's function is given. One object serves all commands; its fields change from call to call. */
export interface Context {
  readonly args: Args
  readonly reply: ReplyWriter
  readonly keyspace: Keyspace
  readonly session: Session
  readonly effects: Effects
  readonly host: Host
  /** The database that the session has selected. */
  readonly db: Database
  /** Unix time in milliseconds; the same during the whole command. */
  readonly nowMs: number
  /** The command is part of a running transaction: it must not block. */
  readonly inExec: boolean
}
