// A group on hosts of its own: servers and sentinels, Vedette's or Redis's, with a client that writes to the first primary from its
// own host, and one that goes where the sentinels send it. What was acknowledged is held against what is left in the end.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { connectResp } from '../../src/io/resp-client.ts'
import type { Reply } from '../../src/protocol/reply-parser.ts'
import { VEDETTE_MAIN, VEDETTE_NODE } from '../support/paths.ts'
import { connectRaw, decode } from '../support/resp.ts'
import type { Proc, Scope } from '../support/scope.ts'
import { eventually } from '../support/wait.ts'
import { createHosts, type Host } from './hosts.ts'
import { type Ack, gapMs, overlapMs } from './verdict.ts'

const NAME = 'mymaster'
const WRITER = join(import.meta.dirname, 'writer.mjs')
const SWARM_KEY = '5c'.repeat(32)
export const LEASE_MS = 1_000
export const DOWN_AFTER_MS = 1_000
const SERVER_PORT = 6379
const SENTINEL_PORT = 26379
const LONG = { timeoutMs: 60_000, intervalMs: 100 }
const MGET_MAX = 2_000

/** Vedette in each write mode; Redis with its Sentinel. */
export type Kind = 'async' | 'lease' | 'sync' | 'redis'

/** Which hosts have what, by number; the first server is the primary's. The last host of all is the client's. */
export interface Layout {
  readonly servers: readonly number[]
  readonly sentinels: readonly number[]
}

/** A server or a sentinel. */
export interface Node {
  readonly host: Host
  readonly port: number
  readonly dir: string
  proc: Proc
  start(): void
}

export interface World {
  readonly kind: Kind
  readonly hosts: readonly Host[]
  readonly servers: readonly Node[]
  readonly sentinels: readonly Node[]
  readonly primary: Node
  /** The host from which clients look for the primary. */
  readonly client: Host
  ask(node: Node, ...words: string[]): Promise<Reply>
  /** The sentinel that leads; of Redis's, which have no leader, the last one. */
  leader(): Promise<Node>
  /** Calls back when a sentinel publishes this, once. */
  onEvent(channel: string, act: (sentinel: Node) => void): Promise<void>
  allOthers(host: Host): Host[]
}

export interface WorldOptions {
  readonly durable?: boolean
  /** Where a sentinel keeps its files. */
  readonly sentinelDir?: () => string
}

/** What came of a fault. */
export interface Outcome {
  readonly acknowledged: number
  readonly lost: readonly Ack[]
  readonly overlapMs: number
  /** The longest time without an acknowledgement for the clients that ask the sentinels. */
  readonly gapMs: number
  readonly faultMs: number
}

export const nowMs = (): number => Number(process.hrtime.bigint() / 1000n) / 1000

async function ask({ host, port }: Node, ...words: string[]): Promise<Reply> {
  const client = connectResp({ host: host.address, port, connectTimeoutMs: 1_000, replyTimeoutMs: 2_000 })
  try {
    return await client.command(words)
  } finally {
    client.close()
  }
}

const answers = (node: Node): Promise<void> =>
  eventually(`${node.host.address}:${node.port} answers`, async () => (await ask(node, 'PING')) === 'PONG', LONG).then(
    () => {},
  )

const replicationOf = async (node: Node): Promise<string> => String(await ask(node, 'INFO', 'replication'))

function createNode(host: Host, port: number, dir: string, run: () => Proc): Node {
  const node: Node = {
    host,
    port,
    dir,
    proc: run(),
    start: () => {
      node.proc = run()
    },
  }
  return node
}

