// COMMAND: what the server can do, derived from the rows of all families.

import { fail } from '../../errors.ts'
import { globMatch } from '../../lib/glob.ts'
import type { ReplyWriter } from '../../protocol/writer.ts'
import type { Call } from '../call.ts'
import type { ArgumentSpec, CommandFlag, CommandRow, KeySpec } from '../row.ts'
import type { Command } from '../table.ts'
import { helpLines, replyHelp } from './help.ts'
import { extractKeys, type KeyPosition, legacyRange } from './keys.ts'

/** Flags in the order in which they are listed; `may_replicate` is not. */
const FLAG_ORDER: readonly CommandFlag[] = [
  'write',
  'readonly',
  'denyoom',
  'admin',
  'pubsub',
  'noscript',
  'blocking',
  'loading',
  'stale',
  'skip_monitor',
  'skip_slowlog',
  'asking',
  'fast',
  'no_auth',
  'no_mandatory_keys',
  'no_async_loading',
  'no_multi',
  'movablekeys',
  'allow_busy',
]

function setOf(reply: ReplyWriter, words: readonly string[]): void {
  reply.set(words.length)
  for (const word of words) reply.simple(word)
}

/** A map whose values are written by functions. */
function mapOf(reply: ReplyWriter, fields: readonly (readonly [string, () => void])[]): void {
  reply.map(fields.length)
  for (const [name, write] of fields) {
    reply.bulkText(name)
    write()
  }
}

type Fields = readonly (readonly [string, string | number])[]

function typed(reply: ReplyWriter, type: string, spec: Fields): void {
  mapOf(reply, [
    ['type', () => reply.bulkText(type)],
    [
      'spec',
      () => {
        reply.map(spec.length)
        for (const [name, value] of spec) {
          reply.bulkText(name)
          if (typeof value === 'number') reply.int(value)
          else reply.bulkText(value)
        }
      },
    ],
  ])
}

function beginSearch(reply: ReplyWriter, { begin }: KeySpec): void {
  if (begin === 'unknown') return typed(reply, 'unknown', [])
  if ('index' in begin) return typed(reply, 'index', [['index', begin.index]])
  const spec: Fields = [
    ['keyword', begin.keyword],
    ['startfrom', begin.startFrom],
  ]
  return typed(reply, 'keyword', spec)
}

function findKeys(reply: ReplyWriter, { find }: KeySpec): void {
  if (find === 'unknown') return typed(reply, 'unknown', [])
  const spec: Fields =
    'last' in find
      ? [
          ['lastkey', find.last],
          ['keystep', find.step],
          ['limit', find.limit],
        ]
      : [
          ['keynumidx', find.keynumIndex],
          ['firstkey', find.firstKey],
          ['keystep', find.step],
        ]
  return typed(reply, 'last' in find ? 'range' : 'keynum', spec)
}

function keySpec(reply: ReplyWriter, key: KeySpec): void {
  const { notes } = key
  mapOf(reply, [
    ...(notes === undefined ? [] : [['notes', () => reply.bulkText(notes)] as const]),
    ['flags', () => setOf(reply, key.flags)],
    ['begin_search', () => beginSearch(reply, key)],
    ['find_keys', () => findKeys(reply, key)],
  ])
}

/** One element of COMMAND INFO. */
function describe(reply: ReplyWriter, command: Command): void {
  const { spec, subcommands } = command
  const { first, last, step, movable } = legacyRange(spec)
  const flags = FLAG_ORDER.filter((flag) => spec.flags.includes(flag) || (flag === 'movablekeys' && movable))
  const tips = spec.tips ?? []
  const keys = spec.keys ?? []
  reply.array(10)
  reply.bulkText(command.fullName)
  reply.int(command.arity)
  setOf(reply, flags)
  for (const n of [first, last, step]) reply.int(n)
  setOf(
    reply,
    command.categories.map((name) => `@${name}`),
  )
  reply.set(tips.length)
  for (const tip of tips) reply.bulkText(tip)
  reply.set(keys.length)
  for (const key of keys) keySpec(reply, key)
  if (subcommands === undefined) return reply.set(0)
  reply.array(subcommands.size)
  for (const sub of subcommands.values()) describe(reply, sub)
}

function argumentFlags(argument: ArgumentSpec): string[] {
  const flags: string[] = []
  if (argument.optional === true) flags.push('optional')
  if (argument.multiple === true) flags.push('multiple')
  if (argument.multipleToken === true) flags.push('multiple_token')
  return flags
}

