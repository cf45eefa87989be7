// Starts real servers and sentinels, Vedette's or Redis's, on free ports of 127.0.0.1 in folders of their own, and waits
// until each answers PING.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { VEDETTE_MAIN, VEDETTE_NODE } from './paths.ts'
import { freePort } from './ports.ts'
import { callOnce, RespError } from './resp.ts'
import type { Proc, Scope } from './scope.ts'
import { speakTls, type TestTls } from './tls.ts'
import { eventually } from './wait.ts'

/** Whose program: ours, or Debian's redis-server and redis-sentinel. */
export type Make = 'vedette' | 'redis'

export interface Running {
  readonly make: Make
  readonly port: number
  readonly dir: string
  proc: Proc
  /** Starts the ended process again: same port, same folder, `args` in place of those it had. */
  restart(args?: readonly string[]): Promise<void>
}

interface StartOptions {
  make: Make
  port?: number
  dir?: string
  /** `--directive value …` after the port, folder and persistence switches. */
  args?: readonly string[]
  name?: string
  /** It speaks nothing but TLS, also to others. */
  tls?: TestTls | undefined
  /** What the program is run by, as `unshare …`. */
  under?: readonly string[]
}

const commandOf = (make: Make, what: 'server' | 'sentinel'): [string, ...string[]] =>
  make === 'redis' ? [what === 'server' ? 'redis-server' : 'redis-sentinel'] : [VEDETTE_NODE, VEDETTE_MAIN, what]

/** Runs `vedette …` as it stands, without waiting for anything. */
export function vedette(
  scope: Scope,
  args: readonly string[],
  options: { cwd?: string; env?: Record<string, string> } = {},
): Proc {
  return scope.spawn(VEDETTE_NODE, [VEDETTE_MAIN, ...args], { name: `vedette ${args[0]}`, ...options })
}

async function answersPing(proc: Proc, port: number): Promise<void> {
  await eventually(
    `${proc.name} on ${port} answers PING`,
    async () => {
      if (!proc.isRunning()) return true
      const reply = await callOnce(port, 'PING')
      return reply === 'PONG' || (reply instanceof RespError && reply.message.startsWith('NOAUTH'))
    },
    { timeoutMs: 20_000, intervalMs: 10 },
  )
  if (!proc.isRunning()) throw new Error(`${proc.name} ended at its start:\n${proc.output()}`)
}

async function start(
  scope: Scope,
  options: StartOptions,
  commandLine: (port: number, dir: string, args: readonly string[]) => string[],
): Promise<Running> {
  const port = options.port ?? (await freePort())
  const dir = options.dir ?? scope.tempDir()
  if (options.tls !== undefined) speakTls(port, options.tls)
  const spawn = async (args: readonly string[]): Promise<Proc> => {
    const [program = '', ...rest] = [...(options.under ?? []), ...commandLine(port, dir, args)]
    const proc = scope.spawn(program, rest, { name: options.name ?? `${options.make}:${port}`, cwd: dir })
    await answersPing(proc, port)
    return proc
  }
  const running: Running = {
    make: options.make,
    port,
    dir,
    proc: await spawn(options.args ?? []),
    restart: async (args = options.args ?? []) => {
      await running.proc.kill()
      running.proc = await spawn(args)
    },
  }
  return running
}

const overTls = (port: number, { args }: TestTls): string[] => [
  ...['--port', '0', '--tls-port', String(port), '--tls-replication', 'yes'],
  ...args,
]

/** A server without persistence, unless `args` says otherwise. */
export function startServer(scope: Scope, options: StartOptions): Promise<Running> {
  return start(scope, options, (port, dir, args) => [
    ...commandOf(options.make, 'server'),
    ...(options.tls === undefined ? ['--port', String(port)] : overTls(port, options.tls)),
    ...['--bind', '127.0.0.1', '--dir', dir, '--save', ''],
    ...args,
  ])
}

export interface SentinelOptions extends StartOptions {
  /** Name, port and quorum of the group that it monitors. */
  monitor: { name: string; port: number; quorum: number }
  downAfterMs?: number
  failoverTimeoutMs?: number
  /** Further lines of its configuration file. */
  lines?: readonly string[]
}

/** A sentinel with a configuration file in its folder, written once; a restart finds the file as the process left it. */
export function startSentinel(scope: Scope, options: SentinelOptions): Promise<Running> {
  const { name, port: primary, quorum } = options.monitor
  let written = false
  return start(scope, options, (port, dir, args) => {
    const file = join(dir, 'sentinel.conf')
    const lines = [
      ...(options.tls === undefined
        ? [`port ${port}`]
        : ['port 0', `tls-port ${port}`, 'tls-replication yes', ...options.tls.lines]),
      `dir ${dir}`,
      'bind 127.0.0.1',
      `sentinel monitor ${name} 127.0.0.1 ${primary} ${quorum}`,
      ...(options.downAfterMs === undefined ? [] : [`sentinel down-after-milliseconds ${name} ${options.downAfterMs}`]),
      ...(options.failoverTimeoutMs === undefined
        ? []
        : [`sentinel failover-timeout ${name} ${options.failoverTimeoutMs}`]),
      ...(options.lines ?? []),
    ]
    if (!written) writeFileSync(file, `${lines.join('\n')}\n`)
    written = true
    return [...commandOf(options.make, 'sentinel'), file, ...args]
  })
}

/** The URL of a sentinel's HTTP port, once its log names it. */
export async function httpUrlOf({ proc }: Running): Promise<string> {
  const [, url] = await proc.waitForOutput(/Metrics and health: (http:\/\/127\.0\.0\.1:\d+)/, 20_000)
  return url!
}
