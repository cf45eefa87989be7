// Hostile peers against real processes: whatever comes, the process lives, its memory stays bounded, and others are served. The seed is
// printed with every failure and can be given as FUZZ_SEED; FUZZ_CASES sets how many cases the server gets.
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { seededRandom } from '../../src/lib/prng.ts'
import { fuzzCase, fuzzPort, type Seed } from '../support/fuzz.ts'
import { startGroup } from '../support/group.ts'
import { listeningPorts, residentBytes } from '../support/kernel.ts'
import { callOnce, connectRaw, encodeRequest, RespError } from '../support/resp.ts'
import { createScope, type Scope } from '../support/scope.ts'
import { type Running, startServer } from '../support/servers.ts'
import { eventually, sleep } from '../support/wait.ts'

const SEED = Number(process.env.FUZZ_SEED ?? Math.floor(Math.random() * 2 ** 32))
const CASES = Number(process.env.FUZZ_CASES ?? 100_000)
const MB = 1 << 20

const SERVER_SEEDS: readonly Seed[] = [
  ['SET', 'k', 'v'],
  ['SET', 'k', 'v', 'EX', '10', 'NX', 'GET'],
  ['GET', 'k'],
  ['MSET', 'a', '1', 'b', '2'],
  ['APPEND', 'k', 'x'],
  ['SETRANGE', 'k', '5', 'x'],
  ['GETRANGE', 'k', '0', '-1'],
  ['INCRBY', 'n', '5'],
  ['INCRBYFLOAT', 'n', '0.5'],
  ['LCS', 'k', 'n', 'IDX'],
  ['EXPIRE', 'k', '100', 'GT'],
  ['SCAN', '0', 'MATCH', '*', 'COUNT', '10', 'TYPE', 'string'],
  ['KEYS', '*[a'],
  ['RESTORE', 'r', '0', '\x00\x05hello\n\x00cr\xdfve4 \n', 'REPLACE'],
  ['COPY', 'k', 'c', 'DB', '1', 'REPLACE'],
  ['OBJECT', 'ENCODING', 'k'],
  ['MULTI'],
  ['EXEC'],
  ['WATCH', 'k'],
  ['SUBSCRIBE', 'ch'],
  ['PSUBSCRIBE', 'c*'],
  ['PUBLISH', 'ch', 'message'],
  ['SSUBSCRIBE', 's'],
  ['HELLO', '3', 'SETNAME', 'x'],
  ['CLIENT', 'LIST'],
  ['CLIENT', 'REPLY', 'SKIP'],
  ['COMMAND', 'INFO', 'get'],
  ['COMMAND', 'GETKEYS', 'MSET', 'a', '1'],
  ['CONFIG', 'GET', 'max*'],
  ['INFO', 'all'],
  ['PSYNC', '?', '-1'],
  ['REPLCONF', 'ack', '5'],
  ['REPLCONF', 'listening-port', '1'],
  ['MONITOR'],
  ['WAIT', '0', '1'],
  ['RESET'],
  ['QUIT'],
]

const SENTINEL_SEEDS: readonly Seed[] = [
  ['PING'],
  ['INFO', 'sentinel'],
  ['SENTINEL', 'MASTERS'],
  ['SENTINEL', 'MASTER', 'mymaster'],
  ['SENTINEL', 'REPLICAS', 'mymaster'],
  ['SENTINEL', 'SENTINELS', 'mymaster'],
  ['SENTINEL', 'GET-MASTER-ADDR-BY-NAME', 'mymaster'],
  ['SENTINEL', 'CKQUORUM', 'mymaster'],
  ['SENTINEL', 'IS-MASTER-DOWN-BY-ADDR', '127.0.0.1', '6379', '0', '*'],
  ['SENTINEL', 'SET', 'nosuch', 'quorum', '2'],
  ['SENTINEL', 'MYID'],
  ['SUBSCRIBE', '+switch-master'],
  ['PSUBSCRIBE', '*'],
  ['PUBLISH', '__sentinel__:hello', '127.0.0.1,5000,abc,1,mymaster,127.0.0.1,6379,1'],
  ['ROLE'],
  ['HELLO', '3'],
  ['COMMAND'],
]

let scope: Scope
beforeEach(() => {
  scope = createScope()
})
afterEach(() => scope.close())

async function stillServes(server: Running): Promise<void> {
  expect(server.proc.isRunning(), `it died (seed ${SEED}):\n${server.proc.output().slice(-3000)}`).toBe(true)
  const reply = await callOnce(server.port, 'PING')
  expect(reply === 'PONG' || reply instanceof RespError, `seed ${SEED}`).toBe(true)
}

