// Snapshots on disk against a real redis-server 7.0.15: what one saves the other loads. And what a snapshot must bear:
// damage, a full disk, writes while it is taken.
import { execFileSync } from 'node:child_process'
import { copyFileSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { callOnce, connectRaw, encodeRequest, info, type RawConnection } from '../support/resp.ts'
import { createScope, type Scope } from '../support/scope.ts'
import { type Make, type Running, startServer, vedette } from '../support/servers.ts'
import { eventually } from '../support/wait.ts'

const FAR_MS = '4102444800123'

async function all(connection: RawConnection, requests: readonly (readonly string[])[]): Promise<string[]> {
  connection.send(Buffer.concat(requests.map((request) => encodeRequest(request))))
  const replies: string[] = []
  for (let i = 0; i < requests.length; i++) replies.push((await connection.reply()).toString('latin1'))
  return replies
}

/** What is written and read back: integers, long compressible and short values, expiries, two databases. */
const KEYS = Array.from({ length: 5000 }, (_, i) => `key:${i}`)
const VALUES = KEYS.map((_, i) =>
  i % 3 === 0 ? String(i * 1009 - 70_000) : i % 3 === 1 ? `v${i}` : 'lorem '.repeat(i % 90),
)
const WRITES = [
  ...KEYS.map((key, i) => ['SET', key, VALUES[i]!]),
  ['PEXPIREAT', 'key:7', FAR_MS],
  ['SET', 'short', 'lived', 'PX', '1'],
  ['SELECT', '9'],
  ['SET', 'nine', 'x'.repeat(200_000)],
]
async function expectAll(server: Running, scope: Scope): Promise<void> {
  const connection = await connectRaw(server.port, { scope })
  expect(await connection.call('DBSIZE')).toBe(KEYS.length)
  const values = await all(
    connection,
    KEYS.map((key) => ['GET', key]),
  )
  expect(values).toEqual(VALUES.map((value) => `$${value.length}\r\n${value}\r\n`))
  expect(await connection.call('PEXPIRETIME', 'key:7')).toBe(Number(FAR_MS))
  expect(await connection.call('PEXPIRETIME', 'key:8')).toBe(-1)
  await connection.call('SELECT', '9')
  expect(await connection.call('GET', 'nine')).toBe('x'.repeat(200_000))
}

describe('snapshots on disk', () => {
  let scope: Scope
  beforeEach(() => {
    scope = createScope()
  })
  afterEach(() => scope.close())

  it.each<[Make, Make, string]>([
    ['vedette', 'redis', 'SAVE'],
    ['vedette', 'redis', 'BGSAVE'],
    ['redis', 'vedette', 'SAVE'],
    ['vedette', 'vedette', 'BGSAVE'],
  ])('%s → %s by %s', async (from, to, how) => {
    const writer = await startServer(scope, { make: from })
    const connection = await connectRaw(writer.port, { scope })
    await all(connection, WRITES)
    await connection.call(how)
    await eventually('the snapshot is done', async () => {
      const { rdb_bgsave_in_progress, rdb_last_bgsave_status, rdb_changes_since_last_save } = await info(writer.port)
      return rdb_bgsave_in_progress === '0' && rdb_last_bgsave_status === 'ok' && rdb_changes_since_last_save === '0'
    })
    expect(readdirSync(writer.dir)).toEqual(['dump.rdb'])
    expect(execFileSync('redis-check-rdb', [join(writer.dir, 'dump.rdb')], { encoding: 'utf8' })).toContain(
      'Checksum OK',
    )
    const dir = scope.tempDir()
    copyFileSync(join(writer.dir, 'dump.rdb'), join(dir, 'dump.rdb'))
    await expectAll(await startServer(scope, { make: to, dir }), scope)
  })

  it('a snapshot is the state at its beginning, whatever is written meanwhile', async () => {
    const server = await startServer(scope, { make: 'vedette' })
    const connection = await connectRaw(server.port, { scope })
    const many = Array.from({ length: 60_000 }, (_, i) => ['SET', `k${i}`, `before ${i}`])
    for (let at = 0; at < many.length; at += 5000) await all(connection, many.slice(at, at + 5000))
    // BGSAVE and the changes in one piece: the walk has not begun when they run.
    const changes = many.flatMap((_, i) =>
      i % 2 === 0 ? [['SET', `k${i}`, 'after']] : i % 3 === 0 ? [['DEL', `k${i}`]] : [],
    )
    await all(connection, [['BGSAVE'], ...changes, ['SET', 'new', '1'], ['PEXPIRE', 'k1', '100000']])
    await eventually('the snapshot is done', async () => (await info(server.port)).rdb_saves === '1')
    const dir = scope.tempDir()
    copyFileSync(join(server.dir, 'dump.rdb'), join(dir, 'dump.rdb'))
    const loaded = await startServer(scope, { make: 'redis', dir })
    const reader = await connectRaw(loaded.port, { scope })
    expect(await reader.call('DBSIZE')).toBe(many.length)
    const values = await all(
      reader,
      many.map(([, key]) => ['GET', key!]),
    )
    expect(values.findIndex((value, i) => value !== `$${`before ${i}`.length}\r\nbefore ${i}\r\n`)).toBe(-1)
    expect(await reader.call('PEXPIRETIME', 'k1')).toBe(-1)
  })

  it('SHUTDOWN and SIGTERM save if there are save points', async () => {
    for (const end of ['SHUTDOWN', 'SIGTERM']) {
      const dir = scope.tempDir()
      const server = await startServer(scope, { make: 'vedette', dir, args: ['--save', '3600', '1'] })
      await callOnce(server.port, 'SET', 'kept', end)
      if (end === 'SIGTERM') await server.proc.stop()
      else await callOnce(server.port, 'SHUTDOWN').catch(() => {})
      expect((await server.proc.exited).code).toBe(0)
      const again = await startServer(scope, { make: 'vedette', dir })
      expect(await callOnce(again.port, 'GET', 'kept')).toBe(end)
    }
  })

  it('a save point saves by itself', async () => {
    const server = await startServer(scope, { make: 'vedette', args: ['--save', '1', '3'] })
    for (const value of ['1', '2', '3']) await callOnce(server.port, 'SET', 'a', value)
    await eventually('a snapshot was taken', async () => (await info(server.port)).rdb_saves === '1')
  })

  it.each<[string, (file: string) => void]>([
    ['is cut short', (file) => truncateSync(file, 5000)],
    [
      'has a flipped bit',
      (file) => {
        const bytes = readFileSync(file)
        bytes[bytes.length >> 1]! ^= 4
        writeFileSync(file, bytes)
      },
    ],
    ['is something else', (file) => writeFileSync(file, 'GIF89a and so on')],
  ])('a file that %s is refused at the start, and left as it is', async (_, damage) => {
    const writer = await startServer(scope, { make: 'redis' })
    await all(await connectRaw(writer.port, { scope }), [...WRITES, ['SAVE']])
    const dir = scope.tempDir()
    const file = join(dir, 'dump.rdb')
    copyFileSync(join(writer.dir, 'dump.rdb'), file)
    damage(file)
    const before = readFileSync(file)
    const proc = vedette(scope, ['server', '--port', '0', '--bind', '127.0.0.1', '--dir', dir])
    expect((await proc.exited).code).not.toBe(0)
    expect(proc.output()).toContain(file)
    expect(readFileSync(file).equals(before)).toBe(true)
  })

  it('a failing disk stops writes until a snapshot succeeds, and leaves nothing half done', async () => {
    const server = await startServer(scope, { make: 'vedette', args: ['--save', '3600', '1'] })
    await callOnce(server.port, 'SET', 'a', '1')
    // The final name is a folder: the temporary file can be written, but not moved.
    execFileSync('mkdir', [join(server.dir, 'dump.rdb')])
    writeFileSync(join(server.dir, 'dump.rdb', 'x'), '')
    expect(await callOnce(server.port, 'SAVE')).toMatchObject({ message: expect.stringMatching(/^ERR /) })
    // As in Redis, that was told to whoever asked; only a failed background save stops writes.
    expect(await callOnce(server.port, 'SET', 'a', '1')).toBe('OK')
    await callOnce(server.port, 'BGSAVE')
    await eventually('it has failed', async () => (await info(server.port)).rdb_last_bgsave_status === 'err')
    expect(await callOnce(server.port, 'SET', 'a', '2')).toMatchObject({ message: expect.stringMatching(/^MISCONF /) })
    // So that sentinels take it for down.
    expect(await callOnce(server.port, 'PING')).toMatchObject({ message: expect.stringMatching(/^MISCONF /) })
    // The lock of the file is the server's as long as it runs.
    expect(readdirSync(server.dir).filter((name) => !name.includes('.lock'))).toEqual(['dump.rdb'])
    execFileSync('rm', ['-r', join(server.dir, 'dump.rdb')])
    expect(await callOnce(server.port, 'SAVE')).toBe('OK')
    expect(await callOnce(server.port, 'SET', 'a', '2')).toBe('OK')
  })

  it('a missing directory is a clear error at the start', async () => {
    const proc = vedette(scope, [
      'server',
      '--port',
      '0',
      '--bind',
      '127.0.0.1',
      '--dir',
      join(scope.tempDir(), 'missing'),
    ])
    expect((await proc.exited).code).not.toBe(0)
    expect(proc.output()).toContain('No such file or directory')
  })
})
