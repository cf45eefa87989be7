// Resident memory of large amounts of data of each type, beside redis-server's.
import { createScope } from '../test/support/scope.ts'
import type { Make } from '../test/support/servers.ts'
import { sleep } from '../test/support/wait.ts'
import type { Bench } from './case.ts'
import { sendAll } from './light.ts'
import { type Row, sampledRow } from './report.ts'
import type { Request } from './requests.ts'
import { startEqual } from './servers.ts'
import { residentBytes } from './stats.ts'

const PORTION = 100_000
const IN_ONE = 100
/**
 * Requests of the very kind before the empty server is looked at: what a runtime takes once, for its code and heap, is no item's.
 * After each the key is deleted, so that hardly any memory is left over from them that the data could use again.
 */
const WARM_UP = 100_000
const GOAL = 0.85

/** Some data, a portion of whose requests at a time is sent. */
interface Data {
  name: string
  /** What is counted: elements or keys. */
  count: number
  /** The request that writes number i, or those from i on of which `each` go into one. */
  each: number
  request(i: number): Request
}

const run = (from: number, of: (i: number) => readonly string[]): string[] =>
  Array.from({ length: IN_ONE }, (_, i) => of(from + i)).flat()

const DATA: readonly Data[] = [
  {
    name: 'list, 5 M items of 8 to 14 bytes',
    count: 5_000_000,
    each: IN_ONE,
    request: (from) => ['RPUSH', 'list', ...run(from, (i) => [`item:${i * 7}`])],
  },
  {
    name: '1 M hashes of 5 short fields',
    count: 1_000_000,
    each: 1,
    request: (i) => [
      ...['HSET', `user:${i}`, 'name', `name ${i}`, 'mail', `user${i}@example.com`],
      ...['age', String(i % 90), 'visits', String(i % 1000), 'city', 'Berlin'],
    ],
  },
  {
    name: '1 M sets of 5 integers',
    count: 1_000_000,
    each: 1,
    request: (i) => ['SADD', `tags:${i}`, ...[1, 2, 3, 4, 5].map((n) => String(((i + n) * 7919) % 100_000))],
  },
  {
    name: 'sorted set, 1 M members',
    count: 1_000_000,
    each: IN_ONE,
    request: (from) => ['ZADD', 'board', ...run(from, (i) => [String((i * 7919) % 1_000_003), `member:${i}`])],
  },
  {
    name: 'stream, 1 M entries of 2 fields',
    count: 1_000_000,
    each: 1,
    request: (i) => ['XADD', 'events', '*', 'kind', i % 3 === 0 ? 'visit' : 'order', 'user', String(i)],
  },
]

interface Sample {
  bytes: number
}

async function measure(make: Make, { count, each, request }: Data): Promise<Sample> {
  const scope = createScope()
  try {
    const server = await startEqual(scope, make)
    const warmUp = Array.from({ length: WARM_UP / each }, (_, i) => request(i * each))
    await sendAll(
      server,
      warmUp.flatMap((words) => [words, ['DEL', words[1]!]]),
    )
    const emptyBytes = residentBytes(server.proc.pid)
    for (let at = 0; at < count; at += PORTION) {
      const requests = Array.from({ length: PORTION / each }, (_, i) => request(at + i * each))
      await sendAll(server, requests)
    }
    await sleep(1000)
    return { bytes: (residentBytes(server.proc.pid) - emptyBytes) / count }
  } finally {
    await scope.close()
  }
}

export const memoryTypesBench: Bench = {
  name: 'memory-types',
  about: 'Resident memory above that of a server that has run such requests and kept nothing, for each key or element.',
  run: async ({ makes, runs = 1, lines, say }) => {
    const rows: Row[] = []
    for (const data of DATA.filter(({ name }) => lines?.some((start) => name.startsWith(start)) ?? true)) {
      const samples = new Map<Make, Sample[]>(makes.map((make) => [make, []]))
      for (let i = 0; i < runs; i++) {
        for (const make of makes) {
          const sample = await measure(make, data)
          samples.get(make)!.push(sample)
          say(`memory-types, ${data.name}, ${make}: ${sample.bytes.toFixed(1)} bytes each`)
        }
      }
      rows.push({ ...sampledRow(data.name, 'bytes each', samples, 'bytes'), goal: { ratioAtMost: GOAL } })
    }
    return rows
  },
}
