// The replicas attached to this server: their handshake, full and partial syncs, the stream to each, acknowledgements.
//
// A full sync is a snapshot walk straight into the sockets of all replicas that waited for it; what is written meanwhile is
// queued for them and follows the snapshot. Invariant: a replica gets every byte of the stream behind the offset that it
// was told, once and in order; whoever cannot take them in time is cut off and comes back by itself.
import type { Context } from '../commands/context.ts'
import { fail, failWith } from '../errors.ts'
import type { OutputLimit } from '../facade/limits.ts'
import type { Session } from '../facade/session.ts'
import { monotonicMs } from '../io/clock.ts'
import { randomHex } from '../io/entropy.ts'
import {
  type AttachedReplica,
  applyReplconf,
  attachReplica,
  replicaName,
  timeoutReason,
} from '../replication/attached.ts'
import { decidePsync, ensureBacklog, type History, renameHistory } from '../replication/history.ts'
import type { ServerParts } from './parts.ts'
import { spoolSnapshot } from './replica-spool.ts'
import { type SnapshotOptions, type Snapshots, snapshotAux } from './snapshot.ts'

/** What the attached replicas need of the rest of replication. */
export interface ReplicasParts {
  readonly server: ServerParts
  readonly snapshots: Snapshots
  readonly history: History
  /** Moves everything written so far to the backlog and to the replicas. */
  flush(): void
  /** Makes our own stream name its database again, for those that start at this point. */
  reselect(): void
  /** PSYNC … FAILOVER came from our primary: this server becomes primary in its place, or the command fails. */
  takeOver(ctx: Context): void
  /** Whether this server hands its role to a replica just now. */
  isFailingOver(): boolean
  /** Whether this server is a replica itself, and if so, whether it is in sync with its primary. */
  role(): 'primary' | 'synced' | 'unsynced'
  /** Whether our stream is never silent for long: so that heartbeats can be promised. */
  beats(): boolean
  /** What a snapshot of this moment says of its place in a history. */
  snapshotFields(): [name: string, value: string][]
  /** A replica acknowledged. */
  acknowledged(): void
}

export interface Replicas {
  /** Those that asked for a sync, in order of arrival. */
  list(): AttachedReplica[]
  replconf(ctx: Context): void
  psync(ctx: Context): void
  /** See ReplicationHost. */
  strayCommand(session: Session, command: string | undefined): void
  /** Sends the next bytes of the stream. */
  send(bytes: Buffer): void
  tick(): void
  sessionClosed(session: Session): void
  /** The shortest silence that one of them wants to be broken; Infinity if none does. */
  heartbeatMs(): number
  /** Cuts all of them off: they have to ask again. */
  disconnectAll(): void
  /** When the last one left, on the monotonic clock; at the beginning when the server started. */
  aloneSinceMs(): number
  /** Bytes queued for those that are being synced. */
  heldBytes(): number
  /** Bytes that replicas have not taken yet, of what is queued and of what is on its way. */
  bufferBytes(): { readonly queued: number; readonly sent: number }
  /** What may wait for a replica that gets the stream. */
  outputLimit(session: Session): OutputLimit
  /** Syncs since the start, and bytes of the stream and of snapshots sent. */
  readonly stats: { full: number; partial: number; refused: number; sentBytes: number }
}

interface Replica {
  readonly session: Session
  readonly info: AttachedReplica
  /** The stream behind the snapshot that is being sent. */
  readonly queue: Buffer[]
  queuedBytes: number
  overSoftSinceMs: number
  waitingSinceMs: number
  /** Its snapshot is being written to a file, and nothing of it is sent yet. */
  spooling: boolean
  /** When its socket last had room during a full sync. */
  progressMs: number
}

/** A snapshot's walk waits while more than this is on its way to a replica. */
const IN_FLIGHT_BYTES_MAX = 512 * 1024
const KEEPALIVE_EVERY_MS = 1000

