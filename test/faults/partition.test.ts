// The primary's host is cut off from all others, with a client on it that goes on writing there, and clients elsewhere that find the
// new primary through the sentinels. What each write mode promises must come true: no two primaries take writes at once in `lease`
// and `sync`, and in `sync` nothing that was acknowledged is lost.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { connectResp } from '../../src/io/resp-client.ts'
import type { Reply } from '../../src/protocol/reply-parser.ts'
import { VEDETTE_MAIN, VEDETTE_NODE } from '../support/paths.ts'
import { createScope, type Proc, type Scope } from '../support/scope.ts'
import { eventually, sleep } from '../support/wait.ts'
import { createHosts, type Host, type Hosts } from './hosts.ts'

const NAME = 'mymaster'
const WRITER = join(import.meta.dirname, 'writer.mjs')
const SWARM_KEY = '5c'.repeat(32)
const CUT_MS = 8_000
const LEASE_MS = 1_000
const LONG = { timeoutMs: 30_000, intervalMs: 100 }

interface Ack {
  readonly key: string
  readonly atMs: number
}

let scope: Scope
let hosts: Hosts | undefined

afterEach(async () => {
  await scope.close()
  hosts?.close()
})

async function ask({ address }: Host, port: number, ...words: string[]): Promise<Reply> {
  const client = connectResp({ host: address, port, connectTimeoutMs: 1_000, replyTimeoutMs: 2_000 })
  try {
    return await client.command(words)
  } finally {
    client.close()
  }
}

const lease = async (host: Host): Promise<string | undefined> =>
  /lease_state:(\w+)/.exec(String(await ask(host, 6379, 'INFO', 'replication')))?.[1]

/** A server and a sentinel on each of three hosts; the first is the primary's. */
async function startAll(all: readonly Host[], mode: string): Promise<void> {
  const [first] = all as [Host]
  for (const host of all) {
    const args = ['--bind', '0.0.0.0', '--protected-mode', 'no', '--dir', scope.tempDir(), '--save', '']
    const role = host === first ? [] : ['--replicaof', first.address, '6379']
    host.spawn(VEDETTE_NODE, [VEDETTE_MAIN, 'server', ...args, ...role])
  }
  for (const host of all) await eventually('it answers', async () => (await ask(host, 6379, 'PING')) === 'PONG', LONG)
  for (const host of all) {
    const dir = scope.tempDir()
    const lines = [
      `dir ${dir}`,
      `sentinel announce-ip ${host.address}`,
      `sentinel monitor ${NAME} ${first.address} 6379 2`,
      `sentinel down-after-milliseconds ${NAME} 1000`,
      `sentinel write-mode ${NAME} ${mode}`,
      `sentinel lease-milliseconds ${NAME} ${LEASE_MS}`,
      'http-port off',
    ]
    writeFileSync(join(dir, 'sentinel.conf'), `${lines.join('\n')}\n`)
    const env = { VEDETTE_SWARM_KEY: SWARM_KEY }
    host.spawn(VEDETTE_NODE, [VEDETTE_MAIN, 'sentinel', join(dir, 'sentinel.conf')], { env })
  }
  const wanted = mode === 'async' ? 'free' : 'held'
  await eventually('the primary has its lease', async () => (await lease(first)) === wanted, LONG)
  await eventually(
    'all see each other',
    async () => String(await ask(all[1]!, 26379, 'SENTINEL', 'CKQUORUM', NAME)).startsWith('OK 3'),
    LONG,
  )
}

const acksOf = (writer: Proc, prefix: string): Ack[] =>
  writer
    .output()
    .split('\n')
    .slice(0, -1)
    .map((line) => line.split(' '))
    .map(([n, atMs]) => ({ key: `${prefix}:${n}`, atMs: Number(atMs) }))

/** Cuts the primary off for a while, and says what came of it. */
async function cutOff(mode: string) {
  hosts = createHosts(scope, 3)
  const [first, second, third] = hosts.all as [Host, Host, Host]
  await startAll(hosts.all, mode)
  const sentinels = [second, third].map(({ address }) => `${address}:26379`)
  const inside = first.spawn(VEDETTE_NODE, [WRITER, 'inside', `${first.address}:6379`])
  const outside = second.spawn(VEDETTE_NODE, [WRITER, 'outside', 'sentinel', NAME, ...sentinels])
  await eventually('both write', () => acksOf(inside, 'i').length > 100 && acksOf(outside, 'o').length > 100, LONG)
  const cutMs = Number(process.hrtime.bigint() / 1000n) / 1000
  first.cut()
  await sleep(CUT_MS)
  first.join()
  await eventually(
    'the old primary follows',
    async () => /master_link_status:up/.test(String(await ask(first, 6379, 'INFO', 'replication'))),
    LONG,
  )
  await Promise.all([inside.kill(), outside.kill()])
  const [there, here] = [acksOf(inside, 'inside'), acksOf(outside, 'outside')]
  const firstNewMs = here.find(({ atMs }) => atMs > cutMs + 200)!.atMs
  const lastOldMs = Math.max(...there.map(({ atMs }) => atMs).filter((atMs) => atMs < cutMs + CUT_MS))
  const [, port] = (await ask(second, 26379, 'SENTINEL', 'GET-MASTER-ADDR-BY-NAME', NAME)) as [string, string]
  const [host] = (await ask(second, 26379, 'SENTINEL', 'GET-MASTER-ADDR-BY-NAME', NAME)) as [string, string]
  const primary = hosts.all.find(({ address }) => address === host)!
  const all = [...there, ...here]
  const values = (await ask(primary, Number(port), 'MGET', ...all.map(({ key }) => key))) as Reply[]
  return {
    mode,
    overlapMs: Math.max(0, Math.round(lastOldMs - firstNewMs)),
    oldWroteMs: Math.round(lastOldMs - cutMs),
    writableAgainMs: Math.round(firstNewMs - cutMs),
    acknowledged: all.length,
    lost: values.filter((value) => value === null).length,
  }
}

describe('the primary, cut off with a client that goes on writing', () => {
  it.each(['lease', 'sync'])('in %s', async (mode) => {
    scope = createScope()
    const seen = await cutOff(mode)
    console.log(JSON.stringify(seen))
    expect(seen.overlapMs).toBe(0)
    // One lease, and what a reply takes.
    expect(seen.oldWroteMs).toBeLessThan(LEASE_MS + 200)
    if (mode === 'sync') expect(seen.lost).toBe(0)
  })

  it('in async, which promises nothing', async () => {
    scope = createScope()
    const seen = await cutOff('async')
    console.log(JSON.stringify(seen))
    expect(seen.acknowledged).toBeGreaterThan(0)
  })
})
