// A server of the replication simulator: production's engine, keyspace, replication, snapshots and client connections, put together as
// server/main.ts does, over simulated wires and a disk that is a buffer.
import type { Host } from '../../src/commands/context.ts'
import { ClientRegistry } from '../../src/facade/registry.ts'
import type { Log } from '../../src/io/log.ts'
import { eventLoop } from '../../src/io/timers.ts'
import { assert } from '../../src/lib/assert.ts'
import { clientLimits } from '../../src/server/client-limits.ts'
import { createLoader } from '../../src/server/loading.ts'
import type { ServerParts, ServerReplication } from '../../src/server/parts.ts'
import { createReplication } from '../../src/server/replication.ts'
import { openRoleMemory } from '../../src/server/role-memory.ts'
import { createSnapshots, type SnapshotOptions, snapshotAux } from '../../src/server/snapshot.ts'
import { createTestServer } from '../support/engine.ts'
import type { RespValue } from '../support/resp.ts'
import type { ReplicationNetwork } from './replication-network.ts'

/** What a server says of its data: the names of the state that they are in, as (replication ID, offset), and their digest. */
export interface State {
  readonly names: readonly string[]
  readonly digest: string
}

export interface ReplicatingServer {
  readonly name: string
  /** One command of a client. */
  call(...argv: string[]): RespValue | undefined
  isPrimary(): boolean
  /** Undefined while its data are part of no history. */
  state(): State | undefined
  /** Changes whenever `state` may have. */
  place(): string
  /** Writes a snapshot, at once or bit by bit while clients go on; the disk holds it when it is complete. */
  save(background: boolean): void
  /** What its connections and its data cost ends. */
  kill(): void
}

/** What outlives the process. */
export interface Disk {
  snapshot: Buffer | undefined
}

export interface ServerWorld {
  readonly network: ReplicationNetwork
  readonly log: (name: string, text: string) => void
  /** How long a snapshot that is written bit by bit waits for each key. */
  readonly keyMs: () => number
}

const OPTIONS = {
  save: '',
  'enable-debug-command': 'yes',
  'repl-diskless-sync-delay': '0',
  'repl-backlog-size': '16384',
  'repl-timeout': '10',
}

/** Starts a server from what is on its disk, as a primary or as a replica of another. */
export function startReplicatingServer(
  world: ServerWorld,
  name: string,
  disk: Disk,
  primary: string | undefined,
): ReplicatingServer {
  const test = createTestServer(
    { ...OPTIONS, ...(primary === undefined ? {} : { replicaof: `${primary} 6379` }) },
    {
      get active() {
        return replication.active
      },
      feed: (db, bytes, start, end) => replication.feed(db, bytes, start, end),
    },
  )
  const { engine, keyspace, config } = test
  const host = test.host as { -readonly [K in keyof Host]: Host[K] }
  const say = (text: string): void => world.log(name, text)
  const log: Log = { debug() {}, verbose: say, notice: say, warning: say }
  const nowMs = (): number => {
    test.nowMs = Date.now()
    return test.nowMs
  }
  const clients: ClientRegistry = new ClientRegistry({
    requests: engine,
    pause: engine.gate,
    limits: clientLimits(config.values, host.access.users, (session) => replication.outputLimit(session)),
    defaultUser: host.access.users.default,
    requestsAhead: 0,
    nowMs,
    timers: eventLoop,
    log: say,
    internalError: (error) => {
      throw error
    },
    paused: (on) => {
      keyspace.paused = on
    },
    beforeReplies: () => replication.flush(),
    onClosed: (session) => {
      host.transactions.unwatch(session)
      engine.forgetWaiting(session)
      replication.sessionClosed(session)
    },
  })
  const parts: ServerParts = {
    options: config.values,
    config,
    configFile: undefined,
    log,
    keyspace,
    engine,
    clients,
    runId: name.repeat(40).slice(0, 40),
    port: 6379,
    nowMs,
    dial: world.network.diallerOf(name),
    roleMemory: openRoleMemory('', 0, '', log, nowMs),
    dataReplaced: () => {},
    passwords: { primary: () => [], sentinels: () => [] },
    secure: () => undefined,
    panic: (reason) => {
      throw new Error(reason)
    },
  }
  const snapshots = createSnapshots(keyspace, world.keyMs)
  const replication: ServerReplication = createReplication(parts, snapshots, { ordered() {}, holdWrites() {} })
  host.replication = replication
  host.clients = clients
  const client = test.connect()
  let running = true

  const snapshotOptions = (): SnapshotOptions => ({
    compress: false,
    checksum: true,
    aux: snapshotAux(keyspace, nowMs(), replication.snapshotFields()),
  })
  const facts = (): Map<string, string> =>
    new Map(replication.facts().map(([field, value]) => [field, String(value)] as const))
  /** Without a backlog the writes are not counted. */
  const isPlaced = (of: Map<string, string>): boolean =>
    !engine.gate.loading && of.get('repl_backlog_active') === '1' && of.get('replica_complete') !== '0'

  replication.prepare()
  if (disk.snapshot !== undefined) load(disk.snapshot)
  world.network.join({ name, accept: (wire) => (running ? clients.accept(wire) : undefined) })
  replication.start()
  const ticking = setInterval(() => {
    engine.setTime(nowMs())
    replication.tick()
  }, 100)

  function load(snapshot: Buffer): void {
    const loader = createLoader(keyspace, {
      checksum: true,
      stringBytesMax: Number.MAX_SAFE_INTEGER,
      dropExpiredAtMs: undefined,
      onLibrary() {},
    })
    loader.reader.feed(snapshot)
    loader.reader.end()
    replication.resume(loader.aux)
  }

  return {
    name,
    call(...argv) {
      nowMs()
      return client.call(...argv)
    },
    isPrimary: () => !replication.isReplica(),
    place() {
      const of = facts()
      return isPlaced(of) ? `${of.get('master_replid')} ${of.get('master_repl_offset')}` : ''
    },
    state() {
      const of = facts()
      if (!isPlaced(of)) return undefined
      const [offset, secondOffset] = [Number(of.get('master_repl_offset')), Number(of.get('second_repl_offset'))]
      const names = [`${of.get('master_replid')} ${offset}`]
      if (offset < secondOffset) names.push(`${of.get('master_replid2')} ${offset}`)
      const digest = client.call('DEBUG', 'DIGEST')
      assert(typeof digest === 'string' && /^[0-9a-f]{40}$/.test(digest), `a digest: ${String(digest)}`)
      return { names, digest }
    },
    save(background) {
      if (snapshots.busy()) return
      const chunks: Buffer[] = []
      const sink = {
        emit: (chunk: Uint8Array) => void chunks.push(Buffer.from(chunk)),
        ready: () => true,
        done(error: Error | undefined) {
          if (error === undefined && running) disk.snapshot = Buffer.concat(chunks)
        },
      }
      if (background) snapshots.start(snapshotOptions(), sink)
      else snapshots.runAtOnce(snapshotOptions(), sink)
    },
    kill() {
      running = false
      clearInterval(ticking)
      replication.stop()
      snapshots.cancel('the server was killed')
      world.network.drop(name)
    },
  }
}
