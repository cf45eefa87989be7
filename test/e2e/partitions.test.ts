// Cut networks: every process on a machine of its own (support/islands.ts), and packets that vanish between some of them.
import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createIslands, cut, heal, type Island, NO_ISLANDS } from '../support/islands.ts'
import { NAME, PATIENT } from '../support/lined.ts'
import { VEDETTE_MAIN, VEDETTE_NODE } from '../support/paths.ts'
import { connectRaw, type RespValue, record } from '../support/resp.ts'
import { createScope, type Proc, type Scope } from '../support/scope.ts'
import { eventually, sleep } from '../support/wait.ts'

/** A server or a sentinel on an island of its own. */
interface Node {
  readonly island: Island
  readonly port: number
  proc: Proc
}

const SERVER_PORT = 6379
const SENTINEL_PORT = 26379
let scope: Scope
let servers: Node[] = []
let sentinels: Node[] = []
beforeEach(({ onTestFailed }) => {
  scope = createScope()
  onTestFailed(() => {
    for (const { island, proc } of sentinels) console.info(`sentinel on ${island.ip}:\n${proc.output().slice(-6_000)}`)
  })
})
afterEach(() => scope.close())

async function ask({ island, port }: Node, ...argv: string[]): Promise<RespValue> {
  const connection = await connectRaw(port, { host: island.ip })
  try {
    return await connection.call(...argv)
  } finally {
    connection.close()
  }
}

async function infoOf(server: Node): Promise<Record<string, string>> {
  const lines = String(await ask(server, 'INFO', 'replication')).split('\r\n')
  return Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]))
}

async function start(
  island: Island,
  what: 'server' | 'sentinel',
  port: number,
  args: readonly string[],
): Promise<Node> {
  const [program = '', ...rest] = [...island.under, VEDETTE_NODE, VEDETTE_MAIN, what, ...args]
  const proc = scope.spawn(program, rest, { name: `${what} ${island.ip}`, env: { VEDETTE_SWARM_KEY: swarmKey } })
  const node = { island, port, proc }
  await eventually(`the ${what} on ${island.ip} answers`, async () => (await ask(node, 'PING')) === 'PONG', PATIENT)
  return node
}

const swarmKey = randomBytes(32).toString('hex')

function startServer(island: Island, primary?: Island): Promise<Node> {
  const role = primary === undefined ? [] : ['--replicaof', primary.ip, String(SERVER_PORT)]
  const args = [
    '--port',
    `${SERVER_PORT}`,
    '--bind',
    '0.0.0.0',
    '--protected-mode',
    'no',
    '--dir',
    scope.tempDir(),
    '--save',
    '',
  ]
  return start(island, 'server', SERVER_PORT, [...args, ...role])
}

function startSentinel(island: Island, primary: Island): Promise<Node> {
  const dir = scope.tempDir()
  const conf = join(dir, 'sentinel.conf')
  const lines = [
    `port ${SENTINEL_PORT}`,
    `dir ${dir}`,
    'bind 0.0.0.0',
    'protected-mode no',
    'http-port off',
    `sentinel announce-ip ${island.ip}`,
    `sentinel monitor ${NAME} ${primary.ip} ${SERVER_PORT} 2`,
    `sentinel down-after-milliseconds ${NAME} 1000`,
    // What holds without leases; test/faults has the others.
    `sentinel write-mode ${NAME} async`,
  ]
  writeFileSync(conf, `${lines.join('\n')}\n`)
  return start(island, 'sentinel', SENTINEL_PORT, [conf])
}

/** A primary and two replicas, and three sentinels over them, all of them apart. */
async function form(): Promise<void> {
  const islands = await createIslands(scope, 6)
  const [first, ...others] = islands.slice(0, 3) as [Island, Island, Island]
  servers = [await startServer(first), ...(await Promise.all(others.map((island) => startServer(island, first))))]
  sentinels = await Promise.all(islands.slice(3).map((island) => startSentinel(island, first)))
  for (const one of sentinels)
    await eventually(
      'the group is formed',
      async () => {
        const state = record(await ask(one, 'SENTINEL', 'MASTER', NAME))
        const quorum = String(await ask(one, 'SENTINEL', 'CKQUORUM', NAME))
        return state['num-slaves'] === '2' && state.flags === 'master' && quorum.startsWith('OK 3')
      },
      PATIENT,
    )
}

const namedBy = async (one: Node): Promise<string> => {
  const reply = await ask(one, 'SENTINEL', 'GET-MASTER-ADDR-BY-NAME', NAME)
  return Array.isArray(reply) ? String(reply[0]) : ''
}

