// The other sentinels: who they are, whether they live, and whom the transport may talk to.
// Invariant: a peer is one whose ID the transport has proven and who said itself where it is; what others say of it is at most a
// hint where to dial (circle.ts). What a sentinel does about its peers is in joining.ts (without a group) and
// membership.ts (the leader of one).
import { KNOWN_MAX } from '../lib/limits.ts'
import { type Address, sameAddress } from './address.ts'
import { publishEverywhere } from './announcing.ts'
import { complain, complainOfForeign, dropHint, expireHints, rememberFormer } from './circle.ts'
import type { PeerAddress } from './effects.ts'
import type { FormedGroup } from './formation.ts'
import type { Hello } from './hello.ts'
import { createSequence } from './sequence.ts'
import { type CoreState, emit, isMember, type Peer } from './state.ts'

/** A sentinel is down when it was not heard for this long: it reports every half second. */
export const PEER_DOWN_MS = 2_000
/** One that is no member is forgotten after so long: what is re-created without its volume is another each time. */
const GHOST_MS = 600_000
/** New hints are given to the transport this often at most: a flood of them costs little. */
const TELL_MS = 50

/** Takes a hello that its author sent over the transport. False when it cannot be a peer. */
export function takeHello(core: CoreState, hello: Hello, nowMs: number): boolean {
  if (hello.peer === core.self.peer) return false
  if (isForeign(core, hello.group)) {
    refuse(core, hello, nowMs)
    return false
  }
  core.circle.deserters.delete(hello.peer)
  const known = core.peers.get(hello.peer)
  if (known === undefined && core.peers.size >= KNOWN_MAX) {
    const { host, port } = hello.resp
    const text = `Sentinel ${host}:${port} is refused: ${KNOWN_MAX} others are known already, and no more can be`
    complain(core, 'peers', text, nowMs)
    return false
  }
  const peer = known ?? createPeer(hello, nowMs)
  core.peers.set(hello.peer, peer)
  dropHint(core, hello.peer)
  const { runId, resp, gossip, name, group, watches } = hello
  if (!sameAddress(peer.resp, resp)) tellMoved(core, peer, resp)
  Object.assign(peer, { runId, resp, gossip, name, group, watches, lastHelloMs: nowMs, lastHeardMs: nowMs })
  if (known === undefined) greet(core, peer, nowMs)
  tellPeers(core, nowMs)
  return true
}

/**
 * One that was forgotten is back, and says that it belongs to this group; every server that it knows may be dead, so that it cannot
 * say where it is. It is where it was.
 */
export function takeBack(core: CoreState, id: string, group: string, nowMs: number): void {
  const former = core.circle.former.get(id)
  const hasRoom = core.peers.size < KNOWN_MAX && !core.peers.has(id)
  if (former === undefined || core.formed?.id !== group || !hasRoom) return
  const watches = [...core.groups.keys()]
  const rest = { group: core.formed, watches, lastHelloMs: nowMs, lastHeardMs: nowMs, sdown: false }
  const peer = { ...former, ...rest, reports: createSequence() }
  core.peers.set(id, peer)
  dropHint(core, id)
  greet(core, peer, nowMs)
  tellPeers(core, nowMs)
}

/** Those known from an earlier run are taken for living until they were silent for long enough. */
export function recall(core: CoreState, known: readonly PeerAddress[], nowMs: number): void {
  const watches = core.options.groups.map(({ name }) => name)
  for (const one of known.slice(0, KNOWN_MAX)) {
    if (one.peer === core.self.peer) continue
    const rest = { group: undefined, watches, lastHelloMs: nowMs, lastHeardMs: nowMs, sdown: false }
    core.peers.set(one.peer, { ...one, ...rest, reports: createSequence() })
  }
}

function createPeer({ peer, runId, resp, gossip, name, group, watches }: Hello, nowMs: number): Peer {
  const rest = { lastHelloMs: nowMs, lastHeardMs: nowMs, reports: createSequence(), sdown: false }
  return { peer, runId, resp, gossip, name, group, watches, ...rest }
}

function greet(core: CoreState, peer: Peer, nowMs: number): void {
  for (const name of peer.watches) {
    const group = core.groups.get(name)
    if (group !== undefined)
      emit(core, '+sentinel', name, group.primary, { kind: 'sentinel', runId: peer.runId, address: peer.resp })
  }
  publishEverywhere(core, nowMs)
}

