// SET and GET under redis-benchmark: requests a second and the server's processor time for each, in alternating rounds
// so that a change of the machine's mood hits both.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { createScope } from '../test/support/scope.ts'
import { type Make, type Running, startServer } from '../test/support/servers.ts'
import type { Bench } from './case.ts'
import type { Row } from './report.ts'
import { cpuMs, median } from './stats.ts'

/** Requests of one measurement by pipeline depth: some seconds each. */
const REQUESTS: Record<number, number> = { 1: 200_000, 16: 1_500_000, 64: 3_000_000 }
const GOALS: Record<number, number> = { 1: 0.9, 16: 1.2, 64: 1.3 }
const CLIENTS = 50
const KEYS = 100_000
const VALUE_BYTES = 32

interface Sample {
  perSecond: number
  cpuUs: number
}

async function measure({ port, proc }: Running, test: 'set' | 'get', pipeline: number): Promise<Sample> {
  const requests = REQUESTS[pipeline]!
  const before = cpuMs(proc.pid)
  const { stdout } = await promisify(execFile)('redis-benchmark', [
    ...['-h', '127.0.0.1', '-p', String(port), '-c', String(CLIENTS), '-n', String(requests), '-P', String(pipeline)],
    ...['-t', test, '-d', String(VALUE_BYTES), '-r', String(KEYS), '--csv'],
  ])
  const perSecond = Number(stdout.match(new RegExp(`^"${test}","([\\d.]+)"`, 'im'))?.[1])
  if (!(perSecond > 0)) throw new Error(`redis-benchmark printed no figure for ${test}:\n${stdout}`)
  return { perSecond, cpuUs: ((cpuMs(proc.pid) - before) * 1000) / requests }
}

export const throughputBench: Bench = {
  name: 'throughput',
  about: `redis-benchmark, ${CLIENTS} clients, ${KEYS.toLocaleString('en-US')} random keys of 16 bytes, values of ${VALUE_BYTES} bytes; medians of alternating rounds. Processor time is user + system of the server with all its threads.`,
  run: async ({ makes, runs = 5, say }) => {
    const scope = createScope()
    try {
      const servers = new Map<Make, Running>()
      for (const make of makes) servers.set(make, await startServer(scope, { make }))
      const rows: Row[] = []
      for (const pipeline of [1, 16, 64]) {
        for (const test of ['set', 'get'] as const) {
          const samples = new Map<Make, Sample[]>(makes.map((make) => [make, []]))
          // Round 0 warms up and is not counted.
          for (let round = 0; round <= runs; round++) {
            for (const [make, server] of servers) {
              const sample = await measure(server, test, pipeline)
              if (round > 0) samples.get(make)!.push(sample)
              say(
                `throughput ${test} ×${pipeline} round ${round} ${make}: ${Math.round(sample.perSecond)}/s, ${sample.cpuUs.toFixed(2)} µs`,
              )
            }
          }
          const all = (make: Make, of: keyof Sample): number[] | undefined =>
            samples.get(make)?.map((sample) => sample[of])
          const one = (make: Make, of: keyof Sample): number | undefined => {
            const values = all(make, of)
            return values && median(values)
          }
          const name = `${test.toUpperCase()}, pipeline ${pipeline}`
          rows.push(
            {
              figure: `${name}, throughput`,
              unit: '/s',
              redis: one('redis', 'perSecond'),
              vedette: one('vedette', 'perSecond'),
              goal: { ratioAtLeast: GOALS[pipeline]! },
              samples: { redis: all('redis', 'perSecond'), vedette: all('vedette', 'perSecond') },
            },
            {
              figure: `${name}, server CPU`,
              unit: 'µs/op',
              redis: one('redis', 'cpuUs'),
              vedette: one('vedette', 'cpuUs'),
              ...(pipeline === 1 ? { goal: { ratioAtMost: 1.1 } } : {}),
              samples: { redis: all('redis', 'cpuUs'), vedette: all('vedette', 'cpuUs') },
            },
          )
        }
      }
      return rows
    } finally {
      await scope.close()
    }
  },
}
