// A node and its kubelet, with processes in network namespaces in the place of containers: it binds pods to itself, gives each an
// address of its own that no pod had before, runs the container's command, calls its probes, reports its status, serves the names of
// headless Services, and ends pods as a kubelet does: SIGTERM, the grace period, SIGKILL.
//
// Not here: images, schedulers, limits of memory, kube-proxy. A volume is a folder, by the name of its claim.
// Invariant: when the scope closes, no process, namespace, link or file of it is left.
import { execFileSync } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { get } from 'node:http'
import { join } from 'node:path'
import { VEDETTE_MAIN, VEDETTE_NODE } from '../support/paths.ts'
import type { Proc, Scope } from '../support/scope.ts'
import { type Anything, type Api, STRATEGIC } from './api.ts'
import { serveNames } from './dns.ts'

export const BRIDGE_HOST = '10.244.77.1'
const NODE = 'proc-1'
const BRIDGE = 'vk8s0'
const NAMESPACE = 'default'
const PODS = `/api/v1/namespaces/${NAMESPACE}/pods`
const LOOK_MS = 50
const HEARTBEAT_MS = 5_000
const RESTART_MS = 1_000

interface Pod {
  readonly name: string
  readonly uid: string
  readonly spec: Anything
  readonly ip: string
  readonly netns: string
  readonly folder: string
  proc: Proc
  restarts: number
  started: boolean
  ready: boolean
  /** When it was told to end; performance.now(). */
  termMs: number | undefined
  gone: boolean
  failures: number
  lastProbeMs: number
}

export interface Kubelet {
  /** The pod of that name that runs now. */
  pod(name: string): { readonly ip: string; readonly uid: string; readonly output: string } | undefined
  /** The addresses that a name has in the cluster; for a Service, where a connection to it may lead. */
  look(name: string): readonly string[] | undefined
  /** When that pod was sent SIGTERM; performance.now(). */
  termMs(uid: string): number | undefined
  stop(): Promise<void>
}

const ip = (line: string): void => void execFileSync('ip', line.split(' '), { stdio: 'pipe' })
const quietly = (run: () => void): void => {
  try {
    run()
  } catch {
    // It was not made, or is gone.
  }
}

/** The network of the pods; it must stand before the API server listens on it. */
export function createBridge(scope: Scope): void {
  ip(`link add ${BRIDGE} type bridge`)
  scope.defer(() => quietly(() => ip(`link del ${BRIDGE}`)))
  ip(`addr add ${BRIDGE_HOST}/16 dev ${BRIDGE}`)
  ip(`link set ${BRIDGE} up`)
}

