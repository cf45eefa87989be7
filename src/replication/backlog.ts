// The replication backlog: the last bytes of the replication stream in a ring, so that a replica whose link broke can go
// on where it was. Every byte of the stream has an offset, counted from 1 as Redis counts; `offset` is that of the last
// byte. Invariant: the ring holds exactly the bytes with offsets firstOffset … offset.
import { assert } from '../lib/assert.ts'

/** Redis's lower bound of `repl-backlog-size`. */
export const BACKLOG_BYTES_MIN = 16 * 1024
/** The largest buffer there is. A larger backlog may be configured; it holds as much as it can. */
const RING_BYTES_MAX = 2 ** 32

/**
 * A ring of the size wanted, or the largest that memory allows: with a shorter history a replica copies everything more often,
 * without any it could not be served at all.
 */
function makeRing(wantedBytes: number): Buffer {
  for (let bytes = wantedBytes; ; bytes = Math.max(Math.floor(bytes / 2), BACKLOG_BYTES_MIN)) {
    try {
      return Buffer.allocUnsafeSlow(bytes)
    } catch (error) {
      if (bytes === BACKLOG_BYTES_MIN) throw error
    }
  }
}

function ringBytes(sizeBytes: number): number {
  return Math.min(Math.max(sizeBytes, BACKLOG_BYTES_MIN), RING_BYTES_MAX)
}

export interface Backlog {
  /** Size of the ring in bytes. */
  sizeBytes(): number
  /** Bytes of history in it. */
  historyBytes(): number
  /** Offset of the oldest byte in it; one past the newest while it is empty. */
  firstOffset(): number
  /** Offset of the newest byte appended. */
  offset(): number
  /** Appends bytes[start, end) of the stream. */
  append(bytes: Uint8Array, start: number, end: number): void
  /** Whether a replica that wants the byte at `from` next can be served from here: it may also want the one to come. */
  covers(from: number): boolean
  /** A copy of the bytes at offsets from … offset. `covers(from)` must hold. */
  read(from: number): Buffer
  /** Changes the size and keeps the newest history that fits. */
  resize(sizeBytes: number): void
}

/** An empty backlog behind the stream's byte number `offset`. */
export function createBacklog(sizeBytes: number, offset: number): Backlog {
  let ring = makeRing(ringBytes(sizeBytes))
  let at = 0 // where the next byte goes
  let history = 0
  let last = offset

  const append = (bytes: Uint8Array, start: number, end: number): void => {
    last += end - start
    const from = Math.max(start, end - ring.length) // what would be overwritten at once is not copied
    const head = Math.min(end - from, ring.length - at)
    ring.set(bytes.subarray(from, from + head), at)
    ring.set(bytes.subarray(from + head, end), 0)
    at = (at + end - from) % ring.length
    history = Math.min(history + end - start, ring.length)
  }

  const covers = (from: number): boolean => from > last - history && from <= last + 1

  const read = (from: number): Buffer => {
    assert(covers(from), `backlog: ${from} is outside of ${last - history + 1} … ${last + 1}`)
    const count = last + 1 - from
    const begin = (at - count + ring.length) % ring.length
    const out = Buffer.allocUnsafeSlow(count)
    const head = Math.min(count, ring.length - begin)
    ring.copy(out, 0, begin, begin + head)
    ring.copy(out, head, 0, count - head)
    return out
  }

  return {
    sizeBytes: () => ring.length,
    historyBytes: () => history,
    firstOffset: () => last - history + 1,
    offset: () => last,
    append,
    covers,
    read,
    resize(sizeBytes) {
      const wanted = ringBytes(sizeBytes)
      if (wanted === ring.length) return
      const keep = read(last + 1 - Math.min(history, wanted))
      const end = last
      ring = makeRing(wanted)
      at = 0
      history = 0
      last = end - keep.length
      append(keep, 0, keep.length)
    },
  }
}
