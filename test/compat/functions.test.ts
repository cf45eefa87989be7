// Libraries of functions between Vedette and a real redis-server 7.0.15: in snapshots, logs, payloads and over replication. And what
// must not lose them.
import { execFileSync } from 'node:child_process'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { follow, linkUp, sameOffset } from '../support/replicated.ts'
import { callOnce, connectRaw, RespError } from '../support/resp.ts'
import { createScope, type Scope } from '../support/scope.ts'
import { type Make, type Running, startServer } from '../support/servers.ts'

const library = (name: string, result: string): string =>
  `#!lua name=${name}\nredis.register_function{function_name='${name}', callback=function() return '${result}' end, ` +
  `flags={'no-writes'}}`
const LONG = library('long', 'x'.repeat(100_000))
const PAIRS: readonly [Make, Make][] = [
  ['vedette', 'redis'],
  ['redis', 'vedette'],
  ['vedette', 'vedette'],
]

describe('libraries of functions', () => {
  let scope: Scope
  beforeEach(() => {
    scope = createScope()
  })
  afterEach(() => scope.close())

  const load = async (server: Running): Promise<void> => {
    expect(await callOnce(server.port, 'FUNCTION', 'LOAD', library('one', 'first'))).toBe('one')
    expect(await callOnce(server.port, 'FUNCTION', 'LOAD', LONG)).toBe('long')
  }
  const end = async ({ proc }: Running): Promise<void> => {
    proc.signal('SIGTERM')
    await proc.exited
  }
  const expectLoaded = async (server: Running, one = 'first'): Promise<void> => {
    expect(await callOnce(server.port, 'FCALL', 'one', '0')).toBe(one)
    expect(await callOnce(server.port, 'FCALL', 'long', '0')).toBe('x'.repeat(100_000))
  }

  it.each(PAIRS)('%s → %s in a snapshot', async (from, to) => {
    const writer = await startServer(scope, { make: from })
    await load(writer)
    expect(await callOnce(writer.port, 'SAVE')).toBe('OK')
    await end(writer)
    await expectLoaded(await startServer(scope, { make: to, dir: writer.dir }))
  })

  it.each(PAIRS)('%s → %s in a log, before and after it was rewritten', async (from, to) => {
    const args = ['--appendonly', 'yes']
    const writer = await startServer(scope, { make: from, args })
    await load(writer)
    await callOnce(writer.port, 'FUNCTION', 'LOAD', library('gone', ''))
    await callOnce(writer.port, 'FUNCTION', 'DELETE', 'gone')
    await end(writer)
    const reader = await startServer(scope, { make: to, dir: writer.dir, args })
    await expectLoaded(reader)
    expect(await callOnce(reader.port, 'FCALL', 'gone', '0')).toEqual(new RespError('ERR Function not found'))
  })

  it.each(PAIRS)('%s → %s as a payload', async (from, to) => {
    const [writer, reader] = [await startServer(scope, { make: from }), await startServer(scope, { make: to })]
    await load(writer)
    const connection = await connectRaw(writer.port, { scope })
    const reply = await connection.raw('FUNCTION', 'DUMP')
    const payload = reply.subarray(reply.indexOf('\r\n') + 2, -2)
    const receiver = await connectRaw(reader.port, { scope })
    expect(await receiver.call('FUNCTION', 'RESTORE', payload)).toBe('OK')
    await expectLoaded(reader)
    expect(await receiver.call('FUNCTION', 'RESTORE', payload)).toBeInstanceOf(RespError)
    expect(await receiver.call('FUNCTION', 'RESTORE', payload, 'REPLACE')).toBe('OK')
    for (const cut of [0, 5, 10, payload.length - 1]) {
      expect(await receiver.call('FUNCTION', 'RESTORE', payload.subarray(0, cut), 'FLUSH')).toBeInstanceOf(RespError)
    }
    await expectLoaded(reader)
  })

  it.each(PAIRS)('%s → %s by a full synchronization and in the stream', async (from, to) => {
    const [primary, replica] = [await startServer(scope, { make: from }), await startServer(scope, { make: to })]
    await load(primary)
    await callOnce(replica.port, 'FUNCTION', 'LOAD', library('own', 'is dropped by the full sync'))
    expect(await follow(replica, primary)).toBe('OK')
    await linkUp(replica)
    await expectLoaded(replica)
    expect(await callOnce(replica.port, 'FCALL', 'own', '0')).toEqual(new RespError('ERR Function not found'))
    await callOnce(primary.port, 'FUNCTION', 'LOAD', 'REPLACE', library('one', 'second'))
    await callOnce(primary.port, 'FLUSHALL')
    await sameOffset([primary, replica])
    await expectLoaded(replica, 'second')
  })

  it('survive a machine that is thrown away because a function used all memory', async () => {
    const server = await startServer(scope, { make: 'vedette', args: ['--script-memory-limit', '16mb'] })
    await load(server)
    const greedy = "#!lua name=greedy\nredis.register_function('greedy', function() return ('x'):rep(1e9) end)"
    await callOnce(server.port, 'FUNCTION', 'LOAD', greedy)
    expect(await callOnce(server.port, 'FCALL', 'greedy', '0')).toBeInstanceOf(RespError)
    await expectLoaded(server)
  })

  it('are loaded from the log again as often as one likes: the order to do so is no part of it', async () => {
    const server = await startServer(scope, {
      make: 'vedette',
      args: ['--appendonly', 'yes', '--enable-debug-command', 'yes'],
    })
    await load(server)
    for (let i = 0; i < 3; i++) expect(await callOnce(server.port, 'DEBUG', 'LOADAOF')).toBe('OK')
    await callOnce(server.port, 'FUNCTION', 'DELETE', 'one')
    expect(await callOnce(server.port, 'DEBUG', 'LOADAOF')).toBe('OK')
    expect(await callOnce(server.port, 'FUNCTION', 'LOAD', library('one', 'first'))).toBe('one')
    await expectLoaded(server)
  })

  it('of a snapshot pass redis-check-rdb', async () => {
    const server = await startServer(scope, { make: 'vedette' })
    await load(server)
    await callOnce(server.port, 'SAVE')
    const said = execFileSync('redis-check-rdb', [`${server.dir}/dump.rdb`]).toString()
    expect(said).toContain('RDB looks OK')
  })
})
