import { describe, expect, it } from 'vitest'
import { Args } from '../../../src/protocol/args.ts'
import { ReplyWriter } from '../../../src/protocol/writer.ts'
import { ArenaFullError } from '../../../src/store/arena.ts'
import { createTestServer } from '../../support/engine.ts'
import { type Case, expectation, openConsole, outcome } from './harness.ts'

// The clock of the server in memory stands at 1,700,000,000,000 ms.
const NOW = 1_700_000_000_000
const SYNTAX = '-ERR syntax error'
const NOT_INTEGER = '-ERR value is not an integer or out of range'
const BAD_TIME = "-ERR invalid expire time in 'set' command"

const check = (cases: readonly Case[]): void => {
  it.each(cases)('$before, $line', (given) => {
    expect(outcome(given)).toEqual(expectation(given))
  })
}
const NEW = ['new 0/k', 'set 0/k']

describe('SET', () => {
  check([
    { line: 'SET k v', reply: 'OK', replicated: ['0: SET k v'], events: NEW },
    { before: ['SET k v'], line: 'SET k w', reply: 'OK', replicated: ['0: SET k w'], events: ['set 0/k'] },
    { before: ['SET k v EX 9'], line: 'SET k w', reply: 'OK', replicated: ['0: SET k w'], events: ['set 0/k'] },
    {
      line: 'SET k v EX 10',
      reply: 'OK',
      replicated: [`0: SET k v PXAT ${NOW + 10_000}`],
      events: [...NEW, 'expire 0/k'],
    },
    { line: 'set k v px 1', reply: 'OK', replicated: [`0: SET k v PXAT ${NOW + 1}`], events: [...NEW, 'expire 0/k'] },
    {
      line: 'SET k v EXAT 1700000001 NX',
      reply: 'OK',
      replicated: ['0: SET k v PXAT 1700000001000'],
      events: [...NEW, 'expire 0/k'],
    },
    {
      line: 'SET k v PXAT 9223372036854775807',
      reply: 'OK',
      replicated: ['0: SET k v PXAT 9223372036854775807'],
      events: [...NEW, 'expire 0/k'],
    },
    {
      line: 'SET k v EX 1 EX 2',
      reply: 'OK',
      replicated: [`0: SET k v PXAT ${NOW + 2000}`],
      events: [...NEW, 'expire 0/k'],
    },
    { line: 'SET k v XX', reply: 'nil' },
    { before: ['SET k v'], line: 'SET k w NX', reply: 'nil' },
    { before: ['SET k v'], line: 'SET k w XX', reply: 'OK', replicated: ['0: SET k w XX'], events: ['set 0/k'] },
    { line: 'SET k v GET', reply: 'nil', replicated: ['0: SET k v'], events: ['keymiss 0/k', ...NEW] },
    { before: ['SET k v'], line: 'SET k w GET', reply: 'v', replicated: ['0: SET k w'], events: ['set 0/k'] },
    { before: ['SET k v'], line: 'SET k w NX GET', reply: 'v' },
    {
      before: ['SET k v'],
      line: 'SET k w get EX 1',
      reply: 'v',
      replicated: [`0: SET k w PXAT ${NOW + 1000}`],
      events: ['set 0/k', 'expire 0/k'],
    },
    { line: 'SET k v KEEPTTL', reply: 'OK', replicated: ['0: SET k v KEEPTTL'], events: NEW },
    ...['NX XX', 'EX', 'EX 1 PX 1', 'KEEPTTL EX 1', 'EX 1 KEEPTTL', 'PERSIST', 'FOO', 'GET GETX'].map((options) => ({
      line: `SET k v ${options}`,
      reply: SYNTAX,
    })),
    ...['EX 0', 'EX -1', 'PX 0', 'PXAT -5', 'EX 9223372036854775', 'EX 9223372036854776', 'PX 9223372036854775807'].map(
      (options) => ({ line: `SET k v ${options}`, reply: BAD_TIME }),
    ),
    { line: 'SET k v EX 1.5', reply: NOT_INTEGER },
    { line: 'SET k v EX 9223372036854775808', reply: NOT_INTEGER },
  ])

  it('keeps or forgets the expiry', () => {
    const { runAll } = openConsole()
    expect(runAll('SET k v PX 100', 'SET k w KEEPTTL', 'PTTL k', 'GET k', 'SET k x', 'PTTL k')).toEqual([
      'OK',
      'OK',
      '100',
      'w',
      'OK',
      '-1',
    ])
  })

  it('does not keep the expiry of a value whose time is over', () => {
    const { server, run, replicated, events } = openConsole()
    run('SET k v PX 100')
    server.advance(101)
    replicated()
    events()
    expect(run('SET k w KEEPTTL')).toBe('OK')
    expect(run('PTTL k')).toBe('-1')
    expect(replicated()).toEqual(['0: MULTI', '0: DEL k', '0: SET k w KEEPTTL', '0: EXEC'])
    expect(events()).toEqual(['expired 0/k', ...NEW])
  })

  it('takes any bytes, of any length', () => {
    const { server } = openConsole()
    const client = server.connect()
    for (const length of [0, 1, 44, 45, 1000, 60 * 1024, 60 * 1024 + 1, 200_000]) {
      const value = Buffer.alloc(length, '\x00\xff\r\n', 'latin1')
      expect(client.call('SET', 'k\x00', value)).toBe('OK')
      expect(client.call('GET', 'k\x00')).toBe(value.toString('latin1'))
      expect(client.call('STRLEN', 'k\x00')).toBe(length)
    }
  })
})

