// What keeps this sentinel from belonging to a group that can decide, in one sentence: for the log, `vedette status`, the HTTP port
// and SENTINEL CKQUORUM. Whatever waits for something says here what for.
import { addressKey } from './address.ts'
import { needOf } from './announcing.ts'
import { HINT_MS, twinText } from './circle.ts'
import { callOf, isPlaceholder } from './formation.ts'
import { type CoreState, isAddressed, memberHeard, say } from './state.ts'

/** An obstacle is logged when it has stood for so long, and again after AGAIN_MS. */
const PATIENT_MS = 5_000
const AGAIN_MS = 60_000
const LOOK_MS = 1_000
/** How long a connection may take before it is said to have failed. */
const DIAL_MS = 3_000
/** Most names in a sentence. */
const NAMED_MAX = 5

/** The obstacle as it is now; undefined when there is none. */
export function obstacleOf(core: CoreState, nowMs: number): string | undefined {
  const { twin } = core.circle
  if (twin !== undefined && nowMs - twin.heardMs <= HINT_MS) return twinText(twin.resp)
  return core.formed === undefined ? obstacleToGroup(core, nowMs) : obstacleToLeader(core)
}

function obstacleToGroup(core: CoreState, nowMs: number): string | undefined {
  if (core.groups.size === 0) return 'It watches nothing yet: SENTINEL MONITOR, or a line of its file, names a primary'
  if (!isAddressed(core))
    return 'No server has answered yet, so it does not know under which address the others reach it (announce-ip would say)'
  const member = memberHeard(core, nowMs)
  if (member !== undefined) return obstacleToJoin(core, member, nowMs)
  const living = [...core.peers.values()].filter(({ sdown, group }) => !sdown && group === undefined)
  const call = callOf(core.formation, needOf(core, nowMs), nowMs)
  const hints = [...core.circle.hints.values()].filter(({ firstMs }) => nowMs - firstMs >= DIAL_MS)
  const tried = hints.map(({ resp }) => addressKey(resp))
  const silent =
    tried.length === 0
      ? ''
      : `; ${named(tried)} announced themselves, but no connection came about: are their gossip ports open, and is the swarm key the same?`
  if (call.of > 0) {
    const others = living.map(({ resp }) => addressKey(resp))
    return `It calls for a group of ${call.of} with ${named(others)}, who do not all call for the same${silent}`
  }
  const { founders, expected } = needOf(core, nowMs)
  const why = expected ? 'the operator expects them' : 'twice the quorum less one'
  const seen = living.length + 1
  return `It sees ${seen} of the ${founders} sentinels that are to found the group (${why})${silent || ': it waits for the others'}`
}

function obstacleToJoin(core: CoreState, member: string, nowMs: number): string {
  const where = addressKey(core.peers.get(member)!.resp)
  const { refusal } = core.circle
  if (refusal !== undefined && nowMs - refusal.atMs <= HINT_MS) return refusal.text
  return `It asked the group of ${where} to be let in, and waits for its leader (a group without a majority of its members takes nobody in)`
}

function obstacleToLeader(core: CoreState): string | undefined {
  const { voters, leader } = core.raft
  if (leader !== undefined) return undefined
  if (voters.length === 0) return "It belongs to a group, and waits for the group's leader to tell it who does"
  const gone = voters.filter((id) => core.circle.deserters.has(id)).length
  if (gone * 2 >= voters.length)
    return `Its group can never decide anything: ${gone} of its ${voters.length} members belong to another one. Stop this sentinel, empty its dir, and start it again, that it joins them`
  const silent = voters.filter((id) => id !== core.self.peer && core.peers.get(id)?.sdown !== false)
  const heard = voters.length - silent.length
  if (heard * 2 > voters.length)
    return `${heard} of ${voters.length} sentinels that vote are heard, but no leader is elected yet`
  const names = silent.map((id) => {
    if (isPlaceholder(id)) return 'one that was missing at the foundation'
    const peer = core.peers.get(id)
    return peer === undefined ? id : addressKey(peer.resp)
  })
  return `No majority: only ${heard} of ${voters.length} sentinels that vote are heard, not ${named(names)}`
}

function named(names: readonly string[]): string {
  const shown = names.slice(0, NAMED_MAX).join(', ')
  return names.length > NAMED_MAX ? `${shown} and ${names.length - NAMED_MAX} more` : shown
}

/** Logs an obstacle that stays, and its end. */
export function watchObstacle(core: CoreState, nowMs: number): void {
  const { obstacle } = core
  if (nowMs - obstacle.lookedMs < LOOK_MS) return
  obstacle.lookedMs = nowMs
  const text = obstacleOf(core, nowMs)
  if (text === undefined && obstacle.saidMs !== undefined)
    say(core, 'notice', 'What kept this sentinel from a working group is over.')
  if (text !== obstacle.text) {
    const known = text !== undefined && obstacle.saidMs !== undefined
    Object.assign(obstacle, { text, sinceMs: nowMs, saidMs: known ? obstacle.saidMs : undefined })
    if (known) tell(core, nowMs, text)
    return
  }
  if (text === undefined || nowMs - obstacle.sinceMs < PATIENT_MS) return
  if (obstacle.saidMs === undefined || nowMs - obstacle.saidMs >= AGAIN_MS) tell(core, nowMs, text)
}

/** Obstacles that change all the time are not said each time. */
function tell(core: CoreState, nowMs: number, text: string): void {
  const { obstacle } = core
  if (obstacle.saidMs !== undefined && nowMs - obstacle.saidMs < PATIENT_MS) return
  obstacle.saidMs = nowMs
  say(core, 'warning', `No working group of sentinels: ${text}.`)
}
