// The state of a sentinel on disk: one file, `state.log`, to which each change is appended as a frame and synced.
// Invariants:
// - A frame is written only when all before it are synced (what need not be synced waits in memory for the next that must).
//   So only the last frame can be torn; damage anywhere else is damage, and refused: a vote may stand there.
// - The file under its name is whole at all times: it is created, and rewritten by compaction, under another name, synced,
//   then renamed, then the directory is synced.
// - After a failed write or sync nothing more is written: what the disk then holds is only known by reading it again.
import { closeSync, fdatasyncSync, mkdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { assert } from '../../lib/assert.ts'
import { replaceFile, syncDirectory, writeAll } from '../durable.ts'
import {
  encodeFileHeader,
  encodeFrame,
  FILE_HEADER_BYTES,
  FORMAT_VERSION,
  hasLaterFrame,
  readFileHeader,
  readFrame,
} from './frame.ts'
import {
  createStateImage,
  type StateChange,
  type StateErrorCode,
  StateFileError,
  type StateImage,
  type StateStore,
} from './store.ts'

const FILE_NAME = 'state.log'

/**
 * Recovers the state in a directory (made when absent) that the caller has locked (io/lock.ts). The file is written anew at
 * every start, which also proves that there is room and permission. Throws StateFileError, having changed nothing that was there.
 */
export function openStateFile(directory: string): StateStore {
  const file = join(directory, FILE_NAME)
  makeStateDirectory(directory)
  const image = createStateImage()
  const warnings: string[] = []
  let sequence = refusing(file, () => recover(file, image, warnings))
  let failed: StateFileError | undefined
  let waiting: StateChange | undefined
  let { fd, sizeBytes } = refusing(file, () => rewrite())

  /** Writes the whole state as one frame into a new file and puts that in the place of the old one. */
  function rewrite(): { fd: number; sizeBytes: number } {
    const content = Buffer.concat([encodeFileHeader(), encodeFrame(image.state, ++sequence)])
    return { fd: replaceFile(file, `${file}.new`, content, 0o600), sizeBytes: content.length }
  }

  function append(change: StateChange): void {
    const frame = encodeFrame(change, sequence + 1)
    guard(() => {
      writeAll(fd, frame)
      fdatasyncSync(fd)
    })
    sequence++
    sizeBytes += frame.length
  }

  /** Runs I/O; its first failure is the end of this store. */
  function guard(io: () => void): void {
    try {
      io()
    } catch (error) {
      failed = asStateError(error, file)
      throw failed
    }
  }

  return {
    state: image.state,
    warnings,
    get sizeBytes() {
      return sizeBytes
    },
    save(change, sync) {
      if (failed !== undefined) throw failed
      const conflict = image.conflict(change)
      assert(conflict === undefined, conflict ?? '')
      // Only a hard state may wait; the rest is never worth waiting for, and would need merging.
      if (!sync && change.identity === undefined && change.snapshot === undefined && !change.entries?.length) {
        waiting = change
        image.apply(change)
        return
      }
      append({ hardState: waiting?.hardState, ...withoutAbsent(change) })
      waiting = undefined
      image.apply(change)
    },
    compact(snapshot) {
      if (failed !== undefined) throw failed
      image.compact(snapshot)
      waiting = undefined
      guard(() => {
        const old = fd
        ;({ fd, sizeBytes } = rewrite())
        closeSync(old)
      })
    },
    close() {
      if (fd < 0) return
      try {
        if (waiting !== undefined && failed === undefined) append(waiting)
      } finally {
        closeSync(fd)
        fd = -1
        failed ??= new StateFileError('io', file, `${file} is closed`)
      }
    },
  }
}

/** Reads the file, if there is one, into the image; returns the last sequence number. */
function recover(file: string, image: StateImage, warnings: string[]): number {
  let content: Buffer
  try {
    content = readFileSync(file)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 0
    throw error
  }
  const version = readFileHeader(content)
  if (version === undefined) throw corrupt(file, 0, 'it does not begin as a state file')
  if (version !== FORMAT_VERSION)
    throw new StateFileError(
      'version',
      file,
      `${file} has format version ${version}; this Vedette reads ${FORMAT_VERSION}`,
    )

  let sequence = 0
  for (let offset = FILE_HEADER_BYTES; offset < content.length; ) {
    const result = readFrame(content, offset)
    if (result.kind !== 'frame') {
      if (result.kind === 'damaged' || offset === FILE_HEADER_BYTES || hasLaterFrame(content, offset + 1, sequence))
        throw corrupt(file, offset, result.reason)
      warnings.push(
        `${file}: ${result.reason} at byte ${offset}; the last ${content.length - offset} bytes are dropped`,
      )
      return sequence
    }
    if (sequence !== 0 && result.sequence !== sequence + 1)
      throw corrupt(file, offset, `frame ${result.sequence} follows frame ${sequence}`)
    const conflict = image.conflict(result.change)
    if (conflict !== undefined) throw corrupt(file, offset, conflict)
    image.apply(result.change)
    sequence = result.sequence
    offset = result.end
  }
  if (sequence === 0) throw corrupt(file, FILE_HEADER_BYTES, 'the first frame is missing')
  return sequence
}

function corrupt(file: string, offset: number, reason: string): StateFileError {
  return new StateFileError(
    'corrupt',
    file,
    `${file} is damaged at byte ${offset}: ${reason}. To go on could mean to vote twice in one term. ` +
      'Restore the file, or delete its directory to join the group again as a new sentinel.',
  )
}

/** Runs I/O and turns the system's errors into StateFileError. */
function refusing<T>(file: string, io: () => T): T {
  try {
    return io()
  } catch (error) {
    throw asStateError(error, file)
  }
}

const WORDS: Record<string, string> = {
  ENOSPC: 'no space is left on the device',
  EDQUOT: 'the disk quota is exhausted',
  EROFS: 'the file system is read-only',
  EACCES: 'permission is denied',
  EPERM: 'the operation is not permitted',
  ENOTDIR: 'a part of the path is no directory',
  EISDIR: 'it is a directory',
}

function asStateError(error: unknown, file: string): StateFileError {
  if (error instanceof StateFileError) return error
  const { code, message, path } = error as NodeJS.ErrnoException
  const kind: StateErrorCode = 'io'
  const name = path ?? file
  return new StateFileError(kind, name, `cannot use ${name}: ${WORDS[code ?? ''] ?? message}`, { cause: error })
}

/** Makes the directory and those above it, unless they are there. Throws StateFileError. */
export function makeStateDirectory(directory: string): void {
  refusing(directory, () => makeDirectory(directory))
}

/**
 * Makes the directory and those above it, durably. (Not mkdir's own `recursive`: on Node 20 that never returns where
 * an existing parent answers ENOENT, as /proc does.)
 */
function makeDirectory(directory: string): void {
  if (statSync(directory, { throwIfNoEntry: false })?.isDirectory()) return
  const parent = dirname(directory)
  if (parent !== directory) makeDirectory(parent)
  try {
    mkdirSync(directory, { mode: 0o700 })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST' && statSync(directory).isDirectory()) return
    throw error
  }
  syncDirectory(parent)
}

/** Without the keys whose value is undefined, so that spreading does not overwrite with them. */
function withoutAbsent(change: StateChange): StateChange {
  return Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined))
}
