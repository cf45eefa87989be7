// Looks at the running processes over RESP: each server's INFO replication, and each sentinel's status.
import { connectResp, type RespClient } from '../../io/resp-client.ts'
import { parseInfo } from '../../sentinel/info.ts'
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

/** What INFO says; undefined when it is none. */
export function serverViewOf(text: string): ServerView | undefined {
  if (!/^role:/m.test(text)) return undefined
  const { role, offset, linkUp, primary } = parseInfo(text)
  return { role, offset, linkUp, primaryPort: primary?.port }
}

/** A probe of a server. */
export function probeServer(port: number): Probe<ServerView> {
  return createProbe(port, async (client) => serverViewOf(String(await client.command(['INFO', 'replication']))))
}

/** A probe of a sentinel. */
export function probeSentinel(port: number): Probe<QuorumStatus> {
  return createProbe(port, (client) => askQuorumStatus(client, `${HOST}:${port}`))
}
