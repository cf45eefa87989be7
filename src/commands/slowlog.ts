// SLOWLOG: the commands that took long.

import { fail } from '../errors.ts'
import { help } from '../facade/commands/help.ts'
import type { Context } from './context.ts'
import type { CommandSpec } from './spec.ts'

const DEFAULT_COUNT = 10

function get(ctx: Context): void {
  const { args, host, reply } = ctx
  let count = DEFAULT_COUNT
  if (args.count > 2) {
    const given = args.int64(2)
    if (given === undefined || given < -1n) fail('slowlogCount')
    count = given === -1n ? Number.POSITIVE_INFINITY : Number(given)
  }
  const entries = host.slowlog.newest(count)
  reply.array(entries.length)
  for (const entry of entries) {
    reply.array(6)
    reply.int(entry.id)
    reply.int(entry.atSeconds)
    reply.int(entry.micros)
    reply.array(entry.argv.length)
    for (const arg of entry.argv) reply.bulk(arg)
    reply.bulkText(entry.peer)
    reply.bulk(Buffer.from(entry.clientName, 'latin1'))
  }
}

const ADMIN = ['admin', 'loading', 'stale'] as const

/** SLOWLOG. */
export const SLOWLOG_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'slowlog',
    summary: 'The commands that took long.',
    since: '2.2.12',
    group: 'server',
    complexity: 'Depends on subcommand.',
    arity: -2,
    flags: [],
    subcommands: [
      {
        name: 'get',
        summary: 'Returns the newest entries of the slow log.',
        since: '2.2.12',
        group: 'server',
        complexity: 'O(N) where N is the number of entries returned',
        arity: -2,
        flags: ADMIN,
        tips: ['request_policy:all_nodes', 'nondeterministic_output'],
        history: [['4.0.0', 'Added client IP address, port and name to the reply.']],
        arguments: [{ name: 'count', type: 'integer', optional: true }],
        run: get,
      },
      {
        name: 'len',
        summary: 'Returns the number of entries of the slow log.',
        since: '2.2.12',
        group: 'server',
        complexity: 'O(1)',
        arity: 2,
        flags: ADMIN,
        tips: ['request_policy:all_nodes', 'response_policy:agg_sum', 'nondeterministic_output'],
        run: ({ host, reply }) => reply.int(host.slowlog.length),
      },
      {
        name: 'reset',
        summary: 'Empties the slow log.',
        since: '2.2.12',
        group: 'server',
        complexity: 'O(N) where N is the number of entries in the slowlog',
        arity: 2,
        flags: ADMIN,
        tips: ['request_policy:all_nodes', 'response_policy:all_succeeded'],
        run: ({ host, reply }) => {
          host.slowlog.reset()
          reply.ok()
        },
      },
      {
        name: 'help',
        summary: 'Lists the subcommands.',
        since: '6.2.0',
        group: 'server',
        complexity: 'O(1)',
        arity: 2,
        flags: ['loading', 'stale'],
        run: help,
      },
    ],
  },
]
