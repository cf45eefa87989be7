// The real registry of clients over wires in memory, in front of the engine of `createTestServer`.
import type { Host } from '../../src/commands/context.ts'
import type { ServerOptions } from '../../src/config/server-options.ts'
import type { Clients } from '../../src/facade/call.ts'
import { ClientRegistry } from '../../src/facade/registry.ts'
import { eventLoop } from '../../src/io/timers.ts'
import { AHEAD_MAX } from '../../src/keyspace/ahead.ts'
import { clientLimits } from '../../src/server/client-limits.ts'
import { createTestServer, type TestServer } from './engine.ts'
import { connectWire, type Peer, type TestWire } from './wire.ts'

export type { TestWire } from './wire.ts'

export interface TestRegistry {
  readonly server: TestServer
  readonly clients: ClientRegistry
  /** The host of the engine, for a test to put its own parts in. */
  readonly host: { -readonly [K in keyof Host]: Host[K] }
  /** What was sent to whom, in order: `replicas` stands for the stream that goes before replies. */
  readonly sent: ('replicas' | 'reply')[]
  connect(peer?: Peer): TestWire
  /** Bugs that were reported: exceptions that nothing may throw. */
  readonly bugs: string[]
  readonly logged: string[]
}

/** A registry with an engine in memory. */
export function createTestRegistry(given: Readonly<Partial<Record<keyof ServerOptions, string>>> = {}): TestRegistry {
  const server = createTestServer(given)
  const host = server.host as TestRegistry['host']
  const sent: TestRegistry['sent'] = []
  const bugs: string[] = []
  const logged: string[] = []
  const internalError = (error: unknown, where: string): void => {
    bugs.push(`${where}: ${error instanceof Error ? error.stack : String(error)}`)
  }
  host.internalError = internalError
  const clients: ClientRegistry & Clients = new ClientRegistry({
    requests: server.engine,
    pause: server.engine.gate,
    limits: clientLimits(
      server.config.values,
      host.access.users,
      () => server.config.values['client-output-buffer-limit'].replica,
    ),
    defaultUser: host.access.users.default,
    requestsAhead: AHEAD_MAX,
    nowMs: () => server.nowMs,
    timers: eventLoop,
    log: (message) => void logged.push(message),
    internalError,
    paused: (on) => {
      server.keyspace.paused = on
    },
    beforeReplies: () => void sent.push('replicas'),
    onClosed: () => {},
  })
  host.clients = clients
  const connect = (peer: Peer = {}): TestWire => connectWire(clients, { onReply: () => sent.push('reply'), ...peer })
  return { server, clients, host, sent, connect, bugs, logged }
}
