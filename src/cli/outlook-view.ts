// The answer of `vedette failover --dry-run`, and candidates as lines. Pure.
import type { CandidateReport, OutlookReport } from '../supervisor/status-report.ts'
import { type Fields, fieldsOf, isObject, listOf, numberOf, parseJson, textOf } from './reading.ts'
import { columns, count, type Paint } from './table.ts'

export interface CandidateStatus {
  readonly address: string
  readonly offset: number | undefined
  readonly priority: number | undefined
  /** Undefined for the one that is chosen. */
  readonly whyNot: string | undefined
}

export interface OutlookStatus {
  readonly primary: string
  readonly winner: string | undefined
  readonly obstacles: readonly string[]
  readonly candidates: readonly CandidateStatus[]
}

export const candidateOf = (one: Fields<CandidateReport>): CandidateStatus => ({
  address: textOf(one.address),
  offset: numberOf(one.offset),
  priority: numberOf(one.priority),
  whyNot: textOf(one.whyNot) || undefined,
})

/** Reads the JSON of SENTINEL VEDETTE-OUTLOOK. */
export function parseOutlook(text: string): OutlookStatus | undefined {
  const parsed = parseJson(text)
  if (!isObject(parsed)) return undefined
  const { primary, winner, obstacles, candidates } = fieldsOf<OutlookReport>(parsed)
  return {
    primary: textOf(primary),
    winner: textOf(winner) || undefined,
    obstacles: Array.isArray(obstacles) ? obstacles.map(textOf) : [],
    candidates: listOf<CandidateReport>(candidates).map(candidateOf),
  }
}

/** The candidates as a table; the one that is chosen first. */
export function candidateLines(candidates: readonly CandidateStatus[], paint: Paint): string[] {
  const rows = [...candidates]
    .sort((a, b) => Number(a.whyNot !== undefined) - Number(b.whyNot !== undefined))
    .map(({ address, offset, priority, whyNot }) => [
      `  ${address}`,
      count(priority),
      count(offset),
      whyNot === undefined ? paint('green', 'chosen') : `not chosen: ${whyNot}`,
    ])
  return rows.length === 0 ? [] : columns([['  REPLICA', 'PRIORITY', 'OFFSET', ''], ...rows], new Set([1, 2]))
}

/** The whole answer. */
export function outlookLines(name: string, outlook: OutlookStatus, paint: Paint): string[] {
  const { primary, winner, obstacles, candidates } = outlook
  const possible = winner !== undefined && obstacles.length === 0
  const head = possible
    ? `If ${primary} died now, ${paint('bold', winner)} would become the primary of ${name}.`
    : `If ${primary} died now, there would be ${paint('red', 'no failover')} of ${name}: ${obstacles.join('; ')}.`
  return [head, ...candidateLines(candidates, paint)]
}
