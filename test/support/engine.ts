// A server without a process: the real engine, commands, keyspace and configuration, with a clock that the test turns,
// connections in memory, and a record of what would be replicated. Everything runs synchronously.
import { startUsers } from '../../src/acl/start.ts'
import type { Host, ReplicationHost } from '../../src/commands/context.ts'
import { debugSwitches } from '../../src/commands/debug-switches.ts'
import type { MemoryFacts } from '../../src/commands/observed.ts'
import { allCommands } from '../../src/commands/table.ts'
import type { ServerOptions } from '../../src/config/server-options.ts'
import { type ServerConfig, serverConfig } from '../../src/config/store.ts'
import type { ChangeFeed } from '../../src/engine/change-feed.ts'
import { Engine } from '../../src/engine/engine.ts'
import { openGate } from '../../src/engine/gate.ts'
import { LatencyMonitor } from '../../src/engine/latency.ts'
import { createScripts } from '../../src/engine/scripts.ts'
import { SlowLog } from '../../src/engine/slowlog.ts'
import { ClientTracking } from '../../src/engine/tracking.ts'
import { createTransactions } from '../../src/engine/transactions.ts'
import { failWith } from '../../src/errors.ts'
import { createAccess } from '../../src/facade/access.ts'
import { createPubSub } from '../../src/facade/pubsub.ts'
import { type Outlet, Session } from '../../src/facade/session.ts'
import { makeLua } from '../../src/io/lua.ts'
import { sha256Hex } from '../../src/io/secrets.ts'
import { Keyspace } from '../../src/keyspace/keyspace.ts'
import { seededRandom } from '../../src/lib/prng.ts'
import { Args } from '../../src/protocol/args.ts'
import { ReplyWriter } from '../../src/protocol/writer.ts'
import { createTimings } from '../../src/server/timings.ts'
import { decode, type RespValue, replyEnd } from './resp.ts'

/** A connection in memory. */
export interface TestClient {
  readonly session: Session
  /** Runs a command; all bytes that came back, messages included. */
  raw(...argv: (string | Buffer)[]): Buffer
  /** Runs a command; what came back as one value, or as a list of several; undefined if nothing came. */
  call(...argv: (string | Buffer)[]): RespValue | undefined
  /** Messages that came outside of replies, decoded; forgets them. */
  received(): RespValue[]
  readonly closed: boolean
}

/** A server in memory. */
export interface TestServer {
  readonly engine: Engine
  readonly keyspace: Keyspace
  readonly config: ServerConfig
  readonly host: Host
  readonly latency: LatencyMonitor
  /** Commands replicated, each as `db: WORD word …` in latin1; forget them by setting the length to 0. */
  readonly feed: string[]
  /** Whether anybody listens to it. */
  feeding: boolean
  /** Calls that reached the host: `sleep 100`, `bgsave`, `kill 3` … */
  readonly calls: string[]
  /** Unix time in milliseconds. */
  nowMs: number
  /** The monotonic clock, in microseconds. */
  clockMicros: () => number
  advance(ms: number): void
  readonly tracking: ClientTracking
  /** What happens at the end of a turn of the event loop. */
  endTurn(): void
  connect(): TestClient
}

/** The values that follow each other in the bytes. */
export function decodeAll(bytes: Buffer): RespValue[] {
  const values: RespValue[] = []
  for (let at = 0; at < bytes.length; ) {
    const end = replyEnd(bytes, at)
    if (end === undefined) throw new Error(`half a reply: ${JSON.stringify(bytes.toString('latin1', at))}`)
    values.push(decode(bytes.subarray(at, end)))
    at = end
  }
  return values
}

const START_MS = 1_700_000_000_000

const MEMORY: MemoryFacts = {
  usedBytes: 1000,
  peakBytes: 2000,
  startupBytes: 100,
  datasetBytes: 500,
  reservedBytes: 4000,
  blockBytes: 900,
  returnedBytes: 0,
  defrag: { percent: 0, keyHits: 0, keyMisses: 0, movedBlocks: 0, movedBytes: 0, totalMs: 0, currentMs: 0 },
  rssBytes: 5000,
  systemBytes: 1e9,
  maxBytes: 0,
  policy: 'noeviction',
  backlogBytes: 1,
  replicaBufferBytes: 2,
  clientBytes: 3,
  logBufferBytes: 0,
  pendingTables: 0,
  releasedValues: 0,
}

