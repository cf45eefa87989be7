// Sentinels whose files hold just the lines that a test gives them, and what is asked of several of them at once.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { announcedPort, isFormed } from './group.ts'
import { VEDETTE_MAIN, VEDETTE_NODE } from './paths.ts'
import { freePort } from './ports.ts'
import { callOnce } from './resp.ts'
import type { Proc, Scope } from './scope.ts'
import { eventually } from './wait.ts'

export const NAME = 'm'
export const PATIENT = { timeoutMs: 40_000, intervalMs: 50 }

export interface Lined {
  port: number
  readonly dir: string
  proc: Proc
  lines: readonly string[]
  /** What the program is run by, as `unshare …`. */
  readonly under: readonly string[]
}

/** The lines that make a sentinel watch the primary at this port. */
export const monitor = (port: number, quorum: number, host = '127.0.0.1'): string[] => [
  `sentinel monitor ${NAME} ${host} ${port} ${quorum}`,
  `sentinel down-after-milliseconds ${NAME} 1000`,
]

/** Starts a sentinel with just these lines in its file. */
export async function startLined(
  scope: Scope,
  lines: readonly string[],
  {
    dir = scope.tempDir(),
    port,
    under = [],
  }: { dir?: string; port?: number | undefined; under?: readonly string[] } = {},
): Promise<Lined> {
  const one = { port: port ?? (await freePort()), dir, proc: undefined as unknown as Proc, lines, under }
  await launch(scope, one)
  return one
}

/** Starts it, for the first time or again, with its file written anew. */
export async function launch(scope: Scope, one: Lined): Promise<void> {
  const conf = join(one.dir, 'sentinel.conf')
  writeFileSync(conf, [`port ${one.port}`, `dir ${one.dir}`, 'bind 127.0.0.1', ...one.lines, ''].join('\n'))
  const [program = '', ...args] = [...one.under, VEDETTE_NODE, VEDETTE_MAIN, 'sentinel', conf]
  one.proc = scope.spawn(program, args, { name: 'vedette sentinel' })
  await eventually(
    `the sentinel on ${one.port} answers`,
    async () => (await callOnce(one.port, 'PING')) === 'PONG',
    PATIENT,
  )
}

/** Waits until each of them sees the primary, the replicas and all the others, and can decide. */
export const formed = (sentinels: readonly Lined[], replicas = 1): Promise<unknown> =>
  Promise.all(
    sentinels.map((one) =>
      eventually(
        `the sentinel on ${one.port} sees all:\n${one.proc.output().slice(-2_000)}`,
        () => isFormed(one, NAME, replicas, sentinels.length - 1),
        PATIENT,
      ),
    ),
  )

/** Waits until each of them names the server at this port. */
export const failedOver = (sentinels: readonly Lined[], to: number): Promise<unknown> =>
  Promise.all(
    sentinels.map((one) =>
      eventually(
        `the sentinel on ${one.port} names ${to}`,
        async () => (await announcedPort(one, NAME)) === to,
        PATIENT,
      ),
    ),
  )

/** The address that a sentinel announces, as host:port. */
export async function announced(one: { readonly port: number }): Promise<string> {
  const reply = await callOnce(one.port, 'SENTINEL', 'GET-MASTER-ADDR-BY-NAME', NAME)
  return Array.isArray(reply) ? reply.join(':') : String(reply)
}
