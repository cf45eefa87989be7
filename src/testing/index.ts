// `vedette/testing`: a real group in one call, for the tests of programs that use Redis: a primary, replicas and a quorum of
// sentinels as processes of their own on free ports of this machine, and the faults that a program has to live through.
//
// Invariant: nothing outlives the process that started it: no process, no file. A test that forgets `stop`, fails, or is killed
// leaves nothing behind (a frozen process excepted, when the test's own process is killed with SIGKILL meanwhile).
import { setTimeout as sleep } from 'node:timers/promises'
import { createCluster } from '../cli/up/cluster.ts'
import { openDataDir } from '../cli/up/data-dir.ts'
import { GROUP_NAME, HOST, type UpArgs, wantedPorts } from '../cli/up/plan.ts'
import { reservePorts } from '../cli/up/ports.ts'
import { createSentinels } from './sentinels.ts'

/** Where something listens. */
export interface Address {
  readonly host: string
  readonly port: number
}

export interface ClusterOptions {
  /** Replicas beside the primary; 2 by default. */
  readonly replicas?: number
  /** Sentinels; 3 by default. */
  readonly sentinels?: number
  /** Silence after which a server counts as down; 1000 by default. A killed one is noticed at once. */
  readonly downAfterMs?: number
  /** How long anything may take before it is given up; 30,000 by default. */
  readonly timeoutMs?: number
  /** Told in a sentence what happens to the processes. */
  readonly log?: (line: string) => void
}

/** A change of primary, as all sentinels announce it. */
export interface Change {
  readonly from: Address
  readonly to: Address
  /** From the fault, or the order, until every sentinel named the new primary. */
  readonly ms: number
}

/** A group that runs. */
export interface Cluster extends AsyncDisposable {
  /** The group's name, by which clients ask the sentinels. */
  readonly name: string
  /** The sentinels, as clients want them. */
  readonly sentinels: readonly Address[]
  /** All servers. */
  readonly servers: readonly Address[]
  /** The primary, as the sentinels name it. */
  primary(): Promise<Address>
  /** Kills the primary as a crash would, and waits for the next. The killed one starts again as a replica. */
  killPrimary(): Promise<Change>
  /** Freezes the primary: it neither answers nor closes its connections. Waits for the next; `thaw` lets the old one go on. */
  freeze(): Promise<Change>
  /** Lets all that is frozen go on. */
  thaw(): void
  /** Hands the primary over in good order, as SENTINEL FAILOVER does. No write is lost. */
  switchover(): Promise<Change>
  /** Waits until the group is whole: every server is up, and every replica in sync. Before the next fault, say. */
  whole(): Promise<void>
  /** Ends all processes and removes their files. Called by `await using`, too. */
  stop(): Promise<void>
}

const LOOK_MS = 50
const ADDRESS_POLL_MS = 5
const SWITCHOVER_RETRY_MS = 100

/** Starts a group; resolves once the sentinels are a quorum that knows every server. */
export async function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
  const { replicas = 2, sentinels: count = 3, downAfterMs = 1000, timeoutMs = 30_000, log = () => {} } = options
  const args: UpArgs = {
    port: 0,
    replicas,
    'sentinel-port': undefined,
    sentinels: count,
    'data-dir': undefined,
    chaos: undefined,
    'down-after': downAfterMs,
  }
  const ports = await reservePorts(wantedPorts(args))
  const dir = openDataDir(undefined)
  const processes = createCluster({ args, ports, ...dir, firstPrimary: ports.servers[0]!, say: log })
  const sentinels = createSentinels(
    ports.sentinels.map(({ resp }) => resp),
    GROUP_NAME,
  )
  const onExit = (): void => processes.abort()
  process.once('exit', onExit)
  let stopped = false

  const stop = async (): Promise<void> => {
    if (stopped) return
    stopped = true
    process.off('exit', onExit)
    sentinels.close()
    await processes.stop()
  }

  /** Looks at everything again and again: who died comes back as a replica of whom the last look named. */
  const watch = async (): Promise<void> => {
    while (!stopped) {
      await processes.look()
      await sleep(LOOK_MS)
    }
  }

  const until = async <T>(what: string, probe: () => Promise<T | undefined>, everyMs: number): Promise<T> => {
    const deadlineMs = performance.now() + timeoutMs
    for (;;) {
      const found = await probe()
      if (found !== undefined) return found
      if (stopped) throw new Error(`vedette/testing: stopped while waiting for ${what}`)
      if (performance.now() > deadlineMs) throw new Error(`vedette/testing: no ${what} within ${timeoutMs} ms`)
      await sleep(everyMs)
    }
  }

  const named = (not?: number): Promise<number> =>
    until(
      not === undefined ? 'primary' : `primary other than ${not}`,
      async () => {
        const port = await sentinels.agreedPort()
        return port === not ? undefined : port
      },
      ADDRESS_POLL_MS,
    )

  const addressOf = (port: number): Address => ({ host: HOST, port })

  const change = async (cause: (port: number) => void | Promise<void>): Promise<Change> => {
    const from = await named()
    const sinceMs = performance.now()
    await cause(from)
    const to = await named(from)
    return { from: addressOf(from), to: addressOf(to), ms: performance.now() - sinceMs }
  }

  const order = (): Promise<true> => until('agreement to a switchover', () => sentinels.failover(), SWITCHOVER_RETRY_MS)

  const whole = async (): Promise<void> => {
    await until('whole group', async () => ((await sentinels.seeWhole(replicas)) ? true : undefined), LOOK_MS)
  }

  try {
    await processes.start()
    void watch()
    await whole()
  } catch (error) {
    await stop()
    throw error
  }
  return {
    name: GROUP_NAME,
    sentinels: ports.sentinels.map(({ resp }) => addressOf(resp)),
    servers: ports.servers.map(addressOf),
    primary: async () => addressOf(await named()),
    killPrimary: () => change((port) => processes.signal(port, 'SIGKILL')),
    freeze: () => change((port) => processes.signal(port, 'SIGSTOP')),
    thaw: () => {
      for (const port of ports.servers) processes.signal(port, 'SIGCONT')
    },
    switchover: () =>
      change(async () => {
        await order()
      }),
    whole,
    stop,
    [Symbol.asyncDispose]: stop,
  }
}
