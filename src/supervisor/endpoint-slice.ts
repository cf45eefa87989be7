// Keeps an EndpointSlice, so that in Kubernetes a Service without a selector leads to the primary, or to its replicas, and
// changes with them. The sentinels' leader writes it; the others only watch whether they have become leader.
//
// A change costs one request: the slice is remembered as it was last read or written, and the API server refuses what rests on a
// version that is not the last one. Then, and from time to time, it is read anew.
//
// Invariants: what is written was committed (the topology), never a candidate; a slice that a newer epoch wrote is not
// overwritten by a leader that does not know yet that it is none (the epoch stands in an annotation, and the resource
// version that was seen goes along); a name that does not resolve changes nothing.
import type { KubernetesApi, KubernetesReply } from '../io/kubernetes.ts'
import type { Log } from '../io/log.ts'

/** One server of the slice. */
export interface Endpoint {
  readonly host: string
  readonly port: number
  /** Whether the sentinels hold it for usable: not ready ends no connection, and lets no new one in. */
  readonly ready: boolean
}

/** What the slice is to say. All servers of a slice listen on one port. */
export interface SliceContent {
  readonly endpoints: readonly Endpoint[]
  /** Of the last committed change of primary. */
  readonly epoch: number
}

export interface SliceParts {
  readonly api: KubernetesApi
  /** Name of the Service, and of its slice. */
  readonly service: string
  readonly log: Log
  /** What is committed; undefined when this sentinel is not the leader, or nothing is committed. */
  readonly wanted: () => SliceContent | undefined
  /** IP address of a name; undefined: unknown. */
  readonly resolve: (host: string) => Promise<string | undefined>
}

export interface SliceKeeper {
  /** Something may have changed. */
  poke(): void
  /** Called when the slice was written: milliseconds since the poke that led to it. */
  readonly stats: { written: number; failed: number; lastMs: number }
  stop(): void
}

export const EPOCH_ANNOTATION = 'vedette.dev/epoch'
const MANAGER = 'vedette-sentinel'
/** Of a slice without endpoints. */
const DEFAULT_PORT = 6379
const RETRY_MS = 100
const RETRY_MS_MAX = 2_000
/** A slice that somebody else changed is put right within this time. */
const RESYNC_MS = 5_000

/** Starts keeping the slice. */
export function keepEndpointSlice({ api, service, log, wanted, resolve }: SliceParts): SliceKeeper {
  const path = `/apis/discovery.k8s.io/v1/namespaces/${api.namespace}/endpointslices/${service}`
  const servicePath = `/api/v1/namespaces/${api.namespace}/services/${service}`
  const stats = { written: 0, failed: 0, lastMs: 0 }
  let stopped = false
  let running = false
  let again = false
  let pokedMs = performance.now()
  let timer: NodeJS.Timeout | undefined
  let retryMs = RETRY_MS
  let said = ''
  let owner: string | undefined
  /** As the API server had it when we last heard of it. */
  let known: Slice | undefined

  const say = (text: string): void => {
    if (text === said) return
    said = text
    log.warning(text)
  }

  const resolved = async ({ endpoints }: SliceContent): Promise<Resolved[]> =>
    Promise.all(
      endpoints.map(async ({ host, port, ready }) => {
        const ip = await resolve(host)
        if (ip === undefined) throw new Error(`${host} does not resolve`)
        return { ip, port, ready }
      }),
    )

  const read = async (): Promise<Slice | undefined> => {
    const found = await api.get(path)
    if (found.status !== 200 && found.status !== 404) throw new Error(complaint(`reading ${path}`, found))
    return found.status === 200 ? (found.body as Slice) : undefined
  }

  /** Brings the slice up to date; whether there was anything to write. */
  const write = async (content: SliceContent, endpoints: readonly Resolved[]): Promise<boolean> => {
    const remembered = known !== undefined
    known ??= await read()
    const epoch = Number(known?.metadata?.annotations?.[EPOCH_ANNOTATION] ?? -1)
    if (epoch > content.epoch) {
      say(`The EndpointSlice ${service} is of epoch ${epoch}, newer than ${content.epoch}: not overwritten`)
      return false
    }
    if (known !== undefined && epoch === content.epoch && says(known, endpoints)) return false
    owner ??= await uidOf(await api.get(servicePath))
    const object = sliceOf(service, endpoints, content.epoch, owner, known?.metadata?.resourceVersion)
    known = undefined
    const applied = await api.apply(path, MANAGER, object)
    if (applied.status === 409 && remembered) return write(content, endpoints)
    if (applied.status === 409) throw new Error('somebody else changed the slice meanwhile')
    if (applied.status >= 300) throw new Error(complaint(`applying ${path}`, applied))
    known = applied.body as Slice
    said = ''
    const list = endpoints.map(({ ip, port, ready }) => `${ip}:${port}${ready ? '' : ' (not ready)'}`).join(' ')
    log.notice(`EndpointSlice ${service}, epoch ${content.epoch}: ${list || 'nobody'}`)
    return true
  }

  const run = async (): Promise<void> => {
    if (running) {
      again = true
      return
    }
    running = true
    clearTimeout(timer)
    let nextMs = RESYNC_MS
    try {
      do {
        again = false
        const content = wanted()
        if (content !== undefined && (await write(content, await resolved(content)))) {
          stats.written++
          stats.lastMs = performance.now() - pokedMs
        }
      } while (again && !stopped)
      retryMs = RETRY_MS
    } catch (error) {
      stats.failed++
      say(`The EndpointSlice ${service} could not be kept: ${error instanceof Error ? error.message : String(error)}`)
      nextMs = retryMs
      retryMs = Math.min(retryMs * 2, RETRY_MS_MAX)
    } finally {
      running = false
    }
    if (!stopped) timer = setTimeout(lookAnew, nextMs)
  }
  const lookAnew = (): void => {
    known = undefined
    void run()
  }

  void run()
  return {
    stats,
    poke() {
      if (stopped) return
      pokedMs = performance.now()
      void run()
    },
    stop() {
      stopped = true
      clearTimeout(timer)
      api.close()
    },
  }
}

