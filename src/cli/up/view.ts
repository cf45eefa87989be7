// What `vedette up` shows: a table for a terminal, and the differences between two moments as lines. Pure.
import type { FailoverStatus, QuorumStatus } from '../quorum-status.ts'
import { failoverText } from '../status-view.ts'
import { columns, count, type Paint } from '../table.ts'
import type { ServerView } from './observe.ts'

/** What is known about a process by being its parent. */
export type ProcessState = 'starting' | 'running' | 'dead' | 'restarting'

export interface ServerRow {
  readonly name: string
  readonly port: number
  readonly pid: number
  readonly process: ProcessState
  /** What it answers; undefined when it does not. */
  readonly view: ServerView | undefined
}

export interface SentinelRow {
  readonly name: string
  readonly port: number
  readonly pid: number
  readonly process: ProcessState
  readonly status: QuorumStatus | undefined
}

/** All that is known at one moment. */
export interface Moment {
  readonly servers: readonly ServerRow[]
  readonly sentinels: readonly SentinelRow[]
}

/** The status of the sentinel that knows best: one that has formed its group, of the highest term. */
export function bestStatus(moment: Moment): QuorumStatus | undefined {
  const known = moment.sentinels.flatMap(({ status }) => (status === undefined ? [] : [status]))
  return known.sort((a, b) => Number(b.formed) - Number(a.formed) || (b.term ?? 0) - (a.term ?? 0))[0]
}

/** The port of the primary: as the sentinels say; before they know, the server that says so itself. */
export function primaryPort(moment: Moment): number | undefined {
  const status = bestStatus(moment)
  const told = status?.formed === true ? status.groups[0]?.primary : undefined
  if (told !== undefined && told !== '') return Number(told.slice(told.lastIndexOf(':') + 1))
  return moment.servers.find((one) => one.view?.role === 'primary')?.port
}

/** The latest failover that any sentinel tells of. */
export function lastFailover(moment: Moment): FailoverStatus | undefined {
  const all = moment.sentinels.flatMap(({ status }) => status?.groups[0]?.lastFailover ?? [])
  return all.sort((a, b) => b.epoch - a.epoch)[0]
}

/** A server's health in a word or two. */
export function serverHealth(row: ServerRow): string {
  if (row.process !== 'running') return row.process
  if (row.view === undefined) return 'no answer'
  return row.view.role === 'replica' && !row.view.linkUp ? 'link down' : 'ok'
}

/** A sentinel's health in a word or two. */
export function sentinelHealth(row: SentinelRow): string {
  if (row.process !== 'running') return row.process
  if (row.status === undefined) return 'no answer'
  return row.status.formed ? 'ok' : 'forming'
}

const isLeader = (row: SentinelRow): boolean => row.status?.role === 'leader'

/** Bytes that a replica is behind the primary. */
export function lagBytes(row: ServerRow, moment: Moment): number | undefined {
  if (row.view?.role !== 'replica') return undefined
  const primary = moment.servers.find((one) => one.port === primaryPort(moment))
  return primary?.view === undefined ? undefined : Math.max(0, primary.view.offset - row.view.offset)
}

/** The table. */
export function momentLines(moment: Moment, paint: Paint, nowMs: number): string[] {
  const health = (text: string): string => paint(text === 'ok' ? 'green' : text === 'starting' ? 'dim' : 'red', text)
  const servers = moment.servers.map((row) => [
    row.name,
    String(row.port),
    String(row.pid),
    row.view?.role === 'primary' ? paint('bold', 'primary') : (row.view?.role ?? '-'),
    count(row.view?.offset),
    count(lagBytes(row, moment)),
    health(serverHealth(row)),
  ])
  const sentinels = moment.sentinels.map((row) => [
    row.name,
    String(row.port),
    String(row.pid),
    isLeader(row) ? paint('bold', 'leader') : (row.status?.role ?? '-'),
    row.status?.term === undefined ? '-' : `term ${row.status.term}`,
    '',
    health(sentinelHealth(row)),
  ])
  const header = ['', 'PORT', 'PID', 'ROLE', 'OFFSET', 'LAG', 'HEALTH'].map((title) =>
    title === '' ? '' : paint('dim', title),
  )
  const failover = lastFailover(moment)
  return [
    '',
    ...columns([header, ...servers, ...sentinels], new Set([1, 2, 4, 5])),
    `last failover: ${failover === undefined ? 'none' : failoverText(failover, nowMs)}`,
  ]
}

/** Whether the change to this health is news: that a process died or starts, its parent has said. */
function isNews(before: string | undefined, after: string): boolean {
  return before !== after && !['dead', 'starting', 'restarting'].includes(after)
}

/** What is different, one line each, for people and for logs. Without `before`: the roles. */
export function changes(before: Moment | undefined, after: Moment): string[] {
  const lines: string[] = []
  for (const [i, row] of after.servers.entries()) {
    const old = before?.servers[i]
    const label = `${row.name} (${row.port})`
    const role = row.view?.role
    if (old?.view?.role !== role && role !== undefined) lines.push(`${label} is ${role}`)
    if (old !== undefined && isNews(serverHealth(old), serverHealth(row))) lines.push(`${label}: ${serverHealth(row)}`)
  }
  for (const [i, row] of after.sentinels.entries()) {
    const old = before?.sentinels[i]
    const label = `${row.name} (${row.port})`
    if (old !== undefined && isNews(sentinelHealth(old), sentinelHealth(row)))
      lines.push(`${label}: ${sentinelHealth(row)}`)
    if (isLeader(row) && !(old && isLeader(old))) lines.push(`${label} leads, term ${row.status?.term}`)
  }
  const failover = lastFailover(after)
  if (before !== undefined && failover !== undefined && failover.epoch !== lastFailover(before)?.epoch)
    lines.push(`failover: ${failoverText(failover)}`)
  return lines
}
