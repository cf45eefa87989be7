// Raft in a simulated process: production's core with a disk that takes its time. `start` and `crash` are the process's;
// `boot` alone starts Raft in a process that lives already (a sentinel that has just found its group).
import { seededRandom } from '../../src/lib/prng.ts'
import { type RaftConfig, raftConfig } from '../../src/raft/config.ts'
import type { Machine } from '../../src/raft/machine.ts'
import type { Message, Ready, Snapshot } from '../../src/raft/messages.ts'
import { createRaft, type Persisted, type RaftNode } from '../../src/raft/node.ts'
import { createDisk, type Disk } from './disk.ts'
import type { Life } from './life.ts'
import type { World } from './world.ts'

export interface ProcessHooks {
  send(message: Message): void
  /** A Ready was taken; nothing of it is done yet. */
  onReady(process: Process, ready: Ready): void
  /** Step 4: restore and apply. */
  apply(process: Process, ready: Ready): void
  /** A new life begins: the state machine must start from what the disk holds. */
  restore(process: Process, persisted: Persisted): void
  /** After every event. */
  afterEvent(process: Process): void
}

export interface Process {
  readonly id: string
  readonly life: Life
  readonly disk: Disk
  /** Undefined while it is not running. */
  raft: RaftNode | undefined
  clockMs(): number
  boot(): void
  start(): void
  crash(): void
  /** A message arrives. */
  receive(message: Message): void
  /** Something other than a message makes it act: a proposal, a command. */
  act(work: (raft: RaftNode, nowMs: number) => void): void
}

export interface ProcessOptions {
  readonly world: World
  readonly life: Life
  readonly group: string
  readonly id: string
  /** Undefined for a node that joins. */
  readonly bootstrap: Snapshot | undefined
  /** Longest ordinary time of an fsync. */
  readonly fsyncMs: number
  readonly settings: Partial<RaftConfig>
  /** What its version can apply, when that matters; asked at each start. */
  readonly machine?: () => Machine
  readonly hooks: ProcessHooks
}

/** The longest that a busy event loop is late for a timer. */
const LATENESS_MS = 4

export function createProcess(options: ProcessOptions): Process {
  const { world, life, id, hooks } = options
  const random = seededRandom(world.random.uint32())
  let wakeAtMs = Infinity

  const perform = (raft: RaftNode, ready: Ready): void => {
    hooks.onReady(process, ready)
    for (const message of ready.eagerMessages) hooks.send(message)
    process.disk.write(ready)
    const finish = (): void => {
      if (ready.mustSync) process.disk.sync()
      for (const message of ready.messages) hooks.send(message)
      hooks.apply(process, ready)
      raft.advance()
      drain()
    }
    if (!ready.mustSync) return finish()
    const slow = world.chance(0.01) ? world.between(0, 150) : 0
    life.later(world.between(0, options.fsyncMs) + slow, finish)
  }

  /** Takes what the core wants done, one Ready after the other, and sets the next timer. */
  const drain = (): void => {
    const { raft } = process
    if (!raft) return
    const ready = raft.ready()
    if (ready) perform(raft, ready)
    hooks.afterEvent(process)
    plan(raft)
  }

  const plan = (raft: RaftNode): void => {
    const delayMs = life.untilClockMs(raft.deadlineMs())
    const atMs = world.nowMs() + delayMs
    if (atMs >= wakeAtMs && wakeAtMs > world.nowMs()) return
    wakeAtMs = atMs
    life.later(delayMs + world.between(0.01, LATENESS_MS), () => {
      if (wakeAtMs === atMs) wakeAtMs = Infinity
      act((node, nowMs) => node.tick(nowMs))
    })
  }

  const act = (work: (raft: RaftNode, nowMs: number) => void): void => {
    const { raft } = process
    if (!raft) return
    work(raft, life.clockMs())
    drain()
  }

  const process: Process = {
    id,
    life,
    disk: createDisk(options.bootstrap),
    raft: undefined,
    clockMs: life.clockMs,
    boot() {
      wakeAtMs = Infinity
      const persisted = process.disk.read()
      const config = raftConfig({
        group: options.group,
        id,
        trailingEntries: 4,
        ...options.settings,
        ...(options.machine && { machine: options.machine() }),
      })
      process.raft = createRaft(config, persisted, random, life.clockMs())
      process.disk.rewrite(process.raft.persisted())
      hooks.restore(process, persisted)
      drain()
    },
    start() {
      if (process.raft) return
      life.begin()
      process.boot()
    },
    crash() {
      if (!process.raft) return
      life.end()
      process.raft = undefined
      process.disk.tear(world)
    },
    receive(message) {
      life.now(() => act((raft, nowMs) => raft.step(message, nowMs)))
    },
    act: (work) => life.later(0, () => act(work)),
  }
  return process
}
