// Who belongs to the group, as its leader changes it: one step at a time, each a Raft entry; Raft itself refuses what is too early.
//
// Intuition: a sentinel that comes anew learns first and votes later, and if a voter is dead it takes that one's place instead
// of a new one. Otherwise every sentinel that is re-created without its volume would leave a dead voter behind, and the
// third such death in a group of three would cost the majority for ever.
//
// Whose place: that of the dead voter of its own name (announce-id) at once; else, with `expect N` and N voters, that of
// the one that is dead for longest; else that of one that is dead for replaceAfterMs. With no dead voter it is one voter more.
// And where more vote than `expect` says, a voter that is dead for replaceAfterMs loses its place to nobody.
//
// Invariants: a voter that is heard never loses its place; a removal leaves a majority of living voters (and removing a dead one
// never makes the majority harder to reach); whoever lost its place and returns is a learner again, and then a voter.
import { MEMBERS_MAX } from '../lib/limits.ts'
import { complain } from './circle.ts'
import type { MemberChange } from './effects.ts'
import { isPlaceholder } from './formation.ts'
import type { Hello } from './hello.ts'
import { takeHello } from './peers.ts'
import { type CoreState, isMember, say } from './state.ts'

const MEMBER_CHANGE_MS = 200
/** Unless CoreOptions says otherwise. */
export const REPLACE_AFTER_MS = 10_000

/** A sentinel wants to join: the leader takes it in, others pass it on. Only itself, or a member, speaks for it. */
export function takeJoin(core: CoreState, from: string, hello: Hello, nowMs: number): void {
  if (core.formed === undefined || hello.group !== undefined) return
  if (from !== hello.peer && !isMember(core, from)) return
  if (!takeHello(core, hello, nowMs)) return
  if (!core.raft.isLeader) return passOn(core, from, hello)
  const { peer, resp } = hello
  if (!isMember(core, peer) && core.raft.voters.length + core.raft.learners.length >= MEMBERS_MAX) {
    const text = `Sentinel ${resp.host}:${resp.port} is not let in: the group has ${MEMBERS_MAX} members, and no more can be`
    complain(core, 'members', text, nowMs)
    core.out.push({ type: 'send', to: peer, message: { type: 'refusal', text } })
    return
  }
  core.out.push({ type: 'send', to: peer, message: { type: 'welcome', group: core.formed } })
  if (isMember(core, peer)) return
  if (nowMs - core.lastMemberChangeMs < MEMBER_CHANGE_MS) return
  core.lastMemberChangeMs = nowMs
  core.out.push({ type: 'change-members', change: { kind: 'add-learner', node: peer } })
  say(core, 'notice', `Sentinel ${resp.host}:${resp.port} joins the group as a learner, for it asked to.`)
}

function passOn(core: CoreState, from: string, hello: Hello): void {
  const { leader } = core.raft
  if (leader !== undefined && leader !== core.self.peer && from === hello.peer)
    core.out.push({ type: 'send', to: leader, message: { type: 'join', hello } })
}

/** What the leader changes in the membership. */
export function changeMembers(core: CoreState, nowMs: number): void {
  if (nowMs - core.lastMemberChangeMs < MEMBER_CHANGE_MS) return
  const change = nextChange(core, nowMs)
  if (change === undefined) return
  core.lastMemberChangeMs = nowMs
  core.out.push({ type: 'change-members', change })
}

function nextChange(core: CoreState, nowMs: number): MemberChange | undefined {
  const { voters, learners } = core.raft
  for (const node of core.leaving) {
    if (isMember(core, node) && !isUp(core, node)) return { kind: 'remove', node }
    core.leaving.delete(node)
  }
  if (core.replacing !== undefined && !learners.includes(core.replacing)) core.replacing = undefined
  const missing = voters.find(isPlaceholder)
  if (missing !== undefined) return canLose(core) ? { kind: 'remove', node: missing } : undefined
  for (const node of learners) {
    const change = isUp(core, node) ? seat(core, node, nowMs) : dropLearner(core, node, nowMs)
    if (change !== undefined) return change
  }
  const surplus = surplusVoter(core, nowMs)
  if (surplus !== undefined) return { kind: 'remove', node: surplus }
  // One that was forgotten while it was down, and is back.
  const returned = [...core.peers.values()].find(
    ({ peer, group }) => group !== undefined && isUp(core, peer) && !isMember(core, peer),
  )
  return returned && { kind: 'add-learner', node: returned.peer }
}