interface Slice {
  readonly metadata?: {
    readonly resourceVersion?: string
    readonly annotations?: Readonly<Record<string, string>>
  }
  readonly endpoints?: readonly {
    readonly addresses?: readonly string[]
    readonly conditions?: { readonly ready?: boolean }
  }[]
  readonly ports?: readonly { readonly port?: number }[]
}

interface Resolved {
  readonly ip: string
  readonly port: number
  readonly ready: boolean
}

const says = ({ endpoints = [], ports }: Slice, wanted: readonly Resolved[]): boolean =>
  endpoints.length === wanted.length &&
  wanted.every(({ ip, port, ready }, i) => {
    const { addresses, conditions } = endpoints[i]!
    return addresses?.[0] === ip && conditions?.ready === ready && ports?.[0]?.port === port
  })

async function uidOf(service: KubernetesReply): Promise<string | undefined> {
  const { metadata } = (service.body ?? {}) as { metadata?: { uid?: string } }
  return service.status === 200 ? metadata?.uid : undefined
}

function complaint(what: string, { status, body }: KubernetesReply): string {
  const message = (body as { message?: unknown } | undefined)?.message
  return `${what}: ${status}${typeof message === 'string' ? ` ${message.slice(0, 300)}` : ''}`
}

function sliceOf(
  service: string,
  endpoints: readonly Resolved[],
  epoch: number,
  owner: string | undefined,
  resourceVersion: string | undefined,
): object {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      name: service,
      labels: {
        'kubernetes.io/service-name': service,
        'endpointslice.kubernetes.io/managed-by': 'vedette.dev-sentinel',
      },
      annotations: { [EPOCH_ANNOTATION]: String(epoch) },
      ...(resourceVersion === undefined ? {} : { resourceVersion }),
      // It goes with its Service.
      ...(owner === undefined
        ? {}
        : { ownerReferences: [{ apiVersion: 'v1', kind: 'Service', name: service, uid: owner }] }),
    },
    addressType: endpoints[0]?.ip.includes(':') ? 'IPv6' : 'IPv4',
    endpoints: endpoints.map(({ ip, ready }) => ({
      addresses: [ip],
      conditions: { ready, serving: ready, terminating: false },
    })),
    ports: [{ name: 'redis', port: endpoints[0]?.port ?? DEFAULT_PORT, protocol: 'TCP' }],
  }
}
