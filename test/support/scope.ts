// Everything that a test starts belongs to a scope: child processes, temporary folders, sockets. Closing the scope ends
// it all, by pid, newest first, whether the test passed or threw. Invariant: no process outlives its scope. Where the
// kernel offers it (`setpriv --pdeathsig`), a child dies with the test runner even if that is killed with SIGKILL.
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isInstalled } from './paths.ts'
import { within } from './wait.ts'

export interface Exit {
  code: number | null
  signal: NodeJS.Signals | null
}

/** A child process with what it printed. */
export interface Proc {
  readonly name: string
  readonly pid: number
  readonly child: ChildProcess
  /** Resolves when the process has ended; never rejects. */
  readonly exited: Promise<Exit>
  isRunning(): boolean
  /** Standard output and error, interleaved as they came; the last 1 MB. */
  output(): string
  /** Waits until the output matches; fails at once when the process ends first. */
  waitForOutput(pattern: RegExp, timeoutMs?: number): Promise<RegExpMatchArray>
  /** SIGSTOP and SIGCONT, SIGHUP …: anything that does not wait. */
  signal(signal: NodeJS.Signals): void
  /** SIGKILL, then waits until the kernel has reaped it. */
  kill(): Promise<Exit>
  /** SIGTERM, and SIGKILL after `graceMs`. */
  stop(graceMs?: number): Promise<Exit>
}

export interface SpawnOptions {
  name?: string
  cwd?: string
  env?: Record<string, string>
  /** Feeds standard input; without it the child reads nothing. */
  stdin?: 'pipe'
}

export interface Scope {
  spawn(command: string, args: readonly string[], options?: SpawnOptions): Proc
  /** A fresh folder, removed with the scope. */
  tempDir(): string
  /** Runs `end` when the scope closes. */
  defer(end: () => unknown): void
  close(): Promise<void>
}

const OUTPUT_CHARS_MAX = 1 << 20
const alive = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of alive) child.kill('SIGKILL')
})

const DIES_WITH_US =
  process.platform === 'linux' && isInstalled('setpriv') ? ['setpriv', '--pdeathsig', 'KILL', '--'] : []

function startProcess(command: string, args: readonly string[], options: SpawnOptions): Proc {
  const [program, ...rest] = [...DIES_WITH_US, command, ...args] as [string, ...string[]]
  const child = spawn(program, rest, {
    cwd: options.cwd,
    env: { ...process.env, NO_COLOR: '1', ...options.env },
    stdio: [options.stdin ?? 'ignore', 'pipe', 'pipe'],
  })
  alive.add(child)
  const name = options.name ?? command
  let output = ''
  const watchers = new Set<() => void>()
  const collect = (chunk: string): void => {
    output = (output + chunk).slice(-OUTPUT_CHARS_MAX)
    for (const watch of watchers) watch()
  }
  child.stdout?.setEncoding('utf8').on('data', collect)
  child.stderr?.setEncoding('utf8').on('data', collect)
  const exited = new Promise<Exit>((resolve) => {
    child.once('error', (error) => {
      alive.delete(child)
      collect(`${error.message}\n`)
      resolve({ code: null, signal: null })
    })
    // 'close' comes after 'exit' and after the last output.
    child.once('close', (code, signal) => {
      alive.delete(child)
      resolve({ code, signal })
      for (const watch of watchers) watch()
    })
  })
  const isRunning = (): boolean => alive.has(child) && child.exitCode === null && child.signalCode === null

  const waitForOutput = (pattern: RegExp, timeoutMs = 10_000): Promise<RegExpMatchArray> => {
    let watch: () => void = () => {}
    const found = new Promise<RegExpMatchArray>((resolve, reject) => {
      watch = () => {
        const match = output.match(pattern)
        if (match !== null) resolve(match)
        else if (!alive.has(child))
          reject(new Error(`${name} ended before it printed ${pattern}:\n${output.slice(-4000)}`))
      }
      watchers.add(watch)
      watch()
    })
    return within(timeoutMs, `${name} prints ${pattern}`, found)
      .catch((error: Error) => {
        throw new Error(
          error.message.includes('ended before')
            ? error.message
            : `${error.message}; it printed:\n${output.slice(-4000)}`,
        )
      })
      .finally(() => watchers.delete(watch))
  }
  const kill = async (): Promise<Exit> => {
    if (isRunning()) child.kill('SIGKILL')
    return within(10_000, `${name} (pid ${child.pid}) ends after SIGKILL`, exited)
  }
  const stop = async (graceMs = 5_000): Promise<Exit> => {
    if (!isRunning()) return exited
    child.kill('SIGCONT')
    child.kill('SIGTERM')
    return within(graceMs, `${name} ends after SIGTERM`, exited).catch(kill)
  }
  return {
    name,
    pid: child.pid ?? -1,
    child,
    exited,
    isRunning,
    output: () => output,
    waitForOutput,
    signal: (signal) => void child.kill(signal),
    kill,
    stop,
  }
}

/** An open scope. Whoever makes one closes it in a `finally` or an `afterEach`. */
export function createScope(): Scope {
  const ends: (() => unknown)[] = []
  const defer = (end: () => unknown): void => void ends.push(end)
  return {
    defer,
    spawn: (command, args, options = {}) => {
      const proc = startProcess(command, args, options)
      defer(() => proc.kill())
      return proc
    },
    tempDir: () => {
      const folder = mkdtempSync(join(tmpdir(), 'vedette-test-'))
      defer(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))
      return folder
    },
    close: async () => {
      const errors: unknown[] = []
      for (let end = ends.pop(); end !== undefined; end = ends.pop()) {
        try {
          await end()
        } catch (error) {
          errors.push(error)
        }
      }
      if (errors.length > 0)
        throw new AggregateError(errors, `${errors.length} things did not end: ${errors.join('; ')}`)
    },
  }
}
