// All commands of a sentinel in one table.
import { ACL_COMMANDS } from '../../facade/commands/acl.ts'
import { CLIENT_COMMANDS } from '../../facade/commands/client.ts'
import { COMMAND_COMMANDS } from '../../facade/commands/command.ts'
import { SUBSCRIBE_COMMANDS } from '../../facade/commands/pubsub.ts'
import { SESSION_COMMANDS } from '../../facade/commands/session.ts'
import { CommandTable } from '../../facade/table.ts'
import { INFO_COMMANDS } from './info.ts'
import { PROCESS_COMMANDS } from './process.ts'
import { SENTINEL_COMMAND } from './sentinel.ts'
import type { Call } from './spec.ts'

/** The commands of a sentinel. */
export const SENTINEL_TABLE: CommandTable<Call> = new CommandTable<Call>([
  ...COMMAND_COMMANDS,
  ...SESSION_COMMANDS,
  ...ACL_COMMANDS,
  ...CLIENT_COMMANDS,
  ...SUBSCRIBE_COMMANDS,
  ...INFO_COMMANDS,
  ...PROCESS_COMMANDS,
  SENTINEL_COMMAND,
])
