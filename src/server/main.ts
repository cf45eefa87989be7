// The server process: builds the parts and connects them. What each part does stands in its own file; here is only who
// gets whom.

import type { Host } from '../commands/context.ts'
import { debugSwitches } from '../commands/debug-switches.ts'
import { allCommands } from '../commands/table.ts'
import { portChoices } from '../config/ports.ts'
import { HTTP_PORT_OFFSET } from '../config/server-options.ts'
import type { ServerConfig } from '../config/store.ts'
import { Engine } from '../engine/engine.ts'
import { mayWrite, openGate } from '../engine/gate.ts'
import { LatencyMonitor } from '../engine/latency.ts'
import { monitorLine } from '../engine/monitor.ts'
import { createScripts } from '../engine/scripts.ts'
import { SlowLog } from '../engine/slowlog.ts'
import { ClientTracking } from '../engine/tracking.ts'
import { createTransactions } from '../engine/transactions.ts'
import { type Access, createAccess } from '../facade/access.ts'
import type { PubSub } from '../facade/call.ts'
import { createPubSub } from '../facade/pubsub.ts'
import { ClientRegistry } from '../facade/registry.ts'
import type { Session } from '../facade/session.ts'
import type { CommandTable } from '../facade/table.ts'
import { createAttackLog } from '../io/attack-log.ts'
import { monotonicMs, wallMicros, wallMs } from '../io/clock.ts'
import { randomHex, randomWords } from '../io/entropy.ts'
import type { HttpServer } from '../io/http.ts'
import { openHttpGuard } from '../io/http-guard.ts'
import type { Log } from '../io/log.ts'
import { makeLua } from '../io/lua.ts'
import { openPasswords } from '../io/password-file.ts'
import { raisePriority } from '../io/priority.ts'
import { sha256Hex } from '../io/secrets.ts'
import { createDialler } from '../io/tcp.ts'
import { eventLoop } from '../io/timers.ts'
import { openTls, type Tls } from '../io/tls/tls.ts'
import { createUserFile } from '../io/user-file.ts'
import { openUsers } from '../io/users.ts'
import { inlineMore } from '../io/v8.ts'
import { AHEAD_MAX } from '../keyspace/ahead.ts'
import { Keyspace } from '../keyspace/keyspace.ts'
import { seededRandom } from '../lib/prng.ts'
import { quick } from '../lib/quick.ts'
import type { Args } from '../protocol/args.ts'
import { createAppendOnlyLog } from './aof.ts'
import { clientLimits } from './client-limits.ts'
import { rewriteConfigFile } from './config-file.ts'
import { lockData } from './data-lock.ts'
import { createDefrag } from './defrag.ts'
import { createHousekeeping } from './expiry.ts'
import { handOver } from './hand-over.ts'
import { createHeldMemory } from './held-memory.ts'
import { createInfo, type ServerInfo } from './info.ts'
import { openListening } from './listening.ts'
import { memoryWarning } from './memory-limit.ts'
import { createMigration } from './migration.ts'
import { createOwnExpiries } from './own-expiries.ts'
import { announcedPort, type ServerParts, type ServerPasswords, type ServerReplication } from './parts.ts'
import { createPersistence } from './persistence.ts'
import { createProcessTitle } from './process-title.ts'
import { createReplication } from './replication.ts'
import { createRoleInquiry, type RoleInquiry, sentinelAccess } from './role.ts'
import { openRoleMemory } from './role-memory.ts'
import { addressOf, createKnownSentinels } from './sentinels.ts'
import { createShutdown } from './shutdown.ts'
import { createSnapshots, delayMs } from './snapshot.ts'
import { createTimings } from './timings.ts'
import { followTlsOptions } from './tls.ts'
import { createWriteHold } from './write-hold.ts'

/** A server that runs in this process. */
export interface RunningServer {
  readonly port: number
  /** Ends the server; save points are honoured as by SHUTDOWN. */
  stop(signal?: 'SIGTERM' | 'SIGINT'): Promise<void>
  /** Resolves with the exit code when the server has ended, by `stop` or by SHUTDOWN. */
  readonly closed: Promise<number>
}

/**
 * Starts a server. `configFile` is what CONFIG REWRITE writes to. Rejects with an error that says what to do if it cannot
 * listen or its data cannot be loaded.
 */
