// Who is a member, and how that changes: one node at a time, so that the majorities before and after a change overlap
// and no two leaders can be elected in between (§4.1 of Ongaro's thesis). A config entry carries the whole membership
// that results, not the difference, so any single entry or snapshot is enough to know who belongs.
import type { Membership, NodeId } from './messages.ts'

/** One change. A new node joins as a learner, and is promoted when it has caught up. */
export type ConfChange =
  | { readonly kind: 'add-learner'; readonly node: NodeId }
  | { readonly kind: 'promote'; readonly node: NodeId }
  | { readonly kind: 'remove'; readonly node: NodeId }

/**
 * Why a change was refused. `pending`: an earlier change, or the first entry of this leader's term, is not yet committed;
 * `behind`: the learner has not caught up; `no-change`: it is so already; `unknown-node`: promote or remove of a
 * stranger; `last-voter`: would leave nobody to vote; `busy`: a leadership transfer is under way, or the log is full;
 * `full`: the group has MEMBERS_MAX members; `too-old`: the learner cannot apply the group's feature level.
 */
export type ConfChangeRefusal =
  | 'not-leader'
  | 'pending'
  | 'behind'
  | 'no-change'
  | 'unknown-node'
  | 'last-voter'
  | 'busy'
  | 'full'
  | 'too-old'

export const NO_MEMBERS: Membership = { voters: [], learners: [] }

/** A membership in its one canonical form: sorted, no duplicates, a voter is no learner. */
export function membershipOf(voters: Iterable<NodeId>, learners: Iterable<NodeId> = []): Membership {
  const voting = new Set(voters)
  const learning = [...new Set(learners)].filter((id) => !voting.has(id))
  return { voters: [...voting].sort(), learners: learning.sort() }
}

/** The membership after a change, or the reason why there is none. */
export function changed(
  members: Membership,
  change: ConfChange,
): Membership | 'no-change' | 'unknown-node' | 'last-voter' {
  const { voters, learners } = members
  const isVoter = voters.includes(change.node)
  const isLearner = learners.includes(change.node)
  switch (change.kind) {
    case 'add-learner':
      return isVoter || isLearner ? 'no-change' : membershipOf(voters, [...learners, change.node])
    case 'promote':
      if (isVoter) return 'no-change'
      return isLearner ? membershipOf([...voters, change.node], learners) : 'unknown-node'
    case 'remove': {
      if (!isVoter && !isLearner) return 'unknown-node'
      if (isVoter && voters.length === 1) return 'last-voter'
      const others = (ids: readonly NodeId[]): NodeId[] => ids.filter((id) => id !== change.node)
      return membershipOf(others(voters), others(learners))
    }
  }
}
