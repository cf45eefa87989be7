// Runs requests: looks the command up by its bytes, asks whether it may run now, and runs it. What a process adds is its
// table, more conditions (`forbidden`), and what happens around a command (`call`). All of it is synchronous.
//
// Invariants: a request has exactly one outcome, and none throws, whatever the peer sent: what a command throws becomes an
// error reply here. The time of the commands, `nowMs`, is set from outside before each batch.

import { type DeniedIn, NAME_BYTES_MAX } from '../acl/log.ts'
import type { User } from '../acl/user.ts'
import { type Denial, judge, mayReadAll } from '../acl/verdict.ts'
import { CommandError, errorText } from '../errors.ts'
import { Args } from '../protocol/args.ts'
import type { Scanned } from '../protocol/scanned.ts'
import { ReplyWriter } from '../protocol/writer.ts'
import { contextOf, DENIALS } from './access.ts'
import type { Call, FrontHost } from './call.ts'
import { keysOf } from './commands/keys.ts'
import type { Session } from './session.ts'
import {
  type Command,
  type CommandTable,
  FLAG_MAY_REPLICATE,
  FLAG_NO_AUTH,
  FLAG_PUBSUB_CONTEXT,
  FLAG_SCRIPT,
  FLAG_WRITE,
  fitsArity,
  subcommandOf,
} from './table.ts'

/** How a request ended. `postponed`: the clients are paused; run it again later. */
export type Outcome = 'done' | 'postponed'

/** A pause of all clients (CLIENT PAUSE): until when in Unix milliseconds, 0 for none, and whether for writes only. */
export interface Pause {
  pausedUntilMs: number
  pausedWritesOnly: boolean
  /** Writes wait for as long as this is set. Messages do not, so that sentinels can go on talking. */
  writesHeld: boolean
  /** Messages do, too, and whatever else gets into the stream of replication. */
  streamHeld: boolean
}

/** Requests of which something is known ahead: how many, and which of them is next. See `Processor.lookAhead`. */
export interface Ahead {
  readonly count: number
  index: number
  /** Forgets the rest. */
  end(): void
}

const EMPTY = Buffer.alloc(0)
/** So much of an argument is shown in an error. */
const EXCERPT_BYTES_MAX = 128

/** What runs the requests of all connections. `C` is what the functions of the rows are given: the processor itself. */
export abstract class Processor<C> implements Call {
  abstract readonly host: FrontHost
  protected abstract readonly table: CommandTable<C>
  protected abstract readonly pause: Pause
  abstract readonly ahead: Ahead
  // The context of the running command; the fields change from call to call.
  args: Args = new Args(EMPTY)
  reply: ReplyWriter = new ReplyWriter(64)
  out: ReplyWriter = this.reply
  session!: Session
  nowMs = 0

  /** Commands run and errors replied, for INFO. */
  readonly stats = { commands: 0, errors: 0 }
  /** Number of error replies by code. */
  readonly errorsByCode = new Map<string, number>()
  /** Whether sessions in MONITOR mode exist. */
  monitored = false
  /** Takes the replies that CLIENT REPLY silences. */
  private readonly nowhere = new ReplyWriter(1024)

  /** Sets the time of the commands that follow: Unix time in milliseconds. */
  setTime(nowMs: number): void {
    this.nowMs = nowMs
  }

