// The slices that this sentinel is to keep (`sentinel kubernetes-service <group> <service>` and the like for the replicas), each
// fed from the committed topology while this sentinel leads.
import type { SentinelOptions } from '../config/sentinel-options.ts'
import { accessOfPod, connectKubernetes } from '../io/kubernetes.ts'
import type { Log } from '../io/log.ts'
import { addressKey } from '../sentinel/address.ts'
import type { TopologyGroup } from '../sentinel/topology.ts'
import { resolveHost } from './addresses.ts'
import { statusOf } from './commands/info.ts'
import { keepEndpointSlice, type SliceContent, type SliceKeeper } from './endpoint-slice.ts'
import type { Sentinel } from './sentinel.ts'

/** Starts keeping the slices of every group that names services. Throws outside of Kubernetes, if one does. */
export function keepSlices(options: SentinelOptions, sentinel: Sentinel, log: Log): readonly SliceKeeper[] {
  const wanted = options.groups.flatMap(({ name, ...group }) => [
    { service: group['kubernetes-service'], content: () => primarySlice(sentinel, name) },
    { service: group['kubernetes-replica-service'], content: () => replicaSlice(sentinel, name) },
  ])
  const named = wanted.filter(({ service }) => service !== '')
  if (named.length === 0) return []
  const access = accessOfPod(process.env)
  if (access === undefined) {
    throw new Error('kubernetes-service is set, but this is no pod: KUBERNETES_SERVICE_HOST is not in the environment')
  }
  const api = connectKubernetes(access)
  return named.map(({ service, content }) =>
    keepEndpointSlice({ api, service, log, wanted: content, resolve: resolveHost }),
  )
}

/** The committed group; undefined unless this sentinel leads and something is committed. */
function committed({ consensus, core }: Pick<Sentinel, 'consensus' | 'core'>, name: string): TopologyGroup | undefined {
  return consensus?.isLeader() === true ? core.state.topology.groups.get(name) : undefined
}

/**
 * Whether connections may be led to the primary: not while a quorum finds it down. A switchover under way does not matter, nor what
 * is left to do of one that was committed: whoever is named takes writes, or holds them until his successor is named.
 */
const isUsable = ({ core }: Pick<Sentinel, 'core'>, name: string): boolean => statusOf(core.state, name) !== 'odown'

/** Where the primary Service leads to; undefined: this sentinel has nothing to say. */
export function primarySlice(sentinel: Pick<Sentinel, 'consensus' | 'core'>, name: string): SliceContent | undefined {
  const topo = committed(sentinel, name)
  if (topo === undefined) return undefined
  const { host, port } = topo.primary
  return { epoch: topo.configEpoch, endpoints: [{ host, port, ready: isUsable(sentinel, name) }] }
}

/** The replicas that are up with their link to the primary. */
function replicaSlice(sentinel: Sentinel, name: string): SliceContent | undefined {
  const topo = committed(sentinel, name)
  if (topo === undefined) return undefined
  const servers = sentinel.core.state.groups.get(name)?.servers
  const usable = topo.replicas.filter((address) => {
    const server = servers?.get(addressKey(address))
    return server !== undefined && !server.sdown && server.info?.linkUp === true
  })
  return { epoch: topo.configEpoch, endpoints: usable.map(({ host, port }) => ({ host, port, ready: true })) }
}
