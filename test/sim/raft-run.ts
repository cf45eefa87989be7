// One simulated life of a Raft group: first a time of faults, in which only safety is checked; then everything that is
// left in peace must elect a leader and commit within bounded time.
import { decodeLevel, decodeMessage, encodeMessage } from '../../src/raft/codec.ts'
import type { Machine } from '../../src/raft/machine.ts'
import type { Message } from '../../src/raft/messages.ts'
import { bootstrap, type RaftNode } from '../../src/raft/node.ts'
import { createLife } from './life.ts'
import { createNetwork } from './network.ts'
import { check, NoProgress } from './outcome.ts'
import { createProcess, type Process, type ProcessHooks } from './process.ts'
import { createRaftCheckers, encodeDigest, type RaftTally } from './raft-checkers.ts'
import { createWorld } from './world.ts'

const GROUP = 'sim'
const LINGERING: ReadonlySet<Message['type']> = new Set(['pre-vote-reply', 'vote', 'vote-reply'])
/** The first byte of a proposal that only the newer version understands. */
const NEW = 'q'.charCodeAt(0)
/** How long there are faults: most lives are short, so that there can be many. */
const FAULTS_MS = [3_000, 3_000, 3_000, 6_000, 14_000]
/** After the last fault: long enough for an old snapshot to be retried and several elections to fail. */
const PATIENCE_MS = 15_000

