// What SENTINEL VEDETTE-STATUS says, as types: the sentinel writes it (status.ts), the command line reads it (cli/quorum-status.ts)
// and the console shows it. Numbers without `At` are ages in ms; `…AtMs` are wall clock, ms since 1970.
import type { WriteMode } from '../lease/terms.ts'
import type { FormedGroup } from '../sentinel/formation.ts'

export interface StatusReport {
  /** Where this sentinel answers. */
  readonly self: string
  readonly peer: string
  readonly runId: string
  readonly uptimeMs: number
  /** One sentence: what keeps this sentinel from belonging to a group that can decide. */
  readonly obstacle: string | null
  readonly group: FormedGroup | null
  readonly raft: RaftReport
  readonly sentinels: readonly SentinelReport[]
  readonly masters: readonly GroupReport[]
}

export interface RaftReport {
  readonly term: number
  readonly leader: string | null
  readonly role: string
  readonly commitIndex: number
  readonly voters: readonly string[]
  readonly learners: readonly string[]
}

export interface SentinelReport {
  readonly peer: string
  readonly runId: string
  readonly address: string
  readonly health: 'up' | 'down'
  readonly lastHeardMs: number
  readonly leader: boolean
  readonly voter: boolean
}

export interface GroupReport {
  readonly name: string
  readonly quorum: number
  readonly epoch: number
  readonly status: string
  readonly primary: string
  /** What an acknowledged write means. */
  readonly writeMode: WriteMode
  readonly lease: LeaseState
  /** One sentence: what keeps the group from a failover that it needs. */
  readonly deadEnd: string | null
  /** Wall clock: until when no failover begins by itself. */
  readonly pausedUntilMs: number | null
  /** Sentinels that find the primary down now, by their addresses, as far as this one knows. */
  readonly downVotes: readonly string[]
  readonly failover: FailoverReport | null
  readonly servers: readonly ServerReport[]
  readonly lastFailover: PastFailoverReport | null
}

/** Whether the primary holds its lease, as far as this sentinel knows; `none`: it needs none. */
export type LeaseState = 'held' | 'out' | 'none'

export interface ServerReport {
  readonly address: string
  readonly role: 'primary' | 'replica'
  readonly health: 'up' | 'down'
  readonly link: 'up' | 'down' | null
  /** Whom it says it follows. */
  readonly follows: string | null
  readonly offset: number
  readonly lagBytes: number
  readonly priority: number
  readonly runId: string
}

export interface FailoverReport {
  readonly epoch: number
  readonly step: 'choose' | 'promote' | 'reconfigure'
  readonly reason: string
  readonly planned: boolean
  readonly candidate: string | null
  /** Wall clock. */
  readonly startedAtMs: number
}

export interface PastFailoverReport {
  readonly epoch: number
  readonly reason: string
  readonly choice: string
  readonly from: string
  readonly to: string | null
  readonly planned: boolean
  readonly outcome: string
  /** One sentence: how it ended. */
  readonly ending: string
  readonly durationMs: number
  readonly atMs: number
}

/** A replica, and why it would not be or was not chosen; null for the one that is. */
export interface CandidateReport {
  readonly address: string
  readonly offset: number
  readonly priority: number
  readonly whyNot: string | null
}

/** What SENTINEL VEDETTE-OUTLOOK says: who would become primary if the present one died now. */
export interface OutlookReport {
  readonly primary: string
  readonly winner: string | null
  /** Why no failover would be possible, or none would begin by itself; empty when all is well. */
  readonly obstacles: readonly string[]
  readonly candidates: readonly CandidateReport[]
}

export interface StepReport {
  readonly phase: string
  readonly ms: number
  /** One sentence. */
  readonly text: string
}

/** A failover that is over, in full: what SENTINEL VEDETTE-HISTORY and GET /history say. */
export interface HistoryReport {
  readonly group: string
  readonly epoch: number
  readonly kind: 'automatic' | 'switchover' | 'forced'
  /** Why it was begun, in a word; null for one of an earlier version. */
  readonly cause: string | null
  /** `done`, or why it was given up. */
  readonly outcome: string
  readonly from: string
  readonly to: string | null
  readonly reason: string
  readonly choice: string
  readonly ending: string
  readonly startedAtMs: number
  readonly switchedAtMs: number | null
  readonly endedAtMs: number
  /** From the last sign of life of the old primary to the new one's announcement, or to the end of one that was given up. */
  readonly tookMs: number
  readonly steps: readonly StepReport[]
  readonly candidates: readonly CandidateReport[]
  readonly lostBytesMax: number | null
}

/** One group in the stream of the console, with what would happen if its primary died now. */
export interface LiveGroup extends GroupReport {
  readonly outlook: OutlookReport
  /** Epoch of the failover that ended last; 0: none. */
  readonly historyEpoch: number
}

/** The sentinels in the stream of the console: ages are left out, or there would always be news. */
export interface LiveQuorum {
  readonly self: string
  readonly formed: boolean
  readonly obstacle: string | null
  readonly term: number
  readonly sentinels: readonly Omit<SentinelReport, 'lastHeardMs'>[]
  /** Whether a switchover can be asked for on the page. */
  readonly writable: boolean
}
