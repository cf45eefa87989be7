// The line that MONITOR shows for a command: `1700000000.123456 [0 127.0.0.1:5000] "SET" "key" "value"`. Invariants: no
// password is ever in it; its size is bounded, whatever the command, because every monitor gets a copy: of a long one the
// beginning is shown, and how much more there is, as SLOWLOG does.

import { QUOTED_BYTES_MAX, writeEscaped } from '../lib/quoted.ts'
import type { Args } from '../protocol/args.ts'
import { withoutSecrets } from './secrets.ts'

/** Bytes of a command that are shown: its arguments, and ARGUMENT_BYTES for each. */
const SHOWN_BYTES_MAX = 256 * 1024
/** The quotes of an argument and the blank before it. */
const ARGUMENT_BYTES = 3
/** Room for what is said of the rest. */
const NOTE_BYTES_MAX = 64

/** The arguments that are shown, the last one perhaps in part. */
function shownOf(args: Args): readonly Uint8Array[] {
  const shown: Uint8Array[] = []
  let left = SHOWN_BYTES_MAX
  for (let i = 0; i < args.count && left > ARGUMENT_BYTES; i++) {
    left -= ARGUMENT_BYTES
    const length = Math.min(left, args.len(i))
    left -= length
    shown.push(args.buffer.subarray(args.start(i), args.start(i) + length))
  }
  return shown
}

/**
 * The line for a command, as a whole reply. `nowMicros` is Unix time in microseconds; `peer` is `ip:port`, `unix:path` or
 * `lua`.
 */
export function monitorLine(nowMicros: bigint, db: number, peer: string, args: Args): Buffer {
  const seconds = nowMicros / 1_000_000n
  const micros = String(nowMicros % 1_000_000n).padStart(6, '0')
  const head = Buffer.from(`+${seconds}.${micros} [${db} ${peer}]`)
  const given = shownOf(args)
  const shown = withoutSecrets(given)
  const shownBytes = shown.reduce((sum, { length }) => sum + length * QUOTED_BYTES_MAX + ARGUMENT_BYTES, 0)
  const line = Buffer.allocUnsafe(head.length + shownBytes + 2 * NOTE_BYTES_MAX)
  let pos = head.copy(line)
  shown.forEach((arg, i) => {
    pos += line.write(' "', pos)
    pos = writeEscaped(line, pos, arg, 0, arg.length)
    const more = arg === given[i] ? args.len(i) - arg.length : 0
    if (more > 0) pos += line.write(`... (${more} more bytes)`, pos)
    pos += line.write('"', pos)
  })
  const more = args.count - shown.length
  if (more > 0) pos += line.write(` "... (${more} more arguments)"`, pos)
  pos += line.write('\r\n', pos)
  return line.subarray(0, pos)
}
