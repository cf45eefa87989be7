// What operators were answered OK before there was a group of sentinels, and the settings while nobody led it: kept on disk by the
// carrier, in force on this sentinel at once, and handed to the leader when there is one.
// Invariant: an answer given is kept until the group holds it, or refused it and the log says so. What two operators told
// two sentinels differently is decided by the order in which the leader hears of it.
import { addressKey, sameAddress } from './address.ts'
import { asList, asName, asObject } from './fields.ts'
import { type Monitored, toMonitored } from './naming.ts'
import type { OperatorRequest, OperatorResult } from './peer-message.ts'
import { type Early, joinChanges, optionOf, type SettingChanges, toChanges, valuesOf } from './settings.ts'
import { type CoreState, say } from './state.ts'
import { apply, GROUPS_MAX } from './topology.ts'

/** How long to wait for the leader's answer before asking again. */
const AGAIN_MS = 2_000

/** Notes a request that was applied here. */
export function noteEarly(core: CoreState, request: OperatorRequest, changes: SettingChanges | undefined): void {
  if (request.kind !== 'monitor' && request.kind !== 'remove' && request.kind !== 'set') return
  const { group } = request
  const before = core.early.get(group) ?? { group, removed: false, changes: {} }
  if (request.kind === 'remove') core.early.set(group, { group, removed: true, changes: {} })
  else if (request.kind === 'set')
    core.early.set(group, { ...before, changes: joinChanges(before.changes, changes ?? {}) })
  else {
    const { primary, quorum, hostname } = request
    core.early.set(group, { group, removed: false, monitor: { primary, quorum, hostname }, changes: {} })
  }
  keep(core)
}

const keep = (core: CoreState): void => {
  core.out.push({ type: 'early', early: [...core.early.values()] })
}

/** Takes up what an earlier run was told. */
export function recallEarly(core: CoreState, early: readonly Early[]): void {
  for (const one of early) {
    core.early.set(one.group, one)
    const { group, removed, monitor, changes } = one
    if (removed || monitor !== undefined) apply(core.provisional, { kind: 'remove', group })
    if (monitor !== undefined) apply(core.provisional, { kind: 'monitor', group, ...monitor })
    apply(core.provisional, { kind: 'set', group, changes })
  }
}

/** What is due to be asked of the leader, which may be this sentinel; the groups themselves go another way (askForGroups). */
export function earlyRequests(core: CoreState, nowMs: number): OperatorRequest[] {
  return [...core.early.values()].flatMap((early) => {
    const request = requestOf(core, early)
    const key = `early ${early.group}`
    if (request === undefined || nowMs < (core.proposed.get(key) ?? Number.NEGATIVE_INFINITY)) return []
    core.proposed.set(key, nowMs + AGAIN_MS)
    return request
  })
}

function requestOf(core: CoreState, { group, removed, monitor, changes }: Early): OperatorRequest | undefined {
  const held = core.topology.groups.get(group)
  if (held === undefined) {
    if (removed || core.topology.removed.has(group)) settle(core, group, removed ? undefined : 'it was removed')
    return undefined
  }
  if (removed) return { kind: 'remove', group }
  if (monitor !== undefined && held.configEpoch === 0 && !isMonitored(held, monitor)) {
    settle(core, group, `${addressKey(held.primary)} with a quorum of ${held.quorum} is what the group agreed on`)
    return undefined
  }
  const pairs = Object.entries(changes).flatMap(([field, value]) =>
    valuesOf(value).map((text) => [optionOf(field), text] as const),
  )
  if (pairs.length > 0) return { kind: 'set', group, pairs }
  settle(core, group, undefined)
  return undefined
}

/** Whether this is how a group is watched. */
export const isMonitored = ({ primary, quorum }: Pick<Monitored, 'primary' | 'quorum'>, wanted: Monitored): boolean =>
  quorum === wanted.quorum && sameAddress(primary, wanted.primary)

/** The leader's answer: it is the group's now, or will never be. */
export function takeEarlyResult(core: CoreState, group: string, { ok, text }: OperatorResult): void {
  if (!ok && text.startsWith('NOQUORUM')) return
  settle(core, group, ok ? undefined : text)
}

function settle(core: CoreState, group: string, refusal: string | undefined): void {
  if (!core.early.delete(group)) return
  keep(core)
  if (refusal !== undefined)
    say(core, 'warning', `What this sentinel was told of ${group} while nobody led is not in force: ${refusal}.`)
}

/** Out of decoded JSON; undefined when any part is not well formed. */
export const toEarlyList = (value: unknown): Early[] | undefined => asList(value, GROUPS_MAX, toEarly)

function toEarly(value: unknown): Early | undefined {
  const fields = asObject(value)
  const group = asName(fields?.group)
  const object = asObject(fields?.changes)
  const changes = object && toChanges(object)
  if (group === undefined || changes === undefined || typeof fields?.removed !== 'boolean') return undefined
  if (fields.monitor === undefined) return { group, removed: fields.removed, changes }
  const monitor = toMonitored(asObject(fields.monitor))
  return monitor && { group, removed: fields.removed, monitor, changes }
}
