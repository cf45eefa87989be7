// A primary that is monitored by name and restarts under the same name at another IP, as a pod does; as a suite that runs over
// servers of either make. The loopback addresses are real ones, and so is the look-up of the name.
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { linkUp } from './group.ts'
import { createHosts, type Hosts, NO_HOSTS } from './hosts.ts'
import { announced, formed, type Lined, monitor, NAME, PATIENT, startLined } from './lined.ts'
import { callOnce, info, RespError, record } from './resp.ts'
import { createScope, type Scope } from './scope.ts'
import { type Make, type Running, startServer } from './servers.ts'
import { eventually } from './wait.ts'

const HOST = 'primary.test'
const [OLD, NEW] = ['127.0.0.2', '127.0.0.3']

export function renamedSuite(servers: Make): void {
  if (NO_HOSTS !== undefined) console.warn(`SKIPPED, a primary that is monitored by name: ${NO_HOSTS}`)

  describe.skipIf(NO_HOSTS !== undefined)(
    `a primary that is monitored by name and gets a new IP (servers: ${servers})`,
    () => {
      let scope: Scope
      let hosts: Hosts
      let primary: Running
      let replica: Running
      let sentinels: Lined[]
      beforeEach(async ({ onTestFailed }) => {
        scope = createScope()
        sentinels = []
        onTestFailed(() => {
          for (const { port, proc } of sentinels) console.info(`sentinel ${port}:\n${proc.output().slice(-6_000)}`)
        })
        hosts = createHosts(scope)
        hosts.set(HOST, OLD)
        const { under } = hosts
        primary = await startServer(scope, { make: servers, under, args: primaryArgs(OLD) })
        replica = await startServer(scope, {
          make: servers,
          under,
          args: [...ARGS[servers], '--replicaof', HOST, `${primary.port}`],
        })
        await eventually('the replica is in sync', async () => (await info(replica.port)).master_link_status === 'up')
        const lines = ['sentinel resolve-hostnames yes', ...monitor(primary.port, 2, HOST)]
        sentinels = await Promise.all([1, 2, 3].map(() => startLined(scope, lines, { under })))
        await formed(sentinels)
        expect(await callOnce(primary.port, 'SET', 'a', '1')).toBe('OK')
        expect(await callOnce(primary.port, 'SAVE')).toBe('OK')
      })
      afterEach(() => scope.close())

      /** As a replica it calls itself by its name, as those of the chart do. */
      const primaryArgs = (ip: string): string[] => [
        ...ARGS[servers],
        ...['--replica-announce-ip', HOST, '--bind', '127.0.0.1', ip],
      ]
      const allAnnounce = (address: string): Promise<unknown> =>
        Promise.all(
          sentinels.map((one) =>
            eventually(`${one.port} announces ${address}`, async () => (await announced(one)) === address, PATIENT),
          ),
        )

      it('follows the one that took its place meanwhile: there are never two that take writes for good', async () => {
        await primary.proc.kill()
        await allAnnounce(`127.0.0.1:${replica.port}`)
        hosts.set(HOST, NEW)
        await primary.restart(primaryArgs(NEW))
        await eventually(
          'it follows',
          async () => (await info(primary.port)).master_port === `${replica.port}`,
          PATIENT,
        )
        await linkUp(primary, replica.port)
        expect(await callOnce(primary.port, 'SET', 'a', '2')).toBeInstanceOf(RespError)
        expect(await callOnce(replica.port, 'SET', 'a', '3')).toBe('OK')
        await allAnnounce(`127.0.0.1:${replica.port}`)
        // It stands among the replicas once: where it is now, although it calls itself by its name.
        await eventually(
          'it is listed once',
          async () => {
            const rows = await callOnce(sentinels[0]!.port, 'SENTINEL', 'REPLICAS', NAME)
            return Array.isArray(rows) && rows.map((row) => record(row).name).join() === `${NEW}:${primary.port}`
          },
          PATIENT,
        )
        await eventually('the switch back is taken', async () => {
          await allAnnounce(`127.0.0.1:${replica.port}`)
          return (await callOnce(sentinels[0]!.port, 'SENTINEL', 'FAILOVER', NAME)) === 'OK'
        })
        await allAnnounce(`${NEW}:${primary.port}`)
        await linkUp(replica, primary.port)
        expect(await callOnce(primary.port, 'SET', 'a', '4')).toBe('OK')
      })

      it('is the primary still when nobody could take its place', async () => {
        expect(await callOnce(replica.port, 'CONFIG', 'SET', 'replica-priority', '0')).toBe('OK')
        await primary.proc.kill()
        hosts.set(HOST, NEW)
        await primary.restart(primaryArgs(NEW))
        await allAnnounce(`${NEW}:${primary.port}`)
        expect((await info(primary.port)).role).toBe('master')
        await eventually(
          'the replica has found it',
          async () => (await info(replica.port)).master_link_status === 'up',
          PATIENT,
        )
        expect(await callOnce(primary.port, 'SET', 'a', '2')).toBe('OK')
        await eventually(
          'and has what is written there',
          async () => (await callOnce(replica.port, 'GET', 'a')) === '2',
          PATIENT,
        )
      })
    },
  )
}

const ARGS: Record<Make, readonly string[]> = {
  redis: ['--repl-diskless-sync-delay', '0', '--save', '3600 1'],
  vedette: ['--save', '3600 1'],
}
