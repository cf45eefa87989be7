import { describe, expect, it } from 'vitest'
import { createTestServer } from '../../support/engine.ts'

describe('commands that go over many elements', () => {
  it('are counted, from the number on that is configured, in a transaction too', () => {
    const server = createTestServer({ 'large-command-elements': '5' })
    const client = server.connect()
    const large = (name: string): number => server.host.commands.byName.get(name)!.large
    client.call('RPUSH', 'l', ...'abcde')
    client.call('SADD', 's', ...'abcd')
    client.call('HSET', 'h', 'a', '1', 'b', '2', 'c', '3')
    client.call('LRANGE', 'l', '0', '-1')
    client.call('LRANGE', 'l', '1', '-1')
    client.call('SMEMBERS', 's')
    client.call('SADD', 's', 'e')
    client.call('MULTI')
    client.call('SMEMBERS', 's')
    client.call('EXEC')
    expect([large('lrange'), large('smembers'), large('hgetall')]).toEqual([1, 1, 0])
    // KEYS goes over all keys, however few match.
    client.call('KEYS', 'none')
    client.call('MSET', 'x', '1', 'y', '1')
    client.call('KEYS', 'none')
    expect(large('keys')).toBe(1)
  })

  it('are not counted if that is 0', () => {
    const server = createTestServer({ 'large-command-elements': '0' })
    const client = server.connect()
    client.call('RPUSH', 'l', ...'abcde')
    client.call('LRANGE', 'l', '0', '-1')
    expect(server.host.commands.byName.get('lrange')!.large).toBe(0)
  })
})
