// The transport between sentinels inside one process, for tests: as unreliable as asked for, and otherwise like gossip.
// Two transports are connected when both run, each lists the other, and nobody has cut them apart.
import { createStats, isTooLong, type Peer, type PeerTransport, type TransportHandlers, takeable } from './transport.ts'

interface Node {
  handlers: TransportHandlers
  allowed: Set<string>
  /** Peers reported as connected. */
  linked: Set<string>
  deliver(from: string, payload: Uint8Array): void
}

export interface MemoryNetwork {
  /** A transport of this name; the name is free again after stop(). */
  start(self: string, handlers: TransportHandlers): PeerTransport
  /** Breaks the link of a pair, in both directions; messages under way are lost. */
  cut(a: string, b: string): void
  heal(a: string, b: string): void
  /** Called for each message; true loses it. */
  lose: (from: string, to: string, payload: Uint8Array) => boolean
}

export function createMemoryNetwork(): MemoryNetwork {
  const nodes = new Map<string, Node>()
  const cuts = new Set<string>()
  const pair = (a: string, b: string): string => (a < b ? `${a} ${b}` : `${b} ${a}`)

  function connected(a: string, b: string): boolean {
    return nodes.get(a)?.allowed.has(b) === true && nodes.get(b)?.allowed.has(a) === true && !cuts.has(pair(a, b))
  }

  /** Tells every node what changed about its links; later, as a network would. */
  function review(): void {
    setImmediate(() => {
      for (const [id, node] of nodes) {
        for (const other of new Set([...node.allowed, ...node.linked])) {
          const now = connected(id, other)
          if (now === node.linked.has(other)) continue
          if (now) node.linked.add(other)
          else node.linked.delete(other)
          node.handlers.onPeer?.(other, now)
        }
      }
    })
  }

  const network: MemoryNetwork = {
    lose: () => false,
    cut(a, b) {
      cuts.add(pair(a, b))
      review()
    },
    heal(a, b) {
      cuts.delete(pair(a, b))
      review()
    },
    start(self, handlers) {
      const stats = createStats()
      const node: Node = {
        handlers,
        allowed: new Set(),
        linked: new Set(),
        deliver(from, payload) {
          stats.messagesIn++
          stats.bytesIn += payload.byteLength
          handlers.onMessage(from, payload)
        },
      }
      nodes.set(self, node)

      function send(to: string, payload: Uint8Array): boolean {
        const possible = !isTooLong(payload, to, handlers.onWarning) && connected(self, to)
        if (!possible || network.lose(self, to, payload)) {
          stats.droppedOut++
          return possible
        }
        const copy = Uint8Array.from(payload)
        const receiver = nodes.get(to)!
        stats.messagesOut++
        stats.bytesOut += copy.byteLength
        setImmediate(() => {
          if (nodes.get(to) === receiver && nodes.get(self) === node && connected(self, to))
            receiver.deliver(self, copy)
        })
        return true
      }

      return {
        self,
        host: 'memory',
        port: 0,
        stats,
        send,
        broadcast(payload) {
          const reached = [...node.allowed].filter((id) => connected(self, id)).map((id) => send(id, payload))
          return reached.includes(true)
        },
        setPeers(peers: readonly Peer[]) {
          node.allowed = new Set(takeable(peers, self, handlers.onWarning).map(({ id }) => id))
          review()
        },
        peers: () => [...node.allowed].map((id) => ({ id, connected: connected(self, id) })),
        async stop() {
          if (nodes.get(self) === node) nodes.delete(self)
          review()
        },
      }
    },
  }
  return network
}
