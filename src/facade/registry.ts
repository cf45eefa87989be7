// The connections of a process: who is let in, who is paused, who waits, who is idle for too long.

import type { User } from '../acl/user.ts'
import { errorReply } from '../errors.ts'
import { Scanned } from '../protocol/scanned.ts'
import { ReplyWriter } from '../protocol/writer.ts'
import type { Clients } from './call.ts'
import { ClientMemory } from './client-memory.ts'
import { clientLine } from './commands/client-line.ts'
import { Connection, type ConnectionHost, type Requests } from './connection.ts'
import type { ClientLimits } from './limits.ts'
import type { Pause } from './processor.ts'
import type { Blocked, Session } from './session.ts'
import type { Timers, Wire, WireHandler } from './wire.ts'

/** What the registry needs of its process. */
export interface RegistryParts {
  /** What runs the requests, and is told whether anybody monitors them. */
  readonly requests: Requests & { monitored: boolean }
  readonly pause: Pause
  readonly limits: ClientLimits
  /** Who clients are until they log in. */
  readonly defaultUser: User
  /** How many requests of a pipeline are read ahead; 0 for none. */
  readonly requestsAhead: number
  readonly nowMs: () => number
  readonly timers: Timers
  readonly log: (message: string) => void
  /** A bug: an exception that nothing may throw. */
  readonly internalError: (error: unknown, where: string) => void
  /** A pause of clients has begun or ended. */
  readonly paused: (on: boolean) => void
  /** Before the replies of a turn of the event loop are sent: sends what has to be on its way before them. */
  readonly beforeReplies: () => void
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
  readonly requests: RegistryParts['requests']
  readonly out = new ReplyWriter()
  readonly scanned: Scanned | undefined
  current: Connection | undefined
  released = 0
  readonly stats: ClientStats = { connections: 0, rejected: 0, inputBytes: 0, outputBytes: 0, reads: 0, writes: 0 }
  readonly limits: ClientLimits
  readonly nowMs: () => number
  readonly log: (message: string) => void
  readonly internalError: RegistryParts['internalError']
  /** What all of them together hold, within its limit. */
  readonly memory: ClientMemory
  private readonly parts: RegistryParts
  private readonly connections = new Map<number, Connection>()
  private readonly monitors = new Set<Session>()
  /** What calls off the deadline of a session that waits. */
  private readonly deadlines = new Map<Session, () => void>()
  private stopPauseTimer = (): void => {}
  private nextId = 1
  /** Connections that hold output. */
  private holding: Connection[] = []

  constructor(parts: RegistryParts) {
    this.parts = parts
    this.requests = parts.requests
    this.limits = parts.limits
    this.nowMs = parts.nowMs
    this.log = parts.log
    this.internalError = parts.internalError
    this.memory = new ClientMemory({
      limitBytes: () => parts.limits.clientsBytesMax,
      holders: () => this.connections.values(),
      endOfTurn: parts.timers.endOfTurn,
      busy: () => this.current !== undefined,
      evicting: ({ session }) => parts.log(`Evicting client: ${clientLine(session, parts.nowMs())}`),
    })
    this.scanned = parts.requestsAhead === 0 ? undefined : new Scanned(parts.requestsAhead)
    this.out.mayKeep = (bytes) => this.current?.mayReply(bytes) ?? true
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
    const { limits } = this
    this.stats.connections++
    if (this.connections.size >= limits.clientsMax) return this.turnAway(wire, errorReply('maxClients'))
    if (limits.protectedMode && !limits.passwordNeeded && !wire.peerIsLoopback) {
      return this.turnAway(wire, errorReply('protectedMode'))
    }
    const connection = this.add(wire, !limits.passwordNeeded)
    connection.session.user = this.parts.defaultUser
    return connection
  }

  /** Adds a connection, also one that the process opened itself. */
  add(wire: Wire, authenticated: boolean): Connection {
    const connection = new Connection(this.nextId++, wire, this, authenticated)
    this.connections.set(connection.session.id, connection)
    return connection
  }

