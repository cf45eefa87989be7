// The loop of the sentinel process: inputs go into the pure core, one at a time, and the effects that come out are carried
// out by links, Raft and transport. Whatever is decided is decided in the core; here is only the plumbing.
import type { ConnectionOptions } from 'node:tls'
import { monotonicMs, wallMs } from '../io/clock.ts'
import { randomHex, randomWords } from '../io/entropy.ts'
import type { Log } from '../io/log.ts'
import { openPasswords, type Passwords } from '../io/password-file.ts'
import type { StateStore } from '../io/state/store.ts'
import { seededRandom } from '../lib/prng.ts'
import type { Address, ServerRef } from '../sentinel/address.ts'
import { type Core, createCore, TICK_MS } from '../sentinel/core.ts'
import type { Effect, Input, PeerAddress } from '../sentinel/effects.ts'
import type { EventName } from '../sentinel/events.ts'
import type { FormedGroup } from '../sentinel/formation.ts'
import { encodeHello, encodeRedisHello, HELLO_CHANNEL, type Hello, REDIS_HELLO_CHANNEL } from '../sentinel/hello.ts'
import { MACHINE } from '../sentinel/machine.ts'
import {
  decodePeerMessage,
  encodePeerMessage,
  type OperatorRequest,
  type OperatorResult,
} from '../sentinel/peer-message.ts'
import { type GroupConfig, renamed } from '../sentinel/settings.ts'
import { settingsOf, topoOf } from '../sentinel/state.ts'
import type { Timing } from '../sentinel/timing.ts'
import { type Consensus, startConsensus } from './consensus.ts'
import { encodeIdentity, type Identity } from './identity.ts'
import { createLinks, type Links } from './links.ts'

/** What the sentinel needs of a transport between sentinels; io/ has it. */
export interface PeerLink {
  /** `hints` may give another address of a peer. */
  setPeers(peers: readonly PeerAddress[], hints: readonly PeerAddress[]): void
  send(to: string, bytes: Uint8Array): void
  broadcast(bytes: Uint8Array): void
}

export interface SentinelSetup {
  /** What to connect to servers with by TLS; undefined: plainly. */
  readonly secure: () => ConnectionOptions | undefined
  /** By group: the file with the passwords of its servers, for groups that have one. */
  readonly passwordFiles: ReadonlyMap<string, string>
  readonly peer: string
  readonly gossip: Address
  /** `announce-id`; empty: none. */
  readonly name?: string
  /** Where SENTINEL commands are answered. An empty host, here and in `gossip`, means: as the servers see this sentinel. */
  readonly resp: Address
  readonly groups: readonly GroupConfig[]
  readonly heartbeatMs: number
  readonly electionTimeoutMs: number
  readonly expect: number | undefined
  readonly replaceAfterMs: number
  readonly store: StateStore
  readonly identity: Identity
  readonly log: Log
  readonly onEvent: (name: EventName, payload: string, group: string | undefined) => void
  readonly onPing: (group: string, ms: number) => void
  /** Leader: another sentinel answered a heartbeat after so long. */
  readonly onHeartbeat: (peer: string, ms: number) => void
  /** The disk failed or memory and log disagree: the process must end. */
  readonly onFatal: (error: Error) => void
}

/** A running sentinel without its ports. */
export interface Sentinel {
  readonly core: Core
  readonly links: Links
  readonly consensus: Consensus | undefined
  readonly startedMs: number
  /** Gives the transport once it stands; messages before that are dropped. */
  attach(transport: PeerLink): void
  receive(from: string, bytes: Uint8Array): void
  /** A peer became, or ceased to be, reachable. A hint; nothing rests on it but speed. */
  peerLink(peer: string, connected: boolean): void
  /** Passes an operator's request on; answers when it is decided. */
  request(request: OperatorRequest, answer: (result: OperatorResult) => void): void
  /** The name in the file's line of a group was looked up at last. */
  resolved(group: string, primary: Address): void
  /** What the name of a monitored server resolves to. */
  hostname(group: string, host: string, address: Address): void
  /** Changes the times by which it works. */
  retime(changes: Partial<Timing>): void
  /** It is to be reached there from now on; an empty host: as the servers see it. */
  move(resp: Address, gossip: Address): void
  /** Takes a hello that a client published on this sentinel's own port. */
  takeHello(hello: Hello): void
  stop(): void
}

