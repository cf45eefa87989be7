// The options of a sentinel: those of the process (a table like the server's), and those of each monitored group. Names,
// defaults and forms are those of sentinel.conf of Redis 7.0.15; the ones below "Vedette's own" are ours.
import type { UserLine } from '../acl/start.ts'
import { LEASE_MS_MAX, LEASE_MS_MIN, WRITE_MODES } from '../lease/terms.ts'
import { fixed, type OptionRow, type OptionTable, type OptionValues, type RowDetails } from './option.ts'
import { autoPort, optionalPort } from './ports.ts'
import { bindAddresses } from './special-values.ts'
import { TLS_OPTIONS } from './tls-options.ts'
import { accept, bool, INT_MAX, int, integerOf, type OptionType, octal, oneOf, port, refuse, string } from './values.ts'

/** How an option is written: `port 26379`, `sentinel announce-ip x`, or either (our own). */
export type SentinelForm = 'plain' | 'sentinel' | 'either'

/** A row of the process table. */
export interface SentinelRow<T> extends OptionRow<T> {
  readonly form: SentinelForm
}

function row<T>(
  form: SentinelForm,
  type: OptionType<T>,
  text: string,
  help: string,
  details: RowDetails<T> = {},
): SentinelRow<T> {
  return { ...fixed(type, text, help, details), form }
}

/** The rows of a table as ones that are written plainly, and fixed once the process runs. */
const plainly = <Table extends OptionTable>(table: Table) =>
  Object.fromEntries(Object.entries(table).map(([name, one]) => [name, { ...one, mutable: false, form: 'plain' }])) as {
    readonly [Name in keyof Table]: Table[Name] & { readonly form: SentinelForm }
  }

export const HTTP_PORT_OFFSET = 1000
export const GOSSIP_PORT_OFFSET = 2000

/** A number of sentinels; undefined: derived from the quorum. */
const count: OptionType<number | undefined> = {
  domain: 'auto | integer (1–255)',
  words: 'one',
  repeats: 'replaces',
  parse: (words) => (words[0]!.toLowerCase() === 'auto' ? accept(undefined, 'auto') : int(1, 255).parse(words)),
}

/** A name as groups have them, or none. */
const identifier: OptionType<string> = {
  domain: 'string of letters, digits and .-_',
  words: 'one',
  repeats: 'replaces',
  parse: (words) =>
    /^[A-Za-z0-9._-]{0,255}$/.test(words[0]!)
      ? accept(words[0]!, words[0]!)
      : refuse('use at most 255 letters, digits and .-_'),
}

const SENTINEL_LOGIN =
  'Login of Redis Sentinels with each other; kept and shown, without effect: the sentinels here prove who they are by the swarm key.'

