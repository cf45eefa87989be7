// Frames: a round trip for any content, distinct identities for equal content, and no exception for any bytes.
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { createFrameWriter, decodeFrame, NONCE_BYTES } from '../../../../src/io/gossip/frame.ts'
import { PIECE_BYTES_MAX, PIECES_MAX } from '../../../../src/lib/limits.ts'

const BOOT = Uint8Array.from([1, 2, 3, 4, 5, 6, 7, 8])
const name = fc.string({ maxLength: 60, unit: fc.constantFrom(...'abcXYZ019') })

it('come back as they were written', () => {
  const writer = createFrameWriter(BOOT)
  const place = fc
    .integer({ min: 1, max: PIECES_MAX })
    .chain((count) => fc.tuple(fc.nat(count - 1), fc.constant(count)))
  fc.assert(
    fc.property(name, name, fc.nat(2 ** 33), place, fc.uint8Array(), (from, to, message, [index, count], piece) => {
      const frame = decodeFrame(writer.encode(from, to, message, index, count, piece))
      expect(frame).toMatchObject({ boot: '0102030405060708', from, to, message: message % 2 ** 32, index, count })
      expect(Uint8Array.from(frame!.piece)).toEqual(piece)
    }),
  )
})

it('never have the same identity twice', () => {
  const writers = [createFrameWriter(BOOT), createFrameWriter(Uint8Array.from([9, 9, 9, 9, 9, 9, 9, 9]))]
  const identities = new Set<string>()
  for (const writer of writers)
    for (let i = 0; i < 1_000; i++)
      identities.add(Buffer.from(writer.encode('a', '', 1, 0, 1, BOOT).subarray(0, NONCE_BYTES)).toString('hex'))
  expect(identities.size).toBe(2_000)
})

it('of garbage are undefined, not an exception', () => {
  const writer = createFrameWriter(BOOT)
  const almost = fc.tuple(name, fc.nat(), fc.nat(255), fc.nat()).map(([from, at, byte, cut]) => {
    const bytes = writer.encode(from, '', 0, 0, 1, BOOT)
    bytes[at % bytes.length] = byte
    return bytes.subarray(0, cut % (bytes.length + 1))
  })
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 60 }), almost), (bytes) => {
      const frame = decodeFrame(bytes)
      if (frame !== undefined) expect(frame.index).toBeLessThan(frame.count)
    }),
    { numRuns: 2_000 },
  )
})

it('beyond the limits are refused', () => {
  const writer = createFrameWriter(BOOT)
  const decodes = (index: number, count: number, bytes = 1): boolean =>
    decodeFrame(writer.encode('a', 'b', 0, index, count, new Uint8Array(bytes))) !== undefined
  expect(decodes(0, PIECES_MAX)).toBe(true)
  expect(decodes(0, PIECES_MAX + 1)).toBe(false)
  expect(decodes(3, 3)).toBe(false)
  expect(decodes(0, 0)).toBe(false)
  expect(decodes(0, 1, PIECE_BYTES_MAX)).toBe(true)
  expect(decodes(0, 1, PIECE_BYTES_MAX + 1)).toBe(false)
  expect(decodeFrame(writer.encode('n'.repeat(200), '', 0, 0, 1, BOOT))).toBeUndefined()
})
