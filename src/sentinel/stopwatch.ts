// The leader's stopwatch for the phases of a failover. It runs from the last sign of life of the primary to the end; each phase is a
// lap. An entry carries the laps since the one before, and while one waits for its commit nothing else is a phase.
import type { Lap, Phase } from './account.ts'

export interface Stopwatch {
  /** Since when the present phase goes on. */
  sinceMs: number
  laps: Lap[]
  /** An entry was proposed and is not committed yet. */
  proposed: boolean
  /** A quorum has found the primary down. */
  agreed: boolean
}

export const createStopwatch = (sinceMs: number): Stopwatch => ({ sinceMs, laps: [], proposed: false, agreed: false })

const took = (sinceMs: number, nowMs: number): number => Math.max(0, Math.round((nowMs - sinceMs) * 10) / 10)

/** Ends a phase; one that follows upon itself is one. */
export function lap(watch: Stopwatch, phase: Phase, nowMs: number): void {
  if (watch.proposed) return
  const ms = took(watch.sinceMs, nowMs)
  const last = watch.laps.at(-1)
  if (last?.phase === phase) watch.laps[watch.laps.length - 1] = { phase, ms: last.ms + ms }
  else watch.laps.push({ phase, ms })
  watch.sinceMs = nowMs
}

/** An entry was proposed, which carries the laps until now. */
export function noteProposed(watch: Stopwatch): void {
  watch.proposed = true
}

/** The entry was committed: the laps are in the replicated state, and the commit is the first of those to come. */
export function noteCommitted(watch: Stopwatch, phase: 'commit' | 'announce', nowMs: number): void {
  if (!watch.proposed) return
  watch.proposed = false
  watch.laps = []
  lap(watch, phase, nowMs)
}
