// One simulated life of a whole quorum: sentinels that have to find each other, a primary with two replicas, and faults in
// all of them. Safety is checked throughout; then peace comes, and a majority that can talk must announce a primary
// that lives, with every other server following it, within seconds.
import { addressKey } from '../../src/sentinel/address.ts'
import type { Effect } from '../../src/sentinel/effects.ts'
import { decodeEntry } from '../../src/sentinel/entries.ts'
import { holds } from '../../src/sentinel/lineage.ts'
import { createNetwork } from './network.ts'
import { NoProgress } from './outcome.ts'
import { createRaftCheckers } from './raft-checkers.ts'
import { createSentinelCheckers, type SentinelTally } from './sentinel-checkers.ts'
import { createSentinel, type Packet, type Sentinel, type SentinelHooks } from './sentinel-process.ts'
import { createServers, type Server } from './servers.ts'
import { createWorld, type World } from './world.ts'

/** How long there are faults: most lives are short, so that there can be many. */
const FAULTS_MS = [2_500, 2_500, 2_500, 4_000, 9_000]
const FAILOVER_TIMEOUT_MS = 3_000
/** Backing off after failed failovers reaches twice the failover timeout; a hung link is replaced after 5 s. */
const PATIENCE_MS = 30_000

/** The settings of a group in `sync` mode, and how much its replicas lag. */
interface SyncMode {
  readonly settings: { readonly writeMode: 'sync'; readonly syncReplicas: number; readonly deadReplicaMs: number }
  readonly lag: number
}

const drawSync = (world: World): SyncMode => ({
  settings: { writeMode: 'sync', syncReplicas: world.pick([1, 1, 2]), deadReplicaMs: world.pick([0, 300, 300]) },
  lag: world.pick([0.1, 0.5]),
})

/** The same in `sync` mode: replicas lag behind, and no write that was acknowledged may ever be lost. */
export const runSync = (seed: number, print?: (line: string) => void): SentinelTally => run(seed, print, drawSync)

export const runSentinels = (seed: number, print?: (line: string) => void): SentinelTally =>
  run(seed, print, () => undefined)

