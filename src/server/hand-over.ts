// The end of a primary that has sentinels: before it stops on SIGTERM it asks for a switchover and waits until it is a replica,
// so that a planned end loses no write and clients have a new primary to go to before this one is gone.
import { monotonicMs } from '../io/clock.ts'
import type { Log } from '../io/log.ts'
import { askFailover, type SentinelAccess } from './sentinels.ts'

export interface HandOverParts {
  readonly access: SentinelAccess
  readonly log: Log
  readonly isPrimary: () => boolean
  /** How long to try; then the server stops anyway. */
  readonly timeoutMs: number
}

const ASK_EVERY_MS = 200
const LOOK_EVERY_MS = 5

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** Hands the role of the primary over; resolves when this is no primary any more, or when time is up. */
export async function handOver({ access, log, isPrimary, timeoutMs }: HandOverParts): Promise<void> {
  if (access.addresses.length === 0 || !isPrimary()) return
  const untilMs = monotonicMs() + timeoutMs
  log.notice(`Asking the sentinels to hand ${access.group} over before this server stops.`)
  let why: string | undefined = 'no sentinel was asked'
  for (let i = 0; isPrimary() && monotonicMs() < untilMs; i++) {
    why = await askFailover(access, access.addresses[i % access.addresses.length]!)
    // Agreed to: what follows is their work, and takes some tens of milliseconds.
    const lookUntilMs = Math.min(untilMs, monotonicMs() + (why === undefined ? timeoutMs : ASK_EVERY_MS))
    while (isPrimary() && monotonicMs() < lookUntilMs) await pause(LOOK_EVERY_MS)
  }
  if (isPrimary()) log.warning(`Stopping as primary, nobody took over in time${why === undefined ? '' : `: ${why}`}`)
  else log.notice('Another server is primary now.')
}
