// How a sentinel without a group gets one: it founds it with others (formation.ts says when), adopts the one that names it, or
// asks to be let into one that does not.
// Invariant: it belongs to one group for ever, and only what a peer said over the transport makes it belong to any.
import { helloOf, needOf, publishEverywhere } from './announcing.ts'
import { decideGroup, type FormedGroup, hear } from './formation.ts'
import type { Hello } from './hello.ts'
import { isForeign, tellPeers } from './peers.ts'
import { type CoreState, isAddressed, JOIN_VALID_MS, memberHeard, say } from './state.ts'

const JOIN_RETRY_MS = 500

/** A peer's hello, while this sentinel has no group. `asOfMs`: when it was said at the earliest. */
export function takeUngrouped(core: CoreState, hello: Hello, nowMs: number, asOfMs: number): void {
  if (hello.group === undefined) {
    hear(core.formation, hello.peer, hello, nowMs, asOfMs)
    tryToForm(core, nowMs)
  } else if (hello.group.members.includes(core.self.peer)) adopt(core, hello.group, nowMs)
  else askToJoin(core, hello.peer, nowMs)
}

function askToJoin(core: CoreState, peer: string, nowMs: number): void {
  if (nowMs - core.lastJoinMs < JOIN_RETRY_MS || !isAddressed(core)) return
  core.lastJoinMs = nowMs
  core.out.push({ type: 'send', to: peer, message: { type: 'join', hello: helloOf(core, nowMs) } })
}

/** Founds the group when everybody agrees; or asks again to join the one that was heard of. */
export function tryToForm(core: CoreState, nowMs: number): void {
  if (core.formed !== undefined || core.groups.size === 0) return
  const member = memberHeard(core, nowMs)
  if (member !== undefined) return askToJoin(core, member, nowMs)
  const group = decideGroup(core.formation, needOf(core, nowMs), nowMs)
  if (group !== undefined) adopt(core, group, nowMs)
}

/** Belongs to this group from now on. */
export function adopt(core: CoreState, group: FormedGroup, nowMs: number): void {
  if (core.formed !== undefined) return
  core.formed = group
  core.circle.refusal = undefined
  // What a joiner's file says may be long past.
  if (!group.members.includes(core.self.peer)) core.doubtSinceMs = nowMs
  core.out.push({ type: 'form', group })
  say(core, 'notice', `Sentinel group ${group.id} of ${group.members.length} founders; this sentinel belongs to it.`)
  for (const peer of core.peers.values()) if (isForeign(core, peer.group)) core.peers.delete(peer.peer)
  tellPeers(core, nowMs)
  publishEverywhere(core, nowMs)
}

/** A peer says what the group is. It is ours when we founded it or asked to join lately. */
export function takeWelcome(core: CoreState, from: string, group: FormedGroup, nowMs: number): void {
  if (!core.peers.has(from)) return
  const asked = nowMs - core.lastJoinMs <= JOIN_VALID_MS
  if (asked || group.members.includes(core.self.peer)) adopt(core, group, nowMs)
}

/** A group does not let this sentinel in. */
export function takeRefusal(core: CoreState, from: string, text: string, nowMs: number): void {
  if (core.formed === undefined && core.peers.has(from)) core.circle.refusal = { text, atMs: nowMs }
}
