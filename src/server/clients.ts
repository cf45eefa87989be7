// The connections of the server: who is let in, who is paused, who waits, who is idle for too long.

import type { Clients } from '../commands/context.ts'
import type { Blocked, Session } from '../commands/session.ts'
import type { OutputBufferLimits } from '../config/special-values.ts'
import { type Engine, errorReply } from '../engine/engine.ts'
import type { Wire, WireHandler } from '../io/tcp.ts'
import { AHEAD_MAX } from '../keyspace/ahead.ts'
import { Scanned } from '../protocol/scanned.ts'
import { ReplyWriter } from '../protocol/writer.ts'
import { Connection, type ConnectionHost, type OutputLimit } from './connection.ts'

/** The options that clients are subject to; read at each use, so that CONFIG SET takes effect. */
export interface ClientOptions {
  readonly maxclients: number
  readonly timeout: number
  readonly requirepass: string
  readonly 'protected-mode': boolean
  readonly 'proto-max-bulk-len': number
  readonly 'client-query-buffer-limit': number
  readonly 'client-output-buffer-limit': OutputBufferLimits
}

/** What the registry needs of the server. */
export interface ClientParts {
  readonly engine: Engine
  readonly options: ClientOptions
  readonly nowMs: () => number
  readonly log: (message: string) => void
  /** Before the replies of a turn of the event loop are sent: sends what has to be on its way before them. */
  readonly beforeReplies: () => void
  /** Limits of the output that waits for a replica. */
  readonly replicaLimit: (session: Session) => OutputLimit
  /** A connection is gone: drop what refers to its session. */
  readonly onClosed: (session: Session) => void
}

/** Counters of INFO. */
export interface ClientStats {
  connections: number
  rejected: number
  inputBytes: number
  outputBytes: number
  reads: number
  writes: number
}

/** All client connections. */
export class ClientRegistry implements Clients, ConnectionHost {
  readonly engine: Engine
  readonly out = new ReplyWriter()
  readonly scanned = new Scanned(AHEAD_MAX)
  current: Connection | undefined
  readonly stats: ClientStats = { connections: 0, rejected: 0, inputBytes: 0, outputBytes: 0, reads: 0, writes: 0 }
  readonly limits: ConnectionHost['limits']
  readonly nowMs: () => number
  readonly log: (message: string) => void
  private readonly parts: ClientParts
  private readonly connections = new Map<number, Connection>()
  private readonly monitors = new Set<Session>()
  private readonly deadlines = new Map<Session, NodeJS.Timeout>()
  private pauseTimer: NodeJS.Timeout | undefined
  private nextId = 1
  /** Connections that hold output. */
  private holding: Connection[] = []

  constructor(parts: ClientParts) {
    const { options } = parts
    this.parts = parts
    this.engine = parts.engine
    this.nowMs = parts.nowMs
    this.log = parts.log
    this.limits = {
      get bulkBytesMax() {
        return options['proto-max-bulk-len']
      },
      get queryBytesMax() {
        return options['client-query-buffer-limit']
      },
    }
  }

  /** Number of connections. */
  get size(): number {
    return this.connections.size
  }

  /** Bytes that connections hold in buffers. */
  get heldBytes(): number {
    let sum = 0
    for (const connection of this.connections.values()) sum += connection.heldBytes
    return sum
  }

  /** Lets a wire in, or refuses it with the error that says why. */
  accept(wire: Wire): WireHandler {
    const { options } = this.parts
    this.stats.connections++
    if (this.connections.size >= options.maxclients) return this.turnAway(wire, errorReply('maxClients'))
    if (options['protected-mode'] && options.requirepass === '' && !wire.peerIsLoopback) {
      return this.turnAway(wire, errorReply('protectedMode'))
    }
    return this.add(wire, options.requirepass === '')
  }

  /** Adds a connection, also one that the server opened itself. */
  add(wire: Wire, authenticated: boolean): Connection {
    const connection = new Connection(this.nextId++, wire, this, authenticated)
    this.connections.set(connection.session.id, connection)
    return connection
  }

  sendHeldSoon(connection: Connection): void {
    if (this.holding.push(connection) === 1) setImmediate(this.sendAllHeld)
  }

  beforeReplies(): void {
    this.parts.beforeReplies()
  }

  private readonly sendAllHeld = (): void => {
    const { holding } = this
    this.holding = []
    this.beforeReplies()
    for (const connection of holding) connection.sendHeld()
  }

  connection(session: Session): Connection | undefined {
    return this.connections.get(session.id)
  }

  outputLimit(session: Session): OutputLimit {
    if (session.isReplica) return this.parts.replicaLimit(session)
    const limits = this.parts.options['client-output-buffer-limit']
    // MONITOR sends on its own like a channel; with the limit of normal clients, none, a reader that stops would be fatal.
    const kind = session.monitor ? 'pubsub' : session.kind
    return limits[kind === 'primary' ? 'normal' : kind]
  }

