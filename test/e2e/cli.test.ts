// The command line as people and scripts meet it: help, refusals with the nearest match, exit codes, signals, status and
// failover over a sentinel's address, and data that `up --data-dir` keeps.
import { existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { startGroup } from '../support/group.ts'
import { VEDETTE_MAIN, VEDETTE_NODE } from '../support/paths.ts'
import { freePort } from '../support/ports.ts'
import { callOnce, info, record } from '../support/resp.ts'
import { createScope, type Proc, type Scope } from '../support/scope.ts'
import { startSentinel, startServer, vedette } from '../support/servers.ts'
import { eventually, within } from '../support/wait.ts'

let scope: Scope
beforeEach(() => {
  scope = createScope()
})
afterEach(() => scope.close())

/** Runs `vedette …` to its end. */
async function run(...args: string[]): Promise<{ code: number | null; output: string }> {
  const proc = vedette(scope, args, { cwd: scope.tempDir() })
  const { code } = await within(15_000, `vedette ${args.join(' ')} ends`, proc.exited)
  return { code, output: proc.output() }
}

const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })

/** A port that is free together with those at the given distances above it. */
async function freeBase(distances: readonly number[]): Promise<number> {
  for (;;) {
    const base = await freePort()
    const all = distances.map((distance) => base + distance)
    if (all.every((port) => port <= 65535) && (await Promise.all(all.map(isFree))).every(Boolean)) return base
  }
}

describe('vedette', () => {
  it.each(['up', 'status', 'history', 'failover', 'pause', 'resume', 'check', 'server', 'sentinel'])(
    '%s --help shows examples and exit codes',
    async (command) => {
      const { code, output } = await run(command, '--help')
      expect(code).toBe(0)
      expect(output).toContain('Examples:')
      expect(output).toContain(`vedette ${command}`)
      expect(output).toMatch(/Exit codes:\s+0 {2}done/)
    },
  )

  it.each([
    [['serve'], "Unknown command 'serve'. Did you mean 'server'?"],
    [['up', '--replica', '1'], "Did you mean '--replicas'?"],
    [['up', '--replicas', 'many'], "--replicas must be an integer from 0 to 15, not 'many'"],
    [['up', '--chaos', '15'], '--chaos must be a duration as 500ms, 15s or 2m'],
    [['up', '--port', '1', '--port', '2'], '--port is given 2 times'],
    [['up', 'now'], "Unexpected argument 'now'"],
    [['status', '--sentinel', 'a:b:c'], '--sentinel must be host:port'],
    [['failover'], 'Not enough non-option arguments'],
    [['pause', 'm', '--for', '25h'], "--for must be 24 h or less, not '25h'"],
    [[], 'Give a command'],
    [['server', '--prot', '7000'], "Did you mean 'port'?"],
    [['server', '--port', 'x'], "argument couldn't be parsed into an integer"],
    [['server', '/nonexistent.conf'], "can't open config file '/nonexistent.conf': No such file or directory"],
    [['server', '--dir', '/nonexistent'], 'No such file or directory: the data directory must exist'],
    [['server', '--aof-use-rdb-preamble', 'no'], 'A base made of commands is not built'],
    [['sentinel'], 'Nothing to watch'],
    [['sentinel', '--sentinel', 'monitor', 'm', '127.0.0.1', '6379'], 'sentinel monitor <name> <host> <port> <quorum>'],
  ])('%j is refused with exit code 2 and a hint', async (args, message) => {
    const { code, output } = await run(...args)
    expect(output).toContain(message)
    expect(output).not.toMatch(/\n\s+at .*:\d+:\d+/)
    expect(code).toBe(2)
  })

  it('says that no sentinel answers, with exit code 3, and that a server is none', async () => {
    const port = await freePort()
    for (const args of [['status'], ['failover', 'm'], ['history'], ['pause', 'm']]) {
      const { code, output } = await run(...args, '--sentinel', `127.0.0.1:${port}`)
      expect(output).toContain(`no answer from a sentinel at 127.0.0.1:${port}`)
      expect(code).toBe(3)
    }
    const server = await startServer(scope, { make: 'vedette' })
    const { code, output } = await run('status', '--sentinel', `127.0.0.1:${server.port}`)
    expect(output).toContain('is no sentinel')
    expect(code).toBe(3)
  })

  it('ends status --watch without a complaint when nobody reads it any more', async () => {
    const { port } = await startSentinel(scope, { make: 'vedette', monitor: { name: 'm', port: 1, quorum: 2 } })
    const words = ['status', '--watch', '--interval', '50ms', '--sentinel', `127.0.0.1:${port}`]
    const watching = vedette(scope, words, { cwd: scope.tempDir() })
    await watching.waitForOutput(/quorum/i)
    watching.child.stdout!.destroy()
    expect((await within(15_000, 'it ends', watching.exited)).code).toBe(4)
    expect(watching.output()).not.toContain('EPIPE')
  })

  it('ends a sentinel with 99 after a simulated failure', async () => {
    const { servers, sentinels } = await startGroup(scope, {
      servers: 'vedette',
      sentinels: 'vedette',
      replicas: 1,
      sentinelCount: 1,
      quorum: 1,
    })
    const { port, proc } = sentinels[0]!
    expect(await callOnce(port, 'SENTINEL', 'SIMULATE-FAILURE', 'crash-after-election')).toBe('OK')
    await servers[0]!.proc.kill()
    expect((await within(15_000, 'it ends', proc.exited)).code).toBe(99)
  })

  it('refuses a swarm key that is none', async () => {
    const port = String(await freePort())
    const words = ['sentinel', '--port', port, '--sentinel', 'monitor', 'm', '127.0.0.1', '1', '2']
    const proc = vedette(scope, words, { cwd: scope.tempDir(), env: { VEDETTE_SWARM_KEY: 'secret' } })
    expect((await within(15_000, 'it ends', proc.exited)).code).toBe(2)
    expect(proc.output()).toContain('VEDETTE_SWARM_KEY: the swarm key must be 64 hexadecimal digits')
    expect(proc.output()).not.toContain('secret\n')
  })
})

