// prometheus-redis-exporter, as Debian has it, unchanged, against Vedette and against Redis: the series that it makes of the one it
// makes of the other too, so that dashboards made for it go on showing something.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Group, startGroup } from '../support/group.ts'
import { freePort } from '../support/ports.ts'
import { callOnce } from '../support/resp.ts'
import { createScope, type Scope } from '../support/scope.ts'
import type { Make } from '../support/servers.ts'
import { eventually } from '../support/wait.ts'

let scope: Scope
const groups = {} as Record<Make, Group>

beforeAll(async () => {
  scope = createScope()
  for (const make of ['redis', 'vedette'] as const)
    groups[make] = await startGroup(scope, {
      servers: make,
      sentinels: make,
      replicas: 1,
      serverArgs: ['--latency-monitor-threshold', '15', '--enable-debug-command', 'local'],
    })
}, 120_000)
afterAll(() => scope.close())

/** The series that the exporter makes of what listens at `port`: name and labels → value. */
async function scrape(port: number): Promise<Map<string, number>> {
  const listen = await freePort()
  const exporter = scope.spawn('prometheus-redis-exporter', [
    '-web.listen-address',
    `127.0.0.1:${listen}`,
    '-redis.addr',
    `redis://127.0.0.1:${port}`,
  ])
  const text = await eventually('the exporter answers', async () => {
    const reply = await fetch(`http://127.0.0.1:${listen}/metrics`)
    return reply.ok ? reply.text() : undefined
  })
  await exporter.kill()
  const lines = text.split('\n').filter((line) => line.startsWith('redis_'))
  return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))]))
}

const namesOf = (series: ReadonlyMap<string, number>): Set<string> =>
  new Set([...series.keys()].map((key) => key.replace(/\{.*/, '')))

describe('the exporter', () => {
  it('makes of a primary what it makes of a Redis', async () => {
    const seen = {} as Record<Make, Map<string, number>>
    for (const make of ['redis', 'vedette'] as const) {
      const { port } = groups[make].servers[0]!
      await callOnce(port, 'CONFIG', 'RESETSTAT')
      for (let i = 0; i < 10; i++) await callOnce(port, 'SET', `k${i}`, 'v', 'EX', '1000')
      await callOnce(port, 'GET', 'k1')
      await callOnce(port, 'GET', 'none')
      await callOnce(port, 'DEBUG', 'SLEEP', '0.02')
      seen[make] = await scrape(port)
    }
    const ours = namesOf(seen.vedette)
    expect([...namesOf(seen.redis)].filter((name) => !ours.has(name)).sort()).toEqual([])
    const value = (series: string): number | undefined => seen.vedette.get(series)
    expect(value('redis_up')).toBe(1)
    expect(value('redis_db_keys{db="db0"}')).toBe(10)
    expect(value('redis_db_keys_expiring{db="db0"}')).toBe(10)
    expect(value('redis_commands_total{cmd="set"}')).toBe(10)
    expect(value('redis_keyspace_hits_total')).toBe(1)
    expect(value('redis_connected_slaves')).toBe(1)
    // LATENCY LATEST, and the percentiles of INFO latencystats.
    expect(value('redis_latency_spike_duration_seconds{event_name="command"}')).toBeGreaterThanOrEqual(0.02)
    expect(value('redis_latency_percentiles_usec_count{cmd="set"}')).toBe(10)
    expect(value('redis_latency_percentiles_usec{cmd="debug",quantile="99"}')).toBeGreaterThanOrEqual(20_000)
    // LATENCY HISTOGRAM, which newer exporters ask for.
    const [name, histogram] = (await callOnce(groups.vedette.servers[0]!.port, 'LATENCY', 'HISTOGRAM', 'set')) as [
      string,
      unknown[],
    ]
    expect([name, histogram[0], histogram[1]]).toEqual(['set', 'calls', 10])
  })

  it('makes of a replica what it makes of one of Redis', async () => {
    const redis = namesOf(await scrape(groups.redis.servers[1]!.port))
    const seen = await scrape(groups.vedette.servers[1]!.port)
    const ours = namesOf(seen)
    expect([...redis].filter((name) => !ours.has(name)).sort()).toEqual([])
    const { port } = groups.vedette.servers[0]!
    expect(seen.get(`redis_master_link_up{master_host="127.0.0.1",master_port="${port}"}`)).toBe(1)
  })

  it('makes of a sentinel what it makes of one of Redis', async () => {
    // Beside these the exporter finds in a Redis what is about keys, I/O threads and forks, of which a sentinel of ours has none.
    const main =
      /^redis_(sentinel|up|uptime|connected_clients|blocked_clients|config_maxclients|connections|commands|net|process|instance)/
    const redis = [...namesOf(await scrape(groups.redis.sentinels[0]!.port))].filter((name) => main.test(name))
    expect(redis.length).toBeGreaterThan(20)
    const seen = await scrape(groups.vedette.sentinels[0]!.port)
    const ours = namesOf(seen)
    expect(redis.filter((name) => !ours.has(name)).sort()).toEqual([])
    const address = `127.0.0.1:${groups.vedette.servers[0]!.port}`
    expect(seen.get('redis_sentinel_masters')).toBe(1)
    expect(
      seen.get(`redis_sentinel_master_status{master_address="${address}",master_name="mymaster",master_status="ok"}`),
    ).toBe(1)
    expect(seen.get(`redis_sentinel_master_slaves{master_address="${address}",master_name="mymaster"}`)).toBe(1)
    expect(seen.get(`redis_sentinel_master_sentinels{master_address="${address}",master_name="mymaster"}`)).toBe(3)
  })
})
