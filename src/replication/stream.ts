// The replication stream on its way out. Writes of one turn of the event loop are collected here, so that they cost one
// copy to the backlog and one write to each replica's socket, however many they are.
//
// Invariants: history.offset counts every byte from the moment it is written here; after `flush` the backlog ends there too.
// A write is preceded by SELECT whenever its database is not the one last selected in the stream.
import type { History } from './history.ts'

export interface ReplicationStream {
  /** Whether anything listens: without a backlog, writes need not be encoded at all. */
  active(): boolean
  /** The database that the stream has selected; 0 if the next write names its own. */
  db(): number
  /** Appends requests in RESP, bytes[start, end), that belong to this database, or to none (ANY_DATABASE). */
  write(db: number, bytes: Uint8Array, start: number, end: number): void
  /** Appends what our own primary sent, as it is: its SELECTs are in it. */
  relay(bytes: Uint8Array, start: number, end: number): void
  /** Forgets which database is selected: for a replica that starts with a full sync, or a stream that begins anew. */
  reselect(): void
  /** Moves what was collected to the backlog and returns it, to be sent to every replica that is online. */
  flush(): Buffer | undefined
}

const STAGE_BYTES = 64 * 1024
const STAGE_KEPT_BYTES_MAX = 1 << 20
/** For requests that touch no keys, such as PING. */
export const ANY_DATABASE = -1
const NO_DATABASE = -1

/** The stream of a history. */
export function createReplicationStream(history: History): ReplicationStream {
  let stage = Buffer.allocUnsafeSlow(STAGE_BYTES)
  let used = 0
  let selected = NO_DATABASE

  const append = (bytes: Uint8Array, start: number, end: number): void => {
    const length = end - start
    if (used + length > stage.length) grow(used + length)
    if (length > 64) stage.set(bytes.subarray(start, end), used)
    else for (let i = start, o = used; i < end; i++, o++) stage[o] = bytes[i]!
    used += length
    history.offset += length
  }

  const grow = (bytes: number): void => {
    const grown = Buffer.allocUnsafeSlow(Math.max(bytes, 2 * stage.length))
    stage.copy(grown, 0, 0, used)
    stage = grown
  }

  const select = (db: number): void => {
    const digits = String(db)
    const request = Buffer.from(`*2\r\n$6\r\nSELECT\r\n$${digits.length}\r\n${digits}\r\n`, 'latin1')
    append(request, 0, request.length)
    selected = db
  }

  return {
    active: () => history.backlog !== undefined,
    db: () => Math.max(selected, 0),
    write(db, bytes, start, end) {
      if (history.backlog === undefined) return
      if (db !== selected && db !== ANY_DATABASE) select(db)
      append(bytes, start, end)
    },
    relay(bytes, start, end) {
      append(bytes, start, end)
      selected = NO_DATABASE
    },
    reselect() {
      selected = NO_DATABASE
    },
    flush() {
      if (used === 0) return undefined
      const out = Buffer.allocUnsafe(used)
      stage.copy(out, 0, 0, used)
      history.backlog?.append(out, 0, used)
      used = 0
      if (stage.length > STAGE_KEPT_BYTES_MAX) stage = Buffer.allocUnsafeSlow(STAGE_BYTES)
      return out
    },
  }
}
