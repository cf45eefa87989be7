// Readers of option values: what they take, and that a refusal says what would be taken.
import { describe, expect, it } from 'vitest'
import { UsageError } from '../../../src/cli/command.ts'
import { address, duration, integer } from '../../../src/cli/values.ts'

describe('option values', () => {
  it('are integers in a range', () => {
    const read = integer('port', 0, 65535)
    expect(read('6379')).toBe(6379)
    for (const text of ['', 'abc', '-1', '65536', '1.5', '0x10', '1e3', ' 1', ['1', '2']])
      expect(() => read(text), String(text)).toThrow(UsageError)
    expect(() => read('x')).toThrow("--port must be an integer from 0 to 65535, not 'x'")
  })

  it('are durations with a unit', () => {
    const read = duration('chaos', 1000)
    expect([read('15s'), read('1500ms'), read('2m'), read('1h'), read('1.5s')]).toEqual([
      15000, 1500, 120000, 3600000, 1500,
    ])
    for (const text of ['15', 's', '-1s', '1d', '', '1 s', '999ms']) expect(() => read(text), text).toThrow(UsageError)
  })

  it('are addresses', () => {
    const read = address('sentinel', 26379)
    expect(read('10.0.0.1:5')).toEqual({ host: '10.0.0.1', port: 5 })
    expect(read('host')).toEqual({ host: 'host', port: 26379 })
    expect(read(':7')).toEqual({ host: '127.0.0.1', port: 7 })
    expect(read('[::1]:7')).toEqual({ host: '::1', port: 7 })
    for (const text of ['', 'a:b', 'a:0', 'a:70000', 'a b:1', '::1', '[x]:1'])
      expect(() => read(text), text).toThrow(UsageError)
  })
})
