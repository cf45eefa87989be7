// The real registry of clients over wires in memory, in front of the engine of `createTestServer`.
import type { Host } from '../../src/commands/context.ts'
import type { ServerOptions } from '../../src/config/server-options.ts'
import type { Clients } from '../../src/facade/call.ts'
import { ClientRegistry } from '../../src/facade/registry.ts'
import type { Wire, WireHandler } from '../../src/facade/wire.ts'
import { eventLoop } from '../../src/io/timers.ts'
import { AHEAD_MAX } from '../../src/keyspace/ahead.ts'
import { clientLimits } from '../../src/server/client-limits.ts'
import { createTestServer, type TestServer } from './engine.ts'

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

export interface TestRegistry {
  readonly server: TestServer
  readonly clients: ClientRegistry
  /** The host of the engine, for a test to put its own parts in. */
  readonly host: { -readonly [K in keyof Host]: Host[K] }
  /** What was sent to whom, in order: `replicas` stands for the stream that goes before replies. */
  readonly sent: ('replicas' | 'reply')[]
  connect(): TestWire
}

/** A registry with an engine in memory. */
export function createTestRegistry(given: Readonly<Partial<Record<keyof ServerOptions, string>>> = {}): TestRegistry {
  const server = createTestServer(given)
  const host = server.host as TestRegistry['host']
  const sent: TestRegistry['sent'] = []
  const clients: ClientRegistry & Clients = new ClientRegistry({
    requests: server.engine,
    pause: server.engine.gate,
    limits: clientLimits(server.config.values, () => server.config.values['client-output-buffer-limit'].replica),
    requestsAhead: AHEAD_MAX,
    nowMs: () => server.nowMs,
    timers: eventLoop,
    log: () => {},
    internalError: (error) => {
      throw error
    },
    paused: (on) => {
      server.keyspace.paused = on
    },
    beforeReplies: () => void sent.push('replicas'),
    onClosed: () => {},
  })
  host.clients = clients
  const connect = (): TestWire => {
    const output: Buffer[] = []
    let state: TestWire['state'] = 'open'
    const wire: Wire = {
      peer: '127.0.0.1:1',
      local: '127.0.0.1:2',
      peerIsLoopback: true,
      isUnix: false,
      descriptor: 8,
      pendingBytes: 0,
      write: (bytes) => {
        sent.push('reply')
        output.push(Buffer.from(bytes))
      },
      writeLatin1: (text) => {
        sent.push('reply')
        output.push(Buffer.from(text, 'latin1'))
      },
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
  return { server, clients, host, sent, connect }
}