function startServer(scope: Scope, kind: Kind, host: Host, primary: Host | undefined, durable: boolean): Node {
  const dir = scope.tempDir()
  const [program, ...before] = kind === 'redis' ? ['redis-server'] : [VEDETTE_NODE, VEDETTE_MAIN, 'server']
  const args = ['--port', `${SERVER_PORT}`, '--bind', '0.0.0.0', '--protected-mode', 'no', '--dir', dir, '--save', '']
  const log = durable ? ['--appendonly', 'yes', '--appendfsync', 'always'] : []
  const sync = kind === 'redis' ? ['--repl-diskless-sync-delay', '0'] : []
  const role = primary === undefined ? [] : ['--replicaof', primary.address, `${SERVER_PORT}`]
  return createNode(host, SERVER_PORT, dir, () => host.spawn(program!, [...before, ...args, ...log, ...sync, ...role]))
}

function startSentinel(kind: Kind, host: Host, primary: Host, quorum: number, dir: string): Node {
  const own =
    kind === 'redis'
      ? []
      : [`sentinel write-mode ${NAME} ${kind}`, `sentinel lease-milliseconds ${NAME} ${LEASE_MS}`, 'http-port off']
  const lines = [
    `port ${SENTINEL_PORT}`,
    'bind 0.0.0.0',
    'protected-mode no',
    `dir ${dir}`,
    `sentinel announce-ip ${host.address}`,
    `sentinel monitor ${NAME} ${primary.address} ${SERVER_PORT} ${quorum}`,
    `sentinel down-after-milliseconds ${NAME} ${DOWN_AFTER_MS}`,
    `sentinel failover-timeout ${NAME} 10000`,
    ...own,
  ]
  const file = join(dir, 'sentinel.conf')
  writeFileSync(file, `${lines.join('\n')}\n`)
  const [program, ...before] = kind === 'redis' ? ['redis-sentinel'] : [VEDETTE_NODE, VEDETTE_MAIN, 'sentinel']
  return createNode(host, SENTINEL_PORT, dir, () =>
    host.spawn(program!, [...before, file], { env: { VEDETTE_SWARM_KEY: SWARM_KEY } }),
  )
}

export async function startWorld(scope: Scope, kind: Kind, layout: Layout, options: WorldOptions = {}): Promise<World> {
  const count = Math.max(...layout.servers, ...layout.sentinels) + 2
  const { all, close } = createHosts(scope, count)
  scope.defer(close)
  const at = (i: number): Host => all[i]!
  const first = at(layout.servers[0]!)
  const servers = layout.servers.map((i) =>
    startServer(scope, kind, at(i), at(i) === first ? undefined : first, options.durable === true),
  )
  for (const server of servers) await answers(server)
  for (const replica of servers.slice(1))
    await eventually('it follows', async () => /master_link_status:up/.test(await replicationOf(replica)), LONG)
  const quorum = (layout.sentinels.length >> 1) + 1
  const dirOf = options.sentinelDir ?? (() => scope.tempDir())
  const sentinels = layout.sentinels.map((i) => startSentinel(kind, at(i), first, quorum, dirOf()))
  const [primary] = servers as [Node, ...Node[]]
  const world: World = {
    kind,
    hosts: all,
    servers,
    sentinels,
    primary,
    client: all.at(-1)!,
    ask,
    leader: () => leaderOf(sentinels),
    onEvent: async (channel, act) => {
      let seen = false
      for (const sentinel of sentinels)
        await listen(scope, sentinel, channel, () => {
          if (!seen) act(sentinel)
          seen = true
        })
    },
    allOthers: (host) => all.filter((one) => one !== host),
  }
  await formed(world)
  return world
}

async function formed({ kind, primary, servers, sentinels }: World): Promise<void> {
  for (const sentinel of sentinels) {
    await answers(sentinel)
    await eventually(
      'all see each other',
      async () => {
        const quorum = String(await ask(sentinel, 'SENTINEL', 'CKQUORUM', NAME))
        const facts = (await ask(sentinel, 'SENTINEL', 'MASTER', NAME)) as string[]
        const replicas = facts[facts.indexOf('num-slaves') + 1]
        return quorum.startsWith(`OK ${sentinels.length}`) && replicas === `${servers.length - 1}`
      },
      LONG,
    )
  }
  if (kind === 'redis') return
  const wanted = kind === 'async' ? 'free' : 'held'
  await eventually(
    'the primary has its lease',
    async () => (await replicationOf(primary)).includes(`lease_state:${wanted}`),
    LONG,
  )
}

