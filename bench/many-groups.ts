// Many groups under one quorum: what each costs a sentinel while nothing happens, and how soon one of them has a new primary when its
// own dies. The servers are models (model-servers.ts), the same for Vedette's sentinels and for Redis's.
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { announcedPort, isFormed } from '../test/support/group.ts'
import { callOnce } from '../test/support/resp.ts'
import { createScope, type Scope } from '../test/support/scope.ts'
import { type Make, type Running, startSentinel } from '../test/support/servers.ts'
import { eventually, sleep } from '../test/support/wait.ts'
import type { Bench } from './case.ts'
import type { ModelLoad } from './model-servers.ts'
import type { Goal, Row } from './report.ts'
import { cpuMs, mean, median, residentBytes, worst } from './stats.ts'

const COUNTS = [1, 10, 100] as const
const MOST = COUNTS.at(-1)!
const SENTINELS = 3
const QUORUM = 2
const DOWN_AFTER_MS = 1_000
const SETTLE_MS = 5_000
const IDLE_SECONDS = 20
const LONG = { timeoutMs: 120_000, intervalMs: 100 }

const TRACE = process.env.BENCH_TRACE === '1'

const nameOf = (i: number): string => `group-${i}`

interface Cost {
  cpuPercent: number
  residentMb: number
}

interface Sample extends Cost {
  formedMs: number
  failoverMs: readonly number[]
}

interface Models {
  /** Ports of each group, its primary first. */
  readonly ports: readonly (readonly number[])[]
  end(port: number): void
}

async function startModels(scope: Scope, groups: number): Promise<Models> {
  const worker = new Worker(new URL('./model-servers.js', import.meta.url), {
    workerData: { groups } satisfies ModelLoad,
  })
  scope.defer(() => worker.terminate())
  const [ports] = (await once(worker, 'message')) as [number[][]]
  return { ports, end: (port) => worker.postMessage(port) }
}

function startSentinels(scope: Scope, make: Make, { ports }: Models): Promise<Running[]> {
  const primary = (i: number): number => ports[i]![0]!
  const lines = [...ports.keys()].slice(1).map((i) => `sentinel monitor ${nameOf(i)} 127.0.0.1 ${primary(i)} ${QUORUM}`)
  const times = [...ports.keys()].map((i) => `sentinel down-after-milliseconds ${nameOf(i)} ${DOWN_AFTER_MS}`)
  const monitor = { name: nameOf(0), port: primary(0), quorum: QUORUM }
  return Promise.all(
    Array.from({ length: SENTINELS }, () => startSentinel(scope, { make, monitor, lines: [...lines, ...times] })),
  )
}

async function idleCost(sentinels: readonly Running[]): Promise<Cost> {
  const pids = sentinels.map(({ proc }) => proc.pid)
  const before = pids.map(cpuMs)
  const startedMs = performance.now()
  await sleep(IDLE_SECONDS * 1000)
  const elapsedMs = performance.now() - startedMs
  const percents = pids.map((pid, i) => (100 * (cpuMs(pid) - before[i]!)) / elapsedMs)
  return { cpuPercent: mean(percents), residentMb: worst(pids.map(residentBytes)) / 1e6 }
}

/** From the death of a group's primary until every sentinel names another. */
async function failoverMs(sentinels: readonly Running[], models: Models, group: number): Promise<number> {
  const old = await announcedPort(sentinels[0]!, nameOf(group))
  const startedMs = performance.now()
  models.end(old)
  await eventually(
    `${nameOf(group)} has another primary`,
    async () => {
      const ports = await Promise.all(sentinels.map((one) => announcedPort(one, nameOf(group))))
      return ports.every((port) => port === ports[0] && port !== old)
    },
    { timeoutMs: 60_000, intervalMs: 10 },
  )
  return performance.now() - startedMs
}

/** BENCH_TRACE=1 prints the phases of each failover. */
async function tellPhases(sentinel: Running): Promise<void> {
  const history = JSON.parse(String(await callOnce(sentinel.port, 'SENTINEL', 'VEDETTE-HISTORY')))
  for (const { group, steps } of history as { group: string; steps: { phase: string; ms: number }[] }[])
    console.error(`  ${group}: ${steps.map(({ phase, ms }) => `${phase} ${ms}`).join(', ')}`)
}

async function measure(make: Make, groups: number, failovers: number): Promise<Sample> {
  const scope = createScope()
  try {
    const models = await startModels(scope, groups)
    const startedMs = performance.now()
    const sentinels = await startSentinels(scope, make, models)
    for (let i = 0; i < groups; i++)
      for (const sentinel of sentinels)
        await eventually(`${nameOf(i)} is known`, () => isFormed(sentinel, nameOf(i), 2, SENTINELS - 1), LONG)
    const formedMs = performance.now() - startedMs
    await sleep(SETTLE_MS)
    const cost = await idleCost(sentinels)
    const times: number[] = []
    for (let i = 0; i < failovers; i++) times.push(await failoverMs(sentinels, models, (i * 7) % groups))
    if (TRACE) await tellPhases(sentinels[0]!)
    return { ...cost, formedMs, failoverMs: times }
  } finally {
    await scope.close()
  }
}

export const manyGroupsBench: Bench = {
  name: 'many-groups',
  about: `${COUNTS.join(', ')} groups of three model servers under ${SENTINELS} sentinels for ${IDLE_SECONDS} s: mean processor share of a sentinel, and the largest resident memory (MB = 10⁶ bytes); then the primaries of some of ${MOST} groups die, one after the other.`,
  run: async ({ makes, runs = 5, say }) => {
    const found = new Map<string, Sample>()
    for (const groups of COUNTS)
      for (const make of makes) {
        const sample = await measure(make, groups, Math.min(runs, groups))
        found.set(`${make} ${groups}`, sample)
        const { cpuPercent, residentMb, formedMs, failoverMs } = sample
        const times = failoverMs.map((ms) => ms.toFixed(0)).join(', ')
        say(
          `many-groups ${groups} ${make}: ${cpuPercent.toFixed(2)} %, ${residentMb.toFixed(0)} MB, formed in ${formedMs.toFixed(0)} ms, failovers ${times || '–'}`,
        )
      }
    const row = (figure: string, unit: string, of: (make: Make) => number | undefined, goal?: Goal): Row => ({
      figure,
      unit,
      redis: of('redis'),
      vedette: of('vedette'),
      goal,
    })
    /** What each group adds to a sentinel that has one already. */
    const perGroup = (make: Make, field: 'cpuPercent' | 'residentMb'): number | undefined => {
      const [one, most] = [found.get(`${make} 1`), found.get(`${make} ${MOST}`)]
      return one && most && (most[field] - one[field]) / (MOST - 1)
    }
    const failovers = (make: Make): number | undefined => {
      const times = found.get(`${make} ${MOST}`)?.failoverMs
      return times && median(times)
    }
    return [
      ...COUNTS.flatMap((groups) => [
        row(
          `${groups} groups, processor of a sentinel`,
          '% of a core',
          (make) => found.get(`${make} ${groups}`)?.cpuPercent,
        ),
        row(`${groups} groups, memory of a sentinel`, 'MB', (make) => found.get(`${make} ${groups}`)?.residentMb),
      ]),
      row('each further group, processor', '% of a core', (make) => perGroup(make, 'cpuPercent'), { atMost: 0.3 }),
      row('each further group, memory', 'MB', (make) => perGroup(make, 'residentMb'), { atMost: 0.5 }),
      row(`one of ${MOST} groups fails over, median of ${runs}`, 'ms', failovers, { atMost: 200 }),
    ]
  },
}
