// How long writing stands still when the primary is killed, frozen, or handed over: the longest time between two
// acknowledged writes of an unmodified ioredis client, and which acknowledged writes the new primary lacks.
import { announcedPort, type Group, startGroup } from '../test/support/group.ts'
import { callOnce } from '../test/support/resp.ts'
import { createScope } from '../test/support/scope.ts'
import type { Make, Running } from '../test/support/servers.ts'
import { eventually, sleep } from '../test/support/wait.ts'
import { watchEvents } from '../test/support/watch.ts'
import { lostWrites, startWriter } from '../test/support/writer.ts'
import type { Bench, BenchContext } from './case.ts'
import type { Goal, Row } from './report.ts'
import { mean, median, worst } from './stats.ts'

const DOWN_AFTER_MS = 1000
/** BENCH_TRACE=1 prints every event of the sentinels with its time since the fault. */
const TRACE = process.env.BENCH_TRACE === '1'

interface Sample {
  gapMs: number
  acknowledged: number
  lost: number
}

interface Fault {
  /** Gives the sentinels that live on. */
  strike(group: Group, primaryPort: number): Promise<readonly Running[] | undefined>
}

/** The sentinel that leads; Redis's have no leader between failovers, there it is the first. */
async function leaderOf({ sentinels }: Group): Promise<Running> {
  const infos = await Promise.all(sentinels.map(({ port }) => callOnce(port, 'INFO', 'vedette')))
  return sentinels[infos.findIndex((text) => String(text).includes('vedette_raft_role:leader'))] ?? sentinels[0]!
}

const FAULTS = {
  kill: {
    strike: async (group, port) => {
      await group.serverAt(port).proc.kill()
      return undefined
    },
  },
  headless: {
    strike: async (group, port) => {
      const leader = await leaderOf(group)
      await Promise.all([leader.proc.kill(), group.serverAt(port).proc.kill()])
      return group.sentinels.filter((sentinel) => sentinel !== leader)
    },
  },
  freeze: {
    strike: async (group, port) => {
      group.serverAt(port).proc.signal('SIGSTOP')
      return undefined
    },
  },
  planned: {
    strike: async (group) => {
      const reply = await callOnce(group.sentinels[0]!.port, 'SENTINEL', 'FAILOVER', group.name)
      if (reply !== 'OK') throw new Error(`SENTINEL FAILOVER: ${JSON.stringify(reply)}`)
      return undefined
    },
  },
} satisfies Record<string, Fault>

async function once(make: Make, fault: Fault): Promise<Sample> {
  const scope = createScope()
  try {
    const group = await startGroup(scope, { servers: make, sentinels: make, downAfterMs: DOWN_AFTER_MS })
    const oldPort = await announcedPort(group.sentinels[0]!, group.name)
    const writer = startWriter(scope, group.sentinels, group.name)
    await eventually('the client writes', () => writer.acks.length > 100)
    await sleep(500)
    const events = TRACE ? await watchEvents(scope, group.sentinels) : []
    const faultMs = performance.now()
    const living = (await fault.strike(group, oldPort)) ?? group.sentinels
    await eventually(
      'every sentinel that lives announces the new primary',
      async () => {
        const ports = await Promise.all(living.map((sentinel) => announcedPort(sentinel, group.name)))
        return ports.every((port) => port === ports[0] && port !== oldPort)
      },
      { timeoutMs: 30_000 },
    )
    const announcedMs = performance.now()
    await eventually('the client writes again', () => (writer.acks.at(-1)?.atMs ?? 0) > announcedMs, {
      timeoutMs: 30_000,
    })
    await sleep(1500)
    await writer.stop()
    for (const { atMs, sentinelPort, channel, message } of events) {
      console.error(`  ${(atMs - faultMs).toFixed(1).padStart(8)} ms ${sentinelPort} ${channel} ${message}`)
    }
    const newPort = await announcedPort(living[0]!, group.name)
    const lost = await lostWrites(newPort, writer.acks)
    return { gapMs: writer.longestGap(faultMs).ms, acknowledged: writer.acks.length, lost: lost.length }
  } finally {
    await scope.close()
  }
}

