// A real Prometheus scrapes a live group through a crash, a freeze and a switchover; then every expression of every dashboard
// returns data, with the variables as a person would have them who has just opened the page.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { failover } from '../../dashboards/src/failover.ts'
import { fleet } from '../../dashboards/src/fleet.ts'
import { quorum } from '../../dashboards/src/quorum.ts'
import { server } from '../../dashboards/src/server.ts'
import { expressionsOf } from '../support/dashboards.ts'
import { announcedPort, type Group, startGroup } from '../support/group.ts'
import { freePort } from '../support/ports.ts'
import { callOnce } from '../support/resp.ts'
import { createScope, type Scope } from '../support/scope.ts'
import type { Running } from '../support/servers.ts'
import { makeCertificates } from '../support/tls.ts'
import { eventually } from '../support/wait.ts'

let scope: Scope
let api: string

beforeAll(async () => {
  scope = createScope()
  const group = await startGroup(scope, {
    servers: 'vedette',
    sentinels: 'vedette',
    downAfterMs: 1000,
    // Certificates have a panel.
    tls: makeCertificates(scope.tempDir()),
    serverArgs: ['--http-port', 'auto', '--maxmemory', '1gb', '--large-command-elements', '1'],
  })
  api = await startPrometheus(group)
  await eventually('everything is scraped', async () => (await query('up == 1')).length === 6)
  for (const { port } of group.servers) {
    await callOnce(port, 'SET', 'k', 'v')
    await callOnce(port, 'EXPIRE', 'k', '1000')
    await callOnce(port, 'GET', 'k')
    await callOnce(port, 'INCR', 'k')
    await callOnce(port, 'KEYS', '*')
  }
  const crashed = await primaryOf(group)
  await crashed.proc.kill()
  const frozen = await switched(group, crashed.port)
  await crashed.restart()
  frozen.proc.signal('SIGSTOP')
  const handed = await switched(group, frozen.port)
  frozen.proc.signal('SIGCONT')
  await eventually(
    'both are replicas again',
    async () => {
      const replicas = await callOnce(group.sentinels[0]!.port, 'SENTINEL', 'CKQUORUM', group.name)
      if (typeof replicas !== 'string') return false
      return (await callOnce(group.sentinels[0]!.port, 'SENTINEL', 'FAILOVER', group.name)) === 'OK'
    },
    { timeoutMs: 60_000, intervalMs: 500 },
  )
  await switched(group, handed.port)
  await eventually(
    'Prometheus has seen three failovers',
    async () => {
      const [most] = await query('max(vedette_sentinel_group_config_epoch)')
      return most !== undefined && Number(most.value[1]) >= 3 && (await query('count(up == 1) == 6')).length === 1
    },
    { timeoutMs: 60_000 },
  )
  await eventually(
    'the replicas have acknowledged',
    async () => (await query('vedette_server_replica_lag_bytes')).length === 2,
  )
}, 180_000)

afterAll(() => scope.close())

/** The server that the sentinels announce. */
async function primaryOf(group: Group): Promise<Running> {
  return group.serverAt(await announcedPort(group.sentinels[0]!, group.name))
}

/** Waits for another primary than the one at `before`. */
async function switched(group: Group, before: number): Promise<Running> {
  await eventually(
    `another primary than ${before}`,
    async () => (await announcedPort(group.sentinels[0]!, group.name)) !== before,
    { timeoutMs: 30_000 },
  )
  return primaryOf(group)
}

async function startPrometheus(group: Group): Promise<string> {
  const dir = scope.tempDir()
  const port = await freePort()
  const targets = async (processes: readonly Running[]): Promise<string> => {
    const urls = await Promise.all(processes.map(httpOf))
    return `[${urls.map((url) => `'${url}'`).join(', ')}]`
  }
  writeFileSync(
    join(dir, 'prometheus.yml'),
    `global: { scrape_interval: 500ms, scrape_timeout: 500ms }
scrape_configs:
  - job_name: sentinels
    static_configs: [{ targets: ${await targets(group.sentinels)} }]
  - job_name: servers
    static_configs: [{ targets: ${await targets(group.servers)}, labels: { group: ${group.name} } }]
`,
  )
  mkdirSync(join(dir, 'data'))
  scope.spawn('prometheus', [
    `--config.file=${join(dir, 'prometheus.yml')}`,
    `--storage.tsdb.path=${join(dir, 'data')}`,
    `--web.listen-address=127.0.0.1:${port}`,
    '--log.level=error',
  ])
  const url = `http://127.0.0.1:${port}`
  await eventually(
    'Prometheus is ready',
    async () => {
      const reply = await fetch(`${url}/-/ready`).catch(() => undefined)
      return reply?.status === 200
    },
    { timeoutMs: 30_000 },
  )
  return url
}

/** The address that a process says in its log, without the scheme. */
async function httpOf({ proc }: Running): Promise<string> {
  const find = (): string | undefined => /Metrics and health: http:\/\/(127\.0\.0\.1:\d+)/.exec(proc.output())?.[1]
  await eventually('the log names the HTTP port', async () => find() !== undefined)
  return find()!
}

interface Sample {
  readonly metric: Readonly<Record<string, string>>
  readonly value: readonly [number, string]
}

async function query(expr: string): Promise<readonly Sample[]> {
  const reply = await fetch(`${api}/api/v1/query?query=${encodeURIComponent(expr)}`)
  const body = (await reply.json()) as { status: string; error?: string; data: { result: readonly Sample[] } }
  if (body.status !== 'success') throw new Error(`${body.error}: ${expr}`)
  return body.data.result
}

const filledIn = (expr: string): string =>
  expr
    .replaceAll('$namespace', '.*')
    .replaceAll('$group', '.*')
    .replaceAll('$__rate_interval', '1m')
    .replaceAll('$__range', '5m')
    .replaceAll('$__interval', '30s')

describe.each<[string, Dashboard]>([
  ['failover', failover],
  ['quorum', quorum],
  ['server', server],
  ['fleet', fleet],
])('the dashboard %s', (_, dashboard) => {
  it('shows data on every panel', async () => {
    const empty: string[] = []
    for (const { title, expr } of expressionsOf(dashboard)) {
      const result = await query(filledIn(expr))
      const numbers = result.filter(({ value }) => !Number.isNaN(Number(value[1])))
      if (numbers.length === 0) empty.push(`${title}: ${expr}`)
    }
    expect(empty).toEqual([])
  })
})

it('the marks of failovers are there', async () => {
  const [annotation] = (failover.annotations?.list ?? []) as { name?: string; expr?: string }[]
  expect(annotation?.name).toBe('Failovers')
  expect(await query(filledIn(annotation!.expr!).replace('30s', '5m'))).not.toEqual([])
})
