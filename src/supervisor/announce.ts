// Who is told of an event: subscribers of the sentinel's port, metrics, and the scripts of the group that it is about.
import { EVENTS, type EventName } from '../sentinel/events.ts'
import { type CoreState, settingsOf, topoOf } from '../sentinel/state.ts'
import type { Scripts } from './scripts.ts'

/** Starting a process takes milliseconds, and notifications come in the middle of a failover: they wait until it is over. */
const NOTIFY_DELAY_MS = 500

/** Runs the scripts that the event calls for: notification for warnings, reconfiguration for a new primary. */
export function runScripts(core: CoreState, scripts: Scripts, name: string, payload: string): void {
  const group = groupOf(core, name, payload)
  const topo = group === undefined ? undefined : topoOf(core, group)
  if (topo === undefined) return
  const { notificationScript, clientReconfigScript } = settingsOf(core, topo)
  if (notificationScript !== '' && EVENTS[name as EventName]?.level === 'warning')
    scripts.run(notificationScript, [name, payload], NOTIFY_DELAY_MS)
  if (clientReconfigScript === '' || name !== '+switch-master') return
  const [, ...addresses] = payload.split(' ')
  scripts.run(clientReconfigScript, [topo.name, core.raft.isLeader ? 'leader' : 'observer', 'start', ...addresses])
}

/** The group that a payload is about: `master NAME …`, `… @ NAME ip port`, or first of +switch-master. */
function groupOf(core: CoreState, name: string, payload: string): string | undefined {
  const words = payload.split(' ')
  if (name === '+switch-master') return words[0]
  const at = words.indexOf('@')
  if (at >= 0) return words[at + 1]
  if (words[0] === 'master') return words[1]
  return [...core.groups.keys()][0]
}
