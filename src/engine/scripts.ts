// Scripts and functions in the server: the cache of sources, who may run what now, and what becomes of a script that runs long. Such a script
// gives way (`scripts/interpreter.ts`), and from then on it runs in turns of a few milliseconds between which the server answers
// others: BUSY, or SCRIPT KILL.
//
// Invariants: one script runs at a time, and no data changes but by it until it is over; its effects are carried out once, at its end.

import type { Context, ScriptFacts, ScriptSource, Scripts } from '../commands/context.ts'
import { errorText, fail, failWith } from '../errors.ts'
import { FLAG_DENYOOM, FLAG_MAY_REPLICATE, FLAG_SCRIPT, FLAG_STALE, FLAG_WRITE } from '../facade/table.ts'
import type { Args } from '../protocol/args.ts'
import { ReplyWriter } from '../protocol/writer.ts'
import type { MakeLua } from '../scripts/abi.ts'
import { type Callable, type Dialect, Interpreter, type Script } from '../scripts/interpreter.ts'
import type { ScriptLogLevel } from '../scripts/redis-api.ts'
import { digestOf, type Flags, readSource, type ScriptFlags } from '../scripts/source.ts'
import type { Engine } from './engine.ts'
import { FunctionLibraries } from './functions.ts'
import { ScriptRun } from './script-run.ts'

/** So long a script runs at a time once it keeps the server busy. */
const TURN_MICROS = 5000
/** Where a script cannot give way, it ends after so many times the threshold, and not before so long. */
const STUCK_THRESHOLDS = 10
const STUCK_MICROS_MIN = 10_000_000
/** What a script takes in the cache beside its source, about. */
const SCRIPT_BYTES = 200

export interface ScriptParts {
  readonly engine: Engine
  readonly makeLua: MakeLua
  readonly memoryBytesMax: () => number
  /** `busy-reply-threshold`. */
  readonly thresholdMs: () => number
  readonly clockMicros: () => number
  /** Runs work after whatever has happened meanwhile has been dealt with. */
  readonly soon: (work: () => void) => void
  readonly log: (level: ScriptLogLevel, text: string) => void
}

interface CachedScript extends Script {
  readonly flags: Flags
  readonly bytes: number
}

/** A script or function under way. */
interface Running {
  readonly callable: Callable
  readonly interpreter: Interpreter
  /** The command that runs it, once it has given way. */
  argv: readonly Buffer[]
  readonly run: ScriptRun
  readonly startMicros: number
  turnMicros: number
  /** Whether it may give way: not within a transaction, and not when it comes from the primary or the log. */
  readonly mayWait: boolean
  /** It has given way. */
  slow: boolean
  resp: 2 | 3
  /** The reply, once it is over. */
  answer: Buffer | undefined
}

