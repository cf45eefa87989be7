// Which history of writes a server has, in the terms of PSYNC2: an ID names a history, an offset a point in it. A promoted
// replica starts a history of its own but remembers the one it shares with its siblings up to the promotion, so that they,
// and the old primary, can go on with it instead of copying everything.
//
// Invariants: the offset never falls except when a full sync replaces the whole history; `secondId` is valid for
// offsets up to `secondOffset` only. The backlog ends at `offset`, once the stream (stream.ts) is flushed.
import { type Backlog, createBacklog } from './backlog.ts'

/** What the second ID is while there is none. */
export const NO_REPLICATION_ID = '0'.repeat(40)
export const REPLICATION_ID_LENGTH = 40

export interface History {
  /** master_replid: 40 hex digits. */
  id: string
  /** master_replid2: the history that this one continues, or NO_REPLICATION_ID. */
  secondId: string
  /** second_repl_offset: the last offset that may be asked for under `secondId`; -1 for none. */
  secondOffset: number
  /** master_repl_offset: of the last byte of the stream that this server produced or applied. */
  offset: number
  /** Made with the first replica or the first full sync; a server without replicas need not keep one. */
  backlog: Backlog | undefined
  /** A replica has asked since `id` was made, and so may have heard of it. */
  isTold: boolean
}

/** A fresh history of its own, under a random ID. */
export function createHistory(id: string): History {
  return { id, secondId: NO_REPLICATION_ID, secondOffset: -1, offset: 0, backlog: undefined, isTold: false }
}

/** Makes the backlog unless there is one. */
export function ensureBacklog(history: History, sizeBytes: number): Backlog {
  history.backlog ??= createBacklog(sizeBytes, history.offset)
  return history.backlog
}

/** A replica becomes a primary: from here on it writes a history of its own, `newId`. Returns the log line. */
export function promoteHistory(history: History, newId: string): string {
  history.secondId = history.id
  history.secondOffset = history.offset + 1
  history.id = newId
  history.isTold = false
  return (
    `Setting secondary replication ID to ${history.secondId}, valid up to offset: ${history.secondOffset}. ` +
    `New replication ID is ${newId}`
  )
}

/**
 * Goes back to the history that this one continues, if nothing was written in this one and nobody heard of it: whoever is
 * followed next may know that one, and cannot know this one. Returns whether it did.
 */
export function takeBackHistory(history: History): boolean {
  const isUntouched = history.backlog !== undefined && history.offset + 1 === history.secondOffset && !history.isTold
  if (!isUntouched || history.secondId === NO_REPLICATION_ID) return false
  renameHistory(history, history.secondId)
  return true
}

/** A full sync has replaced the data: the primary's history from `offset` on, nothing before it. */
export function adoptHistory(history: History, id: string, offset: number, backlogBytes: number): void {
  history.id = id
  history.secondId = NO_REPLICATION_ID
  history.secondOffset = -1
  history.offset = offset
  history.backlog = createBacklog(backlogBytes, offset)
}

/** The primary went on under another ID (it was promoted): same bytes so far. Returns whether the ID is another. */
export function continueHistory(history: History, id: string): boolean {
  if (id === history.id) return false
  history.secondId = history.id
  history.secondOffset = history.offset + 1
  history.id = id
  return true
}

/** Drops what was shared with another history: when the ID changes for other reasons than a promotion. */
export function renameHistory(history: History, id: string): void {
  history.id = id
  history.secondId = NO_REPLICATION_ID
  history.secondOffset = -1
}

/** What a primary answers to PSYNC. */
export type PsyncDecision =
  /** `+CONTINUE <id>`, then the backlog from `from` on. */
  | { readonly kind: 'partial'; readonly from: number; readonly log: readonly string[] }
  /** `+FULLRESYNC <id> <offset>`, then an RDB. */
  | { readonly kind: 'full'; readonly log: readonly string[] }

/**
 * Decides a PSYNC request of the replica `name`, which wants the byte at offset `from` of history `id` next ('?' and -1
 * when it knows none).
 */
export function decidePsync(history: History, id: string, from: number, name: string): PsyncDecision {
  const refusal = refuseHistory(history, id.toLowerCase(), from, name)
  if (refusal !== undefined) return { kind: 'full', log: [refusal] }
  const { backlog } = history
  if (backlog === undefined || !backlog.covers(from)) {
    const log = [
      `Unable to partial resync with replica ${name} for lack of backlog (Replica request was: ${formatOffset(from)}).`,
    ]
    if (from > history.offset) {
      log.push(
        `Warning: replica ${name} tried to PSYNC with an offset that is greater than the master replication offset.`,
      )
    }
    return { kind: 'full', log }
  }
  const log =
    `Partial resynchronization request from ${name} accepted. ` +
    `Sending ${history.offset + 1 - from} bytes of backlog starting from offset ${from}.`
  return { kind: 'partial', from, log: [log] }
}

function refuseHistory(history: History, id: string, from: number, name: string): string | undefined {
  if (id === history.id) return undefined
  if (id.startsWith('?')) return `Full resync requested by replica ${name}`
  if (id !== history.secondId || history.secondOffset < 0) {
    return (
      `Partial resynchronization not accepted: Replication ID mismatch ` +
      `(Replica asked for '${printable(id)}', my replication IDs are '${history.id}' and '${history.secondId}')`
    )
  }
  if (from <= history.secondOffset) return undefined
  return (
    `Partial resynchronization not accepted: Requested offset for second ID was ${formatOffset(from)}, ` +
    `but I can reply up to ${history.secondOffset}`
  )
}

const printable = (id: string): string => id.slice(0, REPLICATION_ID_LENGTH).replace(/[^ -~]/g, '?')
const formatOffset = (offset: number): string => (Number.isSafeInteger(offset) ? String(offset) : '?')
