// What a command of `vedette` is: data that yargs, --help and the tests read, and a handler that returns the exit code.
import type { Options } from 'yargs'

/** Exit codes, the same for every command. */
export const EXIT = {
  ok: 0,
  failed: 1,
  usage: 2,
  unreachable: 3,
  unhealthy: 4,
} as const

/** What each exit code means, for --help. */
export const EXIT_HELP: readonly (readonly [code: number, meaning: string])[] = [
  [EXIT.ok, 'done'],
  [EXIT.failed, 'it failed while running: a port is taken, data cannot be loaded, a process died'],
  [EXIT.usage, 'the command line or a configuration file cannot be accepted; nothing was started'],
  [EXIT.unreachable, 'no sentinel answers at the address'],
  [EXIT.unhealthy, 'the sentinels answer, and a group has no primary or no quorum, or refuses the failover'],
]

/** Something on the command line that cannot be accepted; ends the process with EXIT.usage. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** A failure whose message says all that is to be said; ends the process with EXIT.failed, without a stack. */
export class CliError extends Error {
  override readonly name = 'CliError'
}

/** A command with options that yargs reads. */
export interface Command<Args> {
  /** As yargs writes it: `failover <name>`. */
  readonly command: string
  readonly description: string
  readonly options: Readonly<Record<string, Options>>
  /** Positional arguments by name. */
  readonly positionals?: Readonly<Record<string, { readonly describe: string }>>
  readonly examples: readonly (readonly [command: string, what: string])[]
  /** Text for the end of --help. */
  readonly notes?: string
  /** Does it; returns the exit code. */
  handler(args: Args): Promise<number>
}

/** A command whose words are read as redis-server reads its own. */
export interface RawCommand {
  readonly command: string
  readonly description: string
  readonly usage: string
  readonly examples: readonly (readonly [command: string, what: string])[]
  readonly notes: string
  handler(words: readonly string[]): Promise<number>
}
