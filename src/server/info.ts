// Collects what INFO shows: counters of the parts, the process's memory and processor time, and rates over the last
// seconds. The text itself is made by engine/info.ts.

import { machine, release, totalmem, type } from 'node:os'
import { type DatabaseFacts, formatInfo, type InfoFacts } from '../engine/info.ts'
import type { ClientTracking } from '../engine/tracking.ts'
import { monotonicMs } from '../io/clock.ts'
import type { Database } from '../keyspace/database.ts'
import { secondsClock } from '../keyspace/keyspace.ts'
import type { AppendOnlyLog } from './aof.ts'
import type { Defrag } from './defrag.ts'
import type { Migration } from './migration.ts'
import type { ServerParts, ServerReplication } from './parts.ts'
import type { ServerPersistence } from './persistence.ts'
import type { Shutdown } from './shutdown.ts'

/** INFO of a server. */
export interface ServerInfo {
  /** What the text is made from; the metrics are too. */
  facts(): InfoFacts
  /** The text for the sections asked for, in lower case; none: the default ones. */
  text(sections: readonly string[]): string
  /** Ten times a second: samples rates and the peak of memory. */
  tick(): void
  /** CONFIG RESETSTAT: the counters that are kept here, and the peak. */
  reset(): void
}

/** Rates are averages over so many samples of a tenth of a second, as in Redis. */
const SAMPLES = 16

/** The growth of a counter per second, over the last samples. */
function createRate(): { sample(value: number): void; perSecond(): number } {
  const rates = new Array<number>(SAMPLES).fill(0)
  let next = 0
  let lastValue = 0
  let lastMs = monotonicMs()
  return {
    sample(value) {
      const nowMs = monotonicMs()
      const elapsedMs = nowMs - lastMs
      rates[next++ % SAMPLES] = elapsedMs > 0 ? (Math.max(0, value - lastValue) * 1000) / elapsedMs : 0
      lastValue = value
      lastMs = nowMs
    },
    perSecond: () => rates.reduce((sum, rate) => sum + rate, 0) / SAMPLES,
  }
}

/** The parts that INFO tells of. */
export interface InfoSources {
  readonly persistence: Pick<ServerPersistence, 'facts'>
  readonly appendOnly: Pick<AppendOnlyLog, 'facts' | 'bufferBytes'>
  readonly replication: Pick<ServerReplication, 'facts' | 'counters'>
  readonly tracking: Pick<ClientTracking, 'counts'>
  readonly migration: Pick<Migration, 'sockets'>
  readonly shutdown: Pick<Shutdown, 'remainingMs'>
  readonly defrag: Pick<Defrag, 'facts'>
}

