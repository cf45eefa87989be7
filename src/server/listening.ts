// Where the server listens, from the start on and after CONFIG SET port, tls-port or bind.
// Invariant: it goes on listening where it did unless it listens at the new place.

import type { ListeningPlace as Place, ServerOptions } from '../config/server-options.ts'
import { errorText } from '../errors.ts'
import type { Wire, WireHandler } from '../facade/wire.ts'
import { ListenError, type Listening, listenAll } from '../io/listen.ts'
import type { Log } from '../io/log.ts'
import { type Listener, listenUnix } from '../io/tcp.ts'
import type { Tls } from '../io/tls/tls.ts'

/** The listening of a server. */
export interface ServerListening {
  /** The plain TCP port, 0 if there is none. */
  readonly port: number
  /**
   * Listens at another place in place of where it does, then calls `apply`. Resolves with the error reply if either failed,
   * after which it listens where it did. Never rejects.
   */
  replace(place: Place, apply: () => string | undefined): Promise<string | undefined>
  close(): void
}

type Options = Place & Pick<ServerOptions, 'unixsocket' | 'unixsocketperm' | 'tcp-backlog' | 'tcp-keepalive'>

const NOWHERE: Listening = { port: 0, close() {} }

/** Listens where the options say, or rejects with an error that says what to do. */
export async function openListening(
  options: Readonly<Options>,
  tls: Tls,
  accept: (wire: Wire) => WireHandler,
  log: Log,
): Promise<ServerListening> {
  /** On a plain port and one of TLS, or on none. A port of 0 is any free one, unless there is another. */
  const listen = async ({ bind, port, 'tls-port': tlsPort }: Place): Promise<Listening> => {
    if (bind.length === 0) return NOWHERE
    const [backlog, keepAliveSeconds] = [options['tcp-backlog'], options['tcp-keepalive']]
    const at = { bind, unixsocket: '', unixsocketperm: 0, backlog, keepAliveSeconds }
    const plain = port === 0 && tlsPort !== 0 ? NOWHERE : await listenAll({ ...at, port }, accept)
    if (tlsPort === 0) return plain
    const secure = await listenAll({ ...at, port: tlsPort, tls }, accept).catch((error: unknown) => {
      plain.close()
      throw error
    })
    return {
      port: plain.port,
      close() {
        plain.close()
        secure.close()
      },
    }
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
  const { bind, port, 'tls-port': tlsPort } = options
  let tcp: Listening = NOWHERE
  let unix: Listener | undefined
  try {
    tcp = await listen(options)
    unix = await listenOnPath()
  } catch (error) {
    tcp.close()
    throw explain(error)
  }
  // A free port that was found is kept.
  let place: Place = { bind, port: tcp.port || port, 'tls-port': tlsPort }
  let closed = false

  /** The old sockets go first: the new ones may be on the same addresses. */
  const moveTo = async (next: Place): Promise<ListenError | undefined> => {
    tcp.close()
    tcp = NOWHERE
    try {
      tcp = await listen(next)
      place = { ...next, port: tcp.port || next.port }
      return undefined
    } catch (error) {
      const { address, code } = error as ListenError
      log.warning(`Could not create server TCP listening socket ${address}: ${code}`)
      tcp = await listen(place).catch((lost: ListenError) => {
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
    async replace(next, apply) {
      const former = place
      if ((await moveTo(next)) !== undefined) {
        if (next.bind.join(' ') !== former.bind.join(' '))
          return failed('bind', 'Failed to bind to specified addresses.')
        const moved = next['tls-port'] === former['tls-port'] ? 'port' : 'tls-port'
        return failed(moved, 'Unable to listen on this port. Check server logs.')
      }
      const refusal = apply()
      if (refusal !== undefined) await moveTo(former)
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
