// A group on a machine with far too little CPU: every process runs for a moment and then waits long for its next turn, each at times
// of its own. Nothing else is wrong. It must have a leader who knows that it leads, keep it, and replace it when it
// dies; and when there is CPU again, timeouts must be as short as before.
import type { Message } from '../../src/raft/messages.ts'
import { bootstrap } from '../../src/raft/node.ts'
import { createLife } from './life.ts'
import { createNetwork } from './network.ts'
import { check, NoProgress } from './outcome.ts'
import { createProcess, type Process } from './process.ts'
import { createRaftCheckers } from './raft-checkers.ts'
import { createWorld } from './world.ts'

/** What was seen, over the time in which the group had nothing to fear but starvation. */
export interface StarvedTally {
  /** Terms beyond the first with a leader. */
  extraTerms: number
  /** Moments looked at, and how many of them had a leader who knew that it leads. */
  moments: number
  led: number
  /** From the death of the leader to the next one that knows it leads. */
  replacedMs: number
}

const SETTLE_MS = 20_000
const WATCH_MS = 60_000
const REPLACE_MS = 30_000
const RECOVER_MS = 40_000

/** `runMs` of every `periodMs`. */
export function runStarved(
  seed: number,
  runMs: number,
  periodMs: number,
  print?: (line: string) => void,
): StarvedTally {
  const world = createWorld(seed, print)
  const ids = Array.from({ length: world.pick([3, 5]) }, (_, i) => `n${i + 1}`)
  const checkers = createRaftCheckers()
  const processes = new Map<string, Process>()
  const network = createNetwork<Message>(world, (to, message) => processes.get(to)?.receive(message))
  let starved = true
  for (const id of ids) {
    const life = createLife(world, world.between(0.95, 1.05))
    const start = bootstrap(ids)
    const hooks = {
      send: (message: Message) => {
        checkers.onSend(message)
        network.send(message.from, message.to, message)
      },
      onReady: checkers.onReady,
      apply: checkers.onApply,
      restore: (process: Process, { snapshot }: { snapshot?: typeof start }) => checkers.onRestore(process, snapshot),
      afterEvent: (process: Process) => void checkers.afterEvent(process, processes.values()),
    }
    processes.set(
      id,
      createProcess({ world, group: 'sim', id, bootstrap: start, fsyncMs: 2, life, settings: {}, hooks }),
    )
    processes.get(id)!.start()
    const turn = (): void => {
      if (!starved) return
      life.freeze(periodMs - runMs)
      world.after(periodMs * world.between(0.9, 1.1), turn)
    }
    world.after(world.between(0, periodMs), turn)
  }
  const all = (): Process[] => [...processes.values()].filter(({ raft }) => raft)
  const leader = (): Process | undefined => all().find(({ raft, clockMs }) => raft!.isLeader(clockMs()))
  const highestTerm = (): number => Math.max(...all().map(({ raft }) => raft!.status().term))

  if (!world.runUntil(SETTLE_MS, () => leader() !== undefined)) throw new NoProgress('no leader among starved nodes')
  world.runUntil(SETTLE_MS)
  const tally: StarvedTally = { extraTerms: -highestTerm(), moments: 0, led: 0, replacedMs: 0 }
  const look = (): void => {
    tally.moments++
    if (leader()) tally.led++
    if (world.nowMs() < SETTLE_MS + WATCH_MS) world.after(10, look)
  }
  look()
  world.runUntil(SETTLE_MS + WATCH_MS)
  tally.extraTerms += highestTerm()

  const victim = leader() ?? all()[0]!
  const diedMs = world.nowMs()
  victim.crash()
  if (!world.runUntil(diedMs + REPLACE_MS, () => leader() !== undefined))
    throw new NoProgress('the dead leader has no successor')
  tally.replacedMs = world.nowMs() - diedMs

  starved = false
  world.runUntil(world.nowMs() + RECOVER_MS)
  for (const { id, raft } of all()) {
    const { patienceMs } = raft!.status()
    check(patienceMs === 300, () => `${id} is patient for ${patienceMs} ms though nothing is slow any more`)
  }
  return tally
}
