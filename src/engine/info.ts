// The text of INFO. Field names and their order are an interface: monitoring tools, clients and sentinels parse them, so
// both are those of Redis 7.0. Pure: the server hands in what it knows as plain numbers and texts (`InfoFacts`). What
// belongs to parts that this server has not (functions, cluster, defragmentation) is shown as what it is: none.

import type { ScriptFacts } from '../commands/context.ts'
import type { MemoryFacts } from '../commands/observed.ts'
import type { Command } from '../facade/table.ts'
import { REDIS_VERSION } from '../lib/version.ts'

/** Fields of a section, in order. */
export type InfoFields = readonly (readonly [name: string, value: string | number | bigint])[]

/** The process and its address. */
export interface ServerFacts {
  /** Name, release and architecture of the system: `Linux 6.1.0 x86_64`. */
  readonly os: string
  readonly runtime: string
  readonly processId: number
  /** 40 hexadecimal digits. */
  readonly runId: string
  readonly port: number
  /** Unix time in microseconds. */
  readonly nowMicros: bigint
  readonly uptimeSeconds: number
  readonly hz: number
  readonly configuredHz: number
  /** Access clock of the keyspace. */
  readonly clock: number
  readonly executable: string
  /** Empty if there is none. */
  readonly configFile: string
  /** How long a shutdown under way still waits for replicas. */
  readonly shutdownMs: number | undefined
}

/** Connections now. */
export interface ClientFacts {
  readonly connected: number
  readonly max: number
  readonly blocked: number
  /** Of the blocked ones, those that wait for a limited time. */
  readonly inTimeoutTable: number
  /** Those that track keys (CLIENT TRACKING). */
  readonly tracking: number
  readonly inputBufferBytesMax: number
  readonly outputBufferBytesMax: number
}

/** Counters since the start or CONFIG RESETSTAT. */
export interface StatFacts {
  readonly connections: number
  readonly rejectedConnections: number
  readonly commands: number
  readonly commandsPerSecond: number
  readonly inputBytes: number
  readonly outputBytes: number
  readonly inputKiBPerSecond: number
  readonly outputKiBPerSecond: number
  readonly replicationInputBytes: number
  readonly replicationOutputBytes: number
  readonly fullSyncs: number
  readonly partialSyncs: number
  readonly refusedPartialSyncs: number
  readonly expiredKeys: number
  /** Fields of hashes whose time was over. */
  readonly expiredFields: number
  readonly evictedKeys: number
  /** Milliseconds over maxmemory since the start, and those of the time that lasts. */
  readonly exceededMs: number
  readonly exceedingMs: number
  readonly hits: number
  readonly misses: number
  readonly channels: number
  readonly patterns: number
  readonly shardChannels: number
  /** Clients cut off to keep within maxmemory-clients. */
  readonly evictedClients: number
  /** Keys that are remembered for clients that track them, pairs of key and client, and prefixes. */
  readonly trackedKeys: number
  readonly trackedItems: number
  readonly trackedPrefixes: number
  /** Connections to other servers that are kept for the next MIGRATE. */
  readonly migrateSockets: number
  readonly errorReplies: number
  /** Commands of our primary that failed here. */
  readonly unexpectedErrorReplies: number
  readonly reads: number
  readonly writes: number
}

/** Processor time of the process in seconds. */
export interface CpuFacts {
  readonly systemSeconds: number
  readonly userSeconds: number
}

/** One database that has keys. */
export interface DatabaseFacts {
  readonly index: number
  readonly keys: number
  readonly expires: number
  readonly averageTtlMs: number
}

/** All that INFO shows. */
export interface InfoFacts {
  readonly server: ServerFacts
  readonly clients: ClientFacts
  readonly memory: MemoryFacts
  /** While a snapshot is loaded or a full sync applied. */
  readonly loading: boolean
  /** The fields from `rdb_changes_since_last_save` to `rdb_last_load_keys_loaded`. */
  readonly snapshots: InfoFields
  /** The fields from `aof_enabled` on. */
  readonly appendOnly: InfoFields
  readonly stats: StatFacts
  readonly scripts: ScriptFacts
  /** The whole section Replication. */
  readonly replication: InfoFields
  readonly cpu: CpuFacts
  /** Commands and subcommands: gone through more than once. */
  readonly commands: readonly Command[]
  /** Of the times of commands, for INFO latencystats. */
  readonly percentiles: readonly number[]
  /** Number of error replies by code. */
  readonly errors: Iterable<readonly [code: string, count: number]>
  readonly databases: readonly DatabaseFacts[]
}

