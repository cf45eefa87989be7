// The line that MONITOR shows for a command: `1700000000.123456 [0 127.0.0.1:5000] "SET" "key" "value"`. Invariants: no
// password is ever in it; its size is bounded, whatever the command, because every monitor gets a copy: of a long one the
// beginning is shown, and how much more there is, as SLOWLOG does.

import { QUOTED_BYTES_MAX, writeEscaped } from '../lib/quoted.ts'
import type { Args } from '../protocol/args.ts'

const REDACTED = Buffer.from('(redacted)')

/** Bytes of a command that are shown: its arguments, and ARGUMENT_BYTES for each. */
const SHOWN_BYTES_MAX = 256 * 1024
/** The quotes of an argument and the blank before it. */
const ARGUMENT_BYTES = 3
/** Room for what is said of the rest. */
const NOTE_BYTES_MAX = 64

/** Which arguments of a command are user names or passwords. */
function secretsOf(args: Args): ReadonlySet<number> | undefined {
  const secrets = new Set<number>()
  if (args.is(0, 'auth')) for (let i = 1; i < args.count; i++) secrets.add(i)
  else if (args.is(0, 'hello')) {
    for (let i = 2; i < args.count; i++) if (args.is(i, 'auth')) for (const k of [1, 2]) secrets.add(i + k)
  } else return undefined
  return secrets
}

/** How many arguments are shown, and how many bytes of the last one of them. */
function shownOf(args: Args): { readonly count: number; readonly lastBytes: number } {
  let left = SHOWN_BYTES_MAX
  for (let i = 0; i < args.count; i++) {
    left -= ARGUMENT_BYTES
    if (left <= args.len(i)) return { count: i + 1, lastBytes: Math.max(0, Math.min(left, args.len(i))) }
    left -= args.len(i)
  }
  return { count: args.count, lastBytes: args.len(args.count - 1) }
}

/**
 * The line for a command, as a whole reply. `nowMicros` is Unix time in microseconds; `peer` is `ip:port`, `unix:path` or
 * `lua`.
 */
export function monitorLine(nowMicros: bigint, db: number, peer: string, args: Args): Buffer {
  const seconds = nowMicros / 1_000_000n
  const micros = String(nowMicros % 1_000_000n).padStart(6, '0')
  const head = `+${seconds}.${micros} [${db} ${peer}]`
  const secrets = secretsOf(args)
  const { count, lastBytes } = shownOf(args)
  let shownBytes = lastBytes
  for (let i = 0; i < count - 1; i++) shownBytes += args.len(i)
  const perArgument = ARGUMENT_BYTES + (secrets === undefined ? 0 : REDACTED.length)
  const room = head.length * 3 + shownBytes * QUOTED_BYTES_MAX + count * perArgument + 2 * NOTE_BYTES_MAX
  const line = Buffer.allocUnsafe(room)
  let pos = line.write(head)
  for (let i = 0; i < count; i++) {
    pos += line.write(' "', pos)
    if (secrets?.has(i) === true) pos += REDACTED.copy(line, pos)
    else {
      const shown = i === count - 1 ? lastBytes : args.len(i)
      pos = writeEscaped(line, pos, args.buffer, args.start(i), args.start(i) + shown)
      if (shown < args.len(i)) pos += line.write(`... (${args.len(i) - shown} more bytes)`, pos)
    }
    pos += line.write('"', pos)
  }
  if (count < args.count) pos += line.write(` "... (${args.count - count} more arguments)"`, pos)
  pos += line.write('\r\n', pos)
  return line.subarray(0, pos)
}