export function createScripts(parts: ScriptParts): Scripts {
  const { engine, clockMicros } = parts
  const cache = new Map<string, CachedScript>()
  const stats = { calls: 0, errors: 0, killed: 0 }
  let sourceBytes = 0
  let running: Running | undefined

  const newInterpreter = (dialect: Dialect): Interpreter =>
    new Interpreter(
      dialect,
      parts.makeLua,
      parts.memoryBytesMax,
      {
        call: (args, reply) => engine.callForScript(running!.run, args, reply),
        permits: (args) => engine.permits(running!.run.session.user, args),
        get resp() {
          return running!.resp
        },
        set resp(resp) {
          running!.resp = resp
          running!.run.session.resp = resp
        },
        get replicateTo() {
          return running!.run.replicateTo
        },
        set replicateTo(to) {
          running!.run.replicateTo = to
        },
        log: parts.log,
      },
      {
        due(mayYield) {
          if (running === undefined) return libraries.overdue ? 'stop' : 'go on'
          const { startMicros, turnMicros, slow, mayWait, run } = running
          const now = clockMicros()
          const thresholdMicros = parts.thresholdMs() * 1000
          if (now - startMicros < thresholdMicros) return 'go on'
          if (mayYield && mayWait) return !slow || now - turnMicros >= TURN_MICROS ? 'give way' : 'go on'
          const stuckMicros = Math.max(thresholdMicros * STUCK_THRESHOLDS, STUCK_MICROS_MIN)
          return now - startMicros > stuckMicros && !run.caller.isPrimary ? 'stop' : 'go on'
        },
      },
    )
  const interpreter = newInterpreter('script')
  const functionInterpreter = newInterpreter('function')
  const libraries = new FunctionLibraries(functionInterpreter, clockMicros)

  const added = (sha: string, source: Buffer): CachedScript => {
    const { flags, body } = readSource(source)
    const bytes = source.length + SCRIPT_BYTES
    const script: CachedScript = { name: sha, flags, body: Buffer.from(body), bytes, lua: undefined, ref: 0 }
    const problem = interpreter.compile(script)
    if (problem !== undefined) fail('scriptCompile', problem)
    cache.set(sha, script)
    sourceBytes += bytes
    return script
  }

  /** By its digest in either case. */
  const cached = (sha: string): CachedScript | undefined => cache.get(sha) ?? cache.get(sha.toLowerCase())

  const wanted = (asked: ScriptSource): CachedScript => {
    if ('sha' in asked) return cached(asked.sha) ?? fail('noScript')
    const sha = digestOf(asked.source)
    return cache.get(sha) ?? added(sha, asked.source)
  }

  /** Why a script may not run now, by what it says of itself. */
  const refusal = (ctx: Context, flags: Flags, readOnly: boolean): string | undefined => {
    if (flags === 'unsaid') return undefined
    const { noWrites, allowOom, allowStale } = flags
    if (readOnly && !noWrites) return errorText('scriptMayWrite')
    if (!noWrites && engine.gate.readonlyReplica && !ctx.session.isPrimary) return errorText('scriptOnReplica')
    const needs = (noWrites ? 0 : FLAG_WRITE) | (allowStale ? FLAG_STALE : 0)
    const problem = engine.refuseByCondition(ctx.session, needs)
    if (problem !== undefined || noWrites || allowOom) return problem
    return engine.refuseByCondition(ctx.session, FLAG_DENYOOM | FLAG_STALE) === undefined
      ? undefined
      : errorText('scriptOom')
  }

  /** Runs a turn; whether the script is over. */
  const turn = (script: Running): boolean => {
    script.turnMicros = clockMicros()
    return engine.runScript(script.run, () => script.interpreter.turn()) === 'done'
  }

  /** The script is over: carries out what it did and writes what it returns; otherwise the error that it ended with. */
  const end = (script: Running, reply: ReplyWriter): string | undefined => {
    engine.endScript(script.run)
    const error = script.interpreter.finish(reply, script.resp)
    running = undefined
    if (error !== undefined) stats.errors++
    return error
  }

  /** Answers the session that waits for a script. */
  const answer = (script: Running, reply: ReplyWriter): void => {
    script.answer = Buffer.from(reply.written())
    engine.gate.busy = undefined
    engine.host.clients.unblock(script.run.caller, 'ready')
    // Not now: a command may be running, that of SCRIPT KILL.
    parts.soon(() => engine.idle())
  }

  const newReply = (script: Running): ReplyWriter => {
    const reply = new ReplyWriter(1024)
    reply.resp = script.run.caller.resp
    return reply
  }

  /** The script has run for so long that others are to be answered; it goes on in turns. */
  const giveWay = (script: Running): void => {
    script.slow = true
    script.argv = engine.args.copyAll()
    engine.gate.busy = errorText(busyError(script))
    const kill = isFunction(script) ? 'FUNCTION KILL' : 'SCRIPT KILL'
    const what = `Slow script detected: ${script.callable.name} keeps the server busy`
    parts.log('warning', `${what}. Others are answered BUSY until it ends; ${kill} can end it.`)
    engine.host.clients.block(script.run.caller, {
      kind: 'order',
      timeoutAtMs: 0,
      finish: (reply) => reply.raw(script.answer ?? Buffer.alloc(0)),
    })
    parts.soon(() => goOn(script))
  }

  const goOn = (script: Running): void => {
    if (running !== script) return
    engine.resumeScript(script.run, () => {
      if (!turn(script)) return parts.soon(() => goOn(script))
      const reply = newReply(script)
      const error = end(script, reply)
      if (error !== undefined) reply.error(error)
      answer(script, reply)
    })
  }

  const killIt = (script: Running): void => {
    const error = script.interpreter.kill(errorText(isFunction(script) ? 'functionKilled' : 'scriptKilled'))
    running = undefined
    stats.killed++
    stats.errors++
    const reply = newReply(script)
    reply.error(error)
    answer(script, reply)
  }

  /** Runs a script or function, of which it is known that it may run, and replies. */
  const runIt = (
    ctx: Context,
    callable: Callable,
    interpreter: Interpreter,
    keyCount: number,
    may: { readonly readOnly: boolean; readonly allowOom: boolean },
  ): void => {
    const { args, session } = ctx
    const startMicros = clockMicros()
    const begun: Running = {
      callable,
      interpreter,
      argv: [],
      run: new ScriptRun(session, ctx.nowMs, may),
      startMicros,
      turnMicros: startMicros,
      mayWait: !ctx.inExec && !session.isPrimary,
      slow: false,
      resp: 2,
      answer: undefined,
    }
    running = begun
    stats.calls++
    if (session.tracking !== undefined) {
      begun.run.trackedKeys = Array.from({ length: keyCount }, (_, i) => Uint8Array.from(args.bytes(3 + i)))
    }
    const failed = interpreter.begin(callable, args, keyCount)
    if (failed === undefined && !turn(begun)) return giveWay(begun)
    const error = failed ?? end(begun, ctx.reply)
    running = undefined
    if (error !== undefined) failWith(error)
  }

  const isFunction = (script: Running): boolean => script.interpreter === functionInterpreter
  const busyError = (script: Running): 'functionBusy' | 'scriptBusy' =>
    isFunction(script) ? 'functionBusy' : 'scriptBusy'

  /** What a script says of itself, if it is known, or can be read. */
  const flagsOfScript = (args: Args, byDigest: boolean): Flags => {
    if (byDigest) return cached(args.latin1(1))?.flags ?? 'unsaid'
    try {
      return readSource(args.bytes(1)).flags
    } catch {
      return 'unsaid'
    }
  }

  return {
    libraries,
    evaluate(ctx, asked, keyCount, readOnly) {
      const script = wanted(asked)
      const { flags } = script
      const refused = refusal(ctx, flags, readOnly)
      if (refused !== undefined) failWith(refused)
      const problem = interpreter.compile(script)
      if (problem !== undefined) fail('scriptCompile', problem)
      engine.showMonitors()
      runIt(ctx, script, interpreter, keyCount, {
        readOnly: readOnly || (flags !== 'unsaid' && flags.noWrites),
        allowOom: flags !== 'unsaid' && flags.allowOom,
      })
    },
    callFunction(ctx, name, keyCount, readOnly) {
      const called = libraries.find(name) ?? fail('functionUnknown')
      const { may } = called
      const refused = refusal(ctx, may, readOnly)
      if (refused !== undefined) failWith(refused)
      libraries.prepare(called)
      engine.showMonitors()
      runIt(ctx, called, functionInterpreter, keyCount, {
        readOnly: readOnly || may.noWrites,
        allowOom: may.allowOom,
      })
    },
    flagsOf(command, args) {
      const { name } = command.spec
      if (name.startsWith('fcall')) return withSaid(command.flags, libraries.find(args.latin1(1))?.may ?? 'unsaid')
      return withSaid(command.flags, flagsOfScript(args, name.startsWith('evalsha')))
    },
    busyCall() {
      if (running?.slow !== true) return undefined
      const ms = Math.floor((clockMicros() - running.startMicros) / 1000)
      return { name: running.callable.name, isFunction: isFunction(running), argv: running.argv, ms }
    },
    load(source) {
      const sha = digestOf(source)
      if (!cache.has(sha)) added(sha, source)
      return sha
    },
    exists: (sha) => cached(sha) !== undefined,
    flush() {
      cache.clear()
      sourceBytes = 0
      interpreter.flush()
    },
    kill(what) {
      if (running === undefined) fail('scriptIdle')
      if (running.run.wrote) fail('scriptUnkillable')
      if ((what === 'function') !== isFunction(running)) fail(busyError(running))
      parts.log('warning', `Lua script killed by user with ${what.toUpperCase()} KILL.`)
      killIt(running)
    },
    endHarmless() {
      if (running?.slow !== true || running.run.wrote) return false
      killIt(running)
      return true
    },
    busy: () => running?.slow === true,
    facts(): ScriptFacts {
      const { usedBytes, takenBytes } = interpreter.memory
      const { usedBytes: functionUsedBytes, takenBytes: functionTakenBytes } = functionInterpreter.memory
      const { libraries: count, functions, bytes: libraryBytes } = libraries.counts()
      return {
        ...{ cached: cache.size, sourceBytes, usedBytes, takenBytes },
        ...{ functionUsedBytes, functionTakenBytes, libraryBytes, libraries: count, functions },
        running: running?.slow === true,
        ...stats,
      }
    },
  }
}

/** The flags of a command that runs what says so much of itself. */
function withSaid(flags: number, said: ScriptFlags | 'unsaid'): number {
  if (said === 'unsaid') return flags
  const { noWrites, allowOom, allowStale } = said
  const open = flags & ~(FLAG_STALE | FLAG_DENYOOM | FLAG_WRITE | FLAG_MAY_REPLICATE | FLAG_SCRIPT)
  const writes = noWrites ? 0 : FLAG_WRITE | FLAG_SCRIPT | (allowOom ? 0 : FLAG_DENYOOM)
  return open | writes | (allowStale ? FLAG_STALE : 0)
}
