// Who may do what, as the facade asks for it: the users, the log of what was denied, and where users are kept. What a change of
// a user means for sessions stands here.

import { Catalog } from '../acl/catalog.ts'
import { AclLog, type DeniedIn, type LogEntry } from '../acl/log.ts'
import type { User } from '../acl/user.ts'
import { type UserSessions, Users } from '../acl/users.ts'
import { allowsChannel, type Denied } from '../acl/verdict.ts'
import type { ErrorName } from '../errors.ts'
import { clientLine } from './commands/client-line.ts'
import type { Session } from './session.ts'
import type { CommandTable } from './table.ts'

/** The file of users (`aclfile`). */
export interface UserFile {
  /** Takes the users of the file; what is wrong with it. */
  load(): string | undefined
  /** Whether the users could be written into it. */
  save(): boolean
}

export interface Access {
  readonly users: Users
  readonly log: AclLog
  /** Undefined without one. */
  readonly file: UserFile | undefined
  readonly randomHex: (digits: number) => string
  /** Notes that something was denied. */
  denied(session: Session, what: Pick<LogEntry, 'reason' | 'context' | 'object' | 'username'>): void
}

/** How it is said that something was denied: to a request, within EXEC, and to a script. */
export const DENIALS: Readonly<
  Record<
    Denied,
    {
      readonly request: (command: string) => readonly [ErrorName, ...string[]]
      readonly inExec: string
      readonly inScript: string
    }
  >
> = {
  command: {
    request: (command) => ['noPermission', command],
    inExec: 'no permission to execute the command or subcommand',
    inScript: "can't run this command or subcommand",
  },
  key: {
    request: () => ['noKeyPermission'],
    inExec: 'no permission to touch the specified keys',
    inScript: "can't access at least one of the keys mentioned in the command arguments",
  },
  channel: {
    request: () => ['noChannelPermission'],
    inExec: 'no permission to access one of the channels used as arguments',
    inScript: "can't publish to the channel mentioned in the command",
  },
}

/** Where a request is denied that is not a script's. */
export const contextOf = (session: Session): DeniedIn => (session.transaction === undefined ? 'toplevel' : 'multi')

/** The connections of the process. */
export interface Connections {
  all(): Iterable<Session>
  kill(session: Session): void
}

/** What `createAccess` needs of its process. */
export interface AccessParts {
  readonly commands: CommandTable
  readonly clients: () => Connections
  /** SHA-256 of latin1 text, in hex. */
  readonly hash: (text: string) => string
  readonly randomHex: (digits: number) => string
  readonly allChannels: () => boolean
  readonly logEntriesMax: () => number
  readonly nowMs: () => number
  /** Where users are kept, once there are any. */
  readonly file: (users: Users) => UserFile | undefined
}

export function createAccess(parts: AccessParts): Access {
  const sessions = userSessions(parts.clients)
  const { hash, allChannels } = parts
  const users = new Users({ catalog: new Catalog(parts.commands.byName), hash, allChannels }, sessions)
  const log = new AclLog()
  sessions.fallback = users.default
  return {
    users,
    log,
    file: parts.file(users),
    randomHex: parts.randomHex,
    denied(session, what) {
      const atMs = parts.nowMs()
      log.add({ ...what, atMs, client: clientLine(session, atMs) }, parts.logEntriesMax())
    },
  }
}

/** The sessions of users; those of one that is gone fall back to the default user without having logged in. */
function userSessions(clients: () => Connections): UserSessions & { fallback: User | undefined } {
  const self: UserSessions & { fallback: User | undefined } = {
    fallback: undefined,
    end(user) {
      for (const session of [...clients().all()]) {
        if (session.user !== user) continue
        session.user = self.fallback!
        session.authenticated = false
        clients().kill(session)
      }
    },
    recheck(user) {
      const { selectors } = user.rights
      if (selectors.some((one) => one.allChannels)) return
      const allowed = selectors.flatMap((one) => one.channels)
      const isAllowed = (name: string, isPattern: boolean): boolean =>
        allowsChannel(allowed, Buffer.from(name, 'latin1'), isPattern)
      const mayListen = ({ channels = [], patterns = [], shardChannels = [] }: Listening): boolean =>
        [...channels, ...shardChannels].every((name) => isAllowed(name, false)) &&
        [...patterns].every((name) => isAllowed(name, true))
      for (const session of [...clients().all()]) {
        if (session.user === user && session.kind === 'pubsub' && !mayListen(session)) clients().kill(session)
      }
    },
  }
  return self
}

/** What a session listens to. */
interface Listening {
  readonly channels?: Iterable<string> | undefined
  readonly patterns?: Iterable<string> | undefined
  readonly shardChannels?: Iterable<string> | undefined
}
