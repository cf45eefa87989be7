// Names to addresses, and ports that can be had.
import { lookup } from 'node:dns/promises'
import net from 'node:net'
import { isHost } from '../sentinel/address.ts'

/** The IP address of a host; undefined when there is none. Servers know each other by address, so sentinels do too. */
export async function resolveHost(host: string): Promise<string | undefined> {
  if (net.isIP(host) !== 0) return host
  if (!isHost(host)) return undefined
  try {
    return (await lookup(host, { family: 4 })).address
  } catch {
    return undefined
  }
}

/** An address that others can connect to as it is; empty for "every address". */
export const specific = (host: string): string => (host === '0.0.0.0' || host === '::' ? '' : host)

/** The first of the ports that can be listened on, for a listener that opens later. */
export async function freePort(host: string, choices: readonly number[]): Promise<number> {
  let failure: unknown
  for (const choice of choices) {
    try {
      return await probe(host, choice)
    } catch (error) {
      failure = listenError(choice, error as NodeJS.ErrnoException)
    }
  }
  throw failure
}

function probe(host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = net.createServer()
    server.once('error', reject)
    server.listen({ host, port, exclusive: true }, () => {
      const { port: bound } = server.address() as net.AddressInfo
      server.close(() => resolve(bound))
    })
  })
}

/** The error that an operator reads when a port cannot be listened on. */
export function listenError(port: number, cause: NodeJS.ErrnoException): Error {
  const why = cause.code === 'EADDRINUSE' ? 'another process uses it' : cause.message
  return new Error(`Could not listen on port ${port}: ${why}`, { cause })
}
