// The libp2p node under the gossip transport, and the only file that imports libp2p: loaded with import() while the sentinel
// is at work already, because loading takes a third of a second. Each option that differs from its default says why;
// the versions in package.json are exact, because others install and then fail silently.
import '../polyfill.ts'
import { createRequire } from 'node:module'
import { type GossipSub, gossipsub } from '@chainsafe/libp2p-gossipsub'
import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@chainsafe/libp2p-yamux'
import { privateKeyFromProtobuf } from '@libp2p/crypto/keys'
import { identify } from '@libp2p/identify'
import type { Connection, Libp2p, PeerId } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { ping } from '@libp2p/ping'
import { preSharedKey } from '@libp2p/pnet'
import { tcp } from '@libp2p/tcp'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import { CONNECTIONS_MAX, TOPICS_MAX } from '../../lib/limits.ts'

export type { Connection, Multiaddr, PeerId }
export { multiaddr, peerIdFromString }

export interface NodeOptions {
  keyProtobuf: Uint8Array
  /** As /ip4/127.0.0.1/tcp/0. */
  listen: string
  /** 64 hexadecimal digits. */
  swarmKey: string | undefined
  /** Whether the peer of this ID may connect. */
  allowed: (id: string) => boolean
  /** Bytes at the start of a message's data that are its identity. */
  nonceBytes: number
  /** Largest RPC that is accepted, and what may wait for a peer that does not read. */
  rpcBytesMax: number
  outboundBytesMax: number
  /** What a member may subscribe to; changes with the membership. */
  topics: Iterable<string>
}

export interface GossipNode {
  node: Libp2p
  pubsub: GossipSub
  /** The live set behind gossipsub's allowedTopics. */
  topics: Set<string>
}

/** A started node, listening. */
export async function startNode(options: NodeOptions): Promise<GossipNode> {
  if (options.swarmKey !== undefined) reserveCipherMemory()
  const stranger = async (peer: PeerId): Promise<boolean> => !options.allowed(peer.toString())
  const node = await createLibp2p({
    privateKey: privateKeyFromProtobuf(options.keyProtobuf),
    addresses: { listen: [options.listen] },
    transports: [tcp()], // noDelay and keepAlive are on by default
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    ...(options.swarmKey === undefined
      ? {}
      : { connectionProtector: preSharedKey({ psk: swarmKeyFile(options.swarmKey) }) }),
    // The list of peers: noise proves an ID, the pre-shared key alone does not.
    connectionGater: {
      denyDialPeer: stranger,
      denyInboundEncryptedConnection: stranger,
      denyOutboundEncryptedConnection: stranger,
    },
    connectionManager: {
      maxConnections: CONNECTIONS_MAX,
      dialTimeout: 1_000,
      inboundUpgradeTimeout: 2_000,
      // Gossipsub opens its streams one after the other, so a peer that froze in the middle would hold up the others.
      outboundStreamProtocolNegotiationTimeout: 1_000,
      inboundStreamProtocolNegotiationTimeout: 1_000,
      inboundConnectionThreshold: 50, // 5 a second and address refuses sentinels on one host
      maxIncomingPendingConnections: 64,
    },
    // Only clears away half-dead sockets. Tighter than 2 s and 5 s aborts healthy links under load, and each ping is a stream.
    connectionMonitor: { pingInterval: 5_000, pingTimeout: { minTimeout: 5_000, maxTimeout: 5_000 } },
    services: {
      identify: identify(),
      ping: ping(),
      pubsub: gossipsub({
        globalSignaturePolicy: 'StrictNoSign', // members are proven by noise and the list; signing costs milliseconds
        msgIdFn: ({ data }) => data.subarray(0, options.nonceBytes),
        D: 6,
        Dlo: 6,
        Dhi: 12,
        Dout: 0, // everyone in everyone's mesh, up to 7 nodes
        floodPublish: true,
        emitSelf: false,
        doPX: false,
        fallbackToFloodsub: false,
        allowPublishToZeroTopicPeers: true, // else publish throws while nobody is there
        ignoreDuplicatePublishError: true,
        heartbeatInterval: 1_000, // upkeep of the mesh only; messages do not wait for it
        mcacheLength: 3,
        mcacheGossip: 2,
        seenTTL: 60_000,
        tagMeshPeers: false, // a tag makes libp2p dial by itself
        maxInboundDataLength: options.rpcBytesMax,
        maxOutboundBufferSize: options.outboundBytesMax, // unbounded by default
        decodeRpcLimits: {
          maxSubscriptions: TOPICS_MAX,
          maxMessages: 256,
          maxIhaveMessageIDs: 5_000,
          maxIwantMessageIDs: 5_000,
          maxIdontwantMessageIDs: 512,
          maxControlMessages: 512,
          maxPeerInfos: 16,
        },
        allowedTopics: [...options.topics],
        scoreParams: { IPColocationFactorWeight: 0, behaviourPenaltyWeight: 0, topics: {}, decayInterval: 10_000 },
        // No directPeers: they leave the mesh, and a dead one blocks gossipsub's heartbeat.
      }),
    },
  })
  node.addEventListener('connection:open', ({ detail }) => saveWindowUpdates(detail))
  const pubsub = node.services.pubsub as GossipSub
  return { node, pubsub, topics: liveTopics(pubsub) }
}

