// Scripts in a real server: what they do is replicated as one transaction and survives a restart by the log; a script that runs
// long does not stop the server from answering, and can be ended.
import { afterEach, beforeEach, expect, it } from 'vitest'
import { linkUp, pipeline } from '../support/replicated.ts'
import { callOnce, connectRaw, info, type RawConnection, RespError } from '../support/resp.ts'
import { createScope, type Scope } from '../support/scope.ts'
import { type Running, startServer } from '../support/servers.ts'
import { eventually } from '../support/wait.ts'

let scope: Scope
let server: Running
beforeEach(async () => {
  scope = createScope()
  server = await startServer(scope, { make: 'vedette', args: ['--appendonly', 'yes', '--busy-reply-threshold', '10'] })
})
afterEach(() => scope.close())

const connect = (to = server): Promise<RawConnection> => connectRaw(to.port, { scope })
const LOOP = "while true do redis.call('get', 'a') end"

/** Sends a script that takes long, and waits until the server says that it is busy. `said`: what the script is answered. */
async function keepBusy(source: string, of = server): Promise<{ readonly said: Promise<unknown> }> {
  const client = await connect(of)
  const other = await connect(of)
  const said = outcome(client, 'EVAL', source, '0')
  await eventually('the server is busy', async () => /^BUSY /.test(String(await outcome(other, 'PING'))))
  return { said }
}

/** The reply, or the text of the error. */
async function outcome(client: RawConnection, ...args: string[]): Promise<unknown> {
  const reply = await client.call(...args).catch((error: unknown) => error)
  return reply instanceof RespError ? reply.message : reply
}

it('answers BUSY while a script runs long, ends it by SCRIPT KILL, and then goes on', async () => {
  await keepBusy(LOOP)
  const other = await connect()
  expect(await outcome(other, 'GET', 'a')).toMatch(/^BUSY Redis is busy running a script/)
  expect(await outcome(other, 'SCRIPT', 'KILL')).toBe('OK')
  expect(await outcome(other, 'PING')).toBe('PONG')
  expect(await outcome(other, 'EVAL', 'return 1', '0')).toBe(1)
})

it('ends a script that runs within pcall, too', async () => {
  await keepBusy(`while true do pcall(function() ${LOOP} end) end`)
  const other = await connect()
  expect(await outcome(other, 'SCRIPT', 'KILL')).toBe('OK')
  expect(await outcome(other, 'PING')).toBe('PONG')
})

it('does not end a script that has written; SHUTDOWN NOSAVE ends the server', async () => {
  await keepBusy(`redis.call('set', 'a', '1') ${LOOP}`)
  const other = await connect()
  expect(await outcome(other, 'SCRIPT', 'KILL')).toMatch(/^UNKILLABLE /)
  expect(await outcome(other, 'SHUTDOWN')).toMatch(/^BUSY /)
  void other.call('SHUTDOWN', 'NOSAVE').catch(() => {})
  await eventually('the server has ended', async () => {
    await expect(connect()).rejects.toThrow()
    return true
  })
})

it('ends on SIGTERM once a script that has written is over: all of it is in the snapshot', async () => {
  await server.restart(['--save', '3600 1', '--busy-reply-threshold', '10'])
  await keepBusy("redis.call('set', 'a', '1') for i = 1, 3e7 do end redis.call('set', 'b', '2')")
  await server.proc.stop()
  await server.restart(['--save', '3600 1'])
  const client = await connect()
  expect(await client.call('MGET', 'a', 'b')).toEqual(['1', '2'])
})

it('ends on SIGTERM at once when the script that runs has written nothing, and says so to who called it', async () => {
  const { said } = await keepBusy(LOOP)
  const { code } = await server.proc.stop()
  expect(code).toBe(0)
  expect(await said).toMatch(/^ERR Script killed by user/)
})

it('evicts nothing while a script runs: it sees what it has written', async () => {
  const client = await connect()
  await client.call('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-random')
  const { used_memory: usedBytes } = await info(server.port, 'memory')
  await client.call('CONFIG', 'SET', 'maxmemory', String(Number(usedBytes) + 100_000))
  const source =
    "for i = 1, 300 do redis.call('set', 'k' .. i, string.rep('x', 1000)) end for i = 1, 3e7 do end return redis.call('dbsize')"
  expect(await outcome(client, 'EVAL', source, '0')).toBe(300)
  await eventually('there is room again', async () => Number(await client.call('DBSIZE')) < 300)
})

it('of a replica holds up what comes from the primary, and then all of it is applied in its order', async () => {
  const replica = await startServer(scope, {
    make: 'vedette',
    args: ['--replicaof', '127.0.0.1', String(server.port), '--busy-reply-threshold', '10'],
  })
  await linkUp(replica)
  const writer = await connect()
  let written = 0
  let writing = true
  const pump = (async () => {
    for (; writing; written += 100)
      await pipeline(
        writer,
        Array.from({ length: 100 }, (_, i) => ['RPUSH', 'list', String(written + i)]),
      )
  })()
  for (let round = 0; round < 5; round++) {
    await keepBusy(LOOP, replica)
    const before = written
    await eventually('the primary writes on', () => written > before + 1_000)
    const other = await connect(replica)
    expect(await outcome(other, 'SCRIPT', 'KILL')).toBe('OK')
  }
  writing = false
  await pump
  await eventually('the replica has it all', async () => (await callOnce(replica.port, 'LLEN', 'list')) === written)
  const list = (await callOnce(replica.port, 'LRANGE', 'list', '0', '-1')) as unknown[]
  expect(list.every((item, i) => item === String(i))).toBe(true)
  expect(replica.proc.output()).not.toMatch(/Bug:|lost/)
})

it('finishes a script that was slow, and replies to who called it', async () => {
  const client = await connect()
  const source =
    "redis.call('set', KEYS[1], 'x') local n = 0 for i = 1, 3e7 do n = n + 1 end return redis.call('get', KEYS[1])"
  expect(await outcome(client, 'EVAL', source, '1', 'k')).toBe('x')
  expect(await outcome(client, 'GET', 'k')).toBe('x')
})

it('limits the memory of scripts, with an error that says so', async () => {
  const client = await connect()
  await client.call('CONFIG', 'SET', 'script-memory-limit', '32mb')
  expect(await outcome(client, 'EVAL', 'local t = {} for i = 1, 1e8 do t[i] = {i} end', '0')).toMatch(
    /not enough memory/,
  )
  expect(await outcome(client, 'EVAL', 'return 2', '0')).toBe(2)
})

it('replicates what a script did as one, and finds it in the log', async () => {
  const replica = await startServer(scope, { make: 'vedette', args: ['--replicaof', `127.0.0.1 ${server.port}`] })
  const client = await connect()
  await eventually('the replica is there', async () =>
    /connected_slaves:1/.test(String(await client.call('INFO', 'replication'))),
  )
  await client.call(
    'EVAL',
    "redis.call('set', 'a', '1') redis.call('spop', 'none') return redis.call('incr', 'a')",
    '0',
  )
  await eventually('the replica has it', async () => (await callOnce(replica.port, 'GET', 'a')) === '2')
  await client.call('DEBUG', 'LOADAOF')
  expect(await client.call('GET', 'a')).toBe('2')
})
