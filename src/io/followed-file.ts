// A small file that is read again while the process runs: passwords and users that are exchanged without a restart.
// Invariant: what is in force is what was last read and accepted; a file that is missing or wrong changes nothing, and is
// complained of once.

import { readFileSync, statSync } from 'node:fs'
import type { Log } from './log.ts'

/** How often it is read again: no watch on a file can be relied on where mounted secrets are exchanged by a link. */
const LOOK_EVERY_MS = 2_000
const BYTES_MAX = 1 << 20

/** Reads the bytes of a small file, as latin1. Throws if that cannot be. */
export function readSmallFile(path: string): string {
  const { size } = statSync(path)
  if (size > BYTES_MAX) throw new Error(`${path} has more than ${BYTES_MAX} bytes`)
  return readFileSync(path, 'latin1')
}

/**
 * Gives the content of a file to `take` whenever it is another one than `known`, the content at the start. `take` returns what is
 * wrong with it; `what` names the file in the log. The timer keeps no process alive.
 */
export function followFile(
  path: string,
  what: string,
  known: string,
  take: (content: string) => string | undefined,
  log: Pick<Log, 'notice' | 'warning'>,
  everyMs = LOOK_EVERY_MS,
): NodeJS.Timeout {
  let seen = known
  let complaint = ''
  const complain = (why: string): void => {
    if (why === complaint) return
    complaint = why
    log.warning(`${what} ${path} cannot be used as it is now, what it was stays in force: ${why}`)
  }
  const look = (): void => {
    try {
      const content = readSmallFile(path)
      if (content === seen && complaint === '') return
      seen = content
      const problem = take(content)
      if (problem !== undefined) return complain(problem)
      complaint = ''
      log.notice(`${what} ${path} has changed: what is there now is in force.`)
    } catch (error) {
      complain((error as Error).message)
    }
  }
  return setInterval(look, everyMs).unref()
}
