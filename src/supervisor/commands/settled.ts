// Answers about a primary that is just being replaced wait for the new one, for a moment: a client that asks then would be told
// an address that is dead already, or one that has not been announced yet, and come back only after its own pause.
// Invariant: an answer waits no longer than HOLD_MS, and only while a failover can be expected to end well.
import { monotonicMs } from '../../io/clock.ts'
import type { ReplyWriter } from '../../protocol/writer.ts'
import { addressKey } from '../../sentinel/address.ts'
import { type CoreState, type GroupState, topoOf } from '../../sentinel/state.ts'
import type { Sentinel } from '../sentinel.ts'
import { type Call, later } from './spec.ts'

/** Clients give up on a sentinel that does not answer for long, and many ask with a time-out of a few hundred ms. */
const HOLD_MS = 500
const LOOK_MS = 2

interface Waiter {
  readonly untilMs: number
  readonly isOver: () => boolean
  readonly go: () => void
}

interface Waiting {
  readonly waiters: Set<Waiter>
  timer: NodeJS.Timeout | undefined
}

const WAITING = new WeakMap<Sentinel, Waiting>()

/** Whether the primary of this group is about to be another, as far as this sentinel knows. */
function isBeingReplaced(core: CoreState, group: GroupState, nowMs: number): boolean {
  const topo = topoOf(core, group.name)
  if (topo === undefined || core.raft.leader === undefined || topo.replicas.length === 0) return false
  if (group.failures > 0 || group.deadEnd?.shown === true) return false
  if (topo.failover !== undefined) return topo.failover.switchedAtMs === undefined
  const primary = group.servers.get(addressKey(topo.primary))
  return primary?.sdown === true && nowMs - primary.sdownSinceMs < HOLD_MS
}

/** Writes the answer now, or, if the primary of one of the groups is being replaced, when that is over or HOLD_MS have passed. */
export function whenSettled(call: Call, groups: readonly GroupState[], write: (reply: ReplyWriter) => void): void {
  const { sentinel } = call.host
  const core = sentinel.core.state
  const isOver = (): boolean => !groups.some((group) => isBeingReplaced(core, group, monotonicMs()))
  if (isOver()) return write(call.reply)
  later(call, (done) => wait(sentinel, { untilMs: monotonicMs() + HOLD_MS, isOver, go: () => done(write) }))
}

/** One timer looks after all that wait. */
function wait(sentinel: Sentinel, waiter: Waiter): void {
  const waiting = WAITING.get(sentinel) ?? { waiters: new Set(), timer: undefined }
  WAITING.set(sentinel, waiting)
  waiting.waiters.add(waiter)
  waiting.timer ??= setInterval(() => look(waiting), LOOK_MS).unref()
}

function look(waiting: Waiting): void {
  const nowMs = monotonicMs()
  for (const waiter of waiting.waiters) {
    if (nowMs < waiter.untilMs && !waiter.isOver()) continue
    waiting.waiters.delete(waiter)
    waiter.go()
  }
  if (waiting.waiters.size > 0) return
  clearInterval(waiting.timer)
  waiting.timer = undefined
}
