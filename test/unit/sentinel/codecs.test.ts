// What travels: hellos and peer messages survive their codecs, and anything else is undefined, never an exception.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { seededRandom } from '../../../src/lib/prng.ts'
import { createCore } from '../../../src/sentinel/core.ts'
import { groupOf } from '../../../src/sentinel/formation.ts'
import {
  decodeHello,
  decodeRedisHello,
  encodeHello,
  encodeRedisHello,
  type Hello,
} from '../../../src/sentinel/hello.ts'
import { decodePeerMessage, encodePeerMessage, type PeerMessage, VERDICTS } from '../../../src/sentinel/peer-message.ts'

const id = fc.stringMatching(/^[A-Za-z0-9]{1,60}$/)
const name = fc.stringMatching(/^[A-Za-z0-9._-]{1,40}$/)
const address = fc.record({
  host: fc.constantFrom('10.0.0.1', '::1', 'host.example'),
  port: fc.integer({ min: 1, max: 65535 }),
})
const hello: fc.Arbitrary<Hello> = fc.record({
  runId: id,
  peer: id,
  gossip: address,
  resp: address,
  group: fc.option(fc.uniqueArray(id, { minLength: 1, maxLength: 5 }).map(groupOf), { nil: undefined }),
  view: fc.array(id, { maxLength: 5 }),
  of: fc.nat(63),
  name: fc.option(name, { nil: undefined }),
  watches: fc.array(name, { maxLength: 3 }),
  epoch: fc.nat(),
})
const message: fc.Arbitrary<PeerMessage> = fc.oneof(
  fc.record({ type: fc.constant('raft' as const), data: fc.uint8Array() }),
  fc.record({
    type: fc.constant('report' as const),
    boot: fc.nat(),
    seq: fc.nat(),
    hello,
    group: id,
    leads: fc.record({ term: fc.nat(), epoch: fc.nat() }),
    echo: fc.array(fc.tuple(id, fc.nat()), { maxLength: 5 }),
    opinions: fc.array(
      fc.record({
        group: name,
        primary: address,
        configEpoch: fc.nat(),
        verdict: fc.constantFrom(...VERDICTS),
        found: fc.array(address, { maxLength: 3 }),
        mark: fc.record({ replId: id, runId: id }),
        after: id,
      }),
    ),
  }),
  fc.record({ type: fc.constant('join' as const), hello }),
  fc.record({ type: fc.constant('refusal' as const), text: fc.string() }),
  fc.uniqueArray(id, { minLength: 1 }).map((peers) => ({ type: 'welcome' as const, group: groupOf(peers) })),
  fc.record({
    type: fc.constant('request' as const),
    id: fc.nat(),
    request: fc.record({ kind: fc.constant('failover' as const), group: name }),
  }),
  fc.record({
    type: fc.constant('request' as const),
    id: fc.nat(),
    request: fc.record({
      kind: fc.constant('set' as const),
      group: name,
      pairs: fc.array(fc.tuple(fc.string({ maxLength: 20 }), fc.string()), { maxLength: 5 }),
    }),
  }),
  fc.record({
    type: fc.constant('result' as const),
    id: fc.nat(),
    result: fc.record({ ok: fc.boolean(), text: fc.string() }),
  }),
)

describe('peer messages', () => {
  it('survive the codec', () => {
    fc.assert(
      fc.property(message, (given) => {
        const decoded = decodePeerMessage(encodePeerMessage(given))!
        if (given.type === 'raft') expect(Buffer.from((decoded as typeof given).data)).toEqual(Buffer.from(given.data))
        else expect(decoded).toEqual(JSON.parse(JSON.stringify(given)))
      }),
    )
  })

  it('are undefined for garbage and for damaged messages', () => {
    const damaged = fc
      .tuple(
        message.filter(({ type }) => type !== 'raft'),
        fc.nat(),
        fc.nat(255),
      )
      .map(([given, where, byte]) => {
        const bytes = Buffer.from(encodePeerMessage(given))
        bytes[where % bytes.length] = byte
        return bytes
      })
    fc.assert(fc.property(fc.oneof(fc.uint8Array(), damaged), (bytes) => void decodePeerMessage(bytes)))
    fc.assert(
      fc.property(
        fc.uint8Array().filter(([tag]) => tag !== 1),
        (bytes) => {
          expect(decodePeerMessage(bytes)).toBeUndefined()
        },
      ),
    )
  })

  it('refuse a group whose ID is not that of its members', () => {
    const bytes = encodePeerMessage({ type: 'welcome', group: { id: '0123456789abcdef', members: ['a', 'b'] } })
    expect(decodePeerMessage(bytes)).toBeUndefined()
  })
})

describe('hellos', () => {
  it('survive the codec', () => {
    fc.assert(
      fc.property(hello, (given) => {
        expect(decodeHello(encodeHello(given))).toEqual(JSON.parse(JSON.stringify(given)))
      }),
    )
  })

  it('of a sentinel that watches as many groups as there may be, under the longest names, get through whole', () => {
    const watches = Array.from({ length: 1_024 }, (_, i) => `${i}`.padEnd(255, 'g'))
    const groups = watches.map((one) => ({
      name: one,
      primary: { host: '10.0.0.1', port: 1 },
      quorum: 2,
      settings: {},
    }))
    const at = { host: '10.0.0.9', port: 1 }
    const self = { peer: 'a', runId: 'a'.repeat(40), gossip: at, resp: at }
    const core = createCore({ self, groups, random: seededRandom(1), wallOffsetMs: 0 }, 0)
    core.step(0, { type: 'tick' })
    const published = core
      .step(1, { type: 'link-up', ref: { group: watches[0]!, host: '10.0.0.1', port: 1 }, local: '10.0.0.9' })
      .concat(core.step(200, { type: 'tick' }))
      .flatMap((effect) => (effect.type === 'publish' ? [effect.hello] : []))
    expect(published.length).toBeGreaterThan(0)
    expect(decodeHello(encodeHello(published[0]!))?.watches).toEqual([watches[0]])
    const whole = { ...published[0]!, watches }
    const report: PeerMessage = { type: 'report', boot: 1, seq: 1, hello: whole, echo: [], opinions: [] }
    expect(decodePeerMessage(encodePeerMessage(report))).toMatchObject({ hello: { watches } })
  })

  it('of Redis have eight fields', () => {
    const text = '127.0.0.1,26379,605bcec36433c85ba5802d3fa907214d42c015fc,1,mymaster,127.0.0.1,6379,0'
    const decoded = decodeRedisHello(text)!
    expect(decoded).toMatchObject({
      ip: '127.0.0.1',
      port: 26379,
      epoch: 1,
      name: 'mymaster',
      primary: { host: '127.0.0.1', port: 6379 },
    })
    expect(encodeRedisHello(decoded)).toBe(text)
  })

  it('that are malformed are undefined', () => {
    for (const text of [
      '',
      '{}',
      '{"v":1}',
      '[]',
      'null',
      'x'.repeat(20_000),
      '1,2,3',
      ',,,,,,,',
      '1.2.3.4,0,a,1,m,1.2.3.4,1,0',
    ])
      expect([decodeHello(text), decodeRedisHello(text)]).toEqual([undefined, undefined])
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect([decodeHello(text), decodeRedisHello(text)]).toEqual([undefined, undefined])
      }),
    )
  })
})
