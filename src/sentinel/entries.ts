// The entries that sentinels commit through Raft: every decision that must not be taken twice or differently. JSON with a
// version, validated field by field when read, because what is applied must be the same on every sentinel for ever.
import { type Account, bounded, toAccount } from './account.ts'
import { type Address, isHost } from './address.ts'
import { asAddress, asId, asInt, asList, asName, asObject, asText, asWord, parseObject } from './fields.ts'
import type { HistoryMark } from './lineage.ts'
import { type Monitored, toMonitored } from './naming.ts'
import { levelOfChanges, type SettingChanges, toChanges } from './settings.ts'

/** Why a failover was given up. The words are those of Redis Sentinel's -failover-abort-* events, and two of ours. */
export const ABORT_CAUSES = ['no-good-slave', 'slave-timeout', 'pause-timeout', 'master-is-back'] as const
export type AbortCause = (typeof ABORT_CAUSES)[number]

interface Base {
  /** Name of the monitored group. */
  readonly group: string
  /** Marks the proposal of an operator's request, so that its leader can answer when it is committed. */
  readonly nonce?: string
}

interface Decided extends Base {
  /** Wall clock of the proposer, ms: for the history only. */
  readonly atMs: number
  /** One sentence: what was decided and why. */
  readonly reason: string
  /** What there is to tell since the entry before. From level 2 on. */
  readonly account?: Account | undefined
}

interface FailoverBase extends Decided {
  /** The failover that this belongs to. */
  readonly epoch: number
}

/**
 * Replace `old`, the primary. The epoch is given when this is applied, so that the failovers of many groups can begin in one
 * go. Valid only while no failover is under way and the last one of this group is that of epoch `after`: one that was
 * proposed twice begins one failover. Earlier versions proposed the epoch instead, which then had to be the next.
 */
export interface StartEntry extends Decided {
  readonly kind: 'start'
  readonly old: Address
  readonly after?: number | undefined
  readonly epoch?: number | undefined
  readonly planned: boolean
  /** An operator asked for it, and takes what there is. */
  readonly forced?: boolean
  /** He also takes upon himself that acknowledged writes of `sync` mode may be lost. */
  readonly lossAllowed?: boolean
  readonly by: string
  /** The candidate, where it could be chosen at once, and why it was. */
  readonly choice?: { readonly replica: Address; readonly why: string } | undefined
}

export type Entry =
  | (Base & Monitored & { readonly kind: 'monitor' })
  | (Base & { readonly kind: 'remove' })
  | (Base & { readonly kind: 'set'; readonly changes: SettingChanges })
  /** Forget the replicas but those named, the history, and sentinels that are down and no members; what lives is found again. */
  | (Base & { readonly kind: 'reset'; readonly keep?: readonly Address[] })
  | (Base & { readonly kind: 'replica'; readonly replica: Address })
  /** This replica is gone for good (departed.ts). From level 4 on. */
  | (Base & { readonly kind: 'forget'; readonly replica: Address })
  /** The copies that this replica has count no more: it is about to be forgotten. From level 5 on. */
  | (Base & { readonly kind: 'discount'; readonly replica: Address })
  /** The group's primary writes this history (lineage.ts), in the process of this run ID. */
  | (Base & { readonly kind: 'history'; readonly primary: Address; readonly mark: HistoryMark })
  /** No failover begins by itself until then (wall clock). From level 2 on. */
  | (Base & { readonly kind: 'pause'; readonly untilMs: number })
  /** Failovers may begin again, also one that would follow too soon upon the last. From level 2 on. */
  | (Base & { readonly kind: 'resume' })
  /** The server that is monitored by this name (naming.ts) has this address: at first, or from now on. */
  | (Base & { readonly kind: 'hostname'; readonly host: string; readonly address: Address })
  /** The group's primaries need leases from now on, under this key and these settings unless others were set before. */
  | (Base & { readonly kind: 'lease'; readonly key: string; readonly settings: SettingChanges })
  | StartEntry
  /** `replica` and no other may be promoted in this epoch. */
  | (FailoverBase & { readonly kind: 'choose'; readonly replica: Address })
  /** The candidate is primary, and writes this history: from here on it is announced. `ended`: the old one's tenure, if that is over. */
  | (FailoverBase & {
      readonly kind: 'switch'
      readonly mark?: HistoryMark | undefined
      readonly ended?: string | undefined
    })
  | (FailoverBase & { readonly kind: 'end' })
  | (FailoverBase & { readonly kind: 'abort'; readonly cause: AbortCause })

