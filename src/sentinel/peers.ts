// The other sentinels: who they are, whether they live, how the first of them become a group, and how later ones join it.
// Membership itself is Raft's; here are only the talks that lead to it.
import { PEERS_MAX } from '../lib/limits.ts'
import type { MemberChange, PeerAddress } from './effects.ts'
import { decideGroup, type FormedGroup, foundersNeeded, hear, viewOf } from './formation.ts'
import { publishEverywhere } from './group.ts'
import type { Hello } from './hello.ts'
import { createSequence } from './sequence.ts'
import { type CoreState, emit, helloOf, isAddressed, isMember, type Peer, say } from './state.ts'

/** A sentinel is down when it was not heard for this long: it reports every half second. */
const PEER_DOWN_MS = 2_000
/** One that is no member is forgotten after so long: what is re-created without its volume is another each time. */
const GHOST_MS = 600_000
const JOIN_RETRY_MS = 500
const JOIN_VALID_MS = 10_000
const MEMBER_CHANGE_MS = 200
/** How often a sentinel of another group is complained about. */
const FOREIGN_MS = 60_000

/** The view to announce: nothing once there is a group. */
export const viewNow = (core: CoreState, nowMs: number): readonly string[] =>
  core.formed === undefined ? viewOf(core.formation, needed(core), nowMs) : []

const needed = (core: CoreState): number => {
  const quorums = [...core.topology.groups.values(), ...core.provisional.groups.values()].map(({ quorum }) => quorum)
  return foundersNeeded(quorums, core.options.expect)
}

/** Takes a hello. `trusted`: it came over the transport, which proved who sent it. */
export function takeHello(core: CoreState, hello: Hello, trusted: boolean, nowMs: number): void {
  if (hello.peer === core.self.peer) return
  if (isForeign(core, hello.group)) return refuse(core, hello, nowMs)
  const known = core.peers.get(hello.peer)
  if (known === undefined && core.peers.size >= PEERS_MAX) return
  const peer = known ?? createPeer(hello, nowMs)
  core.peers.set(hello.peer, peer)
  // A hello on a server's channel may be anybody's: it does not move a peer that proved where it is.
  if (trusted || known === undefined || nowMs - known.lastHeardMs > PEER_DOWN_MS) {
    peer.runId = hello.runId
    peer.resp = hello.resp
    peer.gossip = hello.gossip
    peer.group = hello.group
    peer.watches = hello.watches
  }
  peer.lastHelloMs = nowMs
  if (trusted || core.raft.leader === undefined) peer.lastHeardMs = nowMs
  if (known === undefined) greet(core, peer, nowMs)
  tellPeers(core)
  if (core.formed === undefined) takeUngrouped(core, hello, nowMs)
  else if (hello.group === undefined && core.formed.members.includes(hello.peer))
    core.out.push({ type: 'send', to: hello.peer, message: { type: 'welcome', group: core.formed } })
}

function createPeer(hello: Hello, nowMs: number): Peer {
  const { peer, runId, resp, gossip, group, watches } = hello
  const rest = { lastHelloMs: nowMs, lastHeardMs: nowMs, reports: createSequence(), sdown: false }
  return { peer, runId, resp, gossip, group, watches, ...rest }
}

function greet(core: CoreState, peer: Peer, nowMs: number): void {
  for (const name of peer.watches) {
    const group = core.groups.get(name)
    if (group !== undefined)
      emit(core, '+sentinel', name, group.primary, { kind: 'sentinel', runId: peer.runId, address: peer.resp })
  }
  publishEverywhere(core, nowMs)
}

const isForeign = (core: CoreState, group: FormedGroup | undefined): boolean =>
  core.formed !== undefined && group !== undefined && group.id !== core.formed.id

function refuse(core: CoreState, { peer, resp, group }: Hello, nowMs: number): void {
  core.stats.foreignHellos += 1
  core.peers.delete(peer)
  tellPeers(core)
  if (nowMs - (core.foreign.get(peer) ?? Number.NEGATIVE_INFINITY) < FOREIGN_MS) return
  if (core.foreign.size >= PEERS_MAX) core.foreign.clear()
  core.foreign.set(peer, nowMs)
  const where = `${resp.host}:${resp.port}`
  const text = `Sentinel ${where} watches the same servers but belongs to group ${group?.id}, not ${core.formed?.id}: refused. `
  say(core, 'warning', `${text}Two groups must not supervise the same servers; stop one of them.`)
}

/** Without a group: count what others announce, adopt a group that names us, or ask to join one that does not. */
function takeUngrouped(core: CoreState, hello: Hello, nowMs: number): void {
  if (hello.group === undefined) {
    hear(core.formation, hello.peer, hello.view, nowMs)
    tryToForm(core, nowMs)
    return
  }
  if (hello.group.members.includes(core.self.peer)) adopt(core, hello.group, nowMs)
  else askToJoin(core, hello.peer, nowMs)
}

function askToJoin(core: CoreState, peer: string, nowMs: number): void {
  if (nowMs - core.lastJoinMs < JOIN_RETRY_MS || !isAddressed(core)) return
  core.lastJoinMs = nowMs
  core.out.push({ type: 'send', to: peer, message: { type: 'join', hello: helloOf(core, viewNow(core, nowMs)) } })
}

