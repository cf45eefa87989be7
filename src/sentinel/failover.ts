// A failover as steps that a leader takes, and that the next leader can take up at any point. What is decided lives in the
// topology (committed through Raft): that there is a failover, who the candidate is, that the switch happened. What
// is merely under way lives in FailoverRun, and is lost with the leader: every order can be given twice.
//
//   choose ──commit──▶ promote ──commit──▶ reconfigure ──commit──▶ over
//      └──────────────────┴── abort ──commit──▶ over, tried again later in a new epoch
//
// decide() looks at the facts and says what to do now; it is called again whenever a fact changed. Each decision that a
// person would ask about carries one sentence, which becomes the log line and the history entry.
import { addressKey, sameAddress } from './address.ts'
import { choose } from './choose.ts'
import { isDown } from './detector.ts'
import type { Order } from './effects.ts'
import {
  type Decision,
  type FailoverFacts,
  type FailoverRun,
  give,
  noteCandidate,
  POLL_SLOW_MS,
  phaseOf,
  reachable,
  tell,
} from './failover-run.ts'
import { promote } from './promote.ts'
import type { Watched } from './watched.ts'

/** What to do now. May be called at any time; gives nothing new while it waits. */
export function decide(run: FailoverRun, facts: FailoverFacts): Decision[] {
  const out: Decision[] = []
  const phase = phaseOf(facts.failover)
  if (run.phase !== phase) {
    run.phase = phase
    run.phaseSinceMs = facts.nowMs
    // The step that was given up has been committed after all (proposed by an earlier leader): go on from there.
    run.givenUp = undefined
    if (phase === 'promote') noteCandidate(run, facts.failover.candidate!)
  }
  if (run.givenUp !== undefined) out.push({ do: 'abort', ...run.givenUp })
  else if (phase === 'choose') choose(run, facts, out)
  else if (phase === 'promote') promote(run, facts, out)
  else reconfigure(run, facts, out)
  return out
}

function reconfigure(run: FailoverRun, facts: FailoverFacts, out: Decision[]): void {
  const { nowMs, topo, failover, settings, servers } = facts
  tell(run, out, '+failover-state-reconf-slaves')
  const primary = servers.get(addressKey(topo.primary))
  if (primary !== undefined && isDown(primary.judgement.verdict)) {
    out.push({ do: 'end', why: `the new primary ${primary.key} is ${primary.judgement.verdict} already` })
    return
  }
  const others = topo.replicas.flatMap((address) => servers.get(addressKey(address)) ?? []).filter(reachable)
  const progress = others.map((server) => ({ server, state: progressOf(run, facts, server, out) }))
  const todo = progress.filter(({ state }) => state === 'todo').map(({ server }) => server)
  let busy = progress.filter(({ state }) => state === 'busy').length
  // The paused old primary of a switchover holds no one up: its clients wait.
  todo.sort((a, b) => Number(sameAddress(b.ref, failover.old)) - Number(sameAddress(a.ref, failover.old)))
  for (const server of todo) {
    const isOld = sameAddress(server.ref, failover.old)
    if (busy >= settings.parallelSyncs && !isOld) break
    if (!isOld) busy += 1
    follow(run, facts, server, out)
  }
  const open = progress.some(({ state }) => state === 'todo' || state === 'busy')
  if (!open) out.push({ do: 'end', why: `every reachable replica follows ${addressKey(topo.primary)}` })
  else if (nowMs - run.phaseSinceMs > settings.failoverTimeoutMs) {
    tell(run, out, '+failover-end-for-timeout')
    out.push({
      do: 'end',
      why: `some replicas do not follow ${addressKey(topo.primary)} yet; they are corrected later`,
    })
  } else pollReplicas(facts, progress, out)
}

function pollReplicas({ nowMs }: FailoverFacts, progress: { server: Watched; state: string }[], out: Decision[]): void {
  for (const { server, state } of progress) {
    const lastMs = server.infoAsks.at(-1) ?? server.infoAskedMs
    if (state === 'busy' && server.infoAsks.length === 0 && nowMs - lastMs >= POLL_SLOW_MS)
      out.push({ do: 'info', server })
  }
  out.push({ do: 'wake', atMs: nowMs + POLL_SLOW_MS })
}

/** The old primary whose writes were held back: its clients wait, and must be sent to the new one. */
const isHeld = (run: FailoverRun, { failover }: FailoverFacts, server: Watched): boolean =>
  sameAddress(server.ref, failover.old) && (failover.planned || run.fencedMs !== undefined || run.hold !== undefined)

function follow(run: FailoverRun, facts: FailoverFacts, server: Watched, out: Decision[]): void {
  const { topo, failover } = facts
  const order: Order = { kind: 'follow', epoch: failover.epoch, primary: topo.primary }
  const why = `${server.key} is told to follow ${addressKey(topo.primary)}`
  if (!give(run, facts, server, order, why, out)) return
  if (isHeld(run, facts, server))
    out.push({
      do: 'order',
      server,
      order: { kind: 'resume-writes', epoch: failover.epoch },
      why: `${server.key} is released`,
    })
  tell(run, out, '+slave-reconf-sent', server.ref)
}

function progressOf(
  run: FailoverRun,
  facts: FailoverFacts,
  server: Watched,
  out: Decision[],
): 'todo' | 'busy' | 'late' | 'done' {
  const { nowMs, topo, reconfMs } = facts
  const given = run.orders.get(server.key)
  // It may follow already (fenced), but its clients still wait.
  if (isHeld(run, facts, server) && given?.kind !== 'follow') return 'todo'
  const sinceMs = given?.kind === 'follow' ? given.sentMs : run.phaseSinceMs
  const info = server.infoAskedMs >= sinceMs ? server.info : undefined
  const follows = info?.role === 'replica' && sameAddress(info.primary, topo.primary)
  if (follows) {
    tell(run, out, '+slave-reconf-inprog', server.ref)
    if (info.linkUp) {
      tell(run, out, '+slave-reconf-done', server.ref)
      return 'done'
    }
  }
  if (given?.kind !== 'follow') return 'todo'
  if (nowMs - given.sentMs > reconfMs) {
    tell(run, out, '-slave-reconf-sent-timeout', server.ref)
    return 'late'
  }
  const failed = given.doneMs !== undefined && !given.ok
  return failed ? 'todo' : 'busy'
}
