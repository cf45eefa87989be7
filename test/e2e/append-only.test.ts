// The append-only log of a real server: whatever kills it, the log gives back what was acknowledged; a torn end is cut, and
// anything else that is wrong is refused with the files left alone.
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type AofManifest, parseManifest } from '../../src/codec/aof-manifest.ts'
import { type Random, seededRandom } from '../../src/lib/prng.ts'
import { linkUp } from '../support/group.ts'
import { VEDETTE_MAIN, VEDETTE_NODE } from '../support/paths.ts'
import { freePort } from '../support/ports.ts'
import { pipeline, sameOffset } from '../support/replicated.ts'
import { callOnce, connectRaw, decode, encodeRequest, info, type RawConnection, RespError } from '../support/resp.ts'
import { createScope, type Scope } from '../support/scope.ts'
import { type Running, startServer, vedette } from '../support/servers.ts'
import { TYPED_ARGS, typedChange, typedData } from '../support/typed-data.ts'
import { eventually, within } from '../support/wait.ts'

let scope: Scope
beforeEach(() => {
  scope = createScope()
})
afterEach(() => scope.close())

const LOGGED = ['--appendonly', 'yes', ...TYPED_ARGS]

const start = (args: readonly string[] = LOGGED, dir?: string): Promise<Running> =>
  startServer(scope, { make: 'vedette', args: [...args], ...(dir === undefined ? {} : { dir }) })
const connect = (server: Running): Promise<RawConnection> => connectRaw(server.port, { scope })
const digest = async (server: Running): Promise<string> => String(await callOnce(server.port, 'DEBUG', 'DIGEST'))
const folderOf = (dir: string): string => join(dir, 'appendonlydir')
const manifestOf = (dir: string): AofManifest =>
  parseManifest(readFileSync(join(folderOf(dir), 'appendonly.aof.manifest'), 'utf8'))
const lastIncrement = (dir: string): string => join(folderOf(dir), manifestOf(dir).increments.at(-1)!.name)

/** Sends random changes in one piece; some of them are refused, as their key is of another type. */
async function change(client: RawConnection, random: Random, count: number): Promise<void> {
  const requests = Array.from({ length: count }, () => encodeRequest(typedChange(random)))
  client.send(Buffer.concat(requests))
  for (const _ of requests) await client.reply(60_000)
}

/** Takes their expiry from all keys, and waits until those whose time is over are deleted, so that the data stay as they are. */
async function keepKeys(client: RawConnection): Promise<void> {
  await client.call('SELECT', '0')
  const keys = (await client.call('KEYS', '*')) as string[]
  await pipeline(
    client,
    keys.map((key) => ['PERSIST', key]),
  )
  await eventually('no key expires', async () =>
    /^db0:keys=\d+,expires=0,/m.test(String(await client.call('INFO', 'keyspace'))),
  )
}

/** Waits until a rewrite that was asked for is done. */
async function rewritten(server: Running, count: number): Promise<void> {
  await eventually(
    `${count} rewrites are done`,
    async () => Number((await info(server.port, 'persistence')).aof_rewrites) >= count,
    { timeoutMs: 30_000 },
  )
}

