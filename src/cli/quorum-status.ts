// What a sentinel says about its quorum and its groups, as the command line shows it: asked over RESP (SENTINEL
// VEDETTE-STATUS), or put together from SENTINEL MASTERS, REPLICAS and SENTINELS of a Redis Sentinel. What the network gives
// is checked field by field: a wrong type becomes "unknown", never an exception.
import type { RespClient } from '../io/resp-client.ts'
import { type Reply, ReplyError } from '../protocol/reply-parser.ts'
import type {
  FailoverReport,
  GroupReport,
  PastFailoverReport,
  RaftReport,
  SentinelReport,
  ServerReport,
  StatusReport,
} from '../supervisor/status-report.ts'
import { type Fields, fieldsOf, isObject, listOf, numberOf, parseJson, textOf } from './reading.ts'

export interface ServerStatus {
  readonly address: string
  readonly role: 'primary' | 'replica'
  readonly up: boolean
  /** The replication link of a replica; undefined for a primary or when unknown. */
  readonly linkUp: boolean | undefined
  readonly offset: number | undefined
  readonly lagBytes: number | undefined
  readonly priority: number | undefined
}

export interface FailoverStatus {
  readonly epoch: number
  readonly reason: string
  readonly from: string
  readonly to: string
  readonly planned: boolean
  readonly outcome: string
  readonly durationMs: number | undefined
  /** Wall clock, ms since 1970. */
  readonly atMs: number | undefined
}

export interface GroupStatus {
  readonly name: string
  readonly quorum: number
  readonly epoch: number
  readonly status: string
  readonly primary: string
  /** What an acknowledged write means, and whether the primary holds its lease (`none`: it needs none); unknown for a Redis. */
  readonly writeMode?: string | undefined
  readonly lease?: string | undefined
  readonly servers: readonly ServerStatus[]
  /** What keeps it from a failover that it needs. */
  readonly deadEnd: string | undefined
  /** Until when no failover begins by itself; wall clock. */
  readonly pausedUntilMs?: number | undefined
  /** The step of a failover that is going on. */
  readonly failoverStep: string | undefined
  readonly lastFailover: FailoverStatus | undefined
}

export interface SentinelStatus {
  readonly address: string
  readonly leader: boolean
  readonly up: boolean
}

export interface QuorumStatus {
  /** Whether this is a Vedette sentinel; Redis's own has no term and no standing leader. */
  readonly kind: 'vedette' | 'redis'
  /** Whether the sentinels have formed their group. */
  readonly formed: boolean
  /** What keeps them from deciding anything. */
  readonly obstacle?: string | undefined
  readonly term: number | undefined
  readonly role: string | undefined
  /** RESP address of the leader, if it is known. */
  readonly leader: string | undefined
  readonly sentinels: readonly SentinelStatus[]
  readonly groups: readonly GroupStatus[]
}

function failoverOf(value: unknown): FailoverStatus | undefined {
  if (!isObject(value)) return undefined
  const one = fieldsOf<PastFailoverReport>(value)
  return {
    epoch: numberOf(one.epoch) ?? 0,
    reason: textOf(one.reason),
    from: textOf(one.from),
    to: textOf(one.to),
    planned: one.planned === true,
    outcome: textOf(one.outcome),
    durationMs: numberOf(one.durationMs),
    atMs: numberOf(one.atMs),
  }
}

function serverOf(one: Fields<ServerReport>): ServerStatus {
  return {
    address: textOf(one.address),
    role: one.role === 'primary' ? 'primary' : 'replica',
    up: one.health === 'up',
    linkUp: one.link === 'up' ? true : one.link === 'down' ? false : undefined,
    offset: numberOf(one.offset),
    lagBytes: numberOf(one.lagBytes),
    priority: numberOf(one.priority),
  }
}

