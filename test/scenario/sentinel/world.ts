// A small world for the core of the sentinels: model servers, a perfect network, and a log that commits at once in place of
// Raft. Not for faults of consensus (the simulator has the real one), but for reading what a failover does step by step.
import { seededRandom } from '../../../src/lib/prng.ts'
import type { Address, ServerRef } from '../../../src/sentinel/address.ts'
import { addressKey } from '../../../src/sentinel/address.ts'
import { type Core, type CoreOptions, createCore } from '../../../src/sentinel/core.ts'
import type { Effect, Input, Order } from '../../../src/sentinel/effects.ts'
import { decodeEntry, type Entry } from '../../../src/sentinel/entries.ts'
import type { ServerInfo } from '../../../src/sentinel/info.ts'
import { LEVEL_MAX } from '../../../src/sentinel/machine.ts'
import { decodePeerMessage, encodePeerMessage } from '../../../src/sentinel/peer-message.ts'
import type { GroupSettings } from '../../../src/sentinel/settings.ts'

export interface ModelServer {
  address: Address
  runId: string
  alive: boolean
  frozen: boolean
  role: 'primary' | 'replica'
  primary: Address | undefined
  offset: number
  /** The history that the offset counts in, and what that went on from. */
  replId: string
  parent: ServerInfo['parent']
  keys: number
  loading: boolean
  /** Whether its link to the primary has stood since it began. */
  linked: boolean
  priority: number
  readonly paused: boolean
  /** Until when it holds back writes; `paused` says whether it does. */
  pausedUntilMs: number
  /** What it answers a PING. */
  pong: string
  /** What it was asked while frozen. */
  readonly waiting: (() => void)[]
  /** Orders that it was given, oldest first. */
  readonly orders: Order['kind'][]
}

interface Sentinel {
  readonly id: string
  core: Core
  alive: boolean
  readonly links: Set<string>
  /** Servers that it cannot reach; what it asks them is lost. */
  readonly blind: Set<string>
  /** What happens to it while it does not run. */
  readonly waiting: Input[]
}

/** More of a world than its defaults. */
export interface WorldOptions {
  /** Groups of servers: the first is `m` with the ports from 1 on, the next `m1` from 11 on, and so forth. */
  readonly groups?: number
  /** The feature level in force; that of this version by default. */
  readonly level?: number
  /** Replicas that the file of each sentinel remembers. */
  readonly remembered?: readonly Address[]
}

export interface World {
  nowMs: number
  readonly servers: Map<string, ModelServer>
  readonly sentinels: Map<string, Sentinel>
  /** `time sentinel event payload`, in order. */
  readonly transcript: string[]
  leader: string | undefined
  /** Another sentinel leads from now on, in the next term. */
  lead(sentinel: string): void
  run(forMs: number): void
  kill(address: Address): void
  freeze(address: Address): void
  /** Wakes a frozen server: it now answers what it was asked meanwhile. */
  thaw(address: Address): void
  /** Starts a killed server: as a primary of a new, empty history, unless told otherwise. */
  restart(address: Address, as?: Partial<ModelServer>): void
  /** The server has another address from now on; nobody listens at the old one. */
  move(from: Address, to: Address): void
  request(sentinel: string, input: Input): void
  answers: string[]
  /** What sentinels log, after their names. */
  readonly log: string[]
  /** Sentinels run for the first part of every period only. */
  runs: { readonly forMs: number; readonly everyMs: number } | undefined
  /** Hosts that have no address any more. */
  readonly nameless: Set<string>
  /** Entries that were committed. */
  readonly committed: Entry[]
}

export const at = (port: number): Address => ({ host: '10.0.0.1', port })
const LATENCY_MS = 1

