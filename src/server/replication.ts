// Replication of the server process: which role it has, and the two sides that follow from it. A primary's writes go into
// the stream; a replica's stream is its primary's. Both have replicas.
import type { Context } from '../commands/context.ts'
import { errorText, fail } from '../errors.ts'
import type { Blocked, Session } from '../facade/session.ts'
import { monotonicMs } from '../io/clock.ts'
import { randomHex } from '../io/entropy.ts'
import { quick } from '../lib/quick.ts'
import type { ReplyWriter } from '../protocol/writer.ts'
import { encodeRequest } from '../protocol/writer.ts'
import { countAcknowledged, countGoodReplicas, lagLine } from '../replication/attached.ts'
import {
  adoptHistory,
  createHistory,
  ensureBacklog,
  promoteHistory,
  renameHistory,
  takeBackHistory,
} from '../replication/history.ts'
import { ANY_DATABASE, createReplicationStream } from '../replication/stream.ts'
import { createFailover } from './failover.ts'
import { createLease, type ServerLease } from './lease.ts'
import type { ServerParts, ServerReplication } from './parts.ts'
import { type AtFirst, linkToPrimary, type PrimaryLink, streamDbOf } from './replica-link.ts'
import { createReplicas } from './replicas.ts'
import { replicationFacts, writeRole } from './replication-facts.ts'
import type { Remembered } from './role-memory.ts'
import type { Snapshots } from './snapshot.ts'

const PING = encodeRequest(['PING'])
/** The default of `repl-ping-replica-period`. */
const PING_SECONDS = 10
const GETACK = encodeRequest(['REPLCONF', 'GETACK', '*'])

/** What follows from the role of a server. */
export interface RoleHooks {
  /** There was an order to have a role. */
  readonly ordered: () => void
  /** Writes wait, for a lease or for the end of a failover, or go on. */
  readonly holdWrites: (why: 'lease' | 'failover', on: boolean) => void
}

