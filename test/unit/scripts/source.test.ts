import { describe, expect, it } from 'vitest'
import { digestOf, readSource } from '../../../src/scripts/source.ts'
import { createTestServer } from '../../support/engine.ts'

describe('the first line of a script', () => {
  it('says what the script is for, and stays as an empty line', () => {
    const { flags, body } = readSource(Buffer.from('#!lua flags=no-writes,allow-oom\nreturn 1'))
    expect(flags).toEqual({ noWrites: true, allowOom: true, allowStale: false })
    expect(body.toString()).toBe('\nreturn 1')
  })

  it('is Lua if it does not begin with #!', () => {
    expect(readSource(Buffer.from('return 1')).flags).toBe('unsaid')
  })
})

it('names a script by its SHA-1', () => {
  expect(digestOf(Buffer.from('return 1'))).toBe('e0e1f9fabfc9d4800c877a703b823ac0578ff8db')
})

describe('effects of a script', () => {
  it('are replicated as one transaction, and not at all if it only read', () => {
    const server = createTestServer()
    server.feeding = true
    const client = server.connect()
    client.call('EVAL', "redis.call('set','a','1') redis.call('incr','a')", '0')
    client.call('EVAL', "return redis.call('get','a')", '0')
    client.call('EVAL', "redis.call('set','b','1')", '0')
    client.call('EVAL', "redis.set_repl(redis.REPL_NONE) redis.call('set','c','1')", '0')
    expect(server.feed).toEqual(['0: MULTI', '0: set a 1', '0: incr a', '0: EXEC', '0: set b 1'])
  })

  it('are part of the transaction that it runs in', () => {
    const server = createTestServer()
    server.feeding = true
    const client = server.connect()
    for (const request of [['MULTI'], ['SET', 'a', '1'], ['EVAL', "redis.call('incr','a')", '0'], ['EXEC']])
      client.call(...request)
    expect(server.feed).toEqual(['0: MULTI', '0: SET a 1', '0: incr a', '0: EXEC'])
  })
})

it('passes bytes through unchanged', () => {
  const client = createTestServer().connect()
  const source = `local t = {} for i = 0, 255 do t[#t + 1] = string.char(i) end
    redis.call('set', 'k', table.concat(t)) return redis.call('get', 'k') == table.concat(t) and redis.call('strlen', 'k')`
  expect(client.call('EVAL', source, '0')).toBe(256)
})
