// INFO as Vedette's own processes read it: text to the few facts that decisions rest on. Unknown lines are skipped and
// missing ones get the value that is worst for a server (an offset of 0, a link that never stood), because the text comes
// from servers of many versions, and what is not known must never look like the best.
import { type Address, isHost, isPort } from './address.ts'

/** A replica as its primary lists it (`slave0:ip=…,port=…`). */
export interface ListedReplica extends Address {
  readonly offset: number
  /** Seconds since the replica last acknowledged. */
  readonly lagSeconds: number
  readonly online: boolean
}

/** What INFO said at one moment. */
export interface ServerInfo {
  readonly runId: string
  readonly role: 'primary' | 'replica'
  /** How far its data goes: the offset of the stream that it writes (primary) or has processed (replica). Bytes. */
  readonly offset: number
  /** Replication ID, names the history that the offset counts in. */
  readonly replId: string
  /** The history that it went on from when it was promoted, and the last offset of that which it has. */
  readonly parent: { readonly replId: string; readonly offset: number } | undefined
  /** Primary: the replicas that are connected to it. */
  readonly replicas: readonly ListedReplica[]
  /** Replica: whom it follows. */
  readonly primary: Address | undefined
  /** Replica: its link to the primary stands. */
  readonly linkUp: boolean
  /** Replica: how long that link has been down, ms; 0 while up, Infinity when it has not stood since the process began. */
  readonly linkDownMs: number
  /** Replica: seconds since it last heard its primary, -1 when the link is down. */
  readonly lastIoSeconds: number
  /** Its data is being replaced or read: by a full synchronization that has begun to arrive, or out of a file. */
  readonly loading: boolean
  /** Keys in all databases. */
  readonly keys: number
  /** Replica: 0 means never to be promoted; lower is preferred. */
  readonly priority: number
  /** Whether it takes leases: not at all (a Redis), or it writes without one so far, or it takes no write without. */
  readonly leases: 'unknown' | 'free' | 'bound'
  /** Primary: the version of the terms under which it holds its lease; 0 without one. */
  readonly leaseVersion: number
  /** Replica: false when it asks not to be shown to clients. */
  readonly announced: boolean
}

const MAX_LISTED = 1024

/** Reads the text of INFO. */
export function parseInfo(text: string): ServerInfo {
  const fields = new Map<string, string>()
  let keys = 0
  const replicas: ListedReplica[] = []
  for (const line of text.split('\n')) {
    const colon = line.indexOf(':')
    if (colon <= 0) continue
    const name = line.slice(0, colon)
    const value = line.slice(colon + 1).trimEnd()
    fields.set(name, value)
    if (/^db\d+$/.test(name)) keys += toInt(/^keys=(\d+)/.exec(value)?.[1], 0)
    if (!/^slave\d+$/.test(name) || replicas.length >= MAX_LISTED) continue
    const listed = parseListed(value)
    if (listed !== undefined) replicas.push(listed)
  }
  const int = (name: string, otherwise: number): number => toInt(fields.get(name), otherwise)
  const isReplica = fields.get('role') === 'slave'
  const linkUp = fields.get('master_link_status') === 'up'
  const host = fields.get('master_host')
  const port = int('master_port', 0)
  return {
    runId: fields.get('run_id') ?? '',
    role: isReplica ? 'replica' : 'primary',
    offset: isReplica ? replicaOffset(int) : int('master_repl_offset', 0),
    replId: fields.get('master_replid') ?? '',
    parent: parentOf(fields.get('master_replid2'), int('second_repl_offset', -1)),
    replicas: isReplica ? [] : replicas,
    primary: isReplica && isHost(host) && isPort(port) ? { host, port } : undefined,
    linkUp: isReplica && linkUp,
    linkDownMs: isReplica && !linkUp ? downMs(int('master_link_down_since_seconds', -1)) : 0,
    lastIoSeconds: int('master_last_io_seconds_ago', -1),
    loading:
      int('loading', 0) !== 0 ||
      int('async_loading', 0) !== 0 ||
      (isReplica && int('master_sync_in_progress', 0) !== 0 && int('master_sync_read_bytes', 0) > 0),
    keys,
    priority: int('slave_priority', 100),
    leases: leasesOf(fields.get('lease_state')),
    leaseVersion: int('lease_version', 0),
    announced: fields.get('replica_announced') !== '0',
  }
}

/**
 * A replica that is not connected forgets the offset of the stream (it says 0 or 1) when a full synchronization has been
 * agreed on, but has the data up to `master_repl_offset` until that arrives.
 */
function replicaOffset(int: (name: string, otherwise: number) => number): number {
  const processed = int('slave_repl_offset', 0)
  return processed > 1 ? processed : int('master_repl_offset', 0)
}

const leasesOf = (state: string | undefined): ServerInfo['leases'] =>
  state === undefined ? 'unknown' : state === 'free' ? 'free' : 'bound'

/** `second_repl_offset` is the first offset that is not shared any more. */
const parentOf = (replId: string | undefined, secondOffset: number): ServerInfo['parent'] =>
  replId === undefined || /^0*$/.test(replId) || secondOffset < 1 ? undefined : { replId, offset: secondOffset - 1 }

/** -1 (or nothing) means that it is not known: the link has not stood yet. */
const downMs = (seconds: number): number => (seconds < 0 ? Number.POSITIVE_INFINITY : seconds * 1000)

function parseListed(value: string): ListedReplica | undefined {
  const fields = new Map(value.split(',').map((pair) => splitOnce(pair, '=')))
  const host = fields.get('ip')
  const port = toInt(fields.get('port'), 0)
  if (!isHost(host) || !isPort(port)) return undefined
  return {
    host,
    port,
    offset: toInt(fields.get('offset'), 0),
    lagSeconds: toInt(fields.get('lag'), 0),
    online: fields.get('state') === 'online',
  }
}

function splitOnce(text: string, mark: string): [string, string] {
  const at = text.indexOf(mark)
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)]
}

function toInt(text: string | undefined, otherwise: number): number {
  if (text === undefined || !/^-?\d{1,19}$/.test(text)) return otherwise
  const value = Number(text)
  return Number.isSafeInteger(value) ? value : otherwise
}
