// docs/METRICS.md is what the tables say: the page is made from them, and nobody edited it since.
import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { SENTINEL_METRICS } from '../../../src/metrics/sentinel-metrics.ts'
import { SERVER_METRICS } from '../../../src/metrics/server-metrics.ts'

// A plain script without types, hence not imported as a module of known shape.
const script: string = new URL('../../../scripts/docs.mjs', import.meta.url).href
const { metricsPage } = (await import(script)) as { metricsPage: (tables: object) => string }

it('the page equals the tables (make it anew: npm run build && node scripts/docs.mjs)', () => {
  const page = readFileSync(new URL('../../../docs/METRICS.md', import.meta.url), 'utf8')
  expect(page).toBe(metricsPage({ SERVER_METRICS, SENTINEL_METRICS }))
})
