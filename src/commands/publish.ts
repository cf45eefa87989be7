// PUBLISH and SPUBLISH on a server.

import type { Context } from './context.ts'
import type { CommandSpec } from './spec.ts'

/** PUBLISH and SPUBLISH: messages go to the listeners of replicas too, so they are replicated although nothing changed. */
function publisher(word: string, method: 'publish' | 'spublish'): (ctx: Context) => void {
  return (ctx) => {
    const { args, reply, host, effects } = ctx
    const channel = args.copy(1)
    const message = args.copy(2)
    const receivers = host.pubsub[method](channel, message)
    effects.replicate(word, channel, message)
    reply.int(receivers)
  }
}

const publish = publisher('PUBLISH', 'publish')
const spublish = publisher('SPUBLISH', 'spublish')

/** Messages to whoever subscribed. */
export const PUBLISH_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'publish',
    summary: 'Sends a message to a channel.',
    since: '2.0.0',
    group: 'pubsub',
    complexity:
      'O(N+M) where N is the number of clients subscribed to the receiving channel and M is the total number of subscribed patterns (by any client).',
    arity: 3,
    channels: { count: 'one' },
    flags: ['pubsub', 'loading', 'stale', 'fast', 'may_replicate'],
    arguments: [
      { name: 'channel', type: 'string' },
      { name: 'message', type: 'string' },
    ],
    run: publish,
  },
  {
    name: 'spublish',
    summary: 'Sends a message to a shard channel.',
    since: '7.0.0',
    group: 'pubsub',
    complexity: 'O(N) where N is the number of clients subscribed to the receiving shard channel.',
    arity: 3,
    channels: { count: 'one' },
    flags: ['pubsub', 'loading', 'stale', 'fast', 'may_replicate'],
    keys: [{ flags: ['not_key'], begin: { index: 1 }, find: { last: 0, step: 1, limit: 0 } }],
    arguments: [
      { name: 'shardchannel', type: 'string' },
      { name: 'message', type: 'string' },
    ],
    run: spublish,
  },
]
