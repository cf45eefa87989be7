// A row of the server's tables: a row of the facade's, whose function is given the server's context.

import type { CommandRow } from '../facade/row.ts'
import type { Context } from './context.ts'

export { type ArgumentSpec, type CommandFlag, type KeySpec, keyAt, keysFrom } from '../facade/row.ts'

/** One command of the server, or one subcommand of a container such as CONFIG. */
export type CommandSpec = CommandRow<Context>
