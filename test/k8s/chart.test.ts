// The chart on a real control plane: what Kubernetes does to pods, with clients that write through the Service and through the
// sentinels all the while. What is measured goes into the table of docs/KUBERNETES.md (with -u).
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CHART } from '../support/chart.ts'
import { helmProgram, kubectlProgram, type Ran } from '../support/helm.ts'
import { ROOT } from '../support/paths.ts'
import { createScope, type Scope } from '../support/scope.ts'
import { eventually, sleep } from '../support/wait.ts'
import type { Anything, Api } from './api.ts'
import { type ControlPlane, startControlPlane } from './control-plane.ts'
import { BRIDGE_HOST, createBridge, type Kubelet, startKubelet } from './kubelet.ts'
import { type Table, withTable } from './table.ts'
import { askSentinels, connect, missing, type Place, startWriter } from './writers.ts'

const RELEASE = 'cache'
const FULL = 'cache-vedette'
const GROUP = 'mymaster'
const PASSWORD = 'pass-of-the-test'
const NAMESPACE = '/api/v1/namespaces/default'
const VALUES = [`auth.password=${PASSWORD}`, 'server.resources=null', 'sentinel.deadReplicaTimeoutMilliseconds=5000']
const LONG = { timeoutMs: 180_000, intervalMs: 100 }
const SETTLE_MS = 2_000

let scope: Scope
let plane: ControlPlane
let kubelet: Kubelet
let api: Api
const rows: Table = []
/** Each state of the primary's slice, with the time at which it was seen. */
const slices: { readonly atMs: number; readonly ready: readonly string[] }[] = []

const spawned = (program: string, args: readonly string[]): Promise<Ran> =>
  new Promise((resolve) => {
    const proc = scope.spawn(program, args, { env: { KUBECONFIG: plane.kubeconfig } })
    void proc.exited.then(({ code }) => resolve({ ok: code === 0, stdout: proc.output(), stderr: proc.output() }))
  })
const helm = (...args: string[]): Promise<Ran> => spawned(helmProgram(), args)
const kubectl = (...args: string[]): Promise<Ran> => spawned(kubectlProgram(), args)

const pods = async (component: string): Promise<Anything[]> => {
  const { body } = await api.call('GET', `${NAMESPACE}/pods?labelSelector=app.kubernetes.io/component%3D${component}`)
  return body.items
}
const isReady = ({ metadata, status }: Anything): boolean =>
  metadata.deletionTimestamp === undefined &&
  (status.conditions ?? []).some((one: Anything) => one.type === 'Ready' && one.status === 'True')
/** All pods of that kind are there, ready, and of the newest revision. */
const complete = (component: string, count: number): Promise<unknown> =>
  eventually(
    `${count} ${component} pods are ready`,
    async () => {
      const path = `/apis/apps/v1/namespaces/default/statefulsets/${FULL}-${component}`
      const [all, { body: set }] = [await pods(component), await api.call('GET', path)]
      const { currentRevision, updateRevision, observedGeneration } = set.status
      const rolled = currentRevision === updateRevision && observedGeneration === set.metadata.generation
      return all.length === count && all.every(isReady) && rolled
    },
    LONG,
  )

const readyNow = (): readonly string[] => slices.at(-1)?.ready ?? []
const throughService = async (): Promise<Place | undefined> => {
  const [host] = readyNow()
  return host === undefined ? undefined : { host, port: 6379 }
}
const throughSentinels = async (): Promise<Place | undefined> =>
  askSentinels(kubelet.look(`${FULL}-sentinel.default.svc.cluster.local`) ?? [], GROUP, PASSWORD, kubelet.look)

const primaryPod = async (): Promise<{ name: string; uid: string; ip: string }> => {
  const [address] = readyNow()
  const found = (await pods('server')).find(({ status }) => status.podIP === address)
  if (found === undefined) throw new Error(`no pod has the address ${address} of the slice`)
  return { name: found.metadata.name, uid: found.metadata.uid, ip: found.status.podIP }
}

/** The primary answers at the address in the slice. */
const served = (): Promise<unknown> =>
  eventually(
    'the slice names the primary',
    async () => {
      const place = await throughService()
      if (place === undefined) return false
      const client = connect(place, PASSWORD)
      const role = await client.command(['ROLE']).finally(() => client.close())
      return Array.isArray(role) && role[0] === 'master'
    },
    LONG,
  )

/** Runs `act` with both writers, notes a row, and gives back what was lost. */
async function underLoad(what: string, act: () => Promise<number | undefined>): Promise<number> {
  const service = startWriter(PASSWORD, throughService)
  const sentinels = startWriter(PASSWORD, throughSentinels)
  await sleep(SETTLE_MS)
  const sliceMs = await act()
  await served()
  await sleep(SETTLE_MS)
  const [first, second] = [await service.stop(), await sentinels.stop()]
  const keys = [...first.acknowledged, ...second.acknowledged]
  const lost = await missing((await throughService())!, PASSWORD, keys)
  rows.push({
    what,
    service: first.longestGapMs,
    sentinels: second.longestGapMs,
    acknowledged: keys.length,
    lost,
    sliceMs,
  })
  return lost
}

/** Time from SIGTERM of that pod until the slice says another address, and that alone. */
const untilCorrect = async (uid: string, address: string): Promise<number> => {
  const seen = await eventually(
    'the slice changes',
    () => {
      const termMs = kubelet.termMs(uid)
      return slices.find(
        ({ atMs, ready }) => termMs !== undefined && atMs >= termMs && ready.length === 1 && ready[0] !== address,
      )
    },
    LONG,
  )
  return seen.atMs - kubelet.termMs(uid)!
}

