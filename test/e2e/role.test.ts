// Servers that ask the sentinels before they take a role, on real processes: nobody takes a write on its own word, and the
// group finds a primary all the same.
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { announcedPort, isFormed } from '../support/group.ts'
import { freePort } from '../support/ports.ts'
import { callOnce, info, RespError } from '../support/resp.ts'
import { createScope, type Scope } from '../support/scope.ts'
import { type Running, startSentinel, startServer } from '../support/servers.ts'
import { eventually, sleep } from '../support/wait.ts'
import { lostWrites, startWriter } from '../support/writer.ts'

const NAME = 'mymaster'
let scope: Scope
let servers: Running[]
let sentinelPorts: number[]
let sentinels: Running[]

beforeEach(async () => {
  scope = createScope()
  sentinels = []
  sentinelPorts = [await freePort(), await freePort(), await freePort()]
  const addresses = sentinelPorts.map((port) => `127.0.0.1:${port}`)
  const args = ['--sentinels', ...addresses, '--sentinel-group', NAME]
  servers = await Promise.all([0, 1, 2].map(() => startServer(scope, { make: 'vedette', args })))
})
afterEach(() => scope.close())

async function startSentinels(): Promise<void> {
  const monitor = { name: NAME, port: servers[0]!.port, quorum: 2 }
  const options = { make: 'vedette' as const, monitor, downAfterMs: 1000 }
  sentinels = await Promise.all(sentinelPorts.map((port) => startSentinel(scope, { ...options, port })))
}

async function formed(replicas = 2): Promise<void> {
  for (const one of sentinels)
    await eventually(`${one.port} sees the whole group`, () => isFormed(one, NAME, replicas, 2), { timeoutMs: 30_000 })
}

const primaryPort = (): Promise<number> => announcedPort(sentinels[0]!, NAME)
const serverAt = (port: number): Running => servers.find((one) => one.port === port)!
const takesWrites = async (port: number): Promise<boolean> => (await callOnce(port, 'SET', 'k', 'v')) === 'OK'

async function switchedFrom(before: number): Promise<number> {
  await eventually('another primary is announced', async () => (await primaryPort()) !== before, { timeoutMs: 30_000 })
  return primaryPort()
}

describe('servers with sentinels', () => {
  it('refuse writes and say why until one is named; then there is one primary, and the others follow it', async () => {
    for (const { port } of servers) {
      const refusal = await callOnce(port, 'SET', 'k', 'v')
      expect(refusal).toBeInstanceOf(RespError)
      expect((refusal as RespError).message).toBe(
        `READONLY You can't write against this server yet: it waits for the sentinels to name the primary of group '${NAME}'.`,
      )
    }
    await startSentinels()
    await formed()
    expect(await primaryPort()).toBe(servers[0]!.port)
    expect(await Promise.all(servers.map(({ port }) => takesWrites(port)))).toEqual([true, false, false])
    for (const { port } of servers.slice(1))
      await eventually('the write is on every replica', async () => (await callOnce(port, 'GET', 'k')) === 'v')
  })

  it('come back as what they are: a replica that lost its data, a primary that was replaced', async () => {
    await startSentinels()
    await formed()
    expect(await takesWrites(servers[0]!.port)).toBe(true)
    const [old, emptied] = servers as [Running, Running, Running]
    await emptied.proc.kill()
    rmSync(join(emptied.dir, 'dump.rdb'), { force: true })
    await emptied.restart()
    await eventually('the emptied one has copied all', async () => (await callOnce(emptied.port, 'GET', 'k')) === 'v')

    await old.proc.kill()
    const port = await switchedFrom(old.port)
    await old.restart()
    // From the first moment on: not one write.
    const untilMs = performance.now() + 1500
    while (performance.now() < untilMs) {
      // Or no answer at all: clients are cut off when it is told whom to follow.
      expect(await callOnce(old.port, 'SET', 'stray', 'x').catch(String)).not.toBe('OK')
      await sleep(5)
    }
    expect((await info(old.port, 'replication')).role).toBe('slave')
    expect(await takesWrites(port)).toBe(true)
  })

  it('hand over before they stop: SIGTERM of the primary loses no write', async () => {
    await startSentinels()
    await formed()
    const writer = startWriter(scope, sentinels, NAME)
    await eventually('the client writes', () => writer.acks.length > 200)
    const before = await primaryPort()
    serverAt(before).proc.signal('SIGTERM')
    const after = await switchedFrom(before)
    const seen = writer.acks.length
    await eventually('the client writes on', () => writer.acks.length > seen + 200, { timeoutMs: 20_000 })
    await eventually('the old primary has ended', () => !serverAt(before).proc.isRunning(), { timeoutMs: 15_000 })
    expect(serverAt(before).proc.output()).toContain('Another server is primary now.')
    await writer.stop()
    expect(await lostWrites(after, writer.acks)).toEqual([])
  })

  it('find a primary although the last one stays away and all of them were down', async () => {
    await startSentinels()
    await formed()
    expect(await takesWrites(servers[0]!.port)).toBe(true)
    for (const { port } of servers.slice(1))
      await eventually('the write is on every replica', async () => (await callOnce(port, 'GET', 'k')) === 'v')
    for (const { port } of servers.slice(1)) await callOnce(port, 'SAVE')
    for (const { proc } of servers) await proc.kill()
    await sleep(500)
    await Promise.all(servers.slice(1).map((one) => one.restart()))
    const port = await switchedFrom(servers[0]!.port)
    await eventually('it takes writes', () => takesWrites(port), { timeoutMs: 20_000 })
    expect(await callOnce(port, 'GET', 'k')).toBe('v')
  })
})
