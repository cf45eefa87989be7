// Every metric of a server. The server sets all of them from what it knows when they are collected, so counting costs the
// data path nothing that INFO does not count anyway. `command` is a command's full name (`config|get`), `db` a number,
// `replica` host:port.
import type { Registry } from 'prom-client'
import { createMetrics, type Metrics, type MetricTable } from './table.ts'

export const SERVER_METRICS = {
  // ---- the process and its role ----
  info: {
    kind: 'gauge',
    name: 'vedette_server_info',
    help: 'Always 1; versions and the run ID, which is new at every start, are in the labels.',
    labels: ['version', 'redis_version', 'run_id'],
  },
  uptime: {
    kind: 'gauge',
    name: 'vedette_server_uptime_seconds',
    help: 'Time since the process started.',
    labels: [],
  },
  isPrimary: {
    kind: 'gauge',
    name: 'vedette_server_is_primary',
    help: '1 while this server has the role of a primary, 0 while it is a replica.',
    labels: [],
  },
  leaseHeld: {
    kind: 'gauge',
    name: 'vedette_server_lease_held',
    help: '1 while this primary holds a lease of a majority of its sentinels, 0 while it needs one and has none; absent where none is needed.',
    labels: [],
  },
  leaseExpiries: {
    kind: 'counter',
    name: 'vedette_server_lease_expiries_total',
    help: 'Times that a lease ran out before the next one came, so that writes had to wait or were refused.',
    labels: [],
  },
  isWritable: {
    kind: 'gauge',
    name: 'vedette_server_is_writable',
    help: '1 while clients may write: a primary that is not loading and whose writes are neither refused nor paused.',
    labels: [],
  },
  isLoading: {
    kind: 'gauge',
    name: 'vedette_server_is_loading',
    help: '1 while a snapshot is being loaded or a full synchronization applied.',
    labels: [],
  },
  // ---- clients ----
  clientsConnected: {
    kind: 'gauge',
    name: 'vedette_server_clients_connected',
    help: 'Connections of clients, replicas not counted.',
    labels: [],
  },
  clientsBlocked: {
    kind: 'gauge',
    name: 'vedette_server_clients_blocked',
    help: 'Clients whose reply waits for something.',
    labels: [],
  },
  clientsMax: {
    kind: 'gauge',
    name: 'vedette_server_clients_max',
    help: 'Connections that are let in at most (maxclients).',
    labels: [],
  },
  clientsTracking: {
    kind: 'gauge',
    name: 'vedette_server_clients_tracking',
    help: 'Clients that are told of changes to what they have read (CLIENT TRACKING).',
    labels: [],
  },
  trackedKeys: {
    kind: 'gauge',
    name: 'vedette_server_tracked_keys',
    help: 'Keys that are remembered for these clients, at most tracking-table-max-keys.',
    labels: [],
  },
  trackedItems: {
    kind: 'gauge',
    name: 'vedette_server_tracked_items',
    help: 'Pairs of a key and a client that has read it.',
    labels: [],
  },
  trackedPrefixes: {
    kind: 'gauge',
    name: 'vedette_server_tracked_prefixes',
    help: 'Prefixes that clients in the mode BCAST want to hear of.',
    labels: [],
  },
  clientsEvicted: {
    kind: 'counter',
    name: 'vedette_server_clients_evicted_total',
    help: 'Clients that were cut off to keep all of them within maxmemory-clients.',
    labels: [],
  },
  connectionsReceived: {
    kind: 'counter',
    name: 'vedette_server_connections_received_total',
    help: 'Connections accepted or refused since the start.',
    labels: [],
  },
  connectionsRejected: {
    kind: 'counter',
    name: 'vedette_server_connections_rejected_total',
    help: 'Connections refused because there were too many or no password protects the server.',
    labels: [],
  },
  // ---- commands ----
  commandsProcessed: {
    kind: 'counter',
    name: 'vedette_server_commands_processed_total',
    help: 'Commands that were run, all of them together.',
    labels: [],
  },
  commandCalls: {
    kind: 'counter',
    name: 'vedette_server_command_calls_total',
    help: 'Calls of each command.',
    labels: ['command'],
  },
  commandSeconds: {
    kind: 'counter',
    name: 'vedette_server_command_duration_seconds_total',
    help: 'Processor time spent in each command, from samples.',
    labels: ['command'],
  },
  commandRejected: {
    kind: 'counter',
    name: 'vedette_server_command_rejected_calls_total',
    help: 'Calls of each command that were refused before it ran.',
    labels: ['command'],
  },
  commandFailed: {
    kind: 'counter',
    name: 'vedette_server_command_failed_calls_total',
    help: 'Calls of each command that ended in an error.',
    labels: ['command'],
  },
  commandLarge: {
    kind: 'counter',
    name: 'vedette_server_command_large_calls_total',
    help: 'Calls of each reading command that went over large-command-elements elements or more: what holds up all other clients.',
    labels: ['command'],
  },
  errorReplies: {
    kind: 'counter',
    name: 'vedette_server_error_replies_total',
    help: 'Error replies, by their code (ERR, READONLY, OOM …).',
    labels: ['code'],
  },
  networkBytes: {
    kind: 'counter',
    name: 'vedette_server_network_bytes_total',
    help: 'Bytes from and to clients, by direction (in, out).',
    labels: ['direction'],
  },
  // ---- memory and keys ----
  memoryUsedBytes: {
    kind: 'gauge',
    name: 'vedette_server_memory_used_bytes',
    help: 'Memory in use, all parts of the server counted: what maxmemory limits.',
    labels: [],
  },
  memoryPeakBytes: {
    kind: 'gauge',
    name: 'vedette_server_memory_used_peak_bytes',
    help: 'The most memory that was in use.',
    labels: [],
  },
  memoryLimitBytes: {
    kind: 'gauge',
    name: 'vedette_server_memory_limit_bytes',
    help: 'maxmemory; 0 for no limit.',
    labels: [],
  },
  memoryDatasetBytes: {
    kind: 'gauge',
    name: 'vedette_server_memory_dataset_bytes',
    help: 'Memory of keys and values with their index.',
    labels: [],
  },
  memoryReservedBytes: {
    kind: 'gauge',
    name: 'vedette_server_memory_reserved_bytes',
    help: 'Memory that the store holds, used or not; far above the dataset it is fragmentation.',
    labels: [],
  },
  memoryBlockBytes: {
    kind: 'gauge',
    name: 'vedette_server_memory_blocks_bytes',
    help: 'What of the reserved memory is in use; the rest is free in pieces, which activedefrag gives back.',
    labels: [],
  },
  memoryReturnedBytes: {
    kind: 'counter',
    name: 'vedette_server_memory_returned_bytes_total',
    help: 'Memory that the store has given back to the system.',
    labels: [],
  },
  defragPercent: {
    kind: 'gauge',
    name: 'vedette_server_defrag_percent',
    help: 'Percentage of a core that the defragmentation under way takes; 0 if there is none.',
    labels: [],
  },
  defragMovedBytes: {
    kind: 'counter',
    name: 'vedette_server_defrag_moved_bytes_total',
    help: 'What defragmentation has moved.',
    labels: [],
  },
  evictionPolicy: {
    kind: 'gauge',
    name: 'vedette_server_eviction_policy',
    help: 'Always 1; the label is maxmemory-policy, which says whether a full memory is what is wanted (a cache) or a mishap.',
    labels: ['policy'],
  },
  memoryExceededSeconds: {
    kind: 'counter',
    name: 'vedette_server_memory_exceeded_seconds_total',
    help: 'Time that more memory was in use than maxmemory allows: eviction could not keep up, or there was nothing to evict.',
    labels: [],
  },
  keys: {
    kind: 'gauge',
    name: 'vedette_server_keys',
    help: 'Keys of each database that has any.',
    labels: ['db'],
  },
  keysExpiring: {
    kind: 'gauge',
    name: 'vedette_server_keys_expiring',
    help: 'Keys with an expiry, of each database that has keys.',
    labels: ['db'],
  },
  keyspaceHits: {
    kind: 'counter',
    name: 'vedette_server_keyspace_hits_total',
    help: 'Look-ups of keys that exist.',
    labels: [],
  },
  keyspaceMisses: {
    kind: 'counter',
    name: 'vedette_server_keyspace_misses_total',
    help: 'Look-ups of keys that do not exist.',
    labels: [],
  },
  keysExpired: {
    kind: 'counter',
    name: 'vedette_server_keys_expired_total',
    help: 'Keys removed because their time was over.',
    labels: [],
  },
  fieldsExpired: {
    kind: 'counter',
    name: 'vedette_server_hash_fields_expired_total',
    help: 'Fields of hashes removed because their time was over (HEXPIRE).',
    labels: [],
  },
  keysEvicted: {
    kind: 'counter',
    name: 'vedette_server_keys_evicted_total',
    help: 'Keys removed to keep within maxmemory.',
    labels: [],
  },
  // ---- scripts ----
  scriptBusy: {
    kind: 'gauge',
    name: 'vedette_server_script_busy',
    help: '1 while a script has run for longer than busy-reply-threshold: other clients get BUSY.',
    labels: [],
  },
  scriptCalls: {
    kind: 'counter',
    name: 'vedette_server_script_calls_total',
    help: 'Scripts that were run.',
    labels: [],
  },
  scriptErrors: {
    kind: 'counter',
    name: 'vedette_server_script_errors_total',
    help: 'Scripts that ended in an error.',
    labels: [],
  },
  scriptsKilled: {
    kind: 'counter',
    name: 'vedette_server_scripts_killed_total',
    help: 'Scripts that were ended before they were done (SCRIPT KILL, a sentinel, SIGTERM).',
    labels: [],
  },
  scriptsCached: {
    kind: 'gauge',
    name: 'vedette_server_scripts_cached',
    help: 'Scripts that EVALSHA finds.',
    labels: [],
  },
  scriptMemoryBytes: {
    kind: 'gauge',
    name: 'vedette_server_script_memory_bytes',
    help: 'Memory that the interpreters of scripts and of functions have taken, each at most script-memory-limit; maxmemory does not count it.',
    labels: [],
  },
  pubsubChannels: {
    kind: 'gauge',
    name: 'vedette_server_pubsub_channels',
    help: 'Channels with subscribers.',
    labels: [],
  },
  pubsubPatterns: {
    kind: 'gauge',
    name: 'vedette_server_pubsub_patterns',
    help: 'Patterns with subscribers.',
    labels: [],
  },
  // ---- replication ----
  replicationOffsetBytes: {
    kind: 'gauge',
    name: 'vedette_server_replication_offset_bytes',
    help: 'Offset in the stream of replication: what a primary has written, what a replica has applied.',
    labels: [],
  },
  replicas: {
    kind: 'gauge',
    name: 'vedette_server_replicas',
    help: 'Connected replicas, by state (online, syncing).',
    labels: ['state'],
  },
  replicaLagBytes: {
    kind: 'gauge',
    name: 'vedette_server_replica_lag_bytes',
    help: 'What each replica has not acknowledged yet.',
    labels: ['replica'],
  },
  replicationLinkUp: {
    kind: 'gauge',
    name: 'vedette_server_replication_link_up',
    help: '1 while the link to the primary is up; absent on a primary.',
    labels: [],
  },
  replicationLinkSilence: {
    kind: 'gauge',
    name: 'vedette_server_replication_link_silence_seconds',
    help: 'Time since anything came from the primary; absent on a primary and while the link is down.',
    labels: [],
  },
  syncs: {
    kind: 'counter',
    name: 'vedette_server_syncs_total',
    help: 'Synchronizations that replicas asked for, by kind (full, partial, refused: a partial one that became full).',
    labels: ['kind'],
  },
  backlogBytes: {
    kind: 'gauge',
    name: 'vedette_server_replication_backlog_bytes',
    help: 'Memory of the backlog, from which replicas resume.',
    labels: [],
  },
  replicaBufferBytes: {
    kind: 'gauge',
    name: 'vedette_server_replica_buffers_bytes',
    help: 'Output that waits for replicas.',
    labels: [],
  },
  // ---- persistence ----
  changesSinceSave: {
    kind: 'gauge',
    name: 'vedette_server_changes_since_save',
    help: 'Changes that the last snapshot on disk does not have.',
    labels: [],
  },
  saveInProgress: {
    kind: 'gauge',
    name: 'vedette_server_save_in_progress',
    help: '1 while a snapshot is being written to disk.',
    labels: [],
  },
  logBytes: {
    kind: 'gauge',
    name: 'vedette_server_append_only_log_bytes',
    help: 'Size of the append-only log; 0 without one.',
    labels: [],
  },
  logBufferBytes: {
    kind: 'gauge',
    name: 'vedette_server_append_only_log_buffer_bytes',
    help: 'What is still to be written to the append-only log.',
    labels: [],
  },
  logOk: {
    kind: 'gauge',
    name: 'vedette_server_append_only_log_ok',
    help: '0 when the append-only log could not be written or rewritten; 1 also without one.',
    labels: [],
  },
  lastSaveOk: {
    kind: 'gauge',
    name: 'vedette_server_last_save_ok',
    help: '0 when the last snapshot could not be written.',
    labels: [],
  },
  certificateExpiry: {
    kind: 'gauge',
    name: 'vedette_server_certificate_expiry_timestamp_seconds',
    help: 'Unix time at which a certificate expires, by the option that names its file; of several in a file the first. Only with TLS.',
    labels: ['option'],
  },
  lastSaveTimestamp: {
    kind: 'gauge',
    name: 'vedette_server_last_save_timestamp_seconds',
    help: 'When the last good snapshot was written, in seconds since 1970.',
    labels: [],
  },
} as const satisfies MetricTable

export type ServerMetrics = Metrics<typeof SERVER_METRICS>

/** Registers the metrics of a server. */
export function createServerMetrics(registry: Registry): ServerMetrics {
  return createMetrics(registry, SERVER_METRICS)
}
