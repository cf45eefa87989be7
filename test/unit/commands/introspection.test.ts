import { describe, expect, it } from 'vitest'
import { type CommandSpec, keyAt, keysFrom } from '../../../src/commands/spec.ts'
import { extractKeys, legacyRange } from '../../../src/facade/commands/keys.ts'
import { Args } from '../../../src/protocol/args.ts'
import { createTestServer } from '../../support/engine.ts'
import { RespError, type RespValue } from '../../support/resp.ts'

const error = (text: string): RespError => new RespError(text)

function spec(...keys: NonNullable<CommandSpec['keys']>): CommandSpec {
  return { name: 'x', summary: '', since: '1.0.0', group: 'generic', arity: -1, flags: [], keys, run: () => {} }
}

function keysIn(command: CommandSpec, line: string): (number | undefined)[] | undefined {
  const args = new Args(Buffer.alloc(0))
  args.load(line.split(' ').map((word) => Buffer.from(word)))
  return extractKeys(command, args)?.map(({ index }) => index)
}

describe('keys of a command', () => {
  it.each<[string, CommandSpec, string, number[] | undefined]>([
    ['at an index', spec(keyAt(1)), 'x a b', [1]],
    ['from an index to the end', spec(keysFrom(1, 1)), 'x a b c', [1, 2, 3]],
    ['every second', spec(keysFrom(1, 2)), 'x a 1 b 2', [1, 3]],
    ['of several specifications', spec(keyAt(1), keyAt(2)), 'x a b', [1, 2]],
    ['missing', spec(keyAt(2)), 'x a', undefined],
    [
      'after a count',
      spec({ flags: [], begin: { index: 1 }, find: { keynumIndex: 0, firstKey: 1, step: 1 } }),
      'x 2 a b c',
      [2, 3],
    ],
    [
      'after a count of none',
      spec({ flags: [], begin: { index: 1 }, find: { keynumIndex: 0, firstKey: 1, step: 1 } }),
      'x 0 a',
      [],
    ],
    [
      'after a count that is too large',
      spec({ flags: [], begin: { index: 1 }, find: { keynumIndex: 0, firstKey: 1, step: 1 } }),
      'x 3 a b',
      undefined,
    ],
    [
      'after a count that is none',
      spec({ flags: [], begin: { index: 1 }, find: { keynumIndex: 0, firstKey: 1, step: 1 } }),
      'x y a b',
      undefined,
    ],
    [
      'after a keyword',
      spec({ flags: [], begin: { keyword: 'STREAMS', startFrom: 1 }, find: { last: -1, step: 1, limit: 2 } }),
      'x y streams a b 1 2',
      [3, 4],
    ],
    [
      'after a keyword that is not there',
      spec({ flags: [], begin: { keyword: 'STREAMS', startFrom: 1 }, find: { last: -1, step: 1, limit: 2 } }),
      'x a b',
      [],
    ],
    [
      'after a keyword from the end',
      spec({ flags: [], begin: { keyword: 'KEYS', startFrom: -2 }, find: { last: -1, step: 1, limit: 0 } }),
      'x keys a keys b',
      [4],
    ],
    ['unknown', spec({ flags: [], begin: 'unknown', find: 'unknown' }), 'x a', undefined],
  ])('%s', (_, command, line, expected) => {
    expect(keysIn(command, line)).toEqual(expected)
  })

  it('as a legacy range: ranges that follow each other are joined, others make keys movable', () => {
    expect(legacyRange(spec())).toEqual({ first: 0, last: 0, step: 0, movable: false })
    expect(legacyRange(spec(keyAt(1)))).toEqual({ first: 1, last: 1, step: 1, movable: false })
    expect(legacyRange(spec(keysFrom(1, 2)))).toEqual({ first: 1, last: -1, step: 2, movable: false })
    expect(legacyRange(spec(keyAt(1), keyAt(2)))).toEqual({ first: 1, last: 2, step: 1, movable: false })
    expect(legacyRange(spec(keyAt(1), keyAt(3)))).toEqual({ first: 1, last: 1, step: 1, movable: true })
    expect(legacyRange(spec({ flags: [], begin: 'unknown', find: 'unknown' }))).toEqual({
      first: 0,
      last: 0,
      step: 0,
      movable: true,
    })
  })
})

describe('COMMAND', () => {
  const client = createTestServer().connect()

  it('GETKEYS finds keys or says why not', () => {
    expect(client.call('COMMAND', 'GETKEYS', 'SET', 'a', 'b')).toEqual(['a'])
    expect(client.call('COMMAND', 'GETKEYSANDFLAGS', 'set', 'a', 'b')).toEqual([['a', ['OW', 'update']]])
    expect(client.call('COMMAND', 'GETKEYSANDFLAGS', 'set', 'a', 'b', 'get')).toEqual([
      ['a', ['RW', 'access', 'update']],
    ])
    expect(client.call('COMMAND', 'GETKEYS', 'nosuch', 'a')).toEqual(error('ERR Invalid command specified'))
    expect(client.call('COMMAND', 'GETKEYS', 'config', 'nosuch')).toEqual(error('ERR Invalid command specified'))
    expect(client.call('COMMAND', 'GETKEYS', 'config', 'get', 'x')).toEqual(
      error('ERR The command has no key arguments'),
    )
    expect(client.call('COMMAND', 'GETKEYS', 'get', 'a', 'b')).toEqual(
      error('ERR Invalid number of arguments specified for command'),
    )
  })

  it('COUNT, LIST and INFO agree', () => {
    const all = client.call('COMMAND') as RespValue[][]
    expect(client.call('COMMAND', 'COUNT')).toBe(all.length)
    const names = all.flatMap((row) => [row[0], ...(row[9] as RespValue[][]).map((sub) => sub[0])])
    expect(client.call('COMMAND', 'LIST')).toEqual(names)
    expect(client.call('COMMAND', 'INFO')).toEqual(all)
    expect(client.call('COMMAND', 'INFO', 'GET', 'nosuch', 'config|GET')).toEqual([
      all.find((row) => row[0] === 'get'),
      null,
      (all.find((row) => row[0] === 'config')![9] as RespValue[][]).find((row) => row[0] === 'config|get'),
    ])
    expect(Object.keys(Object.fromEntries(chunk(client.call('COMMAND', 'DOCS') as RespValue[])))).toEqual(
      all.map((row) => row[0]),
    )
  })

  it('LIST filters', () => {
    expect(client.call('COMMAND', 'LIST', 'FILTERBY', 'PATTERN', 'CONFIG|g*')).toEqual(['config|get'])
    expect(client.call('COMMAND', 'LIST', 'FILTERBY', 'MODULE', 'x')).toEqual([])
    expect(client.call('COMMAND', 'LIST', 'FILTERBY', 'ACLCAT', 'transaction')).toEqual([
      'multi',
      'exec',
      'discard',
      'watch',
      'unwatch',
    ])
    expect(client.call('COMMAND', 'LIST', 'FILTERBY', 'ACLCAT', 'nosuch')).toEqual([])
    expect(client.call('COMMAND', 'LIST', 'FILTERBY', 'FOO', 'x')).toEqual(error('ERR syntax error'))
  })
})

function chunk(flat: RespValue[]): [string, RespValue][] {
  return Array.from({ length: flat.length / 2 }, (_, i) => [String(flat[2 * i]), flat[2 * i + 1]!])
}
