// What a dashboard asks of Prometheus.
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard'

export interface Expression {
  readonly title: string
  readonly datasource: unknown
  readonly expr: string
}

/** Every expression of every panel, in rows too. */
export function expressionsOf({ panels = [] }: Dashboard): Expression[] {
  const flat = panels.flatMap((panel) => ('panels' in panel && Array.isArray(panel.panels) ? panel.panels : [panel]))
  return flat.flatMap((panel) =>
    ('targets' in panel ? (panel.targets ?? []) : []).map((target) => ({
      title: panel.title ?? '',
      datasource: panel.datasource,
      expr: (target as unknown as { expr: string }).expr,
    })),
  )
}
