// The slow log: the last commands that took longer than `slowlog-log-slower-than`. Bounded: by the number of entries, and each entry
// by the number and length of the arguments that it keeps.

import type { SlowCommands, SlowEntry } from '../commands/observed.ts'

const ARGUMENTS_MAX = 32
const ARGUMENT_BYTES_MAX = 128

/** Arguments as the log keeps them: what is too much is said, not kept. */
function shortened(argv: readonly Uint8Array[]): Uint8Array[] {
  const kept = argv.length > ARGUMENTS_MAX ? argv.slice(0, ARGUMENTS_MAX - 1) : argv
  const short = kept.map((arg) => {
    const more = arg.length - ARGUMENT_BYTES_MAX
    if (more <= 0) return Buffer.from(arg)
    return Buffer.concat([arg.subarray(0, ARGUMENT_BYTES_MAX), Buffer.from(`... (${more} more bytes)`)])
  })
  if (kept.length < argv.length) short.push(Buffer.from(`... (${argv.length - kept.length} more arguments)`))
  return short
}

/** The log of one server. */
export class SlowLog implements SlowCommands {
  private readonly newestFirst: SlowEntry[] = []
  private nextId = 0

  /** Adds a command; `max` entries stay. */
  add(entry: Omit<SlowEntry, 'id'>, max: number): void {
    this.newestFirst.unshift({ ...entry, id: this.nextId++, argv: shortened(entry.argv) })
    this.trim(max)
  }

  /** Drops what is too much. */
  trim(max: number): void {
    if (this.newestFirst.length > max) this.newestFirst.length = max
  }

  get length(): number {
    return this.newestFirst.length
  }

  /** The newest entries, newest first. */
  newest(count: number): readonly SlowEntry[] {
    return this.newestFirst.slice(0, count)
  }

  reset(): void {
    this.newestFirst.length = 0
  }
}
