// What of the server's state decides which commands may run: the engine asks, and the server keeps it up to date.
import type { Host } from '../commands/context.ts'
import type { Pause } from '../facade/processor.ts'

/** Conditions of the server that close the gate for some commands; the server keeps them up to date. */
export interface GateConditions extends Pause {
  loading: boolean
  /** A script runs that has given way: the error for all but few commands. */
  busy: string | undefined
  /** This is a replica, and clients may not write to it. */
  readonlyReplica: boolean
  /** Writes need a lease: whether it holds is asked for before each batch of requests. */
  leased: boolean
  /** The lease is lost: no writes. */
  leaseLost: boolean
  /** Too few replicas are there to have what is written. */
  copiesMissing: boolean
  /** The group of sentinels that this server waits for before it takes a role; undefined: for none. */
  undecidedGroup: string | undefined
  /** This is a replica whose link is down, and it must not serve stale data. */
  stale: boolean
  /** This is a replica to which clients may write: keys that they give an expiry are told to `onReplicaWrite`. */
  writableReplica: boolean
  /** The last snapshot failed, and writes stop for that. */
  misconfigured: boolean
  /** Why the append-only log cannot be written, and so nothing else; undefined: it can, or there is none. */
  logProblem: string | undefined
  /** `maxmemory` in bytes, 0 for no limit. */
  maxmemoryBytes: number
  /** `min-replicas-to-write`, 0 for none. */
  replicasToWriteMin: number
}

/** The gate with everything open. */
export function openGate(): GateConditions {
  return {
    loading: false,
    busy: undefined,
    readonlyReplica: false,
    leased: false,
    leaseLost: false,
    copiesMissing: false,
    undecidedGroup: undefined,
    stale: false,
    writableReplica: false,
    misconfigured: false,
    logProblem: undefined,
    maxmemoryBytes: 0,
    replicasToWriteMin: 0,
    pausedUntilMs: 0,
    pausedWritesOnly: false,
    writesHeld: false,
    streamHeld: false,
  }
}

/** Whether a client's write would pass the gate now, for health checks. */
export function mayWrite(gate: GateConditions, replication: Host['replication'], nowMs: number): boolean {
  if (gate.loading || gate.misconfigured || gate.readonlyReplica || replication.isReplica()) return false
  if (gate.undecidedGroup !== undefined || gate.leaseLost || gate.copiesMissing) return false
  if (gate.logProblem !== undefined) return false
  if (gate.replicasToWriteMin !== 0 && replication.goodReplicas() < gate.replicasToWriteMin) return false
  return nowMs >= gate.pausedUntilMs && !gate.writesHeld
}
