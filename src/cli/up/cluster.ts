// The processes of `vedette up` and what they are doing: starts them, looks at them, starts again what died, ends them all.
// Invariant: a server that died never comes back as an empty primary while another server lives; it waits until the
// sentinels have named a new primary, and comes back as its replica.
import { rmSync } from 'node:fs'
import { monotonicMs } from '../../io/clock.ts'
import { CliError } from '../command.ts'
import type { QuorumStatus } from '../quorum-status.ts'
import { type Child, type Ended, lastLines, logFile, startChild } from './child.ts'
import { type Probe, probeSentinel, probeServer, type ServerView } from './observe.ts'
import {
  type Ports,
  type ProcessPlan,
  sentinelPlans,
  sentinelWords,
  serverPlans,
  serverWords,
  type UpArgs,
} from './plan.ts'
import { type Moment, type ProcessState, primaryPort } from './view.ts'

const BACKOFF_MS = 500
const BACKOFF_MS_MAX = 10_000
/** A process that ran for so long starts again without delay. */
const STABLE_MS = 30_000
const READY_MS_MAX = 20_000
const STOP_MS_MAX = 5000

interface Slot<View> {
  readonly plan: ProcessPlan
  readonly words: (primary: number) => string[]
  readonly probe: Probe<View>
  child: Child | undefined
  state: ProcessState
  view: View | undefined
  /** Deaths in a row. */
  deaths: number
  startedMs: number
}

export interface ClusterOptions {
  readonly args: UpArgs
  readonly ports: Ports
  /** Where directories and logs go. */
  readonly root: string
  /** Whether `root` is temporary: removed at the end, and no snapshots. */
  readonly temporary: boolean
  /** Port of the server that begins as primary. */
  readonly firstPrimary: number
  /** Told in a sentence what happened to a process. */
  readonly say: (line: string) => void
}

export interface Cluster {
  /** Starts all processes; resolves when they listen. Rejects with CliError that tells which one did not start. */
  start(): Promise<void>
  /** Looks at every process. */
  look(): Promise<Moment>
  /** Kills the primary as a crash would; its name, or undefined when no primary is known to run. */
  killPrimary(): string | undefined
  /** Sends a signal to the server on this port, if it runs. */
  signal(port: number, signal: NodeJS.Signals): void
  /** Ends all processes, in order, and removes what is temporary. */
  stop(): Promise<void>
  /** Kills all at once, without waiting; for when `up` itself fails. */
  abort(): void
}

/** How a process ended, for people. */
export function endText({ code, signal }: Ended): string {
  return signal === null ? `ended with exit code ${code ?? 'unknown'}` : `was ended by ${signal}`
}

