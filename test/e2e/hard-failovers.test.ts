// Failovers in which something else goes wrong, on real processes: an order at the wrong moment, a leader that dies, a primary that
// comes to in the middle, a replica that has copied only half.
import { afterEach, beforeEach, expect, it } from 'vitest'
import { announcedPort, type Group, isFormed, startGroup } from '../support/group.ts'
import { pipeline } from '../support/replicated.ts'
import { callOnce, connectRaw, info, RespError, type RespValue, record } from '../support/resp.ts'
import { createScope, type Scope } from '../support/scope.ts'
import { type Running, startServer, vedette } from '../support/servers.ts'
import { eventually, sleep } from '../support/wait.ts'
import { lostWrites, startWriter } from '../support/writer.ts'

let scope: Scope
let group: Group
beforeEach(({ onTestFailed }) => {
  scope = createScope()
  onTestFailed(() => {
    for (const { proc } of group.sentinels) console.info(`${proc.name}:\n${proc.output().slice(-6_000)}`)
  })
})
afterEach(() => scope.close())

const PATIENT = { timeoutMs: 30_000, intervalMs: 20 }

async function form(replicas = 2, serverArgs: readonly string[] = []): Promise<Running> {
  group = await startGroup(scope, { servers: 'vedette', sentinels: 'vedette', downAfterMs: 1000, replicas, serverArgs })
  await eventually('each sentinel knows what each replica has', async () => {
    const lists = await Promise.all(
      group.sentinels.map(({ port }) => callOnce(port, 'SENTINEL', 'REPLICAS', group.name)),
    )
    return lists.every((list) => (list as RespValue[]).every((row) => record(row)['master-link-status'] === 'ok'))
  })
  // And until the leader has committed that.
  await sleep(500)
  return group.servers[0]!
}

const leader = (): Promise<Running> =>
  eventually('a leader', async () => {
    for (const one of group.sentinels) {
      const status = JSON.parse(String(await callOnce(one.port, 'SENTINEL', 'VEDETTE-STATUS'))) as {
        raft: { role: string }
      }
      if (status.raft.role === 'leader') return one
    }
    return undefined
  })

/** What these sentinels all name. */
const agreed = (by: readonly Running[]): Promise<number> =>
  eventually(
    'they name the same',
    async () => {
      const ports = await Promise.all(by.map((one) => announcedPort(one, group.name)))
      return new Set(ports).size === 1 ? ports[0] : undefined
    },
    PATIENT,
  )

const replaced = (old: Running, by: readonly Running[]): Promise<unknown> =>
  eventually('another is named', async () => (await agreed(by)) !== old.port, PATIENT)

it('the new address is never shown as that of a failover in progress', async () => {
  const old = await form()
  const seen: string[] = []
  let watching = true
  const watch = group.sentinels.map(async ({ port }) => {
    const connection = await connectRaw(port, { scope })
    while (watching) {
      const { port: shown, flags } = record(await connection.call('SENTINEL', 'MASTER', group.name))
      seen.push(`${shown} ${flags}`)
    }
  })
  // Refused as long as it is not known of every replica how much it has.
  await eventually(
    'the order is taken',
    async () => (await callOnce(group.sentinels[0]!.port, 'SENTINEL', 'FAILOVER', group.name)) === 'OK',
  )
  await replaced(old, group.sentinels)
  await sleep(1_000)
  watching = false
  await Promise.all(watch)
  expect(seen.some((one) => one.startsWith(`${old.port} `))).toBe(true)
  expect(seen.filter((one) => !one.startsWith(`${old.port} `) && one.includes('failover_in_progress'))).toEqual([])
})

it('a frozen primary is replaced although one sentinel was reset before', async () => {
  const old = await form()
  old.proc.signal('SIGSTOP')
  expect(await callOnce(group.sentinels[0]!.port, 'SENTINEL', 'RESET', group.name)).toBe(1)
  await replaced(old, group.sentinels)
})

