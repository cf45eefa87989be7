// Runs the light client in a thread beside the one that measures.
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import type { Running } from '../test/support/servers.ts'
import type { LightLoad, LightResult } from './light-client.ts'
import { encodeRequests, type Request } from './requests.ts'
import { cpuMs } from './stats.ts'

export interface Sample {
  perSecond: number
  /** User and system time of the server for each request, in µs. */
  cpuUs: number
}

const PIPELINE_TO_FILL = 50

/** Sends requests and measures. The time in which connections are made is not part of it. */
export async function measureLight({ port, proc }: Running, load: Omit<LightLoad, 'port'>): Promise<Sample> {
  const worker = new Worker(new URL('./light-client.js', import.meta.url), {
    workerData: { port, ...load } satisfies LightLoad,
  })
  await once(worker, 'message')
  const before = cpuMs(proc.pid)
  worker.postMessage('begin')
  const [{ requests, seconds }] = (await once(worker, 'message')) as [LightResult]
  return { perSecond: requests / seconds, cpuUs: ((cpuMs(proc.pid) - before) * 1000) / requests }
}

/** Sends requests over one connection, in their order, and waits for all replies. */
export async function sendAll(server: Running, requests: Iterable<Request>): Promise<void> {
  const load = { clients: 1, requests: encodeRequests(requests, PIPELINE_TO_FILL), seconds: Infinity, once: true }
  await measureLight(server, load)
}
