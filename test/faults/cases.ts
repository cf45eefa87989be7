// The faults, each with the hosts that it needs. A row is one line of the table in docs/FAULTS.md.
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Scope } from '../support/scope.ts'
import { sleep } from '../support/wait.ts'
import { deafen, lose, part, reset } from './hosts.ts'
import type { Kind, Layout, World, WorldOptions } from './world.ts'

export interface Case {
  readonly name: string
  readonly layout: Layout
  readonly kinds: readonly Kind[]
  readonly options?: (scope: Scope) => WorldOptions
  readonly fault: (world: World) => Promise<unknown>
  /** The old primary can be reached by nobody but the clients on its own host: what is lost in `lease` is theirs. */
  readonly cutOff?: boolean
  /** Everybody is refused in the primary's name: that cannot be told from its death, for which nobody waits. */
  readonly refused?: boolean
  /** Clients write again after so long at most, ms. */
  readonly gapMs?: number
}

const CUT_MS = 8_000
const VEDETTE: readonly Kind[] = ['async', 'lease', 'sync']
const SAFE: readonly Kind[] = ['lease', 'sync']
const ALL: readonly Kind[] = ['redis', ...VEDETTE]

/** A server and a sentinel on each of three hosts. */
const TOGETHER: Layout = { servers: [0, 1, 2], sentinels: [0, 1, 2] }
/** Each on a host of its own. */
const APART: Layout = { servers: [0, 1, 2], sentinels: [3, 4, 5] }
/** Five sentinels, two of them on the primary's side: with it, and on a host without a server. */
const FIVE: Layout = { servers: [0, 1, 2], sentinels: [0, 1, 2, 3, 4] }

/** What sentinels publish on the way of a failover. */
const STEPS = [
  '+odown',
  '+try-failover',
  '+selected-slave',
  '+failover-state-wait-promotion',
  '+promoted-slave',
  '+switch-master',
] as const

const kill = (world: World) => world.primary.proc.kill()

async function revive(world: World): Promise<void> {
  for (const node of [...world.servers, ...world.sentinels]) if (!node.proc.isRunning()) node.start()
}

