// Addresses that change: everything comes back at other ports with edited files, or a server under its old name at a new IP.
import { afterEach, beforeEach, expect, it } from 'vitest'
import { announcedPort, linkUp } from '../support/group.ts'
import { failedOver, formed, type Lined, launch, monitor, NAME, startLined } from '../support/lined.ts'
import { freePort } from '../support/ports.ts'
import { renamedSuite } from '../support/renamed-suite.ts'
import { callOnce, record } from '../support/resp.ts'
import { createScope, type Scope } from '../support/scope.ts'
import { startServer } from '../support/servers.ts'
import { eventually } from '../support/wait.ts'

let scope: Scope
const running: Lined[] = []
beforeEach(({ onTestFailed }) => {
  scope = createScope()
  running.length = 0
  onTestFailed(() => {
    for (const { port, proc } of running) console.info(`sentinel ${port}:\n${proc.output().slice(-6_000)}`)
  })
})
afterEach(() => scope.close())

const PERSISTENT = ['--save', '3600 1']
const followArgs = (port: number): string[] => ['--replicaof', '127.0.0.1', String(port), ...PERSISTENT]
const keysOn = async ({ port }: { port: number }): Promise<number> => Number(await callOnce(port, 'DBSIZE'))

it.each([
  ['', false],
  [', also after a failover', true],
])(
  'everything comes back at other ports, and the files say which: what they say now holds%s',
  async (_, failedOverBefore) => {
    const first = await startServer(scope, { make: 'vedette', args: PERSISTENT })
    const replicas = await Promise.all(
      [1, 2].map(() => startServer(scope, { make: 'vedette', args: followArgs(first.port) })),
    )
    const servers = [first, ...replicas]
    const sentinels = await Promise.all([1, 2, 3].map(() => startLined(scope, monitor(first.port, 2))))
    running.push(...sentinels)
    await formed(sentinels, 2)
    if (failedOverBefore) {
      // A replica that is still making its first copy is no candidate.
      for (const one of replicas) await linkUp(one, first.port)
      await eventually(
        'the sentinels know that too',
        async () => (await callOnce(sentinels[0]!.port, 'SENTINEL', 'FAILOVER', NAME)) === 'OK',
      )
      await eventually('another primary', async () => (await announcedPort(sentinels[0]!, NAME)) !== first.port)
    }
    const primaryPort = await announcedPort(sentinels[0]!, NAME)
    const primary = servers.find(({ port }) => port === primaryPort)!
    for (let i = 0; i < 100; i++) expect(await callOnce(primaryPort, 'SET', `k${i}`, 'v')).toBe('OK')
    await eventually('all have it all', async () =>
      (await Promise.all(servers.map(keysOn))).every((keys) => keys === 100),
    )
    for (const { port } of servers) expect(await callOnce(port, 'SAVE')).toBe('OK')
    await Promise.all([...sentinels, ...servers].map(({ proc }) => proc.kill()))

    const now = await startServer(scope, { make: 'vedette', dir: primary.dir, args: PERSISTENT })
    const others = await Promise.all(
      servers
        .filter((one) => one !== primary)
        .map(({ dir }) => startServer(scope, { make: 'vedette', dir, args: followArgs(now.port) })),
    )
    for (const one of sentinels) {
      one.port = await freePort()
      one.lines = monitor(now.port, 2)
    }
    const startedMs = performance.now()
    await Promise.all(sentinels.map((one) => launch(scope, one)))
    await failedOver(sentinels, now.port)
    console.info(`named ${(performance.now() - startedMs).toFixed(0)} ms after the start of the sentinels`)
    for (const one of others) await linkUp(one, now.port)

    // It is a group like any other again: the new replicas are known, and one of them takes over.
    await eventually(
      'both replicas are known',
      async () =>
        (await knownPorts(sentinels[0]!)).filter((port) => others.some((one) => one.port === port)).length === 2,
    )
    await now.proc.kill()
    const heir = await eventually('a replica takes over', async () => {
      const port = await announcedPort(sentinels[0]!, NAME)
      return port === now.port ? undefined : port
    })
    expect(others.map(({ port }) => port)).toContain(heir)
    await failedOver(sentinels, heir)
    expect(await keysOn({ port: heir })).toBe(100)
  },
)

async function knownPorts(one: Lined): Promise<number[]> {
  const rows = await callOnce(one.port, 'SENTINEL', 'REPLICAS', NAME)
  return Array.isArray(rows) ? rows.map((row) => Number(record(row).port)) : []
}

renamedSuite('vedette')
