// One connection to a RESP server: commands go out pipelined and their replies come back in order; pushes and pub/sub
// messages go to a callback. For the sentinel's links and probes and for the command line.
// Invariants: `onClose` is called exactly once, and no promise stays open after it; there is no reconnecting (the caller
// decides); at most `outstandingMax` commands wait; whatever the server sends, the process lives.
import { Socket } from 'node:net'
import { type ConnectionOptions, connect as connectTls } from 'node:tls'
import { createReplyParser, type Reply, ReplyError, type ReplyLimits } from '../protocol/reply-parser.ts'
import { monotonicMs } from './clock.ts'

/**
 * Why a connection ended.
 * - `refused`: nobody listens at the address (ECONNREFUSED).
 * - `reset`: the peer broke it off (ECONNRESET, EPIPE). A killed process shows as `reset` or as `ended`, depending on
 *   whether it had unread input; only a fresh `refused` afterwards tells that no process listens any more.
 * - `ended`: the peer closed it in order (FIN).
 * - `timeout`: no connection within `connectTimeoutMs`, or no reply within `replyTimeoutMs`.
 * - `unreachable`: the network or host cannot be reached (EHOSTUNREACH, ENETUNREACH, ETIMEDOUT …), or nobody can say where a name leads
 *   (EAI_AGAIN).
 * - `unresolved`: the host name has no address.
 * - `protocol`: the peer does not speak RESP, or beyond the limits.
 * - `closed`: we closed it.
 * - `failed`: anything else, see `code` and `message`.
 */
export type CloseKind =
  | 'refused'
  | 'reset'
  | 'ended'
  | 'timeout'
  | 'unreachable'
  | 'unresolved'
  | 'protocol'
  | 'closed'
  | 'failed'

export interface CloseReason {
  kind: CloseKind
  /** The system's error code, as ECONNREFUSED, where there is one. */
  code?: string
  message: string
  /** Whether the TCP connection had been established. */
  connected: boolean
}

/** What an unanswered command's promise is rejected with. */
export class ConnectionClosedError extends Error {
  override readonly name = 'ConnectionClosedError'
  readonly reason: CloseReason
  constructor(reason: CloseReason) {
    super(reason.message)
    this.reason = reason
  }
}

/** What a command's promise is rejected with when too many wait already; it was not sent. */
export class TooManyOutstandingError extends Error {
  override readonly name = 'TooManyOutstandingError'
}

export interface RespClientOptions {
  host: string
  port: number
  /** What to connect with by TLS; undefined: plainly. */
  secure?: ConnectionOptions | undefined
  /** Bind address of our end; as the system chooses when absent. */
  localAddress?: string
  connectTimeoutMs?: number
  /** Close with `timeout` when the oldest unanswered command is older than this; 0 (the default) waits for ever. */
  replyTimeoutMs?: number
  /**
   * With a password AUTH is the first command. Its failure does not close the connection. Of several passwords any one suffices: all are
   * sent, for one that is refused takes nothing away from one that was accepted.
   */
  username?: string
  password?: string | readonly string[]
  /** 3 sends HELLO 3 after AUTH; a server that refuses it goes on in RESP2, and nothing else changes for the caller. */
  resp?: 2 | 3
  /** Commands waiting for a reply, default 1024. */
  outstandingMax?: number
  /** Bytes waiting to be sent, default 16 MiB. */
  outputBytesMax?: number
  limits?: Partial<ReplyLimits>
  /** The name that the server has for a command, where that was renamed. */
  nameOf?: (command: string) => string
  onConnect?: () => void
  onAuthError?: (error: ReplyError) => void
  /** A pub/sub message or confirmation, or another RESP3 push: kind first, as `['message', channel, payload]`. */
  onPush?: (items: Reply[]) => void
  onClose?: (reason: CloseReason) => void
}

export interface RespClient {
  /**
   * Sends a command and resolves with its reply; an error reply is a ReplyError *value*. Rejects with
   * ConnectionClosedError or TooManyOutstandingError only (a rejection that nobody looks at does no harm).
   * (P|S)SUBSCRIBE and UNSUBSCRIBE resolve when the last of their channels is confirmed.
   */
  command(args: readonly (string | Uint8Array)[]): Promise<Reply>
  /** Closes at once; unanswered commands are rejected. */
  close(): void
  /** Whether the TCP connection is established and not closed. */
  readonly connected: boolean
  readonly closed: CloseReason | undefined
  /** Commands waiting for a reply. */
  readonly outstanding: number
  /** When the oldest unanswered command was sent (monotonicMs), if there is one. */
  readonly waitingSinceMs: number | undefined
  /** Our end of the connection once connected: how the server sees us when nothing translates addresses. */
  readonly localAddress: string | undefined
  /** The other end, an IP address, once connected. */
  readonly remoteAddress: string | undefined
}

