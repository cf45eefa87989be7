// TLS with real processes: a server's port, whom it lets in, what CONFIG SET does; files that change while connections are open;
// strangers who never finish a handshake; and a whole group that speaks nothing else.
import { spawnSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import { request } from 'node:https'
import net from 'node:net'
import { join } from 'node:path'
import tls from 'node:tls'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { ordeal } from '../support/client-programs.ts'
import { announcedPort, startGroup } from '../support/group.ts'
import { ROOT, VEDETTE_MAIN, VEDETTE_NODE } from '../support/paths.ts'
import { freePort } from '../support/ports.ts'
import { callOnce, connectRaw, info } from '../support/resp.ts'
import { createScope, type Scope } from '../support/scope.ts'
import { httpUrlOf, startSentinel, startServer, vedette } from '../support/servers.ts'
import { issue, makeCertificates, speakTls, type TestTls } from '../support/tls.ts'
import { eventually } from '../support/wait.ts'
import { CLIENT_OPTIONS, startWriter } from '../support/writer.ts'

let scope: Scope
let made: TestTls
beforeEach(() => {
  scope = createScope()
  made = makeCertificates(scope.tempDir())
})
afterEach(() => scope.close())

const message = (text: string) => ({ message: expect.stringContaining(text) })

/** Whether a client with these credentials is answered. */
function isAnswered(port: number, credentials: tls.ConnectionOptions): Promise<boolean> {
  return new Promise((resolve) => {
    const trust = { ca: made.client.ca, checkServerIdentity: () => undefined }
    const socket = tls.connect({ host: '127.0.0.1', port, ...trust, ...credentials }, () => socket.write('PING\r\n'))
    socket.on('data', (bytes) => {
      resolve(String(bytes) === '+PONG\r\n')
      socket.destroy()
    })
    socket.on('error', () => {})
    socket.on('close', () => resolve(false))
  })
}

const read = (path: string): string => readFileSync(path, 'utf8')

it('lets clients in as tls-auth-clients says', async () => {
  const { port } = await startServer(scope, { make: 'vedette', tls: made })
  const nobody = {}
  const stranger = { cert: read(made.strangerCert), key: read(made.strangerKey) }
  const verdicts = () =>
    Promise.all([made.client, nobody, stranger].map((credentials) => isAnswered(port, credentials)))
  expect(await verdicts()).toEqual([true, false, false])
  await callOnce(port, 'CONFIG', 'SET', 'tls-auth-clients', 'optional')
  expect(await verdicts()).toEqual([true, true, false])
  await callOnce(port, 'CONFIG', 'SET', 'tls-auth-clients', 'no')
  expect(await verdicts()).toEqual([true, true, true])
  expect(await isAnswered(port, { ...nobody, maxVersion: 'TLSv1.2' })).toBe(true)
  await callOnce(port, 'CONFIG', 'SET', 'tls-protocols', 'TLSv1.3')
  expect(await isAnswered(port, { ...nobody, maxVersion: 'TLSv1.2' })).toBe(false)
  expect(await isAnswered(port, nobody)).toBe(true)
})

it('takes TLS up and gives it up at run time; what cannot be is refused and changes nothing', async () => {
  const { port } = await startServer(scope, { make: 'vedette' })
  const tlsPort = await freePort()
  const set = (...pairs: string[]) => callOnce(port, 'CONFIG', 'SET', ...pairs)
  const pairs = made.args.map((word) => word.replace(/^--/, ''))
  const refused = message("'tls-port') - Unable to update TLS configuration. Check server logs.")
  expect(await set('tls-port', String(tlsPort))).toMatchObject(refused)
  expect(await set(...pairs, 'tls-port', String(tlsPort))).toBe('OK')
  expect(await isAnswered(tlsPort, made.client)).toBe(true)
  for (const [name, value] of [
    ['tls-cert-file', 'nowhere.crt'],
    ['tls-key-file', made.strangerKey],
    ['tls-ca-cert-file', 'nowhere'],
    ['tls-protocols', 'SSLv2'],
    ['tls-ciphers', 'none-such'],
    ['tls-ciphersuites', 'TLS_NONE_SUCH'],
  ]) {
    const before = await callOnce(port, 'CONFIG', 'GET', name!)
    expect(await set(name!, value!)).toMatchObject(message(`'${name}') - Unable to update TLS configuration`))
    expect(await callOnce(port, 'CONFIG', 'GET', name!)).toEqual(before)
  }
  expect(await isAnswered(tlsPort, made.client)).toBe(true)
  // Both go together, or not at all.
  expect(await set('tls-cert-file', made.strangerCert, 'tls-key-file', made.strangerKey)).toBe('OK')
  expect(await isAnswered(tlsPort, made.client)).toBe(false)
  const free = await freePort()
  speakTls(free, made)
  expect(await set(...pairs, 'tls-port', String(free))).toBe('OK')
  expect(await set('port', '0')).toBe('OK')
  expect((await info(free, 'server')).tcp_port).toBe(String(free))
  await expect(callOnce(port, 'PING')).rejects.toThrow()
  expect(await callOnce(free, 'CONFIG', 'SET', 'port', String(port))).toBe('OK')
  expect(await set('tls-port', '0')).toBe('OK')
  expect(await isAnswered(free, made.client)).toBe(false)
})

it('does not start with what cannot be', async () => {
  const args = ['server', '--port', '0', '--tls-port', String(await freePort()), '--dir', scope.tempDir()]
  const proc = vedette(scope, args)
  await proc.waitForOutput(/No tls-cert-file configured!/)
  await proc.waitForOutput(/Failed to configure TLS/)
})

it('uses new files without a restart and without ending connections; bad ones change nothing', async () => {
  const server = await startServer(scope, { make: 'vedette', tls: made })
  const open = await connectRaw(server.port, { scope })
  const serial = (): Promise<string> =>
    new Promise((resolve, reject) => {
      const socket = tls.connect({ ...made.client, host: '127.0.0.1', port: server.port }, () => {
        resolve(socket.getPeerX509Certificate()!.serialNumber)
        socket.destroy()
      })
      socket.on('error', reject)
    })
  const first = await serial()
  writeFileSync(made.cert, 'no certificate')
  await server.proc.waitForOutput(/cannot be used any more, what they were stays in force/)
  expect(await serial()).toBe(first)
  issue(made.folder, 'next')
  copyFileSync(join(made.folder, 'next.key'), made.key)
  copyFileSync(join(made.folder, 'next.crt'), made.cert)
  await server.proc.waitForOutput(/The files of TLS have changed: new connections/)
  expect(await serial()).not.toBe(first)
  expect(await open.call('PING')).toBe('PONG')
})

it('survives handshakes that are cut at every byte, and garbage', async () => {
  const { port, proc } = await startServer(scope, { make: 'vedette', tls: made })
  const hello = await clientHello()
  const memory = async (): Promise<number> => Number((await info(port, 'memory')).used_memory_rss)
  const cut = (bytes: Buffer): Promise<void> =>
    new Promise((resolve) => {
      const socket = net.connect(port, '127.0.0.1', () => socket.end(bytes))
      socket.on('error', () => {})
      socket.on('close', () => resolve())
      socket.resume()
    })
  await Promise.all([cut(hello), cut(Buffer.alloc(0))])
  const before = await memory()
  for (let length = 0; length < hello.length; length += 16)
    await Promise.all(Array.from({ length: 16 }, (_, i) => cut(hello.subarray(0, length + i))))
  const garbage = [Buffer.from('*1\r\n$4\r\nPING\r\n'), Buffer.alloc(100_000, 0x16), Buffer.alloc(70_000, 0xff)]
  // A record of the greatest length, of which nothing comes.
  garbage.push(Buffer.from([0x16, 3, 1, 0xff, 0xff]), Buffer.concat([hello, Buffer.alloc(1000, 7)]))
  for (let i = 0; i < hello.length; i += 7)
    garbage.push(Buffer.from(hello.map((byte, at) => (at === i ? byte ^ 255 : byte))))
  await Promise.all(garbage.map(cut))
  expect(proc.isRunning()).toBe(true)
  expect((await memory()) - before).toBeLessThan(64 << 20)
  expect((await info(port, 'clients')).connected_clients).toBe('1')
})

/** The first bytes that a client says. */
function clientHello(): Promise<Buffer> {
  return new Promise((resolve) => {
    const server = net.createServer((socket) =>
      socket.once('data', (bytes: Buffer) => {
        resolve(bytes)
        socket.destroy()
        server.close()
      }),
    )
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as net.AddressInfo
      tls.connect({ ...made.client, host: '127.0.0.1', port }).on('error', () => {})
    })
  })
}

