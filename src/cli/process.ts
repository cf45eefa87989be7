// What `vedette server` and `vedette sentinel` have in common as processes: signals, the PID file, the end of the parent,
// and errors that nobody caught. Invariant: the process ends by itself once its job has ended or cannot go on.
import { rmSync, writeFileSync } from 'node:fs'
import { constants, tmpdir } from 'node:os'
import { basename, dirname } from 'node:path'
import { monotonicMs } from '../io/clock.ts'
import type { Log } from '../io/log.ts'
import { EXIT } from './command.ts'

/** What runs: the server or the sentinel. */
export interface Running {
  /** Stops in good order. Called again (a second SIGTERM) it is to hurry. */
  stop(signal?: 'SIGTERM' | 'SIGINT'): Promise<void>
  readonly closed: Promise<number>
}

/** How long a stop may take once the parent is gone. */
const ORPHAN_MS_MAX = 15_000
/** A second SIGINT ends the process at once, but not one that comes with the first (npm and terminals send both). */
const IMPATIENT_MS = 500
/** Set by `vedette up` for its children: they end with it. */
export const PARENT_ENV = 'VEDETTE_ENDS_WITH_PARENT'
/** Set by `vedette up` for its children: the temporary directory to remove when `up` has died. */
export const SCRATCH_ENV = 'VEDETTE_SCRATCH_DIR'
/** The names of such directories begin so. */
export const SCRATCH_PREFIX = 'vedette-up-'

const describe = (error: unknown): string => (error instanceof Error ? (error.stack ?? error.message) : String(error))

/**
 * Runs until the job ends; returns the exit code. SIGTERM, SIGINT and SIGHUP stop it in good order; an uncaught error is
 * logged and ends the process. `start` has begun listening when it resolves. `stopMsMax`: when to give up waiting for the
 * good order; undefined where the job bounds that itself.
 */
export async function runProcess(
  log: Log,
  pidfile: string,
  stopMsMax: number | undefined,
  start: () => Promise<Running>,
): Promise<number> {
  process.on('uncaughtException', (error) => {
    log.warning(`Bug: uncaught error, the process ends: ${describe(error)}`)
    process.exit(EXIT.failed)
  })
  let running: Running | undefined
  const giveUpAfter = (ms: number): void => {
    setTimeout(() => {
      log.warning('Stopping took too long, the process ends')
      process.exit(EXIT.failed)
    }, ms).unref()
  }
  const stop = (why: string, signal?: 'SIGTERM' | 'SIGINT'): void => {
    if (running === undefined) process.exit(EXIT.ok)
    log.notice(`Stopping: ${why}`)
    if (stopMsMax !== undefined) giveUpAfter(stopMsMax)
    running.stop(signal).catch((error: unknown) => {
      log.warning(`Stopping failed: ${describe(error)}`)
      process.exit(EXIT.failed)
    })
  }
  let interruptedMs: number | undefined
  process.on('SIGINT', () => {
    if (interruptedMs === undefined) {
      interruptedMs = monotonicMs()
      stop('received SIGINT', 'SIGINT')
    } else if (monotonicMs() - interruptedMs > IMPATIENT_MS) process.exit(EXIT.failed)
  })
  process.once('SIGABRT', () => {
    log.warning(`Vedette crashed by signal: ${constants.signals.SIGABRT} (SIGABRT); it was sent by another process`)
    process.kill(process.pid, 'SIGABRT')
  })
  for (const signal of ['SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stop(`received ${signal}`, 'SIGTERM'))
  endWithParent(() => {
    giveUpAfter(ORPHAN_MS_MAX)
    stop('the parent process is gone')
  })
  try {
    running = await start()
  } catch (error) {
    log.warning(`Cannot start: ${error instanceof Error ? error.message : String(error)}`)
    log.debug(describe(error))
    return EXIT.failed
  }
  try {
    if (pidfile !== '') writePid(log, pidfile)
    if (process.connected) process.send?.({ ready: true })
    return await running.closed
  } catch (error) {
    log.warning(describe(error))
    return EXIT.failed
  } finally {
    if (pidfile !== '') rmSync(pidfile, { force: true })
  }
}

/** As in Redis a process whose PID cannot be written runs all the same. */
function writePid(log: Log, pidfile: string): void {
  try {
    writeFileSync(pidfile, `${process.pid}\n`)
  } catch (error) {
    log.warning(`Cannot write the PID to ${pidfile}: ${error instanceof Error ? error.message : error}`)
  }
}

/** Stops when the parent that started this process to end with it is gone, and removes its temporary directory then. */
function endWithParent(stop: () => void): void {
  if (process.env[PARENT_ENV] === undefined) return
  const orphaned = (): void => {
    const scratch = process.env[SCRATCH_ENV]
    if (scratch !== undefined && dirname(scratch) === tmpdir() && basename(scratch).startsWith(SCRATCH_PREFIX))
      process.on('exit', () => rmSync(scratch, { recursive: true, force: true, maxRetries: 3 }))
    stop()
  }
  if (!process.connected) orphaned()
  else process.once('disconnect', orphaned)
}
