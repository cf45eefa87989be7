// The open file of an append-only log: takes what is written in a turn of the event loop, hands it to the system at the end of
// that turn, before any reply, and syncs as `appendfsync` says.
//
// Invariants: with `always` no reply leaves before the disk has what it answers; otherwise none before the system has it, so
// that a killed process loses nothing, unless a sync keeps the file busy (see POSTPONE_MS_MAX). The file never ends in half a
// request for longer than it takes to notice: what could be written in part only is cut off again.
import { closeSync, fdatasync, fdatasyncSync, ftruncateSync, writeSync } from 'node:fs'
import { monotonicMs } from '../io/clock.ts'
import type { Log } from '../io/log.ts'
import { encodeRequest } from '../protocol/writer.ts'

export interface AofLogParts {
  readonly log: Log
  policy(): 'always' | 'everysec' | 'no'
  /** No sync now, whatever the policy: a snapshot keeps the disk busy, and `no-appendfsync-on-rewrite` says to wait. */
  syncHeld(): boolean
  /** Whether to note the time (`aof-timestamp-enabled`); Unix time in milliseconds. */
  timestamps(): boolean
  nowMs(): number
  /** Writing works again, or fails for this reason. */
  changed(problem: string | undefined): void
  /** With `always` nothing can be acknowledged any more. */
  panic(reason: string): void
}

export interface AofLog {
  /** Takes a request, bytes [start, end), which is run in database `db`. */
  append(db: number, bytes: Uint8Array, start: number, end: number): void
  /** Hands all to the system, and with `always` to the disk. */
  flush(): void
  /** Ten times a second: a second's sync, and what could not be written before. */
  tick(): void
  /** Hands all to the system, whatever keeps the file busy. False if it does not take it. */
  writeAll(): boolean
  /** Goes on in another file; the former one is synced and closed, and what could not be written to it is dropped. */
  switchTo(fd: number, bytes: number): void
  /** Bytes of the file, and those that are still to be written. */
  readonly fileBytes: number
  readonly pendingBytes: number
  /** Whether a sync is under way; how often a write was put off for one. */
  readonly syncing: boolean
  readonly delayed: number
  /** Writes and syncs what there is, and closes. */
  close(): void
}

/** As in Redis a write waits so long for a sync under way: the system would let it wait as well, and all clients with it. */
const POSTPONE_MS_MAX = 2000
const BUFFER_BYTES_KEPT = 1 << 20

