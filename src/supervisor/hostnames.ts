// Groups that the file monitors by a host name: the name is looked up again while the server that it named does not answer,
// for that may have restarted under another address and is still the same server. What follows from it is the core's to decide.
import net from 'node:net'
import type { MonitoredGroup } from '../config/sentinel-options.ts'
import { addressKey } from '../sentinel/address.ts'
import { reachable } from '../sentinel/failover-run.ts'
import { resolveHost } from './addresses.ts'
import type { Sentinel } from './sentinel.ts'

const LOOK_MS = 1_000

/** Looks the names up for as long as the sentinel runs; gives back what ends it. */
export function followHostnames(
  sentinel: Sentinel,
  groups: readonly Pick<MonitoredGroup, 'name' | 'host' | 'port'>[],
  lookUp: (host: string) => Promise<string | undefined> = resolveHost,
): () => void {
  const named = groups.filter(({ host }) => net.isIP(host) === 0)
  let stopped = false
  if (named.length === 0) return () => {}

  const look = (): void => {
    for (const { name, host, port } of named) {
      if (isAnswering(sentinel, name, host)) continue
      void lookUp(host).then((ip) => {
        if (ip !== undefined && !stopped) sentinel.hostname(name, host, { host: ip, port })
      })
    }
  }
  const timer = setInterval(look, LOOK_MS)
  return () => {
    stopped = true
    clearInterval(timer)
  }
}

function isAnswering({ core }: Sentinel, name: string, host: string): boolean {
  const hostname = core.state.topology.groups.get(name)?.hostname
  if (hostname?.host !== host) return false
  return reachable(core.state.groups.get(name)?.servers.get(addressKey(hostname.address)))
}
