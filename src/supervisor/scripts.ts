// Notification and reconfiguration scripts, as Redis Sentinel runs them: no shell, in the state's directory, at most RUNNING_MAX at
// a time, killed after a minute, repeated when they end with 1 or by a signal. A queue that is full drops the oldest: news is
// worth more than history.
import { type ChildProcess, execFile } from 'node:child_process'
import os from 'node:os'
import { resolve } from 'node:path'
import type { EventName } from '../sentinel/events.ts'
import type { Timing } from '../sentinel/timing.ts'

export interface Scripts {
  /** Runs `path` with these arguments in `delayMs`, or when others have ended. */
  run(path: string, args: readonly string[], delayMs?: number): void
  /** What waits or runs, for SENTINEL PENDING-SCRIPTS and INFO. */
  readonly jobs: readonly Job[]
  readonly running: number
  stop(): void
}

export interface ScriptsOptions {
  readonly nowMs: () => number
  /** What paths are relative to, and where scripts run. */
  readonly directory: string
  readonly timing: () => Pick<Timing, 'scriptRunMs' | 'scriptRetryMs'>
  readonly onEvent: (name: EventName, payload: string) => void
  /** Told of scripts that were given up. */
  readonly onFailure: (message: string) => void
}

export interface Job {
  readonly path: string
  readonly args: readonly string[]
  /** How often it was started. */
  tries: number
  startedMs: number | undefined
  nextMs: number
  /** 0 while it does not run. */
  pid: number
}

type RunError = Error & { code?: unknown; signal?: NodeJS.Signals | null; killed?: boolean }

const RUNNING_MAX = 16
const QUEUE_MAX = 256
const TRIES_MAX = 10
/** What a program that cannot be run ends with, for Redis Sentinel. */
const NOT_RUN = 2

/** Makes an empty queue. */
export function createScripts({ nowMs, directory, timing, onEvent, onFailure }: ScriptsOptions): Scripts {
  const jobs: Job[] = []
  const children = new Map<Job, ChildProcess>()
  let timer: NodeJS.Timeout | undefined
  let stopped = false

  function advance(): void {
    clearTimeout(timer)
    if (stopped) return
    for (const job of jobs)
      if (children.size < RUNNING_MAX && job.startedMs === undefined && job.nextMs <= nowMs()) start(job)
    const waiting = jobs.filter(({ startedMs }) => startedMs === undefined)
    if (waiting.length === 0 || children.size >= RUNNING_MAX) return
    timer = setTimeout(advance, Math.max(1, Math.min(...waiting.map(({ nextMs }) => nextMs)) - nowMs()))
    timer.unref()
  }

  function start(job: Job): void {
    job.tries += 1
    job.startedMs = nowMs()
    const limits = { timeout: timing().scriptRunMs, killSignal: 'SIGKILL', maxBuffer: 64 * 1024 } as const
    const child = execFile(resolve(directory, job.path), [...job.args], { cwd: directory, ...limits }, (error) =>
      ended(job, error),
    )
    job.pid = child.pid ?? 0
    children.set(job, child)
    if (child.pid !== undefined) onEvent('+script-child', String(child.pid))
  }

  function ended(job: Job, error: RunError | null): void {
    const { path, pid } = job
    const exitCode = error === null || error.signal ? 0 : typeof error.code === 'number' ? error.code : NOT_RUN
    const signal = error?.signal ? os.constants.signals[error.signal] : 0
    children.delete(job)
    job.startedMs = undefined
    job.pid = 0
    if (error?.killed === true) onEvent('-script-timeout', `${path} ${pid}`)
    if (pid !== 0) onEvent('-script-child', `${pid} ${exitCode} ${signal}`)
    const failed = exitCode !== 0 || signal !== 0
    const again = (exitCode === 1 || signal !== 0) && job.tries < TRIES_MAX
    if (again) job.nextMs = nowMs() + timing().scriptRetryMs * 2 ** (job.tries - 1)
    else jobs.splice(jobs.indexOf(job), 1)
    if (failed && !again) {
      onEvent('-script-error', `${path} ${signal} ${exitCode}`)
      onFailure(`Script ${path} failed after ${job.tries} runs: ${error?.message.trim()}`)
    }
    advance()
  }

  return {
    jobs,
    get running() {
      return children.size
    },
    run(path, args, delayMs = 0) {
      if (jobs.length >= QUEUE_MAX) {
        const oldest = jobs.findIndex(({ startedMs }) => startedMs === undefined)
        if (oldest < 0) return
        jobs.splice(oldest, 1)
      }
      jobs.push({ path, args, tries: 0, startedMs: undefined, nextMs: nowMs() + delayMs, pid: 0 })
      advance()
    },
    stop() {
      stopped = true
      clearTimeout(timer)
      for (const child of children.values()) child.kill('SIGKILL')
    },
  }
}
