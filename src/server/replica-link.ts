// The link to our primary: carries out what the state machine of replication/link.ts decides, loads the RDB of a full sync
// into the keyspace and applies the stream.
//
// Invariants: history.offset counts whole requests outside of a transaction only, so what it names is exactly what is in the
// keyspace; whoever follows us gets the very bytes that we applied. Our data are dropped when the first key of an RDB comes:
// from then on they are no part of any history, and if loading fails they are dropped again. Data are not dropped for an
// empty primary that has written less than we have, unless somebody ordered to follow it as it is now.
import { CommandError } from '../errors.ts'
import type { Connection } from '../facade/connection.ts'
import type { Wire } from '../facade/wire.ts'
import { monotonicMs } from '../io/clock.ts'
import type { Dial } from '../io/tcp.ts'
import type { Args } from '../protocol/args.ts'
import { PROTOCOL_ERROR, QUERY_TOO_LARGE, REQUEST, RequestParser } from '../protocol/parser.ts'
import { ReplyWriter } from '../protocol/writer.ts'
import { adoptHistory, continueHistory, ensureBacklog, type History } from '../replication/history.ts'
import { createReplicaLink, type LinkAction, type ReplicaLink } from '../replication/link.ts'
import type { ReplicationStream } from '../replication/stream.ts'
import { createLoader, type Loader } from './loading.ts'
import { announcedPort, type ServerParts } from './parts.ts'

/** What the link needs of the rest of replication. */
export interface PrimaryLinkParts {
  readonly server: ServerParts
  readonly history: History
  readonly stream: ReplicationStream
  /** Moves the stream's new bytes to the backlog and to our own replicas. */
  flush(): void
  /** Our own replicas have to ask again: what they follow is no longer what we have. */
  disconnectReplicas(): void
  /** The failover that this server begins by following the other one. */
  readonly failover: { isInProgress(): boolean; answered(accepted: boolean): void }
  /** The state of the link has changed. */
  changed(): void
}

/** The link to one primary. */
export interface PrimaryLink {
  readonly host: string
  readonly port: number
  readonly machine: ReplicaLink
  /** Whether our data are part of history `history.id` up to `history.offset`. */
  isConsistent(): boolean
  /** Offset up to which the stream was received, applied or not. */
  readOffset(): number
  /** Bytes that came from the primary. */
  readBytes(): number
  /** Commands of its stream that failed here, or that we do not know. */
  applyErrors(): number
  /** Connects; nothing is done before. */
  begin(atFirst: AtFirst): void
  /** Somebody ordered to follow this primary as it is: our data may be dropped, whatever it has. */
  confirm(): void
  /** The database that the stream has selected. */
  db(): number
  tick(): void
  /** Clients are not paused any more: runs what waited for that. */
  proceed(): void
  /** REPLCONF GETACK. */
  acknowledge(): void
  /** Ends the link for good. Whether the data are consistent can still be asked. */
  stop(): void
}

/** So much of the stream is kept here while clients are paused. */
const HELD_BYTES_MAX = 64 * 1024 * 1024

const CONNECT_ERRORS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'Connection refused',
  ECONNRESET: 'Connection reset by peer',
  EHOSTUNREACH: 'No route to host',
  ENETUNREACH: 'Network is unreachable',
  ETIMEDOUT: 'Connection timed out',
  end: 'connection closed by the primary',
}

/** What is known of the data at hand when a link is begun. */
export interface AtFirst {
  /** Whether they are those of `history` and may be continued. */
  readonly consistent: boolean
  /** The database that the history's stream has selected. */
  readonly db: number
  /** See `PrimaryLink.confirm`. */
  readonly confirmed?: boolean
}

