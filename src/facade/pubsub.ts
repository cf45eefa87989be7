// Publish and subscribe: who listens to which channel, pattern and shard channel, and the messages on their way to them.
// Invariant: a session is in the set of a name exactly if the name is in the session's own set; a set is never empty.
// A message is encoded at most once for each RESP version, however many listen.

import { globMatch } from '../lib/glob.ts'
import { encodeRequest } from '../protocol/writer.ts'
import type { PubSub } from './call.ts'
import { NAME_BYTES_MAX, namedBytes, type Session } from './session.ts'

type Subscribers = Map<string, Set<Session>>
type SessionField = 'channels' | 'patterns' | 'shardChannels'

const PUSH = 62

/** Adds the session to the subscribers of a name. False if it was one already. */
function add(index: Subscribers, field: SessionField, session: Session, name: string): boolean {
  session[field] ??= new Set()
  const names = session[field]
  if (names.has(name)) return false
  names.add(name)
  session.subscribedBytes += namedBytes(name.length)
  session.subscriptions++
  const sessions = index.get(name)
  if (sessions === undefined) index.set(name, new Set([session]))
  else sessions.add(session)
  return true
}

/** Removes the session from the subscribers of a name. False if it was none. */
function remove(index: Subscribers, field: SessionField, session: Session, name: string): boolean {
  if (session[field]?.delete(name) !== true) return false
  session.subscribedBytes -= namedBytes(name.length)
  session.subscriptions--
  const sessions = index.get(name)!
  sessions.delete(session)
  if (sessions.size === 0) index.delete(name)
  return true
}

/** Sends one message to sessions; encodes it when it is first needed, for each protocol once. */
function sender(parts: readonly (string | Uint8Array)[]): (session: Session) => void {
  let resp2: Buffer | undefined
  let resp3: Buffer | undefined
  return (session) => {
    resp2 ??= encodeRequest(parts)
    if (session.resp === 2) return session.outlet.send(resp2)
    if (resp3 === undefined) {
      resp3 = Buffer.from(resp2)
      resp3[0] = PUSH
    }
    session.outlet.send(resp3)
  }
}

function sendTo(sessions: ReadonlySet<Session> | undefined, parts: readonly (string | Uint8Array)[]): number {
  if (sessions === undefined) return 0
  const send = sender(parts)
  for (const session of sessions) send(session)
  return sessions.size
}

/**
 * The subscriptions of a process. Messages leave through `outlet.send` of the subscriber, also if it is the one whose command
 * is running: they come before the reply of that command.
 */
export function createPubSub(): PubSub {
  const channels: Subscribers = new Map()
  const patterns: Subscribers = new Map()
  const shardChannels: Subscribers = new Map()
  const patternBytes = new Map<string, Buffer>()

  const punsubscribe = (session: Session, pattern: string): boolean => {
    const was = remove(patterns, 'patterns', session, pattern)
    if (was && !patterns.has(pattern)) patternBytes.delete(pattern)
    return was
  }
  const listeners = (index: Subscribers, channel: Buffer): ReadonlySet<Session> | undefined =>
    index.size === 0 || channel.length > NAME_BYTES_MAX ? undefined : index.get(channel.toString('latin1'))

  return {
    subscribe: (session, channel) => add(channels, 'channels', session, channel),
    unsubscribe: (session, channel) => remove(channels, 'channels', session, channel),
    psubscribe: (session, pattern) => {
      if (!patternBytes.has(pattern)) patternBytes.set(pattern, Buffer.from(pattern, 'latin1'))
      return add(patterns, 'patterns', session, pattern)
    },
    punsubscribe,
    ssubscribe: (session, channel) => add(shardChannels, 'shardChannels', session, channel),
    sunsubscribe: (session, channel) => remove(shardChannels, 'shardChannels', session, channel),
    unsubscribeAll: (session) => {
      for (const name of session.channels ?? []) remove(channels, 'channels', session, name)
      for (const name of session.patterns ?? []) punsubscribe(session, name)
      for (const name of session.shardChannels ?? []) remove(shardChannels, 'shardChannels', session, name)
    },
    publish: (channel, message) => {
      let receivers = sendTo(listeners(channels, channel), ['message', channel, message])
      for (const [name, pattern] of patternBytes) {
        if (!globMatch(pattern, channel)) continue
        receivers += sendTo(patterns.get(name), ['pmessage', pattern, channel, message])
      }
      return receivers
    },
    spublish: (channel, message) => sendTo(listeners(shardChannels, channel), ['smessage', channel, message]),
    channels: () => channels,
    patterns: () => patterns,
    shardChannels: () => shardChannels,
  }
}
