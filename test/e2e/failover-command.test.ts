// FAILOVER between two Vedette servers, with a client that goes on writing: nothing acknowledged is lost.
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { follow, linkUp, sameOffset, syncs } from '../support/replicated.ts'
import { callOnce, connectRaw, info, RespError } from '../support/resp.ts'
import { createScope, type Scope } from '../support/scope.ts'
import { type Running, startServer } from '../support/servers.ts'
import { eventually } from '../support/wait.ts'

describe('FAILOVER', () => {
  let scope: Scope
  let a: Running
  let b: Running
  beforeEach(async () => {
    scope = createScope()
    const args = ['--repl-diskless-sync-delay', '0']
    ;[a, b] = await Promise.all([
      startServer(scope, { make: 'vedette', args }),
      startServer(scope, { make: 'vedette', args }),
    ])
    await follow(b, a)
    await linkUp(b)
    await eventually('the replica is online', async () =>
      /state=online/.test((await info(a.port, 'replication')).slave0!),
    )
  })
  afterEach(() => scope.close())
  const state = async (server: Running): Promise<string> =>
    (await info(server.port, 'replication')).master_failover_state!
  const over = (server: Running): Promise<unknown> =>
    eventually('the failover is over', async () => (await state(server)) === 'no-failover')
  const role = async (server: Running): Promise<string> => (await info(server.port, 'replication')).role!

  it('goes there and back under writes, and each time copies nothing but what is new', async () => {
    let acknowledged = 0
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const) {
      const writer = await connectRaw(from.port, { scope })
      const writing = (async () => {
        for (;;) {
          const reply = await writer.call('INCR', 'n')
          if (reply instanceof RespError) return reply.message
          acknowledged++
        }
      })()
      const before = acknowledged
      await eventually('writes are under way', () => acknowledged > before + 20)
      expect(await callOnce(from.port, 'FAILOVER', 'TO', '127.0.0.1', String(to.port))).toBe('OK')
      expect(await writing).toMatch(/^READONLY /)
      await over(from)
      expect([await role(from), await role(to)]).toEqual(['slave', 'master'])
      await linkUp(from)
      expect(await callOnce(to.port, 'GET', 'n')).toBe(String(acknowledged))
      await sameOffset([a, b])
      expect(await callOnce(from.port, 'GET', 'n')).toBe(String(acknowledged))
    }
    expect(await syncs(a)).toEqual({ full: 1, partial: 1 })
    expect(await syncs(b)).toEqual({ full: 0, partial: 1 })
  })

  it('holds writes and messages until it is aborted, and refuses other roles meanwhile', async () => {
    // Who acknowledges nothing never has everything.
    const mute = await connectRaw(a.port, { scope })
    await mute.call('REPLCONF', 'listening-port', '7', 'capa', 'eof', 'capa', 'psync2')
    const { master_replid: id, master_repl_offset: offset } = await info(a.port, 'replication')
    await mute.call('PSYNC', id!, String(Number(offset) + 1))
    await callOnce(a.port, 'SET', 'k', '1')

    expect(await callOnce(a.port, 'FAILOVER', 'TO', '127.0.0.1', '7', 'TIMEOUT', '60000')).toBe('OK')
    expect(await state(a)).toBe('waiting-for-sync')
    const [writer, publisher] = [await connectRaw(a.port, { scope }), await connectRaw(a.port, { scope })]
    const answered: string[] = []
    const writes = writer.call('INCR', 'k').then(() => answered.push('write'))
    const messages = publisher.call('PUBLISH', 'c', 'm').then(() => answered.push('message'))
    expect(await callOnce(a.port, 'GET', 'k')).toBe('1')
    for (const request of [
      ['REPLICAOF', '127.0.0.1', '1'],
      ['REPLICAOF', 'NO', 'ONE'],
    ]) {
      expect(await callOnce(a.port, ...request)).toMatchObject({
        message: 'ERR REPLICAOF not allowed while failing over.',
      })
    }
    expect(await callOnce(a.port, 'PSYNC', '?', '-1')).toMatchObject({
      message: "NOMASTERLINK Can't SYNC while failing over",
    })
    expect(answered).toEqual([])
    expect(await callOnce(a.port, 'FAILOVER', 'ABORT')).toBe('OK')
    await Promise.all([writes, messages])
    expect([await role(a), await state(a), await callOnce(a.port, 'GET', 'k')]).toEqual(['master', 'no-failover', '2'])
  })

  it('is over when the replica refuses: this server is primary again, and its replicas come back', async () => {
    await callOnce(b.port, 'ACL', 'SETUSER', 'default', '-psync')
    const writer = await connectRaw(a.port, { scope })
    expect(await writer.call('FAILOVER')).toBe('OK')
    await over(a)
    expect(await writer.call('SET', 'k', 'v')).toBe('OK')
    expect([await role(a), await role(b)]).toEqual(['master', 'slave'])
    await linkUp(b)
    await sameOffset([a, b])
    expect(await callOnce(b.port, 'GET', 'k')).toBe('v')
    expect(await syncs(a)).toEqual({ full: 1, partial: 1 })
  })

  it('is refused by who follows another history, and by a primary', async () => {
    expect(await callOnce(b.port, 'PSYNC', 'f'.repeat(40), '1', 'FAILOVER')).toMatchObject({
      message: 'ERR PSYNC FAILOVER replid must match my replid.',
    })
    const { master_replid: id } = await info(a.port, 'replication')
    expect(await callOnce(a.port, 'PSYNC', id!, '1', 'FAILOVER')).toMatchObject({
      message: "ERR PSYNC FAILOVER can't be sent to a master.",
    })
    expect([await role(a), await role(b)]).toEqual(['master', 'slave'])
  })
})
