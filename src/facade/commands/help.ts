// HELP of a container command such as CONFIG, written from its rows.

import type { Call } from '../call.ts'
import type { ArgumentSpec, CommandRow } from '../row.ts'

/** The argument as one reads it in a manual: `[EX <seconds>]`. */
function syntaxOf(argument: ArgumentSpec): string {
  const parts = (argument.arguments ?? []).map(syntaxOf)
  let text = `<${argument.name}>`
  if (argument.type === 'pure-token') text = argument.token ?? argument.name
  if (argument.type === 'oneof') text = `(${parts.join('|')})`
  if (argument.type === 'block') text = parts.join(' ')
  if (argument.type !== 'pure-token' && argument.token !== undefined) text = `${argument.token} ${text}`
  if (argument.multiple === true) text += parts.length === 0 ? ` [${text} ...]` : ' [...]'
  return argument.optional === true ? `[${text}]` : text
}

/** The lines of a container's HELP. */
export function helpLines(container: CommandRow<never>): string[] {
  const subcommands = (container.subcommands ?? []).flatMap((sub) => [
    [sub.name.toUpperCase(), ...(sub.usage === undefined ? (sub.arguments ?? []).map(syntaxOf) : [sub.usage])].join(
      ' ',
    ),
    `    ${sub.summary}`,
  ])
  return [`${container.name.toUpperCase()} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:`, ...subcommands]
}

/** Replies lines of help. */
export function replyHelp(ctx: Call, lines: readonly string[]): void {
  ctx.reply.array(lines.length)
  for (const line of lines) ctx.reply.simple(line)
}

/** The function of every `… HELP` subcommand. */
export function help(ctx: Call): void {
  const { args, host } = ctx
  replyHelp(ctx, helpLines(host.commands.lookup(args.buffer, args.start(0), args.end(0))!.spec))
}
