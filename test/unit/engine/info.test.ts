import { describe, expect, it } from 'vitest'
import { allCommands } from '../../../src/commands/table.ts'
import { formatInfo, humanBytes, type InfoFacts } from '../../../src/engine/info.ts'

/** Facts of a server, any number being the next of 1, 2, 3 … */
function facts(): InfoFacts {
  let n = 0
  const next = (): number => ++n
  const numbers = <T extends string>(...names: T[]): Record<T, number> =>
    Object.fromEntries(names.map((name) => [name, next()])) as Record<T, number>
  const commands = allCommands()
  Object.assign(commands.byName.get('get')!, { calls: 4, micros: 10, rejected: 1, failed: 2 })
  Object.assign(commands.byName.get('config')!.subcommands!.get('get')!, { calls: 0, rejected: 3 })
  return {
    server: {
      os: 'Linux 6.1 x86_64',
      runtime: 'node-20',
      runId: 'f'.repeat(40),
      executable: '/usr/bin/vedette',
      configFile: '',
      shutdownMs: undefined,
      nowMicros: 1_700_000_000_000_000n,
      uptimeSeconds: 86_400 * 3 + 5,
      ...numbers('processId', 'port', 'hz', 'configuredHz', 'clock'),
    },
    clients: numbers(
      'connected',
      'max',
      'blocked',
      'inTimeoutTable',
      'tracking',
      'inputBufferBytesMax',
      'outputBufferBytesMax',
    ),
    memory: {
      policy: 'noeviction',
      ...numbers(
        'maxBytes',
        'backlogBytes',
        'replicaBufferBytes',
        'clientBytes',
        'logBufferBytes',
        'pendingTables',
        'releasedValues',
      ),
      usedBytes: 3_000_000,
      peakBytes: 4_000_000,
      startupBytes: 1_000_000,
      datasetBytes: 1_500_000,
      reservedBytes: 6_000_000,
      rssBytes: 9_000_000,
      systemBytes: 2 ** 34,
    },
    scripts: {
      cached: 2,
      sourceBytes: 500,
      usedBytes: 1000,
      takenBytes: 2000,
      functionUsedBytes: 300,
      functionTakenBytes: 600,
      libraryBytes: 80,
      libraries: 1,
      functions: 3,
      running: false,
      calls: 0,
      errors: 0,
      killed: 0,
    },
    loading: false,
    snapshots: [['rdb_changes_since_last_save', 7]],
    appendOnly: [['aof_enabled', 0]],
    stats: numbers(
      'connections',
      'rejectedConnections',
      'commands',
      'commandsPerSecond',
      'inputBytes',
      'outputBytes',
      'inputKiBPerSecond',
      'outputKiBPerSecond',
      'replicationInputBytes',
      'replicationOutputBytes',
      'fullSyncs',
      'partialSyncs',
      'refusedPartialSyncs',
      'expiredKeys',
      'expiredFields',
      'evictedKeys',
      'exceededMs',
      'exceedingMs',
      'hits',
      'misses',
      'channels',
      'patterns',
      'shardChannels',
      'evictedClients',
      'trackedKeys',
      'trackedItems',
      'trackedPrefixes',
      'migrateSockets',
      'errorReplies',
      'unexpectedErrorReplies',
      'reads',
      'writes',
    ),
    replication: [['role', 'master']],
    cpu: { systemSeconds: 1.5, userSeconds: 2.25 },
    commands: [...commands.all()],
    percentiles: [50, 99, 99.9],
    errors: new Map([['ERR', 3]]),
    databases: [{ index: 2, keys: 10, expires: 4, averageTtlMs: 99 }],
  }
}

const sections = (text: string): string[] => [...text.matchAll(/^# (\w+)/gm)].map((match) => match[1]!)

describe('INFO', () => {
  it('shows the sections asked for, in their own order, once', () => {
    const shown = (...asked: string[]): string[] => sections(formatInfo(facts(), asked))
    const byDefault = ['Server', 'Clients', 'Memory', 'Persistence', 'Stats', 'Replication', 'CPU', 'Modules']
    const defaults = [...byDefault, 'Errorstats', 'Cluster', 'Keyspace']
    expect(shown()).toEqual(defaults)
    expect(shown('default')).toEqual(defaults)
    const all = [...byDefault, 'Commandstats', 'Errorstats', 'Latencystats', 'Cluster', 'Keyspace']
    expect(shown('all')).toEqual(all)
    expect(shown('everything', 'server')).toEqual(all)
    expect(shown('keyspace', 'server', 'server')).toEqual(['Server', 'Keyspace'])
    expect(shown('default', 'commandstats')).toEqual(all.filter((name) => name !== 'Latencystats'))
    expect(formatInfo(facts(), ['nosuch'])).toBe('')
  })

  it('separates lines and sections as Redis does', () => {
    expect(formatInfo(facts(), ['keyspace', 'replication', 'cluster'])).toBe(
      '# Replication\r\nrole:master\r\n\r\n# Cluster\r\ncluster_enabled:0\r\n\r\n# Keyspace\r\ndb2:keys=10,expires=4,avg_ttl=99\r\n',
    )
  })

  it('counts commands that were called, refused or failed, and errors by code', () => {
    expect(formatInfo(facts(), ['commandstats', 'errorstats'])).toBe(
      '# Commandstats\r\n' +
        'cmdstat_get:calls=4,usec=10,usec_per_call=2.50,rejected_calls=1,failed_calls=2\r\n' +
        'cmdstat_config|get:calls=0,usec=0,usec_per_call=0.00,rejected_calls=3,failed_calls=0\r\n' +
        '\r\n# Errorstats\r\nerrorstat_ERR:count=3\r\n',
    )
  })

  it('derives what follows from other facts', () => {
    const lines = formatInfo(facts(), ['all']).split('\r\n')
    for (const line of [
      'redis_version:7.0.15',
      'uptime_in_days:3',
      'used_memory:3000000',
      'used_memory_human:2.86M',
      'used_memory_peak_perc:75.00%',
      'used_memory_overhead:1500000',
      'used_memory_dataset_perc:75.00%',
      'total_system_memory_human:16.00G',
      'mem_fragmentation_ratio:3.00',
      'mem_fragmentation_bytes:6000000',
      'rdb_changes_since_last_save:7',
      'used_cpu_user:2.250000',
    ])
      expect(lines).toContain(line)
  })
})

it.each([
  [0, '0B'],
  [1023, '1023B'],
  [1024, '1.00K'],
  [1_013_400, '989.65K'],
  [2 ** 20, '1.00M'],
  [2 ** 60, '1024.00P'],
])('%s bytes are %s', (bytes, text) => {
  expect(humanBytes(bytes)).toBe(text)
})
