// One client connection: input bytes to requests, requests to the engine, replies to the wire. Replies of a batch of
// requests are written into one buffer that all connections share. Short ones are held until the end of the turn of the event
// loop, as Redis does: what the requests changed is on its way to the replicas before the client hears of it, and a client
// with many connections is woken once, not for each of them.

import { type Link, Session } from '../commands/session.ts'
import type { Engine } from '../engine/engine.ts'
import { argvBytes, errorReply } from '../engine/engine.ts'
import type { Wire, WireHandler } from '../io/tcp.ts'
import { Args } from '../protocol/args.ts'
import { type ParserLimits, PROTOCOL_ERROR, QUERY_TOO_LARGE, REQUEST, RequestParser } from '../protocol/parser.ts'
import type { Scanned } from '../protocol/scanned.ts'
import type { ReplyWriter } from '../protocol/writer.ts'

/** Replies are flushed in the middle of a batch when so many bytes are waiting. */
const FLUSH_BYTES = 64 * 1024
/**
 * A client that does not read its replies is not read from any more, beyond this. Redis buffers without limit by default;
 * a client that sends 64 MiB worth of replies ahead of reading any is taken for stuck.
 */
const UNREAD_REPLY_BYTES_MAX = 64 * 1024 * 1024

/** Output up to this size is held. */
const HELD_BYTES_MAX = 8 * 1024
/** What is held is sent at once beyond this. */
const HELD_TOTAL_BYTES_MAX = 64 * 1024

/** With less input there is one request, which parsing alone finds more quickly. */
const AHEAD_BYTES_MIN = 64

/** Limits on what may wait for a peer that does not read: `client-output-buffer-limit`. */
export interface OutputLimit {
  readonly hardBytes: number
  readonly softBytes: number
  readonly softSeconds: number
}

/** What a connection needs of the server. */
export interface ConnectionHost {
  readonly engine: Engine
  readonly out: ReplyWriter
  readonly scanned: Scanned
  /** The connection whose requests are being run. */
  current: Connection | undefined
  /** Unix time in milliseconds, now. */
  nowMs(): number
  readonly limits: Omit<ParserLimits, 'authenticated'>
  outputLimit(session: Session): OutputLimit
  readonly stats: { inputBytes: number; outputBytes: number; reads: number; writes: number }
  /** Calls the connection's `sendHeld` at the end of this turn of the event loop, after `beforeReplies`. */
  sendHeldSoon(connection: Connection): void
  /** Sends what has to be on its way before any reply. */
  beforeReplies(): void
  /** Called once when a connection is gone. */
  closed(connection: Connection): void
  log(message: string): void
}

/** A client's connection. */
export class Connection implements Link, WireHandler {
  readonly session: Session
  readonly wire: Wire
  private readonly host: ConnectionHost
  private readonly parser: RequestParser
  /** A request that waits for the end of a pause. */
  private postponed: Args | undefined
  private postponedBytes = 0
  /** Output of this turn of the event loop, one character a byte. */
  private held = ''
  private softSinceMs = 0
  private reading = true
  private gone = false

  constructor(id: number, wire: Wire, host: ConnectionHost, authenticated: boolean) {
    this.wire = wire
    this.host = host
    const session = new Session(id, this, host.nowMs(), authenticated)
    this.session = session
    this.parser = new RequestParser(
      {
        get bulkBytesMax() {
          return host.limits.bulkBytesMax
        },
        get queryBytesMax() {
          return host.limits.queryBytesMax
        },
        get authenticated() {
          return session.authenticated
        },
      },
      host.scanned,
    )
  }

  get peer(): string {
    return this.wire.peer
  }

  get local(): string {
    return this.wire.local
  }

  get queryBytes(): number {
    return this.parser.unreadBytes
  }

  get outputBytes(): number {
    return this.wire.pendingBytes + this.held.length
  }

  /** Memory that the connection holds: input, what waits or is queued of it, what it watches and listens to, output. */
  get heldBytes(): number {
    const { transaction, watchedBytes, subscribedBytes } = this.session
    const waiting = (this.postponed === undefined ? 0 : this.postponedBytes) + (transaction?.bytes ?? 0)
    return this.parser.heldBytes + waiting + watchedBytes + subscribedBytes + this.outputBytes
  }

  /** Unix time in milliseconds since which the soft output limit is exceeded, 0 if it is not. */
  get softLimitSinceMs(): number {
    return this.softSinceMs
  }

  onData(bytes: Buffer, length: number): void {
    this.host.stats.reads++
    this.host.stats.inputBytes += length
    if (this.gone || this.session.closing) return
    this.parser.feed(bytes, 0, length)
    this.run()
    this.parser.keep()
    // While a reply is waited for nothing is parsed, so nothing else would notice.
    const { blocked } = this.session
    if (blocked !== undefined && this.queryBytes > this.host.limits.queryBytesMax) this.inputEnded(QUERY_TOO_LARGE)
  }

  onDrain(): void {
    if (this.reading || this.gone) return
    this.reading = true
    this.wire.resume()
    this.proceed()
  }

