// Runs commands: the gate (may this command run now?), the call, and the one place that carries out what it did. All of it
// is synchronous: between the gate and the effects nothing else runs, which is what makes a command atomic.

import type { Context, Host, KeyWait, WaitError } from '../commands/context.ts'
import { type Argv, Effects, NOTIFY_EXPIRED } from '../commands/effects.ts'
import { errorText } from '../errors.ts'
import { DENIALS } from '../facade/access.ts'
import { type Pause, Processor } from '../facade/processor.ts'
import { type Blocked, queuedBytes, type Session } from '../facade/session.ts'
import {
  type Command,
  type CommandTable,
  FLAG_ADMIN,
  FLAG_ALLOW_BUSY,
  FLAG_DENYOOM,
  FLAG_FROM_REPLICA,
  FLAG_LOADING,
  FLAG_MAY_REPLICATE,
  FLAG_NO_MULTI,
  FLAG_NO_SCRIPT,
  FLAG_ONE_BY_ONE,
  FLAG_READONLY,
  FLAG_RUNS_SCRIPT,
  FLAG_SKIP_MONITOR,
  FLAG_STALE,
  FLAG_TRANSACTION,
  FLAG_WRITE,
  fitsArity,
} from '../facade/table.ts'
import { type Database, WrongTypeError } from '../keyspace/database.ts'
import type { Keyspace } from '../keyspace/keyspace.ts'
import { Args } from '../protocol/args.ts'
import type { Scanned } from '../protocol/scanned.ts'
import { encodeRequest, ReplyWriter } from '../protocol/writer.ts'
import { ArenaFullError } from '../store/arena.ts'
import { TYPE_MASK } from '../store/entry.ts'
import { Bracket, type ChangeFeed, EXEC, MULTI } from './change-feed.ts'
import { Eviction, type Room } from './eviction.ts'
import type { GateConditions } from './gate.ts'
import { publishEvents } from './key-events.ts'
import { KeyWaits, type ReadyKey, type Waiter } from './key-waits.ts'
import type { ScriptRun } from './script-run.ts'
import type { ClientTracking } from './tracking.ts'

/** What the engine is built from. */
export interface EngineParts {
  readonly keyspace: Keyspace
  readonly commands: CommandTable<Context>
  readonly host: Host
  readonly gate: GateConditions
  readonly feed: ChangeFeed
  readonly tracking: ClientTracking
  /** A key that may be watched has changed. */
  readonly onModified: (db: Database, bytes: Uint8Array, start: number, end: number) => void
  readonly onFlushing: (db: Database, replacement: Database | undefined) => void
  /** Sends a command to the sessions in MONITOR mode. */
  readonly onMonitor: (session: Session, args: Args) => void
  /** A client has changed something on a replica that clients may write to. */
  readonly onReplicaWrite: (command: Command, args: Args, db: number) => void
  /** The time has jumped: for so long nothing ran, or the clock was set. Told before anything that came meanwhile is run. */
  readonly onStall: (ms: number) => void
  /** Brings `gate.leaseLost` and what belongs to it up to date; only while `gate.leased` is set. */
  readonly checkLease: () => void
  /** Eviction is to go on between commands. */
  readonly evictLater: () => void
  /** A monotonic clock in microseconds, for the statistics of commands. */
  readonly clockMicros: () => number
  /** A command was timed, and stands for `stride` calls. Returns for how many calls the next timed one of it is to stand. */
  readonly onTimed: (command: Command<Context>, session: Session, args: Args, micros: number, stride: number) => number
}

/** The time is set ten times a second at least; a jump of more than this is a stall. */
const STALL_MS = 1000

/** Flags that let a command pass the gate. */
const PERMISSIONS = FLAG_STALE | FLAG_LOADING

const EMPTY = Buffer.alloc(0)

