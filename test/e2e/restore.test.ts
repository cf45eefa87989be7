// Backup and restore as docs/OPERATIONS.md describes them: a snapshot taken on a replica becomes the data of a group that starts anew.
import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { isFormed, linkUp, startGroup } from '../support/group.ts'
import { callOnce, info } from '../support/resp.ts'
import { createScope, type Scope } from '../support/scope.ts'
import { startSentinel, startServer } from '../support/servers.ts'
import { eventually } from '../support/wait.ts'

let scope: Scope
beforeEach(() => {
  scope = createScope()
})
afterEach(() => scope.close())

it('a group begins anew with the data of a backup', async () => {
  const old = await startGroup(scope, { servers: 'vedette', sentinels: 'vedette', replicas: 1 })
  const [primary, replica] = old.servers as [(typeof old.servers)[0], (typeof old.servers)[0]]
  await callOnce(primary.port, 'SET', 'k', 'good')
  await callOnce(primary.port, 'RPUSH', 'l', 'a', 'b')
  expect(await callOnce(primary.port, 'WAIT', '1', '10000')).toBe(1)
  await callOnce(replica.port, 'BGSAVE')
  await eventually('the snapshot is written', async () => {
    const seen = await info(replica.port, 'persistence')
    return seen.rdb_bgsave_in_progress === '0' && seen.rdb_saves !== '0' && seen.rdb_last_bgsave_status === 'ok'
  })
  await callOnce(primary.port, 'SET', 'k', 'bad')
  for (const { proc } of [...old.sentinels, ...old.servers]) await proc.kill()

  const folder = scope.tempDir()
  copyFileSync(join(replica.dir, 'dump.rdb'), join(folder, 'dump.rdb'))
  const first = await startServer(scope, { make: 'vedette', port: primary.port, dir: folder })
  const second = await startServer(scope, {
    make: 'vedette',
    port: replica.port,
    args: ['--replicaof', '127.0.0.1', String(first.port)],
  })
  await linkUp(second, first.port)
  const monitor = { name: old.name, port: first.port, quorum: 2 }
  const sentinels = await Promise.all(
    old.sentinels.map(({ port }) => startSentinel(scope, { make: 'vedette', port, monitor })),
  )
  for (const sentinel of sentinels)
    await eventually('the sentinels are a quorum', () => isFormed(sentinel, old.name, 1, 2), { timeoutMs: 30_000 })
  for (const { port } of [first, second]) {
    expect(await callOnce(port, 'GET', 'k')).toBe('good')
    expect(await callOnce(port, 'LRANGE', 'l', '0', '-1')).toEqual(['a', 'b'])
  }
})
