// Commands about the connection that only a server has: its database, and ECHO.

import { fail } from '../errors.ts'
import type { Context } from './context.ts'
import type { CommandSpec } from './spec.ts'

function echo(ctx: Context): void {
  const { args, reply } = ctx
  reply.bulk(args.buffer, args.start(1), args.end(1))
}

function select(ctx: Context): void {
  const { args, reply, session, keyspace } = ctx
  const index = args.int64(1)
  if (index === undefined || index !== BigInt.asIntN(32, index)) fail('notInteger')
  if (index < 0n || index >= BigInt(keyspace.databases.length)) fail('dbIndexRange')
  session.db = Number(index)
  reply.ok()
}

/** Commands about the connection that only a server has. */
export const CONNECTION_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'echo',
    summary: 'Sends a message back.',
    since: '1.0.0',
    group: 'connection',
    complexity: 'O(1)',
    arity: 2,
    flags: ['loading', 'stale', 'fast'],
    arguments: [{ name: 'message', type: 'string' }],
    run: echo,
  },
  {
    name: 'select',
    summary: 'Changes the database of the connection.',
    since: '1.0.0',
    group: 'connection',
    complexity: 'O(1)',
    arity: 2,
    flags: ['loading', 'stale', 'fast'],
    arguments: [{ name: 'index', type: 'integer' }],
    run: select,
  },
]
