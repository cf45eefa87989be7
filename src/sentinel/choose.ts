// The step of a failover in which the candidate is chosen: fresh facts of every replica that can be reached, then the ranking.
import type { CandidateNote } from './account.ts'
import { type Address, addressKey } from './address.ts'
import { keepsCopies, whyUnsafe } from './copies.ts'
import {
  type Decision,
  type FailoverFacts,
  type FailoverRun,
  inquire,
  POLL_FAST_MS,
  POLL_SLOW_MS,
  reachable,
  tell,
} from './failover-run.ts'
import { isFenced } from './fence.ts'
import type { ServerInfo } from './info.ts'
import { holds } from './lineage.ts'
import { type Candidate, notesOf, rank } from './ranking.ts'
import type { GroupSettings } from './settings.ts'
import { isLost, stillDown } from './sure.ts'
import type { TopologyGroup } from './topology.ts'
import type { Watched } from './watched.ts'

/** How long the leader waits for the INFO of every reachable replica. */
const CHOOSE_WAIT_MS = 200
/** How long it waits for a first replica before it gives up for now. */
const CHOOSE_LIMIT_MS = 1_000
/** How long a replica may take to notice that its primary died; its offset is final when it has. */
const DRAIN_WAIT_MS = 50

/** A choice that can be made now, or how long it pays to wait for more facts. */
export type Choice =
  | { readonly kind: 'wait'; readonly ask: readonly Watched[] }
  | {
      readonly kind: 'chosen'
      readonly replica: Address
      readonly why: string
      readonly candidates: readonly CandidateNote[]
    }
  | { readonly kind: 'none'; readonly why: string; readonly candidates: readonly CandidateNote[] }

/** What the choice rests on. `freshSinceMs`: older facts do not count. `crashed`: the primary's process is gone. */
export interface ChoiceFacts {
  readonly nowMs: number
  readonly topo: TopologyGroup
  readonly settings: GroupSettings
  readonly servers: ReadonlyMap<string, Watched>
  readonly old: Address
  readonly freshSinceMs: number
  readonly crashed: boolean
  /** An operator takes what there is. */
  readonly forced: boolean
  /** `sync`: who is chosen must have every acknowledged write. */
  readonly lossless: boolean
}

/** Chooses among the replicas; `patient`: waits for the facts of every one that can be reached. */
export function chooseReplica(facts: ChoiceFacts, patient: boolean): Choice {
  const { topo, servers, freshSinceMs, old } = facts
  const replicas = topo.replicas.flatMap((address) => servers.get(addressKey(address)) ?? [])
  const waiting = replicas.filter((server) => reachable(server) && !isFresh(facts, server))
  if (waiting.length > 0 && patient)
    return { kind: 'wait', ask: waiting.filter(({ infoAsks }) => infoAsks.length === 0) }
  const candidates = replicas.map((server) => candidateOf(server, freshSinceMs))
  const ranking = rank(candidates, {
    mostFirst: facts.lossless,
    maxLinkDownMs: maxLinkDownMs(facts),
    lineage: topo.lineage,
    primary: servers.get(addressKey(old))?.info,
    settleForLess: (facts.forced && !facts.lossless) || isLost(facts, freshSinceMs),
  })
  const { winner, sentence: why } = ranking
  const notes = notesOf(candidates, ranking)
  if (winner === undefined) return { kind: 'none', why, candidates: notes }
  const unsafe = facts.lossless ? whyUnsafe(candidates, winner, facts.settings, topo) : undefined
  if (unsafe !== undefined) return { kind: 'none', why: unsafe, candidates: notes }
  return { kind: 'chosen', replica: winner.address, why, candidates: notes }
}

