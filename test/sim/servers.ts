// Model servers: as much of a Redis as a sentinel sees. A server has a role, an offset that grows while it is a primary,
// a link to its primary, and answers the requests of a link one after the other, as soon as it runs and can be reached.
// A killed one refuses connections; a frozen one (or a cut wire) answers nothing, and later everything at once.

import {
  beginTenure,
  createHolder,
  endTenure,
  type Holder,
  hear,
  mayWrite,
  ask as request,
} from '../../src/lease/holder.ts'
import type { Word } from '../../src/lease/terms.ts'
import type { Address, ServerRef } from '../../src/sentinel/address.ts'
import { addressKey } from '../../src/sentinel/address.ts'
import type { Input, Order } from '../../src/sentinel/effects.ts'
import type { Hello } from '../../src/sentinel/hello.ts'
import type { ServerInfo } from '../../src/sentinel/info.ts'
import type { World } from './world.ts'

/** A place in a history. */
export interface Position {
  readonly replId: string
  readonly offset: number
}

export interface Server {
  readonly address: Address
  readonly key: string
  alive: boolean
  frozenUntilMs: number
  role: 'primary' | 'replica'
  /** Whom it follows, as a replica. */
  primary: Address | undefined
  offset: number
  /** Names the history that the offset counts in, and what that went on from. */
  replId: string
  parent: ServerInfo['parent']
  /** The last write that it acknowledged as a primary. */
  written: Position
  /** As a primary: what its replicas have acknowledged, and what it has told clients of that (`sync`). */
  readonly copies: Map<string, number>
  acknowledged: number
  /** When a full synchronization last replaced what it had. */
  replacedMs: number
  runId: string
  startedMs: number
  pausedUntilMs: number
  /** Its lease; what needs one stays so over a restart. */
  holder: Holder
  /** Its clock runs fast or slow, and begins anew with each life. */
  readonly clockRate: number
  linkUp: boolean
  slowUntilMs: number
  /** -Infinity while it has not stood in this life. */
  linkDownSinceMs: number
  lastIoMs: number
  syncUntilMs: number
}

/** A sentinel, as a server sees it. */
export interface Client {
  readonly id: string
  /** Takes an input, if it runs (a frozen one takes it when it thaws). */
  feed(input: Input): void
}

/** What there is besides in `sync` mode: replicas that lag, and disks that lose nothing. */
export interface SyncWorld {
  /** How often a replica does not get what its primary has. */
  readonly lag: number
  /** A primary acknowledges everything up to here: enough replicas have it. */
  onAcknowledge(server: Server, position: Position): void
}

export interface ServersHooks {
  /** How often a server that starts has lost its file. */
  readonly wipe: number
  /** A server is about to carry out an order. */
  onOrder(server: Server, order: Order): void
  /** A primary takes a write. */
  onWrite(server: Server): void
  readonly sync?: SyncWorld | undefined
}

export interface Servers {
  readonly all: readonly Server[]
  at(address: Address): Server | undefined
  running(server: Server): boolean
  /** Whether packets get from one to the other (servers and sentinels by their names). */
  cut(a: string, b: string): void
  heal(): void
  kill(server: Server): void
  start(server: Server): void
  freeze(server: Server, forMs: number): void
  /** Its replication stands still, though its link is up. */
  slow(server: Server, forMs: number): void
  /** Whether what it has goes on from this position. */
  has(server: Server, position: Position): boolean
  connect(client: Client, ref: ServerRef): void
  disconnect(client: Client, ref: ServerRef): void
  /** All links of a client that died. */
  forget(client: Client): void
  ping(client: Client, ref: ServerRef): void
  info(client: Client, ref: ServerRef): void
  lease(client: Client, ref: ServerRef, word: Word): void
  /** Whether it takes a client's write now. */
  writable(server: Server): boolean
  order(client: Client, ref: ServerRef, id: number, order: Order): void
  publish(client: Client, ref: ServerRef, hello: Hello): void
}

interface Link {
  readonly client: Client
  readonly ref: ServerRef
  readonly server: Server
  state: 'connecting' | 'up' | 'dead'
  /** Requests on their way or waiting in the server's socket, oldest first. */
  readonly requests: ((server: Server) => void)[]
  busy: boolean
}

const ROUND_TRIP_MS = 1
/** How fast the clocks of the servers run: as far apart as is allowed. */
const CLOCK_RATES = [0.95, 1.05, 1]
const POLL_MS = 20
const CONNECT_TIMEOUT_MS = 1_000
const SYNC_MS = 60

const wholeSeconds = (ms: number): number => Math.floor(ms / 1000) * 1000

