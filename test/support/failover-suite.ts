// The main job, end to end, as a suite that runs over servers of either make: what a user sees when a primary is killed, frozen or
// handed over, when too few sentinels live, and when sentinels restart.
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { announcedPort, type Group, isFormed, startGroup } from './group.ts'
import { callOnce, info, RespError, record } from './resp.ts'
import { createScope, type Scope } from './scope.ts'
import type { Make, Running } from './servers.ts'
import { eventually, sleep } from './wait.ts'
import { watchAnnouncements, watchEvents } from './watch.ts'
import { lostWrites, startWriter } from './writer.ts'

const DOWN_AFTER_MS = 1000

/** Every sentinel announces one same port, another than `oldPort`. */
async function switchedFrom(oldPort: number, sentinels: readonly Running[], name: string): Promise<number> {
  return eventually(
    `all sentinels announce another primary than ${oldPort}`,
    async () => {
      const ports = await Promise.all(sentinels.map((sentinel) => announcedPort(sentinel, name)))
      return ports.every((port) => port === ports[0] && port !== oldPort) ? ports[0] : undefined
    },
    { timeoutMs: 20_000 },
  )
}

async function replicatesFrom(replicaPort: number, primaryPort: number): Promise<void> {
  await eventually(
    `${replicaPort} replicates from ${primaryPort}`,
    async () => {
      const seen = await info(replicaPort, 'replication')
      return seen.role === 'slave' && seen.master_port === String(primaryPort) && seen.master_link_status === 'up'
    },
    { timeoutMs: 30_000 },
  )
}

async function formed(sentinels: readonly Running[], name: string, replicas = 2): Promise<void> {
  for (const sentinel of sentinels) {
    await eventually(
      `sentinel ${sentinel.port} sees the whole group`,
      () => isFormed(sentinel, name, replicas, sentinels.length - 1),
      { timeoutMs: 30_000 },
    )
  }
}

