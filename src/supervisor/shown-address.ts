// How clients are told where a server is (`announce-hostnames`): by its name, by its IP address, or as the sentinels know it, which
// is the address of one that is monitored by name and otherwise what the server announces of itself.
import net from 'node:net'
import type { SentinelOptions } from '../config/sentinel-options.ts'
import { type ServerRef, sameAddress } from '../sentinel/address.ts'
import { type CoreState, topoOf } from '../sentinel/state.ts'
import type { Links } from './links.ts'

/** Gives the host to show for a server. */
export type ShownHost = (ref: ServerRef) => string

/** Makes it for a sentinel; the option may change meanwhile. */
export function createShownHost(
  options: Pick<SentinelOptions, 'announce-hostnames'>,
  core: CoreState,
  links: Pick<Links, 'remoteAddress'>,
): ShownHost {
  return (ref) => {
    const choice = options['announce-hostnames']
    const hostname = topoOf(core, ref.group)?.hostname
    if (choice === 'yes' && sameAddress(hostname?.address, ref)) return hostname!.host
    if (choice === 'no' && net.isIP(ref.host) === 0) return links.remoteAddress(ref) ?? ref.host
    return ref.host
  }
}
