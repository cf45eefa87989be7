// Counting verdicts: when do enough sentinels think that a primary is down? An opinion counts while it is fresh and about
// the present primary in the present configuration epoch; a later one of the same sentinel replaces it. So an opinion that
// was delayed for long, or is about a primary since replaced, counts for nothing.
import { majorityOf } from '../lease/terms.ts'
import { type Address, sameAddress } from './address.ts'
import { isDown } from './detector.ts'
import type { Opinion, Verdict } from './peer-message.ts'

/** How long an opinion counts. Down verdicts are repeated every REPORT_DOWN_MS, so a few may be lost. */
export const OPINION_TTL_MS = 1_000

/** One sentinel's last opinion on one group. */
export interface Vote {
  readonly opinion: Opinion
  readonly heardMs: number
}

/** Opinions on one group by peer ID. */
export type Votes = Map<string, Vote>

/** What a count needs to know of the group. */
export interface Ballot {
  readonly primary: Address
  readonly configEpoch: number
  readonly quorum: number
}

export interface Count {
  /** How many find the primary down. */
  readonly down: number
  /** They are a quorum. */
  readonly enough: boolean
}

/**
 * Counts `own` (under the ID `self`) and the fresh votes of `members`; with no members known yet, of everybody. `leased`: the
 * primary takes no write without a majority's promises. Then those who are cut off from it count, too, if they are a majority: whatever
 * its replicas hear of it, nobody can write to it.
 */
export function count(
  ballot: Ballot,
  self: string,
  own: Verdict,
  votes: Votes,
  members: readonly string[],
  nowMs: number,
  leased = false,
): Count {
  const counts = members.length === 0 || members.includes(self)
  let down = isDown(own) && counts ? 1 : 0
  let cutOff = own === 'cut-off' && counts ? 1 : 0
  for (const [peer, { opinion, heardMs }] of votes) {
    if (members.length > 0 && !members.includes(peer)) continue
    if (nowMs - heardMs > OPINION_TTL_MS) continue
    if (opinion.configEpoch !== ballot.configEpoch || !sameAddress(opinion.primary, ballot.primary)) continue
    if (isDown(opinion.verdict)) down += 1
    else if (opinion.verdict === 'cut-off') cutOff += 1
  }
  const useless = leased && down + cutOff >= Math.max(ballot.quorum, majorityOf(members.length))
  return useless ? { down: down + cutOff, enough: true } : { down, enough: down >= ballot.quorum }
}
