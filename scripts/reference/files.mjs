// The files of Redis's suite that are run, and those that are not, each with the reason.

/** Why a file is not run (yet). */
const ACL = 'users (ACL) are another piece of work'
const SCRIPTS = 'scripts and functions are another piece of work'
const AOF = 'append-only files are another piece of work'
const DEFRAG = 'defragmentation is another piece of work'
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
  'unit/acl',
  'unit/acl-v2',
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
  'unit/functions',
  'unit/maxmemory',
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
const CRON = 'it stops the housekeeping, by which Redis acts on signals; here a signal is acted on at once'
const NEWER = 'replicas are told more than by Redis 7.0: how many entries a group has read, as from Redis 7.2 on'
const REPLICA = 'a replica never changes its data by itself, be it a cached number: at equal offsets the data are equal'
const LOAD =
  'ACL LOAD ends the connections of users who are gone, not of all, as from Redis 7.2 on, so that passwords change without a break'
const TITLE = 'Node keeps the title of a process within the length of its command line'

/** Cases that are left out, by file, each with the reason: they are about how Redis is made, not about what it does. */
export const SKIPPED = {
  'unit/type/string': { 'trim on SET with big value': C_CODE },
  'unit/type/set': { 'SRANDMEMBER with a dict containing long chain': TABLES },
  'unit/other': { "Don't rehash if redis has child process": TABLES, 'Process title set as expected': TITLE },
  'unit/multi': { 'MULTI propagation of XREADGROUP': NEWER },
  'unit/acl': { 'ACL load and save': LOAD, 'ACL load and save with restricted channels': LOAD },
  'integration/replication-3': { 'PFCOUNT updates cache on readonly replica': REPLICA },
  'unit/querybuf': {
    'query buffer resized correctly': BUFFERS,
    'query buffer resized correctly when not idle': BUFFERS,
  },
  'unit/replybufsize': { 'verify reply buffer limits': BUFFERS },
  'unit/shutdown': {
    'Temp rdb will be deleted if we use bg_unlink when shutdown': CHILD,
    'Temp rdb will be deleted in signal handle': CHILD,
    'SHUTDOWN ABORT can cancel SIGTERM': CRON,
  },
  'unit/dump': { 'RESTORE fail with invalid payload size': 'the distribution’s redis-server fails it, too' },
}

/** Cases that wait for another piece of work. They are not run, since those after them would fail with them, but counted. */
export const OPEN_CASES = {
  'unit/type/stream': {
    'XADD with MAXLEN > xlen can propagate correctly': AOF,
    'XADD with MINID > lastid can propagate correctly': AOF,
    'XADD with ~ MAXLEN can propagate correctly': AOF,
    'XADD with ~ MAXLEN and LIMIT can propagate correctly': AOF,
    'XADD with ~ MINID can propagate correctly': AOF,
    'XADD with ~ MINID and LIMIT can propagate correctly': AOF,
    'XTRIM with ~ MAXLEN can propagate correctly': AOF,
    'Empty stream can be rewrite into AOF correctly': AOF,
    'Stream can be rewrite into AOF correctly after XDEL lastid': AOF,
  },
  'unit/type/stream-cgroups': {
    'XREADGROUP with NOACK creates consumer': AOF,
    'Consumer without PEL is present in AOF after AOFRW': AOF,
    'Empty stream with no lastid can be rewrite into AOF correctly': AOF,
  },
  'unit/sort': { 'SORT sorted set BY nosort works as expected from scripts': SCRIPTS },
  'unit/expire': {
    'All time-to-live(TTL) in commands are propagated as absolute timestamp in milliseconds in AOF': AOF,
    'expired key which is created in writeable replicas should be deleted by active expiry': AOF,
    'SET - use KEEPTTL option, TTL should not be removed after loadaof': AOF,
    'GETEX use of PERSIST option should remove TTL after loadaof': AOF,
  },
  'unit/other': {
    'Same dataset digest if saving/reloading as AOF?': AOF,
    'EXPIRES after a reload (snapshot + append only file rewrite)': AOF,
    'EXPIRES after AOF reload (without rewrite)': AOF,
    'RESET clears authenticated state': ACL,
  },
  'unit/multi': {
    'MULTI and script timeout': SCRIPTS,
    'EXEC and script timeout': SCRIPTS,
    'MULTI-EXEC body and script timeout': SCRIPTS,
    'just EXEC and script timeout': SCRIPTS,
    'MULTI propagation of SCRIPT LOAD': SCRIPTS,
    'MULTI propagation of EVAL': SCRIPTS,
    'MULTI propagation of SCRIPT FLUSH': SCRIPTS,
    'MULTI with BGREWRITEAOF': AOF,
    'MULTI with config set appendonly': AOF,
    'MULTI with FLUSHALL and AOF': AOF,
  },
  'unit/info': {
    'errorstats: failed call within LUA': SCRIPTS,
    'errorstats: failed call NOSCRIPT error': SCRIPTS,
    'errorstats: rejected call by authorization error': ACL,
  },
  'unit/introspection': {
    'MONITOR can log commands issued by the scripting engine': SCRIPTS,
    'MONITOR can log commands issued by functions': SCRIPTS,
  },
  'unit/introspection-2': {
    'command stats for scripts': SCRIPTS,
    'COMMAND GETKEYS EVAL with keys': SCRIPTS,
    'COMMAND GETKEYS EVAL without keys': SCRIPTS,
    'COMMAND LIST FILTERBY ACLCAT - list all commands/subcommands': SCRIPTS,
    'EVAL command is marked with movablekeys': SCRIPTS,
  },
  'unit/latency-monitor': { 'LATENCY of expire events are correctly collected': SCRIPTS },
  'unit/slowlog': { 'SLOWLOG - Certain commands are omitted that contain sensitive information': ACL },
  'unit/client-eviction': { 'client evicted due to tracking redirection': SCRIPTS },
  'unit/tracking': {
    'Invalid keys should not be tracked for scripts in NOLOOP mode': SCRIPTS,
    'Tracking only occurs for scripts when a command calls a read-only command': SCRIPTS,
  },
  'unit/pause': {
    'Test scripts are blocked by pause RO': SCRIPTS,
    'Test RO scripts are not blocked by pause RO': SCRIPTS,
    'Test read-only scripts in mutli-exec are not blocked by pause RO': SCRIPTS,
    'Test write scripts in mutli-exec are blocked by pause RO': SCRIPTS,
    'Test may-replicate commands are rejected in RO scripts': SCRIPTS,
  },
}

/** Files that take minutes each: they are left out of what CI runs. */
export const LONG = new Set([
  'integration/replication',
  'integration/replication-psync',
  'integration/replication-buffer',
])

/** Files that take longest, begun first so that none of them is the last one. */
export const SLOW_FIRST = [
  'unit/type/stream',
  'integration/replication-4',
  'unit/type/zset',
  'unit/dump',
  'unit/introspection',
  'unit/obuf-limits',
]

/** Files that are not run. */
export const OPEN = {
  'unit/scripting': SCRIPTS,
  'unit/cluster-scripting': SCRIPTS,
  'unit/aofrw': AOF,
  'integration/aof': AOF,
  'integration/aof-multi-part': AOF,
  'unit/memefficiency': DEFRAG,
  'unit/cluster': CLUSTER,
  'unit/cluster/misc': CLUSTER,
  'unit/cluster/links': CLUSTER,
  'unit/tls': TLS,
  'unit/oom-score-adj': FORK,
  'integration/dismiss-mem': C_CODE,
}
