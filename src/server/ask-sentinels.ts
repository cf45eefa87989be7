// What a server asks the sentinels of its group (`sentinels`, `sentinel-group`): who is primary, before it takes a role; and to
// take the role away, before it ends. An answer counts only from a sentinel whose group can decide (CKQUORUM): one that has
// just started, or was cut off, may name a primary of the past.
import type { ConnectionOptions } from 'node:tls'
import type { HostPort } from '../config/addresses.ts'
import { connectResp, type RespClient } from '../io/resp-client.ts'
import { type Reply, ReplyError } from '../protocol/reply-parser.ts'

/** How to reach them. */
export interface SentinelAccess {
  readonly addresses: readonly HostPort[]
  readonly group: string
  /** Empty: none. */
  /** Any of these may be right. */
  readonly passwords: readonly string[]
  /** What to connect with, undefined for plainly. */
  readonly secure: () => ConnectionOptions | undefined
}

/** What one sentinel says. */
export type Answer =
  | { readonly kind: 'primary'; readonly host: string; readonly port: number; readonly runId: string }
  | { readonly kind: 'unknown'; readonly why: string }

const TIMEOUT_MS = 1_000

/** Asks one sentinel who is primary. Never rejects. */
export async function askPrimary(access: SentinelAccess, address: HostPort): Promise<Answer> {
  return withSentinel(access, address, async (client) => {
    const [quorum, primary] = await Promise.all([
      client.command(['SENTINEL', 'CKQUORUM', access.group]),
      client.command(['SENTINEL', 'MASTER', access.group]),
    ])
    if (quorum instanceof ReplyError) return unknown(quorum.message)
    if (primary instanceof ReplyError) return unknown(primary.message)
    const fields = fieldsOf(primary)
    const port = Number(fields.get('port'))
    const host = fields.get('ip') ?? ''
    if (host === '' || !(port > 0)) return unknown('the sentinel does not know the primary yet')
    if (/o_down|failover_in_progress/.test(fields.get('flags') ?? '')) return unknown('the primary is being replaced')
    return { kind: 'primary', host, port, runId: fields.get('runid') ?? '' }
  })
}

/** Asks one sentinel for a switchover; undefined when it has agreed to one (or one is under way), else why not. */
export async function askFailover(access: SentinelAccess, address: HostPort): Promise<string | undefined> {
  const answer = await withSentinel(access, address, async (client) => {
    const reply = await client.command(['SENTINEL', 'FAILOVER', access.group])
    return unknown(reply instanceof ReplyError && !reply.message.startsWith('INPROG') ? reply.message : '')
  })
  return answer.kind === 'unknown' && answer.why !== '' ? answer.why : undefined
}

const unknown = (why: string): Answer => ({ kind: 'unknown', why })

async function withSentinel(
  { passwords, secure }: SentinelAccess,
  { host, port }: HostPort,
  ask: (client: RespClient) => Promise<Answer>,
): Promise<Answer> {
  const client = connectResp({
    host,
    port,
    secure: secure(),
    connectTimeoutMs: TIMEOUT_MS,
    replyTimeoutMs: TIMEOUT_MS,
    password: passwords,
  })
  try {
    return await ask(client)
  } catch (error) {
    return unknown(`${host}:${port}: ${error instanceof Error ? error.message : String(error)}`)
  } finally {
    client.close()
  }
}

/** The run ID of the server at an address; undefined when it does not tell. Never rejects. */
export async function runIdAt(
  address: HostPort,
  user: string,
  passwords: readonly string[],
  secure: ConnectionOptions | undefined,
): Promise<string | undefined> {
  const client = connectResp({
    ...address,
    secure,
    connectTimeoutMs: TIMEOUT_MS,
    replyTimeoutMs: TIMEOUT_MS,
    password: passwords,
    ...(user === '' ? {} : { username: user }),
  })
  try {
    const reply = await client.command(['INFO', 'server'])
    return typeof reply === 'string' ? /^run_id:([0-9a-f]{40})\r?$/m.exec(reply)?.[1] : undefined
  } catch {
    return undefined
  } finally {
    client.close()
  }
}

/** The fields of a reply that is a flat list of names and values. */
function fieldsOf(reply: Reply): ReadonlyMap<string, string> {
  const texts = Array.isArray(reply) ? reply.map(String) : []
  const fields = new Map<string, string>()
  for (let i = 0; i + 1 < texts.length; i += 2) fields.set(texts[i]!, texts[i + 1]!)
  return fields
}
