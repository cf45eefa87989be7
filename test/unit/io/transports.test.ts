// Both transports, through the one suite.

import { generatePeerKey } from '../../../src/io/gossip/identity.ts'
import { startGossip } from '../../../src/io/gossip.ts'
import { createMemoryNetwork } from '../../../src/io/memory-transport.ts'
import { type Member, recorder, transportSuite, type World } from './transport-suite.ts'

transportSuite('in memory', (): World => {
  const network = createMemoryNetwork()
  return {
    async start(index): Promise<Member> {
      const { handlers, ...record } = recorder()
      const transport = network.start(`member-${index}`, handlers)
      return { transport, peer: { id: transport.self, host: 'memory', port: 1 }, ...record }
    },
    async close() {},
  }
})

function gossipWorld(swarmKey: string | undefined): World {
  const keys = new Map<number, { key: ReturnType<typeof generatePeerKey>; port: number }>()
  const running: Member[] = []
  return {
    async start(index): Promise<Member> {
      const known = keys.get(index) ?? { key: generatePeerKey(), port: 0 }
      const { handlers, ...record } = recorder()
      const transport = await startGossip({ key: known.key, host: '127.0.0.1', port: known.port, swarmKey }, handlers)
      keys.set(index, { key: known.key, port: transport.port })
      const member = { transport, peer: { id: transport.self, host: transport.host, port: transport.port }, ...record }
      running.push(member)
      return member
    },
    async close() {
      await Promise.all(running.map(({ transport }) => transport.stop()))
    },
  }
}

transportSuite('gossip on loopback', () => gossipWorld(undefined))
transportSuite('gossip with a swarm key', () => gossipWorld('5a'.repeat(32)))
