// Keeps one good link to every listed peer: dials (the peer with the lower ID does, so that a pair never has two connections; the
// other one only after a while, for the first may not know where it is), dials again for ever, and resets what is connected
// but mute.
// Invariant: a pair that both sides list, and whose network works, is connected again within seconds, whatever happened.
// Why "mute" happens: gossipsub opens its streams once per peer; two connections, or a stream that failed while the
// connection lives, leave a pair without streams for ever. libp2p's own reconnecting gives up.
import { monotonicMs } from '../clock.ts'
import type { Peer, PeerState } from '../transport.ts'
import type { Connection, GossipNode, Multiaddr, PeerId } from './node.ts'

/** Between two looks at the links when something is to be done, and when all is well (events come at once anyway). */
const REVIEW_MS = 100
const REVIEW_IDLE_MS = 1_000
const MUTE_MS = 1_500
const DIAL_TIMEOUT_MS = 1_000
const RETRY_MS_MIN = 100
const RETRY_MS_MAX = 1_000
/** The peer with the higher ID dials, too, when it has waited for the other one for so long. */
const OTHER_DIALS_MS = 3_000

/** What links needs to know about the peers' addresses and topics. */
export interface LinksOptions {
  gossip: GossipNode
  self: string
  /** The topic that only this peer subscribes to: once it is known here, messages get through. */
  inboxOf: (id: string) => string
  parse: (peer: Peer) => { peerId: PeerId; addresses: Multiaddr[] }
  onPeer: (id: string, connected: boolean) => void
}

export interface Links {
  setPeers(peers: readonly Peer[]): void
  peers(): PeerState[]
  isConnected(id: string): boolean
  stop(): void
}

interface Link {
  peer: Peer
  peerId: PeerId
  addresses: Multiaddr[]
  /** Since when it is not connected. */
  lostMs: number
  connected: boolean
  dialing: boolean
  nextDialMs: number
  retryMs: number
  muteSinceMs: number | undefined
}

const isSamePlace = (a: Peer, b: Peer): boolean =>
  a.host === b.host && a.port === b.port && a.also?.host === b.also?.host && a.also?.port === b.also?.port

export function createLinks({ gossip, self, inboxOf, parse, onPeer }: LinksOptions): Links {
  const { node, pubsub } = gossip
  const links = new Map<string, Link>()
  let stopped = false
  let reviewing = false
  let timer = setTimeout(review, REVIEW_IDLE_MS)

  const connectionsOf = (link: Link): Connection[] =>
    node.getConnections(link.peerId).filter(({ status }) => status === 'open')

  function review(): void {
    if (stopped) return
    clearTimeout(timer)
    let well = true
    for (const link of links.values()) {
      reviewLink(link)
      well &&= link.connected
    }
    timer = setTimeout(review, well ? REVIEW_IDLE_MS : REVIEW_MS)
  }

  /** Soon, once for all the events of this turn. */
  function reviewSoon(): void {
    if (reviewing || stopped) return
    reviewing = true
    setImmediate(() => {
      reviewing = false
      review()
    })
  }

  function reviewLink(link: Link): void {
    const nowMs = monotonicMs()
    const connections = connectionsOf(link)
    const works = connections.length === 1 && flows(link, connections[0]!)
    if (works !== link.connected) {
      link.connected = works
      link.lostMs = nowMs
      onPeer(link.peer.id, works)
    }
    if (connections.length > 1) return reset(link, connections)
    if (connections.length === 0) {
      link.muteSinceMs = undefined
      const turn = self < link.peer.id || nowMs - link.lostMs > OTHER_DIALS_MS
      if (turn && !link.dialing && nowMs >= link.nextDialMs) dial(link)
    } else if (works) {
      link.muteSinceMs = undefined
      link.retryMs = RETRY_MS_MIN
    } else {
      link.muteSinceMs ??= nowMs
      if (nowMs - link.muteSinceMs > MUTE_MS) reset(link, connections)
    }
  }

  /** Whether gossip goes both ways: a stream in each direction, and the peer's inbox known. */
  function flows(link: Link, connection: Connection): boolean {
    const has = (direction: string): boolean =>
      connection.streams.some((stream) => stream.direction === direction && stream.protocol?.startsWith('/meshsub/'))
    const { id } = link.peer
    return (
      pubsub.streamsOutbound.has(id) &&
      pubsub.streamsInbound.has(id) &&
      has('inbound') &&
      has('outbound') &&
      pubsub.getSubscribers(inboxOf(id)).some((subscriber) => subscriber.equals(link.peerId))
    )
  }

  /** Breaks off what there is. With two connections both go: the older is dead, and gossipsub would not take the newer. */
  function reset(link: Link, connections: Connection[]): void {
    link.muteSinceMs = undefined
    for (const connection of connections) connection.abort(new Error('no gossip in both directions'))
  }

  function dial(link: Link): void {
    link.dialing = true
    node
      .dial(link.addresses, { signal: AbortSignal.timeout(DIAL_TIMEOUT_MS) })
      .catch(() => {
        link.retryMs = Math.min(link.retryMs * 2, RETRY_MS_MAX)
      })
      .finally(() => {
        link.dialing = false
        // Spread out, so that several sentinels do not dial a returning one in step.
        link.nextDialMs = monotonicMs() + link.retryMs * (0.75 + Math.random() / 2)
      })
  }

  node.addEventListener('connection:open', reviewSoon)
  node.addEventListener('connection:close', reviewSoon)
  pubsub.addEventListener('subscription-change', reviewSoon)

  return {
    setPeers(peers) {
      const wanted = new Map(peers.map((peer) => [peer.id, peer]))
      for (const [id, link] of links) {
        if (wanted.has(id)) continue
        links.delete(id)
        reset(link, connectionsOf(link))
        if (link.connected) onPeer(id, false)
      }
      for (const peer of wanted.values()) {
        const known = links.get(peer.id)
        if (known !== undefined && isSamePlace(known.peer, peer)) continue
        const parsed = parse(peer)
        if (known !== undefined) Object.assign(known, parsed, { peer, nextDialMs: 0, retryMs: RETRY_MS_MIN })
        else
          links.set(peer.id, {
            peer,
            ...parsed,
            lostMs: monotonicMs(),
            connected: false,
            dialing: false,
            nextDialMs: 0,
            retryMs: RETRY_MS_MIN,
            muteSinceMs: undefined,
          })
      }
      reviewSoon()
    },
    peers: () => [...links.values()].map(({ peer, connected }) => ({ id: peer.id, connected })),
    isConnected: (id) => links.get(id)?.connected === true,
    stop() {
      stopped = true
      clearTimeout(timer)
      for (const link of links.values()) reset(link, connectionsOf(link))
    },
  }
}
