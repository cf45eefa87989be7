// Groups that are monitored by a host name, as the file or an operator said: the name is looked up again while the server that it
// named does not answer, for that may have restarted under another address and is still the same server. What follows from it is
// the core's to decide.
import net from 'node:net'
import type { MonitoredGroup } from '../config/sentinel-options.ts'
import { addressKey } from '../sentinel/address.ts'
import { reachable } from '../sentinel/failover-run.ts'
import type { Sentinel } from './sentinel.ts'

const LOOK_MS = 1_000

/** Looks the names up for as long as the sentinel runs; gives back what ends it. */
export function followHostnames(
  sentinel: Sentinel,
  groups: readonly Named[],
  lookUp: (host: string) => Promise<string | undefined>,
): () => void {
  const inFile = groups.filter(({ host }) => net.isIP(host) === 0)
  let stopped = false
  const look = (): void => {
    for (const { name, host, port } of namedGroups(sentinel, inFile)) {
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

type Named = Pick<MonitoredGroup, 'name' | 'host' | 'port'>

/** The names in this sentinel's file, and those of other groups that the sentinels agreed on. */
function namedGroups({ core }: Sentinel, inFile: readonly Named[]): Named[] {
  const { groups } = core.state.topology
  const held = [...groups.values()].flatMap(({ name, hostname }) =>
    hostname === undefined ? [] : [{ name, host: hostname.host, port: hostname.address.port }],
  )
  return [...inFile, ...held.filter(({ name }) => !inFile.some((own) => own.name === name))]
}

function isAnswering({ core }: Sentinel, name: string, host: string): boolean {
  const hostname = core.state.topology.groups.get(name)?.hostname
  if (hostname?.host !== host) return false
  return reachable(core.state.groups.get(name)?.servers.get(addressKey(hostname.address)))
}
