// The chart as its tests look at it: rendered by a real helm into manifests, with values that cover what can be switched.
import { fileURLToPath } from 'node:url'
import { parseAllDocuments } from 'yaml'
import { helmProgram, run } from './helm.ts'

export const CHART = fileURLToPath(new URL('../../charts/vedette', import.meta.url))

export interface Manifest {
  readonly kind: string
  readonly metadata: {
    readonly name: string
    readonly labels?: Record<string, string>
    readonly annotations?: Record<string, string>
  }
  // biome-ignore lint/suspicious/noExplicitAny: the shape of a manifest is Kubernetes's, and what is asked of it stands at each place
  readonly [key: string]: any
}

const setFlags = (sets: readonly string[]): string[] => sets.flatMap((set) => ['--set', set])

/** The chart as text. */
export function renderText(sets: readonly string[], program = helmProgram()): string {
  const { ok, stdout, stderr } = run(program, ['template', 'v', CHART, ...setFlags(sets)])
  if (!ok) throw new Error(stderr)
  return stdout
}

/** The manifests of a text. Throws for YAML that says a thing twice or cannot be read. */
export function manifestsOf(text: string): Manifest[] {
  return parseAllDocuments(text).flatMap((document) => {
    const [error] = document.errors
    if (error !== undefined) throw error
    return (document.toJS() as Manifest | null) ?? []
  })
}

export const render = (...sets: string[]): Manifest[] => manifestsOf(renderText(sets))

export const lint = (sets: readonly string[], program = helmProgram()) =>
  run(program, ['lint', '--strict', CHART, ...setFlags(sets)])

/** The one object of that kind and name. */
export function of(manifests: readonly Manifest[], kind: string, name: string): Manifest {
  const found = manifests.find((one) => one.kind === kind && one.metadata.name === name)
  if (found === undefined) throw new Error(`no ${kind} ${name}`)
  return found
}

/** Values that together reach every branch of the templates. */
export const MATRIX: Readonly<Record<string, readonly string[]>> = {
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
    'networkPolicy.clients[0].podSelector.matchLabels.app=shop',
    'networkPolicy.metrics[0].namespaceSelector.matchLabels.name=monitoring',
  ],
  'soft affinity, own secrets, own directives': [
    'server.antiAffinity=preferred',
    'sentinel.antiAffinity=none',
    'auth.existingSecret=s',
    'auth.existingSecretKey=k',
    'gossip.existingSecret=g',
    'server.maxmemory=256mb',
    'server.maxmemoryPolicy=allkeys-lru',
    'server.scriptMemoryLimit=32mb',
    'server.config.save=900 1',
    'service.primary.type=LoadBalancer',
    'image.digest=sha256:0000000000000000000000000000000000000000000000000000000000000000',
  ],
  'sync mode, console with a token': [
    'writeMode=sync',
    'syncReplicas=2',
    'leaseMilliseconds=500',
    'console.existingSecret=c',
  ],
  'passwords and users from mounted secrets': [
    'auth.existingSecret=s',
    'auth.existingSecretKey=k',
    'auth.usersSecret=u',
  ],
  'TLS and nothing else': [
    'tls.enabled=true',
    'tls.secretName=t',
    'tls.http=true',
    'auth.existingSecret=s',
    'auth.fromFile=true',
    'metrics.serviceMonitor.enabled=true',
    'networkPolicy.enabled=true',
  ],
  'TLS within the group, plain ports beside it': [
    'tls.enabled=true',
    'tls.secretName=t',
    'tls.authClients=optional',
    'tls.plain=true',
    'networkPolicy.enabled=true',
  ],
  'TLS for clients alone': [
    'tls.enabled=true',
    'tls.secretName=t',
    'tls.authClients=no',
    'tls.replication=false',
    'tls.plain=true',
  ],
  'all that can be added to the pods': [
    'commonLabels.team=a',
    'commonAnnotations.owner=b',
    'auth.password=p',
    'image.pullSecrets[0]=registry',
    ...['server', 'sentinel'].flatMap((part) => [
      `${part}.podLabels.l=1x`,
      `${part}.podAnnotations.a=2x`,
      `${part}.nodeSelector.disk=ssd`,
      `${part}.tolerations[0].key=dedicated`,
      `${part}.tolerations[0].operator=Exists`,
      `${part}.priorityClassName=high`,
      `${part}.topologySpreadConstraints[0].maxSkew=1`,
      `${part}.topologySpreadConstraints[0].topologyKey=topology.kubernetes.io/zone`,
      `${part}.topologySpreadConstraints[0].whenUnsatisfiable=ScheduleAnyway`,
      `${part}.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchExpressions[0].key=arch`,
      `${part}.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchExpressions[0].operator=Exists`,
      `${part}.extraEnv[0].name=TZ`,
      `${part}.extraEnv[0].value=UTC`,
      `${part}.extraVolumes[0].name=more`,
      `${part}.extraVolumes[0].configMap.name=cm`,
      `${part}.extraVolumeMounts[0].name=more`,
      `${part}.extraVolumeMounts[0].mountPath=/more`,
      `${part}.initContainers[0].name=before`,
      `${part}.initContainers[0].image=busybox`,
      `${part}.persistence.storageClass=fast`,
    ]),
  ],
}
