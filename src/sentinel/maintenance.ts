// What holds automatic failovers back though all is there for one: an operator paused them for a time, or the last one was only just
// now (whoever fails over again and again does more harm than the fault that he flees from). One sentence for log, status and
// commands. What an operator asks for himself is never held back.
//
// Times are wall clock, for any sentinel may lead when they end. A clock that was set back, or another one's that was ahead,
// makes the interval end early; a pause ends by the leader's clock.
import { type CoreState, settingsOf, wallMs } from './state.ts'
import type { TopologyGroup } from './topology.ts'

/** Until when automatic failovers are paused (wall clock); undefined while they are not. */
export const pausedUntil = (core: CoreState, { pausedUntilMs }: TopologyGroup, nowMs: number): number | undefined =>
  wallMs(core, nowMs) < pausedUntilMs ? pausedUntilMs : undefined

/** Why no failover may begin by itself now; undefined when one may. */
export function heldBack(core: CoreState, topo: TopologyGroup, nowMs: number): string | undefined {
  const untilMs = pausedUntil(core, topo, nowMs)
  if (untilMs !== undefined)
    return `automatic failovers are paused until ${timeOfDay(untilMs)} (vedette resume ${topo.name} ends that)`
  const last = topo.history.findLast(({ outcome }) => outcome === 'done')
  if (last?.switchedAtMs === undefined || last.planned || last.epoch <= topo.acknowledgedEpoch) return undefined
  const sinceMs = wallMs(core, nowMs) - last.switchedAtMs
  const { failoverIntervalMs } = settingsOf(core, topo)
  if (sinceMs < 0 || sinceMs >= failoverIntervalMs) return undefined
  return `the last one was less than ${failoverIntervalMs} ms ago (failover-interval; vedette resume ${topo.name} acknowledges it)`
}

function timeOfDay(atMs: number): string {
  const seconds = Math.floor(atMs / 1000) % 86_400
  const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60]
  return `${parts.map((part) => String(part).padStart(2, '0')).join(':')} UTC`
}
