// A whole group: a primary, replicas, and the sentinels over them; and the questions that tests ask of it.
import { callOnce, info, RespError, type RespValue, record } from './resp.ts'
import type { Scope } from './scope.ts'
import { type Make, type Running, startSentinel, startServer } from './servers.ts'
import type { TestTls } from './tls.ts'
import { eventually } from './wait.ts'

export interface GroupOptions {
  servers: Make
  sentinels: Make
  replicas?: number
  sentinelCount?: number
  quorum?: number
  downAfterMs?: number
  failoverTimeoutMs?: number
  serverArgs?: readonly string[]
  sentinelLines?: readonly string[]
  /** All of it speaks nothing but TLS. */
  tls?: TestTls
}

export interface Group {
  readonly name: string
  readonly servers: Running[]
  readonly sentinels: Running[]
  /** From the spawn of the sentinels until `isFormed`, in ms. */
  readonly formedMs: number
  /** The server that holds this port. */
  serverAt(port: number): Running
}

/** Waits until a replica has its link up. */
export async function linkUp(replica: Running, primaryPort: number): Promise<void> {
  await eventually(`${replica.make}:${replica.port} replicates from ${primaryPort}`, async () => {
    const seen = await info(replica.port, 'replication')
    return seen.master_link_status === 'up' && seen.master_port === String(primaryPort)
  })
}

/** The address that one sentinel announces. */
export async function announcedPort(sentinel: Pick<Running, 'port'>, name: string): Promise<number> {
  const reply = await callOnce(sentinel.port, 'SENTINEL', 'GET-MASTER-ADDR-BY-NAME', name)
  if (!Array.isArray(reply)) throw new Error(`no address: ${text(reply)}`)
  return Number(reply[1])
}

const text = (value: RespValue): string => (value instanceof RespError ? value.message : String(value))

/** Whether this sentinel sees the primary up, so many replicas and other sentinels, and a quorum that can act. */
export async function isFormed(
  sentinel: Pick<Running, 'port'>,
  name: string,
  replicas: number,
  others: number,
): Promise<boolean> {
  const state = record(await callOnce(sentinel.port, 'SENTINEL', 'MASTER', name))
  if (state.flags !== 'master' || state['num-slaves'] !== String(replicas)) return false
  if (state['num-other-sentinels'] !== String(others)) return false
  const listed = await callOnce(sentinel.port, 'SENTINEL', 'REPLICAS', name)
  if (!Array.isArray(listed) || !listed.every((row) => record(row).flags === 'slave')) return false
  const quorum = await callOnce(sentinel.port, 'SENTINEL', 'CKQUORUM', name)
  return typeof quorum === 'string' && quorum.startsWith('OK')
}

/** Starts the servers, then all sentinels at once, and waits until every sentinel knows all. */
export async function startGroup(scope: Scope, options: GroupOptions): Promise<Group> {
  const name = 'mymaster'
  const { tls, replicas = 2, sentinelCount = 3, quorum = 2 } = options
  const args = options.serverArgs ?? []
  const primary = await startServer(scope, {
    make: options.servers,
    tls,
    args: [...REPLICATION_ARGS[options.servers], ...args],
  })
  const followers = await Promise.all(
    Array.from({ length: replicas }, () =>
      startServer(scope, {
        make: options.servers,
        tls,
        args: [...REPLICATION_ARGS[options.servers], '--replicaof', '127.0.0.1', String(primary.port), ...args],
      }),
    ),
  )
  await Promise.all(followers.map((replica) => linkUp(replica, primary.port)))
  const startedMs = performance.now()
  const sentinels = await Promise.all(
    Array.from({ length: sentinelCount }, () =>
      startSentinel(scope, {
        make: options.sentinels,
        tls,
        monitor: { name, port: primary.port, quorum },
        downAfterMs: options.downAfterMs ?? 1000,
        failoverTimeoutMs: options.failoverTimeoutMs ?? 10_000,
        lines: options.sentinelLines,
      }),
    ),
  )
  await Promise.all(
    sentinels.map((sentinel) =>
      eventually(
        `sentinel ${sentinel.port} knows the group`,
        () => isFormed(sentinel, name, replicas, sentinelCount - 1),
        { timeoutMs: 30_000, intervalMs: 10 },
      ),
    ),
  )
  const formedMs = performance.now() - startedMs
  const servers = [primary, ...followers]
  return {
    name,
    servers,
    sentinels,
    formedMs,
    serverAt: (port) => {
      const found = servers.find((server) => server.port === port)
      if (found === undefined) throw new Error(`no server of the group has port ${port}`)
      return found
    },
  }
}

/** A diskless full sync without its five seconds of waiting for more replicas, so that starts are quick. */
const REPLICATION_ARGS: Record<Make, readonly string[]> = {
  redis: ['--repl-diskless-sync-delay', '0'],
  vedette: [],
}