/** INFO of a server. */
export function createInfo(parts: ServerParts, of: InfoSources): ServerInfo {
  const { persistence, appendOnly, replication, tracking, migration } = of
  const { options, keyspace, engine, clients } = parts
  const startMs = monotonicMs()
  const startupBytes = engine.host.usedMemoryBytes()
  const emptyBytes = keyspace.usedBytes
  const rates = { commands: createRate(), input: createRate(), output: createRate() }
  let peakBytes = 0

  const memory = (): InfoFacts['memory'] => {
    const usedBytes = engine.host.usedMemoryBytes()
    peakBytes = Math.max(peakBytes, usedBytes)
    const { backlogBytes, replicaBufferBytes, replicaOutputBytes } = replication.counters
    return {
      usedBytes,
      peakBytes,
      startupBytes,
      // What the empty store takes is no data.
      datasetBytes: Math.max(0, keyspace.usedBytes - emptyBytes),
      reservedBytes: keyspace.arena.reservedBytes + keyspace.arena.huge.usedBytes,
      blockBytes: keyspace.arena.usedBytes + keyspace.arena.huge.usedBytes,
      returnedBytes: keyspace.arena.returnedBytes,
      defrag: of.defrag.facts,
      rssBytes: process.memoryUsage.rss(),
      systemBytes: totalmem(),
      maxBytes: options.maxmemory,
      policy: options['maxmemory-policy'],
      backlogBytes,
      replicaBufferBytes,
      clientBytes: Math.max(0, clients.heldBytes - replicaOutputBytes),
      logBufferBytes: appendOnly.bufferBytes,
      pendingTables: keyspace.releases.pending,
      releasedValues: keyspace.releases.released,
    }
  }

  const server = (): InfoFacts['server'] => ({
    os: `${type()} ${release()} ${machine()}`,
    runtime: `node-${process.versions.node}`,
    processId: process.pid,
    runId: parts.runId,
    port: parts.port,
    nowMicros: engine.host.wallMicros(),
    uptimeSeconds: Math.floor((monotonicMs() - startMs) / 1000),
    hz: options.hz,
    configuredHz: options.hz,
    clock: secondsClock(keyspace.nowMs),
    executable: process.argv[1] ?? process.execPath,
    configFile: parts.configFile ?? '',
    shutdownMs: of.shutdown.remainingMs(),
  })

  const clientFacts = (): InfoFacts['clients'] => {
    const sessions = [...clients.all()]
    const blocked = sessions.flatMap((session) => session.blocked ?? [])
    const ordinary = sessions.filter(({ isReplica, isPrimary }) => !isReplica && !isPrimary)
    return {
      connected: ordinary.length,
      max: options.maxclients,
      blocked: blocked.length,
      inTimeoutTable: blocked.filter(({ timeoutAtMs }) => timeoutAtMs !== 0).length,
      inputBufferBytesMax: sessions.reduce((max, { outlet }) => Math.max(max, outlet.queryBytes), 0),
      tracking: tracking.counts.clients,
      outputBufferBytesMax: sessions.reduce((max, { outlet }) => Math.max(max, outlet.outputBytes), 0),
    }
  }

  const stats = (): InfoFacts['stats'] => {
    const { counters } = replication
    const { pubsub } = engine.host
    return {
      connections: clients.stats.connections,
      rejectedConnections: clients.stats.rejected,
      commands: engine.stats.commands,
      commandsPerSecond: Math.round(rates.commands.perSecond()),
      inputBytes: clients.stats.inputBytes,
      outputBytes: clients.stats.outputBytes,
      inputKiBPerSecond: rates.input.perSecond() / 1024,
      outputKiBPerSecond: rates.output.perSecond() / 1024,
      replicationInputBytes: counters.inputBytes,
      replicationOutputBytes: counters.outputBytes,
      fullSyncs: counters.fullSyncs,
      partialSyncs: counters.partialSyncs,
      refusedPartialSyncs: counters.refusedPartialSyncs,
      expiredKeys: keyspace.stats.expired,
      expiredFields: keyspace.stats.expiredFields,
      evictedKeys: engine.eviction.stats.keys,
      exceededMs: Math.floor((engine.eviction.stats.exceededMicros + engine.eviction.exceedingMicros) / 1000),
      exceedingMs: Math.floor(engine.eviction.exceedingMicros / 1000),
      hits: keyspace.stats.hits,
      misses: keyspace.stats.misses,
      channels: pubsub.channels().size,
      patterns: pubsub.patterns().size,
      shardChannels: pubsub.shardChannels().size,
      evictedClients: clients.memory.evicted,
      trackedKeys: tracking.counts.keys,
      trackedItems: tracking.counts.items,
      trackedPrefixes: tracking.counts.prefixes,
      migrateSockets: migration.sockets,
      errorReplies: engine.stats.errors,
      unexpectedErrorReplies: counters.applyErrors,
      reads: clients.stats.reads,
      writes: clients.stats.writes,
    }
  }

  const facts = (): InfoFacts => {
    const { user, system } = process.cpuUsage()
    return {
      server: server(),
      clients: clientFacts(),
      memory: memory(),
      loading: engine.gate.loading,
      snapshots: persistence.facts(),
      appendOnly: appendOnly.facts(),
      stats: stats(),
      replication: replication.facts(),
      cpu: { systemSeconds: system / 1e6, userSeconds: user / 1e6 },
      commands: [...engine.host.commands.all()],
      scripts: engine.host.scripts.facts(),
      percentiles: options['latency-tracking-info-percentiles'],
      errors: engine.errorsByCode,
      databases: keyspace.databases.filter((db) => db.size > 0).map((db) => databaseFacts(db, engine.nowMs)),
    }
  }

  return {
    facts,
    text: (sections) => formatInfo(facts(), sections),
    tick() {
      rates.commands.sample(engine.stats.commands)
      rates.input.sample(clients.stats.inputBytes)
      rates.output.sample(clients.stats.outputBytes)
      peakBytes = Math.max(peakBytes, engine.host.usedMemoryBytes())
    },
    reset() {
      peakBytes = engine.host.usedMemoryBytes()
      clients.memory.evicted = 0
      Object.assign(clients.stats, {
        connections: 0,
        rejected: 0,
        inputBytes: 0,
        outputBytes: 0,
        reads: 0,
        writes: 0,
      })
    },
  }
}

/** Segments of a table of expiries that are looked at for one that has any: those of a table that was large may be empty. */
const SEGMENTS_MAX = 64

/** A database's line; the time to live is the average of one segment of its expiries, 0 if none was found. */
function databaseFacts(db: Database, nowMs: number): DatabaseFacts {
  let sum = 0
  let count = 0
  let hash = 0
  for (let segments = 0; count === 0 && hash < 2 ** 32 && segments < SEGMENTS_MAX; segments++) {
    hash = db.expires.visitSegment(hash, (h) => {
      sum += Math.max(0, db.expiryMs(h) - nowMs)
      count++
    })
  }
  return {
    index: db.index,
    keys: db.size,
    expires: db.expires.size,
    averageTtlMs: count === 0 ? 0 : Math.round(sum / count),
  }
}
