// The files of Redis's suite that are run, and those that are not, each with the reason.

/** Why a file is not run (yet). */
const ACL = 'users (ACL) are another piece of work'
const SCRIPTS = 'scripts and functions are another piece of work'
const AOF = 'append-only files are another piece of work'
const EVICTION = 'eviction and defragmentation are another piece of work'
const CLUSTER = 'clusters are another piece of work'
const TLS = 'TLS is another piece of work'
const FORK = 'it measures the second process of a snapshot; there is none here'
const C_CODE = 'it measures the memory of C code'

/** Files that are run, in the order of the page. */
export const RUN = [
  'unit/type/string',
  'unit/type/incr',
  'unit/type/list',
  'unit/type/list-2',
  'unit/type/list-3',
  'unit/type/set',
  'unit/type/zset',
  'unit/type/hash',
  'unit/type/stream',
  'unit/type/stream-cgroups',
  'unit/sort',
  'unit/bitops',
  'unit/bitfield',
  'unit/geo',
  'unit/hyperloglog',
  'unit/keyspace',
  'unit/scan',
  'unit/expire',
  'unit/dump',
  'unit/other',
  'unit/multi',
  'unit/quit',
  'unit/auth',
  'unit/protocol',
  'unit/pubsub',
  'unit/pubsubshard',
  'unit/info',
  'unit/info-command',
  'unit/introspection',
  'unit/introspection-2',
  'unit/latency-monitor',
  'unit/slowlog',
  'unit/limits',
  'unit/obuf-limits',
  'unit/querybuf',
  'unit/pendingquerybuf',
  'unit/replybufsize',
  'unit/client-eviction',
  'unit/tracking',
  'unit/networking',
  'unit/pause',
  'unit/wait',
  'unit/shutdown',
  'unit/lazyfree',
  'unit/violations',
  'unit/printver',
  'integration/block-repl',
  'integration/replication',
  'integration/replication-2',
  'integration/replication-3',
  'integration/replication-4',
  'integration/replication-psync',
  'integration/replication-buffer',
  'integration/psync2',
  'integration/psync2-reg',
  'integration/psync2-pingoff',
  'integration/psync2-master-restart',
  'integration/failover',
  'integration/shutdown',
  'integration/rdb',
  'integration/corrupt-dump',
  'integration/corrupt-dump-fuzzer',
  'integration/convert-zipmap-hash-on-load',
  'integration/convert-ziplist-hash-on-load',
  'integration/convert-ziplist-zset-on-load',
  'integration/logging',
  'integration/redis-cli',
  'integration/redis-benchmark',
]

/** Files whose cases are made at random, numbers in their names and how many there are: each name counts once. */
export const RANDOM = new Set(['integration/psync2', 'integration/psync2-reg', 'integration/psync2-pingoff'])

const TABLES = 'it looks into the chains of the hash tables of C code'
const BUFFERS = 'it measures the buffers of connections of C code'
const CHILD = 'it looks for the process that writes a snapshot; there is none here'

/** Cases that are left out, by file, each with the reason: they are about how Redis is made, not about what it does. */
export const SKIPPED = {
  'unit/type/set': { 'SRANDMEMBER with a dict containing long chain': TABLES },
  'unit/other': { "Don't rehash if redis has child process": TABLES },
  'unit/querybuf': {
    'query buffer resized correctly': BUFFERS,
    'query buffer resized correctly when not idle': BUFFERS,
  },
  'unit/replybufsize': { 'verify reply buffer limits': BUFFERS },
  'unit/shutdown': {
    'Temp rdb will be deleted if we use bg_unlink when shutdown': CHILD,
    'Temp rdb will be deleted in signal handle': CHILD,
  },
  'unit/dump': { 'RESTORE fail with invalid payload size': 'the distribution’s redis-server fails it, too' },
}

/** Of these the ones that wait for ever while what they test is not built: run when they are asked for by name. */
export const HANGS = new Set([])

/** Files that are not run. */
export const OPEN = {
  'unit/acl': ACL,
  'unit/acl-v2': ACL,
  'unit/scripting': SCRIPTS,
  'unit/functions': SCRIPTS,
  'unit/cluster-scripting': SCRIPTS,
  'unit/aofrw': AOF,
  'integration/aof': AOF,
  'integration/aof-multi-part': AOF,
  'unit/maxmemory': EVICTION,
  'unit/memefficiency': EVICTION,
  'unit/cluster': CLUSTER,
  'unit/cluster/misc': CLUSTER,
  'unit/cluster/links': CLUSTER,
  'unit/tls': TLS,
  'unit/oom-score-adj': FORK,
  'integration/dismiss-mem': C_CODE,
}
