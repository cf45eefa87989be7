// SLOWLOG, LATENCY and MEMORY on a server in memory, whose clock stands still: every command takes no time, so a threshold of 0
// logs all of them. Times that are real: test/compat/slow.test.ts and the reference suite.
import { beforeEach, describe, expect, it } from 'vitest'
import { createTestServer, type TestClient, type TestServer } from '../../support/engine.ts'

let server: TestServer
let client: TestClient
beforeEach(() => {
  server = createTestServer({ 'slowlog-log-slower-than': '0' })
  client = server.connect()
})

const errorOf = (reply: unknown): string => (reply as Error).message
const logged = (): string[][] =>
  (client.call('SLOWLOG', 'GET', '-1') as unknown[][]).map((entry) => entry[3] as string[])

describe('SLOWLOG', () => {
  it('keeps the newest commands, each with its number, time, client and name', () => {
    client.call('CLIENT', 'SETNAME', 'me')
    client.call('SET', 'a', '1')
    const [newest] = client.call('SLOWLOG', 'GET', '1') as unknown[][]
    expect(newest).toEqual([1, server.nowMs / 1000, 0, ['SET', 'a', '1'], client.session.outlet.peer, 'me'])
    expect(client.call('SLOWLOG', 'LEN')).toBe(3)
    client.call('CONFIG', 'SET', 'slowlog-max-len', '2')
    expect(client.call('SLOWLOG', 'LEN')).toBe(2)
    for (let i = 0; i < 200; i++) client.call('GET', 'a')
    expect(logged()).toEqual([
      ['GET', 'a'],
      ['GET', 'a'],
    ])
    expect(client.call('SLOWLOG', 'GET', '0')).toEqual([])
    client.call('SLOWLOG', 'RESET')
    expect(logged()).toEqual([['SLOWLOG', 'RESET']])
    client.call('CONFIG', 'SET', 'slowlog-log-slower-than', '-1')
    client.call('SLOWLOG', 'RESET')
    expect(logged()).toEqual([])
  })

  it('keeps no password, no EXEC, and little of what is long', () => {
    client.call('CONFIG', 'SET', 'masterauth', 'secret', 'maxmemory', '0')
    client.call('AUTH', 'secret')
    client.call('MULTI')
    client.call('SET', 'a', 'x'.repeat(130))
    client.call('EXEC')
    client.call('DEL', ...Array.from({ length: 33 }, (_, i) => `k${i}`))
    const [del, set, multi, auth, config] = logged()
    expect(auth).toEqual(['AUTH', '(redacted)'])
    expect(config).toEqual(['CONFIG', 'SET', 'masterauth', '(redacted)', 'maxmemory', '0'])
    expect(multi).toEqual(['MULTI'])
    expect(set).toEqual(['SET', 'a', `${'x'.repeat(128)}... (2 more bytes)`])
    expect(del).toHaveLength(32)
    expect(del!.at(-1)).toBe('... (3 more arguments)')
  })

  it('refuses what is no count', () => {
    for (const count of ['-2', 'x']) {
      expect(errorOf(client.call('SLOWLOG', 'GET', count))).toContain('count should be greater than or equal to -1')
    }
  })
})

