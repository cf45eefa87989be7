// `vedette check` beside redis-check-rdb and redis-check-aof: both call the same files whole, and torn at the same byte.
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { VEDETTE_MAIN, VEDETTE_NODE } from '../support/paths.ts'
import { pipeline } from '../support/replicated.ts'
import { connectRaw } from '../support/resp.ts'
import { createScope, type Scope } from '../support/scope.ts'
import { type Make, startServer } from '../support/servers.ts'
import { TYPED_ARGS, typedData } from '../support/typed-data.ts'

interface Outcome {
  readonly status: number | null
  readonly stdout: string
}

const run = (program: string, args: readonly string[], input = ''): Outcome =>
  spawnSync(program, args, { encoding: 'utf8', input })
const check = (path: string, input?: string): Outcome =>
  run(VEDETTE_NODE, [VEDETTE_MAIN, 'check', ...(input === undefined ? [] : ['--fix']), path], input)

describe('vedette check', () => {
  let scope: Scope
  beforeEach(() => {
    scope = createScope()
  })
  afterEach(() => scope.close())

  it.each<Make>(['vedette', 'redis'])('and the checkers of Redis agree about the files of %s', async (make) => {
    const server = await startServer(scope, { make, args: [...TYPED_ARGS, '--appendonly', 'yes'] })
    const client = await connectRaw(server.port, { scope })
    await pipeline(client, [...typedData(), ['MULTI'], ['INCR', 'n'], ['INCR', 'n'], ['EXEC']])
    await client.call('SAVE')
    await server.proc.kill()

    const rdb = join(server.dir, 'dump.rdb')
    expect(run('redis-check-rdb', [rdb]).status).toBe(0)
    expect(check(rdb)).toMatchObject({ status: 0, stdout: expect.stringContaining('dump.rdb: whole (') })
    const bytes = readFileSync(rdb)
    bytes[bytes.length >> 1]! ^= 4
    writeFileSync(rdb, bytes)
    expect(run('redis-check-rdb', [rdb]).status).not.toBe(0)
    expect(check(rdb).status).toBe(1)

    const folder = join(server.dir, 'appendonlydir')
    const manifest = join(folder, 'appendonly.aof.manifest')
    expect(run('redis-check-aof', [manifest]).status).toBe(0)
    expect(check(manifest).status).toBe(0)
    const log = join(folder, 'appendonly.aof.1.incr.aof')
    const whole = readFileSync(log)
    for (const lost of [1, 20, 40, 80]) {
      writeFileSync(log, whole.subarray(0, whole.length - lost))
      const theirs = /ok_up_to=(\d+)/.exec(run('redis-check-aof', [log]).stdout)?.[1]
      const ours = /begun at byte (\d+)/.exec(check(log).stdout)?.[1]
      expect(ours).toBe(theirs)
      expect(check(log, 'n\n').status).toBe(1)
      expect(readFileSync(log).length).toBe(whole.length - lost)
      expect(check(manifest, 'y\n')).toMatchObject({ status: 0, stdout: expect.stringContaining('and whole now') })
      expect(readFileSync(log).length).toBe(Number(theirs))
      expect(run('redis-check-aof', [manifest]).status).toBe(0)
    }
  })
})
