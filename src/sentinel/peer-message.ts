// What sentinels say to each other over the transport: Raft messages (opaque bytes here), reports of what they see,
// requests passed on to the leader, and how a group is joined. One tag byte, then Raft's bytes or JSON. Decoding never
// throws: what is not a well-formed message is undefined, and a decoded message is bounded in every field.
import { FOUNDERS_MAX, PAUSE_MAX_MS } from '../lib/limits.ts'
import type { Address } from './address.ts'
import { toMark } from './entries.ts'
import { asAddress, asId, asInt, asList, asName, asObject, asText, asWord, parseObject } from './fields.ts'
import { type FormedGroup, toGroup } from './formation.ts'
import { type Hello, toHello } from './hello.ts'
import type { HistoryMark } from './lineage.ts'
import { type Monitored, toMonitored } from './naming.ts'
import { REPLICAS_MAX } from './topology.ts'

/** What a sentinel thinks of a primary. `dead` and `silent` count as down. */
export const VERDICTS = ['up', 'dead', 'silent', 'cut-off', 'abstain'] as const
export type Verdict = (typeof VERDICTS)[number]

/** One sentinel's verdict on one group's primary. */
export interface Opinion {
  readonly group: string
  readonly primary: Address
  /** Epoch of the configuration in which `primary` is primary; an opinion of another epoch is not counted. */
  readonly configEpoch: number
  readonly verdict: Verdict
  /** Replicas that it found and that the replicated state does not name yet: the primary may die before they get there. */
  readonly found: readonly Address[]
  /** The history that the primary wrote when it was heard last, where the replicated state names another or none. */
  readonly mark?: HistoryMark | undefined
  /** …and the one that it names. */
  readonly after?: string | undefined
  /** The last failover that it knows of, and for how long the lease may hold that it promised before. */
  readonly lease?: { readonly epoch: number; readonly leftMs: number } | undefined
}

/** What an operator wants. `from` other sentinels it reaches the leader as it is. */
export type OperatorRequest =
  | { readonly kind: 'failover'; readonly group: string; readonly lossAllowed?: true }
  | (Monitored & { readonly kind: 'monitor'; readonly group: string })
  | { readonly kind: 'remove'; readonly group: string }
  | { readonly kind: 'set'; readonly group: string; readonly pairs: readonly (readonly [string, string])[] }
  | { readonly kind: 'reset'; readonly groups: readonly string[] }
  /** No failover is to begin by itself for so long. */
  | { readonly kind: 'pause'; readonly group: string; readonly forMs: number }
  /** Failovers may begin again, also one that would follow too soon upon the last. */
  | { readonly kind: 'resume'; readonly group: string }

/** What became of it: `text` is the error (with its code) when not ok, else free. */
export interface OperatorResult {
  readonly ok: boolean
  readonly text: string
}

export type PeerMessage =
  | { readonly type: 'raft'; readonly data: Uint8Array }
  /**
   * Sent to all at intervals and at once when a verdict changes: a sign of life, and the verdicts. No hello from one that
   * no server has told yet where it is; its verdicts count all the same.
   */
  | {
      readonly type: 'report'
      /** Random, another at each start of the sender; `seq` rises within it (sequence.ts). */
      readonly boot: number
      readonly seq: number
      readonly hello?: Hello | undefined
      /** The group that it belongs to, said by one that no server has told yet where it is. */
      readonly group?: string
      /** The last report that it took of each of the others: tells them how fresh what it says is. */
      readonly echo?: readonly (readonly [peer: string, seq: number])[]
      /** It certainly leads in this term, and this is how far the switches that were committed go (switchedEpochs). */
      readonly leads?: { readonly term: number; readonly epoch: number }
      readonly opinions: readonly Opinion[]
    }
  /** To any member, by a sentinel without a group: let me in. */
  | { readonly type: 'join'; readonly hello: Hello }
  /** To a sentinel without a group: this is the group. It may adopt it, for it is a founder or has asked to join. */
  | { readonly type: 'welcome'; readonly group: FormedGroup }
  /** To a sentinel that asked to join: it is not let in, and why. */
  | { readonly type: 'refusal'; readonly text: string }
  | { readonly type: 'request'; readonly id: number; readonly request: OperatorRequest }
  /** `nonce`: of the entry that carried it; who asked answers once that is applied there, too. */
  | { readonly type: 'result'; readonly id: number; readonly result: OperatorResult; readonly nonce?: string }

const TAG_RAFT = 1
const TAG_JSON = 2
/** Long enough for the opinions on as many groups as there may be; the transport sends it in pieces. */
const MAX_JSON_BYTES = 4 * 1024 * 1024
const MAX_OPINIONS = 1024
const MAX_PAIRS = 64
const MAX_TEXT = 4096

/** The bytes of a message. */
export function encodePeerMessage(message: PeerMessage): Uint8Array {
  if (message.type !== 'raft') return Buffer.from(String.fromCharCode(TAG_JSON) + JSON.stringify(message), 'utf8')
  const bytes = Buffer.allocUnsafe(message.data.length + 1)
  bytes[0] = TAG_RAFT
  bytes.set(message.data, 1)
  return bytes
}

/** The message, or undefined when the bytes are none. Raft's bytes are not looked into and not copied. */
export function decodePeerMessage(bytes: Uint8Array): PeerMessage | undefined {
  if (bytes[0] === TAG_RAFT) return { type: 'raft', data: bytes.subarray(1) }
  if (bytes[0] !== TAG_JSON || bytes.length > MAX_JSON_BYTES) return undefined
  const text = Buffer.from(bytes.buffer, bytes.byteOffset + 1, bytes.length - 1).toString('utf8')
  const fields = parseObject(text, MAX_JSON_BYTES)
  return fields === undefined ? undefined : toMessage(fields)
}

