// Handshakes with strangers: bounded in time and in number.
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import net, { type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import tls from 'node:tls'
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest'
import { createConfigStore } from '../../../src/config/store.ts'
import { TLS_OPTIONS } from '../../../src/config/tls-options.ts'
import type { Log } from '../../../src/io/log.ts'
import { createTls } from '../../../src/io/tls/tls.ts'
import { makeCertificates, type TestTls } from '../../support/tls.ts'

const HOUR_MS = 3_600_000
const closers: (() => void)[] = []
let folder: string
let made: TestTls
beforeAll(() => {
  folder = mkdtempSync(`${tmpdir()}/vedette-tls-`)
  made = makeCertificates(folder)
})
afterAll(() => rmSync(folder, { recursive: true }))
afterEach(() => {
  for (const close of closers.splice(0)) close()
})

/** A port whose connections shake hands within these bounds; and how many did. */
async function listen(handshakeMs: number, handshakesMax: number): Promise<{ port: number; secured: () => number }> {
  const log = { debug: vi.fn(), verbose: vi.fn(), notice: vi.fn(), warning: vi.fn() } as unknown as Log
  const files = { 'tls-cert-file': made.cert, 'tls-key-file': made.key, 'tls-ca-cert-file': made.ca }
  const it = createTls({ ...createConfigStore(TLS_OPTIONS).values, ...files }, log, handshakeMs, handshakesMax)
  expect(it.configure()).toBeUndefined()
  let secured = 0
  const server = net.createServer((socket) => {
    it.accept(socket, (secure) => {
      secured++
      secure.on('error', () => {})
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  closers.push(() => {
    server.close()
    it.clear()
  })
  return { port: (server.address() as AddressInfo).port, secured: () => secured }
}

const closed = (socket: net.Socket): Promise<void> => new Promise((resolve) => socket.on('close', () => resolve()))

/** Who connects and says nothing. */
async function silent(port: number): Promise<net.Socket> {
  const socket = net.connect(port, '127.0.0.1').on('error', () => {})
  closers.push(() => socket.destroy())
  await once(socket, 'connect')
  return socket
}

function client(port: number): tls.TLSSocket {
  const socket = tls.connect({ port, host: '127.0.0.1', ...made.client }).on('error', () => {})
  closers.push(() => socket.destroy())
  return socket
}

it('a handshake that comes to no end is given up', async () => {
  const { port, secured } = await listen(10, 1)
  await closed(await silent(port))
  expect(secured()).toBe(0)
})

it('who comes while there are as many handshakes as may be is closed; once one has gone there is room again', async () => {
  const { port, secured } = await listen(HOUR_MS, 1)
  const first = await silent(port)
  await closed(client(port))
  expect(secured()).toBe(0)
  expect(first.destroyed).toBe(false)
  first.destroy()
  await vi.waitFor(
    async () => {
      const socket = client(port)
      await Promise.race([closed(socket), new Promise((resolve) => socket.on('secureConnect', resolve))])
      expect(secured()).toBeGreaterThan(0)
    },
    { timeout: 20_000 },
  )
})