describe('the other commands on whole values', () => {
  check([
    { line: 'GET k', reply: 'nil', events: ['keymiss 0/k'] },
    { line: 'SETNX k v', reply: '1', replicated: ['0: SETNX k v'], events: NEW },
    { before: ['SET k v'], line: 'SETNX k w', reply: '0' },
    { line: 'SETEX k 5 v', reply: 'OK', replicated: [`0: SET k v PXAT ${NOW + 5000}`], events: [...NEW, 'expire 0/k'] },
    { line: 'PSETEX k 5 v', reply: 'OK', replicated: [`0: SET k v PXAT ${NOW + 5}`], events: [...NEW, 'expire 0/k'] },
    { line: 'SETEX k 0 v', reply: "-ERR invalid expire time in 'setex' command" },
    { line: 'PSETEX k -1 v', reply: "-ERR invalid expire time in 'psetex' command" },
    { line: 'SETEX k x v', reply: NOT_INTEGER },
    { before: ['SET k v EX 9'], line: 'GETSET k w', reply: 'v', replicated: ['0: SET k w'], events: ['set 0/k'] },
    { line: 'GETSET k w', reply: 'nil', replicated: ['0: SET k w'], events: ['keymiss 0/k', ...NEW] },
    { before: ['SET k v'], line: 'GETDEL k', reply: 'v', replicated: ['0: DEL k'], events: ['del 0/k'] },
    { line: 'GETDEL k', reply: 'nil', events: ['keymiss 0/k'] },
    { before: ['SET k v'], line: 'GETEX k', reply: 'v' },
    {
      before: ['SET k v'],
      line: 'GETEX k EX 5',
      reply: 'v',
      replicated: [`0: PEXPIREAT k ${NOW + 5000}`],
      events: ['expire 0/k'],
    },
    { before: ['SET k v'], line: 'GETEX k PXAT 1', reply: 'v', replicated: ['0: DEL k'], events: ['del 0/k'] },
    { before: ['SET k v'], line: 'GETEX k PERSIST', reply: 'v' },
    {
      before: ['SET k v EX 9'],
      line: 'GETEX k persist',
      reply: 'v',
      replicated: ['0: PERSIST k'],
      events: ['persist 0/k'],
    },
    { before: ['SET k v'], line: 'GETEX k EX 0', reply: "-ERR invalid expire time in 'getex' command" },
    { line: 'GETEX k EX 0', reply: 'nil', events: ['keymiss 0/k'] },
    ...['NX', 'KEEPTTL', 'EX', 'PERSIST EX 1', 'EX 1 PERSIST'].map((options) => ({
      line: `GETEX k ${options}`,
      reply: SYNTAX,
    })),
    { before: ['SET a 1', 'SET b 2'], line: 'MGET a x b a', reply: '[1 nil 2 1]', events: ['keymiss 0/x'] },
    {
      before: ['SET a 1 EX 9'],
      line: 'MSET a 2 b 3',
      reply: 'OK',
      replicated: ['0: MSET a 2 b 3'],
      events: ['set 0/a', 'new 0/b', 'set 0/b'],
    },
    { line: 'MSET a 1 b', reply: "-ERR wrong number of arguments for 'mset' command" },
    { line: 'MSETNX a 1 b', reply: "-ERR wrong number of arguments for 'msetnx' command" },
    { before: ['SET b 1'], line: 'MSETNX a 1 b 2', reply: '0' },
    { line: 'MSETNX a 1', reply: '1', replicated: ['0: MSETNX a 1'], events: ['new 0/a', 'set 0/a'] },
  ])

  it('MSET: the last value of a key counts, and expiries go', () => {
    const { runAll } = openConsole()
    expect(runAll('SETEX a 9 1', 'MSET a 2 a 3', 'GET a', 'TTL a')).toEqual(['OK', 'OK', '3', '-1'])
  })
})

