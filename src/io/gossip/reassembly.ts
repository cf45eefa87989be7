// Puts payloads together that came in pieces. Invariants: a payload is delivered whole or not at all; what one peer can make
// us hold is bounded by PARTIALS_MAX unfinished payloads of at most PIECES_MAX pieces, and unfinished ones are
// forgotten, the oldest first when there are too many and all after EXPIRY_MS.
import { PIECES_MAX } from '../../lib/limits.ts'

const PARTIALS_MAX = 2
const EXPIRY_MS = 30_000

interface Partial {
  key: string
  pieces: (Uint8Array | undefined)[]
  missing: number
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

  function find(from: string, key: string, count: number, nowMs: number): Partial | undefined {
    const all = partials.get(from) ?? []
    const live = all.filter(({ sinceMs }) => nowMs - sinceMs < EXPIRY_MS)
    abandoned += all.length - live.length
    let partial = live.find((each) => each.key === key)
    if (partial === undefined) {
      partial = { key, pieces: new Array<undefined>(count).fill(undefined), missing: count, sinceMs: nowMs }
      if (live.length >= PARTIALS_MAX) {
        live.shift()
        abandoned++
      }
      live.push(partial)
    }
    partials.set(from, live)
    return partial.pieces.length === count ? partial : undefined
  }

  return {
    get abandoned() {
      return abandoned
    },
    forget(from) {
      partials.delete(from)
    },
    add(from, key, index, count, piece, nowMs) {
      if (count > PIECES_MAX || index >= count) return undefined
      const partial = find(from, key, count, nowMs)
      if (partial === undefined || partial.pieces[index] !== undefined) return undefined
      partial.pieces[index] = Uint8Array.from(piece)
      partial.missing--
      if (partial.missing > 0) return undefined
      partials.set(
        from,
        partials.get(from)!.filter((each) => each !== partial),
      )
      return Buffer.concat(partial.pieces as Uint8Array[])
    },
  }
}
