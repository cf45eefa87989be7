// What a command of the sentinel is: one row. COMMAND, HELP, the checks of arity and authentication derive from the rows.
import type { Log } from '../../io/log.ts'
import type { ReplyWriter } from '../../protocol/writer.ts'
import type { Client, PortStats } from '../port.ts'
import type { Scripts } from '../scripts.ts'
import type { Sentinel } from '../sentinel.ts'

/** What commands may reach. */
export interface CommandHost {
  readonly sentinel: Sentinel
  readonly clients: ReadonlyMap<number, Client>
  readonly stats: PortStats
  readonly subscriptionsMax: number
  readonly log: Log
  /** Port that this sentinel answers on, and facts about the process, for INFO. */
  readonly facts: () => ProcessFacts
  readonly password: () => string
  readonly denyScripts: boolean
  /** JSON for SENTINEL VEDETTE-STATUS. */
  readonly status: () => string
  /** Options of SENTINEL CONFIG GET, by name. */
  readonly config: () => ReadonlyMap<string, string>
  /** Simulated failures that are armed (SENTINEL SIMULATE-FAILURE). */
  readonly failures: Set<string>
  readonly scripts: Scripts
  readonly shutdown: () => void
  readonly kill: (client: Client) => void
  readonly resolve: (host: string) => Promise<string | undefined>
}

export interface ProcessFacts {
  readonly pid: number
  readonly port: number
  readonly runId: string
  readonly uptimeSeconds: number
  readonly executable: string
  readonly os: string
  readonly archBits: number
  readonly cpu: { readonly userSeconds: number; readonly systemSeconds: number }
  readonly residentBytes: number
  readonly maxClients: number
}

/** One request under way. */
export interface Call {
  readonly client: Client
  /** The command's name and its arguments. */
  readonly words: readonly string[]
  readonly reply: ReplyWriter
  readonly host: CommandHost
  /** After `client.waiting = true`: says that the reply is written now. */
  readonly resume: () => void
}

export interface SentinelCommand {
  readonly name: string
  /** Number of words, the name (and a container's) included; negative: at least so many. */
  readonly arity: number
  readonly flags: readonly string[]
  readonly categories: readonly string[]
  readonly summary: string
  /** Arguments as HELP shows them. */
  readonly usage?: string
  readonly run?: (call: Call) => void
  readonly subcommands?: readonly SentinelCommand[]
  /** Answered before AUTH. */
  readonly open?: boolean
  /** Allowed to a RESP2 client with subscriptions. */
  readonly subscribed?: boolean
}

/**
 * Writes the answer when a promise or callback of an operator's request comes back; the client waits until then. What CLIENT
 * REPLY said when the request came holds for its answer. One that comes at once is a reply like any other.
 */
export function later({ client, reply, resume }: Call, start: (done: (write: () => void) => void) => void): void {
  const muted = client.replies === 'off' || client.replies === 'skip'
  let answered = false
  let late = false
  start((write) => {
    if (answered) return
    answered = true
    const mark = reply.pos
    reply.resp = client.resp
    write()
    if (!late) return
    if (muted) reply.rewind(mark)
    resume()
  })
  late = !answered
  client.waiting = late
}
