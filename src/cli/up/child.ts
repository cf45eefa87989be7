// One child process of `vedette up`: starts it, tells when it is ready and when it has died, ends it. It runs in a process
// group of its own, so that Ctrl-C in the terminal reaches `up` alone, which then ends its children in order; and with a
// channel to `up`, whose end (even by SIGKILL) tells the child to stop.
import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { PARENT_ENV, SCRATCH_ENV } from '../process.ts'
import type { ProcessPlan } from './plan.ts'

const MAIN = fileURLToPath(new URL('../main.js', import.meta.url))

/** How a process ended. */
export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** A process that was started. */
export interface Child {
  readonly plan: ProcessPlan
  readonly pid: number
  /** Resolves when it listens; to false when it ends before. */
  readonly ready: Promise<boolean>
  /** Resolves when the process is gone. */
  readonly ended: Promise<Ended>
  readonly alive: boolean
  /** Sends a signal, if it still runs. */
  kill(signal: NodeJS.Signals): void
}

/** The file that a process's output goes to. */
export function logFile(plan: ProcessPlan): string {
  return join(dirname(plan.dir), `${plan.name}.log`)
}

/** The last lines of a process's output. */
export function lastLines(plan: ProcessPlan, lines: number): string[] {
  try {
    return readFileSync(logFile(plan), 'utf8').trimEnd().split('\n').slice(-lines)
  } catch {
    return []
  }
}

/** Starts `vedette <words>`. `scratch`: the temporary directory that it removes should `up` die. */
export function startChild(plan: ProcessPlan, words: readonly string[], scratch: string | undefined): Child {
  mkdirSync(plan.dir, { recursive: true })
  const output = openSync(logFile(plan), 'a')
  const env = { ...process.env, [PARENT_ENV]: '1', ...(scratch === undefined ? {} : { [SCRATCH_ENV]: scratch }) }
  const child = spawn(process.execPath, [MAIN, ...words], {
    env,
    detached: true,
    stdio: ['ignore', output, output, 'ipc'],
  })
  closeSync(output)
  const ended = endOf(child)
  let alive = true
  void ended.then(() => {
    alive = false
  })
  const ready = new Promise<boolean>((resolve) => {
    child.once('message', () => resolve(true))
    void ended.then(() => resolve(false))
  })
  return {
    plan,
    pid: child.pid ?? 0,
    ready,
    ended,
    get alive() {
      return alive
    },
    kill: (signal) => void child.kill(signal),
  }
}

function endOf(child: ChildProcess): Promise<Ended> {
  return new Promise((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }))
    child.once('error', () => resolve({ code: null, signal: null }))
  })
}
