import { describe, expect, it } from 'vitest'
import { type Case, expectation, openConsole, outcome } from './harness.ts'

const NOW = 1_700_000_000_000
const SYNTAX = '-ERR syntax error'
const NOT_INTEGER = '-ERR value is not an integer or out of range'

const check = (cases: readonly Case[]): void => {
  it.each(cases)('$before, $line', (given) => {
    expect(outcome(given)).toEqual(expectation(given))
  })
}

describe('whole keys', () => {
  check([
    {
      before: ['MSET a 1 b 2'],
      line: 'DEL a x b a',
      reply: '2',
      replicated: ['0: DEL a x b a'],
      events: ['del 0/a', 'del 0/b'],
    },
    { line: 'DEL a', reply: '0' },
    { before: ['SET a 1'], line: 'UNLINK a', reply: '1', replicated: ['0: UNLINK a'], events: ['del 0/a'] },
    { before: ['SET a 1'], line: 'EXISTS a x a', reply: '2', events: ['keymiss 0/x'] },
    { before: ['SET a 1'], line: 'TOUCH a x a', reply: '2', events: ['keymiss 0/x'] },
    { before: ['SET a 1'], line: 'TYPE a', reply: 'string' },
    { line: 'TYPE a', reply: 'none', events: ['keymiss 0/a'] },
    {
      before: ['SET a 1 EX 9', 'SET b 2'],
      line: 'RENAME a b',
      reply: 'OK',
      replicated: ['0: RENAME a b'],
      events: ['new 0/b', 'rename_from 0/a', 'rename_to 0/b'],
    },
    { line: 'RENAME a b', reply: '-ERR no such key' },
    { before: ['SET a 1'], line: 'RENAME a a', reply: 'OK' },
    { before: ['SET a 1'], line: 'RENAMENX a a', reply: '0' },
    { before: ['MSET a 1 b 2'], line: 'RENAMENX a b', reply: '0' },
    { line: 'RENAMENX a b', reply: '-ERR no such key' },
    {
      before: ['SET a 1'],
      line: 'RENAMENX a b',
      reply: '1',
      replicated: ['0: RENAMENX a b'],
      events: ['new 0/b', 'rename_from 0/a', 'rename_to 0/b'],
    },
    {
      before: ['SET a 1'],
      line: 'COPY a b',
      reply: '1',
      replicated: ['0: COPY a b'],
      events: ['new 0/b', 'copy_to 0/b'],
    },
    { before: ['MSET a 1 b 2'], line: 'COPY a b', reply: '0' },
    {
      before: ['MSET a 1 b 2'],
      line: 'COPY a b DB 3 replace',
      reply: '1',
      replicated: ['0: COPY a b DB 3 replace'],
      events: ['new 3/b', 'copy_to 3/b'],
    },
    { line: 'COPY a b', reply: '0', events: ['keymiss 0/a'] },
    { before: ['SET a 1'], line: 'COPY a a', reply: '-ERR source and destination objects are the same' },
    {
      before: ['SET a 1'],
      line: 'COPY a a DB 1',
      reply: '1',
      replicated: ['0: COPY a a DB 1'],
      events: ['new 1/a', 'copy_to 1/a'],
    },
    { line: 'COPY a b DB 16', reply: '-ERR DB index is out of range' },
    { line: 'COPY a b DB x', reply: NOT_INTEGER },
    {
      line: 'COPY a b DB 2147483648',
      reply: '-ERR value is out of range, value must between -2147483648 and 2147483647',
    },
    { line: 'COPY a b DB', reply: SYNTAX },
    { line: 'COPY a b FOO', reply: SYNTAX },
    {
      before: ['SET a 1'],
      line: 'MOVE a 2',
      reply: '1',
      replicated: ['0: MOVE a 2'],
      events: ['new 2/a', 'move_from 0/a', 'move_to 2/a'],
    },
    { line: 'MOVE a 2', reply: '0' },
    { line: 'MOVE a 0', reply: '-ERR source and destination objects are the same' },
    { line: 'MOVE a -1', reply: '-ERR DB index is out of range' },
    { line: 'MOVE a x', reply: NOT_INTEGER },
    { before: ['SET a 1', 'COPY a a DB 2'], line: 'MOVE a 2', reply: '0' },
  ])

  it('take value and expiry along, whatever the size', () => {
    for (const length of [3, 100_000]) {
      const { server, run, runAll } = openConsole()
      const client = server.connect()
      client.call('SET', 'a', Buffer.alloc(length, 'v'), 'PX', '5000')
      client.call('SET', 'b', Buffer.alloc(100_000, 'w'))
      expect(runAll('RENAME a b', 'EXISTS a', 'STRLEN b', 'PTTL b')).toEqual(['OK', '0', String(length), '5000'])
      expect(runAll('COPY b c', 'STRLEN c', 'PTTL c')).toEqual(['1', String(length), '5000'])
      expect(runAll('MOVE b 1', 'EXISTS b', 'SELECT 1', 'STRLEN b', 'PTTL b').slice(1)).toEqual([
        '0',
        'OK',
        String(length),
        '5000',
      ])
      expect(runAll('SET b "" KEEPTTL', 'PTTL b', 'DEL b', 'SELECT 0', 'GETRANGE c 0 2')).toEqual([
        'OK',
        '5000',
        '1',
        'OK',
        'vvv',
      ])
      run('FLUSHALL')
      expect(server.keyspace.arena.huge.usedBytes).toBe(0)
    }
  })
})

