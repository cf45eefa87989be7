// The answer of `vedette status` as lines of text. Pure.
import type { FailoverStatus, GroupStatus, QuorumStatus, ServerStatus } from './quorum-status.ts'
import { columns, count, type Paint, span } from './table.ts'

/** Whether all is as it should be: the quorum formed with a leader and a majority up, and every group with its primary. */
export function isHealthy(status: QuorumStatus): boolean {
  const up = status.sentinels.filter((one) => one.up).length
  const majority = up > status.sentinels.length / 2
  const led = status.kind === 'redis' || (status.formed && status.leader !== undefined)
  const primaryUp = (group: GroupStatus): boolean =>
    group.status === 'ok' && group.servers.some((one) => one.role === 'primary' && one.up)
  return majority && led && status.groups.length > 0 && status.groups.every(primaryUp)
}

/** One failover as a sentence; with the time since then, if `nowMs` is given. */
export function failoverText(failover: FailoverStatus, nowMs?: number): string {
  const ago =
    nowMs === undefined || failover.atMs === undefined ? '' : `, ${span(Math.max(0, nowMs - failover.atMs))} ago`
  const took = failover.durationMs === undefined ? '' : ` in ${span(failover.durationMs)}`
  const outcome = failover.outcome === '' || failover.outcome === 'done' ? '' : ` (${failover.outcome})`
  return `${failover.from} → ${failover.to}${took}${outcome}${ago}: ${failover.reason || 'reason unknown'}`
}

/** The primary first, then by address, so that the order does not jump about. */
const inOrder = (servers: readonly ServerStatus[]): ServerStatus[] =>
  [...servers].sort(
    (a, b) => Number(b.role === 'primary') - Number(a.role === 'primary') || a.address.localeCompare(b.address),
  )

/** What a write means, and whether the primary takes any: without a lease it does not. */
function writeText({ writeMode, lease }: GroupStatus, paint: Paint): string {
  if (writeMode === undefined) return ''
  const state =
    lease === 'held' ? ', lease held' : lease === 'out' ? `, ${paint('red', 'no lease: takes no writes')}` : ''
  return `  write-mode ${writeMode}${state}`
}

function groupLines(group: GroupStatus, paint: Paint, nowMs: number): string[] {
  const state = group.status === 'ok' ? paint('green', 'ok') : paint('red', group.status || 'unknown')
  const rows = inOrder(group.servers).map((one) => [
    `  ${one.address}`,
    one.role === 'primary' ? paint('bold', one.role) : one.role,
    one.up ? paint('green', 'up') : paint('red', 'down'),
    one.linkUp === undefined ? '-' : one.linkUp ? 'up' : paint('yellow', 'down'),
    count(one.offset),
    count(one.lagBytes),
  ])
  const lines = [
    `${paint('bold', group.name)}  ${state}  primary ${group.primary}  epoch ${group.epoch}  quorum ${group.quorum}${writeText(group, paint)}`,
    ...columns([['  SERVER', 'ROLE', 'HEALTH', 'LINK', 'OFFSET', 'LAG BYTES'], ...rows], new Set([4, 5])),
  ]
  if (group.deadEnd !== undefined) lines.push(`  ${paint('red', 'no failover')}: ${group.deadEnd}`)
  if (group.pausedUntilMs !== undefined)
    lines.push(
      `  ${paint('yellow', 'automatic failovers are paused')} for ${span(Math.max(0, group.pausedUntilMs - nowMs))} more`,
    )
  if (group.failoverStep !== undefined) lines.push(`  failover going on: ${group.failoverStep}`)
  if (group.lastFailover !== undefined) lines.push(`  last failover: ${failoverText(group.lastFailover, nowMs)}`)
  return lines
}

/** The whole status. */
export function statusLines(status: QuorumStatus, paint: Paint, nowMs: number): string[] {
  const term = status.term === undefined ? '' : `  term ${status.term}`
  const formed = status.formed ? '' : `  ${paint('yellow', 'the quorum has not formed yet')}`
  const sentinels = [...status.sentinels].sort((a, b) => a.address.localeCompare(b.address))
  const rows = sentinels.map((one) => [
    `  ${one.address}`,
    one.leader ? 'leader' : status.kind === 'redis' ? '-' : 'follower',
    one.up ? paint('green', 'up') : paint('red', 'down'),
  ])
  return [
    ...status.groups.flatMap((group) => [...groupLines(group, paint, nowMs), '']),
    `${paint('bold', 'sentinels')}${term}${formed}`,
    ...(status.obstacle === undefined ? [] : [`  ${paint('yellow', status.obstacle)}`]),
    ...columns(rows),
  ]
}
