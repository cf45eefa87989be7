// Wires over node:net and node:tls: accepted on TCP ports and Unix sockets, and dialled over TCP.

import { chmodSync, lstatSync, rmSync } from 'node:fs'
import net from 'node:net'
import tls from 'node:tls'
import type { Wire, WireHandler } from '../facade/wire.ts'
import type { Tls } from './tls/tls.ts'

/** Something that accepts wires. */
export interface Listener {
  /** 0 for a Unix socket. */
  readonly port: number
  close(): void
}

/** Where and how to listen. */
export interface ListenOptions {
  readonly host: string | undefined
  readonly port: number
  readonly backlog: number
  /** TCP keep-alive in seconds, 0 for none. */
  readonly keepAliveSeconds: number
  /** Given, it is TLS that is spoken there. */
  readonly tls?: Tls | undefined
}

/** Listens on one address; each connection gets the handler that `accept` makes for it. Rejects with the system's error. */
export function listenTcp(options: ListenOptions, accept: (wire: Wire) => WireHandler): Promise<Listener> {
  const { keepAliveSeconds, tls: secure } = options
  const server = net.createServer({
    noDelay: true,
    keepAlive: keepAliveSeconds > 0,
    keepAliveInitialDelay: keepAliveSeconds * 1000,
    pauseOnConnect: secure === undefined,
  })
  server.on('connection', (socket) => {
    if (secure === undefined) attach(withSharedInput(socket), accept)
    else secure.accept(socket, (made) => attach(made, accept))
  })
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    // As Redis does: an IPv6 socket is that only, so that it does not collide with the one for IPv4 on the same port.
    const ipv6Only = options.host?.includes(':') === true
    server.listen({ host: options.host, port: options.port, backlog: options.backlog, ipv6Only }, () => {
      server.off('error', reject)
      server.on('error', () => {})
      resolve({ port: (server.address() as net.AddressInfo).port, close: () => server.close() })
    })
  })
}

/** The longest path of a Unix socket that every system takes; a longer one would be cut. */
const UNIX_PATH_BYTES_MAX = 103

/** Where to listen for clients on this machine. */
export interface UnixListenOptions {
  readonly path: string
  /** Permissions of the socket file; 0: as the system makes it. */
  readonly mode: number
  readonly backlog: number
}

/**
 * Listens on a Unix socket. A socket file that a former process left behind is replaced; any other file is not. The file is
 * removed when the listener is closed.
 */
export function listenUnix(options: UnixListenOptions, accept: (wire: Wire) => WireHandler): Promise<Listener> {
  const { path, mode, backlog } = options
  if (Buffer.byteLength(path) > UNIX_PATH_BYTES_MAX) return Promise.reject(systemError('ENAMETOOLONG'))
  if (lstatSync(path, { throwIfNoEntry: false })?.isSocket() === true) rmSync(path)
  const server = net.createServer({ pauseOnConnect: true })
  server.on('connection', (socket) => attach(withSharedInput(socket), accept, path))
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ path, backlog }, () => {
      server.off('error', reject)
      server.on('error', () => {})
      if (mode !== 0) chmodSync(path, mode)
      resolve({ port: 0, close: () => server.close() })
    })
  })
}

const systemError = (code: string): NodeJS.ErrnoException => Object.assign(new Error(code), { code })

/**
 * All accepted connections read into one buffer. A stream of `net` takes 64 KiB from the system for each read, and gives
 * the rest back: together with the stream's own work 10 % of the CPU time of a GET (measured, Node 20).
 */
const SHARED_INPUT = Buffer.allocUnsafeSlow(256 * 1024)
const INPUT = Symbol('input')

interface SharedInputSocket extends net.Socket {
  [INPUT]?: (bytes: Buffer, length: number) => void
}

/**
 * The accepted connection as a socket that reads into the shared buffer. Node offers this (`onread`) for sockets that one
 * connects oneself; for accepted ones the handle has to change its socket. Where that cannot be, the socket stays as it is.
 */
function withSharedInput(accepted: net.Socket): net.Socket {
  const holder = accepted as unknown as { _handle: object | null }
  const handle = holder._handle
  if (handle === null || typeof handle !== 'object') return accepted
  holder._handle = null
  const options = {
    handle,
    onread: {
      buffer: SHARED_INPUT,
      callback: (length: number, buffer: Uint8Array): boolean => {
        socket[INPUT]?.(buffer as Buffer, length)
        return true
      },
    },
  }
  const socket: SharedInputSocket = new net.Socket(options as net.SocketConstructorOpts)
  socket[INPUT] = () => {}
  return socket
}

