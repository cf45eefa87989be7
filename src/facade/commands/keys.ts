// Which arguments of a command are keys, and what the command does to them: read off the key specifications of its row.
// COMMAND GETKEYS uses it; so will whoever must know the keys before a command runs (cluster, ACL, tracking).

import type { Args } from '../../protocol/args.ts'
import type { CommandRow, KeySpec } from '../row.ts'
import type { Command } from '../table.ts'

/** A key among the arguments. */
export interface KeyPosition {
  /** Number of the argument in the request that was given. */
  readonly index: number
  /** Access flags in the terms of COMMAND INFO: `RO`, `RW`, `OW`, `RM`, `access`, `update` … */
  readonly flags: readonly string[]
}

/** The range of arguments that keys are spread over; relative to the command's name. */
interface KeyRange {
  readonly first: number
  readonly last: number
  readonly step: number
}

/** The first argument that belongs to the specification: a number, `none` if its keyword is absent, `unknown`. */
function beginning(begin: KeySpec['begin'], args: Args, from: number): number | 'none' | 'unknown' {
  if (begin === 'unknown') return 'unknown'
  if ('index' in begin) return begin.index
  const count = args.count - from
  const keyword = begin.keyword.toLowerCase()
  const forwards = begin.startFrom > 0
  const step = forwards ? 1 : -1
  const end = forwards ? count - 1 : 0
  for (let i = forwards ? begin.startFrom : count + begin.startFrom; i > 0 && i < count && i !== end; i += step) {
    if (args.is(from + i, keyword)) return i + 1
  }
  return 'none'
}

function rangeOf(find: KeySpec['find'], first: number, args: Args, from: number): KeyRange | undefined {
  const count = args.count - from
  if (find === 'unknown') return undefined
  if ('last' in find) {
    if (find.last >= 0) return { first, last: first + find.last, step: find.step }
    const last = find.limit === 0 ? count + find.last : first + Math.trunc((count - first) / find.limit) + find.last
    return { first, last, step: find.step }
  }
  const at = first + find.keynumIndex
  if (at >= count) return undefined
  const number = args.smallInt(from + at)
  if (!(number >= 0)) return undefined
  const start = first + find.firstKey
  return { first: start, last: start + (number - 1) * find.step, step: find.step }
}

/** Whether a BITFIELD has nothing but GETs; of what it does not understand it is said that it writes. */
function bitfieldReads(args: Args, from: number): boolean {
  const words: Readonly<Record<string, number>> = { get: 2, overflow: 1 }
  for (let i = from + 2; i < args.count; i++) {
    const follow = args.len(i) > 8 ? undefined : words[args.latin1(i).toLowerCase()]
    if (follow === undefined || i + follow >= args.count) return false
    i += follow
  }
  return true
}

/** The flags of a key whose use depends on the other arguments (`variable_flags`): SET reads only with GET. */
function flagsOf(command: CommandRow<never>, spec: KeySpec, args: Args, from: number): readonly string[] {
  if (command.name === 'bitfield') return bitfieldReads(args, from) ? ['RO', 'access'] : spec.flags
  if (command.name !== 'set' || !spec.flags.includes('variable_flags')) return spec.flags
  for (let i = from + 3; i < args.count; i++) if (args.is(i, 'get')) return ['RW', 'access', 'update']
  return ['OW', 'update']
}

/** MIGRATE's key, or in place of an empty one all that follow KEYS. */
function keysOfMigrate(args: Args, from: number): KeyPosition[] {
  const flags = ['RW', 'access', 'delete']
  const key = { index: from + 3, flags }
  for (let i = from + 6; i < args.count; i++) {
    if (args.is(i, 'auth')) i++
    else if (args.is(i, 'auth2')) i += 2
    else if (args.is(i, 'keys')) {
      if (args.len(from + 3) !== 0) return [key]
      return Array.from({ length: args.count - i - 1 }, (_, k) => ({ index: i + 1 + k, flags }))
    }
  }
  return [key]
}

/** Arguments that follow a keyword of SORT. */
const SORT_KEYWORDS: readonly (readonly [string, number])[] = [
  ['limit', 2],
  ['get', 1],
  ['by', 1],
]

/** SORT's keys that its arguments name: the one it sorts, and the one it stores in. Those of its patterns nobody can know. */
function keysOfSort(command: CommandRow<never>, args: Args, from: number): KeyPosition[] {
  const keys: KeyPosition[] = [{ index: from + 1, flags: ['RO', 'access'] }]
  if (command.name === 'sort_ro') return keys
  for (let i = from + 2; i < args.count; i++) {
    const keyword = SORT_KEYWORDS.find(([name]) => args.is(i, name))
    if (keyword !== undefined) i += keyword[1]
    else if (args.is(i, 'store') && i + 1 < args.count) keys[1] = { index: i + 1, flags: ['OW', 'update'] }
  }
  return keys
}

/**
 * The keys of the command whose name is argument `from` (for a subcommand: the container's name), in order. Undefined if
 * the arguments do not fit the specifications.
 */
export function extractKeys(command: CommandRow<never>, args: Args, from = 0): KeyPosition[] | undefined {
  if (command.name === 'migrate') return keysOfMigrate(args, from)
  if (command.name === 'sort' || command.name === 'sort_ro') return keysOfSort(command, args, from)
  const count = args.count - from
  const keys: KeyPosition[] = []
  for (const spec of command.keys ?? []) {
    const first = beginning(spec.begin, args, from)
    if (first === 'none') continue
    const range = first === 'unknown' ? undefined : rangeOf(spec.find, first, args, from)
    if (range === undefined || range.last >= count) return undefined
    const flags = flagsOf(command, spec, args, from)
    for (let i = range.first; i <= range.last; i += range.step) keys.push({ index: from + i, flags })
  }
  return keys
}

/** The same for who has to know the keys of a request: where the arguments do not fit, the command refuses them itself. */
export const keysOf = (command: Command<never>, args: Args, from: number): readonly KeyPosition[] =>
  extractKeys(command.spec, args, from) ?? []

/** The keys as clients before Redis 7 understand them: first, last and step; `movable` if that does not say it all. */
export interface LegacyRange {
  readonly first: number
  readonly last: number
  readonly step: number
  readonly movable: boolean
}

const unsigned = (n: number): number => (n < 0 ? n + 2 ** 32 : n)

/** The legacy range of a command: consecutive plain ranges are joined, anything else makes the keys movable. */
export function legacyRange(command: CommandRow<never>): LegacyRange {
  const specs = command.keys ?? []
  let first = 0
  let last = 0
  let step = 1
  let movable = false
  for (const { begin, find, flags } of specs) {
    if (flags.includes('incomplete')) movable = true
    const plain = begin !== 'unknown' && 'index' in begin && find !== 'unknown' && 'last' in find
    if (!plain || (specs.length > 1 && (find.step !== 1 || (last !== 0 && last !== begin.index - 1)))) {
      movable = true
      continue
    }
    if (first === 0) first = begin.index
    const end = find.last >= 0 ? find.last + begin.index : find.last
    if (unsigned(end) > unsigned(last)) last = end
    step = find.step
  }
  return first === 0 ? { first: 0, last: 0, step: 0, movable } : { first, last, step, movable }
}
