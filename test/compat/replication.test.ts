// Replication between Vedette and a real redis-server 7.0.15, in both directions and mixed chains: a full sync of 100,000
// keys while writes go on, equality at equal offset, partial resync after a cut link, promotion and its aftermath.
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  expectEqual,
  fill,
  follow,
  KEYS,
  keepWriting,
  linkUp,
  pipeline,
  sameOffset,
  syncs,
} from '../support/replicated.ts'
import { callOnce, connectRaw, info, RespError, type RespValue } from '../support/resp.ts'
import { createScope, type Scope } from '../support/scope.ts'
import { type Make, type Running, startServer } from '../support/servers.ts'
import { eventually, sleep } from '../support/wait.ts'

describe('replication with a real redis-server', () => {
  let scope: Scope
  beforeEach(() => {
    scope = createScope()
  })
  afterEach(() => scope.close())
  const start = (make: Make, args: readonly string[] = []): Promise<Running> =>
    startServer(scope, { make, args: ['--repl-diskless-sync-delay', '0', '--repl-backlog-size', '64mb', ...args] })

  it.each<[Make, Make]>([
    ['vedette', 'redis'],
    ['redis', 'vedette'],
    ['vedette', 'vedette'],
  ])('%s → %s: full sync under writes, cut links, equality at equal offset', async (primaryMake, replicaMake) => {
    const primary = await start(primaryMake)
    const replica = await start(replicaMake)
    await fill(primary, scope)
    await callOnce(replica.port, 'SET', 'local', 'is dropped by the full sync')

    let writing = keepWriting(await connectRaw(primary.port, { scope }), 1)
    expect(await follow(replica, primary)).toBe('OK')
    await linkUp(replica)
    await eventually('the replica is online', async () =>
      /state=online/.test((await info(primary.port, 'replication')).slave0!),
    )
    expect(await writing.stop()).toBeGreaterThan(0)
    await sameOffset([primary, replica])
    expect(await expectEqual(primary, replica, scope)).toBeGreaterThan(KEYS / 2)
    const before = await syncs(primary)
    expect(before).toEqual({ full: 1, partial: 0 })

    // The link is cut three times while writes go on, from the primary's side and from the replica's.
    writing = keepWriting(await connectRaw(primary.port, { scope }), 2)
    for (const [server, type] of [
      [primary, 'replica'],
      [replica, 'master'],
      [primary, 'slave'],
    ] as const) {
      const { partial } = await syncs(primary)
      expect(await callOnce(server.port, 'CLIENT', 'KILL', 'TYPE', type)).toBe(1)
      await eventually('the replica has come back', async () => (await syncs(primary)).partial > partial)
      await linkUp(replica)
    }
    await writing.stop()
    await sameOffset([primary, replica])
    await expectEqual(primary, replica, scope)
    expect((await syncs(primary)).full).toBe(1)

    const replication = await info(primary.port, 'replication')
    expect(replication.slave0).toMatch(
      new RegExp(`^ip=127.0.0.1,port=${replica.port},state=online,offset=\\d+,lag=[01]$`),
    )
    expect(await callOnce(replica.port, 'SET', 'a', 'b')).toMatchObject({
      message: expect.stringMatching(/^READONLY /),
    })
    expect((await callOnce(primary.port, 'ROLE')) as RespValue[]).toEqual([
      'master',
      expect.any(Number),
      [['127.0.0.1', String(replica.port), expect.any(String)]],
    ])
    expect((await callOnce(replica.port, 'ROLE')) as RespValue[]).toEqual([
      'slave',
      '127.0.0.1',
      primary.port,
      'connected',
      expect.any(Number),
    ])
  })

  it.each<[Make, Make, Make]>([
    ['vedette', 'vedette', 'redis'],
    ['redis', 'vedette', 'redis'],
    ['vedette', 'redis', 'vedette'],
  ])('%s → %s → %s: a chain, whose middle is promoted', async (...makes) => {
    const [top, middle, bottom] = (await Promise.all(makes.map((make) => start(make)))) as [Running, Running, Running]
    await fill(top, scope, 20_000)
    await follow(middle, top)
    await linkUp(middle)
    const writing = keepWriting(await connectRaw(top.port, { scope }), 3)
    await follow(bottom, middle)
    await linkUp(bottom)
    await writing.stop()
    await sameOffset([top, middle, bottom])
    await expectEqual(top, bottom, scope)
    const id = (await info(top.port, 'replication')).master_replid!
    expect((await info(bottom.port, 'replication')).master_replid).toBe(id)

    // The top dies; the middle takes over and the bottom stays with it, without copying anything again.
    await top.proc.kill()
    const fulls = (await syncs(middle)).full
    expect(await callOnce(middle.port, 'REPLICAOF', 'NO', 'ONE')).toBe('OK')
    const connection = await connectRaw(middle.port, { scope })
    await pipeline(connection, [
      ['SELECT', '3'],
      ['SET', 'after', 'promotion'],
    ])
    await eventually('the bottom follows', async () => {
      const { master_replid, master_link_status } = await info(bottom.port, 'replication')
      return master_link_status === 'up' && master_replid === (await info(middle.port, 'replication')).master_replid
    })
    await sameOffset([middle, bottom])
    await expectEqual(middle, bottom, scope)
    expect((await syncs(middle)).full).toBe(fulls)
    const replication = await info(middle.port, 'replication')
    expect(replication.master_replid2).toBe(id)
    expect(replication.master_replid).not.toBe(id)
  })

  it.each<[Make, Make, Make]>([
    ['vedette', 'vedette', 'redis'],
    ['vedette', 'redis', 'vedette'],
    ['redis', 'vedette', 'vedette'],
  ])(
    '%s with replicas %s and %s: siblings and the old primary follow a promoted replica without a full sync',
    async (...makes) => {
      const [old, heir, sibling] = (await Promise.all(makes.map((make) => start(make)))) as [Running, Running, Running]
      const connection = await connectRaw(old.port, { scope })
      await pipeline(
        connection,
        Array.from({ length: 1000 }, (_, i) => ['SET', `key:${i}`, `v${i}`]),
      )
      await follow(heir, old)
      await follow(sibling, old)
      await Promise.all([linkUp(heir), linkUp(sibling)])
      await pipeline(connection, [
        ['SELECT', '15'],
        ['SET', 'in15', '1'],
        ['INCR', 'in15'],
      ])
      await sameOffset([old, heir, sibling])

      // As a sentinel does it: the old primary writes nothing any more, the heir is promoted, the others are pointed at it.
      await callOnce(heir.port, 'REPLICAOF', 'NO', 'ONE')
      await follow(sibling, heir)
      await follow(old, heir)
      await Promise.all([linkUp(old), linkUp(sibling)])
      const writer = await connectRaw(heir.port, { scope })
      await pipeline(writer, [
        ['SET', 'new', 'primary'],
        ['SELECT', '3'],
        ['SET', 'three', '3'],
      ])
      await sameOffset([old, heir, sibling])
      await expectEqual(heir, old, scope)
      await expectEqual(heir, sibling, scope)
      expect(await syncs(heir)).toMatchObject({ full: 0, partial: 2 })
    },
  )

  it.each(['redis', 'vedette'] as const)(
    'CONFIG RESETSTAT of a %s begins to count synchronizations anew',
    async (make) => {
      const primary = await start(make)
      const replica = await start('vedette')
      await follow(replica, primary)
      await linkUp(replica)
      expect(await syncs(primary)).toMatchObject({ full: 1 })
      for (const { port } of [primary, replica]) await callOnce(port, 'CONFIG', 'RESETSTAT')
      expect(await syncs(primary)).toMatchObject({ full: 0, partial: 0 })
      const { total_net_repl_input_bytes: received } = await info(replica.port, 'stats')
      expect(Number(received)).toBeLessThan(100)
    },
  )

  it('WAIT counts replicas of both makes', async () => {
    const primary = await start('vedette')
    const replicas = await Promise.all([start('redis'), start('vedette')])
    for (const replica of replicas) await follow(replica, primary)
    await Promise.all(replicas.map(linkUp))
    const connection = await connectRaw(primary.port, { scope })
    await connection.call('SET', 'a', '1')
    expect(await connection.call('WAIT', '2', '5000')).toBe(2)
    replicas[0]!.proc.signal('SIGSTOP')
    await connection.call('SET', 'a', '2')
    expect(await connection.call('WAIT', '1', '5000')).toBe(1)
    expect(await connection.call('WAIT', '2', '100')).toBe(1)
    replicas[0]!.proc.signal('SIGCONT')
    expect(await connection.call('WAIT', '2', '5000')).toBe(2)
    await connection.call('CONFIG', 'SET', 'min-replicas-to-write', '3')
    expect(await connection.call('SET', 'a', '3')).toMatchObject({
      message: 'NOREPLICAS Not enough good replicas to write.',
    })
  })

  /** What a replica attached to the server gets of these requests, without what the primary adds by itself. */
  async function streamOf(make: Make, requests: readonly (readonly string[])[]): Promise<string[]> {
    const server = await startServer(scope, { make, args: [...PROMPT, '--enable-debug-command', 'yes'] })
    const replica = await connectRaw(server.port, { scope })
    await replica.raw('REPLCONF', 'capa', 'eof', 'capa', 'psync2')
    replica.send('PSYNC ? -1\r\n')
    const text = (): string => replica.rest().toString('latin1')
    const [, mark] = await eventually('the snapshot is there', () => /\$EOF:(.{40})\r\n[\s\S]*\1/.exec(text()))
    replica.send('REPLCONF ACK 0\r\n')
    const client = await connectRaw(server.port, { scope })
    for (const request of requests) {
      if (request[0] === 'WAIT-MS') await sleep(Number(request[1]))
      else await client.raw(...request)
    }
    await client.raw('SET', 'end', 'end')
    await eventually('the end came', () => text().endsWith('$3\r\nend\r\n$3\r\nend\r\n'))
    const stream = text().slice(text().lastIndexOf(mark!) + 40)
    const words = stream.split(/\*\d+\r\n/).map((one) =>
      one
        .split('\r\n')
        .filter((_, i) => i % 2 === 1)
        .join(' '),
    )
    await server.proc.kill()
    return words.filter((line) => line !== '' && line !== 'PING')
  }

  const expired = (...last: string[][]): string[][] => [
    ['DEBUG', 'SET-ACTIVE-EXPIRE', '0'],
    ['SET', 'a', '1', 'PXAT', '4000000000000'],
    ['PEXPIREAT', 'a', '1000'],
    ['SET', 'b', '1', 'PX', '1'],
    ['SET', 'c', '1', 'PX', '1'],
    ['WAIT-MS', '10'],
    ...last,
  ]
  it.each<[string, string[][]]>([
    ['one write in MULTI', [['MULTI'], ['GET', 'a'], ['SET', 'a', '1'], ['EXEC']]],
    ['two writes in MULTI', [['MULTI'], ['INCR', 'a'], ['GET', 'a'], ['INCR', 'b'], ['EXEC']]],
    ['a message in MULTI', [['MULTI'], ['PUBLISH', 'c', 'm'], ['EXEC']]],
    ['a message and a write in MULTI', [['MULTI'], ['PUBLISH', 'c', 'm'], ['SET', 'a', '1'], ['EXEC']]],
    ['nothing in MULTI', [['MULTI'], ['GET', 'a'], ['DEL', 'a'], ['EXEC']]],
    ['expired keys met by SCAN', expired(['SCAN', '0'])],
    ['expired keys met by MGET', expired(['MGET', 'b', 'c'])],
    ['expired keys met by GET in MULTI', expired(['MULTI'], ['GET', 'b'], ['GET', 'c'], ['EXEC'])],
    ['one expired key met in MULTI', expired(['MULTI'], ['GET', 'b'], ['EXEC'])],
    ['an expired key that is overwritten', expired(['INCR', 'b'])],
  ])('replicates %s in the same form', async (_, requests) => {
    const sorted = (lines: string[]): string[] => (requests.at(-1)![0] === 'SCAN' ? lines.sort() : lines)
    const stable = (lines: string[]): string[] => lines.map((line) => line.replace(/PXAT \d+/i, 'PXAT #'))
    const [theirs, ours] = [await streamOf('redis', requests), await streamOf('vedette', requests)]
    expect(theirs.at(-1)).toBe('SET end end')
    // Ours names the database before MULTI, theirs behind it.
    const withoutSelect = (lines: string[]): string[] => lines.filter((line) => line !== 'SELECT 0')
    expect(sorted(withoutSelect(stable(ours)))).toEqual(sorted(withoutSelect(stable(theirs))))
  })

  it.each<[Make, Make]>([
    ['vedette', 'redis'],
    ['redis', 'vedette'],
    ['vedette', 'vedette'],
  ])('%s → %s: after a primary is stopped and started its replica goes on', async (primaryMake, replicaMake) => {
    const primary = await startServer(scope, { make: primaryMake, args: [...PROMPT, '--save', '3600 1'] })
    const replica = await start(replicaMake)
    await follow(replica, primary)
    await linkUp(replica)
    const writer = await connectRaw(primary.port, { scope })
    await pipeline(writer, [
      ['SELECT', '6'],
      ['SET', 'kept', '1'],
      ['SET', 'dies', '1', 'PX', '500'],
      ['WAIT', '1', '5000'],
    ])
    await primary.proc.stop()
    await sleep(600)
    await primary.restart()
    await linkUp(replica)
    await sameOffset([primary, replica])
    expect(await syncs(primary)).toMatchObject({ full: 0, partial: 1 })
    expect(await expectEqual(primary, replica, scope)).toBe(1)
  })

  it('a Vedette replica of a Redis whose commands it does not know is never a candidate until it has all data again', async () => {
    // A command that has another name there is replicated under that name.
    const primary = await start('redis', ['--rename-command', 'APPEND', 'ATTACH'])
    const replica = await start('vedette')
    await follow(replica, primary)
    await linkUp(replica)
    expect(await info(replica.port, 'replication')).toMatchObject({ slave_priority: '100', replica_complete: '1' })
    await eventually('it is no candidate', async () => {
      await callOnce(primary.port, 'ATTACH', 'key', 'x')
      const { slave_priority, replica_complete } = await info(replica.port, 'replication')
      return slave_priority === '0' && replica_complete === '0'
    })
    await callOnce(primary.port, 'SET', 'known', '1')
    await eventually('it has all data', async () => (await info(replica.port)).replica_complete === '1')
    await sameOffset([primary, replica])
    await expectEqual(primary, replica, scope)
  })

  it('FAILOVER hands the role to redis-server, which hands it back', async () => {
    const [ours, theirs] = [await start('vedette'), await start('redis')]
    await callOnce(ours.port, 'SET', 'k', '1')
    await follow(theirs, ours)
    await linkUp(theirs)
    const roles = async (): Promise<(string | undefined)[]> =>
      Promise.all([ours, theirs].map(async ({ port }) => (await info(port, 'replication')).role))
    for (const [from, to] of [
      [ours, theirs],
      [theirs, ours],
    ] as const) {
      await eventually('the replica is online', async () =>
        /state=online/.test((await info(from.port, 'replication')).slave0 ?? ''),
      )
      await callOnce(from.port, 'INCR', 'k')
      expect(await callOnce(from.port, 'FAILOVER', 'TO', '127.0.0.1', String(to.port), 'TIMEOUT', '10000')).toBe('OK')
      await eventually(
        'the failover is over',
        async () => (await info(from.port, 'replication')).master_failover_state === 'no-failover',
        { timeoutMs: 15_000 },
      )
      expect(await roles()).toEqual(from === ours ? ['slave', 'master'] : ['master', 'slave'])
      await linkUp(from)
    }
    expect(await callOnce(ours.port, 'INCR', 'k')).toBe(4)
    await sameOffset([ours, theirs])
    expect(await callOnce(theirs.port, 'GET', 'k')).toBe('4')
    expect([await syncs(ours), await syncs(theirs)]).toEqual([
      { full: 1, partial: 1 },
      { full: 0, partial: 1 },
    ])
  })

  it('FAILOVER is refused in the words of redis-server', async () => {
    const servers = [await start('vedette'), await start('redis')]
    for (const request of [
      ['ABORT'],
      [],
      ['ABORT', 'FORCE'],
      ['TIMEOUT'],
      ['TIMEOUT', 'x'],
      ['TIMEOUT', '0'],
      ['TIMEOUT', '-1'],
      ['TIMEOUT', '1', 'TIMEOUT', '2'],
      ['TO', 'h'],
      ['TO', 'h', 'p'],
      ['TO', 'h', '1', 'FORCE'],
      ['FORCE', 'FORCE'],
      ['FORCE', 'TIMEOUT', '100'],
      ['NOW'],
    ]) {
      const [ours, theirs] = await Promise.all(servers.map(({ port }) => callOnce(port, 'FAILOVER', ...request)))
      expect([request, ours]).toEqual([request, theirs])
      expect(ours).toBeInstanceOf(RespError)
    }
  })
})

/** No delay before a full sync. */
const PROMPT = ['--repl-diskless-sync-delay', '0']
