// Listening on all addresses of a process at once, a Unix socket among them.
import { chmodSync, existsSync, lstatSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { Wire, WireHandler } from '../../../src/facade/wire.ts'
import { type Addresses, ListenError, type Listening, listenAll } from '../../../src/io/listen.ts'

let dir: string
let path: string
let listening: Listening[]
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'vedette-listen-'))
  path = join(dir, 's')
  listening = []
})
afterEach(() => {
  for (const one of listening) one.close()
  rmSync(dir, { recursive: true })
})

const accept = (wire: Wire): WireHandler => ({
  onData: (bytes, length) => {
    wire.write(Buffer.from(`${wire.peer} ${wire.local} ${wire.isUnix} ${wire.peerIsLoopback} ${wire.descriptor >= 0} `))
    wire.write(bytes.subarray(0, length))
  },
  onDrain: () => {},
  onClose: () => {},
})

async function open(given: Partial<Addresses> = {}): Promise<Listening> {
  const addresses = {
    bind: ['127.0.0.1'],
    port: 0,
    unixsocket: path,
    unixsocketperm: 0,
    backlog: 10,
    keepAliveSeconds: 0,
  }
  const opened = await listenAll({ ...addresses, ...given }, accept)
  listening.push(opened)
  return opened
}

function ask(where: net.NetConnectOpts): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(where, () => socket.write('hello'))
    socket.on('error', reject)
    let text = ''
    socket.on('data', (bytes) => {
      text += String(bytes)
      if (!text.endsWith('hello')) return
      socket.destroy()
      resolve(text)
    })
  })
}

it('serves clients on TCP and on the Unix socket, which both ends are named after', async () => {
  const { port } = await open({ unixsocketperm: 0o700 })
  expect(await ask({ path })).toBe(`${path}:0 ${path}:0 true true true hello`)
  expect(await ask({ host: '127.0.0.1', port })).toMatch(/^127\.0\.0\.1:\d+ 127\.0\.0\.1:\d+ false true true hello$/)
  expect(statSync(path).mode & 0o777).toBe(0o700)
})

it('replaces the socket that a former process left behind, and removes its own at the end', async () => {
  const stale = net.createServer().listen(path)
  await new Promise((resolve) => stale.once('listening', resolve))
  const inode = lstatSync(path).ino
  const { close } = await open()
  expect(lstatSync(path).ino).not.toBe(inode)
  expect(await ask({ path })).toContain('hello')
  close()
  listening.pop()
  await new Promise((resolve) => setTimeout(resolve, 20))
  expect(existsSync(path)).toBe(false)
  stale.close()
})

it('leaves any other file alone, and then listens nowhere', async () => {
  writeFileSync(path, 'data')
  chmodSync(path, 0o600)
  await expect(open({ port: 0 })).rejects.toMatchObject({ address: path, code: 'EADDRINUSE' })
  expect(existsSync(path)).toBe(true)
})

it('says which address cannot be had', async () => {
  const { port } = await open({ unixsocket: '' })
  const failure = await open({ port, unixsocket: '' }).catch((error: unknown) => error)
  expect(failure).toBeInstanceOf(ListenError)
  expect(failure).toMatchObject({ address: `127.0.0.1:${port}`, code: 'EADDRINUSE' })
  await expect(open({ unixsocket: join(dir, 'x'.repeat(120)) })).rejects.toMatchObject({ code: 'ENAMETOOLONG' })
  await expect(open({ bind: ['-203.0.113.1'], unixsocket: '' })).rejects.toMatchObject({ code: 'EADDRNOTAVAIL' })
})

it('goes on without an address that may be missing', async () => {
  expect((await open({ bind: ['-203.0.113.1', '127.0.0.1'], unixsocket: '' })).port).toBeGreaterThan(0)
})
