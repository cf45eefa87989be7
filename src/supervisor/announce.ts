// The scripts of a group: which are run for an event that is about it.
import { EVENTS, type EventName } from '../sentinel/events.ts'
import { type CoreState, settingsOf, topoOf } from '../sentinel/state.ts'
import type { Scripts } from './scripts.ts'

/** Starting a process takes milliseconds, and notifications come in the middle of a failover: they wait until it is over. */
const NOTIFY_DELAY_MS = 500

/** Runs the scripts that the event calls for: notification for warnings, reconfiguration for a new primary. */
export function runScripts(core: CoreState, scripts: Scripts, group: string, name: EventName, payload: string): void {
  const topo = topoOf(core, group)
  if (topo === undefined) return
  const { notificationScript, clientReconfigScript } = settingsOf(core, topo)
  if (notificationScript !== '' && EVENTS[name].level === 'warning')
    scripts.run(notificationScript, [name, payload], NOTIFY_DELAY_MS)
  if (clientReconfigScript === '' || name !== '+switch-master') return
  const [, ...addresses] = payload.split(' ')
  scripts.run(clientReconfigScript, [topo.name, core.raft.isLeader ? 'leader' : 'observer', 'start', ...addresses])
}
