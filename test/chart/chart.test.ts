// The chart: rendered with a matrix of values, linted, checked against its schema; and the arguments that it gives to the
// processes are read by the very code that will read them in a pod.
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { parse, parseAllDocuments } from 'yaml'
import { loadSentinel, loadServer } from '../../src/cli/load.ts'
import { helm } from '../support/helm.ts'

const CHART = fileURLToPath(new URL('../../charts/vedette', import.meta.url))

interface Manifest {
  readonly kind: string
  readonly metadata: { readonly name: string; readonly annotations?: Record<string, string> }
  // biome-ignore lint/suspicious/noExplicitAny: the shape of a manifest is Kubernetes's, and what is asked of it stands at each place
  readonly [key: string]: any
}

function render(...sets: string[]): Manifest[] {
  const { ok, stdout, stderr } = helm('template', 'v', CHART, ...sets.flatMap((set) => ['--set', set]))
  if (!ok) throw new Error(stderr)
  return parseAllDocuments(stdout).flatMap((document) => (document.toJS() as Manifest | null) ?? [])
}

const of = (manifests: readonly Manifest[], kind: string, name: string): Manifest => {
  const found = manifests.find((one) => one.kind === kind && one.metadata.name === name)
  if (found === undefined) throw new Error(`no ${kind} ${name}`)
  return found
}

const MATRIX: Readonly<Record<string, readonly string[]>> = {
  defaults: [],
  'one server, no password, no volumes': [
    'server.replicas=1',
    'auth.enabled=false',
    'server.persistence.enabled=false',
    'sentinel.persistence.enabled=false',
  ],
  'five sentinels, everything monitored and closed': [
    'sentinel.replicas=5',
    'metrics.serviceMonitor.enabled=true',
    'metrics.prometheusRule.enabled=true',
    'metrics.dashboards.enabled=true',
    'networkPolicy.enabled=true',
  ],
  'soft affinity, own secrets, own directives': [
    'server.antiAffinity=preferred',
    'sentinel.antiAffinity=none',
    'auth.existingSecret=s',
    'auth.existingSecretKey=k',
    'gossip.existingSecret=g',
    'server.config.maxmemory=256mb',
    'server.config.save=900 1',
    'service.primary.type=LoadBalancer',
    'image.digest=sha256:0000000000000000000000000000000000000000000000000000000000000000',
  ],
}

describe.each(Object.entries(MATRIX))('with %s', (_, sets) => {
  it('passes helm lint --strict', () => {
    const { ok, stdout, stderr } = helm('lint', '--strict', CHART, ...sets.flatMap((set) => ['--set', set]))
    expect(ok, stdout + stderr).toBe(true)
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
      } else {
        const { groups, ...options } = loadSentinel(words, { VEDETTE_SWARM_KEY: 'a'.repeat(64) })
        expect(options['announce-id']).toBe('v-vedette-sentinel-0')
        expect(groups).toMatchObject([{ name: 'mymaster', 'kubernetes-service': 'v-vedette-primary' }])
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
  ])('%s is refused', (set) => {
    const { ok, stderr } = helm('template', 'v', CHART, '--set', set)
    expect(ok).toBe(false)
    expect(stderr).toMatch(/schema/)
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

it('alerts and dashboards in the chart are those of the repository', () => {
  const at = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')
  expect(at('charts/vedette/files/vedette.rules.yml')).toBe(at('alerts/vedette.rules.yml'))
  const dashboards = readdirSync(`${CHART}/files/dashboards`)
  expect(dashboards.sort()).toEqual(['failover.json', 'fleet.json', 'quorum.json', 'server.json'])
  for (const file of dashboards) expect(at(`charts/vedette/files/dashboards/${file}`)).toBe(at(`dashboards/${file}`))
})
