// INFO and ROLE of a sentinel, with the sections and fields that redis_exporter and clients read.

import { monotonicMs, wallMs } from '../../io/clock.ts'
import { REDIS_VERSION } from '../../lib/version.ts'
import { addressKey } from '../../sentinel/address.ts'
import { type CoreState, topoOf } from '../../sentinel/state.ts'
import type { Call, CommandHost, SentinelCommand } from './spec.ts'

type Fields = readonly (readonly [string, string | number])[]

/** `ok`, `sdown` or `odown`, as the master lines of INFO have it. */
export function statusOf(core: CoreState, name: string): 'ok' | 'sdown' | 'odown' {
  const group = core.groups.get(name)
  if (group === undefined) return 'ok'
  if (group.odown) return 'odown'
  return group.servers.get(addressKey(group.primary))?.sdown === true ? 'sdown' : 'ok'
}

/** The other sentinels that watch a group. */
export const sentinelsOf = (core: CoreState, name: string) =>
  [...core.peers.values()].filter(({ watches }) => watches.includes(name))

function serverSection({ facts }: CommandHost): Fields {
  const process = facts()
  return [
    ['redis_version', REDIS_VERSION],
    ['redis_git_sha1', '00000000'],
    ['redis_git_dirty', 0],
    ['redis_mode', 'sentinel'],
    ['os', process.os],
    ['arch_bits', process.archBits],
    ['multiplexing_api', 'libuv'],
    ['process_id', process.pid],
    ['run_id', process.runId],
    ['tcp_port', process.port],
    ['server_time_usec', wallMs() * 1000],
    ['uptime_in_seconds', process.uptimeSeconds],
    ['uptime_in_days', Math.floor(process.uptimeSeconds / 86_400)],
    ['executable', process.executable],
    ['config_file', ''],
  ]
}

const clientsSection = ({ clients, facts }: CommandHost): Fields => [
  ['connected_clients', [...clients.all()].length],
  ['maxclients', facts().maxClients],
  ['pubsub_clients', [...clients.all()].filter(({ subscriptions }) => subscriptions > 0).length],
  ['blocked_clients', [...clients.all()].filter(({ blocked }) => blocked !== undefined).length],
]

function statsSection({ stats, pubsub }: CommandHost): Fields {
  return [
    ['total_connections_received', stats.connections],
    ['total_commands_processed', stats.commands],
    ['total_net_input_bytes', stats.inputBytes],
    ['total_net_output_bytes', stats.outputBytes],
    ['rejected_connections', stats.rejected],
    ['pubsub_channels', pubsub.channels().size],
    ['pubsub_patterns', pubsub.patterns().size],
  ]
}

function cpuSection({ facts }: CommandHost): Fields {
  const { cpu } = facts()
  return [
    ['used_cpu_sys', cpu.systemSeconds.toFixed(6)],
    ['used_cpu_user', cpu.userSeconds.toFixed(6)],
  ]
}

function sentinelSection({ sentinel, failures, scripts, shownHost }: CommandHost): Fields {
  const core = sentinel.core.state
  const tilt = core.tiltUntilMs !== undefined
  const groups = [...core.groups.values()].map(({ name }, i) => {
    const topo = topoOf(core, name)!
    const { port } = topo.primary
    const address = addressKey({ host: shownHost({ group: name, ...topo.primary }), port })
    const facts = `slaves=${topo.replicas.length},sentinels=${sentinelsOf(core, name).length + 1}`
    return [`master${i}`, `name=${name},status=${statusOf(core, name)},address=${address},${facts}`] as const
  })
  return [
    ['sentinel_masters', groups.length],
    ['sentinel_tilt', tilt ? 1 : 0],
    ['sentinel_tilt_since_seconds', tilt ? Math.floor((monotonicMs() - core.tiltSinceMs) / 1000) : -1],
    ['sentinel_running_scripts', scripts.running],
    ['sentinel_scripts_queue_length', scripts.jobs.length],
    [
      'sentinel_simulate_failure_flags',
      (failures.has('crash-after-election') ? 1 : 0) + (failures.has('crash-after-promotion') ? 2 : 0),
    ],
    ...groups,
  ]
}

/** What Vedette adds: the quorum's own state. */
function raftSection({ sentinel, facts }: CommandHost): Fields {
  const core = sentinel.core.state
  const status = sentinel.consensus?.status()
  return [
    ['vedette_group', core.formed?.id ?? ''],
    ['vedette_raft_role', status?.role ?? 'none'],
    ['vedette_raft_term', status?.term ?? 0],
    ['vedette_raft_leader', status?.leader ?? ''],
    ['vedette_raft_commit_index', status?.commitIndex ?? 0],
    ['vedette_raft_voters', status?.membership.voters.length ?? 0],
    ['vedette_raft_learners', status?.membership.learners.length ?? 0],
    ['vedette_epoch', core.topology.epoch],
    ['vedette_failovers', core.stats.failovers],
    ['vedette_stalls', core.stats.stalls],
    ['vedette_resident_bytes', facts().residentBytes],
  ]
}

const SECTIONS: readonly (readonly [string, (host: CommandHost) => Fields])[] = [
  ['Server', serverSection],
  ['Clients', clientsSection],
  ['Stats', statsSection],
  ['CPU', cpuSection],
  ['Sentinel', sentinelSection],
  ['Vedette', raftSection],
]
const EVERYTHING = new Set(['all', 'default', 'everything'])

function info({ words, reply, host }: Call): void {
  const asked = new Set(words.slice(1).map((word) => word.toLowerCase()))
  const all = asked.size === 0 || [...asked].some((word) => EVERYTHING.has(word))
  const sections = SECTIONS.filter(([name]) => all || asked.has(name.toLowerCase()))
  const texts = sections.map(
    ([name, fields]) =>
      `# ${name}\r\n${fields(host)
        .map(([field, value]) => `${field}:${value}\r\n`)
        .join('')}`,
  )
  reply.verbatim('txt', texts.join('\r\n'))
}

function role({ reply, host }: Call): void {
  const names = [...host.sentinel.core.state.groups.keys()]
  reply.array(2)
  reply.bulkText('sentinel')
  reply.array(names.length)
  for (const name of names) reply.bulkText(name)
}

export const INFO_COMMANDS: readonly SentinelCommand[] = [
  {
    name: 'info',
    arity: -1,
    flags: ['loading', 'stale'],
    categories: ['dangerous'],
    since: '1.0.0',
    group: 'server',
    summary: 'Facts about this sentinel and what it watches',
    run: info,
  },
  {
    name: 'role',
    arity: 1,
    flags: ['noscript', 'loading', 'stale', 'fast'],
    categories: ['admin', 'dangerous'],
    since: '2.8.12',
    group: 'server',
    summary: 'Says that this is a sentinel, and the groups that it watches',
    run: role,
  },
]
