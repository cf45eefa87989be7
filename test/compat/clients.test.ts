// What a connection may expect in odd moments, from a real redis-server 7.0.15 and from ours alike: at its end, in a pause,
// without replies, with very long keys, and on a replica that takes writes.
import { connect } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { follow, linkUp } from '../support/replicated.ts'
import { callOnce, connectRaw, encodeRequest } from '../support/resp.ts'
import { createScope, type Scope } from '../support/scope.ts'
import { type Make, type Running, startServer } from '../support/servers.ts'
import { eventually } from '../support/wait.ts'

describe.each<Make>(['redis', 'vedette'])('%s', (make) => {
  let scope: Scope
  beforeEach(() => {
    scope = createScope()
  })
  afterEach(() => scope.close())
  const start = (...args: string[]): Promise<Running> => startServer(scope, { make, args })
  const clientsOf = async (server: Running): Promise<number> =>
    String(await callOnce(server.port, 'CLIENT', 'LIST')).match(/\bid=/g)!.length

  it('a client that quits is gone, although it keeps its side open', async () => {
    const server = await start()
    const socket = connect({ port: server.port, host: '127.0.0.1', allowHalfOpen: true })
    scope.defer(() => socket.destroy())
    const heard: string[] = []
    socket.on('data', (bytes) => heard.push(bytes.toString()))
    socket.write('QUIT\r\n')
    await eventually('the reply', () => heard.join('') === '+OK\r\n')
    await eventually('it is gone', async () => (await clientsOf(server)) === 1)
  })

  it('CLIENT LIST tells the memory of who asks, and of half a request that waits', async () => {
    const { port } = await start()
    const [client, half] = [await connectRaw(port, { scope }), await connectRaw(port, { scope })]
    half.send(Buffer.concat([Buffer.from('*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$100000\r\n'), Buffer.alloc(20_000, 'x')]))
    const fieldsOf = async (): Promise<Record<string, string>[]> =>
      String(await client.call('CLIENT', 'LIST'))
        .trimEnd()
        .split('\n')
        .map((line) => Object.fromEntries(line.split(' ').map((pair) => pair.split('='))) as Record<string, string>)
    await eventually('half of it is here', async () => Number((await fieldsOf())[1]?.qbuf) >= 20_000)
    const [own, waiting] = (await fieldsOf()) as [Record<string, string>, Record<string, string>]
    expect(own['argv-mem']).toBe('10') // client list
    for (const field of ['qbuf', 'qbuf-free', 'rbs']) expect(Number(own[field]), field).toBeGreaterThan(0)
    expect(Number(own.fd)).toBeGreaterThan(3)
    expect(waiting['argv-mem']).toBe('6') // SET key
    const sum = (fields: Record<string, string>): number =>
      ['qbuf', 'qbuf-free', 'argv-mem'].reduce((total, field) => total + Number(fields[field]), 0)
    expect(Number(waiting['tot-mem'])).toBeGreaterThanOrEqual(sum(waiting))
  })

  it('CLIENT REPLY holds for a command that waits', async () => {
    const { port } = await start()
    const client = await connectRaw(port, { scope })
    client.send('CLIENT REPLY OFF\r\nWAIT 1 50\r\nCLIENT REPLY ON\r\n')
    expect((await client.reply()).toString()).toBe('+OK\r\n')
    client.send('CLIENT REPLY SKIP\r\nWAIT 1 50\r\nPING\r\n')
    expect((await client.reply()).toString()).toBe('+PONG\r\n')
  })

  it('PUBLISH waits for the end of a pause of writes', async () => {
    const { port } = await start()
    const [client, other] = [await connectRaw(port, { scope }), await connectRaw(port, { scope })]
    expect(await other.call('CLIENT', 'PAUSE', '60000', 'WRITE')).toBe('OK')
    for (const command of ['PUBLISH', 'SPUBLISH']) client.send(encodeRequest([command, 'channel', 'message']))
    await eventually('it waits', async () => / flags=b /.test(String(await other.call('CLIENT', 'LIST'))))
    expect(client.rest().length).toBe(0)
    expect(await other.call('CLIENT', 'UNPAUSE')).toBe('OK')
    expect([(await client.reply()).toString(), (await client.reply()).toString()]).toEqual([':0\r\n', ':0\r\n'])
  })

  it('stores as many very long keys as fit', async () => {
    const { port } = await start()
    const client = await connectRaw(port, { scope })
    const key = (i: number): string => `${i}:`.padEnd(65_537, 'k')
    for (let i = 0; i < 1200; i++) expect(await client.call('SET', key(i), 'v')).toBe('OK')
    expect(await client.call('DBSIZE')).toBe(1200)
    expect(await client.call('GET', key(1199))).toBe('v')
    for (let i = 0; i < 1200; i++) expect(await client.call('DEL', key(i))).toBe(1)
  })

  it('answers nothing behind a SHUTDOWN', async () => {
    const server = await start('--save', '3600 1')
    const client = await connectRaw(server.port, { scope })
    client.send('SHUTDOWN SAVE\r\nSET b 2\r\nGET b\r\n')
    await client.closed
    expect(client.rest().length).toBe(0)
    await server.restart()
    expect(await callOnce(server.port, 'EXISTS', 'b')).toBe(0)
  })

  it('a replica that takes writes makes an expired key anew, without its expiry', async () => {
    const primary = await startServer(scope, { make: 'redis', args: ['--enable-debug-command', 'yes'] })
    await callOnce(primary.port, 'DEBUG', 'SET-ACTIVE-EXPIRE', '0')
    await callOnce(primary.port, 'CONFIG', 'SET', 'repl-diskless-sync-delay', '0')
    const replica = await start('--replica-read-only', 'no')
    await follow(replica, primary)
    await linkUp(replica)
    for (const key of ['i', 's', 'a']) await callOnce(primary.port, 'SET', key, '5', 'PX', '1')
    await callOnce(primary.port, 'SET', 'last', '1')
    await eventually('all is there', async () => (await callOnce(replica.port, 'GET', 'last')) === '1')
    await eventually('all is over', async () => (await callOnce(replica.port, 'EXISTS', 'i', 's', 'a')) === 0)
    expect(await callOnce(replica.port, 'INCR', 'i')).toBe(1)
    expect(await callOnce(replica.port, 'SET', 's', '9', 'KEEPTTL')).toBe('OK')
    expect(await callOnce(replica.port, 'APPEND', 'a', 'x')).toBe(1)
    for (const [key, value] of Object.entries({ i: '1', s: '9', a: 'x' })) {
      expect(await callOnce(replica.port, 'GET', key)).toBe(value)
      expect(await callOnce(replica.port, 'PTTL', key)).toBe(-1)
    }
  })

  it('follows a redis-server whose stream has a command of more than a million arguments', async () => {
    const primary = await startServer(scope, { make: 'redis' })
    await callOnce(primary.port, 'CONFIG', 'SET', 'repl-diskless-sync-delay', '0')
    const replica = await start()
    await follow(replica, primary)
    await linkUp(replica)
    const client = await connectRaw(primary.port, { scope })
    expect(await client.call('SET', 'k', 'v')).toBe('OK')
    const count = 1_100_000
    client.send(`*${count + 1}\r\n$3\r\nDEL\r\n${'$1\r\nk\r\n'.repeat(count)}`)
    expect((await client.reply()).toString()).toBe(':1\r\n')
    expect(await client.call('SET', 'behind', '1')).toBe('OK')
    await eventually('the replica is there, too', async () => (await callOnce(replica.port, 'GET', 'behind')) === '1')
    expect(await callOnce(replica.port, 'EXISTS', 'k')).toBe(0)
  })
})
