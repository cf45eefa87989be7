// TLS of the server: when it is needed, and what CONFIG SET does to it.
import type { ServerConfig } from '../config/store.ts'
import { needsTls, TLS_OPTIONS } from '../config/tls-options.ts'
import type { Log } from '../io/log.ts'
import { createTls, type Tls } from '../io/tls/tls.ts'

const REFUSAL = 'Unable to update TLS configuration. Check server logs.'

/** Ready to use. Throws if it is needed and cannot be had. */
export function openTls(config: ServerConfig, log: Log): Tls {
  const tls = createTls(config.values, log)
  /** What is asked for while nothing goes by TLS is looked at only when something does, as with Redis. */
  const apply = (): string | undefined => {
    if (needsTls(config.values)) return tls.configure() === undefined ? undefined : REFUSAL
    tls.clear()
    return undefined
  }
  if (apply() !== undefined) throw new Error('Failed to configure TLS. Check logs for more info.')
  for (const name of Object.keys(TLS_OPTIONS) as (keyof typeof TLS_OPTIONS)[]) config.onChange(name, apply)
  return tls
}
