// What INFO and the metrics of a server are made of, with a different number at each place.
import { allCommands } from '../../src/commands/table.ts'
import type { InfoFacts } from '../../src/engine/info.ts'

/** Facts of a server, any number being the next of 1, 2, 3 … */
export function infoFacts(): InfoFacts {
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
      running: true,
      calls: 301,
      errors: 302,
      killed: 303,
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
