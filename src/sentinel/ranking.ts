// Which replica becomes primary. Pure and total: the same facts give the same order, with a reason for each loser, so that
// the history entry, a dry run and the log all tell the same story.
//
// First of all a replica must have the newest history of the group's data (lineage.ts): an offset that counts in another
// history says nothing, and one that never had this data must not replace those that do. Among those that have it the order is
// that of Redis Sentinel: the lowest priority number, then the largest offset, then the smallest run ID.
import type { CandidateNote } from './account.ts'
import { type Address, addressKey } from './address.ts'
import { isDown } from './detector.ts'
import type { ServerInfo } from './info.ts'
import { type HistoryMark, holds, type Kinship, kinshipOf } from './lineage.ts'
import type { Verdict } from './peer-message.ts'

/** What is known of one replica. */
export interface Candidate {
  readonly address: Address
  readonly verdict: Verdict
  /** The command link stands. */
  readonly linked: boolean
  /** The last INFO, if it is fresh enough to decide on. */
  readonly info: ServerInfo | undefined
}

export interface Rules {
  /** A replica whose link to the primary was down for longer is too old. */
  readonly maxLinkDownMs: number
  /** The group's histories, newest last; empty while they are not known. */
  readonly lineage: readonly HistoryMark[]
  /** What the primary said last. */
  readonly primary?: ServerInfo | undefined
  /**
   * No server of the group can have the newest history any more, for all of them answer and none has; or an operator takes the
   * loss upon himself. Then what there is is the best there is.
   */
  readonly settleForLess?: boolean
  /** `sync`: who has the most goes before who is preferred. */
  readonly mostFirst?: boolean
}

export interface Ranking {
  readonly winner: Candidate | undefined
  /** One sentence: who and why, and why not the others. */
  readonly sentence: string
  readonly losers: readonly { readonly address: Address; readonly why: string }[]
}

/** Ranks the replicas of a primary. */
export function rank(candidates: readonly Candidate[], rules: Rules): Ranking {
  const excluded = candidates.map((candidate) => ({ candidate, why: whyNot(candidate, rules) }))
  const eligible = excluded.filter(({ why }) => why === undefined).map(({ candidate }) => candidate)
  const order = (eligible.length > 0 ? eligible : candidates.filter((one) => isLastResort(one, rules))).sort((a, b) =>
    compare(a, b, rules),
  )
  const winner = order[0]
  const losers = excluded
    .filter(({ candidate }) => candidate !== winner)
    .map(({ candidate, why }) => ({ address: candidate.address, why: why ?? behind(candidate, winner!, rules) }))
  return { winner, losers, sentence: sentenceOf(winner, losers) }
}

/** The ranking as the history tells it. */
export const notesOf = (candidates: readonly Candidate[], { losers }: Ranking): CandidateNote[] =>
  candidates.map(({ address, info }) => ({
    address,
    offset: info?.offset ?? 0,
    priority: info?.priority ?? 0,
    whyNot: losers.find((loser) => loser.address === address)?.why,
  }))

function whyNot({ verdict, linked, info }: Candidate, rules: Rules): string | undefined {
  if (isDown(verdict)) return `it is ${verdict}`
  if (!linked) return 'there is no link to it'
  if (info === undefined) return 'it did not answer INFO in time'
  if (info.role === 'primary') return 'it reports to be a primary itself'
  if (info.priority === 0) return 'its priority is 0'
  if (info.loading) return 'its data is just being replaced or read'
  const kinship = kinshipOf(info, rules.lineage)
  if (rules.settleForLess !== true && (kinship === 'none' || kinship === 'earlier')) return LACKS[kinship]
  if (isEmptied(info, rules.primary)) return 'it holds no keys, though the primary did'
  // What the link of one that began anew was before is not known; that it has the newest history is, then.
  const unknown = info.linkDownMs === Number.POSITIVE_INFINITY
  const behindMost = unknown && rules.settleForLess !== true ? behindPrimary(info, rules) : 0
  if (behindMost > 0) return `it began anew, ${behindMost} bytes behind what the primary had`
  if (unknown && kinship === 'unknown') return 'it has not been linked to the primary since it began'
  if (!unknown && info.linkDownMs > rules.maxLinkDownMs)
    return `its link to the primary has been down for ${info.linkDownMs} ms`
  return undefined
}