const setFlags = (values: readonly string[]): string[] => values.flatMap((value) => ['--set', value])
const upgrade = (...values: string[]): Promise<Ran> =>
  helm('upgrade', RELEASE, CHART, ...setFlags([...VALUES, ...values]))

beforeAll(async () => {
  scope = createScope()
  createBridge(scope)
  plane = await startControlPlane(scope, BRIDGE_HOST)
  api = plane.api
  kubelet = await startKubelet(scope, api, plane.ca)
  scope.defer(
    api.watch('/apis/discovery.k8s.io/v1/namespaces/default/endpointslices', ({ metadata, endpoints }: Anything) => {
      if (metadata.name !== `${FULL}-primary`) return
      const ready = (endpoints ?? []).filter(({ conditions }: Anything) => conditions?.ready === true)
      slices.push({ atMs: performance.now(), ready: ready.map(({ addresses }: Anything) => addresses[0]) })
    }),
  )
}, 3_600_000)

afterAll(async () => {
  await kubelet?.stop()
  await scope?.close()
})

describe('a release', { timeout: 600_000 }, () => {
  it('is installed, and the Service leads to a primary', async () => {
    const sinceMs = performance.now()
    const { ok, stdout } = await helm('install', RELEASE, CHART, ...setFlags(VALUES))
    expect(ok, stdout).toBe(true)
    await served()
    rows.push({ what: 'helm install, until the Service leads to a primary', sliceMs: performance.now() - sinceMs })
    await complete('server', 3)
    await complete('sentinel', 3)
  })

  it('passes helm test', async () => {
    const { ok, stdout } = await helm('test', RELEASE)
    expect(ok, stdout).toBe(true)
  })

  it.each([1, 2, 3])("goes on when the primary's pod is deleted (%i)", async (time) => {
    const { name, uid, ip } = await primaryPod()
    const lost = await underLoad(`kubectl delete pod of the primary (${time})`, async () => {
      void kubectl('delete', 'pod', name, '--wait=false')
      return untilCorrect(uid, ip)
    })
    expect(lost).toBe(0)
    await complete('server', 3)
  })

  it('lets one server be evicted, and not a second at the same time', async () => {
    const evict = async (name: string) => {
      const eviction = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name } }
      return (await api.call('POST', `${NAMESPACE}/pods/${name}/eviction`, eviction)).status
    }
    const { name, uid, ip } = await primaryPod()
    const others = (await pods('server')).map(({ metadata }) => metadata.name).filter((other) => other !== name)
    const answers: number[] = []
    const lost = await underLoad('the primary evicted, another refused by the budget', async () => {
      answers.push(await evict(name), await evict(others[0]!))
      return untilCorrect(uid, ip)
    })
    expect(answers).toEqual([201, 429])
    expect(lost).toBe(0)
    await complete('server', 3)
  })

  it('is upgraded pod by pod', async () => {
    const lost = await underLoad('helm upgrade, all pods one after another', async () => {
      const { ok, stdout } = await upgrade('server.podAnnotations.round=two', 'sentinel.podAnnotations.round=two')
      expect(ok, stdout).toBe(true)
      await complete('server', 3)
      await complete('sentinel', 3)
      return undefined
    })
    expect(lost).toBe(0)
  })

  it('grows, shrinks, and forgets who is gone', async () => {
    const lost = await underLoad('3 → 5 → 3 servers', async () => {
      await upgrade('server.replicas=5')
      await complete('server', 5)
      await upgrade('server.replicas=3')
      await complete('server', 3)
      return undefined
    })
    expect(lost).toBe(0)
    const [sentinel] = kubelet.look(`${FULL}-sentinel.default.svc.cluster.local`)!
    const client = connect({ host: sentinel!, port: 26379 }, PASSWORD)
    await eventually(
      'two replicas are left',
      async () => ((await client.command(['SENTINEL', 'REPLICAS', GROUP])) as unknown[]).length === 2,
      LONG,
    ).finally(() => client.close())
  })

  it('bears that all sentinels are replaced, one after another, with their volumes', async () => {
    const lost = await underLoad('all sentinels replaced one after another', async () => {
      for (const name of (await pods('sentinel')).map(({ metadata }) => metadata.name)) {
        await kubectl('delete', 'pod', name)
        await complete('sentinel', 3)
      }
      return undefined
    })
    expect(lost).toBe(0)
  })

  it('comes back when all pods are deleted at once', async () => {
    const lost = await underLoad('all pods deleted at once', async () => {
      await kubectl('delete', 'pod', '-l', `app.kubernetes.io/instance=${RELEASE}`)
      await complete('server', 3)
      await complete('sentinel', 3)
      return undefined
    })
    expect(lost).toBe(0)
  })

  it('has the figures that it is to have', () => {
    const page = join(ROOT, 'docs/KUBERNETES.md')
    const text = withTable(readFileSync(page, 'utf8'), rows)
    console.log(text.slice(text.indexOf('| what | longest'), text.indexOf('<!-- end of the table -->')))
    if (process.env.UPDATE_TABLE !== undefined) writeFileSync(page, text)
    const deleted = rows.filter(({ what }) => what.startsWith('kubectl delete pod of the primary'))
    expect(deleted.map(({ lost }) => lost)).toEqual([0, 0, 0])
  })
})
