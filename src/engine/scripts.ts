// Scripts in the server: the cache of sources, who may run what now, and what becomes of a script that runs long. Such a script
// gives way (`scripts/interpreter.ts`), and from then on it runs in turns of a few milliseconds between which the server answers
// others: BUSY, or SCRIPT KILL.
//
// Invariants: one script runs at a time, and no data changes but by it until it is over; its effects are carried out once, at its end.

import type { Context, ScriptFacts, ScriptSource, Scripts } from '../commands/context.ts'
import { errorText, fail, failWith } from '../errors.ts'
import { FLAG_DENYOOM, FLAG_STALE, FLAG_WRITE } from '../facade/table.ts'
import { ReplyWriter } from '../protocol/writer.ts'
import type { MakeLua } from '../scripts/abi.ts'
import { Interpreter, type Script } from '../scripts/interpreter.ts'
import type { ScriptLogLevel } from '../scripts/redis-api.ts'
import { digestOf, type Flags, readSource } from '../scripts/source.ts'
import type { Engine } from './engine.ts'
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

/** A script under way. */
interface Running {
  readonly run: ScriptRun
  /** Digest of its source, for the log. */
  readonly sha: string
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

  const interpreter = new Interpreter(
    parts.makeLua,
    parts.memoryBytesMax,
    {
      call: (args, reply) => engine.callForScript(running!.run, args, reply),
      knows: (args) => engine.isCommand(args),
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
        const { startMicros, turnMicros, slow, mayWait, run } = running!
        const now = clockMicros()
        const thresholdMicros = parts.thresholdMs() * 1000
        if (now - startMicros < thresholdMicros) return 'go on'
        if (mayYield && mayWait) return !slow || now - turnMicros >= TURN_MICROS ? 'give way' : 'go on'
        const stuckMicros = Math.max(thresholdMicros * STUCK_THRESHOLDS, STUCK_MICROS_MIN)
        return now - startMicros > stuckMicros && !run.caller.isPrimary ? 'stop' : 'go on'
      },
    },
  )

  const added = (sha: string, source: Buffer): CachedScript => {
    const { flags, body } = readSource(source)
    const bytes = source.length + SCRIPT_BYTES
    const script: CachedScript = { sha, flags, body: Buffer.from(body), bytes, lua: undefined, ref: 0 }
    const problem = interpreter.compile(script)
    if (problem !== undefined) fail('scriptCompile', problem)
    cache.set(sha, script)
    sourceBytes += bytes
    return script
  }

  const wanted = (asked: ScriptSource): CachedScript => {
    if ('sha' in asked) return cache.get(asked.sha) ?? fail('noScript')
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
    return engine.runScript(script.run, () => interpreter.turn()) === 'done'
  }

  /** The script is over: carries out what it did and writes what it returns; otherwise the error that it ended with. */
  const end = (script: Running, reply: ReplyWriter): string | undefined => {
    engine.endScript(script.run)
    const error = interpreter.finish(reply, script.resp)
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
    engine.gate.busy = errorText('scriptBusy')
    const what = `Slow script detected: ${script.sha} keeps the server busy`
    parts.log('warning', `${what}. Others are answered BUSY until it ends; SCRIPT KILL can end it.`)
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
    const error = interpreter.kill(errorText('scriptKilled'))
    running = undefined
    stats.killed++
    stats.errors++
    const reply = newReply(script)
    reply.error(error)
    answer(script, reply)
  }

  return {
    evaluate(ctx, asked, keyCount, readOnly) {
      const script = wanted(asked)
      const refused = refusal(ctx, script.flags, readOnly)
      if (refused !== undefined) failWith(refused)
      const problem = interpreter.compile(script)
      if (problem !== undefined) fail('scriptCompile', problem)
      engine.showMonitors()
      const { args, session } = ctx
      const may = {
        readOnly: readOnly || (script.flags !== 'unsaid' && script.flags.noWrites),
        allowOom: script.flags !== 'unsaid' && script.flags.allowOom,
      }
      const startMicros = clockMicros()
      const begun: Running = {
        run: new ScriptRun(session, ctx.nowMs, may),
        sha: script.sha,
        startMicros,
        turnMicros: startMicros,
        mayWait: !ctx.inExec && !session.isPrimary,
        slow: false,
        resp: 2,
        answer: undefined,
      }
      running = begun
      stats.calls++
      const strings = (from: number, to: number): Buffer[] =>
        Array.from({ length: to - from }, (_, i) => args.bytes(from + i))
      const failed = interpreter.begin(script, strings(3, 3 + keyCount), strings(3 + keyCount, args.count))
      if (failed === undefined && !turn(begun)) return giveWay(begun)
      const error = failed ?? end(begun, ctx.reply)
      running = undefined
      if (error !== undefined) failWith(error)
    },
    load(source) {
      const sha = digestOf(source)
      if (!cache.has(sha)) added(sha, source)
      return sha
    },
    exists: (sha) => cache.has(sha),
    flush() {
      cache.clear()
      sourceBytes = 0
      interpreter.flush()
    },
    kill() {
      if (running === undefined) fail('scriptIdle')
      if (running.run.wrote) fail('scriptUnkillable')
      parts.log('warning', 'Lua script killed by user with SCRIPT KILL.')
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
      return { cached: cache.size, sourceBytes, usedBytes, takenBytes, running: running?.slow === true, ...stats }
    },
  }
}
