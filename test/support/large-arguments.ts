// Requests with one argument of a chosen size at each position of each row of a table, for tests of what a peer may send.
import type { CommandTable } from '../../src/facade/table.ts'
import { encodeRequest } from '../../src/protocol/writer.ts'

/** A request without the argument that is to be large: what is before it and behind it. */
export interface Case {
  readonly name: string
  readonly before: readonly string[]
  readonly after: readonly string[]
}

/** Words that let a command come far: a number that is a key, a timeout and a cursor as well. */
const FILLER = '1'
/** Arguments beyond the arity that are tried where a row takes more. */
const MORE = 2

/** One case for each position behind the name of each row, the word of a subcommand among them. */
export function casesOf(table: CommandTable): Case[] {
  const cases: Case[] = []
  for (const { fullName, arity } of table.all()) {
    const words = fullName.split('|')
    const count = Math.max(Math.abs(arity), 2) + (arity < 0 ? MORE : 0)
    const argv = Array.from({ length: count }, (_, i) => words[i] ?? FILLER)
    for (let i = 1; i < count; i++) {
      cases.push({ name: `${fullName} at ${i} of ${count}`, before: argv.slice(0, i), after: argv.slice(i + 1) })
    }
  }
  return cases
}

/** The whole request. */
export function requestOf({ before, after }: Case, argument: Buffer): Buffer {
  return encodeRequest([...before, argument, ...after])
}
