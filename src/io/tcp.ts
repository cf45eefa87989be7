// The server's transport: byte streams over node:net, behind an interface small enough that a faster one can take its
// place. A wire's handler gets bytes that are valid during the call only, and writes bytes that the wire copies.

import net from 'node:net'

/** One connection, as the server sees it. */
export interface Wire {
  readonly peer: string
  readonly local: string
  /** Whether the peer is on this machine. */
  readonly peerIsLoopback: boolean
  /** Bytes that were written and not yet taken by the system. */
  readonly pendingBytes: number
  /** Sends the bytes; they may be changed after the call. */
  write(bytes: Buffer): void
  /** Stops reading until `resume`: the peer feels it through TCP. */
  pause(): void
  resume(): void
  /** Closes after everything written is sent. */
  end(): void
  /** Closes now. */
  destroy(): void
}

/** What the owner of a wire does with it. */
export interface WireHandler {
  /** Input, valid during the call only. */
  onData(bytes: Buffer): void
  /** Everything written was taken by the system. */
  onDrain(): void
  /** The wire is gone; `reason` is an error's code or 'end'. Called once. */
  onClose(reason: string): void
}

/** Something that accepts wires. */
export interface Listener {
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
}

/** Listens on one address; each connection gets the handler that `accept` makes for it. Rejects with the system's error. */
export function listenTcp(options: ListenOptions, accept: (wire: Wire) => WireHandler): Promise<Listener> {
  const { keepAliveSeconds } = options
  const server = net.createServer({
    noDelay: true,
    keepAlive: keepAliveSeconds > 0,
    keepAliveInitialDelay: keepAliveSeconds * 1000,
    allowHalfOpen: false,
  })
  server.on('connection', (socket) => attach(socket, accept))
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host: options.host, port: options.port, backlog: options.backlog }, () => {
      server.off('error', reject)
      server.on('error', () => {})
      resolve({ port: (server.address() as net.AddressInfo).port, close: () => server.close() })
    })
  })
}

/** Wraps a connected socket, also one that we opened ourselves. */
export function attach(socket: net.Socket, accept: (wire: Wire) => WireHandler): void {
  const wire = new SocketWire(socket)
  const handler = accept(wire)
  let reason = 'end'
  socket.on('data', (bytes: Buffer) => handler.onData(bytes))
  socket.on('drain', () => handler.onDrain())
  socket.on('error', (error: NodeJS.ErrnoException) => {
    reason = error.code ?? error.message
  })
  socket.on('close', () => handler.onClose(reason))
}

class SocketWire implements Wire {
  readonly peer: string
  readonly local: string
  readonly peerIsLoopback: boolean
  private readonly socket: net.Socket

  constructor(socket: net.Socket) {
    this.socket = socket
    const address = plain(socket.remoteAddress)
    this.peer = `${bracket(address)}:${socket.remotePort ?? 0}`
    this.local = `${bracket(plain(socket.localAddress))}:${socket.localPort ?? 0}`
    this.peerIsLoopback = address.startsWith('127.') || address === '::1'
  }

  get pendingBytes(): number {
    return this.socket.writableLength
  }

  write(bytes: Buffer): void {
    if (!this.socket.writable) return
    // A short reply travels quicker as a string: the runtime hands it to the system from the stack (measured, Node 20).
    if (bytes.length <= STRING_BYTES_MAX) this.socket.write(bytes.toString('latin1'), 'latin1')
    else this.socket.write(Buffer.from(bytes))
  }

  pause(): void {
    this.socket.pause()
  }

  resume(): void {
    this.socket.resume()
  }

  end(): void {
    this.socket.end()
  }

  destroy(): void {
    this.socket.destroy()
  }
}

const STRING_BYTES_MAX = 8192

/** An IPv4 address mapped into IPv6 as IPv4. */
function plain(address: string | undefined): string {
  return (address ?? '').replace(/^::ffff:/, '')
}

function bracket(address: string): string {
  return address.includes(':') ? `[${address}]` : address
}
