// What `sync` costs: the same group takes writes in `async`, and then only acknowledges what a replica has. Beside it Redis, whose
// clients say WAIT after each pipeline for the same promise (about these writes; a failover can lose them all the same).
import { seededRandom } from '../src/lib/prng.ts'
import { type Group, startGroup } from '../test/support/group.ts'
import { callOnce, info } from '../test/support/resp.ts'
import { createScope } from '../test/support/scope.ts'
import type { Make, Running } from '../test/support/servers.ts'
import { eventually } from '../test/support/wait.ts'
import type { Bench } from './case.ts'
import { measureLight } from './light.ts'
import type { Row } from './report.ts'
import { encodeRequests, type Request, type Requests } from './requests.ts'
import { median } from './stats.ts'

const CLIENTS = 50
const PIPELINE = 16
const KEYS = 100_000
const VALUE = 'x'.repeat(32)
const REQUESTS_PREPARED = 200_000
const SHARE_AT_LEAST = 0.7

type Mode = 'async' | 'sync'
const MODES: readonly Mode[] = ['async', 'sync']

function requestsOf(withWait: boolean): Requests {
  const random = seededRandom(1)
  const sets = Array.from({ length: REQUESTS_PREPARED }, (): Request => {
    return ['SET', `key:${String(random.below(KEYS)).padStart(12, '0')}`, VALUE]
  })
  if (!withWait) return encodeRequests(sets, PIPELINE)
  const all = sets.flatMap((set, i): Request[] =>
    i % PIPELINE === PIPELINE - 1 ? [set, ['WAIT', '1', '1000']] : [set],
  )
  return encodeRequests(all, PIPELINE + 1)
}

/** Puts the group into a mode, and waits until its primary knows. */
async function enter({ sentinels, servers, name }: Group, mode: Mode): Promise<void> {
  const reply = await callOnce(sentinels[0]!.port, 'SENTINEL', 'SET', name, 'write-mode', mode)
  if (reply !== 'OK') throw new Error(`write-mode ${mode}: ${String(reply)}`)
  await eventually(`the primary is in ${mode}`, async () => {
    const seen = await info(servers[0]!.port, 'replication')
    return seen.lease_state === (mode === 'async' ? 'free' : 'held') && seen.write_mode === mode
  })
}

async function throughput(server: Running, requests: Requests, writesOf: number, seconds: number): Promise<number> {
  const { perSecond } = await measureLight(server, { clients: CLIENTS, requests, seconds, once: false })
  return perSecond * writesOf
}

export const syncBench: Bench = {
  name: 'sync',
  about: `SET, ${CLIENTS} clients, pipelines of ${PIPELINE}, light client, a primary with two replicas and three sentinels: writes a second in \`async\`, then acknowledged by one replica (Vedette: \`write-mode sync\`, sync-replicas 1; Redis: WAIT 1 after each pipeline), in alternating rounds.`,
  run: async ({ makes, runs = 5, seconds = 3, say }) => {
    const found = new Map<Make, Record<Mode, number[]>>()
    for (const make of makes) {
      const scope = createScope()
      try {
        const group = await startGroup(scope, { servers: make, sentinels: make })
        const plain = requestsOf(false)
        const waiting = make === 'redis' ? requestsOf(true) : plain
        const samples: Record<Mode, number[]> = { async: [], sync: [] }
        // Round 0 warms up and is not counted.
        for (let round = 0; round <= runs; round++)
          for (const mode of MODES) {
            if (make === 'vedette') await enter(group, mode)
            const requests = mode === 'sync' ? waiting : plain
            const share = requests === plain ? 1 : PIPELINE / (PIPELINE + 1)
            const perSecond = await throughput(group.servers[0]!, requests, share, seconds)
            if (round > 0) samples[mode].push(perSecond)
            say(`sync round ${round} ${make} ${mode}: ${Math.round(perSecond)}/s`)
          }
        found.set(make, samples)
      } finally {
        await scope.close()
      }
    }
    const samplesOf = (
      of: (samples: Record<Mode, number[]>) => number[],
    ): Pick<Row, 'redis' | 'vedette' | 'samples'> => {
      const [redis, vedette] = (['redis', 'vedette'] as const).map((make) => {
        const samples = found.get(make)
        return samples && of(samples)
      })
      return { redis: redis && median(redis), vedette: vedette && median(vedette), samples: { redis, vedette } }
    }
    return [
      ...MODES.map((mode) => ({
        figure: `SET, pipeline ${PIPELINE}, ${mode}`,
        unit: '/s',
        ...samplesOf((all) => all[mode]),
      })),
      {
        figure: 'writes in sync for each in async',
        unit: '×',
        goal: { atLeast: SHARE_AT_LEAST },
        ...samplesOf(({ async, sync }) => sync.map((perSecond, i) => perSecond / async[i]!)),
      },
    ]
  },
}