  sendHeldSoon(connection: Connection): void {
    if (this.holding.push(connection) === 1) this.parts.timers.endOfTurn(this.sendAllHeld)
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

  /** Lets go of the replies that waited for a position up to this one: see `Session.replyPosition`. */
  release(position: number): void {
    this.released = position
    this.beforeReplies()
    for (const connection of this.connections.values()) {
      // Not now: another connection's command may be running.
      if (connection.release()) this.parts.timers.soon(() => connection.readOn())
    }
  }

  /** Positions count anew from here: what is written from now on waits for more. */
  restartPositions(position: number): void {
    for (const { session } of this.connections.values()) session.replyPosition = 0
    this.release(position)
  }

  /** Ends the connections whose replies wait for a position that nobody will come to. */
  dropWaiting(): void {
    for (const connection of [...this.connections.values()]) if (connection.waitsForPosition) connection.abandon()
  }

  /** Ends the connections whose replies have not left yet: clients do not learn what became of their requests. */
  abandonReplies(): void {
    for (const connection of [...this.connections.values()]) {
      const { session } = connection
      if (connection.repliesWait && !session.isReplica && !session.isPrimary) connection.abandon()
    }
  }

  connection(session: Session): Connection | undefined {
    return this.connections.get(session.id)
  }

  closed(connection: Connection): void {
    const { session } = connection
    this.connections.delete(session.id)
    this.clearDeadline(session)
    this.memory.forget(connection)
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
    const { pause } = this.parts
    const paused = pause.pausedUntilMs > this.nowMs()
    // As in Redis a pause is only ever made longer and stricter until it ends.
    pause.pausedWritesOnly = mode === 'write' && (!paused || pause.pausedWritesOnly)
    pause.pausedUntilMs = Math.max(pause.pausedUntilMs, untilMs)
    this.parts.paused(true)
    this.stopPauseTimer()
    this.stopPauseTimer = this.parts.timers.after(pause.pausedUntilMs - this.nowMs() + 1, () => this.unpause())
  }

  unpause(): void {
    this.parts.pause.pausedUntilMs = 0
    this.parts.paused(this.parts.pause.writesHeld)
    this.stopPauseTimer()
    this.proceedPaused()
  }

  /** Makes writes wait, or lets them go on; beside the pause that clients can ask for. `streamToo`: whatever is replicated. */
  holdWrites(on: boolean, streamToo = false): void {
    const { pause } = this.parts
    pause.writesHeld = on
    pause.streamHeld = streamToo
    this.parts.paused(on || pause.pausedUntilMs > this.nowMs())
    if (!streamToo) this.proceedPaused()
  }

  /** Lets those who wait try again: what still has to wait waits again. */
  private proceedPaused(): void {
    for (const connection of this.connections.values()) {
      if (connection.session.blocked?.kind !== 'pause') continue
      connection.session.blocked = undefined
      this.parts.timers.soon(() => connection.proceed())
    }
  }

  setMonitor(session: Session, on: boolean): void {
    session.monitor = on
    if (on) this.monitors.add(session)
    else this.monitors.delete(session)
    this.requests.monitored = this.monitors.size > 0
  }

  /** Sends a line to every session in MONITOR mode. */
  sendToMonitors(line: Buffer): void {
    for (const session of this.monitors) session.outlet.send(line)
  }

  block(session: Session, blocked: Blocked): void {
    session.blocked = session.replyMode === 'on' ? blocked : silenced(blocked)
    if (blocked.timeoutAtMs === 0) return
    const leftMs = blocked.timeoutAtMs - this.nowMs()
    this.deadlines.set(
      session,
      this.parts.timers.after(leftMs, () => this.finish(session, 'timeout')),
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
    const timeoutMs = this.limits.idleSeconds * 1000
    for (const connection of this.connections.values()) {
      connection.checkSoftLimit(nowMs)
      const { session } = connection
      const idle = nowMs - session.lastCommandMs
      if (timeoutMs !== 0 && idle > timeoutMs && mayIdleOut(session)) connection.close()
    }
  }

  /** Closes all connections. */
  closeAll(): void {
    this.stopPauseTimer()
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
    if (reply.pos > 0) session.outlet.send(reply.written())
    // Not now: another connection's command may be running.
    this.parts.timers.soon(() => this.connections.get(session.id)?.proceed())
  }

  private clearDeadline(session: Session): void {
    this.deadlines.get(session)?.()
    this.deadlines.delete(session)
  }

  private turnAway(wire: Wire, error: Buffer): WireHandler {
    this.stats.rejected++
    wire.write(error)
    wire.end()
    return { onData: () => {}, onDrain: () => {}, onClose: () => {} }
  }
}

/** Whether a session that sends nothing is idle: not if it listens, or waits for an answer. */
function mayIdleOut(session: Session): boolean {
  return session.kind === 'normal' && !session.monitor && session.blocked === undefined
}

/** The same without a reply: CLIENT REPLY holds for a command that waits as it was when the command was sent. */
function silenced(blocked: Blocked): Blocked {
  const finish: Blocked['finish'] = (reply, why) => {
    blocked.finish(reply, why)
    reply.clear()
  }
  return { ...blocked, finish }
}