interface Pending {
  resolve: (reply: Reply) => void
  reject: (error: Error) => void
  sentMs: number
  /** Confirmations that a subscribe command still waits for; 0 for other commands. */
  confirmations: number
}

const SUBSCRIBE_COMMAND = /^[ps]?(un)?subscribe$/i
const CONFIRMATION = new Set(['subscribe', 'unsubscribe', 'psubscribe', 'punsubscribe', 'ssubscribe', 'sunsubscribe'])
const MESSAGE = new Set(['message', 'pmessage', 'smessage'])
const UNREACHABLE = new Set(['EHOSTUNREACH', 'ENETUNREACH', 'EHOSTDOWN', 'ENETDOWN', 'ETIMEDOUT', 'EADDRNOTAVAIL'])

/** Starts connecting and returns at once; commands may be given at once too. */
export function connectResp(options: RespClientOptions): RespClient {
  const outstandingMax = options.outstandingMax ?? 1024
  const outputBytesMax = options.outputBytesMax ?? 16 << 20
  const replyTimeoutMs = options.replyTimeoutMs ?? 0
  const pending = createQueue<Pending>()
  const parser = createReplyParser(options.limits)
  let connected = false
  let subscribing = false
  let closed: CloseReason | undefined
  let timer: NodeJS.Timeout | undefined

  const { secure } = options
  const where = {
    host: options.host,
    port: options.port,
    ...(options.localAddress === undefined ? {} : { localAddress: options.localAddress }),
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: 30_000,
  }
  const socket = open()
  socket.on(secure === undefined ? 'connect' : 'secureConnect', () => {
    connected = true
    clearTimeout(timer)
    timer = undefined
    if (!pending.empty) watchReplies()
    options.onConnect?.()
  })
  socket.on('data', read)
  socket.on('end', () => finish('ended', 'the server closed the connection'))
  socket.on('error', (error: NodeJS.ErrnoException) => finish(kindOf(error.code), error.message, error.code))
  socket.on('close', () => finish('failed', 'the connection closed'))
  const connectTimeoutMs = options.connectTimeoutMs ?? 5_000
  timer = setTimeout(
    () => finish('timeout', `no connection to ${options.host}:${options.port} within ${connectTimeoutMs} ms`),
    connectTimeoutMs,
  )

  function open(): Socket {
    try {
      return secure === undefined ? new Socket().connect(where) : connectTls({ ...secure, ...where })
    } catch (error) {
      // A port or address that is none: it may come from a peer's hello, so it is an answer and not a crash.
      const { code, message } = error as NodeJS.ErrnoException
      queueMicrotask(() => finish('failed', message, code))
      return new Socket()
    }
  }

  function finish(kind: CloseKind, message: string, code?: string): void {
    if (closed !== undefined) return
    closed = { kind, message, connected, ...(code === undefined ? {} : { code }) }
    connected = false
    clearTimeout(timer)
    socket.destroy()
    const error = new ConnectionClosedError(closed)
    const reason = closed
    // Later, so that neither `connectResp` nor `close` nor `command` calls back before it returns.
    queueMicrotask(() => {
      for (let waiting = pending.shift(); waiting !== undefined; waiting = pending.shift()) waiting.reject(error)
      options.onClose?.(reason)
    })
  }

  function read(bytes: Uint8Array): void {
    for (const { push, value } of parser.feed(bytes)) {
      if (closed !== undefined) return // closed by a callback
      if (Array.isArray(value) && (push || (subscribing && isPubSub(value)))) takePush(value)
      else if (!answer(value)) finish('protocol', unasked(value))
    }
    if (parser.failure !== undefined) finish('protocol', parser.failure)
  }

  function takePush(items: Reply[]): void {
    const head = pending.first
    if (
      head !== undefined &&
      head.confirmations > 0 &&
      CONFIRMATION.has(String(items[0])) &&
      --head.confirmations === 0
    )
      pending.shift()!.resolve(items)
    options.onPush?.(items)
  }

  function answer(value: Reply): boolean {
    const head = pending.shift()
    head?.resolve(value)
    return head !== undefined
  }

  /** One timer for all commands: it looks at the oldest and sleeps as long as that one has left. */
  function watchReplies(): void {
    if (replyTimeoutMs === 0 || timer !== undefined) return
    const oldest = pending.first
    if (oldest === undefined) return
    const leftMs = oldest.sentMs + replyTimeoutMs - monotonicMs()
    if (leftMs <= 0) {
      finish('timeout', `no reply within ${replyTimeoutMs} ms`)
      return
    }
    timer = setTimeout(() => {
      timer = undefined
      watchReplies()
    }, leftMs)
  }

  function command(args: readonly (string | Uint8Array)[]): Promise<Reply> {
    const promise = new Promise<Reply>((resolve, reject) => {
      if (closed !== undefined) return reject(new ConnectionClosedError(closed))
      if (pending.length >= outstandingMax || socket.writableLength > outputBytesMax)
        return reject(new TooManyOutstandingError(`${pending.length} commands wait for a reply already`))
      const subscribe = SUBSCRIBE_COMMAND.test(String(args[0]))
      subscribing ||= subscribe
      const confirmations = subscribe ? Math.max(1, args.length - 1) : 0
      pending.push({ resolve, reject, sentMs: monotonicMs(), confirmations })
      const [name = '', ...rest] = args
      socket.write(encodeCommand([options.nameOf?.(String(name)) ?? name, ...rest]))
      if (connected) watchReplies()
    })
    promise.catch(() => {})
    return promise
  }

  const passwords = [options.password ?? []].flat().filter((password) => password !== '')
  if (passwords.length > 0) {
    const user = options.username === undefined || options.username === '' ? [] : [options.username]
    let left = passwords.length
    const take = (reply: Reply): void => {
      if (reply instanceof ReplyError && --left === 0) options.onAuthError?.(reply)
    }
    for (const password of passwords) command(['AUTH', ...user, password]).then(take, () => {})
  }
  if (options.resp === 3) void command(['HELLO', '3'])

  return {
    command,
    close: () => finish('closed', 'closed by us'),
    get connected() {
      return connected
    },
    get closed() {
      return closed
    },
    get outstanding() {
      return pending.length
    },
    get waitingSinceMs() {
      return pending.first?.sentMs
    },
    get localAddress() {
      return socket.localAddress
    },
    get remoteAddress() {
      return socket.remoteAddress
    },
  }
}