export async function startServer(config: ServerConfig, log: Log, configFile?: string): Promise<RunningServer> {
  inlineMore()
  const options = config.values
  const tls = openTls(options, log)
  followTlsOptions(config, tls)
  const secureFor = (what: 'tls-replication' | 'tls-cluster') => () => (options[what] ? tls.dialling() : undefined)
  const lock = await lockData(config, log)
  raisePriority(options['process-nice'])
  const [k0, k1, ...seed] = randomWords(8)
  const runId = randomHex(40)
  const keyspace = new Keyspace(options.databases, { k0, k1 }, { expired() {}, modified() {}, flushing() {} })
  keyspace.limits = options
  const ownExpiries = createOwnExpiries(keyspace)
  const commands = allCommands()
  const passwords = passwordsElsewhere(options, log)
  const access = createAccess({
    commands,
    clients: () => clients,
    hash: sha256Hex,
    randomHex,
    allChannels: () => options['acl-pubsub-default'] === 'allchannels',
    logEntriesMax: () => options['acllog-max-len'],
    nowMs: wallMs,
    file: (users) => createUserFile(options.aclfile, users, log),
  })
  let timer: NodeJS.Timeout | undefined // of the ticks, once all is loaded
  const { publish, ...channels } = createPubSub()
  const pubsub: PubSub = {
    ...channels,
    publish(channel, message) {
      sentinels.heard(channel, message, engine.session)
      return publish(channel, message)
    },
  }
  const roleMemory = openRoleMemory(
    options.dir,
    options.port || options['tls-port'],
    config.text('replicaof'),
    log,
    monotonicMs,
  )
  const sentinels = createKnownSentinels({
    remembered: roleMemory.atStart,
    isPrimary: () => !replication.isReplica(),
    monotonicMs,
    announced: () =>
      options['replica-announce-ip'] === ''
        ? undefined
        : addressOf({ host: options['replica-announce-ip'], port: announcedPort(parts) }),
    changed: roleMemory.setSentinels,
  })
  const holders = new Set<string>()
  const holdWrites = (why: string, on: boolean): void => {
    if (on) holders.add(why)
    else holders.delete(why)
    clients.holdWrites(holders.size > 0, holders.has('failover'))
  }
  const hold = createWriteHold({
    sentinels,
    // Leases say more than an answer that may be old when it comes.
    isPrimary: () => !replication.isReplica() && !replication.lease.needed(),
    hold: (on) => holdWrites('asking', on),
    secure: secureFor('tls-replication'),
    passwords: passwords.sentinels,
    log,
    monotonicMs,
  })
  const transactions = createTransactions(() => engine)
  const tracking = new ClientTracking({
    clients: () => clients,
    hashKey: { k0, k1 },
    random: seededRandom(...seed),
    keysMax: () => options['tracking-table-max-keys'],
    onWatching: (on) => keyspace.setWatching('tracking', on),
    endOfTurn: eventLoop.endOfTurn,
  })
  const slowlog = new SlowLog()
  const latency = new LatencyMonitor()
  const timings = createTimings({ config, commands, slowlog, latency, nowMs: wallMs, log })
  const held = createHeldMemory(
    () => clients,
    () => replication,
    monotonicMs,
  )
  const storedBytes = (): number => keyspace.usedBytes + tracking.heldBytes
  const internalError = (error: unknown, where: string): void => {
    log.warning(`Bug: ${where} threw ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`)
  }
  const host = quick<Host>({
    config,
    commands,
    pubsub,
    transactions,
    get clients() {
      return clients
    },
    get persistence() {
      return persistence
    },
    get appendOnly() {
      return appendOnly
    },
    get replication() {
      return replication
    },
    get scripts() {
      return scripts
    },
    debug: debugSwitches(),
    slowlog,
    latency,
    memory: () => {
      held.measure()
      return info.facts().memory
    },
    purgeMemory: () => defrag.purge(),
    loading: () => engine.gate.loading,
    log: (message) => log.warning(message),
    random: seededRandom(...seed),
    wallMicros: () => BigInt(wallMicros()),
    info: (sections) => {
      held.measure()
      return info.text(sections)
    },
    resetStats: () => {
      resetStats(commands, engine, keyspace)
      info.reset()
      defrag.reset()
      replication.resetCounters()
    },
    listenAnew: (place, apply, done) => {
      void listening.replace(place, apply).then((error) => {
        parts.port = listening.port || options['tls-port']
        done(error)
      })
    },
    rewriteConfig: (all) => rewriteConfigFile(configFile, config, access.users.linesToKeep(), log, all),
    migrate: (session, db, order) => migration.start(session, db, order),
    shutdown: (ctx, how) => shutdown.command(ctx, how),
    abortShutdown: () => shutdown.abort(),
    setActiveExpire: (on) => {
      housekeeping.active = on
    },
    crash: () => {
      log.warning('Vedette crashed by signal: 11 (SIGSEGV), as DEBUG SEGFAULT asked for')
      process.kill(process.pid, 'SIGSEGV')
    },
    sleep: (ms) => {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
    },
    access,
    usedMemoryBytes: () => storedBytes() + held.allBytes,
    limitedMemoryBytes: () => {
      const stored = storedBytes()
      if (stored + held.limitedBytes > engine.gate.maxmemoryBytes) held.refresh()
      return stored + held.limitedBytes
    },
    hello: () => [
      ['mode', 'standalone'],
      ['role', replication.isReplica() ? 'replica' : 'master'],
    ],
    tracking,
    subscriptionsMax: Number.POSITIVE_INFINITY,
    forget: (session) => transactions.unwatch(session),
    sessionChanged: (session) => engine.entered(session),
    attacked: createAttackLog(log, wallMs),
    internalError,
  })
  const engine: Engine = new Engine({
    keyspace,
    commands,
    host,
    gate: openGate(),
    feed: quick({
      get active() {
        return replication.active || appendOnly.active
      },
      feed: (db, bytes, start, end, isChange, toReplicas = true) => {
        if (isChange && appendOnly.active) appendOnly.append(db, bytes, start, end)
        if (toReplicas && replication.active) replication.feed(db, bytes, start, end)
      },
    }),
    tracking,
    onModified: transactions.modified,
    onFlushing: transactions.flushing,
    onReplicaWrite: (command, args, db) => ownExpiries.note(command, args, db),
    onMonitor: (session: Session, args: Args) => {
      const { peer, isUnix } = session.outlet
      const from = isUnix ? `unix:${peer.replace(/:0$/, '')}` : peer
      clients.sendToMonitors(monitorLine(host.wallMicros(), session.db, from, args))
    },
    onStall: (ms) => {
      if (timer !== undefined) hold.stalled(ms)
    },
    checkLease: () => replication.lease.check(),
    evictLater: () => {
      evicting ??= setImmediate(evict)
    },
    clockMicros: () => monotonicMs() * 1000,
    onTimed: timings.timed,
  })
  const scripts = createScripts({
    engine,
    makeLua,
    memoryBytesMax: () => options['script-memory-limit'],
    thresholdMs: () => options['busy-reply-threshold'],
    clockMicros: () => monotonicMs() * 1000,
    soon: (work) => void setImmediate(work),
    log: (level, text) => log[level](text),
  })
  let evicting: NodeJS.Immediate | undefined
  const evict = (): void => {
    evicting = undefined
    engine.setTime(wallMs())
    makeRoom()
  }
  /** Nothing changes the data but the script that runs. */
  const makeRoom = (): void => {
    if (!scripts.busy()) engine.eviction.makeRoom()
  }
  const clients: ClientRegistry = new ClientRegistry({
    requests: engine,
    pause: engine.gate,
    limits: clientLimits(options, access.users, (session) => replication.outputLimit(session)),
    defaultUser: access.users.default,
    requestsAhead: AHEAD_MAX,
    nowMs: wallMs,
    timers: eventLoop,
    log: (message) => log.verbose(message),
    internalError,
    paused: (on) => {
      keyspace.paused = on || engine.gate.leaseLost
      if (!on) replication.unpaused()
    },
    beforeReplies() {
      appendOnly.flush()
      replication.flush()
      replication.lease.beforeReplies()
    },
    onClosed: (session) => {
      pubsub.unsubscribeAll(session)
      transactions.unwatch(session)
      tracking.disable(session)
      engine.forgetWaiting(session)
      replication.sessionClosed(session)
    },
  })
  const parts: ServerParts = {
    options,
    config,
    configFile,
    log,
    keyspace,
    engine,
    clients,
    runId,
    port: 0,
    nowMs: wallMs,
    secure: secureFor('tls-replication'),
    passwords,
    dial: createDialler(secureFor('tls-replication')),
    roleMemory,
    dataReplaced: () => appendOnly.replaced(),
    panic: (reason) => {
      log.warning(reason)
      setImmediate(() => end(1))
    },
  }
  const snapshots = createSnapshots(
    keyspace,
    () => delayMs(options['rdb-key-save-delay']),
    // Half of what a script does is in no snapshot.
    () => scripts.busy(),
    () => scripts.libraries.list(),
  )
  const appendOnly = createAppendOnlyLog(parts, snapshots)
  const place = {
    fields: () => replication.snapshotFields(),
    resume: (loaded: ReadonlyMap<string, string>) => replication.resume(loaded),
    expired: (db: number, key: Buffer) => replication.expiredAtLoad(db, key),
  }
  const persistence = createPersistence(parts, snapshots, place, appendOnly)
  const replication = createReplication(parts, snapshots, {
    ordered() {
      hold.ordered()
      roles.settle()
    },
    holdWrites,
  })
  const roles = decideRole(parts, replication)
  const migration = createMigration(parts, secureFor('tls-cluster'))
  const shutdown = createShutdown({ options, log, clients, replication, persistence, end: (code) => end(code) })
  const defrag = createDefrag({
    keyspace,
    options,
    mayMove: () => keyspace.snapshot === undefined && !scripts.busy() && !engine.gate.loading,
  })
  const info = createInfo(parts, { persistence, appendOnly, replication, tracking, migration, shutdown, defrag })
  const housekeeping = createHousekeeping(keyspace, engine, ownExpiries, wallMs)

  /** Half of what a script does must not get into the last snapshot: one that has written is waited for, any other is ended. */
  const whenNoScriptRuns = (work: () => void): void => {
    if (scripts.busy() && !scripts.endHarmless()) log.notice('Waiting for the script that is running and has written.')
    engine.whenIdle(work)
  }

  let rounds = 0
  const tick = (): void => {
    engine.setTime(wallMs())
    if (host.debug.cronPaused) return
    if (!scripts.busy()) housekeeping.round()
    persistence.tick()
    appendOnly.tick()
    replication.tick()
    roleMemory.tick()
    if (tracking.on) tracking.trim()
    held.measure()
    makeRoom()
    info.tick()
    if (++rounds % 10 === 0) clients.tick()
  }
  let http: HttpServer | undefined
  let ended = false
  let leaving = false
  let resolveClosed!: (code: number) => void
  const closed = new Promise<number>((resolve) => {
    resolveClosed = resolve
  })
  const end = (code: number): void => {
    ended = true
    tls.clear()
    clearInterval(timer)
    clearImmediate(evicting)
    housekeeping.stop()
    defrag.stop()
    hold.stop()
    migration.stop()
    persistence.stop()
    replication.stop()
    appendOnly.stop()
    roles.stop()
    roleMemory.stop()
    listening.close()
    void http?.stop()
    clients.closeAll()
    lock.release()
    log.warning('Vedette is now ready to exit, bye bye...')
    resolveClosed(code)
  }

  applyOptions(config, engine, clients)
  try {
    openToUsers(config, access, log)
  } catch (error) {
    lock.release()
    throw error
  }
  engine.setTime(wallMs())
  replication.prepare()
  const listening = await openListening(options, tls, (wire) => clients.accept(wire), log).catch((error: unknown) => {
    lock.release()
    throw error
  })
  parts.port = listening.port || options['tls-port']
  followDirectory(config)
  createProcessTitle(config, configFile, () => parts.port)
  const tooMuch = memoryWarning(options.maxmemory)
  if (tooMuch !== undefined) log.warning(tooMuch)
  log.notice(`Running mode=standalone, port=${parts.port}, PID: ${process.pid}`)
  try {
    http = await openMetrics(parts, info, tls)
    // Connections are answered meanwhile, most commands with LOADING: a server that refuses them is taken for dead.
    if (!options.appendonly || !(await appendOnly.load())) await persistence.load()
    if (options.appendonly && !ended) appendOnly.start()
    if (!ended) {
      engine.setTime(wallMs())
      replication.start()
      roles.start()
      hold.started()
      timer = setInterval(tick, 100)
      defrag.start()
      log.notice(`Ready to accept connections on port ${parts.port}`)
    }
  } catch (error) {
    listening.close()
    void http?.stop()
    clients.closeAll()
    lock.release()
    throw error
  }
  return {
    port: parts.port,
    closed,
    stop: async (signal) => {
      // A second signal does not wait for anybody.
      if (signal === 'SIGTERM' && !leaving) {
        leaving = true
        const isPrimary = (): boolean => !ended && !replication.isReplica() && engine.gate.undecidedGroup === undefined
        const timeoutMs = options['shutdown-timeout'] * 1000
        await handOver({
          access: sentinelAccess(options, parts.passwords.sentinels, parts.secure),
          log,
          isPrimary,
          timeoutMs,
        })
      }
      if (!ended) whenNoScriptRuns(() => shutdown.signal(signal))
      await closed
    },
  }
}

