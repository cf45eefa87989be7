// What a command of the server is given: what the facade gives every command, the data, the place for its effects, and the
// server around it as a set of narrow interfaces. Commands hold nothing between two calls.

import type { ListeningPlace } from '../config/server-options.ts'
import type { ConfigStore } from '../config/store.ts'
import type { Call, FrontHost } from '../facade/call.ts'
import type { Session } from '../facade/session.ts'
import type { Command } from '../facade/table.ts'
import type { Database } from '../keyspace/database.ts'
import type { Keyspace } from '../keyspace/keyspace.ts'
import type { Random } from '../lib/prng.ts'
import type { Args } from '../protocol/args.ts'
import type { ReplyWriter } from '../protocol/writer.ts'
import type { DebugSwitches } from './debug-switches.ts'
import type { Effects } from './effects.ts'
import type { LatencyEvents, MemoryFacts, SlowCommands } from './observed.ts'

/** WATCH and EXEC. */
export interface Transactions {
  watch(session: Session, db: number, key: Buffer): void
  unwatch(session: Session): void
  /** Runs the queued commands and writes the array of their replies. */
  exec(ctx: Context): void
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
  /** BGSAVE: begins a snapshot, or with SCHEDULE does so once the log is rewritten; the status text to reply. Throws CommandError. */
  bgsave(schedule: boolean): string
  /** DEBUG RELOAD: loads the snapshot into the running server, after writing it. Throws CommandError. */
  reload(how: ReloadOptions): void
  /** Unix time in seconds of the last snapshot. */
  lastSaveSeconds(): number
  /** All data were removed on purpose: with save points, the snapshot on disk is to say so soon. */
  flushed(): void
}

/** The append-only log. */
export interface LogRewriting {
  /** BGREWRITEAOF: begins to write the log anew; the status text to reply. Throws CommandError. */
  rewriteLog(): string
  /** DEBUG LOADAOF: removes all data and loads the log. Throws CommandError. */
  loadLog(): void
}

/** The replication side of commands. */
export interface ReplicationHost {
  /** REPLICAOF; the status text to reply. */
  replicaOf(host: string, port: number): string
  /** REPLICAOF NO ONE, by this session; by none: the server does it by itself. */
  becomePrimary(session?: Session): string
  /** FAILOVER: hands the role of the primary to a replica; `abort` ends that. */
  failover(order: FailoverOrder | 'abort'): void
  /** Writes the reply of ROLE. */
  role(reply: ReplyWriter): void
  /** DEBUG CHANGE-REPL-ID: the history of writes gets a new ID, and forgets the second one. */
  changeId(): void
  /** REPLCONF of a replica or of our primary. */
  replconf(ctx: Context): void
  /** PSYNC or SYNC: the session becomes a replica's. */
  psync(ctx: Context): void
  /**
   * A replica that gets the stream sent what it may not send: its link is closed, since any reply would be taken for a part
   * of the stream. Nothing was run. `command` is undefined for an unknown one.
   */
  strayCommand(session: Session, command: string | undefined): void
  /** WAIT: replies at once or blocks the session. */
  wait(ctx: Context, replicas: number, timeoutMs: number): void
  /** Whether this server is a replica. */
  isReplica(): boolean
  /** Whether the link to the primary is up. */
  linkUp(): boolean
  /** Number of replicas whose last acknowledgement is at most `min-replicas-max-lag` old. */
  goodReplicas(): number
}

/** FAILOVER, as it was asked for. */
export interface FailoverOrder {
  /** The replica to hand over to; undefined: the first that has everything. */
  readonly target: { readonly host: string; readonly port: number } | undefined
  /** When time is up the target takes over, whatever it has. */
  readonly force: boolean
  /** How long a replica may take to have everything; 0: for ever. */
  readonly timeoutMs: number
}

/** MIGRATE, as it was asked for. */
export interface MigrateOrder {
  readonly host: string
  readonly port: number
  /** The database there. */
  readonly db: number
  /** For each answer of the other server. */
  readonly timeoutMs: number
  /** The keys stay here, too. */
  readonly copy: boolean
  /** Keys that are there already are replaced. */
  readonly replace: boolean
  /** What AUTH is to be given there; nothing: no AUTH. */
  readonly auth: readonly Buffer[]
  /** Keys that exist. */
  readonly keys: readonly Buffer[]
}

/** A script as it was asked for: by its source, or by the SHA-1 of a source that is known. */
export type ScriptSource = { readonly source: Buffer } | { readonly sha: string }

/** A function of a library. */
export interface FunctionFacts {
  readonly name: string
  readonly description: Buffer | undefined
  readonly flags: readonly string[]
}

/** A library of functions. */
export interface LibraryFacts {
  readonly name: string
  /** The source, its first line included. */
  readonly code: Buffer
  readonly functions: readonly FunctionFacts[]
}

/** What becomes of the libraries that are there when others are restored. */
export type RestorePolicy = 'flush' | 'append' | 'replace'

/** The libraries of functions. What fails throws CommandError and changes nothing. */
export interface Libraries {
  /** Takes a library in; its name. `patient`: its code may take as long as it likes, as when it comes from the primary or a file. */
  load(code: Buffer, how: { readonly replace: boolean; readonly patient: boolean }): string
  /** Whether there is a function of this name. */
  has(name: string): boolean
  remove(name: string): void
  restore(codes: readonly Buffer[], policy: RestorePolicy, patient: boolean): void
  flush(): void
  list(): Iterable<LibraryFacts>
  counts(): { readonly libraries: number; readonly functions: number; readonly bytes: number }
}