  closed(connection: Connection): void {
    const { session } = connection
    this.connections.delete(session.id)
    this.clearDeadline(session)
    if (session.monitor) this.setMonitor(session, false)
    session.closing = true
    this.parts.onClosed(session)
  }

  *all(): Iterable<Session> {
    for (const connection of this.connections.values()) yield connection.session
  }

  byId(id: number): Session | undefined {
    return this.connections.get(id)?.session
  }

  kill(session: Session): void {
    const connection = this.connections.get(session.id)
    if (connection === undefined) return
    if (connection === this.current) connection.closeAfterReply()
    else connection.close()
  }

  pause(untilMs: number, mode: 'all' | 'write'): void {
    const { gate } = this.engine
    const paused = gate.pausedUntilMs > this.nowMs()
    // As in Redis a pause is only ever made longer and stricter until it ends.
    gate.pausedWritesOnly = mode === 'write' && (!paused || gate.pausedWritesOnly)
    gate.pausedUntilMs = Math.max(gate.pausedUntilMs, untilMs)
    this.engine.keyspace.paused = true
    clearTimeout(this.pauseTimer)
    this.pauseTimer = setTimeout(() => this.unpause(), Math.min(gate.pausedUntilMs - this.nowMs() + 1, 2 ** 31 - 1))
    this.pauseTimer.unref()
  }

  unpause(): void {
    this.engine.gate.pausedUntilMs = 0
    this.engine.keyspace.paused = false
    clearTimeout(this.pauseTimer)
    for (const connection of this.connections.values()) {
      if (connection.session.blocked?.kind !== 'pause') continue
      connection.session.blocked = undefined
      queueMicrotask(() => connection.proceed())
    }
  }

  setMonitor(session: Session, on: boolean): void {
    session.monitor = on
    if (on) this.monitors.add(session)
    else this.monitors.delete(session)
    this.engine.monitored = this.monitors.size > 0
  }

  /** Sends a line to every session in MONITOR mode. */
  sendToMonitors(line: Buffer): void {
    for (const session of this.monitors) session.link.send(line)
  }

  block(session: Session, blocked: Blocked): void {
    session.blocked = session.replyMode === 'on' ? blocked : silenced(blocked)
    if (blocked.timeoutAtMs === 0) return
    const waitMs = Math.min(Math.max(0, blocked.timeoutAtMs - this.nowMs()), 2 ** 31 - 1)
    this.deadlines.set(
      session,
      setTimeout(() => this.finish(session, 'timeout'), waitMs),
    )
  }

  unblock(session: Session, why: 'ready' | 'unblock' | 'error'): boolean {
    if (session.blocked === undefined || session.blocked.kind === 'pause') return false
    this.finish(session, why)
    return true
  }

  /** Once a second: idle clients and soft output limits. */
  tick(): void {
    const nowMs = this.nowMs()
    const timeoutMs = this.parts.options.timeout * 1000
    for (const connection of this.connections.values()) {
      connection.checkSoftLimit(nowMs)
      const { session } = connection
      const idle = nowMs - session.lastCommandMs
      if (timeoutMs !== 0 && idle > timeoutMs && session.kind === 'normal' && session.blocked === undefined) {
        connection.close()
      }
    }
  }

  /** Closes all connections. */
  closeAll(): void {
    clearTimeout(this.pauseTimer)
    for (const connection of [...this.connections.values()]) connection.close()
  }

  private finish(session: Session, why: 'timeout' | 'ready' | 'unblock' | 'error'): void {
    const { blocked } = session
    if (blocked === undefined) return
    this.clearDeadline(session)
    session.blocked = undefined
    const reply = new ReplyWriter(256)
    reply.resp = session.resp
    blocked.finish(reply, why)
    if (reply.pos > 0) session.link.send(reply.written())
    // Not now: another connection's command may be running.
    queueMicrotask(() => this.connections.get(session.id)?.proceed())
  }

  private clearDeadline(session: Session): void {
    clearTimeout(this.deadlines.get(session))
    this.deadlines.delete(session)
  }

  private turnAway(wire: Wire, error: Buffer): WireHandler {
    this.stats.rejected++
    wire.write(error)
    wire.end()
    return { onData: () => {}, onDrain: () => {}, onClose: () => {} }
  }
}

/** The same without a reply: CLIENT REPLY holds for a command that waits as it was when the command was sent. */
function silenced(blocked: Blocked): Blocked {
  const finish: Blocked['finish'] = (reply, why) => {
    blocked.finish(reply, why)
    reply.clear()
  }
  return { ...blocked, finish }
}
