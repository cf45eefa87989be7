// Facts about the process that INFO and SENTINEL CONFIG GET show.
import os from 'node:os'
import type { SentinelOptions } from '../config/sentinel-options.ts'
import type { ProcessFacts } from './commands/spec.ts'

/** What INFO says of the process. */
export function processFacts(options: SentinelOptions, port: number, runId: string, uptimeMs: number): ProcessFacts {
  const cpu = process.cpuUsage()
  return {
    pid: process.pid,
    port,
    runId,
    uptimeSeconds: Math.floor(uptimeMs / 1000),
    executable: process.argv[1] ?? process.execPath,
    os: `${os.type()} ${os.release()} ${os.machine()}`,
    archBits: process.arch.includes('64') ? 64 : 32,
    cpu: { userSeconds: cpu.user / 1e6, systemSeconds: cpu.system / 1e6 },
    residentBytes: process.memoryUsage.rss(),
    maxClients: options.maxclients,
  }
}

const SHOWN = [
  'announce-ip',
  'announce-port',
  'announce-hostnames',
  'resolve-hostnames',
  'loglevel',
  'expect',
  'announce-id',
  'dead-sentinel-timeout',
  'heartbeat-interval-milliseconds',
  'election-timeout-milliseconds',
] as const satisfies readonly (keyof SentinelOptions)[]

/** What SENTINEL CONFIG GET shows; no passwords among it. */
export const shownOptions = (options: SentinelOptions): ReadonlyMap<string, string> =>
  new Map(SHOWN.map((name) => [name, textOf(options[name])]))

const textOf = (value: string | number | boolean | undefined): string =>
  value === undefined ? 'auto' : typeof value === 'boolean' ? (value ? 'yes' : 'no') : String(value)
