// The table of the server's metrics keeps Prometheus's rules, and the observer sets every one of them from INFO's facts.
import { describe, expect, it } from 'vitest'
import { createServerMetrics, SERVER_METRICS } from '../../../src/metrics/server-metrics.ts'
import { createRegistry, expositionOf } from '../../../src/metrics/table.ts'
import { keepsTheRules } from './rules.ts'

keepsTheRules('vedette_server_', Object.values(SERVER_METRICS))

describe('the exposition', () => {
  it('has no empty line, which strict parsers refuse', async () => {
    const registry = createRegistry()
    const metrics = createServerMetrics(registry)
    metrics.keys.set({ db: '0' }, 3)
    const text = await expositionOf(registry)
    expect(text).not.toMatch(/\n\n/)
    expect(text).toContain('vedette_server_keys{db="0"} 3\n')
    expect(text.endsWith('\n')).toBe(true)
  })
})
