// A server listens before its snapshot is loaded, and says so: a server that refuses connections is taken for dead.
import { statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createRdbWriter } from '../../src/codec/rdb-writer.ts'
import { freePort } from '../support/ports.ts'
import { connectRaw, type RawConnection, RespError } from '../support/resp.ts'
import { createScope, type Proc, type Scope } from '../support/scope.ts'
import { vedette } from '../support/servers.ts'
import { eventually, within } from '../support/wait.ts'

let scope: Scope
beforeEach(() => {
  scope = createScope()
})
afterEach(() => scope.close())

const KEYS = 1_500_000

/** A snapshot that takes a second or more to load. */
function writeSnapshot(path: string): void {
  const chunks: Uint8Array[] = []
  const writer = createRdbWriter({ emit: (chunk) => chunks.push(chunk), compress: false, checksum: true })
  writer.begin([['redis-ver', '7.0.15']])
  writer.selectDb(0)
  for (let i = 0; i < KEYS; i++) {
    const key = Buffer.from(`key:${i}`)
    writer.blob(0, key, 0, key.length, key, 0, key.length, -1)
  }
  writer.end()
  writeFileSync(path, Buffer.concat(chunks))
}

interface Loading {
  readonly dir: string
  readonly proc: Proc
  readonly connection: RawConnection
}

/** A server that is about to load the snapshot, with a connection made as soon as it listens. */
async function startLoading(...args: string[]): Promise<Loading> {
  const dir = scope.tempDir()
  writeSnapshot(join(dir, 'dump.rdb'))
  const port = await freePort()
  const proc = vedette(scope, ['server', '--port', String(port), '--bind', '127.0.0.1', '--dir', dir, ...args])
  const connection = await eventually('it listens', () => connectRaw(port, { scope }), { intervalMs: 1 })
  return { dir, proc, connection }
}

const isLoading = (reply: unknown): boolean => reply instanceof RespError && reply.message.startsWith('LOADING ')

describe('a server that loads its snapshot', () => {
  it('answers LOADING, tells its role, and serves all keys afterwards', async () => {
    const { connection } = await startLoading('--replicaof', '127.0.0.1 1')
    expect(isLoading(await connection.call('PING'))).toBe(true)
    expect(isLoading(await connection.call('GET', 'key:1'))).toBe(true)
    expect(isLoading(await connection.call('REPLICAOF', 'NO', 'ONE'))).toBe(true)
    const text = String(await connection.call('INFO'))
    expect(text).toContain('loading:1')
    expect(text).toContain('role:slave')
    expect(text).toContain('master_port:1')
    expect(await connection.call('ROLE')).toEqual(['slave', '127.0.0.1', 1, 'connect', -1])
    await eventually('it is loaded', async () => (await connection.call('PING')) === 'PONG')
    expect(await connection.call('DBSIZE')).toBe(KEYS)
    expect(String(await connection.call('INFO'))).toContain('loading:0')
  })

  it('ends by SHUTDOWN without touching the snapshot', async () => {
    const { connection, dir, proc } = await startLoading('--save', '1 1')
    const { size, mtimeMs } = statSync(join(dir, 'dump.rdb'))
    expect(isLoading(await connection.call('PING'))).toBe(true)
    connection.send(Buffer.from('SHUTDOWN SAVE\r\n'))
    expect((await within(10_000, 'it ends', proc.exited)).code).toBe(0)
    const after = statSync(join(dir, 'dump.rdb'))
    expect([after.size, after.mtimeMs]).toEqual([size, mtimeMs])
    expect(proc.output()).not.toContain('Ready to accept')
  })
})