/** The command processor of one server. */
export class Engine extends Processor<Context> implements Context {
  readonly keyspace: Keyspace
  readonly host: Host
  readonly effects = new Effects(() => this.parts.feed.active)
  readonly gate: GateConditions
  readonly eviction: Eviction
  db: Database
  readonly ahead: Keyspace['ahead']
  protected readonly table: CommandTable<Context>
  protected readonly pause: Pause
  /** Commands run, errors replied and changes made, for INFO. */
  override readonly stats = { commands: 0, errors: 0, changes: 0 }

  private readonly parts: EngineParts
  private readonly tracking: ClientTracking
  private readonly queuedArgs = new Args(EMPTY)
  /** Those who wait for keys. */
  private readonly waits: KeyWaits
  private readonly retriedArgs = new Args(EMPTY)
  /** A command of somebody who waits is run again; `still`: it has to wait on. */
  private retrying: 'no' | 'yes' | 'still' = 'no'
  /** The script that is running, while it is. */
  private script: ScriptRun | undefined
  /** Called once the script that has given way is over. */
  private afterScript: (() => void)[] = []
  private readonly bracket: Bracket

  constructor(parts: EngineParts) {
    super()
    this.parts = parts
    this.bracket = new Bracket(parts.feed)
    this.keyspace = parts.keyspace
    this.ahead = parts.keyspace.ahead
    this.host = parts.host
    this.table = parts.commands
    this.gate = parts.gate
    this.pause = parts.gate
    this.db = parts.keyspace.databases[0]
    this.tracking = parts.tracking
    this.waits = new KeyWaits((on) => parts.keyspace.setWatching('waits', on))
    this.eviction = new Eviction({
      keyspace: parts.keyspace,
      host: parts.host,
      effects: this.effects,
      tracking: parts.tracking,
      gate: parts.gate,
      run: (work) => this.runInternal(work),
      clockMicros: parts.clockMicros,
      later: parts.evictLater,
    })
    parts.keyspace.hooks = {
      expired: (db, key) => {
        this.effects.dropped.push({ db: db.index, key })
        this.effects.notify(db.index, NOTIFY_EXPIRED, 'expired', key)
        if (this.tracking.on) this.tracking.expired(key)
      },
      modified: (db, bytes, start, end, beside) => {
        this.waits.modified(db.index, bytes, start, end)
        if (beside) return
        parts.onModified(db, bytes, start, end)
        if (this.tracking.on) this.tracking.modified(bytes, start, end)
      },
      flushing: (db, replacement) => {
        parts.onFlushing(db, replacement)
        this.waits.exchanged(db.index)
        if (this.tracking.on) this.tracking.flushing()
      },
    }
  }

  /** Sets the time of the commands that follow: Unix time in milliseconds. */
  override setTime(nowMs: number): void {
    if (nowMs - this.nowMs > STALL_MS) this.parts.onStall(nowMs - this.nowMs)
    this.nowMs = nowMs
    this.keyspace.setTime(nowMs)
    if (this.gate.leased) this.parts.checkLease()
  }

  override entered(session: Session): void {
    this.keyspace.touch = !session.noTouch
  }

  protected override pauseEnded(): void {
    this.keyspace.paused = this.gate.writesHeld || this.gate.leaseLost
  }

  protected override strays(session: Session, command: Command<Context> | undefined): boolean {
    if (command !== undefined && (command.flags & FLAG_FROM_REPLICA) !== 0) return false
    this.host.replication.strayCommand(session, command?.fullName)
    return true
  }

  override lookAhead(scanned: Scanned, count: number, session: Session): void {
    scanned.firstArguments(this.ahead.starts, this.ahead.ends)
    this.keyspace.lookAhead(scanned.args.buffer, count, session.db)
  }

  /** Runs a command of a transaction; for `Transactions.exec`. */
  executeQueued(argv: readonly Buffer[]): void {
    const outer = this.args
    this.queuedArgs.load(argv)
    this.args = this.queuedArgs
    const found = this.table.lookup(argv[0], 0, argv[0].length)!
    const command = found.subcommands === undefined ? found : this.subcommand(found)!
    if (this.mayStill(command)) {
      this.perform(this.session, command)
      if (this.tracking.on) this.tracking.read(this.session, command, this.args)
    }
    this.args = outer
  }

