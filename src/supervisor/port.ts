// The sentinel's own port: the Redis protocol for operators and clients, as the facade speaks it. Here are the facts of a
// sentinel: its limits, its table of commands and how one is run. Bounds: the number of clients, what one may send ahead
// (QUERY_BYTES_MAX), and what may wait for one that does not read (OUTPUT_BYTES_MAX, then it is cut off).

import type { Users } from '../acl/users.ts'
import type { SentinelOptions } from '../config/sentinel-options.ts'
import { createAccess } from '../facade/access.ts'
import type { FrontHost, PubSub } from '../facade/call.ts'
import { TRACKING_NOTHING } from '../facade/commands/tracking.ts'
import type { ClientLimits } from '../facade/limits.ts'
import { type Ahead, Processor } from '../facade/processor.ts'
import { createPubSub } from '../facade/pubsub.ts'
import { ClientRegistry } from '../facade/registry.ts'
import type { Session } from '../facade/session.ts'
import type { Command } from '../facade/table.ts'
import type { Wire, WireHandler } from '../facade/wire.ts'
import { createAttackLog } from '../io/attack-log.ts'
import { wallMs } from '../io/clock.ts'
import { randomHex } from '../io/entropy.ts'
import { type Listening, listenAll } from '../io/listen.ts'
import { sha256Hex } from '../io/secrets.ts'
import { eventLoop } from '../io/timers.ts'
import type { Tls } from '../io/tls/tls.ts'
import { createUserFile } from '../io/user-file.ts'
import { openUsers, type UserOptions } from '../io/users.ts'
import type { Call, CommandHost } from './commands/spec.ts'
import { SENTINEL_TABLE } from './commands/table.ts'

const OUTPUT_BYTES_MAX = 8 * 1024 * 1024
const BULK_BYTES_MAX = 1024 * 1024
const QUERY_BYTES_MAX = 4 * 1024 * 1024
const SUBSCRIPTIONS_MAX = 4096
const BACKLOG = 511
const KEEP_ALIVE_SECONDS = 300

/** What the sentinel gives its port: the facts that commands ask for, without those that the port has itself. */
export type PortHost = Omit<CommandHost, 'stats' | keyof FrontHost>

/** What the clients of a sentinel are subject to. */
export interface FrontOptions {
  readonly maxClients: number
  readonly protectedMode: () => boolean
  /** Where its users come from. */
  readonly users: Pick<SentinelOptions, keyof UserOptions | 'userLines' | 'acllog-max-len' | 'acl-pubsub-default'>
  readonly host: PortHost
  readonly onError: (message: string) => void
}

/** The same, and where to listen for them. */
export interface PortOptions extends FrontOptions {
  readonly bind: readonly string[]
  readonly port: number
  readonly unixsocket: string
  readonly unixsocketperm: number
  /** A port of 0 is any free one, unless this is another. */
  readonly tlsPort: number
  readonly tls: Tls
}

export interface RespPort {
  /** The plain port, or that of TLS where there is no other. */
  readonly port: number
  readonly clients: ClientRegistry
  /** Sends a message to everybody who subscribed to the channel; gives back how many. */
  publish(channel: string, payload: string): number
  close(): void
}

