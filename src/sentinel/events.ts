// Every event that a sentinel publishes, with the payload that Redis Sentinel gives it. The channel is the event's name.
// Programs parse these texts, so they are never changed, only added to.
import { type Address, addressKey } from './address.ts'

type Level = 'debug' | 'verbose' | 'notice' | 'warning'

/** Event → how loud it is in the log, and what its payload is. `@` stands for the instance text below. */
export const EVENTS = {
  '+monitor': { level: 'warning', payload: '@ quorum N' },
  '-monitor': { level: 'warning', payload: '@' },
  '+set': { level: 'warning', payload: '@ option value' },
  '+reset-master': { level: 'warning', payload: '@' },
  '+slave': { level: 'notice', payload: '@' },
  '+sentinel': { level: 'notice', payload: '@' },
  '+sdown': { level: 'warning', payload: '@' },
  '-sdown': { level: 'warning', payload: '@' },
  '+odown': { level: 'warning', payload: '@ #quorum seen/needed' },
  '-odown': { level: 'warning', payload: '@' },
  '+new-epoch': { level: 'warning', payload: 'epoch' },
  '+try-failover': { level: 'warning', payload: '@' },
  '+vote-for-leader': { level: 'warning', payload: 'runid epoch' },
  '+elected-leader': { level: 'warning', payload: '@' },
  '+failover-state-select-slave': { level: 'warning', payload: '@' },
  '+selected-slave': { level: 'warning', payload: '@' },
  '+failover-state-send-slaveof-noone': { level: 'notice', payload: '@' },
  '+failover-state-wait-promotion': { level: 'notice', payload: '@' },
  '+promoted-slave': { level: 'warning', payload: '@' },
  '+failover-state-reconf-slaves': { level: 'warning', payload: '@' },
  '+slave-reconf-sent': { level: 'notice', payload: '@' },
  '+slave-reconf-inprog': { level: 'notice', payload: '@' },
  '+slave-reconf-done': { level: 'notice', payload: '@' },
  '-slave-reconf-sent-timeout': { level: 'notice', payload: '@' },
  '+failover-end': { level: 'warning', payload: '@' },
  '+failover-end-for-timeout': { level: 'warning', payload: '@' },
  '-failover-abort-no-good-slave': { level: 'warning', payload: '@' },
  '-failover-abort-slave-timeout': { level: 'warning', payload: '@' },
  '-failover-abort-pause-timeout': { level: 'warning', payload: '@' },
  '-failover-abort-master-is-back': { level: 'warning', payload: '@' },
  '+config-update-from': { level: 'warning', payload: '@' },
  '+switch-master': { level: 'warning', payload: 'name old-ip old-port new-ip new-port' },
  '+convert-to-slave': { level: 'notice', payload: '@' },
  '+fix-slave-config': { level: 'notice', payload: '@' },
  '+role-change': { level: 'notice', payload: '@ new reported role is ROLE' },
  '-role-change': { level: 'notice', payload: '@ new reported role is ROLE' },
  '+reboot': { level: 'warning', payload: '@' },
  '+script-child': { level: 'debug', payload: 'pid' },
  '-script-child': { level: 'debug', payload: 'pid exit-code signal' },
  '-script-timeout': { level: 'warning', payload: 'path pid' },
  '-script-error': { level: 'warning', payload: 'path signal exit-code' },
  '+tilt': { level: 'warning', payload: '#tilt mode entered' },
  '-tilt': { level: 'warning', payload: '#tilt mode exited' },
} as const satisfies Record<string, { level: Level; payload: string }>

export type EventName = keyof typeof EVENTS

/** What an event is about: a monitored primary, one of its replicas, or another sentinel. */
export type Subject =
  | { readonly kind: 'master' }
  | { readonly kind: 'slave'; readonly address: Address }
  | { readonly kind: 'sentinel'; readonly address: Address; readonly runId: string }

/** `master NAME IP PORT`, or `slave|sentinel ID IP PORT @ NAME IP PORT`. */
export function instanceText(subject: Subject, name: string, primary: Address): string {
  const { host, port } = primary
  if (subject.kind === 'master') return `master ${name} ${host} ${port}`
  const { address } = subject
  const id = subject.kind === 'slave' ? addressKey(address) : subject.runId
  return `${subject.kind} ${id} ${address.host} ${address.port} @ ${name} ${host} ${port}`
}

/** Payload of +switch-master. */
export const switchText = (name: string, from: Address, to: Address): string =>
  `${name} ${from.host} ${from.port} ${to.host} ${to.port}`
