// PUBLISH, with which sentinels say hello to each other directly, and SHUTDOWN.
import { errorText } from '../../errors.ts'
import { decodeHello, decodeRedisHello, HELLO_CHANNEL, REDIS_HELLO_CHANNEL } from '../../sentinel/hello.ts'
import type { Call, SentinelCommand } from './spec.ts'

function publish({ words, reply, host }: Call): void {
  const [, channel, payload] = words as [string, string, string]
  if (channel !== REDIS_HELLO_CHANNEL && channel !== HELLO_CHANNEL) return reply.error(errorText('onlyHello'))
  const hello = channel === HELLO_CHANNEL ? decodeHello(payload) : undefined
  if (hello !== undefined) host.sentinel.takeHello(hello)
  if (channel === REDIS_HELLO_CHANNEL && decodeRedisHello(payload) === undefined)
    host.log.verbose('A malformed hello was published on this sentinel and ignored.')
  reply.int(1)
}

const SHUTDOWN_WORDS = new Set(['nosave', 'save', 'now', 'force'])

function shutdown({ session, words, reply, host }: Call): void {
  if (words.slice(1).some((word) => !SHUTDOWN_WORDS.has(word.toLowerCase()))) return reply.error(errorText('syntax'))
  session.outlet.closeAfterReply()
  host.shutdown()
}

export const PROCESS_COMMANDS: readonly SentinelCommand[] = [
  {
    name: 'publish',
    arity: 3,
    channels: { count: 'one' },
    flags: ['pubsub', 'loading', 'stale', 'fast'],
    since: '2.0.0',
    group: 'pubsub',
    summary: 'Accepts the hello messages of other sentinels, nothing else',
    run: publish,
  },
  {
    name: 'shutdown',
    arity: -1,
    flags: ['admin', 'noscript', 'loading', 'stale'],
    since: '1.0.0',
    group: 'server',
    summary: 'Stops this sentinel',
    run: shutdown,
  },
]
