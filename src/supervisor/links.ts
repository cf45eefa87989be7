// The connections to the servers under watch: for each one for commands, and one that listens to the hello channels. The core
// says when to connect and what to ask; what happens on the wire goes back to it as inputs. Invariant: a link that was
// replaced or dropped never speaks again.
import { createHmac } from 'node:crypto'
import type { ConnectionOptions } from 'node:tls'
import { type CloseReason, connectResp, type RespClient } from '../io/resp-client.ts'
import { encodeWord, toAnswer, type Word } from '../lease/terms.ts'
import { type Reply, ReplyError } from '../protocol/reply-parser.ts'
import { addressKey, type ServerRef } from '../sentinel/address.ts'
import type { Input, LinkFailure, Order } from '../sentinel/effects.ts'
import {
  decodeHello,
  decodeRedisHello,
  HELLO_CHANNEL,
  REDIS_HELLO_CHANNEL,
  type RedisHello,
} from '../sentinel/hello.ts'
import { parseInfo } from '../sentinel/info.ts'
import { obey } from './orders.ts'

export interface LinksOptions {
  readonly feed: (input: Input) => void
  readonly onRedisHello: (hello: RedisHello) => void
  /** What to connect with by TLS; undefined: plainly. */
  readonly secure: () => ConnectionOptions | undefined
  /** Credentials for the servers of a group. */
  readonly authOf: (group: string) => { readonly username: string; readonly passwords: readonly string[] }
  /** The name that the servers of a group have for a command. */
  readonly nameOf: (group: string, command: string) => string
  /** Name that servers show in CLIENT LIST, without the ending. */
  readonly clientName: string
  readonly onPing: (group: string, ms: number) => void
  readonly onAuthError: (ref: ServerRef, message: string) => void
}

export interface Links {
  connect(ref: ServerRef): void
  disconnect(ref: ServerRef): void
  /** There are other passwords: links whose login was refused are made anew, the others stay. */
  logInAnew(group: string): void
  ping(ref: ServerRef): void
  info(ref: ServerRef): void
  /** A word about the server's lease, signed with the key. */
  lease(ref: ServerRef, word: Word, key: string): void
  /** Tells it the key. */
  enlist(ref: ServerRef, key: string): void
  /** SCRIPT KILL; the answer tells nothing that the next ping does not. */
  killScript(ref: ServerRef): void
  order(ref: ServerRef, id: number, order: Order): void
  publish(ref: ServerRef, channel: string, text: string): void
  /** Text of the last INFO, for SENTINEL INFO-CACHE. */
  infoText(ref: ServerRef): { readonly text: string; readonly atMs: number } | undefined
  /** The IP address that the link goes to, while it stands. */
  remoteAddress(ref: ServerRef): string | undefined
  /** Commands in flight, for the `link-pending-commands` field. */
  pending(ref: ServerRef): number
  stop(): void
}

/** The connections to one server. */
interface ServerLink {
  readonly ref: ServerRef
  command: RespClient
  listener: RespClient | undefined
  retry: NodeJS.Timeout | undefined
  dropped: boolean
  /** The login was refused. */
  refused: boolean
  infoText: string
  infoAtMs: number
}

const CONNECT_TIMEOUT_MS = 1_000
const LISTENER_RETRY_MS = 100
/** The same when the server refused to be listened to: who may not today may perhaps tomorrow. */
const LISTENER_REFUSED_MS = 1_000
/** What a server may send in one reply: INFO and hellos are small. */
const LIMITS = { bulkBytesMax: 1 << 20, totalBytesMax: 2 << 20, valuesMax: 10_000 }

const FAILURES: Readonly<Record<CloseReason['kind'], LinkFailure>> = {
  refused: 'refused',
  reset: 'reset',
  ended: 'closed',
  timeout: 'timeout',
  unreachable: 'unreachable',
  unresolved: 'unresolved',
  protocol: 'error',
  closed: 'closed',
  failed: 'error',
}