describe('parts of values', () => {
  check([
    { line: 'APPEND k ab', reply: '2', replicated: ['0: APPEND k ab'], events: ['new 0/k', 'append 0/k'] },
    { before: ['SET k ab'], line: 'APPEND k cd', reply: '4', replicated: ['0: APPEND k cd'], events: ['append 0/k'] },
    { line: 'STRLEN k', reply: '0', events: ['keymiss 0/k'] },
    { line: 'SETRANGE k 3 ""', reply: '0' },
    { before: ['SET k abc'], line: 'SETRANGE k 3 ""', reply: '3' },
    { line: 'SETRANGE k 2 x', reply: '3', replicated: ['0: SETRANGE k 2 x'], events: ['new 0/k', 'setrange 0/k'] },
    { line: 'SETRANGE k -1 x', reply: '-ERR offset is out of range' },
    { line: 'SETRANGE k x x', reply: NOT_INTEGER },
    { line: 'SETRANGE k 536870912 x', reply: '-ERR string exceeds maximum allowed size (proto-max-bulk-len)' },
    {
      line: 'SETRANGE k 9223372036854775807 x',
      reply: '-ERR string exceeds maximum allowed size (proto-max-bulk-len)',
    },
    { line: 'GETRANGE k 0 -1', reply: '', events: ['keymiss 0/k'] },
    { line: 'GETRANGE k a 1', reply: NOT_INTEGER },
    ...(
      [
        ['0 -1', 'Hello'],
        ['1 3', 'ell'],
        ['-3 -2', 'll'],
        ['-2 -3', ''],
        ['-100 1', 'He'],
        ['-100 -100', 'H'],
        ['3 100', 'lo'],
        ['5 9', ''],
        ['3 1', ''],
        ['0 9223372036854775807', 'Hello'],
        ['-9223372036854775808 0', 'H'],
      ] as const
    ).map(([range, reply]) => ({ before: ['SET k Hello'], line: `GETRANGE k ${range}`, reply })),
    { before: ['SET k Hello'], line: 'SUBSTR k 1 1', reply: 'e' },
  ])

  it('keep expiry and bytes while a value grows from inline to huge and shrinks back', () => {
    const { server, run, runAll } = openConsole()
    const client = server.connect()
    client.call('SET', 'k', 'start', 'PX', '5000')
    const chunk = Buffer.alloc(50_000, 'x')
    expect(client.call('APPEND', 'k', chunk)).toBe(50_005)
    expect(client.call('APPEND', 'k', chunk)).toBe(100_005)
    expect(client.call('SETRANGE', 'k', '150000', 'end')).toBe(150_003)
    expect(runAll('GETRANGE k 0 5', 'GETRANGE k 100003 100006', 'GETRANGE k -4 -1', 'PTTL k')).toEqual([
      'startx',
      'xx\0\0',
      '\0end',
      '5000',
    ])
    expect(run('OBJECT ENCODING k')).toBe('raw')
    run('SET k small KEEPTTL')
    expect(server.keyspace.arena.huge.usedBytes).toBe(0)
  })

  it('APPEND and SETRANGE leave raw strings, as Redis does', () => {
    const { runAll } = openConsole()
    expect(
      runAll('SET k 12', 'APPEND k 3', 'OBJECT ENCODING k', 'GET k', 'INCR k', 'OBJECT ENCODING k').slice(2),
    ).toEqual(['raw', '123', '124', 'int'])
  })

  it('take more than proto-max-bulk-len from the primary, who has accepted it', () => {
    const { server, run } = openConsole()
    run('CONFIG SET proto-max-bulk-len 1mb')
    expect(run('SETRANGE k 1048576 x')).toMatch(/^-ERR string exceeds/)
    const primary = server.connect()
    primary.session.isPrimary = true
    primary.call('SETRANGE', 'k', '1048576', 'x')
    expect(run('STRLEN k')).toBe('1048577')
  })
})