async function leaderOf(sentinels: readonly Node[]): Promise<Node> {
  const infos = await Promise.all(sentinels.map((one) => ask(one, 'INFO', 'vedette').catch(() => '')))
  const found = sentinels.find((_, i) => String(infos[i]).includes('vedette_raft_role:leader'))
  return found ?? sentinels.at(-1)!
}

async function listen(scope: Scope, sentinel: Node, channel: string, heard: () => void): Promise<void> {
  const connection = await connectRaw(sentinel.port, { scope, host: sentinel.host.address })
  await connection.call('SUBSCRIBE', channel)
  const loop = async (): Promise<void> => {
    for (;;) {
      const message = decode(await connection.reply(2 ** 30))
      if (Array.isArray(message) && message[0] === 'message') heard()
    }
  }
  loop().catch(() => {})
}

const acksOf = (writer: Proc, prefix: string): Ack[] =>
  writer
    .output()
    .split('\n')
    .slice(0, -1)
    .map((line) => line.split(' '))
    .map(([n, atMs, server = '']) => ({ key: `${prefix}:${n}`, atMs: Number(atMs), server }))

/** Waits until every sentinel names one primary, and all other servers follow it. */
async function whole({ servers, sentinels }: World): Promise<Node> {
  return eventually(
    'the group is whole',
    async () => {
      const named = await Promise.all(sentinels.map((one) => ask(one, 'SENTINEL', 'GET-MASTER-ADDR-BY-NAME', NAME)))
      const address = String((named[0] as Reply[])[0])
      if (!named.every((reply) => String((reply as Reply[])[0]) === address)) return undefined
      const primary = servers.find(({ host }) => host.address === address)
      const infos = await Promise.all(servers.map(replicationOf))
      const follow = servers.every(
        (one, i) =>
          one === primary ||
          (infos[i]!.includes(`master_host:${address}`) && infos[i]!.includes('master_link_status:up')),
      )
      return follow ? primary : undefined
    },
    LONG,
  )
}

/** Lets clients write through a fault, until the group is whole again, and says what came of it. */
export async function writeThrough(world: World, fault: () => Promise<unknown>): Promise<Outcome> {
  const { primary, client, sentinels } = world
  const inside = primary.host.spawn(VEDETTE_NODE, [WRITER, 'inside', `${primary.host.address}:${primary.port}`])
  const named = sentinels.map(({ host, port }) => `${host.address}:${port}`)
  const outside = client.spawn(VEDETTE_NODE, [WRITER, 'outside', 'sentinel', NAME, ...named])
  await eventually(
    'both write',
    () => acksOf(inside, 'inside').length > 100 && acksOf(outside, 'outside').length > 100,
    LONG,
  )
  const faultMs = nowMs()
  await fault()
  for (const host of world.hosts) host.open()
  const last = await whole(world)
  const healedMs = nowMs()
  await eventually('clients write', () => (acksOf(outside, 'outside').at(-1)?.atMs ?? 0) > healedMs, LONG)
  await Promise.all([inside.kill(), outside.kill()])
  const found = acksOf(outside, 'outside')
  const all = [...acksOf(inside, 'inside'), ...found]
  return {
    acknowledged: all.length,
    lost: await missing(last, all),
    overlapMs: overlapMs(all),
    gapMs: gapMs(found, faultMs),
    faultMs,
  }
}

/** Which of the acknowledged writes this server does not have. */
async function missing(server: Node, acks: readonly Ack[]): Promise<Ack[]> {
  const lost: Ack[] = []
  for (let i = 0; i < acks.length; i += MGET_MAX) {
    const some = acks.slice(i, i + MGET_MAX)
    const values = (await ask(server, 'MGET', ...some.map(({ key }) => key))) as Reply[]
    lost.push(...some.filter((_, k) => values[k] === null))
  }
  return lost
}