/** The replication of a server. */
export function createReplication(
  parts: ServerParts,
  snapshots: Snapshots,
  { ordered, holdWrites }: RoleHooks,
): ServerReplication {
  const { options, log, engine, keyspace, clients } = parts
  const history = createHistory(randomHex(40))
  const stream = createReplicationStream(history)
  let link: PrimaryLink | undefined
  let flushing = false
  let pingMs = monotonicMs()
  let streamMs = monotonicMs() // when the stream last moved
  let primarySinceMs = monotonicMs()
  /** Where our data stand in the history that was followed last, or loaded. */
  let atFirst: AtFirst = { consistent: false, db: 0 }
  let formerInputBytes = 0 // from primaries that we do not follow any more
  let formerApplyErrors = 0
  const waiting = new Map<Session, { replicas: number; offset: number }>()

  const isReplica = (): boolean => link !== undefined
  const linkUp = (): boolean => link === undefined || link.machine.state() === 'connected'

  /** Whether our stream is never silent for long. Who has asked for fewer pings than there are by default gets no more. */
  const beats = (): boolean => {
    if (link !== undefined) return link.machine.hasHeartbeat()
    return options['repl-ping-replica-period'] <= PING_SECONDS
  }

  const flush = (): void => {
    flushing = false
    const bytes = stream.flush()
    if (bytes === undefined) return
    streamMs = monotonicMs()
    replicas.send(bytes)
  }
  /** What all clients write in this turn of the event loop goes out in one piece, as Redis does before it sleeps. */
  const flushSoon = (): void => {
    if (flushing) return
    flushing = true
    setImmediate(flush)
  }
  const control = (request: Buffer): void => {
    stream.write(ANY_DATABASE, request, 0, request.length)
    flushSoon()
  }

  const replicas = createReplicas({
    server: parts,
    snapshots,
    history,
    flush,
    reselect: () => {
      if (link === undefined) stream.reselect()
    },
    beats,
    takeOver: (ctx) => takeOver(ctx),
    isFailingOver: () => failover.state() !== 'no-failover',
    role: () => (link === undefined ? 'primary' : linkUp() ? 'synced' : 'unsynced'),
    snapshotFields: () => snapshotFields(),
    acknowledged: () => {
      answerWaiting()
      lease.acknowledged(replicas.list())
      checkFailoverSoon()
    },
  })
  const lease: ServerLease = createLease({
    server: parts,
    hold: (on) => holdWrites('lease', on),
    replicas: replicas.list,
    offset: () => history.offset,
  })

  const failover = createFailover({
    log,
    hold: (on) => holdWrites('failover', on),
    isReplica,
    replicas: replicas.list,
    offset: () => history.offset,
    follow: (host, port) => becomeReplica(host, port, false),
    lead: () => promote(false, 'MASTER MODE enabled (the failover was aborted)'),
    monotonicMs,
  })
  /** Not now: the command of a replica or of a client may be running, whose reply is to leave in the old role. */
  const checkFailoverSoon = (): void => {
    if (failover.state() === 'waiting-for-sync') setImmediate(failover.check)
  }

  const updateGate = (): void => {
    engine.gate.readonlyReplica = isReplica() && options['replica-read-only']
    engine.gate.writableReplica = isReplica() && !options['replica-read-only']
    engine.gate.stale = !linkUp() && !options['replica-serve-stale-data']
  }

  // ---- roles ----

  /** Becomes a replica, whose link is to be begun yet. */
  const follow = (host: string, port: number): PrimaryLink => {
    keyspace.expiry = 'hide'
    const made = linkToPrimary(
      {
        server: parts,
        history,
        stream,
        flush,
        disconnectReplicas: () => replicas.disconnectAll(),
        failover: {
          isInProgress: () => failover.state() === 'failover-in-progress',
          answered: failover.answered,
        },
        changed: updateGate,
      },
      host,
      port,
    )
    link = made
    updateGate()
    return made
  }

  const leave = (former: PrimaryLink): void => {
    former.stop()
    formerInputBytes += former.readBytes()
    formerApplyErrors += former.applyErrors()
  }

  /** Without a backlog the stream is not counted, and with data that are no part of a history there is no place in one. */
  const snapshotFields = (): [string, string][] => {
    if (history.backlog === undefined || link?.isConsistent() === false) return []
    return [
      ['repl-stream-db', String(link === undefined ? stream.db() : link.db())],
      ['repl-id', history.id],
      ['repl-offset', String(history.offset)],
    ]
  }

  /** Takes up the history where the loaded snapshot stands: as a primary, it is continued under another ID. */
  const resume = (loaded: ReadonlyMap<string, string>): void => {
    const id = loaded.get('repl-id') ?? ''
    const offset = Number(loaded.get('repl-offset'))
    if (!/^[0-9a-f]{40}$/.test(id) || !Number.isSafeInteger(offset) || offset < 0) return
    adoptHistory(history, id, offset, options['repl-backlog-size'])
    atFirst = { consistent: true, db: streamDbOf(loaded, keyspace.databases.length) }
    if (link === undefined) log.notice(promoteHistory(history, randomHex(40)))
  }

  const replicaOf = (host: string, port: number): string => {
    if (failover.state() !== 'no-failover') fail('failoverReplicaof')
    if (link !== undefined && link.host.toLowerCase() === host.toLowerCase() && link.port === port) {
      link.confirm()
      log.notice(
        'REPLICAOF would result into synchronization with the master we are already connected with. ' +
          'No operation performed.',
      )
      return 'OK Already connected to specified master'
    }
    log.notice(`REPLICAOF ${host}:${port} enabled (user request from '${requester()}')`)
    becomeReplica(host, port, true)
    return 'OK'
  }

  /** Follows another primary. `confirmed`: as it is, whatever it has. */
  const becomeReplica = (host: string, port: number, confirmed: boolean): void => {
    if (link === undefined) {
      flush()
      // Bytes are counted from here on; if there was no backlog, nobody else knows our ID, and all will be copied.
      ensureBacklog(history, options['repl-backlog-size'])
      // Whoever is promoted names the database first; the history that we take back goes on with the one it had.
      atFirst = { consistent: true, db: takeBackHistory(history) ? atFirst.db : 0 }
      log.notice(
        'Before turning into a replica, using my own master parameters to synthesize a cached master: ' +
          'I may be able to synchronize with the new master with just a partial transfer.',
      )
    } else {
      leave(link)
      atFirst = { consistent: link.isConsistent(), db: link.db() }
    }
    for (const session of [...waiting.keys()]) clients.unblock(session, 'error')
    engine.dismissWaiting()
    lease.becameReplica()
    remember({ host, port })
    parts.config.assign('replicaof', [host, String(port)])
    follow(host, port).begin({ ...atFirst, confirmed })
  }

  const becomePrimary = (session?: Session): string => {
    if (failover.state() !== 'no-failover') fail('failoverReplicaof')
    promote(session !== undefined && !isSentinel(session), `MASTER MODE enabled (user request from '${requester()}')`)
    return 'OK'
  }

  const promote = (byOperator: boolean, said: string): void => {
    remember('none')
    if (link === undefined) {
      if (byOperator) lease.becamePrimary(true)
      return
    }
    const was = link
    leave(was)
    atFirst = { consistent: was.isConsistent(), db: was.db() }
    link = undefined
    primarySinceMs = monotonicMs()
    flush()
    if (was.isConsistent()) log.notice(promoteHistory(history, randomHex(40)))
    else renameHistory(history, randomHex(40))
    replicas.disconnectAll()
    stream.reselect()
    keyspace.expiry = 'delete'
    parts.config.assign('replicaof', [''])
    updateGate()
    lease.becamePrimary(byOperator)
    log.notice(said)
  }

  /** What has not all of this history does not take over: it would be lost for all. */
  const takeOver = ({ args }: Context): void => {
    const id = args.latin1(1).toLowerCase()
    if (link === undefined) fail('failoverToPrimary')
    if (lease.bound()) fail('failoverSentinels')
    if (id !== history.id || !link.isConsistent()) fail('failoverHistory')
    promote(false, `MASTER MODE enabled (failover request from '${requester()}')`)
  }

  /** An order of a sentinel holds after a start, too; with one of somebody else the configuration is in force again. */
  const remember = (role: Remembered['role']): void => {
    parts.roleMemory.setRole(isSentinel(engine.session) ? role : undefined)
    ordered()
  }

  const isSentinel = (session: Session | undefined): boolean => session?.name.startsWith('sentinel-') === true

  /** Puts the last order of a sentinel in the place of what the configuration says. */
  const recall = (): void => {
    const { role } = parts.roleMemory.atStart
    if (role === undefined) return
    const words = role === 'none' ? '' : `${role.host} ${role.port}`
    if (words === parts.config.text('replicaof')) return
    parts.config.assign('replicaof', role === 'none' ? [''] : [role.host, String(role.port)])
    log.notice(
      `A sentinel has made this server ${role === 'none' ? 'a primary' : `a replica of ${words}`} since it was configured, ` +
        `and so it starts. Another 'replicaof' in its configuration, or the removal of ${parts.roleMemory.path}, ends that`,
    )
  }

  const requester = (): string => {
    const { session } = engine
    return session === undefined ? 'start' : `id=${session.id} addr=${session.outlet.peer} name=${session.name}`
  }

  // ---- WAIT ----

  const acknowledgedBy = (offset: number): number => countAcknowledged(replicas.list(), offset)

  const answerWaiting = (): void => {
    for (const [session, { replicas: wanted, offset }] of waiting) {
      if (acknowledgedBy(offset) >= wanted) clients.unblock(session, 'ready')
    }
  }

  const wait = (ctx: Context, wanted: number, timeoutMs: number): void => {
    if (isReplica()) fail('waitOnReplica')
    const { session } = ctx
    const offset = session.writeOffset
    const count = acknowledgedBy(offset)
    if (count >= wanted || ctx.inExec) {
      ctx.reply.int(count)
      return
    }
    waiting.set(session, { replicas: wanted, offset })
    const finish: Blocked['finish'] = (reply, why) => {
      waiting.delete(session)
      if (why === 'error') reply.error(errorText(isReplica() ? 'forcedUnblock' : 'unblocked'))
      else reply.int(acknowledgedBy(offset))
    }
    clients.block(session, { kind: 'wait', timeoutAtMs: timeoutMs === 0 ? 0 : ctx.nowMs + timeoutMs, finish })
    if (replicas.list().length > 0) control(GETACK)
  }

  // ---- housekeeping ----

  const dropIdleBacklog = (): void => {
    const ttl = options['repl-backlog-ttl']
    if (isReplica() || ttl === 0 || history.backlog === undefined || replicas.list().length > 0) return
    if (monotonicMs() - Math.max(replicas.aloneSinceMs(), primarySinceMs) < ttl * 1000) return
    flush()
    renameHistory(history, randomHex(40))
    history.backlog = undefined
    log.notice(`Replication backlog freed after ${ttl} seconds without connected replicas.`)
  }

  const tick = (): void => {
    const nowMs = monotonicMs()
    if (!isReplica() && nowMs - pingMs >= options['repl-ping-replica-period'] * 1000) {
      pingMs = nowMs
      if (replicas.list().length > 0) control(PING)
    } else if (!isReplica() && beats() && nowMs - streamMs >= replicas.heartbeatMs()) control(PING)
    link?.tick()
    replicas.tick()
    dropIdleBacklog()
    updateGate()
    lease.check()
    failover.check()
  }

  for (const name of ['replica-read-only', 'replica-serve-stale-data'] as const) {
    parts.config.onChange(name, updateGate)
  }
  parts.config.onChange('repl-backlog-size', (bytes) => history.backlog?.resize(bytes))

  return quick({
    get active() {
      return link === undefined && stream.active()
    },
    feed(db, bytes, start, end) {
      if (link !== undefined) return
      stream.write(db, bytes, start, end)
      if (engine.session !== undefined) {
        engine.session.writeOffset = history.offset
        lease.wrote(engine.session, history.offset)
      }
      flushSoon()
    },
    flush,
    prepare() {
      recall()
      const primary = options.replicaof
      if (primary !== undefined) follow(primary.host, primary.port)
      else lease.becamePrimary(false)
    },
    resume,
    expiredAtLoad(db, key) {
      if (link !== undefined || !stream.active()) return
      const request = encodeRequest(['DEL', key])
      stream.write(db, request, 0, request.length)
      flushSoon()
    },
    start: () => link?.begin(atFirst),
    snapshotFields,
    tick,
    sessionClosed(session) {
      waiting.delete(session)
      replicas.sessionClosed(session)
    },
    get heldBytes() {
      return (history.backlog?.historyBytes() ?? 0) + replicas.heldBytes()
    },
    stop() {
      flush()
      link?.stop()
    },
    replicaOf,
    becomePrimary,
    failover(order) {
      if (order === 'abort') return failover.abort()
      if (lease.bound()) fail('failoverSentinels')
      failover.begin(order)
      checkFailoverSoon()
    },
    changeId() {
      flush()
      renameHistory(history, randomHex(40))
    },
    role: (reply: ReplyWriter) => writeRole(reply, history, link, replicas.list()),
    replconf(ctx) {
      if (lease.replconf(ctx)) return
      if (!ctx.session.isPrimary) replicas.replconf(ctx)
      else if (ctx.args.count > 1 && ctx.args.is(1, 'getack')) link?.acknowledge()
    },
    psync: (ctx) => replicas.psync(ctx),
    strayCommand: (session, command) => replicas.strayCommand(session, command),
    wait,
    isReplica,
    linkUp,
    goodReplicas: () => countGoodReplicas(replicas.list(), options['min-replicas-max-lag'], monotonicMs()),
    progress() {
      const all = replicas.list().filter(({ rdbOnly }) => !rdbOnly)
      const behind = all.filter(({ state, ackOffset }) => state !== 'online' || ackOffset < history.offset)
      return { all: all.length, behind: behind.map((replica) => lagLine(replica, history.offset, monotonicMs())) }
    },
    outputLimit: (session) => replicas.outputLimit(session),
    // Not now: the command that ends the pause is still running.
    unpaused: () => void setImmediate(() => link?.proceed()),
    requestAcknowledgements() {
      if (!isReplica() && replicas.list().length > 0) control(GETACK)
    },
    get counters() {
      const { stats } = replicas
      const { queued, sent } = replicas.bufferBytes()
      return {
        fullSyncs: stats.full,
        partialSyncs: stats.partial,
        refusedPartialSyncs: stats.refused,
        inputBytes: formerInputBytes + (link?.readBytes() ?? 0),
        outputBytes: stats.sentBytes,
        backlogBytes: history.backlog?.sizeBytes() ?? 0,
        replicaBufferBytes: queued + sent,
        replicaOutputBytes: sent,
        applyErrors: formerApplyErrors + (link?.applyErrors() ?? 0),
      }
    },
    resetCounters() {
      Object.assign(replicas.stats, { full: 0, partial: 0, refused: 0, sentBytes: 0 })
      formerInputBytes = -(link?.readBytes() ?? 0)
      formerApplyErrors = -(link?.applyErrors() ?? 0)
    },
    lease,
    facts: () => [...replicationFacts(options, history, link, replicas.list(), failover.state()), ...lease.facts()],
  })
}