describe('numbers', () => {
  const INCR = ['new 0/k', 'incrby 0/k']
  check([
    { line: 'INCR k', reply: '1', replicated: ['0: INCR k'], events: INCR },
    { before: ['SET k 10'], line: 'DECR k', reply: '9', replicated: ['0: DECR k'], events: ['incrby 0/k'] },
    { line: 'INCRBY k -5', reply: '-5', replicated: ['0: INCRBY k -5'], events: INCR },
    { line: 'DECRBY k 0', reply: '0', replicated: ['0: DECRBY k 0'], events: INCR },
    {
      before: ['SET k 999999999999999'],
      line: 'INCR k',
      reply: '1000000000000000',
      replicated: ['0: INCR k'],
      events: ['incrby 0/k'],
    },
    {
      before: ['SET k 9223372036854775806'],
      line: 'INCR k',
      reply: '9223372036854775807',
      replicated: ['0: INCR k'],
      events: ['incrby 0/k'],
    },
    { before: ['SET k 9223372036854775807'], line: 'INCR k', reply: '-ERR increment or decrement would overflow' },
    { before: ['SET k -9223372036854775808'], line: 'DECR k', reply: '-ERR increment or decrement would overflow' },
    { line: 'DECRBY k -9223372036854775808', reply: '-ERR decrement would overflow' },
    { line: 'INCRBY k 1.5', reply: NOT_INTEGER },
    ...['abc', '""', '01', '+1', '1.0'].map((value) => ({
      before: [`SET k ${value}`],
      line: 'INCR k',
      reply: NOT_INTEGER,
    })),
    {
      line: 'INCRBYFLOAT k 3.0e3',
      reply: '3000',
      replicated: ['0: SET k 3000 KEEPTTL'],
      events: ['new 0/k', 'incrbyfloat 0/k'],
    },
    {
      before: ['SET k 10.5'],
      line: 'INCRBYFLOAT k 0.1',
      reply: '10.6',
      replicated: ['0: SET k 10.6 KEEPTTL'],
      events: ['incrbyfloat 0/k'],
    },
    { before: ['SET k abc'], line: 'INCRBYFLOAT k 1', reply: '-ERR value is not a valid float' },
    { line: 'INCRBYFLOAT k x', reply: '-ERR value is not a valid float' },
    { line: 'INCRBYFLOAT k inf', reply: '-ERR increment would produce NaN or Infinity' },
    { before: ['SET k inf'], line: 'INCRBYFLOAT k -inf', reply: '-ERR increment would produce NaN or Infinity' },
  ])

  it('keep the expiry', () => {
    const { runAll } = openConsole()
    expect(runAll('SET k 1 PX 100', 'INCR k', 'PTTL k', 'INCRBYFLOAT k 0.5', 'PTTL k').slice(1)).toEqual([
      '2',
      '100',
      '2.5',
      '100',
    ])
  })

  it('are text after INCRBYFLOAT, int after INCR', () => {
    const { runAll } = openConsole()
    expect(runAll('INCRBYFLOAT k 5', 'OBJECT ENCODING k', 'INCR k', 'OBJECT ENCODING k')).toEqual([
      '5',
      'embstr',
      '6',
      'int',
    ])
  })
})

