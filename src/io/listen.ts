// Listening on every address that a process was told to: those of `bind`, and a Unix socket.
import type { Wire, WireHandler } from '../facade/wire.ts'
import { type Listener, listenTcp, listenUnix } from './tcp.ts'
import type { Tls } from './tls/tls.ts'

/** Where to listen. */
export interface Addresses {
  /** Addresses as the option `bind` has them: `*` is every IPv4, `::*` every IPv6 one; a leading `-`: may be missing here. */
  readonly bind: readonly string[]
  /** 0: any free one, the same on each address. */
  readonly port: number
  /** Path of a Unix socket, empty for none, and its permissions, 0 for those that the system gives. */
  readonly unixsocket: string
  readonly unixsocketperm: number
  readonly backlog: number
  /** TCP keep-alive in seconds, 0 for none. */
  readonly keepAliveSeconds: number
  /** Given, it is TLS that is spoken on the TCP port. */
  readonly tls?: Tls | undefined
}

/** The listeners of a process. */
export interface Listening {
  readonly port: number
  close(): void
}

/** What it fails with: which address, and the system's code for why. */
export class ListenError extends Error {
  readonly address: string
  readonly code: string

  constructor(address: string, cause: unknown) {
    const code = (cause as NodeJS.ErrnoException).code ?? String(cause)
    super(`cannot listen on ${address}: ${code}`, { cause })
    this.address = address
    this.code = code
  }
}

/** The system's words for an address that this machine does not have. */
const ABSENT = new Set(['EADDRNOTAVAIL', 'EAFNOSUPPORT', 'EINVAL'])

/** Listens on all of them, or on none: rejects with a ListenError. */
export async function listenAll(addresses: Addresses, accept: (wire: Wire) => WireHandler): Promise<Listening> {
  const { backlog, keepAliveSeconds, tls, unixsocket: path } = addresses
  const listeners: Listener[] = []
  let { port } = addresses
  const close = (): void => {
    for (const listener of listeners) listener.close()
  }
  const open = async (address: string, optional: boolean, listen: () => Promise<Listener>): Promise<void> => {
    try {
      listeners.push(await listen())
    } catch (error) {
      const failure = new ListenError(address, error)
      if (optional && ABSENT.has(failure.code)) return
      close()
      throw failure
    }
  }
  for (const address of addresses.bind) {
    const optional = address.startsWith('-')
    const name = optional ? address.slice(1) : address
    const host = name === '*' ? '0.0.0.0' : name === '::*' ? '::' : name
    await open(`${name}:${port}`, optional, () => listenTcp({ host, port, backlog, keepAliveSeconds, tls }, accept))
    port = listeners[0]?.port ?? port
  }
  if (listeners.length === 0) throw new ListenError(`any of ${addresses.bind.join(' ')}`, { code: 'EADDRNOTAVAIL' })
  if (path !== '') {
    await open(path, false, () => listenUnix({ path, mode: addresses.unixsocketperm, backlog }, accept))
  }
  return { port, close }
}