function toMessage(fields: Record<string, unknown>): PeerMessage | undefined {
  const id = asInt(fields.id, 0, Number.MAX_SAFE_INTEGER)
  const helloFields = asObject(fields.hello)
  const hello = helloFields && toHello(helloFields)
  switch (fields.type) {
    case 'report': {
      const opinions = asList(fields.opinions, MAX_OPINIONS, toOpinion)
      const seq = asInt(fields.seq, 0, Number.MAX_SAFE_INTEGER)
      const boot = asInt(fields.boot, 0, Number.MAX_SAFE_INTEGER)
      if (opinions === undefined || seq === undefined || boot === undefined) return undefined
      const echo = asList(fields.echo ?? [], FOUNDERS_MAX, toEcho)
      const leads = toLeads(asObject(fields.leads))
      const group = asId(fields.group)
      if (echo === undefined || (fields.hello !== undefined && hello === undefined)) return undefined
      return {
        type: 'report',
        boot,
        seq,
        ...(hello && { hello }),
        ...(group !== undefined && { group }),
        echo,
        ...(leads && { leads }),
        opinions,
      }
    }
    case 'join':
      return hello && { type: 'join', hello }
    case 'welcome': {
      const group = toGroup(fields.group)
      return group && { type: 'welcome', group }
    }
    case 'refusal': {
      const text = asText(fields.text, MAX_TEXT)
      return text === undefined ? undefined : { type: 'refusal', text }
    }
    case 'request': {
      const request = toRequest(fields.request)
      return id !== undefined && request ? { type: 'request', id, request } : undefined
    }
    case 'result': {
      const result = asObject(fields.result)
      const text = asText(result?.text, MAX_TEXT)
      if (id === undefined || text === undefined || typeof result?.ok !== 'boolean') return undefined
      const nonce = asId(fields.nonce)
      return { type: 'result', id, result: { ok: result.ok, text }, ...(nonce !== undefined && { nonce }) }
    }
    default:
      return undefined
  }
}

function toLeads(fields: Record<string, unknown> | undefined) {
  const term = asInt(fields?.term, 0, Number.MAX_SAFE_INTEGER)
  const epoch = asInt(fields?.epoch, 0, Number.MAX_SAFE_INTEGER)
  return term !== undefined && epoch !== undefined ? { term, epoch } : undefined
}

function toEcho(value: unknown): readonly [string, number] | undefined {
  if (!Array.isArray(value)) return undefined
  const [peer, seq] = [asId(value[0]), asInt(value[1], 0, Number.MAX_SAFE_INTEGER)]
  return peer !== undefined && seq !== undefined ? [peer, seq] : undefined
}

function toOpinion(value: unknown): Opinion | undefined {
  const fields = asObject(value)
  const group = asName(fields?.group)
  const primary = asAddress(fields?.primary)
  const configEpoch = asInt(fields?.configEpoch, 0, Number.MAX_SAFE_INTEGER)
  const verdict = asWord(fields?.verdict, VERDICTS)
  const found = asList(fields?.found, REPLICAS_MAX, asAddress)
  if (!group || !primary || configEpoch === undefined || !verdict || !found) return undefined
  const lease = toLease(asObject(fields?.lease))
  const opinion = { group, primary, configEpoch, verdict, found, ...(lease && { lease }) }
  const mark = fields?.mark === undefined ? undefined : toMark(fields.mark)
  if (mark === undefined) return opinion
  const after = asId(fields?.after)
  return { ...opinion, mark, ...(after !== undefined && { after }) }
}

function toLease(fields: Record<string, unknown> | undefined): Opinion['lease'] {
  const epoch = asInt(fields?.epoch, 0, Number.MAX_SAFE_INTEGER)
  const leftMs = asInt(fields?.leftMs, 0, 0x7fffffff)
  return epoch !== undefined && leftMs !== undefined ? { epoch, leftMs } : undefined
}

function toRequest(value: unknown): OperatorRequest | undefined {
  const fields = asObject(value)
  if (fields?.kind === 'reset') {
    const groups = asList(fields.groups, MAX_OPINIONS, asName)
    return groups && { kind: 'reset', groups }
  }
  const group = asName(fields?.group)
  if (fields === undefined || group === undefined) return undefined
  switch (fields.kind) {
    case 'failover':
      return { kind: 'failover', group, ...(fields.lossAllowed === true && { lossAllowed: true as const }) }
    case 'remove':
    case 'resume':
      return { kind: fields.kind, group }
    case 'pause': {
      const forMs = asInt(fields.forMs, 1, PAUSE_MAX_MS)
      return forMs === undefined ? undefined : { kind: 'pause', group, forMs }
    }
    case 'monitor': {
      const monitored = toMonitored(fields)
      return monitored && { kind: 'monitor', group, ...monitored }
    }
    case 'set': {
      const pairs = asList(fields.pairs, MAX_PAIRS, toPair)
      return pairs && { kind: 'set', group, pairs }
    }
    default:
      return undefined
  }
}

function toPair(value: unknown): readonly [string, string] | undefined {
  if (!Array.isArray(value) || value.length !== 2) return undefined
  const name = asText(value[0], 64)
  const setting = asText(value[1], MAX_TEXT)
  return name !== undefined && setting !== undefined ? [name, setting] : undefined
}
