// The settings of a monitored group: those of the configuration file, and those that SENTINEL SET changed since. A change
// is replicated through Raft and wins over every sentinel's file, which is read and never rewritten.
import { errorText } from '../errors.ts'
import { LEASE_MS_MAX, LEASE_MS_MIN, WRITE_MODES, type WriteMode } from '../lease/terms.ts'
import type { Address } from './address.ts'
import { asInt, asObject, asText, asWord } from './fields.ts'
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
  /** Commands that the servers know by other names, in lower case. */
  readonly renames: Renames
}

/** A command's own name, in lower case, and the one that it was given. */
export type Renames = Readonly<Record<string, string>>

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
  renames: {},
}

/** Changes made by SENTINEL SET; `quorum` is a field of the group itself. */
export type SettingChanges = { -readonly [K in keyof GroupSettings]?: GroupSettings[K] } & { quorum?: number }

/** A group as the configuration file names it. */
export interface GroupConfig extends Monitored {
  readonly name: string
  readonly settings: Partial<GroupSettings>
  /** `primary` is a name that could not be looked up yet: nothing is watched there. */
  readonly unresolved?: boolean
  /** Replicas that a Redis Sentinel wrote into its file: hints, for a primary that cannot be asked. */
  readonly remembered?: readonly Address[]
}

/** What a sentinel was told of a group while there was nobody to tell it to (early.ts). */
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
  /** A command and its new name. */
  readonly renames?: true
  /** The feature level from which on sentinels know it (machine.ts); 1 if absent. */
  readonly level?: number
  /** Leases rest on it. */
  readonly ofLease?: true
}

/** The option with two values: a command and the name that it has on the servers. */
export const RENAME_COMMAND = 'rename-command'

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
  { option: RENAME_COMMAND, field: 'renames', renames: true, level: 4 },
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
    if (!setChange(changes, row, readText(row, text))) return errorText('sentinelSetValue', text, option)
  }
  return changes
}

function readText({ min, renames }: Row, text: string): unknown {
  if (renames === true) return renameOf(text)
  if (min === undefined) return text
  return /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN
}

/** `PING PONG` as a renaming. */
function renameOf(text: string): Renames | undefined {
  const [from = '', to = '', ...rest] = text.split(' ')
  return from === '' || to === '' || rest.length > 0 ? undefined : { [from.toLowerCase()]: to }
}

/** What SENTINEL SET would be told for a change: one or several values. */
export const valuesOf = (value: unknown): string[] =>
  typeof value === 'object' && value !== null
    ? Object.entries(value).map(([from, to]) => `${from} ${to}`)
    : [String(value)]

/** The name that servers have for a command. Who renamed only SLAVEOF, for Redis Sentinel, has renamed REPLICAOF for this one. */
export function renamed(renames: Renames, command: string): string {
  const name = command.toLowerCase()
  if (Object.hasOwn(renames, name)) return renames[name]!
  return name === 'replicaof' && Object.hasOwn(renames, 'slaveof') ? renames.slaveof! : command
}

/** Later changes over earlier ones; commands are renamed one by one. */
export function joinChanges(before: SettingChanges, after: SettingChanges): SettingChanges {
  const joined = { ...before, ...after }
  return before.renames && after.renames ? { ...joined, renames: { ...before.renames, ...after.renames } } : joined
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
  Object.assign(changes, joinChanges(changes, { [row.field]: read }))
  return true
}

function readSetting({ min, max, words, renames }: Row, value: unknown): string | number | Renames | undefined {
  if (renames === true) return toRenames(value)
  if (words !== undefined) return asWord(value, words)
  return min === undefined ? asText(value, TEXT_MAX) : asInt(value, min, max ?? INT_MAX)
}

const RENAMES_MAX = 64
const COMMAND_NAME = /^[^\s]{1,64}$/

function toRenames(value: unknown): Renames | undefined {
  const fields = asObject(value)
  if (fields === undefined) return undefined
  const entries = Object.entries(fields)
  const fit = ([from, to]: [string, unknown]): boolean =>
    COMMAND_NAME.test(from) && typeof to === 'string' && COMMAND_NAME.test(to)
  return entries.length <= RENAMES_MAX && entries.every(fit) ? (fields as Renames) : undefined
}

/** What holds for a group: the replicated changes over this sentinel's file over the defaults. */
export function effectiveSettings(file: Partial<GroupSettings> | undefined, changes: SettingChanges): GroupSettings {
  return { ...DEFAULT_SETTINGS, ...joinChanges(file ?? {}, changes) }
}
