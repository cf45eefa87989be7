// What servers know of their sentinels: a group that was started by flags only keeps its roles through a cold start, and a
// server that stood still, or comes back, acknowledges nothing before the sentinels have spoken.
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { announcedPort, type Group, startGroup } from '../support/group.ts'
import { pipeline, sameOffset } from '../support/replicated.ts'
import { callOnce, connectRaw, info, RespError } from '../support/resp.ts'
import { createScope, type Scope } from '../support/scope.ts'
import type { Running } from '../support/servers.ts'
import { eventually, sleep } from '../support/wait.ts'

let scope: Scope
beforeEach(() => {
  scope = createScope()
})
afterEach(() => scope.close())

const form = (): Promise<Group> =>
  startGroup(scope, {
    servers: 'vedette',
    sentinels: 'vedette',
    downAfterMs: 1000,
    serverArgs: ['--save', '3600', '1'],
  })

/** Kills the primary, or does what is given, and waits for its heir. */
async function failOver(group: Group, strike: (primary: Running) => unknown): Promise<Running> {
  const [primary] = group.servers as [Running]
  // The servers have heard the sentinels: every two seconds there is a hello.
  await sleep(2500)
  await strike(primary)
  const port = await eventually(
    'another primary is announced',
    async () => {
      const announced = await announcedPort(group.sentinels[1]!, group.name)
      return announced === primary.port ? undefined : announced
    },
    { timeoutMs: 20_000 },
  )
  return group.serverAt(port)
}

it('a cold start of everything ends with the newest data, though the flags say otherwise', async () => {
  const group = await form()
  await callOnce(group.servers[0]!.port, 'SET', 'old', '1')
  await callOnce(group.servers[0]!.port, 'SAVE')
  const heir = await failOver(group, (primary) => primary.proc.kill())
  const writer = await connectRaw(heir.port, { scope })
  await pipeline(
    writer,
    Array.from({ length: 300 }, (_, i) => ['SET', `k${i}`, 'v']),
  )
  expect(await writer.call('SAVE')).toBe('OK')
  const alive = group.servers.filter((server) => server.proc.isRunning())
  await eventually(
    'the others follow',
    async () => (await info(heir.port)).connected_slaves === String(alive.length - 1),
  )
  await sameOffset(alive)
  await Promise.all([...group.sentinels, ...alive].map((one) => one.proc.kill()))
  await Promise.all([...group.servers, ...group.sentinels].map((one) => one.restart()))
  await eventually(
    'all servers have the newest data',
    async () => {
      const sizes = await Promise.all(group.servers.map(({ port }) => callOnce(port, 'DBSIZE')))
      return sizes.every((size) => size === 301)
    },
    { timeoutMs: 30_000 },
  )
  await eventually(
    'the heir is announced',
    async () => (await announcedPort(group.sentinels[0]!, group.name)) === heir.port,
    { timeoutMs: 20_000 },
  )
  expect((await info(heir.port)).role).toBe('master')
})

it('a primary that stood still acknowledges nothing that its heir does not have', async () => {
  const group = await form()
  const [old] = group.servers as [Running]
  const client = await connectRaw(old.port, { scope })
  expect(await client.call('SET', 'a', '1')).toBe('OK')
  const heir = await failOver(group, (primary) => primary.proc.signal('SIGSTOP'))
  client.send('SET lost 1\r\n')
  await sleep(1000)
  old.proc.signal('SIGCONT')
  const reply = await client.reply(20_000).catch(() => Buffer.from('closed'))
  expect(reply.toString()).toMatch(/^(-READONLY|closed)/)
  await eventually('it follows', async () => (await info(old.port)).master_port === String(heir.port))
  expect(old.proc.output()).toMatch(/The lease has run out: writes wait/)
})

