// `vedette/testing` as other people's tests use it: a program (here ioredis with the recommended options) that has to live through
// what the group does to it.
import { existsSync, readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { Redis } from 'ioredis'
import { afterEach, describe, expect, it } from 'vitest'
import { ROOT } from '../support/paths.ts'
import { callOnce } from '../support/resp.ts'
import { createScope } from '../support/scope.ts'
import { eventually } from '../support/wait.ts'
import { CLIENT_OPTIONS } from '../support/writer.ts'

type Testing = typeof import('../../src/testing/index.ts')
const built: string = pathToFileURL(join(ROOT, 'dist/testing/index.js')).href
const { startCluster } = (await import(built)) as Testing

const folders = (): string[] => readdirSync(tmpdir()).filter((name) => name.startsWith('vedette-up-'))
const scope = createScope()
afterEach(() => scope.close())

function connect(cluster: Awaited<ReturnType<Testing['startCluster']>>): Redis {
  const client = new Redis({ name: cluster.name, sentinels: [...cluster.sentinels], ...CLIENT_OPTIONS })
  client.on('error', () => {})
  scope.defer(() => client.disconnect())
  return client
}

describe('startCluster', () => {
  it('gives a group that a client lives on with through a kill, a freeze and a switchover', async () => {
    const before = folders()
    const cluster = await startCluster({ downAfterMs: 500 })
    scope.defer(() => cluster.stop())
    expect(cluster.servers).toHaveLength(3)
    expect(cluster.sentinels).toHaveLength(3)
    const client = connect(cluster)
    const first = await cluster.primary()
    expect(await client.set('k', 0)).toBe('OK')

    const killed = await cluster.killPrimary()
    expect(killed.from).toEqual(first)
    expect(killed.to).not.toEqual(first)
    expect(await cluster.primary()).toEqual(killed.to)
    expect(await client.set('k', 1)).toBe('OK')
    await cluster.whole()

    const frozen = await cluster.freeze()
    expect(frozen.from).toEqual(killed.to)
    expect(await client.set('k', 2)).toBe('OK')
    cluster.thaw()
    await cluster.whole()

    const handedOver = await cluster.switchover()
    expect(handedOver.from).toEqual(frozen.to)
    expect(await client.set('k', 3)).toBe('OK')
    await cluster.whole()
    await eventually('every server has the last write', async () => {
      const values = await Promise.all(cluster.servers.map(({ port }) => callOnce(port, 'GET', 'k')))
      return values.every((value) => value === '3')
    })

    await cluster.stop()
    for (const { port } of [...cluster.servers, ...cluster.sentinels])
      await expect(callOnce(port, 'PING')).rejects.toThrow()
    expect(folders().filter((name) => !before.includes(name))).toEqual([])
    await cluster.stop()
  })

  it('leaves nothing behind when its program ends without a word', async () => {
    const program = `
      const { startCluster } = await import(${JSON.stringify(built)})
      const cluster = await startCluster({ replicas: 1, sentinels: 1, log: (line) => console.error(line) })
      console.log(JSON.stringify([...cluster.servers, ...cluster.sentinels].map(({ port }) => port)))
    `
    const before = folders()
    const proc = scope.spawn(process.execPath, ['--input-type=module', '-e', `${program}; process.exit(0)`])
    const [line] = await proc.waitForOutput(/^\[.*\]$/m, 30_000)
    await proc.exited
    for (const port of JSON.parse(line) as number[])
      await eventually(`nobody listens on ${port}`, () =>
        callOnce(port, 'PING').then(
          () => false,
          () => true,
        ),
      )
    await eventually('its folder is gone', () => folders().every((name) => before.includes(name)))
  })

  it('says what it waited for in vain', async () => {
    const cluster = await startCluster({ replicas: 0, sentinels: 1, timeoutMs: 2_000 })
    scope.defer(() => cluster.stop())
    await expect(cluster.switchover()).rejects.toThrow('vedette/testing: no agreement to a switchover within 2000 ms')
    expect(existsSync(join(ROOT, 'dist/testing/index.d.ts'))).toBe(true)
  })
})