function argumentDocs(reply: ReplyWriter, argument: ArgumentSpec): void {
  const fields: [string, () => void][] = []
  const text = (name: string, value: string | undefined): void => {
    if (value !== undefined) fields.push([name, () => reply.bulkText(value)])
  }
  text('name', argument.name)
  text('type', argument.type)
  const { keySpecIndex, arguments: inner } = argument
  if (keySpecIndex !== undefined) fields.push(['key_spec_index', () => reply.int(keySpecIndex)])
  text('token', argument.token)
  text('summary', argument.summary)
  text('since', argument.since)
  text('deprecated_since', argument.deprecatedSince)
  const flags = argumentFlags(argument)
  if (flags.length > 0) fields.push(['flags', () => setOf(reply, flags)])
  if (inner !== undefined) fields.push(['arguments', () => argumentList(reply, inner)])
  mapOf(reply, fields)
}

function argumentList(reply: ReplyWriter, list: readonly ArgumentSpec[]): void {
  reply.array(list.length)
  for (const argument of list) argumentDocs(reply, argument)
}

function historyOf(reply: ReplyWriter, history: NonNullable<CommandRow<never>['history']>): void {
  reply.set(history.length)
  for (const [version, change] of history) {
    reply.array(2)
    reply.bulkText(version)
    reply.bulkText(change)
  }
}

/** The value for one command in COMMAND DOCS. */
function document(reply: ReplyWriter, { spec, subcommands }: Command): void {
  const fields: [string, () => void][] = []
  const text = (name: string, value: string | undefined): void => {
    if (value !== undefined) fields.push([name, () => reply.bulkText(value)])
  }
  text('summary', spec.summary)
  text('since', spec.since)
  text('group', spec.group)
  text('complexity', spec.complexity)
  const flags = [...(spec.deprecatedSince === undefined ? [] : ['deprecated']), ...(spec.system ? ['syscmd'] : [])]
  if (flags.length > 0) fields.push(['doc_flags', () => setOf(reply, flags)])
  text('deprecated_since', spec.deprecatedSince)
  text('replaced_by', spec.replacedBy)
  const { history, arguments: list } = spec
  if (history !== undefined) fields.push(['history', () => historyOf(reply, history)])
  if (list !== undefined) fields.push(['arguments', () => argumentList(reply, list)])
  if (subcommands !== undefined) fields.push(['subcommands', () => documents(reply, [...subcommands.values()])])
  mapOf(reply, fields)
}

function documents(reply: ReplyWriter, commands: readonly Command[]): void {
  mapOf(
    reply,
    commands.map((command) => [command.fullName, () => document(reply, command)]),
  )
}

/** The command that argument i names, `config|get` for a subcommand. */
function named(ctx: Call, i: number): Command | undefined {
  const [name = '', sub, ...rest] = ctx.args.latin1(i).toLowerCase().split('|')
  const command = ctx.host.commands.byName.get(name)
  if (sub === undefined || rest.length > 0) return rest.length > 0 ? undefined : command
  return command?.subcommands?.get(sub)
}

const topLevel = (ctx: Call): Command[] => [...ctx.host.commands.byName.values()]

function command(ctx: Call): void {
  const { reply } = ctx
  const commands = topLevel(ctx)
  reply.array(commands.length)
  for (const one of commands) describe(reply, one)
}

function commandInfo(ctx: Call): void {
  const { args, reply } = ctx
  if (args.count === 2) return command(ctx)
  reply.array(args.count - 2)
  for (let i = 2; i < args.count; i++) {
    const found = named(ctx, i)
    if (found === undefined) reply.null()
    else describe(reply, found)
  }
}

function commandDocs(ctx: Call): void {
  const { args, reply } = ctx
  if (args.count === 2) return documents(reply, topLevel(ctx))
  const found = Array.from({ length: args.count - 2 }, (_, i) => named(ctx, i + 2) ?? [])
  documents(reply, found.flat())
}

function commandCount(ctx: Call): void {
  ctx.reply.int(ctx.host.commands.byName.size)
}

/** Whether a command passes the filter of COMMAND LIST. */
function listFilter(ctx: Call): (candidate: Command) => boolean {
  const { args } = ctx
  if (args.count === 2) return () => true
  if (args.count !== 5 || !args.is(2, 'filterby')) fail('syntax')
  const wanted = args.str(4)
  if (args.is(3, 'module')) return () => false
  if (args.is(3, 'aclcat')) return ({ categories }) => categories.includes(wanted.toLowerCase())
  if (!args.is(3, 'pattern')) fail('syntax')
  const pattern = args.bytes(4)
  return ({ fullName }) => globMatch(pattern, Buffer.from(fullName, 'latin1'), true)
}

function commandList(ctx: Call): void {
  const { reply, host } = ctx
  const found = [...host.commands.all()].filter(listFilter(ctx))
  reply.array(found.length)
  for (const { fullName } of found) reply.bulkText(fullName)
}

