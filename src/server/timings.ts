// What becomes of the time that commands took: the slow log, the latency monitor, the histograms of INFO and LATENCY. Which commands
// are timed at all is decided here too: reading the clock costs as much as a GET.
import type { Context } from '../commands/context.ts'
import type { ServerConfig } from '../config/store.ts'
import type { LatencyMonitor } from '../engine/latency.ts'
import { withoutSecrets } from '../engine/secrets.ts'
import type { SlowLog } from '../engine/slowlog.ts'
import type { Session } from '../facade/session.ts'
import type { Command, CommandTable } from '../facade/table.ts'
import type { Log } from '../io/log.ts'
import { Histogram } from '../lib/histogram.ts'
import type { Args } from '../protocol/args.ts'

/** Of a command that does little, one of so many is timed and stands for the others. */
const TIMED_ONE_OF = 64
/** The first calls are all timed. */
const TIMED_FIRST = 64
/** Below this threshold of the slow log each command is timed: also those that do little exceed it. */
const FINE_MICROS = 1000
/** The log names at most one slow command in so long. */
const LOGGED_EVERY_MS = 1000

export interface Timings {
  /** A command took so long; it stands for `stride` calls. Says for how many the next timed one is to stand. */
  timed(command: Command<Context>, session: Session, args: Args, micros: number, stride: number): number
}

export interface TimingParts {
  readonly config: ServerConfig
  readonly commands: CommandTable<Context>
  readonly slowlog: SlowLog
  readonly latency: LatencyMonitor
  readonly nowMs: () => number
  readonly log: Log
}

export function createTimings({ config, commands, slowlog, latency, nowMs, log }: TimingParts): Timings {
  const { values } = config
  let loggedMs = Number.NEGATIVE_INFINITY
  let fine = false

  const apply = (): void => {
    const threshold = values['slowlog-log-slower-than']
    fine = threshold >= 0 && threshold < FINE_MICROS
    for (const command of commands.all()) {
      command.untimed = 0
      command.stride = 1
    }
  }
  apply()
  config.onChange('slowlog-log-slower-than', apply)
  config.onChange('slowlog-max-len', () => slowlog.trim(values['slowlog-max-len']))

  const logSlow = (command: Command<Context>, session: Session, args: Args, micros: number): void => {
    const argv = withoutSecrets(Array.from({ length: args.count }, (_, i) => args.bytes(i)))
    const entry = {
      atSeconds: Math.floor(nowMs() / 1000),
      micros: Math.round(micros),
      argv,
      peer: session.outlet.peer,
      clientName: session.name,
    }
    slowlog.add(entry, values['slowlog-max-len'])
    if (micros < FINE_MICROS || nowMs() - loggedMs < LOGGED_EVERY_MS) return
    loggedMs = nowMs()
    const key = argv.length > 1 ? ` ${Buffer.from(argv[1]!.subarray(0, 64)).toString()}` : ''
    log.verbose(`Slow: ${command.fullName}${key} took ${(micros / 1000).toFixed(1)} ms, client ${session.outlet.peer}`)
  }

  return {
    timed(command, session, args, micros, stride) {
      const { flags } = command.spec
      const slower = values['slowlog-log-slower-than']
      if (slower >= 0 && micros >= slower && !flags.includes('skip_slowlog')) logSlow(command, session, args, micros)
      const thresholdMs = values['latency-monitor-threshold']
      if (thresholdMs !== 0 && micros >= thresholdMs * 1000) {
        const event = flags.includes('fast') ? 'fast-command' : 'command'
        latency.add(event, Math.floor(micros / 1000), Math.floor(nowMs() / 1000))
      }
      if (values['latency-tracking']) {
        command.latency ??= new Histogram()
        command.latency.add(micros * 1000, stride)
      }
      return fine || !command.doesLittle || command.calls < TIMED_FIRST ? 1 : TIMED_ONE_OF
    },
  }
}