describe('vedette server', () => {
  it('reads file, standard input and command line, the last counting most', async () => {
    const dir = scope.tempDir()
    const port = await freePort()
    writeFileSync(join(dir, 'redis.conf'), `port 1\nhz 11\nmaxmemory 1mb\nrequirepass "a b"\ndir ${dir}\n`)
    const words = [
      'server',
      join(dir, 'redis.conf'),
      '--port',
      String(port),
      '--bind',
      '127.0.0.1',
      '--masterauth',
      'a b',
      '-',
    ]
    const proc = scope.spawn(VEDETTE_NODE, [VEDETTE_MAIN, ...words], {
      stdin: 'pipe',
    })
    proc.child.stdin?.end('hz 12\nmaxmemory 2mb\nrequirepass ""\nloglevel verbose\n')
    await proc.waitForOutput(/Ready to accept connections/)
    const reply = record(await callOnce(port, 'CONFIG', 'GET', 'hz', 'maxmemory', 'masterauth', 'loglevel', 'dir'))
    expect(reply).toEqual({ hz: '12', maxmemory: String(2 << 20), masterauth: 'a b', loglevel: 'verbose', dir })
  })

  it('rewrites its file with CONFIG REWRITE, keeping comments and mode, and starts from it again', async () => {
    const dir = scope.tempDir()
    const port = await freePort()
    const file = join(dir, 'redis.conf')
    writeFileSync(file, `# mine\nport ${port}\nbind 127.0.0.1\ndir ${dir}\nsave ""\n`, { mode: 0o640 })
    const start = async (): Promise<Proc> => {
      const proc = vedette(scope, ['server', file])
      await proc.waitForOutput(/Ready to accept connections/)
      return proc
    }
    const proc = await start()
    expect(await callOnce(port, 'CONFIG', 'SET', 'requirepass', 'se "cret', 'repl-timeout', '33')).toBe('OK')
    await proc.stop()
    const again = await start()
    expect(await callOnce(port, 'CONFIG', 'SET', 'repl-timeout', '44')).toBe('OK')
    expect(await callOnce(port, 'CONFIG', 'REWRITE')).toBe('OK')
    expect(readFileSync(file, 'utf8')).toBe(
      `# mine\nport ${port}\nbind 127.0.0.1\ndir ${dir}\nsave ""\n# Generated by CONFIG REWRITE\nrepl-timeout 44\n`,
    )
    expect(statSync(file).mode & 0o777).toBe(0o640)
    expect(readdirSync(dir)).toEqual(['redis.conf'])
    expect(String(await callOnce(port, 'INFO', 'server'))).toContain(`config_file:${file}`)
    await again.stop()
    await start()
    expect(await callOnce(port, 'CONFIG', 'GET', 'repl-timeout')).toEqual(['repl-timeout', '44'])
  })

  it.each(['SIGTERM', 'SIGINT'] as const)(
    'stops on %s in good order: data saved, PID file gone, exit code 0',
    async (signal) => {
      const dir = scope.tempDir()
      const port = await freePort()
      const pidfile = join(dir, 'pid')
      const words = ['server', '--port', String(port), '--bind', '127.0.0.1', '--dir', dir, '--pidfile', pidfile]
      const proc = vedette(scope, words)
      await proc.waitForOutput(/Ready to accept connections/)
      await eventually('the PID file is there', () => existsSync(pidfile))
      expect(Number(readFileSync(pidfile, 'utf8'))).toBe(proc.pid)
      await callOnce(port, 'SET', 'k', 'v')
      proc.signal(signal)
      expect((await within(15_000, 'it ends', proc.exited)).code).toBe(0)
      expect(existsSync(pidfile)).toBe(false)
      expect(readdirSync(dir)).toEqual(['dump.rdb'])
    },
  )

  it('takes relative paths from dir, and goes there with CONFIG SET dir', async () => {
    const dir = scope.tempDir()
    mkdirSync(join(dir, 'other'))
    const port = await freePort()
    const paths = ['--logfile', 'the.log', '--pidfile', 'the.pid', '--unixsocket', 'the.sock', '--save', '']
    const words = ['server', '--port', String(port), '--bind', '127.0.0.1', '--dir', dir, ...paths]
    vedette(scope, [...words, '--enable-protected-configs', 'local'], { cwd: scope.tempDir() })
    const log = (): string => (existsSync(join(dir, 'the.log')) ? readFileSync(join(dir, 'the.log'), 'utf8') : '')
    await eventually('it is ready', () => log().includes('Ready to accept connections'))
    await eventually('the PID file is there', () => existsSync(join(dir, 'the.pid')))
    expect(existsSync(join(dir, 'the.sock'))).toBe(true)
    expect(log()).toMatch(/Running mode=standalone, port=\d+, PID: \d+/)

    expect(await callOnce(port, 'CONFIG', 'SET', 'dir', 'nosuch')).toMatchObject({
      message: expect.stringContaining('No such file or directory'),
    })
    expect(await callOnce(port, 'CONFIG', 'SET', 'dir', 'other')).toBe('OK')
    expect(await callOnce(port, 'CONFIG', 'GET', 'dir')).toEqual(['dir', realpathSync(join(dir, 'other'))])
    expect(await callOnce(port, 'SAVE')).toBe('OK')
    expect(readdirSync(join(dir, 'other'))).toContain('dump.rdb')
  })

  it('is listed under the title that it is told', async () => {
    const server = await startServer(scope, { make: 'vedette' })
    const title = (): string => readFileSync(`/proc/${server.proc.pid}/cmdline`, 'latin1').replace(/\0+$/, '')
    expect(title()).toBe(`vedette-server 127.0.0.1:${server.port}`)
    const template = 'mine {port} {title} {config-file}'
    expect(await callOnce(server.port, 'CONFIG', 'SET', 'proc-title-template', template)).toBe('OK')
    expect(title()).toBe(`mine ${server.port} vedette-server`)
    expect(await callOnce(server.port, 'CONFIG', 'SET', 'proc-title-template', '{nosuch}')).toMatchObject({
      message: expect.stringContaining('template format is invalid'),
    })
  })

  it('says which signal it crashed by', async () => {
    for (const crash of ['SIGABRT', 'DEBUG SEGFAULT'] as const) {
      const server = await startServer(scope, { make: 'vedette', args: ['--enable-debug-command', 'local'] })
      if (crash === 'SIGABRT') server.proc.signal(crash)
      else callOnce(server.port, 'DEBUG', 'SEGFAULT').catch(() => {})
      expect((await within(10_000, 'it ends', server.proc.exited)).code).toBeNull()
      expect(server.proc.output()).toMatch(/crashed by signal: (6|11)/)
    }
  })

  it('shows slow snapshots and loads to tests: rdb-key-save-delay and key-load-delay', async () => {
    const args = ['--enable-debug-command', 'local', '--rdb-key-save-delay', '1000']
    const server = await startServer(scope, { make: 'vedette', args })
    expect(await callOnce(server.port, 'DEBUG', 'POPULATE', '3000')).toBe('OK')
    await callOnce(server.port, 'BGSAVE')
    const startMs = performance.now()
    await eventually('it is saved', async () => (await info(server.port)).rdb_bgsave_in_progress === '0', {
      timeoutMs: 30_000,
    })
    expect(performance.now() - startMs).toBeGreaterThan(1500)
    const restartMs = performance.now()
    await server.restart(['--key-load-delay', '1000'])
    expect(performance.now() - restartMs).toBeGreaterThan(3000)
    expect(await callOnce(server.port, 'CONFIG', 'GET', '*delay')).not.toContain('key-load-delay')
    expect(await callOnce(server.port, 'CONFIG', 'GET', 'key-load-delay')).toEqual(['key-load-delay', '1000'])
  })

  it('names the port that is taken, with exit code 1', async () => {
    const other = await startServer(scope, { make: 'vedette' })
    const { code, output } = await run('server', '--port', String(other.port), '--bind', '127.0.0.1')
    expect(output).toContain(`127.0.0.1:${other.port}`)
    expect(code).toBe(1)
  })
})

