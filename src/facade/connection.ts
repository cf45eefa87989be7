// One client connection: input bytes to requests, requests to the processor, replies to the wire. Replies of a batch of
// requests are written into one buffer that all connections share, and leave through the connection's outbox.
//
// Invariant: nothing that a peer sends throws out of here. What goes wrong inside a command is answered by the processor; what
// goes wrong around it ends the connection, and only this one.

import { errorReply } from '../errors.ts'
import { Args } from '../protocol/args.ts'
import { type ParserLimits, PROTOCOL_ERROR, QUERY_TOO_LARGE, REQUEST, RequestParser } from '../protocol/parser.ts'
import type { Scanned } from '../protocol/scanned.ts'
import type { ReplyWriter } from '../protocol/writer.ts'
import type { ClientMemory } from './client-memory.ts'
import type { ClientLimits } from './limits.ts'
import { Outbox, type OutboxHost } from './outbox.ts'
import type { Ahead, Outcome } from './processor.ts'
import { type Outlet, queuedBytes, Session } from './session.ts'
import type { Wire, WireHandler } from './wire.ts'

/** Replies are flushed in the middle of a batch when so many bytes are waiting, unless all of them may turn out to be too much. */
const FLUSH_BYTES = 64 * 1024
/**
 * A client that does not read its replies is not read from any more, beyond this. Redis buffers without limit by default;
 * a client that sends 64 MiB worth of replies ahead of reading any is taken for stuck.
 */
const UNREAD_REPLY_BYTES_MAX = 64 * 1024 * 1024

/** With less input there is one request, which parsing alone finds more quickly. */
const AHEAD_BYTES_MIN = 64

/** What runs the requests: see `Processor`. */
export interface Requests {
  readonly ahead: Ahead
  readonly nowMs: number
  setTime(nowMs: number): void
  execute(session: Session, args: Args, out: ReplyWriter): Outcome
  lookAhead(scanned: Scanned, count: number, session: Session): void
}

/** What a connection needs of the registry. */
export interface ConnectionHost extends OutboxHost {
  readonly requests: Requests
  readonly out: ReplyWriter
  /** Where requests are read ahead, if they are to be. */
  readonly scanned: Scanned | undefined
  /** The connection whose requests are being run. */
  current: Connection | undefined
  /** Unix time in milliseconds, now. */
  nowMs(): number
  readonly limits: ClientLimits
  readonly stats: { inputBytes: number; outputBytes: number; reads: number; writes: number }
  readonly memory: ClientMemory
  /** Calls the connection's `sendHeld` at the end of this turn of the event loop, after `beforeReplies`. */
  sendHeldSoon(connection: Connection): void
  /** Called once when a connection is gone. */
  closed(connection: Connection): void
  log(message: string): void
  /** A bug: an exception that nothing may throw. */
  internalError(error: unknown, where: string): void
}

/** What the parser may take of a session. A class: V8 keeps an object literal with getters as a hash table (measured, Node 20). */
class SessionLimits implements ParserLimits {
  private readonly limits: ClientLimits
  private readonly session: Session

  constructor(limits: ClientLimits, session: Session) {
    this.limits = limits
    this.session = session
  }

  get bulkBytesMax(): number {
    return this.limits.bulkBytesMax
  }

  get queryBytesMax(): number {
    return this.limits.queryBytesMax
  }

  get authenticated(): boolean {
    return this.session.authenticated
  }
}

/** A client's connection. */
export class Connection implements Outlet, WireHandler {
  readonly session: Session
  readonly wire: Wire
  countedBytes = 0
  private readonly host: ConnectionHost
  private readonly parser: RequestParser
  private readonly outbox: Outbox
  /** A request that waits for the end of a pause. */
  private postponed: Args | undefined
  private postponedBytes = 0
  /** Bytes of replies to the requests of this batch that are written already. */
  private batchBytes = 0
  private softSinceMs = 0
  private reading = true
  private gone = false

  constructor(id: number, wire: Wire, host: ConnectionHost, authenticated: boolean) {
    this.wire = wire
    this.host = host
    this.outbox = new Outbox(wire, host)
    const session = new Session(id, this, host.nowMs(), authenticated)
    this.session = session
    this.parser = new RequestParser(new SessionLimits(host.limits, session), host.scanned)
  }

  get peer(): string {
    return this.wire.peer
  }

  get local(): string {
    return this.wire.local
  }

  get isUnix(): boolean {
    return this.wire.isUnix
  }

  get peerIsLoopback(): boolean {
    return this.wire.peerIsLoopback
  }

  get descriptor(): number {
    return this.wire.descriptor
  }

  get queryBytes(): number {
    return this.parser.queryBytes
  }

  get queryFreeBytes(): number {
    return this.parser.spareBytes
  }

  get argumentBytes(): number {
    return this.postponed === undefined ? this.parser.argumentBytes : this.postponedBytes
  }

  get replyBufferBytes(): number {
    return this.host.current === this ? this.host.out.buffer.length : 0
  }

  get outputBytes(): number {
    return this.outbox.pendingBytes
  }