/** Starts watching; Raft starts at once when the identity has a group, else when one is formed. */
export function startSentinel(setup: SentinelSetup): Sentinel {
  const { store, log } = setup
  const nowMs = monotonicMs
  const random = seededRandom(...randomWords(3))
  const startedMs = nowMs()
  let identity = setup.identity
  let transport: PeerLink | undefined
  let consensus: Consensus | undefined
  let stopped = false
  let draining = false
  let nextRequest = 1
  let viewKey = ''
  let told: { peers: readonly PeerAddress[]; hints: readonly PeerAddress[] } = { peers: identity.peers, hints: [] }
  let savedPeers = JSON.stringify(identity.peers)
  const inputs: Input[] = []
  const answers = new Map<number, (result: OperatorResult) => void>()
  const core = createCore(
    {
      self: {
        peer: setup.peer,
        runId: identity.runId,
        gossip: setup.gossip,
        resp: setup.resp,
        name: setup.name || undefined,
      },
      groups: setup.groups,
      heartbeatMs: setup.heartbeatMs,
      random,
      leaseKey: () => randomHex(64),
      wallOffsetMs: wallMs() - nowMs(),
      knownPeers: identity.peers,
      replaceAfterMs: setup.replaceAfterMs,
      closed: true,
      ...(setup.expect === undefined ? {} : { expect: setup.expect }),
      ...(identity.early === undefined ? {} : { early: identity.early }),
      ...(identity.group === undefined ? {} : { group: identity.group }),
    },
    startedMs,
  )
  // Only links whose login was refused are made anew: nothing is dropped that works.
  const passwords = openGroupPasswords(setup.passwordFiles, (group) => links.logInAnew(group), log)
  const links: Links = createLinks(
    {
      feed,
      secure: setup.secure,
      onRedisHello: noteRedisHello,
      authOf(group) {
        const topo = topoOf(core.state, group)
        if (topo === undefined) return { username: '', passwords: [] }
        const { authUser, authPass } = settingsOf(core.state, topo)
        return { username: authUser, passwords: passwords.get(group)?.now ?? (authPass === '' ? [] : [authPass]) }
      },
      nameOf(group, command) {
        const topo = topoOf(core.state, group)
        return topo === undefined ? command : renamed(settingsOf(core.state, topo).renames, command)
      },
      clientName: `sentinel-${identity.runId.slice(0, 8)}`,
      onPing: setup.onPing,
      onAuthError: (ref, message) =>
        log.warning(`${ref.host}:${ref.port} of ${ref.group} refused the login: ${message}`),
    },
    nowMs,
  )

  /** Takes an input; those that come up while one is handled wait their turn. */
  function feed(input: Input): void {
    if (stopped) return
    inputs.push(input)
    if (draining) return
    draining = true
    try {
      for (let next = inputs.shift(); next !== undefined && !stopped; next = inputs.shift()) {
        if (next.type !== 'raft') renewRaftView()
        carryOutAll(core.step(nowMs(), next))
      }
    } finally {
      draining = false
    }
  }

  /** The lease of a leader may have run out since the last message: the core must never act on an old picture. */
  function renewRaftView(): void {
    if (consensus === undefined) return
    const view = consensus.view()
    const key = `${view.term} ${view.leader} ${view.isLeader} ${view.level} ${view.voters.join()} ${view.learners.join()}`
    if (key === viewKey) return
    viewKey = key
    carryOutAll(core.step(nowMs(), { type: 'raft', view }))
  }

  /** Proposals that stand next to each other go into the log together. */
  function carryOutAll(effects: readonly Effect[]): void {
    for (const effect of effects) {
      if (effect.type !== 'propose') consensus?.flush()
      carryOut(effect)
    }
    consensus?.flush()
  }

  function carryOut(effect: Effect): void {
    switch (effect.type) {
      case 'connect':
        return links.connect(effect.ref)
      case 'disconnect':
        return links.disconnect(effect.ref)
      case 'ping':
        return links.ping(effect.ref)
      case 'info':
        return links.info(effect.ref)
      case 'lease':
        return links.lease(effect.ref, effect.word, effect.key)
      case 'enlist':
        return links.enlist(effect.ref, effect.key)
      case 'kill-script':
        return links.killScript(effect.ref)
      case 'order':
        return links.order(effect.ref, effect.id, effect.order)
      case 'publish':
        return publish(effect.ref, effect.hello)
      case 'send':
        return transport?.send(effect.to, encodePeerMessage(effect.message))
      case 'broadcast':
        return transport?.broadcast(encodePeerMessage(effect.message))
      case 'propose':
        return consensus?.propose(effect.data)
      case 'change-members':
        return consensus?.changeMembers(effect.change)
      case 'form':
        return join(effect.group)
      case 'early':
        return saveIdentity({ ...identity, early: effect.early })
      case 'peers':
        return setPeers(effect.peers, effect.hints)
      case 'event':
        return setup.onEvent(effect.name, effect.payload, effect.group)
      case 'log':
        return log[effect.level](effect.text)
      case 'answer':
        answers.get(effect.id)?.(effect.result)
        answers.delete(effect.id)
        return
      case 'wake':
        setTimeout(() => feed({ type: 'tick' }), Math.max(1, effect.atMs - nowMs()))
    }
  }

  /** Our own hello, and the one of Redis Sentinel beside it. */
  function publish(ref: ServerRef, hello: Hello): void {
    links.publish(ref, HELLO_CHANNEL, encodeHello(hello))
    const topo = topoOf(core.state, ref.group)
    if (topo === undefined) return
    const known = {
      ip: hello.resp.host,
      port: hello.resp.port,
      runId: hello.runId,
      epoch: hello.epoch,
      name: topo.name,
    }
    const text = encodeRedisHello({ ...known, primary: topo.primary, configEpoch: topo.configEpoch })
    links.publish(ref, REDIS_HELLO_CHANNEL, text)
  }

  const strangers = new Set<string>()
  /** A Redis Sentinel on the same servers would decide on its own: say so, once. */
  function noteRedisHello({ runId, ip, port, name }: { runId: string; ip: string; port: number; name: string }): void {
    const ours = runId === identity.runId || [...core.state.peers.values()].some((peer) => peer.runId === runId)
    if (ours || strangers.has(runId) || strangers.size >= 64 || nowMs() - startedMs < STRANGER_GRACE_MS) return
    strangers.add(runId)
    log.warning(
      `A sentinel that is not of this group, ${ip}:${port}, also watches ${name}. Two supervisors must not decide about the same servers; stop one.`,
    )
  }

  /** Hints are only tried: whoever may publish them must not cost a disk write. */
  function setPeers(peers: readonly PeerAddress[], hints: readonly PeerAddress[]): void {
    told = { peers, hints }
    transport?.setPeers(peers, hints)
    const key = JSON.stringify(peers)
    if (key === savedPeers) return
    savedPeers = key
    saveIdentity({ ...identity, peers })
  }

  function saveIdentity(changed: Identity): void {
    identity = changed
    guard(() => store.save({ identity: encodeIdentity(identity) }, true))
  }

  function guard(act: () => void): void {
    try {
      act()
    } catch (error) {
      stop()
      setup.onFatal(error as Error)
    }
  }

  function join(group: FormedGroup): void {
    saveIdentity({ ...identity, group })
    if (!stopped) startRaft(group)
  }

  function startRaft(group: FormedGroup): void {
    guard(() => {
      consensus = startConsensus({
        group,
        machine: MACHINE,
        self: setup.peer,
        store,
        random,
        nowMs,
        heartbeatMs: setup.heartbeatMs,
        electionTimeoutMs: setup.electionTimeoutMs,
        send: (to, data) => transport?.send(to, encodePeerMessage({ type: 'raft', data })),
        onCommitted: (data, replay) => feed({ type: 'committed', data, replay }),
        onRestore: (data) => feed({ type: 'restore', data }),
        onChange: () => feed({ type: 'heard', from: '' }),
        snapshot: core.snapshot,
        idle: () => !draining && inputs.length === 0,
        onRoundTrip: setup.onHeartbeat,
        onWarning: (text) => log.warning(text),
        onFatal: (error) => {
          stop()
          setup.onFatal(error)
        },
      })
    })
  }

  function stop(): void {
    stopped = true
    clearInterval(timer)
    consensus?.stop()
    links.stop()
  }

  const timer = setInterval(() => feed({ type: 'tick' }), TICK_MS)
  if (identity.group !== undefined) startRaft(identity.group)
  feed({ type: 'tick' })
  return {
    core,
    links,
    get consensus() {
      return consensus
    },
    startedMs,
    attach(given) {
      transport = given
      transport.setPeers(told.peers, told.hints)
      feed({ type: 'open' })
    },
    receive(from, bytes) {
      const message = decodePeerMessage(bytes)
      if (message === undefined) return log.verbose(`A message of ${from} is not understood and was dropped.`)
      if (message.type !== 'raft') return feed({ type: 'peer', from, message })
      if (consensus?.receive(from, message.data) === true) feed({ type: 'heard', from })
    },
    peerLink(peer, connected) {
      log.verbose(`Gossip link to ${peer} ${connected ? 'stands' : 'is down'}.`)
      if (!connected) return
      feed({ type: 'peer-linked', peer })
      consensus?.peerUp()
    },
    request(request, answer) {
      const id = nextRequest++
      answers.set(id, answer)
      feed({ type: 'request', id, request })
    },
    hostname: (group, host, address) => feed({ type: 'hostname', group, host, address }),
    resolved: (group, primary) => feed({ type: 'resolved', group, primary }),
    retime: (changes) => feed({ type: 'timing', changes }),
    move: (resp, gossip) => feed({ type: 'moved', resp, gossip }),
    takeHello: (hello) => feed({ type: 'hello', hello }),
    stop,
  }
}

const STRANGER_GRACE_MS = 10_000

/** The passwords of the groups that have a file of them (`sentinel auth-pass-file`). */
function openGroupPasswords(
  files: ReadonlyMap<string, string>,
  changed: (group: string) => void,
  log: Log,
): ReadonlyMap<string, Passwords> {
  const open = ([group, file]: readonly [string, string]): [string, Passwords] => {
    const option = { name: 'auth-pass', password: () => '', file, changed: () => changed(group) }
    return [group, openPasswords(option, log)]
  }
  return new Map([...files].map(open))
}
