// INFO and /metrics say the same: a metric is set from the fact that a field of INFO shows, or stands here with the reason why INFO
// has no such field. No metric of the table is left unset.
import { beforeAll, describe, expect, it } from 'vitest'
import { formatInfo, type InfoFacts } from '../../../src/engine/info.ts'
import { SERVER_METRICS } from '../../../src/metrics/server-metrics.ts'
import { expositionOf } from '../../../src/metrics/table.ts'
import { createObserver } from '../../../src/server/observe.ts'
import { infoFacts } from '../../support/info-facts.ts'

type Key = keyof typeof SERVER_METRICS

/** A metric and the field of INFO that has the same number, or a multiple of it. */
const SHOWN: readonly (readonly [metric: Key, field: string, times?: number])[] = [
  ['uptime', 'uptime_in_seconds'],
  ['isLoading', 'loading'],
  ['clientsConnected', 'connected_clients'],
  ['clientsBlocked', 'blocked_clients'],
  ['clientsMax', 'maxclients'],
  ['clientsTracking', 'tracking_clients'],
  ['clientsEvicted', 'evicted_clients'],
  ['trackedKeys', 'tracking_total_keys'],
  ['trackedItems', 'tracking_total_items'],
  ['trackedPrefixes', 'tracking_total_prefixes'],
  ['connectionsReceived', 'total_connections_received'],
  ['connectionsRejected', 'rejected_connections'],
  ['commandsProcessed', 'total_commands_processed'],
  ['memoryUsedBytes', 'used_memory'],
  ['memoryPeakBytes', 'used_memory_peak'],
  ['memoryLimitBytes', 'maxmemory'],
  ['memoryDatasetBytes', 'used_memory_dataset'],
  ['memoryReservedBytes', 'allocator_active'],
  ['memoryBlockBytes', 'allocator_allocated'],
  ['defragPercent', 'active_defrag_running'],
  ['memoryExceededSeconds', 'total_eviction_exceeded_time', 1000],
  ['keyspaceHits', 'keyspace_hits'],
  ['keyspaceMisses', 'keyspace_misses'],
  ['keysExpired', 'expired_keys'],
  ['keysEvicted', 'evicted_keys'],
  ['pubsubChannels', 'pubsub_channels'],
  ['pubsubPatterns', 'pubsub_patterns'],
  ['scriptsCached', 'number_of_cached_scripts'],
  ['scriptMemoryBytes', 'used_memory_vm_total'],
  ['replicationOffsetBytes', 'master_repl_offset'],
  ['leaseExpiries', 'lease_expiries'],
  ['backlogBytes', 'mem_replication_backlog'],
  ['replicaBufferBytes', 'mem_clients_slaves'],
  ['changesSinceSave', 'rdb_changes_since_last_save'],
  ['saveInProgress', 'rdb_bgsave_in_progress'],
  ['lastSaveTimestamp', 'rdb_last_save_time'],
  ['logBytes', 'aof_current_size'],
  ['logBufferBytes', 'aof_buffer_length'],
]

/** What INFO says in words, in parts of a line, or not at all; with what the exposition says of these facts. */
const OTHERWISE: Readonly<Partial<Record<Key, string>>> = {
  info: `{version="0.1.0",redis_version="7.0.15",run_id="${'f'.repeat(40)}"} 1`,
  isPrimary: ' 1',
  isWritable: ' 1',
  leaseHeld: ' 1',
  certificateExpiry: '{option="tls-cert-file"} 5',
  memoryReturnedBytes: ' 7000000',
  defragMovedBytes: ` ${infoFacts().memory.defrag.movedBytes}`,
  evictionPolicy: '{policy="allkeys-lfu"} 1',
  commandCalls: '{command="get"} 4',
  commandSeconds: '{command="get"} 0.00001',
  commandRejected: '{command="config|get"} 3',
  commandFailed: '{command="get"} 2',
  commandLarge: '{command="get"} 6',
  errorReplies: '{code="ERR"} 3',
  networkBytes: '{direction="in"} ',
  keys: '{db="2"} 10',
  keysExpiring: '{db="2"} 4',
  fieldsExpired: ' ',
  scriptBusy: ' 1',
  scriptCalls: ' 301',
  scriptErrors: ' 302',
  scriptsKilled: ' 303',
  replicas: '{state="syncing"} 1',
  replicaLagBytes: '{replica="10.0.0.1:6379"} 100',
  syncs: '{kind="refused"} ',
  logOk: ' 1',
  lastSaveOk: ' 1',
}

