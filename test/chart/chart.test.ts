// The chart: rendered with a matrix of values, linted, checked against its schema; and the arguments that it gives to the
// processes are read by the very code that will read them in a pod.
import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { loadSentinel, loadServer } from '../../src/cli/load.ts'
import { CHART, lint, MATRIX, of, render, renderText } from '../support/chart.ts'
import { helm, helm3Program } from '../support/helm.ts'

/** What is generated anew by each rendering. */
const withoutSecrets = (text: string): string => text.replace(/^ {2}(password|swarm-key): .*$/gm, '  $1: generated')

/** Ports and TLS of a process as the values mean them. */
function tlsOf(sets: readonly string[], port: number): object {
  if (!sets.includes('tls.enabled=true')) return { port, 'tls-port': 0, 'tls-replication': false, 'http-tls': false }
  const [auth = 'yes'] = sets.flatMap((set) => /^tls\.authClients=(.*)/.exec(set)?.[1] ?? [])
  return {
    ...(sets.includes('tls.plain=true') ? { port, 'tls-port': port + 1 } : { port: 0, 'tls-port': port }),
    'tls-cert-file': '/run/vedette/tls/tls.crt',
    'tls-key-file': '/run/vedette/tls/tls.key',
    'tls-ca-cert-file': '/run/vedette/tls/ca.crt',
    'tls-auth-clients': auth,
    'tls-replication': !sets.includes('tls.replication=false'),
    'http-tls': sets.includes('tls.http=true'),
  }
}

describe.each(Object.entries(MATRIX))('with %s', (_, sets) => {
  it('passes helm lint --strict', () => {
    const { ok, stdout, stderr } = lint(sets)
    expect(ok, stdout + stderr).toBe(true)
  })

  it('is the same for Helm 3', () => {
    const { ok, stdout, stderr } = lint(sets, helm3Program())
    expect(ok, stdout + stderr).toBe(true)
    expect(withoutSecrets(renderText(sets, helm3Program()))).toBe(withoutSecrets(renderText(sets)))
  })

  it('gives the processes arguments that they take', () => {
    const manifests = render(...sets)
    for (const component of ['server', 'sentinel']) {
      const [container] = of(manifests, 'StatefulSet', `v-vedette-${component}`).spec.template.spec.containers
      const [verb, ...words] = (container.args as string[]).map((word) =>
        word
          .replace('$(POD_NAME)', `v-vedette-${component}-0`)
          .replace('$(VEDETTE_PASSWORD)', 'secret')
          .replace(/^\/data$/, '/tmp'),
      )
      expect(verb).toBe(component)
      if (component === 'server') {
        const { values } = loadServer(words).config
        expect(values.sentinels.length).toBe(of(manifests, 'StatefulSet', 'v-vedette-sentinel').spec.replicas)
        expect(values['replica-announce-ip']).toBe(
          'v-vedette-server-0.v-vedette-server-headless.default.svc.cluster.local',
        )
        expect(values).toMatchObject(tlsOf(sets, 6379))
        const cache = sets.includes('server.maxmemoryPolicy=allkeys-lru')
        expect(values).toMatchObject({
          maxmemory: cache ? 256 * 2 ** 20 : 0,
          'maxmemory-policy': cache ? 'allkeys-lru' : 'noeviction',
          'script-memory-limit': (cache ? 32 : 256) * 2 ** 20,
        })
      } else {
        const { groups, ...options } = loadSentinel(words, { VEDETTE_SWARM_KEY: 'a'.repeat(64) })
        expect(options['announce-id']).toBe('v-vedette-sentinel-0')
        expect(options).toMatchObject({ ...tlsOf(sets, 26379), 'http-port': 27379, 'gossip-port': 28379 })
        expect(groups).toMatchObject([{ name: 'mymaster', 'kubernetes-service': 'v-vedette-primary' }])
        expect(groups[0]).toMatchObject(
          sets.includes('writeMode=sync')
            ? { 'write-mode': 'sync', 'sync-replicas': 2, 'lease-milliseconds': 500 }
            : { 'write-mode': 'lease', 'sync-replicas': 1, 'lease-milliseconds': 1000 },
        )
        expect(groups[0]!.quorum).toBe(
          Math.floor(of(manifests, 'StatefulSet', 'v-vedette-sentinel').spec.replicas / 2) + 1,
        )
      }
    }
  })

  it('runs without rights: not root, nothing written but data, no capability', () => {
    for (const { kind, spec } of render(...sets)) {
      if (kind !== 'StatefulSet') continue
      expect(spec.template.spec.securityContext.runAsNonRoot).toBe(true)
      for (const { securityContext } of spec.template.spec.containers)
        expect(securityContext).toEqual({
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        })
    }
  })

  it('contains no shell', () => {
    for (const { kind, spec } of render(...sets)) {
      if (kind !== 'StatefulSet' && kind !== 'Pod') continue
      const { containers } = kind === 'Pod' ? spec : spec.template.spec
      for (const container of containers) expect(container.command).toBeUndefined()
    }
  })
})

