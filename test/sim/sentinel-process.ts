// A simulated sentinel: production's sentinel core and Raft core in one process, joined as src/supervisor joins them. What
// the core asks for is carried out on model servers, a model network and a model disk.
import { seededRandom } from '../../src/lib/prng.ts'
import { levelInForce } from '../../src/raft/level.ts'
import { membershipIn } from '../../src/raft/log.ts'
import type { Membership, Message } from '../../src/raft/messages.ts'
import { bootstrap } from '../../src/raft/node.ts'
import { type Core, createCore, TICK_MS } from '../../src/sentinel/core.ts'
import type { Effect, Input, PeerAddress, RaftView } from '../../src/sentinel/effects.ts'
import type { FormedGroup } from '../../src/sentinel/formation.ts'
import { MACHINE } from '../../src/sentinel/machine.ts'
import { decodePeerMessage, encodePeerMessage, type PeerMessage } from '../../src/sentinel/peer-message.ts'
import type { GroupConfig } from '../../src/sentinel/settings.ts'
import { createLife, type Life } from './life.ts'
import { createProcess, type Process, type ProcessHooks } from './process.ts'
import { WALL_MS } from './sentinel-checkers.ts'
import type { Client, Servers } from './servers.ts'
import type { World } from './world.ts'

/** What travels between sentinels. */
export type Packet =
  | { readonly kind: 'raft'; readonly message: Message }
  | { readonly kind: 'peer'; readonly from: string; readonly message: PeerMessage }

export interface SentinelHooks {
  send(from: string, to: string, packet: Packet): void
  /** Raft's own checkers; `apply` is told before the core is. */
  readonly raft: Omit<ProcessHooks, 'send'>
  onEffect(sentinel: Sentinel, effect: Effect): void
}

export interface Sentinel extends Client {
  readonly life: Life
  core: Core | undefined
  readonly process: Process | undefined
  readonly group: FormedGroup | undefined
  /** It applies what it knew in its last life; nobody can ask it anything meanwhile. */
  readonly replaying: boolean
  start(): void
  crash(): void
  receive(packet: Packet): void
  /** Drops the applied part of the log, if there is one. */
  compact(): void
}

export interface SentinelOptions {
  readonly world: World
  readonly id: string
  readonly self: PeerAddress
  readonly groups: readonly GroupConfig[]
  readonly servers: Servers
  readonly expect?: number | undefined
  /** Its primaries get leases. */
  readonly leases?: boolean
  /** Messages between sentinels go through their encoding, which costs time. */
  readonly throughCodec?: boolean
  readonly hooks: SentinelHooks
}

