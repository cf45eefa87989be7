// What a primary (or a replica that has replicas of its own) knows of each replica attached to it, from the handshake to
// the acknowledgements, and what follows from all of them together: good replicas, WAIT, timeouts, INFO lines.
//
//   handshake ──PSYNC, partial──────────────────────────────▶ online
//       └─────PSYNC, full──▶ wait_bgsave ──▶ send_bulk ──────▶ online (with the first ACK if the RDB had an EOF mark)

import { type ErrorName, errorText } from '../errors.ts'

/** Where a replica stands; the names are those that INFO shows. */
export type ReplicaState = 'handshake' | 'wait_bgsave' | 'send_bulk' | 'online'

export interface AttachedReplica {
  /** The connection's peer address. */
  readonly peerIp: string
  /** What it announced with REPLCONF ip-address; '' for the peer address. */
  announcedIp: string
  /** What it announced with REPLCONF listening-port; 0 until then. */
  listeningPort: number
  /** It understands an RDB of unknown length that ends with a mark. */
  capaEof: boolean
  /** It understands +CONTINUE with a new ID. */
  capaPsync2: boolean
  /** It wants the RDB only (redis-cli --rdb), and no stream. */
  rdbOnly: boolean
  /** It asked with SYNC: it will not acknowledge. */
  withoutAck: boolean
  /** It wants to hear something at least this often; 0: it did not say. */
  heartbeatMs: number
  state: ReplicaState
  /** The RDB is sent; the replica comes online with its first acknowledgement. */
  onlineOnAck: boolean
  /** The offset up to which it acknowledged. */
  ackOffset: number
  /** When it last acknowledged, or came online. */
  ackMs: number
}

/** A replica that has just sent its first REPLCONF or PSYNC. */
export function attachReplica(peerIp: string, nowMs: number): AttachedReplica {
  return {
    peerIp,
    announcedIp: '',
    listeningPort: 0,
    capaEof: false,
    capaPsync2: false,
    rdbOnly: false,
    withoutAck: false,
    heartbeatMs: 0,
    state: 'handshake',
    onlineOnAck: false,
    ackOffset: 0,
    ackMs: nowMs,
  }
}

/** Where the replica is to be reached. */
export const replicaAddress = ({ announcedIp, peerIp }: AttachedReplica): string =>
  announcedIp !== '' ? announcedIp : peerIp

/** The replica as log lines name it: `ip:port`, of its listening port if it told one. */
export function replicaName(replica: AttachedReplica): string {
  const ip = replicaAddress(replica)
  return replica.listeningPort > 0 ? `${ip}:${replica.listeningPort}` : `${ip}:<unknown-replica-port>`
}

/** What came of one REPLCONF. */
export type ReplconfOutcome =
  /** Answer +OK. */
  | { readonly kind: 'ok' }
  /** An acknowledgement: no answer. `wentOnline` if it was the one that an RDB with EOF mark waited for. */
  | { readonly kind: 'ack'; readonly wentOnline: boolean }
  /** From the primary, in its stream: answer with an acknowledgement, at once. */
  | { readonly kind: 'getack' }
  /** Answer with this error. */
  | { readonly kind: 'error'; readonly text: string }

const OK: ReplconfOutcome = { kind: 'ok' }
const IP_LENGTH_MAX = 255

/**
 * Takes in the arguments of a REPLCONF (without the command's name): pairs of option and value. An option that is not
 * known is an error, as with Redis, and replicas take that for "does not understand".
 */
export function applyReplconf(replica: AttachedReplica, args: readonly string[], nowMs: number): ReplconfOutcome {
  if (args.length === 0 || args.length % 2 !== 0) return refused('syntax')
  for (let i = 0; i < args.length; i += 2) {
    const outcome = applyOption(replica, args[i]!.toLowerCase(), args[i + 1]!, nowMs)
    if (outcome !== OK) return outcome
  }
  return OK
}

function applyOption(replica: AttachedReplica, option: string, value: string, nowMs: number): ReplconfOutcome {
  switch (option) {
    case 'listening-port':
      if (!/^\d{1,5}$/.test(value) || Number(value) > 65535) return notAnInteger()
      replica.listeningPort = Number(value)
      return OK
    case 'ip-address':
      if (value.length > IP_LENGTH_MAX) {
        return refused('replconfIp', value.length)
      }
      replica.announcedIp = value.replace(/[^!-~]/g, '?')
      return OK
    case 'capa':
      if (value.toLowerCase() === 'eof') replica.capaEof = true
      if (value.toLowerCase() === 'psync2') replica.capaPsync2 = true
      return OK
    case 'version': // sent since Redis 7.2; nothing depends on it
      return OK
    case 'rdb-only':
      if (value !== '0' && value !== '1') return notAnInteger()
      replica.rdbOnly = value === '1'
      return OK
    case 'vedette-heartbeat':
      if (!/^\d{3,5}$/.test(value)) return notAnInteger()
      replica.heartbeatMs = Number(value)
      return OK
    case 'ack':
      return acknowledge(replica, value, nowMs)
    case 'getack':
      return { kind: 'getack' }
  }
  return refused('replconfOption', option.slice(0, 128).replace(/[^ -~]/g, '?'))
}

