// The alerts rest on metrics that exist, keep the one label that all of them share, and each has its page and its two tests.
import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { SENTINEL_METRICS } from '../../../src/metrics/sentinel-metrics.ts'
import { SERVER_METRICS } from '../../../src/metrics/server-metrics.ts'

const at = (path: string): URL => new URL(`../../../${path}`, import.meta.url)
const rules = readFileSync(at('alerts/vedette.rules.yml'), 'utf8')
const tests = readFileSync(at('alerts/tests/vedette.test.yml'), 'utf8')
const alerts = [...rules.matchAll(/- alert: (\w+)\n\s+expr: (.+)\n/g)].map(([, name, expr]) => ({
  name: name!,
  expr: expr!,
}))
const known: ReadonlySet<string> = new Set(
  [...Object.values(SENTINEL_METRICS), ...Object.values(SERVER_METRICS)].map(({ name }) => name),
)

it('there are alerts', () => {
  expect(alerts.length).toBe(rules.match(/- alert:/g)!.length)
  expect(alerts.length).toBeGreaterThan(10)
})

describe.each(alerts)('$name', ({ name, expr }) => {
  it('asks for metrics that exist, by group', () => {
    const metrics = expr.match(/vedette_[a-z_]+/g) ?? []
    expect(metrics.length).toBeGreaterThan(0)
    expect(metrics.filter((metric) => !known.has(metric))).toEqual([])
    expect(expr).toMatch(/by \(group\b/)
  })

  it('has a page that says what it means, where to look and what to do', () => {
    const page = readFileSync(at(`charts/vedette/docs/runbooks/${name}.md`), 'utf8')
    expect(page).toMatch(new RegExp(`^# ${name}\n\n.{40,}\n\n## Look\n\n- [^]+\n## Do\n\n- `))
    expect(rules).toContain(`runbook: charts/vedette/docs/runbooks/${name}.md`)
  })

  it('is tested firing and quiet', () => {
    expect(tests).toContain(`name: ${name} fires`)
    expect(tests).toContain(`name: ${name} stays quiet`)
  })
})

it('no page is left of an alert that is gone', () => {
  const pages = readdirSync(at('charts/vedette/docs/runbooks')).map((file) => file.replace('.md', ''))
  expect(pages.sort()).toEqual(alerts.map(({ name }) => name).sort())
})
