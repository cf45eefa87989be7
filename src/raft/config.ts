// The settings of one Raft node, their defaults, and the relations between them that safety and liveness need.
import { assert } from '../lib/assert.ts'
import { ENTRY_BYTES_MAX, ID_LENGTH_MAX, SNAPSHOT_PART_BYTES } from '../lib/limits.ts'
import { ANY_MACHINE, FIRST_LEVEL, type Machine } from './machine.ts'
import type { NodeId } from './messages.ts'

/** Settings of a node, the same on every member but for `id`. All times in milliseconds of the caller's monotonic clock. */
export interface RaftConfig {
  /** Identity of the group; messages of another group are dropped. */
  readonly group: string
  /** This node's own identity. */
  readonly id: NodeId
  /** A follower waits a random time in [min, max) without hearing a leader before it asks for votes. */
  readonly electionTimeoutMinMs: number
  readonly electionTimeoutMaxMs: number
  /** How often a leader shows that it lives. At most a third of electionTimeoutMinMs. */
  readonly heartbeatMs: number
  /**
   * How much faster one clock may run than another, as a fraction. A leader's lease is this much shorter than the time
   * for which its followers refuse to vote for others.
   */
  readonly clockDrift: number
  /** Most bytes of entry data in one append message (one entry always fits). */
  readonly maxAppendBytes: number
  /** Most bytes in one proposal. */
  readonly maxEntryBytes: number
  /** Most append messages on their way to one follower. */
  readonly maxInflight: number
  /** Most bytes of entries that wait for their commit; proposals beyond are refused as busy. */
  readonly maxUncommittedBytes: number
  /** Most bytes of a snapshot's data in one message. */
  readonly snapshotPartBytes: number
  /** A part of a snapshot that was not confirmed is sent again after this long. */
  readonly snapshotRetryMs: number
  /** Entries kept in memory below a compaction, for followers that are a little behind. */
  readonly trailingEntries: number
  /** What the state machine can apply. */
  readonly machine: Machine
}

export const RAFT_DEFAULTS = {
  electionTimeoutMinMs: 300,
  electionTimeoutMaxMs: 600,
  heartbeatMs: 100,
  clockDrift: 0.1,
  maxAppendBytes: ENTRY_BYTES_MAX,
  maxEntryBytes: ENTRY_BYTES_MAX,
  maxInflight: 64,
  maxUncommittedBytes: 8 * 1024 * 1024,
  snapshotPartBytes: SNAPSHOT_PART_BYTES,
  snapshotRetryMs: 1000,
  trailingEntries: 64,
  machine: ANY_MACHINE,
} as const satisfies Omit<RaftConfig, 'group' | 'id'>

/** Fills in the defaults and asserts the relations that must hold between the settings. */
export function raftConfig(settings: Partial<RaftConfig> & Pick<RaftConfig, 'group' | 'id'>): RaftConfig {
  const config: RaftConfig = { ...RAFT_DEFAULTS, ...settings }
  assert(isIdentity(config.group) && isIdentity(config.id), 'group and id must be 1..128 characters of printable ASCII')
  assert(config.heartbeatMs > 0, 'heartbeatMs must be positive')
  assert(config.heartbeatMs * 3 <= config.electionTimeoutMinMs, 'electionTimeoutMinMs must be ≥ 3 × heartbeatMs')
  assert(config.electionTimeoutMaxMs > config.electionTimeoutMinMs, 'electionTimeoutMaxMs must exceed the minimum')
  assert(config.clockDrift >= 0 && config.clockDrift < 0.5, 'clockDrift must be in [0, 0.5)')
  assert(config.maxInflight >= 1, 'maxInflight must be at least 1')
  const bytesMin = Math.min(config.maxEntryBytes, config.maxAppendBytes, config.snapshotPartBytes)
  assert(bytesMin >= 1, 'byte limits must be positive')
  assert(config.machine.levelMax >= FIRST_LEVEL, 'the state machine must be able to apply the first level')
  return config
}

const isIdentity = (text: string): boolean => text.length <= ID_LENGTH_MAX && /^[\x21-\x7e]+$/.test(text)