const VERSION = 1
const MAX_BYTES = 64 * 1024
const MAX_REASON = 2048
const MAX = Number.MAX_SAFE_INTEGER
/** Most replicas of a group. */
export const REPLICAS_MAX = 256

/** The feature level from which on this entry can be applied (machine.ts). */
export function entryLevel(entry: Entry): number {
  if (entry.kind === 'lease' || (entry.kind === 'start' && entry.lossAllowed === true)) return 3
  if (entry.kind === 'pause' || entry.kind === 'resume') return 2
  if (entry.kind === 'set') return levelOfChanges(entry.changes)
  if (entry.kind === 'forget') return 4
  if (entry.kind === 'discount') return 5
  return 'account' in entry && entry.account !== undefined ? 2 : 1
}

/**
 * The entry as sentinels of that level understand it, where leaving something out does not change what it decides. The name that a
 * group is monitored by is an entry of its own, behind the first.
 */
export function atLevel(entry: Entry, level: number): Entry[] {
  if (level < 2 && 'account' in entry) return [{ ...entry, account: undefined }]
  if (entry.kind !== 'monitor' || entry.hostname === undefined) return [entry]
  const { hostname, ...unnamed } = entry
  return [unnamed, { kind: 'hostname', group: entry.group, host: hostname, address: entry.primary }]
}

/** The bytes of an entry. Over-long reasons are cut. */
export function encodeEntry(entry: Entry): Uint8Array {
  const short = (text: string): string => text.slice(0, MAX_REASON)
  const cut =
    entry.kind === 'start' && entry.choice !== undefined
      ? { ...entry, reason: short(entry.reason), choice: { ...entry.choice, why: short(entry.choice.why) } }
      : 'reason' in entry
        ? { ...entry, reason: short(entry.reason) }
        : entry
  const told = 'account' in cut && cut.account !== undefined ? { account: bounded(cut.account) } : {}
  return Buffer.from(JSON.stringify({ v: VERSION, ...cut, ...told }), 'utf8')
}

/** The entry, or undefined when the bytes are none of a version that this code knows. */
export function decodeEntry(bytes: Uint8Array): Entry | undefined {
  if (bytes.length > MAX_BYTES) return undefined
  const fields = parseObject(Buffer.from(bytes).toString('utf8'), MAX_BYTES)
  if (fields?.v !== VERSION) return undefined
  const group = asName(fields.group)
  if (group === undefined) return undefined
  const nonce = asId(fields.nonce)
  const base: Base = nonce === undefined ? { group } : { group, nonce }
  return toGroupEntry(base, fields) ?? toFailoverEntry(base, fields)
}