function run(
  seed: number,
  print: ((line: string) => void) | undefined,
  modeOf: (world: World) => SyncMode | undefined,
): SentinelTally {
  const world = createWorld(seed, print)
  const faultsMs = world.pick(FAULTS_MS)
  const sync = modeOf(world)
  // Of four, three found the group and one joins it.
  const count = world.pick([3, 3, 4, 5])
  const quorum = Math.floor((count + 1) / 2)
  const downAfterMs = world.pick([300, 1000])
  const throughCodec = world.chance(0.1)
  const raftCheckers = createRaftCheckers(false)
  const sentinels = new Map<string, Sentinel>()
  const all = (): Sentinel[] => [...sentinels.values()]

  const network = createNetwork<Packet>(world, (to, packet) => sentinels.get(to)?.receive(packet))
  const servers = createServers(world, sync ? 4 : 3, {
    // With its disk a server loses what it acknowledged as a replica: that is a failure more than `sync` outlives.
    wipe: sync ? 0 : world.pick([0, 0, 0.1, 0.3]),
    sync: sync && { lag: sync.lag, onAcknowledge: (server, at) => checkers.onAcknowledge(server, at) },
    onOrder(server, order) {
      world.trace(() => `${server.key} obeys ${JSON.stringify(order)}`)
      checkers.onOrder(server, order)
    },
    onWrite: (server) => checkers.onWrite(server),
  })
  const checkers = createSentinelCheckers(servers, world.nowMs)

  /** How often a leader, or the server that it orders about, is hit in the middle of a step of a failover. */
  const ambush = world.pick([0, 0.05, 0.3])
  const ambushAt = (sentinel: Sentinel, effect: Effect): void => {
    if (peaceful() || !world.chance(ambush)) return
    const server = effect.type === 'order' && servers.at(effect.ref)
    const ids = all().flatMap(({ id }) => (id === sentinel.id ? [] : id))
    const strikes = [
      () => crash(sentinel),
      () => freezeSentinel(sentinel),
      () => network.partition([sentinel.id], ids),
      ...(server ? [() => kill(server), () => freeze(server), () => isolate(server)] : []),
    ]
    const strike = world.pick(strikes)
    world.after(world.between(0, world.pick([2, 20])), () => peaceful() || strike())
  }

  /** Operators change how many copies count, or reset the group, in `sync` mode; then the primary dies, and those that lagged are asked. */
  const operate = (): void => {
    const request = world.pick([
      { kind: 'set', group: 'm', pairs: [['sync-replicas', world.pick(['1', '2', '3'])]] },
      { kind: 'reset', groups: ['m'] },
    ] as const)
    const sentinel = anySentinel()
    world.trace(() => `--- ${JSON.stringify(request)} asked of ${sentinel.id}`)
    sentinel.feed({ type: 'request', id: requests++, request })
    if (!world.chance(0.6)) return
    // One replica has what comes next alone, and is gone when the others are asked.
    const old = primary()
    const alone = world.pick(servers.all.filter((server) => server !== old))
    for (const server of servers.all) if (server !== alone) servers.slow(server, 1_500)
    if (request.kind === 'reset') {
      for (const { id } of all()) servers.cut(id, alone.key)
    }
    world.after(world.between(20, world.pick([200, 800])), () => {
      if (peaceful()) return
      kill(old)
      kill(alone)
    })
  }

  /** A replica that is about to be forgotten comes back, and has the next writes alone when its primary dies. */
  const ambushForgetting = (data: Uint8Array): void => {
    const entry = decodeEntry(data)
    if (entry?.kind !== 'forget' && entry?.kind !== 'discount') return
    if (peaceful() || !world.chance(0.9)) return
    const [back, old] = [servers.at(entry.replica)!, primary()]
    world.trace(() => `--- ${back.key} comes back alone`)
    servers.heal()
    servers.start(back)
    for (const server of servers.all) if (server !== back) servers.slow(server, 1_000)
    world.after(world.between(0, 60), () => peaceful() || kill(old))
  }

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
      if (effect.type === 'event') world.trace(() => `${sentinel.id} ${effect.name} ${effect.payload}`)
      if (effect.type === 'log') world.trace(() => `${sentinel.id} ${effect.text}`)
      checkers.onEffect(sentinel, effect)
      if (sync !== undefined && effect.type === 'propose') ambushForgetting(effect.data)
      if (effect.type === 'propose' || effect.type === 'order') ambushAt(sentinel, effect)
    },
  }

  const addSentinel = (i: number): void => {
    const id = `s${i}`
    const host = `10.0.1.${i}`
    const self = { peer: id, runId: `${i}`.repeat(40), gossip: { host, port: 26381 }, resp: { host, port: 26379 } }
    const settings = { downAfterMs, failoverTimeoutMs: FAILOVER_TIMEOUT_MS, ...sync?.settings }
    const groups = [{ name: 'm', primary: servers.all[0]!.address, quorum, settings }]
    sentinels.set(id, createSentinel({ world, id, self, groups, servers, hooks, throughCodec, leases: true }))
  }
  const start = (sentinel: Sentinel): void => {
    if (sentinel.core) return
    sentinel.start()
  }

  const peaceful = (): boolean => world.nowMs() >= faultsMs
  const anySentinel = (): Sentinel => world.pick(all())
  const anyServer = (): Server => world.pick(servers.all)
  const leader = (): Sentinel => all().find(({ process }) => process?.raft?.state.role === 'leader') ?? anySentinel()
  const primary = (): Server => {
    const known = leader().core?.state.topology.groups.get('m')?.primary
    return (known && servers.at(known)) ?? servers.all[0]!
  }
  const kill = (server: Server): void => {
    world.trace(() => `--- kill ${server.key}`)
    servers.kill(server)
    if (world.chance(0.2)) return
    world.after(world.between(1, world.pick([100, 1000, 4000])), () => !peaceful() && servers.start(server))
  }
  const crash = (sentinel: Sentinel): void => {
    world.trace(() => `--- crash ${sentinel.id}`)
    sentinel.crash()
    if (world.chance(0.1)) return
    world.after(world.between(1, world.pick([100, 1000, 3000])), () => !peaceful() && start(sentinel))
  }
  const freeze = (server: Server): void => {
    world.trace(() => `--- freeze ${server.key}`)
    servers.freeze(server, world.between(50, world.pick([500, 2000, 4000])))
  }
  const freezeSentinel = (sentinel: Sentinel): void => {
    world.trace(() => `--- freeze ${sentinel.id}`)
    sentinel.life.freeze(world.between(50, world.pick([500, 3000])))
  }
  /** Cuts a server from some of the sentinels and, perhaps, from the other servers. */
  const isolate = (server: Server): void => {
    world.trace(() => `--- isolate ${server.key}`)
    const [ofSentinels, ofServers] = [world.pick([0, 0.3, 0.7, 1]), world.pick([0, 0.5, 1])]
    for (const { id } of all()) if (world.chance(ofSentinels)) servers.cut(id, server.key)
    for (const other of servers.all) if (other !== server && world.chance(ofServers)) servers.cut(other.key, server.key)
  }
  const split = (): void => {
    const side = all().filter(() => world.chance(0.5))
    const ids = side.map(({ id }) => id)
    network.partition(
      ids,
      all()
        .map(({ id }) => id)
        .filter((id) => !ids.includes(id)),
    )
  }
  let requests = 1
  const switchover = (): void => {
    const sentinel = anySentinel()
    world.trace(() => `--- switchover asked of ${sentinel.id}`)
    sentinel.feed({ type: 'request', id: requests++, request: { kind: 'failover', group: 'm' } })
  }

  const faults: readonly [number, () => void][] = [
    [4, () => kill(primary())],
    [2, () => kill(anyServer())],
    [3, () => freeze(primary())],
    [2, () => freeze(anyServer())],
    [2, () => isolate(primary())],
    [1, () => isolate(anyServer())],
    [2, () => crash(leader())],
    [2, () => crash(anySentinel())],
    [2, () => freezeSentinel(leader())],
    [1, () => freezeSentinel(anySentinel())],
    [2, split],
    [1, () => network.cut(anySentinel().id, anySentinel().id)],
    [4, () => network.heal()],
    [4, () => servers.heal()],
    [2, () => network.storm()],
    [2, () => network.calm()],
    [5, switchover],
    [4, () => anySentinel().compact()],
    ...(sync === undefined ? [] : [[5, operate] as [number, () => void]]),
  ]
  const weights = faults.flatMap(([weight, happen]) => Array<() => void>(weight).fill(happen))
  const misfortune = (): void => {
    if (peaceful()) return
    world.pick(weights)()
    world.after(world.between(10, world.pick([60, 1500])), misfortune)
  }
  const audit = (): void => {
    checkers.compare(all())
    world.after(250, audit)
  }

  for (let i = 1; i <= count; i++) addSentinel(i)
  for (const sentinel of all()) world.after(world.between(0, 300), () => start(sentinel))
  world.after(world.pick([0, 1000, faultsMs / 3]), misfortune)
  audit()
  world.runUntil(faultsMs)

  world.trace(() => '--- peace')
  network.heal()
  network.calm()
  servers.heal()
  const formed = all().every(({ group }) => group)
  const unlucky = all().filter(() => world.chance(0.4))
  // One that has not been let in yet counts for no majority.
  const voters = Math.min(count, leader().core?.state.raft.voters.length ?? 0)
  const lost = formed ? unlucky.slice(0, Math.max(0, Math.floor((voters - 1) / 2))) : []
  for (const sentinel of all()) {
    if (lost.includes(sentinel)) sentinel.crash()
    else start(sentinel)
  }
  for (const server of servers.all) servers.start(server)
  // The primary (or who is to become it) may stay dead, if the quorum had time to form and to learn of its replicas: both need it alive.
  const informed = all().every(({ core }) => core?.state.topology.groups.get('m')?.replicas.length)
  const candidate = leader().core?.state.topology.groups.get('m')?.failover?.candidate
  const victim = candidate && world.chance(0.5) ? servers.at(candidate)! : primary()
  // Nor does it stay dead when nobody else certainly has what it has: then the quorum rightly waits for it.
  const needed = [checkers.newest('m') ?? victim.replId, victim.replId]
  const heirs = servers.all.filter((server) => {
    const isKnown = Number.isFinite(server.linkDownSinceMs) || server.offset >= victim.offset
    return server !== victim && server.alive && (server.linkUp || isKnown)
  })
  const replaceable = heirs.some((server) => needed.every((history) => holds(server, history) >= 0))
  // In `sync` mode nobody may take its place before enough others have said what they have.
  if (informed && replaceable && sync === undefined && world.chance(0.4)) servers.kill(victim)

  const arrived = (): boolean =>
    isSettled(
      all().filter((sentinel) => !lost.includes(sentinel)),
      servers.all,
    )
  // Looking is dear, so it is done now and then.
  let lookAtMs = 0
  const look = (): boolean => {
    if (world.nowMs() < lookAtMs) return false
    lookAtMs = world.nowMs() + 50
    return arrived()
  }
  if (!world.runUntil(faultsMs + PATIENCE_MS, look)) throw new NoProgress(picture(all(), servers.all))
  if (sync !== undefined) checkers.checkKept(primary())
  return checkers.tally
}

