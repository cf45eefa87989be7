// Where a server or a sentinel listens. Two addresses are the same when their keys are equal; host names are resolved
// before they get here, so a host is an IP address as INFO prints it (or a name, with resolve-hostnames).

/** Host (IP address or name) and port. */
export interface Address {
  readonly host: string
  readonly port: number
}

/** A server within a monitored group. One process watched for two groups is two refs, with a link each. */
export interface ServerRef extends Address {
  /** Name of the group, as in `sentinel monitor <name>`. */
  readonly group: string
}

/** `host:port`, with brackets around an IPv6 host: the name that Redis Sentinel gives a replica. */
export const addressKey = (address: Address): string =>
  address.host.includes(':') ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`

/** True when both name the same endpoint. */
export const sameAddress = (a: Address | undefined, b: Address | undefined): boolean =>
  a !== undefined && b !== undefined && a.host === b.host && a.port === b.port

const MAX_HOST_LENGTH = 255

/** True for a host of 1..255 printable characters without space or comma. The codecs accept nothing else. */
export const isHost = (host: unknown): host is string =>
  typeof host === 'string' && host.length > 0 && host.length <= MAX_HOST_LENGTH && /^[!-+\--~]+$/.test(host)

/** True when the host is a name, not an IP address. */
export const isName = ({ host }: Address): boolean => !host.includes(':') && !/^\d+(\.\d+){3}$/.test(host)

/** True for a TCP port that can be connected to. */
export const isPort = (port: unknown): port is number =>
  Number.isInteger(port) && Number(port) > 0 && Number(port) < 65536

/** An address out of decoded JSON, or undefined. */
export function toAddress(value: unknown): Address | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { host, port } = value as Record<string, unknown>
  return isHost(host) && isPort(port) ? { host, port } : undefined
}
