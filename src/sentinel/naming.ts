// One server under two texts: the name that a group is monitored by, and the address that the name had when it was last looked up.
// A pod comes back under its name at another address, and calls itself by the name where a sentinel knows the address.
// Invariant: within a group the server of that name stands under its address only. So it is never taken for two, of which one
// would be told to follow the other.
import { type Address, isHost } from './address.ts'
import { asAddress, asInt } from './fields.ts'
import type { ServerInfo } from './info.ts'

/** What `sentinel monitor` says of a group. */
export interface Monitored {
  readonly primary: Address
  readonly quorum: number
  /** The name that `primary` was given by, if it was one. */
  readonly hostname?: string | undefined
}

/** The name and the address that it has. */
export interface Hostname {
  readonly host: string
  readonly address: Address
}

/** Out of decoded JSON; undefined when any part is not well formed. */
export function toMonitored(fields: Record<string, unknown> | undefined): Monitored | undefined {
  const primary = asAddress(fields?.primary)
  const quorum = asInt(fields?.quorum, 1, 0x7fffffff)
  const hostname = fields?.hostname
  if (primary === undefined || quorum === undefined) return undefined
  if (hostname === undefined) return { primary, quorum }
  return isHost(hostname) ? { primary, quorum, hostname } : undefined
}

/** The name of a group that is monitored from now on. */
export const hostnameOf = ({ primary, hostname }: Monitored): Hostname | undefined =>
  hostname === undefined ? undefined : { host: hostname, address: primary }

/** The same INFO with the server of that name under its address. */
export function byAddress(info: ServerInfo, hostname: Hostname | undefined): ServerInfo {
  if (hostname === undefined) return info
  const { host, address } = hostname
  const known = <A extends Address>(one: A): A =>
    one.host === host && one.port === address.port ? { ...one, host: address.host } : one
  return { ...info, primary: info.primary && known(info.primary), replicas: info.replicas.map(known) }
}
