// From words to a command's function: look-up, the checks that hold for every command, and COMMAND, which describes the table.
import { errorText } from '../../errors.ts'
import { CONNECTION_COMMANDS } from './connection.ts'
import { help } from './help.ts'
import { INFO_COMMANDS } from './info.ts'
import { PUBSUB_COMMANDS } from './pubsub.ts'
import { SENTINEL_COMMAND } from './sentinel.ts'
import type { Call, SentinelCommand } from './spec.ts'

const ARGUMENTS_SHOWN = 128

/** Runs a request: writes exactly one reply, at once or (client.waiting) later. */
export function dispatch(call: Call): void {
  const { client, words, reply, host } = call
  const name = words[0]!.toLowerCase()
  const command = TABLE.get(name)
  client.lastCommand = name
  if (command === undefined) return reply.error(errorText('unknownCommand', clean(words[0]!), shown(words.slice(1))))
  const sub = subcommandOf(command, words)
  if (command.subcommands !== undefined && words.length > 1 && sub === undefined && command.run === undefined)
    return reply.error(errorText('unknownSubcommand', clean(words[1]!), command.name.toUpperCase()))
  const found = sub ?? command
  if (sub !== undefined) client.lastCommand = `${name}|${sub.name}`
  if (!fits(found.arity, words.length)) return reply.error(errorText('arity', sub ? client.lastCommand : name))
  if (!client.authenticated && host.password() !== '' && command.open !== true) return reply.error(errorText('noAuth'))
  const listening = client.channels.size + client.patterns.size > 0
  if (listening && client.resp === 2 && command.subscribed !== true)
    return reply.error(errorText('pubsubContext', name))
  if (found.run === undefined) return reply.error(errorText('arity', name))
  found.run(call)
}

const fits = (arity: number, count: number): boolean => (arity >= 0 ? count === arity : count >= -arity)

const subcommandOf = (command: SentinelCommand, words: readonly string[]): SentinelCommand | undefined =>
  words.length < 2 ? undefined : command.subcommands?.find(({ name }) => name === words[1]!.toLowerCase())

/** Text that a client sent, for an error: short and without line breaks. */
const clean = (word: string): string => word.slice(0, ARGUMENTS_SHOWN).replace(/[\r\n]/g, ' ')

function shown(args: readonly string[]): string {
  let text = ''
  for (const arg of args.slice(0, 20)) {
    if (text.length >= ARGUMENTS_SHOWN) break
    text += `'${clean(arg).slice(0, ARGUMENTS_SHOWN - text.length)}' `
  }
  return text
}

// ---- COMMAND

function describe(call: Call, command: SentinelCommand, container?: string): void {
  const { reply } = call
  reply.array(10)
  reply.bulkText(container === undefined ? command.name : `${container}|${command.name}`)
  reply.int(command.arity)
  reply.set(command.flags.length)
  for (const flag of command.flags) reply.simple(flag)
  for (let i = 0; i < 3; i++) reply.int(0)
  reply.set(command.categories.length)
  for (const category of command.categories) reply.simple(`@${category}`)
  reply.array(0)
  reply.array(0)
  const subcommands = command.subcommands ?? []
  reply.array(subcommands.length)
  for (const sub of subcommands) describe(call, sub, command.name)
}

function documentation({ reply }: Call, command: SentinelCommand): void {
  reply.bulkText(command.name)
  reply.map(3)
  reply.bulkText('summary')
  reply.bulkText(command.summary)
  reply.bulkText('since')
  reply.bulkText('2.8.4')
  reply.bulkText('group')
  reply.bulkText('sentinel')
}

const wanted = (words: readonly string[]): SentinelCommand[] =>
  words.length === 0 ? [...TABLE.values()] : words.flatMap((word) => TABLE.get(word.toLowerCase()) ?? [])

function everyCommand(call: Call): void {
  call.reply.array(TABLE.size)
  for (const command of TABLE.values()) describe(call, command)
}

const rest = { flags: ['loading', 'stale'], categories: ['slow', 'connection'] }

const COMMAND: SentinelCommand = {
  name: 'command',
  arity: -1,
  ...rest,
  summary: 'Describes the commands of this sentinel',
  run: everyCommand,
  subcommands: [
    {
      name: 'count',
      arity: 2,
      ...rest,
      summary: 'Number of commands',
      run: ({ reply }) => reply.int(TABLE.size),
    },
    {
      name: 'list',
      arity: -2,
      ...rest,
      summary: 'Names of the commands',
      run: ({ reply }) => {
        reply.array(TABLE.size)
        for (const name of TABLE.keys()) reply.bulkText(name)
      },
    },
    {
      name: 'info',
      arity: -2,
      ...rest,
      summary: 'Describes the named commands',
      run: (call) => {
        const names = call.words.slice(2)
        if (names.length === 0) return everyCommand(call)
        call.reply.array(names.length)
        for (const name of names) {
          const command = TABLE.get(name.toLowerCase())
          if (command === undefined) call.reply.nullArray()
          else describe(call, command)
        }
      },
    },
    {
      name: 'docs',
      arity: -2,
      ...rest,
      summary: 'Explains the named commands',
      run: (call) => {
        const commands = wanted(call.words.slice(2))
        call.reply.map(commands.length)
        for (const command of commands) documentation(call, command)
      },
    },
    { name: 'help', arity: 2, ...rest, summary: 'Shows this help', run: (call) => help(call, COMMAND) },
  ],
}

const TABLE: ReadonlyMap<string, SentinelCommand> = new Map(
  [COMMAND, ...CONNECTION_COMMANDS, ...PUBSUB_COMMANDS, ...INFO_COMMANDS, SENTINEL_COMMAND].map((row) => [
    row.name,
    row,
  ]),
)
