// `vedette history [group]`: the failovers that were, with their phases, their candidates and their reasons.

import type { RespClient } from '../io/resp-client.ts'
import { ReplyError } from '../protocol/reply-parser.ts'
import { type Command, EXIT } from './command.ts'
import { askAbout, fail } from './groups.ts'
import { historyLines, parseHistory } from './history-view.ts'
import { SENTINEL_ADDRESS_OPTIONS, type SentinelAddressArgs, withSentinel } from './sentinel-address.ts'
import { paintFor } from './table.ts'
import { integer } from './values.ts'

interface HistoryArgs extends SentinelAddressArgs {
  readonly name?: string
  readonly json: boolean
  readonly last: number
}

async function askHistory(client: RespClient, name: string | undefined): Promise<string | number> {
  if (name !== undefined) return askAbout(client, ['VEDETTE-HISTORY'], name)
  const reply = await client.command(['SENTINEL', 'VEDETTE-HISTORY'])
  return reply instanceof ReplyError ? fail(`refused: ${reply.message}`, EXIT.unhealthy) : String(reply)
}

async function history(client: RespClient, { name, json, last }: HistoryArgs): Promise<number> {
  const answer = await askHistory(client, name)
  if (typeof answer === 'number') return answer
  const failovers = parseHistory(answer)
  if (failovers === undefined) return fail('the sentinel answers what is no history', EXIT.failed)
  if (json) console.log(answer)
  else console.log(historyLines(failovers.slice(0, last), paintFor(process.stdout, process.env)).join('\n'))
  return EXIT.ok
}

export const historyCommand: Command<HistoryArgs> = {
  command: 'history [name]',
  description: 'Show the failovers of a group, or of all, newest first: why, how long each phase took, who was chosen',
  positionals: { name: { describe: 'Name of the group; all groups without one' } },
  options: {
    ...SENTINEL_ADDRESS_OPTIONS,
    last: {
      describe: 'How many to show',
      type: 'string',
      default: '10',
      requiresArg: true,
      coerce: integer('last', 1, 1_000_000),
    },
    json: { describe: 'All that is known of them, as one line of JSON', type: 'boolean', default: false },
  },
  examples: [
    ['vedette history mymaster', 'The last ten failovers of mymaster'],
    ['vedette history --last 1', 'The last one of any group'],
  ],
  handler: (args) => withSentinel(args, (client) => history(client, args)),
}
