// What a command is: one row that says all there is to know about it. The gate, COMMAND and COMMAND DOCS, key extraction,
// ACL categories and the generated reference derive from these rows; nothing about a command is written down twice.

import type { ChannelSpec } from '../acl/catalog.ts'

/** Flags as COMMAND INFO lists them; the gate acts on them. */
export type CommandFlag =
  | 'write'
  | 'readonly'
  | 'denyoom'
  | 'admin'
  | 'pubsub'
  | 'noscript'
  | 'blocking'
  | 'loading'
  | 'stale'
  | 'skip_monitor'
  | 'skip_slowlog'
  | 'asking'
  | 'fast'
  | 'no_auth'
  | 'may_replicate'
  | 'no_async_loading'
  | 'no_multi'
  | 'allow_busy'
  | 'no_mandatory_keys'
  | 'movablekeys'

/** Where a command's keys are, in the terms of COMMAND INFO's key specifications. */
export interface KeySpec {
  readonly flags: readonly string[]
  readonly notes?: string
  /** Where the keys begin: at an argument, or after a keyword searched from an argument on (negative: from the end). */
  readonly begin: { readonly index: number } | { readonly keyword: string; readonly startFrom: number } | 'unknown'
  /**
   * `range`: up to `last` relative to the beginning (-1: the last argument), every `step`, `limit` as Redis defines it;
   * `keynum`: an argument holds their number.
   */
  readonly find:
    | { readonly last: number; readonly step: number; readonly limit: number }
    | { readonly keynumIndex: number; readonly firstKey: number; readonly step: number }
    | 'unknown'
}

/** An argument as COMMAND DOCS describes it. */
export interface ArgumentSpec {
  readonly name: string
  readonly type: 'string' | 'integer' | 'double' | 'key' | 'pattern' | 'unix-time' | 'pure-token' | 'oneof' | 'block'
  readonly token?: string
  readonly displayText?: string
  readonly summary?: string
  readonly since?: string
  readonly deprecatedSince?: string
  readonly keySpecIndex?: number
  readonly optional?: boolean
  readonly multiple?: boolean
  readonly multipleToken?: boolean
  readonly arguments?: readonly ArgumentSpec[]
}

/** One command, or one subcommand of a container such as CONFIG. `C` is what its function is given. */
export interface CommandRow<C> {
  /** Lower case; a subcommand's own word only (`get` of `config|get`). */
  readonly name: string
  readonly summary: string
  readonly since: string
  readonly group: string
  readonly complexity?: string
  /** Number of arguments, the name included; negative: at least. For a subcommand the container's name counts too. */
  readonly arity: number
  readonly flags: readonly CommandFlag[]
  /** ACL categories beyond those that follow from flags and group, without `@`. */
  readonly categories?: readonly string[]
  readonly keys?: readonly KeySpec[]
  readonly channels?: ChannelSpec
  readonly arguments?: readonly ArgumentSpec[]
  readonly history?: readonly (readonly [string, string])[]
  readonly tips?: readonly string[]
  readonly deprecatedSince?: string
  readonly replacedBy?: string
  /** Of use to servers and debuggers only: the flag `syscmd` of COMMAND DOCS. */
  readonly system?: boolean
  /** The function; a container without one answers errors for unknown subcommands. */
  readonly run?: (ctx: C) => void
  readonly subcommands?: readonly CommandRow<C>[]
  /** The arguments as HELP shows them, where `arguments` does not say it. */
  readonly usage?: string
}

/** The key specification of the common case: one key at argument `index`. */
export function keyAt(index: number, ...flags: string[]): KeySpec {
  return { flags, begin: { index }, find: { last: 0, step: 1, limit: 0 } }
}

/** Keys from argument `index` to the last one, every `step`. */
export function keysFrom(index: number, step: number, ...flags: string[]): KeySpec {
  return { flags, begin: { index }, find: { last: -1, step, limit: 0 } }
}
