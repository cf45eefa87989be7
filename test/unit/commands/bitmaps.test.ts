// Bitmaps and bit fields on a server in memory: what they replicate and publish, and strings of more than a block. What they
// reply is compared with redis-server in test/compat/corpus/bitmap.txt.
import { describe, expect, it } from 'vitest'
import { createTestServer } from '../../support/engine.ts'
import { type Case, expectation, openConsole, outcome } from './harness.ts'

const check = (cases: readonly Case[]): void => {
  it.each(cases)('$before, $line', (given) => {
    expect(outcome(given)).toEqual(expectation(given))
  })
}

describe('what is replicated and published', () => {
  check([
    { line: 'SETBIT k 7 1', reply: '0', replicated: ['0: SETBIT k 7 1'], events: ['new 0/k', 'setbit 0/k'] },
    { line: 'SETBIT k 7 0', reply: '0', replicated: ['0: SETBIT k 7 0'], events: ['new 0/k', 'setbit 0/k'] },
    { before: ['SETBIT k 7 1'], line: 'SETBIT k 7 1', reply: '1' },
    {
      before: ['SETBIT k 7 1'],
      line: 'SETBIT k 9 0',
      reply: '0',
      replicated: ['0: SETBIT k 9 0'],
      events: ['setbit 0/k'],
    },
    {
      before: ['SET k 1'],
      line: 'BITOP NOT d k',
      reply: '1',
      replicated: ['0: BITOP NOT d k'],
      events: ['new 0/d', 'set 0/d'],
    },
    {
      before: ['SET d 1'],
      line: 'BITOP AND d k',
      reply: '0',
      replicated: ['0: BITOP AND d k'],
      events: ['keymiss 0/k', 'del 0/d'],
    },
    { line: 'BITOP AND d k', reply: '0', events: ['keymiss 0/k'] },
    { before: ['SET k 1'], line: 'BITFIELD k GET u8 0', reply: '[49]' },
    {
      before: ['SET k 1'],
      line: 'BITFIELD k INCRBY u8 0 1 GET u8 0',
      reply: '[50 50]',
      replicated: ['0: BITFIELD k INCRBY u8 0 1 GET u8 0'],
      events: ['setbit 0/k'],
    },
    { before: ['SET k 1'], line: 'BITFIELD k OVERFLOW FAIL INCRBY u8 0 250', reply: '[nil]' },
    {
      line: 'BITFIELD k OVERFLOW FAIL INCRBY u8 0 256',
      reply: '[nil]',
      replicated: ['0: BITFIELD k OVERFLOW FAIL INCRBY u8 0 256'],
      events: ['new 0/k'],
    },
  ])
})

describe('strings', () => {
  it('are watched: a bit that stays as it is changes nothing', () => {
    const server = createTestServer()
    const client = server.connect()
    const other = server.connect()
    const survives = (...change: string[]): boolean => {
      client.call('WATCH', 'k')
      other.call(...change)
      client.call('MULTI')
      return client.call('EXEC') !== null
    }
    client.call('SETBIT', 'k', '7', '1')
    expect(survives('SETBIT', 'k', '7', '1')).toBe(true)
    expect(survives('SETBIT', 'k', '7', '0')).toBe(false)
    expect(survives('BITFIELD', 'k', 'GET', 'u8', '0')).toBe(true)
    expect(survives('BITFIELD', 'k', 'OVERFLOW', 'FAIL', 'SET', 'u2', '0', '9')).toBe(true)
    expect(survives('BITFIELD', 'k', 'SET', 'u2', '0', '1')).toBe(false)
  })

  it('grow from inline to huge with zeros in between, and keep their expiry', () => {
    const { run, runAll } = openConsole()
    runAll('SET k 1', 'EXPIREAT k 33177117420')
    expect(runAll('SETBIT k 799999 1', 'STRLEN k', 'BITCOUNT k', 'BITPOS k 1 1', 'EXPIRETIME k')).toEqual([
      '0',
      '100000',
      '4',
      '799999',
      '33177117420',
    ])
    expect(run('BITFIELD k SET u8 1600000 255 GET u16 1599992')).toBe('[0 255]')
    expect(run('BITCOUNT k 100000 -1')).toBe('8')
  })

  it('that a snapshot holds are put aside only where bits change', () => {
    const server = createTestServer()
    const client = server.connect()
    client.call('SETBIT', 'k', '79999999', '1')
    const { huge } = server.keyspace.arena
    const h = server.keyspace.databases[0]!.find(Buffer.from('k'), 0, 1)
    expect(h).not.toBe(0)
    const hold = huge.hold(1)
    const before = huge.usedBytes
    client.call('SETBIT', 'k', '40000000', '1')
    client.call('BITFIELD', 'k', 'SET', 'u8', '40000008', '1')
    client.call('SETBIT', 'k', '40000000', '1')
    expect(huge.usedBytes - before).toBe(64 * 1024)
    let ones = 0
    for (let chunk = hold.next(); chunk.length > 0; chunk = hold.next())
      for (const byte of chunk) ones += byte === 0 ? 0 : 1
    hold.release()
    expect(ones).toBe(1)
    expect(client.call('BITCOUNT', 'k')).toBe(3)
  })

  it('are not bounded for our primary, which has accepted what it sends', () => {
    const server = createTestServer({ 'proto-max-bulk-len': '1mb' })
    const client = server.connect()
    expect(client.call('SETBIT', 'k', '8388608', '1')).toMatchObject({
      message: 'ERR bit offset is not an integer or out of range',
    })
    const primary = server.connect()
    primary.session.isPrimary = true
    primary.call('SETBIT', 'k', '8388608', '1')
    expect(client.call('STRLEN', 'k')).toBe(1_048_577)
  })
})