export function choose(run: FailoverRun, facts: FailoverFacts, out: Decision[]): void {
  const { nowMs, failover, settings, servers } = facts
  tell(run, out, '+failover-state-select-slave')
  const down = stillDown(run, facts, fullest(facts), out)
  if (down === 'wait') return
  if (typeof down === 'object') {
    out.push({ do: 'abort', cause: 'master-is-back', why: down.why })
    return
  }
  const lossless = mustKeepAll(facts)
  // What the replicas said while the old primary could still take writes is not enough.
  if (lossless && !isFenced(run, facts, out)) return
  const waitedMs = nowMs - Math.max(run.phaseSinceMs, run.fenceMs ?? 0)
  const crashed = !failover.planned && servers.get(addressKey(failover.old))?.judgement.verdict === 'dead'
  const freshSinceMs = lossless ? Math.max(run.freshSinceMs, run.fenceMs ?? 0) : run.freshSinceMs
  const base = { ...facts, old: failover.old, freshSinceMs, crashed, forced: failover.forced, lossless }
  const choice = chooseReplica(base, waitedMs < CHOOSE_WAIT_MS)
  if (choice.kind === 'chosen') {
    const why = failover.planned ? `${choice.why}, as the operator asked for a switchover` : choice.why
    run.chosen = choice.replica
    out.push({ do: 'choose', replica: choice.replica, why, candidates: choice.candidates })
  } else if (choice.kind === 'wait') {
    for (const server of choice.ask) out.push({ do: 'info', server })
    out.push({ do: 'wake', atMs: nowMs + POLL_FAST_MS })
  } else if (waitedMs < Math.min(CHOOSE_LIMIT_MS, settings.failoverTimeoutMs)) {
    out.push({ do: 'wake', atMs: nowMs + POLL_SLOW_MS })
  } else out.push({ do: 'abort', cause: 'no-good-slave', why: choice.why, candidates: choice.candidates })
}

/** In a planned switchover the old primary lives, and the candidate gets everything from it. */
const mustKeepAll = ({ topo, settings, failover }: FailoverFacts): boolean =>
  keepsCopies(topo, settings) && !failover.planned && !failover.lossAllowed

/** `sync`: whether the candidate certainly has every acknowledged write; 'wait' while not enough replicas have said what they have. */
export function hasEverything(
  run: FailoverRun,
  facts: FailoverFacts,
  candidate: Watched,
  out: Decision[],
): true | 'wait' | string {
  const { topo, settings, servers, failover, nowMs } = facts
  if (!keepsCopies(topo, settings) || failover.lossAllowed) return true
  const sinceMs = Math.max(run.freshSinceMs, run.fenceMs ?? 0)
  const replicas = topo.replicas.flatMap((address) => servers.get(addressKey(address)) ?? [])
  const waiting = replicas.filter((server) => reachable(server) && server.infoAskedMs < sinceMs)
  if (waiting.length > 0 && nowMs - Math.max(run.phaseSinceMs, sinceMs) < CHOOSE_WAIT_MS) {
    for (const server of waiting) inquire(server, out)
    out.push({ do: 'wake', atMs: nowMs + POLL_FAST_MS })
    return 'wait'
  }
  const candidates = replicas.map((server) => candidateOf(server, sinceMs))
  const winner = candidates.find(({ address }) => addressKey(address) === candidate.key)
  return (
    (winner === undefined ? 'it is no replica of the group' : whyUnsafe(candidates, winner, settings, topo)) ?? true
  )
}

/** What the replica with the most of the newest history said. */
function fullest({ topo, servers }: FailoverFacts): ServerInfo | undefined {
  const infos = topo.replicas.flatMap((address) => {
    const server = servers.get(addressKey(address))
    return reachable(server) && server.info !== undefined && !server.info.loading ? [server.info] : []
  })
  const newest = topo.lineage.at(-1)?.replId ?? ''
  return infos.sort((a, b) => holds(b, newest) - holds(a, newest))[0]
}

/** Fresh: asked for after the failure; and after a crash, the replica has drained what the dead primary had sent. */
function isFresh({ nowMs, freshSinceMs, crashed }: ChoiceFacts, server: Watched): boolean {
  if (server.info === undefined || server.infoAskedMs < freshSinceMs) return false
  return !crashed || !server.info.linkUp || nowMs - freshSinceMs > DRAIN_WAIT_MS
}

function candidateOf(server: Watched, freshSinceMs: number): Candidate {
  const { host, port } = server.ref
  return {
    address: { host, port },
    verdict: server.judgement.verdict,
    linked: server.link === 'up',
    info: server.infoAskedMs >= freshSinceMs ? server.info : undefined,
  }
}

/** Redis Sentinel's limit on how old a replica's data may be: ten times down-after, and the time since the failure. */
function maxLinkDownMs({ nowMs, old, settings, servers }: ChoiceFacts): number {
  const primary = servers.get(addressKey(old))
  const downMs = primary?.sdown ? nowMs - primary.sdownSinceMs : 0
  return settings.downAfterMs * 10 + downMs
}