  /** Rights may have changed since the command was queued. */
  private mayStill(command: Command<Context>): boolean {
    const { session } = this
    const denial = session.user.isFree ? undefined : this.judge(session, command, 'multi')
    if (denial === undefined) return true
    this.replyError(errorText('noPermissionAnyMore', DENIALS[denial.what].inExec))
    return false
  }

  get inExec(): boolean {
    return this.bracket.open
  }

  get inScript(): boolean {
    return this.script !== undefined
  }

  /** Brackets the commands of a transaction, so that they are replicated as one. */
  transaction(run: () => void): void {
    this.bracket.begin()
    try {
      run()
    } finally {
      this.bracket.end(this.db.index)
      // What the commands did is carried out; EXEC itself did nothing.
      this.effects.reset()
    }
  }

  /** Runs work of the server itself that changes a database, or expires keys of any, and carries out its effects. */
  runInternal(work: () => void, db = this.db.index): void {
    this.effects.reset()
    work()
    this.carryOut(db, undefined, false)
    if (this.waits.anyReady) this.serveWaiting()
  }

  /** Lets `run` execute commands of other sessions in the middle of one, which then goes on as if nothing had been. */
  aside(run: () => void): void {
    const { args, reply, out, session, db } = this
    try {
      run()
    } finally {
      // What those did is carried out, and no effect of the one that goes on.
      this.effects.reset()
      this.args = args
      this.reply = reply
      this.out = out
      this.session = session
      this.db = db
      if (session !== undefined) this.entered(session)
    }
  }

  // ---- the gate ----

  protected override forbidden(session: Session, command: Command<Context>): string | undefined {
    if (this.gate.busy !== undefined && (command.flags & FLAG_ALLOW_BUSY) === 0) return this.gate.busy
    if (session.transaction !== undefined && (command.flags & FLAG_NO_MULTI) !== 0) return errorText('notInMulti')
    return this.refuseByCondition(session, this.flagsOf(session, command)) ?? this.refusePing(session, command)
  }

  /** Who asks whether the server is well hears that it is not when it cannot save: a sentinel then takes it for down. */
  private refusePing(session: Session, { spec }: Command<Context>): string | undefined {
    const { misconfigured, logProblem } = this.gate
    if ((!misconfigured && logProblem === undefined) || spec.name !== 'ping' || session.isPrimary) return undefined
    return this.diskProblem()
  }

  /** Why nothing can be written to the disk. */
  private diskProblem(): string | undefined {
    const { misconfigured, logProblem } = this.gate
    if (misconfigured) return errorText('misconf')
    return logProblem === undefined ? undefined : errorText('logMisconf', logProblem)
  }

  /** The command's flags; those of a script that says what it does are its own, and those of EXEC include what is queued, and permissions only if all that is queued has them. */
  protected override flagsOf(session: Session, command: Command<Context>): number {
    if ((command.flags & FLAG_RUNS_SCRIPT) !== 0) return this.host.scripts.flagsOf(command, this.args)
    const { transaction } = session
    if (transaction === undefined || command.spec.name !== 'exec') return command.flags
    return (command.flags | transaction.flags) & ~(PERMISSIONS & ~transaction.commonFlags)
  }