it('a group that speaks nothing but TLS replaces a dead primary; clients and commands find it', async () => {
  const group = await startGroup(scope, { servers: 'vedette', sentinels: 'vedette', tls: made })
  const [first, ...others] = group.servers as [(typeof group.servers)[0], ...typeof group.servers]
  const options = {
    ...CLIENT_OPTIONS,
    tls: made.client,
    sentinelTLS: made.client,
    enableTLSForSentinelMode: true,
  } as typeof CLIENT_OPTIONS
  const writer = startWriter(scope, group.sentinels, group.name, { options })
  await eventually('the client writes', () => writer.acks.length > 100)
  const killed = performance.now()
  await first.proc.kill()
  await eventually('another is announced', async () => {
    const port = await announcedPort(group.sentinels[0]!, group.name)
    return others.some((server) => server.port === port)
  })
  await eventually(
    'the client writes on',
    () => (writer.acks.at(-1)?.atMs ?? 0) > killed + 500 && writer.acks.length > 300,
  )
  await writer.stop()
  const status = spawnSync(VEDETTE_NODE, [
    VEDETTE_MAIN,
    'status',
    '--sentinel',
    `127.0.0.1:${group.sentinels[0]!.port}`,
    ...made.cli,
  ])
  expect(String(status.stdout)).toContain(String(await announcedPort(group.sentinels[0]!, group.name)))
  await first.restart()
  await eventually(
    'the old primary follows',
    async () => (await info(first.port, 'replication')).master_link_status === 'up',
  )
})