describe('LCS', () => {
  const TEXTS = ['MSET a ohmytext b mynewtext']
  check([
    { before: TEXTS, line: 'LCS a b', reply: 'mytext' },
    { before: TEXTS, line: 'LCS a b LEN', reply: '6' },
    { before: TEXTS, line: 'LCS a b IDX', reply: '[matches [[[4 7] [5 8]] [[2 3] [0 1]]] len 6]' },
    { before: TEXTS, line: 'LCS a b IDX MINMATCHLEN 4 WITHMATCHLEN', reply: '[matches [[[4 7] [5 8] 4]] len 6]' },
    { before: TEXTS, line: 'LCS a b IDX MINMATCHLEN -1', reply: '[matches [[[4 7] [5 8]] [[2 3] [0 1]]] len 6]' },
    { before: ['SET a x'], line: 'LCS a none', reply: '', events: ['keymiss 0/none'] },
    { before: ['SET a x'], line: 'LCS a a IDX', reply: '[matches [[[0 0] [0 0]]] len 1]' },
    {
      before: TEXTS,
      line: 'LCS a b IDX LEN',
      reply: '-ERR If you want both the length and indexes, please just use IDX.',
    },
    { before: TEXTS, line: 'LCS a b MINMATCHLEN', reply: SYNTAX },
    { before: TEXTS, line: 'LCS a b FOO', reply: SYNTAX },
  ])

  it('is refused when its table would be too large', () => {
    const { server, run } = openConsole()
    const client = server.connect()
    client.call('MSET', 'a', Buffer.alloc(20_000), 'b', Buffer.alloc(20_000))
    expect(run('LCS a b')).toBe('-ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len')
  })
})

it('a command of very many words is replicated in its other form, too', () => {
  const { engine, connect, feed } = createTestServer()
  const args = new Args(Buffer.alloc(0))
  const many = Array.from({ length: 200_000 }, () => 'KEEPTTL')
  args.load(['SET', 'k', 'v', 'GET', ...many].map((word) => Buffer.from(word)))
  const reply = new ReplyWriter(64)
  engine.execute(connect().session, args, reply)
  expect(reply.written().toString()).toBe('$-1\r\n')
  expect(feed).toEqual([`0: SET k v ${many.join(' ')}`])
})

describe('a store that is full', () => {
  it.each(['MSET', 'MSETNX'])('%s replicates what it did before it failed, and nothing else', (command) => {
    const { server, run, replicated } = openConsole()
    run('SET z 1')
    replicated()
    const { arena } = server.keyspace
    const alloc = arena.alloc.bind(arena)
    let left = 2
    arena.alloc = (units) => {
      if (left-- <= 0) throw new ArenaFullError('full')
      return alloc(units)
    }
    expect(run(`${command} a 1 b 2 c 3`)).toMatch(/^-OOM/)
    expect(replicated()).toEqual(['0: MSET a 1 b 2'])
    expect(run(`${command} c 3 d 4`)).toMatch(/^-OOM/)
    expect(replicated()).toEqual([])
    expect(run('MGET a b c d')).toBe('[1 2 nil nil]')
  })
})
