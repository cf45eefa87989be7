// Subscriptions. The replies of the SUBSCRIBE family are one push for each channel, not one for the command; as messages they
// are not silenced by CLIENT REPLY.

import { fail } from '../../errors.ts'
import { globMatch } from '../../lib/glob.ts'
import type { Args } from '../../protocol/args.ts'
import type { Call, PubSub } from '../call.ts'
import type { CommandRow } from '../row.ts'
import { NAME_BYTES_MAX, type Session } from '../session.ts'
import { help } from './help.ts'

function nameArgument(args: Args, i: number): string {
  return args.len(i) <= NAME_BYTES_MAX ? args.latin1(i) : fail('argumentTooLong')
}

const ordinaryCount = (session: Session): number => (session.channels?.size ?? 0) + (session.patterns?.size ?? 0)
const shardCount = (session: Session): number => session.shardChannels?.size ?? 0

function push(ctx: Call, word: string, name: string | undefined, count: number): void {
  const { out } = ctx
  out.push(3)
  out.bulkText(word)
  if (name === undefined) out.null()
  else out.bulk(Buffer.from(name, 'latin1'))
  out.int(count)
}

/** A command of the SUBSCRIBE family. */
function subscriber(
  word: string,
  method: 'subscribe' | 'psubscribe' | 'ssubscribe',
  count: (session: Session) => number,
): (ctx: Call) => void {
  return (ctx) => {
    const { args, session, host } = ctx
    if (session.subscriptions + args.count - 1 > host.subscriptionsMax) fail('subscriptionsMax', host.subscriptionsMax)
    for (let i = 1; i < args.count; i++) {
      const name = nameArgument(args, i)
      host.pubsub[method](session, name)
      push(ctx, word, name, count(session))
    }
  }
}

/** A command of the UNSUBSCRIBE family: of the names given, or of all. */
function unsubscriber(
  word: string,
  method: 'unsubscribe' | 'punsubscribe' | 'sunsubscribe',
  field: 'channels' | 'patterns' | 'shardChannels',
  count: (session: Session) => number,
): (ctx: Call) => void {
  return (ctx) => {
    const { args, session, host } = ctx
    const given = Array.from({ length: args.count - 1 }, (_, i) => nameArgument(args, i + 1))
    const names = given.length > 0 ? given : [...(session[field] ?? [])]
    if (names.length === 0) return push(ctx, word, undefined, count(session))
    for (const name of names) {
      host.pubsub[method](session, name)
      push(ctx, word, name, count(session))
    }
  }
}

const subscribe = subscriber('subscribe', 'subscribe', ordinaryCount)
const psubscribe = subscriber('psubscribe', 'psubscribe', ordinaryCount)
const ssubscribe = subscriber('ssubscribe', 'ssubscribe', shardCount)
const unsubscribe = unsubscriber('unsubscribe', 'unsubscribe', 'channels', ordinaryCount)
const punsubscribe = unsubscriber('punsubscribe', 'punsubscribe', 'patterns', ordinaryCount)
const sunsubscribe = unsubscriber('sunsubscribe', 'sunsubscribe', 'shardChannels', shardCount)

/** Names that have listeners and match the pattern, if one is given. */
function listing(index: 'channels' | 'shardChannels'): (ctx: Call) => void {
  return (ctx) => {
    const { args, reply, host } = ctx
    if (args.count > 3) fail('subcommandSyntax', args.latin1(1), 'PUBSUB')
    const names = [...host.pubsub[index]().keys()].map((name) => Buffer.from(name, 'latin1'))
    const pattern = args.count === 3 ? args.bytes(2) : undefined
    const found = pattern === undefined ? names : names.filter((name) => globMatch(pattern, name))
    reply.array(found.length)
    for (const name of found) reply.bulk(name)
  }
}

/** Each name given with the number of its listeners. */
function counting(index: keyof Pick<PubSub, 'channels' | 'shardChannels'>): (ctx: Call) => void {
  return (ctx) => {
    const { args, reply, host } = ctx
    const subscribers = host.pubsub[index]()
    reply.array((args.count - 2) * 2)
    for (let i = 2; i < args.count; i++) {
      reply.bulk(args.buffer, args.start(i), args.end(i))
      reply.int(subscribers.get(nameArgument(args, i))?.size ?? 0)
    }
  }
}

const pubsubChannels = listing('channels')
const pubsubShardchannels = listing('shardChannels')
const pubsubNumsub = counting('channels')
const pubsubShardnumsub = counting('shardChannels')

function pubsubNumpat(ctx: Call): void {
  ctx.reply.int(ctx.host.pubsub.patterns().size)
}

