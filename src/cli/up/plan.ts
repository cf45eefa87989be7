// What `vedette up` starts: every process with its ports, directory and words. Pure; choosing free ports is up/ports.ts's.
import { join } from 'node:path'
import { GOSSIP_PORT_OFFSET, HTTP_PORT_OFFSET } from '../../config/sentinel-options.ts'
import { UsageError } from '../command.ts'

export const GROUP_NAME = 'mymaster'
export const HOST = '127.0.0.1'

export interface UpArgs {
  readonly port: number
  readonly replicas: number
  readonly 'sentinel-port': number | undefined
  readonly sentinels: number
  readonly 'data-dir': string | undefined
  readonly chaos: number | undefined
  readonly 'down-after': number
}

/** The ports of one sentinel. */
export interface SentinelPorts {
  readonly resp: number
  readonly http: number
  readonly gossip: number
}

/** The ports of everything; 0 where a free one is to be chosen. */
export interface Ports {
  readonly servers: readonly number[]
  readonly sentinels: readonly SentinelPorts[]
}

/** One process to run. Its name is that of its directory and log too. */
export interface ProcessPlan {
  readonly name: string
  readonly kind: 'server' | 'sentinel'
  readonly port: number
  readonly dir: string
}

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i)

/** The ports that the options ask for. Throws UsageError when they overlap or leave the range. */
export function wantedPorts(args: UpArgs): Ports {
  const first = args['sentinel-port'] ?? (args.port === 0 ? 0 : 26379)
  const at = (base: number, i: number): number => (base === 0 ? 0 : base + i)
  const ports: Ports = {
    servers: range(args.replicas + 1).map((i) => at(args.port, i)),
    sentinels: range(args.sentinels).map((i) => ({
      resp: at(first, i),
      http: at(first, i + HTTP_PORT_OFFSET),
      gossip: at(first, i + GOSSIP_PORT_OFFSET),
    })),
  }
  const seen = new Set<number>()
  for (const port of allPorts(ports)) {
    if (port === 0) continue
    if (port > 65535) throw new UsageError(`port ${port} would be needed and is above 65535; choose lower ports`)
    if (seen.has(port))
      throw new UsageError(`port ${port} would be needed twice; choose --port and --sentinel-port further apart`)
    seen.add(port)
  }
  return ports
}

/** Every port of the list, servers first. */
export function allPorts(ports: Ports): number[] {
  return [...ports.servers, ...ports.sentinels.flatMap((one) => [one.resp, one.http, one.gossip])]
}

/** The same with every port replaced. */
export function withPorts(ports: Ports, chosen: readonly number[]): Ports {
  const n = ports.servers.length
  return {
    servers: chosen.slice(0, n),
    sentinels: ports.sentinels.map((_, i) => {
      const [resp, http, gossip] = chosen.slice(n + 3 * i, n + 3 * i + 3) as [number, number, number]
      return { resp, http, gossip }
    }),
  }
}

/** The servers, first the one that begins as primary. */
export function serverPlans(ports: Ports, root: string): ProcessPlan[] {
  return ports.servers.map((port, i) => {
    const name = `server-${i + 1}`
    return { name, kind: 'server', port, dir: join(root, name) }
  })
}

/** The sentinels. */
export function sentinelPlans(ports: Ports, root: string): ProcessPlan[] {
  return ports.sentinels.map(({ resp }, i) => {
    const name = `sentinel-${i + 1}`
    return { name, kind: 'sentinel', port: resp, dir: join(root, name) }
  })
}

/** The words after `vedette` for a server; a replica of `primaryPort` unless that is its own. `keep`: with snapshots. */
export function serverWords(plan: ProcessPlan, primaryPort: number, keep: boolean): string[] {
  const words = ['server', '--port', String(plan.port), '--bind', HOST, '--dir', plan.dir]
  if (!keep) words.push('--save', '')
  if (primaryPort !== plan.port) words.push('--replicaof', HOST, String(primaryPort))
  return words
}

/** The words after `vedette` for a sentinel. */
export function sentinelWords(plan: ProcessPlan, ports: SentinelPorts, primaryPort: number, args: UpArgs): string[] {
  const quorum = Math.floor(args.sentinels / 2) + 1
  const sentinel = (...words: (string | number)[]): string[] => ['--sentinel', ...words.map(String)]
  return [
    'sentinel',
    ...['--port', String(plan.port), '--bind', HOST, '--dir', plan.dir],
    ...sentinel('monitor', GROUP_NAME, HOST, primaryPort, quorum),
    ...sentinel('down-after-milliseconds', GROUP_NAME, args['down-after']),
    ...sentinel('expect', args.sentinels),
    ...['--http-port', String(ports.http), '--gossip-port', String(ports.gossip), '--gossip-bind', HOST],
  ]
}
