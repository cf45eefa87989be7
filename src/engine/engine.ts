// Runs commands: the gate (may this command run now?), the call, and the one place that carries out what it did. All of it
// is synchronous: between the gate and the effects nothing else runs, which is what makes a command atomic.

import type { Context, Host } from '../commands/context.ts'
import { type Argv, Effects, NOTIFY_EXPIRED, NOTIFY_KEYEVENT, NOTIFY_KEYSPACE } from '../commands/effects.ts'
import type { Session } from '../commands/session.ts'
import {
  type Command,
  FLAG_ADMIN,
  FLAG_DENYOOM,
  FLAG_LOADING,
  FLAG_MAY_REPLICATE,
  FLAG_NO_AUTH,
  FLAG_NO_MULTI,
  FLAG_PUBSUB_CONTEXT,
  FLAG_SKIP_MONITOR,
  FLAG_STALE,
  FLAG_TRANSACTION,
  FLAG_WRITE,
} from '../commands/table.ts'
import { CommandError, type ErrorName, errorText } from '../errors.ts'
import { type Database, WrongTypeError } from '../keyspace/database.ts'
import type { Keyspace } from '../keyspace/keyspace.ts'
import { Args } from '../protocol/args.ts'
import { encodeRequest, ReplyWriter } from '../protocol/writer.ts'
import { ArenaFullError } from '../store/arena.ts'

/** Takes what is to be replicated, in order. */
export interface ReplicationFeed {
  /** Whether anybody listens; if not, nothing is encoded. */
  readonly active: boolean
  /** One command as a RESP array in bytes [start, end), to be run in database `db`. */
  feed(db: number, bytes: Uint8Array, start: number, end: number): void
}

/** Conditions of the server that close the gate for some commands; the server keeps them up to date. */
export interface GateConditions {
  loading: boolean
  /** This is a replica, and clients may not write to it. */
  readonlyReplica: boolean
  /** This is a replica whose link is down, and it must not serve stale data. */
  stale: boolean
  /** The last snapshot failed, and writes stop for that. */
  misconfigured: boolean
  /** `maxmemory` in bytes, 0 for no limit. */
  maxmemoryBytes: number
  /** `min-replicas-to-write`, 0 for none. */
  replicasToWriteMin: number
  /** Pause of clients (CLIENT PAUSE): until when, and whether for writes only. */
  pausedUntilMs: number
  pausedWritesOnly: boolean
}

/** The gate with everything open. */
export function openGate(): GateConditions {
  return {
    loading: false,
    readonlyReplica: false,
    stale: false,
    misconfigured: false,
    maxmemoryBytes: 0,
    replicasToWriteMin: 0,
    pausedUntilMs: 0,
    pausedWritesOnly: false,
  }
}

/** Whether a client's write would pass the gate now, for health checks. */
export function mayWrite(gate: GateConditions, replication: Host['replication'], nowMs: number): boolean {
  if (gate.loading || gate.misconfigured || gate.readonlyReplica || replication.isReplica()) return false
  if (gate.replicasToWriteMin !== 0 && replication.goodReplicas() < gate.replicasToWriteMin) return false
  return nowMs >= gate.pausedUntilMs
}

/** What the engine is built from. */
export interface EngineParts {
  readonly keyspace: Keyspace
  readonly host: Host
  readonly gate: GateConditions
  readonly feed: ReplicationFeed
  /** A key that may be watched has changed. */
  readonly onModified: (db: Database, bytes: Uint8Array, start: number, end: number) => void
  readonly onFlushing: (db: Database, replacement: Database | undefined) => void
  /** Sends a command to the sessions in MONITOR mode. */
  readonly onMonitor: (session: Session, args: Args) => void
  /** A monotonic clock in microseconds, for the statistics of commands. */
  readonly clockMicros: () => number
  /** A bug: an exception that no command may throw. */
  readonly onInternalError: (error: unknown, command: string) => void
}

/** One command of so many is timed, and stands for the others: reading the clock costs as much as a GET. */
const TIMED_ONE_OF = 64

/** What a queued argument takes beside its bytes, about. */
const QUEUED_ARGUMENT_BYTES = 100

const EMPTY = Buffer.alloc(0)
const MULTI = Buffer.from('*1\r\n$5\r\nMULTI\r\n')
const EXEC = Buffer.from('*1\r\n$4\r\nEXEC\r\n')

/** How a request ended. `postponed`: the clients are paused; run it again later. */
export type Outcome = 'done' | 'postponed'

