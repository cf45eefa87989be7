// The options that clients of the server are subject to, as the facade asks for them.

import type { ServerOptions } from '../config/server-options.ts'
import type { ClientLimits } from '../facade/limits.ts'

/** The limits that the options say, read at each use, so that CONFIG SET takes effect. */
export function clientLimits(options: Readonly<ServerOptions>): ClientLimits {
  return {
    get clientsMax() {
      return options.maxclients
    },
    get idleSeconds() {
      return options.timeout
    },
    get passwordNeeded() {
      return options.requirepass !== ''
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
    output: (kind) => options['client-output-buffer-limit'][kind],
  }
}
