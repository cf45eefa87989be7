// The output of one connection on its way to the wire. Replies are released in one of three ways:
//
// - at the end of the turn of the event loop, which is the rule for short ones: what the requests changed is on its way to the
//   replicas before the client hears of it, and a client with many connections is woken once, not for each of them;
// - now, for long ones and where a connection closes;
// - later, once the process has come to a position (say, replicas have acknowledged an offset): `release` lets them go.
//
// Invariants: bytes leave in the order in which they were written, whichever way each is released; what waits here is counted
// as output of the client, so that its limits bound it.

import type { Wire } from './wire.ts'

/** Output up to this size is held until the end of the turn. */
const HELD_BYTES_MAX = 8 * 1024
/** What is held is sent at once beyond this. */
const HELD_TOTAL_BYTES_MAX = 64 * 1024

/** What an outbox needs of whoever owns the connections. */
export interface OutboxHost {
  readonly stats: { outputBytes: number; writes: number }
  /** The position up to which replies are released. */
  readonly released: number
  /** Sends what has to be on its way before any reply. */
  beforeReplies(): void
}

/** A piece of output that waits for its position. */
interface Piece {
  readonly position: number
  readonly bytes: Buffer
}

/** The output of a connection. */
export class Outbox {
  private readonly wire: Wire
  private readonly host: OutboxHost
  /** Output of this turn of the event loop, one character a byte. */
  private held = ''
  private later: Piece[] = []
  private laterBytes = 0
  private ending = false
  private abandoned = false

  constructor(wire: Wire, host: OutboxHost) {
    this.wire = wire
    this.host = host
  }

  /** Whether output waits for the end of the turn. */
  get holds(): boolean {
    return this.held !== ''
  }

  /** Bytes that the system has not taken yet, for whatever reason. */
  get pendingBytes(): number {
    return this.wire.pendingBytes + this.held.length + this.laterBytes
  }

  /** Whether output waits for a position. */
  get waits(): boolean {
    return this.later.length > 0
  }

  /**
   * Takes the first `length` bytes, which may be changed afterwards, as replies that wait for `position`. `urgent` output, the
   * stream of a replica, goes at once. True if the output is the first that is held in this turn: `sendHeld` is to be called at
   * its end.
   */
  write(bytes: Buffer, length: number, position: number, urgent: boolean): boolean {
    this.host.stats.outputBytes += length
    if (position > this.host.released || this.later.length !== 0) {
      this.later.push({ position, bytes: Buffer.from(bytes.subarray(0, length)) })
      this.laterBytes += length
      return false
    }
    if (length <= HELD_BYTES_MAX && !urgent) {
      const isFirst = this.held === ''
      this.held += bytes.toString('latin1', 0, length)
      if (this.held.length <= HELD_TOTAL_BYTES_MAX) return isFirst
      this.sendNow(urgent)
      return false
    }
    this.sendNow(urgent)
    if (this.abandoned) return false
    this.host.stats.writes++
    this.wire.write(length === bytes.length ? bytes : bytes.subarray(0, length))
    return false
  }

  /** Sends what is held before the end of the turn; the stream of a replica goes before everything. */
  sendNow(urgent: boolean): void {
    if (!urgent) this.host.beforeReplies()
    this.sendHeld()
  }

  /** Sends what is held; at the end of the turn, after `beforeReplies`. */
  sendHeld(): void {
    const { held } = this
    if (held === '') return
    this.held = ''
    this.host.stats.writes++
    this.wire.writeLatin1(held)
  }

  /** Sends what waited for a position that has been reached. */
  release(): void {
    const { later, host } = this
    let count = 0
    while (count < later.length && later[count]!.position <= host.released) count++
    if (count === 0) return
    const bytes = Buffer.concat(later.splice(0, count).map((piece) => piece.bytes))
    this.laterBytes -= bytes.length
    this.sendHeld()
    host.stats.writes++
    this.wire.write(bytes)
    if (this.ending && later.length === 0) this.wire.end()
  }

  /** Closes the wire once everything that was written is sent. */
  end(urgent: boolean): void {
    this.sendNow(urgent)
    this.ending = true
    if (!this.waits) this.wire.end()
  }

  /** Closes the wire now, and sends nothing more of what was written. */
  abandon(): void {
    this.abandoned = true
    this.held = ''
    this.later = []
    this.laterBytes = 0
    this.wire.destroy()
  }

  /** Closes the wire now. What waits for a position is not sent: it says what has not come true. */
  destroy(urgent: boolean): void {
    this.sendNow(urgent)
    this.later = []
    this.laterBytes = 0
    this.wire.destroy()
  }
}
