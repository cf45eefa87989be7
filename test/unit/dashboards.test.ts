// The committed dashboards are what their sources make, every metric stands on one of them, and no panel asks for what is not
// there. Make them anew: `npm run dashboards`.
import { describe, expect, it } from 'vitest'
import { failover } from '../../dashboards/src/failover.ts'
import { fleet } from '../../dashboards/src/fleet.ts'
import { quorum } from '../../dashboards/src/quorum.ts'
import { server } from '../../dashboards/src/server.ts'
import { SENTINEL_METRICS } from '../../src/metrics/sentinel-metrics.ts'
import { SERVER_METRICS } from '../../src/metrics/server-metrics.ts'
import { expressionsOf } from '../support/dashboards.ts'

const dashboards = { failover, fleet, quorum, server }
const metrics: readonly string[] = [...Object.values(SENTINEL_METRICS), ...Object.values(SERVER_METRICS)].map(
  ({ name }) => name,
)
/** What a histogram is asked for under. */
const SERIES = /_(bucket|sum|count)$/
/** Metrics on no panel, and why. */
const ELSEWHERE: Readonly<Record<string, string>> = {}

describe.each(Object.entries(dashboards))('%s', (name, dashboard) => {
  it('is what is committed', async () => {
    await expect(`${JSON.stringify(dashboard, null, 2)}\n`).toMatchFileSnapshot(`../../dashboards/${name}.json`)
  })

  it('asks for metrics that exist', () => {
    const asked = expressionsOf(dashboard).flatMap(({ expr }) => expr.match(/vedette_[a-z_]+/g) ?? [])
    expect(asked.length).toBeGreaterThan(5)
    expect(
      asked.filter((metric) => !metrics.includes(metric) && !metrics.includes(metric.replace(SERIES, ''))),
    ).toEqual([])
  })

  it('has titles, units and the shared data source on every panel', () => {
    for (const { title, datasource } of expressionsOf(dashboard)) {
      expect(title).toMatch(/^[A-Z].{2,}$/)
      expect(datasource).toEqual({ type: 'prometheus', uid: '$datasource' })
    }
  })
})

it('every metric is on a panel, or on the list with a reason', () => {
  const text = Object.values(dashboards)
    .flatMap((one) => expressionsOf(one).map(({ expr }) => expr))
    .join('\n')
  const missing = metrics.filter((name) => !new RegExp(`\\b${name}(_bucket|_sum|_count)?\\b`).test(text))
  expect(missing).toEqual(Object.keys(ELSEWHERE))
})