/** A link to the primary at an address, not begun. */
export function linkToPrimary(parts: PrimaryLinkParts, host: string, port: number): PrimaryLink {
  const { server, history, stream } = parts
  const { options, log, keyspace, engine, clients } = server
  let consistent = false
  let db = 0
  let stopped = false
  let readBytes = 0
  let applyErrors = 0
  let dial: Dial | undefined
  let wire: Wire | undefined
  let connection: Connection | undefined // stands for the primary among the clients, once in sync
  let loader: Loader | undefined
  let replacing = false // our data were dropped for those that are being loaded
  let codes: Buffer[] = [] // libraries of functions that came with them
  let confirmed = false
  let loadPosition = { id: '', offset: 0 }
  let parser = newParser()
  let unapplied: Buffer[] = [] // received behind history.offset: part of a request or of a transaction
  let unappliedBytes = 0
  let unrunBytes = 0 // at their end: of requests that were not run yet
  let isHeld = false // clients are paused, and so is the stream
  const replies = new ReplyWriter(1024)

  const machine = createReplicaLink({
    host,
    port,
    get listeningPort() {
      return announcedPort(server)
    },
    get announceIp() {
      return options['replica-announce-ip']
    },
    get username() {
      return options.masteruser
    },
    get passwords() {
      return server.passwords.primary()
    },
    get timeoutMs() {
      return options['repl-timeout'] * 1000
    },
    failover: parts.failover.isInProgress,
    position: () => (consistent ? { id: history.id, offset: history.offset } : undefined),
  })

  function newParser(): RequestParser {
    // The primary is trusted with sizes as Redis does; its stream is bounded by what it accepts itself.
    return new RequestParser({
      bulkBytesMax: Number.MAX_SAFE_INTEGER,
      queryBytesMax: Number.MAX_SAFE_INTEGER,
      authenticated: true,
    })
  }

  // ---- connection ----

  const open = (): void => {
    const opened = server.dial(
      host,
      port,
      (made) => {
        wire = made
        perform(machine.connected(monotonicMs()))
        return {
          onData: (bytes, length) => received(opened, bytes.subarray(0, length)),
          onDrain: () => {},
          onClose: (reason) => lost(opened, reason),
        }
      },
      (reason) => lost(opened, reason),
      options['bind-source-addr'],
    )
    dial = opened
  }

  const received = (from: Dial, bytes: Buffer): void => {
    if (from !== dial) return
    clients.stats.inputBytes += bytes.length
    readBytes += bytes.length
    if (connection !== undefined) connection.session.lastCommandMs = server.nowMs()
    perform(machine.received(bytes, monotonicMs()))
  }

  const lost = (which: Dial, reason: string): void => {
    if (which !== dial) return
    forget()
    perform(machine.closed(CONNECT_ERRORS[reason] ?? reason, monotonicMs()))
  }

  /** Drops everything that belongs to the connection, and the connection. */
  const forget = (): void => {
    const was = dial
    dial = undefined
    wire = undefined
    was?.destroy()
    if (connection !== undefined) {
      db = connection.session.db
      connection.onClose()
      connection = undefined
    }
    unapplied = []
    unappliedBytes = 0
    unrunBytes = 0
    isHeld = false
    if (loader !== undefined) endLoading()
  }

  // ---- actions ----

  const perform = (actions: readonly LinkAction[]): void => {
    for (const action of actions) {
      try {
        carryOut(action)
      } catch (error) {
        // What the primary sent cannot be used: start anew. The rest of the actions belonged to that connection.
        const reason = error instanceof Error ? error.message : String(error)
        perform(machine.failed(reason, monotonicMs()))
        break
      }
    }
    if (actions.length > 0) parts.changed()
  }

  const carryOut = (action: LinkAction): void => {
    if (stopped) return
    switch (action.kind) {
      case 'open':
        return open()
      case 'send':
        return wire?.write(action.bytes)
      case 'close':
        return forget()
      case 'begin-load':
        return beginLoading(action.position)
      case 'load':
        return load(action.bytes)
      case 'end-load':
        return finishLoading()
      case 'continue':
        return goOn(action.id)
      case 'stream':
        return apply(action.bytes)
      case 'failover-answered':
        return parts.failover.answered(action.accepted)
      case 'log':
        return log[action.level](action.text)
    }
  }

  // ---- full sync ----

  const beginLoading = (position: { id: string; offset: number }): void => {
    loadPosition = position
    replacing = false
    if (keyspace.size === 0) replaceData()
    log.notice('MASTER <-> REPLICA sync: Loading DB in memory')
    codes = []
    loader = createLoader(keyspace, {
      onFirst: replaceData,
      onLibrary: (code) => void codes.push(code),
      checksum: options.rdbchecksum,
      stringBytesMax: Number.MAX_SAFE_INTEGER,
      dropExpiredAtMs: undefined,
    })
  }

  /** Drops our data: others come in their place. */
  const replaceData = (): void => {
    if (replacing) return
    replacing = true
    log.notice('MASTER <-> REPLICA sync: Flushing old data')
    parts.disconnectReplicas()
    history.backlog = undefined
    consistent = false
    engine.gate.loading = true
    engine.setTime(server.nowMs())
    keyspace.flush()
    engine.host.scripts.libraries.flush()
  }

  /** The primary has no keys. Throws if that looks like data that were lost rather than removed. */
  const refuseLoss = (): void => {
    if (confirmed || !consistent || loadPosition.id === history.id || loadPosition.offset >= history.offset) return
    throw new Error(
      `The primary ${host}:${port} is empty and has written less (offset ${loadPosition.offset}) than this replica has ` +
        `(${keyspace.size} keys, offset ${history.offset}): they are kept. Promote this replica with REPLICAOF NO ONE, or ` +
        `order it with REPLICAOF ${host} ${port} to follow that primary as it is`,
    )
  }

  const failedLoading = (error: unknown): Error => {
    const reason = error instanceof Error ? error.message : String(error)
    return new Error(`Failed trying to load the MASTER synchronization DB from socket: ${reason}`)
  }

  const load = (bytes: Buffer): void => {
    try {
      loader?.reader.feed(bytes)
    } catch (error) {
      throw failedLoading(error)
    }
  }

  const finishLoading = (): void => {
    const { reader, aux } = loader!
    try {
      reader.end()
    } catch (error) {
      throw failedLoading(error)
    }
    if (!replacing) refuseLoss()
    replaceData()
    loadLibraries()
    loader = undefined
    engine.gate.loading = false
    consistent = true
    confirmed = false
    adoptHistory(history, loadPosition.id, loadPosition.offset, options['repl-backlog-size'])
    db = streamDbOf(aux, keyspace.databases.length)
    log.notice('MASTER <-> REPLICA sync: Finished with success')
    server.dataReplaced()
    enterStream()
  }

  const loadLibraries = (): void => {
    try {
      engine.host.scripts.libraries.restore(codes, 'flush', true)
    } catch (error) {
      throw failedLoading(error instanceof CommandError ? new Error(error.reply) : error)
    }
  }

  /** Leaves a load that cannot be finished: half of a data set is worse than none. */
  const endLoading = (): void => {
    loader?.reader.abandon()
    loader = undefined
    if (!replacing) return
    engine.gate.loading = false
    keyspace.flush()
  }

  // ---- stream ----

  const goOn = (id: string | undefined): void => {
    confirmed = false
    ensureBacklog(history, options['repl-backlog-size'])
    if (id !== undefined && continueHistory(history, id)) parts.disconnectReplicas()
    enterStream()
  }

  const enterStream = (): void => {
    parser = newParser()
    connection = clients.add(wire!, true)
    connection.session.isPrimary = true
    connection.session.db = db
  }

  const apply = (bytes: Buffer): void => {
    if (engine.settling) return applyLater(bytes)
    unapplied.push(bytes)
    unappliedBytes += bytes.length
    unrunBytes += bytes.length
    if (isHeld) return hold(bytes)
    parser.feed(bytes)
    engine.setTime(server.nowMs())
    keyspace.expiry = 'ignore'
    let behind = -1 // bytes received behind the last request that is applied for good
    let found: number
    try {
      for (found = parser.next(); found === REQUEST; found = parser.next()) {
        isHeld = !run(parser)
        if (isHeld) break
        if (connection === undefined) return // the request ended the link
        unrunBytes = parser.unparsedBytes
        if (connection.session.transaction === undefined) behind = unrunBytes
      }
    } finally {
      keyspace.expiry = 'hide'
    }
    if (isHeld) parser = newParser()
    else parser.keep()
    relay(behind < 0 ? 0 : unappliedBytes - behind)
    keepUnapplied(bytes)
    parts.flush()
    perform(machine.applied(history.offset))
    if (found === PROTOCOL_ERROR || found === QUERY_TOO_LARGE) {
      throw new Error(`Protocol error from master: ${parser.error}`)
    }
  }

  /** A script of a client keeps this server busy: what comes from the primary waits until that is over, and no more is read. */
  const applyLater = (bytes: Buffer): void => {
    const [link, from] = [connection, wire]
    from?.pause()
    engine.whenIdle(() => {
      if (link === undefined || connection !== link) return
      from?.resume()
      perform([{ kind: 'stream', bytes }])
    })
  }

  /** Clients are paused: what comes is kept, up to a limit; then no more is read, and it waits at the primary. */
  const hold = (bytes: Buffer): void => {
    keepUnapplied(bytes)
    if (unrunBytes > HELD_BYTES_MAX) wire?.pause()
  }

  /** Runs a request; false if it has to wait, because clients are paused. */
  const run = (parser: RequestParser): boolean => {
    const { session } = connection!
    const { errors } = engine.stats
    if (engine.execute(session, parser.args, replies) === 'postponed') return false
    const failed = engine.stats.errors !== errors
    const reply = failed ? replies.written().toString('latin1') : ''
    replies.clear()
    if (failed) giveUpData(reply, commandName(parser.args))
    return true
  }

  /** A command of the stream failed: what we have is not what the primary has, and no part of its history any more. */
  const giveUpData = (reply: string, command: string): void => {
    applyErrors++
    consistent = false
    const error = /(?:^|\n)-([^\r]*)/.exec(reply)?.[1] ?? ''
    log.warning(
      `== CRITICAL == This replica is sending an error to its master: '${printable(error)}' ` +
        `after processing the command '${command}'`,
    )
    if (options['propagation-error-behavior'] !== 'ignore' && options['replica-read-only']) {
      server.panic(`This replica panicked sending an error to its master after processing the command '${command}'`)
    }
    throw new Error(
      `The command '${command}' of the master cannot be applied here, so the data are not the same any more: ` +
        'a full synchronization is needed, and until it succeeds this replica must not be promoted',
    )
  }

  /** Takes the first `count` bytes of what was received into the history. */
  const relay = (count: number): void => {
    let left = count
    while (left > 0) {
      const first = unapplied[0]!
      const taken = Math.min(left, first.length)
      stream.relay(first, 0, taken)
      if (taken === first.length) unapplied.shift()
      else unapplied[0] = first.subarray(taken)
      left -= taken
    }
    unappliedBytes -= count
  }

  /** What is left of the bytes just received is the transport's: copies it. */
  const keepUnapplied = (received: Buffer): void => {
    const last = unapplied.at(-1)
    if (last !== undefined && last.buffer === received.buffer) unapplied[unapplied.length - 1] = Buffer.from(last)
  }

  return {
    host,
    port,
    machine,
    begin(atFirst) {
      ;({ consistent, db } = atFirst)
      confirmed = atFirst.confirmed === true
      perform(machine.start(monotonicMs()))
    },
    confirm() {
      confirmed = true
      if (machine.state() === 'connect') perform(machine.start(monotonicMs()))
    },
    isConsistent: () => consistent,
    readOffset: () => history.offset + unappliedBytes,
    readBytes: () => readBytes,
    applyErrors: () => applyErrors,
    db: () => connection?.session.db ?? db,
    tick: () => perform(machine.tick(history.offset, monotonicMs())),
    proceed() {
      if (!isHeld) return
      isHeld = false
      parser.feed(Buffer.concat(unapplied).subarray(-unrunBytes))
      wire?.resume()
      perform([{ kind: 'stream', bytes: Buffer.alloc(0) }])
    },
    acknowledge: () => perform(machine.acknowledge(history.offset)),
    stop() {
      stopped = true
      forget()
    },
  }
}

/** The database that an RDB says is selected in the stream behind it. */
export function streamDbOf(aux: ReadonlyMap<string, string>, databases: number): number {
  const named = Number(aux.get('repl-stream-db') ?? 0)
  return Number.isInteger(named) && named >= 0 && named < databases ? named : 0
}

/** What came from a peer, fit for a log line. */
const printable = (text: string): string => text.slice(0, 200).replace(/[^ -~]/g, '?')
const commandName = (args: Args): string =>
  printable(Buffer.from(args.bytes(0).subarray(0, 64)).toString('latin1')).toLowerCase()
