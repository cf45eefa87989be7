// Where the server listens, from the start on and after CONFIG SET port or bind.
// Invariant: it goes on listening where it did unless it listens at the new place.

import type { ServerOptions } from '../config/server-options.ts'
import { errorText } from '../errors.ts'
import type { Wire, WireHandler } from '../facade/wire.ts'
import { ListenError, type Listening, listenAll } from '../io/listen.ts'
import type { Log } from '../io/log.ts'
import { type Listener, listenUnix } from '../io/tcp.ts'

/** The listening of a server. */
export interface ServerListening {
  /** The TCP port, 0 if there is none. */
  readonly port: number
  /**
   * Listens at other addresses or another port in place of what it listens on, then calls `apply`. Resolves with the error
   * reply if either failed, after which it listens where it did. Never rejects.
   */
  replace(bind: readonly string[], port: number, apply: () => string | undefined): Promise<string | undefined>
  close(): void
}

type Options = Pick<ServerOptions, 'bind' | 'port' | 'unixsocket' | 'unixsocketperm' | 'tcp-backlog' | 'tcp-keepalive'>

const NOWHERE: Listening = { port: 0, close() {} }

/** Listens where the options say, or rejects with an error that says what to do. */
export async function openListening(
  options: Readonly<Options>,
  accept: (wire: Wire) => WireHandler,
  log: Log,
): Promise<ServerListening> {
  const listen = (bind: readonly string[], port: number): Promise<Listening> => {
    if (bind.length === 0) return Promise.resolve(NOWHERE)
    const [backlog, keepAliveSeconds] = [options['tcp-backlog'], options['tcp-keepalive']]
    return listenAll({ bind, port, unixsocket: '', unixsocketperm: 0, backlog, keepAliveSeconds }, accept)
  }
  const listenOnPath = async (): Promise<Listener | undefined> => {
    const { unixsocket: path, unixsocketperm: mode } = options
    if (path === '') return undefined
    return listenUnix({ path, mode, backlog: options['tcp-backlog'] }, accept).catch((error: unknown) => {
      throw new ListenError(path, error)
    })
  }
  const explain = (error: unknown): Error => {
    const { address, code } = error as ListenError
    log.warning(`Could not create server TCP listening socket ${address}: ${code}`)
    log.warning(`Failed listening on port ${options.port} (TCP), aborting.`)
    const hint = code === 'EADDRINUSE' ? 'another process listens there; choose another --port' : code
    return new Error(`cannot listen on ${address}: ${hint}`, { cause: error })
  }

  if (options.bind.length === 0 && options.unixsocket === '') {
    throw new Error('there is no address to listen on: give --bind or --unixsocket')
  }
  let { bind } = options
  let tcp: Listening = NOWHERE
  let unix: Listener | undefined
  try {
    tcp = await listen(bind, options.port)
    unix = await listenOnPath()
  } catch (error) {
    tcp.close()
    throw explain(error)
  }
  let closed = false

  /** The old sockets go first: the new ones may be on the same addresses. */
  const moveTo = async (addresses: readonly string[], port: number): Promise<ListenError | undefined> => {
    const former = { bind, port: tcp.port }
    tcp.close()
    tcp = NOWHERE
    try {
      tcp = await listen(addresses, port)
      bind = addresses
      return undefined
    } catch (error) {
      const { address, code } = error as ListenError
      log.warning(`Could not create server TCP listening socket ${address}: ${code}`)
      tcp = await listen(former.bind, former.port).catch((lost: ListenError) => {
        log.warning(`The former address cannot be listened on any more: ${lost.message}`)
        return NOWHERE
      })
      return error as ListenError
    } finally {
      if (closed) tcp.close()
    }
  }

  return {
    get port() {
      return tcp.port
    },
    async replace(addresses, port, apply) {
      const former = { bind, port: tcp.port }
      const portMoves = addresses.join(' ') === bind.join(' ')
      if ((await moveTo(addresses, port)) !== undefined) {
        return portMoves
          ? failed('port', 'Unable to listen on this port. Check server logs.')
          : failed('bind', 'Failed to bind to specified addresses.')
      }
      const refusal = apply()
      if (refusal !== undefined) await moveTo(former.bind, former.port)
      return refusal
    },
    close() {
      closed = true
      tcp.close()
      unix?.close()
    },
  }
}

const failed = (option: string, why: string): string => errorText('configSet', option, why)
