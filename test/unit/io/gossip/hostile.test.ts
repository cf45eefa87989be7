// What strangers and broken members may send to the gossip port: nothing of it ends the process, reaches the handlers, or
// disturbs the others.
import { randomBytes } from 'node:crypto'
import { connect } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { createFrameWriter } from '../../../../src/io/gossip/frame.ts'
import { generatePeerKey, type PeerKey } from '../../../../src/io/gossip/identity.ts'
import { type GossipNode, multiaddr, startNode } from '../../../../src/io/gossip/node.ts'
import { startGossip } from '../../../../src/io/gossip.ts'
import { connectAll, type Member, recorder, until } from '../transport-suite.ts'

const SWARM_KEY = 'ab'.repeat(32)
const cleanups: (() => Promise<unknown>)[] = []
afterEach(async () => {
  await Promise.all(cleanups.splice(0).map((cleanup) => cleanup()))
})

async function member(swarmKey?: string): Promise<Member> {
  const { handlers, ...record } = recorder()
  const transport = await startGossip({ key: generatePeerKey(), host: '127.0.0.1', port: 0, swarmKey }, handlers)
  cleanups.push(() => transport.stop())
  return { transport, peer: { id: transport.self, host: transport.host, port: transport.port }, ...record }
}

/** A node with libp2p's bare tools in the place of ours, connected to the member. */
async function rogue(key: PeerKey, target: Member, swarmKey?: string): Promise<GossipNode> {
  const gossip = await startNode({
    keyProtobuf: key.protobuf,
    listen: '/ip4/127.0.0.1/tcp/0',
    swarmKey,
    allowed: () => true,
    nonceBytes: 16,
    rpcBytesMax: 8 << 20,
    outboundBytesMax: 64 << 20,
    topics: ['/vedette/1/all', `/vedette/1/to/${target.peer.id}`, `/vedette/1/to/${key.peerId}`],
  })
  cleanups.push(async () => gossip.node.stop())
  return gossip
}
const addressOf = ({ peer }: Member) => multiaddr(`/ip4/127.0.0.1/tcp/${peer.port}/p2p/${peer.id}`)

async function stillWork(a: Member, b: Member): Promise<void> {
  const text = `still here ${randomBytes(4).toString('hex')}`
  await until(
    'a message arrives',
    () => b.received.some(({ payload }) => payload.toString() === text),
    () => a.transport.send(b.transport.self, Buffer.from(text)),
  )
}

describe('strangers', () => {
  it.each([undefined, SWARM_KEY])(
    'with random bytes, half-open and slow connections (swarm key %s)',
    async (swarmKey) => {
      const [a, b] = await Promise.all([member(swarmKey), member(swarmKey)])
      await connectAll([a, b])
      const sockets = Array.from({ length: 60 }, (_, i) => {
        const socket = connect({ host: '127.0.0.1', port: a.peer.port, allowHalfOpen: true })
        socket.on('error', () => {}).resume()
        socket.on('connect', () => {
          if (i % 3 === 0) socket.write(randomBytes(1 + i * 50))
          if (i % 3 === 1) socket.end('\x13/multistream/1.0.0\n')
        })
        return socket
      })
      await stillWork(a, b)
      const held = () => sockets.filter((socket) => !socket.destroyed && !socket.readableEnded).length
      await until('they are thrown out', () => held() === 0)
      for (const socket of sockets) socket.destroy()
      await stillWork(b, a)
    },
  )

  it('with another swarm key, or none, do not get in', async () => {
    const a = await member(SWARM_KEY)
    for (const swarmKey of ['cd'.repeat(32), undefined]) {
      const key = generatePeerKey()
      a.transport.setPeers([{ id: key.peerId, host: '127.0.0.1', port: 1 }]) // even listed
      const { node } = await rogue(key, a, swarmKey)
      await expect(node.dial(addressOf(a), { signal: AbortSignal.timeout(3_000) })).rejects.toThrow()
    }
  })

  it('that are not listed do not get in, although their key is good', async () => {
    const a = await member()
    const { node, pubsub } = await rogue(generatePeerKey(), a)
    await node.dial(addressOf(a), { signal: AbortSignal.timeout(3_000) }).catch(() => {})
    await until('it is thrown out', () => node.getConnections().length === 0)
    expect(pubsub.getSubscribers('/vedette/1/all')).toEqual([])
    expect(a.events).toEqual([])
  })
})

describe('a broken member', () => {
  it('is counted and not heard, and the others go on', async () => {
    const [a, b] = await Promise.all([member(), member()])
    const key = generatePeerKey()
    const peers = [a.peer, b.peer, { id: key.peerId, host: '127.0.0.1', port: 1 }]
    for (const { transport } of [a, b]) transport.setPeers(peers)
    const { node, pubsub } = await rogue(key, a)
    const inbox = `/vedette/1/to/${a.peer.id}`
    pubsub.subscribe('/vedette/1/all')
    await until(
      'it is connected',
      () => pubsub.getSubscribers(inbox).length === 1,
      () => {
        if (node.getConnections().length === 0) void node.dial(addressOf(a)).catch(() => {})
      },
    )

    // Garbage in place of frames, in every length.
    for (let i = 0; i < 200; i++) await pubsub.publish(i % 2 === 0 ? inbox : '/vedette/1/all', randomBytes(i))
    await until('it is counted', () => a.transport.stats.droppedIn > 100)

    // A frame in another's name: on the inbox topic the link's identity counts.
    const writer = createFrameWriter(randomBytes(8))
    const forged = writer.encode(b.peer.id, a.peer.id, 1, 0, 1, Buffer.from('forged'))
    await pubsub.publish(inbox, forged)
    await until('it is taken for what it is', () => a.received.some(({ payload }) => payload.toString() === 'forged'))
    expect(a.received.find(({ payload }) => payload.toString() === 'forged')!.from).toBe(key.peerId)

    // Pieces that never become whole.
    for (let i = 0; i < 50; i++) await pubsub.publish(inbox, writer.encode('', '', i, 0, 3, randomBytes(1_000)))

    // Random bytes on gossipsub's own stream, and an announced length beyond the limit.
    for (const bytes of [randomBytes(5_000), Buffer.from([0xff, 0xff, 0xff, 0x7f])]) {
      const stream = await node.dialProtocol(addressOf(a), '/meshsub/1.2.0')
      await stream.sink([bytes]).catch(() => {})
    }
    await connectAll([a, b].map((each) => ({ ...each })))
    await stillWork(a, b)
    await stillWork(b, a)
    expect(a.received.every(({ from }) => [b.peer.id, key.peerId].includes(from))).toBe(true)
  })
})
