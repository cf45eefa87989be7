// What Raft must know of the state machine that its caller keeps: which feature level it has, so that nothing is ever committed
// that a member cannot apply.
//
// Every entry and every snapshot has a level: that of the oldest version that understands it. Each member says which it can apply
// (in its answers to heartbeats); when all voters can, the leader raises the group's level by an entry of its own (kind `level`),
// and from its commit on entries of that level are proposed. A level never falls. A member that meets a level above its own takes
// neither entry nor snapshot into its log, and says so (RaftStatus.tooNew): it waits for a newer version of itself. A leaf.

/** The level of the first version. */
export const FIRST_LEVEL = 1

export interface Machine {
  /** The highest level that it can apply. */
  readonly levelMax: number
  /** The level of a proposal; undefined when it is not understood. */
  levelOf(data: Uint8Array): number | undefined
  /** Whether a snapshot's data can be restored. Asked before it is persisted. */
  canRestore(data: Uint8Array): boolean
  /** Whether an entry's commit must be durable before it is applied, as others will learn from this member that it was. */
  mustOutlastCrash(data: Uint8Array): boolean
}

/** A state machine that knows no levels and takes everything. */
export const ANY_MACHINE: Machine = {
  levelMax: FIRST_LEVEL,
  levelOf: () => FIRST_LEVEL,
  canRestore: () => true,
  mustOutlastCrash: () => false,
}

/** What a member met and could not take. */
export interface TooNew {
  readonly kind: 'entry' | 'snapshot'
  readonly index: number
  /** The level that it would take. When it is within this member's, the data was not understood though it should have been. */
  readonly level: number
}
