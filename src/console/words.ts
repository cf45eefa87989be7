// Numbers and facts in words.
import type { LiveGroup, OutlookReport } from '../supervisor/status-report.ts'

/** 1234567 as 1,234,567. */
export const count = (n: number): string => n.toLocaleString('en-US')

/** Milliseconds as 4.2 ms, 40 ms, 1.2 s, 3 min, 2 h, 5 d. */
export function span(ms: number): string {
  if (ms < 10) return `${Math.round(ms * 10) / 10} ms`
  if (ms < 1_000) return `${Math.round(ms)} ms`
  if (ms < 60_000) return `${(ms / 1_000).toFixed(ms < 10_000 ? 1 : 0)} s`
  if (ms < 3_600_000) return `${Math.round(ms / 60_000)} min`
  return ms < 172_800_000 ? `${Math.round(ms / 3_600_000)} h` : `${Math.round(ms / 86_400_000)} d`
}

/** What would happen if the primary died now. */
export function outlookText({ primary, winner, obstacles, candidates }: OutlookReport): string {
  if (winner === null || obstacles.length > 0) return `No failover is possible: ${obstacles.join('; ')}.`
  return `If ${primary} died now, ${winner} would be promoted, because ${because(winner, candidates)}`
}

function because(winner: string, candidates: OutlookReport['candidates']): string {
  const chosen = candidates.find(({ address }) => address === winner)
  const others = candidates.filter(({ address }) => address !== winner)
  if (others.length === 0) return 'it is the only replica.'
  const facts = `it comes first of all that could (priority ${chosen?.priority}, offset ${count(chosen?.offset ?? 0)})`
  return `${facts}. ${others.map(({ address, whyNot }) => `Not ${address}: ${whyNot}.`).join(' ')}`
}

/** How a group is, in a word. */
export function healthOf(group: LiveGroup): 'failover' | 'down' | 'risk' | 'ok' {
  if (group.failover !== null) return 'failover'
  if (group.status !== 'ok') return 'down'
  const ill = group.servers.some(({ health, link }) => health === 'down' || link === 'down')
  return ill || group.outlook.winner === null || group.outlook.obstacles.length > 0 ? 'risk' : 'ok'
}

export const HEALTH_TEXT = {
  failover: 'failing over',
  down: 'primary down',
  risk: 'at risk',
  ok: 'in order',
} as const
