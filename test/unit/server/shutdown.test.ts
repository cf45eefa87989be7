// Nothing is acknowledged behind the last snapshot of a shutdown, and who asked for one waits for its end.
import { describe, expect, it } from 'vitest'
import { failWith } from '../../../src/errors.ts'
import { createShutdown } from '../../../src/server/shutdown.ts'
import { createTestRegistry, type TestRegistry } from '../../support/registry.ts'
import { eventually } from '../../support/wait.ts'

interface Ending extends TestRegistry {
  /** What was saved at exit: whether key `b` was there. */
  readonly signal: () => void
  readonly saved: boolean[]
  readonly exits: number[]
  behind: boolean
  canSave: boolean
  /** Called as soon as anything can run behind the snapshot. */
  afterSave: () => void
}

function createEnding(): Ending {
  const registry = createTestRegistry({ save: '3600 1' })
  const { server, clients, host } = registry
  const saved: boolean[] = []
  const exits: number[] = []
  const ending: Ending & { signal: () => void } = {
    ...registry,
    signal: () => {},
    saved,
    exits,
    behind: false,
    canSave: true,
    afterSave: () => {},
  }
  const quiet = (): void => {}
  const shutdown = createShutdown({
    options: server.config.values,
    log: { debug: quiet, verbose: quiet, notice: quiet, warning: quiet },
    clients,
    replication: {
      progress: () => ({ all: 1, behind: ending.behind ? ['a replica'] : [] }),
      requestAcknowledgements: quiet,
    } as never,
    persistence: {
      saveAtExit: () => {
        if (!ending.canSave) failWith('ERR disk full')
        saved.push(server.keyspace.databases[0]!.peek(Buffer.from('b'), 0, 1) !== 0)
        queueMicrotask(() => ending.afterSave())
      },
    } as never,
    end: (code) => void exits.push(code),
  })
  ending.signal = () => shutdown.signal('SIGTERM')
  host.shutdown = shutdown.command
  host.abortShutdown = shutdown.abort
  return ending
}

describe('SHUTDOWN', () => {
  it('answers nothing behind its snapshot, neither in the same batch nor to others', async () => {
    const ending = createEnding()
    const [asking, other] = [ending.connect(), ending.connect()]
    asking.send('SET a 1\r\nSHUTDOWN SAVE\r\nSET b 2\r\nGET b\r\nNOSUCH')
    other.send('SET b 3\r\nPING')
    expect(asking.output()).toBe('+OK\r\n')
    expect(other.output()).toBe('')
    expect(ending.saved).toEqual([false])
    await eventually('the end', async () => ending.exits.length > 0)
    expect(ending.exits).toEqual([0])
  })

  it('that waited for replicas answers nothing behind its snapshot either', async () => {
    const ending = createEnding()
    const [asking, other] = [ending.connect(), ending.connect()]
    ending.behind = true
    asking.send('SHUTDOWN\r\nPING')
    other.send('GET b')
    expect(other.output()).toBe('$-1\r\n')
    ending.afterSave = () => other.send('PING\r\nSET b 3')
    ending.behind = false
    await eventually('the end', async () => ending.exits.length > 0)
    expect([asking.output(), other.output()]).toEqual(['', ''])
  })

  it('that cannot save goes on as before', () => {
    const ending = createEnding()
    ending.canSave = false
    const asking = ending.connect()
    asking.send('SHUTDOWN\r\nSET a 1')
    expect(asking.output()).toBe('-ERR Errors trying to SHUTDOWN. Check logs.\r\n+OK\r\n')
    expect(ending.exits).toEqual([])
  })

  it('is not ended by CLIENT UNBLOCK, but by SHUTDOWN ABORT', () => {
    const ending = createEnding()
    const [asking, other] = [ending.connect(), ending.connect()]
    ending.behind = true
    asking.send('CLIENT ID\r\nSHUTDOWN')
    const id = /:(\d+)/.exec(asking.output())![1]!
    other.send(`CLIENT UNBLOCK ${id}\r\nCLIENT UNBLOCK ${id} ERROR`)
    expect(other.output()).toBe(':0\r\n:0\r\n')
    expect(asking.output()).toBe('')
    other.send('SHUTDOWN ABORT')
    expect(other.output()).toBe('+OK\r\n')
    expect(asking.output()).toBe('-ERR Errors trying to SHUTDOWN. Check logs.\r\n')
  })

  it('by a signal goes on running when the snapshot fails, and ends when it succeeds', async () => {
    const ending = createEnding()
    const client = ending.connect()
    ending.canSave = false
    ending.signal()
    client.send('SET a 1')
    expect(client.output()).toBe('+OK\r\n')
    expect(ending.exits).toEqual([])
    // One that waited for replicas lets writes go on again.
    ending.behind = true
    ending.signal()
    ending.behind = false
    client.send('SET a 2')
    await eventually('the write runs', async () => client.output() === '+OK\r\n')
    expect(ending.exits).toEqual([])
    ending.canSave = true
    ending.signal()
    await eventually('the end', async () => ending.exits.length > 0)
    expect(ending.exits).toEqual([0])
  })
})