/** Those that a replica has, and a primary has not. */
const OF_REPLICAS: readonly Key[] = ['replicationLinkUp', 'replicationLinkSilence']

const exposed = async (facts: InfoFacts): Promise<string[]> => {
  const observer = createObserver({
    facts: () => facts,
    writable: () => true,
    expiries: () => new Map([['tls-cert-file', 5_000]]),
  })
  observer.collect()
  return (await expositionOf(observer.registry)).split('\n')
}

describe('a primary', () => {
  let lines: readonly string[]
  let info: ReadonlyMap<string, string>

  beforeAll(async () => {
    const facts: InfoFacts = {
      ...infoFacts(),
      memory: { ...infoFacts().memory, policy: 'allkeys-lfu' },
      replication: [
        ['role', 'master'],
        ['master_repl_offset', 1_100],
        ['slave0', 'ip=10.0.0.1,port=6379,state=online,offset=1000,lag=0'],
        ['slave1', 'ip=10.0.0.2,port=6379,state=send_bulk,offset=0,lag=0'],
        ['lease_state', 'held'],
        ['lease_expiries', 13],
      ],
      snapshots: [
        ['rdb_changes_since_last_save', 7],
        ['rdb_bgsave_in_progress', 1],
        ['rdb_last_save_time', 1_700_000_000],
        ['rdb_last_bgsave_status', 'ok'],
      ],
      appendOnly: [
        ['aof_last_bgrewrite_status', 'ok'],
        ['aof_last_write_status', 'ok'],
        ['aof_current_size', 4_711],
        ['aof_buffer_length', 815],
      ],
    }
    Object.assign(facts.commands.find(({ fullName }) => fullName === 'get')!, { large: 6 })
    info = new Map(
      formatInfo(facts, ['all'])
        .split('\r\n')
        .map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]),
    )
    lines = await exposed(facts)
  })

  const shown = SHOWN.map(([metric, field, times = 1]) => ({ metric, field, times }))
  it.each(shown)('$metric is what INFO calls $field', ({ metric, field, times }) => {
    expect(lines).toContain(`${SERVER_METRICS[metric].name} ${Number(info.get(field)) / times}`)
  })

  it.each(Object.entries(OTHERWISE))('%s is set', (metric, rest) => {
    const start = SERVER_METRICS[metric as Key].name + rest
    expect(lines.filter((line) => line === start || (rest.endsWith(' ') && line.startsWith(start)))).toHaveLength(1)
  })
})

it('a replica has its own, and no lease', async () => {
  const lines = await exposed({
    ...infoFacts(),
    replication: [
      ['role', 'slave'],
      ['master_link_status', 'up'],
      ['master_last_io_seconds_ago', 3],
      ['slave_repl_offset', 99],
      ['lease_state', 'standby'],
    ],
  })
  expect(lines).toContain('vedette_server_replication_link_up 1')
  expect(lines).toContain('vedette_server_replication_link_silence_seconds 3')
  expect(lines).toContain('vedette_server_replication_offset_bytes 99')
  expect(lines.filter((line) => line.startsWith('vedette_server_lease_held'))).toEqual([])
})

it('every metric of the table stands above', () => {
  const named = [...SHOWN.map(([metric]) => metric), ...Object.keys(OTHERWISE), ...OF_REPLICAS]
  expect(named.sort()).toEqual(Object.keys(SERVER_METRICS).sort())
})
