// Which of a peer's reports is news. Reports may come late and out of order, and a peer may restart; its clock may be set
// back meanwhile, so the order of its starts cannot be read off a number. Each start therefore has a random boot ID, and
// the reports of one boot are numbered.
// Invariant: after a report of one boot was taken, no older one of that boot and none of an earlier boot is.

/** What was heard of one peer. */
export interface Sequence {
  /** The present boot; undefined before the first report. */
  boot: number | undefined
  /** The last report of it that was taken. */
  seq: number
  /** Boots that were replaced by a later one, oldest first. */
  readonly past: number[]
}

/** Replaced boots that are remembered: a message does not stay on its way over so many restarts. */
const PAST_MAX = 16

export const createSequence = (): Sequence => ({ boot: undefined, seq: -1, past: [] })

/** True for a report that nothing taken before supersedes. */
export const isNews = ({ boot, seq, past }: Sequence, ofBoot: number, ofSeq: number): boolean =>
  ofBoot === boot ? ofSeq > seq : !past.includes(ofBoot)

/** Notes that a report was taken. */
export function noteNews(sequence: Sequence, ofBoot: number, ofSeq: number): void {
  if (sequence.boot !== undefined && sequence.boot !== ofBoot) sequence.past.push(sequence.boot)
  if (sequence.past.length > PAST_MAX) sequence.past.shift()
  sequence.boot = ofBoot
  sequence.seq = ofSeq
}
