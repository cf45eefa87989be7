// The bytes of one gossip message: a nonce, who speaks to whom, and a piece of the payload.
//
//   boot:8 counter:8 version:u8 from:u8+text to:u8+text message:u32 index:u16 count:u16 piece
//
// The first 16 bytes are the message's identity to gossipsub: random per start of a sentinel, then counting, so that equal
// payloads never pass for one (the default identity, a hash of the content, swallows repeated heartbeats).
// `from` and `to` are only filled in on the shared topic: on an inbox topic the authenticated link says who speaks.
// `message` numbers the sender's payloads, so that pieces of one find together. Decoding never throws.

import { ID_LENGTH_MAX, PIECE_BYTES_MAX, PIECES_MAX } from '../../lib/limits.ts'

export const NONCE_BYTES = 16

const VERSION = 1

export interface Frame {
  /** Identity of the sender's process, as 16 hexadecimal digits. */
  boot: string
  from: string
  /** Empty: to everyone. */
  to: string
  message: number
  index: number
  count: number
  piece: Uint8Array
}

export interface FrameWriter {
  /** The next frame. */
  encode(from: string, to: string, message: number, index: number, count: number, piece: Uint8Array): Uint8Array
}

/** A writer with 8 random bytes of its own. */
export function createFrameWriter(boot: Uint8Array): FrameWriter {
  let counter = 0n
  return {
    encode(from, to, message, index, count, piece) {
      const headBytes = NONCE_BYTES + 3 + from.length + to.length + 8
      const frame = Buffer.allocUnsafe(headBytes + piece.byteLength)
      frame.set(boot, 0)
      frame.writeBigUInt64BE(counter++, 8)
      let at = frame.writeUInt8(VERSION, NONCE_BYTES)
      for (const name of [from, to]) {
        at = frame.writeUInt8(name.length, at)
        at += frame.write(name, at, 'latin1')
      }
      at = frame.writeUInt32BE(message >>> 0, at)
      at = frame.writeUInt16BE(index, at)
      at = frame.writeUInt16BE(count, at)
      frame.set(piece, at)
      return frame
    },
  }
}

/** The frame, or undefined when the bytes are none of this version. `piece` is a view of `bytes`. */
export function decodeFrame(bytes: Uint8Array): Frame | undefined {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let at = NONCE_BYTES
  if (view.length < at + 3 || view[at++] !== VERSION) return undefined
  const names: string[] = []
  for (let i = 0; i < 2; i++) {
    const length = view[at++]
    if (length === undefined || length > ID_LENGTH_MAX || at + length > view.length) return undefined
    names.push(view.toString('latin1', at, at + length))
    at += length
  }
  if (at + 8 > view.length) return undefined
  const message = view.readUInt32BE(at)
  const index = view.readUInt16BE(at + 4)
  const count = view.readUInt16BE(at + 6)
  const piece = view.subarray(at + 8)
  if (count === 0 || count > PIECES_MAX || index >= count || piece.length > PIECE_BYTES_MAX) return undefined
  return { boot: view.toString('hex', 0, 8), from: names[0]!, to: names[1]!, message, index, count, piece }
}
