// What the chart renders, as Kubernetes sees it: every object is valid by the schemas of test/chart/schemas/, which ajv and kubeconform
// agree on, and a change of what is rendered shows as a diff of a snapshot.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Ajv } from 'ajv'
import { describe, expect, it } from 'vitest'
import { stringify } from 'yaml'
import { MATRIX, type Manifest, manifestsOf, render, renderText } from '../support/chart.ts'
import { goTool, hasGo } from '../support/go-tools.ts'
import { run } from '../support/helm.ts'

const SCHEMAS = join(import.meta.dirname, 'schemas')
const ajv = new Ajv({ strict: false, allErrors: true })

/** `StatefulSet` of `apps/v1` → statefulset-apps-v1, as kubeconform names the files. */
function schemaName({ kind, apiVersion }: Manifest): string {
  const [first, version] = (apiVersion as string).split('/')
  const words = version === undefined ? [first] : [first!.split('.')[0], version]
  return [kind.toLowerCase(), ...words].join('-')
}

function complaints(manifest: Manifest): string[] {
  const name = schemaName(manifest)
  const known = ajv.getSchema(name)
  if (known === undefined) ajv.addSchema(JSON.parse(readFileSync(join(SCHEMAS, `${name}.json`), 'utf8')), name)
  const validate = ajv.getSchema(name)!
  if (validate(manifest)) return []
  return (validate.errors ?? []).map(
    ({ instancePath, message, params }) =>
      `${manifest.kind} ${manifest.metadata.name}${instancePath} ${message} ${JSON.stringify(params)}`,
  )
}

/** The objects without what is generated anew each time, and without what has tests of its own. */
function snapshotOf(manifests: readonly Manifest[]): string {
  const shown = manifests.map((manifest): object => {
    if (manifest.kind === 'Secret')
      return { ...manifest, data: Object.fromEntries(Object.keys(manifest.data).map((key) => [key, '<a secret>'])) }
    if (manifest.kind === 'ConfigMap') return { ...manifest, data: Object.keys(manifest.data) }
    if (manifest.kind === 'PrometheusRule') return { ...manifest, spec: '<alerts/vedette.rules.yml>' }
    return manifest
  })
  return shown.map((one) => stringify(one, { aliasDuplicateObjects: false })).join('---\n')
}

describe.each(Object.entries(MATRIX))('with %s', (name, sets) => {
  const manifests = render(...sets)

  it('every object is one that Kubernetes takes', () => {
    expect(manifests.flatMap(complaints)).toEqual([])
  })

  it('what is rendered is what was reviewed', async () => {
    await expect(snapshotOf(manifests)).toMatchFileSnapshot(`snapshots/${name.replace(/[ ,]+/g, '-')}.yaml`)
  })

  it.runIf(hasGo())('kubeconform says so too', { timeout: 600_000 }, () => {
    const location = `${SCHEMAS}/{{.ResourceKind}}{{.KindSuffix}}.json`
    const { ok, stdout, stderr } = run(
      goTool('kubeconform'),
      ['-strict', '-summary', '-schema-location', location],
      renderText(sets),
    )
    expect(ok, stdout + stderr).toBe(true)
    expect(stdout).toContain(`Valid: ${manifests.length}, Invalid: 0, Errors: 0, Skipped: 0`)
  })
})

it('a mistake is found', () => {
  const [set] = manifestsOf(renderText([])).filter(({ kind }) => kind === 'StatefulSet')
  const wrong = structuredClone(set!)
  wrong.spec.template.spec.containers[0].imagePolicy = 'Always'
  wrong.spec.replicas = 'three'
  expect(complaints(wrong).map((text) => text.replace(/ \{.*/, ''))).toEqual([
    `${set!.kind} ${set!.metadata.name}/spec/replicas must be integer`,
    `${set!.kind} ${set!.metadata.name}/spec/template/spec/containers/0 must NOT have additional properties`,
  ])
})
