// A client that has not given the password and does not read: the server lets go of it before its replies take memory.
import net from 'node:net'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { callOnce } from '../support/resp.ts'
import { createScope, type Scope } from '../support/scope.ts'
import { startServer } from '../support/servers.ts'
import { within } from '../support/wait.ts'

let scope: Scope
beforeEach(() => {
  scope = createScope()
})
afterEach(() => scope.close())

it('is disconnected when it sends without reading; one that reads is not', async () => {
  const server = await startServer(scope, { make: 'vedette', args: ['--requirepass', 'secret'] })
  const socket = net.connect(server.port, '127.0.0.1')
  scope.defer(() => socket.destroy())
  socket.pause()
  const closed = new Promise<void>((resolve) => {
    socket.on('error', () => {})
    socket.on('close', () => resolve())
  })
  const request = Buffer.from('SET x 5\r\n'.repeat(10_000))
  const send = (): void => {
    if (socket.destroyed) return
    if (socket.write(request)) setImmediate(send)
    else socket.once('drain', send)
  }
  send()
  await within(30_000, 'it is disconnected', closed)

  // A pipeline before the password is nothing bad.
  const polite = net.connect(server.port, '127.0.0.1')
  scope.defer(() => polite.destroy())
  let received = 0
  const all = new Promise<void>((resolve) => {
    polite.on('data', (bytes: Buffer) => {
      received += bytes.toString().split('NOAUTH').length - 1
      if (received >= 1000) resolve()
    })
  })
  polite.write('SET x 5\r\n'.repeat(1000))
  await within(30_000, 'all errors are there', all)
  expect(polite.destroyed).toBe(false)
  expect((await callOnce(server.port, 'PING')) as Error).toMatchObject({ message: expect.stringContaining('NOAUTH') })
})
