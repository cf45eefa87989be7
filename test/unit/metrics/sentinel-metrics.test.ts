// The table of metrics keeps Prometheus's rules of naming, and what is set comes out in the exposition format.
import { Registry } from 'prom-client'
import { describe, expect, it } from 'vitest'
import { createSentinelMetrics, SENTINEL_METRICS } from '../../../src/metrics/sentinel-metrics.ts'
import { createRegistry, type MetricRow, setTotal } from '../../../src/metrics/table.ts'
import { keepsTheRules } from './rules.ts'

const rows: MetricRow[] = Object.values(SENTINEL_METRICS)

keepsTheRules('vedette_sentinel_', rows)

describe('the metrics', () => {
  it('come out as they were set', async () => {
    const registry = new Registry()
    const metrics = createSentinelMetrics(registry)
    metrics.raftTerm.set(7)
    metrics.serverUp.set({ group: 'm', server: '127.0.0.1:6379' }, 1)
    metrics.failovers.inc({ group: 'm', kind: 'automatic', reason: 'dead', result: 'done' })
    metrics.pingSeconds.observe({ group: 'm' }, 0.0004)
    const text = await registry.metrics()
    expect(text).toContain('\nvedette_sentinel_raft_term 7\n')
    expect(text).toContain('vedette_sentinel_server_up{group="m",server="127.0.0.1:6379"} 1\n')
    expect(text).toContain(
      'vedette_sentinel_failovers_total{group="m",kind="automatic",reason="dead",result="done"} 1\n',
    )
    expect(text).toContain('vedette_sentinel_ping_seconds_bucket{le="0.0005",group="m"} 1\n')
    for (const { name, help } of rows) expect(text).toContain(`# HELP ${name} ${help}\n`)
  })

  it('take totals that are counted elsewhere', async () => {
    const registry = new Registry()
    const { gossipMessages } = createSentinelMetrics(registry)
    setTotal(gossipMessages, { direction: 'in' }, 5)
    setTotal(gossipMessages, { direction: 'out' }, 2)
    setTotal(gossipMessages, { direction: 'in' }, 9)
    const text = await registry.metrics()
    expect(text).toContain('gossip_messages_total{direction="in"} 9\n')
    expect(text).toContain('gossip_messages_total{direction="out"} 2\n')
  })

  it('of two sentinels in one process are apart', () => {
    const [a, b] = [createRegistry(), createRegistry()]
    createSentinelMetrics(a)
    createSentinelMetrics(b)
    expect(() => createSentinelMetrics(a)).toThrow('already')
  })

  it('include those of the process', async () => {
    const text = await createRegistry().metrics()
    expect(text).toContain('process_resident_memory_bytes')
    expect(text).toContain('nodejs_eventloop_lag_seconds')
  })
})