/** The command processor of one server. */
export class Engine implements Context {
  readonly keyspace: Keyspace
  readonly host: Host
  readonly effects = new Effects()
  readonly gate: GateConditions
  // The context of the running command; the fields change from call to call.
  args: Args
  reply: ReplyWriter
  session!: Session
  db: Database
  nowMs = 0
  inExec = false

  /** Commands run, errors replied and changes made, for INFO. */
  readonly stats = { commands: 0, errors: 0, changes: 0 }
  /** Number of error replies by code. */
  readonly errorsByCode = new Map<string, number>()
  /** Whether sessions in MONITOR mode exist. */
  monitored = false

  private readonly parts: EngineParts
  private readonly queuedArgs = new Args(EMPTY)
  private execFed = false
  private timer = 0

  constructor(parts: EngineParts) {
    this.parts = parts
    this.keyspace = parts.keyspace
    this.host = parts.host
    this.gate = parts.gate
    this.db = parts.keyspace.databases[0]
    this.args = this.queuedArgs
    this.reply = new ReplyWriter(64)
    parts.keyspace.hooks = {
      expired: (db, key) => {
        this.effects.expired.push({ db: db.index, key })
        this.effects.notify(db.index, NOTIFY_EXPIRED, 'expired', key)
      },
      modified: parts.onModified,
      flushing: parts.onFlushing,
    }
  }

  /** Sets the time of the commands that follow: Unix time in milliseconds. */
  setTime(nowMs: number): void {
    this.nowMs = nowMs
    this.keyspace.setTime(nowMs)
  }

  /** Runs the request in `args` for the session and writes its reply. */
  execute(session: Session, args: Args, reply: ReplyWriter): Outcome {
    // Only what differs is stored: a store of a reference costs more than the test, and these rarely change.
    if (this.session !== session) {
      this.session = session
      this.keyspace.touch = !session.noTouch
    }
    if (this.args !== args) this.args = args
    if (this.reply !== reply) this.reply = reply
    const mark = reply.pos
    reply.resp = session.resp
    if (session.replyMode === 'skip-next') session.replyMode = 'skip'

    const found = this.host.commands.lookup(args.buffer, args.start(0), args.end(0))
    const command = found?.subcommands === undefined ? found : this.subcommand(found)
    const refusal = command === undefined ? this.unknown(found) : this.refuse(session, command)
    if (refusal === POSTPONE) return 'postponed'
    if (refusal !== undefined) this.reject(session, command, refusal)
    else if (session.transaction !== undefined && (command!.flags & FLAG_TRANSACTION) === 0)
      this.enqueue(session, command!)
    else this.call(session, command!)

    if (session.replyMode !== 'on') this.suppress(session, mark)
    return 'done'
  }

  /** Runs a command of a transaction; for `Transactions.exec`. */
  executeQueued(argv: readonly Buffer[]): void {
    const outer = this.args
    this.queuedArgs.load(argv)
    this.args = this.queuedArgs
    const found = this.host.commands.lookup(argv[0], 0, argv[0].length)!
    const command = found.subcommands === undefined ? found : this.subcommand(found)!
    this.call(this.session, command)
    this.args = outer
  }

  /** Brackets the commands of a transaction, so that they are replicated as one. */
  transaction(run: () => void): void {
    this.inExec = true
    this.execFed = false
    try {
      run()
    } finally {
      this.inExec = false
      if (this.execFed) this.parts.feed.feed(this.db.index, EXEC, 0, EXEC.length)
      this.execFed = false
      // What the commands did is carried out; EXEC itself did nothing.
      this.effects.reset()
    }
  }

  /** Runs work of the server itself that changes the keyspace, such as expiring keys, and carries out its effects. */
  runInternal(work: () => void): void {
    this.effects.reset()
    work()
    this.carryOut(this.db.index, undefined)
  }

  // ---- the gate ----

  private subcommand(container: Command): Command | undefined {
    return this.args.count < 2 ? container : container.subcommands!.get(this.args.latin1(1).toLowerCase())
  }

  private unknown(container: Command | undefined): string {
    const { args } = this
    if (container !== undefined) {
      return errorText('unknownSubcommand', excerpt(args.bytes(1), 128), container.spec.name.toUpperCase())
    }
    let shown = ''
    for (let i = 1; i < args.count && shown.length < 128; i++)
      shown += `'${excerpt(args.bytes(i), 128 - shown.length)}' `
    return errorText('unknownCommand', excerpt(args.bytes(0), 128), shown)
  }

