// What a majority is, and the two questions asked of one: has a vote been won, and up to what value do most agree?
// A leaf: it knows nothing of logs or terms. Invariant it gives to the rest of raft/: two majorities of one set of
// voters share a voter, and so do majorities of two sets that differ by one.
import type { NodeId } from './messages.ts'

/** The least number of voters that is more than half of `count`. */
export const majority = (count: number): number => Math.floor(count / 2) + 1

/**
 * The largest value that a majority of the voters has reached: the values sorted from low to high, a majority from the
 * end. Serves commit indexes and times of contact alike. Without voters there is no majority: -Infinity.
 */
export function quorumValue(voters: readonly NodeId[], reachedBy: (id: NodeId) => number): number {
  const count = voters.length
  if (count === 0) return -Infinity
  // A handful of numbers are sorted in place as they come.
  const ascending: number[] = []
  for (const id of voters) {
    const value = reachedBy(id)
    let at = ascending.length
    for (; at > 0 && ascending[at - 1]! > value; at--) ascending[at] = ascending[at - 1]!
    ascending[at] = value
  }
  return ascending[count - majority(count)]!
}

/** How an election stands. Votes of nodes that are no voters do not count; a voter who said nothing is still open. */
export function tally(voters: readonly NodeId[], votes: ReadonlyMap<NodeId, boolean>): 'won' | 'lost' | 'open' {
  const need = majority(voters.length)
  let yes = 0
  let no = 0
  for (const id of voters) {
    const vote = votes.get(id)
    if (vote === true) yes++
    else if (vote === false) no++
  }
  if (yes >= need) return 'won'
  return voters.length - no < need ? 'lost' : 'open'
}
