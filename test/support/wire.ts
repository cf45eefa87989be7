// Wires in memory, for the registry of either process.
import type { ClientRegistry } from '../../src/facade/registry.ts'
import type { Wire, WireHandler } from '../../src/facade/wire.ts'

/** A wire whose peer is the test. */
export interface TestWire {
  readonly handler: WireHandler
  /** Bytes that the peer sends: lines as inline commands, or bytes as they are. */
  send(input: string | Buffer): void
  /** What came back since the last call. */
  output(): string
  /** What the server did with the wire. */
  readonly state: 'open' | 'ended' | 'destroyed'
}

/** How a wire's peer behaves. */
export interface Peer {
  /** Is told of each write. */
  readonly onReply?: () => void
  /** Whether the peer takes what is written; if not, it waits in the wire. */
  readonly reads?: boolean
}

/** Connects a wire in memory to a registry. */
export function connectWire(clients: ClientRegistry, { onReply, reads = true }: Peer = {}): TestWire {
  const output: Buffer[] = []
  const written = (bytes: Buffer): void => {
    onReply?.()
    output.push(bytes)
  }
  let state: TestWire['state'] = 'open'
  const wire: Wire = {
    peer: '127.0.0.1:1',
    local: '127.0.0.1:2',
    peerIsLoopback: true,
    isUnix: false,
    descriptor: 8,
    get pendingBytes() {
      return reads ? 0 : output.reduce((sum, { length }) => sum + length, 0)
    },
    write: (bytes) => written(Buffer.from(bytes)),
    writeLatin1: (text) => written(Buffer.from(text, 'latin1')),
    pause: () => {},
    resume: () => {},
    end: () => {
      if (state === 'open') state = 'ended'
    },
    destroy: () => {
      state = 'destroyed'
    },
  }
  const handler = clients.accept(wire)
  return {
    handler,
    send(input) {
      const bytes = typeof input === 'string' ? Buffer.from(`${input}\r\n`, 'latin1') : input
      handler.onData(bytes, bytes.length)
    },
    output() {
      // As at the end of the turn.
      for (const session of clients.all()) clients.connection(session)?.sendHeld()
      return Buffer.concat(output.splice(0)).toString('latin1')
    },
    get state() {
      return state
    },
  }
}