export function createCluster(options: ClusterOptions): Cluster {
  const { args, ports, root, temporary, firstPrimary, say } = options
  const scratch = temporary ? root : undefined
  const slotOf = <View>(plan: ProcessPlan, probe: Probe<View>, words: Slot<View>['words']): Slot<View> => ({
    plan,
    words,
    probe,
    child: undefined,
    state: 'starting',
    view: undefined,
    deaths: 0,
    startedMs: 0,
  })
  const servers = serverPlans(ports, root).map((plan) =>
    slotOf<ServerView>(plan, probeServer(plan.port), (primary) => serverWords(plan, primary, !temporary)),
  )
  const sentinels = sentinelPlans(ports, root).map((plan, i) =>
    slotOf<QuorumStatus>(plan, probeSentinel(plan.port), (primary) =>
      sentinelWords(plan, ports.sentinels[i]!, primary, args),
    ),
  )
  const slots: Slot<unknown>[] = [...servers, ...sentinels] as Slot<unknown>[]
  const timers = new Set<NodeJS.Timeout>()
  let stopping = false

  const moment = (): Moment => {
    const rowOf = <View>({ plan, child, state }: Slot<View>) => ({
      name: plan.name,
      port: plan.port,
      pid: child?.pid ?? 0,
      process: state,
    })
    return {
      servers: servers.map((slot) => ({ ...rowOf(slot), view: slot.view })),
      sentinels: sentinels.map((slot) => ({ ...rowOf(slot), status: slot.view })),
    }
  }

  const launch = (slot: Slot<unknown>, primary: number): Child => {
    const child = startChild(slot.plan, slot.words(primary), scratch)
    slot.child = child
    slot.state = 'starting'
    slot.startedMs = monotonicMs()
    void child.ready.then((ready) => {
      if (ready && slot.child === child) slot.state = 'running'
    })
    void child.ended.then((how) => onEnd(slot, how))
    return child
  }

  const onEnd = (slot: Slot<unknown>, how: Ended): void => {
    slot.view = undefined
    slot.state = 'dead'
    if (stopping) return
    say(`${slot.plan.name} (${slot.plan.port}) ${endText(how)}`)
    if (how.signal === null) for (const line of lastLines(slot.plan, 3)) say(`  ${line}`)
    slot.deaths = monotonicMs() - slot.startedMs > STABLE_MS ? 0 : slot.deaths + 1
    later(Math.min(BACKOFF_MS * 2 ** Math.max(0, slot.deaths - 1), BACKOFF_MS_MAX), () => revive(slot))
  }

  const later = (ms: number, act: () => void): void => {
    const timer = setTimeout(() => {
      timers.delete(timer)
      if (!stopping) act()
    }, ms)
    timers.add(timer)
  }

  /** Starts a dead process again; a server only once it is clear whose replica it is to be. */
  const revive = (slot: Slot<unknown>): void => {
    const told = primaryPort(moment()) ?? firstPrimary
    const othersLive = servers.some((one) => one.plan !== slot.plan && one.child?.alive === true)
    const wasPrimary = slot.plan.kind === 'server' && told === slot.plan.port
    if (wasPrimary && othersLive) {
      later(BACKOFF_MS, () => revive(slot))
      return
    }
    slot.state = 'restarting'
    say(
      `${slot.plan.name} (${slot.plan.port}) starts again${slot.plan.kind === 'server' && !wasPrimary ? ` as a replica of ${told}` : ''}`,
    )
    launch(slot, slot.plan.kind === 'server' ? told : firstPrimary)
  }

  const waitReady = async (started: readonly Child[]): Promise<void> => {
    const timeout = new Promise<'late'>((resolve) => later(READY_MS_MAX, () => resolve('late')))
    for (const child of started) {
      const ready = await Promise.race([child.ready, timeout])
      if (ready === true || stopping) continue
      const what = ready === 'late' ? `is not ready after ${READY_MS_MAX / 1000} s` : endText(await child.ended)
      const log = lastLines(child.plan, 8).map((line) => `  ${line}`)
      const where = temporary ? '' : `\nIts log: ${logFile(child.plan)}`
      throw new CliError([`${child.plan.name} (port ${child.plan.port}) ${what}:`, ...log].join('\n') + where)
    }
  }

  const start = async (): Promise<void> => {
    const isFirst = (slot: Slot<unknown>): boolean => slot.plan.kind === 'server' && slot.plan.port === firstPrimary
    await waitReady([launch(slots.find(isFirst)!, firstPrimary)])
    if (stopping) return
    await waitReady(slots.filter((slot) => !isFirst(slot)).map((slot) => launch(slot, firstPrimary)))
  }

  const look = async (): Promise<Moment> => {
    await Promise.all(
      slots.map(async (slot) => {
        const { child } = slot
        if (slot.state !== 'running') return
        const view = await slot.probe.ask()
        if (slot.child === child && slot.state === 'running') slot.view = view
      }),
    )
    return moment()
  }

  const killPrimary = (): string | undefined => {
    const port = primaryPort(moment())
    const slot = servers.find((one) => one.plan.port === port)
    if (slot?.child?.alive !== true) return undefined
    slot.child.kill('SIGKILL')
    return slot.plan.name
  }

  const signal = (port: number, signal: NodeJS.Signals): void => {
    const slot = servers.find((one) => one.plan.port === port)
    if (slot?.child?.alive === true) slot.child.kill(signal)
  }

  const endAll = async (some: readonly Slot<unknown>[]): Promise<void> => {
    const children = some.flatMap(({ child }) => (child?.alive === true ? [child] : []))
    for (const child of children) {
      child.kill('SIGCONT')
      child.kill('SIGTERM')
    }
    const force = setTimeout(() => {
      for (const child of children) child.kill('SIGKILL')
    }, STOP_MS_MAX)
    await Promise.all(children.map((child) => child.ended))
    clearTimeout(force)
  }

  const stop = async (): Promise<void> => {
    stopping = true
    for (const timer of timers) clearTimeout(timer)
    for (const slot of slots) slot.probe.close()
    // Sentinels first, so that none takes the end of the servers for a crash.
    await endAll(sentinels as Slot<unknown>[])
    await endAll(servers as Slot<unknown>[])
    if (temporary) rmSync(root, { recursive: true, force: true, maxRetries: 3 })
  }

  const abort = (): void => {
    stopping = true
    for (const { child } of slots) if (child?.alive === true) child.kill('SIGKILL')
    if (temporary) rmSync(root, { recursive: true, force: true, maxRetries: 3 })
  }

  return { start, look, killPrimary, signal, stop, abort }
}