it('the example of a client by TLS writes on through a crash and a switchover, and loses nothing in the latter', async () => {
  const group = await startGroup(scope, { servers: 'vedette', sentinels: 'vedette', tls: made })
  const files = made.cli.filter((word) => word !== '--tls')
  const program = [VEDETTE_NODE, join(ROOT, 'examples/clients/ioredis-tls.mjs'), ...files] as const
  for (const fault of ['killed', 'handed over'] as const) {
    const { lost } = await ordeal(scope, program, group, fault, 60_000)
    if (fault === 'handed over') expect(lost).toBe(0)
  }
})

it('serves HTTP by TLS and behind a password, which changes without a restart', async () => {
  const passwords = join(made.folder, 'passwords')
  writeFileSync(passwords, 'first\n')
  const http = ['--http-port', '0', '--http-tls', 'yes', '--http-password-file', passwords]
  const { proc } = await startServer(scope, { make: 'vedette', tls: made, args: http })
  const [, port] = await proc.waitForOutput(/Metrics and health: https:\/\/127\.0\.0\.1:(\d+)/)
  const get = (path: string, authorization?: string): Promise<{ status: number | undefined; text: string }> =>
    new Promise((resolve, reject) => {
      const headers = authorization === undefined ? {} : { authorization }
      // No certificate is asked for.
      const { ca, checkServerIdentity } = made.client as Required<tls.ConnectionOptions>
      const options = { host: '127.0.0.1', port, path, headers, ca, checkServerIdentity, agent: false as const }
      request(options, async (response) => {
        let text = ''
        for await (const piece of response) text += piece
        resolve({ status: response.statusCode, text })
      })
        .on('error', reject)
        .end()
    })
  const basic = (password: string): string => `Basic ${Buffer.from(`anybody:${password}`).toString('base64')}`
  expect((await get('/healthz')).status).toBe(200)
  expect((await get('/metrics')).status).toBe(401)
  expect((await get('/metrics', basic('wrong'))).status).toBe(401)
  expect((await get('/metrics', 'Bearer first')).status).toBe(200)
  const { text } = await get('/metrics', basic('first'))
  const expiry = /vedette_server_certificate_expiry_timestamp_seconds\{option="tls-cert-file"\} (\d+)/.exec(text)?.[1]
  const own = new X509Certificate(readFileSync(made.cert))
  expect(Number(expiry) * 1000).toBe(Date.parse(own.validTo))
  writeFileSync(passwords, 'first\nsecond\n')
  // Not often: after ten wrong passwords nobody is listened to for a while.
  await eventually('both count', async () => (await get('/metrics', basic('second'))).status === 200, {
    intervalMs: 1100,
  })
  expect((await get('/metrics', basic('first'))).status).toBe(200)
  writeFileSync(passwords, 'second\n')
  await eventually('the first counts no more', async () => (await get('/metrics', basic('first'))).status === 401)
})

it('a sentinel puts its console behind the password; what changes anything has its own', async () => {
  const password = join(made.folder, 'password')
  writeFileSync(password, 'secret')
  const { port } = await startServer(scope, { make: 'vedette' })
  const lines = ['http-port 0', `http-password-file ${password}`]
  const sentinel = await startSentinel(scope, { make: 'vedette', monitor: { name: 'm', port, quorum: 1 }, lines })
  const url = await httpUrlOf(sentinel)
  const statusOf = async (path: string, init: RequestInit = {}): Promise<number> =>
    (await fetch(url + path, init)).status
  const paths = ['/', '/status', '/events', '/metrics', '/primary', '/history', '/outlook', '/picture', '/none']
  for (const path of paths) expect(await statusOf(path), path).toBe(401)
  expect(await statusOf('/healthz')).toBe(200)
  expect(await statusOf('/failover', { method: 'POST', headers: { authorization: 'Bearer secret' } })).toBe(403)
  expect(await statusOf('/status', { headers: { authorization: 'Bearer secret' } })).toBe(200)
})
