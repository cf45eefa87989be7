// The transport between sentinels over libp2p gossipsub. One inbox topic per sentinel for messages to it, one shared topic for
// what concerns all and for whom no direct link leads to; long messages travel in pieces.
// Invariants: nothing that a peer sends throws; what waits for a peer is bounded; only listed peers are heard. On the shared
// topic a listed peer could speak in the name of another: messages are not signed (milliseconds each), whoever is let in by
// list and swarm key is trusted that far.
import { isIPv4, isIPv6 } from 'node:net'
import { MESSAGE_BYTES_MAX, PIECE_BYTES_MAX, RPC_BYTES_MAX } from '../lib/limits.ts'
import { monotonicMs } from './clock.ts'
import { randomWords } from './entropy.ts'
import { createFrameWriter, decodeFrame, type Frame, NONCE_BYTES } from './gossip/frame.ts'
import { isPeerId, type PeerKey } from './gossip/identity.ts'
import { createLinks } from './gossip/links.ts'
import { createReassembly } from './gossip/reassembly.ts'
import { GossipConfigError, refuseOpenGossip } from './gossip/swarm-key.ts'
import { createStats, isTooLong, type Peer, type PeerTransport, type TransportHandlers, takeable } from './transport.ts'

const TOPIC = '/vedette/1'
const TO_ALL = `${TOPIC}/all`
const inboxOf = (id: string): string => `${TOPIC}/to/${id}`
/** To whom a payload goes, for the log. */
const nameOf = (topic: string, to: string): string => (topic === TO_ALL ? to || 'all' : topic.slice(inboxOf('').length))

const OUTBOUND_BYTES_MAX = 8 << 20
/** Pieces that wait for their turn, over all peers. */
const QUEUE_BYTES_MAX = 2 * MESSAGE_BYTES_MAX
/** Between two pieces of long messages: gives heartbeats their turn, and the link time to take the piece. */
const PIECE_INTERVAL_MS = 10
const STOP_MS_MAX = 2_000

export interface GossipOptions {
  key: PeerKey
  /** IP address to listen on; anything but loopback needs a swarm key. */
  host: string
  /** 0: a free one. */
  port: number
  /** 64 hexadecimal digits (see parseSwarmKey), the same on every sentinel. */
  swarmKey?: string | undefined
  /** Awaited just before it listens, when everything is loaded: whoever held the port lets go of it. */
  beforeListen?: () => Promise<void>
}

/**
 * Loads libp2p, listens, and is ready for setPeers. Throws GossipConfigError when the options are bad or the address is taken.
 */
