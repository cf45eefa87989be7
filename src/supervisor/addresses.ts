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

/** A port that nobody else can take. */
export interface ReservedPort {
  readonly port: number
  /** Gives it up, for the listener that opens in the next moment; any number of times. */
  release(): Promise<void>
}

/**
 * The first of the ports that can be listened on, held for a listener that opens later. A sentinel holds all its ports before it
 * tells anybody of itself: one that announced itself and then ended would be waited for.
 */
export async function reservePort(host: string, choices: readonly number[]): Promise<ReservedPort> {
  let failure: unknown
  for (const choice of choices) {
    try {
      return await reserve(host, choice)
    } catch (error) {
      failure = listenError(choice, error as NodeJS.ErrnoException)
    }
  }
  throw failure
}

function reserve(host: string, port: number): Promise<ReservedPort> {
  return new Promise((resolve, reject) => {
    const server = net.createServer((socket) => socket.destroy())
    let released: Promise<void> | undefined
    const release = (): Promise<void> => {
      released ??= new Promise((done) => server.close(() => done()))
      return released
    }
    server.once('error', reject)
    server.listen({ host, port, exclusive: true }, () => {
      const { port: bound } = server.address() as net.AddressInfo
      resolve({ port: bound, release })
    })
  })
}

/** The error that an operator reads when a port cannot be listened on. */
export function listenError(port: number, cause: NodeJS.ErrnoException): Error {
  const why = cause.code === 'EADDRINUSE' ? 'another process uses it' : cause.message
  return new Error(`Could not listen on port ${port}: ${why}`, { cause })
}
