// What is logged of somebody who speaks HTTP to a port of the Redis protocol, as Redis does: once a minute at most, so that it
// cannot be used to fill a disk.

import type { Session } from '../facade/session.ts'
import type { Log } from './log.ts'

const EVERY_MS = 60_000

/** Logs the first attack of each minute. `nowMs` is Unix time in milliseconds. */
export function createAttackLog(log: Log, nowMs: () => number): (session: Session) => void {
  let loggedMs = Number.NEGATIVE_INFINITY
  return ({ outlet }) => {
    if (Math.abs(nowMs() - loggedMs) < EVERY_MS) return
    loggedMs = nowMs()
    log.warning(
      `Possible SECURITY ATTACK detected: ${outlet.peer} sent POST or Host: as a command, as an HTTP request does that is ` +
        'meant to run commands here (cross-protocol scripting). The connection was closed.',
    )
  }
}