  private refuse(session: Session, command: Command): string | undefined {
    const { args } = this
    const { arity } = command
    if (arity > 0 ? args.count !== arity : args.count < -arity) return errorText('arity', command.fullName)
    if (command.run === undefined) return errorText('arity', command.fullName)
    if (!session.authenticated && (command.flags & FLAG_NO_AUTH) === 0) return errorText('noAuth')
    if (session.transaction !== undefined && (command.flags & FLAG_NO_MULTI) !== 0) return errorText('notInMulti')
    const flags = this.flagsOf(session, command)
    const refusal = this.refuseByCondition(session, flags)
    if (refusal !== undefined) return refusal
    if (session.resp === 2 && session.subscriptions > 0 && (command.flags & FLAG_PUBSUB_CONTEXT) === 0) {
      return errorText('pubsubContext', command.fullName)
    }
    if (this.gate.pausedUntilMs !== 0 && this.isPaused(session, flags)) return POSTPONE
    return undefined
  }

  /** The command's flags; those of EXEC include what is queued. */
  private flagsOf(session: Session, command: Command): number {
    if (session.transaction === undefined || command.spec.name !== 'exec') return command.flags
    return command.flags | session.transaction.flags
  }

  private refuseByCondition(session: Session, flags: number): string | undefined {
    const { gate } = this
    if (session.isPrimary) return undefined
    if (gate.maxmemoryBytes !== 0 && takesMemory(session, flags)) {
      if (this.host.usedMemoryBytes() > gate.maxmemoryBytes) return errorText('oom')
    }
    if ((flags & FLAG_WRITE) !== 0) {
      if (gate.misconfigured) return errorText('misconf')
      if (gate.readonlyReplica) return errorText('readonly')
      if (gate.replicasToWriteMin !== 0 && this.host.replication.goodReplicas() < gate.replicasToWriteMin) {
        return errorText('noReplicas')
      }
    }
    if (gate.stale && (flags & FLAG_STALE) === 0) return errorText('masterDown')
    if (gate.loading && (flags & FLAG_LOADING) === 0) return errorText('loading')
    return undefined
  }

  private isPaused(session: Session, flags: number): boolean {
    const { gate } = this
    if (this.nowMs >= gate.pausedUntilMs) {
      this.keyspace.paused = false
      return false
    }
    if (session.isReplica || session.isPrimary) return false
    return !gate.pausedWritesOnly || (flags & (FLAG_WRITE | FLAG_MAY_REPLICATE)) !== 0
  }

  private reject(session: Session, command: Command | undefined, error: string): void {
    if (command !== undefined) command.rejected++
    if (command?.spec.name !== 'exec') {
      if (session.transaction !== undefined) session.transaction.aborted = true
      return this.replyError(error)
    }
    session.transaction = undefined
    this.host.transactions.unwatch(session)
    this.replyError(`EXECABORT Transaction discarded because of: ${error.replace(/^-?ERR /, '')}`)
  }

  private enqueue(session: Session, command: Command): void {
    const transaction = session.transaction!
    const argv = this.args.copyAll()
    transaction.queue.push(argv)
    transaction.bytes += argvBytes(argv)
    transaction.flags |= command.flags
    // As in Redis what is queued counts as input that is not yet dealt with.
    if (transaction.bytes > this.host.config.values['client-query-buffer-limit'] && !session.isPrimary) {
      return session.link.close()
    }
    this.reply.simple('QUEUED')
  }

  // ---- the call ----

  private call(session: Session, command: Command): void {
    const { effects, reply, args } = this
    const mark = reply.pos
    effects.reset()
    if (session.lastCommand !== command.fullName) session.lastCommand = command.fullName
    if (this.db.index !== session.db) this.db = this.keyspace.databases[session.db]
    const timed = (++this.timer & (TIMED_ONE_OF - 1)) === 0
    const startMicros = timed ? this.parts.clockMicros() : 0
    try {
      command.run!(this)
    } catch (error) {
      reply.rewind(mark)
      command.failed++
      this.replyError(this.errorReply(error, command))
    }
    if (timed) command.micros += (this.parts.clockMicros() - startMicros) * TIMED_ONE_OF
    command.calls++
    this.stats.commands++
    if (this.monitored && (command.flags & (FLAG_SKIP_MONITOR | FLAG_ADMIN)) === 0) this.parts.onMonitor(session, args)
    this.carryOut(this.db.index, args)
  }