/** A command as a RESP array of bulk strings. */
export function encodeCommand(args: readonly (string | Uint8Array)[]): Buffer {
  const parts: Buffer[] = [Buffer.from(`*${args.length}\r\n`)]
  for (const arg of args) {
    const bytes = typeof arg === 'string' ? Buffer.from(arg) : arg
    parts.push(Buffer.from(`$${bytes.byteLength}\r\n`), bytes as Buffer, LINE_END)
  }
  return Buffer.concat(parts)
}
const LINE_END = Buffer.from('\r\n')

function isPubSub(items: Reply[]): boolean {
  const kind = items[0]
  return typeof kind === 'string' && (MESSAGE.has(kind) || CONFIRMATION.has(kind))
}

/** A server that is full or in protected mode says so before anything was asked. */
function unasked(value: Reply): string {
  return value instanceof ReplyError ? value.message : 'the server sent a reply that nothing asked for'
}

function kindOf(code: string | undefined): CloseKind {
  if (code === 'ECONNREFUSED') return 'refused'
  if (code === 'ECONNRESET' || code === 'EPIPE') return 'reset'
  if (code === 'ENOTFOUND') return 'unresolved'
  return code !== undefined && UNREACHABLE.has(code) ? 'unreachable' : 'failed'
}

/** First in, first out, without the linear cost of Array.shift on long queues. */
function createQueue<T>() {
  let items: (T | undefined)[] = []
  let head = 0
  return {
    get first(): T | undefined {
      return items[head]
    },
    get length(): number {
      return items.length - head
    },
    get empty(): boolean {
      return head === items.length
    },
    push(item: T): void {
      items.push(item)
    },
    shift(): T | undefined {
      if (head === items.length) return undefined
      const item = items[head]
      items[head++] = undefined
      if (head === items.length || head > 1024) {
        items = items.slice(head)
        head = 0
      }
      return item
    },
  }
}
