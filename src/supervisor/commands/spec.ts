// What a command of the sentinel is: a row of the facade's, whose function is given the request as words and the sentinel.
import type { Call as FrontCall, FrontHost } from '../../facade/call.ts'
import type { ClientStats } from '../../facade/registry.ts'
import type { CommandRow } from '../../facade/row.ts'
import type { Log } from '../../io/log.ts'
import type { ReplyWriter } from '../../protocol/writer.ts'
import type { Scripts } from '../scripts.ts'
import type { Sentinel } from '../sentinel.ts'
import type { ShownHost } from '../shown-address.ts'

/** What commands may reach. */
export interface CommandHost extends FrontHost {
  readonly sentinel: Sentinel
  readonly stats: ClientStats & { readonly commands: number }
  readonly log: Log
  /** Port that this sentinel answers on, and facts about the process, for INFO. */
  readonly facts: () => ProcessFacts
  readonly denyScripts: boolean
  /** JSON for SENTINEL VEDETTE-STATUS. */
  readonly status: () => string
  /** Options of SENTINEL CONFIG GET, by name. */
  readonly config: () => ReadonlyMap<string, string>
  /** SENTINEL CONFIG SET: the error, if it cannot be. */
  readonly configure: (name: string, value: string) => string | undefined
  readonly shownHost: ShownHost
  /** What paths of scripts are relative to. */
  readonly directory: string
  /** Simulated failures that are armed (SENTINEL SIMULATE-FAILURE). */
  readonly failures: Set<string>
  readonly scripts: Scripts
  readonly shutdown: () => void
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
export interface Call extends FrontCall {
  /** The command's name and its arguments. */
  readonly words: readonly string[]
  readonly host: CommandHost
}

export type SentinelCommand = CommandRow<Call>

/**
 * Writes the answer when a promise or callback of an operator's request comes back; the client waits until then. What CLIENT
 * REPLY said when the request came holds for its answer. One that comes at once is a reply like any other.
 */
export function later(
  { session, reply, host }: Call,
  start: (done: (write: (reply: ReplyWriter) => void) => void) => void,
): void {
  let answer: ((reply: ReplyWriter) => void) | undefined
  let waits = false
  start((write) => {
    if (answer !== undefined) return
    answer = write
    if (waits) host.clients.unblock(session, 'ready')
  })
  if (answer !== undefined) return (answer as (reply: ReplyWriter) => void)(reply)
  waits = true
  host.clients.block(session, { kind: 'order', timeoutAtMs: 0, finish: (late) => answer?.(late) })
}
