// The move from Redis and its Sentinel to Vedette that docs/OPERATIONS.md describes, step by step, under a client that never stops writing:
// the sentinels are replaced one after another at their addresses and with their own files, then the replicas, then, after a switchover,
// the old primary. Nothing that was acknowledged is lost, and at no time do two quorums act.
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { announcedPort, type Group, isFormed, linkUp, startGroup } from '../support/group.ts'
import { callOnce, RespError } from '../support/resp.ts'
import { createScope, type Scope } from '../support/scope.ts'
import { type Running, startServer, vedette } from '../support/servers.ts'
import { eventually } from '../support/wait.ts'
import { lostWrites, startWriter } from '../support/writer.ts'

let scope: Scope
beforeEach(() => {
  scope = createScope()
})
afterEach(() => scope.close())

/** Ends a sentinel of Redis and starts one of Vedette in its place, on the file that it leaves. */
async function replaceSentinel(old: Running): Promise<void> {
  await old.proc.stop()
  const proc = vedette(scope, ['sentinel', join(old.dir, 'sentinel.conf')])
  await eventually(`the sentinel on ${old.port} answers`, async () => (await callOnce(old.port, 'PING')) === 'PONG', {
    timeoutMs: 30_000,
  })
  expect(proc.isRunning(), proc.output()).toBe(true)
}

/** Ends a replica of Redis and starts one of Vedette in its place, which copies the primary's data. */
async function replaceReplica(old: Running, primaryPort: number): Promise<Running> {
  await old.proc.stop()
  const args = ['--replicaof', '127.0.0.1', String(primaryPort)]
  const replica = await startServer(scope, { make: 'vedette', port: old.port, args })
  await linkUp(replica, primaryPort)
  return replica
}

/** Waits until every sentinel has the whole group in view again. */
async function whole(group: Group): Promise<void> {
  for (const at of group.sentinels)
    await eventually(`the sentinel on ${at.port} sees everybody`, () => isFormed(at, group.name, 2, 2), {
      timeoutMs: 60_000,
    })
}

it('Redis and its Sentinel are replaced by Vedette under a client that writes', { timeout: 300_000 }, async () => {
  const group = await startGroup(scope, { servers: 'redis', sentinels: 'redis' })
  const writer = startWriter(scope, group.sentinels, group.name, { pauseMs: 1 })
  await eventually('the client writes', () => writer.acks.length > 100)
  const [primary, ...replicas] = group.servers as [Running, Running, Running]

  for (const sentinel of group.sentinels) await replaceSentinel(sentinel)
  await whole(group)
  expect(await announcedPort(group.sentinels[2]!, group.name)).toBe(primary.port)

  for (const replica of replicas) await replaceReplica(replica, primary.port)
  await whole(group)

  await eventually('a switchover is agreed to', async () => {
    const reply = await callOnce(group.sentinels[0]!.port, 'SENTINEL', 'FAILOVER', group.name)
    return !(reply instanceof RespError)
  })
  const now = await eventually('another server is primary', async () => {
    const port = await announcedPort(group.sentinels[0]!, group.name)
    return port === primary.port ? undefined : port
  })
  expect(replicas.map(({ port }) => port)).toContain(now)
  await linkUp(primary, now)

  await replaceReplica(primary, now)
  await whole(group)
  const before = writer.acks.length
  await eventually('the client still writes', () => writer.acks.length > before + 100)
  await writer.stop()
  expect(await lostWrites(now, writer.acks)).toEqual([])
  console.info(`moved: ${writer.acks.length} writes, longest gap ${writer.longestGap().ms.toFixed(0)} ms`)
})
