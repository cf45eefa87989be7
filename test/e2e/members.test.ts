// How sentinels become and stay one group, on real processes: told one by one, with folders lost or copied, names that do not
// resolve, ports that are taken, hellos that somebody invents, and one that is gone before there is a group.
import { cpSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { generatePeerKey } from '../../src/io/gossip/identity.ts'
import { groupOf } from '../../src/sentinel/formation.ts'
import { failedOver, formed, type Lined, launch, monitor, NAME, PATIENT, startLined } from '../support/lined.ts'
import { freePort } from '../support/ports.ts'
import { callOnce, connectRaw, info, RespError, record } from '../support/resp.ts'
import { createScope, type Scope } from '../support/scope.ts'
import { type Running, startServer, vedette } from '../support/servers.ts'
import { eventually, sleep, within } from '../support/wait.ts'

let scope: Scope
const running: Lined[] = []
beforeEach(({ onTestFailed }) => {
  scope = createScope()
  running.length = 0
  // What the sentinels said tells more than the assertion that failed.
  onTestFailed(() => {
    for (const { port, proc } of running) console.info(`sentinel ${port}:\n${proc.output().slice(-4_000)}`)
  })
})
afterEach(() => scope.close())

/** Starts a sentinel with just these lines in its file. */
async function sentinel(lines: readonly string[], dir?: string, port?: number): Promise<Lined> {
  const one = await startLined(scope, lines, { ...(dir === undefined ? {} : { dir }), port })
  running.push(one)
  return one
}

const start = (one: Lined): Promise<void> => launch(scope, one)

/** A primary and a replica. */
async function servers(args: readonly string[] = []): Promise<[Running, Running]> {
  const primary = await startServer(scope, { make: 'vedette', args })
  const replica = await startServer(scope, {
    make: 'vedette',
    args: ['--replicaof', '127.0.0.1', String(primary.port), ...args],
  })
  return [primary, replica]
}

const status = async (one: Lined) =>
  JSON.parse(String(await callOnce(one.port, 'SENTINEL', 'VEDETTE-STATUS'))) as {
    group: { id: string } | null
    obstacle: string | null
    raft: { voters: string[] }
  }

const checkQuorum = async (one: Lined): Promise<string> => {
  const reply = await callOnce(one.port, 'SENTINEL', 'CKQUORUM', NAME)
  return reply instanceof RespError ? reply.message : String(reply)
}

it('sentinels that start empty are told one by one, and keep what they were told before there was a group', async () => {
  const [primary, replica] = await servers(['--requirepass', 'secret', '--masterauth', 'secret'])
  const sentinels = await Promise.all([1, 2, 3].map(() => sentinel([])))
  expect((await status(sentinels[0]!)).obstacle).toMatch(/watches nothing/)
  // The first is told long before the others: it has nobody to form a group with.
  for (const one of sentinels) {
    expect(await callOnce(one.port, 'SENTINEL', 'MONITOR', NAME, '127.0.0.1', String(primary.port), '2')).toBe('OK')
    expect(record(await callOnce(one.port, 'SENTINEL', 'MASTER', NAME)).port).toBe(String(primary.port))
    expect(
      await callOnce(one.port, 'SENTINEL', 'SET', NAME, 'auth-pass', 'secret', 'down-after-milliseconds', '1000'),
    ).toBe('OK')
    expect(await callOnce(one.port, 'SENTINEL', 'MONITOR', NAME, '127.0.0.1', String(primary.port), '2')).toBe('OK')
  }
  await formed(sentinels)
  await eventually('each holds the setting', async () => {
    const rows = await Promise.all(sentinels.map((one) => callOnce(one.port, 'SENTINEL', 'MASTER', NAME)))
    return rows.every((row) => record(row)['down-after-milliseconds'] === '1000')
  })
  await primary.proc.kill()
  await failedOver(sentinels, replica.port)
})

it('what a sentinel was told without a group outlives its restart', async () => {
  const [primary] = await servers()
  const one = await sentinel([])
  expect(await callOnce(one.port, 'SENTINEL', 'MONITOR', NAME, '127.0.0.1', String(primary.port), '2')).toBe('OK')
  expect(await callOnce(one.port, 'SENTINEL', 'SET', NAME, 'parallel-syncs', '7')).toBe('OK')
  await one.proc.kill()
  await start(one)
  const row = record(await callOnce(one.port, 'SENTINEL', 'MASTER', NAME))
  expect([row.port, row['parallel-syncs']]).toEqual([String(primary.port), '7'])
})

it('three with a quorum of 1 become one group, not three', async () => {
  const [primary, replica] = await servers()
  const sentinels = await Promise.all([1, 2, 3].map(() => sentinel(monitor(primary.port, 1))))
  await formed(sentinels)
  const groups = await Promise.all(sentinels.map(async (one) => (await status(one)).group?.id))
  expect(new Set(groups).size).toBe(1)
  await primary.proc.kill()
  await failedOver(sentinels, replica.port)
})

it('four of five form the group when the fifth dies before there is one', async () => {
  const [primary, replica] = await servers()
  const living = await Promise.all([1, 2, 3, 4].map(() => sentinel(monitor(primary.port, 3))))
  const dead = await sentinel(monitor(primary.port, 3))
  await dead.proc.kill()
  for (const one of living) {
    await eventually(
      `the sentinel on ${one.port} can decide`,
      async () => (await checkQuorum(one)).startsWith('OK'),
      PATIENT,
    )
  }
  await eventually('all know the replica', () =>
    Promise.all(living.map((one) => isKnown(one, replica))).then((all) => all.every(Boolean)),
  )
  await primary.proc.kill()
  await failedOver(living, replica.port)
})

async function isKnown(one: Lined, replica: Running): Promise<boolean> {
  const rows = await callOnce(one.port, 'SENTINEL', 'REPLICAS', NAME)
  return Array.isArray(rows) && rows.some((row) => record(row).port === String(replica.port))
}

it('without volumes they are replaced one after another, and each takes its own old place', async () => {
  const [primary, replica] = await servers()
  const sentinels = await Promise.all(
    [0, 1, 2].map((i) => sentinel([...monitor(primary.port, 2), `announce-id pod-${i}`])),
  )
  await formed(sentinels)
  for (const one of [...sentinels, sentinels[0]!]) {
    await one.proc.kill()
    rmSync(one.dir, { recursive: true })
    const lines = [...one.lines]
    const fresh = await sentinel(lines, scope.tempDir(), one.port)
    Object.assign(one, { dir: fresh.dir, proc: fresh.proc })
    await eventually(
      `pod on ${one.port} has its place back`,
      async () => {
        const states = await Promise.all(sentinels.map(status))
        const [first] = states
        return (
          states.every(({ raft }) => raft.voters.length === 3 && raft.voters.join() === first!.raft.voters.join()) &&
          (await Promise.all(sentinels.map(checkQuorum))).every((text) => text.startsWith('OK 3'))
        )
      },
      { ...PATIENT, timeoutMs: 90_000 },
    )
  }
  await formed(sentinels)
  await primary.proc.kill()
  await failedOver(sentinels, replica.port)
})

it('a copied folder is found out: each of the three says who shares its key', async () => {
  const [primary] = await servers()
  const first = await sentinel(monitor(primary.port, 2))
  await sleep(500)
  await first.proc.kill()
  const others = [scope.tempDir(), scope.tempDir()]
  for (const dir of others) {
    for (const file of ['peer.key', STATE]) cpSync(join(first.dir, file), join(dir, file))
  }
  const copies = [first, ...(await Promise.all(others.map((dir) => sentinel(monitor(primary.port, 2), dir))))]
  await start(first)
  for (const one of copies) {
    const ports = copies.filter((other) => other !== one).map(({ port }) => port)
    const said = new RegExp(`The sentinel at 127\\.0\\.0\\.1:(${ports.join('|')}) announces the peer ID of this one`)
    await within(20_000, `${one.port} says who shares its key`, one.proc.waitForOutput(said))
    expect(await checkQuorum(one)).toMatch(/announces the peer ID of this one/)
  }
})

const STATE = 'state.log'

it('restarts from its state while the name in its file does not resolve', async () => {
  const [primary, replica] = await servers()
  const sentinels = await Promise.all([1, 2, 3].map(() => sentinel(monitor(primary.port, 2, 'localhost'))))
  await formed(sentinels)
  for (const one of sentinels) {
    await one.proc.kill()
    one.lines = monitor(primary.port, 2, 'gone.invalid')
  }
  for (const one of sentinels) await start(one)
  expect(sentinels[0]!.proc.output()).toContain("Can't resolve instance hostname: gone.invalid")
  await formed(sentinels)
  await primary.proc.kill()
  await failedOver(sentinels, replica.port)
})

it('names no primary after a restart before it has heard the leader, and never the old one', async () => {
  const [primary, replica] = await servers()
  const sentinels = await Promise.all([1, 2, 3].map(() => sentinel(monitor(primary.port, 2))))
  await formed(sentinels)
  const [late, ...others] = sentinels as [Lined, ...Lined[]]
  await late.proc.kill()
  await primary.proc.kill()
  await failedOver(others, replica.port)
  const named = new Set<string>()
  const started = start(late)
  await eventually(
    'it names the new primary',
    async () => {
      const reply = await callOnce(late.port, 'SENTINEL', 'GET-MASTER-ADDR-BY-NAME', NAME)
      if (Array.isArray(reply)) named.add(String(reply[1]))
      return named.has(String(replica.port))
    },
    { timeoutMs: 40_000, intervalMs: 2 },
  )
  await started
  expect([...named]).toEqual([String(replica.port)])
})

it('that was reset away while it was down comes back, although the primary that it knew is dead', async () => {
  const [primary, replica] = await servers()
  const third = await startServer(scope, { make: 'vedette', args: ['--replicaof', '127.0.0.1', String(primary.port)] })
  const sentinels = await Promise.all([1, 2, 3].map(() => sentinel(monitor(primary.port, 2))))
  await formed(sentinels, 2)
  const [late, ...others] = sentinels as [Lined, ...Lined[]]
  await late.proc.kill()
  await third.proc.kill()
  await eventually(
    'the others miss it',
    async () => (await Promise.all(others.map(checkQuorum))).every((text) => text.includes('2 usable')),
    PATIENT,
  )
  await eventually(
    'the reset is taken',
    async () => (await callOnce(others[0]!.port, 'SENTINEL', 'RESET', NAME)) === 1,
    PATIENT,
  )
  await eventually('it is no member any more', async () => (await status(others[0]!)).raft.voters.length === 2, PATIENT)
  await eventually('the replica is known again', () => isKnown(others[0]!, replica), PATIENT)
  await primary.proc.kill()
  await failedOver(others, replica.port)
  await start(late)
  await failedOver([late], replica.port)
  await eventually('it votes again', async () => (await status(late)).raft.voters.length === 3, PATIENT)
})

it('told the address of a replica, they find its primary', async () => {
  const [primary, replica] = await servers()
  const sentinels = await Promise.all([1, 2, 3].map(() => sentinel(monitor(replica.port, 2))))
  await formed(sentinels)
  await failedOver(sentinels, primary.port)
  const said = sentinels.filter((one) => one.proc.output().includes('was named as the primary of m, but is a replica'))
  expect(said.length).toBeGreaterThan(0)
})

it('whose HTTP port is taken ends before anybody has heard of it', async () => {
  const [primary] = await servers()
  const holder = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => holder.once('listening', resolve))
  const { port: taken } = holder.address() as { port: number }
  const two = await Promise.all([1, 2].map(() => sentinel(monitor(primary.port, 2))))
  const dir = scope.tempDir()
  const conf = join(dir, 'sentinel.conf')
  const lines = [
    `port ${await freePort()}`,
    `dir ${dir}`,
    'bind 127.0.0.1',
    `http-port ${taken}`,
    ...monitor(primary.port, 2),
  ]
  writeFileSync(conf, `${lines.join('\n')}\n`)
  const third = vedette(scope, ['sentinel', conf])
  expect((await within(15_000, 'it ends', third.exited)).code).toBe(1)
  expect(third.output()).toContain(`Could not listen on port ${taken}: another process uses it`)
  await sleep(1_000)
  holder.close()
  for (const one of two) expect(await callOnce(one.port, 'SENTINEL', 'SENTINELS', NAME)).toHaveLength(1)
})