  /** Why a command of these flags may not run now, or a script that says as much of itself. */
  refuseByCondition(session: Session, flags: number): string | undefined {
    const { gate } = this
    if (session.isPrimary) return undefined
    // What reads leave to send counts, too: each command makes room, and those that may take memory are refused if there is none.
    if (gate.maxmemoryBytes !== 0 && this.room() === 'none' && takesMemory(session, flags)) return errorText('oom')
    if ((flags & FLAG_WRITE) !== 0) {
      const problem = this.diskProblem()
      if (problem !== undefined) return problem
      if (gate.readonlyReplica) return errorText('readonly')
      if (gate.leaseLost) return errorText('leaseLost')
      if (gate.copiesMissing) return errorText('noReplicas')
      if (gate.undecidedGroup !== undefined) return errorText('undecided', gate.undecidedGroup)
      if (gate.replicasToWriteMin !== 0 && this.host.replication.goodReplicas() < gate.replicasToWriteMin) {
        return errorText('noReplicas')
      }
    }
    if (gate.stale && (flags & FLAG_STALE) === 0) return errorText('masterDown')
    if (gate.loading && (flags & FLAG_LOADING) === 0) return errorText('loading')
    return undefined
  }

  /** Whether there is room, after eviction. A script must find what it has written, so that nothing is evicted meanwhile. */
  private room(): Room {
    return this.script === undefined && this.gate.busy === undefined ? this.eviction.makeRoom() : this.eviction.room
  }

  protected override reject(session: Session, command: Command<Context> | undefined, error: string): void {
    if (command !== undefined) {
      command.rejected++
      this.tracking.forgetCaching(session, command)
    }
    if (command?.spec.name !== 'exec') {
      if (session.transaction !== undefined) session.transaction.aborted = true
      return this.replyError(error)
    }
    session.transaction = undefined
    this.host.transactions.unwatch(session)
    this.replyError(errorText('execRefused', error.replace(/^-?ERR /, '')))
  }

  private enqueue(session: Session, command: Command<Context>): void {
    const transaction = session.transaction!
    const argv = this.args.copyAll()
    transaction.queue.push(argv)
    transaction.bytes += queuedBytes(argv)
    const flags = this.flagsOf(session, command)
    transaction.flags |= flags
    transaction.commonFlags &= flags
    // As in Redis what is queued counts as input that is not yet dealt with.
    if (transaction.bytes > this.host.config.values['client-query-buffer-limit'] && !session.isPrimary) {
      return session.outlet.close()
    }
    this.reply.simple('QUEUED')
  }

  // ---- the call ----

  protected override call(session: Session, command: Command<Context>): void {
    const { tracking } = this
    if (tracking.on) tracking.begin(session)
    if (session.transaction !== undefined && (command.flags & FLAG_TRANSACTION) === 0) this.enqueue(session, command)
    else {
      this.perform(session, command)
      if (tracking.on) tracking.read(session, command, this.args)
    }
    if (tracking.on) tracking.end(session, command)
  }

  private perform(session: Session, command: Command<Context>): void {
    const { effects, reply, args } = this
    const mark = reply.pos
    effects.reset()
    if (session.lastCommand !== command.fullName) session.lastCommand = command.fullName
    if (this.db.index !== session.db) this.db = this.keyspace.databases[session.db]
    const timed = --command.untimed < 0
    const startMicros = timed ? this.parts.clockMicros() : 0
    try {
      command.run!(this)
    } catch (error) {
      reply.rewind(mark)
      command.failed++
      this.replyError(this.errorOf(error, command.fullName))
    }
    command.calls++
    // What waits is timed when it is served.
    if (timed && session.blocked === undefined)
      this.timed(session, command, args, this.parts.clockMicros() - startMicros)
    if ((command.flags & FLAG_READONLY) !== 0 && !command.doesLittle) this.countLarge(command, mark)
    this.stats.commands++
    if (this.monitored && (command.flags & (FLAG_SKIP_MONITOR | FLAG_ADMIN)) === 0) this.parts.onMonitor(session, args)
    if (this.gate.writableReplica && effects.dirty !== 0 && !session.isPrimary) {
      this.parts.onReplicaWrite(command, args, this.db.index)
    }
    this.carryOut(this.db.index, args, (command.flags & FLAG_ONE_BY_ONE) === 0)
    if (this.waits.anyReady && !this.inExec && this.script === undefined) this.serveWaiting()
  }