const UNITS = ['K', 'M', 'G', 'T', 'P'] as const

/** Bytes as a person reads them: `989.65K`. */
export function humanBytes(bytes: number): string {
  if (bytes < 1024) return `${bytes}B`
  let value = bytes / 1024
  let unit = 0
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024
    unit++
  }
  return `${value.toFixed(2)}${UNITS[unit]}`
}

const percent = (part: number, whole: number): string => `${(whole === 0 ? 0 : (part / whole) * 100).toFixed(2)}%`
const ratio = (a: number, b: number): string => (b === 0 ? 0 : a / b).toFixed(2)

function server({ server: facts }: InfoFacts): InfoFields {
  return [
    ['redis_version', REDIS_VERSION],
    ['redis_git_sha1', '00000000'],
    ['redis_git_dirty', 0],
    ['redis_build_id', '0000000000000000'],
    ['redis_mode', 'standalone'],
    ['os', facts.os],
    ['arch_bits', 64],
    ['monotonic_clock', 'POSIX clock_gettime'],
    ['multiplexing_api', facts.runtime],
    ['atomicvar_api', 'none'],
    ['gcc_version', '0.0.0'],
    ['process_id', facts.processId],
    ['process_supervised', 'no'],
    ['run_id', facts.runId],
    ['tcp_port', facts.port],
    ['server_time_usec', facts.nowMicros],
    ['uptime_in_seconds', facts.uptimeSeconds],
    ['uptime_in_days', Math.floor(facts.uptimeSeconds / 86_400)],
    ['hz', facts.hz],
    ['configured_hz', facts.configuredHz],
    ['lru_clock', facts.clock],
    ['executable', facts.executable],
    ['config_file', facts.configFile],
    ['io_threads_active', 0],
    ...(facts.shutdownMs === undefined ? [] : ([['shutdown_in_milliseconds', facts.shutdownMs]] satisfies InfoFields)),
  ]
}

function clients({ clients: facts }: InfoFacts): InfoFields {
  return [
    ['connected_clients', facts.connected],
    ['cluster_connections', 0],
    ['maxclients', facts.max],
    ['client_recent_max_input_buffer', facts.inputBufferBytesMax],
    ['client_recent_max_output_buffer', facts.outputBufferBytesMax],
    ['blocked_clients', facts.blocked],
    ['tracking_clients', facts.tracking],
    ['clients_in_timeout_table', facts.inTimeoutTable],
  ]
}

function withHuman(name: string, bytes: number): InfoFields {
  return [
    [name, bytes],
    [`${name}_human`, humanBytes(bytes)],
  ]
}

function memory({ memory: facts, scripts }: InfoFacts): InfoFields {
  const { usedBytes, peakBytes, startupBytes, datasetBytes, reservedBytes, blockBytes, rssBytes } = facts
  const net = Math.max(1, usedBytes - startupBytes)
  return [
    ...withHuman('used_memory', usedBytes),
    ...withHuman('used_memory_rss', rssBytes),
    ...withHuman('used_memory_peak', peakBytes),
    ['used_memory_peak_perc', percent(usedBytes, peakBytes)],
    ['used_memory_overhead', Math.max(0, usedBytes - datasetBytes)],
    ['used_memory_startup', startupBytes],
    ['used_memory_dataset', datasetBytes],
    ['used_memory_dataset_perc', percent(Math.min(datasetBytes, net), net)],
    ['allocator_allocated', blockBytes],
    ['allocator_active', reservedBytes],
    ['allocator_resident', rssBytes],
    ...withHuman('total_system_memory', facts.systemBytes),
    ['used_memory_lua', scripts.takenBytes],
    ['used_memory_vm_eval', scripts.takenBytes],
    ['used_memory_lua_human', humanBytes(scripts.takenBytes)],
    ['used_memory_scripts_eval', scripts.sourceBytes],
    ['number_of_cached_scripts', scripts.cached],
    ['number_of_functions', scripts.functions],
    ['number_of_libraries', scripts.libraries],
    ['used_memory_vm_functions', scripts.functionTakenBytes],
    ...withHuman('used_memory_vm_total', scripts.takenBytes + scripts.functionTakenBytes),
    ['used_memory_functions', scripts.libraryBytes],
    ...withHuman('used_memory_scripts', scripts.sourceBytes + scripts.libraryBytes),
    ...withHuman('maxmemory', facts.maxBytes),
    ['maxmemory_policy', facts.policy],
    ['allocator_frag_ratio', ratio(reservedBytes, blockBytes)],
    ['allocator_frag_bytes', reservedBytes - blockBytes],
    ['allocator_rss_ratio', ratio(rssBytes, reservedBytes)],
    ['allocator_rss_bytes', rssBytes - reservedBytes],
    ['rss_overhead_ratio', '1.00'],
    ['rss_overhead_bytes', 0],
    ['mem_fragmentation_ratio', ratio(rssBytes, usedBytes)],
    ['mem_fragmentation_bytes', rssBytes - usedBytes],
    ['mem_not_counted_for_evict', facts.replicaBufferBytes],
    ['mem_replication_backlog', facts.backlogBytes],
    ['mem_total_replication_buffers', facts.backlogBytes + facts.replicaBufferBytes],
    ['mem_clients_slaves', facts.replicaBufferBytes],
    ['mem_clients_normal', facts.clientBytes],
    ['mem_cluster_links', 0],
    ['mem_aof_buffer', facts.logBufferBytes],
    ['mem_allocator', 'vedette-arena'],
    ['active_defrag_running', facts.defrag.percent],
    ['lazyfree_pending_objects', facts.pendingTables],
    ['lazyfreed_objects', facts.releasedValues],
  ]
}

