// Puts payloads together that came in pieces. Invariants: a payload is delivered whole or not at all; what one peer can make
// us hold is bounded by PARTIALS_MAX unfinished payloads of at most PIECES_MAX pieces, what all can by UNFINISHED_BYTES_MAX;
// unfinished ones are forgotten, the oldest first when there are too many and all after EXPIRY_MS.
import { PIECES_MAX, UNFINISHED_BYTES_MAX } from '../../lib/limits.ts'

const PARTIALS_MAX = 2
const EXPIRY_MS = 30_000

interface Partial {
  key: string
  pieces: (Uint8Array | undefined)[]
  missing: number
  bytes: number
  sinceMs: number
}

export interface Reassembly {
  /** Takes a piece; returns the payload when it is the last one missing. `key` tells the payloads of a sender apart. */
  add(from: string, key: string, index: number, count: number, piece: Uint8Array, nowMs: number): Uint8Array | undefined
  /** Forgets what came from a peer. */
  forget(from: string): void
  /** Payloads given up so far. */
  readonly abandoned: number
}

export function createReassembly(): Reassembly {
  const partials = new Map<string, Partial[]>()
  let abandoned = 0
  let heldBytes = 0

  /** Forgets payloads of a peer. */
  function drop(from: string, dropped: readonly Partial[]): void {
    for (const { bytes } of dropped) heldBytes -= bytes
    const rest = partials.get(from)?.filter((each) => !dropped.includes(each)) ?? []
    if (rest.length > 0) partials.set(from, rest)
    else partials.delete(from)
  }

  /** Makes room by giving up what is unfinished for longest, whosesoever it is. */
  function makeRoom(bytes: number): void {
    while (heldBytes + bytes > UNFINISHED_BYTES_MAX) {
      let oldest: { from: string; partial: Partial } | undefined
      for (const [from, all] of partials)
        for (const partial of all)
          if (oldest === undefined || partial.sinceMs < oldest.partial.sinceMs) oldest = { from, partial }
      if (oldest === undefined) return
      drop(oldest.from, [oldest.partial])
      abandoned++
    }
  }

  function find(from: string, key: string, count: number, nowMs: number): Partial | undefined {
    const expired = (partials.get(from) ?? []).filter(({ sinceMs }) => nowMs - sinceMs >= EXPIRY_MS)
    drop(from, expired)
    abandoned += expired.length
    const live = partials.get(from) ?? []
    let partial = live.find((each) => each.key === key)
    if (partial === undefined) {
      partial = { key, pieces: new Array<undefined>(count).fill(undefined), missing: count, bytes: 0, sinceMs: nowMs }
      if (live.length >= PARTIALS_MAX) {
        drop(from, live.slice(0, 1))
        abandoned++
      }
      partials.set(from, [...(partials.get(from) ?? []), partial])
    }
    return partial.pieces.length === count ? partial : undefined
  }

  return {
    get abandoned() {
      return abandoned
    },
    forget(from) {
      drop(from, partials.get(from) ?? [])
    },
    add(from, key, index, count, piece, nowMs) {
      if (count > PIECES_MAX || index >= count) return undefined
      makeRoom(piece.byteLength)
      const partial = find(from, key, count, nowMs)
      if (partial === undefined || partial.pieces[index] !== undefined) return undefined
      partial.pieces[index] = Uint8Array.from(piece)
      partial.missing--
      partial.bytes += piece.byteLength
      heldBytes += piece.byteLength
      if (partial.missing > 0) return undefined
      drop(from, [partial])
      return Buffer.concat(partial.pieces as Uint8Array[])
    },
  }
}
