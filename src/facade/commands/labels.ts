// Names that a connection gives itself, its library and its prefixes.

import { fail } from '../../errors.ts'
import type { Args } from '../../protocol/args.ts'
import type { Session } from '../session.ts'

/** Names must be printable without blanks, so that a line of CLIENT LIST can be parsed. */
export const isPrintable = (text: string): boolean => /^[!-~]*$/.test(text)
/** A name is in every line of CLIENT LIST, and nobody counts its memory. */
const NAME_LENGTH_MAX = 64 * 1024

/** Argument i, which names something of the connection. */
export function labelArgument(args: Args, i: number): string {
  return args.len(i) <= NAME_LENGTH_MAX ? args.latin1(i) : fail('argumentTooLong')
}

/** Names the session; the empty name takes the name away. */
export function setClientName(session: Session, name: string): void {
  if (!isPrintable(name)) fail('clientName')
  session.name = name
}
