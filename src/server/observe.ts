// The server's metrics: all of them are set from INFO's facts when somebody asks, so that INFO and `/metrics` cannot
// disagree and the data path counts nothing twice. Loaded only when there is an HTTP port.
import type { Registry } from 'prom-client'
import type { InfoFacts, InfoFields } from '../engine/info.ts'
import { VERSION } from '../io/package.ts'
import { REDIS_VERSION } from '../lib/version.ts'
import { createServerMetrics, type ServerMetrics } from '../metrics/server-metrics.ts'
import { createRegistry, setTotal } from '../metrics/table.ts'

/** What is observed beyond INFO. */
export interface Observed {
  readonly facts: () => InfoFacts
  /** Whether clients may write now. */
  readonly writable: () => boolean
  /** Unix times in milliseconds at which certificates expire, by option. */
  readonly expiries: () => ReadonlyMap<string, number>
}

export interface Observer {
  readonly registry: Registry
  /** Brings the metrics up to date; call before reading the registry. */
  collect(): void
}

/** Makes the metrics of a running server. */
export function createObserver({ facts, writable, expiries }: Observed): Observer {
  const registry = createRegistry()
  const metrics = createServerMetrics(registry)
  return {
    registry,
    collect() {
      const now = facts()
      metrics.info.set({ version: VERSION, redis_version: REDIS_VERSION, run_id: now.server.runId }, 1)
      for (const [option, atMs] of expiries()) metrics.certificateExpiry.set({ option }, atMs / 1000)
      metrics.isWritable.set(writable() ? 1 : 0)
      collectProcess(metrics, now)
      collectCommands(metrics, now)
      collectMemory(metrics, now)
      collectKeys(metrics, now)
      collectScripts(metrics, now)
      collectReplication(metrics, now)
      collectPersistence(metrics, now)
    },
  }
}

function collectProcess(metrics: ServerMetrics, { server, clients, stats, loading }: InfoFacts): void {
  metrics.uptime.set(server.uptimeSeconds)
  metrics.isLoading.set(loading ? 1 : 0)
  metrics.clientsConnected.set(clients.connected)
  metrics.clientsBlocked.set(clients.blocked)
  metrics.clientsMax.set(clients.max)
  metrics.clientsTracking.set(clients.tracking)
  setTotal(metrics.clientsEvicted, {}, stats.evictedClients)
  metrics.trackedKeys.set(stats.trackedKeys)
  metrics.trackedItems.set(stats.trackedItems)
  metrics.trackedPrefixes.set(stats.trackedPrefixes)
  setTotal(metrics.connectionsReceived, {}, stats.connections)
  setTotal(metrics.connectionsRejected, {}, stats.rejectedConnections)
  setTotal(metrics.networkBytes, { direction: 'in' }, stats.inputBytes)
  setTotal(metrics.networkBytes, { direction: 'out' }, stats.outputBytes)
  metrics.pubsubChannels.set(stats.channels)
  metrics.pubsubPatterns.set(stats.patterns)
}

/** Commands that were never called have no series: there are some 250 of them. */
function collectCommands(metrics: ServerMetrics, { stats, commands, errors }: InfoFacts): void {
  setTotal(metrics.commandsProcessed, {}, stats.commands)
  for (const { fullName: command, calls, micros, rejected, failed, large } of commands) {
    if (calls === 0 && rejected === 0) continue
    setTotal(metrics.commandCalls, { command }, calls)
    setTotal(metrics.commandSeconds, { command }, micros / 1e6)
    setTotal(metrics.commandRejected, { command }, rejected)
    setTotal(metrics.commandFailed, { command }, failed)
    if (large > 0) setTotal(metrics.commandLarge, { command }, large)
  }
  for (const [code, count] of errors) setTotal(metrics.errorReplies, { code }, count)
}

function collectMemory(metrics: ServerMetrics, { memory, stats }: InfoFacts): void {
  metrics.memoryUsedBytes.set(memory.usedBytes)
  metrics.memoryPeakBytes.set(memory.peakBytes)
  metrics.memoryLimitBytes.set(memory.maxBytes)
  metrics.memoryDatasetBytes.set(memory.datasetBytes)
  metrics.memoryReservedBytes.set(memory.reservedBytes)
  metrics.memoryBlockBytes.set(memory.blockBytes)
  setTotal(metrics.memoryReturnedBytes, {}, memory.returnedBytes)
  metrics.defragPercent.set(memory.defrag.percent)
  setTotal(metrics.defragMovedBytes, {}, memory.defrag.movedBytes)
  metrics.evictionPolicy.reset()
  metrics.evictionPolicy.set({ policy: memory.policy }, 1)
  setTotal(metrics.memoryExceededSeconds, {}, stats.exceededMs / 1000)
  metrics.backlogBytes.set(memory.backlogBytes)
  metrics.replicaBufferBytes.set(memory.replicaBufferBytes)
}

