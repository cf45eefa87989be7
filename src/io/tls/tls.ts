// TLS of a process: what it shows others and whom it believes, read anew when the options or the files change; and the
// handshakes with those who connect. Invariants: what is in force is whole, and stays in force when what is new is not good;
// a connection keeps what it began with; handshakes are bounded in number and in time.
import type { Socket } from 'node:net'
import tls from 'node:tls'
import { needsTls, type TlsOptions } from '../../config/tls-options.ts'
import type { Log } from '../log.ts'
import { type Credentials, type Expiries, readCredentials } from './credentials.ts'

export interface Tls {
  /** Reads the options and their files; what is wrong if they cannot be used. The log has it, too. */
  configure(): string | undefined
  /** Gives up what there is: nobody needs it any more. */
  clear(): void
  /** Shakes hands with who connected; without success the socket is closed. */
  accept(socket: Socket, onSecure: (socket: tls.TLSSocket) => void): void
  /** What to connect with. */
  dialling(): tls.ConnectionOptions
  /** What to accept with; undefined before `configure`. */
  accepting(): Credentials['accepting'] | undefined
  expiries(): Expiries
  /** Calls whenever other credentials come into force. */
  onChange(hook: () => void): void
}

/** A handshake that is not done by then is given up. */
export const HANDSHAKE_MS = 10_000
/** Handshakes at once; who comes while there are so many is closed. */
const HANDSHAKES_MAX = 4096
/** How often the files are read again: no watch on a file can be relied on where mounted secrets are exchanged by a link. */
const LOOK_EVERY_MS = 2_000

const NONE: Expiries = new Map()
/** Nobody is believed. */
const NOBODY: tls.ConnectionOptions = { ca: [] }

/** Ready to use, if anything goes by TLS. Throws if that cannot be. */
export function openTls(options: Readonly<TlsOptions>, log: Log): Tls {
  const tls = createTls(options, log)
  if (needsTls(options) && tls.configure() !== undefined)
    throw new Error('Failed to configure TLS. Check logs for more info.')
  return tls
}

/** Nothing is read before `configure`. */
export function createTls(
  options: Readonly<TlsOptions>,
  log: Log,
  handshakeMs = HANDSHAKE_MS,
  handshakesMax = HANDSHAKES_MAX,
): Tls {
  let credentials: Credentials | undefined
  let server: tls.Server | undefined
  let timer: NodeJS.Timeout | undefined
  let complaint = ''
  const hooks: (() => void)[] = []
  /** Handshakes under way, by the addresses of both ends: all that raw and secure socket have in common. */
  const handshakes = new Map<string, (socket: tls.TLSSocket) => void>()

  const use = (fresh: Credentials): void => {
    credentials = fresh
    complaint = ''
    server = tls.createServer(fresh.accepting)
    server.on('secureConnection', (socket) => {
      if (isImpostor(socket, options)) refused(socket, String(socket.authorizationError))
      else handshakes.get(endsOf(socket))?.(socket)
    })
    server.on('tlsClientError', (error, socket) => refused(socket, error.message))
    for (const hook of hooks) hook()
    timer ??= setInterval(look, LOOK_EVERY_MS).unref()
  }

  const refused = (socket: tls.TLSSocket, why: string): void => {
    log.verbose(`Error accepting a client connection: ${why} (addr=${socket.remoteAddress}:${socket.remotePort})`)
    socket.destroy()
  }

  /** Takes the files anew if they have changed. */
  const look = (): void => {
    try {
      const fresh = readCredentials(options, credentials?.digest)
      if (fresh === undefined) {
        complaint = ''
        return
      }
      use(fresh)
      log.notice('The files of TLS have changed: new connections use what is there now.')
    } catch (error) {
      const { message } = error as Error
      if (message === complaint) return
      complaint = message
      log.warning(`The files of TLS cannot be used any more, what they were stays in force: ${message}`)
    }
  }

  return {
    configure() {
      try {
        use(readCredentials(options)!)
        return undefined
      } catch (error) {
        const { message } = error as Error
        log.warning(message)
        return message
      }
    },
    clear() {
      clearInterval(timer)
      timer = credentials = server = undefined
    },
    accept(socket, onSecure) {
      socket.on('error', () => {})
      if (server === undefined || handshakes.size >= handshakesMax) return void socket.destroy()
      const ends = endsOf(socket)
      const late = setTimeout(() => socket.destroy(), handshakeMs)
      const end = (): void => {
        clearTimeout(late)
        if (handshakes.get(ends) === done) handshakes.delete(ends)
      }
      const done = (secure: tls.TLSSocket): void => {
        end()
        onSecure(secure)
      }
      handshakes.set(ends, done)
      socket.once('close', end)
      server.emit('connection', socket)
    },
    dialling: () => credentials?.dialling ?? NOBODY,
    accepting: () => credentials?.accepting,
    expiries: () => credentials?.expiries ?? NONE,
    onChange: (hook) => void hooks.push(hook),
  }
}

const endsOf = ({ localAddress, localPort, remoteAddress, remotePort }: Socket): string =>
  `${localAddress} ${localPort} ${remoteAddress} ${remotePort}`

/** Whether a client showed a certificate, though it need not, and it is not good: Node leaves that to us. */
const isImpostor = (socket: tls.TLSSocket, options: Readonly<TlsOptions>): boolean =>
  options['tls-auth-clients'] === 'optional' && !socket.authorized && socket.getPeerX509Certificate() !== undefined