function persistence({ loading, snapshots, appendOnly }: InfoFacts): InfoFields {
  return [
    ['loading', loading ? 1 : 0],
    ['async_loading', 0],
    ['current_cow_peak', 0],
    ['current_cow_size', 0],
    ['current_cow_size_age', 0],
    ['current_fork_perc', '0.00'],
    ['current_save_keys_processed', 0],
    ['current_save_keys_total', 0],
    ...snapshots,
    ...appendOnly,
    ['module_fork_in_progress', 0],
    ['module_fork_last_cow_size', 0],
  ]
}

function stats({ stats: facts, memory: { defrag } }: InfoFacts): InfoFields {
  return [
    ['total_connections_received', facts.connections],
    ['total_commands_processed', facts.commands],
    ['instantaneous_ops_per_sec', facts.commandsPerSecond],
    ['total_net_input_bytes', facts.inputBytes],
    ['total_net_output_bytes', facts.outputBytes],
    ['total_net_repl_input_bytes', facts.replicationInputBytes],
    ['total_net_repl_output_bytes', facts.replicationOutputBytes],
    ['instantaneous_input_kbps', facts.inputKiBPerSecond.toFixed(2)],
    ['instantaneous_output_kbps', facts.outputKiBPerSecond.toFixed(2)],
    ['instantaneous_input_repl_kbps', '0.00'],
    ['instantaneous_output_repl_kbps', '0.00'],
    ['rejected_connections', facts.rejectedConnections],
    ['sync_full', facts.fullSyncs],
    ['sync_partial_ok', facts.partialSyncs],
    ['sync_partial_err', facts.refusedPartialSyncs],
    ['expired_keys', facts.expiredKeys],
    ['expired_stale_perc', '0.00'],
    ['expired_time_cap_reached_count', 0],
    ['expire_cycle_cpu_milliseconds', 0],
    ['evicted_keys', facts.evictedKeys],
    ['evicted_clients', facts.evictedClients],
    ['total_eviction_exceeded_time', facts.exceededMs],
    ['current_eviction_exceeded_time', facts.exceedingMs],
    ['keyspace_hits', facts.hits],
    ['keyspace_misses', facts.misses],
    ['pubsub_channels', facts.channels],
    ['pubsub_patterns', facts.patterns],
    ['pubsubshard_channels', facts.shardChannels],
    ['latest_fork_usec', 0],
    ['total_forks', 0],
    ['migrate_cached_sockets', facts.migrateSockets],
    ['slave_expires_tracked_keys', 0],
    ['active_defrag_hits', defrag.movedBlocks],
    ['active_defrag_misses', 0],
    ['active_defrag_key_hits', defrag.keyHits],
    ['active_defrag_key_misses', defrag.keyMisses],
    ['total_active_defrag_time', Math.round(defrag.totalMs)],
    ['current_active_defrag_time', Math.round(defrag.currentMs)],
    ['tracking_total_keys', facts.trackedKeys],
    ['tracking_total_items', facts.trackedItems],
    ['tracking_total_prefixes', facts.trackedPrefixes],
    ['unexpected_error_replies', facts.unexpectedErrorReplies],
    ['total_error_replies', facts.errorReplies],
    ['dump_payload_sanitizations', 0],
    ['total_reads_processed', facts.reads],
    ['total_writes_processed', facts.writes],
    ['io_threaded_reads_processed', 0],
    ['io_threaded_writes_processed', 0],
    ['reply_buffer_shrinks', 0],
    ['reply_buffer_expands', 0],
  ]
}