export const CASES: readonly Case[] = [
  {
    name: "primary's host cut off, with one of three sentinels",
    layout: TOGETHER,
    kinds: ALL,
    cutOff: true,
    fault: async (world) => {
      part([world.primary.host], world.allOthers(world.primary.host))
      await sleep(CUT_MS)
    },
  },
  {
    name: 'primary cut off alone',
    layout: APART,
    kinds: SAFE,
    cutOff: true,
    fault: async (world) => {
      part([world.primary.host], world.allOthers(world.primary.host))
      await sleep(CUT_MS)
    },
  },
  {
    name: 'five sentinels, two of them on the side of the primary',
    layout: FIVE,
    kinds: ALL,
    cutOff: true,
    fault: async ({ hosts }) => {
      const these = [hosts[0]!, hosts[3]!]
      part(
        these,
        hosts.filter((one) => !these.includes(one)),
      )
      await sleep(CUT_MS)
    },
  },
  {
    name: 'nothing that the primary sends arrives',
    layout: APART,
    kinds: SAFE,
    cutOff: true,
    fault: async (world) => {
      deafen([world.primary.host], world.allOthers(world.primary.host))
      await sleep(CUT_MS)
    },
  },
  {
    name: 'nothing arrives at the primary',
    layout: APART,
    kinds: SAFE,
    cutOff: true,
    fault: async (world) => {
      deafen(world.allOthers(world.primary.host), [world.primary.host])
      await sleep(CUT_MS)
    },
  },
  {
    name: 'every connection of the primary is reset',
    layout: APART,
    kinds: SAFE,
    cutOff: true,
    refused: true,
    fault: async (world) => {
      reset([world.primary.host], world.allOthers(world.primary.host))
      await sleep(CUT_MS)
    },
  },
  {
    name: "the sentinels' connections to the primary are reset",
    layout: APART,
    kinds: SAFE,
    fault: async ({ primary, sentinels }) => {
      reset(
        [primary.host],
        sentinels.map(({ host }) => host),
      )
      await sleep(CUT_MS)
    },
  },
  {
    name: 'primary cut from the sentinels only',
    layout: APART,
    kinds: ALL,
    fault: async ({ primary, sentinels }) => {
      part(
        [primary.host],
        sentinels.map(({ host }) => host),
      )
      await sleep(CUT_MS)
    },
  },
  {
    name: 'primary frozen for three times down-after',
    layout: APART,
    kinds: ALL,
    fault: async ({ primary }) => {
      primary.proc.signal('SIGSTOP')
      await sleep(3_000)
      primary.proc.signal('SIGCONT')
      await sleep(1_000)
    },
  },
  {
    name: 'nothing that the leader sends arrives, then the primary dies',
    layout: APART,
    kinds: SAFE,
    fault: async (world) => {
      const { host } = await world.leader()
      deafen([host], world.allOthers(host))
      await sleep(1_000)
      await kill(world)
      await sleep(CUT_MS)
      await revive(world)
    },
  },
  {
    name: 'nothing that a replica sends arrives, then the primary dies',
    layout: APART,
    kinds: SAFE,
    fault: async (world) => {
      const { host } = world.servers[1]!
      deafen([host], world.allOthers(host))
      await sleep(1_000)
      await kill(world)
      await sleep(CUT_MS)
      await revive(world)
    },
  },
  {
    name: 'leader cut off just before the primary dies',
    layout: APART,
    kinds: SAFE,
    gapMs: 3_000,
    fault: async (world) => {
      const { host } = await world.leader()
      part([host], world.allOthers(host))
      await kill(world)
      await sleep(CUT_MS)
      await revive(world)
    },
  },
  {
    name: 'leader and primary killed together',
    layout: APART,
    kinds: ALL,
    fault: async (world) => {
      const leader = await world.leader()
      await Promise.all([leader.proc.kill(), kill(world)])
      await sleep(CUT_MS)
      await revive(world)
    },
  },
  ...[5, 20].map(
    (percent): Case => ({
      name: `${percent} % of all packets lost, and the primary dies`,
      layout: APART,
      kinds: SAFE,
      fault: async (world) => {
        lose(world.hosts, percent)
        await sleep(4_000)
        await kill(world)
        await sleep(CUT_MS)
        await revive(world)
      },
    }),
  ),
  ...STEPS.map(
    (step): Case => ({
      name: `primary dies, the leader at ${step}`,
      layout: APART,
      kinds: SAFE,
      fault: async (world) => {
        const leader = await world.leader()
        await world.onEvent(step, () => leader.proc.signal('SIGKILL'))
        await kill(world)
        await leader.proc.exited
        await sleep(CUT_MS / 2)
        await revive(world)
      },
    }),
  ),
  {
    name: 'all killed and started again at once, with appendfsync always',
    layout: TOGETHER,
    kinds: VEDETTE,
    options: () => ({ durable: true }),
    fault: async (world) => {
      await Promise.all([...world.servers, ...world.sentinels].map(({ proc }) => proc.kill()))
      await revive(world)
    },
  },
  {
    name: 'disk full under the leader, then the primary dies',
    layout: APART,
    kinds: SAFE,
    options: (scope) => ({ sentinelDir: () => smallDisk(scope) }),
    fault: async (world) => {
      fill((await world.leader()).dir)
      await kill(world)
      await sleep(CUT_MS)
      for (const { dir } of world.sentinels) execFileSync('rm', ['-f', join(dir, 'filler')])
      await revive(world)
    },
  },
]

function smallDisk(scope: Scope): string {
  const dir = scope.tempDir()
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', dir])
  scope.defer(() => execFileSync('umount', ['-l', dir]))
  return dir
}

/** Writes until nothing more fits. */
function fill(dir: string): void {
  for (const size of [1 << 20, 1 << 12, 1])
    for (;;) {
      try {
        writeFileSync(join(dir, 'filler'), Buffer.alloc(size), { flag: 'a' })
      } catch {
        break
      }
    }
}
