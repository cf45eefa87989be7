// The codec: everything survives the round trip, every value has one encoding, garbage is refused without a throw.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import * as codec from '../../../src/raft/codec.ts'
import { membershipOf } from '../../../src/raft/membership.ts'
import type { Entry, Message } from '../../../src/raft/messages.ts'

const id = fc.stringMatching(/^[\x21-\x7e]{1,20}$/)
const count = fc.maxSafeNat()
const data = fc.uint8Array({ maxLength: 40 })
const word = {
  sentMs: fc.double({ noNaN: true, noDefaultInfinity: true }),
  promiseMs: fc.double({ noNaN: true, noDefaultInfinity: true }),
}
const membership = fc
  .tuple(fc.array(id, { maxLength: 5 }), fc.array(id, { maxLength: 3 }))
  .map(([voters, learners]) => membershipOf(voters, learners))
const position = { index: count.map((n) => Math.max(1, n)), term: count.map((n) => Math.max(1, n)) }
const entry: fc.Arbitrary<Entry> = fc.oneof(
  fc.record({ ...position, kind: fc.constantFrom('normal' as const, 'noop' as const), data }),
  fc.record({ ...position, kind: fc.constant('config' as const), data: membership.map(codec.encodeMembership) }),
  fc.record({ ...position, kind: fc.constant('level' as const), data: fc.integer({ min: 1 }).map(codec.encodeLevel) }),
)
const snapshot = fc.record({ index: count, term: count, membership, level: count, data })
const envelope = { group: id, from: id, to: id, term: count }
const of = <T extends Message['type']>(type: T) => ({ type: fc.constant(type), ...envelope })
const last = { lastIndex: count, lastTerm: count }
const message: fc.Arbitrary<Message> = fc.oneof(
  fc.record({ ...of('pre-vote'), ...last, sentMs: word.sentMs }),
  fc.record({ ...of('pre-vote-reply'), granted: fc.boolean(), sentMs: word.sentMs }),
  fc.record({ ...of('vote'), ...last, force: fc.boolean() }),
  fc.record({ ...of('vote-reply'), granted: fc.boolean() }),
  fc.record({
    ...of('append'),
    prevIndex: count,
    prevTerm: count,
    entries: fc.array(entry, { maxLength: 4 }),
    commit: count,
    ...word,
  }),
  fc.record({ ...of('append-reply'), ok: fc.boolean(), index: count, hintIndex: count, hintTerm: count, ...word }),
  fc.record({ ...of('heartbeat'), commit: count, ...word }),
  fc.record({ ...of('heartbeat-reply'), levelMax: count, ...word }),
  fc.record({ ...of('snapshot'), snapshot, offset: count, total: count, ...word }),
  fc.record({ ...of('snapshot-reply'), index: count, offset: count, ...word }),
  fc.record({ ...of('timeout-now') }),
  fc.record({ ...of('propose'), data }),
)

describe('round trips', () => {
  const survives = <T>(
    values: fc.Arbitrary<T>,
    encode: (value: T) => Uint8Array,
    decode: (bytes: Uint8Array) => unknown,
  ) =>
    fc.assert(
      fc.property(values, (value) => {
        expect(decode(encode(value))).toEqual(value)
      }),
      { numRuns: 300 },
    )

  it('messages', () => survives(message, codec.encodeMessage, codec.decodeMessage))
  it('entries', () => survives(entry, codec.encodeEntry, codec.decodeEntry))
  it('snapshots', () => survives(snapshot, codec.encodeSnapshot, codec.decodeSnapshot))
  it('memberships', () => survives(membership, codec.encodeMembership, codec.decodeMembership))
  it('hard states', () => {
    const hardState = fc.record({
      term: count,
      vote: fc.option(id, { nil: undefined }),
      commit: count,
      promiseMs: word.promiseMs,
    })
    survives(hardState, codec.encodeHardState, codec.decodeHardState)
  })

  it('decoded bytes do not alias the input', () => {
    const bytes = codec.encodeMessage({
      type: 'propose',
      group: 'g',
      from: 'a',
      to: 'b',
      term: 1,
      data: Uint8Array.of(7),
    })
    const decoded = codec.decodeMessage(bytes)
    bytes.fill(0)
    expect(decoded).toMatchObject({ data: Uint8Array.of(7) })
  })
})

describe('garbage', () => {
  const decoders = [
    codec.decodeMessage,
    codec.decodeEntry,
    codec.decodeSnapshot,
    codec.decodeMembership,
    codec.decodeHardState,
  ]

  it('random bytes are refused by every decoder', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        for (const decode of decoders) expect(() => decode(bytes)).not.toThrow()
      }),
      { numRuns: 2000 },
    )
  })

  it('a mutated message is refused, or is another message with exactly these bytes', () => {
    const edit = fc.record({ at: fc.nat(), value: fc.nat(255), kind: fc.constantFrom('set', 'cut', 'insert') })
    fc.assert(
      fc.property(message, fc.array(edit, { minLength: 1, maxLength: 4 }), (value, edits) => {
        let bytes = [...codec.encodeMessage(value)]
        for (const { at, value: byte, kind } of edits) {
          const place = at % bytes.length
          if (kind === 'set') bytes[place] = byte
          else if (kind === 'cut') bytes = bytes.slice(0, place + 1)
          else bytes.splice(place, 0, byte)
        }
        const decoded = codec.decodeMessage(Uint8Array.from(bytes))
        if (decoded) expect([...codec.encodeMessage(decoded)]).toEqual(bytes)
      }),
      { numRuns: 3000 },
    )
  })

  it('every truncation of a message is refused', () => {
    fc.assert(
      fc.property(message, (value) => {
        const bytes = codec.encodeMessage(value)
        for (let length = 0; length < bytes.length; length++) {
          expect(codec.decodeMessage(bytes.subarray(0, length))).toBeUndefined()
        }
      }),
      { numRuns: 100 },
    )
  })

  it('a huge claimed length costs nothing', () => {
    const huge = Uint8Array.from([1, 4, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f])
    expect(codec.decodeMembership(huge)).toBeUndefined()
    expect(codec.decodeSnapshot(Uint8Array.from([1, 3, 1, 1, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x7f]))).toBeUndefined()
  })

  it('a version of the future is refused', () => {
    const bytes = codec.encodeHardState({ term: 1, vote: undefined, commit: 0, promiseMs: 0 })
    bytes[0] = 2
    expect(codec.decodeHardState(bytes)).toBeUndefined()
  })
})