/** Members come and go, but gossipsub takes its allow-list of topics only once: it is changed in place. */
function liveTopics(pubsub: GossipSub): Set<string> {
  const { allowedTopics } = pubsub as unknown as { allowedTopics: unknown }
  if (allowedTopics instanceof Set) return allowedTopics
  throw new Error('this version of gossipsub keeps its allowed topics elsewhere; see package.json for the one to use')
}

/**
 * yamux answers every read with a window update, be it of 60 bytes: a second packet, encrypted and written, for each heartbeat
 * (a quarter of an idle sentinel's CPU). This holds updates back until half the window is used, as other yamux
 * implementations do; the sender always has the other half left. Where the internals differ, nothing is changed.
 */
interface YamuxStream {
  state: number
  recvWindow: number
  recvWindowCapacity: number
  sendWindowUpdate: () => void
}
const YAMUX_ESTABLISHED = 3
let windowUpdatesSaved = false
function saveWindowUpdates(connection: Connection): void {
  const stream = connection.streams[0] as unknown as Partial<YamuxStream> | undefined
  if (windowUpdatesSaved || stream === undefined) return
  windowUpdatesSaved = true
  const { sendWindowUpdate } = stream
  if (typeof stream.recvWindow !== 'number' || typeof stream.recvWindowCapacity !== 'number') return
  if (typeof stream.state !== 'number' || sendWindowUpdate === undefined) return
  const prototype = Object.getPrototypeOf(stream) as YamuxStream
  prototype.sendWindowUpdate = function (this: YamuxStream) {
    const used = this.recvWindow - this.recvWindowCapacity
    if (this.state !== YAMUX_ESTABLISHED || used >= this.recvWindow / 2) sendWindowUpdate.call(this)
  }
}

function swarmKeyFile(hex: string): Uint8Array {
  return new TextEncoder().encode(`/key/swarm/psk/1.0.0/\n/base16/\n${hex}`)
}

/**
 * xsalsa20, the cipher of the pre-shared key, loses the state of all connections when its WebAssembly memory grows, and pnet
 * never gives its slots back, so that a few thousand connections (of strangers, too) poison the process. Growing
 * once, before the first connection, costs address space only.
 */
const CIPHER_BYTES = 60 << 20
let reserved = false
function reserveCipherMemory(): void {
  if (reserved) return
  reserved = true
  type Cipher = { _xor: { realloc?: (bytes: number) => void }; finalize: () => void }
  const create = createRequire(import.meta.url)('xsalsa20') as (nonce: Uint8Array, key: Uint8Array) => Cipher
  const cipher = create(new Uint8Array(24), new Uint8Array(32))
  cipher._xor.realloc?.(CIPHER_BYTES)
  cipher.finalize()
}
