// The options of the server that have an effect (config/inert-options.ts has those that are only kept), with the names,
// defaults and ranges of Redis 7.0.15. One row is all there is to say about an option; see config/option.ts.
import { hostPorts } from './addresses.ts'
import { INERT_OPTIONS } from './inert-options.ts'
import { fixed, mutable, type OptionValues } from './option.ts'
import { optionalPort } from './ports.ts'
import {
  bindAddresses,
  eventClasses,
  memoryOrPercent,
  outputBufferLimits,
  percentiles,
  primaryAddress,
  savePoints,
  titleTemplate,
} from './special-values.ts'
import { TLS_OPTIONS } from './tls-options.ts'
import { bool, fileName, INT_MIN, int, long, memory, octal, oneOf, port, someOf, string, ULONG_MAX } from './values.ts'

/** Refuses the one value that asks for what is not built. */
const notBuilt =
  <T>(unbuiltValue: (value: T) => boolean, why: string) =>
  (value: T): string | undefined =>
    unbuiltValue(value) ? why : undefined

/** Leads from 6379 to 9121, where Prometheus looks for Redis exporters. */
export const HTTP_PORT_OFFSET = 2742

const SHUTDOWN_MODES = ['default', 'save', 'nosave', 'now', 'force'] as const
const TRUST = ['no', 'yes', 'local'] as const