export async function startKubelet(scope: Scope, api: Api, ca: string): Promise<Kubelet> {
  const folder = scope.tempDir()
  const pods = new Map<string, Pod>()
  const terms = new Map<string, number>()
  /** Addresses of Services without pods of their own: what their EndpointSlices say. */
  const slices = new Map<string, readonly string[]>()
  let count = 0
  let stopped = false

  const look = (name: string): readonly string[] | undefined => {
    const [first, second, third] = name.split('.')
    if (!name.endsWith(`.${NAMESPACE}.svc.cluster.local`)) return undefined
    if (third === NAMESPACE) {
      const found = [...pods.values()].find(({ spec }) => spec.hostname === first && spec.subdomain === second)
      return found === undefined || found.gone ? undefined : [found.ip]
    }
    return slices.get(first!)
  }
  scope.defer(await serveNames(BRIDGE_HOST, look))
  scope.defer(
    api.watch(`/apis/discovery.k8s.io/v1/namespaces/${NAMESPACE}/endpointslices`, (slice: Anything) => {
      const ready = (slice.endpoints ?? []).filter((one: Anything) => one.conditions?.ready === true)
      const service: string | undefined = slice.metadata.labels?.['kubernetes.io/service-name']
      if (service !== undefined)
        slices.set(
          service,
          ready.map((one: Anything) => one.addresses[0]),
        )
    }),
  )

  const heartbeat = async (): Promise<void> => {
    const now = new Date().toISOString()
    const ready = { type: 'Ready', status: 'True', reason: 'KubeletReady', message: 'runs', lastHeartbeatTime: now }
    const status = { conditions: [ready], capacity: { pods: '110', cpu: '2', memory: '8Gi' } }
    await api.call('PATCH', `/api/v1/nodes/${NODE}/status`, { status }, STRATEGIC).catch(() => {})
  }
  await api.call('POST', '/api/v1/nodes', { apiVersion: 'v1', kind: 'Node', metadata: { name: NODE } })
  await heartbeat()
  const beats = setInterval(() => void heartbeat(), HEARTBEAT_MS)

  const report = async (pod: Pod, phase = 'Running'): Promise<void> => {
    const now = new Date().toISOString()
    const condition = (type: string, is: boolean) => ({ type, status: is ? 'True' : 'False', lastTransitionTime: now })
    const [{ name, image }] = pod.spec.containers
    const running = phase === 'Running'
    const exitCode = phase === 'Succeeded' ? 0 : 1
    const container = {
      ...{ name, image, imageID: image, ready: pod.ready, started: pod.started, restartCount: pod.restarts },
      state: running ? { running: { startedAt: now } } : { terminated: { exitCode, finishedAt: now } },
    }
    const conditions = [
      condition('PodScheduled', true),
      condition('Initialized', true),
      condition('ContainersReady', pod.ready),
      condition('Ready', pod.ready),
    ]
    const addresses = { hostIP: BRIDGE_HOST, podIP: pod.ip, podIPs: [{ ip: pod.ip }] }
    const status = { phase, ...addresses, conditions, containerStatuses: [container] }
    await api.call('PATCH', `${PODS}/${pod.name}/status`, { status }, STRATEGIC)
  }

  const environment = async (pod: Anything): Promise<Record<string, string>> => {
    const env: Record<string, string> = {}
    for (const { name, value, valueFrom } of pod.spec.containers[0].env ?? []) {
      if (value !== undefined) env[name] = value
      else if (valueFrom.fieldRef !== undefined) env[name] = pod.metadata.name
      else {
        const { name: secret, key } = valueFrom.secretKeyRef
        const { body } = await api.call('GET', `/api/v1/namespaces/${NAMESPACE}/secrets/${secret}`)
        env[name] = Buffer.from(body.data[key], 'base64').toString()
      }
    }
    return env
  }

  /** The token and authority of the pod's service account, in a folder. */
  const account = async ({ spec }: Anything, at: string): Promise<Record<string, string>> => {
    if (spec.automountServiceAccountToken === false) return {}
    const path = `/api/v1/namespaces/${NAMESPACE}/serviceaccounts/${spec.serviceAccountName ?? 'default'}/token`
    const { body } = await api.call('POST', path, {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec: {},
    })
    const into = join(at, 'account')
    mkdirSync(into, { recursive: true })
    writeFileSync(join(into, 'token'), body.status.token)
    writeFileSync(join(into, 'ca.crt'), ca)
    writeFileSync(join(into, 'namespace'), NAMESPACE)
    const where = { KUBERNETES_SERVICE_HOST: api.host, KUBERNETES_SERVICE_PORT: String(api.port) }
    return { ...where, VEDETTE_KUBERNETES_ACCOUNT: into }
  }

  const start = async (object: Anything): Promise<void> => {
    const { name, uid } = object.metadata
    const number = ++count
    const netns = `vk8s${number}`
    const address = `10.244.${78 + Math.floor(number / 250)}.${(number % 250) + 1}`
    const at = join(folder, uid)
    mkdirSync(at, { recursive: true })
    createNetwork(netns, address)
    const volumes = new Map<string, string>()
    for (const { name: mount, mountPath } of object.spec.containers[0].volumeMounts ?? []) {
      const claim = object.spec.volumes?.find((one: Anything) => one.name === mount)?.persistentVolumeClaim?.claimName
      const path = join(folder, claim ?? `${uid}-${mount}`)
      mkdirSync(path, { recursive: true })
      volumes.set(mountPath, path)
    }
    const env = { ...(await environment(object)), ...(await account(object, at)) }
    const args = (object.spec.containers[0].args as string[]).map(
      (word) => volumes.get(word) ?? word.replace(/\$\((\w+)\)/g, (all, variable: string) => env[variable] ?? all),
    )
    const run = (): Proc =>
      scope.spawn('ip', ['netns', 'exec', netns, VEDETTE_NODE, VEDETTE_MAIN, ...args], { name, env, cwd: at })
    const pod: Pod = {
      ...{ name, uid, spec: object.spec, ip: address, netns, folder: at, proc: run(), restarts: 0 },
      ...{ started: false, ready: false, termMs: undefined, gone: false, failures: 0, lastProbeMs: 0 },
    }
    pods.set(uid, pod)
    void attend(pod, run)
    await report(pod)
  }

  /** Starts the process again when it ends by itself, or takes the end of a pod that is to end. */
  const attend = async (pod: Pod, run: () => Proc): Promise<void> => {
    for (;;) {
      const { code } = await pod.proc.exited
      pod.ready = false
      if (stopped || pod.termMs !== undefined) return
      if (pod.spec.restartPolicy === 'Never') {
        await report(pod, code === 0 ? 'Succeeded' : 'Failed')
        return
      }
      pod.started = false
      pod.restarts += 1
      await report(pod)
      await new Promise((resolve) => setTimeout(resolve, RESTART_MS))
      if (stopped || pod.termMs !== undefined) return
      pod.proc = run()
    }
  }

  const end = async (object: Anything): Promise<void> => {
    const pod = pods.get(object.metadata.uid)
    if (pod?.termMs !== undefined) return
    if (pod !== undefined) {
      pod.termMs = performance.now()
      terms.set(pod.uid, pod.termMs)
      await pod.proc.stop((object.metadata.deletionGracePeriodSeconds ?? 30) * 1000)
      pod.gone = true
      quietly(() => removeNetwork(pod.netns))
      pods.delete(pod.uid)
    }
    const now = { gracePeriodSeconds: 0, preconditions: { uid: object.metadata.uid } }
    await api.call('DELETE', `${PODS}/${object.metadata.name}`, { apiVersion: 'v1', kind: 'DeleteOptions', ...now })
  }

  /** Startup first, then readiness; liveness ends what fails it, and it is started again. */
  const probe = async (pod: Pod): Promise<void> => {
    const [container] = pod.spec.containers
    const due = pod.started ? container.readinessProbe : container.startupProbe
    if (pod.termMs !== undefined || !pod.proc.isRunning()) return
    if (due === undefined) {
      const news = !pod.ready
      pod.started = pod.ready = true
      if (news) await report(pod)
      return
    }
    const nowMs = performance.now()
    if (nowMs - pod.lastProbeMs < (due.periodSeconds ?? 10) * 1000) return
    pod.lastProbeMs = nowMs
    const port = container.ports.find((one: Anything) => one.name === due.httpGet.port).containerPort
    const ok = await answersWell(pod.ip, port, due.httpGet.path, (due.timeoutSeconds ?? 1) * 1000)
    pod.failures = ok ? 0 : pod.failures + 1
    const before = pod.ready
    if (!pod.started) pod.started = ok
    else if (ok) pod.ready = true
    else if (pod.failures >= (due.failureThreshold ?? 3)) pod.ready = false
    if (pod.started && ok && due === container.startupProbe) pod.lastProbeMs = 0
    if (pod.ready !== before) await report(pod)
  }

  const busy = new Set<string>()
  const once = (key: string, run: () => Promise<void>): void => {
    if (busy.has(key)) return
    busy.add(key)
    void run()
      .catch(() => {
        // The API server was busy, or the pod is gone: the next round tries again.
      })
      .finally(() => busy.delete(key))
  }
  const round = async (): Promise<void> => {
    const { body } = await api.call('GET', PODS)
    for (const object of body.items ?? []) {
      const { name, uid, deletionTimestamp } = object.metadata
      if (deletionTimestamp !== undefined) once(`end ${uid}`, () => end(object))
      else if (object.spec.nodeName === undefined)
        await api.call('POST', `${PODS}/${name}/binding`, {
          ...{ apiVersion: 'v1', kind: 'Binding', metadata: { name } },
          target: { apiVersion: 'v1', kind: 'Node', name: NODE },
        })
      else if (!pods.has(uid) && object.status.phase === 'Pending') once(`start ${uid}`, () => start(object))
    }
    for (const pod of pods.values()) once(`probe ${pod.uid}`, () => probe(pod))
  }
  const rounds = (async () => {
    while (!stopped) {
      await round().catch(() => {})
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
    }
  })()
  const stop = async (): Promise<void> => {
    if (stopped) return
    stopped = true
    clearInterval(beats)
    await rounds
    await Promise.all([...pods.values()].map(({ proc }) => proc.kill()))
    for (const { netns } of pods.values()) quietly(() => removeNetwork(netns))
  }
  scope.defer(stop)
  return {
    pod: (name) => {
      const found = [...pods.values()].find((pod) => pod.name === name)
      return found && { ip: found.ip, uid: found.uid, output: found.proc.output() }
    },
    look,
    termMs: (uid) => terms.get(uid),
    stop,
  }
}

