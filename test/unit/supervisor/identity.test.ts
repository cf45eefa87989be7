// The identity record: it survives, a damaged one is refused, and a new sentinel gets one that lasts.
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { createMemoryStore } from '../../../src/io/state/store.ts'
import { groupOf } from '../../../src/sentinel/formation.ts'
import { decodeIdentity, encodeIdentity, loadIdentity } from '../../../src/supervisor/identity.ts'

const address = { host: '10.0.0.1', port: 1 }
const identity = {
  runId: 'a'.repeat(40),
  group: groupOf(['p', 'q']),
  peers: [{ peer: 'q', runId: 'b'.repeat(40), gossip: address, resp: address }],
}

it('survives its codec, with and without a group', () => {
  expect(decodeIdentity(encodeIdentity(identity))).toEqual(identity)
  expect(decodeIdentity(encodeIdentity({ ...identity, group: undefined }))).toEqual({ ...identity, group: undefined })
})

it('is refused when damaged', () => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      expect(decodeIdentity(bytes)).toBeUndefined()
    }),
  )
  expect(decodeIdentity(encodeIdentity({ ...identity, group: { id: 'x', members: ['p'] } }))).toBeUndefined()
  const store = createMemoryStore()
  store.save({ identity: Buffer.from('{"v":9}') }, true)
  expect(() => loadIdentity(store, () => 'x')).toThrow('identity')
})

it('is made once and then stays', () => {
  const store = createMemoryStore()
  const made = loadIdentity(store, () => 'c'.repeat(40))
  expect(loadIdentity(store, () => 'd'.repeat(40))).toEqual(made)
  expect(made).toEqual({ runId: 'c'.repeat(40), group: undefined, peers: [] })
})
