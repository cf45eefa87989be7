// What went wrong between real processes once, each as the smallest case that showed it: restarts, limits, shutdowns, and
// options that are changed at run time. (The ways of replication itself: replication.test.ts.)
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createRdbWriter } from '../../src/codec/rdb-writer.ts'
import { seededRandom } from '../../src/lib/prng.ts'
import { expectEqual, follow, linkUp, offsetOf, pipeline, sameOffset, syncs } from '../support/replicated.ts'
import { callOnce, connectRaw, info, type RawConnection } from '../support/resp.ts'
import { createScope, type Scope } from '../support/scope.ts'
import { type Running, startServer } from '../support/servers.ts'
import { eventually, sleep } from '../support/wait.ts'

/** An RDB without keys. */
const RDB = ((): Buffer => {
  const chunks: Uint8Array[] = []
  const writer = createRdbWriter({ emit: (chunk) => chunks.push(chunk), compress: false, checksum: true })
  writer.begin([['redis-ver', '7.0.15']])
  writer.end()
  return Buffer.concat(chunks)
})()

let scope: Scope
beforeEach(() => {
  scope = createScope()
})
afterEach(() => scope.close())
const start = (...args: string[]): Promise<Running> => startServer(scope, { make: 'vedette', args })
const replicaOf = (primary: Running): string[] => ['--replicaof', '127.0.0.1', String(primary.port)]

/** A replica that has its copy of the data and gets the stream; the bytes are left to the test. */
async function attachReplica(primary: Running): Promise<RawConnection> {
  const replica = await connectRaw(primary.port, { scope })
  replica.send('REPLCONF capa eof capa psync2\r\nPSYNC ? -1\r\n')
  const whole = /\$EOF:(.{40})\r\n[\s\S]*\1/
  await eventually('the snapshot is there', () => whole.test(replica.rest().toString('latin1')))
  replica.send('REPLCONF ACK 0\r\n\n')
  await eventually('it is online', async () => /state=online/.test((await info(primary.port)).slave0 ?? ''))
  return replica
}