/** Makes the set of links, empty. */
export function createLinks(options: LinksOptions, nowMs: () => number): Links {
  const links = new Map<string, ServerLink>()
  const keyOf = (ref: ServerRef): string => `${ref.group} ${addressKey(ref)}`
  const find = (ref: ServerRef): ServerLink | undefined => links.get(keyOf(ref))

  function connect(ref: ServerRef): void {
    const former = find(ref)
    if (former !== undefined) drop(former)
    const link: ServerLink = {
      ref,
      command: undefined as unknown as RespClient,
      listener: undefined,
      retry: undefined,
      dropped: false,
      refused: false,
      infoText: former?.infoText ?? '',
      infoAtMs: former?.infoAtMs ?? 0,
    }
    links.set(keyOf(ref), link)
    link.command = dial(ref, 'cmd', {
      // The listener logs in right after the command link and would only say the same again.
      onAuthError: (error) => {
        link.refused = true
        options.onAuthError(ref, error.message)
      },
      onConnect: () => {
        if (link.dropped) return
        options.feed({ type: 'link-up', ref, local: plain(link.command.localAddress) })
        listen(link)
      },
      onClose: (reason) => {
        if (link.dropped) return
        dropListener(link)
        options.feed({ type: 'link-down', ref, failure: FAILURES[reason.kind] })
      },
    })
  }

  function dial(ref: ServerRef, role: 'cmd' | 'pubsub', on: Handlers): RespClient {
    const { username, passwords } = options.authOf(ref.group)
    const client = connectResp({
      host: ref.host,
      port: ref.port,
      secure: options.secure(),
      connectTimeoutMs: CONNECT_TIMEOUT_MS,
      username,
      password: passwords,
      limits: LIMITS,
      nameOf: (command) => options.nameOf(ref.group, command),
      ...on,
    })
    void client.command(['CLIENT', 'SETNAME', `${options.clientName}-${role}`])
    return client
  }

  function listen(link: ServerLink): void {
    let retryMs = LISTENER_RETRY_MS
    const listener = dial(link.ref, 'pubsub', {
      onPush: (items) => {
        if (!link.dropped) takePush(link.ref, items)
      },
      onClose: () => {
        if (link.dropped || link.listener !== listener || !link.command.connected) return
        link.retry = setTimeout(() => listen(link), retryMs)
      },
    })
    link.listener = listener
    listener.command(['SUBSCRIBE', REDIS_HELLO_CHANNEL, HELLO_CHANNEL]).then(
      (reply) => {
        // It would stand for ever and hear nothing (NOAUTH, NOPERM).
        if (!(reply instanceof ReplyError)) return
        retryMs = LISTENER_REFUSED_MS
        listener.close()
      },
      () => {},
    )
  }

  function takePush(ref: ServerRef, [kind, channel, payload]: Reply[]): void {
    if (kind !== 'message' || typeof payload !== 'string') return
    if (channel === HELLO_CHANNEL) {
      const hello = decodeHello(payload)
      if (hello?.watches.includes(ref.group)) options.feed({ type: 'hello', hello })
    } else {
      const hello = decodeRedisHello(payload)
      if (hello !== undefined) options.onRedisHello(hello)
    }
  }

  function dropListener(link: ServerLink): void {
    clearTimeout(link.retry)
    const { listener } = link
    link.listener = undefined
    listener?.close()
  }

  function drop(link: ServerLink): void {
    link.dropped = true
    dropListener(link)
    link.command.close()
  }

  /** Asks, and gives the reply to `take` unless the link is gone by then. */
  function ask(ref: ServerRef, args: readonly string[], take: (reply: Reply, link: ServerLink) => void): void {
    const link = find(ref)
    if (link === undefined) return
    link.command.command(args).then(
      (reply) => {
        if (!link.dropped) take(reply, link)
      },
      () => {},
    )
  }

  return {
    connect,
    disconnect(ref) {
      const link = find(ref)
      if (link === undefined) return
      drop(link)
      links.delete(keyOf(ref))
    },
    logInAnew(group) {
      for (const { ref, refused, command } of [...links.values()]) {
        if (ref.group === group && refused) command.close()
      }
    },
    ping(ref) {
      const sentMs = nowMs()
      ask(ref, ['PING'], (reply) => {
        options.onPing(ref.group, nowMs() - sentMs)
        options.feed({ type: 'pong', ref, text: textOf(reply) })
      })
    },
    info: (ref) =>
      ask(ref, ['INFO'], (reply, link) => {
        const text = typeof reply === 'string' ? reply : ''
        if (text !== '') {
          link.infoText = text
          link.infoAtMs = nowMs()
        }
        // An error (LOADING, NOAUTH) is an INFO that says nothing: the request is answered, the facts stay old.
        if (text !== '') options.feed({ type: 'info', ref, info: parseInfo(text) })
        else options.feed({ type: 'info-failed', ref })
      }),
    lease(ref, word, key) {
      const text = encodeWord(word)
      ask(ref, ['REPLCONF', 'vedette-lease', text, sign(text, key)], (reply) =>
        options.feed({ type: 'leased', ref, answer: Array.isArray(reply) ? toAnswer(...threeOf(reply)) : undefined }),
      )
    },
    enlist(ref, key) {
      void find(ref)?.command.command(['REPLCONF', 'vedette-enlist', key])
    },
    killScript(ref) {
      void find(ref)?.command.command(['SCRIPT', 'KILL'])
    },
    order(ref, id, order) {
      const link = find(ref)
      if (link === undefined) return options.feed({ type: 'order-done', ref, id, ok: false, text: 'no link' })
      void obey(link.command, order).then(({ ok, text }) => options.feed({ type: 'order-done', ref, id, ok, text }))
    },
    publish(ref, channel, text) {
      void find(ref)?.command.command(['PUBLISH', channel, text])
    },
    infoText(ref) {
      const link = find(ref)
      return link === undefined || link.infoText === '' ? undefined : { text: link.infoText, atMs: link.infoAtMs }
    },
    remoteAddress: (ref) => {
      const address = find(ref)?.command.remoteAddress
      return address === undefined ? undefined : plain(address)
    },
    pending: (ref) => find(ref)?.command.outstanding ?? 0,
    stop() {
      for (const link of links.values()) drop(link)
      links.clear()
    },
  }
}

interface Handlers {
  onAuthError?: (error: ReplyError) => void
  readonly onConnect?: () => void
  readonly onClose: (reason: CloseReason) => void
  readonly onPush?: (items: Reply[]) => void
}

const textOf = (reply: Reply): string => (reply instanceof ReplyError ? reply.message : String(reply))

const threeOf = ([tenure, seq, leftMs]: readonly Reply[]): [Reply?, Reply?, Reply?] => [tenure, seq, leftMs]

const sign = (text: string, key: string): string =>
  createHmac('sha256', Buffer.from(key, 'hex')).update(text).digest('hex')

/** An address as others can use it: without the prefix of an IPv4 address on an IPv6 socket. */
const plain = (address: string | undefined): string => (address ?? '').replace(/^::ffff:/, '')
