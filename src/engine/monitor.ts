// The line that MONITOR shows for a command: `1700000000.123456 [0 127.0.0.1:5000] "SET" "key" "value"`. Invariant: no
// password is ever in it.

import { quoted } from '../lib/quoted.ts'

const REDACTED = Buffer.from('(redacted)')

/** Which arguments of a command are user names or passwords. */
function secretsOf(words: readonly string[]): ReadonlySet<number> {
  const secrets = new Set<number>()
  if (words[0] === 'auth') for (let i = 1; i < words.length; i++) secrets.add(i)
  if (words[0] === 'hello') {
    for (let i = 2; i < words.length; i++) if (words[i] === 'auth') for (const k of [1, 2]) secrets.add(i + k)
  }
  return secrets
}

const wordOf = (arg: Uint8Array): string => Buffer.from(arg).toString('latin1').toLowerCase()

/**
 * The line for a command, without the leading `+` and the line end. `nowMicros` is Unix time in microseconds; `peer` is
 * `ip:port`, `unix:path` or `lua`.
 */
export function monitorLine(nowMicros: bigint, db: number, peer: string, argv: readonly Uint8Array[]): string {
  const seconds = nowMicros / 1_000_000n
  const micros = String(nowMicros % 1_000_000n).padStart(6, '0')
  const mayBeSecret = ['auth', 'hello'].includes(wordOf(argv[0] ?? REDACTED))
  const secrets = mayBeSecret ? secretsOf(argv.map(wordOf)) : undefined
  const words = argv.map((arg, i) => ` ${quoted(secrets?.has(i) === true ? REDACTED : arg)}`)
  return `${seconds}.${micros} [${db} ${peer}]${words.join('')}`
}
