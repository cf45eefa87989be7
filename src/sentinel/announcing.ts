// Telling others of oneself: the short hello on the channels of the servers, a hint for whoever listens there, and the whole
// one, which travels over the transport with every report.
import { sameAddress } from './address.ts'
import { HINT_MS } from './circle.ts'
import { callOf, foundersNeeded, type Need } from './formation.ts'
import type { Hello } from './hello.ts'
import { type CoreState, isAddressed, memberHeard, topoOf } from './state.ts'
import type { Watched } from './watched.ts'

/** How often a hello is published on each server while there is no group. */
const HELLO_FORMING_MS = 150
/** Between a hello and one that answers somebody's. */
const ANSWER_MS = 100

/** This sentinel's hello. */
export function helloOf(core: CoreState, nowMs: number): Hello {
  const { runId, peer, gossip, resp, name } = core.self
  const watches = [...core.groups.keys()]
  const { view, of } = core.formed === undefined ? callOf(core.formation, needOf(core, nowMs), nowMs) : NO_CALL
  return { runId, peer, gossip, resp, group: core.formed, view, of, name, watches, epoch: core.topology.epoch }
}

const NO_CALL = { view: [], of: 0 }

/** How many sentinels it takes to found the group. */
export function needOf(core: CoreState, nowMs: number): Need {
  const quorums = [...core.topology.groups.values(), ...core.provisional.groups.values()].map(({ quorum }) => quorum)
  const known = new Set([core.self.peer])
  for (const { peer, lastHeardMs } of core.peers.values()) if (nowMs - lastHeardMs <= HINT_MS) known.add(peer)
  const hints = [...core.circle.hints.values()].filter(({ heardMs }) => nowMs - heardMs <= HINT_MS)
  for (const { peer } of hints) known.add(peer)
  const listening = [...core.groups.values()].some(({ servers }) =>
    [...servers.values()].some(({ link }) => link === 'up'),
  )
  return {
    founders: foundersNeeded(quorums, core.options.expect),
    expected: core.options.expect !== undefined,
    known: known.size,
    listening,
    groupNear: hints.some(({ grouped }) => grouped),
    groupHeardMs: core.circle.groupHeardMs,
    memberHeard: memberHeard(core, nowMs) !== undefined,
  }
}

/** PUBLISH counts as a write: it would wait behind the pause of a switchover, and pings behind it. */
export function takesHellos(core: CoreState, { link, ref }: Watched): boolean {
  const failover = topoOf(core, ref.group)?.failover
  return link === 'up' && !(failover?.planned === true && sameAddress(failover.old, ref))
}

/** Publishes a hello on the server: who and where this sentinel is. More is for those to whom it has proven that. */
export function publishHello(core: CoreState, server: Watched, nowMs: number): void {
  if (!isAddressed(core) || !core.circle.open) return
  server.nextHelloMs = nowMs + (core.formed === undefined ? HELLO_FORMING_MS : core.timing.publishMs)
  server.lastHelloMs = nowMs
  const { runId, peer, gossip, resp, name } = core.self
  const base = { runId, peer, gossip, resp, name, group: core.formed, epoch: core.topology.epoch }
  core.out.push({ type: 'publish', ref: server.ref, hello: { ...base, ...NO_CALL, watches: [server.ref.group] } })
}

/** Somebody that nobody knows is listening: it is told at once who is here, above all that there is a group; bounded. */
export function answerHint(core: CoreState, nowMs: number): void {
  for (const group of core.groups.values()) {
    for (const server of group.servers.values()) {
      if (!takesHellos(core, server)) continue
      const dueMs = server.lastHelloMs + ANSWER_MS
      if (nowMs >= dueMs) publishHello(core, server, nowMs)
      else server.nextHelloMs = Math.min(server.nextHelloMs, dueMs)
    }
  }
}

/** Publishes a hello everywhere, now: something in it changed, or somebody new is listening. */
export function publishEverywhere(core: CoreState, nowMs: number): void {
  for (const group of core.groups.values())
    for (const server of group.servers.values()) if (takesHellos(core, server)) publishHello(core, server, nowMs)
}
