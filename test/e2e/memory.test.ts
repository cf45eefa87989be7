// maxmemory sees what connections hold, not only what is stored.
import { afterEach, beforeEach, expect, it } from 'vitest'
import { callOnce, connectRaw, info, RespError } from '../support/resp.ts'
import { createScope, type Scope } from '../support/scope.ts'
import { startServer } from '../support/servers.ts'
import { eventually } from '../support/wait.ts'

let scope: Scope
beforeEach(() => {
  scope = createScope()
})
afterEach(() => scope.close())

it('watched keys count for maxmemory, and count no more when the client leaves', async () => {
  const server = await startServer(scope, { make: 'vedette', args: ['--maxmemory', '20mb'] })
  const client = await connectRaw(server.port, { scope })
  for (let i = 0; i < 10; i++) {
    const keys = Array.from({ length: 2000 }, (_, j) => `${i}:${j}`.padEnd(1000, 'k'))
    expect(await client.call('WATCH', ...keys)).toBe('OK')
  }
  expect(Number((await info(server.port, 'memory')).used_memory)).toBeGreaterThan(40_000_000)
  expect(await callOnce(server.port, 'SET', 'k', 'v')).toBeInstanceOf(RespError)
  expect(await client.call('UNWATCH')).toBe('OK')
  await eventually('there is room again', async () => (await callOnce(server.port, 'SET', 'k', 'v')) === 'OK')
})

it('says at the start when the machine or the container has less than maxmemory', async () => {
  const server = await startServer(scope, { make: 'vedette', args: ['--maxmemory', '100000gb'] })
  expect(server.proc.output()).toMatch(
    /maxmemory is 107374182400000 bytes, but the (machine has|container may use) \d+/,
  )
  const modest = await startServer(scope, { make: 'vedette', args: ['--maxmemory', '20mb'] })
  expect(modest.proc.output()).not.toContain('maxmemory is')
})