export function runRaft(seed: number, print?: (line: string) => void): RaftTally {
  const world = createWorld(seed, print)
  const founders = Array.from({ length: world.pick([3, 5, 5, 5, 7]) }, (_, i) => `n${i + 1}`)
  const faultsMs = world.pick(FAULTS_MS)
  const changesMembers = world.chance(0.35)
  const throughCodec = world.chance(0.1)
  const fsyncMs = world.pick([0.2, 2, 10, 40])
  /** Small messages and windows make logs meet bit by bit, as on a slow link. */
  const settings = {
    maxAppendBytes: world.pick([1, 8, 262144]),
    maxInflight: world.pick([1, 2, 64]),
    snapshotPartBytes: world.pick([1, 3, 1024]),
  }
  /** Versions of the processes: the older one cannot apply what the newer one brought (proposals of level 2 begin with q). */
  const isMixed = world.chance(0.25)
  const versions = new Map<string, number>()
  const machineOf = (id: string): Machine => ({
    levelMax: versions.get(id) ?? 2,
    levelOf: (data) => (data[0] === NEW ? 2 : 1),
    canRestore: () => true,
    mustOutlastCrash: () => false,
  })
  /** A restart may bring a newer version, never an older one. */
  const upgrade = (process: Process): void => {
    if (isMixed && !process.raft && world.chance(0.3)) versions.set(process.id, 2)
  }
  /** How often a new leader is hit within moments of its election, when its log is only half way to the others. */
  const ambush = world.pick([0, 0, 0.2, 0.6])
  const isHaunted = world.chance(0.2)
  const checkers = createRaftCheckers()
  const processes = new Map<string, Process>()
  const network = createNetwork<Message>(world, (to, message) => {
    world.trace(() => `${to} receives ${describe(message)}`)
    processes.get(to)?.receive(message)
  })

  let freshCommit = Infinity
  const revive = (process: Process): void => {
    if (world.nowMs() >= faultsMs) return
    upgrade(process)
    process.start()
  }
  const strikeSoon = (process: Process): void => {
    const strike = world.pick([() => crash(process), isolateLeader])
    world.after(world.between(0, world.pick([5, 50])), () => world.nowMs() < faultsMs && strike())
  }

  const hooks: ProcessHooks = {
    send(message) {
      checkers.onSend(message)
      const sent = throughCodec ? decodeMessage(encodeMessage(message)) : message
      check(sent !== undefined, () => `the codec does not know ${describe(message)}`)
      network.send(message.from, message.to, sent)
      // What elections are made of comes once more, long after: it must not turn anybody against the leader of that time.
      if (isHaunted && LINGERING.has(message.type) && world.nowMs() < faultsMs) {
        const again = (): void => network.send(message.from, message.to, sent)
        for (let i = 0; i < 3; i++) world.after(world.between(0, world.pick([300, 1500])), again)
      }
    },
    onReady(process, ready) {
      checkers.onReady(process, ready)
      // Many a bug shows only when a process dies between a promise and the write that it rests on.
      if (ready.mustSync && world.chance(ambush / 50)) {
        world.after(world.between(0, fsyncMs), () => world.nowMs() < faultsMs && crash(process))
      }
    },
    apply(process, ready) {
      const levelMax = versions.get(process.id) ?? 2
      check((ready.snapshot?.level ?? 0) <= levelMax, () => `${process.id} installs a snapshot that it cannot read`)
      for (const entry of ready.committed) {
        const level = entry.kind === 'level' ? decodeLevel(entry.data)! : entry.data[0] === NEW ? 2 : 1
        check(level <= levelMax, () => `${process.id} is given entry ${entry.index} of level ${level} to apply`)
      }
      checkers.onApply(process, ready)
    },
    restore: (process, { snapshot }) => checkers.onRestore(process, snapshot),
    afterEvent(process) {
      const before = checkers.tally.leaders
      const { role, log } = checkers.afterEvent(process, processes.values())
      if (world.nowMs() >= faultsMs) return
      if (checkers.tally.leaders > before) {
        freshCommit = log.committed
        if (world.chance(ambush)) strikeSoon(process)
      } else if (role === 'leader' && log.committed > freshCommit) {
        // What the newest leader commits first is what it inherited: the moment of figure 8 of the paper.
        freshCommit = Infinity
        if (world.chance(ambush)) {
          network.partition([process.id], [...processes.keys()])
          if (world.chance(0.5)) world.after(0, () => crash(process))
          world.after(world.between(100, 3000), () => network.heal())
          for (const other of all()) if (other !== process) world.after(world.between(0, 50), () => revive(other))
        }
      }
    },
  }
  const addProcess = (id: string, founder: boolean): void => {
    const life = createLife(world, world.pick([0.95, world.between(0.95, 1.05), 1.05]))
    if (isMixed) versions.set(id, world.pick([1, 1, 2]))
    const start = founder ? bootstrap(founders) : undefined
    processes.set(
      id,
      createProcess({
        world,
        group: GROUP,
        id,
        bootstrap: start,
        fsyncMs,
        life,
        settings,
        hooks,
        machine: () => machineOf(id),
      }),
    )
    processes.get(id)!.start()
  }
  const all = (): Process[] => [...processes.values()]
  const any = (): Process => world.pick(all())
  const leader = (): Process | undefined => all().find((process) => process.raft?.state.role === 'leader')

  let proposals = 0
  const propose = (): void => {
    const data = Buffer.from(`${world.chance(0.3) ? 'q' : 'p'}${proposals++}`)
    if (world.chance(0.2)) return any().act((raft) => void raft.forward(data))
    ;(leader() ?? any()).act((raft) => void raft.propose(data))
  }

  const compact = (process: Process): void =>
    process.act((raft) => {
      const index = checkers.appliedIndexOf(process)
      if (index > raft.status().appliedIndex || index < raft.persisted().snapshot.index) return
      process.disk.compact(raft.compact(index, encodeDigest(checkers.digestOf(process))))
    })

  const changeMembers = (raft: RaftNode): void => {
    const { voters, learners } = raft.status().membership
    const fresh = `n${processes.size + 1}`
    const change = world.pick(['add-learner', 'promote', 'remove'] as const)
    if (change === 'add-learner' && voters.length + learners.length < 7) {
      const result = raft.proposeConfChange({ kind: change, node: fresh })
      if (typeof result !== 'string') world.after(1, () => addProcess(fresh, false))
    } else if (change === 'promote' && learners.length)
      raft.proposeConfChange({ kind: change, node: world.pick(learners) })
    else if (change === 'remove' && voters.length > 2)
      raft.proposeConfChange({ kind: change, node: world.pick(voters) })
  }

  const split = (): void => {
    const ids = [...processes.keys()]
    const side = ids.filter(() => world.chance(0.5))
    network.partition(
      side,
      ids.filter((id) => !side.includes(id)),
    )
  }

  /** Most crashes are followed by a restart; some processes stay away until peace. */
  const crash = (process: Process | undefined): void => {
    process?.crash()
    if (!process || world.chance(0.1)) return
    world.after(world.between(1, world.pick([20, 500, 3000])), () => revive(process))
  }
  /** The leader and one follower on the wrong side: entries that reach a minority, and must go or be adopted later. */
  const isolateLeader = (): void => {
    const head = leader()?.id ?? 'n1'
    const friend = world.pick([head, any().id])
    const side = [head, friend]
    network.partition(
      side,
      [...processes.keys()].filter((id) => !side.includes(id)),
    )
  }

  /** Hands leadership over and, in the middle of it, loses sight of the old leader. */
  const transfer = (): void => {
    leader()?.act((raft) => void raft.transferLeadership(any().id))
    if (world.chance(0.5)) world.after(world.between(0, 15), () => world.nowMs() < faultsMs && isolateLeader())
  }

  const faults: readonly [number, string, () => void][] = [
    [3, 'crash', () => crash(any())],
    [3, 'crash the leader', () => crash(leader())],
    [3, 'freeze', () => any().life.freeze(world.between(20, world.pick([200, 1000, 4000])))],
    [2, 'freeze the leader', () => leader()?.life.freeze(world.between(100, 2000))],
    [2, 'split the network', split],
    [3, 'isolate the leader', isolateLeader],
    [3, 'part the leader from another', () => network.partition([leader()?.id ?? 'n1'], [any().id])],
    [2, 'crash two', () => [leader(), any()].map(crash)],
    [2, 'cut one way', () => network.cut(any().id, any().id)],
    [12, 'heal the network', () => network.heal()],
    [2, 'storm', () => network.storm()],
    [1, 'calm', () => network.calm()],
    [7, 'compact', () => compact(any())],
    [3, 'transfer', transfer],
    [0.6, 'crash all', () => all().map(crash)],
    [changesMembers ? 10 : 0, 'change members', () => leader()?.act(changeMembers)],
  ]
  const weights = faults.flatMap((fault) => Array<typeof fault>(Math.round(fault[0] * 5)).fill(fault))
  const misfortune = (): void => {
    if (world.nowMs() >= faultsMs) return
    const [, name, happen] = world.pick(weights)
    world.trace(() => `--- ${name}`)
    happen()
    world.after(world.between(10, world.pick([50, 1200])), misfortune)
  }
  const work = (): void => {
    propose()
    if (world.nowMs() < faultsMs) world.after(world.between(5, 120), work)
  }

  for (const id of founders) addProcess(id, true)
  network.storm()
  world.after(world.between(0, 1500), misfortune)
  work()
  world.runUntil(faultsMs)

  // Peace: but for a minority that is dead for good (when it is clear who counts), all are back and hear each other.
  world.trace(() => '--- peace')
  network.heal()
  network.calm()
  const dead = changesMembers ? [] : founders.filter(() => world.chance(0.4)).slice(0, (founders.length - 1) >> 1)
  for (const process of all()) {
    // Everybody has the newer version in the end.
    if (versions.get(process.id) === 1) process.crash()
    versions.set(process.id, 2)
    if (dead.includes(process.id)) process.crash()
    else process.start()
  }
  const goal = checkers.committedIndex()
  const alive = all().filter((process) => !dead.includes(process.id))
  const arrived = (): boolean => {
    const head = alive.find((process) => process.raft!.isLeader(process.clockMs()))
    if (!head) return false
    const { membership, level } = head.raft!.status()
    const { voters, learners } = membership
    if (dead.length === 0 && level < 2) return false
    const members = alive.filter(({ id }) => voters.includes(id) || learners.includes(id))
    const least = Math.min(...members.map(checkers.appliedIndexOf))
    return least > goal && least === checkers.committedIndex() && least >= head.raft!.status().lastIndex
  }
  // Work goes on, so that there is something new to commit, however long it takes until somebody leads (seed 2452).
  const more = (): void => {
    if (world.nowMs() > faultsMs + PATIENCE_MS) return
    propose()
    world.after(100, more)
  }
  more()
  if (!world.runUntil(faultsMs + PATIENCE_MS, arrived)) {
    const states = alive.map(({ id, raft }) => `${id} ${raft?.status().role} ${JSON.stringify(raft?.status())}`)
    throw new NoProgress(`stuck after commit ${goal} of ${checkers.committedIndex()}:\n${states.join('\n')}`)
  }
  return checkers.tally
}

function describe(message: Message): string {
  const { group: _, from, to, term, type, ...rest } = message
  const detail = JSON.stringify(rest, (key, value) =>
    key === 'data'
      ? undefined
      : key === 'entries'
        ? value.map((e: { index: number; term: number }) => `${e.index}/${e.term}`)
        : value,
  )
  return `${from}->${to} t${term} ${type} ${detail}`
}