/** The keys in the command that begins at argument 2. Undefined: there need not be any. */
function keysGiven(ctx: Call): KeyPosition[] {
  const { args, host } = ctx
  const container = host.commands.lookup(args.buffer, args.start(2), args.end(2))
  const subcommands = args.count > 3 ? container?.subcommands : undefined
  const found = subcommands === undefined ? container : subcommands.get(args.latin1(3).toLowerCase())
  if (found === undefined) fail('commandInvalid')
  if ((found.spec.keys ?? []).length === 0) fail('commandNoKeys')
  const count = args.count - 2
  if (found.arity > 0 ? count !== found.arity : count < -found.arity) fail('commandArity')
  const keys = extractKeys(found.spec, args, 2)
  if (keys !== undefined && keys.length > 0) return keys
  return found.spec.flags.includes('no_mandatory_keys') ? [] : fail('commandArguments')
}

function commandGetkeys(ctx: Call): void {
  const { args, reply } = ctx
  const keys = keysGiven(ctx)
  reply.array(keys.length)
  for (const { index } of keys) reply.bulk(args.buffer, args.start(index), args.end(index))
}

function commandGetkeysandflags(ctx: Call): void {
  const { args, reply } = ctx
  const keys = keysGiven(ctx)
  reply.array(keys.length)
  for (const { index, flags } of keys) {
    reply.array(2)
    reply.bulk(args.buffer, args.start(index), args.end(index))
    setOf(reply, flags)
  }
}

/** COMMAND can be called without a subcommand, which its HELP says first. */
function commandHelp(ctx: Call): void {
  const { args, host } = ctx
  const { spec } = host.commands.lookup(args.buffer, args.start(0), args.end(0))!
  const [first = '', ...rest] = helpLines(spec)
  replyHelp(ctx, [first, '(no subcommand)', `    ${spec.summary}`, ...rest])
}

/** COMMAND and its subcommands. */
export const COMMAND_COMMANDS: readonly CommandRow<Call>[] = [
  {
    name: 'command',
    summary: 'Describes all commands.',
    since: '2.8.13',
    group: 'server',
    complexity: 'O(N) where N is the total number of Redis commands',
    arity: -1,
    flags: ['loading', 'stale'],
    categories: ['connection'],
    tips: ['nondeterministic_output_order'],
    run: command,
    subcommands: [
      {
        name: 'count',
        summary: 'Counts the commands of the server.',
        since: '2.8.13',
        group: 'server',
        complexity: 'O(1)',
        arity: 2,
        flags: ['loading', 'stale'],
        categories: ['connection'],
        run: commandCount,
      },
      {
        name: 'docs',
        summary: 'Returns the documentation of commands.',
        since: '7.0.0',
        group: 'server',
        complexity: 'O(N) where N is the number of commands to look up',
        arity: -2,
        flags: ['loading', 'stale'],
        categories: ['connection'],
        tips: ['nondeterministic_output_order'],
        arguments: [{ name: 'command-name', type: 'string', optional: true, multiple: true }],
        run: commandDocs,
      },
      {
        name: 'getkeys',
        summary: 'Finds the keys in a command with its arguments.',
        since: '2.8.13',
        group: 'server',
        complexity: 'O(N) where N is the number of arguments to the command',
        arity: -4,
        flags: ['loading', 'stale'],
        categories: ['connection'],
        run: commandGetkeys,
      },
      {
        name: 'getkeysandflags',
        summary: 'Finds the keys in a command with its arguments, and what it does to them.',
        since: '7.0.0',
        group: 'server',
        complexity: 'O(N) where N is the number of arguments to the command',
        arity: -4,
        flags: ['loading', 'stale'],
        categories: ['connection'],
        run: commandGetkeysandflags,
      },
      {
        name: 'help',
        summary: 'Lists the subcommands.',
        since: '5.0.0',
        group: 'server',
        complexity: 'O(1)',
        arity: 2,
        flags: ['loading', 'stale'],
        categories: ['connection'],
        run: commandHelp,
      },
      {
        name: 'info',
        summary: 'Describes commands.',
        since: '2.8.13',
        group: 'server',
        complexity: 'O(N) where N is the number of commands to look up',
        arity: -2,
        flags: ['loading', 'stale'],
        categories: ['connection'],
        tips: ['nondeterministic_output_order'],
        history: [['7.0.0', 'Allowed to be called with no argument to get info on all commands.']],
        arguments: [{ name: 'command-name', type: 'string', optional: true, multiple: true }],
        run: commandInfo,
      },
      {
        name: 'list',
        summary: 'Lists the names of commands.',
        since: '7.0.0',
        group: 'server',
        complexity: 'O(N) where N is the total number of Redis commands',
        arity: -2,
        flags: ['loading', 'stale'],
        categories: ['connection'],
        tips: ['nondeterministic_output_order'],
        arguments: [
          {
            name: 'filterby',
            type: 'oneof',
            token: 'FILTERBY',
            optional: true,
            arguments: [
              { name: 'module-name', type: 'string', token: 'MODULE' },
              { name: 'category', type: 'string', token: 'ACLCAT' },
              { name: 'pattern', type: 'pattern', token: 'PATTERN' },
            ],
          },
        ],
        run: commandList,
      },
    ],
  },
]