  /** Runs the request in `args` for the session and writes its reply. */
  execute(session: Session, args: Args, out: ReplyWriter): Outcome {
    // Only what differs is stored: a store of a reference costs more than the test, and these rarely change.
    if (this.session !== session) {
      this.session = session
      this.entered(session)
    }
    if (this.args !== args) this.args = args
    if (this.out !== out) this.out = out
    const reply = session.replyMode === 'on' ? out : this.silenced(session)
    if (this.reply !== reply) this.reply = reply
    const mark = reply.pos
    out.resp = session.resp
    try {
      const found = this.table.lookup(args.buffer, args.start(0), args.end(0))
      const command = found?.subcommands === undefined ? found : this.subcommand(found)
      if (session.isReplica && this.strays(session, command)) return 'done'
      const refusal = command === undefined ? this.unknown(session, found) : this.refuse(session, command)
      if (refusal === POSTPONE) return 'postponed'
      if (refusal === undefined) this.call(session, command!)
      else if (refusal !== NOTHING) this.reject(session, command, refusal)
    } catch (error) {
      reply.rewind(mark)
      this.replyError(this.errorOf(error, session.lastCommand))
    }
    // Silenced by CLIENT REPLY SKIP: that was the one.
    if (reply !== out && session.replyMode === 'skip') session.replyMode = 'on'
    return 'done'
  }

  /** Told which requests follow, before the first of them is run: `count` of them in the input. */
  lookAhead(_scanned: Scanned, _count: number, _session: Session): void {}

  /** The session is another one than before, or a switch of it has changed. */
  entered(_session: Session): void {}

  /** A replica's connection carries the stream: deals with what else comes over it. True if the request is not to be run. */
  protected strays(_session: Session, _command: Command<C> | undefined): boolean {
    return false
  }

  /** More conditions than the facade knows: the error if one is not met. */
  protected forbidden(_session: Session, _command: Command<C>): string | undefined {
    return undefined
  }

  /** Runs a command that may run. */
  protected abstract call(session: Session, command: Command<C>): void

  /** The command's flags as pauses see them. */
  protected flagsOf(_session: Session, command: Command<C>): number {
    return command.flags
  }

  /** Answers a request that may not run; `command` is undefined if there is none of that name. */
  protected reject(_session: Session, command: Command<C> | undefined, error: string): void {
    if (command !== undefined) command.rejected++
    this.replyError(error)
  }

  protected subcommand(container: Command<C>): Command<C> | undefined {
    return subcommandOf(container, this.args, 1)
  }

  /** Why there is no such command; `NOTHING` if the peer gets no answer at all. */
  private unknown(session: Session, container: Command<C> | undefined): string {
    const { args } = this
    if (container !== undefined) {
      return errorText('unknownSubcommand', excerpt(args, 1, EXCERPT_BYTES_MAX), container.spec.name.toUpperCase())
    }
    // A browser can be made to send us an HTTP request of which one line is a command (cross-protocol scripting). No client
    // of the protocol sends these two words, which every such request begins with or has before the lines it may choose.
    if (args.is(0, 'post') || args.is(0, 'host:')) {
      this.host.attacked(session)
      session.outlet.close()
      return NOTHING
    }
    let shown = ''
    for (let i = 1; i < args.count && shown.length < EXCERPT_BYTES_MAX; i++)
      shown += `'${excerpt(args, i, EXCERPT_BYTES_MAX - shown.length)}' `
    return errorText('unknownCommand', excerpt(args, 0, EXCERPT_BYTES_MAX), shown)
  }

  private refuse(session: Session, command: Command<C>): string | undefined {
    if (!fitsArity(command, this.args.count) || command.run === undefined) return errorText('arity', command.fullName)
    if (!session.authenticated && this.asksPassword(command)) return errorText('noAuth')
    if (!session.user.isFree) {
      const denial = this.judge(session, command, contextOf(session))
      if (denial !== undefined) return errorText(...DENIALS[denial.what].request(command.fullName))
    }
    const refusal = this.forbidden(session, command)
    if (refusal !== undefined) return refusal
    if (session.resp === 2 && session.subscriptions > 0 && (command.flags & FLAG_PUBSUB_CONTEXT) === 0) {
      return errorText('pubsubContext', command.fullName)
    }
    if (this.pause.pausedUntilMs !== 0 && this.isPaused(session, command)) return POSTPONE
    return this.pause.writesHeld && this.isHeld(session, command) ? POSTPONE : undefined
  }

  private asksPassword(command: Command<C>): boolean {
    return (command.flags & FLAG_NO_AUTH) === 0 && this.host.access.users.asksPassword
  }