/** The users that there are at the start, and `requirepass` when it changes. Throws if the users cannot be as they are given. */
function openToUsers(config: ServerConfig, access: Access, log: Log): void {
  const { users } = access
  openUsers(access, config.values, config.userLines, log)
  config.onChange('requirepass', (text) => {
    users.setDefaultPasswords(text === '' ? [] : [Buffer.from(text).toString('latin1')])
  })
}

/** What this server logs in elsewhere with. */
function passwordsElsewhere(options: ServerConfig['values'], log: Log): ServerPasswords {
  const open = (name: 'masterauth' | 'sentinel-pass', file: string): (() => readonly string[]) => {
    const passwords = openPasswords({ name, password: () => options[name], file }, log)
    return () => passwords.now
  }
  return {
    primary: open('masterauth', options['masterauth-file']),
    sentinels: open('sentinel-pass', options['sentinel-pass-file']),
  }
}

/** Until the sentinels have named the primary nothing is written, and nothing expires either; then the role is taken. */
function decideRole(parts: ServerParts, replication: ServerReplication): RoleInquiry {
  const { options, engine, keyspace } = parts
  const { gate } = engine
  if (options.sentinels.length === 0) return { start() {}, settle() {}, stop() {} }
  gate.undecidedGroup = options['sentinel-group']
  keyspace.expiry = 'hide'
  return createRoleInquiry({
    options,
    secure: parts.secure,
    passwords: parts.passwords,
    log: parts.log,
    runId: parts.runId,
    decided() {
      gate.undecidedGroup = undefined
      if (!replication.isReplica()) keyspace.expiry = 'delete'
    },
    lead: () => void replication.becomePrimary(),
    follow: (host, port) => void replication.replicaOf(host, port),
  })
}

