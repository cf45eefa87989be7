// The table of measurements in docs/KUBERNETES.md.

export type Table = Row[]

export interface Row {
  readonly what: string
  /** Longest time without an acknowledged write, ms, for the client of the Service and for that of the sentinels. */
  readonly service?: number
  readonly sentinels?: number
  readonly acknowledged?: number
  readonly lost?: number
  /** Until the slice was right. */
  readonly sliceMs?: number | undefined
}

const BEGIN = '<!-- table of npm run test:k8s -->'
const END = '<!-- end of the table -->'
const HEAD = [
  'what',
  'longest gap, Service',
  'longest gap, sentinels',
  'writes acknowledged',
  'lost',
  'slice correct after',
]

const ms = (value: number | undefined): string => {
  if (value === undefined) return ''
  return value < 10_000 ? `${Math.round(value).toLocaleString('en')} ms` : `${(value / 1_000).toFixed(1)} s`
}
const count = (value: number | undefined): string => value?.toLocaleString('en') ?? ''

/** The page with its table replaced. */
export function withTable(page: string, rows: Table): string {
  const lines = rows.map(({ what, service, sentinels, acknowledged, lost, sliceMs }) =>
    [what, ms(service), ms(sentinels), count(acknowledged), count(lost), ms(sliceMs)].join(' | '),
  )
  const table = [HEAD.join(' | '), HEAD.map(() => '---').join(' | '), ...lines].map((line) => `| ${line} |`).join('\n')
  const [before] = page.split(BEGIN)
  const [, after] = page.split(END)
  return `${before}${BEGIN}\n\n${table}\n\n${END}${after}`
}
