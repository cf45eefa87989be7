// What one sentinel has promised to the primary of one group: the other half of a lease (lease/holder.ts).
//
// Invariant: it never promises to one server, or to another tenure of the same, before its promise to the former has run out, or
// is known to be void: its process is dead, or it was demoted. Two majorities have a member in common, so no two
// servers ever hold a lease at once; that alone makes it so, whatever the leader believes.
//
// When the voters change, the new ones stand in for what the former ones promised: nobody but the present
// primary is promised anything for as long.
import { type Request, surely } from '../lease/terms.ts'

export interface Ledger {
  /** To whom, by address; empty: to somebody that is not known. */
  holder: string
  /** Empty: to whichever tenure of that server. */
  tenure: string
  untilMs: number
}

export const createLedger = (): Ledger => ({ holder: '', tenure: '', untilMs: Number.NEGATIVE_INFINITY })

/** From now on, for the time of a lease, nobody is promised anything. */
export function abstain(ledger: Ledger, lengthMs: number, nowMs: number): void {
  ledger.holder = ''
  ledger.tenure = ''
  ledger.untilMs = Math.max(ledger.untilMs, nowMs + surely(lengthMs))
}

/** The voters changed: the former ones may have promised to this server. */
export function standIn(ledger: Ledger, holder: string, lengthMs: number, nowMs: number): void {
  if (nowMs < ledger.untilMs && ledger.holder !== holder) return abstain(ledger, lengthMs, nowMs)
  if (nowMs >= ledger.untilMs) ledger.tenure = ''
  ledger.holder = holder
  ledger.untilMs = nowMs + surely(lengthMs)
}

export function mayPromise(ledger: Ledger, holder: string, tenure: string, nowMs: number): boolean {
  if (nowMs >= ledger.untilMs) return true
  return ledger.holder === holder && (ledger.tenure === '' || ledger.tenure === tenure)
}

/** Notes a promise that is given now; it must be one that may be. */
export function promise(ledger: Ledger, holder: string, { tenure }: Request, lengthMs: number, nowMs: number): void {
  ledger.holder = holder
  ledger.tenure = tenure
  ledger.untilMs = Math.max(ledger.untilMs, nowMs + surely(lengthMs))
}

/** No process listens at that address any more, and no replica has its link to one: what it was promised is void. */
export function noteDead(ledger: Ledger, holder: string): void {
  if (ledger.holder === holder) ledger.untilMs = Number.NEGATIVE_INFINITY
}

/** This tenure is over, as was committed. */
export function noteEnded(ledger: Ledger, tenure: string): void {
  if (tenure !== '' && ledger.tenure === tenure) ledger.untilMs = Number.NEGATIVE_INFINITY
}
