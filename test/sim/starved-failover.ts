// A primary dies while every sentinel runs for a moment only out of each period (the servers run as ever): the failover takes
// longer, but it happens. Nothing that is promised is broken meanwhile.
import { addressKey } from '../../src/sentinel/address.ts'
import { createNetwork } from './network.ts'
import { NoProgress } from './outcome.ts'
import { createRaftCheckers } from './raft-checkers.ts'
import { createSentinelCheckers } from './sentinel-checkers.ts'
import { createSentinel, type Packet, type Sentinel, type SentinelHooks } from './sentinel-process.ts'
import { createServers } from './servers.ts'
import { createWorld } from './world.ts'

const FORM_MS = 15_000
const STARVE_MS = 10_000
const PATIENCE_MS = 30_000

/** From the primary's death until every sentinel names another, in ms. */
export function runStarvedFailover(
  seed: number,
  runMs: number,
  periodMs: number,
  print?: (line: string) => void,
): number {
  const world = createWorld(seed, print)
  const raftCheckers = createRaftCheckers(false)
  const sentinels = new Map<string, Sentinel>()
  const all = (): Sentinel[] => [...sentinels.values()]
  const network = createNetwork<Packet>(world, (to, packet) => sentinels.get(to)?.receive(packet))
  const servers = createServers(world, 3, {
    wipe: 0,
    onOrder: (server, order) => checkers.onOrder(server, order),
    onWrite: (server) => checkers.onWrite(server),
  })
  const checkers = createSentinelCheckers(servers, world.nowMs)
  const hooks: SentinelHooks = {
    send(from, to, packet) {
      if (packet.kind === 'raft') raftCheckers.onSend(packet.message)
      network.send(from, to, packet)
    },
    raft: {
      onReady: raftCheckers.onReady,
      restore: (process, { snapshot }) => raftCheckers.onRestore(process, snapshot),
      apply(process, ready) {
        raftCheckers.onApply(process, ready)
        checkers.onApply(ready)
      },
      afterEvent: (process) =>
        raftCheckers.afterEvent(
          process,
          all().flatMap((sentinel) => sentinel.process ?? []),
        ),
    },
    onEffect(sentinel, effect) {
      if (effect.type === 'log') world.trace(() => `${sentinel.id} ${effect.text}`)
      checkers.onEffect(sentinel, effect)
    },
  }
  for (let i = 1; i <= 3; i++) {
    const id = `s${i}`
    const host = `10.0.1.${i}`
    const self = { peer: id, runId: `${i}`.repeat(40), gossip: { host, port: 26381 }, resp: { host, port: 26379 } }
    const groups = [{ name: 'm', primary: servers.all[0]!.address, quorum: 2, settings: { downAfterMs: 1000 } }]
    sentinels.set(id, createSentinel({ world, id, self, groups, servers, hooks }))
  }
  for (const sentinel of all()) world.after(world.between(0, 300), () => sentinel.start())

  const known = (): boolean => all().every(({ core }) => core?.state.topology.groups.get('m')?.replicas.length === 2)
  if (!world.runUntil(FORM_MS, known)) throw new NoProgress('the group did not form')
  for (const { life } of all()) {
    const turn = (): void => {
      life.freeze(periodMs - runMs)
      world.after(periodMs * world.between(0.9, 1.1), turn)
    }
    world.after(world.between(0, periodMs), turn)
  }
  world.runUntil(world.nowMs() + STARVE_MS)
  const old = servers.all[0]!
  servers.kill(old)
  const diedMs = world.nowMs()
  const replaced = (): boolean =>
    all().every(({ core }) => addressKey(core!.state.topology.groups.get('m')!.primary) !== old.key)
  if (!world.runUntil(diedMs + PATIENCE_MS, replaced)) throw new NoProgress('the dead primary was not replaced')
  return world.nowMs() - diedMs
}
