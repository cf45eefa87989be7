// The lines of `commands` without sockets: nanoseconds of processor time a command in the server's own code, from the bytes of a
// request to those of its reply. What a change of that code does shows here on a busy machine, too.

import { ClientRegistry } from '../src/facade/registry.ts'
import type { Wire } from '../src/facade/wire.ts'
import { inlineMore } from '../src/io/v8.ts'
import { seededRandom } from '../src/lib/prng.ts'
import { createTestServer } from '../test/support/engine.ts'
import type { Bench } from './case.ts'
import { chosenLines, LINES, type Line, SCRIPT_LINES } from './command-lines.ts'
import { encodeRequests, type Request, type Requests } from './requests.ts'
import { median } from './stats.ts'

const PIPELINE_TO_FILL = 50
const REQUESTS = 100_000

/** A server in memory: takes pipelines of requests. */
function openServer(): (requests: Requests) => void {
  const server = createTestServer()
  server.feeding = false
  const { engine } = server
  let endOfTurn: (() => void) | undefined
  const timers = {
    endOfTurn: (run: () => void) => {
      endOfTurn = run
    },
    soon: (run: () => void) => setImmediate(run),
    after: () => () => {},
  }
  const clients = new ClientRegistry({
    requests: engine,
    pause: engine.gate,
    limits: {
      bulkBytesMax: 2 ** 29,
      queryBytesMax: 2 ** 30,
      clientsBytesMax: 0,
      clientsMax: 10,
      idleSeconds: 0,
      protectedMode: false,
      passwordNeeded: false,
      output: () => ({ hardBytes: 0, softBytes: 0, softSeconds: 0 }),
    },
    defaultUser: server.host.access.users.default,
    requestsAhead: 64,
    nowMs: Date.now,
    timers,
    log: console.error,
    internalError: (error) => {
      throw error
    },
    paused: () => {},
    beforeReplies: () => {},
    onClosed: () => {},
  })
  const check = (first: number): void => {
    if (first === 45) throw new Error('an error was the reply')
  }
  const wire: Wire = {
    peer: '127.0.0.1:1',
    local: '127.0.0.1:2',
    peerIsLoopback: true,
    isUnix: false,
    descriptor: 8,
    pendingBytes: 0,
    write: (bytes) => check(bytes[0]!),
    writeLatin1: (text) => check(text.charCodeAt(0)),
    pause: () => {},
    resume: () => {},
    end: () => {},
    destroy: () => {},
  }
  const handler = clients.accept(wire)
  const input = Buffer.alloc(256 * 1024)
  return ({ bytes, pipelines }) => {
    const all = Buffer.from(bytes)
    let at = 0
    for (const { end } of pipelines) {
      all.copy(input, 0, at, end)
      handler.onData(input, end - at)
      endOfTurn?.()
      at = end
    }
  }
}

function measure(line: Line, pipeline: number, rounds: number): number {
  const run = openServer()
  const random = seededRandom(1)
  const requests = encodeRequests(
    Array.from({ length: line.requests ?? REQUESTS }, (_, i): Request => line.request(random, i)),
    pipeline,
  )
  const samples: number[] = []
  for (let round = 0; round < rounds; round++) {
    run(encodeRequests([['FLUSHALL'], ...(line.fill?.(seededRandom(2)) ?? [])], PIPELINE_TO_FILL))
    const from = process.cpuUsage()
    run(requests)
    const { user, system } = process.cpuUsage(from)
    samples.push(((user + system) * 1000) / (line.requests ?? REQUESTS))
  }
  return median(samples.slice(1))
}

export const engineBench: Bench = {
  name: 'engine',
  about:
    'The lines of `commands` in one process without sockets: processor time from the bytes of a request to those of its reply.',
  run: async ({ runs = 5, lines, pipelines = [16] }) => {
    inlineMore()
    const chosen = chosenLines([...LINES, ...SCRIPT_LINES], lines)
    return chosen.flatMap((line) =>
      pipelines.map((pipeline) => ({
        figure: `${line.name}, pipeline ${pipeline}`,
        unit: 'ns/op',
        vedette: measure(line, pipeline, runs + 1),
      })),
    )
  },
}
