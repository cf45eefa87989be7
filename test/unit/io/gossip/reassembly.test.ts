// Reassembly: any order, duplicates and strangers' pieces; what is unfinished is bounded and forgotten.
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { createReassembly } from '../../../../src/io/gossip/reassembly.ts'
import { PIECES_MAX } from '../../../../src/lib/limits.ts'

it('gives each payload once, whole, whatever the order and the duplicates', () => {
  const pieces = fc.array(fc.uint8Array({ maxLength: 5 }), { minLength: 1, maxLength: 8 })
  fc.assert(
    fc.property(pieces, fc.array(fc.nat(7)), fc.infiniteStream(fc.nat()), (parts, doubled, random) => {
      const order = [...parts.keys(), ...doubled.filter((index) => index < parts.length)]
      const shuffled = order.map((index) => ({ index, key: random.next().value })).sort((a, b) => a.key - b.key)
      const reassembly = createReassembly()
      const got: Uint8Array[] = []
      const seen = new Set<number>()
      for (const { index } of shuffled) {
        if (seen.size === parts.length) break // a duplicate after the end begins anew, and expires
        seen.add(index)
        const payload = reassembly.add('a', 'k', index, parts.length, parts[index]!, 0)
        if (payload !== undefined) got.push(payload)
      }
      expect(got.map((bytes) => Uint8Array.from(bytes))).toEqual([Uint8Array.from(Buffer.concat(parts))])
    }),
  )
})

const one = Uint8Array.of(1)

it('keeps the payloads of a sender, and of senders, apart', () => {
  const reassembly = createReassembly()
  expect(reassembly.add('a', 'k', 0, 2, one, 0)).toBeUndefined()
  expect(reassembly.add('b', 'k', 1, 2, one, 0)).toBeUndefined()
  expect(reassembly.add('a', 'l', 1, 2, one, 0)).toBeUndefined()
  expect(reassembly.add('a', 'k', 1, 2, one, 0)).toEqual(Buffer.from([1, 1]))
})

it('gives up the oldest of too many, and what is too old', () => {
  const reassembly = createReassembly()
  for (const key of ['k', 'l', 'm']) reassembly.add('a', key, 0, 2, one, 0)
  expect(reassembly.abandoned).toBe(1)
  expect(reassembly.add('a', 'k', 1, 2, one, 0)).toBeUndefined() // its first piece is gone
  expect(reassembly.add('a', 'm', 1, 2, one, 0)).toBeDefined()
  reassembly.add('b', 'k', 0, 2, one, 0)
  expect(reassembly.add('b', 'k', 1, 2, one, 31_000)).toBeUndefined()
})

it('forgets a peer', () => {
  const reassembly = createReassembly()
  reassembly.add('a', 'k', 0, 2, one, 0)
  reassembly.forget('a')
  expect(reassembly.add('a', 'k', 1, 2, one, 0)).toBeUndefined()
})

it('ignores pieces that contradict each other', () => {
  const reassembly = createReassembly()
  reassembly.add('a', 'k', 0, 2, one, 0)
  expect(reassembly.add('a', 'k', 1, 3, one, 0)).toBeUndefined()
  expect(reassembly.add('a', 'k', 5, 2, one, 0)).toBeUndefined()
  expect(reassembly.add('a', 'n', 0, PIECES_MAX + 1, one, 0)).toBeUndefined()
  expect(reassembly.add('a', 'k', 1, 2, one, 0)).toEqual(Buffer.from([1, 1]))
})