/** A script or function that keeps the server busy. */
export interface BusyCall {
  /** That of the function, or the SHA-1 of the script. */
  readonly name: string
  readonly isFunction: boolean
  readonly argv: readonly Buffer[]
  readonly ms: number
}

/** What there is to know of scripts, for INFO and metrics. */
export interface ScriptFacts {
  readonly cached: number
  /** Bytes of the cached sources, of what Lua uses, and of what its machine has taken. */
  readonly sourceBytes: number
  readonly usedBytes: number
  readonly takenBytes: number
  /** The same of functions, and how many there are. */
  readonly functionUsedBytes: number
  readonly functionTakenBytes: number
  readonly libraryBytes: number
  readonly libraries: number
  readonly functions: number
  /** A script runs now that has given way. */
  readonly running: boolean
  readonly calls: number
  readonly errors: number
  readonly killed: number
}

/** EVAL, SCRIPT, FCALL and FUNCTION. */
export interface Scripts {
  readonly libraries: Libraries
  /** The same as `evaluate` for a function. */
  callFunction(ctx: Context, name: string, keys: number, readOnly: boolean): void
  /** The flags of a command that runs a script or function, by what that says of itself. */
  flagsOf(command: Command<Context>, args: Args): number
  /** What keeps the server busy. */
  busyCall(): BusyCall | undefined
  /** Runs a script and writes what it returns, or makes the session wait for that. Throws CommandError. */
  evaluate(ctx: Context, script: ScriptSource, keys: number, readOnly: boolean): void
  /** Makes a script known; its SHA-1. Throws CommandError. */
  load(source: Buffer): string
  exists(sha: string): boolean
  flush(): void
  /** Ends the script, or function, that keeps the server busy. Throws CommandError. */
  kill(what: 'script' | 'function'): void
  /** The same when the server is to end: false if none is, or if it has written, and so cannot be ended. */
  endHarmless(): boolean
  /** Whether a script keeps the server busy. */
  busy(): boolean
  facts(): ScriptFacts
}

/** SHUTDOWN's options. */
export interface ShutdownOptions {
  readonly save: boolean | undefined
  readonly now: boolean
  readonly force: boolean
}

/** The server around the commands. */
export interface Host extends FrontHost {
  readonly config: ConfigStore
  readonly transactions: Transactions
  readonly persistence: Persistence
  readonly appendOnly: LogRewriting
  readonly replication: ReplicationHost
  readonly scripts: Scripts
  readonly debug: DebugSwitches
  readonly slowlog: SlowCommands
  readonly latency: LatencyEvents
  /** Bytes of memory, by what they are for. */
  memory(): MemoryFacts
  /** MEMORY PURGE. */
  purgeMemory(): void
  readonly random: Random
  /** Unix time in microseconds, for TIME. */
  wallMicros(): bigint
  /** The text of INFO for the sections asked for. */
  info(sections: readonly string[]): string
  /** CONFIG RESETSTAT. */
  resetStats(): void
  /**
   * CONFIG SET port, tls-port and bind: listens there instead, and applies the settings; if either cannot be, everything stays as it was.
   * `done` gets the error reply, or undefined.
   */
  listenAnew(place: ListeningPlace, apply: () => string | undefined, done: (error: string | undefined) => void): void
  /** CONFIG REWRITE; `all`: also what is at its default. Throws CommandError. */
  rewriteConfig(all?: boolean): void
  /** MIGRATE: moves keys of database `db` elsewhere; the session waits for the outcome. */
  migrate(session: Session, db: number, order: MigrateOrder): void
  shutdown(ctx: Context, options: ShutdownOptions): void
  abortShutdown(): boolean
  /** Whether a snapshot is being loaded. */
  loading(): boolean
  /** A line of the log, as a warning. */
  log(message: string): void
  /** DEBUG SEGFAULT: ends the process as a crash would. */
  crash(): void
  /** DEBUG SLEEP: stops the whole server. */
  sleep(ms: number): void
  /** DEBUG SET-ACTIVE-EXPIRE: whether keys whose time is over are looked for, or only met. */
  setActiveExpire(on: boolean): void
  /** Bytes in use, all parts of the server counted; what connections hold may be as it was 100 ms ago. */
  usedMemoryBytes(): number
  /** What of it `maxmemory` limits: all but what waits for replicas. Over the limit it is measured anew, if that is long ago. */
  limitedMemoryBytes(): number
}

/** Why somebody does not wait any more. */
export type WaitError = 'unblocked' | 'forcedUnblock' | 'streamGone' | 'groupGone'

/** What a command waits for that found nothing to do. */
export interface KeyWait {
  /** Copies: they are kept. */
  readonly keys: readonly Buffer[]
  /** The type of value that has to be there. */
  readonly type: number
  /** Unix time in milliseconds, 0 for never. */
  readonly timeoutAtMs: number
  /** The command to run once there is such a value in one of the keys; it may find that it has to wait on (`waitForKeys`). */
  retry(key: Buffer): readonly Uint8Array[]
  /** Asked whenever one of the keys has changed (`h`: its entry now, 0 for none): the error that ends the waiting. */
  refuse?(db: Database, h: number): WaitError | undefined
}

/** What a command's function is given. One object serves all commands; its fields change from call to call. */
export interface Context extends Call {
  readonly keyspace: Keyspace
  readonly effects: Effects
  readonly host: Host
  /** The database that the session has selected. */
  readonly db: Database
  /** The command is part of a running transaction: it must not block. */
  readonly inExec: boolean
  /** The command is called by a script or function. */
  readonly inScript: boolean
  /**
   * Makes the session wait for keys: a null array is the reply if the time runs out. False if it must not wait; the command
   * replies then.
   */
  waitForKeys(wait: KeyWait): boolean
}
