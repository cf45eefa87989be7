// The two clocks of a process. Deadlines, intervals and leases use the monotonic one, which no administrator or NTP step
// moves; the wall clock is for people and for what the wire format dates.

/** Milliseconds since some fixed moment, with a fraction; never goes back. */
export function monotonicMs(): number {
  return performance.now()
}

/** Milliseconds since 1970, as a whole number; may jump in either direction. */
export function wallMs(): number {
  return Date.now()
}

let anchor = { wallMs: 0, monotonicMs: 0 }

/**
 * Microseconds since 1970. The wall clock ticks in milliseconds; in between the monotonic clock counts on, and the two
 * are brought together again when they differ.
 */
export function wallMicros(): number {
  const nowMs = wallMs()
  const estimateMs = anchor.wallMs + monotonicMs() - anchor.monotonicMs
  if (estimateMs >= nowMs && estimateMs < nowMs + 1) return Math.floor(estimateMs * 1000)
  anchor = { wallMs: nowMs, monotonicMs: monotonicMs() }
  return nowMs * 1000
}
