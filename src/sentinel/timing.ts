// The times by which a sentinel does its work, as SENTINEL DEBUG shows and changes them: of this sentinel alone, and until it
// ends. They are for tests and for whoever looks into a fault; what is to last is an option of the file or a setting of a group.
// Invariant: every time is a whole number of at least 1 ms.
import { DEFAULT_SETTINGS } from './settings.ts'

export interface Timing {
  /** How often INFO is asked of a server. */
  readonly infoMs: number
  readonly pingMs: number
  /** How often sentinels tell each other of a primary that is down. */
  readonly askMs: number
  /** How often a hello is published on a server. */
  readonly publishMs: number
  /** What holds for groups of which nothing was said. */
  readonly downAfterMs: number
  readonly failoverTimeoutMs: number
  /** A loop that stood still for so long is told of as +tilt, and for how long. */
  readonly tiltTriggerMs: number
  readonly tiltPeriodMs: number
  /** A replica that does not follow the new primary within this no longer holds up the next one. */
  readonly reconfMs: number
  /** How long after a failed attempt a server is connected to again. */
  readonly reconnectMs: number
  readonly scriptRunMs: number
  readonly scriptRetryMs: number
}

/** SENTINEL DEBUG's name of each time, in the order in which it shows them. */
const NAMES = {
  infoMs: 'info-period',
  pingMs: 'ping-period',
  askMs: 'ask-period',
  publishMs: 'publish-period',
  downAfterMs: 'default-down-after',
  failoverTimeoutMs: 'default-failover-timeout',
  tiltTriggerMs: 'tilt-trigger',
  tiltPeriodMs: 'tilt-period',
  reconfMs: 'slave-reconf-timeout',
  reconnectMs: 'min-link-reconnect-period',
  scriptRunMs: 'script-max-runtime',
  scriptRetryMs: 'script-retry-delay',
} as const satisfies Record<keyof Timing, string>

/** The times of a sentinel that nobody has changed. */
export const usualTiming = (heartbeatMs: number): Timing => ({
  infoMs: 1_000,
  pingMs: heartbeatMs,
  askMs: 200,
  publishMs: 2_000,
  downAfterMs: DEFAULT_SETTINGS.downAfterMs,
  failoverTimeoutMs: DEFAULT_SETTINGS.failoverTimeoutMs,
  tiltTriggerMs: 2_000,
  tiltPeriodMs: 2_000,
  reconfMs: 10_000,
  reconnectMs: 100,
  scriptRunMs: 60_000,
  scriptRetryMs: 30_000,
})

/** The times by name. */
export const timingFields = (timing: Timing): [name: string, ms: number][] =>
  Object.entries(NAMES).map(([field, name]) => [name, timing[field as keyof Timing]])

/** The time of this name, or undefined. */
export const timingOf = (name: string): keyof Timing | undefined =>
  (Object.keys(NAMES) as (keyof Timing)[]).find((field) => NAMES[field] === name.toLowerCase())
