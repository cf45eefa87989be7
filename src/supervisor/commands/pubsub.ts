// Subscriptions to the sentinel's events, and PUBLISH, with which sentinels say hello to each other directly.
import { errorText } from '../../errors.ts'
import { decodeHello, decodeRedisHello, HELLO_CHANNEL, REDIS_HELLO_CHANNEL } from '../../sentinel/hello.ts'
import type { Call, SentinelCommand } from './spec.ts'

type Kind = 'subscribe' | 'unsubscribe' | 'psubscribe' | 'punsubscribe'

function confirm({ client, reply }: Call, kind: Kind, channel: string | undefined): void {
  reply.push(3)
  reply.bulkText(kind)
  if (channel === undefined) reply.null()
  else reply.bulkText(channel)
  reply.int(client.channels.size + client.patterns.size)
}

function add(call: Call, kind: 'subscribe' | 'psubscribe'): void {
  const { client, words, host, reply } = call
  const set = kind === 'subscribe' ? client.channels : client.patterns
  if (client.channels.size + client.patterns.size + words.length > host.subscriptionsMax)
    return reply.error('ERR too many subscriptions of one client')
  for (const channel of words.slice(1)) {
    set.add(channel)
    confirm(call, kind, channel)
  }
}

function remove(call: Call, kind: 'unsubscribe' | 'punsubscribe'): void {
  const { client, words } = call
  const set = kind === 'unsubscribe' ? client.channels : client.patterns
  const channels = words.length > 1 ? words.slice(1) : [...set]
  if (channels.length === 0) return confirm(call, kind, undefined)
  for (const channel of channels) {
    set.delete(channel)
    confirm(call, kind, channel)
  }
}

function publish({ words, reply, host }: Call): void {
  const [, channel, payload] = words as [string, string, string]
  if (channel !== REDIS_HELLO_CHANNEL && channel !== HELLO_CHANNEL) return reply.error(errorText('onlyHello'))
  const hello = channel === HELLO_CHANNEL ? decodeHello(payload) : undefined
  if (hello !== undefined) host.sentinel.takeHello(hello)
  if (channel === REDIS_HELLO_CHANNEL && decodeRedisHello(payload) === undefined)
    host.log.verbose('A malformed hello was published on this sentinel and ignored.')
  reply.int(1)
}

const rest = { flags: ['pubsub', 'noscript', 'loading', 'stale'], categories: ['pubsub', 'slow'], subscribed: true }

export const PUBSUB_COMMANDS: readonly SentinelCommand[] = [
  {
    name: 'subscribe',
    arity: -2,
    ...rest,
    summary: 'Listens to events by name',
    run: (call) => add(call, 'subscribe'),
  },
  {
    name: 'psubscribe',
    arity: -2,
    ...rest,
    summary: 'Listens to events by pattern',
    run: (call) => add(call, 'psubscribe'),
  },
  {
    name: 'unsubscribe',
    arity: -1,
    ...rest,
    summary: 'Stops listening to events',
    run: (call) => remove(call, 'unsubscribe'),
  },
  {
    name: 'punsubscribe',
    arity: -1,
    ...rest,
    summary: 'Stops listening to patterns',
    run: (call) => remove(call, 'punsubscribe'),
  },
  {
    name: 'publish',
    arity: 3,
    flags: ['pubsub', 'loading', 'stale', 'fast'],
    categories: ['pubsub', 'fast'],
    summary: 'Accepts the hello messages of other sentinels, nothing else',
    run: publish,
  },
]
