// The example programs of examples/clients, each in its language: how it is made ready and run, and what it lived through. A program
// writes `example:<n>`, prints n once that was acknowledged, and prints errors to standard error.
import { execFileSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { announcedPort, type Group } from './group.ts'
import { CACHE } from './helm.ts'
import { isInstalled, ROOT } from './paths.ts'
import { callOnce, info } from './resp.ts'
import type { Proc, Scope } from './scope.ts'
import type { Running } from './servers.ts'
import { eventually } from './wait.ts'

export interface ClientProgram {
  readonly name: string
  /** The program of its language that must be on the PATH. */
  readonly needs: string
  /** Fetches and builds what it needs, and gives its command line without the arguments. */
  readonly ready: () => readonly [string, ...string[]]
}

const EXAMPLES = join(ROOT, 'examples/clients')
const at = (...parts: string[]): string => join(EXAMPLES, ...parts)

function run(command: string, args: readonly string[], cwd: string): void {
  execFileSync(command, args, { cwd, stdio: ['ignore', 'ignore', 'pipe'], timeout: 900_000 })
}

const node = (file: string): ClientProgram => ({
  name: file.replace('.mjs', ''),
  needs: 'node',
  ready: () => [process.execPath, at(file)],
})

const python = (name: string, file: string): ClientProgram => ({
  name,
  needs: 'python3',
  ready: () => {
    const venv = join(CACHE, 'python-clients')
    run('python3', ['-m', 'venv', venv], EXAMPLES)
    run(join(venv, 'bin/pip'), ['install', '--quiet', '-r', at('python/requirements.txt')], EXAMPLES)
    return [join(venv, 'bin/python'), at('python', file)]
  },
})

const go = (name: string): ClientProgram => ({
  name,
  needs: 'go',
  ready: () => {
    const program = join(CACHE, `client-${name}`)
    mkdirSync(CACHE, { recursive: true })
    run('go', ['build', '-o', program, '.'], at('go', name))
    return [program]
  },
})

const java = (name: string, main: string): ClientProgram => ({
  name,
  needs: 'mvn',
  ready: () => {
    run('mvn', ['-q', '-B', 'compile', 'dependency:copy-dependencies'], at('java'))
    return ['java', '-cp', `${at('java/target/classes')}:${at('java/target/dependency')}/*`, main]
  },
})

const rust: ClientProgram = {
  name: 'redis-rs',
  needs: 'cargo',
  ready: () => {
    const target = join(CACHE, 'rust-clients')
    run('cargo', ['build', '--quiet', '--release', '--target-dir', target], at('rust'))
    return [join(target, 'release/redis-rs-example')]
  },
}

/** Those that run wherever the tests do. */
export const NODE_PROGRAMS = [node('ioredis.mjs'), node('iovalkey.mjs'), node('node-redis.mjs')]

export const OTHER_PROGRAMS = [
  python('redis-py', 'redis_py.py'),
  python('redis-py asyncio', 'redis_py_asyncio.py'),
  go('go-redis'),
  go('rueidis'),
  java('Jedis', 'JedisExample'),
  java('Lettuce', 'LettuceExample'),
  rust,
].filter(({ needs }) => isInstalled(needs))

/** A program under way. */
interface Watched {
  readonly proc: Proc
  /** Numbers that it printed, and when. */
  readonly acks: { readonly n: number; readonly atMs: number }[]
  readonly errors: string[]
}

export function startProgram(scope: Scope, commandLine: readonly string[], group: string, sentinel: Running): Watched {
  const [command, ...args] = commandLine as [string, ...string[]]
  const proc = scope.spawn(command, [...args, group, `127.0.0.1:${sentinel.port}`], { name: command })
  const acks: Watched['acks'] = []
  const errors: string[] = []
  const lines = (stream: NodeJS.ReadableStream | null, take: (line: string) => void): void => {
    let rest = ''
    stream?.on('data', (chunk: string) => {
      const parts = (rest + chunk).split('\n')
      rest = parts.pop()!
      parts.forEach(take)
    })
  }
  lines(proc.child.stdout, (line) => acks.push({ n: Number(line), atMs: performance.now() }))
  lines(proc.child.stderr, (line) => errors.push(line))
  return { proc, acks, errors }
}

/** What a program lived through in one fault. */
export interface Ordeal {
  readonly gapMs: number
  readonly lost: number
  readonly errors: number
  readonly readonlyErrors: number
}

export const FAULTS = {
  killed: async (_: Group, primary: Running) => void (await primary.proc.kill()),
  frozen: async (_: Group, primary: Running) => primary.proc.signal('SIGSTOP'),
  'handed over': async (group: Group) =>
    void (await callOnce(group.sentinels[1]!.port, 'SENTINEL', 'FAILOVER', group.name)),
  /** The sentinel that the program was told of goes first. */
  'killed, its sentinel before': async (group: Group, primary: Running) => {
    await group.sentinels[0]!.proc.kill()
    await primary.proc.kill()
  },
} as const

export type Fault = keyof typeof FAULTS

const WARM = 200
/** It has to have written for so long after the longest pause before the ordeal counts as over. */
const CALM_MS = 1500

/** Runs the program against the group through one fault, and says how it went. The fault is undone before this resolves. */
export async function ordeal(
  scope: Scope,
  commandLine: readonly string[],
  group: Group,
  fault: Fault,
  patienceMs: number,
): Promise<Ordeal> {
  const before = await announcedPort(group.sentinels[1]!, group.name)
  const primary = group.serverAt(before)
  const watched = startProgram(scope, commandLine, group.name, group.sentinels[0]!)
  const { acks, errors, proc } = watched
  await eventually('the program writes', () => acks.length > WARM, { timeoutMs: 30_000 })
  const faultMs = performance.now()
  const sound = errors.length
  await FAULTS[fault](group, primary)
  const longest = (): { fromMs: number; ms: number } => {
    let found = { fromMs: faultMs, ms: 0 }
    for (let i = 1; i < acks.length; i++) {
      const ms = acks[i]!.atMs - acks[i - 1]!.atMs
      if (acks[i]!.atMs > faultMs && ms > found.ms) found = { fromMs: acks[i - 1]!.atMs, ms }
    }
    return found
  }
  await eventually(
    `${proc.name} goes on`,
    async () => {
      if (!proc.isRunning()) throw new Error(`it ended: ${errors.slice(-3).join('; ')}`)
      const { fromMs, ms } = longest()
      const moved = (await announcedPort(group.sentinels[1]!, group.name)) !== before
      return moved && ms > 0 && (acks.at(-1)?.atMs ?? 0) > fromMs + ms + CALM_MS
    },
    { timeoutMs: patienceMs, intervalMs: 100 },
  )
  await proc.kill()
  const after = await announcedPort(group.sentinels[1]!, group.name)
  const lost = await lostOf(
    after,
    acks.map(({ n }) => n),
  )
  await mend(group, primary, fault, after)
  const since = errors.slice(sound)
  return {
    gapMs: longest().ms,
    lost,
    errors: since.length,
    readonlyErrors: since.filter((line) => line.includes('READONLY')).length,
  }
}

/** Which of the acknowledged numbers the server does not hold. */
async function lostOf(port: number, numbers: readonly number[]): Promise<number> {
  let lost = 0
  for (let from = 0; from < numbers.length; from += 500) {
    const batch = numbers.slice(from, from + 500)
    const values = (await callOnce(port, 'MGET', ...batch.map((n) => `example:${n}`))) as (string | null)[]
    lost += batch.filter((n, i) => values[i] !== String(n)).length
  }
  return lost
}

/** Undoes the fault: everything runs again, and the old primary is a replica of the new one. */
async function mend(group: Group, old: Running, fault: Fault, primaryPort: number): Promise<void> {
  if (fault === 'frozen') old.proc.signal('SIGCONT')
  if (fault.startsWith('killed')) await old.restart()
  if (fault === 'killed, its sentinel before') await group.sentinels[0]!.restart()
  await eventually(
    `${old.make}:${old.port} replicates from ${primaryPort}`,
    async () => {
      const seen = await info(old.port, 'replication')
      return seen.master_link_status === 'up' && seen.master_port === String(primaryPort)
    },
    { timeoutMs: 60_000 },
  )
  await callOnce(primaryPort, 'FLUSHALL')
}
