// The sentinel's own port: the Redis protocol for operators and clients. Connections, authentication, subscriptions and
// the order of replies are here; what the commands do is in commands/. Bounds: the number of clients, what one may send ahead
// (the parser's limits), and what may wait for one that does not read (OUTPUT_BYTES_MAX, then it is cut off).
import { errorText } from '../errors.ts'
import { wallMs } from '../io/clock.ts'
import { type Listener, listenTcp, type Wire, type WireHandler } from '../io/tcp.ts'
import { globMatch } from '../lib/glob.ts'
import { PROTOCOL_ERROR, QUERY_TOO_LARGE, REQUEST, RequestParser } from '../protocol/parser.ts'
import { ReplyWriter } from '../protocol/writer.ts'
import { dispatch } from './commands/dispatch.ts'
import type { CommandHost } from './commands/spec.ts'

const OUTPUT_BYTES_MAX = 8 * 1024 * 1024
const BULK_BYTES_MAX = 1024 * 1024
const QUERY_BYTES_MAX = 4 * 1024 * 1024
const SUBSCRIPTIONS_MAX = 4096

/** One client of the sentinel. */
export interface Client {
  readonly id: number
  readonly wire: Wire
  readonly createdMs: number
  lastCommandMs: number
  lastCommand: string
  name: string
  library: string
  libraryVersion: string
  authenticated: boolean
  resp: 2 | 3
  noEvict: boolean
  noTouch: boolean
  /** CLIENT REPLY: whether to answer, and whether to skip the next answer. */
  replies: 'on' | 'off' | 'skip' | 'skip-next'
  readonly channels: Set<string>
  readonly patterns: Set<string>
  /** A command's answer is still to come: nothing further is read. */
  waiting: boolean
  closing: boolean
}

export interface PortStats {
  connectionsReceived: number
  commandsProcessed: number
  rejectedConnections: number
  inputBytes: number
  outputBytes: number
}

export interface PortOptions {
  readonly bind: readonly string[]
  readonly port: number
  readonly maxClients: number
  readonly protectedMode: () => boolean
  readonly password: () => string
  readonly host: Omit<CommandHost, 'clients' | 'stats' | 'kill' | 'subscriptionsMax'>
  readonly onError: (message: string) => void
}

export interface RespPort {
  readonly port: number
  readonly clients: ReadonlyMap<number, Client>
  readonly stats: PortStats
  /** Sends a message to everybody who subscribed to the channel; gives back how many. */
  publish(channel: string, payload: string): number
  close(): void
}