/** Starts a server in memory. `given` are options as words of a configuration file; `fed`: who takes what is to be replicated. */
export function createTestServer(
  given: Readonly<Partial<Record<keyof ServerOptions, string>>> = {},
  fed?: ChangeFeed,
): TestServer {
  const config = serverConfig(given)
  const options = config.values
  const clients = new Map<number, Session>()
  const calls: string[] = []
  const feed: string[] = []
  const call = (...words: (string | number | boolean)[]): void => {
    calls.push(words.join(' '))
  }
  const pubsub = createPubSub()
  const transactions = createTransactions(() => engine)
  const commands = allCommands()
  const slowlog = new SlowLog()
  const latency = new LatencyMonitor()
  const silent = { debug() {}, verbose() {}, notice() {}, warning() {} }
  const nowMs = (): number => server.nowMs
  const timings = createTimings({ config, commands, slowlog, latency, nowMs, log: silent })
  const replication: ReplicationHost = {
    replicaOf: () => 'OK',
    failover: () => {},
    becomePrimary: () => 'OK',
    changeId: () => call('changeId'),
    role: (reply) => reply.array(0),
    replconf: (ctx) => ctx.reply.ok(),
    psync: () => {},
    strayCommand: (session) => session.outlet.close(),
    wait: (ctx) => ctx.reply.int(0),
    isReplica: () => false,
    linkUp: () => true,
    goodReplicas: () => 0,
  }
  const access = createAccess({
    commands,
    clients: () => host.clients,
    hash: sha256Hex,
    randomHex: (digits) => 'a'.repeat(digits),
    allChannels: () => options['acl-pubsub-default'] === 'allchannels',
    logEntriesMax: () => options['acllog-max-len'],
    nowMs,
    file: () => undefined,
  })
  const problem = startUsers(access.users, {
    passwords: options.requirepass === '' ? [] : [options.requirepass],
    lines: [],
    loadFile: undefined,
  })
  if (problem !== undefined) throw new Error(problem)
  const host: Host = {
    config,
    commands,
    pubsub,
    transactions,
    replication,
    debug: debugSwitches(),
    slowlog,
    latency,
    memory: () => MEMORY,
    purgeMemory: () => call('purgeMemory'),
    loading: () => engine.gate.loading,
    log: (message) => call('log', message),
    random: seededRandom(1),
    clients: {
      all: () => clients.values(),
      byId: (id) => clients.get(id),
      kill: (session) => {
        call('kill', session.id)
        session.outlet.close()
      },
      pause: (untilMs, mode) => call('pause', untilMs, mode),
      unpause: () => call('unpause'),
      setMonitor: (session, on) => {
        session.monitor = on
      },
      block: (session, blocked) => {
        session.blocked = blocked
      },
      unblock: (session, why) => {
        const { blocked } = session
        if (blocked === undefined || blocked.kind === 'pause') return false
        call('unblock', session.id, why)
        session.blocked = undefined
        const reply = new ReplyWriter(256)
        blocked.finish(reply, why)
        if (reply.pos > 0) session.outlet.send(reply.written())
        return true
      },
    },
    get scripts() {
      return scripts
    },
    persistence: {
      save: () => call('save'),
      bgsave: (schedule) => {
        call('bgsave', ...(schedule ? ['schedule'] : []))
        return 'Background saving started'
      },
      reload: (how) => call('reload', JSON.stringify(how)),
      lastSaveSeconds: () => START_MS / 1000,
      flushed: () => call('flushed'),
    },
    appendOnly: {
      rewriteLog: () => {
        call('rewriteLog')
        return 'Background append only file rewriting started'
      },
      loadLog: () => call('loadLog'),
    },
    wallMicros: () => BigInt(server.nowMs) * 1000n,
    info: (sections) => `info ${sections.join(' ')}`,
    resetStats: () => call('resetStats'),
    rewriteConfig: () => failWith('ERR The server is running without a config file'),
    migrate: (_session, db, order) => call('migrate', db, order.host, order.port, ...order.keys.map(String)),
    shutdown: (_ctx, how) => call('shutdown', JSON.stringify(how)),
    abortShutdown: () => false,
    crash: () => call('crash'),
    listenAnew: ({ bind, port }, apply, done) => {
      call('listenAnew', ...bind, port)
      setImmediate(() => done(apply()))
    },
    sleep: (ms) => {
      call('sleep', ms)
      server.nowMs += ms
    },
    setActiveExpire: (on) => call('setActiveExpire', on),
    access,
    usedMemoryBytes: () => keyspace.usedBytes,
    limitedMemoryBytes: () => keyspace.usedBytes,
    hello: () => [
      ['mode', 'standalone'],
      ['role', replication.isReplica() ? 'replica' : 'master'],
    ],
    get tracking() {
      return tracking
    },
    subscriptionsMax: Number.POSITIVE_INFINITY,
    forget: (session) => transactions.unwatch(session),
    sessionChanged: (session) => engine.entered(session),
    attacked: (session) => call('attacked', session.id),
    internalError: (error) => {
      throw error
    },
  }
  const keyspace = new Keyspace(
    options.databases,
    { k0: 1, k1: 2 },
    { expired: () => {}, modified: () => {}, flushing: () => {} },
  )
  keyspace.limits = options
  const endings: (() => void)[] = []
  const tracking = new ClientTracking({
    clients: () => host.clients,
    hashKey: { k0: 1, k1: 2 },
    random: seededRandom(1),
    keysMax: () => options['tracking-table-max-keys'],
    onWatching: (on) => keyspace.setWatching('tracking', on),
    endOfTurn: (run) => void endings.push(run),
  })
  const engine: Engine = new Engine({
    keyspace,
    commands,
    host,
    gate: openGate(),
    feed: fed ?? {
      get active() {
        return server.feeding
      },
      feed: (db, bytes, start, end) => {
        const argv = decode(Buffer.from(bytes.subarray(start, end))) as string[]
        feed.push(`${db}: ${argv.join(' ')}`)
      },
    },
    tracking,
    onModified: transactions.modified,
    onFlushing: transactions.flushing,
    onMonitor: () => {},
    onReplicaWrite: () => {},
    checkLease() {},
    onStall: () => {},
    evictLater: () => call('evictLater'),
    clockMicros: () => server.clockMicros(),
    onTimed: timings.timed,
  })

  const scripts = createScripts({
    engine,
    makeLua,
    memoryBytesMax: () => options['script-memory-limit'],
    thresholdMs: () => options['busy-reply-threshold'],
    clockMicros: () => server.nowMs * 1000,
    soon: (work) => void setImmediate(work),
    log: (level, text) => call('log', level, text),
  })

  const connect = (): TestClient => {
    const reply = new ReplyWriter(1024)
    const args = new Args(Buffer.alloc(0))
    const messages: Buffer[] = []
    let running = false
    let closed = false
    const outlet: Outlet = {
      peer: `127.0.0.1:${10_000 + clients.size}`,
      local: '127.0.0.1:6379',
      isUnix: false,
      peerIsLoopback: true,
      descriptor: 8,
      queryBytes: 0,
      queryFreeBytes: 0,
      argumentBytes: 0,
      replyBufferBytes: 0,
      outputBytes: 0,
      chargedBytes: 0,
      send: (bytes) => (running ? reply.raw(bytes) : void messages.push(Buffer.from(bytes))),
      closeAfterReply: () => {
        session.closing = true
        closed = true
      },
      close: () => {
        session.closing = true
        closed = true
        clients.delete(session.id)
      },
    }
    const session = new Session(clients.size + 1, outlet, server.nowMs, options.requirepass === '')
    session.user = access.users.default
    clients.set(session.id, session)
    const raw = (...argv: (string | Buffer)[]): Buffer => {
      args.load(argv.map((arg) => (typeof arg === 'string' ? Buffer.from(arg, 'latin1') : arg)))
      reply.clear()
      running = true
      engine.setTime(server.nowMs)
      engine.effects.notifyMask = options['notify-keyspace-events']
      engine.execute(session, args, reply)
      running = false
      return Buffer.from(reply.written())
    }
    return {
      session,
      raw,
      call: (...argv) => {
        const values = decodeAll(raw(...argv))
        return values.length < 2 ? values[0] : values
      },
      received: () => decodeAll(Buffer.concat(messages.splice(0))),
      get closed() {
        return closed
      },
    }
  }
  const advance = (ms: number): void => {
    server.nowMs += ms
  }
  const server: TestServer = {
    engine,
    keyspace,
    config,
    host,
    latency,
    feed,
    feeding: true,
    calls,
    nowMs: START_MS,
    clockMicros: () => 0,
    connect,
    advance,
    tracking,
    endTurn: () => {
      for (const run of endings.splice(0)) run()
    },
  }
  return server
}
