// Commands of all families, line by line, with pipelines of 1 and 16: requests a second and the server's processor time for
// each, as ratios to redis-server in the same run. Short runs alternate between the two servers, so that a change of the
// machine's mood hits both.
import { seededRandom } from '../src/lib/prng.ts'
import { createScope } from '../test/support/scope.ts'
import type { Make, Running } from '../test/support/servers.ts'
import type { Bench, BenchContext } from './case.ts'
import { chosenLines, LINES, type Line, SCRIPT_LINES } from './command-lines.ts'
import { measureLight, type Sample, sendAll } from './light.ts'
import { type Row, ratioOf, sampledRow } from './report.ts'
import { encodeRequests, type Requests } from './requests.ts'
import { startEqual } from './servers.ts'
import { geometricMean } from './stats.ts'

const CLIENTS = 50
/** Requests that are prepared for a line, and sent again and again. */
const PREPARED = 100_000
const SECONDS = 1
/** Throughput, at least so many times Redis's. */
const GOALS: ReadonlyMap<number, number> = new Map([
  [1, 0.9],
  [16, 1],
])
const MEAN_GOAL = 1.15
const EVALSHA_GOALS: ReadonlyMap<number, number> = new Map([[1, 0.6]])

export function prepareLine(line: Line, pipeline: number): Requests {
  const random = seededRandom(1)
  const requests = Array.from({ length: line.requests ?? PREPARED }, (_, i) => line.request(random, i))
  return encodeRequests(requests, pipeline)
}

/** `seconds` is Infinity to send all that was prepared, once. */
export async function measureLine(server: Running, line: Line, requests: Requests, seconds: number): Promise<Sample> {
  await sendAll(server, [['FLUSHALL']])
  if (line.fill !== undefined) await sendAll(server, line.fill(seededRandom(2)))
  const once = line.requests !== undefined || seconds === Infinity
  return measureLight(server, { clients: CLIENTS, requests, seconds, once })
}

/** Measures lines on each server, alternating: rows of throughput and processor time, and the ratios of throughput. */
export async function compareLines(
  lines: readonly Line[],
  goals: ReadonlyMap<number, number>,
  { makes, runs = 5, seconds = SECONDS, pipelines = [1, 16], say }: BenchContext,
): Promise<{ rows: Row[]; ratios: number[] }> {
  const scope = createScope()
  try {
    const servers = new Map<Make, Running>()
    for (const make of makes) servers.set(make, await startEqual(scope, make))
    const rows: Row[] = []
    const ratios: number[] = []
    for (const pipeline of pipelines) {
      for (const line of lines) {
        const requests = prepareLine(line, pipeline)
        const samples = new Map<Make, Sample[]>(makes.map((make) => [make, []]))
        // Round 0 is not counted: by its number of requests code becomes compiled, however busy the machine is.
        for (let round = 0; round <= runs; round++) {
          for (const [make, server] of servers) {
            const sample = await measureLine(server, line, requests, round > 0 ? seconds : Infinity)
            if (round > 0) samples.get(make)!.push(sample)
          }
        }
        const figure = `${line.name}, pipeline ${pipeline}`
        const goal = goals.get(pipeline)
        const throughput: Row = {
          ...sampledRow(`${figure}, throughput`, '/s', samples, 'perSecond'),
          goal: goal === undefined ? undefined : { ratioAtLeast: goal },
        }
        const cpu = sampledRow(`${figure}, server CPU`, 'µs/op', samples, 'cpuUs')
        rows.push(throughput, cpu)
        const ratio = ratioOf(throughput)
        if (ratio !== undefined) ratios.push(ratio)
        say(`${figure}: ${ratio?.toFixed(2)} × the throughput, ${ratioOf(cpu)?.toFixed(2)} × the CPU`)
      }
    }
    return { rows, ratios }
  } finally {
    await scope.close()
  }
}

export const commandsBench: Bench = {
  name: 'commands',
  about: `Commands of all families, ${CLIENTS} clients (the light client of \`throughput\`), pipelines of 1 and 16; medians of alternating runs.`,
  run: async (context) => {
    const { rows, ratios } = await compareLines(chosenLines(LINES, context.lines), GOALS, context)
    if (ratios.length === 0) return rows
    const mean = { redis: 1, vedette: geometricMean(ratios), goal: { ratioAtLeast: MEAN_GOAL } }
    return [...rows, { figure: 'geometric mean of the ratios of throughput', unit: '×', ...mean }]
  },
}

export const evalshaBench: Bench = {
  name: 'evalsha',
  about: `A rate limiter in Lua that calls four commands, ${CLIENTS} clients (the light client of \`throughput\`); medians of alternating runs.`,
  run: async (context) => {
    const lines = chosenLines(SCRIPT_LINES, context.lines)
    return (await compareLines(lines, EVALSHA_GOALS, { ...context, pipelines: context.pipelines ?? [1] })).rows
  },
}