const LACKS: Readonly<Record<'none' | 'earlier', string>> = {
  none: 'it has never held the data of this group',
  earlier: 'it lacks what was written since the last failover',
}

/** How much of the newest history one lacks that the primary was seen to have. A file may be of any age: that counts for one that just began. */
function behindPrimary(info: ServerInfo, { lineage, primary }: Rules): number {
  const newest = lineage.at(-1)
  return newest === undefined || primary === undefined
    ? 0
    : Math.max(0, holds(primary, newest.replId) - holds(info, newest.replId))
}

/** One that was emptied for a full synchronization that then failed still names the history and offset of the data it had. */
const isEmptied = (info: ServerInfo, primary: ServerInfo | undefined): boolean =>
  !info.linkUp && info.keys === 0 && primary !== undefined && primary.keys > 0 && info.offset < primary.offset

/** One that calls itself a primary was promoted by a failover that was then given up, if it goes on from the newest history. */
function isLastResort({ verdict, linked, info }: Candidate, { lineage }: Rules): boolean {
  if (isDown(verdict) || !linked || info?.role !== 'primary' || info.loading || info.offset === 0) return false
  const kinship = kinshipOf(info, lineage)
  return kinship === 'newest' || kinship === 'unknown'
}

const AGE: Readonly<Record<Kinship, number>> = { newest: 0, unknown: 0, earlier: 1, none: 2 }

/** How far it goes in the newest history, if it has that: offsets of two histories cannot be compared. */
function reach(info: ServerInfo, lineage: Rules['lineage']): number {
  const newest = lineage.at(-1)
  return newest === undefined || holds(info, newest.replId) < 0 ? info.offset : holds(info, newest.replId)
}

/** By how many bytes one is ahead of another; in the same history its own offset says it best. */
const lead = (x: ServerInfo, y: ServerInfo, lineage: Rules['lineage']): number =>
  x.replId === y.replId ? x.offset - y.offset : reach(x, lineage) - reach(y, lineage)

function compare(a: Candidate, b: Candidate, { lineage, mostFirst }: Rules): number {
  const [x, y] = [a.info!, b.info!]
  const age = AGE[kinshipOf(x, lineage)] - AGE[kinshipOf(y, lineage)]
  if (age !== 0) return age
  const ahead = lead(y, x, lineage)
  if (mostFirst === true && ahead !== 0) return ahead
  if (x.priority !== y.priority) return x.priority - y.priority
  if (ahead !== 0) return ahead
  if (x.runId !== y.runId) return x.runId === '' ? 1 : y.runId === '' ? -1 : x.runId < y.runId ? -1 : 1
  return addressKey(a.address) < addressKey(b.address) ? -1 : 1
}

function behind(loser: Candidate, winner: Candidate, { lineage, mostFirst }: Rules): string {
  const [x, y] = [loser.info!, winner.info!]
  const kinship = kinshipOf(x, lineage)
  if (AGE[kinship] !== AGE[kinshipOf(y, lineage)]) return LACKS[kinship as 'none' | 'earlier']
  const ahead = lead(y, x, lineage)
  const byPriority = x.priority !== y.priority && !(mostFirst === true && ahead !== 0)
  if (byPriority) return `its priority is ${x.priority}, not ${y.priority}`
  if (ahead !== 0) return `it is ${ahead} bytes behind`
  return 'it has the same offset and the larger run ID'
}

function sentenceOf(winner: Candidate | undefined, losers: Ranking['losers']): string {
  const others = losers.map(({ address, why }) => `${addressKey(address)}: ${why}`).join('; ')
  if (winner === undefined) return `no replica can be promoted${others && ` (${others})`}`
  const facts = `priority ${winner.info!.priority}, offset ${winner.info!.offset}`
  return `${addressKey(winner.address)} is chosen (${facts})${others && `; ${others}`}`
}
