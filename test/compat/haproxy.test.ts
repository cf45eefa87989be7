// examples/haproxy/haproxy.cfg with Debian's haproxy before a live group: writes go on through a switchover, reads reach replicas.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { announcedPort, startGroup } from '../support/group.ts'
import { freePort } from '../support/ports.ts'
import { callOnce } from '../support/resp.ts'
import { createScope, type Scope } from '../support/scope.ts'
import type { Running } from '../support/servers.ts'
import { eventually } from '../support/wait.ts'

let scope: Scope
beforeEach(() => {
  scope = createScope()
})
afterEach(() => scope.close())

const PATIENT = { timeoutMs: 30_000 }

const example = readFileSync(new URL('../../examples/haproxy/haproxy.cfg', import.meta.url), 'utf8')

async function httpPortOf({ proc }: Running): Promise<number> {
  const find = (): string | undefined => /Metrics and health: http:\/\/127\.0\.0\.1:(\d+)/.exec(proc.output())?.[1]
  await eventually('the log names the HTTP port', async () => find() !== undefined)
  return Number(find())
}

it('leads writes to the primary and reads to replicas, through a switchover', async () => {
  const group = await startGroup(scope, {
    servers: 'vedette',
    sentinels: 'vedette',
    downAfterMs: 1000,
    serverArgs: ['--http-port', '0'],
  })
  const [writes, reads] = [await freePort(), await freePort()]
  let config = example.replace('127.0.0.1:6390', `127.0.0.1:${writes}`).replace('127.0.0.1:6391', `127.0.0.1:${reads}`)
  for (const [i, server] of group.servers.entries()) {
    config = config.replaceAll(
      `127.0.0.1:${6379 + i} port ${9121 + i}`,
      `127.0.0.1:${server.port} port ${await httpPortOf(server)}`,
    )
  }
  const file = join(scope.tempDir(), 'haproxy.cfg')
  writeFileSync(file, config)
  scope.spawn('haproxy', ['-db', '-f', file])

  const portBehind = async (port: number): Promise<number | undefined> => {
    const reply = await callOnce(port, 'CONFIG', 'GET', 'port').catch(() => undefined)
    return Array.isArray(reply) ? Number(reply[1]) : undefined
  }
  const before = await announcedPort(group.sentinels[0]!, group.name)
  await eventually('writes reach the primary', async () => (await portBehind(writes)) === before, PATIENT)
  const write = async (): Promise<boolean> => (await callOnce(writes, 'SET', 'k', 'v').catch(() => '')) === 'OK'
  await eventually('a write is taken', write, PATIENT)
  await eventually(
    'reads reach a replica',
    async () => {
      const port = await portBehind(reads)
      return port !== undefined && port !== before
    },
    PATIENT,
  )

  expect(await callOnce(group.sentinels[0]!.port, 'SENTINEL', 'FAILOVER', group.name)).toBe('OK')
  await eventually(
    'writes reach the new primary',
    async () => {
      const port = await portBehind(writes)
      return port !== undefined && port !== before && (await write())
    },
    PATIENT,
  )
})