export function createSentinel(options: SentinelOptions): Sentinel {
  const { world, id, servers, hooks } = options
  const life = createLife(world, world.between(0.95, 1.05))
  // What the identity file holds.
  let group: FormedGroup | undefined
  let peers: readonly PeerAddress[] = []
  /** Whom the transport lets in: the peers, and those who are tried. */
  let allowed = new Set<string>()
  let process: Process | undefined
  let knownCommit = 0
  /** What the core was last told of Raft. */
  let seen: Partial<Omit<RaftView, 'voters' | 'learners'> & { membership: Membership }> = {}
  let draining = false
  let replaying = false
  let inputs: Input[] = []

  const feed = (input: Input): void => {
    inputs.push(input)
    if (draining) return
    draining = true
    try {
      for (let next = inputs.shift(); next && sentinel.core; next = inputs.shift()) {
        if (next.type !== 'raft') renewRaftView()
        step(next)
      }
    } finally {
      draining = false
    }
  }

  const step = (input: Input): void => {
    for (const effect of sentinel.core!.step(life.clockMs(), input)) {
      hooks.onEffect(sentinel, effect)
      carryOut(effect)
    }
  }

  /** The core must never act on an old picture of Raft. */
  const renewRaftView = (): void => {
    const view = freshView()
    if (view !== undefined) step({ type: 'raft', view })
  }

  /** What Raft is now, if that is news. */
  const freshView = (): RaftView | undefined => {
    const raft = process?.raft
    if (!raft) return undefined
    const { term, leader, log } = raft.state
    const membership = membershipIn(log)
    const level = levelInForce(raft.state)
    const isLeader = raft.isLeader(life.clockMs())
    const isSame =
      seen.term === term &&
      seen.leader === leader &&
      seen.isLeader === isLeader &&
      seen.level === level &&
      seen.membership === membership
    if (isSame) return undefined
    seen = { term, leader, isLeader, level, membership }
    return { term, leader, isLeader, level, ...membership }
  }

  const sendPeer = (to: string, message: PeerMessage): void => {
    if (!allowed.has(to)) return
    const sent = options.throughCodec ? decodePeerMessage(encodePeerMessage(message)) : message
    if (!sent) throw new Error(`a message of type ${message.type} does not survive its encoding`)
    hooks.send(id, to, { kind: 'peer', from: id, message: sent })
  }

  const carryOut = (effect: Effect): void => {
    switch (effect.type) {
      case 'connect':
        return servers.connect(sentinel, effect.ref)
      case 'disconnect':
        return servers.disconnect(sentinel, effect.ref)
      case 'ping':
        return servers.ping(sentinel, effect.ref)
      case 'info':
        return servers.info(sentinel, effect.ref)
      case 'lease':
        return servers.lease(sentinel, effect.ref, effect.word)
      case 'order':
        return servers.order(sentinel, effect.ref, effect.id, effect.order)
      case 'publish':
        return servers.publish(sentinel, effect.ref, effect.hello)
      case 'send':
        return sendPeer(effect.to, effect.message)
      case 'broadcast':
        for (const peer of allowed) sendPeer(peer, effect.message)
        return
      case 'propose':
        return process?.act((raft) => void raft.propose(effect.data))
      case 'change-members':
        return process?.act((raft) => void raft.proposeConfChange(effect.change))
      case 'form':
        group = effect.group
        return join(effect.group, true)
      case 'peers':
        peers = effect.peers
        return allow([...effect.peers, ...effect.hints].map(({ peer }) => peer))
      case 'event':
        return
      case 'wake':
        return life.later(life.untilClockMs(effect.atMs), () => feed({ type: 'tick' }))
      default:
        return
    }
  }

  /** A link stands when both sides list each other; what is sent before that is lost. */
  const allow = (ids: readonly string[]): void => {
    const fresh = ids.filter((peer) => !allowed.has(peer))
    allowed = new Set(ids)
    for (const peer of fresh) life.later(world.between(1, 10), () => feed({ type: 'peer-linked', peer }))
  }

  const join = (formed: FormedGroup, fresh: boolean): void => {
    process ??= createProcess({
      world,
      life,
      id,
      group: formed.id,
      bootstrap: formed.members.includes(id) ? bootstrap(formed.members) : undefined,
      fsyncMs: 2,
      settings: {},
      machine: () => MACHINE,
      hooks: {
        ...hooks.raft,
        send: (message) => hooks.send(id, message.to, { kind: 'raft', message }),
        restore(self, persisted) {
          hooks.raft.restore(self, persisted)
          knownCommit = persisted.hardState?.commit ?? 0
          if (persisted.snapshot?.data.length) feed({ type: 'restore', data: persisted.snapshot.data })
        },
        apply(self, ready) {
          hooks.raft.apply(self, ready)
          if (ready.snapshot) feed({ type: 'restore', data: ready.snapshot.data })
          for (const entry of ready.committed) {
            if (entry.kind !== 'normal') continue
            feed({ type: 'committed', data: entry.data, replay: entry.index <= knownCommit })
          }
        },
        afterEvent(self) {
          hooks.raft.afterEvent(self)
          const view = freshView()
          if (view !== undefined) feed({ type: 'raft', view })
        },
      },
    })
    replaying = true
    process.boot()
    replaying = false
    if (fresh && formed.members[0] === id) process.act((raft) => raft.campaign())
  }

  const tick = (): void => {
    feed({ type: 'tick' })
    life.later(TICK_MS, tick)
  }

  const sentinel: Sentinel = {
    id,
    life,
    core: undefined,
    get process() {
      return process
    },
    get replaying() {
      return replaying
    },
    get group() {
      return group
    },
    start() {
      if (sentinel.core) return
      life.begin()
      inputs = []
      draining = false
      allowed = new Set(peers.map(({ peer }) => peer))
      seen = {}
      sentinel.core = createCore(
        {
          self: options.self,
          groups: options.groups,
          random: seededRandom(world.random.uint32()),
          ...(options.leases === true && { leaseKey: () => '5a'.repeat(32) }),
          wallOffsetMs: WALL_MS + world.nowMs() - life.clockMs(),
          knownPeers: peers,
          ...(options.expect === undefined ? {} : { expect: options.expect }),
          ...(group ? { group } : {}),
        },
        life.clockMs(),
      )
      if (group) join(group, false)
      tick()
    },
    crash() {
      if (!sentinel.core) return
      servers.forget(sentinel)
      sentinel.core = undefined
      if (process?.raft) process.crash()
      else life.end()
    },
    feed(input) {
      life.now(() => feed(input))
    },
    receive(packet) {
      if (!allowed.has(packet.kind === 'peer' ? packet.from : packet.message.from)) return
      if (packet.kind === 'peer') return sentinel.feed({ type: 'peer', from: packet.from, message: packet.message })
      process?.receive(packet.message)
      sentinel.feed({ type: 'heard', from: packet.message.from })
    },
    compact() {
      life.later(0, () => {
        const raft = process?.raft
        if (!raft || draining || inputs.length > 0) return
        const { appliedIndex } = raft.status()
        if (appliedIndex <= raft.persisted().snapshot.index) return
        process!.disk.compact(raft.compact(appliedIndex, sentinel.core!.snapshot()))
      })
    },
  }
  return sentinel
}
