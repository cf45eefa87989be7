// What a benchmark reports: rows with Redis's figure, ours, their ratio and the goal; printed as a Markdown table and
// written as JSON.
import type { Make } from '../test/support/servers.ts'
import { median } from './stats.ts'

/** What has to hold: ours at most or at least so much, or at most or at least so many times Redis's. */
export type Goal = { atMost: number } | { atLeast: number } | { ratioAtMost: number } | { ratioAtLeast: number }

export interface Row {
  figure: string
  unit: string
  redis?: number
  vedette?: number
  goal?: Goal
  /** Everything that was measured, run by run, for the JSON file. */
  samples?: { redis?: readonly number[]; vedette?: readonly number[] }
}

/** The row of one field of what was measured run by run: the medians. */
export function sampledRow<S>(
  figure: string,
  unit: string,
  samples: ReadonlyMap<Make, readonly S[]>,
  of: keyof { [K in keyof S as S[K] extends number ? K : never]: number },
): Row {
  const all = (make: Make): number[] | undefined => samples.get(make)?.map((sample) => Number(sample[of]))
  const redis = all('redis')
  const vedette = all('vedette')
  return {
    figure,
    unit,
    redis: redis && median(redis),
    vedette: vedette && median(vedette),
    samples: { redis, vedette },
  }
}

const number = (value: number | undefined): string => {
  if (value === undefined) return '–'
  if (Math.abs(value) >= 1000) return Math.round(value).toLocaleString('en-US')
  return value.toFixed(Math.abs(value) >= 100 || Number.isInteger(value) ? 0 : Math.abs(value) >= 10 ? 1 : 2)
}

export const ratioOf = ({ redis, vedette }: Row): number | undefined =>
  redis === undefined || vedette === undefined || redis === 0 ? undefined : vedette / redis

const goalText = (goal: Goal | undefined, unit: string): string => {
  if (goal === undefined) return ''
  if ('atMost' in goal) return `≤ ${number(goal.atMost)} ${unit}`
  if ('atLeast' in goal) return `≥ ${number(goal.atLeast)} ${unit}`
  return 'ratioAtMost' in goal ? `≤ ${goal.ratioAtMost} ×` : `≥ ${goal.ratioAtLeast} ×`
}

/** Whether the goal is reached; undefined when there is none, or nothing to hold against it. */
export function isReached(row: Row): boolean | undefined {
  if (row.goal === undefined || row.vedette === undefined) return undefined
  if ('atMost' in row.goal) return row.vedette <= row.goal.atMost
  if ('atLeast' in row.goal) return row.vedette >= row.goal.atLeast
  const ratio = ratioOf(row)
  if (ratio === undefined) return undefined
  return 'ratioAtMost' in row.goal ? ratio <= row.goal.ratioAtMost : ratio >= row.goal.ratioAtLeast
}

const VERDICT = { true: 'yes', false: 'NO', undefined: '' } as const

export function markdownTable(rows: readonly Row[]): string {
  const lines = rows.map((row) =>
    [
      row.figure,
      row.unit,
      number(row.redis),
      number(row.vedette),
      ratioOf(row)?.toFixed(2) ?? '',
      goalText(row.goal, row.unit),
      VERDICT[`${isReached(row)}`],
    ].join(' | '),
  )
  return ['figure | unit | Redis 7.0.15 | Vedette | ratio | goal | reached', '---|---|--:|--:|--:|---|---', ...lines]
    .map((line) => `| ${line} |`)
    .join('\n')
}
