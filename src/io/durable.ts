// Files that are whole at all times, also after a crash: the new content is written beside the old one, synced, renamed over
// it, and the folder is synced.
import { closeSync, fchmodSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'

/**
 * Puts `content` into the place of the file `path`, or makes it. Returns the new file, open for appending to it; it is the
 * caller's to close. Throws the system's error; the old file is then as it was, unless only the folder could not be synced.
 */
export function replaceFile(path: string, temporary: string, content: Uint8Array, mode: number): number {
  let fd: number | undefined
  try {
    fd = openSync(temporary, 'w', mode)
    fchmodSync(fd, mode)
    writeAll(fd, content)
    fsyncSync(fd)
    renameSync(temporary, path)
    syncDirectory(dirname(path))
    return fd
  } catch (error) {
    if (fd !== undefined) closeSync(fd)
    rmSync(temporary, { force: true })
    throw error
  }
}

/** Writes all bytes, in as many calls as the system wants. */
export function writeAll(fd: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at)
}

/** Makes the creation, renaming and removal of files in a folder durable. */
export function syncDirectory(directory: string): void {
  const fd = openSync(directory, 'r')
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}
