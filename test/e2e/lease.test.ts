// Leases on real processes: a primary takes writes only while a majority of its sentinels vouches for it, whoever freezes, and
// who merely reaches its port can neither give it a lease nor take one away.
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { announcedPort, type Group, startGroup } from '../support/group.ts'
import { callOnce, info, RespError } from '../support/resp.ts'
import { createScope, type Scope } from '../support/scope.ts'
import { eventually } from '../support/wait.ts'

const NAME = 'mymaster'
const LONG = { timeoutMs: 30_000 }

let scope: Scope
let group: Group
let port: number

const leaseOf = async (of: number): Promise<string | undefined> => (await info(of, 'replication')).lease_state
const set = (of: number): Promise<unknown> => callOnce(of, 'SET', 'key', 'value')
const errorOf = (reply: unknown): string => (reply instanceof RespError ? reply.message : `no error: ${String(reply)}`)

const isRefused = async (of: number): Promise<boolean> => errorOf(await set(of)).startsWith('READONLY')
const takesWrites = async (of: number): Promise<boolean> => (await set(of)) === 'OK'

beforeEach(async () => {
  scope = createScope()
  group = await startGroup(scope, { servers: 'vedette', sentinels: 'vedette', downAfterMs: 1000 })
  port = group.servers[0]!.port
  await eventually('the primary holds a lease', async () => (await leaseOf(port)) === 'held', LONG)
})
afterEach(() => scope.close())

describe('a primary under sentinels', () => {
  it('takes writes only while a majority of them runs, also after a restart', async () => {
    expect(await takesWrites(port)).toBe(true)
    for (const replica of group.servers.slice(1))
      await eventually(
        `${replica.port} knows that it would need one`,
        async () => (await leaseOf(replica.port)) === 'standby',
      )
    for (const { proc } of group.sentinels.slice(1)) proc.signal('SIGSTOP')
    await eventually('writes are refused', () => isRefused(port), LONG)
    expect(await callOnce(port, 'GET', 'key')).toBe('value')
    await group.servers[0]!.restart()
    await eventually('writes are refused after a restart', () => isRefused(port), LONG)
    for (const { proc } of group.sentinels.slice(1)) proc.signal('SIGCONT')
    await eventually(
      'somebody takes writes',
      async () => takesWrites(await announcedPort(group.sentinels[0]!, NAME)),
      LONG,
    )
  })

  it('hands over to a replica that answers the order, though it wrote much as a replica', async () => {
    const replicas = group.servers.slice(1)
    for (let i = 0; i < 10; i++) expect(await takesWrites(port)).toBe(true)
    for (const { port: of } of replicas)
      await eventually(`${of} knows that it would need one`, async () => (await leaseOf(of)) === 'standby')
    await group.servers[0]!.proc.kill()
    await eventually(
      'another takes writes',
      async () => {
        const now = await announcedPort(group.sentinels[0]!, NAME)
        return now !== port && takesWrites(now)
      },
      LONG,
    )
    for (const { proc } of replicas) expect(proc.output()).not.toContain('closed without a reply')
  })

  it('does not believe whoever reaches its port', async () => {
    const stranger = 'f'.repeat(64)
    expect(errorOf(await callOnce(port, 'REPLCONF', 'vedette-enlist', stranger))).toBe(
      'ERR This server takes its leases from other sentinels, which were heard just now',
    )
    expect(errorOf(await callOnce(port, 'REPLCONF', 'vedette-lease', '{"v":1}', stranger))).toMatch(/^NOLEASEKEY /)
    expect(await leaseOf(port)).toBe('held')
  })

  it('is let go when the group is watched no more, or is to need no leases', async () => {
    const [first] = group.sentinels
    expect(await callOnce(first!.port, 'SENTINEL', 'SET', NAME, 'write-mode', 'async')).toBe('OK')
    await eventually('it needs no lease', async () => (await leaseOf(port)) === 'free', LONG)
    expect(await callOnce(first!.port, 'SENTINEL', 'SET', NAME, 'write-mode', 'lease')).toBe('OK')
    await eventually('it needs one again', async () => (await leaseOf(port)) === 'held', LONG)
    expect(await callOnce(first!.port, 'SENTINEL', 'REMOVE', NAME)).toBe('OK')
    await eventually(
      'nobody needs one',
      async () => {
        const states = await Promise.all(group.servers.map((server) => leaseOf(server.port)))
        return states.every((state) => state === 'free')
      },
      LONG,
    )
    expect(await takesWrites(port)).toBe(true)
  })
})
