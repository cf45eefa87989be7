// One simulated beginning of a quorum, and its later life under replacement: sentinels that start when they like, find each other
// through a server's channel, freeze, are cut off from each other and die for good before there is a group; hellos that
// somebody invents; and later, sentinels that come back without their folder under their old name. Checked throughout: one
// group at most ever exists. In the end those who live are one group with a leader, and nobody dead has a vote for long.
import type { Effect } from '../../src/sentinel/effects.ts'
import { groupOf, isPlaceholder } from '../../src/sentinel/formation.ts'
import type { Hello } from '../../src/sentinel/hello.ts'
import { createNetwork } from './network.ts'
import { check, NoProgress } from './outcome.ts'
import { createSentinel, type Packet, type Sentinel } from './sentinel-process.ts'
import { createServers } from './servers.ts'
import { createWorld } from './world.ts'

/** How long there are faults: most lives are short, so that there can be many. */
const FAULTS_MS = [2_000, 4_000, 9_000]
const PATIENCE_MS = 30_000
const REPLACE_PATIENCE_MS = 30_000

export interface FormationTally {
  /** Groups that more than half of their seats have joined. */
  groups: number
  /** …of these, founded without all who were expected. */
  partial: number
  /** Sentinels that died before they belonged to a group. */
  died: number
  replaced: number
}