/** All sentinels name one living primary, nothing is under way, and every other living server that they know follows it. */
function isSettled(sentinels: readonly Sentinel[], servers: readonly Server[]): boolean {
  const views = sentinels.map(({ core }) => core?.state.topology.groups.get('m'))
  const first = views[0]
  if (!first || !sentinels.some(({ core }) => core?.state.raft.isLeader)) return false
  const key = addressKey(first.primary)
  const agreed = views.every(
    (view) => view && !view.failover && addressKey(view.primary) === key && view.configEpoch === first.configEpoch,
  )
  if (!agreed) return false
  return servers.every((server) => {
    const known = server.key === key || first.replicas.some((replica) => addressKey(replica) === server.key)
    if (!known) return true
    if (server.key === key) return server.alive && server.role === 'primary'
    return !server.alive || (server.linkUp && server.primary !== undefined && addressKey(server.primary) === key)
  })
}

function picture(sentinels: readonly Sentinel[], servers: readonly Server[]): string {
  const lines = sentinels.map(({ id, core, process }) => {
    const raft = process?.raft?.status()
    const { history = [], ...group } = core?.state.topology.groups.get('m') ?? {}
    Object.assign(group, { last: history.at(-1) })
    return `${id} ${core ? `${raft?.role} term ${raft?.term} leader ${raft?.leader}` : 'down'} ${JSON.stringify(group)}`
  })
  for (const server of servers) lines.push(JSON.stringify(server))
  return `the quorum did not settle:\n${lines.join('\n')}`
}
