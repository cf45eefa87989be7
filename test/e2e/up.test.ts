// `vedette up`, what `npm start` runs: a group that works, follows the primary when chaos kills it, and leaves nothing behind:
// neither after Ctrl-C nor when it is itself killed with SIGKILL.
import { readdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { freePort } from '../support/ports.ts'
import { callOnce } from '../support/resp.ts'
import { createScope, type Proc, type Scope } from '../support/scope.ts'
import { vedette } from '../support/servers.ts'
import { eventually, within } from '../support/wait.ts'

let scope: Scope
beforeEach(() => {
  scope = createScope()
})
afterEach(() => scope.close())

/** Processes whose ancestors include `pid`, by the kernel's word. */
function descendants(pid: number): number[] {
  const parents = new Map<number, number>()
  for (const entry of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const stat = readFileSync(`/proc/${entry}/stat`, 'latin1')
      parents.set(Number(entry), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]))
    } catch {
      // It ended meanwhile.
    }
  }
  const found: number[] = []
  const visit = (parent: number): void => {
    for (const [child, of] of parents) {
      if (of !== parent) continue
      found.push(child)
      visit(child)
    }
  }
  visit(pid)
  return found
}

const lives = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    // A zombie that nobody reaps is dead all the same.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'latin1'))
  } catch {
    return false
  }
}

interface Up {
  proc: Proc
  port: number
  sentinelPort: number
  pids: number[]
}

async function startUp(...args: string[]): Promise<Up> {
  const proc = vedette(scope, ['up', '--port', '0', ...args], { cwd: scope.tempDir() })
  const printed = await proc.waitForOutput(/redis-cli -p (\d+) set[\s\S]*?redis-cli -p (\d+) sentinel/, 20_000)
  const pids = descendants(proc.pid)
  scope.defer(() => {
    for (const pid of pids.filter(lives)) process.kill(pid, 'SIGKILL')
  })
  return { proc, port: Number(printed[1]), sentinelPort: Number(printed[2]), pids }
}

const primaryOf = async (sentinelPort: number): Promise<number> => {
  const reply = await callOnce(sentinelPort, 'SENTINEL', 'GET-MASTER-ADDR-BY-NAME', 'mymaster')
  return Array.isArray(reply) ? Number(reply[1]) : -1
}

describe('vedette up', () => {
  it('runs a primary, two replicas and three sentinels, and ends them all on Ctrl-C', async () => {
    const { proc, sentinelPort, pids } = await startUp()
    expect(pids).toHaveLength(6)
    const port = await eventually('the sentinels name a primary', async () => {
      const found = await primaryOf(sentinelPort)
      return found > 0 ? found : undefined
    })
    await eventually('the primary has both replicas', async () => {
      const role = await callOnce(port, 'ROLE')
      return Array.isArray(role) && role[0] === 'master' && Array.isArray(role[2]) && role[2].length === 2
    })
    expect(await callOnce(port, 'SET', 'hello', 'world')).toBe('OK')
    proc.signal('SIGINT')
    expect((await within(15_000, 'it ends', proc.exited)).code).toBe(0)
    expect(pids.filter(lives)).toEqual([])
  })

  it('leaves nothing behind when it is killed itself', async () => {
    const { proc, pids } = await startUp()
    expect(pids.filter(lives)).toHaveLength(6)
    await proc.kill()
    await eventually('all its processes have ended', () => pids.filter(lives).length === 0)
  })

  it('shows a failover on each kill of --chaos, and the killed server returns', async () => {
    const { proc, sentinelPort, port } = await startUp('--chaos', '3s')
    await proc.waitForOutput(/chaos: killed the primary/, 20_000)
    await eventually('another primary is announced', async () => {
      const now = await primaryOf(sentinelPort)
      return now > 0 && now !== port
    })
    // It goes on: the second kill finds a primary again.
    await proc.waitForOutput(/chaos: killed the primary[\s\S]*chaos: killed the primary/, 30_000)
    proc.signal('SIGINT')
    await within(15_000, 'it ends', proc.exited)
  })

  it('names a port that is taken, and starts nothing', async () => {
    const port = await freePort()
    const blocker = createServer()
    await new Promise<void>((resolve) => blocker.listen(port, '127.0.0.1', resolve))
    scope.defer(() => blocker.close())
    const proc = vedette(scope, ['up', '--port', String(port), '--sentinel-port', String(port + 1000)], {
      cwd: scope.tempDir(),
    })
    const { code } = await within(15_000, 'it ends', proc.exited)
    expect(code, proc.output()).toBeGreaterThan(0)
    expect(proc.output()).toContain(String(port))
    expect(proc.output(), 'a message, not a stack').not.toMatch(/\n\s+at .*\.js:\d+/)
  })
})