  /** Counts the call if it went over many elements: the reply, which begins at `mark`, says how many, or the command does. */
  private countLarge(command: Command<Context>, mark: number): void {
    const limit = this.host.config.values['large-command-elements']
    if (limit === 0) return
    if (Math.max(this.effects.visited, this.reply.elementsAt(mark)) >= limit) command.large++
  }

  private timed(session: Session, command: Command<Context>, args: Args, micros: number): void {
    const { stride } = command
    command.micros += micros * stride
    command.stride = this.parts.onTimed(command, session, args, micros, stride)
    command.untimed = command.stride - 1
  }

  protected override errorOf(error: unknown, where: string): string {
    if (error instanceof WrongTypeError) return errorText('wrongType')
    return error instanceof ArenaFullError ? errorText('storeFull') : super.errorOf(error, where)
  }

  // ---- scripts ----

  /** Shows a command to the sessions in MONITOR mode before it runs: a script, before what it calls. */
  showMonitors(): void {
    if (this.monitored) this.parts.onMonitor(this.session, this.args)
  }

  /** Lets a script run for a turn: until it ends or gives way what commands do is kept with it. */
  runScript<T>(run: ScriptRun, turn: () => T): T {
    this.script = run
    try {
      return turn()
    } finally {
      this.script = undefined
    }
  }

  /** Runs a command that the running script calls. Its reply, or why it may not run, is written to `reply`. */
  callForScript(run: ScriptRun, args: Args, reply: ReplyWriter): void {
    const { args: outerArgs, reply: outerReply, session, db } = this
    this.args = args
    this.reply = reply
    this.session = run.session
    this.entered(run.session)
    const found = this.table.lookup(args.buffer, args.start(0), args.end(0))
    const command = found?.subcommands === undefined ? found : this.subcommand(found)
    const refusal = this.refuseToScript(run, command)
    if (refusal !== undefined) {
      if (command !== undefined) command.rejected++
      this.replyError(refusal)
    } else {
      if ((command!.flags & FLAG_WRITE) !== 0) run.wrote = true
      this.perform(run.session, command!)
      if (this.tracking.on && (command!.flags & FLAG_READONLY) !== 0) this.tracking.readByScript(run)
    }
    this.args = outerArgs
    this.reply = outerReply
    this.session = session
    this.db = db
    this.entered(session)
  }

  private refuseToScript(run: ScriptRun, command: Command<Context> | undefined): string | undefined {
    if (command === undefined) return errorText('scriptCommandUnknown')
    const { flags } = command
    if (!fitsArity(command, this.args.count) || command.run === undefined) return errorText('scriptCommandArity')
    if ((flags & FLAG_NO_SCRIPT) !== 0 && !this.host.debug.scriptsCallAll) return errorText('scriptCommandForbidden')
    const denial = run.session.user.isFree ? undefined : this.judge(run.session, command, 'lua')
    if (denial !== undefined) return errorText('scriptNoPermission', DENIALS[denial.what].inScript)
    if (this.gate.stale && (flags & FLAG_STALE) === 0 && !run.session.isPrimary) return errorText('scriptStale')
    if (run.readOnly && (flags & (FLAG_WRITE | FLAG_MAY_REPLICATE)) !== 0) return errorText('scriptReadOnly')
    // A script that has begun to write goes on: half of it would be worse than a little more memory.
    return this.refuseByCondition(run.session, run.wrote || run.allowOom ? flags & ~FLAG_DENYOOM : flags)
  }

  /** Resumes a script that has given way, at the time at which it began. */
  resumeScript(run: ScriptRun, turn: () => void): void {
    const { nowMs } = this
    this.nowMs = run.nowMs
    this.keyspace.setTime(run.nowMs)
    this.aside(() => {
      this.session = run.caller
      this.db = this.keyspace.databases[run.caller.db]
      turn()
    })
    this.nowMs = nowMs
    this.keyspace.setTime(nowMs)
    if (this.gate.busy === undefined && this.waits.anyReady) this.serveWaiting()
  }