describe('expiry', () => {
  const GONE = { replicated: ['0: DEL k'], events: ['del 0/k'] }
  const set = (atMs: number): Pick<Case, 'replicated' | 'events'> => ({
    replicated: [`0: PEXPIREAT k ${atMs}`],
    events: ['expire 0/k'],
  })
  const K = ['SET k v']
  const K9 = ['SET k v EX 9']
  check([
    { before: K, line: 'EXPIRE k 5', reply: '1', ...set(NOW + 5000) },
    { before: K, line: 'PEXPIRE k 5', reply: '1', ...set(NOW + 5) },
    { before: K, line: 'EXPIREAT k 1700000005', reply: '1', ...set(NOW + 5000) },
    { before: K, line: 'PEXPIREAT k 1700000000005', reply: '1', ...set(NOW + 5) },
    { line: 'EXPIRE k 5', reply: '0' },
    { before: K, line: 'EXPIRE k 0', reply: '1', ...GONE },
    { before: K, line: 'EXPIRE k -5', reply: '1', ...GONE },
    { before: K, line: 'PEXPIREAT k 1', reply: '1', ...GONE },
    { before: K, line: 'PEXPIREAT k -9223372036854775808', reply: '1', ...GONE },
    { before: K9, line: 'EXPIRE k 5 NX', reply: '0' },
    { before: K, line: 'EXPIRE k 5 nx', reply: '1', ...set(NOW + 5000) },
    { before: K, line: 'EXPIRE k 5 XX', reply: '0' },
    { before: K9, line: 'EXPIRE k 5 XX', reply: '1', ...set(NOW + 5000) },
    { before: K, line: 'EXPIRE k 5 GT', reply: '0' },
    { before: K9, line: 'EXPIRE k 9 GT', reply: '0' },
    { before: K9, line: 'EXPIRE k 10 GT XX', reply: '1', ...set(NOW + 10_000) },
    { before: K, line: 'EXPIRE k 5 LT', reply: '1', ...set(NOW + 5000) },
    { before: K9, line: 'EXPIRE k 9 LT', reply: '0' },
    { before: K, line: 'EXPIRE k 5 LT XX', reply: '0' },
    { before: K9, line: 'EXPIRE k 0 LT', reply: '1', ...GONE },
    {
      before: K,
      line: 'EXPIRE k 5 NX XX',
      reply: '-ERR NX and XX, GT or LT options at the same time are not compatible',
    },
    { before: K, line: 'EXPIRE k 5 GT LT', reply: '-ERR GT and LT options at the same time are not compatible' },
    { before: K, line: 'EXPIRE k 5 foo', reply: '-ERR Unsupported option foo' },
    { before: K, line: 'EXPIRE k x', reply: NOT_INTEGER },
    ...['EXPIRE', 'EXPIREAT'].flatMap((command) =>
      ['9223372036854776', '-9223372036854776'].map((time) => ({
        before: K,
        line: `${command} k ${time}`,
        reply: `-ERR invalid expire time in '${command.toLowerCase()}' command`,
      })),
    ),
    { before: K, line: 'PEXPIRE k 9223372036854775807', reply: "-ERR invalid expire time in 'pexpire' command" },
    { before: K9, line: 'PERSIST k', reply: '1', replicated: ['0: PERSIST k'], events: ['persist 0/k'] },
    { before: K, line: 'PERSIST k', reply: '0' },
    { line: 'PERSIST k', reply: '0' },
    ...['TTL', 'PTTL', 'EXPIRETIME', 'PEXPIRETIME'].flatMap((command) => [
      { line: `${command} k`, reply: '-2', events: ['keymiss 0/k'] },
      { before: K, line: `${command} k`, reply: '-1' },
    ]),
    { before: K9, line: 'TTL k', reply: '9' },
    { before: K9, line: 'PTTL k', reply: '9000' },
    { before: ['SET k v PX 1499'], line: 'TTL k', reply: '1' },
    { before: ['SET k v PX 1500'], line: 'TTL k', reply: '2' },
    { before: K9, line: 'EXPIRETIME k', reply: '1700000009' },
    { before: K9, line: 'PEXPIRETIME k', reply: String(NOW + 9000) },
    { before: ['SET k v PXAT 9223372036854775807'], line: 'PEXPIRETIME k', reply: '9223372036854775807' },
  ])

  it('deletes a key when it is met, tells of it, and replicates the deletion', () => {
    const { server, run, replicated, events } = openConsole()
    run('SET k v PX 10')
    replicated()
    events()
    server.advance(10)
    expect(run('GET k')).toBe('v')
    server.advance(1)
    expect(run('GET k')).toBe('nil')
    expect(replicated()).toEqual(['0: DEL k'])
    expect(events()).toEqual(['expired 0/k', 'keymiss 0/k'])
    expect(run('GET k')).toBe('nil')
    expect(replicated()).toEqual([])
  })

  it('on a replica hides a key from clients, keeps it for the primary, and a past time deletes nothing', () => {
    const { server, run, replicated } = openConsole()
    server.keyspace.expiry = 'hide'
    run('SET k v')
    expect(run('PEXPIREAT k 0')).toBe('1')
    expect([run('GET k'), run('DBSIZE'), run('EXISTS k')]).toEqual(['nil', '1', '0'])
    expect(replicated()).toEqual(['0: SET k v', '0: PEXPIREAT k 0'])
    server.keyspace.expiry = 'ignore'
    expect(run('GET k')).toBe('v')
  })
})