/** A connection that is being made, or was. */
export interface Dial {
  /** Gives up, or closes now. */
  destroy(): void
}

/** Connects to an address: `accept` gets the wire, or `onFailed` the system's error code. Nothing is called before this returns. */
export type Dialler = (
  host: string,
  port: number,
  accept: (wire: Wire) => WireHandler,
  onFailed: (reason: string) => void,
  localAddress?: string,
) => Dial

/** Over TCP, and by TLS if `secure` says with what. */
export const createDialler =
  (secure: () => tls.ConnectionOptions | undefined): Dialler =>
  (host, port, accept, onFailed, localAddress = '') => {
    let socket!: net.Socket
    const dial = (from: string): void => {
      let reason = 'end'
      const where = { host, port, noDelay: true, keepAlive: true, ...(from === '' ? {} : { localAddress: from }) }
      const credentials = secure()
      const made = credentials === undefined ? net.connect(where) : tls.connect({ ...credentials, ...where })
      // An address that this machine does not have is done without.
      const fail = (): void => (from !== '' && NO_SUCH_SOURCE.has(reason) ? dial('') : onFailed(reason))
      made.on('error', (error: NodeJS.ErrnoException) => {
        reason = error.code ?? error.message
      })
      made.once('close', fail)
      made.once(credentials === undefined ? 'connect' : 'secureConnect', () => {
        made.off('close', fail)
        attach(made, accept)
      })
      socket = made
    }
    dial(net.isIP(localAddress) === 0 ? '' : localAddress)
    return { destroy: () => socket.destroy() }
  }

const NO_SUCH_SOURCE = new Set(['EADDRNOTAVAIL', 'EINVAL'])

/** Wraps a connected socket, accepted or opened by us; of a Unix socket with its path. */
function attach(socket: net.Socket, accept: (wire: Wire) => WireHandler, path?: string): void {
  const wire = new SocketWire(socket, path)
  const handler = accept(wire)
  let reason = 'end'
  const shared = socket as SharedInputSocket
  if (shared[INPUT] !== undefined) shared[INPUT] = (bytes, length) => handler.onData(bytes, length)
  else socket.on('data', (bytes: Buffer) => handler.onData(bytes, bytes.length))
  socket.on('drain', () => handler.onDrain())
  socket.on('error', (error: NodeJS.ErrnoException) => {
    reason = error.code ?? error.message
  })
  socket.on('close', () => handler.onClose(reason))
  socket.resume()
}

class SocketWire implements Wire {
  readonly peer: string
  readonly local: string
  readonly peerIsLoopback: boolean
  readonly isUnix: boolean
  private readonly socket: net.Socket

  constructor(socket: net.Socket, path: string | undefined) {
    this.socket = socket
    this.isUnix = path !== undefined
    if (path !== undefined) {
      // As Redis shows it: whoever connects has no address, so both ends have that of the socket.
      this.peer = this.local = `${path}:0`
      this.peerIsLoopback = true
      return
    }
    const address = plain(socket.remoteAddress)
    this.peer = `${bracket(address)}:${socket.remotePort ?? 0}`
    this.local = `${bracket(plain(socket.localAddress))}:${socket.localPort ?? 0}`
    this.peerIsLoopback = address.startsWith('127.') || address === '::1'
  }

  get descriptor(): number {
    return (this.socket as unknown as { _handle?: { fd?: number } | null })._handle?.fd ?? -1
  }

  get pendingBytes(): number {
    return this.socket.writableLength
  }

  write(bytes: Buffer): void {
    if (this.socket.writable) this.socket.write(Buffer.from(bytes))
  }

  writeLatin1(text: string): void {
    if (this.socket.writable) this.socket.write(text, 'latin1')
  }

  pause(): void {
    this.socket.pause()
  }

  resume(): void {
    this.socket.resume()
  }

  end(): void {
    // Not `end` alone: that would wait for a peer that never closes its side.
    this.socket.destroySoon()
    this.socket.setTimeout(CLOSE_GRACE_MS, () => this.socket.destroy())
  }

  destroy(): void {
    this.socket.destroy()
  }
}

/** A wire that is to be closed is dropped if the peer takes nothing of what is left for so long. */
const CLOSE_GRACE_MS = 5000

/** An IPv4 address mapped into IPv6 as IPv4. */
function plain(address: string | undefined): string {
  return (address ?? '').replace(/^::ffff:/, '')
}

function bracket(address: string): string {
  return address.includes(':') ? `[${address}]` : address
}