function collectKeys(metrics: ServerMetrics, { stats, databases }: InfoFacts): void {
  setTotal(metrics.keyspaceHits, {}, stats.hits)
  setTotal(metrics.keyspaceMisses, {}, stats.misses)
  setTotal(metrics.keysExpired, {}, stats.expiredKeys)
  setTotal(metrics.fieldsExpired, {}, stats.expiredFields)
  setTotal(metrics.keysEvicted, {}, stats.evictedKeys)
  metrics.keys.reset()
  metrics.keysExpiring.reset()
  for (const { index, keys, expires } of databases) {
    metrics.keys.set({ db: String(index) }, keys)
    metrics.keysExpiring.set({ db: String(index) }, expires)
  }
}

function collectScripts(metrics: ServerMetrics, { scripts }: InfoFacts): void {
  metrics.scriptBusy.set(scripts.running ? 1 : 0)
  metrics.scriptsCached.set(scripts.cached)
  metrics.scriptMemoryBytes.set(scripts.takenBytes + scripts.functionTakenBytes)
  setTotal(metrics.scriptCalls, {}, scripts.calls)
  setTotal(metrics.scriptErrors, {}, scripts.errors)
  setTotal(metrics.scriptsKilled, {}, scripts.killed)
}

function collectReplication(metrics: ServerMetrics, { replication, stats }: InfoFacts): void {
  const fields = new Map(replication)
  const number = (name: string): number => Number(fields.get(name) ?? 0)
  const isPrimary = fields.get('role') === 'master'
  metrics.isPrimary.set(isPrimary ? 1 : 0)
  metrics.replicationOffsetBytes.set(isPrimary ? number('master_repl_offset') : number('slave_repl_offset'))
  metrics.leaseHeld.reset()
  const lease = fields.get('lease_state')
  if (lease === 'free' || lease === 'standby') metrics.leaseHeld.remove({})
  else metrics.leaseHeld.set(lease === 'held' ? 1 : 0)
  setTotal(metrics.leaseExpiries, {}, number('lease_expiries'))
  setTotal(metrics.syncs, { kind: 'full' }, stats.fullSyncs)
  setTotal(metrics.syncs, { kind: 'partial' }, stats.partialSyncs)
  setTotal(metrics.syncs, { kind: 'refused' }, stats.refusedPartialSyncs)
  metrics.replicationLinkUp.reset()
  metrics.replicationLinkSilence.reset()
  if (isPrimary) {
    metrics.replicationLinkUp.remove({})
    metrics.replicationLinkSilence.remove({})
  } else {
    metrics.replicationLinkUp.set(fields.get('master_link_status') === 'up' ? 1 : 0)
    const silence = number('master_last_io_seconds_ago')
    if (silence >= 0) metrics.replicationLinkSilence.set(silence)
    else metrics.replicationLinkSilence.remove({})
  }
  collectReplicas(metrics, replication, number('master_repl_offset'))
}

/** One series for each line such as `slave0:ip=127.0.0.1,port=6380,state=online,offset=14,lag=0`. */
function collectReplicas(metrics: ServerMetrics, replication: InfoFields, offset: number): void {
  const count = { online: 0, syncing: 0 }
  metrics.replicaLagBytes.reset()
  for (const [name, line] of replication) {
    if (!/^slave\d+$/.test(name)) continue
    const replica = new Map(
      String(line)
        .split(',')
        .map((part) => [part.slice(0, part.indexOf('=')), part.slice(part.indexOf('=') + 1)]),
    )
    const online = replica.get('state') === 'online'
    count[online ? 'online' : 'syncing']++
    if (!online) continue
    const lag = Math.max(0, offset - Number(replica.get('offset')))
    metrics.replicaLagBytes.set({ replica: `${replica.get('ip')}:${replica.get('port')}` }, lag)
  }
  metrics.replicas.set({ state: 'online' }, count.online)
  metrics.replicas.set({ state: 'syncing' }, count.syncing)
}

function collectPersistence(metrics: ServerMetrics, { snapshots, appendOnly }: InfoFacts): void {
  const fields = new Map([...snapshots, ...appendOnly])
  const logOk = fields.get('aof_last_write_status') === 'ok' && fields.get('aof_last_bgrewrite_status') === 'ok'
  metrics.logOk.set(logOk ? 1 : 0)
  metrics.logBytes.set(Number(fields.get('aof_current_size') ?? 0))
  metrics.logBufferBytes.set(Number(fields.get('aof_buffer_length') ?? 0))
  metrics.changesSinceSave.set(Number(fields.get('rdb_changes_since_last_save') ?? 0))
  metrics.saveInProgress.set(Number(fields.get('rdb_bgsave_in_progress') ?? 0))
  metrics.lastSaveOk.set(fields.get('rdb_last_bgsave_status') === 'ok' ? 1 : 0)
  metrics.lastSaveTimestamp.set(Number(fields.get('rdb_last_save_time') ?? 0))
}
