// Two million keys of all common types, reads and writes at half of what redis-server can take: the time that 99.9 % of the
// requests take at most.
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { type Random, seededRandom } from '../src/lib/prng.ts'
import { createScope } from '../test/support/scope.ts'
import type { Make, Running } from '../test/support/servers.ts'
import type { Bench } from './case.ts'
import { measureLight, sendAll } from './light.ts'
import type { PacedLoad, PacedResult } from './paced-client.ts'
import { sampledRow } from './report.ts'
import { encodeRequests, type Request } from './requests.ts'
import { startEqual } from './servers.ts'

const KEYS = 2_000_000
const PORTION = 50_000
const CLIENTS = 50
const PREPARED = 200_000
const SECONDS = 5
const VALUE = 'x'.repeat(32)
const FIELDS = ['name', 'mail', 'city']

/** What key number i holds: of ten keys five are strings, two hashes, and one each a list, a set and a sorted set. */
function written(i: number): Request {
  const kind = i % 10
  if (kind < 5) return ['SET', `key:${i}`, VALUE]
  if (kind < 7) return ['HSET', `key:${i}`, ...FIELDS.flatMap((field) => [field, VALUE])]
  if (kind === 7) return ['RPUSH', `key:${i}`, 'first', VALUE, String(i)]
  if (kind === 8) return ['SADD', `key:${i}`, 'red', 'green', String(i)]
  return ['ZADD', `key:${i}`, '1', 'red', '2', 'green', String(i % 1000), 'blue']
}

/** A read or a write, as often, of a random key. */
function request(random: Random): Request {
  const i = random.below(KEYS)
  const key = `key:${i}`
  const kind = i % 10
  const writes = random.below(2) === 0
  if (kind < 5) return writes ? ['SET', key, VALUE] : ['GET', key]
  if (kind < 7) return writes ? ['HSET', key, 'name', String(random.below(1000))] : ['HGETALL', key]
  if (kind === 7) return writes ? ['LSET', key, '1', String(random.below(1000))] : ['LRANGE', key, '0', '-1']
  if (kind === 8) return writes ? ['SADD', key, String(random.below(20))] : ['SMEMBERS', key]
  return writes ? ['ZINCRBY', key, '1', 'red'] : ['ZRANGE', key, '0', '-1']
}

interface Sample {
  medianMs: number
  within999Ms: number
}

async function fill(server: Running): Promise<void> {
  for (let from = 0; from < KEYS; from += PORTION) {
    const requests = Array.from({ length: PORTION }, (_, i) => written(from + i))
    await sendAll(server, requests)
  }
}

async function paced(load: PacedLoad): Promise<Sample> {
  const worker = new Worker(new URL('./paced-client.js', import.meta.url), { workerData: load })
  const [tripsMs] = (await once(worker, 'message')) as [PacedResult]
  const at = (share: number): number => tripsMs[Math.floor(tripsMs.length * share)]!
  return { medianMs: at(0.5), within999Ms: at(0.999) }
}

export const latencyBench: Bench = {
  name: 'latency',
  about: `${KEYS.toLocaleString('en-US')} keys of mixed types, ${CLIENTS} clients, as many reads as writes, so many a second as are half of what the first server measured can take. Times from when a request is due; medians of alternating rounds.`,
  run: async ({ makes, runs = 5, seconds = SECONDS, say }) => {
    const scope = createScope()
    try {
      const servers = new Map<Make, Running>()
      for (const make of makes) {
        const server = await startEqual(scope, make)
        await fill(server)
        servers.set(make, server)
      }
      const random = seededRandom(1)
      const requests = encodeRequests(
        Array.from({ length: PREPARED }, () => request(random)),
        1,
      )
      const first = servers.get(makes[0]!)!
      const most = await measureLight(first, { clients: CLIENTS, requests, seconds, once: false })
      const perSecond = Math.floor(most.perSecond / 2)
      say(`latency: ${perSecond} requests a second`)
      const samples = new Map<Make, Sample[]>(makes.map((make) => [make, []]))
      // Round 0 warms up and is not counted.
      for (let round = 0; round <= runs; round++) {
        for (const [make, { port }] of servers) {
          const sample = await paced({ port, clients: CLIENTS, requests, perSecond, seconds })
          if (round > 0) samples.get(make)!.push(sample)
          say(
            `latency round ${round} ${make}: half within ${sample.medianMs.toFixed(2)} ms, 99.9 % within ${sample.within999Ms.toFixed(2)} ms`,
          )
        }
      }
      return [
        sampledRow('half of the requests at half load within', 'ms', samples, 'medianMs'),
        {
          ...sampledRow('99.9 % of the requests at half load within', 'ms', samples, 'within999Ms'),
          goal: { ratioAtMost: 1 },
        },
      ]
    } finally {
      await scope.close()
    }
  },
}
