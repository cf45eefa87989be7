// What is told of a failover afterwards: what it was for, how long each phase took, who the candidates were and why each was not
// chosen, and how much may be lost. The leader gathers it while it decides, and each entry of the failover carries what was
// gathered since the one before. So the replicated state has the whole story, also when leaders changed midway (what the earlier
// one had not proposed yet is missing then).
//
// Invariants: nothing is decided by it; it is bounded, whatever a failover goes through.
import { type Address, toAddress } from './address.ts'
import { asInt, asList, asObject, asText, asWord } from './fields.ts'

/** The phases of a failover, in the order in which they follow each other; `choose`, `commit` and `fence` may come twice. */
export const PHASES = [
  /** From the last sign of life of the primary to the first verdict of down. */
  'detect',
  /** Until a quorum says so. */
  'vote',
  /** It was held back: by a pause, by the interval between failovers, by the failure of the one before. */
  'wait',
  /** Until the candidate was clear. */
  'choose',
  /** Until a majority had the start, or the choice, on disk. */
  'commit',
  /** Until the old primary could take no more writes. */
  'fence',
  /** From the order to become primary until the candidate was. */
  'promote',
  /** Until the switch was committed, and with that announced. */
  'announce',
  /** Until the other replicas followed. */
  'reconfigure',
] as const
export type Phase = (typeof PHASES)[number]

/** Why a failover was begun. */
export const CAUSES = [
  /** No process listens at the primary's address. */
  'dead',
  /** It did not answer. */
  'silent',
  /** An operator asked for it. */
  'operator',
  /** The primary came back with less data than a replica has. */
  'data',
  /** The servers are elsewhere, as the file says. */
  'moved',
] as const
export type Cause = (typeof CAUSES)[number]

/** A phase, and how long it took. */
export interface Lap {
  readonly phase: Phase
  readonly ms: number
}

/** A replica that was looked at. */
export interface CandidateNote {
  readonly address: Address
  readonly offset: number
  readonly priority: number
  /** Absent for the one that was chosen. */
  readonly whyNot?: string | undefined
}

export interface Account {
  readonly cause?: Cause | undefined
  readonly laps: readonly Lap[]
  readonly candidates: readonly CandidateNote[]
  /** Bytes that the old primary had, or had acknowledged (`sync`), and the new one lacks, at most (loss.ts); absent while it is not known. */
  readonly lostBytesMax?: number | undefined
}

export const NO_ACCOUNT: Account = { laps: [], candidates: [] }

const LAPS_MAX = 24
const CANDIDATES_MAX = 16
const TEXT_MAX = 256
const MAX = Number.MAX_SAFE_INTEGER

/** What two entries of one failover tell, together. */
export const joined = (before: Account, after: Account): Account => ({
  cause: before.cause ?? after.cause,
  laps: [...before.laps, ...after.laps].slice(0, LAPS_MAX),
  candidates: after.candidates.length > 0 ? after.candidates : before.candidates,
  lostBytesMax: after.lostBytesMax ?? before.lostBytesMax,
})

/** The account as far as it goes into an entry. */
export const bounded = ({ laps, candidates, ...rest }: Account): Account => ({
  ...rest,
  laps: laps.slice(0, LAPS_MAX),
  candidates: candidates
    .slice(0, CANDIDATES_MAX)
    .map((note) => (note.whyNot === undefined ? note : { ...note, whyNot: note.whyNot.slice(0, TEXT_MAX) })),
})

/** How long a phase took in all, ms; 0 when it did not occur. */
export const phaseMs = ({ laps }: Account, phase: Phase): number =>
  laps.reduce((sum, lap) => (lap.phase === phase ? sum + lap.ms : sum), 0)

/** Out of decoded JSON. */
export function toAccount(value: unknown): Account | undefined {
  const fields = asObject(value)
  const laps = asList(fields?.laps, LAPS_MAX, toLap)
  const candidates = asList(fields?.candidates, CANDIDATES_MAX, toNote)
  if (laps === undefined || candidates === undefined) return undefined
  const lostBytesMax = asInt(fields?.lostBytesMax, 0, MAX)
  return { cause: asWord(fields?.cause, CAUSES), laps, candidates, lostBytesMax }
}

function toLap(value: unknown): Lap | undefined {
  const fields = asObject(value)
  const phase = asWord(fields?.phase, PHASES)
  const ms = fields?.ms
  return phase !== undefined && typeof ms === 'number' && ms >= 0 && ms <= MAX ? { phase, ms } : undefined
}

function toNote(value: unknown): CandidateNote | undefined {
  const fields = asObject(value)
  const address = toAddress(fields?.address)
  const offset = asInt(fields?.offset, -MAX, MAX)
  const priority = asInt(fields?.priority, 0, MAX)
  if (address === undefined || offset === undefined || priority === undefined) return undefined
  return { address, offset, priority, whyNot: asText(fields?.whyNot, TEXT_MAX) }
}
