// What would happen if something failed now: which replica would take over, and how many sentinels may be lost before nothing
// can be decided. The same functions that decide answer, so that metrics, console and commands cannot promise anything else.
import { addressKey } from '../sentinel/address.ts'
import { type Candidate, type Ranking, type Rules, rank } from '../sentinel/ranking.ts'
import { type CoreState, topoOf } from '../sentinel/state.ts'

/** The replicas of a group as candidates, from the last facts of each. */
export function candidatesOf(core: CoreState, name: string): Candidate[] {
  const servers = core.groups.get(name)?.servers
  return (topoOf(core, name)?.replicas ?? []).flatMap((address) => {
    const server = servers?.get(addressKey(address))
    if (server === undefined) return []
    return [{ address, verdict: server.judgement.verdict, linked: server.link === 'up', info: server.info }]
  })
}

const rulesOf = (core: CoreState, name: string): Rules => ({
  maxLinkDownMs: Number.POSITIVE_INFINITY,
  lineage: topoOf(core, name)?.lineage ?? [],
})

/** Who would become primary if the present one died now, and why not the others. */
export const outlookOf = (core: CoreState, name: string): Ranking => rank(candidatesOf(core, name), rulesOf(core, name))

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
