// Whether a user may make a request: one of its selectors has to allow the command, all of its keys and all of its channels.

import { globMatch } from '../lib/glob.ts'
import type { Args } from '../protocol/args.ts'
import { type AclCommand, hasBit } from './catalog.ts'
import { type ChannelPattern, READ, type Selector, WRITE } from './selector.ts'
import type { User } from './user.ts'

/** What a request is denied for; of several, the one that is said is that of the highest rank. */
export type Denied = 'command' | 'key' | 'channel'

export interface Denial {
  readonly what: Denied
  /** The argument that it is about. */
  readonly index: number
}

const RANKS: Readonly<Record<Denied, number>> = { command: 1, key: 2, channel: 3 }

/** A key among the arguments, and what is done to it. */
export interface KeyUse {
  readonly index: number
  readonly flags: readonly string[]
}

/** Finds the keys of the request that begins at an argument. */
export type FindKeys<C> = (command: C, args: Args, from: number) => readonly KeyUse[]

/** Why the user may not make the request that begins at argument `from`; undefined: it may. */
export function judge<C extends AclCommand>(
  user: User,
  command: C,
  args: Args,
  from: number,
  findKeys: FindKeys<C>,
): Denial | undefined {
  const keys = command.hasKeys ? findKeys(command, args, from) : []
  let worst: Denial = { what: 'command', index: 0 }
  for (const selector of user.rights.selectors) {
    const denial = judgeBy(selector, command, args, from, keys)
    if (denial === undefined) return undefined
    const rank = RANKS[denial.what] - RANKS[worst.what]
    if (rank > 0 || (rank === 0 && denial.index > worst.index)) worst = denial
  }
  return worst
}

function judgeBy(
  selector: Selector,
  command: AclCommand,
  args: Args,
  from: number,
  keys: readonly KeyUse[],
): Denial | undefined {
  if (!allowsCommand(selector, command, args, from)) return { what: 'command', index: 0 }
  const key = selector.allKeys ? undefined : keys.find((one) => !allowsKey(selector, one, args))
  if (key !== undefined) return { what: 'key', index: key.index }
  const channel = selector.allChannels ? undefined : deniedChannel(selector, command, args, from)
  return channel === undefined ? undefined : { what: 'channel', index: channel }
}

function allowsCommand(selector: Selector, command: AclCommand, args: Args, from: number): boolean {
  if (selector.allCommands || command.isForAll || hasBit(selector.bits, command.id)) return true
  const allowed = selector.firstArguments.get(command.id)
  if (allowed === undefined || args.count - from < 2) return false
  const given = args.latin1(from + 1).toLowerCase()
  return allowed.some((one) => one.toLowerCase() === given)
}

/** READ and WRITE, as the flags of a key specification say them. */
function accessOf(flags: readonly string[]): number {
  let access = 0
  for (const flag of flags) {
    if (flag === 'access') access |= READ
    else if (flag === 'insert' || flag === 'delete' || flag === 'update') access |= WRITE
  }
  return access
}

function allowsKey(selector: Selector, { index, flags }: KeyUse, args: Args): boolean {
  const needed = accessOf(flags)
  const [start, end] = [args.start(index), args.end(index)]
  return selector.keys.some(
    ({ bytes, access }) => (access & needed) === needed && globMatch(bytes, args.buffer, false, start, end),
  )
}

/** The first channel among the arguments that is not allowed. */
function deniedChannel(selector: Selector, { channels }: AclCommand, args: Args, from: number): number | undefined {
  if (channels === undefined) return undefined
  const end = channels.count === 'one' ? Math.min(from + 2, args.count) : args.count
  for (let i = from + 1; i < end; i++) {
    if (!allowsChannel(selector.channels, args.bytes(i), channels.arePatterns === true)) return i
  }
  return undefined
}

/** A pattern has to be allowed literally: what it matches, nobody can know. */
export function allowsChannel(allowed: readonly ChannelPattern[], channel: Buffer, isPattern: boolean): boolean {
  return allowed.some(({ bytes }) => (isPattern ? bytes.equals(channel) : globMatch(bytes, channel)))
}

/** Whether the user may make the request, and with the same selector read any key there is: for SORT with patterns. */
export function mayReadAll<C extends AclCommand>(user: User, command: C, args: Args, findKeys: FindKeys<C>): boolean {
  const keys = command.hasKeys ? findKeys(command, args, 0) : []
  return user.rights.selectors.some((selector) => {
    const readsAll = selector.allKeys || selector.keys.some(({ text, access }) => text === '*' && (access & READ) !== 0)
    return readsAll && judgeBy(selector, command, args, 0, keys) === undefined
  })
}
