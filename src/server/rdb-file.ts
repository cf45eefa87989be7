// RDB files on disk. A snapshot is written under a temporary name and renamed once it is whole and synced, so that the
// file of that name is always a complete snapshot, whatever fails and whenever the process dies.
import {
  closeSync,
  fsync,
  fsyncSync,
  mkdtempSync,
  openSync,
  readSync,
  renameSync,
  rmdirSync,
  unlinkSync,
  write,
  writeSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import { syncDirectory } from '../io/durable.ts'

/** A snapshot file being written. */
export interface RdbFile {
  /** Appends, in order. `writeAtOnce` returns when the system has it; `write` returns now. Both throw what failed so far. */
  writeAtOnce(bytes: Uint8Array): void
  write(bytes: Uint8Array): void
  /** Bytes given to `write` that the system does not have yet. */
  pendingBytes(): number
  /** Syncs and renames. */
  commitAtOnce(): void
  /** Waits for pending bytes, syncs and renames; `done` gets the error if any of it failed. */
  commit(done: (error: Error | undefined) => void): void
  /** Removes the temporary file, which does not get its final name any more. A commit under way may still say that it failed. */
  discard(): void
}

const QUEUE_CHUNKS_MAX = 1024
/** So much of a file is parsed in some milliseconds. */
const READ_BYTES = 256 * 1024

/** Why a file could not be written, in one sentence. */
function failure(what: string, path: string, error: unknown): Error {
  const code = (error as NodeJS.ErrnoException).code ?? ''
  const reason = REASONS[code] ?? (error instanceof Error ? error.message : String(error))
  return new Error(`${what} ${basename(path)} (in server root dir ${dirname(path)}): ${reason}`, { cause: error })
}

/** The words of strerror for what happens to files. */
const REASONS: Readonly<Record<string, string>> = {
  ENOSPC: 'No space left on device',
  EROFS: 'Read-only file system',
  EACCES: 'Permission denied',
  ENOENT: 'No such file or directory',
  ENOTDIR: 'Not a directory',
  EIO: 'Input/output error',
  EDQUOT: 'Disk quota exceeded',
  EISDIR: 'Is a directory',
  EPERM: 'Operation not permitted',
}

/** Opens a temporary file beside `path`. Throws an error whose message is fit for log and reply. */
export function createRdbFile(path: string, suffix: string): RdbFile {
  const temporary = join(dirname(path), `temp-${suffix}.rdb`)
  let fd: number
  try {
    fd = openSync(temporary, 'w')
  } catch (error) {
    throw failure('Failed opening the temp RDB file', temporary, error)
  }
  let open = true
  let failed: Error | undefined
  let pending = 0
  const queue: Uint8Array[] = []
  let writing = false
  let syncing = false
  let onIdle: (() => void) | undefined

  const fail = (what: string, error: unknown): Error => {
    failed ??= failure(what, temporary, error)
    return failed
  }
  const close = (): void => {
    if (open) closeSync(fd)
    open = false
  }

  /** Hands the system the next bytes of the queue; a short write is taken up where it stopped. */
  const writeNext = (): void => {
    const chunk = queue[0]
    if (chunk === undefined || failed !== undefined) {
      writing = false
      onIdle?.()
      return
    }
    writing = true
    write(fd, chunk, 0, chunk.length, null, (error, written) => {
      if (error !== null) fail('Write error saving DB on disk, file', error)
      pending -= error === null ? written : chunk.length
      if (error !== null || written === chunk.length) queue.shift()
      else queue[0] = chunk.subarray(written)
      writeNext()
    })
  }

  const rename = (): void => {
    try {
      renameSync(temporary, path)
      syncDirectory(dirname(path))
    } catch (error) {
      throw fail('Error moving temp DB file on the final destination from', error)
    }
  }

  const finish = (done: (error: Error | undefined) => void): void => {
    if (failed !== undefined) {
      done(failed)
      return
    }
    syncing = true
    fsync(fd, (error) => {
      syncing = false
      if (error !== null) fail('Write error saving DB on disk, fsync of', error)
      try {
        close()
        // Also when it was given up meanwhile: a newer snapshot may have the name by now.
        if (failed !== undefined) throw failed
        rename()
        done(undefined)
      } catch (reason) {
        done(reason as Error)
      }
    })
  }

  return {
    writeAtOnce(bytes) {
      try {
        for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at, bytes.length - at)
      } catch (error) {
        throw fail('Write error saving DB on disk, file', error)
      }
    },
    write(bytes) {
      if (failed !== undefined) throw failed
      queue.push(bytes)
      pending += bytes.length
      if (!writing) writeNext()
    },
    pendingBytes: () => (queue.length > QUEUE_CHUNKS_MAX ? Number.POSITIVE_INFINITY : pending),
    commitAtOnce() {
      try {
        fsyncSync(fd)
      } catch (error) {
        throw fail('Write error saving DB on disk, fsync of', error)
      }
      close()
      rename()
    },
    commit(done) {
      if (!writing) {
        finish(done)
        return
      }
      onIdle = () => {
        onIdle = undefined
        finish(done)
      }
    },
    discard() {
      failed ??= new Error('the snapshot was given up')
      if (writing) onIdle = close
      else if (!syncing) close()
      try {
        unlinkSync(temporary)
      } catch {
        // Nothing was written, or it has its final name already.
      }
    },
  }
}

/**
 * Hands a file to `take` in pieces that it may use during the call, one in each turn of the event loop, until it answers
 * false. Rejects with ENOENT and the like as they are. For each piece, of at most `pieceBytes`, it waits for `pauseMs`.
 */
export async function readRdbFile(
  path: string,
  take: (bytes: Uint8Array) => boolean,
  pieceBytes = READ_BYTES,
  pauseMs: () => number = () => 0,
): Promise<void> {
  const fd = openSync(path, 'r')
  try {
    let waitMs = 0
    const buffer = Buffer.allocUnsafeSlow(Math.min(pieceBytes, READ_BYTES))
    for (;;) {
      const count = readSync(fd, buffer, 0, buffer.length, null)
      if (count === 0 || !take(buffer.subarray(0, count))) return
      await nextTurn()
      waitMs += pauseMs()
      if (waitMs < 1) continue
      await sleep(waitMs)
      waitMs = 0
    }
  } finally {
    closeSync(fd)
  }
}

/** The same while nothing else happens: hands the pieces to `take` one after the other before it returns. */
export function readRdbFileAtOnce(path: string, take: (bytes: Uint8Array) => void): void {
  const fd = openSync(path, 'r')
  try {
    const buffer = Buffer.allocUnsafeSlow(READ_BYTES)
    for (;;) {
      const count = readSync(fd, buffer, 0, buffer.length, null)
      if (count === 0) return
      take(buffer.subarray(0, count))
    }
  } finally {
    closeSync(fd)
  }
}

/** Throws, in words for the log, unless files can be made in the folder. */
export function checkWritable(folder: string): void {
  try {
    rmdirSync(mkdtempSync(join(folder, 'temp-check-')))
  } catch (error) {
    throw failure('Cannot write', join(folder, '.'), error)
  }
}
