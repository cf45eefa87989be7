// The end of a primary that has sentinels: before it stops on SIGTERM it asks for a switchover and waits until it is a replica,
// so that a planned end loses no write and clients have a new primary to go to before this one is gone.
import { monotonicMs } from '../io/clock.ts'
import type { Log } from '../io/log.ts'
import { askFailover, type SentinelAccess } from './ask-sentinels.ts'

export interface HandOverParts {
  readonly access: SentinelAccess
  readonly log: Log
  readonly isPrimary: () => boolean
  /** How long to try; then the server stops anyway. */
  readonly timeoutMs: number
}

const ASK_EVERY_MS = 200
/** So many refusals of each sentinel, and the server stops without: there may be no replica, or no quorum. */
const REFUSALS_MAX = 3
const LOOK_EVERY_MS = 5

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** Hands the role of the primary over; resolves when this is no primary any more, or when time is up. */
export async function handOver({ access, log, isPrimary, timeoutMs }: HandOverParts): Promise<void> {
  if (access.addresses.length === 0 || !isPrimary()) return
  const { addresses, group } = access
  const untilMs = monotonicMs() + timeoutMs
  log.notice(`Asking the sentinels to hand ${group} over before this server stops.`)
  let why: string | undefined
  for (let i = 0; i < addresses.length * REFUSALS_MAX && isPrimary() && monotonicMs() < untilMs; i++) {
    why = await askFailover(access, addresses[i % addresses.length]!)
    // Once agreed to it is their work, and takes some tens of milliseconds.
    const lookUntilMs = why === undefined ? untilMs : Math.min(untilMs, monotonicMs() + ASK_EVERY_MS)
    while (isPrimary() && monotonicMs() < lookUntilMs) await pause(LOOK_EVERY_MS)
  }
  if (isPrimary()) log.warning(`Stopping as primary, nobody took over${why === undefined ? ' in time' : `: ${why}`}`)
  else log.notice('Another server is primary now.')
}