describe('the primary Service', () => {
  it('has no selector, and the leader may touch its slice and nothing else', () => {
    const manifests = render()
    expect(of(manifests, 'Service', 'v-vedette-primary').spec.selector).toBeUndefined()
    const slice = of(manifests, 'EndpointSlice', 'v-vedette-primary')
    expect(slice.metadata.annotations).toMatchObject({ 'helm.sh/hook': 'pre-install' })
    expect(of(manifests, 'Role', 'v-vedette-sentinel').rules).toEqual([
      {
        apiGroups: ['discovery.k8s.io'],
        resources: ['endpointslices'],
        resourceNames: ['v-vedette-primary', 'v-vedette-replicas'],
        verbs: ['get', 'patch'],
      },
      {
        apiGroups: [''],
        resources: ['services'],
        resourceNames: ['v-vedette-primary', 'v-vedette-replicas'],
        verbs: ['get'],
      },
    ])
  })
})

describe('values', () => {
  it.each([
    'server.replicas=0',
    'server.antiAffinity=maybe',
    'sentinel.quorum=x',
    'servers.replicas=3',
    'image.digest=abc',
    'server.persistence.whenDeleted=Sometimes',
    'group=two words',
    'writeMode=fast',
    'leaseMilliseconds=50',
    'server.maxmemory=lots',
    'server.maxmemoryPolicy=allkeys-lucky',
    'server.scriptMemoryLimit=',
    'tls.authClients=maybe',
    'tls.secret=t',
  ])('%s is refused', (set) => {
    const { ok, stderr } = helm('template', 'v', CHART, '--set', set)
    expect(ok).toBe(false)
    expect(stderr).toMatch(/schema/)
  })

  it('know every policy of eviction', () => {
    const schema = JSON.parse(readFileSync(`${CHART}/values.schema.json`, 'utf8'))
    for (const policy of schema.properties.server.properties.maxmemoryPolicy.enum)
      expect(loadServer(['--maxmemory-policy', policy]).config.values['maxmemory-policy']).toBe(policy)
    expect(schema.properties.server.properties.maxmemoryPolicy.enum).toHaveLength(8)
  })

  it('that would let no write through are refused', () => {
    const { ok, stderr } = helm('template', 'v', CHART, '--set', 'writeMode=sync,syncReplicas=3')
    expect(ok).toBe(false)
    expect(stderr).toMatch(/a write would wait for 3 replicas \(syncReplicas\), and 3 servers have 2/)
  })

  it.each([
    ['tls.enabled=true', /tls\.enabled needs tls\.secretName/],
    ['tls.http=true', /HTTP would go without TLS/],
    ['tls.secretName=t', /tls\.enabled is false: nothing would go by TLS/],
    ['tls.enabled=true,tls.secretName=t,tls.replication=false', /that needs tls\.plain true/],
  ])('%s is refused', (set, why) => {
    const { ok, stderr } = helm('template', 'v', CHART, '--set', set)
    expect(ok).toBe(false)
    expect(stderr).toMatch(why)
  })

  it('that YAML reads as booleans are the words they were', () => {
    for (const [given, meant] of [
      ['true', 'yes'],
      ['false', 'no'],
    ]) {
      const sets = ['tls.enabled=true', 'tls.secretName=t', `tls.authClients=${given}`]
      const [container] = of(render(...sets), 'StatefulSet', 'v-vedette-server').spec.template.spec.containers
      const words = container.args as string[]
      expect(words[words.indexOf('--tls-auth-clients') + 1]).toBe(meant)
    }
  })

  it('are all in the schema, each with a comment', () => {
    const text = readFileSync(`${CHART}/values.yaml`, 'utf8')
    expect(text.split('\n').length).toBeLessThan(400)
    const schema = JSON.parse(readFileSync(`${CHART}/values.schema.json`, 'utf8'))
    const missing: string[] = []
    const compare = (values: object, node: { properties?: Record<string, object> }, path: string): void => {
      for (const [key, value] of Object.entries(values)) {
        const at = path === '' ? key : `${path}.${key}`
        const child = node.properties?.[key]
        if (child === undefined) missing.push(at)
        else if (value !== null && typeof value === 'object' && !Array.isArray(value) && 'properties' in child)
          compare(value, child as { properties?: Record<string, object> }, at)
        else if (!('description' in child) && !/\.(type|annotations)$/.test(at)) missing.push(`${at} has no comment`)
      }
    }
    compare(parse(text), schema, '')
    expect(missing).toEqual([])
  })
})

it('the table of values in the README is what values.yaml says (make it anew: node scripts/chart-readme.mjs)', async () => {
  // A plain script without types, hence not imported as a module of known shape.
  const script: string = new URL('../../scripts/chart-readme.mjs', import.meta.url).href
  const { withTable } = (await import(script)) as { withTable: (page: string, yaml: string) => string }
  const page = readFileSync(`${CHART}/README.md`, 'utf8')
  expect(page).toBe(withTable(page, readFileSync(`${CHART}/values.yaml`, 'utf8')))
})

it('alerts and dashboards in the chart are those of the repository', () => {
  const at = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')
  expect(at('charts/vedette/files/vedette.rules.yml')).toBe(at('alerts/vedette.rules.yml'))
  const dashboards = readdirSync(`${CHART}/files/dashboards`)
  expect(dashboards.sort()).toEqual(['failover.json', 'fleet.json', 'quorum.json', 'server.json'])
  for (const file of dashboards) expect(at(`charts/vedette/files/dashboards/${file}`)).toBe(at(`dashboards/${file}`))
})