/** Builds a primary on port 1, replicas on the next ports, and sentinels named a, b, c …; the first one leads. */
export function createWorld(
  settings: Partial<GroupSettings> = {},
  replicas = 2,
  sentinels = 3,
  quorum = 2,
  options: WorldOptions = {},
): World {
  const { groups = 1, level = LEVEL_MAX } = options
  const queue: { atMs: number; order: number; run: () => void }[] = []
  let counter = 0
  let term = 1
  const later = (delayMs: number, run: () => void): void => {
    queue.push({ atMs: world.nowMs + delayMs, order: counter++, run })
  }
  const world: World = {
    nowMs: 1_000,
    servers: new Map(),
    sentinels: new Map(),
    transcript: [],
    answers: [],
    committed: [],
    nameless: new Set(),
    log: [],
    runs: undefined,
    leader: undefined,
    lead: (sentinel) => {
      world.leader = sentinel
      term += 1
      elect()
    },
    run,
    kill: (address) => {
      const server = world.servers.get(addressKey(address))!
      server.alive = false
      for (const sentinel of world.sentinels.values()) dropLink(sentinel, address)
    },
    freeze: (address) => {
      world.servers.get(addressKey(address))!.frozen = true
    },
    thaw: (address) => {
      const server = world.servers.get(addressKey(address))!
      server.frozen = false
      for (const answer of server.waiting.splice(0)) answer()
    },
    restart: (address, as = {}) => {
      const server = world.servers.get(addressKey(address))!
      const empty = { offset: 0, replId: `new${counter++}`, parent: undefined, keys: 0, linked: false }
      const runId = `${counter++}`.padEnd(40, 'r')
      const begins = { alive: true, frozen: false, pausedUntilMs: 0, role: 'primary', primary: undefined } as const
      Object.assign(server, begins, empty, { runId }, as)
    },
    move: (from, to) => {
      world.kill(from)
      const server = world.servers.get(addressKey(from))!
      world.servers.delete(addressKey(from))
      world.servers.set(addressKey(to), server)
      server.address = to
      server.alive = true
    },
    request: (sentinel, input) => feed(world.sentinels.get(sentinel)!, input),
  }
  const names = Array.from({ length: groups }, (_, i) => ({ name: i === 0 ? 'm' : `m${i}`, first: i * 10 + 1 }))
  const groupOf = ({ port }: Address): string => names[Math.floor(port / 10)]!.name
  for (const port of names.flatMap(({ first }) => Array.from({ length: replicas + 1 }, (_, i) => first + i))) {
    const first = port % 10 === 1
    const role = first ? 'primary' : 'replica'
    const runId = `${port}`.repeat(40).slice(0, 40)
    const primary = first ? undefined : at(Math.floor(port / 10) * 10 + 1)
    const data = { offset: 100, replId: 'h', parent: undefined, keys: 10, loading: false, linked: true }
    const state = { alive: true, frozen: false, priority: 100, pausedUntilMs: 0, pong: 'PONG', orders: [], waiting: [] }
    const rest = {
      ...data,
      ...state,
      get paused(): boolean {
        return world.nowMs < this.pausedUntilMs
      },
    }
    world.servers.set(addressKey(at(port)), Object.assign(rest, { address: at(port), runId, role, primary } as const))
  }
  for (let i = 0; i < sentinels; i++) {
    const id = String.fromCharCode(97 + i)
    const core: CoreOptions = {
      self: { peer: id, runId: id.repeat(40), gossip: at(200 + i), resp: at(100 + i) },
      groups: names.map(({ name, first }) => ({
        name,
        primary: at(first),
        quorum,
        ...(options.remembered && { remembered: options.remembered }),
        settings: { downAfterMs: 1_000, failoverTimeoutMs: 10_000, ...settings },
      })),
      random: seededRandom(i),
      wallOffsetMs: 0,
    }
    world.sentinels.set(id, {
      id,
      core: createCore(core, world.nowMs),
      alive: true,
      links: new Set(),
      blind: new Set(),
      waiting: [],
    })
  }
  const tick = (sentinel: Sentinel): void => {
    feed(sentinel, { type: 'tick' })
    later(50, () => tick(sentinel))
  }
  for (const sentinel of world.sentinels.values()) later(0, () => tick(sentinel))

  function run(forMs: number): void {
    const endMs = world.nowMs + forMs
    for (;;) {
      queue.sort((a, b) => a.atMs - b.atMs || a.order - b.order)
      const next = queue[0]
      if (next === undefined || next.atMs > endMs) break
      queue.shift()
      world.nowMs = next.atMs
      next.run()
    }
    world.nowMs = endMs
  }

  function feed(sentinel: Sentinel, input: Input): void {
    if (!sentinel.alive) return
    const { runs } = world
    if (runs !== undefined && world.nowMs % runs.everyMs >= runs.forMs) {
      if (sentinel.waiting.push(input) > 1) return
      return later(runs.everyMs - (world.nowMs % runs.everyMs), () => {
        for (const waited of sentinel.waiting.splice(0)) feed(sentinel, waited)
      })
    }
    for (const effect of sentinel.core.step(world.nowMs, input)) carryOut(sentinel, effect)
  }

  function dropLink(sentinel: Sentinel, address: Address): void {
    for (const link of sentinel.links) {
      const ref: ServerRef = { group: groupOf(address), ...address }
      if (link !== addressKey(address)) continue
      sentinel.links.delete(link)
      later(LATENCY_MS, () => feed(sentinel, { type: 'link-down', ref, failure: 'reset' }))
    }
  }

  function ask(sentinel: Sentinel, ref: ServerRef, answer: (server: ModelServer) => void): void {
    later(LATENCY_MS, () => {
      const server = world.servers.get(addressKey(ref))
      if (server === undefined || sentinel.blind.has(addressKey(ref))) return
      const reply = (): void => {
        if (server.alive && sentinel.links.has(addressKey(ref))) answer(server)
      }
      if (server.frozen) server.waiting.push(reply)
      else reply()
    })
  }

  function carryOut(sentinel: Sentinel, effect: Effect): void {
    switch (effect.type) {
      case 'connect':
        later(LATENCY_MS, () => {
          const up = world.servers.get(addressKey(effect.ref))?.alive === true
          if (up) sentinel.links.add(addressKey(effect.ref))
          const ref = effect.ref
          const failure = world.nameless.has(ref.host) ? 'unresolved' : 'refused'
          feed(sentinel, up ? { type: 'link-up', ref, local: '10.0.0.9' } : { type: 'link-down', ref, failure })
        })
        return
      case 'disconnect':
        sentinel.links.delete(addressKey(effect.ref))
        return
      case 'ping':
        return ask(sentinel, effect.ref, (server) =>
          feed(sentinel, { type: 'pong', ref: effect.ref, text: server.pong }),
        )
      case 'info':
        return ask(sentinel, effect.ref, (server) =>
          feed(sentinel, { type: 'info', ref: effect.ref, info: infoOf(server) }),
        )
      case 'order':
        return ask(sentinel, effect.ref, (server) => {
          obey(server, effect.order)
          feed(sentinel, { type: 'order-done', ref: effect.ref, id: effect.id, ok: true, text: 'OK' })
        })
      case 'publish':
        return ask(sentinel, effect.ref, () => {
          for (const other of world.sentinels.values())
            if (other !== sentinel && other.links.has(addressKey(effect.ref)))
              feed(other, { type: 'hello', hello: effect.hello })
        })
      case 'send':
      case 'broadcast': {
        const message = decodePeerMessage(encodePeerMessage(effect.message))!
        const targets =
          effect.type === 'send' ? [effect.to] : [...world.sentinels.keys()].filter((id) => id !== sentinel.id)
        for (const id of targets)
          later(LATENCY_MS, () => feed(world.sentinels.get(id)!, { type: 'peer', from: sentinel.id, message }))
        return
      }
      case 'form':
        return later(LATENCY_MS, elect)
      case 'propose':
        return later(2 * LATENCY_MS, () => {
          world.committed.push(decodeEntry(effect.data)!)
          for (const other of world.sentinels.values())
            if (other.core.state.formed) feed(other, { type: 'committed', data: effect.data })
        })
      case 'event':
        world.transcript.push(`${world.nowMs - 1_000} ${sentinel.id} ${effect.name} ${effect.payload}`)
        return
      case 'log':
        world.log.push(`${sentinel.id} ${effect.text}`)
        return
      case 'answer':
        world.answers.push(`${effect.result.ok} ${effect.result.text}`)
        return
      case 'wake':
        return later(effect.atMs - world.nowMs, () => feed(sentinel, { type: 'tick' }))
      default:
        return
    }
  }

  function elect(): void {
    const formed = [...world.sentinels.values()].filter(({ core, alive }) => alive && core.state.formed !== undefined)
    if (formed.length < 2) return
    world.leader ??= formed[0]!.id
    const voters = [...world.sentinels.keys()]
    for (const sentinel of formed) {
      const isLeader = sentinel.id === world.leader
      feed(sentinel, { type: 'raft', view: { term, leader: world.leader, isLeader, voters, learners: [], level } })
    }
  }

  function infoOf(server: ModelServer): ServerInfo {
    const followers = [...world.servers.values()].filter(
      ({ alive, primary }) => alive && primary !== undefined && addressKey(primary) === addressKey(server.address),
    )
    const source = server.primary && world.servers.get(addressKey(server.primary))
    const up = source?.alive === true && server.linked
    return {
      runId: server.runId,
      role: server.role,
      offset: server.offset,
      replId: server.replId,
      parent: server.parent,
      keys: server.keys,
      loading: server.loading,
      replicas: followers.map(({ address, offset }) => ({ ...address, offset, lagSeconds: 0, online: true })),
      primary: server.primary,
      linkUp: up,
      linkDownMs: server.linked || server.primary === undefined ? 0 : Number.POSITIVE_INFINITY,
      lastIoSeconds: up ? 1 : -1,
      priority: server.priority,
      leases: 'unknown',
      leaseVersion: 0,
      announced: true,
    }
  }

  function obey(server: ModelServer, order: Order): void {
    server.orders.push(order.kind)
    if (order.kind === 'promote' && server.role === 'replica') {
      const parent = { replId: server.replId, offset: server.offset }
      Object.assign(server, {
        role: 'primary',
        primary: undefined,
        parent,
        replId: `of${server.address.port}-${counter++}`,
      })
    }
    if (order.kind === 'follow' || order.kind === 'fence') {
      const { alive, offset, replId, parent, keys } = world.servers.get(addressKey(order.primary))!
      Object.assign(server, { role: 'replica', primary: order.primary, linked: alive })
      if (alive) Object.assign(server, { offset, replId, parent, keys })
    }
    if (order.kind === 'pause-writes') server.pausedUntilMs = Math.max(server.pausedUntilMs, world.nowMs + order.forMs)
    if (order.kind === 'resume-writes') server.pausedUntilMs = 0
  }

  return world
}
