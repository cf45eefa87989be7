// The entries that sentinels commit through Raft: every decision that must not be taken twice or differently. JSON with a
// version, validated field by field when read, because what is applied must be the same on every sentinel for ever.
import type { Address } from './address.ts'
import { asAddress, asId, asInt, asName, asObject, asText, asWord, parseObject } from './fields.ts'
import { type SettingChanges, toChanges } from './settings.ts'

/** Why a failover was given up. The words are those of Redis Sentinel's -failover-abort-* events. */
export const ABORT_CAUSES = ['no-good-slave', 'slave-timeout', 'pause-timeout'] as const
export type AbortCause = (typeof ABORT_CAUSES)[number]

interface Base {
  /** Name of the monitored group. */
  readonly group: string
  /** Marks the proposal of an operator's request, so that its leader can answer when it is committed. */
  readonly nonce?: string
}

interface FailoverBase extends Base {
  /** The failover that this belongs to. */
  readonly epoch: number
  /** Wall clock of the proposer, ms: for the history only. */
  readonly atMs: number
  /** One sentence: what was decided and why. */
  readonly reason: string
}

export type Entry =
  | (Base & { readonly kind: 'monitor'; readonly primary: Address; readonly quorum: number })
  | (Base & { readonly kind: 'remove' })
  | (Base & { readonly kind: 'set'; readonly changes: SettingChanges })
  /** Forget the replicas, the history, and sentinels that are down and no members; what lives is found again. */
  | (Base & { readonly kind: 'reset' })
  | (Base & { readonly kind: 'replica'; readonly replica: Address })
  /** Replace `old`, the primary. Valid only for epoch = highest epoch + 1 and no failover under way. */
  | (FailoverBase & { readonly kind: 'start'; readonly old: Address; readonly planned: boolean; readonly by: string })
  /** `replica` and no other may be promoted in this epoch. */
  | (FailoverBase & { readonly kind: 'choose'; readonly replica: Address })
  /** The candidate is primary: from here on it is announced. */
  | (FailoverBase & { readonly kind: 'switch' })
  | (FailoverBase & { readonly kind: 'end' })
  | (FailoverBase & { readonly kind: 'abort'; readonly cause: AbortCause })

const VERSION = 1
const MAX_BYTES = 64 * 1024
const MAX_REASON = 2048
const MAX = Number.MAX_SAFE_INTEGER

/** The bytes of an entry. An over-long reason is cut. */
export function encodeEntry(entry: Entry): Uint8Array {
  const cut = 'reason' in entry ? { ...entry, reason: entry.reason.slice(0, MAX_REASON) } : entry
  return Buffer.from(JSON.stringify({ v: VERSION, ...cut }), 'utf8')
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
      const primary = asAddress(fields.primary)
      const quorum = asInt(fields.quorum, 1, 0x7fffffff)
      return primary && quorum !== undefined ? { ...base, kind: 'monitor', primary, quorum } : undefined
    }
    case 'set': {
      const object = asObject(fields.changes)
      const changes = object && toChanges(object)
      return changes && { ...base, kind: 'set', changes }
    }
    case 'replica': {
      const replica = asAddress(fields.replica)
      return replica && { ...base, kind: 'replica', replica }
    }
    case 'remove':
    case 'reset':
      return { ...base, kind: fields.kind }
    default:
      return undefined
  }
}

function toFailoverEntry(group: Base, fields: Record<string, unknown>): Entry | undefined {
  const epoch = asInt(fields.epoch, 1, MAX)
  const atMs = asInt(fields.atMs, 0, MAX)
  const reason = asText(fields.reason, MAX_REASON)
  if (epoch === undefined || atMs === undefined || reason === undefined) return undefined
  const base: FailoverBase = { ...group, epoch, atMs, reason }
  switch (fields.kind) {
    case 'start': {
      const old = asAddress(fields.old)
      const by = asId(fields.by)
      if (!old || !by || typeof fields.planned !== 'boolean') return undefined
      return { ...base, kind: 'start', old, by, planned: fields.planned }
    }
    case 'choose': {
      const replica = asAddress(fields.replica)
      return replica && { ...base, kind: 'choose', replica }
    }
    case 'abort': {
      const cause = asWord(fields.cause, ABORT_CAUSES)
      return cause && { ...base, kind: 'abort', cause }
    }
    case 'switch':
    case 'end':
      return { ...base, kind: fields.kind }
    default:
      return undefined
  }
}