it('a thousand invented hellos a second bind nobody, write nothing, and do not keep the group from forming', async () => {
  const [primary] = await servers()
  const client = await connectRaw(primary.port, { scope })
  let invented = 0
  let stop = false
  const peers = Array.from({ length: 500 }, () => generatePeerKey().peerId)
  const flood = (async () => {
    while (!stop) {
      const batch: Promise<unknown>[] = []
      for (let i = 0; i < 10; i++) {
        const peer = peers[invented % peers.length]!
        const at = { host: '127.0.0.1', port: 1 + (invented % 60_000) }
        const group = invented % 2 === 0 ? undefined : groupOf([peer])
        const hello = {
          v: 1,
          runId: 'f'.repeat(40),
          peer,
          gossip: at,
          resp: at,
          group,
          view: [],
          watches: [NAME],
          epoch: 9,
        }
        batch.push(client.call('PUBLISH', '__vedette__:hello', JSON.stringify(hello)))
        invented++
      }
      await Promise.all(batch)
      await sleep(10)
    }
  })()
  const sentinels = await Promise.all([1, 2, 3].map(() => sentinel(monitor(primary.port, 2))))
  await formed(sentinels)
  await sleep(1_000)
  const written = () => sentinels.reduce((sum, one) => sum + statSync(join(one.dir, STATE)).size, 0)
  const before = written()
  await sleep(3_000)
  // An election may write a little.
  expect(written() - before).toBeLessThan(4_096)
  stop = true
  await flood
  expect(invented).toBeGreaterThan(2_000)
  for (const one of sentinels) expect(await checkQuorum(one)).toMatch(/^OK 3/)
  expect((await info(primary.port, 'replication')).role).toBe('master')
})
