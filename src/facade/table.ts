// Commands in one table, with the look-up by the name's bytes that every request does. Loading asserts that the rows are
// consistent, so that a wrong row is found before any client finds it.

import type { AclCommand } from '../acl/catalog.ts'
import { assert } from '../lib/assert.ts'
import type { Histogram } from '../lib/histogram.ts'
import type { Args } from '../protocol/args.ts'
import { categoriesOf } from './commands/categories.ts'
import type { CommandFlag, CommandRow } from './row.ts'

/** A command with what the gate needs ready to hand, and its counters for INFO. */
export interface Command<C = never> extends AclCommand {
  readonly spec: CommandRow<C>
  /** `config|get` for a subcommand, else the name. */
  readonly fullName: string
  readonly parent: Command<C> | undefined
  readonly subcommands: ReadonlyMap<string, Command<C>> | undefined
  /** Bits of the FLAG_ constants. */
  readonly flags: number
  readonly arity: number
  readonly run: CommandRow<C>['run']
  readonly nameBytes: Buffer
  calls: number
  rejected: number
  failed: number
  /** Calls that went over many elements (`large-command-elements`). */
  large: number
  /** Microseconds spent. */
  micros: number
  /** Whether it does little whatever its arguments are, so that it is timed now and then only. */
  readonly doesLittle: boolean
  /** Calls until one is timed, and for how many that one stands; set by who keeps the times. */
  untimed: number
  stride: number
  /** How long it took; undefined if that was not measured. */
  latency: Histogram | undefined
}

// The flags that the gate acts on, as bits of `Command.flags`.
export const FLAG_WRITE = 1 << 0
export const FLAG_DENYOOM = 1 << 1
export const FLAG_NO_AUTH = 1 << 2
export const FLAG_NO_MULTI = 1 << 3
export const FLAG_LOADING = 1 << 4
export const FLAG_STALE = 1 << 5
export const FLAG_SKIP_MONITOR = 1 << 6
export const FLAG_MAY_REPLICATE = 1 << 7
export const FLAG_ADMIN = 1 << 8
/** Commands that control the transaction itself and so are run, not queued, inside MULTI. */
export const FLAG_TRANSACTION = 1 << 9
/** Commands that a RESP2 connection with subscriptions may send. */
export const FLAG_PUBSUB_CONTEXT = 1 << 10
/**
 * Commands whose effects are replicated one by one, not as one: those that meet keys nobody named, and those that give fields of hashes an
 * expiry, which an old replica refuses: in a transaction it would refuse the values, too.
 */
export const FLAG_ONE_BY_ONE = 1 << 11
/** Commands that a replica may send on its link once it gets the stream. */
export const FLAG_FROM_REPLICA = 1 << 12
export const FLAG_READONLY = 1 << 13
/** Commands that scripts may not call. */
export const FLAG_NO_SCRIPT = 1 << 14
/** Commands that run while a script keeps the server busy. */
export const FLAG_ALLOW_BUSY = 1 << 15
/** Commands that run a script, which may write. */
export const FLAG_SCRIPT = 1 << 16
/** Commands that run a script or function, which may say of itself what it does. */
export const FLAG_RUNS_SCRIPT = 1 << 17

/** No subcommand has a longer name. */
const SUBCOMMAND_BYTES_MAX = 64

/** The subcommand of a container that argument `at` names, or the container if there is no such argument. */
export function subcommandOf<C>(container: Command<C>, args: Args, at: number): Command<C> | undefined {
  if (args.count <= at) return container
  if (args.len(at) > SUBCOMMAND_BYTES_MAX) return undefined
  return container.subcommands!.get(args.latin1(at).toLowerCase())
}

/** Whether a command can be called with so many arguments, its name included. */
export const fitsArity = ({ arity }: { readonly arity: number }, count: number): boolean =>
  arity > 0 ? count === arity : count >= -arity

const FLAG_BITS: Partial<Record<CommandFlag, number>> = {
  write: FLAG_WRITE,
  readonly: FLAG_READONLY,
  denyoom: FLAG_DENYOOM,
  no_auth: FLAG_NO_AUTH,
  no_multi: FLAG_NO_MULTI,
  loading: FLAG_LOADING,
  stale: FLAG_STALE,
  skip_monitor: FLAG_SKIP_MONITOR,
  may_replicate: FLAG_MAY_REPLICATE,
  admin: FLAG_ADMIN,
  noscript: FLAG_NO_SCRIPT,
  allow_busy: FLAG_ALLOW_BUSY,
}

const TRANSACTION_CONTROL = new Set(['exec', 'discard', 'multi', 'watch', 'quit', 'reset'])
/** PSYNC again is ignored, as Redis does. */
const FROM_REPLICA = new Set(['replconf', 'psync', 'sync'])
const SCRIPTS = new Set(['eval', 'evalsha', 'fcall'])
const READING_SCRIPTS = new Set(['eval_ro', 'evalsha_ro', 'fcall_ro'])
const ONE_BY_ONE = new Set(['scan', 'randomkey', 'hexpire', 'hpexpire', 'hexpireat', 'hpexpireat', 'hgetex', 'hsetex'])
const PUBSUB_CONTEXT = new Set([
  'ping',
  'subscribe',
  'ssubscribe',
  'sunsubscribe',
  'psubscribe',
  'unsubscribe',
  'punsubscribe',
  'quit',
  'reset',
])