it('what keeps a group from a failover is one sentence in the log, in the status, and of CKQUORUM', async () => {
  const old = await form(2, ['--replica-priority', '0'])
  await old.proc.kill()
  const [one] = group.sentinels
  const said = /no replica can be promoted/
  await eventually('CKQUORUM says it', async () => {
    const reply = await callOnce(one!.port, 'SENTINEL', 'CKQUORUM', group.name)
    return reply instanceof RespError && said.test(reply.message)
  })
  // A failover that is begun for a moment has another sentence for it, so each is asked until it has this one.
  await eventually('the status says it', async () => {
    const status = vedette(scope, ['status', '--sentinel', `127.0.0.1:${one!.port}`])
    await status.exited
    return /no failover: .*no replica can be promoted.*its priority is 0/.test(status.output())
  })
  await one!.proc.waitForOutput(/No failover of mymaster: .*no replica can be promoted/, 10_000)
})

it('a planned switchover whose leader is killed loses nothing', async () => {
  await form()
  const writer = startWriter(scope, group.sentinels, group.name)
  for (const afterMs of [5, 20, 40]) {
    const dying = await leader()
    const others = group.sentinels.filter((one) => one !== dying)
    const order = await connectRaw(others[0]!.port, { scope })
    order.send(`SENTINEL FAILOVER ${group.name}\r\n`)
    await sleep(afterMs)
    await dying.proc.kill()
    // Longer than writes are held back by one order.
    await sleep(6_000)
    await agreed(others)
    const count = writer.acks.length
    await eventually('the client writes', () => writer.acks.length > count + 100, PATIENT)
    await dying.restart()
    for (const one of group.sentinels)
      await eventually('the group is whole', () => isFormed(one, group.name, 2, 2), PATIENT)
  }
  await writer.stop()
  expect(await lostWrites(await agreed(group.sentinels), writer.acks)).toEqual([])
})

it('a failover that is taken up when the primary is well again is given up, and nothing is lost', async () => {
  const primary = await form()
  const starter = await leader()
  const [frozen, left] = group.sentinels.filter((one) => one !== starter) as [Running, Running]
  // Nobody can be chosen, so that it is under way for a while.
  for (const server of [...group.servers.slice(1), primary]) server.proc.signal('SIGSTOP')
  await starter.proc.waitForOutput(/\+try-failover/, 20_000)
  await starter.proc.kill()
  frozen.proc.signal('SIGSTOP')
  await sleep(2_000)
  for (const server of group.servers) server.proc.signal('SIGCONT')
  await sleep(8_000)
  frozen.proc.signal('SIGCONT')
  // It has no lease before the failover is given up.
  await eventually('it takes writes', async () => (await callOnce(primary.port, 'SET', 'k0', 'v')) === 'OK', PATIENT)
  const client = await connectRaw(primary.port, { scope })
  await pipeline(
    client,
    Array.from({ length: 300 }, (_, i) => ['SET', `k${i}`, 'v']),
  )
  await Promise.race([frozen, left].map(({ proc }) => proc.waitForOutput(/-failover-abort-master-is-back/, 30_000)))
  await sleep(2_000)
  expect(await agreed([frozen, left])).toBe(primary.port)
  expect(await callOnce(primary.port, 'DBSIZE')).toBe(300)
})

it('a replica in the middle of its first copy is not promoted, and the primary comes back with its file', async () => {
  const primary = await form(0, ['--save', '3600 1'])
  const client = await connectRaw(primary.port, { scope })
  await pipeline(
    client,
    Array.from({ length: 4_000 }, (_, i) => ['SET', `k${i}`, 'v']),
  )
  await pipeline(client, [['SAVE'], ['CONFIG', 'SET', 'rdb-key-save-delay', '5000']])
  const replica = await startServer(scope, {
    make: 'vedette',
    args: ['--replicaof', '127.0.0.1', String(primary.port)],
  })
  for (const one of group.sentinels)
    await eventually('the replica is known', () => isFormed(one, group.name, 1, 2), PATIENT)
  await eventually('it copies', async () => (await info(replica.port)).master_sync_in_progress === '1')
  await primary.proc.kill()
  await sleep(4_000)
  expect(await info(replica.port)).toMatchObject({ role: 'slave', replica_complete: '0' })
  await primary.restart()
  await eventually('the replica has it all', async () => (await callOnce(replica.port, 'DBSIZE')) === 4_000, PATIENT)
  expect(await callOnce(primary.port, 'DBSIZE')).toBe(4_000)
  expect(await agreed(group.sentinels)).toBe(primary.port)
})