const isUp = (core: CoreState, id: string): boolean => id === core.self.peer || core.peers.get(id)?.sdown === false

/** Since when a member was not heard. One that this leader never heard counts from when it became leader. */
const silentSinceMs = (core: CoreState, id: string): number => core.peers.get(id)?.lastHeardMs ?? core.leaderSinceMs

/** Whether the living voters stay a majority when a dead one goes. */
function canLose(core: CoreState): boolean {
  const { voters } = core.raft
  return voters.filter((id) => isUp(core, id)).length * 2 > voters.length - 1
}

/** A dead voter where more vote than there are to be: `expect` went down with the number of sentinels. */
function surplusVoter(core: CoreState, nowMs: number): string | undefined {
  const { expect, replaceAfterMs = REPLACE_AFTER_MS } = core.options
  const { voters } = core.raft
  if (expect === undefined || voters.length <= expect || !canLose(core)) return undefined
  const gone = voters.find((id) => !isUp(core, id) && nowMs - silentSinceMs(core, id) >= replaceAfterMs)
  if (gone !== undefined)
    say(
      core,
      'warning',
      `Sentinel ${addressOf(core, gone)} is gone and loses its vote: ${voters.length} voted, and ${expect} are to.`,
    )
  return gone
}

/** A learner that lives gets a vote, after a dead voter whose place it takes has lost its own. */
function seat(core: CoreState, learner: string, nowMs: number): MemberChange | undefined {
  const dead = core.raft.voters.filter((id) => !isUp(core, id))
  const promote = { kind: 'promote', node: learner } as const
  if (core.replacing === learner) return promote
  const out = placeFor(core, learner, dead, nowMs)
  if (out === 'none') return dead.length === 0 || hasRoom(core) ? promote : undefined
  if (out === 'wait' || !canLose(core)) return undefined
  core.replacing = learner
  const [name, gone] = [addressOf(core, learner), addressOf(core, out)]
  const forSeconds = Math.round((nowMs - silentSinceMs(core, out)) / 1000)
  say(core, 'warning', `Sentinel ${name} takes the place of ${gone}, which was not heard for ${forSeconds} s.`)
  return { kind: 'remove', node: out }
}

/** The dead voter whose place the learner takes; 'none' if it takes nobody's, 'wait' if it may not vote at all yet. */
function placeFor(core: CoreState, learner: string, dead: readonly string[], nowMs: number): string {
  const name = core.peers.get(learner)?.name
  const namesake = name === undefined ? undefined : core.raft.voters.find((id) => nameOf(core, id) === name)
  if (namesake !== undefined && isUp(core, namesake)) {
    const text = `Sentinels ${addressOf(core, learner)} and ${addressOf(core, namesake)} both live and both have the announce-id ${name}`
    complain(core, 'namesake', `${text}: the first does not get a vote. Each needs one of its own`, nowMs)
    return 'wait'
  }
  if (namesake !== undefined) return namesake
  const [longest] = [...dead].sort((a, b) => silentSinceMs(core, a) - silentSinceMs(core, b))
  if (longest === undefined) return 'none'
  const { expect, replaceAfterMs = REPLACE_AFTER_MS } = core.options
  const full = expect !== undefined && core.raft.voters.length >= expect
  return full || nowMs - silentSinceMs(core, longest) >= replaceAfterMs ? longest : 'none'
}

/** Fewer vote than there are to be. */
const hasRoom = ({ raft, options, formed }: CoreState): boolean =>
  raft.voters.length < (options.expect ?? formed?.members.length ?? 0)

const nameOf = (core: CoreState, id: string): string | undefined =>
  id === core.self.peer ? core.self.name : core.peers.get(id)?.name

function addressOf(core: CoreState, id: string): string {
  const one = id === core.self.peer ? core.self : core.peers.get(id)
  return one === undefined ? id : `${one.resp.host}:${one.resp.port}`
}

/** A learner that is gone costs nothing but its name in the list; it is let in again when it returns. */
function dropLearner(core: CoreState, node: string, nowMs: number): MemberChange | undefined {
  const { replaceAfterMs = REPLACE_AFTER_MS } = core.options
  return nowMs - silentSinceMs(core, node) >= replaceAfterMs ? { kind: 'remove', node } : undefined
}

/** SENTINEL RESET: the members that are down now are to be forgotten, as long as a majority of the others is up. */
export function forgetDeadMembers(core: CoreState): void {
  const { voters, learners } = core.raft
  for (const id of [...voters, ...learners]) if (core.peers.get(id)?.sdown === true) core.leaving.add(id)
}
