// The settings of a monitored group: those of the configuration file, and those that SENTINEL SET changed since. A change
// is replicated through Raft and wins over every sentinel's file, which is read and never rewritten.
import { errorText } from '../errors.ts'
import { LEASE_MS_MAX, LEASE_MS_MIN, WRITE_MODES, type WriteMode } from '../lease/terms.ts'
import { asInt, asText, asWord } from './fields.ts'
import type { Monitored } from './naming.ts'

/** What can be set for a group, with SENTINEL SET's names in camel case. Times in ms. */
export interface GroupSettings {
  /** No valid answer for so long means silent. */
  readonly downAfterMs: number
  /** Limit on one step of a failover, and the pause before trying again after a failed one grows up to it. */
  readonly failoverTimeoutMs: number
  /** How many replicas may be pointed at a new primary at the same time. */
  readonly parallelSyncs: number
  readonly authUser: string
  readonly authPass: string
  readonly notificationScript: string
  readonly clientReconfigScript: string
  /** A primary that restarted and keeps answering errors is down after this long; 0 = off. */
  readonly rebootDownAfterMs: number
  /** What an acknowledged write means (lease/terms.ts), how long a lease is, and how many replicas must have a write in `sync`. */
  readonly writeMode: WriteMode
  readonly leaseMs: number
  readonly syncReplicas: number
  /** A replica that is down for so long is forgotten (departed.ts); 0 = never. */
  readonly deadReplicaMs: number
  /** No failover begins by itself so soon after the last one (maintenance.ts); 0 = at once. */
  readonly failoverIntervalMs: number
}

export const DEFAULT_SETTINGS: GroupSettings = {
  downAfterMs: 30_000,
  failoverTimeoutMs: 180_000,
  parallelSyncs: 1,
  authUser: '',
  authPass: '',
  notificationScript: '',
  clientReconfigScript: '',
  rebootDownAfterMs: 0,
  writeMode: 'lease',
  leaseMs: 1_000,
  syncReplicas: 1,
  deadReplicaMs: 0,
  failoverIntervalMs: 2_000,
}

/** Changes made by SENTINEL SET; `quorum` is a field of the group itself. */
export type SettingChanges = { -readonly [K in keyof GroupSettings]?: GroupSettings[K] } & { quorum?: number }

/** A group as the configuration file names it. */
export interface GroupConfig extends Monitored {
  readonly name: string
  readonly settings: Partial<GroupSettings>
  /** `primary` is a name that could not be looked up yet: nothing is watched there. */
  readonly unresolved?: boolean
}

/** What a sentinel was told of a group before the sentinels had theirs (early.ts). */
export interface Early {
  readonly group: string
  /** It is not to be watched, whatever the file says. */
  readonly removed: boolean
  readonly monitor?: Monitored | undefined
  readonly changes: SettingChanges
}

interface Row {
  /** SENTINEL SET's name of the option. */
  readonly option: string
  readonly field: keyof SettingChanges
  readonly min?: number
  readonly max?: number
  readonly words?: readonly string[]
  /** The feature level from which on sentinels know it (machine.ts); 1 if absent. */
  readonly level?: number
  /** Leases rest on it. */
  readonly ofLease?: true
}

/** What SENTINEL SET accepts. Rows with `min` are integers from there to `max`, or to 2³¹−1, those with `words` one of these, the others text. */
const ROWS: readonly Row[] = [
  { option: 'down-after-milliseconds', field: 'downAfterMs', min: 1 },
  { option: 'failover-timeout', field: 'failoverTimeoutMs', min: 1 },
  { option: 'parallel-syncs', field: 'parallelSyncs', min: 1 },
  { option: 'master-reboot-down-after-period', field: 'rebootDownAfterMs', min: 0 },
  { option: 'failover-interval', field: 'failoverIntervalMs', min: 0, level: 2 },
  { option: 'quorum', field: 'quorum', min: 1 },
  { option: 'write-mode', field: 'writeMode', words: WRITE_MODES, level: 3, ofLease: true },
  { option: 'lease-milliseconds', field: 'leaseMs', min: LEASE_MS_MIN, max: LEASE_MS_MAX, level: 3, ofLease: true },
  { option: 'sync-replicas', field: 'syncReplicas', min: 1, max: 256, level: 3, ofLease: true },
  { option: 'dead-replica-timeout', field: 'deadReplicaMs', min: 0, level: 4 },
  { option: 'auth-user', field: 'authUser' },
  { option: 'auth-pass', field: 'authPass' },
  { option: 'notification-script', field: 'notificationScript' },
  { option: 'client-reconfig-script', field: 'clientReconfigScript' },
]

/** SENTINEL SET's name of a field. */
export const optionOf = (field: string): string => ROWS.find((row) => row.field === field)?.option ?? field

/** The feature level that these changes need. */
export const levelOfChanges = (changes: SettingChanges): number =>
  Math.max(1, ...ROWS.map(({ field, level = 1 }) => (changes[field] === undefined ? 1 : level)))

/** Whether a change is of what leases rest on. */
export const isOfLease = (changes: SettingChanges): boolean =>
  ROWS.some(({ field, ofLease }) => ofLease === true && changes[field] !== undefined)

/** The settings that leases rest on: all sentinels must hold the same, so they are part of the replicated state. */
export const leaseSettings = ({ writeMode, leaseMs, syncReplicas }: GroupSettings): SettingChanges => ({
  writeMode,
  leaseMs,
  syncReplicas,
})

const INT_MAX = 0x7fffffff
const TEXT_MAX = 1024

/** The changes that the option/value pairs of SENTINEL SET ask for, or the error in Redis's words. */
export function parseChanges(pairs: readonly (readonly [string, string])[]): SettingChanges | string {
  const changes: SettingChanges = {}
  for (const [option, text] of pairs) {
    const row = ROWS.find((candidate) => candidate.option === option.toLowerCase())
    if (row === undefined) return errorText('sentinelSetOption', option)
    const value = row.min === undefined ? text : /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN
    if (!setChange(changes, row, value)) return errorText('sentinelSetValue', text, option)
  }
  return changes
}

/** Changes out of decoded JSON, or undefined when any field is unknown or out of range. */
export function toChanges(fields: Record<string, unknown>): SettingChanges | undefined {
  const changes: SettingChanges = {}
  for (const [field, value] of Object.entries(fields)) {
    const row = ROWS.find((candidate) => candidate.field === field)
    if (row === undefined || !setChange(changes, row, value)) return undefined
  }
  return changes
}

function setChange(changes: SettingChanges, row: Row, value: unknown): boolean {
  const read = readSetting(row, value)
  if (read === undefined) return false
  Object.assign(changes, { [row.field]: read })
  return true
}

function readSetting({ min, max, words }: Row, value: unknown): string | number | undefined {
  if (words !== undefined) return asWord(value, words)
  return min === undefined ? asText(value, TEXT_MAX) : asInt(value, min, max ?? INT_MAX)
}

/** What holds for a group: the replicated changes over this sentinel's file over the defaults. */
export function effectiveSettings(file: Partial<GroupSettings> | undefined, changes: SettingChanges): GroupSettings {
  return { ...DEFAULT_SETTINGS, ...file, ...changes }
}
