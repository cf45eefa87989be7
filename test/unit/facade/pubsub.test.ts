import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { globMatch } from '../../../src/lib/glob.ts'
import { createTestServer } from '../../support/engine.ts'

const NAMES = ['a', 'ab', 'b.c', 'b*', 'ÿ']
const PATTERNS = ['*', 'a*', 'b?c', '[ab]', 'zz']

describe('subscriptions', () => {
  it('match a model, whatever sessions do', () => {
    const step = fc.oneof(
      fc.record({ do: fc.constantFrom('SUBSCRIBE', 'UNSUBSCRIBE'), who: fc.nat(2), name: fc.constantFrom(...NAMES) }),
      fc.record({
        do: fc.constantFrom('PSUBSCRIBE', 'PUNSUBSCRIBE'),
        who: fc.nat(2),
        name: fc.constantFrom(...PATTERNS),
      }),
      fc.record({ do: fc.constantFrom('UNSUBSCRIBE', 'PUNSUBSCRIBE', 'RESET'), who: fc.nat(2) }),
      fc.record({ do: fc.constant('PUBLISH'), name: fc.constantFrom(...NAMES) }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const server = createTestServer()
        const publisher = server.connect()
        const clients = [0, 1, 2].map(() => server.connect())
        const model = clients.map(() => ({ names: new Set<string>(), patterns: new Set<string>() }))
        for (const one of steps) {
          if (!('who' in one)) {
            const expected = model.map(({ names, patterns }) => [
              ...[...names].filter((name) => name === one.name).map(() => 'message'),
              ...[...patterns]
                .filter((pattern) => globMatch(Buffer.from(pattern), Buffer.from(one.name, 'latin1')))
                .map(() => 'pmessage'),
            ])
            expect(publisher.call('PUBLISH', one.name, 'hi')).toBe(expected.flat().length)
            clients.forEach((client, i) => {
              const kinds = client.received().map((message) => (message as string[])[0])
              expect(kinds.sort()).toEqual(expected[i]!.sort())
            })
            continue
          }
          const { names, patterns } = model[one.who]!
          const name = 'name' in one ? one.name : undefined
          clients[one.who]!.call(...(name === undefined ? [one.do] : [one.do, name]))
          const target = one.do.startsWith('P') ? patterns : names
          if (one.do === 'RESET') for (const each of [names, patterns]) each.clear()
          else if (one.do.includes('UNSUB')) name === undefined ? target.clear() : target.delete(name)
          else target.add(name!)
          expect(clients[one.who]!.session.subscriptions).toBe(names.size + patterns.size)
        }
        const { pubsub } = server.host
        const listened = new Set(model.flatMap(({ names }) => [...names]))
        expect([...pubsub.channels().keys()].sort()).toEqual([...listened].sort())
        expect([...pubsub.patterns().keys()].sort()).toEqual(
          [...new Set(model.flatMap(({ patterns }) => [...patterns]))].sort(),
        )
        for (const client of clients) pubsub.unsubscribeAll(client.session)
        expect(pubsub.channels().size + pubsub.patterns().size + pubsub.shardChannels().size).toBe(0)
      }),
      { numRuns: 200 },
    )
  })
})

describe('messages', () => {
  it('are arrays in RESP2 and pushes in RESP3, binary names and payloads kept', () => {
    const server = createTestServer()
    const [old, modern, publisher] = [server.connect(), server.connect(), server.connect()]
    modern.call('HELLO', '3')
    for (const client of [old, modern]) {
      client.call('SUBSCRIBE', 'c\xff')
      client.call('PSUBSCRIBE', 'c*')
      client.call('SSUBSCRIBE', 's')
    }
    expect(publisher.call('PUBLISH', 'c\xff', '\r\n\x00')).toBe(4)
    expect(publisher.call('SPUBLISH', 's', 'x')).toBe(2)
    const expected = [
      ['message', 'c\xff', '\r\n\x00'],
      ['pmessage', 'c*', 'c\xff', '\r\n\x00'],
      ['smessage', 's', 'x'],
    ]
    expect(old.received()).toEqual(expected)
    expect(modern.received()).toEqual(expected.map((push) => ({ push })))
  })

  it('to the publisher itself come before the reply', () => {
    const client = createTestServer().connect()
    client.call('HELLO', '3')
    client.call('SUBSCRIBE', 'a')
    expect(client.call('PUBLISH', 'a', 'm')).toEqual([{ push: ['message', 'a', 'm'] }, 1])
  })

  it('are replicated, for the listeners of replicas', () => {
    const server = createTestServer()
    const client = server.connect()
    client.call('PUBLISH', 'a', 'm')
    client.call('SPUBLISH', 's', 'n')
    expect(server.feed).toEqual(['0: PUBLISH a m', '0: SPUBLISH s n'])
  })
})
