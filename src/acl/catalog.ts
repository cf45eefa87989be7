// The commands of a process as rules speak of them: by name, by category, each with a number. A set of commands is a set of
// bits. A rule about a container holds for its subcommands too.

import { CATEGORIES } from './categories.ts'

/** A command, as far as rights are concerned. */
export interface AclCommand {
  /** Its bit; no two commands of a process have the same. */
  readonly id: number
  /** `config|get` for a subcommand, else the name. */
  readonly fullName: string
  readonly parent: AclCommand | undefined
  readonly subcommands: ReadonlyMap<string, AclCommand> | undefined
  readonly categories: readonly string[]
  /** Everybody may call it: what one logs in with. */
  readonly isForAll: boolean
  readonly hasKeys: boolean
  /** Which arguments are channels. */
  readonly channels: ChannelSpec | undefined
}

/** Channels among the arguments, from the first on: one, or all that follow; as names or as patterns of names. */
export interface ChannelSpec {
  readonly count: 'one' | 'all'
  readonly arePatterns?: true
}

export type Bits = Uint32Array

export const hasBit = (bits: Bits, id: number): boolean => (bits[id >>> 5]! & (1 << (id & 31))) !== 0

export function setBit(bits: Bits, id: number, on: boolean): void {
  if (on) bits[id >>> 5]! |= 1 << (id & 31)
  else bits[id >>> 5]! &= ~(1 << (id & 31))
}

/** The commands of a process. */
export class Catalog {
  /** Depth first. */
  readonly commands: readonly AclCommand[]
  readonly words: number
  private readonly byName: ReadonlyMap<string, AclCommand>
  private readonly byCategory: ReadonlyMap<string, readonly AclCommand[]>

  constructor(commands: ReadonlyMap<string, AclCommand>) {
    this.byName = commands
    this.commands = [...commands.values()].flatMap((one) => [one, ...(one.subcommands?.values() ?? [])])
    this.byCategory = new Map(
      CATEGORIES.map((name) => [name, this.commands.filter(({ categories }) => categories.includes(name))]),
    )
    this.words = (Math.max(0, ...this.commands.map(({ id }) => id)) >>> 5) + 1
  }

  /** The command of a name such as `get` or `config|get`, in any case. */
  find(name: string): AclCommand | undefined {
    const [first = '', second, ...more] = name.toLowerCase().split('|')
    const command = this.byName.get(first)
    if (second === undefined) return command
    return more.length > 0 ? undefined : command?.subcommands?.get(second)
  }

  /** The commands that belong to a category; undefined if there is no such category. */
  ofCategory(name: string): readonly AclCommand[] | undefined {
    return this.byCategory.get(name.toLowerCase())
  }
}

/** The command with its subcommands. */
export const withSubcommands = (command: AclCommand): readonly AclCommand[] => [
  command,
  ...(command.subcommands?.values() ?? []),
]
