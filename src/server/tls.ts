// TLS of the server: what CONFIG SET does to it.
import type { ServerConfig } from '../config/store.ts'
import { needsTls, TLS_OPTIONS } from '../config/tls-options.ts'
import type { Tls } from '../io/tls/tls.ts'

const REFUSAL = 'Unable to update TLS configuration. Check server logs.'

/** What is asked for while nothing goes by TLS is looked at only when something does, as with Redis. */
export function followTlsOptions(config: ServerConfig, tls: Tls): void {
  const apply = (): string | undefined => {
    if (needsTls(config.values)) return tls.configure() === undefined ? undefined : REFUSAL
    tls.clear()
    return undefined
  }
  for (const name of Object.keys(TLS_OPTIONS) as (keyof typeof TLS_OPTIONS)[]) config.onChange(name, apply)
}
