// SET and GET in pipelines: requests a second and the server's processor time for each, in alternating rounds so that a
// change of the machine's mood hits both servers. By two clients: redis-benchmark, which everybody knows, and a light one
// that leaves the server to be what is measured.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { seededRandom } from '../src/lib/prng.ts'
import { createScope } from '../test/support/scope.ts'
import type { Make, Running } from '../test/support/servers.ts'
import type { Bench } from './case.ts'
import { measureLight, type Sample } from './light.ts'
import { load } from './load.ts'

import { type Row, sampledRow } from './report.ts'
import { encodeRequests } from './requests.ts'
import { startEqual } from './servers.ts'
import { cpuMs } from './stats.ts'

const PIPELINES = [1, 16, 64] as const
type Pipeline = (typeof PIPELINES)[number]
type Test = 'set' | 'get'

/** Requests of one measurement of redis-benchmark by pipeline depth: some seconds each. */
const REQUESTS: Record<Pipeline, number> = { 1: 200_000, 16: 1_000_000, 64: 2_000_000 }
const LIGHT_SECONDS = 2
const REQUESTS_PREPARED = 400_000
/** Throughput at least, and processor time for each operation at most so many times Redis's. */
const GOALS: Record<Pipeline, { throughput: number; cpu: number }> = {
  1: { throughput: 0.9, cpu: 1.1 },
  16: { throughput: 1.2, cpu: 0.83 },
  64: { throughput: 1.3, cpu: 0.77 },
}
const CLIENTS = 50
const KEYS = 100_000
const VALUE_BYTES = 32
/** redis-benchmark 7.0.15 now and then never ends. */
const BENCHMARK_TIMEOUT_MS = 60_000

type Client = (server: Running, test: Test, pipeline: Pipeline) => Promise<Sample>

/** By redis-benchmark, with further options of its own. */
export const byRedisBenchmark =
  (further: readonly string[]): Client =>
  async ({ port, proc }, test, pipeline) => {
    const requests = REQUESTS[pipeline]
    const before = cpuMs(proc.pid)
    const { stdout } = await promisify(execFile)(
      'redis-benchmark',
      [
        ...[
          '-h',
          '127.0.0.1',
          '-p',
          String(port),
          '-c',
          String(CLIENTS),
          '-n',
          String(requests),
          '-P',
          String(pipeline),
        ],
        ...['-t', test, '-d', String(VALUE_BYTES), '-r', String(KEYS), '--csv', ...further],
      ],
      { timeout: BENCHMARK_TIMEOUT_MS, killSignal: 'SIGKILL' },
    )
    const perSecond = Number(stdout.match(new RegExp(`^"${test}","([\\d.]+)"`, 'im'))?.[1])
    if (!(perSecond > 0)) throw new Error(`redis-benchmark printed no figure for ${test}:\n${stdout}`)
    return { perSecond, cpuUs: ((cpuMs(proc.pid) - before) * 1000) / requests }
  }

const lightClient: Client = (server, test, pipeline) => {
  const random = seededRandom(1)
  const value = test === 'set' ? ['x'.repeat(VALUE_BYTES)] : []
  const requests = Array.from({ length: REQUESTS_PREPARED }, () => {
    return [test, `key:${String(random.below(KEYS)).padStart(12, '0')}`, ...value]
  })
  const load = { clients: CLIENTS, requests: encodeRequests(requests, pipeline), seconds: LIGHT_SECONDS, once: false }
  return measureLight(server, load)
}

const CLIENTS_BY_NAME: Readonly<Record<string, Client>> = {
  'redis-benchmark': byRedisBenchmark([]),
  'light client': lightClient,
}

/** The two rows of one client, test and depth. */
function rowsOf(name: string, pipeline: Pipeline, samples: ReadonlyMap<Make, readonly Sample[]>): Row[] {
  const goal = GOALS[pipeline]
  return [
    { ...sampledRow(`${name}, throughput`, '/s', samples, 'perSecond'), goal: { ratioAtLeast: goal.throughput } },
    { ...sampledRow(`${name}, server CPU`, 'µs/op', samples, 'cpuUs'), goal: { ratioAtMost: goal.cpu } },
  ]
}

/** Samples of each server, in rounds that alternate between them; round 0 warms up and is not counted. */
export async function alternate(
  servers: ReadonlyMap<Make, Running>,
  runs: number,
  measure: (server: Running) => Promise<Sample>,
  figure: string,
  say: (line: string) => void,
): Promise<Map<Make, Sample[]>> {
  const samples = new Map<Make, Sample[]>([...servers.keys()].map((make) => [make, []]))
  for (let round = 0; round <= runs; round++) {
    for (const [make, server] of servers) {
      const sample = await measure(server)
      if (round > 0) samples.get(make)!.push(sample)
      say(`${figure} round ${round} ${make}: ${Math.round(sample.perSecond)}/s, ${sample.cpuUs.toFixed(2)} µs`)
    }
  }
  return samples
}

export const throughputBench: Bench = {
  name: 'throughput',
  about: `SET and GET, ${CLIENTS} clients, ${KEYS.toLocaleString('en-US')} random keys of 16 bytes, values of ${VALUE_BYTES} bytes; medians of alternating rounds. Processor time is user + system of the server with all its threads. redis-benchmark fills a core of its own from 16 requests on; the light client sends what it encoded beforehand and counts bytes.`,
  run: async ({ makes, runs = 5, say }) => {
    const scope = createScope()
    try {
      const servers = new Map<Make, Running>()
      for (const make of makes) {
        const server = await startEqual(scope, make)
        await load({ port: server.port, keys: KEYS, pass: 1, perSecondMax: Infinity })
        servers.set(make, server)
      }
      const rows: Row[] = []
      for (const [clientName, client] of Object.entries(CLIENTS_BY_NAME)) {
        for (const pipeline of PIPELINES) {
          for (const test of ['set', 'get'] as const) {
            const figure = `throughput ${clientName} ${test} ×${pipeline}`
            const samples = await alternate(servers, runs, (server) => client(server, test, pipeline), figure, say)
            rows.push(...rowsOf(`${test.toUpperCase()}, pipeline ${pipeline}, ${clientName}`, pipeline, samples))
          }
        }
      }
      return rows
    } finally {
      await scope.close()
    }
  },
}
