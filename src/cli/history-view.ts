// The answer of `vedette history` as lines of text. Pure.
import type { CandidateReport, HistoryReport, StepReport } from '../supervisor/status-report.ts'
import { type CandidateStatus, candidateLines, candidateOf } from './outlook-view.ts'
import { type Fields, listOf, numberOf, parseJson, textOf } from './reading.ts'
import { columns, count, type Paint, span } from './table.ts'

export interface PastFailover {
  readonly group: string
  readonly epoch: number
  readonly kind: string
  readonly outcome: string
  readonly from: string
  readonly to: string
  readonly reason: string
  readonly ending: string
  readonly startedAtMs: number
  /** From the last sign of life of the old primary to the new one's announcement, or to the end of one that was given up. */
  readonly tookMs: number
  readonly steps: readonly { readonly phase: string; readonly ms: number; readonly text: string }[]
  readonly candidates: readonly CandidateStatus[]
  readonly lostBytesMax: number | undefined
}

function failoverOf(one: Fields<HistoryReport>): PastFailover {
  return {
    group: textOf(one.group),
    epoch: numberOf(one.epoch) ?? 0,
    kind: textOf(one.kind),
    outcome: textOf(one.outcome),
    from: textOf(one.from),
    to: textOf(one.to),
    reason: textOf(one.reason),
    ending: textOf(one.ending),
    startedAtMs: numberOf(one.startedAtMs) ?? 0,
    tookMs: numberOf(one.tookMs) ?? 0,
    steps: listOf<StepReport>(one.steps).map(({ phase, ms, text }) => ({
      phase: textOf(phase),
      ms: numberOf(ms) ?? 0,
      text: textOf(text),
    })),
    candidates: listOf<CandidateReport>(one.candidates).map(candidateOf),
    lostBytesMax: numberOf(one.lostBytesMax),
  }
}

/** Reads the JSON of SENTINEL VEDETTE-HISTORY; undefined when it is no list. */
export function parseHistory(text: string): PastFailover[] | undefined {
  const parsed = parseJson(text)
  return Array.isArray(parsed) ? listOf<HistoryReport>(parsed).map(failoverOf) : undefined
}

/** 2026-11-27 20:15:03Z, for a time that a clock can show. */
function when(atMs: number): string {
  const date = new Date(atMs)
  return Number.isNaN(date.getTime()) ? 'at an unknown time' : `${date.toISOString().slice(0, 19).replace('T', ' ')}Z`
}

function lossText({ outcome, lostBytesMax }: PastFailover): string[] {
  if (outcome !== 'done') return []
  if (lostBytesMax === undefined) return ['  how much was lost is not known']
  return [lostBytesMax === 0 ? '  nothing was lost' : `  at most ${count(lostBytesMax)} bytes were lost`]
}

function failoverLines(one: PastFailover, paint: Paint): string[] {
  const { group, epoch, kind, outcome, from, to, reason, ending, startedAtMs, tookMs, steps, candidates } = one
  const done = outcome === 'done'
  const what = done ? `${from} → ${to} in ${span(tookMs)}` : `${from} stayed primary ${paint('red', `(${outcome})`)}`
  const rows = steps.map(({ phase, ms, text }) => [`  ${phase}`, ms < 10 ? `${ms} ms` : span(ms), text])
  return [
    `${when(startedAtMs)}  ${paint('bold', group)}  ${what}  ${kind}, epoch ${epoch}`,
    `  ${reason}`,
    ...columns(rows, new Set([1])),
    ...candidateLines(candidates, paint),
    ...(done ? lossText(one) : [`  given up: ${ending}`]),
  ]
}

/** The failovers, one after the other. */
export function historyLines(failovers: readonly PastFailover[], paint: Paint): string[] {
  if (failovers.length === 0) return ['No failover yet.']
  return failovers.flatMap((one, i) => [...(i === 0 ? [] : ['']), ...failoverLines(one, paint)])
}
