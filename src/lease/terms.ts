// What a sentinel says to a server about its lease, and how it is written. The terms are those of the whole group, out of the
// replicated state: whether writes need a lease, how long one is, whose promises count, and whose copies.
//
// Invariants: the same terms have the same key, and promises are counted together only under the same key; a word that is not
// well formed is none.
import { asId, asInt, asList, asName, asObject, asText, asWord, parseObject } from '../lib/fields.ts'
import { MEMBERS_MAX } from '../lib/limits.ts'

/** What an acknowledged write means: the primary has it; the same, and it held a lease; and in addition replicas have it. */
export const WRITE_MODES = ['async', 'lease', 'sync'] as const
export type WriteMode = (typeof WRITE_MODES)[number]

export interface Terms {
  /** Rises with each change of what an operator can set; a server never goes back to older terms. */
  readonly version: number
  readonly mode: WriteMode
  /** How long a promise holds, ms. */
  readonly lengthMs: number
  /** `sync`: how many replicas must have a write before it is acknowledged. */
  readonly copies: number
  /** The sentinels of which a majority must promise, sorted. */
  readonly voters: readonly string[]
  /** `sync`: the replicas that are asked in a failover, `host:port`, sorted. The copies of others do not count. */
  readonly replicas: readonly string[]
}

/** What a server gives out, to be promised to: its term as a primary, and which of its requests this is. */
export interface Request {
  readonly tenure: string
  readonly seq: number
}

/** One sentinel's word to one server. */
export interface Word {
  readonly group: string
  readonly from: string
  readonly terms: Terms
  /** The request that it grants: until `lengthMs` after that was made this sentinel promises no other server the same. */
  readonly grant?: Request | undefined
}

/** What a server answers. */
export interface Answer extends Request {
  /** How long its lease still holds, ms. */
  readonly leftMs: number
}

/** Shorter, and the heartbeats could not renew it; longer, and a failover would wait for it. */
export const LEASE_MS_MIN = 300
export const LEASE_MS_MAX = 60_000
/** The version of the last word to a server that is not of the group any more. */
export const LAST_VERSION = Number.MAX_SAFE_INTEGER
/** Clocks may run 5 % fast or slow: what one measured as `ms` is over for every other after so much of its own time. */
export const surely = (ms: number): number => (ms * 1.05) / 0.95

const WORD_BYTES_MAX = 64 * 1024
const REPLICAS_MAX = 257
const TENURE = /^[0-9a-f]{16}$/

/** A majority of so many. */
export const majorityOf = (voters: number): number => Math.floor(voters / 2) + 1

export const termsKey = (terms: Terms): string => JSON.stringify(terms)

/** The text of a word; a signature covers exactly this. */
export const encodeWord = (word: Word): string => JSON.stringify({ v: 1, ...word })

/** The word, or undefined for any other text. */
export function decodeWord(text: string): Word | undefined {
  const fields = parseObject(text, WORD_BYTES_MAX)
  if (fields?.v !== 1) return undefined
  const [group, from, terms] = [asName(fields.group), asId(fields.from), toTerms(fields.terms)]
  if (group === undefined || from === undefined || terms === undefined) return undefined
  if (fields.grant === undefined) return { group, from, terms }
  const grant = toRequest(asObject(fields.grant))
  return grant && { group, from, terms, grant }
}

/** Terms out of decoded JSON. */
export function toTerms(value: unknown): Terms | undefined {
  const fields = asObject(value)
  const version = asInt(fields?.version, 1, LAST_VERSION)
  const mode = asWord(fields?.mode, WRITE_MODES)
  const lengthMs = asInt(fields?.lengthMs, LEASE_MS_MIN, LEASE_MS_MAX)
  const copies = asInt(fields?.copies, 1, REPLICAS_MAX)
  const voters = asList(fields?.voters, MEMBERS_MAX, asId)
  const replicas = asList(fields?.replicas, REPLICAS_MAX, (item) => asText(item, 300))
  if (version === undefined || mode === undefined || lengthMs === undefined) return undefined
  if (copies === undefined || voters === undefined || replicas === undefined) return undefined
  return { version, mode, lengthMs, copies, voters, replicas }
}

function toRequest(fields: Record<string, unknown> | undefined): Request | undefined {
  const tenure = asText(fields?.tenure, 16)
  const seq = asInt(fields?.seq, 1, Number.MAX_SAFE_INTEGER)
  return tenure !== undefined && TENURE.test(tenure) && seq !== undefined ? { tenure, seq } : undefined
}

/** An answer out of the values of a reply. */
export function toAnswer(tenure: unknown, seq: unknown, leftMs: unknown): Answer | undefined {
  const number = asInt(seq, 0, Number.MAX_SAFE_INTEGER)
  const left = asInt(leftMs, 0, LEASE_MS_MAX)
  if (typeof tenure !== 'string' || !(tenure === '' || TENURE.test(tenure))) return undefined
  return number === undefined || left === undefined ? undefined : { tenure, seq: number, leftMs: left }
}