/** A log whose file is open, with so many bytes in it. */
export function createAofLog(parts: AofLogParts, openFd: number, openBytes: number): AofLog {
  let fd = openFd
  let fileBytes = openBytes
  let buffer = Buffer.allocUnsafeSlow(64 * 1024)
  let pending = 0
  let db = -1 // selected in the file; -1: none yet
  let noteSeconds = 0
  let unsynced = false
  let syncing = false
  let syncedMs = monotonicMs()
  let postponedMs = 0
  let delayed = 0
  let writeProblem: string | undefined
  let syncProblem: string | undefined
  let scheduled = false

  const reserve = (bytes: number): void => {
    if (pending + bytes <= buffer.length) return
    const larger = Buffer.allocUnsafeSlow(Math.max(2 * buffer.length, pending + bytes))
    buffer.copy(larger, 0, 0, pending)
    buffer = larger
  }
  const put = (bytes: Uint8Array, start: number, end: number): void => {
    reserve(end - start)
    buffer.set(start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end), pending)
    pending += end - start
  }
  const putRequest = (...words: string[]): void => {
    const request = encodeRequest(words)
    put(request, 0, request.length)
  }

  const noteTime = (): void => {
    const seconds = Math.floor(parts.nowMs() / 1000)
    if (seconds <= noteSeconds) return
    noteSeconds = seconds
    const note = Buffer.from(`#TS:${seconds}\r\n`)
    put(note, 0, note.length)
  }

  const tellProblem = (): void => parts.changed(writeProblem ?? syncProblem)

  /** What was written of a piece that could not be written in whole is cut off. */
  const failed = (error: unknown, written: number): void => {
    const { message } = error as Error
    parts.log.warning(`Error writing to the AOF file: ${message}`)
    try {
      if (written > 0) ftruncateSync(fd, fileBytes)
    } catch (cutError) {
      parts.log.warning(`Could not remove short write from the append-only file: ${(cutError as Error).message}`)
      keep(written)
    }
    if (parts.policy() === 'always') {
      parts.panic("Can't recover from AOF write error when the AOF fsync policy is 'always'. Exiting...")
    }
    writeProblem = message
    tellProblem()
  }
  /** The first bytes are in the file. */
  const keep = (written: number): void => {
    fileBytes += written
    buffer.copyWithin(0, written, pending)
    pending -= written
  }

  const write = (): void => {
    let written = 0
    try {
      while (written < pending) written += writeSync(fd, buffer, written, pending - written)
    } catch (error) {
      return failed(error, written)
    }
    fileBytes += pending
    pending = 0
    unsynced = true
    if (buffer.length > BUFFER_BYTES_KEPT) buffer = Buffer.allocUnsafeSlow(64 * 1024)
    if (writeProblem === undefined) return
    writeProblem = undefined
    tellProblem()
  }

  const syncNow = (): void => {
    try {
      fdatasyncSync(fd)
      unsynced = false
      syncedMs = monotonicMs()
    } catch (error) {
      parts.panic(
        `Can't persist AOF for fsync error when the AOF fsync policy is 'always': ${(error as Error).message}. Exiting...`,
      )
    }
  }

  const syncSoon = (): void => {
    syncing = true
    unsynced = false
    syncedMs = monotonicMs()
    const which = fd
    fdatasync(which, (error) => {
      syncing = false
      if (which !== fd) return closeFormer(which)
      if (error === null && syncProblem === undefined) return
      syncProblem = error?.message
      tellProblem()
      if (error === null) return
      unsynced = true
      parts.log.warning(`Asynchronous AOF fsync error: ${error.message}`)
    })
  }
  const closeFormer = (which: number): void => {
    try {
      closeSync(which)
    } catch {
      // It was synced; nothing else could be done.
    }
  }

  /** Whether to wait for the sync that keeps the file busy. */
  const postpone = (): boolean => {
    if (!syncing || parts.policy() !== 'everysec') return false
    const nowMs = monotonicMs()
    if (postponedMs === 0) postponedMs = nowMs
    if (nowMs - postponedMs < POSTPONE_MS_MAX) return true
    delayed++
    parts.log.notice(
      'Asynchronous AOF fsync is taking too long (disk is busy?). Writing the AOF buffer without waiting for fsync to ' +
        'complete, this may slow down the server.',
    )
    return false
  }

  const flush = (): void => {
    scheduled = false
    if (pending === 0 || postpone()) return
    postponedMs = 0
    write()
    if (unsynced && parts.policy() === 'always' && !parts.syncHeld()) syncNow()
  }

  return {
    append(at, bytes, start, end) {
      if (parts.timestamps()) noteTime()
      if (at !== db) {
        putRequest('SELECT', String(at))
        db = at
      }
      put(bytes, start, end)
      if (scheduled) return
      scheduled = true
      setImmediate(flush)
    },
    flush,
    writeAll() {
      postponedMs = 0
      if (pending > 0) write()
      return pending === 0
    },
    tick() {
      flush()
      if (!unsynced || syncing || parts.policy() === 'no' || parts.syncHeld()) return
      if (monotonicMs() - syncedMs >= 1000) syncSoon()
    },
    switchTo(nextFd, bytes) {
      const former = fd
      const isBusy = syncing
      fd = nextFd
      fileBytes = bytes
      db = -1
      pending = 0
      unsynced = false
      // A sync under way closes it when it ends.
      if (!isBusy) fdatasync(former, () => closeFormer(former))
    },
    get fileBytes() {
      return fileBytes
    },
    get pendingBytes() {
      return pending
    },
    get syncing() {
      return syncing
    },
    get delayed() {
      return delayed
    },
    close() {
      if (pending > 0) write()
      try {
        fdatasyncSync(fd)
      } catch (error) {
        parts.log.warning(`Fail to fsync the AOF file: ${(error as Error).message}`)
      }
      const former = fd
      fd = -1
      if (!syncing) closeFormer(former)
    },
  }
}
