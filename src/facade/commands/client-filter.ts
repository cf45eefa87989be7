// Which connections CLIENT KILL and CLIENT LIST mean.

import type { User } from '../../acl/user.ts'
import type { Users } from '../../acl/users.ts'
import { fail } from '../../errors.ts'
import { INT64_MAX } from '../../lib/decimal.ts'
import type { Args } from '../../protocol/args.ts'
import type { Session, SessionKind } from '../session.ts'

/** The conditions of a CLIENT KILL; a session must meet all that are given. */
export interface ClientFilter {
  readonly id?: bigint
  readonly kind?: SessionKind
  readonly peer?: string
  readonly local?: string
  readonly user?: User
  /** Whether the connection that asks is spared. */
  readonly skipMe: boolean
}

const KINDS: Readonly<Record<string, SessionKind>> = {
  normal: 'normal',
  slave: 'replica',
  replica: 'replica',
  pubsub: 'pubsub',
  master: 'primary',
}

/** The kind of client that argument i names. */
export function clientKind(args: Args, i: number): SessionKind {
  const kind = KINDS[args.str(i).toLowerCase()]
  if (kind === undefined) fail('clientType', args.str(i))
  return kind
}

function positiveId(args: Args, i: number): bigint {
  const id = args.int64(i)
  if (id === undefined || id < 1n || id > INT64_MAX) fail('clientIdPositive')
  return id
}

function yesOrNo(args: Args, i: number): boolean {
  if (args.is(i, 'yes')) return true
  if (args.is(i, 'no')) return false
  return fail('syntax')
}

function existingUser(users: Users, args: Args, i: number): User {
  return users.get(args.latin1(i)) ?? fail('noSuchUser', args.str(i))
}

/** Reads the pairs of option and value of CLIENT KILL from argument 2 on. */
export function clientFilter(args: Args, users: Users): ClientFilter {
  let filter: ClientFilter = { skipMe: true }
  for (let i = 2; i < args.count; i += 2) {
    if (i + 1 === args.count) fail('syntax')
    if (args.is(i, 'id')) filter = { ...filter, id: positiveId(args, i + 1) }
    else if (args.is(i, 'type')) filter = { ...filter, kind: clientKind(args, i + 1) }
    else if (args.is(i, 'addr')) filter = { ...filter, peer: args.str(i + 1) }
    else if (args.is(i, 'laddr')) filter = { ...filter, local: args.str(i + 1) }
    else if (args.is(i, 'user')) filter = { ...filter, user: existingUser(users, args, i + 1) }
    else if (args.is(i, 'skipme')) filter = { ...filter, skipMe: yesOrNo(args, i + 1) }
    else fail('syntax')
  }
  return filter
}

/** Whether the session meets the filter; `asking` is the session that asks. */
export function matchesFilter(session: Session, filter: ClientFilter, asking: Session): boolean {
  const { id, kind, peer, local, user } = filter
  if (session === asking && filter.skipMe) return false
  if (id !== undefined && BigInt(session.id) !== id) return false
  if (kind !== undefined && session.kind !== kind) return false
  if (peer !== undefined && session.outlet.peer !== peer) return false
  if (local !== undefined && session.outlet.local !== local) return false
  return user === undefined || session.user === user
}
