// Folders that a process cannot use, and state that it cannot trust: a clear error at the start that names the place, an exit code,
// and nothing half-written.
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Group, isFormed, startGroup } from '../support/group.ts'
import { VEDETTE_MAIN, VEDETTE_NODE } from '../support/paths.ts'
import { freePort } from '../support/ports.ts'
import { callOnce, connectRaw, RespError } from '../support/resp.ts'
import { createScope, type Exit, type Proc, type Scope } from '../support/scope.ts'
import { startServer, vedette } from '../support/servers.ts'
import { eventually, within } from '../support/wait.ts'

let scope: Scope
beforeEach(() => {
  scope = createScope()
})
afterEach(() => scope.close())

const ended = (proc: Proc): Promise<Exit> => within(10_000, `${proc.name} ends by itself`, proc.exited)

async function sentinelArgs(dir: string): Promise<string[]> {
  const conf = join(scope.tempDir(), 'sentinel.conf')
  const lines = [`port ${await freePort()}`, 'bind 127.0.0.1', `dir ${dir}`, 'sentinel monitor mymaster 127.0.0.1 1 2']
  writeFileSync(conf, `${lines.join('\n')}\n`)
  return ['sentinel', conf]
}

async function serverArgs(dir: string): Promise<string[]> {
  return ['server', '--port', String(await freePort()), '--bind', '127.0.0.1', '--dir', dir]
}

/** Runs a shell line as root of a mount namespace of its own, where it may mount what it likes. */
function inMountNamespace(script: string): Proc {
  return scope.spawn('unshare', ['--mount', '--', 'sh', '-ec', script], { name: 'unshare' })
}

const quote = (words: readonly string[]): string => words.map((word) => `'${word}'`).join(' ')

/** Whether this user may mount; without it the tests of full and read-only disks say that they were left out. */
async function mayMount(): Promise<boolean> {
  const probe = createScope()
  try {
    const proc = probe.spawn('unshare', ['--mount', '--', 'sh', '-ec', 'mount -t tmpfs -o size=64k tmpfs /mnt'])
    return (await proc.exited).code === 0
  } finally {
    await probe.close()
  }
}

const CAN_MOUNT = await mayMount()

describe.each([
  ['server', serverArgs],
  ['sentinel', sentinelArgs],
] as const)('a %s whose folder', (what, argsFor) => {
  it('is missing, or is a file, names it and ends', async () => {
    const folder = scope.tempDir()
    const file = join(folder, 'file')
    writeFileSync(file, '')
    const places = [file, join(file, 'below')]
    // Redis's server does not make its folder; a sentinel of ours may.
    if (what === 'server') places.push(join(folder, 'missing'))
    for (const place of places) {
      const proc = vedette(scope, await argsFor(place))
      expect((await ended(proc)).code, `${what} in ${place}:\n${proc.output()}`).toBeGreaterThan(0)
      expect(proc.output()).toContain(place)
      expect(proc.output(), 'a message, not a stack').not.toMatch(/\n\s+at .*\.js:\d+/)
    }
    expect(readdirSync(folder)).toEqual(['file'])
  })
})

describe.runIf(CAN_MOUNT)('a disk', () => {
  it('that is read-only makes a sentinel end with a clear error', async () => {
    const dir = scope.tempDir()
    const args = await sentinelArgs(dir)
    const proc = inMountNamespace(
      `mount -t tmpfs -o ro,size=1m tmpfs '${dir}'; exec ${quote([VEDETTE_NODE, VEDETTE_MAIN, ...args])}`,
    )
    expect((await ended(proc)).code).toBeGreaterThan(0)
    expect(proc.output()).toContain(dir)
    expect(proc.output()).toMatch(/read-only|EROFS/i)
    expect(proc.output(), 'a message, not a stack').not.toMatch(/\n\s+at .*\.js:\d+/)
  })

  it('that is full makes a sentinel end with a clear error, and it starts well once there is room', async () => {
    const dir = scope.tempDir()
    const args = await sentinelArgs(dir)
    const command = quote([VEDETTE_NODE, VEDETTE_MAIN, ...args])
    // Fills the disk, runs (must fail), makes room, runs again for a moment (must live until it is told to end).
    const proc = inMountNamespace(
      `mount -t tmpfs -o size=256k tmpfs '${dir}'
       dd if=/dev/zero of='${dir}/ballast' bs=4096 2>/dev/null || true
       echo FIRST; ${command} && exit 90
       echo "first code $?"; ls -la '${dir}'; rm '${dir}/ballast'
       echo SECOND; exec timeout 3 ${command}`,
    )
    await proc.waitForOutput(/SECOND/)
    const first = proc.output().split('SECOND')[0]!
    expect(first).toMatch(/first code [1-9]/)
    expect(first).toMatch(/no space|ENOSPC|full/i)
    expect(first).toContain(dir)
    expect(first, 'a message, not a stack').not.toMatch(/\n\s+at .*\.js:\d+/)
    const { code } = await within(15_000, 'the second run ends', proc.exited)
    // 124: it ran until timeout ended it; 0: it ended in good order when told.
    expect([0, 124], proc.output()).toContain(code)
  })

  it('that is full fails SAVE with an error and leaves the old file whole', async () => {
    const dir = scope.tempDir()
    const args = await serverArgs(dir)
    const port = Number(args[2])
    inMountNamespace(
      `mount -t tmpfs -o size=256k tmpfs '${dir}'; exec ${quote([VEDETTE_NODE, VEDETTE_MAIN, ...args, '--rdbcompression', 'no'])}`,
    )
    const connection = await eventually('the server answers', () => connectRaw(port, { scope }))
    expect(await connection.call('SET', 'small', 'value')).toBe('OK')
    expect(await connection.call('SAVE')).toBe('OK')
    expect(await connection.call('SET', 'big', 'x'.repeat(1 << 20))).toBe('OK')
    expect(await connection.call('SAVE')).toBeInstanceOf(RespError)
    expect(await connection.call('PING')).toBe('PONG')
    expect(await connection.call('DEL', 'big')).toBe(1)
    expect(await connection.call('SAVE'), 'no half-written file takes the room').toBe('OK')
  })
})