/** Whether a replica can go on from where it is: it has nothing that its source does not have. */
const continues = (server: Server, { replId, offset, parent }: Server): boolean =>
  server.replId === replId
    ? server.offset <= offset
    : parent?.replId === server.replId && server.offset <= parent.offset

export function createServers(world: World, count: number, hooks: ServersHooks): Servers {
  const all = Array.from({ length: count }, (_, i): Server => {
    const address = { host: `10.0.0.${i + 1}`, port: 6379 }
    const first = i === 0
    return {
      address,
      key: addressKey(address),
      alive: true,
      frozenUntilMs: 0,
      role: first ? 'primary' : 'replica',
      primary: first ? undefined : { host: '10.0.0.1', port: 6379 },
      offset: 0,
      replId: first ? 'h0' : `own${i}`,
      parent: undefined,
      written: { replId: '', offset: 0 },
      copies: new Map(),
      acknowledged: 0,
      replacedMs: Number.NEGATIVE_INFINITY,
      runId: `run-${i}-0`,
      startedMs: -Infinity,
      pausedUntilMs: 0,
      holder: createHolder(false, undefined),
      clockRate: CLOCK_RATES[i % CLOCK_RATES.length]!,
      linkUp: false,
      slowUntilMs: 0,
      linkDownSinceMs: 0,
      lastIoMs: 0,
      syncUntilMs: 0,
    }
  })
  const byKey = new Map(all.map((server) => [server.key, server]))
  const cuts = new Set<string>()
  const links = new Map<string, Link>()
  /** Where each history left the one before it. */
  const forks = new Map<string, Position>()
  let histories = 1
  let runs = 1
  let tenures = 1

  const at = (address: Address): Server | undefined => byKey.get(addressKey(address))
  const running = (server: Server): boolean => server.alive && world.nowMs() >= server.frozenUntilMs
  const clockMs = ({ clockRate }: Server): number => world.nowMs() * clockRate
  const lead = (server: Server): void => {
    beginTenure(server.holder, (tenures++).toString(16).padStart(16, '0'))
    server.copies.clear()
    server.acknowledged = server.offset
  }
  const writable = (server: Server): boolean =>
    server.role === 'primary' &&
    running(server) &&
    world.nowMs() >= server.pausedUntilMs &&
    mayWrite(server.holder, clockMs(server))
  const isCut = (a: string, b: string): boolean => cuts.has(`${a}|${b}`) || cuts.has(`${b}|${a}`)
  const keyOf = (client: Client, ref: ServerRef): string => `${client.id} ${addressKey(ref)}`
  const trip = (): number => world.between(0.2, ROUND_TRIP_MS)

  const end = (link: Link, failure: 'reset' | 'refused' | 'timeout', delayMs: number): void => {
    if (link.state === 'dead') return
    link.state = 'dead'
    const { client, ref } = link
    world.after(delayMs, () => {
      if (links.get(keyOf(client, ref)) !== link) return
      links.delete(keyOf(client, ref))
      client.feed({ type: 'link-down', ref, failure })
    })
  }

  const connect = (client: Client, ref: ServerRef): void => {
    const server = at(ref)
    if (!server) throw new Error(`no server at ${addressKey(ref)}`)
    const link: Link = { client, ref, server, state: 'connecting', requests: [], busy: false }
    links.set(keyOf(client, ref), link)
    const deadlineMs = world.nowMs() + CONNECT_TIMEOUT_MS
    const knock = (): void => {
      if (links.get(keyOf(client, ref)) !== link || link.state !== 'connecting') return
      if (world.nowMs() >= deadlineMs) return end(link, 'timeout', 0)
      if (isCut(client.id, server.key)) return world.after(POLL_MS, knock)
      if (!server.alive) return end(link, 'refused', trip())
      // The kernel accepts for a frozen process too.
      link.state = 'up'
      client.feed({ type: 'link-up', ref, local: client.id })
    }
    world.after(trip(), knock)
  }

  /** Serves the oldest request of a link when the server runs and the wire is whole. */
  const serve = (link: Link): void => {
    if (link.busy || link.requests.length === 0) return
    link.busy = true
    const attempt = (): void => {
      if (link.state !== 'up' || links.get(keyOf(link.client, link.ref)) !== link) return
      if (!running(link.server) || isCut(link.client.id, link.server.key)) return world.after(POLL_MS, attempt)
      link.busy = false
      link.requests.shift()!(link.server)
      serve(link)
    }
    world.after(trip(), attempt)
  }

  const ask = (client: Client, ref: ServerRef, work: (server: Server) => Input | undefined): boolean => {
    const link = links.get(keyOf(client, ref))
    if (link?.state !== 'up') return false
    link.requests.push((server) => {
      const reply = work(server)
      if (reply)
        world.after(trip(), () => links.get(keyOf(client, ref)) === link && link.state === 'up' && client.feed(reply))
    })
    serve(link)
    return true
  }

  const infoOf = (server: Server): ServerInfo => {
    const nowMs = world.nowMs()
    const followers = all.filter(
      (other) => other.alive && other.linkUp && other.primary && addressKey(other.primary) === server.key,
    )
    return {
      runId: server.runId,
      role: server.role,
      offset: server.offset,
      replId: server.replId,
      parent: server.parent,
      keys: server.offset,
      loading: server.role === 'replica' && !server.linkUp && server.syncUntilMs > 0,
      replicas: followers.map((other) => ({ ...other.address, offset: other.offset, lagSeconds: 0, online: true })),
      primary: server.role === 'replica' ? server.primary : undefined,
      linkUp: server.role === 'replica' && server.linkUp,
      linkDownMs: server.role === 'primary' || server.linkUp ? 0 : wholeSeconds(nowMs - server.linkDownSinceMs),
      lastIoSeconds: server.linkUp ? Math.floor((nowMs - server.lastIoMs) / 1000) : -1,
      priority: 100,
      leases: server.holder.bound ? 'bound' : 'free',
      leaseVersion: server.holder.held?.version ?? 0,
      announced: true,
    }
  }

  const hearWord = (server: Server, word: Word) => {
    const nowMs = clockMs(server)
    hear(server.holder, word, nowMs)
    return { ...request(server.holder, nowMs), leftMs: Math.floor(Math.max(0, server.holder.untilMs - nowMs)) }
  }

  const obey = (server: Server, order: Order): string => {
    hooks.onOrder(server, order)
    switch (order.kind) {
      case 'promote':
        if (server.role === 'primary') return 'OK Already a primary'
        server.parent = { replId: server.replId, offset: server.offset }
        forks.set(`h${histories}`, server.parent)
        Object.assign(server, { role: 'primary', primary: undefined, linkUp: false, replId: `h${histories++}` })
        lead(server)
        server.written = { replId: server.replId, offset: server.offset }
        return 'OK'
      case 'fence':
      case 'follow':
        if (server.role === 'replica' && server.primary && addressKey(server.primary) === addressKey(order.primary))
          return 'OK Already connected'
        if (server.role === 'primary') server.linkDownSinceMs = Number.NEGATIVE_INFINITY
        dropReplication(server)
        endTenure(server.holder)
        Object.assign(server, { role: 'replica', primary: order.primary })
        return 'OK'
      case 'pause-writes':
        server.pausedUntilMs = Math.max(server.pausedUntilMs, world.nowMs() + order.forMs)
        return 'OK'
      case 'resume-writes':
        server.pausedUntilMs = 0
        return 'OK'
    }
  }

  const dropReplication = (server: Server): void => {
    if (server.linkUp) server.linkDownSinceMs = world.nowMs()
    server.linkUp = false
    server.syncUntilMs = 0
  }

  /** Replication, a step every few milliseconds: writes of primaries, and what their replicas hear. */
  const replicate = (): void => {
    const nowMs = world.nowMs()
    for (const server of all) {
      if (!running(server)) continue
      if (server.role === 'primary') {
        if (writable(server)) write(server)
        acknowledge(server)
      } else follow(server, nowMs)
    }
    world.after(10, replicate)
  }

  const write = (server: Server): void => {
    hooks.onWrite(server)
    server.offset += 10
    server.written = { replId: server.replId, offset: server.offset }
  }

  /** `sync`: what enough of the replicas that count have is told to the clients. */
  const acknowledge = (server: Server): void => {
    const { held } = server.holder
    if (held?.mode !== 'sync' || !mayWrite(server.holder, clockMs(server))) return
    const copied = held.replicas.map((key) => server.copies.get(key) ?? -1).sort((a, b) => b - a)
    const offset = copied[held.copies - 1] ?? -1
    if (offset <= server.acknowledged) return
    server.acknowledged = offset
    hooks.sync?.onAcknowledge(server, { replId: server.replId, offset })
  }

  const lags = ({ slowUntilMs }: Server, nowMs: number): boolean =>
    hooks.sync !== undefined && (nowMs < slowUntilMs || world.chance(hooks.sync.lag))

  const has = (server: Server, { replId, offset }: Position): boolean => {
    let end: Position = server
    for (let limit = server.offset; ; limit = Math.min(limit, end.offset)) {
      if (end.replId === replId) return limit >= offset
      const fork = forks.get(end.replId)
      if (fork === undefined) return false
      end = fork
    }
  }

  const follow = (server: Server, nowMs: number): void => {
    const source = server.primary && at(server.primary)
    if (!source?.alive) return dropReplication(server)
    if (isCut(server.key, source.key) || !running(source) || source === server) return
    if (!server.linkUp) {
      // One that is not linked itself serves nobody.
      if (source.role === 'replica' && !source.linkUp) return
      if (!continues(server, source)) {
        if (server.syncUntilMs === 0) server.syncUntilMs = nowMs + world.between(1, SYNC_MS)
        if (nowMs < server.syncUntilMs) return
        server.parent = undefined
        server.replacedMs = nowMs
      } else if (server.replId !== source.replId) server.parent = { replId: server.replId, offset: server.offset }
      server.syncUntilMs = 0
      server.linkUp = true
    } else if (server.replId !== source.replId) {
      // Its primary, a replica too, went on in another history: the link is made anew.
      return dropReplication(server)
    }
    server.lastIoMs = nowMs
    if (server.replId === source.replId && lags(server, nowMs)) return
    server.replId = source.replId
    server.offset = source.offset
    source.copies.set(server.key, server.offset)
  }

  /** What a server that starts finds: everything, an older file, or nothing. Only a replica, or a planned end, keeps the ID. */
  const restoreData = (server: Server): void => {
    const { replId, offset } = server
    if (world.chance(hooks.wipe)) {
      Object.assign(server, { replId: `h${histories++}`, offset: 0, parent: undefined })
    } else if (server.role === 'primary' && world.chance(0.5)) {
      const keepsAll = hooks.sync !== undefined || world.chance(0.5)
      const kept = keepsAll ? offset : Math.floor((offset * world.random.unit()) / 10) * 10
      forks.set(`h${histories}`, { replId, offset: kept })
      Object.assign(server, { replId: `h${histories++}`, offset: kept, parent: { replId, offset: kept } })
    }
  }

  lead(all[0]!)
  world.after(0, replicate)
  return {
    all,
    at,
    running,
    cut: (a, b) => void cuts.add(`${a}|${b}`),
    heal: () => cuts.clear(),
    kill(server) {
      server.alive = false
      dropReplication(server)
      for (const link of links.values()) {
        if (link.server === server && link.state === 'up' && !isCut(link.client.id, server.key))
          end(link, 'reset', trip())
      }
    },
    start(server) {
      if (server.alive) return
      Object.assign(server, { alive: true, frozenUntilMs: 0, pausedUntilMs: 0, runId: `run-${server.key}-${runs++}` })
      dropReplication(server)
      server.startedMs = world.nowMs()
      server.holder = createHolder(server.holder.bound, server.holder.terms)
      server.linkDownSinceMs = Number.NEGATIVE_INFINITY
      restoreData(server)
      if (server.role === 'primary') lead(server)
      // What its links carried before is answered by a reset from the new process.
      for (const link of links.values()) if (link.server === server && link.state === 'up') end(link, 'reset', trip())
    },
    freeze(server, forMs) {
      server.frozenUntilMs = Math.max(server.frozenUntilMs, world.nowMs() + forMs)
    },
    slow(server, forMs) {
      server.slowUntilMs = Math.max(server.slowUntilMs, world.nowMs() + forMs)
    },
    has,
    connect,
    disconnect: (client, ref) => void links.delete(keyOf(client, ref)),
    forget(client) {
      for (const [key, link] of links) if (link.client === client) links.delete(key)
    },
    ping: (client, ref) => void ask(client, ref, () => ({ type: 'pong', ref, text: 'PONG' })),
    info: (client, ref) => void ask(client, ref, (server) => ({ type: 'info', ref, info: infoOf(server) })),
    lease: (client, ref, word) =>
      void ask(client, ref, (server) => ({ type: 'leased', ref, answer: hearWord(server, word) })),
    writable,
    order(client, ref, id, order) {
      const taken = ask(client, ref, (server) => ({ type: 'order-done', ref, id, ok: true, text: obey(server, order) }))
      if (!taken) client.feed({ type: 'order-done', ref, id, ok: false, text: 'no link' })
    },
    publish(client, ref, hello) {
      ask(client, ref, (server) => {
        for (const link of links.values()) {
          if (link.server !== server || link.state !== 'up' || link.client === client) continue
          if (!isCut(link.client.id, server.key)) world.after(trip(), () => link.client.feed({ type: 'hello', hello }))
        }
        return undefined
      })
    },
  }
}
