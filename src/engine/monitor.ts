// The line that MONITOR shows for a command: `1700000000.123456 [0 127.0.0.1:5000] "SET" "key" "value"`. Invariant: no
// password is ever in it.

import { quoted } from '../lib/quoted.ts'
import { withoutSecrets } from './secrets.ts'

/**
 * The line for a command, without the leading `+` and the line end. `nowMicros` is Unix time in microseconds; `peer` is
 * `ip:port`, `unix:path` or `lua`.
 */
export function monitorLine(nowMicros: bigint, db: number, peer: string, argv: readonly Uint8Array[]): string {
  const seconds = nowMicros / 1_000_000n
  const micros = String(nowMicros % 1_000_000n).padStart(6, '0')
  const words = withoutSecrets(argv).map((arg) => ` ${quoted(arg)}`)
  return `${seconds}.${micros} [${db} ${peer}]${words.join('')}`
}
