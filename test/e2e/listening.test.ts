// CONFIG SET port and bind: the server listens there, or where it did; and bind-source-addr.
import { createServer } from 'node:net'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { freePort } from '../support/ports.ts'
import { callOnce, connectRaw, info } from '../support/resp.ts'
import { createScope, type Scope } from '../support/scope.ts'
import { type Running, startServer, vedette } from '../support/servers.ts'
import { eventually } from '../support/wait.ts'

let scope: Scope
let server: Running
beforeEach(async () => {
  scope = createScope()
  server = await startServer(scope, { make: 'vedette', args: ['--unixsocket', 's.sock'] })
})
afterEach(() => scope.close())

const message = (text: string) => ({ message: expect.stringContaining(text) })

it('moves to another port, and stays where it is when that is taken', async () => {
  const connection = await connectRaw(server.port, { scope })
  const port = await freePort()
  expect(await connection.call('CONFIG', 'SET', 'port', String(port), 'timeout', '77')).toBe('OK')
  expect(await callOnce(port, 'PING')).toBe('PONG')
  await expect(callOnce(server.port, 'PING')).rejects.toThrow()
  expect(await connection.call('CONFIG', 'GET', 'port', 'timeout')).toEqual(['port', String(port), 'timeout', '77'])
  expect((await info(port, 'server')).tcp_port).toBe(String(port))

  const other = createServer()
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
  scope.defer(() => other.close())
  const taken = (other.address() as { port: number }).port
  const refused = await connection.call('CONFIG', 'SET', 'timeout', '78', 'port', String(taken))
  expect(refused).toMatchObject(message("argument 'port') - Unable to listen on this port"))
  expect(await callOnce(port, 'CONFIG', 'GET', 'port', 'timeout')).toEqual(['port', String(port), 'timeout', '77'])
  // Another pair that is wrong: nothing moves.
  expect(await connection.call('CONFIG', 'SET', 'port', String(server.port), 'timeout', 'x')).toMatchObject(
    message('timeout'),
  )
  expect(await callOnce(port, 'PING')).toBe('PONG')
  // Replies stay in order.
  const replies = await Promise.all([
    connection.call('CONFIG', 'SET', 'port', String(server.port)),
    connection.call('ECHO', 'after'),
  ])
  expect(replies).toEqual(['OK', 'after'])
  expect(await callOnce(server.port, 'PING')).toBe('PONG')
})

it('moves to other addresses, to none, and stays when it cannot', async () => {
  const connection = await connectRaw(server.port, { scope })
  expect(await connection.call('CONFIG', 'SET', 'bind', '999.999.999.999')).toMatchObject(
    message('Failed to bind to specified addresses'),
  )
  expect(await callOnce(server.port, 'PING')).toBe('PONG')
  expect(await connection.call('CONFIG', 'SET', 'bind', '127.0.0.2')).toBe('OK')
  await expect(callOnce(server.port, 'PING')).rejects.toThrow()
  expect(await connection.call('CONFIG', 'SET', 'bind', '')).toBe('OK')
  expect(await connection.call('CONFIG', 'SET', 'bind', '127.0.0.1 -::1')).toBe('OK')
  expect(await callOnce(server.port, 'PING')).toBe('PONG')
  await connection.call('MULTI')
  await connection.call('CONFIG', 'SET', 'bind', '127.0.0.2')
  expect(((await connection.call('EXEC')) as unknown[])[0]).toMatchObject(message('inside a transaction'))
})

it('starts without TCP when bind is empty and there is a Unix socket', async () => {
  const path = join(server.dir, 'only.sock')
  const args = ['server', '--bind', '', '--unixsocket', path, '--dir', scope.tempDir(), '--save', '']
  const proc = vedette(scope, args)
  await proc.waitForOutput(/Ready to accept connections/)
  expect(proc.isRunning()).toBe(true)
})

it('connects to its primary from bind-source-addr', async () => {
  const replica = await startServer(scope, { make: 'vedette' })
  expect(await callOnce(replica.port, 'CONFIG', 'SET', 'bind-source-addr', '127.0.0.2')).toBe('OK')
  await callOnce(replica.port, 'REPLICAOF', '127.0.0.1', String(server.port))
  await eventually('the replica is there', async () => (await info(server.port, 'replication')).slave0 !== undefined)
  expect((await info(server.port, 'replication')).slave0).toContain('ip=127.0.0.2')

  // An address that this machine does not have is done without.
  expect(await callOnce(replica.port, 'CONFIG', 'SET', 'bind-source-addr', '203.0.113.7')).toBe('OK')
  await callOnce(replica.port, 'REPLICAOF', 'NO', 'ONE')
  await callOnce(replica.port, 'REPLICAOF', '127.0.0.1', String(server.port))
  await eventually('it replicates', async () => (await info(replica.port, 'replication')).master_link_status === 'up')
})
