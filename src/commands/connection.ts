// Commands about the connection itself.

import type { Context } from './context.ts'
import type { CommandSpec } from './spec.ts'

function ping(ctx: Context): void {
  const { args, reply } = ctx
  if (args.count === 1) return reply.simple('PONG')
  reply.bulk(args.buffer, args.start(1), args.end(1))
}

/** Commands about the connection itself. */
export const CONNECTION_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'ping',
    summary: 'Tells whether the server answers.',
    since: '1.0.0',
    group: 'connection',
    complexity: 'O(1)',
    arity: -1,
    flags: ['fast'],
    arguments: [{ name: 'message', type: 'string', optional: true }],
    run: ping,
  },
]