describe('walks', () => {
  const keysOf = (reply: string): string[] => reply.slice(1, -1).split(' ').filter(Boolean).sort()

  it('KEYS matches patterns and shows no key whose time is over', () => {
    const { server, run } = openConsole()
    run('MSET one 1 two 2 three 3 four 4')
    run('SET thorn v PX 5')
    expect(keysOf(run('KEYS *'))).toEqual(['four', 'one', 'thorn', 'three', 'two'])
    server.advance(6)
    expect(keysOf(run('KEYS *'))).toEqual(['four', 'one', 'three', 'two'])
    expect(keysOf(run('KEYS t*'))).toEqual(['three', 'two'])
    expect(keysOf(run('KEYS ?[nh]*'))).toEqual(['one', 'three'])
    expect(run('KEYS nothing')).toBe('[]')
  })

  it('SCAN replies all keys once, a few a call', () => {
    const { run } = openConsole()
    const expected: string[] = []
    for (let i = 0; i < 3000; i++) {
      run(`SET key:${i} v`)
      expected.push(`key:${i}`)
    }
    for (const count of [1, 10, 500, 100_000]) {
      const seen: string[] = []
      let cursor = '0'
      do {
        const reply = run(`SCAN ${cursor} COUNT ${count}`)
        const [, next, keys] = /^\[(\d+) \[(.*)\]\]$/.exec(reply)!
        const found = keys!.split(' ').filter(Boolean)
        expect(found.length).toBeLessThan(count + 100)
        seen.push(...found)
        cursor = next!
      } while (cursor !== '0')
      expect(seen.sort()).toEqual([...expected].sort())
    }
  })

  it('SCAN filters by pattern and type, and deletes what it finds expired', () => {
    const { server, run, replicated } = openConsole()
    run('MSET one 1 two 2 three 3')
    run('SET tick v PX 5')
    server.advance(6)
    replicated()
    expect(run('SCAN 0 MATCH o*')).toBe('[0 [one]]')
    expect(run('SCAN 0 TYPE hash')).toBe('[0 []]')
    expect(replicated()).toEqual([])
    expect(keysOf(run('SCAN 0 type STRING match t*').slice(3))).toHaveLength(2)
    expect(replicated()).toEqual(['0: DEL tick'])
  })

  check([
    { line: 'SCAN 0', reply: '[0 []]' },
    { before: ['SET k v'], line: 'SCAN ""', reply: '[0 [k]]' },
    { before: ['SET k v'], line: 'SCAN -1', reply: '[0 []]' },
    { before: ['SET k v'], line: 'SCAN 18446744073709551615', reply: '[0 []]' },
    { line: 'SCAN 18446744073709551616', reply: '-ERR invalid cursor' },
    { line: 'SCAN x', reply: '-ERR invalid cursor' },
    { line: 'SCAN 1x', reply: '-ERR invalid cursor' },
    { line: 'SCAN 0 COUNT 0', reply: SYNTAX },
    { line: 'SCAN 0 COUNT x', reply: NOT_INTEGER },
    { line: 'SCAN 0 COUNT', reply: SYNTAX },
    { line: 'SCAN 0 FOO 1', reply: SYNTAX },
    { line: 'RANDOMKEY', reply: 'nil' },
    { before: ['SET k v'], line: 'RANDOMKEY', reply: 'k' },
  ])

  it('RANDOMKEY meets every key, and deletes what it finds expired', () => {
    const { server, run } = openConsole()
    for (let i = 0; i < 50; i++) run(`SET k${i} v`)
    const seen = new Set(Array.from({ length: 3000 }, () => run('RANDOMKEY')))
    expect(seen.size).toBe(50)
    run('FLUSHALL')
    for (let i = 0; i < 50; i++) run(`SET k${i} v PX 5`)
    server.advance(6)
    expect(run('RANDOMKEY')).toBe('nil')
    expect(run('DBSIZE')).toBe('0')
  })

  it('RANDOMKEY of a replica, and in a pause, replies a key even if it may delete none', () => {
    const { server, run } = openConsole()
    run('SET k v PX 5')
    server.advance(6)
    server.keyspace.expiry = 'hide'
    expect(run('RANDOMKEY')).toBe('k')
    server.keyspace.expiry = 'delete'
    server.keyspace.paused = true
    expect(run('RANDOMKEY')).toBe('k')
    server.keyspace.paused = false
    expect(run('RANDOMKEY')).toBe('nil')
  })
})

