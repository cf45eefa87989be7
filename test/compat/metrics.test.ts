// What both processes expose, in the eyes of Debian's promtool, which knows Prometheus's rules better than a test of ours.
import { spawnSync } from 'node:child_process'
import { expect, it } from 'vitest'
import { createSentinelMetrics, SENTINEL_METRICS } from '../../src/metrics/sentinel-metrics.ts'
import { createServerMetrics, SERVER_METRICS } from '../../src/metrics/server-metrics.ts'
import { createRegistry, expositionOf, type MetricTable } from '../../src/metrics/table.ts'

/** One sample of every metric, so that none is missing from the exposition. */
async function everything(table: MetricTable, create: (registry: ReturnType<typeof createRegistry>) => object) {
  const registry = createRegistry()
  const metrics = create(registry) as Record<string, { set?: Setter; inc: Setter; observe?: Setter }>
  for (const [key, { kind, labels }] of Object.entries(table)) {
    const given = Object.fromEntries(labels.map((label) => [label, 'x']))
    const metric = metrics[key]!
    if (kind === 'histogram') metric.observe!(given, 1)
    else if (kind === 'gauge') metric.set!(given, 1)
    else metric.inc(given, 1)
  }
  return expositionOf(registry)
}
type Setter = (labels: Record<string, string>, value: number) => void

it.each([
  ['server', SERVER_METRICS as MetricTable, createServerMetrics],
  ['sentinel', SENTINEL_METRICS as MetricTable, createSentinelMetrics],
])('promtool finds nothing to say about the metrics of the %s', async (_, table, create) => {
  const text = await everything(table, create)
  for (const { name } of Object.values(table)) expect(text).toContain(`# TYPE ${name} `)
  const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], { input: text, encoding: 'utf8' })
  const complaints = `${stdout}${stderr}`.split('\n').filter((line) => line !== '' && !line.startsWith('nodejs_'))
  expect(complaints).toEqual([])
  expect([0, 3]).toContain(status)
})
