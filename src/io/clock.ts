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
