// Hello messages: how sentinels find each other on the servers they watch. Two forms travel on two channels: the eight
// comma-separated fields of Redis Sentinel, unchanged, and ours, a JSON object with the peer ID, the gossip address and
// the group. Both are read from a channel that any client of the server can publish to, so a hello there is a hint only: it
// says whom to try, and is short whatever its author watches. Once the transport has proven who that is, the whole hello
// travels there.
import { FOUNDERS_MAX } from '../lib/limits.ts'
import { type Address, isHost, isPort } from './address.ts'
import { asAddress, asId, asInt, asList, asName, parseObject } from './fields.ts'
import { type FormedGroup, toGroup } from './formation.ts'

/** Channel of Redis Sentinel. */
export const REDIS_HELLO_CHANNEL = '__sentinel__:hello'
/** Channel of Vedette's own hello. */
export const HELLO_CHANNEL = '__vedette__:hello'

const MAX_BYTES = 16 * 1024
const MAX_WATCHED = 1024

/** What a sentinel tells about itself. */
export interface Hello {
  /** The 40-digit run ID, its name for Redis clients. */
  readonly runId: string
  /** Its identity on the transport and in Raft. */
  readonly peer: string
  readonly gossip: Address
  /** Where it answers SENTINEL commands. */
  readonly resp: Address
  /** The group that it belongs to. */
  readonly group: FormedGroup | undefined
  /** Whom it sees, itself included, sorted, and for a group of how many it calls (formation.ts); until it has a group. */
  readonly view: readonly string[]
  readonly of: number
  /** Its `announce-id`, if it has one: another one of this name that comes later stands in its place. */
  readonly name?: string | undefined
  /** Names of the groups of servers that it watches. */
  readonly watches: readonly string[]
  /** The highest epoch it knows. */
  readonly epoch: number
}

/** Ours, as one line of JSON. */
export const encodeHello = (hello: Hello): string => JSON.stringify({ v: 1, ...hello })

/** Undefined for anything that is not a well-formed hello of version 1. */
export function decodeHello(text: string): Hello | undefined {
  const fields = parseObject(text, MAX_BYTES)
  if (fields?.v !== 1) return undefined
  return toHello(fields)
}

/** A hello out of decoded JSON. */
export function toHello(fields: Record<string, unknown>): Hello | undefined {
  const runId = asId(fields.runId)
  const peer = asId(fields.peer)
  const gossip = asAddress(fields.gossip)
  const resp = asAddress(fields.resp)
  const view = asList(fields.view, FOUNDERS_MAX, asId)
  const watches = asList(fields.watches, MAX_WATCHED, asName)
  const epoch = asInt(fields.epoch, 0, Number.MAX_SAFE_INTEGER)
  // Earlier versions say neither.
  const of = asInt(fields.of ?? 0, 0, FOUNDERS_MAX)
  const name = fields.name === undefined ? undefined : asName(fields.name)
  const group = fields.group === undefined ? undefined : toGroup(fields.group)
  if (fields.group !== undefined && group === undefined) return undefined
  if (!runId || !peer || !gossip || !resp || !view || !watches || epoch === undefined) return undefined
  if (of === undefined || (fields.name !== undefined && name === undefined)) return undefined
  return { runId, peer, gossip, resp, group, view, of, name, watches, epoch }
}

/** The hello of Redis Sentinel: what it knows of one group. */
export interface RedisHello {
  readonly ip: string
  readonly port: number
  readonly runId: string
  readonly epoch: number
  readonly name: string
  readonly primary: Address
  readonly configEpoch: number
}

/** `ip,port,runid,current_epoch,master_name,master_ip,master_port,master_config_epoch` */
export const encodeRedisHello = (h: RedisHello): string =>
  [h.ip, h.port, h.runId, h.epoch, h.name, h.primary.host, h.primary.port, h.configEpoch].join(',')

/** Undefined unless the text has exactly the eight fields. */
export function decodeRedisHello(text: string): RedisHello | undefined {
  if (text.length > 2048) return undefined
  const parts = text.split(',')
  if (parts.length !== 8) return undefined
  const [ip, port, runId, epoch, name, host, primaryPort, configEpoch] = parts as [
    string,
    string,
    string,
    string,
    string,
    string,
    string,
    string,
  ]
  const whole = (digits: string): number => (/^\d{1,15}$/.test(digits) ? Number(digits) : Number.NaN)
  const primary = { host, port: whole(primaryPort) }
  const id = asId(runId)
  const known = asName(name)
  if (!isHost(ip) || !isPort(whole(port)) || !id || !known || !isHost(primary.host) || !isPort(primary.port))
    return undefined
  if (Number.isNaN(whole(epoch)) || Number.isNaN(whole(configEpoch))) return undefined
  return {
    ip,
    port: whole(port),
    runId: id,
    epoch: whole(epoch),
    name: known,
    primary,
    configEpoch: whole(configEpoch),
  }
}