export function runFormation(seed: number, print?: (line: string) => void): FormationTally {
  const world = createWorld(seed, print)
  const faultsMs = world.pick(FAULTS_MS)
  const throughCodec = world.chance(0.1)
  const tally: FormationTally = { groups: 0, partial: 0, died: 0, replaced: 0 }
  const count = world.pick([3, 3, 4, 5, 5, 7])
  // As many as there should be: nothing then rests on who hears whom. Or more, or a quorum that says nothing: then no partitions.
  const certain = world.chance(0.6)
  const quorum = certain ? (count + 1) / 2 : world.pick([1, 2])
  const expect = certain && count % 2 === 0 ? count : undefined
  const founders = expect ?? 2 * Math.floor(quorum) - 1
  const sentinels = new Map<string, Sentinel>()
  const dead = new Set<string>()
  const all = (): Sentinel[] => [...sentinels.values()]
  const living = (): Sentinel[] => all().filter(({ id }) => !dead.has(id))

  const network = createNetwork<Packet>(world, (to, packet) => sentinels.get(to)?.receive(packet))
  const servers = createServers(world, 2, { wipe: 0, onOrder() {}, onWrite() {} })
  const primary = servers.all[0]!.address

  let existing: string | undefined
  const joined = new Map<string, string>()
  const onEffect = (sentinel: Sentinel, effect: Effect): void => {
    if (effect.type === 'log') world.trace(() => `${sentinel.id} ${effect.text}`)
    if (effect.type !== 'form') return
    const { id, members } = effect.group
    check(!joined.has(sentinel.id), () => `${sentinel.id} joins ${id} after ${joined.get(sentinel.id)}`)
    joined.set(sentinel.id, id)
    const here = members.filter((member) => joined.get(member) === id).length
    if (here * 2 <= members.length || existing === id) return
    check(existing === undefined, () => `two groups exist: ${existing} and ${id} of ${members}`)
    existing = id
    tally.groups++
    if (members.filter((member) => sentinels.has(member)).length < founders) tally.partial++
  }

  const add = (id: string, name: string): Sentinel => {
    const host = `10.0.1.${sentinels.size + 1}`
    const self = {
      peer: id,
      runId: id.repeat(40).slice(0, 40),
      gossip: { host, port: 2 },
      resp: { host, port: 1 },
      name,
    }
    const groups = [{ name: 'm', primary, quorum: Math.floor(quorum), settings: { downAfterMs: 1_000 } }]
    const sentinel = createSentinel({
      world,
      id,
      self,
      groups,
      servers,
      expect,
      throughCodec,
      hooks: {
        send: (from, to, packet) => network.send(from, to, packet),
        raft: { onReady() {}, restore() {}, apply() {}, afterEvent() {} },
        onEffect,
      },
    })
    sentinels.set(id, sentinel)
    return sentinel
  }

  const peaceful = (): boolean => world.nowMs() >= faultsMs
  const any = (): Sentinel => world.pick(living())
  let lost = 0
  const die = (): void => {
    // A majority of those that should be there lives on: fewer may never decide anything.
    if (living().length - 1 <= Math.max(founders, count) / 2) return
    const victim = any()
    const seats = Math.max(0, ...all().map(({ core }) => core?.state.raft.voters.length ?? 0))
    if (victim.group !== undefined && ++lost * 2 >= seats - 1) return
    world.trace(() => `--- ${victim.id} dies for good`)
    if (victim.group === undefined) tally.died++
    victim.crash()
    dead.add(victim.id)
  }
  const restart = (): void => {
    const sentinel = any()
    world.trace(() => `--- crash ${sentinel.id}`)
    sentinel.crash()
    world.after(world.between(1, 2_000), () => !dead.has(sentinel.id) && sentinel.start())
  }
  const split = (): void => {
    const side = all().flatMap(({ id }) => (world.chance(0.5) ? [id] : []))
    network.partition(
      side,
      all().flatMap(({ id }) => (side.includes(id) ? [] : [id])),
    )
    if (world.chance(0.3)) for (const id of side) servers.cut(id, servers.all[0]!.key)
  }
  let inventions = 0
  /** Somebody publishes what no sentinel said: names, addresses and groups, also those of living ones. */
  const invent = (): void => {
    const peer = world.chance(0.3) ? any().id : `x${inventions++}`
    const group = world.chance(0.5) ? groupOf([peer, world.chance(0.5) ? any().id : 'y']) : undefined
    const at = { host: '10.9.9.9', port: 1 }
    const hello: Hello = {
      runId: 'f'.repeat(40),
      peer,
      gossip: at,
      resp: at,
      group,
      view: [peer],
      of: 1,
      watches: ['m'],
      epoch: 7,
    }
    for (const sentinel of living()) sentinel.feed({ type: 'hello', hello })
  }
  const faults: readonly (() => void)[] = [
    die,
    restart,
    () => any().life.freeze(world.between(50, world.pick([500, 3_000]))),
    ...(certain ? [split, split, () => network.cut(any().id, any().id)] : []),
    () => network.heal(),
    () => servers.heal(),
    ...(certain ? [() => network.storm()] : []),
    () => network.calm(),
    invent,
    invent,
  ]
  const misfortune = (): void => {
    if (peaceful()) return
    world.pick(faults)()
    world.after(world.between(10, world.pick([100, 1_000])), misfortune)
  }

  for (let i = 1; i <= count; i++) add(`s${i}`, `pod-${i}`)
  for (const sentinel of all())
    world.after(world.between(0, world.pick([50, 300, 3_000])), () => dead.has(sentinel.id) || sentinel.start())
  world.after(world.pick([0, 100, 800, 3_000]), misfortune)
  world.runUntil(faultsMs)

  world.trace(() => '--- peace')
  network.heal()
  network.calm()
  servers.heal()
  for (const sentinel of living()) if (sentinel.core === undefined) sentinel.start()
  settle('a group of those who live', faultsMs + PATIENCE_MS)

  // Each is replaced in turn by one that has only its name, unless too few live for a majority already.
  const voters = leader()?.core?.state.raft.voters ?? []
  if (voters.filter((id) => !dead.has(id)).length * 2 - 2 > voters.length)
    for (const old of living()) {
      world.trace(() => `--- ${old.id} loses its folder`)
      old.crash()
      dead.add(old.id)
      world.runUntil(world.nowMs() + world.between(0, 3_000))
      add(`${old.id}n`, `pod-${old.id.slice(1)}`).start()
      tally.replaced++
      settle(`a vote for who replaces ${old.id}`, world.nowMs() + REPLACE_PATIENCE_MS)
    }
  return tally

  function leader(): Sentinel | undefined {
    return living().find(({ core }) => core?.state.raft.isLeader)
  }

  /** Waits until all who live are voters of one group with a leader that all know. */
  function settle(what: string, untilMs: number): void {
    let lookAtMs = 0
    const arrived = (): boolean => {
      if (world.nowMs() < lookAtMs) return false
      lookAtMs = world.nowMs() + 50
      const head = leader()
      if (head === undefined) return false
      const { voters } = head.core!.state.raft
      // The seats of those who were missing are given up, too.
      if (voters.some(isPlaceholder)) return false
      return living().every(
        ({ id, core, group }) =>
          voters.includes(id) && group?.id === head.group?.id && core?.state.raft.leader === head.id,
      )
    }
    if (world.runUntil(untilMs, arrived)) return
    const lines = all().map(({ id, core, group }) => {
      const raft = core?.state.raft
      return `${id} ${core ? 'lives' : 'is dead'}, group ${group?.id} of ${group?.members}, leader ${raft?.leader}, voters ${raft?.voters}, learners ${raft?.learners}`
    })
    throw new NoProgress(
      `not in time: ${what} (N ${founders}, quorum ${quorum}, expect ${expect}):\n${lines.join('\n')}`,
    )
  }
}
