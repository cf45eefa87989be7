// Reassembly: any order, duplicates and strangers' pieces; what is unfinished is bounded and forgotten.
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { createReassembly } from '../../../../src/io/gossip/reassembly.ts'
import { PIECE_BYTES_MAX, PIECES_MAX, UNFINISHED_BYTES_MAX } from '../../../../src/lib/limits.ts'

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

it('holds no more than its share of memory, however many peers begin what they do not end', () => {
  const reassembly = createReassembly()
  const piece = new Uint8Array(PIECE_BYTES_MAX)
  const fits = UNFINISHED_BYTES_MAX / PIECE_BYTES_MAX
  for (let i = 0; i < fits; i++) reassembly.add(`p${i}`, 'k', 0, 2, piece, i)
  expect(reassembly.abandoned).toBe(0)
  reassembly.add('another', 'k', 0, 2, piece, fits)
  expect(reassembly.abandoned).toBe(1)
  expect(reassembly.add('p0', 'k', 1, 2, one, fits)).toBeUndefined() // the oldest was given up
  expect(reassembly.add('p5', 'k', 1, 2, one, fits)).toBeDefined()
  for (let i = 0; i < fits; i++) reassembly.forget(`p${i}`)
  reassembly.forget('another')
  for (let i = 0; i < fits; i++) reassembly.add(`q${i}`, 'k', 0, 2, piece, fits)
  expect(reassembly.abandoned).toBe(2) // the last one of p0's came to nothing; what was forgotten takes no room
})