function cpu({ cpu: facts }: InfoFacts): InfoFields {
  const system = facts.systemSeconds.toFixed(6)
  const user = facts.userSeconds.toFixed(6)
  return [
    ['used_cpu_sys', system],
    ['used_cpu_user', user],
    ['used_cpu_sys_children', '0.000000'],
    ['used_cpu_user_children', '0.000000'],
    ['used_cpu_sys_main_thread', system],
    ['used_cpu_user_main_thread', user],
  ]
}

function commandStats({ commands }: InfoFacts): InfoFields {
  const used = [...commands].filter(({ calls, rejected, failed }) => calls + rejected + failed > 0)
  return used.map(({ fullName, calls, rejected, failed, micros }) => {
    const usec = Math.round(micros)
    const perCall = ratio(usec, calls)
    const text = `calls=${calls},usec=${usec},usec_per_call=${perCall},rejected_calls=${rejected},failed_calls=${failed}`
    return [`cmdstat_${fullName}`, text]
  })
}

function latencyStats({ commands, percentiles }: InfoFacts): InfoFields {
  return [...commands].flatMap(({ fullName, latency }) => {
    if (latency === undefined) return []
    const parts = percentiles.map((p) => `p${p}=${(latency.percentile(p) / 1000).toFixed(3)}`)
    return [[`latency_percentiles_usec_${fullName}`, parts.join(',')] as const]
  })
}

function errorStats({ errors }: InfoFacts): InfoFields {
  return [...errors].map(([code, count]) => [`errorstat_${code}`, `count=${count}`])
}

function keyspace({ databases }: InfoFacts): InfoFields {
  return databases.map(({ index, keys, expires, averageTtlMs }) => [
    `db${index}`,
    `keys=${keys},expires=${expires},avg_ttl=${averageTtlMs}`,
  ])
}

interface Section {
  readonly name: string
  /** Shown when no section is asked for. */
  readonly byDefault: boolean
  readonly fields: (facts: InfoFacts) => InfoFields
}

const SECTIONS: readonly Section[] = [
  { name: 'Server', byDefault: true, fields: server },
  { name: 'Clients', byDefault: true, fields: clients },
  { name: 'Memory', byDefault: true, fields: memory },
  { name: 'Persistence', byDefault: true, fields: persistence },
  { name: 'Stats', byDefault: true, fields: stats },
  { name: 'Replication', byDefault: true, fields: (facts) => facts.replication },
  { name: 'CPU', byDefault: true, fields: cpu },
  { name: 'Modules', byDefault: true, fields: () => [] },
  { name: 'Commandstats', byDefault: false, fields: commandStats },
  { name: 'Errorstats', byDefault: true, fields: errorStats },
  { name: 'Latencystats', byDefault: false, fields: latencyStats },
  { name: 'Cluster', byDefault: true, fields: () => [['cluster_enabled', 0]] },
  { name: 'Keyspace', byDefault: true, fields: keyspace },
]

/**
 * The text of INFO for the sections asked for (in lower case): names of sections, `default`, `all`, `everything`; none:
 * the default. Unknown names give nothing.
 */
export function formatInfo(facts: InfoFacts, asked: readonly string[]): string {
  const all = asked.includes('all') || asked.includes('everything')
  const defaults = asked.length === 0 || asked.includes('default')
  const shown = SECTIONS.filter(
    ({ name, byDefault }) => all || (defaults && byDefault) || asked.includes(name.toLowerCase()),
  )
  return shown
    .map(({ name, fields }) => {
      const lines = fields(facts).map(([field, value]) => `${field}:${value}\r\n`)
      return `# ${name}\r\n${lines.join('')}`
    })
    .join('\r\n')
}