it('a primary that stood still and was not replaced goes on as soon as the sentinels say so', async () => {
  const group = await form()
  const [primary] = group.servers as [Running]
  for (const replica of group.servers.slice(1)) await callOnce(replica.port, 'CONFIG', 'SET', 'replica-priority', '0')
  await sleep(2500)
  const client = await connectRaw(primary.port, { scope })
  primary.proc.signal('SIGSTOP')
  await sleep(2500)
  client.send('SET a 1\r\nGET a\r\n')
  primary.proc.signal('SIGCONT')
  expect((await client.reply(20_000)).toString()).toBe('+OK\r\n')
  expect(await announcedPort(group.sentinels[0]!, group.name)).toBe(primary.port)
  expect(primary.proc.output()).toMatch(/The lease has run out: writes wait[\s\S]*writes go on/)
})

it('an old primary that comes back takes no write', async () => {
  const group = await form()
  const [old] = group.servers as [Running]
  const heir = await failOver(group, (primary) => primary.proc.kill())
  // The sentinels are slower than the client.
  for (const { proc } of group.sentinels) proc.signal('SIGSTOP')
  await old.restart()
  const client = await connectRaw(old.port, { scope })
  client.send('SET lost 1\r\n')
  await sleep(1000)
  for (const { proc } of group.sentinels) proc.signal('SIGCONT')
  const reply = await client.reply(20_000).catch(() => Buffer.from('closed'))
  expect(reply.toString()).toMatch(/^(-READONLY|closed)/)
  await eventually('it follows', async () => (await info(old.port)).master_port === String(heir.port))
})

it('a server whose sentinels are gone for good takes no write until an operator frees it', async () => {
  const group = await form()
  await sleep(2500)
  await Promise.all(group.sentinels.map((one) => one.proc.kill()))
  const [primary] = group.servers as [Running]
  await primary.restart()
  const refused = await callOnce(primary.port, 'SET', 'a', '1')
  expect(refused).toBeInstanceOf(RespError)
  expect((refused as RespError).message).toMatch(/^READONLY .* no lease/)
  expect(await callOnce(primary.port, 'REPLICAOF', 'NO', 'ONE')).toBe('OK')
  expect(await callOnce(primary.port, 'SET', 'a', '1')).toBe('OK')
})

it('a replica that came back empty while its primary stood still does not take over, and empties nobody', async () => {
  const group = await startGroup(scope, {
    servers: 'vedette',
    sentinels: 'vedette',
    replicas: 1,
    downAfterMs: 1000,
  })
  const [primary, replica] = group.servers as [Running, Running]
  await pipeline(
    await connectRaw(primary.port, { scope }),
    Array.from({ length: 100 }, (_, i) => ['SET', `k${i}`, 'v']),
  )
  await sameOffset(group.servers)
  await replica.proc.kill()
  primary.proc.signal('SIGSTOP')
  await replica.restart()
  await sleep(4000)
  expect(await info(replica.port)).toMatchObject({ role: 'slave', replica_complete: '0', slave_priority: '0' })
  primary.proc.signal('SIGCONT')
  await eventually('the replica has all data', async () => (await callOnce(replica.port, 'DBSIZE')) === 100)
  expect(await callOnce(primary.port, 'DBSIZE')).toBe(100)
})

it('the data of replicas outlive a primary that comes back without its file', async () => {
  const group = await form()
  const [primary, ...replicas] = group.servers as [Running, Running, Running]
  await pipeline(
    await connectRaw(primary.port, { scope }),
    Array.from({ length: 310 }, (_, i) => ['SET', `k${i}`, 'v']),
  )
  await sameOffset(group.servers)
  for (const server of group.servers) await callOnce(server.port, 'SAVE')
  await Promise.all([...group.sentinels, ...group.servers].map((one) => one.proc.kill()))
  rmSync(join(primary.dir, 'dump.rdb'))
  await primary.restart()
  await Promise.all(replicas.map((one) => one.restart()))
  await Promise.all(group.sentinels.map((one) => one.restart()))
  for (let i = 0; i < 16; i++) {
    await sleep(500)
    for (const { port } of replicas) expect(await callOnce(port, 'DBSIZE')).toBe(310)
  }
})
