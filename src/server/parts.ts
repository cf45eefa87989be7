// What the parts of the server process know of each other: narrow views, so that each part can be read alone.

import type { ConnectionOptions } from 'node:tls'
import type { ReplicationHost } from '../commands/context.ts'
import type { ServerOptions } from '../config/server-options.ts'
import type { ConfigStore } from '../config/store.ts'
import type { Engine } from '../engine/engine.ts'
import type { OutputLimit } from '../facade/limits.ts'
import type { ClientRegistry } from '../facade/registry.ts'
import type { Session } from '../facade/session.ts'
import type { Log } from '../io/log.ts'
import type { Dialler } from '../io/tcp.ts'
import type { Keyspace } from '../keyspace/keyspace.ts'
import type { ServerLease } from './lease.ts'
import type { RoleMemory } from './role-memory.ts'

/** Passwords to log in elsewhere with, as they are now: any of them may be right. */
export interface ServerPasswords {
  readonly primary: () => readonly string[]
  readonly sentinels: () => readonly string[]
}

/** What every part of the server is given. */
export interface ServerParts {
  /** The options as they are now: CONFIG SET changes them in place. */
  readonly options: Readonly<ServerOptions>
  readonly config: ConfigStore
  /** Where the configuration was read from, if from a file. */
  readonly configFile: string | undefined
  readonly log: Log
  readonly keyspace: Keyspace
  readonly engine: Engine
  readonly clients: ClientRegistry
  /** 40 hexadecimal digits, new at every start. */
  readonly runId: string
  /** The port that the server listens on. */
  port: number
  /** Unix time in milliseconds. */
  readonly nowMs: () => number
  /** What to connect to servers and sentinels with, undefined for plainly: as `tls-replication` says. */
  readonly secure: () => ConnectionOptions | undefined
  readonly passwords: ServerPasswords
  /** How a primary is connected to. */
  readonly dial: Dialler
  /** What was remembered of the role at the last start, and what is to be at the next. */
  readonly roleMemory: RoleMemory
  /** All data were replaced by those of a primary. */
  readonly dataReplaced: () => void
  /** Ends the process: going on would be worse. */
  readonly panic: (reason: string) => void
}

/** The port that others are told of. */
export const announcedPort = ({ options, port }: ServerParts): number =>
  options['replica-announce-port'] || (options['tls-replication'] && options['tls-port']) || port

/** The part that replicates: to replicas, and from a primary. */
export interface ServerReplication extends ReplicationHost {
  readonly lease: Pick<ServerLease, 'needed' | 'check' | 'beforeReplies'>
  /** Whether anybody follows, or may ask for what was missed. */
  readonly active: boolean
  /** One command as a RESP array in bytes [start, end), to be run in database `db`. */
  feed(db: number, bytes: Uint8Array, start: number, end: number): void
  /** Sends the replicas what was fed and is still held. */
  flush(): void
  /** Takes the role of the configuration: what is asked while a snapshot is being loaded is answered in that role. */
  prepare(): void
  /**
   * What a snapshot says of its place in a history, told once, before any of it is left out: a replica goes on from there, and
   * a primary's replicas do.
   */
  resume(loaded: ReadonlyMap<string, string>): void
  /** A key of the snapshot is left out because its time was over: replicas that have it are told. */
  expiredAtLoad(db: number, key: Buffer): void
  /** Begins to follow the primary of the configuration, if there is one. */
  start(): void
  /** What a snapshot begun now is to say of its place in a history. */
  snapshotFields(): [name: string, value: string][]
  /** Ten times a second. */
  tick(): void
  /** A connection is gone. */
  sessionClosed(session: Session): void
  /** Bytes of the backlog and other buffers, for `used_memory`. */
  readonly heldBytes: number
  /** The fields of INFO's section Replication, in order. */
  facts(): [name: string, value: string | number][]
  /** How many replicas there are, and a line for each that has not acknowledged all of the stream. */
  progress(): { readonly all: number; readonly behind: readonly string[] }
  /** What may wait for a replica that gets the stream. */
  outputLimit(session: Session): OutputLimit
  /** The pause of clients is over: the stream of our primary goes on. */
  unpaused(): void
  /** Asks the replicas to acknowledge now. */
  requestAcknowledgements(): void
  /** Counters for INFO's section Stats, and bytes for its section Memory. */
  readonly counters: ReplicationCounters
  /** CONFIG RESETSTAT: what has been done counts from now on. */
  resetCounters(): void
  stop(): void
}

/** What replication has done since the start or CONFIG RESETSTAT, and what it holds. */
export interface ReplicationCounters {
  readonly fullSyncs: number
  readonly partialSyncs: number
  readonly refusedPartialSyncs: number
  /** Bytes from our primary. */
  readonly inputBytes: number
  /** Bytes to our replicas. */
  readonly outputBytes: number
  readonly backlogBytes: number
  /** Output that waits for replicas, and how much of it their connections hold. */
  readonly replicaBufferBytes: number
  readonly replicaOutputBytes: number
  /** Commands of our primaries that could not be applied. */
  readonly applyErrors: number
}
