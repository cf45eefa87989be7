// Facts about the process that INFO shows.
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
