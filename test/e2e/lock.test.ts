// The lock of a directory between real processes: killed and frozen ones, several that race, and, where the system lets us make
// them, processes of different PID namespaces, as containers with one volume are. And what servers do with it.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { VEDETTE_MAIN, VEDETTE_NODE } from '../support/paths.ts'
import { freePort } from '../support/ports.ts'
import { connectRaw } from '../support/resp.ts'
import { createScope, type Scope } from '../support/scope.ts'
import { startServer, vedette } from '../support/servers.ts'

const IO = join(dirname(VEDETTE_MAIN), '../io')
const PROGRAM = join(import.meta.dirname, '../support/lock-holder.mjs')

let directory: string
const children: ChildProcess[] = []
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'vedette-lock-'))
})
afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  rmSync(directory, { recursive: true, force: true })
})

/** Starts a process that locks the directory; what it said, and the process. */
async function holder(before: readonly string[] = []): Promise<{ said: string; child: ChildProcess; ms: number }> {
  const startMs = performance.now()
  const [program, ...args] = [...before, VEDETTE_NODE, PROGRAM, IO, directory]
  const child = spawn(program!, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  children.push(child)
  const [said] = (await once(child.stdout!, 'data')) as [Buffer]
  return { said: said.toString().trim(), child, ms: performance.now() - startMs }
}

async function killed(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  child.kill(signal)
  await once(child, 'exit')
}

it('a killed holder is dead at once; a frozen one is not dead', async () => {
  const first = await holder()
  expect(first.said).toBe('held')
  first.child.kill('SIGSTOP')
  expect((await holder()).said).toContain(`in use by process ${first.child.pid}`)
  await killed(first.child, 'SIGKILL')
  const next = await holder()
  expect(next.said).toBe('held')
  expect(next.ms).toBeLessThan(4000) // no window was waited for
})

it('of three that start over a dead holder one gets it, ten times', async () => {
  for (let round = 0; round < 10; round++) {
    const former = await holder()
    expect(former.said).toBe('held')
    await killed(former.child, 'SIGKILL')
    const three = await Promise.all([holder(), holder(), holder()])
    const winners = three.filter(({ said }) => said === 'held')
    expect(winners).toHaveLength(1)
    expect(three.filter(({ said }) => said.startsWith('LockedError'))).toHaveLength(2)
    await killed(winners[0]!.child, 'SIGKILL')
  }
})

const CONTAINER = ['unshare', '--pid', '--net', '--mount-proc', '--fork', '--kill-child']
const canUnshare = spawnSync(CONTAINER[0]!, [...CONTAINER.slice(1), 'true']).status === 0

describe.skipIf(!canUnshare)('in containers with one volume', () => {
  it('a holder in another PID namespace is seen, alive and dead', async () => {
    const first = await holder(CONTAINER)
    expect(first.said).toBe('held')
    // Both are process 1 or 2 of their own namespace: the number says nothing.
    expect((await holder(CONTAINER)).said).toContain('LockedError')
    expect((await holder()).said).toContain('LockedError')
    await killed(first.child, 'SIGKILL')
    expect((await holder(CONTAINER)).said).toBe('held')
  })
})

describe('servers', () => {
  let scope: Scope
  beforeEach(() => {
    scope = createScope()
  })
  afterEach(() => scope.close())

  it('with save points do not share a snapshot; under another name, or without saving, they share the directory', async () => {
    const dir = scope.tempDir()
    const saving = ['--save', '3600 1']
    const first = await startServer(scope, { make: 'vedette', dir, args: saving })
    const words = ['server', '--port', String(await freePort()), '--dir', dir, ...saving]
    const refused = vedette(scope, words)
    expect(await refused.exited).toMatchObject({ code: 1 })
    expect(refused.output()).toMatch(/is in use by process \d+ .*give each server a --dir of its own/)

    await startServer(scope, { make: 'vedette', dir, args: [...saving, '--dbfilename', 'other.rdb'] })
    const beside = await startServer(scope, { make: 'vedette', dir, args: ['--enable-protected-configs', 'local'] })

    // The lock goes with a process that is killed, and follows CONFIG SET.
    await first.restart()
    const connection = await connectRaw(beside.port, { scope })
    expect(await connection.call('CONFIG', 'SET', 'dbfilename', 'other.rdb', 'save', '3600 1')).toBe('OK')
    await expect.poll(() => beside.proc.output()).toContain('Snapshots may overwrite those of another server')
    expect(await connection.call('CONFIG', 'SET', 'dbfilename', 'third.rdb')).toBe('OK')
    await expect.poll(() => readdirSync(dir).join()).toContain('.third.rdb.lock.')
    expect(await connection.call('CONFIG', 'SET', 'save', '')).toBe('OK')
    await expect.poll(() => readdirSync(dir).join()).not.toContain('.third.rdb.lock.')
  })
})