describe('the snapshot of a primary', () => {
  it('says which database the stream has selected: equal offsets are equal data', async () => {
    const [a, b] = [await start(), await start()]
    await follow(b, a)
    await linkUp(b)
    const writer = await connectRaw(a.port, { scope })
    const random = seededRandom(7)
    const somewhere = (i: number): string[][] => [
      ['SELECT', String(random.below(16))],
      ['SET', `k${i}`, String(i)],
    ]
    await pipeline(writer, Array.from({ length: 100 }, (_, i) => somewhere(i)).flat())
    await pipeline(writer, [
      ['SELECT', '11'],
      ['SET', 'a', '1'],
    ])
    expect(await writer.call('SAVE')).toBe('OK')
    await pipeline(writer, [['SET', 'b', '2']]) // no SELECT before it in the stream
    await pipeline(writer, Array.from({ length: 100 }, (_, i) => somewhere(100 + i)).flat())
    await sameOffset([a, b])
    await a.proc.kill()
    await callOnce(b.port, 'REPLICAOF', 'NO', 'ONE')
    await a.restart(replicaOf(b))
    await linkUp(a)
    await sameOffset([a, b])
    expect(await syncs(b)).toMatchObject({ full: 0, partial: 1 })
    await expectEqual(a, b, scope)
    const reader = await connectRaw(a.port, { scope })
    await reader.call('SELECT', '11')
    expect(await reader.call('GET', 'b')).toBe('2')
  })

  it.each([
    ['SHUTDOWN NOW', async (a: Running) => void (await callOnce(a.port, 'SHUTDOWN', 'NOW').catch(() => {}))],
    ['SIGTERM', async (a: Running) => void (await a.proc.stop())],
  ])('lets its replicas go on after %s and a start', async (_, end) => {
    const a = await start('--save', '3600', '1')
    const b = await start()
    await callOnce(a.port, 'SET', 'before', '0') // no part of the history that begins with the replica
    await follow(b, a)
    await linkUp(b)
    const writer = await connectRaw(a.port, { scope })
    await pipeline(writer, [
      ['SELECT', '5'],
      ['SET', 'kept', '1'],
      ['SET', 'dies', '1', 'PX', '600'],
      ['WAIT', '1', '5000'],
    ])
    const { master_replid: id } = await info(a.port, 'replication')
    await end(a)
    await a.proc.exited
    await sleep(700)
    await a.restart()
    await linkUp(b)
    await sameOffset([a, b])
    const replication = await info(a.port, 'replication')
    expect(replication.master_replid2).toBe(id)
    expect(replication.master_replid).not.toBe(id)
    expect(await syncs(a)).toMatchObject({ full: 0, partial: 1 })
    expect(await expectEqual(a, b, scope)).toBe(2)
    const reader = await connectRaw(b.port, { scope })
    await reader.call('SELECT', '5')
    expect(await reader.call('DBSIZE')).toBe(1) // what ran out of time while nobody was there is gone here too
  })

  it('lets an old primary that was started as one go on under its heir', async () => {
    const a = await start('--save', '3600', '1')
    const b = await start()
    await follow(b, a)
    await linkUp(b)
    const writer = await connectRaw(a.port, { scope })
    await pipeline(writer, [
      ['SELECT', '9'],
      ['SET', 'x', '1'],
      ['WAIT', '1', '5000'],
      ['SAVE'],
      ['SET', 'y', '2'],
      ['WAIT', '1', '5000'],
    ])
    await a.proc.kill()
    await callOnce(b.port, 'REPLICAOF', 'NO', 'ONE')
    await a.restart()
    await follow(a, b) // as a sentinel demotes it
    await linkUp(a)
    await sameOffset([a, b])
    expect(await syncs(b)).toMatchObject({ full: 0, partial: 1 })
    expect(await expectEqual(a, b, scope)).toBe(2)
  })

  it('is made anew by FLUSHALL if there are save points, and nothing counts as changed', async () => {
    const a = await start('--save', '3600', '1')
    await callOnce(a.port, 'SET', 'a', '1')
    await callOnce(a.port, 'SAVE')
    await callOnce(a.port, 'SET', 'b', '1')
    expect(await callOnce(a.port, 'FLUSHALL')).toBe('OK')
    expect((await info(a.port, 'persistence')).rdb_changes_since_last_save).toBe('0')
    await a.restart()
    expect(await callOnce(a.port, 'DBSIZE')).toBe(0)
  })
})

describe('the output limit of replicas', () => {
  it('is never less than the backlog, and does not count the snapshot', async () => {
    const a = await start('--repl-backlog-size', '100mb', '--client-output-buffer-limit', 'replica 512k 0 0')
    const b = await start()
    const writer = await connectRaw(a.port, { scope })
    await writer.call('SET', 'before', 'x'.repeat(10_000_000))
    await follow(b, a)
    await linkUp(b)
    await writer.call('SET', 'big', 'y'.repeat(10_000_000))
    expect(await writer.call('WAIT', '1', '20000')).toBe(1)
    await sameOffset([a, b])
    expect(await syncs(a)).toMatchObject({ full: 1, partial: 0 })
    expect(await callOnce(b.port, 'STRLEN', 'big')).toBe(10_000_000)
  })

  it('what a stuck replica has not taken is counted in INFO', async () => {
    const a = await start()
    const replica = await attachReplica(a)
    replica.socket.pause()
    const writer = await connectRaw(a.port, { scope })
    for (let i = 0; i < 20; i++) await writer.call('SET', 'a', 'x'.repeat(1_000_000))
    const memory = await info(a.port, 'memory')
    expect(Number(memory.mem_clients_slaves)).toBeGreaterThan(5_000_000)
    expect(Number(memory.mem_total_replication_buffers)).toBeGreaterThan(Number(memory.mem_clients_slaves))
    expect(Number(memory.mem_clients_normal)).toBeLessThan(3_000_000)
  })
})