  /** Why the session's user may not make the request in `args`; that it may not is noted. */
  protected judge(session: Session, command: Command<C>, context: DeniedIn): Denial | undefined {
    const { args } = this
    const denial = judge(session.user, command, args, 0, keysOf)
    if (denial === undefined) return undefined
    const { index } = denial
    const end = Math.min(args.end(index), args.start(index) + NAME_BYTES_MAX)
    const object = denial.what === 'command' ? command.fullName : args.buffer.toString('latin1', args.start(index), end)
    this.host.access.denied(session, { reason: denial.what, context, object, username: session.user.name })
    return denial
  }

  /** Whether a user may make a request; undefined if there is no such command. */
  permits(user: User, args: Args): boolean | undefined {
    const found = this.table.lookup(args.buffer, args.start(0), args.end(0))
    const command = found?.subcommands === undefined ? found : subcommandOf(found, args, 1)
    return command === undefined ? undefined : judge(user, command, args, 0, keysOf) === undefined
  }

  mayReadAllKeys(): boolean {
    const { args, session } = this
    if (session.user.isFree) return true
    return mayReadAll(session.user, this.table.lookup(args.buffer, args.start(0), args.end(0))!, args, keysOf)
  }

  /** A request was let through because the time of a pause is over, though nothing has ended it yet. */
  protected pauseEnded(): void {}

  private isHeld(session: Session, command: Command<C>): boolean {
    if (session.isReplica || session.isPrimary) return false
    const held = FLAG_WRITE | FLAG_SCRIPT | (this.pause.streamHeld ? FLAG_MAY_REPLICATE : 0)
    return (this.flagsOf(session, command) & held) !== 0
  }

  private isPaused(session: Session, command: Command<C>): boolean {
    const { pausedUntilMs, pausedWritesOnly } = this.pause
    if (this.nowMs >= pausedUntilMs) {
      this.pauseEnded()
      return false
    }
    // The stream of our primary waits, too, as in Redis: what clients read here does not change meanwhile.
    if (session.isReplica) return false
    return !pausedWritesOnly || (this.flagsOf(session, command) & (FLAG_WRITE | FLAG_MAY_REPLICATE)) !== 0
  }

  /** The writer for a session whose reply is not wanted. */
  private silenced(session: Session): ReplyWriter {
    if (session.replyMode === 'skip-next') session.replyMode = 'skip'
    this.nowhere.clear()
    this.nowhere.resp = session.resp
    return this.nowhere
  }

  /** The reply for what a command threw. */
  protected errorOf(error: unknown, where: string): string {
    if (error instanceof CommandError) return error.reply
    if (isStringTooLong(error)) return errorText('argumentTooLong')
    this.host.internalError(error, where)
    return errorText('internal')
  }

  protected replyError(text: string, reply = this.reply): void {
    this.stats.errors++
    const code = text.slice(0, text.indexOf(' ') < 0 ? text.length : text.indexOf(' '))
    this.errorsByCode.set(code, (this.errorsByCode.get(code) ?? 0) + 1)
    reply.error(text)
  }
}

/** Arguments may be longer than a string can be (512 MiB); what would make one a string, or put something to it, refuses. */
function isStringTooLong(error: unknown): boolean {
  const { code, message } = error as NodeJS.ErrnoException
  return code === 'ERR_STRING_TOO_LONG' || (error instanceof RangeError && message === 'Invalid string length')
}

// Not errors: answers of the gate.
/** The clients are paused. */
const POSTPONE = 'postpone'
/** No reply at all. */
const NOTHING = 'nothing'

/** The beginning of an argument as errors quote it: text, of at most so many bytes, that ends before a zero byte as in C. */
function excerpt(args: Args, i: number, bytesMax: number): string {
  const start = args.start(i)
  const bytes = args.buffer.subarray(start, Math.min(args.end(i), start + bytesMax))
  const zero = bytes.indexOf(0)
  return bytes.toString('utf8', 0, zero < 0 ? bytes.length : zero)
}