describe('OBJECT', () => {
  check([
    { before: ['SET k 12'], line: 'OBJECT ENCODING k', reply: 'int' },
    { before: ['SET k abc'], line: 'OBJECT encoding k', reply: 'embstr' },
    { before: [`SET k ${'x'.repeat(45)}`], line: 'OBJECT ENCODING k', reply: 'raw' },
    { line: 'OBJECT ENCODING k', reply: 'nil' },
    { before: ['SET k 12'], line: 'OBJECT REFCOUNT k', reply: '2147483647' },
    { before: ['SET k abc'], line: 'OBJECT REFCOUNT k', reply: '1' },
    { line: 'OBJECT FREQ k', reply: 'nil' },
    { line: 'OBJECT IDLETIME k', reply: 'nil' },
    { line: 'OBJECT FOO', reply: "-ERR unknown subcommand 'FOO'. Try OBJECT HELP." },
    { line: 'OBJECT ENCODING', reply: "-ERR wrong number of arguments for 'object|encoding' command" },
  ])

  it('FREQ needs an LFU policy', () => {
    const { run } = openConsole()
    run('SET k v')
    expect(run('OBJECT FREQ k')).toMatch(
      /^-ERR An LFU maxmemory policy is not selected, access frequency not tracked\./,
    )
  })

  it('IDLETIME counts seconds since the last use, which asking for it is not', () => {
    const { server, run } = openConsole()
    run('SET k v')
    server.advance(12_000)
    expect([run('OBJECT IDLETIME k'), run('TTL k'), run('TYPE k'), run('EXISTS k')]).toEqual([
      '12',
      '-1',
      'string',
      '1',
    ])
    expect(run('OBJECT IDLETIME k')).toBe('12')
    run('TOUCH k')
    expect(run('OBJECT IDLETIME k')).toBe('0')
    server.advance(3000)
    run('GET k')
    expect(run('OBJECT IDLETIME k')).toBe('0')
  })

  it('HELP lists every subcommand', () => {
    const { run } = openConsole()
    for (const name of ['ENCODING <key>', 'FREQ <key>', 'IDLETIME <key>', 'REFCOUNT <key>', 'HELP']) {
      expect(run('OBJECT HELP')).toContain(name)
    }
  })
})

