// What every transport between sentinels must do, as one suite over a small world: the implementations differ in how a
// world is made, not in what is expected of them.
import { afterEach, describe, expect, it } from 'vitest'
import { generatePeerKey } from '../../../src/io/gossip/identity.ts'
import type { Peer, PeerTransport } from '../../../src/io/transport.ts'
import { MESSAGE_BYTES_MAX, PEERS_MAX } from '../../../src/lib/limits.ts'

/** One transport of a world, with what came out of it. */
export interface Member {
  transport: PeerTransport
  peer: Peer
  received: { from: string; payload: Buffer }[]
  events: { id: string; connected: boolean }[]
  warnings: string[]
}

export interface World {
  /** Starts member number `index`; once more after its stop: the same identity at the same address. */
  start(index: number): Promise<Member>
  close(): Promise<void>
}

/** Collects what a transport hands over. */
export function recorder() {
  const received: Member['received'] = []
  const events: Member['events'] = []
  const warnings: string[] = []
  return {
    received,
    events,
    warnings,
    handlers: {
      onMessage: (from: string, payload: Uint8Array) => void received.push({ from, payload: Buffer.from(payload) }),
      onPeer: (id: string, connected: boolean) => void events.push({ id, connected }),
      onWarning: (text: string) => void warnings.push(text),
    },
  }
}

