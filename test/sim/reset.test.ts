// One sentinel and one server are down, an operator resets, the primary dies and is replaced, and the sentinel comes back: it knows
// nobody but its old peers and dead servers. Production's cores in the simulated world, for many timings.
import { expect, it } from 'vitest'
import { primaryToName } from '../../src/sentinel/certainty.ts'
import { createNetwork } from './network.ts'
import { createSentinel, type Packet, type Sentinel } from './sentinel-process.ts'
import { createServers } from './servers.ts'
import { createWorld } from './world.ts'

const SEEDS = 20

it('a sentinel that was reset away while it was down is a member again, and names the new primary', () => {
  for (let seed = 1; seed <= SEEDS; seed++) comeBack(seed)
})

function comeBack(seed: number): void {
  const print = process.env.VEDETTE_SIM_SEED === String(seed) ? (line: string) => console.log(line) : undefined
  const world = createWorld(seed, print)
  const sentinels = new Map<string, Sentinel>()
  const network = createNetwork<Packet>(world, (to, packet) => sentinels.get(to)?.receive(packet))
  const servers = createServers(world, 3, { onOrder() {}, onWrite() {}, wipe: 0 })
  for (const i of [1, 2, 3]) {
    const id = `s${i}`
    const host = `10.0.1.${i}`
    const self = { peer: id, runId: id.repeat(20), gossip: { host, port: 2 }, resp: { host, port: 1 } }
    const settings = { downAfterMs: 1_000 }
    const groups = [{ name: 'm', primary: servers.all[0]!.address, quorum: 2, settings }]
    sentinels.set(
      id,
      createSentinel({
        world,
        id,
        self,
        groups,
        servers,
        hooks: {
          send: (from, to, packet) => network.send(from, to, packet),
          raft: { onReady() {}, restore() {}, apply() {}, afterEvent() {} },
          onEffect(_, effect) {
            if (effect.type === 'log') world.trace(() => `${id} ${effect.text}`)
            if (effect.type === 'answer') world.trace(() => `${id} answers ${effect.result.text}`)
          },
        },
      }),
    )
  }
  const [a, b, late] = [...sentinels.values()] as [Sentinel, Sentinel, Sentinel]
  const named = (one: Sentinel): string | undefined => {
    if (one.core === undefined) return undefined
    return primaryToName(one.core.state, 'm', one.life.clockMs())?.host
  }
  const until = (what: string, done: () => boolean, forMs = 30_000): void => {
    const arrived = world.runUntil(world.nowMs() + forMs, done)
    expect(arrived, `seed ${seed}: ${what}`).toBe(true)
  }
  const voters = (one: Sentinel): readonly string[] => one.core?.state.raft.voters ?? []
  const replicasKnown = (one: Sentinel): number => one.core?.state.topology.groups.get('m')?.replicas.length ?? 0

  for (const one of [a, b, late]) one.start()
  until('formed', () => [a, b, late].every((one) => replicasKnown(one) === 2))
  late.crash()
  servers.kill(servers.all[2]!)
  world.runUntil(world.nowMs() + world.between(3_000, 6_000))
  a.feed({ type: 'request', id: 1, request: { kind: 'reset', groups: ['m'] } })
  until('reset', () => voters(a).length === 2 && voters(b).length === 2)
  until('the replica is found again', () => replicasKnown(a) === 1 && replicasKnown(b) === 1)
  const replica = servers.all[1]!
  world.runUntil(world.nowMs() + world.between(0, 1_000))
  servers.kill(servers.all[0]!)
  until('failed over', () => named(a) === replica.address.host && named(b) === replica.address.host)
  late.start()
  until('the late one names the new primary', () => named(late) === replica.address.host)
  until('it votes', () => [a, b, late].every((one) => voters(one).length === 3))
}
