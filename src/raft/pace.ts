// How fast this group can talk, as far as one node has measured it, and how long it is therefore patient.
//
// Intuition: on a machine with too little CPU nobody is dead, everybody is late. Timeouts made for a healthy machine then elect
// one leader after the other. So what is measured (how long others take to answer, how late this node's own loop runs) stretches
// the timeouts, and as measurements shrink they come back: peaks are remembered, and halve every HALF_LIFE_MS. What happened once
// is a mishap; only what happened twice says something about the pace, so of the two highest peaks the lower one counts.
//
// Patience moves in doublings of the configured timeout only, from one to STRETCH_MAX times as long, so it changes seldom: a
// patience that was promised to a leader must be durable before the promise is sent (ready.ts). A leaf.
import type { NodeId } from './messages.ts'

/** Most times that the configured election timeout is stretched. */
export const STRETCH_MAX = 8
const HALF_LIFE_MS = 5_000
/** Patience for what was measured, and half as much again. */
const MARGIN = 1.5

/** The second largest of the values seen, the older the less. */
interface Peak {
  largestMs: number
  valueMs: number
  atMs: number
}

export interface Pace {
  /** How late this node ran when it wanted to run. */
  readonly lateness: Peak
  /** What the last leader asked for: it sees more than a follower does. */
  readonly asked: Peak
  /** How long each other node takes to answer. */
  readonly delays: Map<NodeId, Peak>
}

const newPeak = (): Peak => ({ largestMs: 0, valueMs: 0, atMs: 0 })

export const newPace = (): Pace => ({ lateness: newPeak(), asked: newPeak(), delays: new Map() })

const left = (peak: Peak, nowMs: number): number => 2 ** ((peak.atMs - nowMs) / HALF_LIFE_MS)

const at = (peak: Peak, nowMs: number): number => (peak.valueMs === 0 ? 0 : peak.valueMs * left(peak, nowMs))

function note(peak: Peak, valueMs: number, nowMs: number): void {
  const share = left(peak, nowMs)
  const [largestMs, secondMs] = [peak.largestMs * share, peak.valueMs * share]
  if (valueMs < secondMs) return
  peak.largestMs = Math.max(largestMs, valueMs)
  peak.valueMs = Math.min(largestMs, valueMs)
  peak.atMs = nowMs
}

/** This node ran so late. */
export const noteLateness = (pace: Pace, lateMs: number, nowMs: number): void => note(pace.lateness, lateMs, nowMs)

/** A leader has asked for so much patience. */
export function noteAsked(pace: Pace, patienceMs: number, nowMs: number): void {
  pace.asked.valueMs = patienceMs
  pace.asked.atMs = nowMs
}

/** A node has answered what was sent to it so long ago. */
export function noteDelay(pace: Pace, from: NodeId, delayMs: number, nowMs: number): void {
  let peak = pace.delays.get(from)
  if (peak === undefined) {
    peak = newPeak()
    pace.delays.set(from, peak)
  }
  note(peak, Math.max(0, delayMs), nowMs)
}

/** Within which time a majority of these voters answers; one that was not heard yet is taken for quick. */
function majorityDelay(pace: Pace, voters: readonly NodeId[], self: NodeId, nowMs: number): number {
  const delays = voters.map((id) => {
    const peak = id === self ? undefined : pace.delays.get(id)
    return peak === undefined ? 0 : at(peak, nowMs)
  })
  return delays.sort((a, b) => a - b)[voters.length >> 1] ?? 0
}

export interface PaceBounds {
  readonly electionTimeoutMinMs: number
  readonly heartbeatMs: number
}

/** The least election timeout at present: the configured one, stretched as far as what was measured makes necessary. */
export function patienceOf(
  pace: Pace,
  { electionTimeoutMinMs, heartbeatMs }: PaceBounds,
  voters: readonly NodeId[],
  self: NodeId,
  nowMs: number,
): number {
  const measuredMs = majorityDelay(pace, voters, self, nowMs) + at(pace.lateness, nowMs)
  const neededMs = MARGIN * (measuredMs + heartbeatMs)
  let patienceMs = electionTimeoutMinMs
  while (patienceMs < neededMs && patienceMs < electionTimeoutMinMs * STRETCH_MAX) patienceMs *= 2
  return patienceMs
}

/** What is left of the patience that the last leader asked for. */
export const askedPatience = (pace: Pace, nowMs: number): number => at(pace.asked, nowMs)

/** Forgets nodes that are no members any more. */
export function keepPace(pace: Pace, isMember: (id: NodeId) => boolean): void {
  for (const id of pace.delays.keys()) if (!isMember(id)) pace.delays.delete(id)
}
