// HyperLogLogs on a server in memory: what they replicate and publish, and what a replica keeps to itself. What they reply, and
// their bytes, are compared with redis-server in test/compat/corpus/hyperloglog.txt.
import { describe, expect, it } from 'vitest'
import { createTestServer } from '../../support/engine.ts'
import { type Case, expectation, openConsole, outcome } from './harness.ts'

const H = ['PFADD h a b']
const CORRUPTED = 'SET c HYLL\\x01\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\x80'

describe('what is replicated and published', () => {
  const cases: readonly Case[] = [
    { line: 'PFADD h', reply: '1', replicated: ['0: PFADD h'], events: ['new 0/h', 'pfadd 0/h'] },
    { line: 'PFADD h a', reply: '1', replicated: ['0: PFADD h a'], events: ['new 0/h', 'pfadd 0/h'] },
    { before: H, line: 'PFADD h b a', reply: '0' },
    { before: H, line: 'PFADD h c a', reply: '1', replicated: ['0: PFADD h c a'], events: ['pfadd 0/h'] },
    { before: H, line: 'PFCOUNT h', reply: '2', replicated: ['0: PFCOUNT h'] },
    { before: [...H, 'PFCOUNT h'], line: 'PFCOUNT h', reply: '2' },
    { before: H, line: 'PFCOUNT h g', reply: '2', events: ['keymiss 0/g'] },
    {
      before: H,
      line: 'PFMERGE d h',
      reply: 'OK',
      replicated: ['0: PFMERGE d h'],
      events: ['keymiss 0/d', 'new 0/d', 'pfadd 0/d'],
    },
    { before: H, line: 'PFDEBUG TODENSE h', reply: '1', replicated: ['0: PFDEBUG TODENSE h'] },
    { before: H, line: 'PFDEBUG ENCODING h', reply: 'sparse' },
    { before: [CORRUPTED], line: 'PFADD c x', reply: '-INVALIDOBJ Corrupted HLL object detected' },
    { before: [CORRUPTED, ...H], line: 'PFMERGE h c', reply: '-INVALIDOBJ Corrupted HLL object detected' },
    { line: 'PFSELFTEST', reply: 'OK' },
  ]
  it.each(cases)('$before, $line', (given) => {
    expect(outcome(given)).toEqual(expectation(given))
  })
})

describe('the estimate', () => {
  it('that a replica makes for a client is not kept: its data are those of its primary', () => {
    const server = createTestServer()
    const client = server.connect()
    client.call('PFADD', 'h', 'a')
    const before = client.call('GET', 'h')
    server.host.replication.isReplica = () => true
    server.feed.length = 0
    expect(client.call('PFCOUNT', 'h')).toBe(1)
    expect(client.call('GET', 'h')).toBe(before)
    const primary = server.connect()
    primary.session.isPrimary = true
    primary.call('PFCOUNT', 'h')
    expect(client.call('GET', 'h')).not.toBe(before)
  })
})

describe('a HyperLogLog', () => {
  it('under a key so long that it has a huge block is the same', () => {
    const { run, server } = openConsole()
    const long = 'k'.repeat(60_000)
    const elements = Array.from({ length: 3000 }, (_, i) => `e${i}`).join(' ')
    for (const key of ['k', long]) {
      expect(run(`PFADD ${key} ${elements}`)).toBe('1')
      expect(run(`PFADD ${key} another`)).toBe('1')
      expect(run(`PFADD ${key} another`)).toBe('0')
      expect(run(`PFDEBUG ENCODING ${key}`)).toBe('dense')
    }
    expect(run(`PFCOUNT ${long}`)).toBe(run('PFCOUNT k'))
    expect(run(`GET ${long}`)).toBe(run('GET k'))
    expect(server.keyspace.arena.huge.usedBytes).toBeGreaterThan(12_000)
  })

  it('becomes dense at the limit that is set', () => {
    const { runAll } = openConsole()
    const steps = [
      'PFADD h a b c',
      'PFDEBUG ENCODING h',
      'CONFIG SET hll-sparse-max-bytes 25',
      'PFADD h d e f',
      'PFDEBUG ENCODING h',
    ]
    expect(runAll(...steps)).toEqual(['1', 'sparse', 'OK', '1', 'dense'])
  })
})