/** What both processes have: channels and patterns. */
export const SUBSCRIBE_COMMANDS: readonly CommandRow<Call>[] = [
  {
    name: 'subscribe',
    summary: 'Listens to channels.',
    since: '2.0.0',
    group: 'pubsub',
    complexity: 'O(N) where N is the number of channels to subscribe to.',
    arity: -2,
    channels: { count: 'all' },
    flags: ['pubsub', 'noscript', 'loading', 'stale'],
    arguments: [{ name: 'channel', type: 'string', multiple: true }],
    run: subscribe,
  },
  {
    name: 'unsubscribe',
    summary: 'Stops listening to channels.',
    since: '2.0.0',
    group: 'pubsub',
    complexity: 'O(N) where N is the number of clients already subscribed to a channel.',
    arity: -1,
    flags: ['pubsub', 'noscript', 'loading', 'stale'],
    arguments: [{ name: 'channel', type: 'string', optional: true, multiple: true }],
    run: unsubscribe,
  },
  {
    name: 'psubscribe',
    summary: 'Listens to all channels that match patterns.',
    since: '2.0.0',
    group: 'pubsub',
    complexity: 'O(N) where N is the number of patterns the client is already subscribed to.',
    arity: -2,
    channels: { count: 'all', arePatterns: true },
    flags: ['pubsub', 'noscript', 'loading', 'stale'],
    arguments: [{ name: 'pattern', type: 'block', multiple: true, arguments: [{ name: 'pattern', type: 'pattern' }] }],
    run: psubscribe,
  },
  {
    name: 'punsubscribe',
    summary: 'Stops listening to patterns.',
    since: '2.0.0',
    group: 'pubsub',
    complexity:
      'O(N+M) where N is the number of patterns the client is already subscribed and M is the number of total patterns subscribed in the system (by any client).',
    arity: -1,
    flags: ['pubsub', 'noscript', 'loading', 'stale'],
    arguments: [{ name: 'pattern', type: 'pattern', optional: true, multiple: true }],
    run: punsubscribe,
  },
]

/** Shard channels, and who listens to what. */
export const PUBSUB_COMMANDS: readonly CommandRow<Call>[] = [
  {
    name: 'ssubscribe',
    summary: 'Listens to shard channels.',
    since: '7.0.0',
    group: 'pubsub',
    complexity: 'O(N) where N is the number of shard channels to subscribe to.',
    arity: -2,
    channels: { count: 'all' },
    flags: ['pubsub', 'noscript', 'loading', 'stale'],
    keys: [{ flags: ['not_key'], begin: { index: 1 }, find: { last: -1, step: 1, limit: 0 } }],
    arguments: [{ name: 'shardchannel', type: 'string', multiple: true }],
    run: ssubscribe,
  },
  {
    name: 'sunsubscribe',
    summary: 'Stops listening to shard channels.',
    since: '7.0.0',
    group: 'pubsub',
    complexity: 'O(N) where N is the number of clients already subscribed to a shard channel.',
    arity: -1,
    flags: ['pubsub', 'noscript', 'loading', 'stale'],
    keys: [{ flags: ['not_key'], begin: { index: 1 }, find: { last: -1, step: 1, limit: 0 } }],
    arguments: [{ name: 'shardchannel', type: 'string', optional: true, multiple: true }],
    run: sunsubscribe,
  },
  {
    name: 'pubsub',
    summary: 'Commands about channels and who listens.',
    since: '2.8.0',
    group: 'pubsub',
    complexity: 'Depends on subcommand.',
    arity: -2,
    flags: [],
    subcommands: [
      {
        name: 'channels',
        summary: 'Lists the channels that have listeners.',
        since: '2.8.0',
        group: 'pubsub',
        complexity:
          'O(N) where N is the number of active channels, and assuming constant time pattern matching (relatively short channels and patterns)',
        arity: -2,
        flags: ['pubsub', 'loading', 'stale'],
        arguments: [{ name: 'pattern', type: 'pattern', optional: true }],
        run: pubsubChannels,
      },
      {
        name: 'help',
        summary: 'Lists the subcommands.',
        since: '6.2.0',
        group: 'pubsub',
        complexity: 'O(1)',
        arity: 2,
        flags: ['loading', 'stale'],
        run: help,
      },
      {
        name: 'numpat',
        summary: 'Counts the patterns that have listeners.',
        since: '2.8.0',
        group: 'pubsub',
        complexity: 'O(1)',
        arity: 2,
        flags: ['pubsub', 'loading', 'stale'],
        run: pubsubNumpat,
      },
      {
        name: 'numsub',
        summary: 'Counts the listeners of channels.',
        since: '2.8.0',
        group: 'pubsub',
        complexity: 'O(N) for the NUMSUB subcommand, where N is the number of requested channels',
        arity: -2,
        flags: ['pubsub', 'loading', 'stale'],
        arguments: [{ name: 'channel', type: 'string', optional: true, multiple: true }],
        run: pubsubNumsub,
      },
      {
        name: 'shardchannels',
        summary: 'Lists the shard channels that have listeners.',
        since: '7.0.0',
        group: 'pubsub',
        complexity:
          'O(N) where N is the number of active shard channels, and assuming constant time pattern matching (relatively short shard channels).',
        arity: -2,
        flags: ['pubsub', 'loading', 'stale'],
        arguments: [{ name: 'pattern', type: 'pattern', optional: true }],
        run: pubsubShardchannels,
      },
      {
        name: 'shardnumsub',
        summary: 'Counts the listeners of shard channels.',
        since: '7.0.0',
        group: 'pubsub',
        complexity: 'O(N) for the SHARDNUMSUB subcommand, where N is the number of requested shard channels',
        arity: -2,
        flags: ['pubsub', 'loading', 'stale'],
        arguments: [{ name: 'shardchannel', type: 'string', optional: true, multiple: true }],
        run: pubsubShardnumsub,
      },
    ],
  },
]
