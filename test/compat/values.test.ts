// Values of all types between Vedette and a real redis-server 7.0.15: what one saves the other loads, and a replica of the other
// make is equal, also if its full sync went on while the data changed. Equal means: the digests that DEBUG makes are.
import { execFileSync } from 'node:child_process'
import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { seededRandom } from '../../src/lib/prng.ts'
import { follow, linkUp, pipeline, sameOffset, syncs } from '../support/replicated.ts'
import { callOnce, connectRaw, encodeRequest, info, type RawConnection } from '../support/resp.ts'
import { createScope, type Scope } from '../support/scope.ts'
import { type Make, type Running, startServer } from '../support/servers.ts'
import { TYPED_ARGS, typedChange, typedData } from '../support/typed-data.ts'
import { eventually } from '../support/wait.ts'

const PAIRS: [Make, Make][] = [
  ['vedette', 'redis'],
  ['redis', 'vedette'],
  ['vedette', 'vedette'],
]

describe('values of all types', () => {
  let scope: Scope
  beforeEach(() => {
    scope = createScope()
  })
  afterEach(() => scope.close())
  const start = (make: Make, args: string[] = []): Promise<Running> =>
    startServer(scope, { make, args: [...TYPED_ARGS, '--repl-diskless-sync-delay', '0', ...args] })
  const digest = async (server: Running): Promise<string> => String(await callOnce(server.port, 'DEBUG', 'DIGEST'))

  it.each(PAIRS)('%s → %s in a file', async (from, to) => {
    const writer = await start(from)
    await pipeline(await connectRaw(writer.port, { scope }), typedData())
    expect(await callOnce(writer.port, 'SAVE')).toBe('OK')
    const file = join(writer.dir, 'dump.rdb')
    expect(execFileSync('redis-check-rdb', [file], { encoding: 'utf8' })).toContain('Checksum OK')
    const dir = scope.tempDir()
    copyFileSync(file, join(dir, 'dump.rdb'))
    const reader = await startServer(scope, { make: to, dir, args: TYPED_ARGS })
    expect(await digest(reader)).toBe(await digest(writer))
    for (const key of [
      'list:small:3',
      'list:large',
      'list:long',
      'hash:small:3',
      'hash:table',
      'hash:integers',
      'hash:long',
      'set:small:3',
      'set:small:35',
      'set:integers',
      'set:large',
      'zset:small:3',
      'zset:scores',
      'zset:large',
    ]) {
      const encodings = [writer, reader].map(({ port }) => callOnce(port, 'OBJECT', 'ENCODING', key))
      const [theirs, ours] = await Promise.all(encodings)
      expect(ours).toBe(theirs)
    }
  })

  it.each(PAIRS)('%s → %s by DUMP and RESTORE', async (from, to) => {
    const [source, target] = [await start(from), await start(to)]
    const reading = await connectRaw(source.port, { scope })
    const writing = await connectRaw(target.port, { scope })
    await pipeline(reading, typedData())
    for (const key of ['hash:expires', 'list:expires']) await callOnce(source.port, 'PERSIST', key)
    for (const key of (await callOnce(source.port, 'KEYS', '*')) as string[]) {
      const payload = (await reading.call('DUMP', key)) as string
      expect(await writing.call('RESTORE', key, '0', payload), key).toBe('OK')
    }
    expect(await digest(target)).toBe(await digest(source))
  })

  /** Changes data until told to stop; errors (a key that is not there) are of no account. */
  const keepChanging = (connection: RawConnection, seed: number): { stop(): Promise<void> } => {
    const random = seededRandom(seed)
    let stopped = false
    const run = (async () => {
      while (!stopped) {
        const batch = Array.from({ length: 30 }, () => typedChange(random))
        connection.send(Buffer.concat(batch.map((request) => encodeRequest(request))))
        for (let i = 0; i < batch.length; i++) await connection.reply()
      }
    })()
    run.catch(() => {}) // told by stop
    return {
      async stop() {
        stopped = true
        await run
      },
    }
  }

  it.each(PAIRS)('%s → %s by replication, while the data change', async (from, to) => {
    const primary = await start(from)
    const replica = await start(to)
    await pipeline(await connectRaw(primary.port, { scope }), typedData())
    // What the replica has goes, in the middle of the first value that comes.
    await callOnce(replica.port, 'HSET', 'own', 'f', 'v')
    const changing = keepChanging(await connectRaw(primary.port, { scope }), 5)
    await follow(replica, primary)
    await linkUp(replica)
    await eventually('the replica is online', async () =>
      /state=online/.test((await info(primary.port, 'replication')).slave0!),
    )
    await new Promise((resolve) => setTimeout(resolve, 300))
    await changing.stop()
    await eventually('what expires has expired', async () => {
      // A copy that was renamed keeps its time.
      const keys = (await callOnce(primary.port, 'KEYS', '[cr]*')) as string[]
      for (const key of keys) if (Number(await callOnce(primary.port, 'PTTL', key)) >= 0) return false
      return true
    })
    // What has expired is still to be deleted on the primary, and then on the replica.
    await eventually('the digests are equal', async () => {
      await sameOffset([primary, replica])
      return (await digest(replica)) === (await digest(primary))
    })
    expect((await syncs(primary)).full).toBe(1)
  })
})
