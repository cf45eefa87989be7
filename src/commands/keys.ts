// The generic family: commands on keys of any type.

import type { CommandSpec } from './spec.ts'

/** The generic family. */
export const KEYS_COMMANDS: readonly CommandSpec[] = []
