// What would happen if something failed now: which replica would take over, and how many sentinels may be lost before nothing
// can be decided. The same functions that decide answer, so that metrics, console and commands cannot promise anything else.
import { addressKey } from '../sentinel/address.ts'
import { isCertain } from '../sentinel/certainty.ts'
import { keepsCopies, whyUnsafe } from '../sentinel/copies.ts'
import { lastingDeadEnd } from '../sentinel/dead-end.ts'
import { heldBack } from '../sentinel/maintenance.ts'
import { obstacleOf } from '../sentinel/obstacle.ts'
import { type Candidate, notesOf, type Rules, rank } from '../sentinel/ranking.ts'
import { type CoreState, settingsOf, topoOf } from '../sentinel/state.ts'
import type { OutlookReport } from './status-report.ts'

/** The replicas of a group as candidates, from the last facts of each. */
export function candidatesOf(core: CoreState, name: string): Candidate[] {
  const servers = core.groups.get(name)?.servers
  return (topoOf(core, name)?.replicas ?? []).flatMap((address) => {
    const server = servers?.get(addressKey(address))
    if (server === undefined) return []
    return [{ address, verdict: server.judgement.verdict, linked: server.link === 'up', info: server.info }]
  })
}

function rulesOf(core: CoreState, name: string): Rules {
  const topo = topoOf(core, name)
  if (topo === undefined) return { maxLinkDownMs: 0, lineage: [] }
  const primary = core.groups.get(name)?.servers.get(addressKey(topo.primary))?.info
  const settings = settingsOf(core, topo)
  const maxLinkDownMs = settings.downAfterMs * 10
  return { maxLinkDownMs, lineage: topo.lineage, primary, mostFirst: keepsCopies(topo, settings) }
}

/** Who would become primary if the present one died now, why not the others, and what stands against a failover at all. */
export function outlookReport(core: CoreState, name: string, nowMs: number): OutlookReport {
  const candidates = candidatesOf(core, name)
  const ranking = rank(candidates, rulesOf(core, name))
  const obstacles = obstaclesOf(core, name, nowMs)
  const notes = notesOf(candidates, ranking).map(({ address, offset, priority, whyNot }) => ({
    address: addressKey(address),
    offset,
    priority,
    whyNot: whyNot ?? null,
  }))
  const topo = topoOf(core, name)!
  const { winner } = ranking
  const unsafe =
    winner && keepsCopies(topo, settingsOf(core, topo))
      ? whyUnsafe(candidates, winner, settingsOf(core, topo), topo)
      : undefined
  if (unsafe !== undefined) obstacles.push(unsafe)
  if (winner === undefined)
    obstacles.push(notes.length === 0 ? 'no replica of it is known' : 'no replica can be promoted')
  const chosen = winner === undefined ? null : addressKey(winner.address)
  return { primary: addressKey(topo.primary), winner: chosen, obstacles, candidates: notes }
}

/** Whatever would keep the sentinels from a failover that is needed, whoever the candidates are. */
function obstaclesOf(core: CoreState, name: string, nowMs: number): string[] {
  const topo = topoOf(core, name)!
  const group = core.groups.get(name)!
  const { usable, majority } = quorumState(core)
  const obstacle = obstacleOf(core, nowMs)
  const deadEnd = lastingDeadEnd(group)
  const held = heldBack(core, topo, nowMs)
  return [
    ...(usable < topo.quorum ? [`only ${usable} of the ${topo.quorum} sentinels that must agree can be reached`] : []),
    ...(usable < majority ? [`only ${usable} sentinels can be reached, ${majority} are a majority`] : []),
    ...(obstacle === undefined && !isCertain(core, nowMs) ? ['this sentinel has not heard the leader yet'] : []),
    ...(obstacle === undefined ? [] : [obstacle]),
    ...(held === undefined ? [] : [held]),
    ...(deadEnd === undefined || deadEnd === held ? [] : [deadEnd]),
  ]
}

/** How many replicas could take over, each looked at alone. */
export const promotable = (core: CoreState, name: string): number =>
  candidatesOf(core, name).filter((one) => rank([one], rulesOf(core, name)).winner !== undefined).length

/** The sentinels that vote, and how many of them live and are needed. */
export interface QuorumState {
  readonly voting: number
  /** Those that this sentinel reaches, itself included. */
  readonly usable: number
  /** What Raft needs to commit anything. */
  readonly majority: number
}

/** The state of the sentinels as this one sees it. */
export function quorumState(core: CoreState): QuorumState {
  const members = core.raft.voters.length > 0 ? core.raft.voters : [core.self.peer]
  const usable = members.filter((id) => id === core.self.peer || core.peers.get(id)?.sdown === false).length
  return { voting: members.length, usable, majority: Math.floor(members.length / 2) + 1 }
}