function createNetwork(netns: string, address: string): void {
  const [outer, inner] = [`${netns}o`, `${netns}i`]
  ip(`netns add ${netns}`)
  ip(`link add ${outer} type veth peer name ${inner}`)
  ip(`link set ${inner} netns ${netns}`)
  ip(`link set ${outer} master ${BRIDGE} up`)
  ip(`-n ${netns} addr add ${address}/16 dev ${inner}`)
  ip(`-n ${netns} link set ${inner} up`)
  ip(`-n ${netns} link set lo up`)
  // `ip netns exec` shows what lies here in the place of /etc.
  mkdirSync(`/etc/netns/${netns}`, { recursive: true })
  const search = `${NAMESPACE}.svc.cluster.local svc.cluster.local cluster.local`
  writeFileSync(`/etc/netns/${netns}/resolv.conf`, `nameserver ${BRIDGE_HOST}\nsearch ${search}\noptions ndots:5\n`)
}

function removeNetwork(netns: string): void {
  rmSync(`/etc/netns/${netns}`, { recursive: true, force: true })
  ip(`netns del ${netns}`)
}

const answersWell = (host: string, port: number, path: string, timeoutMs: number): Promise<boolean> =>
  new Promise((resolve) => {
    const asked = get({ host, port, path, timeout: timeoutMs, agent: false }, (answer) => {
      answer.resume()
      resolve((answer.statusCode ?? 500) < 400)
    })
    asked.on('error', () => resolve(false))
    asked.on('timeout', () => asked.destroy())
  })
