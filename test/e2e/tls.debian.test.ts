// TLS beside Redis: redis-cli and redis-benchmark against our port, redis-server as replica and as primary of ours, all of it by TLS.
import { spawnSync } from 'node:child_process'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { linkUp } from '../support/group.ts'
import { callOnce } from '../support/resp.ts'
import { createScope, type Scope } from '../support/scope.ts'
import { type Make, startServer } from '../support/servers.ts'
import { makeCertificates, type TestTls } from '../support/tls.ts'
import { eventually } from '../support/wait.ts'

let scope: Scope
let made: TestTls
beforeEach(() => {
  scope = createScope()
  made = makeCertificates(scope.tempDir())
})
afterEach(() => scope.close())

it('redis-cli and redis-benchmark talk to it', async () => {
  const { port } = await startServer(scope, { make: 'vedette', tls: made })
  const at = ['-p', String(port), ...made.cli]
  expect(String(spawnSync('redis-cli', [...at, 'ECHO', 'hello']).stdout)).toBe('hello\n')
  const bench = spawnSync('redis-benchmark', [...at, '-n', '2000', '-c', '20', '-P', '4', '-t', 'set,get', '-q'])
  expect(String(bench.stdout)).toMatch(/GET: [\d.]+ requests per second/)
  expect(await callOnce(port, 'DBSIZE')).toBe(1)
})

const PAIRS: readonly (readonly [primary: Make, replica: Make])[] = [
  ['redis', 'vedette'],
  ['vedette', 'redis'],
]

it.each(PAIRS)('a primary of %s has a replica of %s', async (primaryMake, replicaMake) => {
  const primary = await startServer(scope, { make: primaryMake, tls: made, args: ['--repl-diskless-sync-delay', '0'] })
  const big = 'x'.repeat(3_000_000)
  await callOnce(primary.port, 'SET', 'big', big)
  const args = ['--replicaof', '127.0.0.1', String(primary.port)]
  const replica = await startServer(scope, { make: replicaMake, tls: made, args })
  await linkUp(replica, primary.port)
  expect(await callOnce(replica.port, 'GET', 'big')).toBe(big)
  await callOnce(primary.port, 'SET', 'later', big)
  await eventually('the stream arrives', async () => (await callOnce(replica.port, 'STRLEN', 'later')) === big.length)
  // It is told of by its port of TLS.
  const role = (await callOnce(primary.port, 'ROLE')) as string[][]
  expect(role[2]![0]![1]).toBe(String(replica.port))
})
