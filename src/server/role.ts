// The role of a server that has sentinels (`sentinels` in its configuration): it asks them before it takes one. Until they name
// the primary it refuses writes and says why; named itself, it is primary; else it follows the one that is named.
//
// Invariant: such a server never takes a client's write on its own word. A primary that was replaced while it was away comes
// back as a replica, and one that came back empty does not pass for a primary because a file or a template says so.
import type { ConnectionOptions } from 'node:tls'
import type { HostPort } from '../config/addresses.ts'
import type { ServerOptions } from '../config/server-options.ts'
import type { Log } from '../io/log.ts'
import { type Answer, askPrimary, runIdAt, type SentinelAccess } from './ask-sentinels.ts'
import type { ServerPasswords } from './parts.ts'

/** What the inquiry needs of the server, and tells it. */
export interface RoleParts {
  readonly options: Readonly<ServerOptions>
  /** What to connect to servers and sentinels with. */
  readonly secure: () => ConnectionOptions | undefined
  readonly passwords: ServerPasswords
  readonly log: Log
  readonly runId: string
  /** There is nothing to ask any more; called once, before the role is taken. */
  readonly decided: () => void
  /** Takes the role of a primary, or of a replica of this address. */
  readonly lead: () => void
  readonly follow: (host: string, port: number) => void
}

export interface RoleInquiry {
  /** Asks, again and again, until a role was taken. */
  start(): void
  /** The role was given by an order (REPLICAOF): there is nothing to ask any more. */
  settle(): void
  stop(): void
}

const ASK_EVERY_MS = 100
/** How often the log repeats why nothing was decided. */
const SAY_EVERY_MS = 10_000

/** The access to the sentinels that the options name. */
export const sentinelAccess = (
  options: Readonly<ServerOptions>,
  passwords: () => readonly string[],
  secure: () => ConnectionOptions | undefined,
): SentinelAccess => ({
  addresses: options.sentinels,
  group: options['sentinel-group'],
  get passwords() {
    return passwords()
  },
  secure,
})

/** Makes the inquiry of a server; nothing is asked before `start`. */
export function createRoleInquiry({
  options,
  passwords,
  secure,
  log,
  runId,
  decided,
  lead,
  follow,
}: RoleParts): RoleInquiry {
  let settled = false
  let timer: NodeJS.Timeout | undefined
  let asked = 0
  let said = ''
  let saidMs = Number.NEGATIVE_INFINITY

  const say = (why: string): void => {
    const nowMs = performance.now()
    if (why === said && nowMs - saidMs < SAY_EVERY_MS) return
    said = why
    saidMs = nowMs
    log.notice(`Writes are refused until the sentinels name the primary of ${options['sentinel-group']}: ${why}`)
  }

  const take = (role: () => void): void => {
    if (settled) return
    settled = true
    clearTimeout(timer)
    decided()
    role()
  }

  const round = async (): Promise<void> => {
    const access = sentinelAccess(options, passwords.sentinels, secure)
    const { addresses } = access
    const answer = await askPrimary(access, addresses[asked++ % addresses.length]!)
    if (settled) return
    const why = answer.kind === 'unknown' ? answer.why : await act(answer)
    if (settled) return
    if (why !== undefined) say(why)
    timer = setTimeout(() => void round(), ASK_EVERY_MS)
  }

  /** Takes the role that the answer gives; else why it cannot be told yet whether the named server is this one. */
  const act = async (named: Answer & { kind: 'primary' }): Promise<string | undefined> => {
    const address: HostPort = { host: named.host, port: named.port }
    const at = `${named.host}:${named.port}`
    // A name or address says little about who answers there now; a run ID belongs to one process.
    const there = await runIdAt(address, options.masteruser, passwords.primary(), secure())
    if (there === undefined) return `${at} is named, and does not answer`
    if (there === runId) {
      log.notice(`The sentinels name this server the primary of ${options['sentinel-group']}.`)
      take(lead)
      return undefined
    }
    log.notice(`The sentinels name ${at} the primary of ${options['sentinel-group']}: following it.`)
    take(() => follow(named.host, named.port))
    return undefined
  }

  return {
    start: () => void round(),
    settle: () => take(() => {}),
    stop() {
      settled = true
      clearTimeout(timer)
    },
  }
}