/** The server that all these sentinels name, once it is another than `old`. */
async function successorOf(old: Node, by = sentinels): Promise<Node> {
  const ip = await eventually(
    'another primary is named',
    async () => {
      const named = new Set(await Promise.all(by.map(namedBy)))
      const [only] = named
      return named.size === 1 && only !== '' && only !== old.island.ip ? only : undefined
    },
    PATIENT,
  )
  return servers.find(({ island }) => island.ip === ip)!
}

/** Writes so many keys, and waits until so many replicas have them. */
async function fill({ island, port }: Node, prefix: string, count: number, replicas: number): Promise<void> {
  const connection = await connectRaw(port, { host: island.ip, scope })
  for (let i = 0; i < count; i++) expect(await connection.call('SET', `${prefix}${i}`, 'v')).toBe('OK')
  if (replicas > 0) expect(await connection.call('WAIT', String(replicas), '5000')).toBeGreaterThanOrEqual(replicas)
}

const has = async (server: Node, prefix: string): Promise<number> => {
  const keys = await ask(server, 'KEYS', `${prefix}*`)
  return Array.isArray(keys) ? keys.length : 0
}

if (NO_ISLANDS !== undefined) console.warn(`SKIPPED, cut networks: ${NO_ISLANDS}`)

describe.skipIf(NO_ISLANDS !== undefined)('when the network is cut', () => {
  it('a primary that the leader alone still sees is replaced', async () => {
    await form()
    const [primary] = servers as [Node]
    const leader = await eventually('a leader', async () => {
      const states = await Promise.all(
        sentinels.map(async (one) => String(await ask(one, 'SENTINEL', 'VEDETTE-STATUS'))),
      )
      const isLeader = states.map((text) => (JSON.parse(text) as { raft: { role: string } }).raft.role === 'leader')
      return sentinels[isLeader.indexOf(true)]
    })
    // As a firewall on the server's port does, with the leader behind it. (What replicas still hear is alive: see below.)
    for (const one of [...sentinels, ...servers.slice(1)]) if (one !== leader) cut(one.island, primary.island)
    const cutMs = performance.now()
    await successorOf(primary)
    console.info(`seen by the leader alone: replaced after ${(performance.now() - cutMs).toFixed(0)} ms`)
  })

  it('an old primary that wrote on alone does not win over those who have what was acknowledged since', async () => {
    await form()
    const [old] = servers as [Node]
    await fill(old, 'before', 50, 2)
    for (const one of [...sentinels, ...servers.slice(1)]) cut(old.island, one.island)
    await fill(old, 'alone', 2_000, 0)
    const heir = await successorOf(old)
    await fill(heir, 'since', 600, 1)
    for (const one of [...sentinels, ...servers.slice(1)]) heal(old.island, one.island)
    await heir.proc.kill()
    const last = await successorOf(heir)
    expect(last).not.toBe(old)
    expect(await has(last, 'since')).toBe(600)
    await eventually('the old one follows', async () => (await infoOf(old)).master_host === last.island.ip, PATIENT)
    await eventually(
      'and has the same',
      async () => (await has(old, 'since')) === 600 && (await has(old, 'alone')) === 0,
    )
  })

  it('an idle primary that is cut from the sentinels only is left alone', async () => {
    await form()
    const [primary] = servers as [Node]
    // Until the replicas' links are as quiet as they get.
    await sleep(3_000)
    for (const one of sentinels) cut(one.island, primary.island)
    await sleep(15_000)
    expect(await Promise.all(sentinels.map(namedBy))).toEqual(sentinels.map(() => primary.island.ip))
    expect((await infoOf(primary)).connected_slaves).toBe('2')
    for (const one of sentinels) heal(one.island, primary.island)
  })

  it('a replica that was cut off for 20 s has everything a few seconds after', async () => {
    await form()
    const [primary, replica] = servers as [Node, Node]
    cut(primary.island, replica.island)
    await fill(primary, 'meanwhile', 500, 1)
    await sleep(20_000)
    heal(primary.island, replica.island)
    const healedMs = performance.now()
    // TCP alone tries again only after 13 s, or 26.
    await eventually('it has it all', async () => (await has(replica, 'meanwhile')) === 500, { timeoutMs: 10_000 })
    console.info(`cut off for 20 s: has it all ${(performance.now() - healedMs).toFixed(0)} ms after`)
  })
})