describe('DUMP and RESTORE', () => {
  const payloadOf = (value: string): { console: ReturnType<typeof openConsole>; payload: Buffer } => {
    const console = openConsole()
    const client = console.server.connect()
    client.call('SET', 'source', value)
    const payload = Buffer.from(client.call('DUMP', 'source') as string, 'latin1')
    console.replicated()
    console.events()
    return { console, payload }
  }
  const restore = (console: ReturnType<typeof openConsole>, ...argv: (string | Buffer)[]): string => {
    const reply = console.server.connect().call('RESTORE', ...argv)
    return reply === 'OK' ? 'OK' : String((reply as Error).message)
  }

  it('bring every kind of string back', () => {
    for (const value of ['', 'abc', '12', '-129', '70000', '9223372036854775807', 'x'.repeat(500), '\x00\xff\r\n']) {
      const { console, payload } = payloadOf(value)
      expect(restore(console, 'k', '0', payload)).toBe('OK')
      expect(console.run('GET k')).toBe(value)
      expect(console.run('OBJECT ENCODING k')).toBe(console.run('OBJECT ENCODING source'))
      expect(console.run('PTTL k')).toBe('-1')
      expect(console.events()).toEqual(['new 0/k', 'restore 0/k'])
    }
  })

  it('replicate the point in time of an expiry', () => {
    const { console, payload } = payloadOf('v')
    const text = payload.toString('latin1')
    restore(console, 'a', '5000', payload, 'REPLACE')
    restore(console, 'b', String(NOW + 5), payload, 'ABSTTL')
    restore(console, 'c', '0', payload)
    expect(console.replicated()).toEqual([
      `0: RESTORE a ${NOW + 5000} ${text} REPLACE ABSTTL`,
      `0: RESTORE b ${NOW + 5} ${text} ABSTTL`,
      `0: RESTORE c 0 ${text}`,
    ])
    expect(console.runAll('PTTL a', 'PTTL b', 'PTTL c')).toEqual(['5000', '5', '-1'])
  })

  it('of a time that has passed create nothing, and delete what was to be replaced', () => {
    const { console, payload } = payloadOf('v')
    expect(restore(console, 'k', '1', payload, 'ABSTTL')).toBe('OK')
    expect([console.run('EXISTS k'), console.replicated()]).toEqual(['0', []])
    console.run('SET k old')
    console.replicated()
    expect(restore(console, 'k', '1', payload, 'ABSTTL', 'REPLACE')).toBe('OK')
    expect([console.run('EXISTS k'), console.replicated()]).toEqual(['0', ['0: DEL k']])
  })

  it('set the idle time', () => {
    const { console, payload } = payloadOf('v')
    restore(console, 'k', '0', payload, 'IDLETIME', '1000')
    expect(console.run('OBJECT IDLETIME k')).toBe('1000')
    restore(console, 'k', '0', payload, 'IDLETIME', '9223372036854775807', 'REPLACE')
    expect(console.run('OBJECT IDLETIME k')).toBe(String(2 ** 21 - 1))
  })

  it('refuse what they must, and change nothing', () => {
    const { console, payload } = payloadOf('v')
    const broken = Buffer.from(payload)
    broken[1]! ^= 1
    const refused: [(string | Buffer)[], string][] = [
      [['source', '0', payload], 'BUSYKEY Target key name already exists.'],
      [['k', '0', broken], 'ERR DUMP payload version or checksum are wrong'],
      [['k', '0', 'short'], 'ERR DUMP payload version or checksum are wrong'],
      [['k', '-1', payload], 'ERR Invalid TTL value, must be >= 0'],
      [['k', 'x', payload], NOT_INTEGER.slice(1)],
      [['k', '0', payload, 'IDLETIME', '-1'], 'ERR Invalid IDLETIME value, must be >= 0'],
      [['k', '0', payload, 'FREQ', '256'], 'ERR Invalid FREQ value, must be >= 0 and <= 255'],
      [['k', '0', payload, 'FREQ', '1', 'IDLETIME', '1'], 'ERR syntax error'],
      [['k', '0', payload, 'IDLETIME'], 'ERR syntax error'],
      [['k', '0', payload, 'FOO'], 'ERR syntax error'],
    ]
    for (const [argv, error] of refused) expect(restore(console, ...argv)).toBe(error)
    expect(console.replicated()).toEqual([])
    expect(console.run('DBSIZE')).toBe('1')
  })

  check([{ line: 'DUMP k', reply: 'nil', events: ['keymiss 0/k'] }])
})