/** The clients of a sentinel, before it listens anywhere. */
export function createFront(options: FrontOptions): { readonly clients: ClientRegistry; readonly pubsub: PubSub } {
  const { users } = options
  const pubsub = createPubSub()
  const internalError = (error: unknown, where: string): void => {
    options.onError(`Bug: ${where} threw ${error instanceof Error ? error.stack : String(error)}`)
  }
  const access = createAccess({
    commands: SENTINEL_TABLE,
    clients: () => clients,
    hash: sha256Hex,
    randomHex,
    allChannels: () => users['acl-pubsub-default'] === 'allchannels',
    logEntriesMax: () => users['acllog-max-len'],
    nowMs: wallMs,
    file: (all) => createUserFile(users.aclfile, all, options.host.log),
  })
  const facts: Omit<CommandHost, keyof PortHost> = {
    commands: SENTINEL_TABLE,
    pubsub,
    get clients() {
      return clients
    },
    get stats() {
      return { ...clients.stats, commands: processor.stats.commands }
    },
    hello: () => [['mode', 'sentinel']],
    access,
    tracking: TRACKING_NOTHING,
    subscriptionsMax: SUBSCRIPTIONS_MAX,
    forget: () => {},
    sessionChanged: () => {},
    attacked: createAttackLog(options.host.log, wallMs),
    internalError,
  }
  // Not a copy: what the host gives may change, and some of it comes to be only after the port is open.
  const host = Object.create(options.host, Object.getOwnPropertyDescriptors(facts)) as CommandHost
  const processor = new SentinelProcessor(host)
  const clients: ClientRegistry = new ClientRegistry({
    requests: processor,
    pause: processor.pause,
    limits: limitsOf(options, access.users),
    defaultUser: access.users.default,
    requestsAhead: 0,
    nowMs: wallMs,
    timers: eventLoop,
    log: (message) => options.host.log.verbose(message),
    internalError,
    paused: () => {},
    beforeReplies: () => {},
    onClosed: (session) => pubsub.unsubscribeAll(session),
  })
  openUsers(access, users, users.userLines, options.host.log)
  return { clients, pubsub }
}

/** Listens on every address of `bind`; a leading `-` allows one to be unavailable, as in Redis. */
export async function openPort(options: PortOptions): Promise<RespPort> {
  const { bind, port, unixsocket, unixsocketperm } = options
  const { clients, pubsub } = createFront(options)
  const where = { bind, unixsocket, unixsocketperm, backlog: BACKLOG, keepAliveSeconds: KEEP_ALIVE_SECONDS }
  const accept = (wire: Wire): WireHandler => clients.accept(wire)
  const { tls, tlsPort } = options
  const listening: Listening[] = []
  const stopListening = (): void => {
    for (const one of listening) one.close()
  }
  try {
    if (tlsPort !== 0) listening.push(await listenAll({ ...where, unixsocket: '', port: tlsPort, tls }, accept))
    if (port !== 0 || tlsPort === 0) listening.push(await listenAll({ ...where, port }, accept))
  } catch (error) {
    stopListening()
    throw error
  }
  return {
    port: listening.at(-1)!.port,
    clients,
    publish: (channel, payload) => pubsub.publish(Buffer.from(channel), Buffer.from(payload)),
    close() {
      stopListening()
      clients.closeAll()
    },
  }
}

function limitsOf(options: FrontOptions, users: Users): ClientLimits {
  const output = { hardBytes: OUTPUT_BYTES_MAX, softBytes: 0, softSeconds: 0 }
  return {
    clientsMax: options.maxClients,
    idleSeconds: 0,
    clientsBytesMax: 0,
    get passwordNeeded() {
      return users.asksPassword
    },
    get protectedMode() {
      return options.protectedMode()
    },
    bulkBytesMax: BULK_BYTES_MAX,
    queryBytesMax: QUERY_BYTES_MAX,
    output: () => output,
  }
}

/** Runs the commands of a sentinel, whose functions are given the words of the request as text. */
class SentinelProcessor extends Processor<Call> implements Call {
  readonly host: CommandHost
  readonly ahead: Ahead = { count: 0, index: 0, end: () => {} }
  readonly pause = { pausedUntilMs: 0, pausedWritesOnly: false, writesHeld: false, streamHeld: false }
  words: readonly string[] = []
  protected readonly table = SENTINEL_TABLE

  constructor(host: CommandHost) {
    super()
    this.host = host
  }

  protected override call(session: Session, command: Command<Call>): void {
    session.lastCommand = command.fullName
    const { args } = this
    this.words = Array.from({ length: args.count }, (_, i) => args.str(i))
    this.stats.commands++
    command.calls++
    command.run!(this)
    const { tracking } = session
    if (tracking !== undefined && !command.fullName.startsWith('client|')) tracking.caching = false
  }
}