describe('a replica', () => {
  it('obeys replica-read-only and replica-serve-stale-data from the moment they are set', async () => {
    const a = await start()
    const b = await start(...replicaOf(a))
    await linkUp(b)
    const client = await connectRaw(b.port, { scope })
    client.send(
      'SET a 1\r\nCONFIG SET replica-read-only no\r\nSET a 1\r\nCONFIG SET replica-read-only yes\r\nSET a 1\r\n',
    )
    const replies: string[] = []
    for (let i = 0; i < 5; i++) replies.push((await client.reply()).toString().slice(0, 9).trimEnd())
    expect(replies).toEqual(['-READONLY', '+OK', '+OK', '+OK', '-READONLY'])
    await a.proc.kill()
    await eventually('the link is down', async () => (await info(b.port)).master_link_status === 'down')
    client.send(
      'MULTI\r\nGET a\r\nCONFIG SET replica-serve-stale-data no\r\nEXEC\r\nGET a\r\n' +
        'CONFIG SET replica-serve-stale-data yes\r\nMULTI\r\nGET a\r\n',
    )
    const seen: string[] = []
    for (let i = 0; i < 8; i++) seen.push((await client.reply()).toString().split(' ')[0]!.trimEnd())
    expect(seen.slice(4)).toEqual(['-MASTERDOWN', '+OK', '+OK', '+QUEUED'])
    await callOnce(b.port, 'CONFIG', 'SET', 'replica-serve-stale-data', 'no')
    expect(await client.call('EXEC')).toMatchObject({ message: expect.stringMatching(/^EXECABORT .*MASTERDOWN Link/) })
  })

  it('that clients may write to removes what they gave a time to live', async () => {
    const a = await start()
    const b = await start(...replicaOf(a), '--replica-read-only', 'no')
    await linkUp(b)
    const client = await connectRaw(b.port, { scope })
    await pipeline(client, [
      ['SELECT', '4'],
      ['SET', 'set', '1', 'PX', '100'],
      ['SET', 'later', '1'],
      ['PEXPIRE', 'later', '150'],
      ['MULTI'],
      ['PSETEX', 'in multi', '100', '1'],
      ['EXEC'],
      ['SET', 'stays', '1', 'PX', '100'],
      ['PERSIST', 'stays'],
    ])
    expect(await client.call('DBSIZE')).toBe(4)
    await eventually('they are reclaimed', async () => (await client.call('DBSIZE')) === 1)
    expect(await offsetOf(b)).toBe(await offsetOf(a))
  })

  it.each(['SET link 1', 'PING', 'NOSUCH', 'REPLCONF listening-port 1', 'MULTI'])(
    'that sends %s on its link loses the link, and nothing is run',
    async (line) => {
      const a = await start()
      const replica = await attachReplica(a)
      const before = replica.rest().length
      replica.send(`${line}\r\n`)
      await replica.closed
      expect(replica.rest().subarray(before).toString()).toBe('')
      expect(await callOnce(a.port, 'DBSIZE')).toBe(0)
      expect(await callOnce(a.port, 'PING')).toBe('PONG')
    },
  )

  it('keeps its backlog when it is promoted, however long ago its last replica left', async () => {
    const a = await start()
    const b = await start(...replicaOf(a), '--repl-backlog-ttl', '2')
    const c = await start(...replicaOf(a))
    await Promise.all([linkUp(b), linkUp(c)])
    await sleep(2500)
    await callOnce(a.port, 'SET', 'x', '1')
    await sameOffset([a, b, c])
    await a.proc.kill()
    await callOnce(b.port, 'REPLICAOF', 'NO', 'ONE')
    await sleep(500)
    await follow(c, b)
    await linkUp(c)
    expect(await syncs(b)).toMatchObject({ full: 0, partial: 1 })
  })
})

