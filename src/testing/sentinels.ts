// What `vedette/testing` asks the sentinels of its group. A sentinel that does not answer knows nothing, and is asked again over a
// new connection.
import { askQuorumStatus } from '../cli/quorum-status.ts'
import { HOST } from '../cli/up/plan.ts'
import { connectResp, type RespClient } from '../io/resp-client.ts'
import { type Reply, ReplyError } from '../protocol/reply-parser.ts'

const TIMEOUT_MS = 1000

export interface Sentinels {
  /** The primary's port, if all sentinels name the same. */
  agreedPort(): Promise<number | undefined>
  /** Orders a switchover; undefined when it is refused for now. */
  failover(): Promise<true | undefined>
  /** Whether all of them know each other, the primary and so many replicas, all up and in sync. */
  seeWhole(replicas: number): Promise<boolean>
  close(): void
}

export function createSentinels(ports: readonly number[], group: string): Sentinels {
  const clients = new Map<number, RespClient>()

  const clientOf = (port: number): RespClient => {
    const known = clients.get(port)
    if (known !== undefined && known.closed === undefined) return known
    const made = connectResp({ host: HOST, port, connectTimeoutMs: TIMEOUT_MS, replyTimeoutMs: TIMEOUT_MS })
    clients.set(port, made)
    return made
  }

  const all = <T>(ask: (client: RespClient, port: number) => Promise<T>): Promise<(T | undefined)[]> =>
    Promise.all(ports.map((port) => ask(clientOf(port), port).catch(() => undefined)))

  return {
    agreedPort: async () => {
      const replies = await all((client) => client.command(['SENTINEL', 'GET-MASTER-ADDR-BY-NAME', group]))
      const named = new Set(replies.map(portOf))
      return named.size === 1 ? [...named][0] : undefined
    },
    failover: async () => {
      const reply = await clientOf(ports[0]!)
        .command(['SENTINEL', 'FAILOVER', group])
        .catch(() => undefined)
      return reply === undefined || reply instanceof ReplyError ? undefined : true
    },
    seeWhole: async (replicas) => {
      const views = await all((client, port) => askQuorumStatus(client, `${HOST}:${port}`))
      return views.every((view) => {
        const servers = view?.groups[0]?.servers ?? []
        return (
          view?.formed === true &&
          view.sentinels.length === ports.length &&
          view.sentinels.every(({ up }) => up) &&
          servers.length === replicas + 1 &&
          servers.every(({ role, up, linkUp }) => up && (role === 'primary' || linkUp === true))
        )
      })
    },
    close: () => {
      for (const client of clients.values()) client.close()
    },
  }
}

const portOf = (reply: Reply | undefined): number | undefined => (Array.isArray(reply) ? Number(reply[1]) : undefined)
