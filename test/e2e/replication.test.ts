// Replication between Vedette servers, and with peers that misbehave: a primary that sends nonsense or stops in the middle,
// a replica that does not read, links that break at the worst moment. (With a real redis-server: test/compat/.)
import { createServer, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createRdbWriter } from '../../src/codec/rdb-writer.ts'
import { expectEqual, fill, follow, keepWriting, linkUp, pipeline, sameOffset, syncs } from '../support/replicated.ts'
import { callOnce, connectRaw, info } from '../support/resp.ts'
import { createScope, type Scope } from '../support/scope.ts'
import { type Running, startServer } from '../support/servers.ts'
import { eventually, sleep } from '../support/wait.ts'

const ID = 'a'.repeat(40)

/** An RDB with one string key. */
function smallRdb(key: string, value: string): Buffer {
  const chunks: Uint8Array[] = []
  const writer = createRdbWriter({ emit: (chunk) => chunks.push(chunk), compress: false, checksum: true })
  writer.begin([['redis-ver', '7.0.15']])
  writer.selectDb(0)
  const [k, v] = [Buffer.from(key), Buffer.from(value)]
  writer.blob(0, k, 0, k.length, v, 0, v.length, -1)
  writer.end()
  return Buffer.concat(chunks)
}

/** A primary that answers the handshake and then says what it is told to, once for each connection. */
async function fakePrimary(scope: Scope, afterPsync: (socket: Socket, connection: number) => void): Promise<number> {
  let connections = 0
  const server = createServer((socket) => {
    const number = ++connections
    socket.on('error', () => {})
    scope.defer(() => socket.destroy())
    socket.on('data', (bytes) => {
      for (const request of bytes.toString('latin1').split(/(?=\*\d)/)) {
        if (/PING/.test(request)) socket.write('+PONG\r\n')
        else if (/REPLCONF\r\n\$\d+\r\n(listening-port|capa|vedette-heartbeat)/.test(request)) socket.write('+OK\r\n')
        else if (/PSYNC/.test(request)) afterPsync(socket, number)
      }
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  scope.defer(() => server.close())
  return (server.address() as { port: number }).port
}

describe('replication', () => {
  let scope: Scope
  beforeEach(() => {
    scope = createScope()
  })
  afterEach(() => scope.close())
  const start = (...args: string[]): Promise<Running> => startServer(scope, { make: 'vedette', args })

  it('a replica whose clients are paused reads the stream on, and applies it when they go on', async () => {
    const [primary, replica] = [await start(), await start()]
    await follow(replica, primary)
    await linkUp(replica)
    const writer = await connectRaw(primary.port, { scope })
    await pipeline(writer, [['SET', 'k', 'before']])
    await sameOffset([primary, replica])
    const offset = (await info(replica.port, 'replication')).slave_repl_offset
    await callOnce(replica.port, 'CLIENT', 'PAUSE', '100000', 'WRITE')
    await pipeline(writer, [['SET', 'k', 'after'], ['MULTI'], ['INCR', 'n'], ['INCR', 'n'], ['EXEC']])
    await pipeline(writer, [['INCR', 'n']])
    await eventually('all is read', async () => {
      const [here, there] = [await info(replica.port, 'replication'), await info(primary.port, 'replication')]
      return here.slave_read_repl_offset === there.master_repl_offset
    })
    expect((await info(replica.port, 'replication')).slave_repl_offset).toBe(offset)
    expect(await callOnce(replica.port, 'GET', 'k')).toBe('before')
    await callOnce(replica.port, 'CLIENT', 'UNPAUSE')
    await sameOffset([primary, replica])
    expect([await callOnce(replica.port, 'GET', 'k'), await callOnce(replica.port, 'GET', 'n')]).toEqual(['after', '3'])

    // A link that ends meanwhile goes on from what was applied.
    await callOnce(replica.port, 'CLIENT', 'PAUSE', '100000', 'WRITE')
    await pipeline(writer, [['INCR', 'n']])
    await callOnce(primary.port, 'CLIENT', 'KILL', 'TYPE', 'replica')
    await linkUp(replica)
    await pipeline(writer, [['INCR', 'n']])
    await callOnce(replica.port, 'CLIENT', 'UNPAUSE')
    await sameOffset([primary, replica])
    expect(await callOnce(replica.port, 'GET', 'n')).toBe('5')
    expect((await syncs(primary)).full).toBe(1)
  })

  it('goes on through cut links, promotion and the return of the old primary', async () => {
    const [a, b, c] = (await Promise.all([start(), start(), start()])) as [Running, Running, Running]
    await fill(a, scope, 5_000)
    const writing = keepWriting(await connectRaw(a.port, { scope }), 1, 5_000)
    await follow(b, a)
    await follow(c, b) // a chain
    await linkUp(c)
    expect(await callOnce(b.port, 'CLIENT', 'KILL', 'TYPE', 'master')).toBe(1)
    await eventually('b is back', async () => (await syncs(a)).partial === 1)
    await writing.stop()
    await sameOffset([a, b, c])
    await expectEqual(a, b, scope)
    await expectEqual(a, c, scope)

    expect(await callOnce(b.port, 'REPLICAOF', 'NO', 'ONE')).toBe('OK')
    await follow(a, b)
    await linkUp(a)
    await pipeline(await connectRaw(b.port, { scope }), [['SET', 'new', 'primary']])
    await sameOffset([a, b, c])
    await expectEqual(b, a, scope)
    expect((await syncs(b)).full).toBe(1) // c's, at the beginning
    expect((await syncs(a)).full).toBe(1) // b's
  })

  it('a write that the heir never saw is dropped when the old primary returns', async () => {
    const [a, b] = (await Promise.all([start(), start()])) as [Running, Running]
    await callOnce(a.port, 'SET', 'shared', '1')
    await follow(b, a)
    await linkUp(b)
    await callOnce(b.port, 'REPLICAOF', 'NO', 'ONE')
    await callOnce(a.port, 'SET', 'lost', '1')
    await callOnce(b.port, 'SET', 'kept', '1')
    await follow(a, b)
    await linkUp(a)
    await sameOffset([a, b])
    await expectEqual(a, b, scope)
    expect(await callOnce(a.port, 'GET', 'lost')).toBeNull()
    expect((await syncs(b)).full).toBe(1)
  })

  it('copies everything when the backlog no longer holds what is missing', async () => {
    const [a, b] = (await Promise.all([start('--repl-backlog-size', '16384'), start()])) as [Running, Running]
    await follow(b, a)
    await linkUp(b)
    b.proc.signal('SIGSTOP')
    await callOnce(a.port, 'CLIENT', 'KILL', 'TYPE', 'replica')
    await callOnce(a.port, 'SET', 'big', 'x'.repeat(100_000))
    b.proc.signal('SIGCONT')
    await eventually('b copied everything', async () => (await syncs(a)).full === 2)
    await sameOffset([a, b])
    await expectEqual(a, b, scope)
  })

  it.each([
    ['through a file', ['--repl-diskless-sync', 'no']],
    ['after a delay', ['--repl-diskless-sync-delay', '1']],
    ['with a password', ['--requirepass', 'secret', '--masterauth', 'secret']],
    ['without compression and checksum', ['--rdbcompression', 'no', '--rdbchecksum', 'no']],
  ])('syncs %s', async (_, args) => {
    const [a, b] = (await Promise.all([start(...args), start(...args)])) as [Running, Running]
    const connect = async (server: Running) => {
      const connection = await connectRaw(server.port, { scope })
      if (args.includes('--requirepass')) await connection.call('AUTH', 'secret')
      return connection
    }
    const [left, right] = [await connect(a), await connect(b)]
    await pipeline(
      left,
      Array.from({ length: 3000 }, (_, i) => ['SET', `k${i}`, 'v'.repeat(i % 200)]),
    )
    expect(await right.call('REPLICAOF', '127.0.0.1', String(a.port))).toBe('OK')
    await eventually('the replica is online', async () =>
      /state=online/.test(String(await left.call('INFO', 'replication'))),
    )
    await left.call('SET', 'after', 'sync')
    expect(await left.call('WAIT', '1', '5000')).toBe(1)
    expect(await right.call('GET', 'after')).toBe('sync')
    expect(await right.call('DBSIZE')).toBe(3001)
    expect(await right.call('GET', 'k199')).toBe('v'.repeat(199))
  })

  it('one full sync serves replicas that wait together; a later one gets its own', async () => {
    const servers = await Promise.all([start('--repl-diskless-sync-delay', '1'), start(), start(), start()])
    const [a, ...replicas] = servers as [Running, Running, Running, Running]
    await fill(a, scope, 5_000)
    const writing = keepWriting(await connectRaw(a.port, { scope }), 5, 5_000)
    for (const replica of replicas) await follow(replica, a)
    await Promise.all(replicas.map(linkUp))
    await writing.stop()
    await sameOffset(servers)
    for (const replica of replicas) await expectEqual(a, replica, scope)
    expect(a.proc.output().match(/Starting BGSAVE for SYNC/g)?.length).toBe(1)
  })

  it('a full sync that breaks in the middle begins anew', async () => {
    const [a, b] = (await Promise.all([start(), start()])) as [Running, Running]
    await pipeline(
      await connectRaw(a.port, { scope }),
      Array.from({ length: 200 }, (_, i) => ['SET', `k${i}`, String(i).repeat(100_000).slice(0, 200_000)]),
    )
    for (let i = 0; i < 5; i++) {
      await follow(b, a)
      await sleep(5 * i)
      await callOnce(a.port, 'CLIENT', 'KILL', 'TYPE', 'replica')
    }
    await linkUp(b)
    await sameOffset([a, b])
    await expectEqual(a, b, scope)
  })

  it('a replica that does not read is cut off at client-output-buffer-limit, and the primary lives', async () => {
    const a = await start('--client-output-buffer-limit', 'replica 2mb 0 0')
    const replica = await connectRaw(a.port, { scope })
    replica.send('REPLCONF capa eof capa psync2\r\nPSYNC ? -1\r\n')
    await eventually('the replica gets its snapshot', () => replica.rest().includes('$EOF:'))
    replica.send('REPLCONF ACK 0\r\n')
    await eventually('the replica is online', async () => /state=online/.test((await info(a.port)).slave0 ?? ''))
    replica.socket.pause()
    const writer = await connectRaw(a.port, { scope })
    for (let i = 0; i < 40; i++) await writer.call('SET', 'a', 'x'.repeat(1_000_000))
    await eventually('the replica is cut off', async () => (await info(a.port)).connected_slaves === '0')
    expect(await writer.call('SET', 'a', 'b')).toBe('OK')
  })

  it('follows a primary that sends the stream in any pieces', async () => {
    const rdb = smallRdb('from', 'rdb')
    const stream =
      '*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n*1\r\n$5\r\nMULTI\r\n*2\r\n$4\r\nINCR\r\n$1\r\na\r\n*1\r\n$4\r\nEXEC\r\n'
    const port = await fakePrimary(scope, (socket) => {
      socket.write(`+FULLRESYNC ${ID} 1000\r\n\n$${rdb.length}\r\n`)
      socket.write(rdb)
      socket.setNoDelay(true)
      const send = async () => {
        for (const character of stream) {
          socket.write(character)
          await sleep(1)
        }
      }
      void send()
    })
    const b = await start()
    await callOnce(b.port, 'REPLICAOF', '127.0.0.1', String(port))
    await eventually(
      'all is applied',
      async () => (await info(b.port, 'replication')).master_repl_offset === String(1000 + stream.length),
    )
    expect(await callOnce(b.port, 'GET', 'a')).toBe('2')
    expect(await callOnce(b.port, 'GET', 'from')).toBe('rdb')
  })

  it('a command of more arguments than a client may send is taken from the primary', async () => {
    const rdb = smallRdb('from', 'rdb')
    const count = 1_100_000
    const stream = `*${count + 1}\r\n$3\r\nDEL\r\n${'$4\r\nfrom\r\n'.repeat(count)}`
    const port = await fakePrimary(scope, (socket) => {
      socket.write(`+FULLRESYNC ${ID} 1000\r\n$${rdb.length}\r\n`)
      socket.write(rdb)
      socket.write(stream)
    })
    const b = await start()
    await callOnce(b.port, 'REPLICAOF', '127.0.0.1', String(port))
    await eventually(
      'all is applied',
      async () => (await info(b.port, 'replication')).master_repl_offset === String(1000 + stream.length),
    )
    expect(await callOnce(b.port, 'EXISTS', 'from')).toBe(0)
  })

  it('an offset is never acknowledged for half a transaction', async () => {
    const rdb = smallRdb('from', 'rdb')
    const half = '*1\r\n$5\r\nMULTI\r\n*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n'
    const offsets: string[] = []
    const port = await fakePrimary(scope, (socket) => {
      socket.write(`+FULLRESYNC ${ID} 1000\r\n$${rdb.length}\r\n`)
      socket.write(rdb)
      socket.on('data', (bytes) => offsets.push(...(bytes.toString().match(/(?<=ACK\r\n\$\d+\r\n)\d+/g) ?? [])))
      socket.write(half)
    })
    const b = await start()
    await callOnce(b.port, 'REPLICAOF', '127.0.0.1', String(port))
    await eventually('it acknowledged twice', () => offsets.length >= 2)
    expect(new Set(offsets)).toEqual(new Set(['1000']))
    expect(await callOnce(b.port, 'GET', 'a')).toBeNull()
    expect(Number((await info(b.port, 'replication')).slave_read_repl_offset)).toBe(1000 + half.length)
  })

  it.each<[string, (socket: Socket) => void, RegExp]>([
    ['hangs up in the RDB', (socket) => socket.end(`+FULLRESYNC ${ID} 1\r\n$1000\r\nREDIS0010`), /connection closed/],
    [
      'sends a broken RDB',
      (socket) => {
        const rdb = smallRdb('a', 'b')
        rdb[rdb.length - 1]! ^= 1
        socket.write(`+FULLRESYNC ${ID} 1\r\n$${rdb.length}\r\n`)
        socket.write(rdb)
      },
      /Failed trying to load the MASTER synchronization DB from socket: Wrong RDB checksum/,
    ],
    [
      'has a module',
      (socket) => socket.write(`+FULLRESYNC ${ID} 1\r\n$100\r\nREDIS0010\x07\x01k`),
      /not yet supported: value of type module value .* at key 'k'/,
    ],
    [
      'sends an RDB that is shorter than told',
      (socket) => {
        const rdb = smallRdb('a', 'b').subarray(0, 30)
        socket.write(`+FULLRESYNC ${ID} 1\r\n$${rdb.length}\r\n`)
        socket.write(rdb)
      },
      /Unexpected EOF reading RDB file/,
    ],
    [
      'breaks the protocol in the stream',
      (socket) => {
        const rdb = smallRdb('a', 'b')
        socket.write(`+FULLRESYNC ${ID} 1\r\n$${rdb.length}\r\n`)
        socket.write(rdb)
        socket.write('*1\r\n+what?\r\n')
      },
      /Protocol error from master/,
    ],
    ['sends noise', (socket) => socket.write('\x00\xff'.repeat(5000), 'latin1'), /Bad protocol from MASTER/],
  ])(
    'a primary that %s: the reason is told, no half data are served, and it tries again',
    async (_, misbehave, log) => {
      const port = await fakePrimary(scope, misbehave)
      const b = await start()
      await callOnce(b.port, 'SET', 'own', 'data')
      await callOnce(b.port, 'REPLICAOF', '127.0.0.1', String(port))
      await b.proc.waitForOutput(log)
      await eventually('it tries again', () => (b.proc.output().match(/Connecting to MASTER/g)?.length ?? 0) >= 3)
      expect(b.proc.isRunning()).toBe(true)
      // Refused with LOADING while an attempt is under way, as with Redis.
      await eventually('it becomes a primary', async () => (await callOnce(b.port, 'REPLICAOF', 'NO', 'ONE')) === 'OK')
      expect(await callOnce(b.port, 'SET', 'alive', 'yes')).toBe('OK')
      expect(b.proc.output()).not.toContain('Bug:')
    },
  )

  it('a replica serves reads, refuses writes, and hides what has expired', async () => {
    const [a, b] = (await Promise.all([start(), start()])) as [Running, Running]
    await follow(b, a)
    await linkUp(b)
    const writer = await connectRaw(a.port, { scope })
    await pipeline(writer, [
      ['SET', 'short', '1', 'PX', '1500'],
      ['SET', 'long', '1'],
    ])
    expect(await writer.call('WAIT', '1', '5000')).toBe(1)
    a.proc.signal('SIGSTOP') // so that its DEL does not come
    await sleep(1600)
    expect(await callOnce(b.port, 'GET', 'short')).toBeNull()
    expect(await callOnce(b.port, 'GET', 'long')).toBe('1')
    expect(await callOnce(b.port, 'DBSIZE')).toBe(2)
    expect(await callOnce(b.port, 'SET', 'x', '1')).toMatchObject({
      message: "READONLY You can't write against a read only replica.",
    })
    a.proc.signal('SIGCONT')
    await eventually('the DEL came', async () => (await callOnce(b.port, 'DBSIZE')) === 1)
    await callOnce(b.port, 'CONFIG', 'SET', 'replica-serve-stale-data', 'no')
    await a.proc.kill()
    await eventually('stale reads are refused', async () =>
      String(JSON.stringify(await callOnce(b.port, 'GET', 'long'))).includes('MASTERDOWN'),
    )
  })

  it('SHUTDOWN waits for replicas that are behind, can be called off, and loses nothing', async () => {
    const [a, b] = (await Promise.all([start(), start()])) as [Running, Running]
    await follow(b, a)
    await linkUp(b)
    const writer = await connectRaw(a.port, { scope })
    await writer.call('SET', 'first', '1')
    await writer.call('WAIT', '1', '5000')
    b.proc.signal('SIGSTOP')
    await writer.call('SET', 'last', 'word')
    const asking = await connectRaw(a.port, { scope })
    const answer = asking.call('SHUTDOWN')
    await a.proc.waitForOutput(/Waiting for replicas before shutting down/)
    expect(await callOnce(a.port, 'SHUTDOWN', 'ABORT')).toBe('OK')
    expect(await answer).toMatchObject({ message: 'ERR Errors trying to SHUTDOWN. Check logs.' })
    expect(await callOnce(a.port, 'SHUTDOWN', 'ABORT')).toMatchObject({ message: 'ERR No shutdown in progress.' })
    expect(await writer.call('SET', 'very last', 'word')).toBe('OK')
    const end = a.proc.stop()
    await a.proc.waitForOutput(
      /Waiting for replicas before shutting down[\s\S]*Waiting for replicas before shutting down/,
    )
    b.proc.signal('SIGCONT')
    expect((await end).code).toBe(0)
    expect(await callOnce(b.port, 'GET', 'very last')).toBe('word')
    expect(a.proc.output()).toContain('1 of 1 replicas are in sync when shutting down.')
  })

  it('a replica that is restarted goes on from its snapshot', async () => {
    const a = await start()
    const dir = scope.tempDir()
    const args = ['--save', '3600', '1', '--replicaof', '127.0.0.1', String(a.port)]
    const b = await startServer(scope, { make: 'vedette', dir, args })
    await linkUp(b)
    const writer = await connectRaw(a.port, { scope })
    await pipeline(writer, [
      ['SELECT', '3'],
      ['SET', 'before', '1'],
      ['WAIT', '1', '5000'],
    ])
    expect((await b.proc.stop()).code).toBe(0)
    await pipeline(writer, [['SET', 'meanwhile', '1']])
    await b.restart()
    await linkUp(b)
    await sameOffset([a, b])
    await expectEqual(a, b, scope)
    expect(await syncs(a)).toMatchObject({ full: 1, partial: 1 })
  })

  it('replicas that come and go, and nonsense in their place, do no harm', async () => {
    const a = await start()
    await fill(a, scope, 3000)
    const lines = [
      'PSYNC ? -1\r\n',
      'SYNC\r\n',
      `PSYNC ${ID} 1\r\n`,
      'PSYNC ? x\r\n',
      `PSYNC ${'x'.repeat(5000)} 99999999999999\r\n`,
      'PSYNC a b c\r\n',
      'REPLCONF ACK -5\r\n',
      'REPLCONF ACK 99999999999999999999\r\n',
      'REPLCONF capa eof\r\nPSYNC ? -1\r\nPSYNC ? -1\r\nSET a b\r\nREPLCONF ACK 1\r\n',
      'REPLCONF\r\nREPLCONF GETACK *\r\nREPLCONF listening-port 99999\r\n',
      'MULTI\r\nPSYNC ? -1\r\nSET a b\r\nWAIT 1 1000\r\nEXEC\r\n',
    ]
    for (let round = 0; round < 120; round++) {
      const peer = await connectRaw(a.port, { scope })
      peer.send(lines[round % lines.length]!)
      if (round % 3 === 0) await sleep(3)
      if (round % 2 === 0) peer.close()
    }
    expect(await callOnce(a.port, 'PING')).toBe('PONG')
    const b = await start()
    await follow(b, a)
    await linkUp(b)
    await sameOffset([a, b])
    await expectEqual(a, b, scope)
    expect(a.proc.output()).not.toContain('Bug:')
  })
})
