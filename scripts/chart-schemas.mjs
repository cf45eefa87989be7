// Makes test/chart/schemas/: what Kubernetes accepts for each kind of object that the chart renders, as JSON schemas that need no
// network, named as kubeconform looks for them. Run when the chart uses a new kind, or to go to a newer Kubernetes:
//   node scripts/chart-schemas.mjs <api/openapi-spec/swagger.json of k8s.io/kubernetes> <example/prometheus-operator-crd of prometheus-operator>
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parse } from 'yaml'

const KINDS = [
  'io.k8s.api.apps.v1.StatefulSet',
  'io.k8s.api.core.v1.ConfigMap',
  'io.k8s.api.core.v1.Pod',
  'io.k8s.api.core.v1.Secret',
  'io.k8s.api.core.v1.Service',
  'io.k8s.api.core.v1.ServiceAccount',
  'io.k8s.api.discovery.v1.EndpointSlice',
  'io.k8s.api.networking.v1.NetworkPolicy',
  'io.k8s.api.policy.v1.PodDisruptionBudget',
  'io.k8s.api.rbac.v1.Role',
  'io.k8s.api.rbac.v1.RoleBinding',
]
const METADATA = 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta'
const CRDS = ['servicemonitors', 'prometheusrules']

/** Formats that are no JSON types of one kind. */
const SCALARS = {
  'int-or-string': { type: ['integer', 'string'] },
  quantity: { type: ['number', 'string'] },
}
const KEPT = ['$ref', 'enum', 'items', 'maximum', 'minimum', 'pattern', 'required', 'type']

/** The schema without prose, and strict: a property that is not declared is a mistake. */
function strict(schema, name = '') {
  if (name.endsWith('.Quantity')) return SCALARS.quantity
  if (schema.format === 'int-or-string' || schema['x-kubernetes-int-or-string']) return SCALARS['int-or-string']
  const out = Object.fromEntries(KEPT.filter((key) => key in schema).map((key) => [key, schema[key]]))
  if (out.pattern?.startsWith('^(?i)')) delete out.pattern // no JavaScript
  if (out.items !== undefined) out.items = strict(out.items)
  if (typeof schema.additionalProperties === 'object') out.additionalProperties = strict(schema.additionalProperties)
  if (schema.properties !== undefined) {
    out.properties = Object.fromEntries(Object.entries(schema.properties).map(([key, one]) => [key, strict(one)]))
    if (schema['x-kubernetes-preserve-unknown-fields'] !== true) out.additionalProperties = false
  }
  return out
}

/** Names of the definitions that a schema refers to. */
const references = (schema) =>
  [...JSON.stringify(schema).matchAll(/"#\/definitions\/([^"]+)"/g)].map(([, name]) => name)

/** The definition of this name and all that it needs. */
function closure(definitions, root) {
  const needed = {}
  const add = (name) => {
    if (name in needed) return
    needed[name] = strict(definitions[name], name)
    references(needed[name]).forEach(add)
  }
  add(root)
  return needed
}

function ofDefinition(all, root) {
  const definitions = closure(all, root)
  const [{ group, version, kind }] = all[root]['x-kubernetes-group-version-kind']
  const schema = definitions[root]
  schema.properties.kind = { enum: [kind] }
  schema.properties.apiVersion = { enum: [group === '' ? version : `${group}/${version}`] }
  schema.required = ['apiVersion', 'kind', 'metadata', ...(schema.required ?? [])]
  return { group, version, kind, schema: { $ref: `#/definitions/${root}`, definitions } }
}

function ofCrd(all, { spec: { group, names, versions } }) {
  const [{ name: version, schema }] = versions
  const root = strict(schema.openAPIV3Schema)
  root.properties.metadata = { $ref: `#/definitions/${METADATA}` }
  return { group, version, kind: names.kind, schema: { ...root, definitions: closure(all, METADATA) } }
}

const [swagger, crds] = process.argv.slice(2)
if (crds === undefined) throw new Error('usage: chart-schemas.mjs <swagger.json> <folder of CRDs>')
const { definitions } = JSON.parse(readFileSync(swagger, 'utf8'))
const folder = fileURLToPath(new URL('../test/chart/schemas', import.meta.url))
rmSync(folder, { recursive: true, force: true })
mkdirSync(folder, { recursive: true })
const made = [
  ...KINDS.map((name) => ofDefinition(definitions, name)),
  ...CRDS.map((name) =>
    ofCrd(definitions, parse(readFileSync(join(crds, `monitoring.coreos.com_${name}.yaml`), 'utf8'))),
  ),
]
for (const { group, version, kind, schema } of made) {
  const words = [kind.toLowerCase(), ...(group === '' ? [] : [group.split('.')[0]]), version]
  writeFileSync(join(folder, `${words.join('-')}.json`), `${JSON.stringify(schema)}\n`)
}
