// Metrics as data: a table has one row per metric, and this file makes prom-client objects of it, typed by the rows. So the
// names, their help and their labels stand in one place, from which code, documentation and dashboards can be checked.
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'

interface Row {
  /** With the unit at its end: `_seconds`, `_bytes`, `_total` (counters only). */
  readonly name: string
  readonly help: string
  readonly labels: readonly string[]
}
export type MetricRow =
  | (Row & { readonly kind: 'counter' | 'gauge' })
  | (Row & { readonly kind: 'histogram'; readonly buckets: readonly number[] })

export type MetricTable = Readonly<Record<string, MetricRow>>

type MetricOf<R extends MetricRow> = R['kind'] extends 'counter'
  ? Counter<R['labels'][number]>
  : R['kind'] extends 'gauge'
    ? Gauge<R['labels'][number]>
    : Histogram<R['labels'][number]>

/** The metrics of a table, by the keys of its rows. */
export type Metrics<T extends MetricTable> = { readonly [Key in keyof T]: MetricOf<T[Key]> }

/** Registers every row of the table. */
export function createMetrics<T extends MetricTable>(registry: Registry, table: T): Metrics<T> {
  const entries = Object.entries(table).map(([key, row]) => [key, createMetric(registry, row)])
  return Object.fromEntries(entries) as Metrics<T>
}

function createMetric(registry: Registry, row: MetricRow): Counter | Gauge | Histogram {
  const common = { name: row.name, help: row.help, labelNames: [...row.labels], registers: [registry] }
  if (row.kind === 'histogram') return new Histogram({ ...common, buckets: [...row.buckets] })
  return row.kind === 'counter' ? new Counter(common) : new Gauge(common)
}

/** A registry with the metrics of the process itself (CPU, memory, event loop, garbage collection). */
export function createRegistry(): Registry {
  const registry = new Registry()
  // The default, every 10 ms, would be a tenth of what an idle sentinel costs.
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: 100 })
  return registry
}

/** Sets a counter to a total that is counted elsewhere (as the transport counts its messages). */
export function setTotal<L extends string>(
  counter: Counter<L>,
  labels: Partial<Record<L, string>>,
  total: number,
): void {
  counter.remove(labels)
  counter.inc(labels, total)
}

/** The text that Prometheus reads. The library puts empty lines between metrics, which strict parsers refuse. */
export async function expositionOf(registry: Registry): Promise<string> {
  return (await registry.metrics()).replace(/\n{2,}/g, '\n')
}
