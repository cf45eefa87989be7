// What a row of an option table says, and the types derived from a table. The tables feed the command line, the
// configuration files, CONFIG GET/SET, the documentation and (later) the Helm schema, so that these cannot disagree.
import type { OptionType } from './values.ts'

/** One option. The name is the key in its table. */
export interface OptionRow<T = unknown> {
  readonly type: OptionType<T>
  /** As one would write it in a file; several words in one string. */
  readonly default: string
  /** Whether CONFIG SET may change it. */
  readonly mutable: boolean
  /** Redis can change it at run time, Vedette not yet: CONFIG SET with another value than the present one is refused. */
  readonly needsRestart?: true
  /** A password or the like: neither MONITOR nor the slow log shows it. */
  readonly secret?: true
  /** For tests of the server: CONFIG GET shows it only when it is asked for by its name. */
  readonly hidden?: true
  /** Refused with LOADING while a snapshot is being loaded. */
  readonly notWhileLoading?: true
  /** Mutable only for clients that `enable-protected-configs` trusts. */
  readonly protected?: true
  /** Other names, accepted and shown by CONFIG GET as Redis does. */
  readonly aliases?: readonly string[]
  /** One sentence: what it does, in which unit. */
  readonly help: string
  /** Set when the value is kept and shown but has no effect: why. */
  readonly inert?: string
  /** For values that are not built yet: the reason for a refusal; undefined for values that are. */
  unbuilt?(value: T): string | undefined
}

/** A table: name to row. */
export type OptionTable = Readonly<Record<string, OptionRow>>

/** The values of a table's options, by name. */
export type OptionValues<Table> = {
  -readonly [Name in keyof Table]: Table[Name] extends OptionRow<infer T> ? T : never
}

/** What a row says beside its type and default. */
export type RowDetails<T> = Omit<OptionRow<T>, 'type' | 'default' | 'mutable' | 'help'>

/** An option that CONFIG SET can change. */
export function mutable<T>(type: OptionType<T>, text: string, help: string, details: RowDetails<T> = {}): OptionRow<T> {
  return { type, default: text, mutable: true, help, ...details }
}

/** An option that is fixed once the process runs. */
export function fixed<T>(type: OptionType<T>, text: string, help: string, details: RowDetails<T> = {}): OptionRow<T> {
  return { type, default: text, mutable: false, help, ...details }
}