function tellMoved(core: CoreState, { watches, runId }: Peer, { host, port }: Address): void {
  for (const name of watches) {
    const group = core.groups.get(name)
    if (group === undefined) continue
    const where = `ip ${host} port ${port} for ${runId}`
    emit(core, '+sentinel-address-switch', name, group.primary, { kind: 'master' }, where)
  }
}

export const isForeign = (core: CoreState, group: FormedGroup | undefined): boolean =>
  core.formed !== undefined && group !== undefined && group.id !== core.formed.id

function refuse(core: CoreState, hello: Hello, nowMs: number): void {
  core.stats.foreignHellos += 1
  core.peers.delete(hello.peer)
  if (isMember(core, hello.peer)) core.circle.deserters.add(hello.peer)
  dropHint(core, hello.peer)
  tellPeers(core, nowMs)
  complainOfForeign(core, hello, nowMs)
}

/**
 * Forgets sentinels that are down and no members, at once or when they are: those that `wasMember` tells when the members
 * changed, all of them after a SENTINEL RESET. Should one live, its next hello makes it known again, and it is let in.
 */
export function forgetGhosts(core: CoreState, nowMs: number, wasMember: (id: string) => boolean = () => true): void {
  for (const peer of [...core.peers.values()]) {
    if (isMember(core, peer.peer) || !wasMember(peer.peer)) continue
    if (peer.sdown) forgetPeer(core, peer)
    else peer.wasMember = true
  }
  tellPeers(core, nowMs)
}

function forgetPeer(core: CoreState, peer: Peer): void {
  core.peers.delete(peer.peer)
  rememberFormer(core, peer)
}

/** Notes a sign of life. */
export function heard(core: CoreState, from: string, nowMs: number): void {
  const peer = core.peers.get(from)
  if (peer !== undefined) peer.lastHeardMs = nowMs
}

/** Tells of sentinels that fell silent or came back, and forgets those that never became members and are long gone. */
export function judgePeers(core: CoreState, nowMs: number): void {
  expireHints(core, nowMs)
  for (const peer of core.peers.values()) {
    const silentMs = nowMs - peer.lastHeardMs
    if (silentMs > GHOST_MS && core.formed !== undefined && !isMember(core, peer.peer)) {
      forgetPeer(core, peer)
      continue
    }
    const down = silentMs > PEER_DOWN_MS
    if (down === peer.sdown) continue
    peer.sdown = down
    const subject = { kind: 'sentinel', runId: peer.runId, address: peer.resp } as const
    for (const name of peer.watches) {
      const group = core.groups.get(name)
      if (group !== undefined) emit(core, down ? '+sdown' : '-sdown', name, group.primary, subject)
    }
    // Its place was given away while it still seemed to live here.
    if (down && peer.wasMember === true && !isMember(core, peer.peer)) forgetPeer(core, peer)
  }
  tellPeers(core, nowMs)
}

/** Tells the carrier whom the transport may talk to, when that changed. */
export function tellPeers(core: CoreState, nowMs: number): void {
  const { circle } = core
  const addressOf = ({ peer, gossip, runId, resp, name }: PeerAddress): PeerAddress => ({
    peer,
    gossip,
    runId,
    resp,
    name,
  })
  const peers = [...core.peers.values()].map(addressOf)
  const hints = [...circle.hints.values(), ...circle.former.values()].map(addressOf)
  const keyOf = (list: readonly PeerAddress[]): string =>
    list
      .map(({ peer, gossip, resp, name }) => `${peer} ${gossip.host} ${gossip.port} ${resp.host} ${resp.port} ${name}`)
      .join()
  const key = `${keyOf(peers)} | ${keyOf(hints)}`
  if (key === circle.toldKey) return
  circle.toldKey = key
  circle.toldMs = nowMs
  core.out.push({ type: 'peers', peers, hints })
}

/** The same after a hint: at once when the last time is a while ago, else with the next tick. */
export function tellHints(core: CoreState, nowMs: number): void {
  if (nowMs - core.circle.toldMs >= TELL_MS) tellPeers(core, nowMs)
}
