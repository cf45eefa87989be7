// Lists of host:port, as a server is given those of its sentinels.
import { accept, type OptionType, refuse } from './values.ts'

/** An address as it was written: a name or an IP, and a port. */
export interface HostPort {
  readonly host: string
  readonly port: number
}

/** `host:port` or `[v6]:port`; undefined for anything else. */
export function parseHostPort(word: string): HostPort | undefined {
  const found = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]\s]+)):(\d{1,5})$/.exec(word)
  const port = Number(found?.[3])
  const host = found?.[1] ?? found?.[2]
  return host === undefined || port < 1 || port > 65535 ? undefined : { host, port }
}

/** Any number of addresses; `""` for none. */
export const hostPorts: OptionType<readonly HostPort[]> = {
  domain: 'addresses as host:port, or ""',
  words: 'many',
  repeats: 'replaces',
  parse: (words) => {
    if (words.length === 1 && words[0] === '') return accept([], '')
    const addresses: HostPort[] = []
    for (const word of words) {
      const address = parseHostPort(word)
      if (address === undefined) return refuse(`'${word}' is not an address such as 10.0.0.1:26379`)
      addresses.push(address)
    }
    return accept(addresses, words.join(' '))
  },
}