describe('a group of vedette up', () => {
  const ports = (proc: Proc): [number, number] => {
    const printed = /redis-cli -p (\d+) set[\s\S]*?redis-cli -p (\d+) sentinel/.exec(proc.output())!
    return [Number(printed[1]), Number(printed[2])]
  }

  async function startUp(...args: string[]): Promise<Proc> {
    const proc = vedette(scope, ['up', ...args], { cwd: scope.tempDir() })
    await proc.waitForOutput(/Ctrl-C ends everything/, 30_000)
    await proc.waitForOutput(/leads, term/, 30_000)
    return proc
  }

  const end = async (proc: Proc): Promise<void> => {
    proc.signal('SIGINT')
    expect((await within(15_000, 'it ends', proc.exited)).code).toBe(0)
  }

  it('is shown by status and handed over by failover, over any of its sentinels', async () => {
    const proc = await startUp('--port', '0')
    const [port, sentinelPort] = ports(proc)
    const at = ['--sentinel', `127.0.0.1:${sentinelPort}`]
    await eventually('the status is healthy', async () => (await run('status', ...at)).code === 0, { intervalMs: 200 })
    const before = JSON.parse((await run('status', '--json', ...at)).output)
    expect(before).toMatchObject({ healthy: true, kind: 'vedette', formed: true })
    expect(before.groups[0]).toMatchObject({ name: 'mymaster', quorum: 2, status: 'ok', primary: `127.0.0.1:${port}` })
    const others = before.sentinels.filter((one: { address: string }) => one.address !== at[1])
    expect(others).toHaveLength(2)

    expect((await run('failover', 'mymastre', ...at)).output).toContain("Did you mean 'mymaster'?")
    await eventually('both replicas are known', async () => {
      const status = JSON.parse((await run('status', '--json', ...at)).output)
      return status.groups[0].servers.filter((one: { linkUp?: boolean }) => one.linkUp).length === 2
    })
    const dryRun = await run('failover', 'mymaster', '--dry-run', ...at)
    expect(dryRun.output).toMatch(/^If 127.0.0.1:\d+ died now, 127.0.0.1:\d+ would become the primary of mymaster.$/m)
    expect(dryRun.output).toMatch(/127.0.0.1:\d+ +100 +[\d,]+ +not chosen: it /)
    expect(dryRun.code).toBe(0)
    expect((await run('history', ...at)).output.trim()).toBe('No failover yet.')

    expect((await run('pause', 'mymaster', '--for', '1m', ...at)).code).toBe(0)
    expect(String(await callOnce(sentinelPort, 'SENTINEL', 'CKQUORUM', 'mymaster'))).toContain(
      ', but automatic failovers',
    )
    expect((await run('status', ...at)).output).toContain('automatic failovers are paused for')
    expect((await run('failover', 'mymaster', '--dry-run', ...at)).code).toBe(4)
    expect((await run('resume', 'mymaster', ...at)).code).toBe(0)
    const handed = await run('failover', 'mymaster', '--sentinel', others[0].address)
    expect(handed.output).toMatch(new RegExp(`mymaster: 127.0.0.1:${port} → 127.0.0.1:\\d+ in`))
    expect(handed.code).toBe(0)
    const after = await run('status', ...at)
    expect(after.output).toMatch(/last failover: .* → /)
    await eventually('the failover is over, and told', async () => {
      const { output } = await run('history', 'mymaster', '--last', '1', ...at)
      return output.includes('switchover, epoch 1') && output.includes('nothing was lost') && output
    })
    const told = await run('history', 'mymaster', ...at)
    for (const phase of ['choose', 'commit', 'fence', 'promote', 'announce', 'reconfigure'])
      expect(told.output).toMatch(new RegExp(`^  ${phase} +[\\d.]+ m?s  .+\\.$`, 'm'))
    await end(proc)
  })

  it('leaves no temporary directory, neither after Ctrl-C nor after SIGKILL', async () => {
    const scratch = (proc: Proc): string => /sentinels in (\S+)/.exec(proc.output())![1]!
    const ended = await startUp('--port', '0', '--replicas', '1', '--sentinels', '1')
    expect(scratch(ended).startsWith(join(tmpdir(), 'vedette-up-'))).toBe(true)
    expect(existsSync(scratch(ended))).toBe(true)
    await end(ended)
    expect(existsSync(scratch(ended))).toBe(false)
    const killed = await startUp('--port', '0', '--replicas', '1', '--sentinels', '1')
    await killed.kill()
    await eventually('its children have removed the directory', () => !existsSync(scratch(killed)))
  })

  it('finds its data and its primary again in --data-dir', async () => {
    const dir = scope.tempDir()
    const port = await freeBase([0, 1, 100, 1100, 2100])
    const sentinelPort = port + 100
    const numbers = [
      '--port',
      String(port),
      '--sentinel-port',
      String(sentinelPort),
      '--sentinels',
      '1',
      '--data-dir',
      dir,
    ]
    const args = ['--replicas', '1', ...numbers]
    const first = await startUp(...args)
    await callOnce(port, 'SET', 'kept', 'yes')
    await eventually('the replica has it', async () => (await callOnce(port + 1, 'GET', 'kept')) === 'yes')
    const at = ['--sentinel', `127.0.0.1:${sentinelPort}`]
    await eventually('the replica is known', async () => (await run('failover', 'mymaster', ...at)).code === 0, {
      intervalMs: 300,
    })
    await first.waitForOutput(/server-2 \(\d+\) is primary/)
    await callOnce(port + 1, 'SET', 'later', 'too')
    await end(first)
    const second = await startUp(...args)
    expect(ports(second)[0]).toBe(port + 1)
    expect(await callOnce(port + 1, 'MGET', 'kept', 'later')).toEqual(['yes', 'too'])
    await end(second)
    const other = await run('up', '--replicas', '2', ...numbers)
    expect(other.code).toBe(2)
  })
})