/** Opens the HTTP port if there is to be one; its code is loaded only then. */
async function openMetrics(parts: ServerParts, info: ServerInfo, tls: Tls): Promise<HttpServer | undefined> {
  const { options, engine, log } = parts
  if (options['http-port'] === 'off') return undefined
  const [{ createObserver }, { openHttp }] = await Promise.all([import('./observe.ts'), import('./http.ts')])
  const { gate, host } = engine
  const { 'http-password-file': password, 'http-tls': secure } = options
  const writable = (): boolean => mayWrite(gate, host.replication, parts.nowMs())
  const http = await openHttp({
    host: options['http-bind'],
    ports: portChoices(options['http-port'], parts.port, HTTP_PORT_OFFSET),
    observer: createObserver({ facts: info.facts, writable, expiries: tls.expiries }),
    health: {
      loading: () => gate.loading,
      undecided: () => gate.undecidedGroup,
      isReplica: () => host.replication.isReplica(),
      linkUp: () => host.replication.linkUp(),
      silenceSeconds: () => Number(new Map(info.facts().replication).get('master_last_io_seconds_ago')),
      writable,
    },
    onError: (message) => log.warning(message),
    guard: openHttpGuard(password, log),
    tls: secure ? tls : undefined,
  })
  log.notice(`Metrics and health: http${secure ? 's' : ''}://${options['http-bind']}:${http.port}`)
  return http
}

