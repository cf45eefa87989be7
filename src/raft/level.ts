// How the group's feature level rises (machine.ts says what it is). Invariants: a leader appends a level only when every voter has
// said that it can apply it; one such entry at a time; proposals never exceed the committed level.
import { encodeLevel } from './codec.ts'
import { appendOwn } from './leading.ts'
import { levelAt, levelIn, levelIndex, membershipIn, termAt } from './log.ts'
import type { TooNew } from './machine.ts'
import type { Raft } from './state.ts'

/** The level of what may be proposed now. */
export const levelInForce = (raft: Raft): number => levelAt(raft.log, raft.log.committed)

/** Leader: proposes the highest level that all voters can apply, when that is more than the present one. */
export function raiseLevel(raft: Raft): void {
  const { log, config } = raft
  if (config.machine.levelMax <= levelIn(log) || raft.transfer) return
  if (termAt(log, log.committed) !== raft.term || levelIndex(log) > log.committed) return
  const canApply = (id: string): number =>
    id === config.id ? config.machine.levelMax : (raft.peers.get(id)?.levelMax ?? 0)
  const level = Math.min(...membershipIn(log).voters.map(canApply))
  if (level > levelIn(log)) appendOwn(raft, 'level', encodeLevel(level))
}

/** Refuses what this member cannot apply; the caller tells its operator. */
export function refuse(raft: Raft, what: TooNew): void {
  raft.tooNew = what
}