/** Every option of the sentinel process by name. */
export const SENTINEL_OPTIONS = {
  port: row(
    'plain',
    port,
    '26379',
    'TCP port of the Redis protocol (SENTINEL commands, pub/sub). 0: none if there is a tls-port, else any free one.',
  ),
  bind: row('plain', bindAddresses, '* -::*', 'Addresses to listen on.'),
  unixsocket: row('plain', string, '', 'Path of a Unix socket to listen on beside TCP; empty: none.'),
  unixsocketperm: row('plain', octal, '0', 'Permissions of the Unix socket; 0: those that the system gives.'),
  'protected-mode': row('plain', bool, 'no', 'While there is no password, refuse clients not from this machine.'),
  dir: row('plain', string, './', 'Directory of the durable state. Each sentinel needs its own.'),
  requirepass: row('plain', string, '', 'Password that clients must give; empty: none.'),
  aclfile: row('plain', string, '', 'File of ACL users, which ACL LOAD reads and ACL SAVE writes; empty: none.'),
  'requirepass-file': row(
    'plain',
    string,
    '',
    'File with one or two passwords of the default user, a line each, in place of requirepass; it is read again when it changes.',
  ),
  'aclfile-reload': row('plain', bool, 'no', 'Whether aclfile is loaded again, as by ACL LOAD, when it changes.'),
  'acllog-max-len': row('plain', int(0), '128', 'Entries of the ACL log.'),
  'acl-pubsub-default': row(
    'plain',
    oneOf(['allchannels', 'resetchannels']),
    'resetchannels',
    'Channels that a new user may use: all or none.',
  ),
  loglevel: row(
    'plain',
    oneOf(['debug', 'verbose', 'notice', 'warning']),
    'notice',
    'The least important lines to log.',
  ),
  logfile: row('plain', string, '', 'File to append log lines to; empty: standard output.'),
  pidfile: row('plain', string, '', 'File to write the process ID to, removed at the end; empty: none.'),
  daemonize: row('plain', bool, 'no', 'Run in the background. Use a service manager (systemd, a container) instead.', {
    unbuilt: (yes) =>
      yes
        ? 'Running in the background is not built: start it from a service manager, and give --daemonize no to override a file'
        : undefined,
  }),
  ...plainly(TLS_OPTIONS),
  maxclients: row('plain', int(1, 2 ** 32 - 1), '10000', 'Clients connected at once; more are refused.'),
  'announce-ip': row('sentinel', string, '', 'Address under which clients and other sentinels reach this one.'),
  'announce-port': row('sentinel', port, '0', 'Port under which they reach it; 0: port.'),
  'resolve-hostnames': row('sentinel', bool, 'yes', 'Allow host names, not only addresses, for servers (Redis: no).'),
  'announce-id': row(
    'either',
    identifier,
    '',
    "Name of this sentinel that outlives its folder (a pod's name): one that comes back empty takes its old place in the group.",
  ),
  'announce-hostnames': row(
    'sentinel',
    oneOf(['auto', 'yes', 'no']),
    'auto',
    'How commands name a server to clients. yes: by the name that it is monitored by. no: by its IP address. auto: by the address of one that is monitored by name, and otherwise as it announces itself (Redis: no).',
  ),
  'sentinel-user': row('sentinel', string, '', SENTINEL_LOGIN),
  'sentinel-pass': row('sentinel', string, '', SENTINEL_LOGIN, { secret: true }),
  'deny-scripts-reconfig': row('sentinel', bool, 'yes', 'Refuse to change scripts at run time (SENTINEL SET).'),
  // ---- Vedette's own
  expect: row(
    'either',
    count,
    'auto',
    'Sentinels that form the group when they first see each other; auto: twice the quorum less one.',
  ),
  'dead-sentinel-timeout': row(
    'either',
    int(1_000),
    '10000',
    'Silence after which a dead sentinel loses its vote to a new one; with expect, at once when there would be too many.',
  ),
  'gossip-port': row(
    'either',
    autoPort,
    'auto',
    'TCP port for the other sentinels; auto: port + 2000, or any free one.',
  ),
  'gossip-bind': row(
    'either',
    string,
    '',
    'Address to listen on for them; empty: every one with a swarm key, else 127.0.0.1.',
  ),
  'gossip-announce-ip': row('either', string, '', 'Address under which they reach this one; empty: announce-ip.'),
  'swarm-key-file': row(
    'either',
    string,
    '',
    'File with the 64 hex digits that all sentinels of a group share; VEDETTE_SWARM_KEY in the environment does the same.',
  ),
  'heartbeat-interval-milliseconds': row('either', int(10, 10_000), '100', "Interval of the leader's heartbeats."),
  'election-timeout-milliseconds': row(
    'either',
    int(50, 60_000),
    '300',
    'Silence of the leader after which a sentinel stands for election: a random time from this to twice this. Where the machine or the network turns out to be slow it is stretched, up to eight times, and comes back by itself.',
  ),
  'process-nice': row(
    'either',
    int(-20, 19),
    '-10',
    "How urgent the sentinel is to the kernel's scheduler (nice), where it is permitted to become so: it needs little, but at once, above all when others take all processors. 0 leaves it as it was started.",
  ),
  'http-port': row(
    'either',
    optionalPort,
    'auto',
    'HTTP port of metrics and health; auto: port + 1000, or any free one.',
  ),
  'http-bind': row('either', string, '127.0.0.1', 'Address to listen on for HTTP.'),
  'http-password-file': row(
    'either',
    string,
    '',
    'File with the password that the console, /metrics and all else over HTTP but the health checks ask for (Basic with any name, or Bearer); one or two lines, a password each, read again when they change. Empty: none is asked for.',
  ),
  'console-token-file': row(
    'either',
    string,
    '',
    'File with the token (16 characters or more) that a switchover on the console takes; VEDETTE_CONSOLE_TOKEN in the environment does the same. Without one the console is for reading.',
  ),
} as const

/** `<command> <its name on the servers>`; further lines add to the first. */
const renames: OptionType<Readonly<Record<string, string>>> = {
  domain: 'command and name',
  words: 'many',
  repeats: 'merges',
  parse(words, current = {}) {
    if (words.length === 1 && words[0] === '') return accept({}, '')
    const [from, to] = words
    if (!from || !to || words.length !== 2)
      return refuse('give the name of a command, and the one that it has on the servers')
    return accept({ ...current, [from.toLowerCase()]: to }, `${from} ${to}`)
  },
}

