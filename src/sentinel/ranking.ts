// Which replica becomes primary. Pure and total: the same facts give the same order, with a reason for each loser, so that
// the history entry, a dry run and the log all tell the same story.
//
// The order is that of Redis Sentinel: the lowest priority number, then the largest offset, then the smallest run ID.
import { type Address, addressKey } from './address.ts'
import { isDown } from './detector.ts'
import type { ServerInfo } from './info.ts'
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

export interface Ranking {
  readonly winner: Candidate | undefined
  /** One sentence: who and why, and why not the others. */
  readonly sentence: string
  readonly losers: readonly { readonly address: Address; readonly why: string }[]
}

/** Ranks the replicas of a primary. One whose link to it was down for over `maxLinkDownMs` is too old to be chosen. */
export function rank(candidates: readonly Candidate[], maxLinkDownMs: number): Ranking {
  const excluded = candidates.map((candidate) => ({ candidate, why: whyNot(candidate, maxLinkDownMs) }))
  const eligible = excluded.filter(({ why }) => why === undefined).map(({ candidate }) => candidate)
  // Last resort: one that calls itself a primary with a history was promoted by a failover that was then given up.
  const promoted = candidates.filter((c) => !isDown(c.verdict) && c.info?.role === 'primary' && c.info.offset > 0)
  const order = (eligible.length > 0 ? eligible : promoted).sort(compare)
  const winner = order[0]
  const losers = excluded
    .filter(({ candidate }) => candidate !== winner)
    .map(({ candidate, why }) => ({ address: candidate.address, why: why ?? behind(candidate, winner!) }))
  return { winner, losers, sentence: sentenceOf(winner, losers) }
}

function whyNot({ verdict, linked, info }: Candidate, maxLinkDownMs: number): string | undefined {
  if (isDown(verdict)) return `it is ${verdict}`
  if (!linked) return 'there is no link to it'
  if (info === undefined) return 'it did not answer INFO in time'
  if (info.role === 'primary') return 'it reports to be a primary itself'
  if (info.priority === 0) return 'its priority is 0'
  if (info.linkDownMs > maxLinkDownMs) return `its link to the primary has been down for ${info.linkDownMs} ms`
  return undefined
}

function compare(a: Candidate, b: Candidate): number {
  const [x, y] = [a.info!, b.info!]
  if (x.priority !== y.priority) return x.priority - y.priority
  if (x.offset !== y.offset) return y.offset - x.offset
  if (x.runId !== y.runId) return x.runId === '' ? 1 : y.runId === '' ? -1 : x.runId < y.runId ? -1 : 1
  return addressKey(a.address) < addressKey(b.address) ? -1 : 1
}

function behind(loser: Candidate, winner: Candidate): string {
  const [x, y] = [loser.info!, winner.info!]
  if (x.priority !== y.priority) return `its priority is ${x.priority}, not ${y.priority}`
  if (x.offset !== y.offset) return `it is ${y.offset - x.offset} bytes behind`
  return 'it has the same offset and the larger run ID'
}

function sentenceOf(winner: Candidate | undefined, losers: Ranking['losers']): string {
  const others = losers.map(({ address, why }) => `${addressKey(address)}: ${why}`).join('; ')
  if (winner === undefined) return `no replica can be promoted${others && ` (${others})`}`
  const facts = `priority ${winner.info!.priority}, offset ${winner.info!.offset}`
  return `${addressKey(winner.address)} is chosen (${facts})${others && `; ${others}`}`
}