describe('a server whose dump.rdb is damaged', () => {
  it('refuses to start and names the file', async () => {
    const server = await startServer(scope, { make: 'vedette' })
    await callOnce(server.port, 'SET', 'k', 'v'.repeat(500))
    expect(await callOnce(server.port, 'SAVE')).toBe('OK')
    await server.proc.kill()
    const file = join(server.dir, 'dump.rdb')
    const whole = readFileSync(file)
    for (const damage of [
      whole.subarray(0, whole.length - 20),
      Buffer.from('no RDB at all'),
      flipped(whole, whole.length >> 1),
    ]) {
      writeFileSync(file, damage)
      const proc = vedette(scope, await serverArgs(server.dir))
      expect((await ended(proc)).code, proc.output()).toBeGreaterThan(0)
      expect(proc.output()).toContain('dump.rdb')
      expect(readFileSync(file)).toEqual(damage)
    }
  })
})

function flipped(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes)
  copy[at]! ^= 0xff
  return copy
}

/** The files with state in a sentinel's folder: all but its configuration and what says that it runs. */
function stateFiles(dir: string): string[] {
  return readdirSync(dir, { recursive: true, encoding: 'utf8' })
    .map((name) => join(dir, name))
    .filter((path) => statSync(path).isFile() && statSync(path).size > 0 && !/sentinel\.conf$|lock|\.pid$/.test(path))
}

describe('a sentinel', () => {
  let group: Group
  beforeEach(async () => {
    group = await startGroup(scope, { servers: 'vedette', sentinels: 'vedette', replicas: 1 })
  })

  it('refuses to start on a damaged state file, names it, and does not touch it', async () => {
    const victim = group.sentinels[0]!
    await victim.proc.kill()
    const files = stateFiles(victim.dir)
    expect(files.length).toBeGreaterThan(0)
    for (const file of files) {
      const whole = readFileSync(file)
      for (const at of [0, Math.floor(whole.length / 3), whole.length >> 1]) {
        const damaged = flipped(whole, at)
        writeFileSync(file, damaged)
        const proc = vedette(scope, ['sentinel', join(victim.dir, 'sentinel.conf')])
        expect((await ended(proc)).code, `${file} damaged at ${at}:\n${proc.output()}`).toBeGreaterThan(0)
        expect(proc.output(), `${file} damaged at ${at}`).toContain(file)
        expect(readFileSync(file)).toEqual(damaged)
      }
      writeFileSync(file, whole)
    }
    await victim.restart()
    await eventually('it is whole again', () => isFormed(victim, group.name, 1, 2), { timeoutMs: 20_000 })
  })

  it('starts after a crash in the middle of a write: a torn end is cut off', async () => {
    const victim = group.sentinels[0]!
    const id = await callOnce(victim.port, 'SENTINEL', 'MYID')
    await victim.proc.kill()
    const log = stateFiles(victim.dir)
      .map((path) => ({ path, size: statSync(path).size }))
      .filter(({ path }) => /log/.test(path))
      .sort((a, b) => b.size - a.size)[0]
    expect(log, `a log among ${stateFiles(victim.dir).join(', ')}`).toBeDefined()
    appendFileSync(log!.path, Buffer.from([0x17, 0, 0]))
    await victim.restart()
    expect(await callOnce(victim.port, 'SENTINEL', 'MYID')).toBe(id)
    await eventually('it is whole again', () => isFormed(victim, group.name, 1, 2), { timeoutMs: 20_000 })
  })

  it('does not share its folder with a second process', async () => {
    const victim = group.sentinels[0]!
    const conf = join(victim.dir, 'second.conf')
    writeFileSync(
      conf,
      readFileSync(join(victim.dir, 'sentinel.conf'), 'utf8').replace(/^port .*/m, `port ${await freePort()}`),
    )
    const proc = vedette(scope, ['sentinel', conf])
    expect((await ended(proc)).code, proc.output()).toBeGreaterThan(0)
    expect(proc.output()).toContain(victim.dir)
    expect(await callOnce(victim.port, 'PING')).toBe('PONG')
  })

  it('never rewrites its configuration file', async () => {
    for (const sentinel of group.sentinels) {
      const text = readFileSync(join(sentinel.dir, 'sentinel.conf'), 'utf8')
      expect(text).toContain('sentinel monitor mymaster')
      expect(text).not.toMatch(/myid|known-replica|known-sentinel|current-epoch/)
    }
  })
})

describe('a folder', () => {
  it('of a fresh server stays as it is until something is saved', async () => {
    const server = await startServer(scope, { make: 'vedette' })
    await callOnce(server.port, 'SET', 'a', '1')
    expect(readdirSync(server.dir)).toEqual([])
    mkdirSync(join(server.dir, 'dump.rdb'))
    expect(await callOnce(server.port, 'SAVE')).toBeInstanceOf(RespError)
    expect(existsSync(join(server.dir, 'dump.rdb'))).toBe(true)
    expect(readdirSync(server.dir)).toEqual(['dump.rdb'])
  })
})