async function repeat(context: BenchContext, name: keyof typeof FAULTS, runs: number): Promise<Map<Make, Sample[]>> {
  const samples = new Map<Make, Sample[]>(context.makes.map((make) => [make, []]))
  for (let run = 0; run < runs; run++) {
    for (const make of context.makes) {
      const sample = await once(make, FAULTS[name])
      samples.get(make)!.push(sample)
      context.say(
        `${name} ${run + 1}/${runs} ${make}: ${sample.gapMs.toFixed(0)} ms, ${sample.lost} of ${sample.acknowledged} lost`,
      )
    }
  }
  return samples
}

function row(
  figure: string,
  unit: string,
  samples: Map<Make, Sample[]>,
  of: (sample: Sample) => number,
  over: (values: readonly number[]) => number,
  goal?: Goal,
): Row {
  const values = (make: Make): number[] | undefined => samples.get(make)?.map(of)
  const one = (make: Make): number | undefined => {
    const all = values(make)
    return all === undefined ? undefined : over(all)
  }
  return {
    figure,
    unit,
    redis: one('redis'),
    vedette: one('vedette'),
    goal,
    samples: { redis: values('redis'), vedette: values('vedette') },
  }
}

const gap = (sample: Sample): number => sample.gapMs
const lost = (sample: Sample): number => sample.lost
const CLIENT =
  'The client is ioredis with `sentinels`, `retryStrategy: () => 10` and `maxRetriesPerRequest: null`, its defaults for the rest, one write after the other; a fresh group of three servers and three sentinels for every run, down-after 1000 ms.'

export const failoverBenches: readonly Bench[] = [
  {
    name: 'failover-kill',
    about: `Primary killed with SIGKILL: longest gap between two acknowledged writes. ${CLIENT}`,
    run: async (context) => {
      const runs = context.runs ?? 20
      const samples = await repeat(context, 'kill', runs)
      return [
        row(`primary killed, gap, median of ${runs}`, 'ms', samples, gap, median, { atMost: 100 }),
        row(`primary killed, gap, worst of ${runs}`, 'ms', samples, gap, worst, { atMost: 250 }),
        row('primary killed, acknowledged writes lost, mean', 'writes', samples, lost, mean),
      ]
    },
  },
  {
    name: 'failover-headless',
    about: 'Primary killed, and the leading sentinel with it: the others have to elect a leader first.',
    run: async (context) => {
      const runs = context.runs ?? 5
      const samples = await repeat(context, 'headless', runs)
      return [
        row(`primary and leader killed, gap, median of ${runs}`, 'ms', samples, gap, median, { atMost: 450 }),
        row(`primary and leader killed, gap, worst of ${runs}`, 'ms', samples, gap, worst),
      ]
    },
  },
  {
    name: 'failover-freeze',
    about: 'Primary frozen with SIGSTOP: the same.',
    run: async (context) => {
      const runs = context.runs ?? 5
      const samples = await repeat(context, 'freeze', runs)
      const goal = { atMost: DOWN_AFTER_MS + 300 }
      return [
        row(`primary frozen, gap, median of ${runs}`, 'ms', samples, gap, median, goal),
        row(`primary frozen, gap, worst of ${runs}`, 'ms', samples, gap, worst, goal),
      ]
    },
  },
  {
    name: 'failover-planned',
    about: '`SENTINEL FAILOVER` on a healthy group: gap, and acknowledged writes that the new primary lacks.',
    run: async (context) => {
      const runs = context.runs ?? 5
      const samples = await repeat(context, 'planned', runs)
      return [
        row(`SENTINEL FAILOVER, gap, median of ${runs}`, 'ms', samples, gap, median, { atMost: 100 }),
        row(`SENTINEL FAILOVER, gap, worst of ${runs}`, 'ms', samples, gap, worst),
        row('SENTINEL FAILOVER, acknowledged writes lost, mean', 'writes', samples, lost, mean, { atMost: 0 }),
      ]
    },
  },
]