const refused = (error: ErrorName, ...values: readonly (string | number)[]): ReplconfOutcome => ({
  kind: 'error',
  text: errorText(error, ...values),
})

const notAnInteger = (): ReplconfOutcome => refused('notInteger')

function acknowledge(replica: AttachedReplica, value: string, nowMs: number): ReplconfOutcome {
  const offset = /^\d{1,16}$/.test(value) ? Number(value) : -1
  if (offset > replica.ackOffset) replica.ackOffset = offset
  replica.ackMs = nowMs
  const wentOnline = replica.onlineOnAck
  if (wentOnline) {
    replica.onlineOnAck = false
    replica.state = 'online'
  }
  return { kind: 'ack', wentOnline }
}

/** Whole seconds since the replica last acknowledged, as `lag=` shows them. */
export function lagSeconds(replica: AttachedReplica, nowMs: number): number {
  return Math.max(0, Math.floor((nowMs - replica.ackMs) / 1000))
}

/** How a replica lags behind `offset`, for the log of a shutdown. */
export function lagLine(replica: AttachedReplica, offset: number, nowMs: number): string {
  return (
    `Lagging replica ${replicaName(replica)} reported offset ${offset - replica.ackOffset} behind master, ` +
    `lag=${lagSeconds(replica, nowMs)}, state=${replica.state}.`
  )
}

/** How many replicas count for `min-replicas-to-write`: online and acknowledging within `maxLagSeconds`. */
export function countGoodReplicas(replicas: Iterable<AttachedReplica>, maxLagSeconds: number, nowMs: number): number {
  let good = 0
  for (const replica of replicas) {
    if (replica.state === 'online' && lagSeconds(replica, nowMs) <= maxLagSeconds) good++
  }
  return good
}

/** How many replicas have acknowledged up to `offset`: what WAIT answers. */
export function countAcknowledged(replicas: Iterable<AttachedReplica>, offset: number): number {
  let count = 0
  for (const replica of replicas) if (replica.state === 'online' && replica.ackOffset >= offset) count++
  return count
}

/** The offset that `copies` of the replicas of these names (`host:port`) have acknowledged; -1 if not so many are online. */
export function offsetOfCopies(replicas: Iterable<AttachedReplica>, names: readonly string[], copies: number): number {
  const offsets: number[] = []
  for (const replica of replicas)
    if (replica.state === 'online' && names.includes(replicaKey(replica))) offsets.push(replica.ackOffset)
  return offsets.sort((a, b) => b - a)[copies - 1] ?? -1
}

/** The replica as sentinels name it, who know it from INFO. */
function replicaKey({ announcedIp, peerIp, listeningPort }: AttachedReplica): string {
  const ip = announcedIp !== '' ? announcedIp : peerIp
  return ip.includes(':') ? `[${ip}]:${listeningPort}` : `${ip}:${listeningPort}`
}

/** The log line with which a replica that fell silent is to be disconnected, or undefined while it is well. */
export function timeoutReason(replica: AttachedReplica, timeoutMs: number, nowMs: number): string | undefined {
  if (nowMs - replica.ackMs <= timeoutMs) return undefined
  if (replica.state === 'online' && !replica.withoutAck) {
    return `Disconnecting timedout replica (streaming sync): ${replicaName(replica)}`
  }
  if (replica.onlineOnAck) return `Disconnecting timedout replica (full sync): ${replicaName(replica)}`
  return undefined
}

/** The replica's line in INFO, `slave<index>:…`, without line end. */
export function infoLine(index: number, replica: AttachedReplica, nowMs: number): string {
  const ip = replica.announcedIp !== '' ? replica.announcedIp : replica.peerIp
  const state = replica.state === 'online' ? 'online' : replica.state
  const lag = replica.state === 'online' ? lagSeconds(replica, nowMs) : 0
  return `slave${index}:ip=${ip},port=${replica.listeningPort},state=${state},offset=${replica.ackOffset},lag=${lag}`
}