/** All commands, by name. */
export class CommandTable<C = never> {
  readonly byName: ReadonlyMap<string, Command<C>>
  private readonly slots: (Command<C> | undefined)[]
  private readonly mask: number

  constructor(specs: readonly CommandRow<C>[]) {
    let id = 0
    const commands = specs.map((spec) => compile(spec, undefined, () => id++))
    this.byName = new Map(commands.map((command) => [command.spec.name, command]))
    assert(this.byName.size === commands.length, 'no two commands have the same name')
    let size = 256
    while (size < commands.length * 4) size *= 2
    this.mask = size - 1
    this.slots = new Array<Command<C> | undefined>(size).fill(undefined)
    for (const command of commands) {
      const name = command.nameBytes
      let slot = nameHash(name, 0, name.length) & this.mask
      while (this.slots[slot] !== undefined) slot = (slot + 1) & this.mask
      this.slots[slot] = command
    }
  }

  /** The command whose name, in any case, is in bytes [start, end). */
  lookup(bytes: Uint8Array, start: number, end: number): Command<C> | undefined {
    const length = end - start
    for (let slot = nameHash(bytes, start, end) & this.mask; ; slot = (slot + 1) & this.mask) {
      const command = this.slots[slot]
      if (command === undefined) return undefined
      const name = command.nameBytes
      if (name.length !== length) continue
      let i = 0
      while (i < length && lower(bytes[start + i]) === name[i]) i++
      if (i === length) return command
    }
  }

  /** Commands and subcommands, depth first. */
  *all(): Iterable<Command<C>> {
    for (const command of this.byName.values()) {
      yield command
      if (command.subcommands !== undefined) yield* command.subcommands.values()
    }
  }
}

function lower(byte: number): number {
  return byte >= 65 && byte <= 90 ? byte + 32 : byte
}

/** Mixes length, first, middle and last character: few collisions among some 250 names, and no loop on the hot path. */
function nameHash(bytes: Uint8Array, start: number, end: number): number {
  const length = end - start
  if (length === 0) return 0
  const first = bytes[start] & 0x1f
  const middle = bytes[start + (length >>> 1)] & 0x1f
  const last = bytes[end - 1] & 0x1f
  return (first * 29 + middle * 191 + last * 7 + length * 61) | 0
}

function compile<C>(spec: CommandRow<C>, parent: Command<C> | undefined, newId: () => number): Command<C> {
  const fullName = parent === undefined ? spec.name : `${parent.fullName}|${spec.name}`
  assert(/^[a-z_-]+$/.test(spec.name), `the name ${spec.name} is in lower case`)
  assert(spec.arity !== 0, `${fullName} has an arity`)
  assert(!(spec.flags.includes('write') && spec.flags.includes('readonly')), `${fullName} writes or reads`)
  assert(spec.run !== undefined || spec.subcommands !== undefined, `${fullName} does something`)
  for (const key of spec.keys ?? []) {
    assert(
      key.begin === 'unknown' || !('index' in key.begin) || key.begin.index > 0,
      `${fullName}: keys follow the name`,
    )
  }
  let flags = 0
  for (const flag of spec.flags) flags |= FLAG_BITS[flag] ?? 0
  if (parent === undefined && TRANSACTION_CONTROL.has(spec.name)) flags |= FLAG_TRANSACTION
  if (parent === undefined && PUBSUB_CONTEXT.has(spec.name)) flags |= FLAG_PUBSUB_CONTEXT
  if (parent === undefined && ONE_BY_ONE.has(spec.name)) flags |= FLAG_ONE_BY_ONE
  if (parent === undefined && SCRIPTS.has(spec.name)) flags |= FLAG_RUNS_SCRIPT | FLAG_SCRIPT | FLAG_MAY_REPLICATE
  if (parent === undefined && READING_SCRIPTS.has(spec.name)) flags |= FLAG_RUNS_SCRIPT
  if (parent === undefined && FROM_REPLICA.has(spec.name)) flags |= FLAG_FROM_REPLICA
  const subcommands = new Map<string, Command<C>>()
  const command: Command<C> = {
    id: newId(),
    spec,
    fullName,
    parent,
    subcommands: spec.subcommands === undefined ? undefined : subcommands,
    flags,
    categories: categoriesOf(spec),
    isForAll: spec.flags.includes('no_auth'),
    hasKeys: (spec.keys ?? []).some((key) => !key.flags.includes('not_key')),
    channels: spec.channels,
    arity: spec.arity,
    run: spec.run,
    nameBytes: Buffer.from(spec.name, 'latin1'),
    calls: 0,
    rejected: 0,
    failed: 0,
    large: 0,
    micros: 0,
    // SET is not `fast` in Redis's books, but it is.
    doesLittle: spec.flags.includes('fast') || fullName === 'set',
    untimed: 0,
    stride: 1,
    latency: undefined,
  }
  for (const sub of spec.subcommands ?? []) subcommands.set(sub.name, compile(sub, command, newId))
  return command
}
