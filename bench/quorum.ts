// The sentinels by themselves: how soon a quorum stands after their start, and what they cost when nothing happens.
import { startGroup } from '../test/support/group.ts'
import { createScope } from '../test/support/scope.ts'
import { httpUrlOf, type Make, type Running } from '../test/support/servers.ts'
import { sleep } from '../test/support/wait.ts'
import type { Bench } from './case.ts'
import { cpuMs, mean, median, residentBytes, worst } from './stats.ts'

const IDLE_SECONDS = 30
const SCRAPE_MS = 5_000

async function formationMs(make: Make): Promise<number> {
  const scope = createScope()
  try {
    return (await startGroup(scope, { servers: make, sentinels: make })).formedMs
  } finally {
    await scope.close()
  }
}

interface Idle {
  cpuPercent: number
  residentMb: number
}

/** What sentinels cost; with `look`, one that somebody looks at meanwhile. */
async function idle(make: Make, look?: (sentinel: Running) => Promise<() => void>): Promise<Idle> {
  const scope = createScope()
  try {
    const { sentinels } = await startGroup(scope, { servers: make, sentinels: make })
    const measured = look === undefined ? sentinels : sentinels.slice(0, 1)
    const lookAway = await look?.(measured[0]!)
    await sleep(3000)
    const pids = measured.map(({ proc }) => proc.pid)
    const before = pids.map(cpuMs)
    const startedMs = performance.now()
    await sleep(IDLE_SECONDS * 1000)
    const elapsedMs = performance.now() - startedMs
    const percents = pids.map((pid, i) => (100 * (cpuMs(pid) - before[i]!)) / elapsedMs)
    lookAway?.()
    return { cpuPercent: mean(percents), residentMb: worst(pids.map(residentBytes)) / 1e6 }
  } finally {
    await scope.close()
  }
}

/** Opens the console's stream, and scrapes as Prometheus does. */
async function openConsole(sentinel: Running): Promise<() => void> {
  const url = await httpUrlOf(sentinel)
  const closed = new AbortController()
  const stream = await fetch(`${url}/events`, { headers: { accept: 'text/event-stream' }, signal: closed.signal })
  void stream.body!.pipeTo(new WritableStream()).catch(() => {})
  const scrapes = setInterval(() => void fetch(`${url}/metrics`).then((reply) => reply.text()), SCRAPE_MS)
  return () => {
    clearInterval(scrapes)
    closed.abort()
  }
}

export const quorumBenches: readonly Bench[] = [
  {
    name: 'formation',
    about:
      'From the spawn of three sentinels over a running primary with two replicas until each of them reports the primary up, both replicas, both other sentinels and a usable quorum.',
    run: async ({ makes, runs = 5, say }) => {
      const samples: Partial<Record<Make, number[]>> = {}
      for (let run = 0; run < runs; run++) {
        for (const make of makes) {
          const ms = await formationMs(make)
          samples[make] = [...(samples[make] ?? []), ms]
          say(`formation ${run + 1}/${runs} ${make}: ${ms.toFixed(0)} ms`)
        }
      }
      const of = (make: Make): number | undefined => samples[make] && median(samples[make])
      return [
        {
          figure: `quorum formed and all servers known, median of ${runs}`,
          unit: 'ms',
          redis: of('redis'),
          vedette: of('vedette'),
          goal: { atMost: 1500 },
          samples,
        },
      ]
    },
  },
  {
    name: 'idle',
    about: `Three sentinels over a healthy idle group for ${IDLE_SECONDS} s: mean processor share of one, and the largest resident memory (MB = 10⁶ bytes).`,
    run: async ({ makes, say }) => {
      const seen: Partial<Record<Make, Idle>> = {}
      for (const make of makes) {
        const cost = await idle(make)
        seen[make] = cost
        say(`idle ${make}: ${cost.cpuPercent.toFixed(2)} % of a core, ${cost.residentMb.toFixed(0)} MB`)
      }
      const { redis, vedette } = seen
      return [
        {
          figure: 'idle sentinel, processor',
          unit: '% of a core',
          redis: redis?.cpuPercent,
          vedette: vedette?.cpuPercent,
          goal: { atMost: 6 },
        },
        {
          figure: 'idle sentinel, resident',
          unit: 'MB',
          redis: redis?.residentMb,
          vedette: vedette?.residentMb,
          goal: { atMost: 120 },
        },
      ]
    },
  },
  {
    name: 'idle-console',
    about: `The same for one sentinel with the console open and its metrics scraped every ${SCRAPE_MS / 1000} s.`,
    run: async ({ makes, say }) => {
      if (!makes.includes('vedette')) return []
      const { cpuPercent, residentMb } = await idle('vedette', openConsole)
      say(`idle-console vedette: ${cpuPercent.toFixed(2)} % of a core, ${residentMb.toFixed(0)} MB`)
      return [
        {
          redis: undefined,
          figure: 'sentinel with a console open, processor',
          unit: '% of a core',
          vedette: cpuPercent,
          goal: { atMost: 6 },
        },
        {
          redis: undefined,
          figure: 'sentinel with a console open, resident',
          unit: 'MB',
          vedette: residentMb,
          goal: { atMost: 110 },
        },
      ]
    },
  },
]
