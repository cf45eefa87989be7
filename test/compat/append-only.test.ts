// Append-only logs between Vedette and a real redis-server 7.0.15: what one wrote the other loads, and Redis's own checker finds
// nothing to say. Equal means: the digests that DEBUG makes are.
import { execFileSync } from 'node:child_process'
import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { seededRandom } from '../../src/lib/prng.ts'
import { pipeline } from '../support/replicated.ts'
import { callOnce, connectRaw, encodeRequest, info } from '../support/resp.ts'
import { createScope, type Scope } from '../support/scope.ts'
import { type Make, startServer } from '../support/servers.ts'
import { TYPED_ARGS, typedChange, typedData } from '../support/typed-data.ts'
import { eventually } from '../support/wait.ts'

describe('append-only logs', () => {
  let scope: Scope
  beforeEach(() => {
    scope = createScope()
  })
  afterEach(() => scope.close())
  const args = [...TYPED_ARGS, '--appendonly', 'yes', '--aof-timestamp-enabled', 'yes']

  it.each<[Make, Make]>([
    ['vedette', 'redis'],
    ['redis', 'vedette'],
  ])('%s → %s, in the middle of a rewrite and after it', async (from, to) => {
    const writer = await startServer(scope, { make: from, args })
    const client = await connectRaw(writer.port, { scope })
    const random = seededRandom(5)
    const change = async (count: number): Promise<void> => {
      client.send(Buffer.concat(Array.from({ length: count }, () => encodeRequest(typedChange(random)))))
      for (let i = 0; i < count; i++) await client.reply(60_000)
    }
    await pipeline(client, typedData())
    await change(300)
    await client.call('BGREWRITEAOF')
    await change(300)
    await eventually('the log is rewritten', async () => {
      const { aof_rewrite_in_progress: busy, aof_rewrite_scheduled: wanted } = await info(writer.port, 'persistence')
      return busy === '0' && wanted === '0'
    })
    await change(300)
    await pipeline(client, [['MULTI'], ['INCR', 'n'], ['INCR', 'n'], ['EXEC'], ['SELECT', '7'], ['SET', 'a', 'b']])
    await client.call('SELECT', '0')
    // Keys that random changes gave an expiry would be gone by the time that they are compared.
    for (const key of (await client.call('KEYS', '*')) as string[]) await client.call('PERSIST', key)
    await eventually('no key expires', async () =>
      /^db0:keys=\d+,expires=0,/m.test(String(await client.call('INFO', 'keyspace'))),
    )
    const before = await callOnce(writer.port, 'DEBUG', 'DIGEST')
    await writer.proc.kill()
    const folder = join(writer.dir, 'appendonlydir')
    const manifest = join(folder, 'appendonly.aof.manifest')
    expect(execFileSync('redis-check-aof', [manifest], { encoding: 'utf8' })).toContain(
      'All AOF files and manifest are valid',
    )
    const dir = scope.tempDir()
    cpSync(folder, join(dir, 'appendonlydir'), { recursive: true })
    const reader = await startServer(scope, { make: to, dir, args })
    expect(await callOnce(reader.port, 'DEBUG', 'DIGEST')).toBe(before)
    // And it goes on in the same files.
    await callOnce(reader.port, 'SET', 'written', 'by the other')
    const after = await callOnce(reader.port, 'DEBUG', 'DIGEST')
    await reader.proc.kill()
    const back = scope.tempDir()
    cpSync(join(dir, 'appendonlydir'), join(back, 'appendonlydir'), { recursive: true })
    const again = await startServer(scope, { make: from, dir: back, args })
    expect(await callOnce(again.port, 'DEBUG', 'DIGEST')).toBe(after)
  })
})
