// Options of Redis 7.0.15 that the server accepts, range-checks, keeps and shows, but that change nothing here: so a
// redis.conf made for Redis loads. Each row says why. An option is only inert if ignoring it is harmless; values that
// ask for something which would be missed (a cluster) are refused as `unbuilt`.
import { fixed, mutable, type OptionRow } from './option.ts'
import { oomScores } from './special-values.ts'
import type { OptionType } from './values.ts'
import { bool, INT_MAX, int, long, memory, oneOf, port, string, ULONG_MAX } from './values.ts'

/** Why the rows that it marks have no effect. */
const CLUSTER = 'there is no cluster yet'
const THREADS = 'the server has one thread'
const MEMORY = 'it tunes the memory management of C code'
const FREEING = 'freeing memory does not block here'
const FORK = 'snapshots are made without a second process'
const HOST = 'the operating system is left as it is'

const keep = <T>(
  why: string,
  type: OptionType<T>,
  text: string,
  help: string,
  aliases: readonly string[] = [],
): OptionRow<T> => mutable(type, text, help, { inert: why, aliases })
const keepFixed = <T>(why: string, type: OptionType<T>, text: string, help: string): OptionRow<T> =>
  fixed(type, text, help, { inert: why })
const yesMissing = (what: string) => ({ unbuilt: (yes: boolean) => (yes ? what : undefined) })