describe('whole databases', () => {
  check([
    { before: ['MSET a 1 b 2'], line: 'DBSIZE', reply: '2' },
    { before: ['SET a 1'], line: 'FLUSHDB', reply: 'OK', replicated: ['0: FLUSHDB'] },
    { line: 'FLUSHDB ASYNC', reply: 'OK', replicated: ['0: FLUSHDB ASYNC'] },
    { line: 'FLUSHALL sync', reply: 'OK', replicated: ['0: FLUSHALL sync'] },
    { line: 'FLUSHALL FOO', reply: SYNTAX },
    { line: 'FLUSHDB SYNC ASYNC', reply: SYNTAX },
    { line: 'SWAPDB 0 1', reply: 'OK', replicated: ['0: SWAPDB 0 1'] },
    { line: 'SWAPDB 1 1', reply: 'OK', replicated: ['0: SWAPDB 1 1'] },
    { line: 'SWAPDB x 1', reply: '-ERR invalid first DB index' },
    { line: 'SWAPDB 1 2147483648', reply: '-ERR invalid second DB index' },
    { line: 'SWAPDB 99 x', reply: '-ERR invalid second DB index' },
    { line: 'SWAPDB 0 16', reply: '-ERR DB index is out of range' },
  ])

  it('FLUSHDB empties one, FLUSHALL all', () => {
    const { runAll } = openConsole()
    expect(runAll('SET a 1', 'COPY a b DB 1', 'FLUSHDB', 'DBSIZE', 'SELECT 1', 'DBSIZE').slice(3)).toEqual([
      '0',
      'OK',
      '1',
    ])
    expect(runAll('SELECT 0', 'FLUSHALL', 'SELECT 1', 'DBSIZE').at(-1)).toBe('0')
  })

  it('SWAPDB exchanges keys and expiries', () => {
    const { runAll } = openConsole()
    runAll('SET a 1 PX 100', 'SELECT 1', 'SET b 2', 'SWAPDB 0 1')
    expect(runAll('PTTL a', 'EXISTS b', 'SELECT 0', 'GET b', 'EXISTS a')).toEqual(['100', '0', 'OK', '2', '0'])
  })
})
