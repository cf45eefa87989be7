// What a machine with too little CPU does to a group of five sentinels over three servers: busy loops take the processors, and
// sentinels, servers and client share what is left. How long writing stands still when the primary is killed then, whether
// the sentinels keep their leader, and for how long they could not act before.
import { announcedPort, type Group, startGroup } from '../test/support/group.ts'
import { callOnce } from '../test/support/resp.ts'
import { createScope, type Scope } from '../test/support/scope.ts'
import type { Make, Running } from '../test/support/servers.ts'
import { eventually, sleep } from '../test/support/wait.ts'
import { watchEvents } from '../test/support/watch.ts'
import { lostWrites, startWriter } from '../test/support/writer.ts'
import type { Bench, BenchContext } from './case.ts'
import type { Row } from './report.ts'
import { median, worst } from './stats.ts'

const WATCH_MS = 10_000
const TRACE = process.env.BENCH_TRACE === '1'
/** Lines for the configuration files, to measure what an option does: BENCH_SENTINEL='process-nice 0', BENCH_SERVER='--process-nice;0'. */
const linesOf = (variable: string): readonly string[] => process.env[variable]?.split(';') ?? []

interface Sample {
  gapMs: number
  lost: number
  /** Raft terms begun under load. */
  terms: number
  /** Share of the answers to SENTINEL CKQUORUM that were not OK. */
  refused: number
}

/** One line of `INFO sentinel`; undefined for a Redis sentinel, which has no Raft. */
async function termOf(sentinel: Running): Promise<number | undefined> {
  const text = String(await callOnce(sentinel.port, 'INFO', 'sentinel'))
  const term = /vedette_raft_term:(\d+)/.exec(text)?.[1]
  return term === undefined ? undefined : Number(term)
}

const highestTerm = async (group: Group): Promise<number> =>
  Math.max(...(await Promise.all(group.sentinels.map(async (sentinel) => (await termOf(sentinel)) ?? 0))))

function makeBusy(scope: Scope, count: number): void {
  for (let i = 0; i < count; i++) scope.spawn('sh', ['-c', 'while :; do :; done'], { name: `busy ${i}` })
}

async function watchQuorum(group: Group): Promise<number> {
  const untilMs = performance.now() + WATCH_MS
  let asked = 0
  let refused = 0
  while (performance.now() < untilMs) {
    for (const sentinel of group.sentinels) {
      const reply = await callOnce(sentinel.port, 'SENTINEL', 'CKQUORUM', group.name)
      asked++
      if (typeof reply !== 'string' || !reply.startsWith('OK')) refused++
    }
    await sleep(200)
  }
  return refused / asked
}

async function once(make: Make, busy: number): Promise<Sample> {
  const scope = createScope()
  try {
    const group = await startGroup(scope, {
      servers: make,
      sentinels: make,
      sentinelCount: 5,
      sentinelLines: linesOf('BENCH_SENTINEL'),
      serverArgs: linesOf('BENCH_SERVER'),
      quorum: 3,
      downAfterMs: 1000,
    })
    const oldPort = await announcedPort(group.sentinels[0]!, group.name)
    const writer = startWriter(scope, group.sentinels, group.name)
    await eventually('the client writes', () => writer.acks.length > 100)
    const before = await highestTerm(group)
    const events = TRACE ? await watchEvents(scope, group.sentinels) : []
    makeBusy(scope, busy)
    const refused = await watchQuorum(group)
    const faultMs = performance.now()
    await group.serverAt(oldPort).proc.kill()
    await eventually(
      'another primary is announced',
      async () => (await announcedPort(group.sentinels[0]!, group.name)) !== oldPort,
      {
        timeoutMs: 60_000,
      },
    )
    const announcedMs = performance.now()
    await eventually('the client writes again', () => (writer.acks.at(-1)?.atMs ?? 0) > announcedMs, {
      timeoutMs: 60_000,
    })
    await sleep(1500)
    await writer.stop()
    const terms = (await highestTerm(group)) - before
    for (const { atMs, sentinelPort, channel, message } of events)
      console.error(`  ${(atMs - faultMs).toFixed(1).padStart(8)} ms ${sentinelPort} ${channel} ${message}`)
    if (TRACE)
      for (const { proc } of [...group.sentinels, ...group.servers]) console.error(`${proc.name}\n${proc.output()}`)
    const newPort = await announcedPort(group.sentinels[0]!, group.name)
    const lost = await lostWrites(newPort, writer.acks)
    return { gapMs: writer.longestGap(faultMs).ms, lost: lost.length, terms, refused }
  } finally {
    await scope.close()
  }
}

async function starve(context: BenchContext, busy: number, gapMs: number): Promise<Row[]> {
  const runs = context.runs ?? 5
  const samples = new Map<Make, Sample[]>(context.makes.map((make) => [make, []]))
  for (let run = 0; run < runs; run++)
    for (const make of context.makes) {
      const sample = await once(make, busy)
      samples.get(make)!.push(sample)
      const { terms, refused, lost } = sample
      const quorum = `${terms} new terms, ${(100 * refused).toFixed(1)} % of CKQUORUM refused`
      context.say(`${busy} busy ${run + 1}/${runs} ${make}: ${sample.gapMs.toFixed(0)} ms, ${lost} lost, ${quorum}`)
    }
  const row = (
    figure: string,
    unit: string,
    of: (sample: Sample) => number,
    over: (values: readonly number[]) => number,
    atMost?: number,
  ): Row => {
    const values = (make: Make): number[] | undefined => samples.get(make)?.map(of)
    const one = (make: Make): number | undefined => {
      const all = values(make)
      return all === undefined ? undefined : over(all)
    }
    const goal = atMost === undefined ? undefined : { atMost }
    return {
      figure,
      unit,
      redis: one('redis'),
      vedette: one('vedette'),
      goal,
      samples: { redis: values('redis'), vedette: values('vedette') },
    }
  }
  return [
    row(
      `${busy} busy processes, primary killed, gap, median of ${runs}`,
      'ms',
      (sample) => sample.gapMs,
      median,
      gapMs,
    ),
    row(`${busy} busy processes, primary killed, gap, worst of ${runs}`, 'ms', (sample) => sample.gapMs, worst),
    row(`${busy} busy processes, new terms of the sentinels, worst`, 'terms', (sample) => sample.terms, worst, 0),
    row(`${busy} busy processes, CKQUORUM refused, worst`, '%', (sample) => 100 * sample.refused, worst, 0),
  ]
}

const ABOUT =
  'busy loops beside three servers, five sentinels and the client, all of the same priority, for 10 s; then the primary is killed. Gap as in `failover-kill`; a fresh group for each run.'

export const starvedBenches: readonly Bench[] = [
  { name: 'starved-8', about: `Eight ${ABOUT}`, run: (context) => starve(context, 8, 200) },
  { name: 'starved-30', about: `Thirty ${ABOUT}`, run: (context) => starve(context, 30, 600) },
]
