// Looks at the running processes over RESP: each server's INFO replication, and each sentinel's status.
import { connectResp, type RespClient } from '../../io/resp-client.ts'
import { askQuorumStatus, type QuorumStatus } from '../quorum-status.ts'
import { HOST } from './plan.ts'

/** What a server says of itself. */
export interface ServerView {
  readonly role: 'primary' | 'replica'
  readonly offset: number
  /** A replica's link to its primary stands. */
  readonly linkUp: boolean
  /** Port of the primary that a replica follows. */
  readonly primaryPort: number | undefined
}

/** Asks one process again and again over one connection, which is made anew when it was lost. */
export interface Probe<View> {
  /** The answer, or undefined without one in time. */
  ask(): Promise<View | undefined>
  close(): void
}

const TIMEOUT_MS = 1000

function createProbe<View>(port: number, question: (client: RespClient) => Promise<View | undefined>): Probe<View> {
  let client: RespClient | undefined
  return {
    ask: async () => {
      if (client === undefined || client.closed !== undefined)
        client = connectResp({ host: HOST, port, connectTimeoutMs: TIMEOUT_MS, replyTimeoutMs: TIMEOUT_MS })
      return question(client).catch(() => undefined)
    },
    close: () => client?.close(),
  }
}

/** Reads INFO replication; undefined when it is none. */
export function parseServerView(info: string): ServerView | undefined {
  const fields = new Map(
    info.split('\n').flatMap((line): [string, string][] => {
      const colon = line.indexOf(':')
      return colon < 0 ? [] : [[line.slice(0, colon), line.slice(colon + 1).trim()]]
    }),
  )
  const role = fields.get('role')
  if (role !== 'master' && role !== 'slave') return undefined
  const replica = role === 'slave'
  return {
    role: replica ? 'replica' : 'primary',
    offset: Number(fields.get(replica ? 'slave_repl_offset' : 'master_repl_offset') ?? 0),
    linkUp: fields.get('master_link_status') === 'up',
    primaryPort: replica ? Number(fields.get('master_port') ?? 0) : undefined,
  }
}

/** A probe of a server. */
export function probeServer(port: number): Probe<ServerView> {
  return createProbe(port, async (client) => parseServerView(String(await client.command(['INFO', 'replication']))))
}

/** A probe of a sentinel. */
export function probeSentinel(port: number): Probe<QuorumStatus> {
  return createProbe(port, (client) => askQuorumStatus(client, `${HOST}:${port}`))
}