/** What each monitored group is told by `sentinel <option> <name> …`; the default is Redis's where Redis has it. */
export const GROUP_OPTIONS = {
  'down-after-milliseconds': groupRow(milliseconds(), '30000', 'Silence after which a server counts as down.'),
  'failover-timeout': groupRow(milliseconds(), '180000', 'Milliseconds a failover may take before it is given up.'),
  'parallel-syncs': groupRow(int(1), '1', 'Replicas that are pointed at a new primary at a time.'),
  'auth-pass': groupRow(string, '', 'Password for the servers.'),
  'auth-pass-file': groupRow(
    string,
    '',
    'File with one or two passwords for the servers, a line each, the preferred one first, in place of auth-pass; it is read again when it changes. This sentinel alone goes by it.',
  ),
  'auth-user': groupRow(string, '', 'User name for auth-pass; empty: the default user.'),
  'notification-script': groupRow(string, '', 'Program to run for every warning event.'),
  'client-reconfig-script': groupRow(string, '', 'Program to run when the primary changes.'),
  'rename-command': groupRow(renames, '', 'A command, and the name that it has on the servers; a line for each.'),
  'kubernetes-service': groupRow(
    string,
    '',
    'Service without a selector whose EndpointSlice of the same name the leader points at the primary; empty: none.',
  ),
  'kubernetes-replica-service': groupRow(string, '', 'The same for the replicas that are up and in sync; empty: none.'),
  'failover-interval': groupRow(
    int(0),
    '2000',
    'Milliseconds after a failover in which none begins by itself, so that a fault does not chase the primary about; vedette resume ends them early. 0: none.',
  ),
  'dead-replica-timeout': groupRow(
    int(0),
    '0',
    'Milliseconds after which a replica that is down is forgotten while all others are well; one that is known by name, only when that has no address any more. The last one stays. 0: never.',
  ),
  'master-reboot-down-after-period': groupRow(
    int(0),
    '0',
    'Milliseconds a restarted primary may need to load; 0: none.',
  ),
  'write-mode': groupRow(
    oneOf(WRITE_MODES),
    'lease',
    'What an acknowledged write means. async: the primary has it, as with Redis. lease: and it held a lease of a majority of the sentinels, so that no two primaries take writes at once. sync: and sync-replicas replicas have it. Taken from the file once; later SENTINEL SET changes it for all. A Redis or Valkey server knows async only.',
  ),
  'lease-milliseconds': groupRow(
    int(LEASE_MS_MIN, LEASE_MS_MAX),
    '1000',
    'How long a primary may write after it last heard a majority of the sentinels, and how long a failover of one that is silent waits at most for that.',
  ),
  'sync-replicas': groupRow(int(1, 256), '1', 'Replicas that must have a write before it is acknowledged, in sync.'),
} as const

function groupRow<T>(type: OptionType<T>, text: string, help: string): OptionRow<T> {
  return fixed(type, text, help)
}

function milliseconds(): OptionType<number> {
  return {
    ...int(1),
    parse: (words) => {
      const n = integerOf(words[0]!)
      if (n === undefined || n <= 0n) return refuse('negative or zero time parameter.')
      return n > BigInt(INT_MAX)
        ? refuse(`argument must be between 1 and ${INT_MAX} inclusive`)
        : accept(Number(n), String(n))
    },
  }
}

/** One monitored group: `sentinel monitor <name> <host> <port> <quorum>` and what GROUP_OPTIONS adds. */
export interface MonitoredGroup extends OptionValues<typeof GROUP_OPTIONS> {
  readonly name: string
  readonly host: string
  readonly port: number
  readonly quorum: number
  /** The replicas that a Redis Sentinel wrote into its file. */
  readonly remembered: { readonly host: string; readonly port: number }[]
}

/** All that a sentinel is told: the process options by name, and: */
export interface SentinelOptions extends OptionValues<typeof SENTINEL_OPTIONS> {
  /** The monitored groups in the order of the file. */
  groups: MonitoredGroup[]
  /** The `user` lines of the files. */
  userLines: UserLine[]
  /** The 64 hex digits of swarm-key-file or VEDETTE_SWARM_KEY, lower case; undefined: none (gossip on loopback only). */
  swarmKey: string | undefined
  /** The token of console-token-file or VEDETTE_CONSOLE_TOKEN; undefined: the console is for reading. */
  consoleToken: string | undefined
  /** One line each for directives that were accepted and have no effect; to be logged at start. */
  notes: string[]
}