  onClose(): void {
    if (this.gone) return
    this.gone = true
    this.host.closed(this)
  }

  /** Goes on with requests that had to wait, after `session.blocked` or a pause has ended. */
  proceed(): void {
    if (this.gone || this.session.closing) return
    this.run()
    this.parser.keep()
  }

  send(bytes: Uint8Array): void {
    if (this.gone) return
    // In the middle of this connection's batch the order of replies and messages is that of the shared buffer.
    if (this.host.current === this) this.host.out.raw(bytes)
    else this.write(bytes instanceof Buffer ? bytes : Buffer.from(bytes), bytes.length)
  }

  closeAfterReply(): void {
    this.session.closing = true
    if (this.host.current !== this) this.end()
  }

  /** Ends at once, also for who asks the registry in the same moment. */
  close(): void {
    this.session.closing = true
    this.sendNow()
    this.wire.destroy()
    this.onClose()
  }

  private run(): void {
    const { host, session, parser } = this
    const { engine, out } = host
    const { ahead } = engine.keyspace
    if (host.current !== undefined) return
    host.current = this
    engine.setTime(host.nowMs())
    session.lastCommandMs = engine.nowMs
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
        if (engine.execute(session, parser.args, out) === 'postponed') this.postpone()
        if (ahead.count !== 0) ahead.index++
        if (out.pos > FLUSH_BYTES) this.flush()
      }
    } finally {
      if (ahead.count !== 0) ahead.end()
      this.flush()
      host.current = undefined
    }
    if (session.closing) this.end()
  }

  private end(): void {
    this.sendNow()
    this.wire.end()
  }

  /** Reads the requests that are here already, and tells the keyspace which keys they will ask for. */
  private lookAhead(): void {
    const { scanned, engine } = this.host
    const count = this.parser.scanAhead()
    if (count < 2) return
    const { ahead } = engine.keyspace
    scanned.firstArguments(ahead.starts, ahead.ends)
    engine.keyspace.lookAhead(scanned.args.buffer, count, this.session.db)
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
    this.postponedBytes = argvBytes(argv)
    this.session.blocked = { kind: 'pause', timeoutAtMs: 0, finish: () => {} }
  }

  private retryPostponed(): boolean {
    const args = this.postponed!
    this.postponed = undefined
    if (this.host.engine.execute(this.session, args, this.host.out) !== 'postponed') return true
    this.postponed = args
    this.session.blocked = { kind: 'pause', timeoutAtMs: 0, finish: () => {} }
    return false
  }

  private flush(): void {
    const { out } = this.host
    if (out.pos === 0) return
    this.write(out.buffer, out.pos)
    out.clear()
  }

  private write(bytes: Buffer, length: number): void {
    if (this.gone) return
    this.host.stats.outputBytes += length
    if (length <= HELD_BYTES_MAX && !this.session.isReplica) return this.hold(bytes.toString('latin1', 0, length))
    this.sendNow()
    this.host.stats.writes++
    this.wire.write(length === bytes.length ? bytes : bytes.subarray(0, length))
    if (this.wire.pendingBytes !== 0) this.checkOutput()
  }

  private hold(text: string): void {
    const isFirst = this.held === ''
    this.held += text
    if (this.held.length > HELD_TOTAL_BYTES_MAX) this.sendNow()
    else if (isFirst) this.host.sendHeldSoon(this)
  }

  /** Sends what is held before the end of the turn; the stream of a replica goes before everything. */
  private sendNow(): void {
    if (!this.session.isReplica) this.host.beforeReplies()
    this.sendHeld()
  }

  /** Sends what is held; for `sendHeldSoon`. */
  sendHeld(): void {
    const { held } = this
    if (held === '') return
    this.held = ''
    this.host.stats.writes++
    this.wire.writeLatin1(held)
    if (this.wire.pendingBytes !== 0) this.checkOutput()
  }

  private checkOutput(): void {
    const pending = this.wire.pendingBytes
    const { hardBytes, softBytes } = this.host.outputLimit(this.session)
    if (hardBytes !== 0 && pending > hardBytes) return this.overLimit()
    const overSoft = softBytes !== 0 && pending > softBytes
    if (!overSoft) this.softSinceMs = 0
    else if (this.softSinceMs === 0) this.softSinceMs = this.host.nowMs()
    if (pending > UNREAD_REPLY_BYTES_MAX && this.session.kind === 'normal' && this.reading) {
      this.reading = false
      this.wire.pause()
    }
  }

  /** Called once a second: ends a connection that has been over its soft limit for too long. */
  checkSoftLimit(nowMs: number): void {
    if (this.softSinceMs === 0) return
    const { softBytes, softSeconds } = this.host.outputLimit(this.session)
    if (softBytes === 0 || this.wire.pendingBytes <= softBytes) this.softSinceMs = 0
    else if (nowMs - this.softSinceMs > softSeconds * 1000) this.overLimit()
  }

  private overLimit(): void {
    this.host.log(
      `Client id=${this.session.id} addr=${this.peer} scheduled to be closed ASAP for overcoming of output buffer limits.`,
    )
    this.close()
  }
}