/** The replicas attached to a server. */
export function createReplicas(parts: ReplicasParts): Replicas {
  const { server, snapshots, history } = parts
  const { options, log, clients } = server
  const replicas = new Map<Session, Replica>()
  const stats = { full: 0, partial: 0, refused: 0, sentBytes: 0 }
  let aloneSinceMs = monotonicMs()
  let keepaliveMs = 0
  let spools = 0

  const attached = (): Replica[] => [...replicas.values()].filter((replica) => replica.session.isReplica)
  const inState = (state: AttachedReplica['state']): Replica[] => attached().filter(({ info }) => info.state === state)
  const drop = (replica: Replica): void => clients.kill(replica.session)
  const transmit = ({ session }: Replica, bytes: Buffer): void => {
    stats.sentBytes += bytes.length
    session.outlet.send(bytes)
  }

  const replicaOf = (session: Session): Replica => {
    const known = replicas.get(session)
    if (known !== undefined) return known
    const { peer } = session.outlet
    const nowMs = monotonicMs()
    const made: Replica = {
      session,
      info: attachReplica(peer.slice(0, peer.lastIndexOf(':')), nowMs),
      queue: [],
      queuedBytes: 0,
      overSoftSinceMs: 0,
      waitingSinceMs: nowMs,
      spooling: false,
      progressMs: nowMs,
    }
    replicas.set(session, made)
    return made
  }

  // ---- requests ----

  const replconf = (ctx: Context): void => {
    const { args, session } = ctx
    const replica = replicaOf(session)
    const words = Array.from({ length: args.count - 1 }, (_, i) => args.latin1(i + 1))
    if (words[0]?.toLowerCase() === 'vedette-heartbeat' && !parts.beats()) words[0] = 'unpromised-heartbeat'
    const outcome = applyReplconf(replica.info, words, monotonicMs())
    if (session.isReplica && (outcome.kind === 'ok' || outcome.kind === 'error')) {
      strayCommand(session, `replconf ${words[0] ?? ''}`)
    } else if (outcome.kind === 'ok') ctx.reply.ok()
    else if (outcome.kind === 'error') failWith(outcome.text)
    else if (outcome.kind === 'ack') {
      if (outcome.wentOnline) goOnline(replica)
      parts.acknowledged()
    }
  }

  const strayCommand = (session: Session, command = 'unknown'): void => {
    const name = replicaName(replicaOf(session).info)
    log.warning(`Replica ${name} sent the command '${printable(command)}' on its replication link, which is closed`)
    session.outlet.close()
  }

  const psync = (ctx: Context): void => {
    const { args, session } = ctx
    if (session.isReplica) return
    if (asksFailover(ctx)) {
      log.warning(`Failover request received for replid ${printable(args.latin1(1))}.`)
      parts.takeOver(ctx)
    }
    if (parts.isFailingOver()) fail('failoverSync')
    if (parts.role() === 'unsynced') fail('noMasterLink')
    const replica = replicaOf(session)
    log.notice(`Replica ${replicaName(replica.info)} asks for synchronization`)
    parts.flush()
    history.isTold = true
    if (args.is(0, 'sync')) replica.info.withoutAck = true
    else if (answeredPartially(ctx, replica)) return
    session.isReplica = true
    stats.full++
    replica.info.state = 'wait_bgsave'
    replica.waitingSinceMs = monotonicMs()
    startHistory()
    // After the replies of this batch are out: what is sent from here on goes straight to the socket.
    setImmediate(startFullSync)
  }

  const answeredPartially = (ctx: Context, replica: Replica): boolean => {
    const { args, reply, session } = ctx
    const from = args.count === 3 || asksFailover(ctx) ? args.smallInt(2) : Number.NaN
    if (Number.isNaN(from)) fail('notInteger')
    const decision = decidePsync(history, args.latin1(1), from, replicaName(replica.info))
    for (const line of decision.log) log.notice(line)
    if (decision.kind === 'full') {
      if (!args.latin1(1).startsWith('?')) stats.refused++
      return false
    }
    stats.partial++
    session.isReplica = true
    reply.simple(replica.info.capaPsync2 ? `CONTINUE ${history.id}` : 'CONTINUE')
    reply.raw(history.backlog!.read(decision.from))
    replica.info.state = 'online'
    replica.info.ackOffset = decision.from - 1
    replica.info.ackMs = monotonicMs()
    return true
  }

  /** From now on the stream is counted and kept. What was written before was not, so the ID must be another. */
  const startHistory = (): void => {
    if (history.backlog !== undefined) return
    if (parts.role() === 'primary') renameHistory(history, randomHex(40))
    ensureBacklog(history, options['repl-backlog-size'])
    log.notice(`Replication backlog created, my new replication IDs are '${history.id}' and '${history.secondId}'`)
  }

  // ---- full syncs ----

  const startFullSync = (): void => {
    if (snapshots.busy()) return
    const waiting = inState('wait_bgsave').filter(({ session }) => !session.closing)
    if (waiting.length === 0 || !isTime(waiting)) return
    const straight = options['repl-diskless-sync'] ? waiting.filter(({ info }) => info.capaEof) : []
    if (straight.length > 0) sendStraight(straight)
    else sendSpooled(waiting)
  }

  /** Whether to start now, or to wait for more replicas (repl-diskless-sync-delay). */
  const isTime = (waiting: readonly Replica[]): boolean => {
    if (!options['repl-diskless-sync']) return true
    const enough = options['repl-diskless-sync-max-replicas']
    if (enough > 0 && waiting.length >= enough) return true
    const sinceMs = Math.min(...waiting.map((replica) => replica.waitingSinceMs))
    return monotonicMs() - sinceMs >= options['repl-diskless-sync-delay'] * 1000
  }

  /** Fixes the cut: tells the replicas the offset that the snapshot stands for. Returns what to write in it. */
  const cut = (group: readonly Replica[]): SnapshotOptions => {
    parts.flush()
    parts.reselect()
    for (const { session, info } of group) {
      info.state = 'send_bulk'
      if (!info.withoutAck) session.outlet.send(Buffer.from(`+FULLRESYNC ${history.id} ${history.offset}\r\n`))
    }
    return {
      compress: options.rdbcompression,
      checksum: options.rdbchecksum,
      aux: snapshotAux(server.keyspace, server.nowMs(), parts.snapshotFields()),
    }
  }

  const isHere = (replica: Replica): boolean => replicas.has(replica.session) && !replica.session.closing

  /** Whether every one of the group has room for more; gives those up that had none for repl-timeout. */
  const haveRoom = (group: readonly Replica[]): boolean => {
    const nowMs = monotonicMs()
    let room = true
    for (const replica of group) {
      if (!isHere(replica)) continue
      if (replica.session.outlet.outputBytes < IN_FLIGHT_BYTES_MAX) replica.progressMs = nowMs
      else if (nowMs - replica.progressMs > options['repl-timeout'] * 1000) {
        log.warning(`Disconnecting timedout replica (full sync): ${replicaName(replica.info)}`)
        drop(replica)
      } else room = false
    }
    return room
  }

  const sendStraight = (group: readonly Replica[]): void => {
    log.notice('Starting BGSAVE for SYNC with target: replicas sockets')
    const snapshotOptions = cut(group)
    const mark = randomHex(40)
    const toAll = (bytes: Buffer): void => {
      for (const replica of group) if (isHere(replica)) transmit(replica, bytes)
    }
    for (const replica of group) replica.progressMs = monotonicMs()
    toAll(Buffer.from(`$EOF:${mark}\r\n`))
    snapshots.start(snapshotOptions, {
      emit(chunk) {
        if (!group.some(isHere)) throw new Error('Diskless rdb transfer, last replica dropped')
        toAll(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length))
      },
      ready: () => haveRoom(group),
      done(error) {
        if (error === undefined) toAll(Buffer.from(mark, 'latin1'))
        for (const replica of group.filter(isHere)) finish(replica, error, true)
        setImmediate(startFullSync)
      },
    })
  }

  const sendSpooled = (group: readonly Replica[]): void => {
    log.notice('Starting BGSAVE for SYNC with target: disk')
    const snapshotOptions = cut(group)
    for (const replica of group) replica.spooling = true
    spoolSnapshot(snapshots, snapshotOptions, options.dir, `repl-${process.pid}-${spools++}`, {
      send(bytes) {
        for (const replica of group) {
          replica.spooling = false
          if (isHere(replica)) transmit(replica, bytes)
        }
        return group.some(isHere)
      },
      ready: () => haveRoom(group),
      done(error) {
        for (const replica of group.filter(isHere)) finish(replica, error, false)
        setImmediate(startFullSync)
      },
    })
  }

  const finish = (replica: Replica, error: Error | undefined, byMark: boolean): void => {
    const name = replicaName(replica.info)
    if (error !== undefined) {
      log.warning(`BGSAVE for replication failed: ${error.message}`)
      drop(replica)
      return
    }
    replica.info.ackMs = monotonicMs()
    if (replica.info.rdbOnly) {
      log.notice(`RDB transfer completed, rdb only replica (${name}) should be disconnected asap`)
      replica.session.outlet.closeAfterReply()
    } else if (byMark) {
      log.notice(
        `Streamed RDB transfer with replica ${name} succeeded (socket). ` +
          'Waiting for REPLCONF ACK from slave to enable streaming',
      )
      replica.info.onlineOnAck = true
    } else goOnline(replica)
  }

  const goOnline = (replica: Replica): void => {
    replica.info.state = 'online'
    replica.info.ackMs = monotonicMs()
    log.notice(`Synchronization with replica ${replicaName(replica.info)} succeeded`)
    for (const bytes of replica.queue.splice(0)) transmit(replica, bytes)
    replica.queuedBytes = 0
  }

  // ---- the stream ----

  const send = (bytes: Buffer): void => {
    for (const replica of replicas.values()) {
      const { state } = replica.info
      if (state === 'online') transmit(replica, bytes)
      else if (state === 'send_bulk' && !replica.info.rdbOnly) enqueue(replica, bytes)
    }
  }

  const enqueue = (replica: Replica, bytes: Buffer): void => {
    replica.queue.push(bytes)
    replica.queuedBytes += bytes.length
    const { hardBytes } = limit()
    if (hardBytes !== 0 && replica.queuedBytes > hardBytes) overLimit(replica)
  }

  /** The configured limit, but never less than the backlog: a replica that was given that much would be cut off for it at once. */
  const limit = (): OutputLimit => {
    const { hardBytes, softBytes, softSeconds } = options['client-output-buffer-limit'].replica
    return { hardBytes: hardBytes && Math.max(hardBytes, options['repl-backlog-size']), softBytes, softSeconds }
  }

  const overLimit = (replica: Replica): void => {
    const { id, outlet } = replica.session
    log.warning(
      `Client id=${id} addr=${outlet.peer} scheduled to be closed ASAP for overcoming of output buffer limits.`,
    )
    replica.queue.length = 0
    replica.queuedBytes = 0
    drop(replica)
  }

  const checkSoftLimit = (replica: Replica, nowMs: number): void => {
    const { softBytes, softSeconds } = options['client-output-buffer-limit'].replica
    if (softBytes === 0 || replica.queuedBytes <= softBytes) replica.overSoftSinceMs = 0
    else if (replica.overSoftSinceMs === 0) replica.overSoftSinceMs = nowMs
    else if (nowMs - replica.overSoftSinceMs > softSeconds * 1000) overLimit(replica)
  }

  /** Memory of all queues: they hold the same buffers, each from its own beginning on. */
  const queuedMax = (): number => attached().reduce((max, { queuedBytes }) => Math.max(max, queuedBytes), 0)

  // ---- housekeeping ----

  const tick = (): void => {
    const nowMs = monotonicMs()
    const all = attached()
    for (const replica of all) {
      checkSoftLimit(replica, nowMs)
      const reason = timeoutReason(replica.info, options['repl-timeout'] * 1000, nowMs)
      if (reason === undefined) continue
      log.warning(reason)
      drop(replica)
    }
    if (nowMs - keepaliveMs >= KEEPALIVE_EVERY_MS) {
      keepaliveMs = nowMs
      // Until the first byte of the snapshot: a replica gives up if it hears nothing for repl-timeout.
      for (const { session, info, spooling } of all) {
        if (info.state === 'wait_bgsave' || spooling) session.outlet.send(NEWLINE)
      }
    }
    startFullSync()
  }

  const sessionClosed = (session: Session): void => {
    const replica = replicas.get(session)
    if (replica === undefined) return
    replicas.delete(session)
    if (!session.isReplica) return
    log.notice(`Connection with replica ${replicaName(replica.info)} lost.`)
    if (attached().length === 0) aloneSinceMs = monotonicMs()
  }

  return {
    list: () => attached().map(({ info }) => info),
    replconf,
    psync,
    strayCommand,
    send,
    tick,
    sessionClosed,
    disconnectAll() {
      for (const replica of attached()) drop(replica)
    },
    heartbeatMs: () =>
      attached().reduce((min, { info }) => (info.heartbeatMs > 0 ? Math.min(min, info.heartbeatMs) : min), Infinity),
    aloneSinceMs: () => aloneSinceMs,
    heldBytes: queuedMax,
    bufferBytes() {
      const sent = attached().reduce((sum, { session }) => sum + session.outlet.outputBytes, 0)
      return { queued: queuedMax(), sent }
    },
    // A snapshot on its way is no output that piles up: its walk waits for the replica. What is written meanwhile is queued here.
    outputLimit: (session) => (replicas.get(session)?.info.state === 'send_bulk' ? UNLIMITED : limit()),
    stats,
  }
}

const UNLIMITED: OutputLimit = { hardBytes: 0, softBytes: 0, softSeconds: 0 }
const asksFailover = ({ args }: Context): boolean => args.count === 4 && args.is(3, 'failover')
const NEWLINE = Buffer.from('\n')
/** What came from a peer, fit for a log line. */
const printable = (text: string): string => text.slice(0, 128).replace(/[^ -~]/g, '?')