/** Listens on every address of `bind`; a leading `-` allows one to be unavailable, as in Redis. */
export async function openPort(options: PortOptions): Promise<RespPort> {
  const clients = new Map<number, Client>()
  const stats: PortStats = {
    connectionsReceived: 0,
    commandsProcessed: 0,
    rejectedConnections: 0,
    inputBytes: 0,
    outputBytes: 0,
  }
  let nextId = 1
  // Not a copy: what the host gives may change, and some of it comes to be only after the port is open.
  const host: CommandHost = Object.assign(Object.create(options.host) as typeof options.host, {
    clients,
    stats,
    subscriptionsMax: SUBSCRIPTIONS_MAX,
    kill: (client: Client) => client.wire.destroy(),
  })

  function accept(wire: Wire): WireHandler {
    stats.connectionsReceived += 1
    const refusal = refusalFor(wire)
    if (refusal !== undefined) {
      stats.rejectedConnections += 1
      wire.write(Buffer.from(`-${refusal}\r\n`))
      wire.end()
      return { onData() {}, onDrain() {}, onClose() {} }
    }
    const client = createClient(nextId++, wire, options.password() === '')
    clients.set(client.id, client)
    return serve(client)
  }

  function refusalFor(wire: Wire): string | undefined {
    if (clients.size >= options.maxClients) return errorText('maxClients')
    const open = options.protectedMode() && options.password() === '' && !wire.peerIsLoopback
    return open ? errorText('protectedMode') : undefined
  }

  function serve(client: Client): WireHandler {
    const limits = {
      bulkBytesMax: BULK_BYTES_MAX,
      queryBytesMax: QUERY_BYTES_MAX,
      get authenticated() {
        return client.authenticated
      },
    }
    const parser = new RequestParser(limits)
    const reply = new ReplyWriter(1024)
    const run = (): void => {
      while (!client.waiting && !client.closing) {
        const found = parser.next()
        if (found === PROTOCOL_ERROR) {
          reply.error(errorText('protocol', parser.error))
          client.closing = true
        } else if (found === QUERY_TOO_LARGE) client.closing = true
        if (found !== REQUEST) break
        execute(client, parser, reply, resume)
      }
      flush(client, reply)
      if (client.closing) client.wire.end()
    }
    /** The answer to a command that had to wait is written: send it, and go on with what was sent meanwhile. */
    const resume = (): void => {
      if (!clients.has(client.id)) return
      client.waiting = false
      run()
      parser.keep()
    }
    return {
      onData(bytes, length) {
        stats.inputBytes += length
        // Nobody reads it any more: kept, it would grow as long as the peer likes.
        if (client.closing) return
        parser.feed(bytes, 0, length)
        run()
        parser.keep()
        if (client.waiting && parser.unreadBytes > QUERY_BYTES_MAX) client.wire.destroy()
      },
      onDrain() {},
      onClose() {
        clients.delete(client.id)
      },
    }
  }

  function execute(client: Client, parser: RequestParser, reply: ReplyWriter, resume: () => void): void {
    const { args } = parser
    stats.commandsProcessed += 1
    client.lastCommandMs = wallMs()
    const words = Array.from({ length: args.count }, (_, i) => args.str(i))
    const mark = reply.pos
    reply.resp = client.resp
    try {
      dispatch({ client, words, reply, host, resume })
    } catch (error) {
      // A bug of ours must not take the sentinel down with it; the client learns that there is something to report.
      options.onError(`Error in a command: ${(error as Error).stack}`)
      reply.rewind(mark)
      reply.error(errorText('internal'))
    }
    if (client.replies === 'off' || client.replies === 'skip') reply.rewind(mark)
    if (client.replies === 'skip') client.replies = 'on'
    else if (client.replies === 'skip-next') client.replies = 'skip'
  }

  function flush(client: Client, reply: ReplyWriter): void {
    if (reply.pos === 0) return
    send(client, reply.written())
    reply.clear()
  }

  function send(client: Client, bytes: Buffer): void {
    stats.outputBytes += bytes.length
    client.wire.write(bytes)
    if (client.wire.pendingBytes > OUTPUT_BYTES_MAX) client.wire.destroy()
  }

  const scratch = new ReplyWriter(1024)
  function publish(channel: string, payload: string): number {
    let receivers = 0
    for (const client of clients.values()) {
      if (client.channels.has(channel)) {
        message(client, ['message', channel, payload])
        receivers += 1
      }
      for (const pattern of client.patterns) {
        if (!globMatch(Buffer.from(pattern), Buffer.from(channel))) continue
        message(client, ['pmessage', pattern, channel, payload])
        receivers += 1
      }
    }
    return receivers
  }

  function message(client: Client, parts: readonly string[]): void {
    scratch.clear()
    scratch.resp = client.resp
    scratch.push(parts.length)
    for (const part of parts) scratch.bulkText(part)
    send(client, scratch.written())
  }

  const { listeners, port } = await listenAll(options, accept)
  return {
    port,
    clients,
    stats,
    publish,
    close() {
      for (const listener of listeners) listener.close()
      for (const client of clients.values()) client.wire.destroy()
    },
  }
}

function createClient(id: number, wire: Wire, authenticated: boolean): Client {
  const nowMs = wallMs()
  return {
    id,
    wire,
    createdMs: nowMs,
    lastCommandMs: nowMs,
    lastCommand: 'NULL',
    name: '',
    library: '',
    libraryVersion: '',
    authenticated,
    resp: 2,
    noEvict: false,
    noTouch: false,
    replies: 'on',
    channels: new Set(),
    patterns: new Set(),
    waiting: false,
    closing: false,
  }
}

async function listenAll(
  options: PortOptions,
  accept: (wire: Wire) => WireHandler,
): Promise<{ listeners: Listener[]; port: number }> {
  const listeners: Listener[] = []
  let { port } = options
  for (const address of options.bind) {
    const optional = address.startsWith('-')
    const name = optional ? address.slice(1) : address
    const host = name === '*' ? '0.0.0.0' : name === '::*' ? '::' : name
    try {
      const listener = await listenTcp({ host, port, backlog: 511, keepAliveSeconds: 300 }, accept)
      listeners.push(listener)
      port = listener.port
    } catch (error) {
      if (optional) continue
      for (const listener of listeners) listener.close()
      throw error
    }
  }
  if (listeners.length === 0) throw new Error(`no address of ${options.bind.join(' ')} can be listened on`)
  return { listeners, port }
}