export const INERT_OPTIONS = {
  // ---- snapshots and processes
  'rdb-save-incremental-fsync': keep(FORK, bool, 'yes', 'Sync in steps during a snapshot.'),
  'rdb-del-sync-files': keep(FORK, bool, 'no', 'Delete snapshots made for replicas.'),
  'aof-rewrite-incremental-fsync': keep(FORK, bool, 'yes', 'Sync in steps during a rewrite.'),
  aof_rewrite_cpulist: keepFixed(FORK, string, '', 'CPUs of the rewrite.'),
  bgsave_cpulist: keepFixed(FORK, string, '', 'CPUs of a snapshot.'),
  'repl-diskless-load': keep(
    'a replica always loads the snapshot from memory, after the whole of it has arrived',
    oneOf(['disabled', 'on-empty-db', 'swapdb']),
    'disabled',
    'How a replica loads a full synchronization.',
  ),
  'sanitize-dump-payload': keep(
    'payloads are always checked in full',
    oneOf(['no', 'yes', 'clients']),
    'no',
    'Check DUMP payloads.',
  ),
  'replica-ignore-disk-write-errors': keep(
    'a replica always goes on, and says so in its log and INFO',
    bool,
    'no',
    'A replica goes on when its disk fails.',
  ),
  'repl-disable-tcp-nodelay': keep(
    'packets to replicas are never held back',
    bool,
    'no',
    'Send fewer, larger packets.',
  ),
  'replica-ignore-maxmemory': keep(
    'a replica always takes what its primary sends',
    bool,
    'yes',
    'A replica follows its primary even above maxmemory.',
    ['slave-ignore-maxmemory'],
  ),
  // ---- data types
  'list-compress-depth': keep(
    'lists are not compressed in memory',
    int(0),
    '0',
    'Nodes at the ends of a list that stay uncompressed.',
  ),
  // ---- memory
  'lazyfree-lazy-eviction': keep(FREEING, bool, 'no', 'Free evicted keys in the background.'),
  'lazyfree-lazy-expire': keep(FREEING, bool, 'no', 'Free expired keys in the background.'),
  'lazyfree-lazy-server-del': keep(FREEING, bool, 'no', 'Free overwritten keys in the background.'),
  'lazyfree-lazy-user-del': keep(FREEING, bool, 'no', 'DEL as UNLINK.'),
  'lazyfree-lazy-user-flush': keep(FREEING, bool, 'no', 'FLUSHALL as FLUSHALL ASYNC.'),
  'replica-lazy-flush': keep(
    FREEING,
    bool,
    'no',
    'Free the old data before a full synchronization in the background.',
    ['slave-lazy-flush'],
  ),
  activerehashing: keep('tables grow without pauses anyway', bool, 'yes', 'Grow tables in the background.'),
  'active-defrag-max-scan-fields': keep(
    'a value of any size is moved a bit at a time',
    long(1),
    '1000',
    'Largest value scanned at once.',
  ),
  'jemalloc-bg-thread': keep(MEMORY, bool, 'yes', 'Purge memory in the background.'),
  // ---- logs and timing
  hz: keep(
    'background work has a pace of its own',
    int(0, INT_MAX, [1, 500]),
    '10',
    'Rounds of background work a second.',
  ),
  'active-expire-effort': keep(
    'the search for expired keys is bounded in time instead',
    int(1, 10),
    '1',
    'How hard to look for expired keys.',
  ),
  'dynamic-hz': keep(
    'background work is always bounded in time',
    bool,
    'yes',
    'More background work with more clients.',
  ),
  'always-show-logo': keepFixed('there is no logo', bool, 'no', 'Show a logo in the log.'),
  'crash-log-enabled': keep('Node reports crashes', bool, 'yes', 'Log the state of a crash.'),
  'crash-memcheck-enabled': keep('Node reports crashes', bool, 'yes', 'Test memory after a crash.'),
  'use-exit-on-panic': mutable(bool, 'no', 'End without a core dump after a crash.', {
    inert: 'Node reports crashes',
    hidden: true,
  }),
  'ignore-warnings': keep(HOST, string, '', 'Start although the kernel has known bugs.'),
  'syslog-ident': keepFixed('there is no syslog', string, 'redis', 'Name in syslog.'),
  'syslog-facility': keepFixed(
    'there is no syslog',
    oneOf(['user', 'local0', 'local1', 'local2', 'local3', 'local4', 'local5', 'local6', 'local7']),
    'local0',
    'Facility in syslog.',
  ),
  // ---- threads and operating system
  'io-threads': keepFixed(THREADS, int(1, 128), '1', 'Threads for network traffic.'),
  'io-threads-do-reads': keepFixed(THREADS, bool, 'no', 'Read in these threads too.'),
  server_cpulist: keepFixed(HOST, string, '', 'CPUs of the server.'),
  bio_cpulist: keepFixed(HOST, string, '', 'CPUs of background work.'),
  'oom-score-adj': keep(
    HOST,
    oneOf(['no', 'yes', 'relative', 'absolute']),
    'no',
    'Adjust the score of the OOM killer.',
  ),
  'oom-score-adj-values': keep(HOST, oomScores, '0 200 800', 'Scores of primary, replica and snapshot process.'),
  'disable-thp': keepFixed(HOST, bool, 'yes', 'Disable transparent huge pages.'),
  'socket-mark-id': keepFixed(HOST, int(0, 2 ** 32 - 1), '0', 'Mark of listening sockets.'),
  // ---- cluster
  'cluster-enabled': fixed(bool, 'no', 'Run as a node of a cluster.', {
    inert: CLUSTER,
    ...yesMissing('Clusters are not built yet'),
  }),
  'cluster-config-file': keepFixed(CLUSTER, string, 'nodes.conf', 'File of the node.'),
  'cluster-node-timeout': keep(CLUSTER, long(0), '15000', 'Milliseconds until a node is down.'),
  'cluster-port': keepFixed(CLUSTER, port, '0', 'Port of the cluster bus.'),
  'cluster-announce-ip': keep(CLUSTER, string, '', 'Address to announce.'),
  'cluster-announce-hostname': keep(CLUSTER, string, '', 'Name to announce.'),
  'cluster-announce-port': keep(CLUSTER, port, '0', 'Port to announce.'),
  'cluster-announce-tls-port': keep(CLUSTER, port, '0', 'TLS port to announce.'),
  'cluster-announce-bus-port': keep(CLUSTER, port, '0', 'Bus port to announce.'),
  'cluster-migration-barrier': keep(CLUSTER, int(0), '1', 'Replicas that stay with a primary.'),
  'cluster-allow-replica-migration': keep(CLUSTER, bool, 'yes', 'Replicas move to primaries without one.'),
  'cluster-replica-validity-factor': keep(CLUSTER, int(0), '10', 'Age at which a replica is too old.', [
    'cluster-slave-validity-factor',
  ]),
  'cluster-replica-no-failover': keep(CLUSTER, bool, 'no', 'Never promote this replica.', [
    'cluster-slave-no-failover',
  ]),
  'cluster-require-full-coverage': keep(CLUSTER, bool, 'yes', 'Stop when a slot has no owner.'),
  'cluster-allow-reads-when-down': keep(CLUSTER, bool, 'no', 'Serve reads while the cluster is down.'),
  'cluster-allow-pubsubshard-when-down': keep(
    CLUSTER,
    bool,
    'yes',
    'Serve sharded channels while the cluster is down.',
  ),
  'cluster-link-sendbuf-limit': keep(CLUSTER, memory(0, ULONG_MAX), '0', 'Bytes queued to another node.'),
  'cluster-preferred-endpoint-type': keep(
    CLUSTER,
    oneOf(['ip', 'hostname', 'unknown-endpoint']),
    'ip',
    'What to show as the address of a node.',
  ),
} as const