/** Waits until the condition holds; `again` is done before each look. Fails after 30 s with the description. */
export async function until(what: string, holds: () => boolean, again: () => void = () => {}): Promise<void> {
  const deadline = performance.now() + 30_000
  for (;;) {
    if (holds()) return
    if (performance.now() > deadline) throw new Error(`not within 30 s: ${what}`)
    again()
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

const connected = ({ transport }: Member): string[] =>
  transport
    .peers()
    .filter((peer) => peer.connected)
    .map(({ id }) => id)
    .sort()

export async function connectAll(members: Member[]): Promise<void> {
  for (const { transport } of members) transport.setPeers(members.map(({ peer }) => peer))
  await until('all are connected', () => members.every((member) => connected(member).length === members.length - 1))
}

const texts = (member: Member): string[] => member.received.map(({ payload }) => payload.toString())

/** Messages may get lost, so what must arrive is sent until it does. */
async function deliver(from: Member, to: Member, text: string): Promise<void> {
  await until(
    `${text} arrives`,
    () => to.received.some((each) => each.payload.toString() === text && each.from === from.transport.self),
    () => from.transport.send(to.transport.self, Buffer.from(text)),
  )
}

export function transportSuite(name: string, createWorld: () => World): void {
  describe(name, () => {
    let world: World
    const start = async (count: number): Promise<Member[]> => {
      world = createWorld()
      return Promise.all(Array.from({ length: count }, (_, index) => world.start(index)))
    }
    afterEach(() => world.close())

    it('connects those who list each other, and tells so', async () => {
      const members = await start(3)
      expect(members.map(connected)).toEqual([[], [], []])
      await connectAll(members)
      for (const { transport, events } of members) {
        const others = members.map(({ peer }) => peer.id).filter((id) => id !== transport.self)
        expect(
          transport
            .peers()
            .map(({ id }) => id)
            .sort(),
        ).toEqual(others.sort())
        await until('the events came', () => others.every((id) => events.some((e) => e.id === id && e.connected)))
      }
    })

    it('carries messages to one peer, with the sender, and to nobody else', async () => {
      const [a, b, c] = (await start(3)) as [Member, Member, Member]
      await connectAll([a, b, c])
      await deliver(a, b, 'to b')
      await deliver(c, b, 'also to b')
      await deliver(b, c, 'to c')
      expect(new Set(texts(c))).toEqual(new Set(['to c']))
      expect(a.received).toEqual([])
      expect(b.transport.stats.messagesIn).toBe(b.received.length)
      expect(a.transport.stats.messagesOut).toBeGreaterThan(0)
    })

    it('delivers equal messages as often as they are sent, and the bytes as they were', async () => {
      const [a, b] = (await start(2)) as [Member, Member]
      await connectAll([a, b])
      const bytes = Buffer.from([0, 255, 10, 13, 0])
      const buffer = Buffer.from(bytes)
      for (let i = 0; i < 50; i++) a.transport.send(b.transport.self, buffer)
      buffer.fill(1) // the sender may reuse its buffer
      await until('all are there', () => b.received.length === 50)
      expect(b.received.every(({ payload }) => payload.equals(bytes))).toBe(true)
      a.transport.send(b.transport.self, Buffer.alloc(0))
      await until('the empty one too', () => b.received.length === 51)
    })

    it('broadcasts to everyone but the sender', async () => {
      const members = await start(3)
      await connectAll(members)
      const [a, b, c] = members as [Member, Member, Member]
      await until(
        'both have it',
        () => texts(b).includes('news') && texts(c).includes('news'),
        () => void a.transport.broadcast(Buffer.from('news')),
      )
      expect(b.received[0]!.from).toBe(a.transport.self)
      expect(a.received).toEqual([])
    })

    it('carries long messages whole, and refuses those beyond the limit', async () => {
      const [a, b] = (await start(2)) as [Member, Member]
      await connectAll([a, b])
      const long = Buffer.alloc(3_000_001, 'abc')
      await until('it arrives', () => b.received.some(({ payload }) => payload.equals(long)), sendOnce(a, b, long))
      const longest = Buffer.alloc(MESSAGE_BYTES_MAX, 'x')
      await until(
        'it arrives',
        () => b.received.some(({ payload }) => payload.equals(longest)),
        sendOnce(a, b, longest),
      )
      const before = a.transport.stats.droppedOut
      expect(a.transport.send(b.transport.self, Buffer.alloc(MESSAGE_BYTES_MAX + 1))).toBe(false)
      expect(a.transport.stats.droppedOut).toBe(before + 1)
      expect(a.warnings).toEqual([
        `A message of ${MESSAGE_BYTES_MAX + 1} bytes to ${b.transport.self} is longer than the limit of ${MESSAGE_BYTES_MAX}: not sent`,
      ])
      await deliver(a, b, 'still alive')
    })

    it('takes as many peers as a sentinel knows, and says so when there are more', async () => {
      const [a, b] = (await start(2)) as [Member, Member]
      const many = Array.from({ length: PEERS_MAX }, () => ({ ...b.peer, id: generatePeerKey().peerId }))
      a.transport.setPeers([a.peer, ...many])
      expect(a.transport.peers().length).toBe(PEERS_MAX)
      expect(a.warnings).toEqual([])
      a.transport.setPeers([...many, b.peer])
      expect(a.transport.peers().length).toBe(PEERS_MAX)
      expect(a.warnings).toEqual([
        `${PEERS_MAX + 1} peers are more than the ${PEERS_MAX} that can be talked to: the last 1 are left out`,
      ])
      a.transport.setPeers([])
    })

    it('keeps those out whom it does not list', async () => {
      const [a, b, c] = (await start(3)) as [Member, Member, Member]
      await connectAll([a, b])
      c.transport.setPeers([a.peer, b.peer])
      await deliver(a, b, 'x')
      await new Promise((resolve) => setTimeout(resolve, 500))
      c.transport.send(a.transport.self, Buffer.from('let me in'))
      c.transport.broadcast(Buffer.from('let me in'))
      await deliver(b, a, 'y')
      expect(connected(c)).toEqual([])
      expect(texts(a)).not.toContain('let me in')
      expect(a.transport.send(c.transport.self, Buffer.from('no'))).toBe(false)
    })

    it('takes members in and lets them go while it runs', async () => {
      const members = await start(4)
      const [a, b, c, d] = members as [Member, Member, Member, Member]
      await connectAll([a, b, c])
      await connectAll(members)
      await deliver(d, a, 'I am new')
      await deliver(a, d, 'welcome')
      for (const member of [a, b, c]) member.transport.setPeers([a.peer, b.peer, c.peer])
      await until('d is out', () => connected(d).length === 0)
      await until('d is told off', () => a.events.some((e) => e.id === d.peer.id && !e.connected))
      await deliver(b, c, 'the rest goes on')
    })

    it('ignores entries that are no peers', async () => {
      const [a, b] = (await start(2)) as [Member, Member]
      a.transport.setPeers([a.peer, b.peer])
      b.transport.setPeers([a.peer, b.peer])
      await deliver(a, b, 'x')
      expect(a.transport.peers().map(({ id }) => id)).toEqual([b.peer.id])
      expect(a.transport.send(a.transport.self, Buffer.from('to myself'))).toBe(false)
      expect(a.transport.send('nobody', Buffer.from('x'))).toBe(false)
    })

    it('finds a peer again that stopped and came back', async () => {
      const members = await start(3)
      const [a, b, c] = members as [Member, Member, Member]
      await connectAll(members)
      for (const [index, gone] of members.entries()) {
        await gone.transport.stop()
        const others = members.filter((member) => member !== gone)
        await until('the others notice', () => others.every((o) => !connected(o).includes(gone.peer.id)))
        const back = await world.start(index)
        members[index] = back
        back.transport.setPeers(members.map(({ peer }) => peer))
        await until('all are connected', () => members.every((member) => connected(member).length === 2))
        for (const other of others) {
          await deliver(back, other, `back ${index}`)
          await deliver(other, back, `hello ${index}`)
        }
      }
      expect([a, b, c].every((old) => !members.includes(old))).toBe(true)
    })

    it('is silent after stop', async () => {
      const [a, b] = (await start(2)) as [Member, Member]
      await connectAll([a, b])
      await b.transport.stop()
      await b.transport.stop()
      b.transport.send(a.transport.self, Buffer.from('ghost'))
      const { length } = b.events
      await until('a notices', () => connected(a).length === 0)
      expect(texts(a)).not.toContain('ghost')
      expect(b.events.length).toBe(length)
    })
  })
}

/** Sends at the first call, and again every five seconds: a long message is whole or lost. */
function sendOnce(from: Member, to: Member, payload: Buffer): () => void {
  let nextMs = 0
  return () => {
    if (performance.now() < nextMs) return
    nextMs = performance.now() + 5_000
    expect(from.transport.send(to.transport.self, payload)).toBe(true)
  }
}