function toGroupEntry(base: Base, fields: Record<string, unknown>): Entry | undefined {
  switch (fields.kind) {
    case 'monitor': {
      const monitored = toMonitored(fields)
      return monitored && { ...base, kind: 'monitor', ...monitored }
    }
    case 'set': {
      const object = asObject(fields.changes)
      const changes = object && toChanges(object)
      return changes && { ...base, kind: 'set', changes }
    }
    case 'replica':
    case 'forget':
    case 'discount': {
      const replica = asAddress(fields.replica)
      return replica && { ...base, kind: fields.kind, replica }
    }
    case 'history': {
      const primary = asAddress(fields.primary)
      const mark = toMark(fields.mark)
      return primary && mark && { ...base, kind: 'history', primary, mark }
    }
    case 'hostname': {
      const { host } = fields
      const address = asAddress(fields.address)
      return isHost(host) && address ? { ...base, kind: 'hostname', host, address } : undefined
    }
    case 'lease': {
      const key = asText(fields.key, 64)
      const object = asObject(fields.settings)
      const settings = object && toChanges(object)
      return key !== undefined && LEASE_KEY.test(key) && settings
        ? { ...base, kind: 'lease', key, settings }
        : undefined
    }
    case 'remove':
    case 'resume':
      return { ...base, kind: fields.kind }
    case 'pause': {
      const untilMs = asInt(fields.untilMs, 0, MAX)
      return untilMs === undefined ? undefined : { ...base, kind: 'pause', untilMs }
    }
    case 'reset': {
      if (fields.keep === undefined) return { ...base, kind: 'reset' }
      const keep = asList(fields.keep, REPLICAS_MAX, asAddress)
      return keep && { ...base, kind: 'reset', keep }
    }
    default:
      return undefined
  }
}

/** 32 bytes in hexadecimal. */
export const LEASE_KEY = /^[0-9a-f]{64}$/

/** A mark out of decoded JSON. */
export function toMark(value: unknown): HistoryMark | undefined {
  const fields = asObject(value)
  const replId = asId(fields?.replId)
  const runId = asId(fields?.runId)
  return replId === undefined || runId === undefined ? undefined : { replId, runId }
}

function toStart(base: Decided, fields: Record<string, unknown>): StartEntry | undefined {
  const old = asAddress(fields.old)
  const by = asId(fields.by)
  const [after, epoch] = [asInt(fields.after, 0, MAX), asInt(fields.epoch, 1, MAX)]
  if (!old || !by || typeof fields.planned !== 'boolean') return undefined
  if (after === undefined && epoch === undefined) return undefined
  const valid = after === undefined ? { epoch } : { after }
  const loss = fields.lossAllowed === true ? { lossAllowed: true } : {}
  const force = fields.forced === true ? { forced: true, ...loss } : {}
  const start: StartEntry = { ...base, ...valid, ...force, kind: 'start', old, by, planned: fields.planned }
  if (fields.choice === undefined) return start
  const choice = asObject(fields.choice)
  const replica = asAddress(choice?.replica)
  const why = asText(choice?.why, MAX_REASON)
  return replica && why !== undefined ? { ...start, choice: { replica, why } } : undefined
}

function toFailoverEntry(group: Base, fields: Record<string, unknown>): Entry | undefined {
  const atMs = asInt(fields.atMs, 0, MAX)
  const reason = asText(fields.reason, MAX_REASON)
  if (atMs === undefined || reason === undefined) return undefined
  const account = fields.account === undefined ? undefined : toAccount(fields.account)
  if (fields.account !== undefined && account === undefined) return undefined
  const decided: Decided = { ...group, atMs, reason, ...(account && { account }) }
  if (fields.kind === 'start') return toStart(decided, fields)
  const epoch = asInt(fields.epoch, 1, MAX)
  if (epoch === undefined) return undefined
  const base: FailoverBase = { ...decided, epoch }
  switch (fields.kind) {
    case 'choose': {
      const replica = asAddress(fields.replica)
      return replica && { ...base, kind: 'choose', replica }
    }
    case 'abort': {
      const cause = asWord(fields.cause, ABORT_CAUSES)
      return cause && { ...base, kind: 'abort', cause }
    }
    case 'switch': {
      const ended = fields.ended === undefined ? {} : { ended: asText(fields.ended, 16) ?? '' }
      if (fields.mark === undefined) return { ...base, kind: 'switch', ...ended }
      const mark = toMark(fields.mark)
      return mark && { ...base, kind: 'switch', mark, ...ended }
    }
    case 'end':
      return { ...base, kind: 'end' }
    default:
      return undefined
  }
}
