// The options that README and docs/CLIENTS.md recommend for ioredis, against real groups: a primary that is killed, frozen or
// handed over. The client is that of examples/clients/ioredis.mjs, which also runs as the program that it is, beside the other
// examples for Node.
import type { Redis, RedisOptions } from 'ioredis'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
// @ts-expect-error An example without types.
import { connect as connectExample, OPTIONS as EXAMPLE } from '../../examples/clients/ioredis.mjs'
import { NODE_PROGRAMS, ordeal } from '../support/client-programs.ts'
import { type Group, startGroup } from '../support/group.ts'
import { callOnce } from '../support/resp.ts'
import { createScope, type Scope } from '../support/scope.ts'
import { eventually } from '../support/wait.ts'
import { CLIENT_OPTIONS, startWriter, type Writer } from '../support/writer.ts'

const connect = connectExample as (group: string, sentinels: { host: string; port: number }[]) => Redis
const OPTIONS = EXAMPLE as RedisOptions
const DOWN_AFTER_MS = 1000
/** Beyond what was measured (kill 74 ms, freeze 1,255, planned 62), for a machine that is busy with other things. */
const SLACK_MS = 2000

let scope: Scope
let group: Group
/** Writes until it has done so for a while after the fault; how long it stood still. */
async function gapOf(fault: () => unknown): Promise<number> {
  const writer: Writer = startWriter(scope, group.sentinels, group.name, { options: OPTIONS })
  await eventually('the client writes', () => writer.acks.length > 200)
  const faultMs = performance.now()
  await fault()
  await eventually(
    'the client has written for a while again',
    () => {
      const { ms, fromMs } = writer.longestGap(faultMs)
      return ms > 20 && (writer.acks.at(-1)?.atMs ?? 0) > fromMs + ms + 1000
    },
    { timeoutMs: 30_000 },
  )
  await writer.stop()
  return writer.longestGap(faultMs).ms
}

it('the recommended options are what the other tests and the benchmarks use', () => {
  expect(Object.keys(OPTIONS).sort()).toEqual([
    'connectTimeout',
    'maxRetriesPerRequest',
    'reconnectOnError',
    'retryStrategy',
    'socketTimeout',
  ])
  const comparable = ({ retryStrategy, reconnectOnError, ...others }: RedisOptions): object => ({
    ...others,
    retry: retryStrategy?.(1),
    reconnect: ['READONLY You', 'LOADING Redis'].map((text) => reconnectOnError?.(new Error(text))),
  })
  expect(comparable(OPTIONS)).toEqual(comparable(CLIENT_OPTIONS))
})

describe('ioredis with the recommended options', () => {
  beforeEach(async () => {
    scope = createScope()
    group = await startGroup(scope, { servers: 'vedette', sentinels: 'vedette', downAfterMs: DOWN_AFTER_MS })
  })
  afterEach(() => scope.close())

  it('goes on after a kill', async () => {
    const gap = await gapOf(() => group.servers[0]!.proc.kill())
    console.info(`ioredis, killed: ${gap.toFixed(0)} ms`)
    expect(gap).toBeLessThan(SLACK_MS)
  })

  it('goes on after a freeze', async () => {
    const gap = await gapOf(() => group.servers[0]!.proc.signal('SIGSTOP'))
    console.info(`ioredis, frozen: ${gap.toFixed(0)} ms`)
    expect(gap).toBeLessThan(DOWN_AFTER_MS + SLACK_MS)
  })

  it('goes on after a planned failover', async () => {
    const gap = await gapOf(() => callOnce(group.sentinels[1]!.port, 'SENTINEL', 'FAILOVER', group.name))
    console.info(`ioredis, handed over: ${gap.toFixed(0)} ms`)
    expect(gap).toBeLessThan(SLACK_MS)
  })

  it('never ends its connection for good, kill after kill', async () => {
    const client = connect(
      group.name,
      group.sentinels.map(({ port }) => ({ host: '127.0.0.1', port })),
    )
    scope.defer(async () => client.disconnect())
    let ended = false
    client.on('end', () => {
      ended = true
    })
    for (let round = 0; round < 3; round++) {
      await client.set('round', String(round))
      const port = client.stream.remotePort!
      const killed = group.serverAt(port)
      await killed.proc.kill()
      await client.set('round', `${round} after`)
      expect(client.status).toBe('ready')
      expect(client.stream.remotePort).not.toBe(port)
      await killed.restart()
      await eventually(
        'the killed server is a replica',
        async () => ((await callOnce(port, 'ROLE')) as unknown[])[3] === 'connected',
        { timeoutMs: 30_000 },
      )
    }
    expect(ended).toBe(false)
  })
})

describe.each(NODE_PROGRAMS)('the example for $name, told of one sentinel,', (program) => {
  beforeEach(async () => {
    scope = createScope()
    group = await startGroup(scope, { servers: 'vedette', sentinels: 'vedette', downAfterMs: DOWN_AFTER_MS })
  })
  afterEach(() => scope.close())

  it('writes on through a crash, a freeze and a switchover, and loses nothing in the last', async () => {
    for (const fault of ['killed', 'frozen', 'handed over'] as const) {
      const { gapMs, lost } = await ordeal(scope, program.ready(), group, fault, 60_000)
      console.info(`${program.name}, ${fault}: ${gapMs.toFixed(0)} ms, ${lost} lost`)
      if (fault === 'handed over') expect(lost).toBe(0)
    }
  })
})
