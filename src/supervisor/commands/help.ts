// HELP of a container command such as SENTINEL or CLIENT, derived from its rows.
import type { Call, SentinelCommand } from './spec.ts'

/** HELP of a container, from its rows. */
export function help({ reply }: Call, container: SentinelCommand): void {
  const lines = [`${container.name.toUpperCase()} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:`]
  for (const { name, usage, summary } of container.subcommands ?? [])
    lines.push(`${name.toUpperCase()}${usage === undefined ? '' : ` ${usage}`}`, `    ${summary}.`)
  reply.array(lines.length)
  for (const line of lines) reply.simple(line)
}