  /** Memory that the connection holds: input, what waits or is queued of it, what it watches and listens to, output. */
  get heldBytes(): number {
    const { transaction, watchedBytes, subscribedBytes, tracking } = this.session
    const waiting = (this.postponed === undefined ? 0 : this.postponedBytes) + (transaction?.bytes ?? 0)
    const listening = watchedBytes + subscribedBytes + (tracking?.prefixBytes ?? 0)
    return this.parser.heldBytes + waiting + listening + this.outputBytes
  }

  get chargedBytes(): number {
    return this.heldBytes + this.parser.announcedBytes
  }

  /** Unix time in milliseconds since which the soft output limit is exceeded, 0 if it is not. */
  get softLimitSinceMs(): number {
    return this.softSinceMs
  }

  onData(bytes: Buffer, length: number): void {
    try {
      this.receive(bytes, length)
    } catch (error) {
      this.broken(error)
    }
  }

  onDrain(): void {
    this.readOn()
  }

  onClose(): void {
    if (this.gone) return
    this.gone = true
    this.host.closed(this)
  }

  /** Goes on with requests that had to wait, after `session.blocked` or a pause has ended. */
  proceed(): void {
    if (this.gone || this.session.closing) return
    try {
      this.run()
      this.parser.keep()
      this.host.memory.update(this)
    } catch (error) {
      this.broken(error)
    }
  }

  send(bytes: Uint8Array): void {
    if (this.gone) return
    // In the middle of this connection's batch the order of replies and messages is that of the shared buffer.
    if (this.host.current === this) this.host.out.raw(bytes)
    else this.sendGuarded(bytes instanceof Buffer ? bytes : Buffer.from(bytes))
  }

  closeAfterReply(): void {
    this.session.closing = true
    if (this.host.current !== this) this.end()
  }

  /** Ends at once, also for who asks the registry in the same moment. */
  close(): void {
    this.session.closing = true
    this.outbox.destroy(this.session.isReplica)
    this.onClose()
  }

  /** Whether replies are written that have not left yet. */
  get repliesWait(): boolean {
    return this.outbox.holds || this.outbox.waits || this.host.current === this
  }

  /** Whether replies wait for a position. */
  get waitsForPosition(): boolean {
    return this.outbox.waits
  }

  /** Ends at once; replies that have not left yet are not sent, for what they say did not come true. */
  abandon(): void {
    this.session.closing = true
    this.outbox.abandon()
    this.onClose()
  }

  /** Sends what is held; at the end of the turn. */
  sendHeld(): void {
    this.outbox.sendHeld()
    if (this.wire.pendingBytes !== 0) this.checkOutput(0)
  }

  /** Sends what waited for a position that has been reached; true if requests that waited for that can go on: see `readOn`. */
  release(): boolean {
    if (this.gone) return false
    this.outbox.release()
    if (this.wire.pendingBytes !== 0) this.checkOutput(0)
    return !this.reading && this.wire.pendingBytes === 0
  }

  /** Reads again, if that was stopped because too much output waited. */
  readOn(): void {
    if (this.reading || this.gone) return
    this.reading = true
    this.wire.resume()
    this.proceed()
  }

  /** Called once a second: ends a connection that has been over its soft limit for too long. */
  checkSoftLimit(nowMs: number): void {
    if (this.softSinceMs === 0) return
    const { softBytes, softSeconds } = this.host.limits.output(this.session)
    if (softBytes === 0 || this.outputBytes <= softBytes) this.softSinceMs = 0
    else if (nowMs - this.softSinceMs > softSeconds * 1000) this.overLimit()
  }

  /**
   * Whether the reply that is being written may come to `bytes`. If not, what it is too long for is not kept: the connection
   * ends when the command is done.
   */
  mayReply(bytes: number): boolean {
    const { hardBytes } = this.host.limits.output(this.session)
    return hardBytes === 0 || bytes + Math.max(this.batchBytes, this.outputBytes) <= hardBytes
  }

  /** Whether there is a limit beyond which nothing of a batch is sent. */
  private get isBounded(): boolean {
    return this.host.limits.output(this.session).hardBytes !== 0
  }

  /** It is somebody else's command that sends: it must not fail because this peer cannot be sent to. */
  private sendGuarded(bytes: Buffer): void {
    try {
      this.write(bytes, bytes.length)
    } catch (error) {
      this.broken(error)
    }
  }

  private receive(bytes: Buffer, length: number): void {
    this.host.stats.reads++
    this.host.stats.inputBytes += length
    if (this.gone || this.session.closing) return
    this.parser.feed(bytes, 0, length)
    // A request whose arguments alone are too much is not run any more.
    this.host.memory.update(this)
    if (this.gone) return
    this.run()
    this.parser.keep()
    this.host.memory.update(this)
    // While a reply is waited for nothing is parsed, so nothing else would notice.
    const { blocked } = this.session
    if (blocked !== undefined && this.queryBytes > this.host.limits.queryBytesMax) this.inputEnded(QUERY_TOO_LARGE)
  }

