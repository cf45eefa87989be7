#!/usr/bin/env node
// The entry of `vedette`: finds the command, reads its options, runs it, and turns what goes wrong into a message and an
// exit code. `server` and `sentinel` read their words as Redis does; the other commands are read by yargs.
import yargs, { type Argv } from 'yargs'
import { hideBin } from 'yargs/helpers'
import { ConfigError } from '../config/directive.ts'
import { didYouMean } from '../config/suggest.ts'
import { VERSION } from '../io/package.ts'
import { checkCommand } from './check.ts'
import { CliError, type Command, EXIT, EXIT_HELP, type RawCommand, UsageError } from './command.ts'
import { drillCommand } from './drill.ts'
import { failoverCommand } from './failover.ts'
import { historyCommand } from './history.ts'
import { configReport } from './load.ts'
import { pauseCommand, resumeCommand } from './pause.ts'
import { sentinelCommand } from './sentinel.ts'
import { serverCommand } from './server.ts'
import { statusCommand } from './status.ts'
import { upCommand } from './up.ts'

const RAW: readonly RawCommand[] = [serverCommand, sentinelCommand]
const COMMANDS: readonly Command<never>[] = [
  upCommand,
  statusCommand,
  historyCommand,
  failoverCommand,
  pauseCommand,
  resumeCommand,
  drillCommand,
  checkCommand,
]
const NAMES = [...COMMANDS, ...RAW].map((one) => one.command.split(' ')[0]!)
const EXIT_TEXT = `Exit codes:\n${EXIT_HELP.map(([code, meaning]) => `  ${code}  ${meaning}`).join('\n')}`

const isHelp = (word: string | undefined): boolean => word === '--help' || word === '-h'

function rawHelp(command: RawCommand): string {
  const examples = command.examples.map(([line, what]) => `  ${line}\n      ${what}`)
  return [command.usage, '', command.description, '', 'Examples:', ...examples, '', command.notes, '', EXIT_TEXT].join(
    '\n',
  )
}

/** Refuses options that the command does not have; yargs itself would not say which one was meant. */
function refuseUnknown(argv: Readonly<Record<string, unknown>>, command: Command<never>): true {
  const names = Object.keys(command.options)
  const known = new Set(['_', '$0', 'help', 'version', ...names, ...Object.keys(command.positionals ?? {})])
  const camel = (name: string): string => name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase())
  for (const name of [...known]) known.add(camel(name))
  const unknown = Object.keys(argv).find((name) => !known.has(name))
  const extra = (argv._ as unknown[])[1]
  if (unknown === undefined && extra === undefined) return true
  if (unknown === undefined) throw new UsageError(`Unexpected argument '${String(extra)}'`)
  const hint = didYouMean(unknown, [...names, 'help', 'version']).replace("'", "'--")
  throw new UsageError(`Unknown option '${unknown.length > 1 ? '--' : '-'}${unknown}'. ${hint}`.trim())
}

function addCommand(cli: Argv, command: Command<never>, finish: (code: number) => void): Argv {
  return cli.command(
    command.command,
    command.description,
    (one) => {
      for (const [name, positional] of Object.entries(command.positionals ?? {}))
        one.positional(name, { ...positional, type: 'string' })
      for (const [line, what] of command.examples) one.example(line, what)
      return one
        .options(command.options)
        .epilogue([command.notes, EXIT_TEXT].filter((text) => text !== undefined).join('\n\n'))
        .check((argv) => refuseUnknown(argv, command))
    },
    async (args) => finish(await command.handler(args as never)),
  )
}

function createCli(words: string[], finish: (code: number) => void): Argv {
  let cli = yargs(words)
    .scriptName('vedette')
    .locale('en')
    .usage('$0 <command>\n\nA Redis-compatible server and a quorum of sentinels that keeps one of them writable.')
    .parserConfiguration({ 'boolean-negation': false, 'dot-notation': false, 'short-option-groups': false })
  for (const command of COMMANDS) cli = addCommand(cli, command, finish)
  for (const { command, description } of RAW) cli = cli.command(command, description)
  return cli
    .demandCommand(1, 'Give a command.')
    .version(VERSION)
    .help()
    .alias('help', 'h')
    .alias('version', 'v')
    .wrap(Math.min(110, process.stdout.columns ?? 100))
    .epilogue(`'vedette <command> --help' tells more about each.\n\n${EXIT_TEXT}`)
    .fail((message, error) => {
      // Yargs wraps what the readers of values throw in its own YError.
      throw error === undefined || error.name === 'YError' ? new UsageError(message ?? error?.message) : error
    })
}

/** Runs the words after `vedette`; the exit code. */
async function run(words: string[]): Promise<number> {
  const [first, ...rest] = words
  const raw = RAW.find((one) => one.command === first)
  if (raw !== undefined) {
    if (!isHelp(rest[0]) && !isHelp(rest.at(-1))) return raw.handler(rest)
    console.log(rawHelp(raw))
    return EXIT.ok
  }
  if (first !== undefined && !first.startsWith('-') && !NAMES.includes(first))
    throw new UsageError(`Unknown command '${first}'. ${didYouMean(first, NAMES)}`.trim())
  let code: number = EXIT.ok
  await createCli(words, (result) => {
    code = result
  }).parseAsync()
  return code
}

function report(error: unknown, words: readonly string[]): number {
  if (error instanceof ConfigError) {
    process.stderr.write(configReport(error))
    return EXIT.usage
  }
  if (error instanceof UsageError) {
    const command = NAMES.includes(words[0] ?? '') ? `${words[0]} ` : ''
    process.stderr.write(`vedette: ${error.message}\nTry 'vedette ${command}--help'.\n`)
    return EXIT.usage
  }
  const text = error instanceof CliError ? error.message : error instanceof Error ? error.stack : String(error)
  process.stderr.write(`vedette: ${text}\n`)
  return EXIT.failed
}

const words = hideBin(process.argv)
// The process ends by itself unless a handle is left; the code is set now, and forced after what is written has gone out.
process.exitCode = await run(words).catch((error: unknown) => report(error, words))
process.exit()