describe('LATENCY', () => {
  it('tells what was long, of each second the longest', () => {
    const { latency } = server
    expect(client.call('LATENCY', 'LATEST')).toEqual([])
    latency.add('command', 20, 1000)
    latency.add('command', 30, 1000)
    latency.add('command', 10, 1001)
    latency.add('expire-cycle', 5, 1002)
    expect(client.call('LATENCY', 'LATEST')).toEqual([
      ['command', 1001, 10, 30],
      ['expire-cycle', 1002, 5, 5],
    ])
    expect(client.call('LATENCY', 'HISTORY', 'COMMAND')).toEqual([
      [1000, 30],
      [1001, 10],
    ])
    expect(client.call('LATENCY', 'HISTORY', 'nosuch')).toEqual([])
    expect(client.call('LATENCY', 'GRAPH', 'command')).toContain(
      'command - high 30 ms, low 10 ms (all time high 30 ms)',
    )
    expect(errorOf(client.call('LATENCY', 'GRAPH', 'nosuch'))).toContain("No samples available for event 'nosuch'")
    expect(client.call('LATENCY', 'DOCTOR')).toContain('latency-monitor-threshold')
    client.call('CONFIG', 'SET', 'latency-monitor-threshold', '5')
    expect(client.call('LATENCY', 'DOCTOR')).toContain('1. command: 2 latency spikes')
    expect(client.call('LATENCY', 'RESET', 'nosuch')).toBe(0)
    expect(client.call('LATENCY', 'RESET', 'command')).toBe(1)
    expect(client.call('LATENCY', 'RESET')).toBe(1)
    expect(client.call('LATENCY', 'LATEST')).toEqual([])
  })

  it('keeps 160 samples of a kind', () => {
    for (let i = 0; i < 500; i++) server.latency.add('command', i, i)
    expect(client.call('LATENCY', 'HISTORY', 'command')).toHaveLength(160)
  })

  it('has histograms of commands and subcommands that were used', () => {
    client.call('SET', 'a', '1')
    client.call('SET', 'a', '2')
    client.call('CLIENT', 'ID')
    expect(client.call('LATENCY', 'HISTOGRAM', 'set', 'nosuch', 'get')).toEqual([
      'set',
      ['calls', 2, 'histogram_usec', [1, 2]],
    ])
    expect((client.call('LATENCY', 'HISTOGRAM', 'client') as unknown[])[0]).toBe('client|id')
    client.call('CONFIG', 'SET', 'latency-tracking', 'no')
    client.call('GET', 'a')
    expect(client.call('LATENCY', 'HISTOGRAM', 'get')).toEqual([])
  })

  it('of a command that does little times the first calls, then one of 64 that stands for all', () => {
    client.call('CONFIG', 'SET', 'slowlog-log-slower-than', '10000')
    for (let i = 0; i < 64 + 64 * 5; i++) client.call('GET', 'a')
    const get = server.host.commands.byName.get('get')!
    expect(get.calls).toBe(384)
    expect(get.latency!.count).toBe(384)
    expect(get.stride).toBe(64)
    for (let i = 0; i < 200; i++) client.call('KEYS', '*')
    expect(server.host.commands.byName.get('keys')!.stride).toBe(1)
  })
})

describe('MEMORY', () => {
  it('tells what a key takes, and where memory is', () => {
    client.call('SET', 'a', 'x'.repeat(1000))
    expect(client.call('MEMORY', 'USAGE', 'a')).toBeGreaterThan(1000)
    expect(client.call('MEMORY', 'USAGE', 'a')).toBeLessThan(1300)
    expect(client.call('MEMORY', 'USAGE', 'a', 'SAMPLES', '0')).toBeGreaterThan(1000)
    expect(client.call('MEMORY', 'USAGE', 'nosuch')).toBeNull()
    expect(errorOf(client.call('MEMORY', 'USAGE', 'a', 'SAMPLES', 'x'))).toContain('not an integer')
    expect(errorOf(client.call('MEMORY', 'USAGE', 'a', 'NOSUCH'))).toContain('syntax error')
    const stats = client.call('MEMORY', 'STATS') as unknown[]
    expect(stats[stats.indexOf('total.allocated') + 1]).toBe(1000)
    expect(stats[stats.indexOf('keys.count') + 1]).toBe(1)
    expect(stats[stats.indexOf('db.0') + 1]).toHaveLength(6)
    expect(client.call('MEMORY', 'PURGE')).toBe('OK')
    expect(client.call('MEMORY', 'DOCTOR')).toContain('little data')
    expect(client.call('MEMORY', 'MALLOC-STATS')).toContain('vedette-arena')
  })
})