/** CONFIG SET dir: the process goes there, as redis-server does, so that relative paths mean the same. */
function followDirectory(config: ServerConfig): void {
  config.onChange('dir', (dir) => {
    try {
      process.chdir(dir)
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException
      return DIRECTORY_ERRORS[code ?? ''] ?? message
    }
    return config.assign('dir', [process.cwd()])
  })
}

const DIRECTORY_ERRORS: Readonly<Record<string, string>> = {
  ENOENT: 'No such file or directory',
  ENOTDIR: 'Not a directory',
  EACCES: 'Permission denied',
}

/** Options that change a state of the engine. */
function applyOptions(config: ServerConfig, engine: Engine, clients: ClientRegistry): void {
  const { values } = config
  const apply = (): void => {
    engine.gate.maxmemoryBytes = values.maxmemory
    engine.gate.replicasToWriteMin = values['min-replicas-max-lag'] === 0 ? 0 : values['min-replicas-to-write']
    engine.effects.notifyMask = values['notify-keyspace-events']
    clients.memory.limitChanged()
  }
  apply()
  for (const name of [
    'maxmemory',
    'maxmemory-clients',
    'min-replicas-to-write',
    'min-replicas-max-lag',
    'notify-keyspace-events',
  ] as const) {
    config.onChange(name, apply)
  }
}

function resetStats(commands: CommandTable<never>, engine: Engine, keyspace: Keyspace): void {
  for (const command of commands.all()) {
    command.calls = command.rejected = command.failed = command.large = command.micros = 0
    command.untimed = 0
    command.stride = 1
    command.latency = undefined
  }
  engine.stats.commands = engine.stats.errors = 0
  Object.assign(engine.eviction.stats, { keys: 0, exceededMicros: 0 })
  engine.errorsByCode.clear()
  Object.assign(keyspace.stats, { hits: 0, misses: 0, expired: 0, expiredFields: 0 })
  keyspace.releases.released = 0
}
