// All commands of the server in one table.

import { ACL_COMMANDS } from '../facade/commands/acl.ts'
import { CLIENT_COMMANDS } from '../facade/commands/client.ts'
import { COMMAND_COMMANDS } from '../facade/commands/command.ts'
import { PUBSUB_COMMANDS, SUBSCRIBE_COMMANDS } from '../facade/commands/pubsub.ts'
import { SESSION_COMMANDS } from '../facade/commands/session.ts'
import { CommandTable } from '../facade/table.ts'
import { BITFIELD_COMMANDS } from './bitfields.ts'
import { BITMAP_COMMANDS } from './bitmaps.ts'
import { CLUSTER_COMMANDS } from './cluster.ts'
import { CONFIG_COMMANDS } from './config.ts'
import { CONNECTION_COMMANDS } from './connection.ts'
import type { Context } from './context.ts'
import { DATABASE_COMMANDS } from './databases.ts'
import { DEBUG_COMMANDS } from './debug.ts'
import { DUMP_COMMANDS } from './dump-restore.ts'
import { EXPIRE_COMMANDS } from './expire.ts'
import { FUNCTION_COMMANDS } from './functions.ts'
import { GEO_COMMANDS } from './geo-rows.ts'
import { HASH_EXPIRE_COMMANDS } from './hash-expire.ts'
import { HASH_COMMANDS } from './hashes.ts'
import { HYPERLOGLOG_COMMANDS } from './hyperloglogs.ts'
import { KEYS_COMMANDS } from './keys.ts'
import { LATENCY_COMMANDS } from './latency.ts'
import { LIST_COMMANDS } from './list-rows.ts'
import { MEMORY_COMMANDS } from './memory.ts'
import { MIGRATE_COMMANDS } from './migrate.ts'
import { MODULE_COMMANDS } from './modules.ts'
import { OBJECT_COMMANDS } from './object.ts'
import { PUBLISH_COMMANDS } from './publish.ts'
import { REPLICATION_COMMANDS } from './replication.ts'
import { SCAN_COMMANDS } from './scan.ts'
import { SCRIPT_COMMANDS } from './scripts.ts'
import { SERVER_COMMANDS } from './server.ts'
import { SET_COMMANDS } from './set-rows.ts'
import { SLOWLOG_COMMANDS } from './slowlog.ts'
import { SORT_COMMANDS } from './sort.ts'
import { SORTED_SET_COMMANDS } from './sorted-set-rows.ts'
import { STREAM_GROUP_COMMANDS } from './stream-group-rows.ts'
import { STREAM_COMMANDS } from './stream-rows.ts'
import { STRING_COMMANDS } from './strings.ts'
import { LCS_COMMANDS } from './strings-lcs.ts'
import { STRING_NUMERIC_COMMANDS } from './strings-numeric.ts'
import { STRING_RANGE_COMMANDS } from './strings-ranges.ts'
import { TRANSACTIONS_COMMANDS } from './transactions.ts'

/** All commands that the server has. */
export function allCommands(): CommandTable<Context> {
  return new CommandTable<Context>([
    ...STRING_COMMANDS,
    ...STRING_RANGE_COMMANDS,
    ...STRING_NUMERIC_COMMANDS,
    ...LCS_COMMANDS,
    ...LIST_COMMANDS,
    ...BITMAP_COMMANDS,
    ...BITFIELD_COMMANDS,
    ...HYPERLOGLOG_COMMANDS,
    ...HASH_COMMANDS,
    ...HASH_EXPIRE_COMMANDS,
    ...SET_COMMANDS,
    ...SORTED_SET_COMMANDS,
    ...GEO_COMMANDS,
    ...SORT_COMMANDS,
    ...STREAM_COMMANDS,
    ...STREAM_GROUP_COMMANDS,
    ...KEYS_COMMANDS,
    ...EXPIRE_COMMANDS,
    ...SCAN_COMMANDS,
    ...OBJECT_COMMANDS,
    ...DUMP_COMMANDS,
    ...MIGRATE_COMMANDS,
    ...DATABASE_COMMANDS,
    ...SESSION_COMMANDS,
    ...ACL_COMMANDS,
    ...CONNECTION_COMMANDS,
    ...CLIENT_COMMANDS,
    ...SUBSCRIBE_COMMANDS,
    ...PUBSUB_COMMANDS,
    ...PUBLISH_COMMANDS,
    ...TRANSACTIONS_COMMANDS,
    ...SCRIPT_COMMANDS,
    ...FUNCTION_COMMANDS,
    ...CONFIG_COMMANDS,
    ...COMMAND_COMMANDS,
    ...SERVER_COMMANDS,
    ...MODULE_COMMANDS,
    ...DEBUG_COMMANDS,
    ...SLOWLOG_COMMANDS,
    ...LATENCY_COMMANDS,
    ...MEMORY_COMMANDS,
    ...REPLICATION_COMMANDS,
    ...CLUSTER_COMMANDS,
  ])
}