  /** A script is over: what it did is replicated, as one. */
  endScript({ kept }: ScriptRun): void {
    const asOne = kept.length > 1 && !this.inExec
    if (asOne) this.parts.feed.feed(kept[0].db, MULTI, 0, MULTI.length, true)
    for (const { db, bytes, toLog, toReplicas } of kept) {
      if (toReplicas) this.bracket.feed(db, bytes, 0, bytes.length, toLog)
      else this.parts.feed.feed(db, bytes, 0, bytes.length, true, false)
    }
    if (asOne) this.parts.feed.feed(kept.at(-1)!.db, EXEC, 0, EXEC.length, true)
    this.effects.reset()
  }

  /** Calls `work` once no script keeps the server busy, and what waited for that before is done. */
  whenIdle(work: () => void): void {
    if (this.settling) this.afterScript.push(work)
    else work()
  }

  /** Whether a script keeps the server busy, or there is still something that waited for its end. */
  get settling(): boolean {
    return this.gate.busy !== undefined || this.afterScript.length > 0
  }

  /** No script keeps the server busy any more: does what waited for that. */
  idle(): void {
    const { afterScript } = this
    this.afterScript = []
    for (const work of afterScript) work()
  }

  // ---- waiting for keys ----

  waitForKeys(wait: KeyWait): boolean {
    if (this.retrying !== 'no') {
      this.retrying = 'still'
      return true
    }
    const { session } = this
    if (this.inExec || this.script !== undefined || session.isPrimary) return false
    const { buffer } = this.args
    const command = this.table.lookup(buffer, this.args.start(0), this.args.end(0))!
    const waiter: Waiter = { session, db: this.db.index, wait, command, argv: this.args.copyAll(), answer: undefined }
    this.waits.add(waiter)
    const finish: Blocked['finish'] = (reply, why) => {
      this.waits.remove(session)
      if (waiter.answer !== undefined) reply.raw(waiter.answer)
      else if (why === 'error') this.failWaiting(waiter, 'unblocked', reply)
      else reply.nullArray()
    }
    this.host.clients.block(session, { kind: 'wait', timeoutAtMs: wait.timeoutAtMs, finish })
    return true
  }

  /** The session is gone: it does not wait any more. */
  forgetWaiting(session: Session): void {
    this.waits.remove(session)
  }

  /** This server becomes a replica, on which nobody may pop: all who wait get an error, and their connections end. */
  dismissWaiting(): void {
    for (const waiter of this.waits.all()) {
      this.refuseWaiting(waiter, 'forcedUnblock')
      waiter.session.outlet.closeAfterReply()
    }
  }

  /** Runs the commands of those whose keys have become ready, and of those whose keys become so by that. */
  private serveWaiting(): void {
    // What made the keys may have taken long: some may be over already.
    this.setTime(Number(this.host.wallMicros() / 1000n))
    this.aside(() => {
      for (let ready = this.waits.takeReady(); ready !== undefined; ready = this.waits.takeReady()) this.serve(ready)
    })
  }

  /** Serves those who wait for a key, while there is what they wait for. */
  private serve(ready: ReadyKey): void {
    const db = this.keyspace.databases[ready.db]
    for (const waiter of this.waits.waitersOf(ready)) {
      // A key whose time is over is deleted here, and replicas hear of it.
      this.effects.reset()
      const h = db.find(ready.key, 0, ready.key.length)
      this.carryOut(db.index, undefined, false)
      const error = waiter.wait.refuse?.(db, h)
      if (error !== undefined) this.refuseWaiting(waiter, error)
      else if (h !== 0 && (db.kind(h) & TYPE_MASK) === waiter.wait.type) this.retry(waiter, db, ready.key)
    }
  }