/** A primary that takes any handshake and then says what it is told to, for each connection by its number. */
async function fakePrimary(afterPsync: (socket: Socket, number: number, psync: string) => void): Promise<number> {
  let connections = 0
  const server = createServer((socket) => {
    const number = ++connections
    socket.on('error', () => {})
    scope.defer(() => socket.destroy())
    socket.on('data', (bytes) => {
      for (const request of bytes.toString('latin1').split(/(?=\*\d)/)) {
        if (/PING/.test(request)) socket.write('+PONG\r\n')
        else if (/REPLCONF/.test(request) && !/ACK/.test(request)) socket.write('+OK\r\n')
        else if (/PSYNC/.test(request)) afterPsync(socket, number, request.split('\r\n').slice(4).join(' '))
      }
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  scope.defer(() => server.close())
  return (server.address() as AddressInfo).port
}

describe('a command of the stream that fails, or that is unknown', () => {
  const request = (...words: string[]): string =>
    `*${words.length}\r\n${words.map((word) => `$${word.length}\r\n${word}\r\n`).join('')}`
  const set = request('SET', 'a', 'text')

  it.each([
    ['an unknown command', request('LPUSHX2', 'k', 'v'), 'lpushx2'],
    ['a command that fails', request('INCR', 'a'), 'incr'],
    ['one that fails in a transaction', request('MULTI') + request('INCR', 'a') + request('EXEC'), 'exec'],
    ['an unknown one in a transaction', request('MULTI') + request('NOSUCH') + request('EXEC'), 'nosuch'],
  ])('%s: everything is copied anew, it is said, counted, and never promoted meanwhile', async (_, bad, name) => {
    const asked: string[] = []
    let goOn: () => void = () => {}
    const port = await fakePrimary((socket, number, psync) => {
      asked.push(psync)
      const sync = (): boolean => socket.write(`+FULLRESYNC ${'a'.repeat(40)} ${number}000\r\n$${RDB.length}\r\n`)
      if (number === 1) {
        sync()
        socket.write(RDB)
        socket.write(set + bad + set)
      } else goOn = () => void (sync() && socket.write(RDB))
    })
    const b = await start('--replica-priority', '7')
    await callOnce(b.port, 'REPLICAOF', '127.0.0.1', String(port))
    await eventually('it asks again', () => asked.length === 2)
    expect(asked[1]).toMatch(/^\? /)
    expect(b.proc.output()).toContain(`== CRITICAL == This replica is sending an error to its master: 'ERR`)
    expect(b.proc.output()).toContain(`after processing the command '${name}'`)
    const seen = await info(b.port)
    expect(seen).toMatchObject({ slave_priority: '0', replica_complete: '0', unexpected_error_replies: '1' })
    goOn()
    await linkUp(b)
    expect(await info(b.port)).toMatchObject({ slave_priority: '7', replica_complete: '1', slave_repl_offset: '2000' })
    expect(await callOnce(b.port, 'EXISTS', 'a')).toBe(0)
  })

  it('ends a replica with propagation-error-behavior panic-on-replicas', async () => {
    const port = await fakePrimary((socket) => {
      socket.write(`+FULLRESYNC ${'a'.repeat(40)} 1\r\n$${RDB.length}\r\n`)
      socket.write(RDB)
      socket.write(request('NOSUCH'))
    })
    const b = await start()
    await callOnce(b.port, 'CONFIG', 'SET', 'propagation-error-behavior', 'panic-on-replicas')
    await callOnce(b.port, 'REPLICAOF', '127.0.0.1', String(port))
    expect((await b.proc.exited).code).toBe(1)
    expect(b.proc.output()).toContain('This replica panicked sending an error to its master')
  })
})

it('a replica keeps its data when its primary comes back empty, until it is ordered to follow it as it is', async () => {
  const a = await start()
  const b = await start(...replicaOf(a), '--save', '3600', '1')
  await linkUp(b)
  const writer = await connectRaw(a.port, { scope })
  await pipeline(
    writer,
    Array.from({ length: 300 }, (_, i) => ['SET', `k${i}`, 'v']),
  )
  await sameOffset([a, b])
  await a.restart()
  await b.proc.waitForOutput(/is empty and has written less .* than this replica has \(300 keys/)
  expect(await callOnce(b.port, 'DBSIZE')).toBe(300)
  expect(await callOnce(b.port, 'GET', 'k1')).toBe('v') // served all the time
  await b.proc.stop()
  await b.restart() // nor does a restart forget what its data are
  await b.proc.waitForOutput(/is empty and has written less .* than this replica has \(300 keys/)
  expect(await info(b.port)).toMatchObject({ master_link_status: 'down', replica_complete: '1' })
  await follow(b, a)
  await linkUp(b)
  expect(await callOnce(b.port, 'DBSIZE')).toBe(0)
  // An empty primary that has a history is followed: it was emptied on purpose.
  await pipeline(await connectRaw(a.port, { scope }), [['SET', 'x', '1']])
  await sameOffset([a, b])
  b.proc.signal('SIGSTOP')
  await callOnce(a.port, 'CLIENT', 'KILL', 'TYPE', 'replica')
  await callOnce(a.port, 'CONFIG', 'SET', 'repl-backlog-size', '16384')
  await callOnce(a.port, 'SET', 'big', 'x'.repeat(100_000))
  await callOnce(a.port, 'FLUSHALL')
  b.proc.signal('SIGCONT')
  await eventually('the data are gone here too', async () => (await callOnce(b.port, 'DBSIZE')) === 0)
  await linkUp(b)
})

it('a link from which nothing comes any more is dialled again after some heartbeats', async () => {
  const a = await start()
  /** Forwards, until it is told to lose everything on the connections that it has. */
  const pairs = new Set<Socket>()
  const proxy = createServer((from) => {
    const to = connect(a.port, '127.0.0.1')
    from.pipe(to).pipe(from)
    for (const socket of [from, to]) {
      pairs.add(socket)
      socket.on('error', () => {})
      scope.defer(() => socket.destroy())
    }
  })
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  scope.defer(() => proxy.close())
  const b = await start('--replicaof', '127.0.0.1', String((proxy.address() as AddressInfo).port))
  await linkUp(b)
  await sleep(6000) // an idle link stays
  expect(await syncs(a)).toMatchObject({ full: 1, partial: 0 })
  for (const socket of pairs) {
    socket.unpipe()
    socket.pause()
  }
  await callOnce(a.port, 'SET', 'x', '1')
  const cutMs = performance.now()
  await eventually('it has come back', async () => (await callOnce(b.port, 'GET', 'x')) === '1', { timeoutMs: 15_000 })
  expect(performance.now() - cutMs).toBeLessThan(8_000)
  expect(await syncs(a)).toMatchObject({ full: 1, partial: 1 })
})

it('a shutdown tells how long it waits, and waits for a replica that is getting its copy', async () => {
  const a = await start()
  const writer = await connectRaw(a.port, { scope })
  await pipeline(
    writer,
    Array.from({ length: 40 }, (_, i) => ['SET', `k${i}`, 'x'.repeat(1_000_000)]),
  )
  const replica = await connectRaw(a.port, { scope })
  replica.send('REPLCONF capa eof capa psync2\r\nPSYNC ? -1\r\n')
  await eventually('the replica gets its snapshot', () => replica.rest().includes('$EOF:'))
  replica.socket.pause()
  expect((await info(a.port, 'server')).shutdown_in_milliseconds).toBeUndefined()
  const asking = await connectRaw(a.port, { scope })
  const answer = asking.call('SHUTDOWN')
  await a.proc.waitForOutput(/Waiting for replicas before shutting down/)
  const left = Number((await info(a.port, 'server')).shutdown_in_milliseconds)
  expect(left).toBeGreaterThan(5_000)
  expect(left).toBeLessThanOrEqual(10_000)
  expect(await callOnce(a.port, 'SHUTDOWN', 'ABORT')).toBe('OK')
  expect(await answer).toMatchObject({ message: 'ERR Errors trying to SHUTDOWN. Check logs.' })
  expect((await info(a.port, 'server')).shutdown_in_milliseconds).toBeUndefined()
  await callOnce(a.port, 'SHUTDOWN', 'NOW').catch(() => {})
  await a.proc.exited
  expect(a.proc.output()).toMatch(/Lagging replica \S+ reported offset \d+ behind master, lag=\d+, state=send_bulk\./)
  expect(a.proc.output()).toContain('0 of 1 replicas are in sync when shutting down.')
})