  private run(): void {
    const { host, session, parser } = this
    const { requests, out } = host
    const { ahead } = requests
    if (host.current !== undefined) return
    host.current = this
    requests.setTime(host.nowMs())
    session.lastCommandMs = requests.nowMs
    this.batchBytes = 0
    try {
      while (session.blocked === undefined && this.reading && !session.closing) {
        if (this.postponed !== undefined) {
          if (!this.retryPostponed()) break
          continue
        }
        if (!parser.hasScanned && parser.unparsedBytes > AHEAD_BYTES_MIN) this.lookAhead()
        const found = parser.next()
        if (found !== REQUEST) {
          this.inputEnded(found)
          break
        }
        if (requests.execute(session, parser.args, out) === 'postponed') this.postpone()
        if (ahead.count !== 0) ahead.index++
        if (out.pos > FLUSH_BYTES && !this.isBounded) this.flush()
      }
    } finally {
      if (ahead.count !== 0) ahead.end()
      this.flush()
      host.current = undefined
    }
    if (session.closing) this.end()
  }

  private end(): void {
    this.outbox.end(this.session.isReplica)
  }

  /** A bug of ours, or memory that is not there: the connection cannot go on, the process can. */
  private broken(error: unknown): void {
    this.host.internalError(error, `the connection of id=${this.session.id} addr=${this.peer}`)
    this.session.closing = true
    this.wire.destroy()
    this.onClose()
  }

  /** Reads the requests that are here already, and tells the processor of them. */
  private lookAhead(): void {
    const { scanned, requests } = this.host
    const count = this.parser.scanAhead()
    if (count < 2) return
    requests.lookAhead(scanned!, count, this.session)
  }

  private inputEnded(found: number): void {
    const { host, parser, session } = this
    if (found === PROTOCOL_ERROR) {
      host.out.raw(errorReply('protocol', parser.error))
      host.log(`Protocol error (${parser.error}) from client: id=${session.id} addr=${this.peer}`)
      session.closing = true
    } else if (found === QUERY_TOO_LARGE) {
      host.log(`Closing client that reached max query buffer length: id=${session.id} addr=${this.peer}`)
      session.closing = true
      this.wire.destroy()
    }
  }

  /** Keeps the request that the parser just found until the pause ends. */
  private postpone(): void {
    const argv = this.parser.args.copyAll()
    this.postponed = new Args(Buffer.alloc(0), argv.length)
    this.postponed.load(argv)
    this.postponedBytes = queuedBytes(argv)
    this.session.blocked = { kind: 'pause', timeoutAtMs: 0, finish: () => {} }
  }

  private retryPostponed(): boolean {
    const args = this.postponed!
    this.postponed = undefined
    if (this.host.requests.execute(this.session, args, this.host.out) !== 'postponed') return true
    this.postponed = args
    this.session.blocked = { kind: 'pause', timeoutAtMs: 0, finish: () => {} }
    return false
  }

  private flush(): void {
    const { out } = this.host
    if (out.overflowed) {
      out.clear()
      this.overLimit()
      return
    }
    if (out.pos === 0) return
    this.write(out.buffer, out.pos)
    out.clear()
  }

  private write(bytes: Buffer, length: number): void {
    if (this.gone) return
    const { session, host, outbox } = this
    const isReply = host.current === this
    if (isReply) this.batchBytes += length
    const together = isReply ? this.batchBytes : length
    const counted = together > CHECKED_BYTES_MIN && !session.isReplica
    if (counted && !this.mayReply(0)) return this.overLimit()
    if (outbox.write(bytes, length, session.replyPosition, session.isReplica)) host.sendHeldSoon(this)
    if (counted || this.wire.pendingBytes !== 0 || outbox.waits) this.checkOutput(counted ? together : 0)
    // Replies are counted at the end of their batch; a message that another client sends here, at once.
    if (!isReply && !this.gone) host.memory.update(this)
  }

  /**
   * Holds the output against its limits. As in Redis, which sends nothing before a batch of requests is done, the replies of a
   * batch count together (`writtenBytes`), though the system may have taken some of them already.
   */
  private checkOutput(writtenBytes: number): void {
    if (this.gone) return
    const pending = Math.max(this.outputBytes, writtenBytes)
    const { hardBytes, softBytes } = this.host.limits.output(this.session)
    if (hardBytes !== 0 && pending > hardBytes) return this.overLimit()
    const overSoft = softBytes !== 0 && pending > softBytes
    if (!overSoft) this.softSinceMs = 0
    else if (this.softSinceMs === 0) this.softSinceMs = this.host.nowMs()
    if (this.outputBytes > UNREAD_REPLY_BYTES_MAX && this.session.kind === 'normal' && this.reading) {
      this.reading = false
      this.wire.pause()
    }
  }

  private overLimit(): void {
    this.host.log(
      `Client id=${this.session.id} addr=${this.peer} scheduled to be closed ASAP for overcoming of output buffer limits.`,
    )
    this.close()
  }
}

/** A batch of replies below this is not held against limits: Redis does not count the first 16 KiB of a client's output. */
const CHECKED_BYTES_MIN = 16 * 1024