describe(`a server (seed ${SEED})`, () => {
  it(`survives ${CASES} cases of hostile bytes`, async () => {
    const server = await startServer(scope, {
      make: 'vedette',
      args: ['--proto-max-bulk-len', '1mb', '--maxmemory', '64mb', '--client-output-buffer-limit', 'normal 16mb 0 0'],
    })
    const random = seededRandom(SEED)
    const outcome = await fuzzPort(server.port, random, () => fuzzCase(random, SERVER_SEEDS), { cases: CASES })
    console.info(
      `fuzz of the server, seed ${SEED}:`,
      outcome,
      `${Math.round(residentBytes(server.proc.pid) / MB)} MB resident`,
    )
    await stillServes(server)
    expect(outcome.cases).toBeGreaterThanOrEqual(CASES)
    expect(outcome.stuck, `connections that hang, seed ${SEED}`).toBe(0)
    expect(residentBytes(server.proc.pid)).toBeLessThan(500 * MB)
    // Nothing of it is left behind: the only client is the one that asks.
    await eventually(
      'all clients are gone',
      async () =>
        String(await callOnce(server.port, 'CLIENT', 'LIST'))
          .trim()
          .split('\n').length === 1,
    )
  }, 300_000)

  it('takes a request of a million arguments, and forgets one that never comes', async () => {
    const server = await startServer(scope, { make: 'vedette' })
    const connection = await connectRaw(server.port, { scope })
    expect(await connection.call('SET', 'x', '1')).toBe('OK')
    connection.send('*1000001\r\n$3\r\nDEL\r\n')
    for (let i = 0; i < 100; i++) connection.send('$1\r\nx\r\n'.repeat(10_000))
    const reply = (await connection.reply(60_000)).toString('latin1')
    expect(reply).toMatch(/^(:1|-ERR Protocol error.*)\r\n$/)
    for (let i = 0; i < 200; i++)
      (await connectRaw(server.port, { scope })).send('*1000000\r\n$3\r\nDEL\r\n$1\r\nx\r\n')
    for (let i = 0; i < 200; i++)
      (await connectRaw(server.port, { scope })).send('*3\r\n$3\r\nSET\r\n$1\r\nx\r\n$536870912\r\nabc')
    await sleep(200)
    await stillServes(server)
    expect(residentBytes(server.proc.pid)).toBeLessThan(400 * MB)
  })

  it('closes a connection whose unfinished request outgrows client-query-buffer-limit', async () => {
    const server = await startServer(scope, { make: 'vedette', args: ['--client-query-buffer-limit', '2mb'] })
    const connection = await connectRaw(server.port, { scope })
    connection.send(`*1000\r\n${'$60000\r\n'.concat('x'.repeat(60_000), '\r\n').repeat(100)}`)
    await eventually('it is closed', () => connection.socket.destroyed || connection.socket.readableEnded)
    await stillServes(server)
  })

  it('closes a connection that does not read its replies', async () => {
    const server = await startServer(scope, {
      make: 'vedette',
      args: ['--client-output-buffer-limit', 'normal 8mb 0 0 pubsub 8mb 0 0'],
    })
    const other = await connectRaw(server.port, { scope })
    await other.call('SET', 'big', 'x'.repeat(MB))
    const greedy = await connectRaw(server.port, { scope })
    greedy.socket.pause()
    greedy.send(Buffer.concat(Array.from({ length: 200 }, () => encodeRequest(['GET', 'big']))))
    const deaf = await connectRaw(server.port, { scope })
    await deaf.call('SUBSCRIBE', 'ch')
    deaf.socket.pause()
    for (let i = 0; i < 100; i++) await other.call('PUBLISH', 'ch', 'x'.repeat(MB))
    await eventually(
      'both are closed',
      async () =>
        String(await other.call('CLIENT', 'LIST'))
          .trim()
          .split('\n').length === 1,
    )
    await stillServes(server)
    expect(residentBytes(server.proc.pid)).toBeLessThan(400 * MB)
  })

  it('serves half-closed and slow connections to the end', async () => {
    const server = await startServer(scope, { make: 'vedette' })
    const half = await connectRaw(server.port, { scope })
    half.socket.end(encodeRequest(['ECHO', 'still here']))
    expect((await half.reply()).toString()).toBe('$10\r\nstill here\r\n')
    await half.closed

    const request = encodeRequest(['SET', 'slow', 'value'])
    const slow = await Promise.all(Array.from({ length: 300 }, () => connectRaw(server.port, { scope })))
    for (const byte of request) {
      for (const connection of slow) connection.send(Buffer.of(byte))
      await sleep(1)
    }
    const replies = await Promise.all(slow.map((connection) => connection.reply()))
    expect(new Set(replies.map(String))).toEqual(new Set(['+OK\r\n']))
    await stillServes(server)
  })
})

describe(`a sentinel (seed ${SEED})`, () => {
  it('survives hostile bytes on each of its ports, and strangers without number', async () => {
    const group = await startGroup(scope, { servers: 'vedette', sentinels: 'vedette' })
    const victim = group.sentinels[0]!
    const random = seededRandom(SEED, 1)
    const others = listeningPorts(victim.proc.pid).filter((port) => port !== victim.port)
    expect(others.length, 'gossip and HTTP').toBeGreaterThanOrEqual(1)

    const outcome = await fuzzPort(victim.port, random, () => fuzzCase(random, SENTINEL_SEEDS), { cases: 10_000 })
    console.info(`fuzz of the sentinel, seed ${SEED}:`, outcome)
    expect(outcome.stuck).toBe(0)
    await stillServes(victim)
    for (const port of others) {
      // As many connections as exhaust the memory of the pre-shared-key cipher when it is not reserved once.
      const strangers = await fuzzPort(port, random, () => fuzzCase(random, SENTINEL_SEEDS), {
        cases: 6000,
        casesPerConnection: 1,
      })
      console.info(`fuzz of its port ${port}:`, strangers)
      await stillServes(victim)
    }
    expect(residentBytes(victim.proc.pid)).toBeLessThan(400 * MB)
    await eventually('its quorum is whole', async () =>
      String(await callOnce(victim.port, 'SENTINEL', 'CKQUORUM', group.name)).startsWith('OK'),
    )
    for (const sentinel of group.sentinels) await stillServes(sentinel)
  }, 300_000)
})