  private errorReply(error: unknown, command: Command): string {
    if (error instanceof CommandError) return error.reply
    if (error instanceof WrongTypeError) return errorText('wrongType')
    if (error instanceof ArenaFullError) return errorText('storeFull')
    this.parts.onInternalError(error, command.fullName)
    return errorText('internal')
  }

  private replyError(text: string): void {
    this.stats.errors++
    const code = text.slice(0, text.indexOf(' ') < 0 ? text.length : text.indexOf(' '))
    this.errorsByCode.set(code, (this.errorsByCode.get(code) ?? 0) + 1)
    this.reply.error(text)
  }

  private suppress(session: Session, mark: number): void {
    if (session.replyMode === 'skip-next') return
    this.reply.rewind(mark)
    if (session.replyMode === 'skip') session.replyMode = 'on'
  }

  // ---- the effects ----

  private carryOut(db: number, args: Args | undefined): void {
    const { effects } = this
    if (effects.dirty === 0 && effects.rewritten === undefined && effects.expired.length === 0) {
      if (effects.events.length !== 0) this.publishEvents()
      return
    }
    this.stats.changes += effects.dirty
    if (this.parts.feed.active && !this.session?.isPrimary) this.replicate(db, args)
    if (effects.events.length !== 0) this.publishEvents()
  }

  private replicate(db: number, args: Args | undefined): void {
    const { effects } = this
    const { feed } = this.parts
    const asSent = effects.rewritten === undefined && effects.dirty > 0 && args !== undefined
    const count = effects.expired.length + (asSent ? 1 : (effects.rewritten?.length ?? 0))
    if (count === 0) return
    const bracket = this.inExec ? !this.execFed : count > 1
    if (bracket) feed.feed(db, MULTI, 0, MULTI.length)
    if (this.inExec) this.execFed = true
    for (const { db: at, key } of effects.expired) this.feedArgv(at, ['DEL', key])
    if (asSent) this.feedAsSent(db, args)
    else for (const argv of effects.rewritten ?? []) this.feedArgv(db, argv)
    if (bracket && !this.inExec) feed.feed(db, EXEC, 0, EXEC.length)
  }

  private feedAsSent(db: number, args: Args): void {
    if (args.rawLength !== 0) this.parts.feed.feed(db, args.buffer, args.base, args.base + args.rawLength)
    else this.feedArgv(db, args.copyAll())
  }

  private feedArgv(db: number, argv: Argv): void {
    const bytes = encodeRequest(argv)
    this.parts.feed.feed(db, bytes, 0, bytes.length)
  }

  private publishEvents(): void {
    const { effects } = this
    const { pubsub } = this.host
    for (const { db, event, key } of effects.events) {
      if ((effects.notifyMask & NOTIFY_KEYSPACE) !== 0) {
        pubsub.publish(Buffer.concat([Buffer.from(`__keyspace@${db}__:`), key]), Buffer.from(event))
      }
      if ((effects.notifyMask & NOTIFY_KEYEVENT) !== 0) {
        pubsub.publish(Buffer.from(`__keyevent@${db}__:${event}`), key)
      }
    }
    effects.events.length = 0
  }
}

/** Not an error: the answer of the gate while clients are paused. */
const POSTPONE = 'postpone'

/** Whether a command may need more memory: by what it does, or by being queued. */
function takesMemory(session: Session, flags: number): boolean {
  return (flags & FLAG_DENYOOM) !== 0 || (session.transaction !== undefined && (flags & FLAG_TRANSACTION) === 0)
}

/** The beginning of an argument as errors quote it: text, of at most so many bytes, that ends before a zero byte as in C. */
function excerpt(bytes: Uint8Array, bytesMax: number): string {
  const zero = bytes.indexOf(0)
  return Buffer.from(bytes.subarray(0, Math.min(bytesMax, zero < 0 ? bytes.length : zero))).toString()
}

/** Bytes of memory that a copy of a request takes, about. */
export function argvBytes(argv: readonly Buffer[]): number {
  return argv.reduce((sum, arg) => sum + arg.length + QUEUED_ARGUMENT_BYTES, 0)
}

/** The error `name` as a whole reply, for what is refused outside a command. */
export function errorReply(name: ErrorName, ...values: (string | number)[]): Buffer {
  return Buffer.from(`-${errorText(name, ...values)}\r\n`)
}
