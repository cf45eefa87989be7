// A simulated sentinel process: production's Raft core with a disk that takes its time, a clock of its own that runs a
// little fast or slow, and an operating system that may kill it or freeze it. While frozen it does nothing, and what
// arrives waits for it; when it thaws it finds all of that at once, as a process does after SIGCONT.
import { seededRandom } from '../../src/lib/prng.ts'
import { type RaftConfig, raftConfig } from '../../src/raft/config.ts'
import type { Message, Ready, Snapshot } from '../../src/raft/messages.ts'
import { createRaft, type RaftNode } from '../../src/raft/node.ts'
import { createDisk, type Disk } from './disk.ts'
import type { World } from './world.ts'

export interface ProcessHooks {
  send(message: Message): void
  /** A Ready was taken; nothing of it is done yet. */
  onReady(process: Process, ready: Ready): void
  /** Steps 4: restore and apply. */
  apply(process: Process, ready: Ready): void
  /** A new life begins: the state machine must start from this. */
  restore(process: Process, snapshot: Snapshot | undefined): void
  /** After every event. */
  afterEvent(process: Process): void
}

export interface Process {
  readonly id: string
  readonly disk: Disk
  /** Undefined while it is not running. */
  raft: RaftNode | undefined
  frozen: boolean
  /** Its own monotonic clock, which begins anew with each life. */
  clockMs(): number
  start(): void
  crash(): void
  freeze(forMs: number): void
  /** A message arrives. */
  receive(message: Message): void
  /** Something other than a message makes it act: a proposal, a command. */
  act(work: (raft: RaftNode, nowMs: number) => void): void
}

export interface ProcessOptions {
  readonly world: World
  readonly group: string
  readonly id: string
  /** Undefined for a node that joins. */
  readonly bootstrap: Snapshot | undefined
  /** Longest ordinary time of an fsync. */
  readonly fsyncMs: number
  /** How fast its clock runs: 1 is right. */
  readonly clockRate: number
  readonly settings: Partial<RaftConfig>
  readonly hooks: ProcessHooks
}

/** The longest that a busy event loop is late for a timer. */
const LATENESS_MS = 4

export function createProcess(options: ProcessOptions): Process {
  const { world, id, hooks } = options
  const random = seededRandom(world.random.uint32())
  let life = 0
  let bornMs = 0
  let clockStartMs = 0
  let wakeAtMs = Infinity
  let waiting: (() => void)[] = []

  const clockMs = (): number => clockStartMs + (world.nowMs() - bornMs) * options.clockRate

  /** Plans an act for this life only; while the process is frozen it waits. */
  const later = (delayMs: number, act: () => void): void => {
    const mine = life
    const attempt = (): void => {
      if (life !== mine) return
      if (process.frozen) waiting.push(attempt)
      else act()
    }
    world.after(delayMs, attempt)
  }

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
    later(world.between(0, options.fsyncMs) + slow, finish)
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
    const delayMs = Math.max(0, (raft.deadlineMs() - clockMs()) / options.clockRate)
    const atMs = world.nowMs() + delayMs
    if (atMs >= wakeAtMs && wakeAtMs > world.nowMs()) return
    wakeAtMs = atMs
    later(delayMs + world.between(0.01, LATENESS_MS), () => {
      if (wakeAtMs === atMs) wakeAtMs = Infinity
      act((node, nowMs) => node.tick(nowMs))
    })
  }

  const act = (work: (raft: RaftNode, nowMs: number) => void): void => {
    const { raft } = process
    if (!raft) return
    work(raft, clockMs())
    drain()
  }

  const process: Process = {
    id,
    disk: createDisk(options.bootstrap),
    raft: undefined,
    frozen: false,
    clockMs,
    start() {
      if (process.raft) return
      life++
      bornMs = world.nowMs()
      clockStartMs = world.between(0, 1e6)
      wakeAtMs = Infinity
      waiting = []
      process.frozen = false
      const persisted = process.disk.read()
      process.raft = createRaft(
        raftConfig({ group: options.group, id, trailingEntries: 4, ...options.settings }),
        persisted,
        random,
        clockMs(),
      )
      process.disk.rewrite(process.raft.persisted())
      hooks.restore(process, persisted.snapshot)
      drain()
    },
    crash() {
      if (!process.raft) return
      life++
      process.raft = undefined
      process.frozen = false
      process.disk.tear(world)
    },
    freeze(forMs) {
      if (!process.raft || process.frozen) return
      process.frozen = true
      const mine = life
      world.after(forMs, () => {
        if (life !== mine) return
        process.frozen = false
        const work = waiting
        waiting = []
        for (const attempt of work) attempt()
      })
    },
    receive(message) {
      later(0, () => act((raft, nowMs) => raft.step(message, nowMs)))
    },
    act: (work) => later(0, () => act(work)),
  }
  return process
}