  /** Runs the command of somebody who waits as if it came now; its effects are carried out like those of any other. */
  private retry(waiter: Waiter, db: Database, key: Buffer): void {
    const { session, command, wait } = waiter
    const reply = new ReplyWriter(256)
    reply.resp = session.resp
    this.session = session
    this.entered(session)
    this.retriedArgs.load(wait.retry(key))
    this.args = this.retriedArgs
    this.reply = reply
    this.db = db
    this.retrying = 'yes'
    this.effects.reset()
    const startMicros = this.parts.clockMicros()
    try {
      command.run!(this)
    } catch (error) {
      reply.rewind(0)
      command.failed++
      this.replyError(this.errorOf(error, command.fullName))
    }
    const served = this.retrying === 'yes'
    this.retrying = 'no'
    this.carryOut(db.index, this.retriedArgs, true)
    if (!served) return
    const micros = this.parts.clockMicros() - startMicros
    command.micros += micros
    this.retriedArgs.load(waiter.argv)
    this.parts.onTimed(command, session, this.retriedArgs, micros, 1)
    this.endWaiting(waiter, Buffer.from(reply.written()))
  }

  private refuseWaiting(waiter: Waiter, error: WaitError): void {
    const reply = new ReplyWriter(128)
    this.failWaiting(waiter, error, reply)
    this.endWaiting(waiter, Buffer.from(reply.written()))
  }

  private failWaiting({ command }: Waiter, error: WaitError, reply: ReplyWriter): void {
    command.failed++
    this.replyError(errorText(error), reply)
  }

  private endWaiting(waiter: Waiter, answer: Buffer): void {
    waiter.answer = answer
    this.host.clients.unblock(waiter.session, 'ready')
  }

  // ---- the effects ----

  /** `asOne`: replicas are to run the effects together or not at all. */
  private carryOut(db: number, args: Args | undefined, asOne: boolean): void {
    const { effects } = this
    if (effects.nothingToReplicate) {
      if (effects.events.length !== 0) publishEvents(effects, this.host.pubsub)
      return
    }
    this.stats.changes += effects.dirty
    if (this.parts.feed.active) this.replicate(db, args, asOne)
    if (effects.events.length !== 0) publishEvents(effects, this.host.pubsub)
  }

  private replicate(db: number, args: Args | undefined, asOne: boolean): void {
    const { effects } = this
    const asSent = effects.rewritten === undefined && effects.dirty > 0 && args !== undefined
    const early = effects.dropped.length + effects.expiredFields.length
    const count = early + (asSent ? 1 : (effects.rewritten?.length ?? 0))
    const bracket = asOne && count > 1 && !this.inExec && this.script === undefined
    if (bracket) this.feed(db, MULTI, 0, MULTI.length)
    for (const { db: at, key } of effects.dropped) this.feedArgv(at, ['DEL', key])
    for (const { db: at, argv } of effects.expiredFields) this.feedArgv(at, argv)
    if (asSent) this.feedAsSent(db, args)
    else for (const argv of effects.rewritten ?? []) this.feedArgv(db, argv)
    if (bracket) this.feed(db, EXEC, 0, EXEC.length)
  }

  private feedAsSent(db: number, args: Args): void {
    if (args.hasLineEnds()) this.feed(db, args.buffer, args.base, args.base + args.rawLength)
    else this.feedArgv(db, args.copyAll())
  }

  private feedArgv(db: number, argv: Argv): void {
    const bytes = encodeRequest(argv)
    this.feed(db, bytes, 0, bytes.length)
  }

  private feed(db: number, bytes: Uint8Array, start: number, end: number): void {
    const { dirty, dropped, expiredFields } = this.effects
    const isChange = dirty > 0 || dropped.length > 0 || expiredFields.length > 0
    if (this.script === undefined) this.bracket.feed(db, bytes, start, end, isChange)
    else this.script.keep(db, bytes.subarray(start, end), isChange)
  }
}

/** Whether a command may need more memory: by what it does, or by being queued. */
function takesMemory(session: Session, flags: number): boolean {
  return (flags & FLAG_DENYOOM) !== 0 || (session.transaction !== undefined && (flags & FLAG_TRANSACTION) === 0)
}
