// The options that clients of the server are subject to, as the facade asks for them.

import type { Users } from '../acl/users.ts'
import type { ServerOptions } from '../config/server-options.ts'
import { type ClientLimits, type OutputLimit, outputKind } from '../facade/limits.ts'
import type { Session } from '../facade/session.ts'
import { quick } from '../lib/quick.ts'

/** Who has not given the password gets short errors, and has no reason to leave them unread. */
const STRANGER: OutputLimit = { hardBytes: 64 * 1024, softBytes: 0, softSeconds: 0 }

/** With less nobody could say a word, as in Redis. */
const CLIENTS_BYTES_MIN = 128 * 1024

/** `maxmemory-clients` in bytes, 0 for no limit; below zero it is a share of `maxmemory` in percent, and of none if that is not set. */
function clientsBytesMax(option: number, maxmemory: number): number {
  const bytes = option < 0 ? Math.floor((maxmemory * -option) / 100) : option
  return bytes === 0 ? 0 : Math.max(bytes, CLIENTS_BYTES_MIN)
}

/**
 * The limits that the options say, read at each use, so that CONFIG SET takes effect. What may wait for a replica, replication
 * knows.
 */
export function clientLimits(
  options: Readonly<ServerOptions>,
  users: Users,
  ofReplica: (session: Session) => OutputLimit,
): ClientLimits {
  return quick({
    get clientsMax() {
      return options.maxclients
    },
    get clientsBytesMax() {
      return clientsBytesMax(options['maxmemory-clients'], options.maxmemory)
    },
    get idleSeconds() {
      return options.timeout
    },
    get passwordNeeded() {
      return users.asksPassword
    },
    get protectedMode() {
      return options['protected-mode']
    },
    get bulkBytesMax() {
      return options['proto-max-bulk-len']
    },
    get queryBytesMax() {
      return options['client-query-buffer-limit']
    },
    output: (session) => {
      if (session.isReplica) return ofReplica(session)
      return session.authenticated ? options['client-output-buffer-limit'][outputKind(session)] : STRANGER
    },
  })
}