/** Reads the JSON of SENTINEL VEDETTE-STATUS; undefined when it is no JSON object. */
export function parseQuorumStatus(text: string): QuorumStatus | undefined {
  const parsed = parseJson(text)
  if (!isObject(parsed)) return undefined
  const status = fieldsOf<StatusReport>(parsed)
  const raft = fieldsOf<RaftReport>(status.raft)
  const sentinels = listOf<SentinelReport>(status.sentinels).map((one) => ({
    address: textOf(one.address),
    leader: one.leader === true,
    up: one.health === 'up',
  }))
  return {
    kind: 'vedette',
    formed: typeof status.group === 'object' && status.group !== null,
    obstacle: textOf(status.obstacle) || undefined,
    term: numberOf(raft.term),
    role: textOf(raft.role) || undefined,
    leader: sentinels.find((one) => one.leader)?.address,
    sentinels,
    groups: listOf<GroupReport>(status.masters).map((one) => ({
      name: textOf(one.name),
      quorum: numberOf(one.quorum) ?? 0,
      epoch: numberOf(one.epoch) ?? 0,
      status: textOf(one.status),
      primary: textOf(one.primary),
      writeMode: textOf(one.writeMode) || undefined,
      lease: textOf(one.lease) || undefined,
      servers: listOf<ServerReport>(one.servers).map(serverOf),
      deadEnd: textOf(one.deadEnd) || undefined,
      pausedUntilMs: numberOf(one.pausedUntilMs),
      failoverStep: textOf(fieldsOf<FailoverReport>(one.failover).step) || undefined,
      lastFailover: failoverOf(one.lastFailover),
    })),
  }
}

/** A reply of names and values in turn as a record. */
function recordOf(reply: Reply): Record<string, string> {
  const record: Record<string, string> = {}
  if (!Array.isArray(reply)) return record
  for (let i = 0; i + 1 < reply.length; i += 2) record[String(reply[i])] = textOf(String(reply[i + 1]))
  return record
}

const recordsOf = (reply: Reply): Record<string, string>[] => (Array.isArray(reply) ? reply.map(recordOf) : [])
const isDown = (one: Readonly<Record<string, string>>): boolean => /down|disconnected/.test(one.flags ?? '')

async function redisGroup(client: RespClient, master: Readonly<Record<string, string>>): Promise<GroupStatus> {
  const replicas = recordsOf(await client.command(['SENTINEL', 'REPLICAS', master.name ?? '']))
  const primary = `${master.ip}:${master.port}`
  const flags = master.flags ?? ''
  return {
    name: master.name ?? '',
    quorum: Number(master.quorum),
    epoch: Number(master['config-epoch']),
    status: flags.includes('o_down') ? 'odown' : flags.includes('s_down') ? 'sdown' : 'ok',
    primary,
    servers: [
      {
        address: primary,
        role: 'primary',
        up: !isDown(master),
        linkUp: undefined,
        offset: undefined,
        lagBytes: undefined,
        priority: undefined,
      },
      ...replicas.map((one) => ({
        address: `${one.ip}:${one.port}`,
        role: 'replica' as const,
        up: !isDown(one),
        linkUp: one['master-link-status'] === 'ok',
        offset: Number(one['slave-repl-offset']),
        lagBytes: undefined,
        priority: Number(one['slave-priority']),
      })),
    ],
    deadEnd: undefined,
    failoverStep: flags.includes('failover_in_progress') ? (master['failover-state'] ?? 'going on') : undefined,
    lastFailover: undefined,
  }
}

async function redisStatus(client: RespClient, self: string): Promise<QuorumStatus> {
  const masters = recordsOf(await client.command(['SENTINEL', 'MASTERS']))
  const groups: GroupStatus[] = []
  const sentinels = new Map<string, SentinelStatus>([[self, { address: self, leader: false, up: true }]])
  for (const master of masters) {
    groups.push(await redisGroup(client, master))
    for (const one of recordsOf(await client.command(['SENTINEL', 'SENTINELS', master.name ?? '']))) {
      const address = `${one.ip}:${one.port}`
      sentinels.set(address, { address, leader: false, up: !isDown(one) })
    }
  }
  return {
    kind: 'redis',
    formed: true,
    term: undefined,
    role: undefined,
    leader: undefined,
    sentinels: [...sentinels.values()],
    groups,
  }
}

/** Asks a sentinel. Rejects with an Error that says why when what answers is no sentinel or the connection ends. */
export async function askQuorumStatus(client: RespClient, self: string): Promise<QuorumStatus> {
  const reply = await client.command(['SENTINEL', 'VEDETTE-STATUS'])
  if (reply instanceof ReplyError) {
    if (/unknown command/i.test(reply.message)) throw new Error(`${self} is no sentinel: it answers ${reply.message}`)
    if (!/unknown.*subcommand/i.test(reply.message)) throw new Error(`${self} answers ${reply.message}`)
    return redisStatus(client, self)
  }
  const status = parseQuorumStatus(String(reply))
  if (status === undefined) throw new Error(`${self} answers what is no status`)
  return status
}
