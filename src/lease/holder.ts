// The lease of a primary, as the primary counts it. Sentinels promise; a majority's promises together are the lease.
//
//   sentinel ──word──▶ server      "these are the terms"
//            ◀─answer──            "my request number 7"      the server notes when it made that
//            ──word──▶             "granted: number 7"        holds until lengthMs after *that*, however late this arrives
//            ◀─answer──            "my request number 8"
//
// So a grant that waited in a socket while the process was frozen grants nothing, and the sentinel, which counts from when it
// granted, always counts longer. A request is of one tenure: the time from when the server became primary until it is one no
// more. Grants of an earlier tenure, or of a process that has ended, fit nothing.
//
// Invariants: `untilMs` only rises within a tenure, for promises cannot be taken back; it is -Infinity before the first majority. A
// server that is *bound* takes no write without a lease. It becomes bound as a replica by the word of a sentinel, as a primary
// with its first lease (so that the first words do not interrupt it), and is free again only by newer terms or by an operator.
import { LEASE_MS_MAX, majorityOf, type Request, type Terms, termsKey, type Word } from './terms.ts'

interface Grant {
  readonly untilMs: number
  readonly key: string
}

export interface Holder {
  /** The newest terms that were heard. */
  terms: Terms | undefined
  /** The terms under which the lease is held. */
  held: Terms | undefined
  /** Writes need a lease. */
  bound: boolean
  /** Empty while this is no primary. */
  tenure: string
  seq: number
  /** When each request that may still be granted was made. */
  readonly asked: Map<number, number>
  /** The last grant of each sentinel. */
  readonly grants: Map<string, Grant>
  /** The lease holds until then, on this process's monotonic clock. */
  untilMs: number
}

const ASKED_MAX = 1024

/** One that heard nothing yet; `bound` and `terms` may be remembered from an earlier run. */
export const createHolder = (bound: boolean, terms: Terms | undefined): Holder => ({
  terms,
  held: undefined,
  bound,
  tenure: '',
  seq: 0,
  asked: new Map(),
  grants: new Map(),
  untilMs: Number.NEGATIVE_INFINITY,
})

/** It is primary from now on. `tenure` is a name that was never used before. */
export function beginTenure(holder: Holder, tenure: string): void {
  endTenure(holder)
  holder.tenure = tenure
}

/** It is no primary any more: whatever was granted is void. */
export function endTenure(holder: Holder): void {
  holder.tenure = ''
  holder.held = undefined
  holder.asked.clear()
  holder.grants.clear()
  holder.untilMs = Number.NEGATIVE_INFINITY
}

/** An operator takes it out of the sentinels' hands: it needs no lease until they give it one again. */
export function release(holder: Holder): void {
  holder.bound = false
  holder.terms = undefined
}

/** Makes a request to be granted. */
export function ask(holder: Holder, nowMs: number): Request {
  const { tenure, asked, terms } = holder
  if (tenure === '') return { tenure, seq: 0 }
  for (const [seq, atMs] of asked) {
    if (asked.size < ASKED_MAX && nowMs - atMs <= (terms?.lengthMs ?? LEASE_MS_MAX)) break
    asked.delete(seq)
  }
  holder.seq += 1
  asked.set(holder.seq, nowMs)
  return { tenure, seq: holder.seq }
}

/** Takes a sentinel's word; false when it is of older terms. */
export function hear(holder: Holder, { from, terms, grant }: Word, nowMs: number): boolean {
  if (holder.terms !== undefined && terms.version < holder.terms.version) return false
  holder.terms = terms
  if (terms.mode === 'async') {
    holder.bound = false
    holder.held = undefined
    return true
  }
  if (holder.tenure === '') holder.bound = true
  if (grant !== undefined) takeGrant(holder, from, terms, grant)
  if (nowMs < holder.untilMs) holder.bound = true
  return true
}

function takeGrant(holder: Holder, from: string, terms: Terms, grant: Request): void {
  const askedMs = grant.tenure === holder.tenure ? holder.asked.get(grant.seq) : undefined
  if (askedMs === undefined || !terms.voters.includes(from)) return
  const key = termsKey(terms)
  holder.grants.set(from, { untilMs: askedMs + terms.lengthMs, key })
  const ends = terms.voters.flatMap((voter) => {
    const given = holder.grants.get(voter)
    return given?.key === key ? [given.untilMs] : []
  })
  const untilMs = ends.sort((a, b) => b - a)[majorityOf(terms.voters.length) - 1]
  if (untilMs === undefined || untilMs <= holder.untilMs) return
  holder.untilMs = untilMs
  holder.held = terms
}

/** Whether writes need a lease now. */
export const needsLease = ({ bound, tenure }: Holder): boolean => bound && tenure !== ''

/** Whether a write may be taken, and acknowledged, now. */
export const mayWrite = (holder: Holder, nowMs: number): boolean => !needsLease(holder) || nowMs < holder.untilMs
