// What sentinels tell each other at intervals over the transport: a sign of life, who they are and what they think of each
// primary; while they have no group, whom they see (formation.ts).
import { FOUNDERS_MAX } from '../lib/limits.ts'
import { helloOf } from './announcing.ts'
import { isInOffice, learnFromReport } from './certainty.ts'
import { adoptFound, opinions as ownOpinions } from './group.ts'
import { takeUngrouped } from './joining.ts'
import type { PeerMessage } from './peer-message.ts'
import { takeBack, takeHello } from './peers.ts'
import { isNews, noteNews } from './sequence.ts'
import { type CoreState, isAddressed, wake } from './state.ts'
import { switchedEpochs } from './topology.ts'

type Report = PeerMessage & { type: 'report' }

/** As a sign of life; more often while something is wrong (`timing`), and while there is no group. */
const REPORT_MS = 500
const REPORT_FORMING_MS = 150
/** Two reports without a group are at least so far apart: each may be answered by all the others. */
const FORMING_PAUSE_MS = 20
/** Reports whose time is remembered. */
const SENT_MAX = 64

/** Sends a report when one is due. */
export function reportIfDue(core: CoreState, nowMs: number): void {
  if (nowMs - core.lastReportMs >= intervalOf(core)) report(core, nowMs)
  else if (core.formed === undefined && core.reportAtMs <= nowMs) report(core, nowMs)
}

function intervalOf(core: CoreState): number {
  if (core.formed === undefined) return REPORT_FORMING_MS
  return [...core.groups.values()].some(({ reported }) => reported !== 'up') ? core.timing.askMs : REPORT_MS
}

/** Tells the other sentinels what this one sees. */
export function report(core: CoreState, nowMs: number): void {
  core.lastReportMs = nowMs
  core.reportAtMs = Number.POSITIVE_INFINITY
  core.out.push({ type: 'broadcast', message: nextReport(core, nowMs) })
}

/** The same to one peer, which could not be reached before. */
export function reportTo(core: CoreState, peer: string, nowMs: number): void {
  core.out.push({ type: 'send', to: peer, message: nextReport(core, nowMs) })
}

function nextReport(core: CoreState, nowMs: number): Report {
  core.reportSeq += 1
  const base = { type: 'report', boot: core.boot, seq: core.reportSeq } as const
  const hello = isAddressed(core) && core.circle.open ? helloOf(core, nowMs) : undefined
  core.sentReports.set(core.reportSeq, nowMs)
  for (const seq of core.sentReports.keys()) if (seq <= core.reportSeq - SENT_MAX) core.sentReports.delete(seq)
  const echo = [...core.peers.values()].map(({ peer, reports }) => [peer, Math.max(0, reports.seq)] as const)
  const group = hello === undefined && core.formed !== undefined ? { group: core.formed.id } : {}
  const said = { ...base, hello, ...group, echo: echo.slice(0, FOUNDERS_MAX) }
  if (core.formed !== undefined) {
    const leads = { term: core.raft.term, epoch: switchedEpochs(core.topology) }
    return { ...said, ...(isInOffice(core) && { leads }), opinions: ownOpinions(core, nowMs) }
  }
  core.saidKey = keyOf(hello)
  return { ...said, opinions: [] }
}

const keyOf = (hello: Report['hello']): string => `${hello?.of} ${hello?.view.join()}`

/** Takes a report; those who forgo a group answer what is new to them at once, so that one is founded within a few round trips. */
export function takeReport(core: CoreState, nowMs: number, from: string, message: Report): 'all' | undefined {
  const { boot, seq, hello, opinions } = message
  const known = core.peers.get(from)
  if (known !== undefined && !isNews(known.reports, boot, seq)) return undefined
  const isNew = known === undefined || known.reports.boot !== boot
  if (hello !== undefined) {
    if (hello.peer !== from || !takeHello(core, hello, nowMs)) return undefined
  }
  if (hello === undefined && message.group !== undefined) takeBack(core, from, message.group, nowMs)
  const peer = core.peers.get(from)
  if (peer === undefined) return undefined
  noteNews(peer.reports, boot, seq)
  const asOfMs = echoed(core, message)
  learnFromReport(core, from, message, asOfMs)
  if (core.formed === undefined && hello !== undefined) takeUngrouped(core, hello, nowMs, asOfMs)
  if (core.formed === undefined) answerSoon(core, isNew, nowMs)
  else if (hello !== undefined && hello.group === undefined && core.formed.members.includes(from))
    core.out.push({ type: 'send', to: from, message: { type: 'welcome', group: core.formed } })
  // One that has just begun need not wait for what the others say at their intervals.
  else if (isNew) reportTo(core, from, nowMs)
  for (const opinion of opinions) {
    const group = core.groups.get(opinion.group)
    if (group === undefined) continue
    group.votes.set(from, { opinion, heardMs: nowMs })
    adoptFound(core, group, opinion, nowMs)
  }
  return 'all'
}

/** When a report was sent at the earliest: its author had taken the one of ours that it names. */
function echoed(core: CoreState, { echo = [] }: Report): number {
  const seq = echo.find(([peer]) => peer === core.self.peer)?.[1]
  return (seq === undefined ? undefined : core.sentReports.get(seq)) ?? Number.NEGATIVE_INFINITY
}

function answerSoon(core: CoreState, isNew: boolean, nowMs: number): void {
  const changed = isAddressed(core) && keyOf(helloOf(core, nowMs)) !== core.saidKey
  if (!isNew && !changed) return
  const atMs = core.lastReportMs + FORMING_PAUSE_MS
  if (nowMs >= atMs) return report(core, nowMs)
  core.reportAtMs = atMs
  wake(core, atMs)
}
