// Every event that a sentinel publishes, with the payload that Redis Sentinel gives it. The channel is the event's name.
// Programs parse these texts, so they are never changed, only added to. docs/EVENTS.md is made from this table.
import { type Address, addressKey } from './address.ts'

type Level = 'debug' | 'verbose' | 'notice' | 'warning'

/** Event → how loud it is in the log, what its payload is (`@` stands for the instance text below), and when it is told. */
export const EVENTS = {
  '+monitor': {
    level: 'warning',
    payload: '@ quorum N',
    when: 'a group is watched from now on: after the start, SENTINEL MONITOR, or when the sentinels agreed on it',
  },
  '-monitor': { level: 'warning', payload: '@', when: 'it is watched no more (SENTINEL REMOVE)' },
  '+set': {
    level: 'warning',
    payload: '@ option value',
    when: 'a setting was changed for all sentinels (SENTINEL SET); a password is shown as ******',
  },
  '+reset-master': { level: 'warning', payload: '@', when: 'SENTINEL RESET forgot replicas and history' },
  '+slave': { level: 'notice', payload: '@', when: 'a replica was found; after a switch once for each' },
  '+sentinel': { level: 'notice', payload: '@', when: 'another sentinel was found' },
  '+sentinel-address-switch': {
    level: 'notice',
    payload: '@ ip IP port PORT for runid',
    when: 'a known sentinel is reached elsewhere now',
  },
  '+sdown': {
    level: 'warning',
    payload: '@',
    when: 'this sentinel finds the instance down: dead at once, silent after down-after-milliseconds, a sentinel after 2 s',
  },
  '-sdown': { level: 'warning', payload: '@', when: 'it answers again as it should' },
  '+odown': { level: 'warning', payload: '@ #quorum seen/needed', when: 'a quorum finds the primary down' },
  '-odown': { level: 'warning', payload: '@', when: 'no quorum does any more' },
  '+new-epoch': { level: 'warning', payload: 'epoch', when: 'a failover began, in this epoch' },
  '+try-failover': { level: 'warning', payload: '@', when: 'on the leader, at the same time' },
  '+vote-for-leader': {
    level: 'warning',
    payload: 'runid epoch',
    when: 'the sentinel that leads this failover; it was elected before anything failed',
  },
  '+elected-leader': { level: 'warning', payload: '@', when: 'on the leader, at the same time' },
  '+failover-state-select-slave': {
    level: 'warning',
    payload: '@',
    when: 'on the leader: it looks for the best replica',
  },
  '+selected-slave': { level: 'warning', payload: '@', when: 'on the leader: this is the one' },
  '+failover-state-send-slaveof-noone': {
    level: 'notice',
    payload: '@',
    when: 'on the leader: the old primary is fenced, the replica may be promoted',
  },
  '+failover-state-wait-promotion': { level: 'notice', payload: '@', when: 'on the leader: the replica was told so' },
  '+promoted-slave': {
    level: 'warning',
    payload: '@',
    when: 'on the leader: it says that it is a primary; the switch is proposed to the others',
  },
  '+failover-state-reconf-slaves': {
    level: 'warning',
    payload: '@',
    when: 'on the leader: the switch is decided, the other replicas are pointed at the new primary',
  },
  '+slave-reconf-sent': { level: 'notice', payload: '@', when: 'on the leader: this one was' },
  '+slave-reconf-inprog': {
    level: 'notice',
    payload: '@',
    when: 'on the leader: it follows the new primary, and copies',
  },
  '+slave-reconf-done': { level: 'notice', payload: '@', when: 'on the leader: it is in sync' },
  '-slave-reconf-sent-timeout': {
    level: 'notice',
    payload: '@',
    when: 'on the leader: it is not after 10 s, and holds up the others no more',
  },
  '+failover-end': { level: 'warning', payload: '@', when: 'on the leader: every replica that can be reached follows' },
  '+failover-end-for-timeout': {
    level: 'warning',
    payload: '@',
    when: 'on the leader: not every one does after failover-timeout; they are corrected later',
  },
  '-failover-abort-no-good-slave': { level: 'warning', payload: '@', when: 'given up: no replica may be promoted' },
  '-failover-abort-slave-timeout': {
    level: 'warning',
    payload: '@',
    when: 'given up: the chosen replica did not become a primary',
  },
  '-failover-abort-pause-timeout': {
    level: 'warning',
    payload: '@',
    when: 'a switchover was given up: the replica did not catch up while writes were held back. Vedette only',
  },
  '-failover-abort-master-is-back': {
    level: 'warning',
    payload: '@',
    when: 'given up: the old primary is well. Vedette only',
  },
  '+config-update-from': {
    level: 'warning',
    payload: '@',
    when: 'before +switch-master, on the sentinels that do not lead: who led the failover',
  },
  '+switch-master': {
    level: 'warning',
    payload: 'name old-ip old-port new-ip new-port',
    when: 'the group has a new primary: a majority of the sentinels has it on disk',
  },
  '+convert-to-slave': {
    level: 'notice',
    payload: '@',
    when: 'on the leader: a primary that is none of the group any more is told to follow',
  },
  '+fix-slave-config': {
    level: 'notice',
    payload: '@',
    when: 'on the leader: a replica that follows another one is told to follow the primary',
  },
  '+role-change': {
    level: 'notice',
    payload: '@ new reported role is ROLE',
    when: 'the server says that it has the role now that it should have',
  },
  '-role-change': { level: 'notice', payload: '@ new reported role is ROLE', when: 'it says that it has another' },
  '+reboot': { level: 'warning', payload: '@', when: 'the server is another process than before' },
  '+script-child': { level: 'debug', payload: 'pid', when: 'a script was started' },
  '-script-child': { level: 'debug', payload: 'pid exit-code signal', when: 'it has ended' },
  '-script-timeout': {
    level: 'warning',
    payload: 'path pid',
    when: 'it was killed, because it ran for longer than a minute',
  },
  '-script-error': {
    level: 'warning',
    payload: 'path signal exit-code',
    when: 'it is not tried again: it ended with a code above 1, or ten times with 1 or by a signal',
  },
  '+tilt': {
    level: 'warning',
    payload: '#tilt mode entered',
    when: 'this sentinel did not run for 2 s and more: it abstains',
  },
  '-tilt': { level: 'warning', payload: '#tilt mode exited', when: '2 s later' },
} as const satisfies Record<string, { level: Level; payload: string; when: string }>

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