export async function startGossip(options: GossipOptions, handlers: TransportHandlers): Promise<PeerTransport> {
  const host = options.host === 'localhost' ? '127.0.0.1' : options.host
  refuseOpenGossip(host, options.swarmKey)
  if (!isIPv4(host) && !isIPv6(host))
    throw new GossipConfigError(`gossip cannot listen on ${host}: it is no IP address`)
  const { multiaddr, peerIdFromString, startNode } = await import('./gossip/node.ts')

  await options.beforeListen?.()
  const self = options.key.peerId
  const allowed = new Set<string>()
  const stats = createStats()
  const gossip = await startNode({
    keyProtobuf: options.key.protobuf,
    listen: `/${isIPv4(host) ? 'ip4' : 'ip6'}/${host}/tcp/${options.port}`,
    swarmKey: options.swarmKey,
    allowed: (id) => allowed.has(id),
    nonceBytes: NONCE_BYTES,
    rpcBytesMax: RPC_BYTES_MAX,
    outboundBytesMax: OUTBOUND_BYTES_MAX,
    topics: [TO_ALL, inboxOf(self)],
  }).catch((error: Error) => {
    throw new GossipConfigError(`gossip cannot listen on ${host}:${options.port}: ${reasonOf(error)}`, { cause: error })
  })
  const { node, pubsub, topics } = gossip
  const links = createLinks({ gossip, self, inboxOf, parse, onPeer })
  const reassembly = createReassembly()
  const writer = createFrameWriter(new Uint8Array(Uint32Array.from(randomWords(2)).buffer))
  const queue: { topic: string; frame: Uint8Array }[] = []
  let queueBytes = 0
  let queueTimer: NodeJS.Timeout | undefined
  let messages = 0
  let stopped = false

  function parse({ id, host, port, also }: Peer) {
    const places = also === undefined || !isAddress(also) ? [{ host, port }] : [{ host, port }, also]
    const addresses = places.map((place) => {
      const kind = isIPv4(place.host) ? 'ip4' : isIPv6(place.host) ? 'ip6' : 'dns'
      return multiaddr(`/${kind}/${place.host}/tcp/${place.port}/p2p/${id}`)
    })
    return { peerId: peerIdFromString(id), addresses }
  }

  function onPeer(id: string, connected: boolean): void {
    if (!connected) reassembly.forget(id)
    if (!stopped) handlers.onPeer?.(id, connected)
  }

  // ---- in ----

  pubsub.addEventListener('gossipsub:message', ({ detail: { msg, propagationSource } }) => {
    if (stopped) return
    const frame = decodeFrame(msg.data)
    if (frame === undefined) {
      stats.droppedIn++
      return
    }
    if (frame.to !== '' && frame.to !== self) return // on its way to another
    const from = msg.topic === TO_ALL ? frame.from : propagationSource.toString()
    if (allowed.has(from)) accept(from, frame)
    else stats.droppedIn++
  })

  function accept(from: string, frame: Frame): void {
    if (frame.count === 1) return deliver(from, Uint8Array.from(frame.piece))
    const before = reassembly.abandoned
    const key = `${frame.boot} ${frame.message}`
    const payload = reassembly.add(from, key, frame.index, frame.count, frame.piece, monotonicMs())
    stats.droppedIn += reassembly.abandoned - before
    if (payload !== undefined) deliver(from, payload)
  }

  function deliver(from: string, payload: Uint8Array): void {
    stats.messagesIn++
    stats.bytesIn += payload.byteLength
    handlers.onMessage(from, payload)
  }

  // ---- out ----

  function publish(topic: string, frame: Uint8Array): void {
    pubsub.publish(topic, frame).then(
      ({ recipients }) => {
        if (recipients.length === 0) stats.droppedOut++
      },
      () => {
        stats.droppedOut++
      },
    )
  }

  /** Sends a payload whole, or its pieces one by one. */
  function emit(topic: string, from: string, to: string, payload: Uint8Array): boolean {
    const count = Math.max(1, Math.ceil(payload.byteLength / PIECE_BYTES_MAX))
    if (
      stopped ||
      isTooLong(payload, nameOf(topic, to), handlers.onWarning) ||
      (count > 1 && queueBytes + payload.byteLength > QUEUE_BYTES_MAX)
    ) {
      stats.droppedOut++
      return false
    }
    stats.messagesOut++
    stats.bytesOut += payload.byteLength
    const message = messages++
    for (let index = 0; index < count; index++) {
      const piece = payload.subarray(index * PIECE_BYTES_MAX, (index + 1) * PIECE_BYTES_MAX)
      const frame = writer.encode(from, to, message, index, count, piece)
      if (count === 1) publish(topic, frame)
      else {
        queue.push({ topic, frame })
        queueBytes += frame.byteLength
      }
    }
    if (count > 1) sendPieces()
    return true
  }

  function sendPieces(): void {
    if (queueTimer !== undefined) return
    const next = queue.shift()
    if (next === undefined) return
    queueBytes -= next.frame.byteLength
    publish(next.topic, next.frame)
    queueTimer = setTimeout(() => {
      queueTimer = undefined
      sendPieces()
    }, PIECE_INTERVAL_MS)
  }

  pubsub.subscribe(TO_ALL)
  pubsub.subscribe(inboxOf(self))
  const bound = node.getMultiaddrs()[0]?.toOptions()

  return {
    self,
    host,
    port: bound?.port ?? options.port,
    stats,
    send(to, payload) {
      if (!allowed.has(to)) {
        stats.droppedOut++
        return false
      }
      // Without a direct link another peer may have one.
      if (links.isConnected(to)) return emit(inboxOf(to), '', '', payload)
      return emit(TO_ALL, self, to, payload)
    },
    broadcast(payload) {
      const peers = [...allowed]
      if (peers.length === 0 || !peers.every(links.isConnected)) return emit(TO_ALL, self, '', payload)
      // Nobody needs another to pass it on, and on the shared topic each would to all: with five sentinels sixteen messages instead of four.
      return peers.map((id) => emit(inboxOf(id), '', '', payload)).every(Boolean)
    },
    setPeers(peers) {
      const valid = takeable(peers.filter(isUsable), self, handlers.onWarning)
      allowed.clear()
      topics.clear()
      for (const topic of [TO_ALL, inboxOf(self)]) topics.add(topic)
      for (const { id } of valid) {
        allowed.add(id)
        topics.add(inboxOf(id))
      }
      links.setPeers(valid)
    },
    peers: links.peers,
    async stop() {
      if (stopped) return
      stopped = true
      clearTimeout(queueTimer)
      queue.length = 0
      links.stop()
      // Not unsubscribe(): it starts a back-off at the others. And closing waits for peers that may be frozen.
      await Promise.race([node.stop(), new Promise((resolve) => setTimeout(resolve, STOP_MS_MAX).unref())])
    },
  }
}

/** What comes from a hello may be anything. */
const isUsable = (peer: Peer): boolean => isAddress(peer) && isPeerId(peer.id)

function isAddress({ host, port }: { host: string; port: number }): boolean {
  const named = isIPv4(host) || isIPv6(host) || /^[a-z0-9_]([a-z0-9_.-]{0,252})$/i.test(host)
  return named && Number.isInteger(port) && port > 0 && port < 65_536
}

/** libp2p wraps the system's error; the innermost one says what happened. */
function reasonOf(error: Error): string {
  const inner = (error as AggregateError).errors?.[0] ?? error.cause
  return inner instanceof Error ? reasonOf(inner) : error.message
}
