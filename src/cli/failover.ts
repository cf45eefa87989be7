// `vedette failover <name>`: asks a sentinel for a planned switchover and waits until the new primary is announced.
import { setTimeout as sleep } from 'node:timers/promises'
import { monotonicMs } from '../io/clock.ts'
import type { RespClient } from '../io/resp-client.ts'
import { type Reply, ReplyError } from '../protocol/reply-parser.ts'
import { type Command, EXIT } from './command.ts'
import { askAbout, fail, unknownGroup } from './groups.ts'
import { outlookLines, parseOutlook } from './outlook-view.ts'
import { SENTINEL_ADDRESS_OPTIONS, type SentinelAddressArgs, withSentinel } from './sentinel-address.ts'
import { paintFor, span } from './table.ts'
import { duration } from './values.ts'

interface FailoverArgs extends SentinelAddressArgs {
  readonly name: string
  readonly timeout: number
  readonly allowDataLoss: boolean
  readonly 'dry-run': boolean
}

const POLL_MS = 20

const addressOf = (reply: Reply): string | undefined => (Array.isArray(reply) ? reply.join(':') : undefined)

async function failover(client: RespClient, args: FailoverArgs): Promise<number> {
  const ask = async (): Promise<Reply> => client.command(['SENTINEL', 'GET-MASTER-ADDR-BY-NAME', args.name])
  const reply = await ask()
  if (reply instanceof ReplyError) return fail(reply.message, EXIT.unreachable)
  const before = addressOf(reply)
  if (before === undefined) return unknownGroup(client, args.name)
  const startedMs = monotonicMs()
  const answer = await client.command([
    'SENTINEL',
    'FAILOVER',
    args.name,
    ...(args.allowDataLoss ? ['ALLOW-DATA-LOSS'] : []),
  ])
  if (answer instanceof ReplyError) return fail(`refused: ${answer.message}`, EXIT.unhealthy)
  while (monotonicMs() - startedMs < args.timeout) {
    const now = addressOf(await ask())
    if (now !== undefined && now !== before) {
      console.log(`${args.name}: ${before} → ${now} in ${span(monotonicMs() - startedMs)}`)
      return EXIT.ok
    }
    await sleep(POLL_MS)
  }
  return fail(
    `${args.name}: ${before} is still the primary after ${span(args.timeout)}; see the sentinels' log`,
    EXIT.unhealthy,
  )
}

/** Who would win if the primary died now; changes nothing. */
async function dryRun(client: RespClient, { name }: FailoverArgs): Promise<number> {
  const answer = await askAbout(client, ['VEDETTE-OUTLOOK'], name)
  if (typeof answer === 'number') return answer
  const outlook = parseOutlook(answer)
  if (outlook === undefined) return fail('the sentinel answers what is no outlook', EXIT.failed)
  console.log(outlookLines(name, outlook, paintFor(process.stdout, process.env)).join('\n'))
  return outlook.winner !== undefined && outlook.obstacles.length === 0 ? EXIT.ok : EXIT.unhealthy
}

export const failoverCommand: Command<FailoverArgs> = {
  command: 'failover <name>',
  description: 'Hand the primary of a group over to one of its replicas, and wait until it is done',
  positionals: { name: { describe: 'Name of the group, as in `sentinel monitor <name> …`' } },
  options: {
    ...SENTINEL_ADDRESS_OPTIONS,
    timeout: {
      describe: 'How long to wait for the new primary',
      type: 'string',
      default: '10s',
      requiresArg: true,
      coerce: duration('timeout', 100),
    },
    'allow-data-loss': {
      describe: 'In sync mode: promote a replica though writes that were acknowledged may be lost',
      type: 'boolean',
      default: false,
    },
    'dry-run': {
      describe: 'Only say who would become primary if the present one died now, and why not the others',
      type: 'boolean',
      default: false,
    },
  },
  examples: [
    ['vedette failover mymaster', 'Ask the sentinel on 127.0.0.1:26379'],
    ['vedette failover mymaster --dry-run', 'Who would win, and why not the others? Nothing is changed'],
    ['vedette failover mymaster --sentinel 10.0.0.7:26379', 'Any sentinel of the quorum will do'],
  ],
  handler: (args) => withSentinel(args, (client) => (args['dry-run'] ? dryRun(client, args) : failover(client, args))),
}