describe('a server that logs its writes', () => {
  it.each(['always', 'everysec'])('has all of its data after SIGKILL, all types, appendfsync %s', async (policy) => {
    const server = await start([...LOGGED, '--appendfsync', policy])
    const client = await connect(server)
    const random = seededRandom(7)
    await pipeline(client, typedData())
    await change(client, random, 500)
    expect(await client.call('BGREWRITEAOF')).toMatch(/^Background append only file rewriting (started|scheduled)$/)
    for (let i = 0; i < 10; i++) await change(client, random, 100)
    await rewritten(server, 1)
    await change(client, random, 500)
    await pipeline(client, [
      ['SELECT', '9'],
      ['SET', 'elsewhere', 'yes'],
      ['MULTI'],
      ['INCR', 'n'],
      ['INCR', 'n'],
      ['EXEC'],
    ])
    await keepKeys(client)
    const before = await digest(server)
    await server.restart()
    expect(await digest(server)).toBe(before)
    // What was loaded is not logged again, and the log goes on.
    await callOnce(server.port, 'SET', 'after', 'restart')
    const after = await digest(server)
    await server.restart()
    expect(await digest(server)).toBe(after)
    expect(readdirSync(folderOf(server.dir)).toSorted()).toEqual([
      'appendonly.aof.2.base.rdb',
      'appendonly.aof.2.incr.aof',
      'appendonly.aof.manifest',
    ])
  })

  it('has everything that was acknowledged when it is killed at any moment', async () => {
    const server = await start([...LOGGED, '--appendfsync', 'always', '--auto-aof-rewrite-min-size', '100kb'])
    const random = seededRandom(11)
    const acknowledged = new Map<string, string>()
    let n = 0
    for (let round = 0; round < Number(process.env.KILL_ROUNDS ?? 8); round++) {
      const client = await connect(server)
      const lane = async (): Promise<void> => {
        for (;;) {
          const key = `key:${random.below(500)}`
          const value = String(n++).padEnd(50, 'x')
          client.send(encodeRequest(['SET', key, value]))
          const sent = n
          // One at a time for each key: the last that was acknowledged has to be there, or a later one.
          if (decode(await client.reply()) === 'OK') acknowledged.set(key, String(sent - 1).padEnd(50, 'x'))
        }
      }
      const ended = lane().catch(() => {})
      await new Promise((resolve) => setTimeout(resolve, 20 + random.below(150)))
      await server.proc.kill()
      await ended
      await server.restart()
      const reader = await connect(server)
      for (const [key, value] of acknowledged) {
        const found = Number.parseInt(String(await reader.call('GET', key)), 10)
        expect(found, key).toBeGreaterThanOrEqual(Number.parseInt(value, 10))
      }
    }
    expect(acknowledged.size).toBeGreaterThan(50)
  })

  it('does not log what only replicas are told, and notes the time if it is to', async () => {
    const server = await start([...LOGGED, '--aof-timestamp-enabled', 'yes'])
    await callOnce(server.port, 'PUBLISH', 'channel', 'message')
    await callOnce(server.port, 'SET', 'a', 'b')
    const text = readFileSync(lastIncrement(server.dir), 'latin1')
    expect(text).toMatch(/^#TS:\d{10}\r\n\*2\r\n\$6\r\nSELECT/)
    expect(text).not.toContain('message')
    await server.restart()
    expect(await callOnce(server.port, 'GET', 'a')).toBe('b')
  })

  it('encodes anew what came with other line ends than there should be', async () => {
    const server = await start()
    const client = await connect(server)
    client.send('*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\nbxy')
    expect(decode(await client.reply())).toBe('OK')
    await server.restart()
    expect(await callOnce(server.port, 'GET', 'a')).toBe('b')
  })

  it('rewrites the log by itself when it has grown', async () => {
    const server = await start([...LOGGED, '--auto-aof-rewrite-min-size', '200kb'])
    const client = await connect(server)
    for (let i = 0; i < 50; i++)
      await pipeline(
        client,
        Array.from({ length: 100 }, () => ['SET', 'same', 'x'.repeat(100)]),
      )
    await rewritten(server, 1)
    await eventually(
      'the log is small again',
      async () => Number((await info(server.port, 'persistence')).aof_current_size) < 200_000,
    )
    await server.restart()
    expect(await callOnce(server.port, 'GET', 'same')).toBe('x'.repeat(100))
  })
})

describe('switching the log on and off', () => {
  it('takes the data there are into it', async () => {
    const server = await start(TYPED_ARGS)
    await pipeline(await connect(server), typedData())
    expect(existsSync(folderOf(server.dir))).toBe(false)
    expect(await callOnce(server.port, 'CONFIG', 'SET', 'appendonly', 'yes')).toBe('OK')
    await callOnce(server.port, 'SET', 'meanwhile', 'written')
    await rewritten(server, 1)
    const before = await digest(server)
    await server.restart(LOGGED)
    expect(await digest(server)).toBe(before)
    expect(await callOnce(server.port, 'CONFIG', 'SET', 'appendonly', 'no')).toBe('OK')
    expect((await info(server.port, 'persistence')).aof_enabled).toBe('0')
    expect(await callOnce(server.port, 'SET', 'not', 'logged')).toBe('OK')
    expect(await callOnce(server.port, 'CONFIG', 'SET', 'appendonly', 'yes')).toBe('OK')
    await rewritten(server, 1)
    await server.restart(LOGGED)
    expect(await callOnce(server.port, 'GET', 'not')).toBe('logged')
  })

  it('at the start begins with the snapshot, if there is one and no log', async () => {
    const server = await start(TYPED_ARGS)
    await pipeline(await connect(server), typedData())
    expect(await callOnce(server.port, 'SAVE')).toBe('OK')
    const before = await digest(server)
    await server.restart(LOGGED)
    expect(await digest(server)).toBe(before)
    rmSync(join(server.dir, 'dump.rdb'))
    await server.restart(LOGGED)
    expect(await digest(server)).toBe(before)
  })

  it('takes over a log of one file, as Redis 6 wrote it', async () => {
    const dir = scope.tempDir()
    writeFileSync(
      join(dir, 'appendonly.aof'),
      Buffer.concat([encodeRequest(['SELECT', '0']), encodeRequest(['SET', 'old', 'log'])]),
    )
    const server = await start(LOGGED, dir)
    expect(await callOnce(server.port, 'GET', 'old')).toBe('log')
    expect(manifestOf(dir).base?.name).toBe('appendonly.aof')
    await callOnce(server.port, 'SET', 'new', 'write')
    await server.restart()
    expect(await callOnce(server.port, 'GET', 'old')).toBe('log')
    expect(await callOnce(server.port, 'GET', 'new')).toBe('write')
  })
})

describe('a log that is damaged', () => {
  /** A server with two keys, killed; its folder. */
  async function killed(): Promise<string> {
    const server = await start()
    await callOnce(server.port, 'SET', 'a', '1')
    await callOnce(server.port, 'SET', 'b', '2')
    await server.proc.kill()
    return server.dir
  }
  /** Starts a server that is to refuse; what it says. */
  async function refused(dir: string, ...args: string[]): Promise<string> {
    const port = String(await freePort())
    const proc = vedette(scope, ['server', '--port', port, '--bind', '127.0.0.1', '--dir', dir, ...LOGGED, ...args])
    expect((await within(10_000, 'it ends', proc.exited)).code, proc.output()).toBeGreaterThan(0)
    expect(proc.output(), 'a message, not a stack').not.toMatch(/\n\s+at .*\.js:\d+/)
    return proc.output()
  }

  it.each([
    ['half a command', Buffer.from('*3\r\n$3\r\nSET\r\n$1\r\nc\r\n$10\r\nhal')],
    ['half a transaction', Buffer.concat([encodeRequest(['MULTI']), encodeRequest(['SET', 'c', '3'])])],
  ])('at its end, by %s, is cut there', async (_, torn) => {
    const dir = await killed()
    const path = lastIncrement(dir)
    const whole = readFileSync(path)
    appendFileSync(path, torn)
    const text = await refused(dir, '--aof-load-truncated', 'no')
    expect(text).toContain('Unexpected end of file reading the append only file')
    expect(readFileSync(path)).toEqual(Buffer.concat([whole, torn]))
    const server = await start(LOGGED, dir)
    expect(readFileSync(path)).toEqual(whole)
    expect(await callOnce(server.port, 'MGET', 'a', 'b', 'c')).toEqual(['1', '2', null])
    await callOnce(server.port, 'SET', 'c', 'later')
    await server.restart()
    expect(await callOnce(server.port, 'GET', 'c')).toBe('later')
  })

  it('in the middle is refused, and nothing is changed', async () => {
    const dir = await killed()
    const path = lastIncrement(dir)
    const whole = readFileSync(path)
    const unknown = Buffer.concat([whole, encodeRequest(['NOSUCHCOMMAND', 'x'])])
    const torn = Buffer.concat([whole.subarray(0, 30), whole.subarray(35)])
    for (const [damaged, why] of [
      [unknown, /Unknown command 'NOSUCHCOMMAND' reading the append only file/],
      [torn, /Bad file format reading the append only file/],
    ] as const) {
      writeFileSync(path, damaged)
      expect(await refused(dir)).toMatch(why)
      expect(readFileSync(path)).toEqual(damaged)
    }
  })

  it('by a file that is missing, a torn file that is not the last, or a manifest that is no manifest is refused', async () => {
    const dir = await killed()
    const manifest = join(folderOf(dir), 'appendonly.aof.manifest')
    const text = readFileSync(manifest, 'utf8')
    const second = join(folderOf(dir), 'appendonly.aof.2.incr.aof')
    writeFileSync(second, encodeRequest(['SET', 'd', '4']))
    writeFileSync(manifest, `${text}file appendonly.aof.2.incr.aof seq 2 type i\n`)
    appendFileSync(join(folderOf(dir), 'appendonly.aof.1.incr.aof'), '*3\r\n$3\r\nSET\r\n')
    expect(await refused(dir)).toContain('Unexpected end of file')
    renameSync(second, `${second}.away`)
    expect(await refused(dir)).toContain('Unexpected end of file')
    writeFileSync(manifest, `${text}file appendonly.aof.9.incr.aof seq 9 type i\n`)
    writeFileSync(join(folderOf(dir), 'appendonly.aof.1.incr.aof'), '')
    expect(await refused(dir)).toContain("appendonly.aof.9.incr.aof doesn't exist")
    writeFileSync(manifest, 'no manifest\n')
    expect(await refused(dir)).toContain('Invalid AOF manifest file format')
  })
})

describe('a replica that logs', () => {
  it('has in its log what its primary sent, also after a full synchronization', async () => {
    const primary = await start(TYPED_ARGS)
    await pipeline(await connect(primary), typedData())
    const replica = await start([...LOGGED, '--replicaof', '127.0.0.1', String(primary.port)])
    await linkUp(replica, primary.port)
    const random = seededRandom(3)
    const client = await connect(primary)
    for (let i = 0; i < 10; i++) await change(client, random, 100)
    await keepKeys(client)
    await sameOffset([primary, replica])
    await rewritten(replica, 1)
    const expected = await digest(primary)
    expect(await digest(replica)).toBe(expected)
    await replica.restart(LOGGED)
    expect(await digest(replica)).toBe(expected)
  })
})

const mayMount = async (): Promise<boolean> => {
  const probe = createScope()
  try {
    const proc = probe.spawn('unshare', ['--mount', '--', 'sh', '-ec', 'mount -t tmpfs -o size=64k tmpfs /mnt'])
    return (await proc.exited).code === 0
  } finally {
    await probe.close()
  }
}

describe.runIf(await mayMount())('a full disk', () => {
  it('stops writes with MISCONF, loses nothing that was acknowledged, and writes go on once there is room', async () => {
    const dir = scope.tempDir()
    const port = await freePort()
    const words = [VEDETTE_NODE, VEDETTE_MAIN, 'server', '--port', String(port), '--bind', '127.0.0.1', '--dir', dir]
    const run = [...words, ...LOGGED, '--save', ''].map((word) => `'${word}'`).join(' ')
    const mount = `mount -t tmpfs -o size=1m tmpfs '${dir}'; dd if=/dev/zero of='${dir}/ballast' bs=1k count=700 2>/dev/null`
    const proc = scope.spawn('unshare', ['--mount', '--', 'sh', '-ec', `${mount}; exec ${run}`], {
      name: 'a full server',
    })
    const client = await eventually('the server answers', () => connectRaw(port, { scope }))
    const set = (n: number): Promise<unknown> => client.call('SET', `key:${n}`, 'x'.repeat(2000))
    let n = 0
    let reply: unknown = await set(n)
    while (reply === 'OK') reply = await set(++n)
    expect(reply).toBeInstanceOf(RespError)
    expect((reply as RespError).message).toMatch(/^MISCONF Errors writing to the AOF file: /)
    expect(n).toBeGreaterThan(50)
    expect(await client.call('GET', 'key:1'), 'it can be read').toBe('x'.repeat(2000))
    const makeRoom = scope.spawn('nsenter', ['-t', String(proc.pid), '-m', 'rm', join(dir, 'ballast')])
    expect((await makeRoom.exited).code).toBe(0)
    await eventually('writes go on', async () => (await set(n)) === 'OK')
    const before = await client.call('DEBUG', 'DIGEST')
    expect(await client.call('DEBUG', 'LOADAOF')).toBe('OK')
    expect(await client.call('DEBUG', 'DIGEST')).toBe(before)
    expect(await client.call('DBSIZE')).toBe(n + 1)
  })
})

it('a folder for the log that cannot be made ends the start with its name', async () => {
  const dir = scope.tempDir()
  mkdirSync(dir, { recursive: true })
  writeFileSync(join(dir, 'appendonlydir'), 'a file')
  const port = String(await freePort())
  const proc = vedette(scope, ['server', '--port', port, '--bind', '127.0.0.1', '--dir', dir, ...LOGGED])
  expect((await within(10_000, 'it ends', proc.exited)).code).toBeGreaterThan(0)
  expect(proc.output()).toContain('appendonlydir')
})