export function failoverSuite(servers: Make): void {
  describe(`three sentinels over a primary and two replicas (${servers})`, () => {
    let scope: Scope
    let group: Group
    let oldPort: number
    beforeEach(async ({ onTestFailed }) => {
      scope = createScope()
      // What the sentinels said tells more than the assertion that failed.
      onTestFailed(() => {
        for (const { proc } of group.sentinels)
          console.info(`${proc.name}, pid ${proc.pid}:\n${proc.output().slice(-6000)}`)
      })
      group = await startGroup(scope, { servers, sentinels: 'vedette', downAfterMs: DOWN_AFTER_MS })
      oldPort = group.servers[0]!.port
    })
    afterEach(() => scope.close())

    it('replace a killed primary; the client goes on; the old primary returns as a replica', async () => {
      const events = await watchEvents(scope, group.sentinels)
      const announcements = watchAnnouncements(scope, group)
      const writer = startWriter(scope, group.sentinels, group.name)
      await eventually('the client writes', () => writer.acks.length > 200)

      const killedMs = performance.now()
      await group.serverAt(oldPort).proc.kill()
      const newPort = await switchedFrom(oldPort, group.sentinels, group.name)
      await eventually('the client writes again', () => (writer.acks.at(-1)?.atMs ?? 0) > killedMs + 100, {
        timeoutMs: 20_000,
      })
      expect((await callOnce(newPort, 'ROLE')) as unknown[]).toContain('master')

      // Nothing was announced before it was so, and nothing but the one new primary.
      const changes = announcements.filter(({ atMs }) => atMs > killedMs)
      expect(changes.map(({ port, role }) => ({ port, role }))).toEqual(
        group.sentinels.map(() => ({ port: newPort, role: 'master' })),
      )
      await eventually('every sentinel publishes +switch-master', () =>
        group.sentinels.every(({ port }) =>
          events.some((event) => event.sentinelPort === port && event.channel === '+switch-master'),
        ),
      )
      const switches = events.filter(({ channel }) => channel === '+switch-master')
      expect(switches.map(({ message }) => message)).toEqual(
        group.sentinels.map(() => `${group.name} 127.0.0.1 ${oldPort} 127.0.0.1 ${newPort}`),
      )
      expect(
        events.some(
          ({ channel, message }) =>
            channel === '+odown' && message.startsWith(`master ${group.name} 127.0.0.1 ${oldPort}`),
        ),
      ).toBe(true)

      const third = group.servers.find(({ port }) => port !== oldPort && port !== newPort)!
      await replicatesFrom(third.port, newPort)
      await group.serverAt(oldPort).restart()
      await replicatesFrom(oldPort, newPort)
      await formed(group.sentinels, group.name)
      await writer.stop()
      // What the client was told is there after the switch is there on the returned server too.
      const after = writer.acks.filter(({ atMs }) => atMs > killedMs + 50)
      expect(after.length).toBeGreaterThan(50)
      expect(await lostWrites(newPort, after)).toEqual([])
      await eventually('the returned replica has it all', async () => (await lostWrites(oldPort, after)).length === 0)
      console.info(`${servers}: killed; longest gap ${writer.longestGap(killedMs).ms.toFixed(0)} ms`)
    })

    it('replace a second primary, after the first has returned as a replica', async () => {
      await group.serverAt(oldPort).proc.kill()
      const second = await switchedFrom(oldPort, group.sentinels, group.name)
      await group.serverAt(oldPort).restart()
      await replicatesFrom(oldPort, second)
      await formed(group.sentinels, group.name)
      const epochBefore = Number(
        record(await callOnce(group.sentinels[0]!.port, 'SENTINEL', 'MASTER', group.name))['config-epoch'],
      )

      await group.serverAt(second).proc.kill()
      const third = await switchedFrom(second, group.sentinels, group.name)
      expect((await info(third, 'replication')).role).toBe('master')
      const epochAfter = Number(
        record(await callOnce(group.sentinels[0]!.port, 'SENTINEL', 'MASTER', group.name))['config-epoch'],
      )
      expect(epochAfter).toBeGreaterThan(epochBefore)
    })

    it('replace a frozen primary, which is demoted when it thaws', async () => {
      const writer = startWriter(scope, group.sentinels, group.name)
      await eventually('the client writes', () => writer.acks.length > 200)
      const frozenMs = performance.now()
      group.serverAt(oldPort).proc.signal('SIGSTOP')
      const newPort = await switchedFrom(oldPort, group.sentinels, group.name)
      await eventually('the client writes again', () => (writer.acks.at(-1)?.atMs ?? 0) > frozenMs + DOWN_AFTER_MS, {
        timeoutMs: 20_000,
      })
      group.serverAt(oldPort).proc.signal('SIGCONT')
      await replicatesFrom(oldPort, newPort)
      console.info(`${servers}: frozen; longest gap ${writer.longestGap(frozenMs).ms.toFixed(0)} ms`)
    })

    it('hand over on SENTINEL FAILOVER', async () => {
      const writer = startWriter(scope, group.sentinels, group.name)
      await eventually('the client writes', () => writer.acks.length > 200)
      const askedMs = performance.now()
      expect(await callOnce(group.sentinels[1]!.port, 'SENTINEL', 'FAILOVER', group.name)).toBe('OK')
      const newPort = await switchedFrom(oldPort, group.sentinels, group.name)
      await replicatesFrom(oldPort, newPort)
      await eventually('the client writes again', () => (writer.acks.at(-1)?.atMs ?? 0) > askedMs + 500, {
        timeoutMs: 20_000,
      })
      await writer.stop()
      const lost = await lostWrites(newPort, writer.acks)
      console.info(
        `${servers}: handed over; gap ${writer.longestGap(askedMs).ms.toFixed(0)} ms, ${lost.length} of ${writer.acks.length} lost`,
      )
    })

    it('promote nothing while a minority lives, say why, and go on when a majority is back', async () => {
      const [alone, ...others] = group.sentinels as [Running, ...Running[]]
      for (const sentinel of others) await sentinel.proc.kill()
      await group.serverAt(oldPort).proc.kill()
      await sleep(DOWN_AFTER_MS + 3000)
      for (const { port } of group.servers.slice(1)) expect((await info(port, 'replication')).role).toBe('slave')
      expect(await announcedPort(alone, group.name)).toBe(oldPort)
      const verdict = await callOnce(alone.port, 'SENTINEL', 'CKQUORUM', group.name)
      expect(verdict).toBeInstanceOf(RespError)
      expect((verdict as RespError).message).toMatch(/^NOQUORUM .*usable Sentinels/)

      for (const sentinel of others) await sentinel.restart()
      const newPort = await switchedFrom(oldPort, group.sentinels, group.name)
      expect((await info(newPort, 'replication')).role).toBe('master')
    })

    it('rejoin after a restart with what they knew', async () => {
      const ids = await Promise.all(group.sentinels.map(({ port }) => callOnce(port, 'SENTINEL', 'MYID')))
      await group.serverAt(oldPort).proc.kill()
      const newPort = await switchedFrom(oldPort, group.sentinels, group.name)

      await group.sentinels[0]!.restart()
      expect(await callOnce(group.sentinels[0]!.port, 'SENTINEL', 'MYID')).toBe(ids[0])
      await eventually(
        'it announces the promoted server',
        async () => (await announcedPort(group.sentinels[0]!, group.name)) === newPort,
      )

      // All of them at once: nobody is left to ask, what they know comes from their folders.
      for (const sentinel of group.sentinels) await sentinel.proc.kill()
      for (const sentinel of group.sentinels) await sentinel.restart()
      expect(await Promise.all(group.sentinels.map(({ port }) => callOnce(port, 'SENTINEL', 'MYID')))).toEqual(ids)
      for (const sentinel of group.sentinels) {
        await eventually(
          'it announces the promoted server',
          async () => (await announcedPort(sentinel, group.name)) === newPort,
        )
      }
      await group.serverAt(oldPort).restart()
      await replicatesFrom(oldPort, newPort)
      await formed(group.sentinels, group.name)
    })
  })
}