/** Founds the group when everybody agrees; or asks again to join the one that was heard of. */
export function tryToForm(core: CoreState, nowMs: number): void {
  if (core.formed !== undefined || core.groups.size === 0) return
  const alive = [...core.peers.values()].filter(({ lastHeardMs }) => nowMs - lastHeardMs <= JOIN_VALID_MS)
  const member = alive.find(({ group }) => group !== undefined)
  if (member !== undefined) return askToJoin(core, member.peer, nowMs)
  const group = decideGroup(core.formation, needed(core), nowMs)
  if (group !== undefined) adopt(core, group, nowMs)
}

/** Belongs to this group from now on. */
export function adopt(core: CoreState, group: FormedGroup, nowMs: number): void {
  if (core.formed !== undefined) return
  core.formed = group
  core.out.push({ type: 'form', group })
  say(core, 'notice', `Sentinel group ${group.id} of ${group.members.length} founders; this sentinel belongs to it.`)
  for (const peer of core.peers.values()) if (isForeign(core, peer.group)) core.peers.delete(peer.peer)
  tellPeers(core)
  publishEverywhere(core, nowMs)
}

/** A member says what the group is. It is ours when we founded it or asked to join lately. */
export function takeWelcome(core: CoreState, group: FormedGroup, nowMs: number): void {
  const asked = nowMs - core.lastJoinMs <= JOIN_VALID_MS
  if (asked || group.members.includes(core.self.peer)) adopt(core, group, nowMs)
}

/** A sentinel wants to join: the leader takes it in, others pass it on. */
export function takeJoin(core: CoreState, hello: Hello, nowMs: number): void {
  if (core.formed === undefined || hello.group !== undefined) return
  takeHello(core, hello, true, nowMs)
  if (!core.raft.isLeader) {
    const { leader } = core.raft
    if (leader !== undefined && leader !== core.self.peer)
      core.out.push({ type: 'send', to: leader, message: { type: 'join', hello } })
    return
  }
  core.out.push({ type: 'send', to: hello.peer, message: { type: 'welcome', group: core.formed } })
  if (isMember(core, hello.peer)) return
  if (nowMs - core.lastMemberChangeMs < MEMBER_CHANGE_MS) return
  core.lastMemberChangeMs = nowMs
  core.out.push({ type: 'change-members', change: { kind: 'add-learner', node: hello.peer } })
  say(core, 'notice', `Sentinel ${hello.resp.host}:${hello.resp.port} joins the group as a learner, for it asked to.`)
}

/** What the leader changes in the membership: one step at a time, and Raft refuses what is too early. */
export function changeMembers(core: CoreState, nowMs: number): void {
  if (nowMs - core.lastMemberChangeMs < MEMBER_CHANGE_MS) return
  const change = nextChange(core)
  if (change === undefined) return
  core.lastMemberChangeMs = nowMs
  core.out.push({ type: 'change-members', change })
}

function nextChange(core: CoreState): MemberChange | undefined {
  const { learners } = core.raft
  const isUp = (id: string): boolean => core.peers.get(id)?.sdown === false
  for (const node of core.leaving) {
    if (isMember(core, node) && !isUp(node)) return { kind: 'remove', node }
    core.leaving.delete(node)
  }
  const learner = learners.find(isUp)
  if (learner !== undefined) return { kind: 'promote', node: learner }
  // One that was forgotten while it was down, and is back.
  const returned = [...core.peers.values()].find(
    (one) => one.group !== undefined && isUp(one.peer) && !isMember(core, one.peer),
  )
  return returned && { kind: 'add-learner', node: returned.peer }
}

/** SENTINEL RESET: the members that are down now are to be forgotten, as long as a majority of the others is up. */
export function forgetDeadMembers(core: CoreState): void {
  const { voters, learners } = core.raft
  for (const id of [...voters, ...learners]) if (core.peers.get(id)?.sdown === true) core.leaving.add(id)
}

/**
 * Forgets sentinels that are down and no members: those that `wasMember` tells when the members changed, all of them after a
 * SENTINEL RESET. Should one live, its next hello makes it known again.
 */
export function forgetGhosts(core: CoreState, wasMember: (id: string) => boolean = () => true): void {
  for (const { peer, sdown } of [...core.peers.values()])
    if (sdown && !isMember(core, peer) && wasMember(peer)) core.peers.delete(peer)
  tellPeers(core)
}

/** Notes a sign of life. */
export function heard(core: CoreState, from: string, nowMs: number): void {
  const peer = core.peers.get(from)
  if (peer !== undefined) peer.lastHeardMs = nowMs
}

/** Tells of sentinels that fell silent or came back, and forgets those that never became members and are long gone. */
export function judgePeers(core: CoreState, nowMs: number): void {
  for (const peer of core.peers.values()) {
    const silentMs = nowMs - peer.lastHeardMs
    if (silentMs > GHOST_MS && core.formed !== undefined && !isMember(core, peer.peer)) {
      core.peers.delete(peer.peer)
      tellPeers(core)
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
  }
}

/** Tells the carrier whom the transport may talk to, when that changed. */
export function tellPeers(core: CoreState): void {
  const peers: PeerAddress[] = [...core.peers.values()].map(({ peer, gossip, runId, resp }) => ({
    peer,
    gossip,
    runId,
    resp,
  }))
  const key = peers
    .map(({ peer, gossip, resp }) => `${peer} ${gossip.host} ${gossip.port} ${resp.host} ${resp.port}`)
    .join()
  if (key === core.peersKey) return
  core.peersKey = key
  core.out.push({ type: 'peers', peers })
}