const EFFECTIVE_OPTIONS = {
  // ---- network
  bind: mutable(bindAddresses, '* -::*', 'Addresses to listen on; `*` is every IPv4, `::*` every IPv6 address.'),
  port: mutable(
    port,
    '6379',
    'TCP port of the Redis protocol. 0: none if there is a tls-port, else any free one, as the log then tells.',
  ),
  'bind-source-addr': mutable(string, '', 'Address of this machine from which to connect to the primary; empty: any.'),
  'protected-mode': mutable(
    bool,
    'yes',
    'While there is no password, refuse clients that do not come from this machine.',
  ),
  'tcp-backlog': fixed(int(0), '511', 'Connections that may wait to be accepted.'),
  'tcp-keepalive': mutable(int(0), '300', 'Seconds of silence after which TCP probes a client; 0: never.', {
    needsRestart: true,
  }),
  timeout: mutable(int(0), '0', 'Seconds after which an idle client is disconnected; 0: never.'),
  maxclients: mutable(int(1, 2 ** 32 - 1), '10000', 'Clients connected at once; more are refused.'),
  unixsocket: fixed(string, '', 'Path of a Unix socket to listen on beside TCP; empty: none.'),
  unixsocketperm: fixed(octal, '0', 'Permissions of the Unix socket; 0: those that the system gives.'),
  // ---- process
  daemonize: fixed(bool, 'no', 'Run in the background. Use a service manager (systemd, a container) instead.', {
    unbuilt: notBuilt(
      (yes) => yes,
      'Running in the background is not built: start it from a service manager, and give --daemonize no to override a file',
    ),
  }),
  supervised: fixed(oneOf(['upstart', 'systemd', 'auto', 'no']), 'no', 'Tell a service manager about readiness.', {
    unbuilt: notBuilt(
      (how) => how === 'upstart' || how === 'systemd',
      'Readiness messages to upstart and systemd are not built yet; use `no` and Type=simple',
    ),
  }),
  'set-proc-title': fixed(bool, 'yes', 'Show the title that proc-title-template says as the name of the process.'),
  'proc-title-template': mutable(
    titleTemplate,
    '{title} {listen-addr} {server-mode}',
    'The title: text with {title} {listen-addr} {server-mode} {port} {tls-port} {unixsocket} {config-file}.',
  ),
  pidfile: fixed(string, '', 'File to write the process ID to, removed at the end; empty: none.'),
  loglevel: mutable(oneOf(['debug', 'verbose', 'notice', 'warning']), 'notice', 'The least important lines to log.'),
  logfile: fixed(string, '', 'File to append log lines to; empty: standard output.'),
  'syslog-enabled': fixed(bool, 'no', 'Log to syslog too.', {
    unbuilt: notBuilt((yes) => yes, 'Logging to syslog is not built; use logfile or standard output'),
  }),
  'shutdown-timeout': mutable(
    int(0),
    '10',
    'Seconds a shutdown waits for replicas that are behind; 0: it does not wait.',
  ),
  'shutdown-on-sigint': mutable(someOf(SHUTDOWN_MODES), 'default', 'How SIGINT stops the server.'),
  'shutdown-on-sigterm': mutable(someOf(SHUTDOWN_MODES), 'default', 'How SIGTERM stops the server.'),
  databases: fixed(int(1), '16', 'Number of databases SELECT can choose from.'),
  // ---- snapshots
  dir: mutable(string, './', 'Directory of the data files.', { protected: true, notWhileLoading: true }),
  dbfilename: mutable(fileName('dbfilename'), 'dump.rdb', 'Name of the snapshot in dir.', { protected: true }),
  save: mutable(
    savePoints,
    '3600 1 300 100 60 10000',
    'Take a snapshot after so many seconds if so many keys changed.',
  ),
  rdbcompression: mutable(bool, 'yes', 'Compress strings in snapshots (LZF).'),
  rdbchecksum: fixed(bool, 'yes', 'End snapshots with a checksum, and verify it when loading.'),
  'stop-writes-on-bgsave-error': mutable(bool, 'yes', 'Refuse writes while the last snapshot failed.'),
  // ---- append-only log
  appendonly: mutable(bool, 'no', 'Log every write; at the next start the log is what the data come from.', {
    notWhileLoading: true,
  }),
  appendfilename: fixed(fileName('appendfilename'), 'appendonly.aof', "What the names of the log's files begin with."),
  appenddirname: fixed(fileName('appenddirname'), 'appendonlydir', 'Folder of the log in dir.'),
  appendfsync: mutable(
    oneOf(['everysec', 'always', 'no']),
    'everysec',
    'When writes are on disk: at most a second later, before they are acknowledged (always), or when the system likes.',
  ),
  'no-appendfsync-on-rewrite': mutable(bool, 'no', 'While a snapshot is written the log is not synced.'),
  'auto-aof-rewrite-percentage': mutable(
    int(0),
    '100',
    'The log is rewritten when it has grown by so many percent since the last time; 0: never by itself.',
  ),
  'auto-aof-rewrite-min-size': mutable(memory(0), '64mb', 'A smaller log is not rewritten by itself.'),
  'aof-load-truncated': mutable(
    bool,
    'yes',
    'A log whose end is missing, as a crash leaves it, is cut where its last whole command ends; no: the start is refused.',
  ),
  'aof-use-rdb-preamble': mutable(bool, 'yes', 'The base of the log is a snapshot, not commands.', {
    unbuilt: notBuilt((yes) => !yes, 'A base made of commands is not built: it is always a snapshot'),
  }),
  'aof-timestamp-enabled': mutable(bool, 'no', 'Note the time in the log. Redis older than 7 cannot read such a log.'),
  'aof-disable-auto-gc': mutable(bool, 'no', 'Keep files that a rewrite has replaced.'),
  // ---- replication
  replicaof: fixed(primaryAddress, '', 'Be a replica of the server at this address.', { aliases: ['slaveof'] }),
  masterauth: mutable(string, '', 'Password with which a replica logs in to its primary.', { secret: true }),
  masteruser: mutable(string, '', 'User name for masterauth; empty: the default user.', { secret: true }),
  'replica-serve-stale-data': mutable(bool, 'yes', 'Answer reads while the link to the primary is down.', {
    aliases: ['slave-serve-stale-data'],
  }),
  'replica-read-only': mutable(bool, 'yes', 'Refuse writes of clients on a replica.', { aliases: ['slave-read-only'] }),
  'replica-priority': mutable(int(0), '100', 'Sentinels promote the lowest first; 0: never this one.', {
    aliases: ['slave-priority'],
  }),
  'replica-announced': mutable(bool, 'yes', 'Whether sentinels report this replica to clients.'),
  'replica-announce-ip': mutable(string, '', 'Address under which the primary lists this replica.', {
    aliases: ['slave-announce-ip'],
  }),
  'replica-announce-port': mutable(port, '0', 'Port under which the primary lists this replica; 0: its own.', {
    aliases: ['slave-announce-port'],
  }),
  'propagation-error-behavior': mutable(
    oneOf(['ignore', 'panic', 'panic-on-replicas']),
    'ignore',
    'When a command of the primary fails on a replica or is unknown to it: ignore copies everything anew, panic and panic-on-replicas end the replica (unless clients may write to it).',
  ),
  'repl-ping-replica-period': mutable(int(1), '10', 'Seconds between pings from a primary to its replicas.', {
    aliases: ['repl-ping-slave-period'],
  }),
  'repl-timeout': mutable(int(1), '60', 'Seconds of silence after which a replication link counts as broken.'),
  'repl-backlog-size': mutable(
    memory(1, undefined, 16384),
    '1mb',
    'Bytes of the write stream kept for replicas that come back (16 KB at least).',
  ),
  'repl-backlog-ttl': mutable(
    long(0),
    '3600',
    'Seconds after the last replica left until the backlog is freed; 0: never.',
  ),
  'repl-diskless-sync': mutable(bool, 'yes', 'Send a full synchronization straight from memory.'),
  'repl-diskless-sync-delay': mutable(int(0), '0', 'Seconds to wait for more replicas before such a transfer.'),
  'repl-diskless-sync-max-replicas': mutable(int(0), '0', 'Start without that delay once so many wait; 0: never.'),
  'min-replicas-to-write': mutable(int(0), '0', 'Refuse writes while fewer replicas than this are in good state.', {
    aliases: ['min-slaves-to-write'],
  }),
  'min-replicas-max-lag': mutable(
    int(0),
    '10',
    'Seconds since its last acknowledgement at which a replica is too late.',
    {
      aliases: ['min-slaves-max-lag'],
    },
  ),
  // ---- security
  requirepass: mutable(string, '', 'Password that clients must give (AUTH, HELLO); empty: none.', { secret: true }),
  'enable-debug-command': fixed(oneOf(TRUST), 'no', 'Who may call DEBUG: nobody, everybody, local clients.'),
  'enable-module-command': fixed(oneOf(TRUST), 'no', 'Who may ask MODULE to load one, which it refuses.'),
  'enable-protected-configs': fixed(oneOf(TRUST), 'no', 'Who may change dir and dbfilename with CONFIG SET.'),
  aclfile: fixed(string, '', 'File of ACL users, which ACL LOAD reads and ACL SAVE writes; empty: none.'),
  'acllog-max-len': mutable(long(0), '128', 'Entries of the ACL log.'),
  'acl-pubsub-default': mutable(
    oneOf(['allchannels', 'resetchannels']),
    'resetchannels',
    'Channels that a new user may use: all or none.',
  ),
  // ---- memory and limits
  maxmemory: mutable(
    memory(0, ULONG_MAX),
    '0',
    'Bytes of data and buffers (used_memory without what waits for replicas) above which keys are evicted, or writes refused, as maxmemory-policy says; 0: no limit.',
  ),
  'maxmemory-policy': mutable(
    oneOf([
      'volatile-lru',
      'volatile-lfu',
      'volatile-random',
      'volatile-ttl',
      'allkeys-lru',
      'allkeys-lfu',
      'allkeys-random',
      'noeviction',
    ]),
    'noeviction',
    'Which keys go at maxmemory: of all or of those with an expiry (volatile) those not used for long (lru), rarely used (lfu), any (random), or next to expire (ttl); noeviction: none, writes are refused.',
  ),
  'maxmemory-samples': mutable(int(1), '5', 'Keys drawn at random to evict one: more choose better, and cost more.'),
  'maxmemory-eviction-tenacity': mutable(
    int(0, 100),
    '10',
    'How long eviction may hold up a command: 0 not at all, 10 for 0.5 ms, 100 until there is room.',
  ),
  activedefrag: mutable(
    bool,
    'no',
    'Move values together in the background when much memory is free in pieces, and give back what is empty.',
  ),
  'active-defrag-cycle-min': mutable(int(1, 99), '1', 'Least percentage of a core that defragmentation takes.'),
  'active-defrag-cycle-max': mutable(int(1, 99), '25', 'Most percentage of a core that defragmentation takes.'),
  'active-defrag-ignore-bytes': mutable(memory(1), '100mb', 'Defragmentation begins at so much memory free in pieces.'),
  'active-defrag-threshold-lower': mutable(int(0, 1000), '10', 'And at so much, as a percentage of what is in use.'),
  'active-defrag-threshold-upper': mutable(int(0, 1000), '100', 'From this percentage on it makes its full effort.'),
  'lfu-log-factor': mutable(int(0), '10', 'Under an LFU policy: how much more rarely uses count the more there were.'),
  'lfu-decay-time': mutable(
    int(0),
    '1',
    'Under an LFU policy: minutes in which the counter of uses falls by one; 0: it does not.',
  ),
  'proto-max-bulk-len': mutable(memory(1 << 20), '512mb', 'Longest string a client may send.'),
  // ---- data types
  'list-max-listpack-size': mutable(
    int(INT_MIN),
    '-2',
    'Largest node of a list: -1 to -5 are 4 to 64 KiB, others a number of elements.',
    { aliases: ['list-max-ziplist-size'] },
  ),
  'hash-max-listpack-entries': mutable(long(0), '512', 'Largest compact hash, in fields.', {
    aliases: ['hash-max-ziplist-entries'],
  }),
  'hash-max-listpack-value': mutable(memory(0), '64', 'Longest field or value in a compact hash, in bytes.', {
    aliases: ['hash-max-ziplist-value'],
  }),
  'set-max-intset-entries': mutable(long(0), '512', 'Largest compact set of integers, in members.'),
  'zset-max-listpack-entries': mutable(long(0), '128', 'Largest compact sorted set, in members.', {
    aliases: ['zset-max-ziplist-entries'],
  }),
  'zset-max-listpack-value': mutable(memory(0), '64', 'Longest member in a compact sorted set, in bytes.', {
    aliases: ['zset-max-ziplist-value'],
  }),
  'stream-node-max-bytes': mutable(memory(0), '4kb', 'Size of the nodes of a stream; at most 48kb, and so is 0.'),
  'stream-node-max-entries': mutable(long(0), '100', 'Entries in a node of a stream; 0 for no limit.'),
  'hll-sparse-max-bytes': mutable(memory(0), '3000', 'Largest sparse HyperLogLog, in bytes.'),
  // ---- clients
  'client-query-buffer-limit': mutable(memory(1 << 20), '1gb', 'Bytes of unfinished requests of one client.'),
  'client-output-buffer-limit': mutable(
    outputBufferLimits,
    'normal 0 0 0 replica 256mb 64mb 60 pubsub 32mb 8mb 60',
    'Bytes of unsent replies above which a client is cut off, by class.',
  ),
  'maxmemory-clients': mutable(
    memoryOrPercent,
    '0',
    'Bytes that all clients together may hold, also as a share of maxmemory; beyond it those that hold most are cut off. 0: no limit.',
  ),
  'tracking-table-max-keys': mutable(
    long(0),
    '1000000',
    'Keys that are remembered for clients that track what they read; beyond it they are told as if keys had changed. 0: no limit.',
  ),
  // ---- scripts
  'busy-reply-threshold': mutable(
    long(0),
    '5000',
    'Milliseconds that a script may run until others are answered BUSY and SCRIPT KILL can end it.',
    { aliases: ['lua-time-limit'] },
  ),
  'script-memory-limit': mutable(
    memory(16777216, 2147483648n),
    '256mb',
    'Memory that scripts may use together; a script that needs more ends with an error. Not counted into maxmemory.',
  ),
  // ---- events and background work
  'notify-keyspace-events': mutable(eventClasses, '', 'Classes of keyspace events to publish.'),
  // ---- what took long
  'slowlog-log-slower-than': mutable(
    long(-1),
    '10000',
    'Microseconds from which a command is kept in the slow log; 0: every command, -1: none.',
  ),
  'large-command-elements': mutable(
    long(0),
    '10000',
    'Elements from which a command that reads (KEYS, SMEMBERS, LRANGE …) counts in vedette_server_command_large_calls_total; 0: none does.',
  ),
  'slowlog-max-len': mutable(long(0), '128', 'Entries of the slow log.'),
  'latency-monitor-threshold': mutable(
    long(0),
    '0',
    'Milliseconds from which LATENCY keeps an event; 0: it keeps none.',
  ),
  'latency-tracking': mutable(bool, 'yes', 'Measure how long commands take, for INFO and LATENCY HISTOGRAM.'),
  'latency-tracking-info-percentiles': mutable(percentiles, '50 99 99.9', 'Percentiles of that in INFO latencystats.'),
  // ---- for tests: they make what is too quick to be seen slow
  'key-load-delay': mutable(int(), '0', 'Microseconds to wait for each key that is loaded; -N: one of N keys.', {
    hidden: true,
  }),
  'loading-process-events-interval-bytes': mutable(
    int(1024),
    '2097152',
    'Bytes of a snapshot that are loaded before clients are answered again; at most 256 KiB are.',
    { hidden: true },
  ),
  'rdb-key-save-delay': mutable(int(), '0', 'Microseconds to wait for each key of a snapshot; -N: one of N keys.', {
    hidden: true,
  }),
  // ---- Vedette's own
  sentinels: mutable(
    hostPorts,
    '',
    'Sentinels to ask for a role, as host:port; until they name the primary of sentinel-group, writes are refused.',
    { needsRestart: true },
  ),
  'sentinel-group': mutable(string, 'mymaster', 'Name of the group under which the sentinels watch this server.', {
    needsRestart: true,
  }),
  'sentinel-pass': mutable(string, '', 'Password of the sentinels; empty: none.', { needsRestart: true, secret: true }),
  'requirepass-file': mutable(
    string,
    '',
    'File with one or two passwords of the default user, a line each, in place of requirepass; it is read again when it changes.',
    { needsRestart: true },
  ),
  'masterauth-file': mutable(
    string,
    '',
    'The same in place of masterauth: a replica tries the first password, and the second if that is refused.',
    { needsRestart: true },
  ),
  'sentinel-pass-file': mutable(string, '', 'The same in place of sentinel-pass.', { needsRestart: true }),
  'aclfile-reload': mutable(bool, 'no', 'Whether aclfile is loaded again, as by ACL LOAD, when it changes.', {
    needsRestart: true,
  }),
  'http-port': mutable(
    optionalPort,
    'off',
    'HTTP port of metrics and health; off: none; auto: port + 2742, which is 9121 for 6379, or any free one.',
    { needsRestart: true },
  ),
  'http-bind': mutable(string, '127.0.0.1', 'Address to listen on for HTTP.', { needsRestart: true }),
  'http-password-file': mutable(
    string,
    '',
    'File with the password that /metrics and all else over HTTP but the health checks asks for (Basic with any name, or Bearer); one or two lines, a password each, read again when they change. Empty: none is asked for.',
    { needsRestart: true },
  ),
  'process-nice': mutable(
    int(-20, 19),
    '-5',
    "How urgent the server is to the kernel's scheduler (nice), where it is permitted to become so: when others take all processors, a replica is promoted and clients are answered at once all the same. 0 leaves it as it was started.",
    { needsRestart: true },
  ),
} as const

/** Every option of the server by name. */
export const SERVER_OPTIONS = { ...EFFECTIVE_OPTIONS, ...TLS_OPTIONS, ...INERT_OPTIONS }

/** The values of the server's options: `options['repl-timeout']`. Units are those of the option's help. */
export type ServerOptions = OptionValues<typeof SERVER_OPTIONS>

/** Where a server listens by TCP. */
export type ListeningPlace = Readonly<Pick<ServerOptions, 'bind' | 'port' | 'tls-port'>>

/** Whether two places are the same. */
export const samePlace = (a: ListeningPlace, b: ListeningPlace): boolean =>
  a.port === b.port && a['tls-port'] === b['tls-port'] && a.bind.join(' ') === b.bind.join(' ')
