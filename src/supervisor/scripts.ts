// Notification and reconfiguration scripts, as Redis Sentinel runs them: no shell, at most RUNNING_MAX at a time, killed after a
// minute, repeated when they end with 1 or by a signal. A queue that is full drops the oldest: news is worth more than history.
import { type ChildProcess, execFile } from 'node:child_process'

export interface Scripts {
  /** Runs `path` with these arguments in `delayMs`, or when others have ended. */
  run(path: string, args: readonly string[], delayMs?: number): void
  /** What waits or runs, for SENTINEL PENDING-SCRIPTS and INFO. */
  readonly jobs: readonly Job[]
  readonly running: number
  stop(): void
}

export interface Job {
  readonly path: string
  readonly args: readonly string[]
  /** How often it was started. */
  tries: number
  startedMs: number | undefined
  nextMs: number
}

const RUNNING_MAX = 16
const QUEUE_MAX = 256
const RUN_MS_MAX = 60_000
const TRIES_MAX = 10
const RETRY_MS = 30_000

/** Makes an empty queue. `onFailure` is told of scripts that were given up. */
export function createScripts(nowMs: () => number, onFailure: (message: string) => void): Scripts {
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
    const options = { timeout: RUN_MS_MAX, killSignal: 'SIGKILL', maxBuffer: 64 * 1024 } as const
    children.set(
      job,
      execFile(job.path, [...job.args], options, (error) => ended(job, error)),
    )
  }

  function ended(job: Job, error: (Error & { code?: unknown; signal?: unknown }) | null): void {
    children.delete(job)
    job.startedMs = undefined
    const again = error !== null && (error.code === 1 || Boolean(error.signal)) && job.tries < TRIES_MAX
    if (again) job.nextMs = nowMs() + RETRY_MS * 2 ** (job.tries - 1)
    else jobs.splice(jobs.indexOf(job), 1)
    if (error !== null && !again)
      onFailure(`Script ${job.path} failed after ${job.tries} runs: ${error.message.trim()}`)
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
      jobs.push({ path, args, tries: 0, startedMs: undefined, nextMs: nowMs() + delayMs })
      advance()
    },
    stop() {
      stopped = true
      clearTimeout(timer)
      for (const child of children.values()) child.kill('SIGKILL')
    },
  }
}
