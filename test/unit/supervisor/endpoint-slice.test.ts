// The EndpointSlice of the primary against a small API server in memory: what is written, by whom, and what is left alone.
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import type { KubernetesApi, KubernetesReply } from '../../../src/io/kubernetes.ts'
import {
  EPOCH_ANNOTATION,
  keepEndpointSlice,
  type SliceContent,
  type SliceKeeper,
} from '../../../src/supervisor/endpoint-slice.ts'

interface Stored {
  metadata: { resourceVersion: string; annotations: Record<string, string>; ownerReferences?: unknown[] }
  endpoints: { addresses: string[]; conditions: { ready: boolean } }[]
  ports: { port: number }[]
  addressType: string
}

let stored: Stored | undefined
let version = 0
let applied = 0
let failing: KubernetesReply | undefined
/** Somebody else's write, just before the next one of ours. */
let between: (() => void) | undefined

const api: KubernetesApi = {
  namespace: 'ns',
  get: async (path) => {
    if (failing !== undefined) return failing
    if (path.includes('/services/')) return { status: 200, body: { metadata: { uid: 'u1' } } }
    expect(path).toBe('/apis/discovery.k8s.io/v1/namespaces/ns/endpointslices/v-primary')
    const body = structuredClone(stored)
    return body === undefined ? { status: 404, body: {} } : { status: 200, body }
  },
  apply: async (_path, manager, object) => {
    expect(manager).toBe('vedette-sentinel')
    const wanted = object as Stored
    between?.()
    if (stored !== undefined && wanted.metadata.resourceVersion !== stored.metadata.resourceVersion)
      return { status: 409, body: { message: 'the object has been modified' } }
    applied++
    stored = structuredClone(wanted)
    stored.metadata.resourceVersion = String(++version)
    return { status: 200, body: stored }
  },
  close() {},
}

const log = { debug: vi.fn(), verbose: vi.fn(), notice: vi.fn(), warning: vi.fn() }
let keeper: SliceKeeper | undefined
let wanted: SliceContent | undefined
const names = new Map<string, string>()

beforeEach(() => {
  stored = undefined
  applied = version = 0
  failing = between = keeper = wanted = undefined
  names.clear()
  names.set('server-0.svc', '10.0.0.1').set('server-1.svc', '10.0.0.2')
  vi.clearAllMocks()
})
afterEach(() => keeper?.stop())

function start(): void {
  keeper = keepEndpointSlice({
    api,
    service: 'v-primary',
    log,
    wanted: () => wanted,
    resolve: async (host) => names.get(host),
  })
}
const one = (host: string, epoch: number, ready = true): SliceContent => ({
  epoch,
  endpoints: [{ host, port: 6379, ready }],
})
const until = (test: () => boolean): Promise<void> => vi.waitFor(() => expect(test()).toBe(true), { interval: 2 })

it('is written with address, port, epoch and owner, and again when the primary changes', async () => {
  wanted = one('server-0.svc', 3)
  start()
  await until(() => applied === 1)
  expect(stored).toMatchObject({
    addressType: 'IPv4',
    endpoints: [{ addresses: ['10.0.0.1'], conditions: { ready: true } }],
    ports: [{ port: 6379 }],
  })
  expect(stored!.metadata.annotations[EPOCH_ANNOTATION]).toBe('3')
  expect(stored!.metadata.ownerReferences).toMatchObject([{ kind: 'Service', name: 'v-primary', uid: 'u1' }])
  wanted = one('server-1.svc', 4)
  keeper!.poke()
  await until(() => applied === 2)
  expect(stored!.endpoints[0]!.addresses).toEqual(['10.0.0.2'])
})

it('is not written twice for the same, and not at all by a sentinel that does not lead', async () => {
  start()
  keeper!.poke()
  wanted = one('server-0.svc', 1)
  keeper!.poke()
  await until(() => applied === 1)
  for (let i = 0; i < 5; i++) keeper!.poke()
  await new Promise((resolve) => setTimeout(resolve, 30))
  expect(applied).toBe(1)
})

it('is left alone when a newer epoch wrote it, also between our look and our write', async () => {
  wanted = one('server-0.svc', 5)
  start()
  await until(() => applied === 1)
  const newer = structuredClone(stored!)
  newer.metadata.annotations[EPOCH_ANNOTATION] = '7'
  newer.endpoints[0]!.addresses = ['10.0.0.2']
  wanted = one('server-0.svc', 6)
  between = () => {
    between = undefined
    newer.metadata.resourceVersion = String(++version)
    stored = newer
  }
  keeper!.poke()
  await until(() => log.warning.mock.calls.some(([text]) => /newer than 6: not overwritten/.test(String(text))))
  expect(stored!.endpoints[0]!.addresses).toEqual(['10.0.0.2'])
})

it('says that the primary is not ready while it is down', async () => {
  wanted = one('server-0.svc', 1)
  start()
  await until(() => applied === 1)
  wanted = one('server-0.svc', 1, false)
  keeper!.poke()
  await until(() => applied === 2)
  expect(stored!.endpoints).toMatchObject([{ addresses: ['10.0.0.1'], conditions: { ready: false } }])
})

it('keeps what is there while a name does not resolve or the API refuses, says so once, and tries again', async () => {
  wanted = one('server-0.svc', 1)
  start()
  await until(() => applied === 1)
  names.delete('server-1.svc')
  wanted = one('server-1.svc', 2)
  keeper!.poke()
  await until(() => keeper!.stats.failed >= 2)
  expect(stored!.endpoints[0]!.addresses).toEqual(['10.0.0.1'])
  expect(log.warning.mock.calls.length).toBe(1)
  failing = { status: 403, body: { message: 'endpointslices is forbidden' } }
  names.set('server-1.svc', '10.0.0.2')
  await until(() => log.warning.mock.calls.some(([text]) => /403 endpointslices is forbidden/.test(String(text))))
  failing = undefined
  await until(() => stored!.endpoints[0]!.addresses[0] === '10.0.0.2')
})

it('may name several servers, or none', async () => {
  const server = (host: string) => ({ host, port: 6379, ready: true })
  wanted = { epoch: 1, endpoints: [server('server-0.svc'), server('server-1.svc')] }
  start()
  await until(() => applied === 1)
  expect(stored!.endpoints.map(({ addresses }) => addresses[0])).toEqual(['10.0.0.1', '10.0.0.2'])
  wanted = { epoch: 1, endpoints: [] }
  keeper!.poke()
  await until(() => applied === 2)
  expect(stored!.endpoints).toEqual([])
})
