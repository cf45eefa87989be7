// A full sync through a file: for replicas that need to know the RDB's length before they get it, and for
// `repl-diskless-sync no`. The snapshot is written to a file without a name of its own for long: it is unlinked as soon as it
// is open for reading, so nothing is left behind whatever happens.
import { close, fstatSync, openSync, read, unlinkSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { createRdbFile } from './rdb-file.ts'
import type { SnapshotOptions, Snapshots } from './snapshot.ts'

/** Who gets the file. */
export interface SpoolTarget {
  /** The next bytes; false when nobody is there to take more. */
  send(bytes: Buffer): boolean
  ready(): boolean
  done(error: Error | undefined): void
}

const PIECE_BYTES = 64 * 1024
const WAIT_MS = 2
const PENDING_BYTES_MAX = 4 << 20

/** Takes a snapshot into a file in `dir`, then sends it as `$<length>` and its bytes. */
export function spoolSnapshot(
  snapshots: Snapshots,
  options: SnapshotOptions,
  dir: string,
  name: string,
  target: SpoolTarget,
): void {
  const path = resolve(join(dir, `temp-${name}.sync`))
  let file: ReturnType<typeof createRdbFile>
  try {
    file = createRdbFile(path, name)
  } catch (error) {
    target.done(error as Error)
    return
  }
  const written = (error: Error | undefined): void => {
    if (error === undefined) sendFile(path, target)
    else {
      file.discard()
      target.done(error)
    }
  }
  snapshots.start(options, {
    emit: file.write,
    ready: () => file.pendingBytes() < PENDING_BYTES_MAX,
    done: (error) => (error === undefined ? file.commit(written) : written(error)),
  })
}

function sendFile(path: string, target: SpoolTarget): void {
  let fd: number
  let length: number
  try {
    fd = openSync(path, 'r')
    unlinkSync(path)
    length = fstatSync(fd).size
  } catch (error) {
    target.done(error as Error)
    return
  }
  const finish = (error: Error | undefined): void => close(fd, () => target.done(error))
  const next = (left: number): void => {
    if (left === 0) return finish(undefined)
    if (!target.ready()) {
      setTimeout(next, WAIT_MS, left)
      return
    }
    const piece = Buffer.allocUnsafe(Math.min(PIECE_BYTES, left))
    read(fd, piece, 0, piece.length, null, (error, count) => {
      if (error !== null || count === 0) return finish(error ?? new Error('the spooled snapshot is cut short'))
      if (!target.send(piece.subarray(0, count))) return finish(new Error('the last replica dropped'))
      next(left - count)
    })
  }
  target.send(Buffer.from(`$${length}\r\n`))
  next(length)
}
