// What the registry of clients does with those that wait, and what it counts as held by connections.
import { describe, expect, it } from 'vitest'
import { encodeRequest } from '../../../src/protocol/writer.ts'
import { createTestRegistry, type TestRegistry } from '../../support/registry.ts'

describe('CLIENT REPLY of a client that waits', () => {
  /** Makes WAIT block; the result ends the waiting. */
  function withWait({ clients, host }: TestRegistry): { end: () => void; finished: () => number } {
    let finished = 0
    let waiting: Parameters<typeof clients.unblock>[0] | undefined
    host.replication = {
      ...host.replication,
      wait: ({ session }) => {
        waiting = session
        const finish = (reply: { int(n: number): void }): void => {
          finished++
          reply.int(7)
        }
        clients.block(session, { kind: 'wait', timeoutAtMs: 0, finish })
      },
    }
    return { end: () => void clients.unblock(waiting!, 'ready'), finished: () => finished }
  }

  it.each([
    ['ON', ':7\r\n'],
    ['OFF', ''],
    ['SKIP', ''],
  ])('%s holds for its reply, too', async (mode, reply) => {
    const registry = createTestRegistry()
    const { end, finished } = withWait(registry)
    const wire = registry.connect()
    wire.send(`CLIENT REPLY ${mode}\r\nWAIT 1 100\r\nCLIENT REPLY ON\r\nPING`)
    wire.output()
    end()
    await Promise.resolve()
    expect(finished()).toBe(1)
    expect(wire.output()).toBe(`${reply}+OK\r\n+PONG\r\n`)
  })
})

describe('the bytes that connections hold', () => {
  const held = (lines: readonly string[], registry = createTestRegistry()): number => {
    const wire = registry.connect()
    const before = registry.clients.heldBytes
    for (const line of lines) wire.send(encodeRequest(line.split(' ')))
    expect(wire.output()).not.toContain('-ERR')
    return registry.clients.heldBytes - before
  }
  const long = (i: number): string => String(i).padStart(1000, 'n')
  const many = Array.from({ length: 100 }, (_, i) => long(i))

  it.each([
    ['watched keys', [`WATCH ${many.join(' ')}`], ['UNWATCH']],
    ['channels', [`SUBSCRIBE ${many.join(' ')}`], ['UNSUBSCRIBE']],
    ['patterns', [`PSUBSCRIBE ${many.join(' ')}`], ['PUNSUBSCRIBE']],
    ['shard channels', [`SSUBSCRIBE ${many.join(' ')}`], ['SUNSUBSCRIBE']],
    ['queued commands', ['MULTI', `DEL ${many.join(' ')}`], ['DISCARD']],
  ])('count %s until they are given up', (_what, take, give) => {
    expect(held(take)).toBeGreaterThan(100_000)
    expect(held([...take, ...take.slice(-1)])).toBeLessThan(700_000)
    expect(held([...take, ...give])).toBeLessThan(2000)
  })

  it('count a request that waits for the end of a pause', () => {
    const registry = createTestRegistry()
    registry.clients.pause(Number.POSITIVE_INFINITY, 'write')
    expect(held([`DEL ${many.join(' ')}`], registry)).toBeGreaterThan(100_000)
    registry.clients.closeAll()
  })
})

describe('what goes to the replicas', () => {
  const LARGE = 'x'.repeat(20_000)
  it.each([
    ['a short reply', ['SET a 1'], false],
    ['a reply too long to be held', [`SET a ${LARGE}`, 'GET a'], true],
    ['many replies of one read', [Array.from({ length: 20_000 }, () => 'INCR n').join('\r\n')], true],
    ['the last reply', ['QUIT'], true],
  ])('is on its way before %s', async (_what, requests, atOnce) => {
    const registry = createTestRegistry()
    const wire = registry.connect()
    for (const request of requests) wire.send(request)
    expect(registry.sent.includes('reply')).toBe(atOnce)
    await new Promise(setImmediate)
    expect(registry.sent).toContain('reply')
    expect(registry.sent[0]).toBe('replicas')
    registry.clients.closeAll()
  })
})
