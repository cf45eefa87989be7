// Questions to a sentinel about one group: the text of its answer, or a refusal that says what would have been right.
import { didYouMean } from '../config/suggest.ts'
import type { RespClient } from '../io/resp-client.ts'
import { ReplyError } from '../protocol/reply-parser.ts'
import { EXIT } from './command.ts'

/** Says what went wrong; the exit code. */
export function fail(message: string, code: number): number {
  process.stderr.write(`vedette: ${message}\n`)
  return code
}

async function groupNames(client: RespClient): Promise<string[]> {
  const reply = await client.command(['SENTINEL', 'MASTERS'])
  return Array.isArray(reply) ? reply.map((one) => (Array.isArray(one) ? String(one[1]) : '')) : []
}

/** Says that there is no such group, and which there are; the exit code. */
export async function unknownGroup(client: RespClient, name: string): Promise<number> {
  const names = await groupNames(client)
  const hint = didYouMean(name, names) || `It watches: ${names.join(', ') || 'nothing'}.`
  return fail(`the sentinel knows no group '${name}'. ${hint}`, EXIT.usage)
}

/** The answer to SENTINEL <words> <name> [<more>], or the exit code when it was refused. */
export async function askAbout(
  client: RespClient,
  words: readonly string[],
  name: string,
  ...more: string[]
): Promise<string | number> {
  const reply = await client.command(['SENTINEL', ...words, name, ...more])
  if (!(reply instanceof ReplyError)) return String(reply)
  if (reply.message.includes('No such master')) return unknownGroup(client, name)
  return fail(`refused: ${reply.message}`, EXIT.unhealthy)
}
